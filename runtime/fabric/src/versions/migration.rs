//! A state for another version of the cryptlet: migrated on a copy, or restored from a snapshot, and
//! kept with the move or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptlet_attest::{BindingId, Digest, Salt, StateChange, digest};
use cryptlet_container::{Cryptlet, MigrationJob, Run, State, state_root};
use tokio::sync::{OwnedMutexGuard, OwnedRwLockWriteGuard};

use super::state::{self, StateError, Step};
use super::{Basis, Decision, MoveKind, NewMove};
use crate::advance::Progress;
use crate::error::FabricError;
use crate::execute::log_lines;
use crate::execution::empty_state;
use crate::fabric::Fabric;
use crate::journal::{BindingRow, RewrittenState, StateVersions, VersionRow, moved_meanwhile};

/// What a move means for the binding's state.
pub(super) struct StateStep {
    pub(super) step: Step,
    /// What holds if the state is kept.
    pub(super) kept: KeptState,
}

/// A state that a move leaves as it is.
#[derive(Clone, Copy)]
pub(crate) struct KeptState {
    /// What the journal said of its version when the move was decided on.
    pub(crate) seen: Option<u32>,
    /// Its version; none if nobody ever read it.
    pub(crate) version: Option<u32>,
}

/// Nobody else accepts, runs or migrates anything of the binding for as long as this is held.
struct Alone {
    _accepting: OwnedRwLockWriteGuard<()>,
    _executing: OwnedMutexGuard<()>,
}

/// A move with another state, of which only the commit is left.
struct Prepared {
    version: VersionRow,
    /// What it was decided on, long before this.
    basis: Basis,
    kind: MoveKind,
    decision: Decision,
    at: u64,
    state: RewrittenState,
}

impl Fabric {
    /// What a move that makes `version` active means for the binding's state.
    pub(super) async fn state_step(
        &self,
        row: &BindingRow,
        version: &VersionRow,
    ) -> Result<StateStep, FabricError> {
        let cryptlet = self.cryptlet(&version.measurement).await?;
        let reads = cryptlet.manifest().state_version();
        let seen = self.journal.state_version(&row.document.id())?;
        let state = match seen {
            Some(version) => Some(version),
            None => self.read_by_active(row).await?,
        };
        Ok(StateStep {
            step: Step::between(state, reads),
            kept: KeptState {
                seen,
                version: reads.or(state),
            },
        })
    }

    async fn read_by_active(&self, row: &BindingRow) -> Result<Option<u32>, FabricError> {
        let active = self.deployed(&row.document.binding.cryptlet, &row.active)?;
        let active = self.cryptlet(&active.measurement).await?;
        Ok(active.manifest().state_version())
    }

    /// Refuses a version to be tried in shadow whose state version is lower than the state's.
    pub(super) async fn refuse_newer_state(
        &self,
        row: &BindingRow,
        version: &VersionRow,
    ) -> Result<(), FabricError> {
        match self.state_step(row, version).await?.step {
            Step::Restore(versions) => Err(newer(row, version, versions).into()),
            Step::Keep | Step::Migrate(_) => Ok(()),
        }
    }

    /// The state that a canary shares with the active version; refuses one that could not read it.
    pub(super) async fn shared_state(
        &self,
        row: &BindingRow,
        version: &VersionRow,
    ) -> Result<KeptState, FabricError> {
        let StateStep { step, kept } = self.state_step(row, version).await?;
        match step {
            Step::Restore(versions) | Step::Migrate(versions) => Err(StateError::Shared {
                binding: row.document.binding.name.clone(),
                version: version.version.clone(),
                state: versions.from,
                reads: versions.to,
            }
            .into()),
            Step::Keep => Ok(kept),
        }
    }

    /// The state that the version which a document begins with takes over; refuses one that could
    /// not read it. A document rewrites no state.
    pub(crate) async fn inherited_state(
        &self,
        row: &BindingRow,
        version: &VersionRow,
    ) -> Result<KeptState, FabricError> {
        let StateStep { step, kept } = self.state_step(row, version).await?;
        match step {
            Step::Restore(versions) | Step::Migrate(versions) => Err(StateError::Inherited {
                binding: row.document.binding.name.clone(),
                version: version.version.clone(),
                state: versions.from,
                reads: versions.to,
            }
            .into()),
            Step::Keep => Ok(kept),
        }
    }

    /// Makes another version active together with a state that it can read, in one commit; if that
    /// state cannot be had, nothing changes.
    ///
    /// What was accepted for the version before runs first, on the state that it knows; meanwhile
    /// nothing new is accepted, and callers wait.
    pub(super) async fn move_with_state(
        &self,
        row: &BindingRow,
        version: VersionRow,
        kind: MoveKind,
        decision: Decision,
        step: Step,
    ) -> Result<(), FabricError> {
        if let Step::Restore(versions) = step {
            let leaf = self.snapshot_for(row, &version, kind, versions)?;
            self.refuse_lost_changes(row, &version, &decision, leaf)?;
        }
        let alone = self.finish_accepted(row, &version).await?;
        // Another move may have been made meanwhile; the commit refuses that, after work for nothing.
        let name = &row.document.binding.name;
        if Basis::from(&self.binding(name)?) != Basis::from(row)
            || self.state_step(row, &version).await?.step != step
        {
            return Err(moved_meanwhile(name).into());
        }
        let at = self.seams.clock.now();
        let salt = self.seams.randomness.draw()?;
        let state = match step {
            Step::Keep => return Err(moved_meanwhile(name).into()),
            Step::Migrate(versions) => self.migrated(row, &version, versions, salt).await?,
            Step::Restore(versions) => {
                let leaf = self.snapshot_for(row, &version, kind, versions)?;
                self.refuse_lost_changes(row, &version, &decision, leaf)?;
                self.restored(row, versions, salt, leaf)?
            }
        };
        let prepared = Prepared {
            version,
            basis: row.into(),
            kind,
            decision,
            at,
            state,
        };
        self.commit_with_state(row, prepared, alone).await
    }

    /// Runs everything that is accepted, and keeps anything more from being accepted.
    async fn finish_accepted(
        &self,
        row: &BindingRow,
        version: &VersionRow,
    ) -> Result<Alone, FabricError> {
        let name = &row.document.binding.name;
        let turn = self.turns.of(&row.document.id());
        let accepting = Arc::clone(&turn.accepting).write_owned().await;
        self.refuse_canary(row, version)?;
        let progress = self.execute_accepted(name).await?;
        let executing = Arc::clone(&turn.executing).lock_owned().await;
        let waiting = self.journal.waiting_under(&row.document.id())?;
        if waiting > 0 {
            return Err(StateError::Waiting {
                binding: name.clone(),
                active: row.active.clone(),
                waiting,
                reason: held_by(&progress),
            }
            .into());
        }
        Ok(Alone {
            _accepting: accepting,
            _executing: executing,
        })
    }

    fn refuse_canary(&self, row: &BindingRow, version: &VersionRow) -> Result<(), FabricError> {
        let stages = self.journal.stages(&row.document.id())?;
        let canary = stages
            .iter()
            .any(|row| row.stage == super::Stage::Canary && row.version != version.version);
        if canary {
            return Err(StateError::Canary {
                binding: row.document.binding.name.clone(),
                version: version.version.clone(),
            }
            .into());
        }
        Ok(())
    }

    /// The leaf up to which the state was what a rollback to `version` restores.
    fn snapshot_for(
        &self,
        row: &BindingRow,
        version: &VersionRow,
        kind: MoveKind,
        versions: StateVersions,
    ) -> Result<u64, FabricError> {
        if kind != MoveKind::RolledBack {
            return Err(newer(row, version, versions).into());
        }
        let rewrites = self.journal.rewrites(&row.document.id())?;
        state::snapshot(&rewrites, versions.to).ok_or_else(|| {
            StateError::NoSnapshot {
                binding: row.document.binding.name.clone(),
                version: version.version.clone(),
                state: versions.from,
            }
            .into()
        })
    }

    fn refuse_lost_changes(
        &self,
        row: &BindingRow,
        version: &VersionRow,
        decision: &Decision,
        leaf: u64,
    ) -> Result<(), FabricError> {
        let runs = self.journal.state_changes_since(&row.document.id(), leaf)?;
        if runs == 0 || decision.drops_state_changes() {
            return Ok(());
        }
        Err(StateError::Changed {
            binding: row.document.binding.name.clone(),
            active: row.active.clone(),
            version: version.version.clone(),
            runs,
        }
        .into())
    }

    async fn migrated(
        &self,
        row: &BindingRow,
        version: &VersionRow,
        versions: StateVersions,
        salt: [u8; 32],
    ) -> Result<RewrittenState, FabricError> {
        let id = row.document.id();
        let before = self.digest_of_state(&id)?;
        let state = Arc::new(self.journal.state(&id)?);
        let (run, cryptlet) = self
            .migrate(row, version, versions, Arc::clone(&state), before)
            .await?;
        log_lines(&row.document.binding.name, 0, &cryptlet, &run);
        let changes = state::changes(&state, &state::changed(&state, &run.state_changes));
        self.rewritten(&id, versions, salt, &state, changes)
    }

    /// Migrates a copy. Whatever the guest does, the state itself stays as it is.
    async fn migrate(
        &self,
        row: &BindingRow,
        version: &VersionRow,
        versions: StateVersions,
        state: Arc<State>,
        before: Digest,
    ) -> Result<(Run, Cryptlet), FabricError> {
        let failed = |reason| StateError::Failed {
            binding: row.document.binding.name.clone(),
            version: version.version.clone(),
            from: versions.from,
            to: versions.to,
            reason,
        };
        let cryptlet = self.cryptlet(&version.measurement).await?;
        let grants = self.grants(&row.document).await?;
        let container = Arc::clone(&self.container);
        let id = row.document.id();
        let (ran, cryptlet) = tokio::task::spawn_blocking(move || {
            let ran = container.migrate(MigrationJob {
                cryptlet: &cryptlet,
                grants: &grants,
                binding: id.to_string(),
                seed: seed(&id, &cryptlet, &before),
                state,
                from: versions.from,
            });
            (ran, cryptlet)
        })
        .await?;
        let run = ran.map_err(|error| failed(error.to_string()))?;
        if run.outcome.is_ok() {
            return Ok((run, cryptlet));
        }
        let said = run.failure.as_ref().map(|failure| &failure.message);
        Err(failed(match said.or(run.diagnostic.as_ref()) {
            Some(said) => format!("it ended with {}: {said}", run.outcome),
            None => format!("it ended with {}", run.outcome),
        })
        .into())
    }

    fn restored(
        &self,
        row: &BindingRow,
        versions: StateVersions,
        salt: [u8; 32],
        leaf: u64,
    ) -> Result<RewrittenState, FabricError> {
        let id = row.document.id();
        let state = self.journal.state(&id)?;
        let snapshot = self.journal.state_until_leaf(&id, leaf)?;
        let changes = state::changes(&state, &snapshot);
        self.rewritten(&id, versions, salt, &state, changes)
    }

    fn rewritten(
        &self,
        id: &BindingId,
        versions: StateVersions,
        salt: [u8; 32],
        state: &State,
        changes: BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<RewrittenState, FabricError> {
        let before = self.digest_of_state(id)?;
        let after = if changes.is_empty() {
            before
        } else {
            let root = state_root(&state::changed(state, &changes));
            Salt::from_bytes(salt).digest("state", root.as_bytes())
        };
        Ok(RewrittenState {
            versions,
            salt,
            digests: StateChange { before, after },
            changes,
        })
    }

    fn digest_of_state(&self, id: &BindingId) -> Result<Digest, FabricError> {
        let standing = self.journal.standing(id)?;
        Ok(standing.state.unwrap_or_else(empty_state))
    }

    /// Writes the move with its leaf, the state and its version: all of it or nothing.
    async fn commit_with_state(
        &self,
        row: &BindingRow,
        prepared: Prepared,
        alone: Alone,
    ) -> Result<(), FabricError> {
        let id = row.document.id();
        let name = &row.document.binding.name;
        let StateVersions { from, to } = prepared.state.versions;
        let moves = self
            .journal
            .commit(move |writing| {
                // Held until it is written, even if nobody waits for that any more.
                let _alone = alone;
                writing.check_alone(&id, &prepared.version.version)?;
                let moves = writing.move_version(&NewMove {
                    binding: &id,
                    version: &prepared.version,
                    kind: prepared.kind,
                    basis: Some(&prepared.basis),
                    share: None,
                    decision: &prepared.decision,
                    at: prepared.at,
                    state: Some(prepared.state.digests),
                })?;
                let leaf = moves
                    .iter()
                    .find(|moved| moved.kind == prepared.kind)
                    .map(|moved| moved.leaf);
                if let Some(leaf) = leaf {
                    writing.rewrite_state(&id, leaf, &prepared.state)?;
                }
                Ok(moves)
            })
            .await?;
        tracing::info!(binding = name, from, to, "state rewritten");
        self.tell_moves(name, moves);
        Ok(())
    }
}

/// Seeds a migration's randomness with what the log says of it, so that whoever has the state can
/// do the same again.
fn seed(binding: &BindingId, cryptlet: &Cryptlet, before: &Digest) -> [u8; 32] {
    let measurement = cryptlet.measurement();
    let parts: [&[u8]; 3] = [
        binding.as_bytes(),
        measurement.as_bytes(),
        before.as_bytes(),
    ];
    *digest("migration seed", &parts).as_bytes()
}

fn newer(row: &BindingRow, version: &VersionRow, versions: StateVersions) -> StateError {
    StateError::Newer {
        binding: row.document.binding.name.clone(),
        version: version.version.clone(),
        state: versions.from,
        reads: versions.to,
    }
}

fn held_by(progress: &Progress) -> String {
    progress.waiting.first().map_or_else(
        || "the fabric is being stopped".to_owned(),
        |waiting| waiting.reason.clone(),
    )
}
