//! What a binding takes of the host's memory and disk.

use std::collections::BTreeSet;

use cryptlet_attest::Measurement;

use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::BindingRow;

/// What one binding takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes of its state, keys and values: each of its runs has them in memory.
    pub state_bytes: u64,
    /// Bytes of the inputs that are accepted and have not run. They lie in the journal.
    pub queued_bytes: u64,
    /// Bytes of compiled code that its versions and their sources have in memory. Bindings of the same
    /// modules share it.
    pub code_bytes: u64,
}

impl Fabric {
    /// What a binding takes now.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn footprint(&self, row: &BindingRow) -> Result<Footprint, FabricError> {
        let kept = self.journal.kept(&row.id)?;
        let versions = self
            .journal
            .measurements_of(&row.document.binding.cryptlet)?;
        let sources = row.document.sources.values();
        let modules: BTreeSet<Measurement> = versions
            .into_iter()
            .chain(sources.map(|source| source.measurement))
            .collect();
        Ok(Footprint {
            state_bytes: kept.state_bytes,
            queued_bytes: kept.queued_bytes,
            code_bytes: self.modules.compiled_bytes_of(modules.into_iter()),
        })
    }

    /// Bytes of all compiled code in memory.
    #[must_use]
    pub fn compiled_bytes(&self) -> u64 {
        self.modules.compiled_bytes()
    }
}
