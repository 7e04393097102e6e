//! Where components are compiled, within which bounds, and what can go wrong.
//!
//! A compiler that reads a stranger's bytes cannot be stopped from within: it may take hours and all
//! memory, and a mistake in it takes its process down. So a host has a program of its own do it
//! ([`Compiler::Child`]), in a process that is bounded by the system and ended at a deadline. The
//! program configures the same engine by the same function, and says so by a fingerprint.

mod child;
mod flights;
mod message;
mod program;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use self::child::Answered;
pub(crate) use self::flights::{Flights, Flown};
pub use self::program::{CompilerProgramError, compile_component};

/// Where components are compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Compiler {
    /// In this process, without any bound but those on what a component consists of. For components
    /// that one made oneself: what a stranger made can take this process with it.
    #[default]
    InProcess,
    /// In a process of its own for each component.
    Child {
        /// What is started.
        program: CompilerProgram,
        /// What it may take.
        bounds: CompilerBounds,
    },
}

/// A program that does what [`compile_component`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerProgram {
    /// The file, absolute. It decides what machine code the host runs.
    pub path: PathBuf,
    /// What it is started with.
    pub arguments: Vec<OsString>,
}

impl CompilerProgram {
    /// The program that runs now, started with these arguments: the very file, even if another one
    /// has taken its name since.
    ///
    /// # Errors
    ///
    /// If the system does not say which program runs.
    pub fn this(
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
    ) -> std::io::Result<CompilerProgram> {
        let running = PathBuf::from("/proc/self/exe");
        let path = if running.exists() {
            running
        } else {
            std::env::current_exe()?
        };
        Ok(CompilerProgram {
            path,
            arguments: arguments.into_iter().map(Into::into).collect(),
        })
    }
}

/// What one compilation may take, and how many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompilerBounds {
    /// Addresses that it may use, in bytes; more than the memory that it fills.
    pub memory_bytes: u64,
    /// Time of processors, in seconds; all of its threads count.
    pub processor_seconds: u64,
    /// Time from its start to its answer.
    pub wall_clock: Duration,
    /// Bytes of machine code.
    pub code_bytes: u64,
    /// Compilations at one time; the others wait. 0 counts as 1.
    pub processes: u32,
}

impl Default for CompilerBounds {
    fn default() -> Self {
        CompilerBounds {
            memory_bytes: 4 << 30,
            processor_seconds: 300,
            wall_clock: Duration::from_secs(300),
            code_bytes: 256 << 20,
            processes: 2,
        }
    }
}

/// A component was not compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompilationError {
    /// It is not valid, or uses what this engine leaves out.
    #[error("component does not compile here: {0}")]
    Refused(String),
    /// The deadline came first.
    #[error(
        "compiling the component took longer than {} seconds and was ended; \
         make its functions smaller",
        allowed.as_secs_f64()
    )]
    TooLong {
        /// Time that it had.
        allowed: Duration,
    },
    /// It used up its time of processors.
    #[error(
        "compiling the component took more than {allowed} seconds of processors and was ended; \
         make its functions smaller"
    )]
    TooMuchProcessor {
        /// Seconds that it had.
        allowed: u64,
    },
    /// It used up its memory.
    #[error(
        "compiling the component took more than {allowed} bytes of memory and was ended; \
         make its functions smaller"
    )]
    TooMuchMemory {
        /// Bytes that it had.
        allowed: u64,
    },
    /// What came out is too large.
    #[error(
        "the component compiles to more than {allowed} bytes of machine code; \
         leave out what it does not need"
    )]
    TooMuchCode {
        /// Bytes that it had.
        allowed: u64,
    },
    /// The compiler came to an end that it should not have come to.
    #[error(
        "the compiler failed on this component: {how}; nothing else is affected, and such a \
         component should be reported"
    )]
    Crashed {
        /// How it ended, and what it said.
        how: String,
    },
    /// Somebody else than this host ended the compiler.
    #[error(
        "the compiler was killed, as a machine does that has run out of memory; give the machine \
         more memory, or have it compile less at a time"
    )]
    Killed,
    /// The compiler could not be started or told what to compile.
    #[error("the compiler {} cannot be used: {reason}", program.display())]
    Unavailable {
        /// The program.
        program: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The program compiles for another engine than this one.
    #[error(
        "the compiler {} is of another version than this host; restart the host",
        program.display()
    )]
    OtherEngine {
        /// The program.
        program: PathBuf,
    },
}
