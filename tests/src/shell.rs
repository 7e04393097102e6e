//! A shell in which a document's commands run one after the other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::console::{self, Step};

/// No command of a document takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// Ends what a command printed; no command prints it.
const MARK: &str = "--- the command has ended with ";

/// A `bash` of one's own, in a process group of its own, which ends with this value.
pub struct Shell {
    bash: Child,
    input: ChildStdin,
    lines: Receiver<Vec<u8>>,
    outputs: PathBuf,
    started: usize,
}

impl Shell {
    /// Starts a shell in `folder`. What commands that go on print is kept in `outputs`.
    pub fn start(
        folder: &Path,
        outputs: &Path,
        variables: &BTreeMap<String, OsString>,
    ) -> Result<Self> {
        let mut bash = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(folder)
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("bash does not start")?;
        let mut input = bash.stdin.take().context("bash has no input")?;
        let output = bash.stdout.take().context("bash has no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        writeln!(input, "exec 2>&1")?;
        Ok(Self {
            bash,
            input,
            lines,
            outputs: outputs.to_owned(),
            started: 0,
        })
    }

    /// Runs one command and compares what it prints with what is expected.
    pub fn run(&mut self, step: &Step) -> Result<()> {
        if step.background {
            return self.begin(step);
        }
        writeln!(self.input, "{{\n{}\n}} </dev/null", step.command)?;
        writeln!(self.input, "printf '\\n{MARK}%s\\n' $?")?;
        let (printed, status) = self.read_to_mark()?;
        ensure!(
            status == "0",
            "it ended with {status} and printed:\n{printed}"
        );
        ensure!(
            console::matches(&step.expected, &printed),
            "expected:\n{}\nbut it printed:\n{printed}",
            step.expected.join("\n")
        );
        Ok(())
    }

    /// Starts one that goes on, and waits until it has printed what is expected.
    fn begin(&mut self, step: &Step) -> Result<()> {
        self.started += 1;
        let output = self.outputs.join(format!("{}.output", self.started));
        fs::write(&output, "")?;
        // The shell's own output moves for a moment, so that the command stays as it was typed.
        writeln!(self.input, "exec 3>&1 >>'{}' 2>&1", output.display())?;
        writeln!(self.input, "{} 3>&- &", step.command)?;
        writeln!(self.input, "exec >&3 2>&1 3>&-")?;
        let end = Instant::now() + PATIENCE;
        loop {
            let printed = fs::read_to_string(&output)?;
            if console::begins(&step.expected, &printed) {
                return Ok(());
            }
            ensure!(
                Instant::now() < end,
                "expected:\n{}\nbut so far it printed:\n{printed}",
                step.expected.join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn read_to_mark(&mut self) -> Result<(String, String)> {
        let end = Instant::now() + PATIENCE;
        let mut printed = Vec::new();
        loop {
            let line = match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "it did not end; it printed:\n{}",
                        String::from_utf8_lossy(&printed)
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(
                        "it ended the shell; it printed:\n{}",
                        String::from_utf8_lossy(&printed)
                    )
                }
            };
            if let Some(status) = line.strip_prefix(MARK.as_bytes()) {
                let status = String::from_utf8_lossy(status).trim().to_owned();
                // The mark began a line of its own.
                printed.pop();
                return Ok((String::from_utf8_lossy(&printed).into_owned(), status));
            }
            printed.extend(line);
        }
    }
}

impl Drop for Shell {
    /// Ends whatever the document started.
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.bash.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        drop(self.bash.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(folder: &Path) -> Result<Shell> {
        Shell::start(folder, folder, &BTreeMap::new())
    }

    fn step(markdown: &str) -> Step {
        console::steps(&format!("```console\n{markdown}\n```\n"))
            .pop()
            .expect("there is a command")
    }

    #[test]
    fn commands_share_folder_and_variables() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut shell = shell(folder.path())?;

        shell.run(&step("$ mkdir inner && cd inner && name=here"))?;
        shell.run(&step("$ echo \"$name: ${PWD##*/}\"\nhere: inner"))
    }

    #[test]
    fn a_command_that_fails_or_prints_something_else_is_an_error() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut shell = shell(folder.path())?;

        let failed = shell.run(&step("$ echo why; false"));
        let differs = shell.run(&step("$ echo one\ntwo"));

        let failed = failed.expect_err("it ends with 1").to_string();
        assert!(failed.contains("ended with 1") && failed.contains("why"));
        let differs = differs.expect_err("it prints something else").to_string();
        assert!(differs.contains("two") && differs.contains("one"));
        Ok(())
    }

    #[test]
    fn a_command_that_goes_on_is_waited_for_and_can_be_named() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut shell = shell(folder.path())?;

        shell.run(&step("$ sh -c 'echo ready; exec sleep 1000' &\nready"))?;
        shell.run(&step("$ kill %sh; wait %sh || echo $?\n…143"))
    }
}
