//! Changes that count: in force here in one commit.

use alloy_primitives::B256;
use cryptlet_attest::Measurement;

use super::document::{Change, ChangeKind};
use crate::advance::Progress;
use crate::binding::Binding;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{BindingRow, ChangeRow, RegistrationStatus, VersionRow};

impl Fabric {
    /// Brings a change into force that the gateway counts, by its final block. Returns why that must
    /// wait, if it must.
    pub(crate) async fn bring_into_force(
        &self,
        change: &ChangeRow,
    ) -> Result<Option<String>, FabricError> {
        let proposed = &change.change;
        let name = &proposed.in_force.binding.name;
        let row = change.clone();
        let at = self.seams.clock.now();
        let moves = if proposed.kind == ChangeKind::Change {
            let turn = self.turns.of(&proposed.in_force.id());
            let _reading = turn.reading.lock().await;
            if let Some(reason) = self.read_what_came_before(proposed).await? {
                return Ok(Some(reason));
            }
            let to = self.begins_with(&proposed.document)?;
            let kept = match self.inherited_state(&self.binding(name)?, &to).await {
                Err(FabricError::State(refused)) => return Ok(Some(refused.to_string())),
                kept => kept?,
            };
            self.journal
                .commit(move |writing| writing.bring_into_force(&row, &to, kept, at))
                .await?
        } else {
            self.journal
                .commit(move |writing| writing.let_run_or_stop(&row, at))
                .await?
        };
        self.tell_moves(name, moves);
        tracing::info!(binding = name, change = change.number, kind = %proposed.kind, version = %proposed.version, "a change is in force");
        Ok(None)
    }

    /// Accepts the events of final blocks that belong to the document in force: all that came before
    /// another one counts, however many they are. A binding that pauses leaves them to the new
    /// document, unless that reads elsewhere and would never see them.
    ///
    /// Returns why they cannot be accepted now, if they cannot.
    async fn read_what_came_before(&self, change: &Change) -> Result<Option<String>, FabricError> {
        let name = &change.in_force.binding.name;
        let (before, after) = (&change.in_force.contract, &change.document.contract);
        let reads_on = before.consumer == after.consumer && before.from_block == after.from_block;
        if reads_on && self.binding(name)?.paused_by.is_some() {
            return Ok(None);
        }
        let last = self.ledger(&change.in_force)?.head().await?.final_number;
        let mut reached = None;
        loop {
            let row = self.binding(name)?;
            let mut progress = Progress::default();
            let next = self.accept_events(&row, &mut progress).await?;
            if next > last {
                return Ok(None);
            }
            if let Some(waiting) = progress.waiting.pop() {
                return Ok(Some(waiting.reason));
            }
            if reached.is_some_and(|reached| next <= reached) {
                return Ok(Some(format!(
                    "the node gives no events from block {next} on, and those up to block {last} belong to the document in force"
                )));
            }
            reached = Some(next);
        }
    }

    /// The deployed version that a document begins with.
    pub(super) fn begins_with(&self, document: &Binding) -> Result<VersionRow, FabricError> {
        let agreement = &document.binding;
        self.journal
            .versions()?
            .into_iter()
            .find(|row| {
                row.cryptlet == agreement.cryptlet && row.measurement == agreement.measurement
            })
            .ok_or(FabricError::NotDeployed(agreement.measurement))
    }

    /// Refuses a module that the journal knows to be revoked under the document in force, without
    /// asking a node.
    pub(crate) fn refuse_revoked(
        &self,
        row: &BindingRow,
        measurement: &Measurement,
    ) -> Result<(), FabricError> {
        let id = row.document.id();
        let Some(change) = self.journal.revoked_by(&id, &row.version, measurement)? else {
            return Ok(());
        };
        let name = &row.document.binding.name;
        Err(FabricError::NotAllowed {
            binding: name.clone(),
            measurement: *measurement,
            reason: format!("change {change} revoked it"),
            remedy: format!(
                "promote another version, or have its counterparties sign what `cryptlet bind allow {name} {measurement}` proposes, and promote it"
            ),
        })
    }

    /// Refuses a module that the gateway would refuse the deliveries of: the counterparties have not
    /// allowed it for the document in force, or have revoked it, or its delay is not over.
    ///
    /// Before the gateway has the binding there is nobody to ask; it refuses by itself then.
    pub(crate) async fn check_allowed(
        &self,
        row: &BindingRow,
        measurement: &Measurement,
    ) -> Result<(), FabricError> {
        let document = &row.document;
        let id = document.id();
        if self.journal.registration(&id)? != Some(RegistrationStatus::Registered) {
            return Ok(());
        }
        let ledger = self.ledger(document)?;
        let refused = |reason: &str, remedy: String| FabricError::NotAllowed {
            binding: document.binding.name.clone(),
            measurement: *measurement,
            reason: reason.into(),
            remedy,
        };
        let allowance = ledger
            .allowance(
                B256::from(*id.as_bytes()),
                B256::from(*document.version().as_bytes()),
                B256::from(*measurement.as_bytes()),
            )
            .await?
            .ok_or_else(|| {
                refused(
                    "its counterparties have not allowed it, or one of them revoked it",
                    format!(
                        "have them sign what `cryptlet bind allow {} {measurement}` proposes",
                        document.binding.name
                    ),
                )
            })?;
        if ledger.head().await?.timestamp < allowance.usable_from {
            return Err(refused(
                "its agreed delay is not over",
                format!(
                    "promote it when the chain's time has passed {}",
                    allowance.usable_from
                ),
            ));
        }
        Ok(())
    }
}
