//! Whether a newer journal than this one existed, by what the chain has of it.

use alloy_primitives::B256;

use crate::advance::{Progress, Waiting};
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::BindingRow;

impl Fabric {
    /// Asks the gateway, once for each binding and process, for the delivery that this journal would
    /// make next. If it has that, the journal is an old copy: whatever it does would be done twice,
    /// and its log would go another way. Returns whether the binding may go on.
    ///
    /// A node that does not answer says nothing; it is asked again at the next pass.
    pub(crate) async fn is_newest(
        &self,
        row: &BindingRow,
        progress: &mut Progress,
    ) -> Result<bool, FabricError> {
        let binding = &row.document;
        let id = binding.id();
        let turn = self.turns.of(&id);
        let found = turn
            .overtaken
            .get_or_try_init(|| async {
                let next = self.journal.standing(&id)?.next_delivery;
                let delivered = self
                    .ledger(binding)?
                    .delivered(B256::from(*id.as_bytes()), next)
                    .await?;
                // It may have come from here while the node took its time.
                let is_ours = self.journal.standing(&id)?.next_delivery > next;
                Ok(delivered
                    .filter(|_| !is_ours)
                    .map(|record| overtaken(next, &record.receipt_hash)))
            })
            .await;
        match found {
            Ok(None) => Ok(true),
            Ok(Some(reason)) => {
                progress.waiting.push(Waiting {
                    binding: binding.binding.name.clone(),
                    delivery: None,
                    reason: reason.clone(),
                });
                Ok(false)
            }
            Err(error @ FabricError::Journal(_)) => Err(error),
            Err(error) => {
                tracing::debug!(binding = binding.binding.name, %error, "the gateway was not asked");
                Ok(true)
            }
        }
    }

    /// Refuses whatever would be signed for a binding that [`Fabric::is_newest`] has found to be an
    /// old copy. Asks nobody: a message must not wait for a node.
    pub(crate) fn refuse_overtaken(&self, row: &BindingRow) -> Result<(), FabricError> {
        let turn = self.turns.of(&row.id);
        match turn.overtaken.get() {
            Some(Some(reason)) => Err(FabricError::Overtaken {
                binding: row.document.binding.name.clone(),
                reason: reason.clone(),
            }),
            _ => Ok(()),
        }
    }
}

fn overtaken(delivery: u64, receipt: &B256) -> String {
    format!(
        "the gateway has delivery {delivery} with receipt {receipt}, which this journal has not made: it is an old copy, or two hosts work on this binding; restore the newest journal, or stop one of them"
    )
}
