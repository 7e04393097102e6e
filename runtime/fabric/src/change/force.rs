//! Changes that count: in force here in one commit.

use alloy_primitives::B256;
use cryptlet_attest::Measurement;

use super::document::ChangeKind;
use crate::advance::Progress;
use crate::binding::Binding;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{BindingRow, ChangeRow, ChangeStatus, RegistrationStatus, VersionRow};

impl Fabric {
    /// Brings a change into force that the gateway counts, by its final block.
    pub(crate) async fn bring_into_force(&self, change: &ChangeRow) -> Result<(), FabricError> {
        let proposed = &change.change;
        let name = &proposed.in_force.binding.name;
        let row = change.clone();
        if proposed.kind != ChangeKind::Change {
            self.journal
                .commit(move |writing| {
                    let id = row.change.in_force.id();
                    writing.tell_of_pair(&row.change)?;
                    writing.move_change(&id, row.number, ChangeStatus::Active, None, None)
                })
                .await?;
            tracing::info!(binding = name, change = change.number, kind = %proposed.kind, "a change is in force");
            return Ok(());
        }
        // What happened before the change counts belongs to the old document, unless the binding
        // pauses: then it waits for the new one.
        let turn = self.turns.of(&proposed.in_force.id());
        let _reading = turn.reading.lock().await;
        let before = self.binding(name)?;
        if before.paused_by.is_none() {
            self.accept_events(&before, &mut Progress::default())
                .await?;
        }
        let to = self.begins_with(&proposed.document)?;
        let at = self.seams.clock.now();
        let moves = self
            .journal
            .commit(move |writing| writing.bring_into_force(&row, &to, at))
            .await?;
        self.tell_moves(name, moves);
        tracing::info!(binding = name, change = change.number, version = %proposed.version, "a change is in force");
        Ok(())
    }

    /// The deployed version that a document begins with.
    fn begins_with(&self, document: &Binding) -> Result<VersionRow, FabricError> {
        let agreement = &document.binding;
        self.journal
            .versions()?
            .into_iter()
            .find(|row| {
                row.cryptlet == agreement.cryptlet && row.measurement == agreement.measurement
            })
            .ok_or(FabricError::NotDeployed(agreement.measurement))
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
