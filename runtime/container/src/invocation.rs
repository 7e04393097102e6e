//! Why a run happens: the invocation and its trigger, as `wit/fabric.wit` says them.

use minicbor::{Decode, Encode};

/// A transaction's place on a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Position {
    /// CAIP-2 chain id, for example `eip155:1`.
    #[n(0)]
    pub chain: String,
    /// Number of the block.
    #[n(1)]
    pub block: u64,
    /// Hash of the block, as the chain writes it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub block_hash: Vec<u8>,
    /// Hash of the transaction, as the chain writes it.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub transaction: Vec<u8>,
}

/// What became of a submission that an earlier run made.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum SubmissionStatus {
    /// On its way.
    #[n(0)]
    Pending,
    /// In a block that may still be reorganised away.
    #[n(1)]
    Included(#[n(0)] Position),
    /// In a block that is final for the binding.
    #[n(2)]
    Finalized(#[n(0)] Position),
    /// The chain refused it, for this reason.
    #[n(3)]
    Reverted(#[n(0)] String),
    /// Its validity ended before it was included.
    #[n(4)]
    Expired,
    /// Given up by a signed skip.
    #[n(5)]
    Skipped,
}

/// Why a cryptlet runs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Trigger {
    /// A counterparty, a caller or an asking cryptlet, authenticated by the host.
    #[n(0)]
    Message {
        /// Who sent it; the binding's id when a cryptlet asks its source.
        #[n(0)]
        sender: String,
        /// Name of the action or request schema.
        #[n(1)]
        topic: String,
        /// JSON bytes, already checked against the schema.
        #[cbor(n(2), with = "minicbor::bytes")]
        body: Vec<u8>,
    },
    /// An event of the bound contract, at the finality that the binding asks for.
    #[n(1)]
    ContractEvent {
        /// Name of the event.
        #[n(0)]
        name: String,
        /// The decoded fields as JSON bytes.
        #[cbor(n(1), with = "minicbor::bytes")]
        fields: Vec<u8>,
        /// Where on the ledger.
        #[n(2)]
        position: Position,
        /// Which log of the block.
        #[n(3)]
        log_index: u32,
    },
    /// A point of the binding's schedule.
    #[n(2)]
    Schedule {
        /// Milliseconds since 1970-01-01T00:00:00Z.
        #[n(0)]
        instant: u64,
    },
    /// What became of a submission.
    #[n(3)]
    Receipt {
        /// The submission's number.
        #[n(0)]
        submission: u64,
        /// Its state.
        #[n(1)]
        status: SubmissionStatus,
    },
}

/// One run, as the guest sees it. All of it is part of the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Invocation {
    /// The binding's id, as the guest reads it.
    #[n(0)]
    pub binding: String,
    /// Counts every run of the binding, failed ones too.
    #[n(1)]
    pub number: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z, fixed when the invocation was accepted.
    #[n(2)]
    pub instant: u64,
    /// Why the cryptlet runs.
    #[n(3)]
    pub trigger: Trigger,
}

/// Bytes that most inputs fit into.
const USUAL_INPUT: usize = 512;

impl Invocation {
    /// The bytes that a receipt's input digest covers: deterministic CBOR, the same on every host.
    pub fn input_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(USUAL_INPUT);
        minicbor::encode(self, &mut bytes).expect("encoding into memory cannot fail");
        bytes
    }

    /// Reads what [`input_bytes`](Self::input_bytes) wrote.
    ///
    /// # Errors
    ///
    /// The bytes are no invocation, or not in the one encoding that the digest covers.
    pub fn from_input_bytes(bytes: &[u8]) -> Result<Invocation, InputError> {
        let invocation: Invocation =
            minicbor::decode(bytes).map_err(|error| InputError::Malformed(error.to_string()))?;
        if invocation.input_bytes() == bytes {
            Ok(invocation)
        } else {
            Err(InputError::NotCanonical)
        }
    }
}

/// Stored input does not read as an invocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// Not the CBOR of an invocation.
    #[error("input is no invocation: {0}")]
    Malformed(String),
    /// An invocation, but in other bytes than the digest covers.
    #[error("input is not in deterministic encoding; it was not written by this container")]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_bytes_come_back_and_nothing_else_does() {
        let position = Position {
            chain: "eip155:31337".into(),
            block: 7,
            block_hash: vec![1; 32],
            transaction: vec![2; 32],
        };
        for trigger in [
            Trigger::Message {
                sender: "a".into(),
                topic: "t".into(),
                body: b"{}".to_vec(),
            },
            Trigger::ContractEvent {
                name: "E".into(),
                fields: b"{}".to_vec(),
                position: position.clone(),
                log_index: 3,
            },
            Trigger::Schedule { instant: 4 },
            Trigger::Receipt {
                submission: 5,
                status: SubmissionStatus::Finalized(position),
            },
        ] {
            let invocation = Invocation {
                binding: "0x00".into(),
                number: 1,
                instant: 2,
                trigger,
            };
            let bytes = invocation.input_bytes();
            assert_eq!(Invocation::from_input_bytes(&bytes), Ok(invocation.clone()));
            let mut longer = bytes.clone();
            longer.push(0);
            assert!(Invocation::from_input_bytes(&longer).is_err());
            assert!(Invocation::from_input_bytes(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
