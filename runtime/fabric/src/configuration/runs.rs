//! Section `[runs]` and sections `[bindings.<name>]`: how bindings share this host.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many runs there may be at a time, how many may wait, and what is kept of compiled code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Runs {
    /// Runs that compute at one time; 0: as many as there are processors.
    pub slots: u32,
    /// Most invocations of all bindings that are accepted and have not run. Above it, messages are
    /// refused and events stay on their chain.
    pub queue: u64,
    /// Most bytes of compiled code that are kept in the state folder between starts.
    pub compiled_code_bytes: u64,
}

/// What this host gives one binding. Its counterparties do not sign it: it changes nothing that is
/// computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BindingSettings {
    /// Its share of the processors against other bindings that have work to do, from 1 to 1000.
    pub weight: u32,
}

const MOST_WEIGHT: u32 = 1_000;

impl Default for Runs {
    fn default() -> Self {
        Self {
            slots: 0,
            queue: 100_000,
            compiled_code_bytes: 2 << 30,
        }
    }
}

impl Default for BindingSettings {
    fn default() -> Self {
        Self { weight: 1 }
    }
}

impl Runs {
    /// The first key with a value that cannot be: the key, what is wrong, and the way out.
    pub(super) fn mistake(&self) -> Option<(&'static str, String, &'static str)> {
        let numbers = [
            ("runs.queue", self.queue),
            ("runs.compiled-code-bytes", self.compiled_code_bytes),
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
        None
    }
}

impl BindingSettings {
    /// What is wrong with the weight, and the way out.
    pub(super) fn mistake(&self) -> Option<(String, &'static str)> {
        let is_weight = (1..=MOST_WEIGHT).contains(&self.weight);
        (!is_weight).then(|| {
            let reason = format!("{} is no weight", self.weight);
            (reason, "take 1 to 1000")
        })
    }
}
