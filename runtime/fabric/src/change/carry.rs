//! Signed changes on their way to the gateway: one message after the other, each by a transaction
//! that is durable before the network sees it.

use alloy_primitives::B256;
use cryptlet_contracts::{Approval, ChangeMessage};
use cryptlet_ledger::{Attempt, Broadcast, ChangeStanding, EvmLedger, Following, LedgerError};

use super::approval::{for_gateway, is_signed_by};
use crate::advance::{Follows, Progress, Waiting};
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{AttemptRow, BindingRow, ChangeRow, ChangeStatus};
use crate::register::overdue_after;

/// What one look at a change led to.
enum Outcome {
    /// It stands elsewhere now; look again.
    Moved,
    /// Nothing to do before the chain has gone on.
    Pending,
    /// Something must change first.
    Waits(String),
    /// The gateway has all of it in a final block, and it counts from this block time on.
    Carried(u64),
    /// It can never take effect.
    Dead(String),
    /// It can never be in force here, and the gateway has its terms all the same, for good.
    TermsAlone(String),
}

/// What becomes of a change with a message that can never take effect, by those `after` it.
async fn dead(
    ledger: &EvmLedger,
    after: &[ChangeMessage],
    reason: String,
) -> Result<Outcome, FabricError> {
    for message in after {
        match ledger.standing_of(message).await? {
            ChangeStanding::Carried { is_final: true, .. } => {
                return Ok(Outcome::TermsAlone(reason));
            }
            ChangeStanding::Carried { .. } => return Ok(Outcome::Pending),
            _ => {}
        }
    }
    Ok(Outcome::Dead(reason))
}

/// As many approvals of a message as it takes, and only such as hold now: the gateway checks all that
/// it is given, and a contract wallet may have changed its mind since it handed one in.
async fn still_genuine(
    ledger: &EvmLedger,
    change: &ChangeRow,
    place: usize,
) -> Result<Vec<Approval>, FabricError> {
    let digests = change.change.digests();
    let mut genuine = Vec::new();
    for approval in for_gateway(&change.change, &change.approvals, place) {
        if genuine.len() == change.change.required() {
            break;
        }
        let (counterparty, signature) = (approval.counterparty, &approval.signature);
        if is_signed_by(counterparty, digests[place], signature)
            || ledger
                .is_signature_of_wallet(counterparty, digests[place], signature)
                .await?
        {
            genuine.push(approval);
        }
    }
    Ok(genuine)
}

fn too_early(message: &ChangeMessage, next: u64) -> String {
    match message {
        ChangeMessage::Revoke(revoke) => format!(
            "the gateway has not taken change {}, which it revokes, and may still; it is carried right after that",
            revoke.nonce
        ),
        ChangeMessage::Allow(_) | ChangeMessage::Terms(_) => format!(
            "the gateway takes change {next} of the binding next; have the changes before this one carried, or propose it anew"
        ),
    }
}

/// More than the way from signed to carried has, for two messages.
const MOST_MOVES: usize = 12;

impl Fabric {
    /// Takes the binding's signed changes to the gateway, and brings into force what counts there.
    pub(crate) async fn carry_changes(
        &self,
        row: &BindingRow,
        progress: &mut Progress,
    ) -> Result<(), FabricError> {
        let mut failed = Ok(());
        for change in self.journal.open_changes(&row.document.id())? {
            progress.follows = progress.follows.max(match change.status {
                // It waits for the chain's time alone.
                ChangeStatus::Carried => Follows::Blocks,
                _ => Follows::Transactions,
            });
            match self.carry(row, &change, progress).await {
                Ok(None) => {}
                Ok(Some(reason)) => progress.waiting.push(Waiting {
                    binding: row.document.binding.name.clone(),
                    delivery: None,
                    reason: format!("change {}: {reason}", change.number),
                }),
                Err(error) if error.is_fatal() => return Err(error),
                // The next one may be the way out, such as a revocation.
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    /// Returns why the change cannot go on, if an operator can do something about it.
    async fn carry(
        &self,
        row: &BindingRow,
        change: &ChangeRow,
        progress: &mut Progress,
    ) -> Result<Option<String>, FabricError> {
        for _ in 0..MOST_MOVES {
            match self.look(row, change).await? {
                Outcome::Moved => progress.moved += 1,
                Outcome::Pending => return Ok(None),
                Outcome::Waits(reason) => return Ok(Some(reason)),
                Outcome::Dead(reason) => {
                    tracing::warn!(
                        binding = row.document.binding.name,
                        change = change.number,
                        reason,
                        "a change is refused"
                    );
                    self.move_change(change, ChangeStatus::Refused, Some(reason), None)
                        .await?;
                    progress.moved += 1;
                    return Ok(None);
                }
                Outcome::TermsAlone(reason) => {
                    self.refuse_and_stop(row, change, &reason).await?;
                    progress.moved += 1;
                    return Ok(None);
                }
                Outcome::Carried(from) => {
                    if change.status != ChangeStatus::Carried {
                        self.move_change(change, ChangeStatus::Carried, None, Some(from))
                            .await?;
                        progress.moved += 1;
                    }
                    let head = self.ledger(&row.document)?.head().await?;
                    if head.final_timestamp < from {
                        return Ok(None);
                    }
                    let waits = self.bring_into_force(change).await?;
                    progress.moved += usize::from(waits.is_none());
                    return Ok(waits);
                }
            }
        }
        Ok(None)
    }

    /// Looks at the transaction that is on its way, if there is one, or else at the gateway.
    async fn look(&self, row: &BindingRow, change: &ChangeRow) -> Result<Outcome, FabricError> {
        let id = row.document.id();
        let ledger = self.ledger(&row.document)?;
        if let Some(kept) = self.journal.change_attempt(&id, change.number)? {
            let attempt =
                Attempt::from_bytes(&kept.raw).map_err(|error| FabricError::Transaction {
                    hash: B256::from(kept.hash),
                    reason: error.to_string(),
                })?;
            return self
                .follow_change(row, change, ledger, &attempt, kept.valid_until)
                .await;
        }
        let mut counts_from = 0;
        let messages = change.change.messages();
        for (place, message) in messages.iter().enumerate() {
            match ledger.standing_of(message).await? {
                ChangeStanding::Carried {
                    is_final: false, ..
                } => return Ok(Outcome::Pending),
                ChangeStanding::Carried { from, .. } => counts_from = from.max(counts_from),
                ChangeStanding::Dead { reason } => {
                    return dead(ledger, &messages[place + 1..], reason).await;
                }
                ChangeStanding::Early { next } => {
                    return Ok(Outcome::Waits(too_early(message, next)));
                }
                ChangeStanding::Absent => {
                    return self.send_change(row, change, ledger, place, message).await;
                }
            }
        }
        Ok(Outcome::Carried(counts_from))
    }

    /// Takes a nonce, signs, and writes that down before anybody else hears of it.
    async fn send_change(
        &self,
        row: &BindingRow,
        change: &ChangeRow,
        ledger: &EvmLedger,
        place: usize,
        message: &ChangeMessage,
    ) -> Result<Outcome, FabricError> {
        let approvals = still_genuine(ledger, change, place).await?;
        let draft = match ledger.draft_change(message, &approvals).await {
            Ok(draft) => draft,
            Err(refused @ LedgerError::Refused { .. }) => {
                return Ok(Outcome::Waits(format!(
                    "the gateway does not take it: {refused}; hand in other signatures, or sign another change with --nonce {} in its place",
                    change.change.nonce
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let overdue_after = overdue_after(&row.document, ledger).await?;
        let turn = self.account(&row.document)?.turn().await;
        let nonce = turn.next_nonce(&self.journal, ledger.pending_nonce().await?)?;
        let attempt = match ledger.sign(&draft, nonce).await {
            Ok(attempt) => attempt,
            Err(LedgerError::LaneFull { .. }) => return Ok(Outcome::Pending),
            Err(error) => return Err(error.into()),
        };
        self.keep_change_attempt(row, change, ledger, &attempt, overdue_after, None)
            .await?;
        drop(turn);
        Ok(Outcome::Moved)
    }

    /// Until it is final; then the gateway is asked again, which has the last word.
    async fn follow_change(
        &self,
        row: &BindingRow,
        change: &ChangeRow,
        ledger: &EvmLedger,
        attempt: &Attempt,
        overdue_after: u64,
    ) -> Result<Outcome, FabricError> {
        let following = ledger.follow(attempt.hash).await?;
        match following {
            Following::Included(_) => return Ok(Outcome::Pending),
            Following::Finalized(_) => return self.bury_change(attempt).await,
            Following::Pending | Following::Unknown => {}
        }
        if ledger.head().await?.timestamp > overdue_after {
            return self.outbid_change(row, change, ledger, attempt).await;
        }
        if following == Following::Pending {
            return Ok(Outcome::Pending);
        }
        // Never sent, or lost by the node: the same bytes as often as it takes.
        match ledger.broadcast(attempt).await? {
            Broadcast::Accepted | Broadcast::AlreadyKnown => Ok(Outcome::Pending),
            Broadcast::NonceTooLow => {
                let is_lost = ledger.follow(attempt.hash).await? == Following::Unknown
                    && ledger.is_superseded(attempt).await?;
                if is_lost {
                    return self.bury_change(attempt).await;
                }
                Ok(Outcome::Pending)
            }
            Broadcast::Underpriced => self.outbid_change(row, change, ledger, attempt).await,
            said => Ok(Outcome::Waits(format!(
                "the node does not take transaction {}: {said}",
                attempt.hash
            ))),
        }
    }

    /// The same again for a better fee, on the same nonce. If somebody else has carried the change
    /// meanwhile, the nonce is spent on nothing, so that it holds up nobody.
    async fn outbid_change(
        &self,
        row: &BindingRow,
        change: &ChangeRow,
        ledger: &EvmLedger,
        earlier: &Attempt,
    ) -> Result<Outcome, FabricError> {
        let mut attempt = None;
        for (place, message) in change.change.messages().into_iter().enumerate() {
            if ledger.standing_of(&message).await? != ChangeStanding::Absent {
                continue;
            }
            let approvals = still_genuine(ledger, change, place).await?;
            match ledger.draft_change(&message, &approvals).await {
                Ok(draft) => attempt = Some(ledger.sign_again(&draft, earlier).await?),
                Err(LedgerError::Refused { .. }) => {}
                Err(error) => return Err(error.into()),
            }
            break;
        }
        let attempt = match attempt {
            Some(attempt) => attempt,
            None => ledger.cancel(earlier).await?,
        };
        let overdue_after = overdue_after(&row.document, ledger).await?;
        self.keep_change_attempt(
            row,
            change,
            ledger,
            &attempt,
            overdue_after,
            Some(earlier.hash),
        )
        .await?;
        Ok(Outcome::Moved)
    }

    async fn keep_change_attempt(
        &self,
        row: &BindingRow,
        change: &ChangeRow,
        ledger: &EvmLedger,
        attempt: &Attempt,
        overdue_after: u64,
        replaces: Option<B256>,
    ) -> Result<(), FabricError> {
        let (id, number) = (row.document.id(), change.number);
        let name = row.document.contract.ledger.clone();
        let kept = AttemptRow {
            hash: attempt.hash.0,
            account: ledger.settings().account.clone(),
            nonce: attempt.nonce,
            raw: attempt.to_bytes(),
            // The gateway takes the approvals whenever they come; this is when it is overdue.
            valid_until: overdue_after,
        };
        self.journal
            .commit(move |writing| {
                if let Some(earlier) = replaces {
                    writing.bury_attempt(&earlier.0)?;
                }
                writing.record_change_attempt(&id, number, &name, &kept)
            })
            .await?;
        Ok(())
    }

    async fn bury_change(&self, attempt: &Attempt) -> Result<Outcome, FabricError> {
        let hash = attempt.hash.0;
        self.journal
            .commit(move |writing| writing.bury_attempt(&hash))
            .await?;
        Ok(Outcome::Moved)
    }

    /// The counterparties have to put it right, and until then nothing new is accepted under a
    /// document that the gateway does not know.
    async fn refuse_and_stop(
        &self,
        row: &BindingRow,
        change: &ChangeRow,
        reason: &str,
    ) -> Result<(), FabricError> {
        tracing::warn!(
            binding = row.document.binding.name,
            change = change.number,
            reason,
            "a change is refused, of which the gateway has the terms"
        );
        let (id, number) = (change.change.in_force.id(), change.number);
        let reason = format!(
            "{reason}, and the gateway has its terms all the same; propose it anew, or another change of what it changes"
        );
        self.journal
            .commit(move |writing| {
                writing.move_change(&id, number, ChangeStatus::Refused, Some(&reason), None)?;
                writing.stop(&id, number)
            })
            .await?;
        Ok(())
    }

    async fn move_change(
        &self,
        change: &ChangeRow,
        next: ChangeStatus,
        reason: Option<String>,
        counts_from: Option<u64>,
    ) -> Result<(), FabricError> {
        let (id, number) = (change.change.in_force.id(), change.number);
        self.journal
            .commit(move |writing| {
                writing.move_change(&id, number, next, reason.as_deref(), counts_from)
            })
            .await?;
        Ok(())
    }
}
