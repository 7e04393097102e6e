//! What must be the same for compiled code to fit an engine.

use std::fmt;
use std::hash::{Hash as _, Hasher};

use wasmtime::Engine;

use crate::engine;

/// Digest over wasmtime's version, target, CPU features, compiler settings and operator costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(engine: &Engine) -> Fingerprint {
        let mut digest = Digesting(blake3::Hasher::new_derive_key(
            "cryptlet-container compiled code fingerprint v1",
        ));
        digest.write(engine::WASMTIME_VERSION.as_bytes());
        digest.write(engine::configuration_digest().as_bytes());
        digest.write(engine::operator_costs_digest().as_bytes());
        engine.precompile_compatibility_hash().hash(&mut digest);
        Fingerprint(*digest.0.finalize().as_bytes())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Fingerprint {
        Fingerprint(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// All of what wasmtime hashes, where a `Hasher` keeps 64 bits of it.
struct Digesting(blake3::Hasher);

impl Hasher for Digesting {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.finalize();
        let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use cryptlet_schema::Limits;

    use super::*;
    use crate::Settings;

    fn fingerprint(change: impl Fn(&mut Limits)) -> Fingerprint {
        let mut limits = Settings::default().limits;
        change(&mut limits);
        Fingerprint::of(&engine::build(4, &limits).expect("the engine starts"))
    }

    #[test]
    fn engines_that_compile_alike_share_a_fingerprint() {
        let usual = fingerprint(|_| {});
        assert_eq!(usual, fingerprint(|_| {}));
        assert_eq!(usual, fingerprint(|limits| limits.fuel = 1));
    }

    /// A compiler in a process of its own has no pool, which would not fit into its memory.
    #[test]
    fn an_engine_that_only_compiles_has_the_fingerprint_of_one_that_runs() {
        let compiling = engine::for_compiling().expect("the engine starts");
        assert_eq!(fingerprint(|_| {}), Fingerprint::of(&compiling));
    }

    #[test]
    fn an_engine_that_compiles_otherwise_has_another() {
        let other = wasmtime::Engine::default();
        assert_ne!(fingerprint(|_| {}), Fingerprint::of(&other));
    }
}
