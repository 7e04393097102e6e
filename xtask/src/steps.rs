//! Steps that are announced, timed and stopped at the first that fails.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// The steps of one command so far.
pub struct Steps {
    command: &'static str,
    begin: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    pub fn of(command: &'static str) -> Self {
        Self {
            command,
            begin: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Announces and does one step.
    pub fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let begin = Instant::now();
        let outcome = work();
        let time = begin.elapsed();
        // Children write to the same stream; ours must not come late.
        io::stdout().flush()?;
        let value = outcome.with_context(|| {
            format!(
                "`cargo xtask {}` stopped at {name:?} after {}",
                self.command,
                seconds(time)
            )
        })?;
        println!("== {name}: {}", seconds(time));
        self.done.push((name, time));
        Ok(value)
    }

    /// One line on each step, and one on all.
    pub fn summary(&self) -> String {
        let width = self
            .done
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0);
        let mut text = String::from("\n");
        for (name, time) in &self.done {
            text.push_str(&format!("  {name:width$}  {:>9}\n", seconds(*time)));
        }
        let (command, count) = (self.command, self.done.len());
        let all = seconds(self.begin.elapsed());
        text + &format!("cargo xtask {command}: all {count} steps passed in {all}")
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_names_itself_and_its_cause() {
        let mut steps = Steps::of("test");

        let error = steps.step("knead", || -> Result<()> { anyhow::bail!("no flour") });

        let text = format!("{:#}", error.expect_err("there is no flour"));
        assert!(
            text.contains("\"knead\"") && text.ends_with("no flour"),
            "{text}"
        );
    }

    #[test]
    fn the_summary_lists_what_was_done() {
        let mut steps = Steps::of("test");
        steps.step("knead", || Ok(())).expect("it does nothing");
        steps.step("bake", || Ok(())).expect("it does nothing");

        let summary = steps.summary();

        assert!(summary.contains("  knead  "), "{summary}");
        assert!(summary.contains("all 2 steps passed"), "{summary}");
    }
}
