//! What a run has used so far, and what stops it.

use std::fmt;

use cryptlet_schema::Limits;
use wasmtime::ResourceLimiter;

use crate::{engine, receipt_size, state_size, transcript_size};

/// Why the host stops a run. Travels through the engine as the error of a host call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    #[error(transparent)]
    Limit(LimitHit),
    #[error("{0} is not granted")]
    NotGranted(&'static str),
    #[error("interrupted: {0}")]
    Interrupted(String),
    #[error("the guest left by wasi:cli/exit")]
    Exit,
}

/// A limit that a run ran into, and how far it wanted to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LimitHit {
    pub(crate) which: &'static str,
    pub(crate) allowed: u64,
    /// What the guest would have come to; none where it was stopped before that could be counted.
    pub(crate) wanted: Option<u64>,
}

impl fmt::Display for LimitHit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} allowed, ", self.which, grouped(self.allowed))?;
        match self.wanted {
            Some(wanted) => write!(f, "{} wanted", grouped(wanted)),
            None => f.write_str("more wanted"),
        }
    }
}

impl std::error::Error for LimitHit {}

/// A number with a comma between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Counts against the limits of one run.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) limits: Limits,
    /// The first thing that stopped the run; the engine may wrap or rephrase it on its way out.
    pub(crate) stop: Option<Stop>,
    pub(crate) host_calls: u64,
    pub(crate) peak_memory: u64,
    memory: u64,
    table_elements: u64,
    output: u64,
    log: u64,
    response: u64,
    receipt: u64,
    transcript: u64,
}

impl Tally {
    pub(crate) fn new(limits: Limits) -> Tally {
        Tally {
            limits,
            stop: None,
            host_calls: 0,
            peak_memory: 0,
            memory: 0,
            table_elements: 0,
            output: 0,
            log: 0,
            response: 0,
            receipt: 0,
            transcript: 0,
        }
    }

    /// Remembers why the run stops and hands the reason on.
    pub(crate) fn stop(&mut self, stop: Stop) -> wasmtime::Error {
        self.stop.get_or_insert_with(|| stop.clone());
        wasmtime::Error::new(stop)
    }

    fn limit(
        &mut self,
        which: &'static str,
        allowed: u64,
        wanted: impl Into<Option<u64>>,
    ) -> wasmtime::Error {
        self.stop(Stop::Limit(LimitHit {
            which,
            allowed,
            wanted: wanted.into(),
        }))
    }

    pub(crate) fn host_call(&mut self) -> wasmtime::Result<()> {
        if self.host_calls >= self.limits.host_calls {
            return Err(self.limit("host-calls", self.limits.host_calls, self.host_calls + 1));
        }
        self.host_calls += 1;
        Ok(())
    }

    pub(crate) fn output(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.output = self.output.saturating_add(bytes as u64);
        if self.output > self.limits.output_bytes {
            return Err(self.limit("output-bytes", self.limits.output_bytes, self.output));
        }
        Ok(())
    }

    /// Counts what the receipt will list.
    pub(crate) fn receipt(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.receipt = self.receipt.saturating_add(bytes);
        if self.receipt > receipt_size::ALLOWED {
            return Err(self.limit("receipt-bytes", receipt_size::ALLOWED, self.receipt));
        }
        Ok(())
    }

    /// Checks what a write would make of the state. One that has too much may still become smaller.
    pub(crate) fn state(&mut self, before: u64, after: u64) -> wasmtime::Result<()> {
        if after > before && after > state_size::ALLOWED {
            return Err(self.limit("state-bytes", state_size::ALLOWED, after));
        }
        Ok(())
    }

    /// Counts what the host keeps of its calls.
    pub(crate) fn transcript(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.transcript = self.transcript.saturating_add(bytes);
        if self.transcript > transcript_size::ALLOWED {
            return Err(self.limit(
                "transcript-bytes",
                transcript_size::ALLOWED,
                self.transcript,
            ));
        }
        Ok(())
    }

    /// What the host keeps of this run and of the sources that it asked.
    pub(crate) fn kept(&self) -> u64 {
        self.transcript.saturating_add(transcript_size::RUN)
    }

    pub(crate) fn log(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.log = self.log.saturating_add(bytes as u64);
        if self.log > self.limits.log_bytes {
            return Err(self.limit("log-bytes", self.limits.log_bytes, self.log));
        }
        Ok(())
    }

    /// What is left for HTTP responses; stops the run if that is nothing.
    pub(crate) fn response_left(&mut self) -> wasmtime::Result<u64> {
        match self.limits.http_response_bytes.checked_sub(self.response) {
            Some(left) if left > 0 => Ok(left),
            _ => Err(self.limit("http-response-bytes", self.limits.http_response_bytes, None)),
        }
    }

    pub(crate) fn response(&mut self, bytes: u64) {
        self.response = self.response.saturating_add(bytes);
    }

    pub(crate) fn transfer(&mut self, allowed: u64, wanted: u64) -> wasmtime::Error {
        self.limit("transfer-bytes", allowed, wanted)
    }

    pub(crate) fn call_depth(&mut self) -> wasmtime::Error {
        self.limit("call-depth", self.limits.call_depth, None)
    }
}

/// Growth beyond a limit stops the guest at once: a `-1` would let it carry on with a decision that
/// its author never tested.
impl ResourceLimiter for Tally {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self
            .memory
            .saturating_sub(current as u64)
            .saturating_add(desired as u64);
        if total > self.limits.memory_bytes {
            return Err(self.limit("memory-bytes", self.limits.memory_bytes, total));
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The guest's own maximum: the answer is the specification's.
            return Ok(false);
        }
        self.memory = total;
        self.peak_memory = self.peak_memory.max(total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // More than a 32-bit memory can ever hold: the engine fails it without asking us first.
        if error.to_string().contains("memory type's limits") {
            return Err(self.limit("memory-bytes", self.limits.memory_bytes, None));
        }
        Err(self.stop(Stop::Interrupted(format!("memory of the host: {error}"))))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self
            .table_elements
            .saturating_sub(current as u64)
            .saturating_add(desired as u64);
        if total > self.limits.table_elements {
            return Err(self.limit("table-elements", self.limits.table_elements, total));
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.table_elements = total;
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(self.stop(Stop::Interrupted(format!("memory of the host: {error}"))))
    }

    fn instances(&self) -> usize {
        engine::CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        engine::MEMORIES as usize
    }

    fn tables(&self) -> usize {
        engine::TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_hit_says_which_and_how_far() {
        let hit = |wanted| LimitHit {
            which: "memory-bytes",
            allowed: 1 << 20,
            wanted,
        };
        assert_eq!(
            hit(Some(1_114_112)).to_string(),
            "memory-bytes: 1,048,576 allowed, 1,114,112 wanted"
        );
        assert_eq!(
            hit(None).to_string(),
            "memory-bytes: 1,048,576 allowed, more wanted"
        );
    }

    #[test]
    fn digits_stand_in_threes() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
