//! The host's side: starts the compiler, waits no longer than it said, and judges how it ended.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::message::{self, ANSWER_HEAD, Outcome, OwnBounds};
use super::{CompilationError, CompilerBounds, CompilerProgram};
use crate::fingerprint::Fingerprint;

/// What the standard library writes before it ends a process that gets no memory.
const OUT_OF_MEMORY: &str = "memory allocation of";
/// As much of what a compiler wrote to standard error is read.
const COMPLAINT_BYTES: u64 = 4096;

/// A compiler's whole answer, with code for this engine.
pub(crate) struct Answered {
    bytes: Vec<u8>,
    code: usize,
}

impl Answered {
    pub(crate) fn code(&self) -> &[u8] {
        &self.bytes[self.code..]
    }
}

/// Has the program compile a component.
///
/// Question, answer and complaints are files, not pipes: no side ever waits for the other to read, and
/// the system bounds what is written.
pub(super) fn compile(
    program: &CompilerProgram,
    bounds: &CompilerBounds,
    engine: &Fingerprint,
    component: &[u8],
) -> Result<Answered, CompilationError> {
    let unavailable = |error: io::Error| CompilationError::Unavailable {
        program: program.path.clone(),
        reason: error.to_string(),
    };
    let mut question = nameless_file().map_err(unavailable)?;
    let mut answer = nameless_file().map_err(unavailable)?;
    let complaints = nameless_file().map_err(unavailable)?;
    let own_bounds = OwnBounds {
        host: std::process::id(),
        memory_bytes: bounds.memory_bytes,
        processor_seconds: bounds.processor_seconds,
        code_bytes: bounds.code_bytes,
    };
    message::ask(&mut question, &own_bounds, component)
        .and_then(|()| question.rewind())
        .map_err(unavailable)?;
    let started = Running::start(program, question, &answer, &complaints);
    let end = started
        .and_then(|running| running.end_within(bounds.wall_clock))
        .map_err(unavailable)?;
    let Some(status) = end else {
        return Err(CompilationError::TooLong {
            allowed: bounds.wall_clock,
        });
    };
    if !status.success() {
        return Err(failed(status, bounds, complaints));
    }
    let bytes = read(&mut answer, bounds.code_bytes).map_err(unavailable)?;
    judge(program, bounds, engine, bytes)
}

/// In memory: the disk may be full, and a host may have no place to write but its state folder.
#[cfg(target_os = "linux")]
fn nameless_file() -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    Ok(memfd_create("compilation", MemfdFlags::CLOEXEC)?.into())
}

#[cfg(not(target_os = "linux"))]
fn nameless_file() -> io::Result<File> {
    tempfile::tempfile()
}

fn judge(
    program: &CompilerProgram,
    bounds: &CompilerBounds,
    engine: &Fingerprint,
    bytes: Vec<u8>,
) -> Result<Answered, CompilationError> {
    if bytes.len() as u64 > bounds.code_bytes.saturating_add(ANSWER_HEAD as u64) {
        return Err(CompilationError::TooMuchCode {
            allowed: bounds.code_bytes,
        });
    }
    let Some((theirs, outcome)) = message::answered(&bytes) else {
        return Err(CompilationError::Unavailable {
            program: program.path.clone(),
            reason: "it does not answer as a compiler does".to_owned(),
        });
    };
    if theirs != *engine {
        return Err(CompilationError::OtherEngine {
            program: program.path.clone(),
        });
    }
    match outcome {
        Outcome::Code(code) => Ok(Answered { bytes, code }),
        Outcome::Refused(reason) => Err(CompilationError::Refused(reason)),
    }
}

/// One byte more than is allowed shows an answer that is too long.
fn read(answer: &mut File, code_bytes: u64) -> io::Result<Vec<u8>> {
    answer.rewind()?;
    let most = code_bytes.saturating_add(ANSWER_HEAD as u64 + 1);
    let mut bytes = Vec::new();
    answer.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn failed(status: ExitStatus, bounds: &CompilerBounds, complaints: File) -> CompilationError {
    let said = told(complaints);
    let signal = status.signal();
    if signal == Some(Signal::XCPU.as_raw()) {
        return CompilationError::TooMuchProcessor {
            allowed: bounds.processor_seconds,
        };
    }
    if signal == Some(Signal::XFSZ.as_raw()) {
        return CompilationError::TooMuchCode {
            allowed: bounds.code_bytes,
        };
    }
    // The host kills only after its deadline, and then asks nobody how it ended.
    if signal == Some(Signal::KILL.as_raw()) {
        return CompilationError::Killed;
    }
    let is_out_of_memory = said.lines().any(|line| line.starts_with(OUT_OF_MEMORY));
    if signal == Some(Signal::ABORT.as_raw()) && is_out_of_memory {
        return CompilationError::TooMuchMemory {
            allowed: bounds.memory_bytes,
        };
    }
    let how = match last_line(&said).as_str() {
        "" => status.to_string(),
        said => format!("{status}, {said}"),
    };
    CompilationError::Crashed { how }
}

/// What a compiler wrote to standard error, as far as it is read.
fn told(mut complaints: File) -> String {
    let mut bytes = Vec::new();
    let read = complaints
        .rewind()
        .and_then(|()| complaints.take(COMPLAINT_BYTES).read_to_end(&mut bytes));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// The last line that says something, without what a terminal would obey. After what went wrong, the
/// standard library notes how to learn more of it.
fn last_line(said: &str) -> String {
    let last = said
        .lines()
        .rfind(|line| !line.trim().is_empty() && !line.starts_with("note:"));
    let letters = last.unwrap_or_default().chars();
    letters.filter(|letter| !letter.is_control()).collect()
}

/// A compiler that was started. It is ended and reaped before this is gone.
struct Running {
    child: Child,
    group: Pid,
}

impl Running {
    fn start(
        program: &CompilerProgram,
        question: File,
        answer: &File,
        complaints: &File,
    ) -> io::Result<Running> {
        let child = Command::new(&program.path)
            .args(&program.arguments)
            // Neither passphrases nor anything else that this process was told is its business.
            .env_clear()
            .current_dir("/")
            .stdin(question)
            .stdout(answer.try_clone()?)
            .stderr(complaints.try_clone()?)
            .process_group(0)
            .spawn()?;
        let group = Pid::from_child(&child);
        Ok(Running { child, group })
    }

    /// How it ended, or none if it had to be ended.
    fn end_within(mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let group = self.group;
        let in_time = std::thread::scope(|scope| {
            let (ended, has_ended) = mpsc::channel();
            std::thread::Builder::new()
                .name("compilation".to_owned())
                .spawn_scoped(scope, move || {
                    // Nobody listens any more if it was ended.
                    drop(ended.send(wait_without_reaping(group)));
                })?;
            let in_time = match has_ended.recv_timeout(time) {
                Ok(ended) => ended.map(|()| true),
                Err(mpsc::RecvTimeoutError::Timeout) => Ok(false),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    Err(io::Error::other("nobody waits for it"))
                }
            };
            // Before the thread is waited for, which waits for the process.
            self.kill();
            in_time
        })?;
        let status = self.child.wait()?;
        Ok(in_time.then_some(status))
    }

    /// Ends all of it. Its number stays its own until it is reaped.
    fn kill(&self) {
        // What is gone need not be ended.
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
            drop(self.child.wait());
        }
    }
}

fn wait_without_reaping(child: Pid) -> io::Result<()> {
    loop {
        match waitid(
            WaitId::Pid(child),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        ) {
            Err(Errno::INTR) => {}
            ended => return Ok(ended.map(drop)?),
        }
    }
}
