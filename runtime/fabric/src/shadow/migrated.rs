//! The state that a candidate finds: the active version's, brought up to its own state version.

use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{Container, Cryptlet, Grants, Invocation, MigrationJob, State};

use crate::versions::changed;

/// What a candidate finds.
pub(super) struct Found {
    pub(super) state: Arc<State>,
    /// A copy of another state version, which is not compared with what the active version has.
    pub(super) is_migrated: bool,
}

/// A candidate has no state to run on.
pub(super) enum Unmigrated {
    /// This machine stopped the migration; which limit of it did.
    Interrupted(String),
    /// There is no migration between the two, or it ended otherwise.
    Failed(String),
}

/// The state for `candidate` where `active` found `state`; a copy is migrated with the run's
/// seed.
///
/// # Errors
///
/// Why there is no migration between the two, or how it ended.
pub(super) fn state_for(
    container: &Container,
    (active, candidate): (&Cryptlet, &Cryptlet),
    grants: &Grants,
    (invocation, seed): (&Invocation, [u8; 32]),
    state: &Arc<State>,
) -> Result<Found, Unmigrated> {
    let versions = (
        active.manifest().state_version(),
        candidate.manifest().state_version(),
    );
    let from = match versions {
        (Some(from), Some(to)) if from != to => from,
        _ => {
            return Ok(Found {
                state: Arc::clone(state),
                is_migrated: false,
            });
        }
    };
    let run = container
        .migrate(MigrationJob {
            cryptlet: candidate,
            grants,
            binding: invocation.binding.clone(),
            seed,
            state: Arc::clone(state),
            from,
        })
        .map_err(|error| Unmigrated::Failed(error.to_string()))?;
    if let Outcome::Interrupted { which } = run.outcome {
        return Err(Unmigrated::Interrupted(which));
    }
    if run.outcome != Outcome::Ok {
        let said = run.failure.map(|failure| format!(": {}", failure.message));
        let reason = format!("{}{}", run.outcome, said.unwrap_or_default());
        return Err(Unmigrated::Failed(reason));
    }
    Ok(Found {
        state: Arc::new(changed(state, &run.state_changes)),
        is_migrated: true,
    })
}
