//! Candidates over the recorded past, before they ever see live input.

use std::fmt::Display;
use std::sync::Arc;

use cryptlet_attest::{Measurement, Outcome};
use cryptlet_container::ShadowJob;

use super::migrated::{Unmigrated, state_for};
use super::{Difference, FuelBound, compare};
use crate::replay::{RecordedRun, ReplayRefusal, Replayer};

/// What a candidate did with a recorded run.
#[derive(Clone, Debug)]
pub struct PastRun {
    /// What it did otherwise than the version that ran.
    pub differences: Vec<Difference>,
    /// Fuel of the version that ran, without its sources.
    pub fuel_active: u64,
    /// Fuel of the candidate, without its sources.
    pub fuel_candidate: u64,
}

/// A candidate cannot be compared on a recorded run. It says nothing against either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShadowRefusal {
    /// The recorded run itself cannot be done again here.
    #[error(transparent)]
    Recorded(#[from] ReplayRefusal),
    /// The recorded run is not what its transcript leads to, so that there is nothing to compare with.
    #[error(
        "the recorded run comes out otherwise today: {0}; look at it with `cryptlet audit replay`"
    )]
    NotReproduced(String),
    /// The candidate could not have run under the binding as it was agreed then.
    #[error("the candidate does not fit the binding as it was then: {0}")]
    Unfit(String),
    /// Its state would have to be migrated first, and that failed.
    #[error("the state cannot be migrated for the candidate: {0}")]
    Unmigrated(String),
    /// This machine stopped the candidate.
    #[error("the candidate was interrupted by {0}; run it on a machine with more to give")]
    Interrupted(String),
}

impl ShadowRefusal {
    pub(crate) fn unfit(reason: &impl Display) -> Self {
        Self::Unfit(reason.to_string())
    }
}

impl Replayer {
    /// Has a candidate do a recorded run on the calling thread, which needs two MiB of stack, with
    /// what the host answered then, and lists what it did otherwise. [`Replayer::load`] was given its
    /// component.
    ///
    /// # Errors
    ///
    /// If nothing can be compared: the run cannot be replayed, the candidate could not have run then,
    /// or this machine stopped it.
    pub fn shadow(
        &self,
        recorded: &RecordedRun,
        candidate: &Measurement,
        fuel: FuelBound,
    ) -> Result<PastRun, ShadowRefusal> {
        let scene = self.scene(recorded)?;
        let (active, divergence) = self.again(&scene)?;
        if let Some(divergence) = divergence {
            return Err(ShadowRefusal::NotReproduced(divergence.to_string()));
        }
        let cryptlet = self.module(candidate, || "the candidate".to_owned())?;
        scene
            .binding
            .check_messages(cryptlet.manifest())
            .map_err(|error| ShadowRefusal::unfit(&error))?;
        // The limits that held then were those of another manifest, and of this binding and host.
        let grants = self.granted(&scene.binding, &scene.transcript)?;
        self.container
            .check_grants(&cryptlet, &grants)
            .map_err(|error| ShadowRefusal::unfit(&error))?;
        let found = state_for(
            &self.container,
            (&scene.cryptlet, &cryptlet),
            &grants,
            (&scene.invocation, scene.seed),
            &scene.state,
        )
        .map_err(|refused| match refused {
            Unmigrated::Interrupted(which) => ShadowRefusal::Interrupted(which),
            Unmigrated::Failed(reason) => ShadowRefusal::Unmigrated(reason),
        })?;
        let shadow = self.container.shadow(ShadowJob {
            cryptlet: &cryptlet,
            grants: &grants,
            invocation: scene.invocation.clone(),
            seed: scene.seed,
            state: found.state,
            transcript: Arc::clone(&scene.transcript),
            call_encoding: Arc::clone(&scene.call_encoding),
        });
        if let (None, Outcome::Interrupted { which }) = (&shadow.unanswered, &shadow.run.outcome) {
            return Err(ShadowRefusal::Interrupted(which.clone()));
        }
        let before = (!found.is_migrated).then_some(&*scene.state);
        Ok(PastRun {
            differences: compare(&active, &shadow, before, fuel),
            fuel_active: active.meter.fuel,
            fuel_candidate: shadow.run.meter.fuel,
        })
    }
}
