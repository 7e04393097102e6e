use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::primitives::{Address, Bytes, Signature};
use alloy::providers::Provider;
use alloy::transports::RpcError;

use super::classify::classify;
use super::connection::Called;
use super::delivery::Delivery;
use super::fees::{FeeAboveCap, FeeMarket, Fees};
use super::gateway;
use super::ledger::EvmLedger;
use super::refusal::refusal;
use super::transaction::UnsignedTransaction;
use crate::{Attempt, Broadcast, GasEstimate, LedgerError, SigningPurpose};

const BLOCKS_OF_FEE_HISTORY: u64 = 10;

/// Of what recent transactions paid to builders, the part that is enough to be included soon.
const REWARD_PERCENTILE: f64 = 20.0;

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;

/// A transaction of the ledger's account, checked and priced, that has no nonce yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub(super) to: Address,
    pub(super) input: Bytes,
    pub(super) gas_limit: u64,
    pub(super) fees: Fees,
    /// The highest price per gas that may be offered for it, in wei.
    pub(super) cap: u128,
}

impl Draft {
    fn new(to: Address, input: Bytes, estimate: GasEstimate, cap: u128) -> Self {
        Self {
            to,
            input,
            gas_limit: estimate.gas_limit,
            fees: Fees {
                max_fee_per_gas: estimate.max_fee_per_gas,
                max_priority_fee_per_gas: estimate.max_priority_fee_per_gas,
            },
            cap,
        }
    }
}

impl EvmLedger {
    /// Tries the delivery against the latest block, without leaving a trace: the
    /// gateway's checks, the consumer's callback as the gateway would make it, and
    /// what it would cost. Do this before a nonce is taken.
    ///
    /// It can only speak for the latest block: state may change until inclusion.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] if the gateway would not take it,
    /// [`LedgerError::CallbackWouldFail`] if the consumer would not,
    /// [`LedgerError::FeeAboveCap`] or [`LedgerError::CannotPay`] if the price is
    /// in the way, [`LedgerError::Signer`] without a signature; else what the
    /// node's answer, or its lack, is.
    pub async fn simulate(
        &self,
        delivery: &Delivery,
        delivery_key: &str,
    ) -> Result<GasEstimate, LedgerError> {
        let call = self.signed_call(delivery, delivery_key)?;
        self.estimate(delivery, call).await
    }

    /// Signs the delivery with its key and a transaction that carries it with the
    /// account's key. Checks everything [`EvmLedger::simulate`] checks. Nothing is
    /// sent: store the attempt durably, then [`EvmLedger::broadcast`] it.
    ///
    /// Where several tasks share the account, [`EvmLedger::draft`] what they send
    /// side by side and [`EvmLedger::sign`] one after the other.
    ///
    /// # Errors
    ///
    /// Those of [`EvmLedger::simulate`], and [`LedgerError::LaneFull`] if too many
    /// of the account's transactions are waiting.
    pub async fn build(
        &self,
        delivery: &Delivery,
        delivery_key: &str,
        nonce: u64,
    ) -> Result<Attempt, LedgerError> {
        self.check_room(nonce).await?;
        let draft = self.draft(delivery, delivery_key).await?;
        self.assemble(nonce, &draft)
    }

    /// Everything of a transaction that carries the delivery but its nonce, with all
    /// that takes long about it: checks, signature of the delivery, prices.
    ///
    /// # Errors
    ///
    /// Those of [`EvmLedger::simulate`].
    pub async fn draft(
        &self,
        delivery: &Delivery,
        delivery_key: &str,
    ) -> Result<Draft, LedgerError> {
        let call = self.signed_call(delivery, delivery_key)?;
        let estimate = self.estimate(delivery, call.clone()).await?;
        Ok(Draft::new(
            self.settings.gateway,
            call,
            estimate,
            self.fee_cap(delivery),
        ))
    }

    /// The same for any other call of the gateway, whose gas price nobody but the operator limits.
    pub(super) async fn draft_call(&self, call: Bytes) -> Result<Draft, LedgerError> {
        let gateway = self.settings.gateway;
        let gas = self
            .connection
            .estimate_gas(self.account, gateway, call.clone())
            .await?
            .map_err(|data: Bytes| LedgerError::Refused(Box::new(refusal(&data))))?;
        let cap = self.settings.max_fee_per_gas;
        Ok(Draft::new(gateway, call, self.price(gas, cap).await?, cap))
    }

    /// Whether a transaction with this nonce may join those that are on their way.
    ///
    /// # Errors
    ///
    /// [`LedgerError::LaneFull`] if too many of the account's transactions are
    /// waiting; else what the node's answer, or its lack, is.
    pub async fn check_room(&self, nonce: u64) -> Result<(), LedgerError> {
        let next = self.included_nonce().await?;
        if nonce < next.saturating_add(self.settings.max_in_flight) {
            return Ok(());
        }
        Err(LedgerError::LaneFull {
            ledger: self.settings.name.clone(),
            account: self.account,
            nonce,
            next,
            limit: self.settings.max_in_flight,
        })
    }

    /// Signs a draft with the account's key. The nonce is then as good as used: store
    /// the attempt durably before anybody takes the next one.
    ///
    /// # Errors
    ///
    /// [`LedgerError::LaneFull`] if too many of the account's transactions are
    /// waiting; else what the signer's or the node's answer, or its lack, is.
    pub async fn sign(&self, draft: &Draft, nonce: u64) -> Result<Attempt, LedgerError> {
        self.check_room(nonce).await?;
        self.assemble(nonce, draft)
    }

    /// Signs a draft with the nonce of an earlier attempt, at a price that nodes accept in its
    /// place. At most one of the two is ever included.
    ///
    /// # Errors
    ///
    /// [`LedgerError::FeeAboveCap`] if outbidding would break the cap; else what the signer's or
    /// the node's answer, or its lack, is.
    pub async fn sign_again(
        &self,
        draft: &Draft,
        earlier: &Attempt,
    ) -> Result<Attempt, LedgerError> {
        let fees = self.outbidding(earlier, draft.cap).await?;
        let draft = Draft {
            fees,
            ..draft.clone()
        };
        self.assemble(earlier.nonce, &draft)
    }

    /// Builds the delivery again with the nonce of an earlier attempt, at a price
    /// that nodes accept in its place. At most one of the two is ever included.
    ///
    /// The validity may differ from the earlier attempt's, the number may not.
    ///
    /// # Errors
    ///
    /// Those of [`EvmLedger::simulate`]; [`LedgerError::FeeAboveCap`] also if
    /// outbidding would break the cap.
    pub async fn replace(
        &self,
        delivery: &Delivery,
        delivery_key: &str,
        earlier: &Attempt,
    ) -> Result<Attempt, LedgerError> {
        let draft = self.draft(delivery, delivery_key).await?;
        self.sign_again(&draft, earlier).await
    }

    /// Builds a transaction that does nothing but consume the nonce of an earlier
    /// attempt, at a price that nodes accept in its place.
    ///
    /// # Errors
    ///
    /// [`LedgerError::FeeAboveCap`] if outbidding would break the cap; else what the
    /// signer's or the node's answer, or its lack, is.
    pub async fn cancel(&self, earlier: &Attempt) -> Result<Attempt, LedgerError> {
        let cap = self.settings.max_fee_per_gas;
        let draft = Draft {
            to: self.account,
            input: Bytes::new(),
            gas_limit: TRANSFER_GAS,
            fees: self.outbidding(earlier, cap).await?,
            cap,
        };
        self.assemble(earlier.nonce, &draft)
    }

    /// Hands an attempt to the node. The same attempt can be broadcast any number of times.
    ///
    /// A nonce that these very bytes have consumed is reported as
    /// [`Broadcast::AlreadyKnown`], one that another transaction has consumed as
    /// [`Broadcast::NonceTooLow`].
    ///
    /// # Errors
    ///
    /// A transient error says that nobody knows whether the node has it: broadcast the same bytes again.
    pub async fn broadcast(&self, attempt: &Attempt) -> Result<Broadcast, LedgerError> {
        if attempt.chain != self.settings.chain {
            return Err(LedgerError::ForeignAttempt {
                ledger: self.settings.name.clone(),
                chain: self.settings.chain,
                transaction: attempt.hash,
                found: attempt.chain,
            });
        }
        let broadcast = match self
            .connection
            .provider
            .send_raw_transaction(&attempt.raw)
            .await
        {
            Ok(_) => Broadcast::Accepted,
            Err(RpcError::ErrorResp(payload)) => match classify(&payload.message) {
                Broadcast::NonceTooLow if self.is_known(attempt.hash).await? => {
                    Broadcast::AlreadyKnown
                }
                Broadcast::Refused { .. } if payload.is_retry_err() => {
                    return Err(self
                        .connection
                        .node_error("eth_sendRawTransaction", &payload));
                }
                broadcast => broadcast,
            },
            Err(error) => return Err(self.connection.explain("eth_sendRawTransaction", error)),
        };
        tracing::debug!(
            ledger = self.settings.name,
            transaction = %attempt.hash,
            nonce = attempt.nonce,
            ?broadcast,
            "broadcast transaction"
        );
        Ok(broadcast)
    }

    fn signed_call(&self, delivery: &Delivery, key: &str) -> Result<Bytes, LedgerError> {
        let digest = delivery.digest(self.settings.chain, self.settings.gateway);
        let signature = self
            .signer
            .sign_digest(key, SigningPurpose::Delivery, digest)?;
        Ok(gateway::deliver_call(delivery, &signature))
    }

    fn assemble(&self, nonce: u64, draft: &Draft) -> Result<Attempt, LedgerError> {
        let unsigned = UnsignedTransaction::new(
            self.settings.chain,
            nonce,
            draft.gas_limit,
            draft.fees,
            draft.to,
            draft.input.clone(),
        );
        let signature: Signature = self.signer.sign_digest(
            &self.settings.account,
            SigningPurpose::Account,
            unsigned.digest(),
        )?;
        Ok(unsigned.assemble(self.account, signature))
    }

    async fn estimate(&self, delivery: &Delivery, call: Bytes) -> Result<GasEstimate, LedgerError> {
        let refused = |data: Bytes| LedgerError::Refused(Box::new(refusal(&data)));
        let gateway = self.settings.gateway;
        let tried = self
            .connection
            .call(Some(self.account), gateway, call.clone(), BlockId::latest())
            .await?;
        let callback_ok = match tried {
            Called::Returned(returned) => self.answer(gateway::deliver_answer(&returned))?,
            Called::Reverted(data) => return Err(refused(data)),
        };
        if !callback_ok {
            let consumer = self.consumer(delivery.binding).await?;
            let reason = self.callback_reason(delivery, consumer).await;
            return Err(LedgerError::CallbackWouldFail { consumer, reason });
        }
        let gas = self
            .connection
            .estimate_gas(self.account, gateway, call)
            .await?
            .map_err(refused)?;
        self.price(gas, self.fee_cap(delivery)).await
    }

    /// What a transaction with this gas costs, if the account can pay for it.
    async fn price(&self, gas: u64, cap: u128) -> Result<GasEstimate, LedgerError> {
        let fees = self.fees(cap).await?;
        let estimate = GasEstimate {
            gas_limit: with_margin(gas),
            max_fee_per_gas: fees.max_fee_per_gas,
            max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        };
        self.check_balance(estimate).await?;
        Ok(estimate)
    }

    fn fee_cap(&self, delivery: &Delivery) -> u128 {
        match delivery.max_fee {
            0 => self.settings.max_fee_per_gas,
            allowed => allowed.min(self.settings.max_fee_per_gas),
        }
    }

    async fn fees(&self, cap: u128) -> Result<Fees, LedgerError> {
        let market = self.market().await?;
        Fees::for_market(&market, cap).map_err(|above| self.fee_above_cap(above))
    }

    async fn outbidding(&self, earlier: &Attempt, cap: u128) -> Result<Fees, LedgerError> {
        let market = self.market().await?;
        Fees::to_replace(earlier.fees(), &market, cap).map_err(|above| self.fee_above_cap(above))
    }

    fn fee_above_cap(&self, above: FeeAboveCap) -> LedgerError {
        LedgerError::FeeAboveCap {
            ledger: self.settings.name.clone(),
            needed: above.needed,
            cap: above.cap,
        }
    }

    async fn market(&self) -> Result<FeeMarket, LedgerError> {
        let history = self
            .connection
            .provider
            .get_fee_history(
                BLOCKS_OF_FEE_HISTORY,
                BlockNumberOrTag::Latest,
                &[REWARD_PERCENTILE],
            )
            .await
            .map_err(|error| self.connection.explain("eth_feeHistory", error))?;
        let base_fee = history.base_fee_per_gas.last().copied().ok_or_else(|| {
            self.connection.bad_reply(
                "eth_feeHistory",
                "there is no base fee; the chain must have EIP-1559",
            )
        })?;
        let rewards = history
            .reward
            .into_iter()
            .flatten()
            .filter_map(|block| block.first().copied())
            .collect();
        Ok(FeeMarket { base_fee, rewards })
    }

    async fn check_balance(&self, estimate: GasEstimate) -> Result<(), LedgerError> {
        let balance = self
            .connection
            .provider
            .get_balance(self.account)
            .await
            .map_err(|error| self.connection.explain("eth_getBalance", error))?;
        let needed = estimate.highest_cost();
        match u128::try_from(balance) {
            Ok(balance) if balance < needed => Err(LedgerError::CannotPay {
                ledger: self.settings.name.clone(),
                account: self.account,
                balance,
                needed,
            }),
            _ => Ok(()),
        }
    }
}

/// State may have moved a little until inclusion; what is not used is not paid.
fn with_margin(gas: u64) -> u64 {
    gas.saturating_add(gas / 5)
}
