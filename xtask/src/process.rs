//! Child processes: shown before they run, streamed while they run, explained when they fail.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use anyhow::{Context as _, Result, bail};

/// Runs the command with its output on ours. `remedy` is what a person does if it fails.
pub fn run(command: &mut Command, remedy: &str) -> Result<()> {
    println!("  $ {}", shown(command));
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("`{}` does not start", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    bail!("`{}` failed ({status}); {remedy}", shown(command))
}

/// Like [`run`], and hands every line of the command's standard output to `read` as well.
pub fn run_reading(command: &mut Command, remedy: &str, mut read: impl FnMut(&str)) -> Result<()> {
    println!("  $ {}", shown(command));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` does not start", shown(command)))?;
    let stdout = child
        .stdout
        .take()
        .context("standard output was not piped")?;
    let mut lines = BufReader::new(stdout);
    let mut line = Vec::new();
    // Bytes, as a test may print anything.
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        read(text.trim_end());
        line.clear();
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(());
    }
    bail!("`{}` failed ({status}); {remedy}", shown(command))
}

/// Whether the command ends well within `patience`; it is killed after that.
pub fn succeeds_within(command: &mut Command, patience: Duration) -> Result<bool> {
    println!("  $ {} (at most {} s)", shown(command), patience.as_secs());
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("`{}` does not start", shown(command)))?;
    let end = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The command's standard output, if it runs and ends well.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Where a program lies on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let program = command.get_program();
    let program = PathBuf::from(program)
        .file_name()
        .unwrap_or(program)
        .to_owned();
    let mut words = vec![program];
    words.extend(command.get_args().map(OsStr::to_owned));
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_named_together_with_the_way_out() {
        let error = run(
            Command::new("sh").args(["-c", "exit 7"]),
            "turn it off and on again",
        )
        .expect_err("it ends with 7")
        .to_string();

        assert!(error.contains("sh -c exit 7"), "{error}");
        assert!(error.contains("7)"), "{error}");
        assert!(error.contains("turn it off and on again"), "{error}");
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let begin = Instant::now();
        let patience = Duration::from_millis(100);

        let ended = succeeds_within(Command::new("sleep").arg("60"), patience).expect("it starts");

        assert!(!ended);
        assert!(begin.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn every_line_is_handed_on_whatever_its_bytes() {
        let mut lines = Vec::new();
        let mut command = Command::new("printf");
        command.arg("one\\n\\377two\\nlast");

        run_reading(&mut command, "", |line| lines.push(line.to_owned())).expect("it ends well");

        assert_eq!(lines, ["one", "\u{fffd}two", "last"]);
    }
}
