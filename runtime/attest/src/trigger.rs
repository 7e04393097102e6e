//! Why a cryptlet ran, as a receipt states it.

use crate::Digest;
use crate::encoding::{EncodingError, Reader, Wire, Writer, record};
use crate::view;
use serde::Serialize;

/// The kinds of trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerKind {
    /// A counterparty or caller.
    Message,
    /// An event of the bound contract.
    ContractEvent,
    /// A point of the binding's schedule.
    Schedule,
    /// What became of an earlier submission.
    Receipt,
    /// A cryptlet asked this one as its source.
    Ask,
}

impl TriggerKind {
    /// The name in views and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::ContractEvent => "contract-event",
            Self::Schedule => "schedule",
            Self::Receipt => "receipt",
            Self::Ask => "ask",
        }
    }
}

impl std::fmt::Display for TriggerKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Wire for TriggerKind {
    fn write(&self, writer: &mut Writer) {
        writer.unsigned(match self {
            Self::Message => 0,
            Self::ContractEvent => 1,
            Self::Schedule => 2,
            Self::Receipt => 3,
            Self::Ask => 4,
        });
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        Ok(match reader.unsigned()? {
            0 => Self::Message,
            1 => Self::ContractEvent,
            2 => Self::Schedule,
            3 => Self::Receipt,
            4 => Self::Ask,
            found => {
                return Err(EncodingError::UnknownVariant {
                    what: "a trigger kind",
                    found,
                });
            }
        })
    }
}

/// Where on a ledger a transaction or event stands. Public there, so not salted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerPosition {
    /// CAIP-2 chain id, for example `eip155:1`.
    pub chain: String,
    /// The block's number.
    #[serde(serialize_with = "view::decimal")]
    pub block: u64,
    /// The block's hash.
    #[serde(serialize_with = "view::hexadecimal")]
    pub block_hash: [u8; 32],
    /// The transaction's hash.
    #[serde(serialize_with = "view::hexadecimal")]
    pub transaction: [u8; 32],
    /// The event's index in its block; absent for a whole transaction.
    pub log_index: Option<u32>,
}

record!(LedgerPosition as "ledger-position" {
    0 => chain,
    1 => block,
    2 => block_hash,
    3 => transaction,
    4 => log_index,
});

/// Why a cryptlet ran. The content is digested, the place on a ledger is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriggerStatement {
    /// The kind.
    pub kind: TriggerKind,
    /// Salted digest of the trigger, field `trigger`.
    pub digest: Digest,
    /// Where the event or transaction stands that triggered the run.
    pub position: Option<LedgerPosition>,
}

record!(TriggerStatement as "trigger" {
    0 => kind,
    1 => digest,
    2 => position,
});
