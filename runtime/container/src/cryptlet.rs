//! A component that passed every check of [`Container::load`](crate::Container::load).

use std::sync::Arc;

use cryptlet_attest::Measurement;
use cryptlet_schema::Manifest;
use wasmtime::component::{ComponentExportIndex, InstancePre};

use crate::host::Guest;

/// A compiled component with its manifest. Cheap to clone; the compiled code lives as long as any
/// clone. It runs only in the container that loaded it.
#[derive(Clone)]
pub struct Cryptlet(Arc<Loaded>);

pub(crate) struct Loaded {
    pub(crate) measurement: Measurement,
    pub(crate) sha256: [u8; 32],
    pub(crate) size: usize,
    pub(crate) manifest: Manifest,
    /// As receipts write it.
    pub(crate) version: String,
    pub(crate) imports: Vec<String>,
    pub(crate) entry: InstancePre<Guest>,
    /// The export `handle`, its type checked.
    pub(crate) handle: ComponentExportIndex,
    /// The optional export `migrate`, its type checked.
    pub(crate) migrate: Option<ComponentExportIndex>,
    pub(crate) origin: CodeOrigin,
}

/// Where a cryptlet's compiled code comes from. No run depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOrigin {
    /// Compiled just now.
    Compiled,
    /// Compiled before and kept by this host.
    Cache,
}

impl Cryptlet {
    pub(crate) fn new(loaded: Loaded) -> Cryptlet {
        Cryptlet(Arc::new(loaded))
    }

    /// BLAKE3 of the component's bytes.
    pub fn measurement(&self) -> Measurement {
        self.0.measurement
    }

    /// SHA-256 of the same bytes, as OCI registries name them.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.sha256
    }

    /// The manifest that the component carries.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// Its semantic version, as receipts write it.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// Names of the interfaces that the component imports.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    /// Bytes of the component.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// Whether the component takes over the state of lower state versions.
    pub fn migrates(&self) -> bool {
        self.0.migrate.is_some()
    }

    pub(crate) fn handle(&self) -> &ComponentExportIndex {
        &self.0.handle
    }

    pub(crate) fn migrate(&self) -> Option<&ComponentExportIndex> {
        self.0.migrate.as_ref()
    }

    /// Bytes of memory that the compiled code takes, however many clones and bindings share it.
    pub fn compiled_bytes(&self) -> usize {
        let image = self.entry().component().image_range();
        image.end.addr().saturating_sub(image.start.addr())
    }

    /// Where the compiled code comes from.
    pub fn code_origin(&self) -> CodeOrigin {
        self.0.origin
    }

    pub(crate) fn entry(&self) -> &InstancePre<Guest> {
        &self.0.entry
    }
}

impl std::fmt::Debug for Cryptlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cryptlet")
            .field("name", &self.0.manifest.cryptlet.name)
            .field("measurement", &self.0.measurement)
            .finish_non_exhaustive()
    }
}
