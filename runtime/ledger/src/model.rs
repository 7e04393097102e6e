use std::fmt;

use alloy::primitives::{Address, B256, Bytes};

use crate::ChainId;

/// A place in a chain's history. The block hash makes it exact: after a
/// reorganisation the same number names another block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The chain, by CAIP-2.
    pub chain: String,
    /// Block number.
    pub block: u64,
    /// Block hash.
    pub block_hash: B256,
    /// Transaction hash.
    pub transaction: B256,
}

/// How far a chain has come, and up to where it is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the latest block.
    pub number: u64,
    /// Hash of the latest block.
    pub hash: B256,
    /// The latest block's time, in seconds since 1970.
    pub timestamp: u64,
    /// Number of the latest final block, by the ledger's finality.
    pub final_number: u64,
    /// Hash of the latest final block.
    pub final_hash: B256,
    /// The latest final block's time, in seconds since 1970.
    pub final_timestamp: u64,
}

impl Head {
    /// When a delivery built now may be included: `seconds` from now, by the chain's clock.
    ///
    /// It opens at the final block's time, which every later block exceeds even
    /// if the blocks since then are replaced by others.
    pub fn validity(&self, seconds: u64) -> Validity {
        Validity {
            not_before: self.final_timestamp,
            valid_until: self.timestamp.saturating_add(seconds),
        }
    }
}

/// The time in which a delivery may be included, in the chain's seconds since 1970, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// First acceptable block time.
    pub not_before: u64,
    /// Last acceptable block time.
    pub valid_until: u64,
}

/// One signed transaction, ready to be broadcast any number of times.
///
/// Store [`Attempt::to_bytes`] durably *before* the first broadcast: whatever
/// happens afterwards, sending the same bytes again is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The only chain on which these bytes are valid.
    pub chain: ChainId,
    /// The sending account.
    pub account: Address,
    /// The account's nonce it consumes.
    pub nonce: u64,
    /// Transaction hash.
    pub hash: B256,
    /// The signed transaction by EIP-2718, as it is broadcast.
    pub raw: Bytes,
    /// Most gas it may use.
    pub gas_limit: u64,
    /// Highest price per gas it pays, in wei (EIP-1559).
    pub max_fee_per_gas: u128,
    /// Highest price per gas it pays to the block's builder, in wei (EIP-1559).
    pub max_priority_fee_per_gas: u128,
}

/// What a node said to a broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broadcast {
    /// The node took it.
    Accepted,
    /// The node, or the chain, has these very bytes already. As good as accepted.
    AlreadyKnown,
    /// Another transaction has consumed the nonce, perhaps not finally yet.
    NonceTooLow,
    /// The nonce is further ahead than the node cares to queue; earlier transactions are missing.
    NonceTooHigh,
    /// The fee is below what the node or the block demands, or does not outbid the transaction it would replace.
    Underpriced,
    /// The account cannot pay for gas at the highest fee.
    InsufficientFunds,
    /// The node's pool is full. Later, or at a higher fee, it may have room.
    PoolFull,
    /// The node will not take these bytes.
    Refused {
        /// The node's words.
        reason: String,
    },
}

impl fmt::Display for Broadcast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Accepted => "it has taken it",
            Self::AlreadyKnown => "it has it already",
            Self::NonceTooLow => "another transaction has consumed the nonce",
            Self::NonceTooHigh => "transactions before it are missing",
            Self::Underpriced => "its fee is too low",
            Self::InsufficientFunds => "the account cannot pay for it; fund the account",
            Self::PoolFull => "its pool is full",
            Self::Refused { reason } => reason,
        })
    }
}

impl Broadcast {
    /// Whether the transaction is on its way, so that following it is what comes next.
    pub fn is_on_its_way(&self) -> bool {
        matches!(self, Self::Accepted | Self::AlreadyKnown)
    }

    /// Whether broadcasting the same bytes again later may do.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::NonceTooHigh | Self::PoolFull | Self::InsufficientFunds
        )
    }
}

/// What became of a transaction, as of one look at the chain.
///
/// Only [`Following::Finalized`] is for good. Anything else may be another
/// answer at the next look, in any direction: a reorganisation makes an
/// included transaction pending or unknown again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Following {
    /// The node does not know it. It may never have arrived, have been dropped, or have been replaced.
    Unknown,
    /// The node holds it for inclusion.
    Pending,
    /// In a block that is not final yet.
    Included(Inclusion),
    /// In a final block.
    Finalized(Inclusion),
}

impl Following {
    /// Where and how it was included, if it was.
    pub fn inclusion(&self) -> Option<&Inclusion> {
        match self {
            Self::Unknown | Self::Pending => None,
            Self::Included(inclusion) | Self::Finalized(inclusion) => Some(inclusion),
        }
    }
}

/// A transaction's place in a block and what it did there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Where.
    pub position: Position,
    /// Whether the transaction took effect. A reverted one consumed its nonce and its fee, no delivery.
    pub status: InclusionStatus,
    /// Gas it used.
    pub gas_used: u64,
    /// What it paid per gas, in wei.
    pub gas_price: u128,
    /// The gateway's word on the consumer's callback; none if the gateway recorded no delivery.
    pub callback: Option<Callback>,
}

impl Inclusion {
    /// Whether the consumer's callback went well; none if the gateway recorded no delivery.
    pub fn callback_ok(&self) -> Option<bool> {
        self.callback
            .as_ref()
            .map(|callback| matches!(callback, Callback::Ok))
    }
}

/// Whether an included transaction took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InclusionStatus {
    /// It ran to its end.
    Succeeded,
    /// It was undone, except for nonce and fee.
    Reverted,
}

/// What the consumer's callback came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback {
    /// The consumer took the update.
    Ok,
    /// The consumer refused it. The delivery's number is consumed; anybody may retry it until it expires.
    Failed {
        /// The consumer's words, as far as they can be decoded.
        reason: String,
    },
}

/// What sending would cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasEstimate {
    /// Most gas the transaction may use, margin included.
    pub gas_limit: u64,
    /// Highest price per gas it would pay, in wei (EIP-1559).
    pub max_fee_per_gas: u128,
    /// Highest price per gas it would pay to the block's builder, in wei (EIP-1559).
    pub max_priority_fee_per_gas: u128,
}

impl GasEstimate {
    /// The most it can cost, in wei.
    pub fn highest_cost(&self) -> u128 {
        u128::from(self.gas_limit).saturating_mul(self.max_fee_per_gas)
    }
}

/// An event of a bound contract, in a final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEvent {
    /// The event's name.
    pub name: String,
    /// Its fields as JSON, by the schema's mapping.
    pub fields: Vec<u8>,
    /// Where it happened.
    pub position: Position,
    /// Its index among its block's logs.
    pub log_index: u64,
}

/// A stretch of a contract's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The events found, in the chain's order.
    pub events: Vec<ContractEvent>,
    /// The first block not looked at: where to go on.
    pub next_block: u64,
}

impl Scan {
    /// The last block looked at; none if there was none before [`Scan::next_block`].
    pub fn scanned_to(&self) -> Option<u64> {
        self.next_block.checked_sub(1)
    }
}
