//! What a run may list in its receipt, in bytes: an entry of a log has at most 65,535, and a run whose
//! receipt does not fit would have happened and could not be recorded.
//!
//! The count is fixed, and so is where it stops a run: a replay stops at the same call.

/// What outputs and asked sources may take together. The rest of an entry is for everything whose
/// length a guest has no hand in, or which has a limit of its own.
pub(crate) const ALLOWED: u64 = 56 * 1024;

/// A digest with its head.
const DIGEST: u64 = 2 + 32;
/// A list of at most four items, and a number below 24.
const VARIANT: u64 = 1 + 1;
/// Head of a text.
const TEXT: u64 = 5;

/// A call to a ledger: chain, delivery number and digest. The longest CAIP-2 name has 41 letters.
pub(crate) const SUBMISSION: u64 = VARIANT + TEXT + 41 + 9 + DIGEST;

/// A source that is asked: the hash of its receipt.
pub(crate) const SOURCE: u64 = DIGEST;

/// A published event: topic and digest.
pub(crate) fn event(topic: &str) -> u64 {
    VARIANT + TEXT + topic.len() as u64 + DIGEST
}

#[cfg(test)]
mod tests {
    use cryptlet_attest::{
        BindingId, BindingVersion, Digest, Execution, Host, LeafHash, LedgerPosition, LogEntry,
        MAXIMUM_ENTRY, Measurement, Outcome, Output, Statement, TriggerKind, TriggerStatement,
    };
    use cryptlet_schema::Limits;
    use proptest::prelude::*;

    use super::{ALLOWED, SOURCE, SUBMISSION, event};

    const DIGEST: Digest = Digest::from_bytes([0xff; 32]);
    const LEAF: LeafHash = LeafHash::from_bytes([0xff; 32]);

    /// A statement in which everything else is as long as it can be.
    fn longest(outputs: Vec<Output>, children: Vec<LeafHash>) -> Statement {
        let limits = Limits::MAXIMUM.entries().map(|(name, _)| (name, u64::MAX));
        Statement {
            execution: Execution {
                binding: BindingId::from_bytes([0xff; 32]),
                binding_version: BindingVersion::from_bytes([0xff; 32]),
                source: Some("s".repeat(64)),
                ordinal: u32::MAX,
                cryptlet: "c".repeat(64),
                version: "1".repeat(64),
                measurement: Measurement::from_bytes([0xff; 32]),
                sha256: [0xff; 32],
                invocation: u64::MAX,
                trigger: TriggerStatement {
                    kind: TriggerKind::ContractEvent,
                    digest: DIGEST,
                    position: Some(LedgerPosition {
                        chain: "c".repeat(41),
                        block: u64::MAX,
                        block_hash: [0xff; 32],
                        transaction: [0xff; 32],
                        log_index: Some(u32::MAX),
                    }),
                },
                instant: u64::MAX,
                seed: [0xff; 32],
                input: DIGEST,
                transcript: DIGEST,
                reply: Some(DIGEST),
                outputs,
                state_before: DIGEST,
                state_after: DIGEST,
                limits: limits.into_iter().collect(),
                operator_costs: DIGEST,
                children,
                fuel: u64::MAX,
                peak_memory: u64::MAX,
                host_calls: u64::MAX,
                outcome: Outcome::Failure {
                    code: "f".repeat(256),
                },
            },
            host: Host {
                fabric_version: "1".repeat(64),
                executable: DIGEST,
                engine_configuration: DIGEST,
                wasmtime: "1".repeat(64),
                key: "k".repeat(255 + 9),
                previous: Some(LEAF),
            },
        }
    }

    #[derive(Clone, Debug)]
    enum Listed {
        Event(usize),
        Submission,
        Source,
    }

    fn listed() -> impl Strategy<Value = Listed> {
        prop_oneof![
            (0..40_usize).prop_map(Listed::Event),
            (0..70_000_usize).prop_map(Listed::Event),
            Just(Listed::Submission),
            Just(Listed::Source),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// A run goes on listing, by turns, what a case names, until it is stopped.
        #[test]
        fn what_the_count_lets_through_fits_into_an_entry(
            turns in proptest::collection::vec(listed(), 1..8)
        ) {
            let (mut outputs, mut children, mut used) = (Vec::new(), Vec::new(), 0);
            for listed in turns.iter().cycle().take(4_000) {
                let topic = match listed {
                    Listed::Event(length) => "t".repeat(*length),
                    _ => String::new(),
                };
                used += match listed {
                    Listed::Event(_) => event(&topic),
                    Listed::Submission => SUBMISSION,
                    Listed::Source => SOURCE,
                };
                if used > ALLOWED {
                    break;
                }
                match listed {
                    Listed::Event(_) => outputs.push(Output::Event { topic, digest: DIGEST }),
                    Listed::Submission => outputs.push(Output::Delivery {
                        ledger: "c".repeat(41),
                        delivery: u64::MAX,
                        output_hash: [0xff; 32],
                    }),
                    Listed::Source => children.push(LEAF),
                }
            }
            let entry = LogEntry::Receipt(longest(outputs, children)).to_bytes();
            prop_assert!(entry.len() <= MAXIMUM_ENTRY, "{} bytes", entry.len());
        }
    }
}
