//! A virtual WASI 0.2: the invocation's instant for a clock, the accepted seed for randomness, no
//! arguments, no sockets, the log for standard output, and of files what directories are granted.
//!
//! Nothing here waits for the machine. A guest that waits for a point in time gets it at once: the
//! monotonic clock jumps there. Every answer is a function of invocation, seed and the calls before, or,
//! where a directory is read, of an answer that is in the transcript.

mod clocks;
mod command;
mod descriptors;
mod directories;
mod random;
mod streams;

use std::collections::BTreeMap;

use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p2::bindings::sync::{cli, clocks as time, filesystem, io, random as chance};

use super::{Capability, Guest};
use crate::invocation::Invocation;
use crate::transcript::Level;

/// The state of one guest's virtual WASI.
pub(crate) struct Wasi {
    /// Milliseconds since 1970.
    instant: u64,
    /// Nanoseconds since the run began; moves only when the guest waits.
    elapsed: u64,
    random: random::Stream,
    insecure: random::Stream,
    /// Deadlines of the pollables that wait for time; all others are ready.
    deadlines: BTreeMap<u32, u64>,
    /// Where the guest's output streams lead.
    outputs: BTreeMap<u32, Level>,
    /// Output that has no line end yet.
    lines: BTreeMap<Level, Vec<u8>>,
    /// Bytes that were read of each directory.
    read: BTreeMap<String, u64>,
}

impl Wasi {
    pub(crate) fn new(invocation: &Invocation, seed: &[u8; 32]) -> Wasi {
        Wasi {
            instant: invocation.instant,
            elapsed: 0,
            random: random::Stream::new(seed, 0),
            insecure: random::Stream::new(seed, 1),
            deadlines: BTreeMap::new(),
            outputs: BTreeMap::new(),
            lines: BTreeMap::new(),
            read: BTreeMap::new(),
        }
    }
}

impl Guest {
    fn enter_wasi(&mut self) -> wasmtime::Result<()> {
        self.enter(Capability::Wasi)
    }
}

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Own = HasSelf<Guest>;
    let l = linker;
    io::error::add_to_linker::<_, Own>(l, |guest| guest)?;
    io::poll::add_to_linker::<_, Own>(l, |guest| guest)?;
    io::streams::add_to_linker::<_, Own>(l, |guest| guest)?;
    time::wall_clock::add_to_linker::<_, Own>(l, |guest| guest)?;
    time::monotonic_clock::add_to_linker::<_, Own>(l, |guest| guest)?;
    chance::random::add_to_linker::<_, Own>(l, |guest| guest)?;
    chance::insecure::add_to_linker::<_, Own>(l, |guest| guest)?;
    chance::insecure_seed::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::environment::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::exit::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::stdin::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::stdout::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::stderr::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_input::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_output::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_stdin::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_stdout::add_to_linker::<_, Own>(l, |guest| guest)?;
    cli::terminal_stderr::add_to_linker::<_, Own>(l, |guest| guest)?;
    filesystem::preopens::add_to_linker::<_, Own>(l, |guest| guest)?;
    filesystem::types::add_to_linker::<_, Own>(l, |guest| guest)?;
    Ok(())
}
