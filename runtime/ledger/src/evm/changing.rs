use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolCall;
use cryptlet_contracts::{Approval, Bindings, ChangeMessage, ChangeTerms, CryptoDelegate};

use super::connection::Called;
use super::ledger::EvmLedger;
use super::sending::Draft;
use crate::LedgerError;

alloy::sol! {
    /// What ERC-1271 asks of a contract that signs.
    function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
}

/// What a contract wallet answers to a signature of its own: the function's selector.
const IS_VALID: [u8; 4] = isValidSignatureCall::SELECTOR;

/// A pair of binding version and measurement that the counterparties allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Deliveries may name the pair from this block time on; seconds since 1970.
    pub usable_from: u64,
    /// What a revocation must name.
    pub nonce: u64,
}

/// How a change stands at the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeStanding {
    /// The gateway has not heard of it and would take it now.
    Absent,
    /// Another change must come before it, for a revocation the one that it revokes: the gateway's
    /// next nonce is this.
    Early {
        /// The gateway's next nonce.
        next: u64,
    },
    /// The gateway has it.
    Carried {
        /// It counts from this block time on; seconds since 1970, 0 for a change that counts already.
        from: u64,
        /// Whether a final block says so; before that a reorganisation can undo it.
        is_final: bool,
    },
    /// It can never take effect.
    Dead {
        /// Why, in words.
        reason: String,
    },
}

impl EvmLedger {
    /// Everything of a transaction that carries a change but its nonce. Approvals ascend by
    /// counterparty.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] if the gateway would not take it; [`LedgerError::FeeAboveCap`] or
    /// [`LedgerError::CannotPay`] if the price is in the way; else what the node's answer, or its
    /// lack, is.
    pub async fn draft_change(
        &self,
        message: &ChangeMessage,
        approvals: &[Approval],
    ) -> Result<Draft, LedgerError> {
        // Without approvals there is no call; an empty one is refused by the gateway.
        self.draft_call(message.call(approvals).unwrap_or_default())
            .await
    }

    /// How a change stands at the gateway, for good if a final block says so.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn standing_of(
        &self,
        message: &ChangeMessage,
    ) -> Result<ChangeStanding, LedgerError> {
        let head = self.head().await?;
        let standing = self.standing_at(message, BlockId::latest()).await?;
        let ChangeStanding::Carried { from, .. } = standing else {
            return Ok(standing);
        };
        let settled = self
            .standing_at(message, BlockId::number(head.final_number))
            .await?;
        Ok(ChangeStanding::Carried {
            from,
            is_final: matches!(settled, ChangeStanding::Carried { .. }),
        })
    }

    /// What the gateway allows of a binding, by its latest block; none if it does not, or does not
    /// know the binding.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn allowance(
        &self,
        id: B256,
        version: B256,
        measurement: B256,
    ) -> Result<Option<Allowance>, LedgerError> {
        self.allowance_at(id, version, measurement, BlockId::latest())
            .await
    }

    /// The nonce that the next change of a binding must carry; none if the gateway does not know
    /// the binding.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn next_change(&self, id: B256) -> Result<Option<u64>, LedgerError> {
        let state = self.binding_at(id, BlockId::latest()).await?;
        Ok(state.map(|state| state.changeNonce))
    }

    /// Whether a contract wallet says that a signature is its own (ERC-1271). An account without
    /// code, and a contract that answers anything else, says no.
    ///
    /// The answer is that of the latest block: a wallet may change its mind.
    ///
    /// # Errors
    ///
    /// What the node's answer, or its lack, is.
    pub async fn is_signature_of_wallet(
        &self,
        wallet: Address,
        digest: B256,
        signature: &Bytes,
    ) -> Result<bool, LedgerError> {
        let call = isValidSignatureCall {
            hash: digest,
            signature: signature.clone(),
        };
        let called = self
            .connection
            .call(None, wallet, call.abi_encode().into(), BlockId::latest())
            .await?;
        Ok(match called {
            // A bytes4 is padded to a word, and some wallets leave more behind it.
            Called::Returned(returned) => {
                returned.len() >= 32
                    && returned[..4] == IS_VALID
                    && returned[4..32].iter().all(|byte| *byte == 0)
            }
            Called::Reverted(_) => false,
        })
    }

    async fn standing_at(
        &self,
        message: &ChangeMessage,
        block: BlockId,
    ) -> Result<ChangeStanding, LedgerError> {
        let Some(state) = self.binding_at(message.binding(), block).await? else {
            return Ok(ChangeStanding::Early { next: 0 });
        };
        let carried = |from| ChangeStanding::Carried {
            from,
            is_final: false,
        };
        let dead = |reason: String| ChangeStanding::Dead { reason };
        match message {
            ChangeMessage::Revoke(revoke) => {
                let known = self
                    .allowance_at(
                        revoke.binding,
                        revoke.bindingVersion,
                        revoke.measurement,
                        block,
                    )
                    .await?;
                Ok(match known {
                    // Before that, the gateway may still come to allow it.
                    None if state.changeNonce > revoke.nonce => carried(0),
                    None => ChangeStanding::Early {
                        next: state.changeNonce,
                    },
                    Some(known) if known.nonce == revoke.nonce => ChangeStanding::Absent,
                    Some(known) => dead(format!(
                        "the pair was allowed anew by change {}, and this revokes change {}",
                        known.nonce, revoke.nonce
                    )),
                })
            }
            ChangeMessage::Allow(allow) => {
                let known = self
                    .allowance_at(
                        allow.binding,
                        allow.bindingVersion,
                        allow.measurement,
                        block,
                    )
                    .await?;
                Ok(match known {
                    Some(known) if known.nonce == allow.nonce => carried(known.usable_from),
                    Some(known) => dead(format!(
                        "the pair is allowed already, by change {}",
                        known.nonce
                    )),
                    None if state.changeNonce > allow.nonce => dead(format!(
                        "change {} was another one, or what it allowed was revoked",
                        allow.nonce
                    )),
                    None => by_nonce(allow.nonce, state.changeNonce),
                })
            }
            ChangeMessage::Terms(wanted) if state.changeNonce > wanted.nonce => {
                let pending = self.pending_terms(wanted.binding, block).await?;
                Ok(if is_pending(&pending, wanted) {
                    carried(pending.effectiveFrom)
                } else if is_in_force(&state, wanted) {
                    carried(0)
                } else {
                    dead(format!(
                        "change {} was another one, or a later one has replaced it",
                        wanted.nonce
                    ))
                })
            }
            ChangeMessage::Terms(wanted) => Ok(by_nonce(wanted.nonce, state.changeNonce)),
        }
    }

    async fn allowance_at(
        &self,
        id: B256,
        version: B256,
        measurement: B256,
        block: BlockId,
    ) -> Result<Option<Allowance>, LedgerError> {
        let call = CryptoDelegate::allowanceCall {
            id,
            bindingVersion: version,
            measurement,
        }
        .abi_encode();
        let Some(returned) = self.ask_about(call.into(), block).await? else {
            return Ok(None);
        };
        let known = self.answer(
            CryptoDelegate::allowanceCall::abi_decode_returns(&returned)
                .map_err(|error| error.to_string()),
        )?;
        Ok((known.usableFrom != 0).then_some(Allowance {
            usable_from: known.usableFrom,
            nonce: known.nonce,
        }))
    }

    async fn pending_terms(
        &self,
        id: B256,
        block: BlockId,
    ) -> Result<Bindings::Change, LedgerError> {
        let call = CryptoDelegate::pendingTermsCall { id }.abi_encode();
        let returned = self.ask_about(call.into(), block).await?;
        self.answer(
            CryptoDelegate::pendingTermsCall::abi_decode_returns(&returned.unwrap_or_default())
                .map_err(|error| error.to_string()),
        )
    }
}

fn by_nonce(wanted: u64, next: u64) -> ChangeStanding {
    if wanted == next {
        ChangeStanding::Absent
    } else {
        ChangeStanding::Early { next }
    }
}

fn is_pending(pending: &Bindings::Change, wanted: &ChangeTerms) -> bool {
    pending.effectiveFrom != 0
        && pending.consumer == wanted.consumer
        && pending.signerThreshold == wanted.signerThreshold
        && pending.ordered == wanted.ordered
        && pending.versionDelay == wanted.versionDelay
}

fn is_in_force(state: &Bindings::BindingState, wanted: &ChangeTerms) -> bool {
    state.consumer == wanted.consumer
        && state.signerThreshold == wanted.signerThreshold
        && state.ordered == wanted.ordered
        && state.versionDelay == wanted.versionDelay
}
