//! A binding on its way to its gateway: created there with the counterparties' approvals, unless it
//! is there already.

use alloy_primitives::B256;
use cryptlet_ledger::{Attempt, Broadcast, EvmLedger, Following, LedgerError};

use crate::advance::{Progress, Waiting};
use crate::binding::Binding;
use crate::error::FabricError;
use crate::fabric::Fabric;
use crate::journal::{AttemptRow, BindingRow, RegistrationStatus};

/// What one look at a registration led to.
enum Outcome {
    /// It stands elsewhere now; look again.
    Moved,
    /// Nothing to do before the chain has gone on.
    Pending,
    /// Something must change first.
    Waits(String),
    /// Something must change, but not before whatever else goes on.
    Lacks(String),
}

/// More than the way from open to registered has.
const MOST_MOVES: usize = 6;

impl Fabric {
    /// Sees to it that the gateway has the binding. Returns whether it does, for good, so that
    /// deliveries can go on.
    pub(crate) async fn register(
        &self,
        row: &BindingRow,
        progress: &mut Progress,
    ) -> Result<bool, FabricError> {
        let binding = &row.document;
        let id = binding.id();
        for _ in 0..MOST_MOVES {
            let outcome = match self.journal.registration(&id)? {
                None | Some(RegistrationStatus::Registered) => return Ok(true),
                Some(RegistrationStatus::Open) => self.create(row).await?,
                Some(RegistrationStatus::Built) => self.broadcast_creation(row).await?,
                Some(RegistrationStatus::Sent) => self.follow_creation(row).await?,
            };
            let goes_on = matches!(outcome, Outcome::Lacks(_));
            match outcome {
                Outcome::Moved => progress.moved += 1,
                Outcome::Pending => return Ok(false),
                Outcome::Waits(reason) | Outcome::Lacks(reason) => {
                    tracing::debug!(
                        binding = binding.binding.name,
                        reason,
                        "a binding is not on its chain"
                    );
                    progress.waiting.push(Waiting {
                        binding: binding.binding.name.clone(),
                        delivery: None,
                        reason,
                    });
                    return Ok(goes_on);
                }
            }
        }
        Ok(false)
    }

    /// Open: asks the gateway, and if it does not know the binding, takes a nonce, signs, and writes
    /// that down before anybody else hears of it.
    async fn create(&self, row: &BindingRow) -> Result<Outcome, FabricError> {
        let binding = &row.document;
        let ledger = self.ledger(binding)?;
        if let Some(known) = ledger.registration(&binding.terms()).await? {
            if let Some(difference) = known.difference {
                return Ok(Outcome::Waits(format!(
                    "the gateway has the binding with other terms: {difference}; have its counterparties change them there, or sign a binding with another salt"
                )));
            }
            if !known.is_final {
                return Ok(Outcome::Pending);
            }
            if !known.is_allowed {
                return Ok(Outcome::Lacks(format!(
                    "the gateway has the binding, but does not allow its version {} with measurement {}; have its counterparties sign AllowVersion",
                    binding.version(),
                    binding.binding.measurement
                )));
            }
            self.move_registration(binding, RegistrationStatus::Registered, None)
                .await?;
            tracing::info!(
                binding = binding.binding.name,
                "the gateway has the binding"
            );
            return Ok(Outcome::Moved);
        }
        let drafted = ledger
            .draft_registration(&binding.terms(), &binding.chain_approvals(&row.approvals))
            .await;
        let draft = match drafted {
            Ok(draft) => draft,
            Err(refused @ LedgerError::Refused { .. }) => {
                return Ok(Outcome::Waits(format!(
                    "the gateway does not create the binding: {refused}"
                )));
            }
            Err(error) => return Err(error.into()),
        };
        let overdue_after = overdue_after(binding, ledger).await?;
        let turn = self.account(binding)?.turn().await;
        let nonce = turn.next_nonce(&self.journal, ledger.pending_nonce().await?)?;
        let attempt = match ledger.sign(&draft, nonce).await {
            Ok(attempt) => attempt,
            Err(LedgerError::LaneFull { .. }) => return Ok(Outcome::Pending),
            Err(error) => return Err(error.into()),
        };
        self.keep_creation(binding, ledger, &attempt, overdue_after, None)
            .await?;
        drop(turn);
        Ok(Outcome::Moved)
    }

    /// Built: the same bytes as often as it takes.
    async fn broadcast_creation(&self, row: &BindingRow) -> Result<Outcome, FabricError> {
        let binding = &row.document;
        let ledger = self.ledger(binding)?;
        let Some((attempt, _)) = self.creation(binding)? else {
            self.move_registration(binding, RegistrationStatus::Open, None)
                .await?;
            return Ok(Outcome::Moved);
        };
        match ledger.broadcast(&attempt).await? {
            Broadcast::Accepted | Broadcast::AlreadyKnown => {
                self.move_registration(binding, RegistrationStatus::Sent, None)
                    .await?;
                Ok(Outcome::Moved)
            }
            Broadcast::NonceTooLow => {
                if ledger.follow(attempt.hash).await? != Following::Unknown {
                    self.move_registration(binding, RegistrationStatus::Sent, None)
                        .await?;
                    return Ok(Outcome::Moved);
                }
                if ledger.is_superseded(&attempt).await? {
                    self.move_registration(binding, RegistrationStatus::Open, Some(attempt.hash.0))
                        .await?;
                    return Ok(Outcome::Moved);
                }
                Ok(Outcome::Pending)
            }
            Broadcast::Underpriced => self.outbid_creation(row, ledger, &attempt).await,
            said => Ok(Outcome::Waits(format!(
                "the node does not take transaction {}, which creates the binding: {said}",
                attempt.hash
            ))),
        }
    }

    /// The same again for a better fee, on the same nonce. If somebody else has created the binding
    /// meanwhile, the nonce is spent on nothing, so that it holds up nobody.
    async fn outbid_creation(
        &self,
        row: &BindingRow,
        ledger: &EvmLedger,
        earlier: &Attempt,
    ) -> Result<Outcome, FabricError> {
        let binding = &row.document;
        let drafted = ledger
            .draft_registration(&binding.terms(), &binding.chain_approvals(&row.approvals))
            .await;
        let attempt = match drafted {
            Ok(draft) => ledger.sign_again(&draft, earlier).await?,
            Err(LedgerError::Refused { .. }) => ledger.cancel(earlier).await?,
            Err(error) => return Err(error.into()),
        };
        let overdue_after = overdue_after(binding, ledger).await?;
        self.keep_creation(binding, ledger, &attempt, overdue_after, Some(earlier.hash))
            .await?;
        Ok(Outcome::Moved)
    }

    /// Sent: until it is final; then the gateway is asked again, which has the last word.
    ///
    /// Everything else that the account sends waits behind it, so it is outbid when it has not been
    /// included for as long as a delivery would be given.
    async fn follow_creation(&self, row: &BindingRow) -> Result<Outcome, FabricError> {
        let binding = &row.document;
        let ledger = self.ledger(binding)?;
        let Some((attempt, overdue_after)) = self.creation(binding)? else {
            self.move_registration(binding, RegistrationStatus::Open, None)
                .await?;
            return Ok(Outcome::Moved);
        };
        match ledger.follow(attempt.hash).await? {
            Following::Included(_) => Ok(Outcome::Pending),
            following @ (Following::Pending | Following::Unknown) => {
                if ledger.head().await?.timestamp > overdue_after {
                    return self.outbid_creation(row, ledger, &attempt).await;
                }
                if following == Following::Pending {
                    return Ok(Outcome::Pending);
                }
                // The node lost it, or a reorganisation did; or it has not heard yet what another
                // node of its service took. The same bytes again, which is no step nearer.
                match self.broadcast_creation(row).await? {
                    Outcome::Moved => Ok(Outcome::Pending),
                    other => Ok(other),
                }
            }
            Following::Finalized(_) => {
                self.move_registration(binding, RegistrationStatus::Open, Some(attempt.hash.0))
                    .await?;
                Ok(Outcome::Moved)
            }
        }
    }

    /// The transaction that creates the binding, and the chain's time from which on it is overdue.
    fn creation(&self, binding: &Binding) -> Result<Option<(Attempt, u64)>, FabricError> {
        let Some(kept) = self.journal.registration_attempt(&binding.id())? else {
            return Ok(None);
        };
        Attempt::from_bytes(&kept.raw)
            .map(|attempt| Some((attempt, kept.valid_until)))
            .map_err(|error| FabricError::Transaction {
                hash: B256::from(kept.hash),
                reason: error.to_string(),
            })
    }

    async fn keep_creation(
        &self,
        binding: &Binding,
        ledger: &EvmLedger,
        attempt: &Attempt,
        overdue_after: u64,
        replaces: Option<B256>,
    ) -> Result<(), FabricError> {
        let id = binding.id();
        let name = binding.contract.ledger.clone();
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
                writing.record_registration_attempt(&id, &name, &kept)
            })
            .await?;
        Ok(())
    }

    async fn move_registration(
        &self,
        binding: &Binding,
        next: RegistrationStatus,
        dead: Option<[u8; 32]>,
    ) -> Result<(), FabricError> {
        let id = binding.id();
        self.journal
            .commit(move |writing| writing.move_registration(&id, next, dead))
            .await?;
        Ok(())
    }
}

/// The chain's time after which what is sent now is overdue.
pub(crate) async fn overdue_after(
    binding: &Binding,
    ledger: &EvmLedger,
) -> Result<u64, FabricError> {
    let head = ledger.head().await?;
    Ok(head.validity(binding.contract.validity_seconds).valid_until)
}
