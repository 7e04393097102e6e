//! Modules that are compiled and ready to run, one of each in the process.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use cryptlet_attest::Measurement;
use cryptlet_container::{CodeOrigin, Container, Cryptlet, Grants};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::binding::Binding;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::grants::grants;
use crate::journal::Journal;

/// What is loaded, and what is being loaded: whoever wants the same module meanwhile waits for it.
pub(crate) struct Modules {
    container: Arc<Container>,
    journal: Arc<Journal>,
    known: Mutex<HashMap<Measurement, Arc<OnceCell<Cryptlet>>>>,
}

impl Modules {
    pub(crate) fn new(container: Arc<Container>, journal: Arc<Journal>) -> Arc<Modules> {
        Arc::new(Modules {
            container,
            journal,
            known: Mutex::default(),
        })
    }

    /// The module with this measurement, loaded if this process has not done so yet.
    pub(crate) async fn get(&self, measurement: &Measurement) -> Result<Cryptlet, FabricError> {
        let module = self.of(measurement);
        let cryptlet = module.get_or_try_init(|| self.load(*measurement)).await?;
        Ok(cryptlet.clone())
    }

    /// What the binding gives its cryptlet, with the sources that it names.
    pub(crate) async fn grants(&self, binding: &Binding) -> Result<Grants, FabricError> {
        let mut sources = BTreeMap::new();
        for (name, source) in &binding.sources {
            let cryptlet = self.get(&source.measurement).await?;
            sources.insert(name.clone(), cryptlet);
        }
        grants(binding, sources)
    }

    /// Keeps a module that was loaded from the bytes at hand.
    pub(crate) fn remember(&self, cryptlet: Cryptlet) {
        // Whoever loaded it meanwhile has the same.
        drop(self.of(&cryptlet.measurement()).set(cryptlet));
    }

    /// Gives up a module that nothing may run any more. Runs that have begun keep it.
    pub(crate) fn forget(&self, measurement: &Measurement) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(measurement);
    }

    /// Bytes of compiled code of all loaded modules.
    pub(crate) fn compiled_bytes(&self) -> u64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().map(bytes).sum()
    }

    /// Bytes of compiled code of those among these modules that are loaded. Nobody gets a module
    /// meanwhile, so that no more are looked at than are asked for.
    pub(crate) fn compiled_bytes_of(&self, measurements: impl Iterator<Item = Measurement>) -> u64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = measurements.filter_map(|measurement| known.get(&measurement));
        found.map(bytes).sum()
    }

    fn of(&self, measurement: &Measurement) -> Arc<OnceCell<Cryptlet>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(*measurement).or_default())
    }

    async fn load(&self, measurement: Measurement) -> Result<Cryptlet, FabricError> {
        let (container, journal) = (Arc::clone(&self.container), Arc::clone(&self.journal));
        let loading = tokio::task::spawn_blocking(move || {
            let component = journal
                .component(&measurement)?
                .ok_or(FabricError::NotDeployed(measurement))?;
            Ok(container.load(&component)?)
        });
        loading.await?
    }
}

fn bytes(module: &Arc<OnceCell<Cryptlet>>) -> u64 {
    let bytes = module.get().map_or(0, Cryptlet::compiled_bytes);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// What [`Fabric::warm`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warmed {
    /// Modules that were compiled.
    pub compiled: usize,
    /// Modules whose code was kept from before.
    pub cached: usize,
}

impl Fabric {
    /// Loads every deployed module that some binding may run, as many at a time as there are
    /// processors, so that no run waits for that. One that does not load is told of when it is to run.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub async fn warm(&self) -> Result<Warmed, FabricError> {
        let unused = self.unused()?;
        let mut wanted = self.journal.versions()?;
        wanted.retain(|row| !unused.contains(&row.measurement));
        let mut wanted = wanted.into_iter();
        let at_once = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut loading = JoinSet::new();
        let mut warmed = Warmed::default();
        loop {
            while loading.len() < at_once
                && !self.is_draining()
                && let Some(row) = wanted.next()
            {
                let modules = Arc::clone(&self.modules);
                loading.spawn(async move { (modules.get(&row.measurement).await, row) });
            }
            let Some(ended) = loading.join_next().await else {
                return Ok(warmed);
            };
            match ended? {
                (Ok(cryptlet), _) => match cryptlet.code_origin() {
                    CodeOrigin::Compiled => warmed.compiled += 1,
                    CodeOrigin::Cache => warmed.cached += 1,
                },
                (Err(error), _) if error.is_fatal() => return Err(error),
                (Err(error), row) => {
                    tracing::warn!(cryptlet = row.cryptlet, version = %row.version, %error, "a version does not load");
                }
            }
        }
    }

    /// The loaded module with this measurement.
    pub(crate) async fn cryptlet(
        &self,
        measurement: &Measurement,
    ) -> Result<Cryptlet, FabricError> {
        self.modules.get(measurement).await
    }
}
