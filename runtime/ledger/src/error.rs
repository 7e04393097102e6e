use std::time::Duration;

use alloy::primitives::{Address, B256};
use thiserror::Error;

use crate::{ChainId, Position, SignerError};

/// Why something asked of a ledger did not happen.
///
/// Every variant is either *transient* (the same call may succeed later, as it
/// is) or *final* (the delivery, the settings or what was agreed has to change
/// first); [`LedgerError::is_transient`] tells which.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Nothing accepts connections at the node's address.
    #[error(
        "ledger {ledger:?}: no node answers at {endpoint} ({reason}); start the node or correct the address"
    )]
    Unreachable {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The node, without anything secret.
        endpoint: String,
        /// What the connection attempt came to.
        reason: String,
    },

    /// The node took the request and did not answer in time.
    #[error("ledger {ledger:?}: the node at {endpoint} did not answer {method} within {} s", timeout.as_secs_f32())]
    Timeout {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The node, without anything secret.
        endpoint: String,
        /// The JSON-RPC method.
        method: &'static str,
        /// How long was waited.
        timeout: Duration,
    },

    /// The node, or what stands before it, asks to come back later.
    #[error("ledger {ledger:?}: the node at {endpoint} is busy ({reason})")]
    Busy {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The node, without anything secret.
        endpoint: String,
        /// What it answered.
        reason: String,
    },

    /// The node is behind the block that was asked for, as nodes behind one load balancer can be.
    #[error("ledger {ledger:?}: the node does not know {what} yet")]
    Behind {
        /// The ledger's name in the configuration.
        ledger: String,
        /// What it does not know.
        what: String,
    },

    /// The node answered with an error that says nothing about the transaction or call itself.
    #[error("ledger {ledger:?}: the node refused {method}: {message} (code {code})")]
    Node {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The JSON-RPC method.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The node's words.
        message: String,
    },

    /// The answer is not what the method answers.
    #[error(
        "ledger {ledger:?}: the answer to {method} makes no sense: {reason}; is {endpoint} an Ethereum JSON-RPC endpoint?"
    )]
    BadReply {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The node, without anything secret.
        endpoint: String,
        /// The JSON-RPC method.
        method: &'static str,
        /// What is wrong with it.
        reason: String,
    },

    /// The node serves another chain than the configuration names.
    #[error(
        "ledger {ledger:?} is configured for {expected}, but its node serves {found}; correct the chain or the node's address"
    )]
    WrongChain {
        /// The ledger's name in the configuration.
        ledger: String,
        /// What the configuration names.
        expected: ChainId,
        /// What the node serves.
        found: ChainId,
    },

    /// There is no contract at an address where one must be.
    #[error(
        "ledger {ledger:?}: there is no {contract} at {address} on {chain}; deploy it or correct the address"
    )]
    NoContract {
        /// The ledger's name in the configuration.
        ledger: String,
        /// Which contract is missing.
        contract: &'static str,
        /// Where it was looked for.
        address: Address,
        /// On which chain.
        chain: ChainId,
    },

    /// The gateway trusts another registry than the configuration names.
    #[error(
        "ledger {ledger:?}: the gateway {gateway} trusts the signer registry {found}, but the configuration names {expected}"
    )]
    WrongRegistry {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The gateway.
        gateway: Address,
        /// The configured registry.
        expected: Address,
        /// The registry the gateway names.
        found: Address,
    },

    /// The gateway would not take the delivery.
    #[error("the gateway refuses the delivery: {0}")]
    Refused(Box<Refusal>),

    /// The gateway would take the delivery, but the consumer's callback would fail. Whether
    /// another time is better only the consumer's author can say, so this counts as final.
    #[error("the contract {consumer} would refuse the update: {reason}")]
    CallbackWouldFail {
        /// The contract that was to be called.
        consumer: Address,
        /// The contract's words, as far as they can be decoded.
        reason: String,
    },

    /// The chain asks for a higher fee than may be paid.
    #[error(
        "ledger {ledger:?}: the chain asks for at least {needed} wei per gas, the cap is {cap} wei; wait or raise the cap"
    )]
    FeeAboveCap {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The lowest fee per gas that has a chance, in wei.
        needed: u128,
        /// The highest fee per gas that may be paid, in wei.
        cap: u128,
    },

    /// The account cannot pay what the transaction may cost.
    #[error(
        "ledger {ledger:?}: {account} holds {balance} wei, the transaction may cost {needed}; fund the account"
    )]
    CannotPay {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The sending account.
        account: Address,
        /// What it holds, in wei.
        balance: u128,
        /// The most the transaction may cost, in wei.
        needed: u128,
    },

    /// As many transactions as allowed wait for inclusion.
    #[error(
        "ledger {ledger:?}: nonce {nonce} of {account} would be more than {limit} ahead of the chain, which is at {next}; wait until earlier transactions are included"
    )]
    LaneFull {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The sending account.
        account: Address,
        /// The nonce that was asked for.
        nonce: u64,
        /// The account's next nonce on the chain.
        next: u64,
        /// How many may be in flight.
        limit: u64,
    },

    /// The attempt was signed for another chain.
    #[error(
        "ledger {ledger:?} is {chain}, but transaction {transaction} was signed for {found}; broadcast it there"
    )]
    ForeignAttempt {
        /// The ledger's name in the configuration.
        ledger: String,
        /// The ledger's chain.
        chain: ChainId,
        /// The attempt.
        transaction: B256,
        /// The attempt's chain.
        found: ChainId,
    },

    /// A log of the watched contract carries an expected topic but does not fit the declared event.
    #[error("the event {event} at block {}, log {log_index} does not fit its declaration: {reason}; correct the cryptlet's contract-events or the bound contract", position.block)]
    EventDoesNotFit {
        /// The event's signature.
        event: String,
        /// Where the log stands.
        position: Box<Position>,
        /// The log's index in its block.
        log_index: u64,
        /// What does not fit.
        reason: String,
    },

    /// The signature delegate did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),

    /// A setting contradicts itself.
    #[error("ledger {ledger:?}: {reason}")]
    Settings {
        /// The ledger's name in the configuration.
        ledger: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

impl LedgerError {
    /// Whether the same call may succeed later as it is: when a node is back, a fee has fallen, an account was funded.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Busy { .. }
            | Self::Behind { .. }
            | Self::FeeAboveCap { .. }
            | Self::CannotPay { .. }
            | Self::LaneFull { .. } => true,
            Self::Refused(refusal) => refusal.retryable,
            Self::Signer(error) => error.is_transient(),
            Self::Node { .. }
            | Self::BadReply { .. }
            | Self::WrongChain { .. }
            | Self::NoContract { .. }
            | Self::WrongRegistry { .. }
            | Self::CallbackWouldFail { .. }
            | Self::ForeignAttempt { .. }
            | Self::EventDoesNotFit { .. }
            | Self::Settings { .. } => false,
        }
    }
}

/// The gateway's refusal of a delivery, in words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{explanation} ({name})")]
pub struct Refusal {
    /// The contract's error, for example `VersionNotAllowed`.
    pub name: String,
    /// One sentence that says what is wrong and who can change it.
    pub explanation: String,
    /// Whether waiting is enough: the same delivery may pass later.
    pub retryable: bool,
}
