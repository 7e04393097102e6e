//! Deliveries given up: numbers used up without a call, so that those after them can go on.

use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::DeliveryStatus;

impl Fabric {
    /// Gives up a delivery that its ledger will never take, so that it holds up its binding no
    /// longer. The next [`Fabric::deliver`] has the gateway use up its number without a call; a
    /// failed callback, whose number is used up already, is left at that.
    ///
    /// # Errors
    ///
    /// If there is no such delivery, it is final, or a transaction that may still deliver it is on
    /// its way.
    pub async fn skip(&self, binding: &str, delivery: u64) -> Result<(), FabricError> {
        let row = self.binding(binding)?;
        let id = row.document.id();
        let refused = |reason: String| FabricError::NotSkipped {
            binding: binding.into(),
            delivery,
            reason,
        };
        let turn = self.turns.of(&id);
        let _turn = turn.delivering.lock().await;
        let found = self
            .journal
            .open_deliveries(&id)?
            .into_iter()
            .find(|open| open.delivery == delivery)
            .ok_or_else(|| refused("it is not open; `cryptlet tx` shows those that are".into()))?;
        let number = found.number;
        match found.status {
            DeliveryStatus::Sealed | DeliveryStatus::CallbackFailed => {}
            under_way => {
                return Err(refused(format!(
                    "it is {under_way}, and its transaction may still take effect; wait until it has, or has expired"
                )));
            }
        }
        self.journal
            .commit(move |writing| {
                if found.status == DeliveryStatus::CallbackFailed {
                    return writing.move_delivery(&found, DeliveryStatus::Skipped, None);
                }
                writing.give_up(&found)
            })
            .await?;
        tracing::warn!(binding, delivery, number, "a delivery is given up");
        Ok(())
    }
}
