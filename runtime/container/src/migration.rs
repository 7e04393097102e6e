//! A binding's state on its way from one state version to the next.

use std::fmt;
use std::sync::Arc;

use cryptlet_attest::Outcome;
use wasmtime::Store;

use crate::Cryptlet;
use crate::bindings::cryptlet::fabric::types;
use crate::grants::Grants;
use crate::host::Guest;
use crate::invocation::{Invocation, SubmissionStatus, Trigger};
use crate::run::{Run, State};
use crate::services::{
    BuildError, EncodedCall, HttpError, HttpLimits, HttpRequest, HttpResponse, KeyError, PublicKey,
    Services,
};

/// What `migrate` takes: the state version that the entries have.
pub(crate) type MigrationQuestion = (u32,);
/// What it gives back.
pub(crate) type MigrationAnswer = (Result<(), types::Failure>,);

/// One migration to be done. The same job gives the same [`Run`], down to the fuel: a migration
/// asks nobody, so that its transcript holds nothing that could not be had again.
pub struct MigrationJob<'a> {
    /// What migrates.
    pub cryptlet: &'a Cryptlet,
    /// What the binding gives it. Of all that, only `state`, `log`, `wasi` and the limits hold.
    pub grants: &'a Grants,
    /// The binding's id, `0x` and 64 hex digits.
    pub binding: String,
    /// Where its randomness comes from, which only WASI gives. WASI's clocks stand at
    /// 1970-01-01T00:00:00Z: what comes out must not depend on when.
    pub seed: [u8; 32],
    /// The state as the lower version left it.
    pub state: Arc<State>,
    /// The state version of `state`.
    pub from: u32,
}

impl MigrationJob<'_> {
    pub(crate) fn invocation(&self) -> Invocation {
        Invocation {
            binding: self.binding.clone(),
            number: 0,
            instant: 0,
            trigger: Trigger::Schedule { instant: 0 },
        }
    }

    /// What is left of the binding's grants while nothing may leave and nobody may be asked.
    pub(crate) fn narrowed_grants(&self) -> Grants {
        Grants {
            state: self.grants.state,
            log: self.grants.log,
            wasi: self.grants.wasi,
            limits: self.grants.limits,
            ..Grants::default()
        }
    }
}

impl fmt::Debug for MigrationJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigrationJob")
            .field("cryptlet", &self.cryptlet)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// Why there is no run of a migration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// The cryptlet does not export `migrate`.
    #[error("{cryptlet} exports no migration; only one with a raised state version has to")]
    NoExport {
        /// Its name.
        cryptlet: String,
    },
    /// The state is not of a lower version.
    #[error("{cryptlet} has state version {to} and cannot migrate from {from}")]
    NotLower {
        /// Its name.
        cryptlet: String,
        /// The version of the state.
        from: u32,
        /// The cryptlet's own.
        to: u32,
    },
}

pub(crate) fn check(job: &MigrationJob<'_>) -> Result<(), MigrationError> {
    let manifest = job.cryptlet.manifest();
    let cryptlet = || manifest.cryptlet.name.clone();
    if !job.cryptlet.migrates() {
        return Err(MigrationError::NoExport {
            cryptlet: cryptlet(),
        });
    }
    let to = manifest.state_version().unwrap_or(0);
    if job.from >= to {
        return Err(MigrationError::NotLower {
            cryptlet: cryptlet(),
            from: job.from,
            to,
        });
    }
    Ok(())
}

/// Calls the export in a fresh instance; a migration that succeeds replies nothing.
pub(crate) fn call(
    store: &mut Store<Guest>,
    from: u32,
) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
    let cryptlet = store.data().cryptlet.clone();
    let export = cryptlet
        .migrate()
        .ok_or_else(|| wasmtime::format_err!("the component has no migration"))?;
    let instance = cryptlet.entry().instantiate(&mut *store)?;
    let migrate =
        instance.get_typed_func::<MigrationQuestion, MigrationAnswer>(&mut *store, export)?;
    let (ended,) = migrate.call(store, (from,))?;
    Ok(ended.map(|()| Vec::new()))
}

/// A migration's run has no reply: what it came to is its state.
pub(crate) fn without_reply(mut run: Run) -> Run {
    if run.outcome == Outcome::Ok {
        run.reply = None;
    }
    run
}

/// Nobody is there to be asked. The narrowed grants keep every question away from here already.
pub(crate) struct Nobody;

const MIGRATING: &str = "a migration has nothing but state and log";

impl Services for Nobody {
    fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        Err(HttpError::Denied(MIGRATING.to_owned()))
    }

    fn build(&self, _: &str, _: &[u8]) -> Result<EncodedCall, BuildError> {
        Err(BuildError::NotGranted(MIGRATING.to_owned()))
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        0
    }

    fn public_key(&self, _: &str) -> Result<PublicKey, KeyError> {
        Err(KeyError::NotGranted(MIGRATING.to_owned()))
    }

    fn sign(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::NotGranted(MIGRATING.to_owned()))
    }
}
