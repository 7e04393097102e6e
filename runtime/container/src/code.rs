//! The one place where bytes become machine code that this host runs.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::entry::Opened;
use crate::compiler::Answered;

/// Code that this host compiled itself. Nothing else makes one of these.
pub(crate) struct OwnCode<'a>(&'a [u8]);

impl<'a> OwnCode<'a> {
    /// Code that was kept under the host's seal.
    pub(crate) fn sealed(opened: &Opened<'a>) -> OwnCode<'a> {
        OwnCode(opened.bytes())
    }

    /// Code that the host's own compiler just answered.
    pub(crate) fn compiled(answered: &'a Answered) -> OwnCode<'a> {
        OwnCode(answered.code())
    }

    /// Takes the code into an engine.
    #[expect(unsafe_code, reason = "wasmtime trusts what it deserializes")]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: `deserialize` must be given only what wasmtime serialized, unchanged. An `Opened`
        // exists only for bytes whose MAC was right under this host's key, which seals nothing else.
        // An `Answered` exists only for what the program that the host named as its compiler wrote
        // for an engine with this engine's fingerprint, in full, before it ended without complaint.
        // Both lie in this process's memory, so nobody can change them after the check.
        unsafe { Component::deserialize(engine, self.0) }
    }
}
