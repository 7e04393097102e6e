//! Deliveries on their way out: one transition of one delivery at a time, durable before it shows.

use alloy_primitives::{B256, Bytes};
use cryptlet_ledger::{
    Attempt, AttemptError, Broadcast, Delivery, DeliveryState, Draft, EvmLedger, Following, Head,
    Inclusion, InclusionStatus, LedgerError,
};

use crate::advance::{Follows, Progress, Waiting};
use crate::binding::Binding;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{AttemptRow, BindingRow, DeliveryRow, DeliveryStatus, Placement};
use crate::seams::Step;

/// What one look at a delivery led to.
enum Outcome {
    /// It stands elsewhere now; look again.
    Moved,
    /// Nothing to do before the chain has gone on.
    Pending,
    /// As many of the account's transactions are on their way as may be.
    NoRoom,
    /// Something must change first.
    Waits(String),
}

/// Where one look has left a delivery.
#[derive(PartialEq, Eq)]
enum Standing {
    Final,
    Open,
    /// No further transaction of the account can be made before some are included.
    NoRoom,
}

/// Most moves of one delivery in a pass: more than the way from sealed to final has. A node that
/// takes a transaction and denies it in the next breath must not keep us here.
const MOST_MOVES: usize = 8;

/// Most deliveries that come nearer to their end in a pass; the events that came meanwhile and the
/// other bindings' nonces wait for it.
const MOST_DELIVERIES: usize = 64;

impl Fabric {
    /// Takes a binding's deliveries as far as they can go now.
    ///
    /// An ordered binding's next delivery starts when the one before is final: the gateway takes
    /// them one after the other, and a failed callback stops the line until somebody deals with it.
    pub(crate) async fn deliver_all(
        &self,
        bound: &BindingRow,
        progress: &mut Progress,
    ) -> Result<(), FabricError> {
        let binding = &bound.document;
        let open = self.journal.open_deliveries(&binding.id())?;
        if open.is_empty() {
            return Ok(());
        }
        progress.follows = Follows::Transactions;
        let ledger = self.ledger(binding)?;
        let (mut has_room, mut nearer) = (true, 0);
        for row in open {
            if self.is_draining() || nearer == MOST_DELIVERIES {
                break;
            }
            if !has_room && row.status == DeliveryStatus::Sealed {
                continue;
            }
            let before = progress.moved;
            let agreed = self.agreed(bound, &row.binding_version)?;
            let standing = self.deliver_one(&agreed, ledger, row, progress).await?;
            if binding.contract.ordered && standing != Standing::Final {
                break;
            }
            has_room &= standing != Standing::NoRoom;
            nearer += usize::from(progress.moved > before);
        }
        Ok(())
    }

    async fn deliver_one(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        mut row: DeliveryRow,
        progress: &mut Progress,
    ) -> Result<Standing, FabricError> {
        for _ in 0..MOST_MOVES {
            let outcome = match row.status {
                DeliveryStatus::Sealed => self.build(binding, ledger, &row).await?,
                DeliveryStatus::Built => self.broadcast(binding, ledger, &row).await?,
                DeliveryStatus::Sent | DeliveryStatus::Included => {
                    self.follow(binding, ledger, &row).await?
                }
                DeliveryStatus::CallbackFailed => self.await_retry(binding, ledger, &row).await?,
                DeliveryStatus::Finalized | DeliveryStatus::Skipped => {
                    return Ok(Standing::Final);
                }
            };
            match outcome {
                Outcome::Moved => {
                    progress.moved += 1;
                    row = self.journal.delivery(&row)?.unwrap_or(row);
                }
                Outcome::Pending => return Ok(Standing::Open),
                Outcome::NoRoom => return Ok(Standing::NoRoom),
                Outcome::Waits(reason) => {
                    if row.refusal.as_ref() != Some(&reason) {
                        tracing::warn!(
                            binding = binding.binding.name,
                            delivery = row.delivery,
                            reason,
                            "a delivery waits"
                        );
                        let (kept, refusal) = (row.clone(), reason.clone());
                        self.journal
                            .commit(move |writing| writing.record_refusal(&kept, &refusal))
                            .await?;
                    }
                    progress.waiting.push(Waiting {
                        binding: binding.binding.name.clone(),
                        delivery: Some(row.delivery),
                        reason,
                    });
                    return Ok(Standing::Open);
                }
            }
        }
        Ok(Standing::Open)
    }

    /// Sealed: asks the chain whether it would take it, takes a nonce, signs, and writes all of
    /// that down before anybody else hears of it.
    async fn build(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        row: &DeliveryRow,
    ) -> Result<Outcome, FabricError> {
        if let Some(outcome) = self.already_delivered(binding, ledger, row).await? {
            return Ok(outcome);
        }
        // Before all that takes long, and without keeping others from their nonces.
        let pending = ledger.pending_nonce().await?;
        let next = self
            .account(binding)?
            .turn()
            .await
            .next_nonce(&self.journal, pending)?;
        match ledger.check_room(next).await {
            Err(LedgerError::LaneFull { .. }) => return Ok(Outcome::NoRoom),
            checked => checked?,
        }
        let head = ledger.head().await?;
        let (draft, valid_until) = match draft(binding, ledger, row, &head).await {
            Ok(drafted) => drafted,
            Err(
                refused @ (LedgerError::Refused { .. } | LedgerError::CallbackWouldFail { .. }),
            ) => return Ok(Outcome::Waits(refused.to_string())),
            Err(error) => return Err(error.into()),
        };
        let turn = self.account(binding)?.turn().await;
        let nonce = turn.next_nonce(&self.journal, ledger.pending_nonce().await?)?;
        let attempt = match ledger.sign(&draft, nonce).await {
            Ok(attempt) => attempt,
            // Others are on their way; there is room when they are included.
            Err(LedgerError::LaneFull { .. }) => return Ok(Outcome::NoRoom),
            Err(error) => return Err(error.into()),
        };
        self.keep_attempt(ledger, row, &attempt, valid_until, None)
            .await?;
        drop(turn);
        self.reached(Step::Built, &binding.binding.name, row.number);
        Ok(Outcome::Moved)
    }

    /// Another host, or this one before its journal was restored, may have delivered it.
    async fn already_delivered(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        row: &DeliveryRow,
    ) -> Result<Option<Outcome>, FabricError> {
        let id = B256::from(*row.binding.as_bytes());
        let Some(record) = ledger.delivered(id, row.delivery).await? else {
            return Ok(None);
        };
        if record.receipt_hash != B256::from(*row.receipt_hash.as_bytes()) {
            return Ok(Some(Outcome::Waits(format!(
                "the gateway has delivery {} with receipt {}, which is not in this journal; two journals deliver for this binding, stop one of them",
                row.delivery, record.receipt_hash
            ))));
        }
        if !record.is_final {
            return Ok(Some(Outcome::Pending));
        }
        self.move_to(row, status_of(record.state), None).await?;
        self.reached(Step::Finalized, &binding.binding.name, row.number);
        Ok(Some(Outcome::Moved))
    }

    /// Makes nonce and signed bytes durable; only then may they be broadcast.
    async fn keep_attempt(
        &self,
        ledger: &EvmLedger,
        row: &DeliveryRow,
        attempt: &Attempt,
        valid_until: u64,
        replaces: Option<[u8; 32]>,
    ) -> Result<(), FabricError> {
        let kept = AttemptRow {
            hash: attempt.hash.0,
            account: ledger.settings().account.clone(),
            nonce: attempt.nonce,
            raw: attempt.to_bytes(),
            valid_until,
        };
        let row = row.clone();
        self.journal
            .commit(move |writing| {
                if let Some(earlier) = replaces {
                    writing.bury_attempt(&earlier)?;
                }
                writing.record_attempt(&row, &kept)
            })
            .await?;
        Ok(())
    }

    /// Built: the same bytes as often as it takes.
    async fn broadcast(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        row: &DeliveryRow,
    ) -> Result<Outcome, FabricError> {
        let Some(kept) = self.journal.live_attempt(row)? else {
            return self.reopen(row, None).await;
        };
        self.hand_over(binding, ledger, row, &kept).await
    }

    /// Hands the signed bytes to the node, for the first time or again.
    async fn hand_over(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        row: &DeliveryRow,
        kept: &AttemptRow,
    ) -> Result<Outcome, FabricError> {
        let attempt = match Attempt::from_bytes(&kept.raw) {
            Ok(attempt) => attempt,
            Err(error) => return Ok(Outcome::Waits(unreadable(kept, &error))),
        };
        match ledger.broadcast(&attempt).await? {
            // What was sent before is where it was.
            Broadcast::AlreadyKnown if row.status != DeliveryStatus::Built => Ok(Outcome::Pending),
            Broadcast::Accepted if row.status == DeliveryStatus::Sent => Ok(Outcome::Pending),
            Broadcast::Accepted | Broadcast::AlreadyKnown => {
                self.reached(Step::Broadcast, &binding.binding.name, row.number);
                self.move_to(row, DeliveryStatus::Sent, None).await?;
                Ok(Outcome::Moved)
            }
            Broadcast::NonceTooLow => {
                if ledger.follow(attempt.hash).await? != Following::Unknown {
                    if row.status != DeliveryStatus::Built {
                        return Ok(Outcome::Pending);
                    }
                    self.move_to(row, DeliveryStatus::Sent, None).await?;
                    return Ok(Outcome::Moved);
                }
                if ledger.is_superseded(&attempt).await? {
                    return self.reopen(row, Some(kept)).await;
                }
                Ok(Outcome::Pending)
            }
            said => {
                let head = ledger.head().await?;
                if said == Broadcast::Underpriced || head.timestamp > kept.valid_until {
                    return self.renew(binding, ledger, row, kept, &head).await;
                }
                Ok(Outcome::Waits(format!(
                    "the node does not take transaction {}: {said}",
                    attempt.hash
                )))
            }
        }
    }

    /// Sent or included: until it is final, or can no longer happen.
    async fn follow(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        row: &DeliveryRow,
    ) -> Result<Outcome, FabricError> {
        let Some(kept) = self.journal.live_attempt(row)? else {
            return self.reopen(row, None).await;
        };
        match ledger.follow(B256::from(kept.hash)).await? {
            following @ (Following::Unknown | Following::Pending) => {
                let head = ledger.head().await?;
                if head.timestamp > kept.valid_until {
                    return self.renew(binding, ledger, row, &kept, &head).await;
                }
                if following == Following::Pending {
                    return Ok(Outcome::Pending);
                }
                // The node lost it, or a reorganisation did; or it has not heard yet what another
                // node of its service took. The same bytes again, which is no step nearer.
                self.hand_over(binding, ledger, row, &kept).await
            }
            Following::Included(inclusion) => {
                if row.status == DeliveryStatus::Included
                    && row.block_hash == Some(inclusion.position.block_hash.0)
                {
                    return Ok(Outcome::Pending);
                }
                self.move_to(row, DeliveryStatus::Included, Some(placement(&inclusion)))
                    .await?;
                self.reached(Step::Included, &binding.binding.name, row.number);
                Ok(Outcome::Moved)
            }
            Following::Finalized(inclusion) => self.conclude(binding, row, &kept, &inclusion).await,
        }
    }

    /// The transaction cannot take effect as it is: signs the same delivery with a new validity and
    /// a better fee, on the same nonce, so that at most one of the two takes effect. If the gateway
    /// will not have it any more, the nonce is spent on nothing, so that it holds up nobody.
    async fn renew(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        row: &DeliveryRow,
        kept: &AttemptRow,
        head: &Head,
    ) -> Result<Outcome, FabricError> {
        let earlier = match Attempt::from_bytes(&kept.raw) {
            Ok(earlier) => earlier,
            Err(error) => return Ok(Outcome::Waits(unreadable(kept, &error))),
        };
        let (attempt, valid_until) = match draft(binding, ledger, row, head).await {
            Ok((draft, valid_until)) => (ledger.sign_again(&draft, &earlier).await?, valid_until),
            Err(LedgerError::Refused { .. } | LedgerError::CallbackWouldFail { .. }) => {
                (ledger.cancel(&earlier).await?, NEVER)
            }
            Err(error) => return Err(error.into()),
        };
        self.keep_attempt(ledger, row, &attempt, valid_until, Some(kept.hash))
            .await?;
        self.reached(Step::Built, &binding.binding.name, row.number);
        Ok(Outcome::Moved)
    }

    async fn conclude(
        &self,
        binding: &Binding,
        row: &DeliveryRow,
        kept: &AttemptRow,
        inclusion: &Inclusion,
    ) -> Result<Outcome, FabricError> {
        let next = match (inclusion.status, inclusion.callback_ok()) {
            (InclusionStatus::Succeeded, Some(true)) => DeliveryStatus::Finalized,
            (InclusionStatus::Succeeded, Some(false)) => DeliveryStatus::CallbackFailed,
            // It used up its nonce and did nothing else.
            (InclusionStatus::Reverted, _) | (InclusionStatus::Succeeded, None) => {
                return self.reopen(row, Some(kept)).await;
            }
        };
        self.move_to(row, next, Some(placement(inclusion))).await?;
        self.reached(Step::Finalized, &binding.binding.name, row.number);
        Ok(Outcome::Moved)
    }

    /// The number is used up and the consumer said no; anybody may retry it on the chain.
    async fn await_retry(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        row: &DeliveryRow,
    ) -> Result<Outcome, FabricError> {
        let id = B256::from(*row.binding.as_bytes());
        match ledger.delivered(id, row.delivery).await? {
            Some(record) if record.is_final && record.state == DeliveryState::Succeeded => {
                self.move_to(row, DeliveryStatus::Finalized, None).await?;
                self.reached(Step::Finalized, &binding.binding.name, row.number);
                Ok(Outcome::Moved)
            }
            _ => Ok(Outcome::Waits(
                "the contract's callback failed; remove the cause and call retry on the gateway while the delivery is valid"
                    .into(),
            )),
        }
    }

    /// Gives up the attempt, if there is one, and starts the delivery again.
    async fn reopen(
        &self,
        row: &DeliveryRow,
        attempt: Option<&AttemptRow>,
    ) -> Result<Outcome, FabricError> {
        let (row, dead) = (row.clone(), attempt.map(|attempt| attempt.hash));
        self.journal
            .commit(move |writing| {
                if let Some(hash) = dead {
                    writing.bury_attempt(&hash)?;
                }
                writing.move_delivery(&row, DeliveryStatus::Sealed, None)
            })
            .await?;
        Ok(Outcome::Moved)
    }

    async fn move_to(
        &self,
        row: &DeliveryRow,
        next: DeliveryStatus,
        placement: Option<Placement>,
    ) -> Result<(), FabricError> {
        let row = row.clone();
        self.journal
            .commit(move |writing| writing.move_delivery(&row, next, placement))
            .await?;
        Ok(())
    }
}

fn status_of(state: DeliveryState) -> DeliveryStatus {
    match state {
        DeliveryState::Succeeded => DeliveryStatus::Finalized,
        DeliveryState::Failed => DeliveryStatus::CallbackFailed,
        DeliveryState::Skipped => DeliveryStatus::Skipped,
    }
}

fn unreadable(kept: &AttemptRow, error: &AttemptError) -> String {
    format!(
        "the journal's transaction {} cannot be read ({error}); restore a backup",
        B256::from(kept.hash)
    )
}

fn placement(inclusion: &Inclusion) -> Placement {
    Placement {
        block: inclusion.position.block,
        block_hash: inclusion.position.block_hash.0,
        gas_used: inclusion.gas_used,
    }
}

/// Chain time that no transaction of ours lives to see.
const NEVER: u64 = u32::MAX as u64;

/// What carries the delivery, or gives it up, and until when the gateway takes that.
async fn draft(
    binding: &Binding,
    ledger: &EvmLedger,
    row: &DeliveryRow,
    head: &Head,
) -> Result<(Draft, u64), LedgerError> {
    let key = &binding.keys.delivery;
    if row.given_up {
        let (id, receipt) = (
            B256::from(*row.binding.as_bytes()),
            B256::from(*row.receipt_hash.as_bytes()),
        );
        let draft = ledger.draft_skip(id, row.delivery, receipt, key).await?;
        return Ok((draft, NEVER));
    }
    let delivery = delivery(binding, row, head);
    Ok((ledger.draft(&delivery, key).await?, delivery.valid_until))
}

fn delivery(binding: &Binding, row: &DeliveryRow, head: &Head) -> Delivery {
    let validity = head.validity(binding.contract.validity_seconds);
    Delivery {
        binding: B256::from(*row.binding.as_bytes()),
        binding_version: B256::from(*row.binding_version.as_bytes()),
        delivery: row.delivery,
        measurement: B256::from(*row.measurement.as_bytes()),
        execution_hash: B256::from(*row.execution_hash.as_bytes()),
        receipt_hash: B256::from(*row.receipt_hash.as_bytes()),
        call: Bytes::from(row.call.clone()),
        not_before: validity.not_before,
        valid_until: validity.valid_until,
        gas_limit: binding.contract.gas_limit,
        max_fee: binding.contract.max_fee,
    }
}
