//! What goes over the wire, as JSON with kebab-case names.
//!
//! Instants are milliseconds since 1970-01-01T00:00:00Z; digests, measurements and keys are strings
//! in the form that the rest of the fabric prints them in.

mod changes;
mod shadow;
mod traffic;
mod versions;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use changes::{
    BindingChanges, ChangeApprovals, ChangeView, MalformedChange, ProposedChange, SignedChange,
    read_approvals,
};
pub use shadow::{ShadowRun, ShadowRuns};
pub use traffic::{CallsView, TrafficView};
pub use versions::{
    ActiveVersion, BindingVersions, Canary, CanaryBounds, CanaryFigures, Decided, Promotion,
    Rollback, RunFigures, StandingVersion, VersionMoved,
};

/// The header in which a caller names its message, so that sending it twice is sending it once.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// RFC 7240: `Prefer: wait=10` asks to wait up to ten seconds for the reply.
pub const PREFER: &str = "prefer";
/// Media type of a component.
pub const WASM: &str = "application/wasm";
/// Media type of a receipt.
pub const RECEIPT: &str = "application/cbor";
/// Media type of a [`Problem`].
pub const PROBLEM: &str = "application/problem+json";

/// A request that could not be followed, as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// What kind it is; stable, for programs.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for people, with the way out.
    pub detail: String,
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(status: u16, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            status,
            detail: detail.into(),
        }
    }
}

/// `GET /v1/status`: how the service is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// The log's origin.
    pub origin: String,
    /// The verifier key that auditors trust.
    pub trusted_key: String,
    /// Version of the fabric.
    pub version: String,
    /// When the process started.
    pub started_at: u64,
    /// Whether it takes no new work because it is about to stop.
    pub draining: bool,
    /// Leaves in the log.
    pub log_size: u64,
    /// The published log.
    #[serde(default)]
    pub publication: PublicationStatus,
    /// Every configured witness.
    #[serde(default)]
    pub witnesses: Vec<WitnessStatus>,
    /// Why no work is taken for good: another history of this log was seen.
    #[serde(default)]
    pub contradiction: Option<String>,
    /// What runs.
    #[serde(default)]
    pub runs: RunsStatus,
    /// Every configured ledger.
    pub ledgers: Vec<LedgerStatus>,
    /// Every binding.
    pub bindings: Vec<BindingStatus>,
}

/// How far the log is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PublicationStatus {
    /// Leaves that the published checkpoint covers.
    pub size: u64,
    /// Why it could not be brought further.
    pub failure: Option<String>,
}

/// One witness, as the service last saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WitnessStatus {
    /// `name+id`.
    pub name: String,
    /// Leaves of the checkpoint that it cosigned last, as far as it is known.
    pub size: u64,
    /// Why it did not cosign when it was asked last.
    pub failure: Option<String>,
}

/// One ledger, as the service last saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LedgerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// CAIP-2 id.
    pub chain: String,
    /// Newest block, if the node answered.
    pub head: Option<u64>,
    /// Why it did not.
    pub failure: Option<String>,
}

/// One binding and what holds it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BindingStatus {
    /// The operator's name for it.
    pub name: String,
    /// Its id, `0x…`.
    pub id: String,
    /// The bound cryptlet.
    pub cryptlet: String,
    /// The version that new invocations run on.
    pub active: String,
    /// Accepted and not yet executed.
    pub queued: u64,
    /// Executed.
    pub executed: u64,
    /// Deliveries not yet final.
    pub open_deliveries: u64,
    /// What it takes of the host.
    #[serde(default)]
    pub memory: BindingMemory,
    /// What cannot go on, and why; empty when all is well.
    pub waiting: Vec<String>,
}

/// Bytes that a binding takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BindingMemory {
    /// Its state, keys and values, which each of its runs has in memory.
    pub state_bytes: u64,
    /// Inputs that are accepted and have not run, in the journal.
    pub queued_bytes: u64,
    /// Compiled code of its versions and their sources that is in memory; bindings of the same modules
    /// share it.
    pub code_bytes: u64,
}

/// What runs now, over all bindings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunsStatus {
    /// Runs that may compute at one time.
    pub slots: u32,
    /// Runs that compute.
    pub running: u32,
    /// Bindings that wait for their turn to compute.
    pub waiting: u64,
    /// Compiled code in memory, each module counted once.
    pub code_bytes: u64,
}

/// `POST /v1/versions` answers with what was deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DeployedVersion {
    /// The cryptlet's name.
    pub cryptlet: String,
    /// Its version.
    pub version: String,
    /// What its bytes measure.
    pub measurement: String,
    /// When it was deployed.
    pub deployed_at: u64,
}

/// `POST /v1/bindings`: a binding with its counterparties' signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Activation {
    /// The binding document, TOML.
    pub document: String,
    /// One for each counterparty.
    pub approvals: Vec<SignedApproval>,
}

/// A counterparty's signature under a binding's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignedApproval {
    /// Its wallet, `0x…`.
    pub counterparty: String,
    /// 65 bytes `r || s || v`, or whatever a contract wallet (ERC-1271) takes, `0x…`.
    pub signature: String,
    /// Whether a contract wallet stands for it, which its chain alone can say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contract: bool,
}

/// One invocation: a ticket while it waits, the reply with its receipt when it has run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct InvocationView {
    /// The binding.
    pub binding: String,
    /// Counts the binding's invocations from 1.
    pub number: u64,
    /// When it was accepted.
    pub instant: u64,
    /// `message`, `contract-event`, `schedule` or `receipt`.
    pub trigger: String,
    /// How far it is.
    pub stage: Stage,
    /// What came of it, once it ran.
    pub result: Option<ResultView>,
    /// Its deliveries, in order.
    pub deliveries: Vec<DeliveryView>,
}

/// How far an invocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Input, instant and seed are durable; it will run.
    Accepted,
    /// It ran; receipt and outputs are durable.
    Executed,
    /// And every delivery is final, or there is none.
    Settled,
}

/// What came of an invocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ResultView {
    /// The cryptlet that ran.
    pub cryptlet: String,
    /// In which version.
    pub version: String,
    /// `ok`, or how it failed.
    pub outcome: String,
    /// What the guest or the host said when it did not end well.
    pub explanation: Option<String>,
    /// What the cryptlet replied: JSON, as its own text.
    pub reply: Option<serde_json::Value>,
    /// Deterministic units of the bound cryptlet's run.
    pub fuel: u64,
    /// What went between it and its host; absent where several invocations are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficView>,
    /// The receipt's position in the log.
    pub leaf: u64,
    /// The receipt with its proof, base64: what `cryptlet audit receipt` reads.
    pub receipt: String,
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DeliveryView {
    /// The ledger's name.
    pub ledger: String,
    /// Its number for binding and ledger.
    pub delivery: u64,
    /// The contract's function.
    pub action: String,
    /// `sealed`, `built`, `sent`, `included`, `finalized`, `callback-failed` or `skipped`.
    pub status: String,
    /// Why the ledger would not take it now.
    pub refusal: Option<String>,
    /// The newest transaction, `0x…`.
    pub transaction: Option<String>,
    /// The block that holds it.
    pub block: Option<u64>,
    /// What it cost there.
    pub gas_used: Option<u64>,
}

/// `GET …/events`: what a cryptlet published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PublishedEvent {
    /// The invocation that published it.
    pub number: u64,
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub body: serde_json::Value,
}

/// `GET /health/live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Live {
    /// Always, for a process that is not alive answers nothing.
    pub live: bool,
}

/// `GET /health/ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Readiness {
    /// Whether the service takes work and can do all of it.
    pub ready: bool,
    /// Why not; empty when it is ready.
    pub reasons: Vec<String>,
}

/// How a command finds the running service: `service.json` in the state folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Address {
    /// Base URL of the API, such as `http://127.0.0.1:7410`.
    pub url: String,
    /// The process.
    pub pid: u32,
}
