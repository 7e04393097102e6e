//! What a receipt states about one run.

use crate::digest::{Domain, domain};
use crate::encoding::{self, EncodingError, Wire as _, Writer, record, write_record};
use crate::{
    BindingId, BindingVersion, Digest, LeafHash, Limits, LogEntry, Measurement, Outcome, Output,
    TriggerStatement, view,
};
use serde::Serialize;

static EXECUTION: Domain = domain!("execution");

/// The execution part: the same on every honest host that replays the transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Execution {
    /// The binding under which the cryptlet ran.
    pub binding: BindingId,
    /// The binding's version at that moment.
    pub binding_version: BindingVersion,
    /// `None` for the bound cryptlet, else the name of the source that it asked.
    pub source: Option<String>,
    /// 0 for the bound cryptlet; sources count from 1 in the order in which they were asked.
    pub ordinal: u32,
    /// The cryptlet's name.
    pub cryptlet: String,
    /// The cryptlet's semantic version.
    pub version: String,
    /// What ran: BLAKE3 of the component.
    pub measurement: Measurement,
    /// What ran, as OCI registries name it: SHA-256 of the component.
    #[serde(serialize_with = "view::hexadecimal")]
    pub sha256: [u8; 32],
    /// The run's number; counts every run of the binding, failed ones too.
    #[serde(serialize_with = "view::decimal")]
    pub invocation: u64,
    /// Why it ran.
    pub trigger: TriggerStatement,
    /// The only clock that the guest saw: milliseconds since 1970-01-01T00:00:00Z.
    #[serde(serialize_with = "view::decimal")]
    pub instant: u64,
    /// The seed of the guest's randomness, fixed when the invocation was accepted.
    #[serde(serialize_with = "view::hexadecimal")]
    pub seed: [u8; 32],
    /// Salted digest of the invocation as the guest received it, field `input`.
    pub input: Digest,
    /// Salted digest of every host call and its answer, field `transcript`.
    pub transcript: Digest,
    /// Salted digest of the reply, field `reply`; absent if there was none.
    pub reply: Option<Digest>,
    /// What left the run. Empty unless the outcome is ok.
    pub outputs: Vec<Output>,
    /// Digest of the binding's private state before the run.
    pub state_before: Digest,
    /// Digest of the binding's private state after it.
    pub state_after: Digest,
    /// What the run was allowed.
    pub limits: Limits,
    /// Digest of the table that says how much fuel an instruction costs.
    pub operator_costs: Digest,
    /// The receipts of the sources that this run asked, in that order.
    pub children: Vec<LeafHash>,
    /// Fuel that was charged.
    #[serde(serialize_with = "view::decimal")]
    pub fuel: u64,
    /// Greatest extent of linear memory, in bytes.
    #[serde(serialize_with = "view::decimal")]
    pub peak_memory: u64,
    /// Number of calls to the host.
    #[serde(serialize_with = "view::decimal")]
    pub host_calls: u64,
    /// How it ended.
    pub outcome: Outcome,
}

record!(Execution as "execution" {
    0 => binding,
    1 => binding_version,
    2 => source,
    3 => ordinal,
    4 => cryptlet,
    5 => version,
    6 => measurement,
    7 => sha256,
    8 => invocation,
    9 => trigger,
    10 => instant,
    11 => seed,
    12 => input,
    13 => transcript,
    14 => reply,
    15 => outputs,
    16 => state_before,
    17 => state_after,
    18 => limits,
    19 => operator_costs,
    20 => children,
    21 => fuel,
    22 => peak_memory,
    23 => host_calls,
    24 => outcome,
});

impl Execution {
    /// What a pool of hosts co-signs: the hash of the execution part alone.
    pub fn hash(&self) -> Digest {
        EXECUTION.digest([&encoding::encode(self)[..]])
    }
}

/// The host part: who ran it and with what. Another honest host differs here only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// The fabric's semantic version.
    pub fabric_version: String,
    /// Digest of the fabric's executable.
    pub executable: Digest,
    /// Digest of the engine's configuration.
    pub engine_configuration: Digest,
    /// The version of wasmtime.
    pub wasmtime: String,
    /// The attestation key: `name+id`, as in a signed note.
    pub key: String,
    /// The binding's receipt before this one; absent for its first.
    pub previous: Option<LeafHash>,
}

record!(Host as "host" {
    0 => fabric_version,
    1 => executable,
    2 => engine_configuration,
    3 => wasmtime,
    4 => key,
    5 => previous,
});

/// Writes the [`Statement`] of an execution and of a host that stands after `previous`.
pub(crate) fn write_statement(
    execution: &Execution,
    host: &Host,
    previous: Option<LeafHash>,
    writer: &mut Writer,
) {
    // Names each field, so that one that is added cannot be left out here.
    let Host {
        fabric_version,
        executable,
        engine_configuration,
        wasmtime,
        key,
        previous: _,
    } = host;
    writer.map(2);
    writer.unsigned(0);
    execution.write(writer);
    writer.unsigned(1);
    write_record!(writer, {
        0 => fabric_version,
        1 => executable,
        2 => engine_configuration,
        3 => wasmtime,
        4 => key,
        5 => &previous,
    });
}

/// What a receipt states: a log entry of the kind `receipt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The same on every honest host.
    pub execution: Execution,
    /// This host's own part.
    pub host: Host,
}

record!(Statement as "statement" {
    0 => execution,
    1 => host,
});

impl Statement {
    /// The bytes of the log entry.
    pub fn to_bytes(&self) -> Vec<u8> {
        LogEntry::Receipt(self.clone()).to_bytes()
    }

    /// Reads the bytes of a log entry of the kind `receipt`.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding of such an entry; the error says what and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        match LogEntry::from_bytes(bytes)? {
            LogEntry::Receipt(statement) => Ok(statement),
            other => Err(EncodingError::OtherKind {
                expected: "a receipt",
                found: other.kind(),
            }),
        }
    }

    /// The hash of the execution part; see [`Execution::hash`].
    pub fn execution_hash(&self) -> Digest {
        self.execution.hash()
    }

    /// The hash of the log entry; on a chain, the receipt hash.
    pub fn leaf_hash(&self) -> LeafHash {
        LogEntry::Receipt(self.clone()).leaf_hash()
    }
}
