//! Compiled code kept between starts: what a component was compiled to, under the host's seal.
//!
//! Machine code that a host runs without having compiled it decides everything, so an entry is taken
//! only if this host sealed it (a MAC under a key that no other host has), for this module, and for
//! an engine that compiles alike: same wasmtime, target, CPU features, compiler settings and operator
//! costs. Anything else is a miss, and the component is compiled again from its bytes. Nothing
//! depends on the cache but time.

pub(crate) mod entry;
mod folder;
mod key;

use std::path::PathBuf;

use cryptlet_attest::Measurement;
use wasmtime::Engine;
use wasmtime::component::Component;

use self::entry::Place;
use self::folder::Folder;
use self::key::HostKey;
use crate::code::OwnCode;
use crate::fingerprint::Fingerprint;

/// Where a host keeps compiled code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Folder of the entries, made if it is not there. Several containers may share it.
    pub folder: PathBuf,
    /// File of the key that seals them, made if it is not there. Whoever can read it can have this
    /// host run any machine code.
    pub key: PathBuf,
    /// Most bytes of all entries together; those used longest ago go first.
    pub bytes: u64,
}

/// The cache cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The folder cannot be made or listed.
    #[error("the folder of compiled code {path} cannot be used: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The key cannot be read or made.
    #[error("the key of the compiled code {path} cannot be used: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Entries for one engine.
pub(crate) struct CodeCache {
    folder: Folder,
    key: HostKey,
    fingerprint: Fingerprint,
}

impl CodeCache {
    pub(crate) fn open(settings: &CacheSettings, engine: &Engine) -> Result<CodeCache, CacheError> {
        let folder = Folder::open(&settings.folder, settings.bytes).map_err(|source| {
            CacheError::Folder {
                path: settings.folder.clone(),
                source,
            }
        })?;
        let key = HostKey::obtain(&settings.key).map_err(|source| CacheError::Key {
            path: settings.key.clone(),
            source,
        })?;
        Ok(CodeCache {
            folder,
            key,
            fingerprint: Fingerprint::of(engine),
        })
    }

    /// The module as it was compiled before. An entry that cannot be taken is a miss.
    pub(crate) fn find(&self, engine: &Engine, measurement: Measurement) -> Option<Component> {
        let place = self.place(measurement);
        let sealed = match self.folder.read(&place.file_name()) {
            Ok(sealed) => sealed?,
            Err(error) => {
                tracing::warn!(%measurement, %error, "compiled code cannot be read; compiling again");
                return None;
            }
        };
        let code = match entry::open(&sealed, &self.key, &place) {
            Ok(code) => code,
            Err(broken) => {
                tracing::warn!(%measurement, reason = %broken, "compiled code is not taken; compiling again");
                return None;
            }
        };
        match OwnCode::sealed(&code).load(engine) {
            Ok(component) => Some(component),
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::warn!(%measurement, reason, "compiled code does not load; compiling again");
                None
            }
        }
    }

    /// Keeps what a module was compiled to. If that fails, it is compiled again the next time.
    pub(crate) fn keep(&self, measurement: Measurement, component: &Component) {
        let place = self.place(measurement);
        let kept = component
            .serialize()
            .map_err(|error| format!("{error:#}"))
            .and_then(|code| {
                let seal = entry::seal(&code, &self.key, &place);
                self.folder
                    .write(&place.file_name(), &[&seal, &code])
                    .map_err(|error| error.to_string())
            });
        if let Err(reason) = kept {
            tracing::warn!(%measurement, reason, "compiled code cannot be kept");
        }
    }

    fn place(&self, measurement: Measurement) -> Place {
        Place {
            measurement,
            fingerprint: self.fingerprint,
        }
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::Config;

    use super::*;

    #[test]
    fn code_for_another_engine_is_a_miss_even_under_its_name() {
        let place = tempfile::tempdir().expect("a folder");
        let settings = CacheSettings {
            folder: place.path().join("compiled"),
            key: place.path().join("host.key"),
            bytes: 1 << 20,
        };
        let ours = Engine::default();
        let theirs = Engine::new(Config::new().consume_fuel(true)).expect("it starts");
        let module = Measurement::of(b"module");
        let cache = CodeCache::open(&settings, &ours).expect("it opens");
        let component = Component::new(&ours, "(component)").expect("it compiles");
        cache.keep(module, &component);
        assert!(cache.find(&ours, module).is_some());

        let other = CodeCache::open(&settings, &theirs).expect("it opens");
        assert!(other.find(&theirs, module).is_none());
        let named = |cache: &CodeCache| settings.folder.join(cache.place(module).file_name());
        std::fs::rename(named(&cache), named(&other)).expect("it moves");
        assert!(other.find(&theirs, module).is_none());
    }
}
