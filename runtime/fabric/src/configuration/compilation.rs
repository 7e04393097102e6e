//! Section `[compilation]`: what compiling a component may take.

use std::time::Duration;

use cryptlet_container::CompilerBounds;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the process that compiles a deployed component may take before it is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Compilation {
    /// Bytes of memory, counted as addresses; at least 2 GiB.
    pub memory_bytes: u64,
    /// Seconds, by the clock and by the processors that it uses together.
    pub seconds: u64,
    /// Components that are compiled at one time; the others wait.
    pub processes: u32,
}

/// The allocator reserves one GiB before it gives anything.
const LEAST_MEMORY_BYTES: u64 = 2 << 30;

impl Default for Compilation {
    fn default() -> Self {
        let CompilerBounds {
            memory_bytes,
            processor_seconds,
            processes,
            ..
        } = CompilerBounds::default();
        Self {
            memory_bytes,
            seconds: processor_seconds,
            processes,
        }
    }
}

impl Compilation {
    /// The bounds as the container takes them.
    pub(crate) fn bounds(&self) -> CompilerBounds {
        CompilerBounds {
            memory_bytes: self.memory_bytes,
            processor_seconds: self.seconds,
            wall_clock: Duration::from_secs(self.seconds),
            processes: self.processes,
            ..CompilerBounds::default()
        }
    }

    /// The first key with a value that cannot be: the key, what is wrong, and the way out.
    pub(super) fn mistake(&self) -> Option<(&'static str, String, &'static str)> {
        let numbers = [
            ("compilation.memory-bytes", self.memory_bytes),
            ("compilation.seconds", self.seconds),
            ("compilation.processes", self.processes.into()),
        ];
        for (key, number) in numbers {
            if number == 0 {
                return Some((key, "0 is too little".into(), "take 1 or more"));
            }
            // TOML has no larger ones.
            if i64::try_from(number).is_err() {
                return Some((key, format!("{number} is too much"), "take less than 2^63"));
            }
        }
        let memory = self.memory_bytes;
        (memory < LEAST_MEMORY_BYTES).then(|| {
            let reason = format!("{memory} bytes are too little for a compiler to start");
            let remedy = "take 2147483648 or more";
            ("compilation.memory-bytes", reason, remedy)
        })
    }
}
