//! The state that a candidate finds: the active version's, brought up to its own state version.

use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{Container, Cryptlet, Grants, Invocation, MigrationJob, State};

/// What a candidate finds.
pub(super) struct Found {
    pub(super) state: Arc<State>,
    /// A copy of another state version, which is not compared with what the active version has.
    pub(super) is_migrated: bool,
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
) -> Result<Found, String> {
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
        .map_err(|error| error.to_string())?;
    if run.outcome != Outcome::Ok {
        let said = run.failure.map(|failure| format!(": {}", failure.message));
        return Err(format!("{}{}", run.outcome, said.unwrap_or_default()));
    }
    let mut migrated = State::clone(state);
    for (key, change) in run.state_changes {
        match change {
            Some(value) => drop(migrated.insert(key, value)),
            None => drop(migrated.remove(&key)),
        }
    }
    Ok(Found {
        state: Arc::new(migrated),
        is_migrated: true,
    })
}
