//! `cryptlet logs`: what the service logged, from its files; no service has to run.

mod files;
mod line;

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use clap::Args;
use jiff::{Span, SpanRelativeTo, Timestamp};

use crate::failure::Failure;
use crate::listing::check_binding;
use crate::state::StateFolder;
use files::LogFiles;
use line::{Level, Line};

pub use line::LoggedEvent;

/// Between two looks for new lines.
const PAUSE: Duration = Duration::from_millis(250);

const EXAMPLES: &str = "\
Examples:
  cryptlet logs --lines 20
  cryptlet logs --follow --binding acme-globex-swap
  cryptlet logs --since 2h --level warn --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    state: StateFolder,
    /// Go on with what is logged from now on, until interrupted.
    #[arg(long, short)]
    follow: bool,
    /// Only what concerns this binding, its guests' own lines included.
    #[arg(long, value_name = "NAME")]
    binding: Option<String>,
    /// Only this level and worse.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Trace)]
    level: Level,
    /// Only what is not older: a duration such as 90s, 15m, 2h or 3d, or an instant (RFC 3339).
    #[arg(long, value_name = "DURATION", value_parser = since)]
    since: Option<Timestamp>,
    /// Only the newest lines; by default 100, or all with --since.
    #[arg(long, short = 'n', value_name = "NUMBER")]
    lines: Option<usize>,
    /// Print the lines as they were logged: one JSON object each.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let mut files = LogFiles::open(arguments.state.path())?;
    // Log files can be read without the journal, which then knows no names.
    if let Some(binding) = &arguments.binding
        && let Ok(journal) = arguments.state.journal()
    {
        check_binding(&journal, binding)?;
    }
    let most = match (arguments.lines, arguments.since) {
        (Some(lines), _) => lines,
        (None, Some(_)) => usize::MAX,
        (None, None) => 100,
    };
    let mut newest = VecDeque::new();
    files.read(|text| {
        if let Some(line) = arguments.wanted(text) {
            newest.push_back(line);
            if newest.len() > most {
                newest.pop_front();
            }
        }
        Ok(())
    })?;
    for line in &newest {
        arguments.print(line, output)?;
    }
    drop(newest);
    if !arguments.follow {
        return Ok(());
    }
    loop {
        output.flush()?;
        let mut is_idle = true;
        files.read(|text| {
            is_idle = false;
            match arguments.wanted(text) {
                Some(line) => arguments.print(&line, output),
                None => Ok(()),
            }
        })?;
        if is_idle {
            std::thread::sleep(PAUSE);
        }
    }
}

impl Arguments {
    fn wanted(&self, text: &str) -> Option<Line> {
        let line = Line::read(text);
        let fits = line.level.is_none_or(|level| level <= self.level)
            && self
                .since
                .is_none_or(|since| line.at.is_some_and(|at| at >= since))
            && self
                .binding
                .as_ref()
                .is_none_or(|binding| line.concerns(binding));
        fits.then_some(line)
    }

    fn print(&self, line: &Line, output: &mut impl Write) -> Result<(), Failure> {
        if self.json {
            // What a crash left half written is no JSON, and no program shall have to know.
            if line.level.is_some() {
                writeln!(output, "{}", line.text)?;
            }
            return Ok(());
        }
        line.print(output)?;
        Ok(())
    }
}

/// An instant, or a duration back from now.
fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let unusable = || format!("{text} is no duration such as 15m or 2h, and no instant");
    let span: Span = text.parse().map_err(|_| unusable())?;
    let back = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| unusable())?;
    Timestamp::now()
        .checked_sub(back.abs())
        .map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_takes_durations_and_instants() {
        assert_eq!(
            since("2006-03-08T00:00:00Z").map(Timestamp::as_second),
            Ok(1_141_776_000)
        );
        let now = Timestamp::now().as_second();
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("3d", 259_200)] {
            let then = since(text).map(Timestamp::as_second).unwrap_or_default();
            assert!(
                (now - seconds - 5..=now - seconds + 60).contains(&then),
                "{text}"
            );
        }
        for text in ["", "yesterday", "5", "9999999999h"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
