//! Runs, as a fabric has them when it seals them.

use cryptlet_attest::{
    BindingId, BindingVersion, Digest, Execution, Host, LeafHash, LedgerPosition, Limits, LogEntry,
    Measurement, Outcome, Salt, Statement, TriggerKind, TriggerStatement,
};

/// One run, before it has a statement. What is digested is as large as the swap's that ships.
#[derive(Clone)]
pub struct Run {
    number: u64,
    salt: Salt,
    input: Vec<u8>,
    transcript: Vec<u8>,
    reply: Vec<u8>,
}

impl Run {
    pub fn new(number: u64) -> Self {
        let mut salt = [0; 32];
        salt[..8].copy_from_slice(&number.to_be_bytes());
        let filled = |length| {
            let bytes = number.to_be_bytes();
            bytes.into_iter().cycle().take(length).collect()
        };
        Self {
            number,
            salt: Salt::from_bytes(salt),
            input: filled(400),
            transcript: filled(1_500),
            reply: filled(120),
        }
    }

    /// Seals it: salts and digests what it took and gave, and states it under the log's key.
    pub fn seal(&self, previous: Option<LeafHash>, key: &str) -> LogEntry {
        let digest = |field: &str, bytes: &[u8]| self.salt.digest(field, bytes);
        let fixed = Digest::from_bytes([5; 32]);
        LogEntry::Receipt(Statement {
            execution: Execution {
                binding: BindingId::from_bytes([1; 32]),
                binding_version: BindingVersion::from_bytes([2; 32]),
                source: None,
                ordinal: 0,
                cryptlet: "interest-rate-swap".to_owned(),
                version: "1.0.0".to_owned(),
                measurement: Measurement::from_bytes([3; 32]),
                sha256: [4; 32],
                invocation: self.number,
                trigger: TriggerStatement {
                    kind: TriggerKind::ContractEvent,
                    digest: digest("trigger", &self.input),
                    position: Some(LedgerPosition {
                        chain: "eip155:31337".to_owned(),
                        block: self.number,
                        block_hash: [7; 32],
                        transaction: [8; 32],
                        log_index: Some(0),
                    }),
                },
                instant: 1_700_000_000_000 + self.number,
                seed: [9; 32],
                input: digest("input", &self.input),
                transcript: digest("transcript", &self.transcript),
                reply: Some(digest("reply", &self.reply)),
                outputs: Vec::new(),
                state_before: fixed,
                state_after: fixed,
                limits: Limits::from_iter([
                    ("fuel", 50_000_000),
                    ("host-calls", 1_000),
                    ("memory", 16_777_216),
                    ("transcript", 1_048_576),
                ]),
                operator_costs: fixed,
                children: Vec::new(),
                fuel: 412_345,
                peak_memory: 1_114_112,
                host_calls: 3,
                outcome: Outcome::Ok,
            },
            host: Host {
                fabric_version: "0.1.0".to_owned(),
                executable: fixed,
                engine_configuration: fixed,
                wasmtime: "48.0.8".to_owned(),
                key: key.to_owned(),
                previous,
            },
        })
    }
}
