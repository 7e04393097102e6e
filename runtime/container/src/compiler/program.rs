//! The compiler's side: bounds itself, compiles what it is asked to, answers, ends.

use std::io::{self, Read as _};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use wasmtime::Engine;

use super::message::{self, ANSWER_HEAD, Outcome, OwnBounds};
use crate::engine;
use crate::fingerprint::Fingerprint;

/// Seconds between the signal that names the bound and the one that cannot be ignored.
const GRACE_SECONDS: u64 = 5;
/// Standard streams, and what the standard library opens to count processors.
const OPEN_FILES: u64 = 64;

/// A compiler could not do its work, for a reason that is none of the component's.
#[derive(Debug, thiserror::Error)]
pub enum CompilerProgramError {
    /// It was started by hand.
    #[error("this is started by a host that has a component to compile, not by hand")]
    NotAsked,
    /// A bound cannot be set.
    #[error("the bound on {what} cannot be set: {source}")]
    Bound {
        /// What was to be bounded.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The engine does not start.
    #[error("the engine does not start: {0}")]
    Engine(String),
    /// The host does not ask or listen to the end.
    #[error("the host is gone: {0}")]
    Host(#[from] io::Error),
}

/// What a [`CompilerProgram`](crate::CompilerProgram) does: reads a question from standard input, bounds
/// this process as it says, compiles, and writes the answer to standard output. Ends the process if its
/// host ends.
///
/// Call it before anything else in the process: its bounds hold from then on, for all of it.
///
/// # Errors
///
/// If it is not asked, or cannot bound itself or answer. That a component does not compile is an answer.
pub fn compile_component() -> Result<(), CompilerProgramError> {
    let mut host = io::stdin().lock();
    let bounds = message::asked(&mut host)?.ok_or(CompilerProgramError::NotAsked)?;
    end_with_host(bounds.host)?;
    keep_to(&bounds)?;
    let mut component = Vec::new();
    host.read_to_end(&mut component)?;
    let engine = engine::for_compiling()
        .map_err(|error| CompilerProgramError::Engine(format!("{error:#}")))?;
    let outcome = compile(&engine, &component);
    message::answer(io::stdout().lock(), &Fingerprint::of(&engine), &outcome)?;
    Ok(())
}

fn compile(engine: &Engine, component: &[u8]) -> Outcome<Vec<u8>> {
    match engine.precompile_component(component) {
        Ok(code) => Outcome::Code(code),
        Err(error) => Outcome::Refused(format!("{error:#}")),
    }
}

/// Whoever waits for the answer may be killed; nobody needs it then.
#[cfg(target_os = "linux")]
fn end_with_host(host: u32) -> Result<(), CompilerProgramError> {
    use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| {
        CompilerProgramError::Bound {
            what: "its life",
            source: error.into(),
        }
    })?;
    // One that ended before the signal was asked for is never signalled.
    let parent = getppid().and_then(|parent| u32::try_from(Pid::as_raw_pid(parent)).ok());
    if parent == Some(host) {
        return Ok(());
    }
    let reason = "another process started this one, or has inherited it";
    Err(CompilerProgramError::Host(io::Error::other(reason)))
}

#[cfg(not(target_os = "linux"))]
fn end_with_host(_: u32) -> Result<(), CompilerProgramError> {
    Ok(())
}

fn keep_to(bounds: &OwnBounds) -> Result<(), CompilerProgramError> {
    let seconds = bounds.processor_seconds;
    let file = bounds.code_bytes.saturating_add(ANSWER_HEAD as u64);
    for (what, resource, current, grace) in [
        ("memory", Resource::As, bounds.memory_bytes, 0),
        ("processor time", Resource::Cpu, seconds, GRACE_SECONDS),
        ("the answer", Resource::Fsize, file, 0),
        ("memory images", Resource::Core, 0, 0),
        ("open files", Resource::Nofile, OPEN_FILES, 0),
    ] {
        // What the host itself is bounded by can only be lowered.
        let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit {
            current: Some(current.min(most)),
            maximum: Some(current.saturating_add(grace).min(most)),
        };
        setrlimit(resource, limit).map_err(|error| CompilerProgramError::Bound {
            what,
            source: error.into(),
        })?;
    }
    Ok(())
}
