//! Versions under a binding: where they stand, and how they came there.

use cryptlet_fabric::VersionMove;
use cryptlet_fabric::versions::StageRow;
use cryptlet_fabric::{Bounds, Figures};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/bindings/{binding}/promote`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Promotion {
    /// The version that new invocations shall run on.
    pub version: String,
    /// Why: one line, at most 500 bytes, which the log keeps.
    pub reason: String,
}

/// `POST /v1/bindings/{binding}/rollback`, and other moves of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Decided {
    /// Why: one line, at most 500 bytes, which the log keeps.
    pub reason: String,
}

/// `POST /v1/bindings/{binding}/rollback`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rollback {
    /// Why: one line, at most 500 bytes, which the log keeps.
    pub reason: String,
    /// Whether changes of the state may be lost that runs have made since it was migrated. Without
    /// it such a rollback is refused.
    #[serde(default)]
    pub drop_state_changes: bool,
}

/// `POST /v1/bindings/{binding}/versions/{version}/canary`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Canary {
    /// The share of new invocations that it gets, in thousandths from 1 to 1000.
    pub share: u16,
    /// Why: one line, at most 500 bytes, which the log keeps.
    pub reason: String,
    /// When the fabric withdraws it by itself.
    #[serde(default)]
    pub bounds: CanaryBounds,
}

/// How much worse than the active version a canary may do over its newest thousand runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct CanaryBounds {
    /// Thousandths of its runs that may fail beyond those of the active version; 50 by default.
    pub max_errors: u16,
    /// Mean fuel in percent of the active version's; 200 by default.
    pub max_fuel: u32,
    /// Median time in percent of the active version's; 300 by default.
    pub max_latency: u32,
    /// Runs before it is judged; 20 by default, at most 1000.
    pub least_runs: u32,
}

impl Default for CanaryBounds {
    fn default() -> Self {
        let Bounds {
            max_errors,
            max_fuel,
            max_latency,
            least_runs,
        } = Bounds::default();
        Self {
            max_errors,
            max_fuel,
            max_latency,
            least_runs,
        }
    }
}

impl From<Bounds> for CanaryBounds {
    fn from(bounds: Bounds) -> Self {
        Self {
            max_errors: bounds.max_errors,
            max_fuel: bounds.max_fuel,
            max_latency: bounds.max_latency,
            least_runs: bounds.least_runs,
        }
    }
}

impl From<CanaryBounds> for Bounds {
    fn from(bounds: CanaryBounds) -> Self {
        Self {
            max_errors: bounds.max_errors,
            max_fuel: bounds.max_fuel,
            max_latency: bounds.max_latency,
            least_runs: bounds.least_runs,
        }
    }
}

/// `GET /v1/bindings/{binding}/canary`: a canary beside the active version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CanaryFigures {
    /// The binding.
    pub binding: String,
    /// The canary's version.
    pub version: String,
    /// Its share of new invocations, in thousandths.
    pub share: u16,
    /// The version that it is compared with.
    pub active: String,
    /// When the fabric withdraws it by itself.
    pub bounds: CanaryBounds,
    /// The canary's newest runs.
    pub of_canary: RunFigures,
    /// The active version's newest runs.
    pub of_active: RunFigures,
}

/// What the newest runs of a version came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunFigures {
    /// How many they are, at most 1000.
    pub runs: u64,
    /// How many of them did not succeed.
    pub failed: u64,
    /// Mean fuel.
    pub fuel: u64,
    /// Median time, of the runs since this process began; none if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microseconds: Option<u64>,
}

impl From<Figures> for RunFigures {
    fn from(figures: Figures) -> Self {
        let micros = |took: std::time::Duration| took.as_micros().try_into().unwrap_or(u64::MAX);
        Self {
            runs: figures.runs,
            failed: figures.failed,
            fuel: figures.fuel,
            microseconds: figures.latency.map(micros),
        }
    }
}

/// The answer to a promotion or a rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ActiveVersion {
    /// The binding.
    pub binding: String,
    /// The version that new invocations run on from here.
    pub active: String,
}

/// A binding's versions and their history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct BindingVersions {
    /// The binding.
    pub binding: String,
    /// Every deployed version of its cryptlet, oldest first.
    pub versions: Vec<StandingVersion>,
    /// Every move, oldest first.
    pub moves: Vec<VersionMoved>,
}

/// A version and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StandingVersion {
    /// The version.
    pub version: String,
    /// What its bytes measure.
    pub measurement: String,
    /// `deployed`, `shadow`, `canary`, `active`, `draining`, `retained` or `retired`.
    pub stage: String,
    /// The canary's share of new invocations, in thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<u16>,
    /// Since when it stands there; milliseconds since 1970.
    pub since: u64,
}

/// A version went from one stage to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VersionMoved {
    /// Counts the binding's moves from 0, its activation.
    pub ordinal: u64,
    /// What happened: `activated`, `shadowed`, `canaried`, `promoted`, `rolled-back`, `withdrawn`,
    /// `draining`, `retained` or `retired`.
    pub kind: String,
    /// Which version.
    pub version: String,
    /// What its bytes measure.
    pub measurement: String,
    /// The stage before.
    pub from: String,
    /// The stage from here on.
    pub to: String,
    /// The canary's share of new invocations, in thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<u16>,
    /// Who decided: the name of a token, or `fabric`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When; milliseconds since 1970.
    pub at: u64,
    /// Position of its leaf in the log.
    pub leaf: u64,
}

impl From<StageRow> for StandingVersion {
    fn from(row: StageRow) -> Self {
        Self {
            version: row.version.to_string(),
            measurement: row.measurement.to_string(),
            stage: row.stage.to_string(),
            share: row.share,
            since: row.since,
        }
    }
}

impl From<VersionMove> for VersionMoved {
    fn from(moved: VersionMove) -> Self {
        Self {
            ordinal: moved.ordinal,
            kind: moved.kind.to_string(),
            version: moved.version.to_string(),
            measurement: moved.measurement.to_string(),
            from: moved.from.to_string(),
            to: moved.to.to_string(),
            share: moved.share,
            by: moved.by,
            reason: moved.reason,
            at: moved.at,
            leaf: moved.leaf,
        }
    }
}
