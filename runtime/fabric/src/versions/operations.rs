//! What operators, and the fabric itself, decide about versions.

use cryptlet_attest::BindingId;
use semver::Version;
use tokio::sync::broadcast;

use super::migration::{KeptState, StateStep};
use super::moves::before_active;
use super::state::Step;
use super::{Basis, Decision, MoveKind, NewMove, VersionMove, VersionNotice};
use crate::canary::{Bounds, WINDOW};
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{BindingRow, VersionRow};

impl Fabric {
    /// Makes `version` the one that the binding's next invocations run on. Those that were
    /// accepted before still run on the version of their time, which is retained when the last of
    /// them has run.
    ///
    /// # Errors
    ///
    /// If the version is not deployed, lies outside the binding's range, does not fit it, may not
    /// become active from where it stands, or would deliver what the gateway refuses: the
    /// counterparties have not allowed its module for the document in force.
    pub async fn promote(
        &self,
        binding: &str,
        version: &Version,
        decision: Decision,
    ) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        self.switch(&row, version, MoveKind::Promoted, decision)
            .await
    }

    /// Goes back to the version that was active before the current one; the next invocation runs
    /// on it. It is still compiled, so that nothing has to be waited for.
    ///
    /// # Errors
    ///
    /// If there was none, or it was retired.
    pub async fn rollback(
        &self,
        binding: &str,
        decision: Decision,
    ) -> Result<Version, FabricError> {
        let row = self.binding(binding)?;
        let moves = self.journal.version_moves(&row.document.id())?;
        let previous = before_active(&moves).ok_or_else(|| FabricError::NothingBefore {
            binding: binding.into(),
            version: row.active.clone(),
        })?;
        self.switch(&row, &previous, MoveKind::RolledBack, decision)
            .await?;
        Ok(previous)
    }

    /// Lets `version` run beside the active one; nothing of it leaves.
    ///
    /// # Errors
    ///
    /// As for [`Fabric::promote`].
    pub async fn shadow(
        &self,
        binding: &str,
        version: &Version,
        decision: Decision,
    ) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        self.refuse_overtaken(&row)?;
        let version = self.fitting(&row, version).await?;
        self.refuse_newer_state(&row, &version).await?;
        self.make_move(&row, version, MoveKind::Shadowed, None, decision)
            .await
    }

    /// Gives `version` a share of the binding's new invocations, in thousandths from 1 to 1000, within
    /// the usual bounds: see [`Fabric::canary_within`].
    ///
    /// # Errors
    ///
    /// As for [`Fabric::canary_within`].
    pub async fn canary(
        &self,
        binding: &str,
        version: &Version,
        share: u16,
        decision: Decision,
    ) -> Result<(), FabricError> {
        self.canary_within(binding, version, share, Bounds::default(), decision)
            .await
    }

    /// Gives `version` a share of the binding's new invocations, in thousandths from 1 to 1000. A
    /// canary gets another share or other bounds the same way. The fabric withdraws it when its runs
    /// break the bounds.
    ///
    /// # Errors
    ///
    /// As for [`Fabric::promote`]; and if the binding is ordered, has another canary, the share is
    /// none, or it would be judged after no run or after more than are looked at.
    pub async fn canary_within(
        &self,
        binding: &str,
        version: &Version,
        share: u16,
        bounds: Bounds,
        decision: Decision,
    ) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        self.refuse_overtaken(&row)?;
        if !(1..=1_000).contains(&share) {
            return Err(FabricError::Share(share));
        }
        if !(1..=WINDOW).contains(&bounds.least_runs) {
            return Err(FabricError::LeastRuns(bounds.least_runs));
        }
        if row.document.contract.ordered {
            return Err(FabricError::OrderedCanary {
                binding: binding.into(),
                version: version.clone(),
            });
        }
        let version = self.fitting(&row, version).await?;
        self.check_allowed(&row, &version.measurement).await?;
        let kept = self.shared_state(&row, &version).await?;
        let (id, basis) = (row.document.id(), Basis::from(&row));
        let at = self.seams.clock.now();
        let moves = self
            .journal
            .commit(move |writing| {
                writing.keep_state_version(&id, kept.seen, kept.version)?;
                writing.keep_bounds(&id, &bounds)?;
                writing.move_version(&NewMove {
                    binding: &id,
                    version: &version,
                    kind: MoveKind::Canaried,
                    basis: Some(&basis),
                    share: Some(share),
                    decision: &decision,
                    at,
                    state: None,
                })
            })
            .await?;
        self.tell_moves(binding, moves);
        Ok(())
    }

    /// Takes a candidate back: it neither runs in shadow nor gets new invocations any more. Those
    /// that were accepted for a canary still run on it.
    ///
    /// # Errors
    ///
    /// If the version is not deployed, or no candidate.
    pub async fn withdraw(
        &self,
        binding: &str,
        version: &Version,
        decision: Decision,
    ) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        let version = self.deployed(&row.document.binding.cryptlet, version)?;
        self.make_move(&row, version, MoveKind::Withdrawn, None, decision)
            .await
    }

    /// Ends a version's life under the binding. Its bytes stay, so that its receipts can be
    /// replayed.
    ///
    /// # Errors
    ///
    /// If the version is not deployed, runs or is tried out, or accepted invocations wait for it.
    pub async fn retire(
        &self,
        binding: &str,
        version: &Version,
        decision: Decision,
    ) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        let version = self.deployed(&row.document.binding.cryptlet, version)?;
        let measurement = version.measurement;
        self.make_move(&row, version, MoveKind::Retired, None, decision)
            .await?;
        self.forget_retired(&measurement)
    }

    /// Notices of every move of every binding's versions from now on.
    ///
    /// Whoever falls behind by more notices than are kept misses the oldest and looks at
    /// [`Journal::version_moves_from`](crate::journal::Journal::version_moves_from).
    #[must_use]
    pub fn subscribe_versions(&self) -> broadcast::Receiver<VersionNotice> {
        self.version_notices.subscribe()
    }

    /// Makes another version the active one, if it is still another when that is written.
    async fn switch(
        &self,
        row: &BindingRow,
        version: &Version,
        kind: MoveKind,
        decision: Decision,
    ) -> Result<(), FabricError> {
        self.refuse_overtaken(row)?;
        if *version == row.active {
            return Err(FabricError::AlreadyActive {
                binding: row.document.binding.name.clone(),
                version: version.clone(),
            });
        }
        let version = self.fitting(row, version).await?;
        if kind == MoveKind::Promoted {
            self.check_shadow_runs(&row.document, &row.active, &version.version)?;
            // What ran before was allowed then, and a rollback must not wait for a node.
            self.check_allowed(row, &version.measurement).await?;
        } else {
            self.refuse_revoked(row, &version.measurement)?;
        }
        let StateStep { step, kept } = self.state_step(row, &version).await?;
        match step {
            Step::Keep => {
                self.make_move(row, version, kind, Some(kept), decision)
                    .await
            }
            Step::Migrate(_) | Step::Restore(_) => {
                self.move_with_state(row, version, kind, decision, step)
                    .await
            }
        }
    }

    /// A deployed version of the bound cryptlet, if it may run under the binding; compiled, so that
    /// its first invocation does not wait for that.
    async fn fitting(
        &self,
        row: &BindingRow,
        version: &Version,
    ) -> Result<VersionRow, FabricError> {
        let version = self.deployed(&row.document.binding.cryptlet, version)?;
        let cryptlet = self.cryptlet(&version.measurement).await?;
        self.check_version(&row.document, &cryptlet).await?;
        Ok(version)
    }

    /// Makes one move, in one commit with its leaf and whatever goes with it.
    async fn make_move(
        &self,
        row: &BindingRow,
        version: VersionRow,
        kind: MoveKind,
        kept: Option<KeptState>,
        decision: Decision,
    ) -> Result<(), FabricError> {
        let id: BindingId = row.document.id();
        // A version leaves on nobody's account.
        let basis = (!matches!(kind, MoveKind::Withdrawn | MoveKind::Retired)).then(|| row.into());
        let at = self.seams.clock.now();
        let moves = self
            .journal
            .commit(move |writing| {
                if let Some(kept) = kept {
                    writing.keep_state_version(&id, kept.seen, kept.version)?;
                }
                writing.move_version(&NewMove {
                    binding: &id,
                    version: &version,
                    kind,
                    basis: basis.as_ref(),
                    share: None,
                    decision: &decision,
                    at,
                    state: None,
                })
            })
            .await?;
        self.tell_moves(&row.document.binding.name, moves);
        Ok(())
    }

    /// Tells of moves that are durable.
    pub(crate) fn tell_moves(&self, binding: &str, moves: Vec<VersionMove>) {
        for moved in moves {
            if let Err(error) = self.shadows.moved(&self.journal, binding, &moved) {
                tracing::error!(binding, %error, "what runs in shadow is not known");
            }
            self.watch(binding, &moved);
            tracing::info!(
                binding,
                version = %moved.version,
                measurement = %moved.measurement,
                from = %moved.from,
                to = %moved.to,
                by = moved.by,
                reason = moved.reason,
                "version moved"
            );
            // Nobody may be listening.
            drop(self.version_notices.send(VersionNotice {
                binding: binding.into(),
                moved,
            }));
        }
    }
}
