//! Events of the contract, taken in once they are final.

use cryptlet_attest::BindingId;
use cryptlet_container::{Position, Trigger};
use cryptlet_ledger::{ContractEvent, EvmLedger};

use crate::advance::{Follows, Progress, Waiting};
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{BindingRow, JournalError};
use crate::shares::Full;

impl Fabric {
    /// Accepts final events that wake the binding, in one commit with the place read up to. Gives
    /// the first block whose events it has not read.
    pub(crate) async fn accept_events(
        &self,
        row: &BindingRow,
        progress: &mut Progress,
    ) -> Result<u64, FabricError> {
        let binding = &row.document;
        let wanted: Vec<_> = binding
            .contract
            .events
            .iter()
            .filter(|event| {
                let name = event.name();
                binding
                    .triggers
                    .contract_events
                    .iter()
                    .any(|wanted| wanted == name)
            })
            .cloned()
            .collect();
        if wanted.is_empty() {
            return Ok(u64::MAX);
        }
        progress.follows = progress.follows.max(Follows::Blocks);
        if let Some(reason) = self.no_room_for_events(&binding.id())? {
            // Nothing is lost: the chain keeps them.
            progress.waiting.push(Waiting {
                binding: binding.binding.name.clone(),
                delivery: None,
                reason,
            });
            return Ok(row.next_block);
        }
        let ledger: &EvmLedger = self.ledger(binding)?;
        let scan = ledger
            .events(binding.contract.consumer, &wanted, row.next_block)
            .await?;
        if scan.events.is_empty() && scan.next_block < row.next_block.saturating_add(QUIET_BLOCKS) {
            return Ok(scan.next_block);
        }
        let mut accepting = Vec::with_capacity(scan.events.len());
        for event in scan.events {
            let occurrence = format!(
                "event/{}/{}/{}",
                event.position.chain, event.position.transaction, event.log_index
            );
            accepting.push(self.accepting(row, trigger(event)?, occurrence)?);
        }
        let id = binding.id();
        let turn = self.turns.of(&id);
        let _accepting = turn.accepting.read().await;
        let numbers = self
            .journal
            .commit(move |writing| {
                let numbers = accepting
                    .into_iter()
                    .map(|accepting| accepting.write(writing))
                    .collect::<Result<Vec<_>, _>>()?;
                writing.read_up_to(&id, scan.next_block)?;
                Ok(numbers)
            })
            .await?;
        for accepted in numbers {
            self.reached_accepted(&binding.binding.name, accepted);
            progress.accepted += usize::from(accepted.is_new);
        }
        Ok(scan.next_block)
    }

    /// Why events are not read now; none if they are. A contract that emits many must not fill the
    /// queue of all bindings.
    fn no_room_for_events(&self, binding: &BindingId) -> Result<Option<String>, FabricError> {
        let (waiting, limit) = (self.journal.waiting_under(binding)?, self.queue_limit());
        if waiting >= limit {
            return Ok(Some(format!(
                "{waiting} invocations of the binding wait, and {limit} may; events are read again when some have run"
            )));
        }
        Ok(self.backlog.full().map(|Full { waiting, limit }| {
            format!(
                "{waiting} invocations of all bindings wait, and {limit} may; events are read again when some have run"
            )
        }))
    }
}

/// How many blocks without an event are read again after a restart rather than remembered: a
/// durable commit for each empty block would cost more than reading it twice.
const QUIET_BLOCKS: u64 = 1_000;

fn trigger(event: ContractEvent) -> Result<Trigger, FabricError> {
    let log_index = u32::try_from(event.log_index).map_err(|_| {
        JournalError::Conflict(format!(
            "log index {} is beyond what a block holds",
            event.log_index
        ))
    })?;
    Ok(Trigger::ContractEvent {
        name: event.name,
        fields: event.fields,
        position: Position {
            chain: event.position.chain,
            block: event.position.block,
            block_hash: event.position.block_hash.to_vec(),
            transaction: event.position.transaction.to_vec(),
        },
        log_index,
    })
}
