//! Versions in shadow.

use cryptlet_fabric::shadow::Difference;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/bindings/{binding}/versions/{version}/shadow-runs`: a version beside the active one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShadowRuns {
    /// The version.
    pub version: String,
    /// The version that is active now.
    pub active: String,
    /// Shadow runs that are kept of it, at most the newest 1000.
    pub runs: u64,
    /// How many of them differ.
    pub differed: u64,
    /// Clean ones beside the version that is active now, since the last that differed.
    pub clean_in_a_row: u64,
    /// How many of those a promotion needs, if the binding says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<u32>,
    /// Live runs that were left out since the service began, because the host had too much to do.
    pub skipped: u64,
    /// Mean fuel of the active version in the kept runs, without sources.
    pub fuel_active: u64,
    /// Mean fuel of this version in them, without sources.
    pub fuel_candidate: u64,
    /// Kept runs that differ, newest first, at most 20.
    pub differing: Vec<ShadowRun>,
}

/// One shadow run that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ShadowRun {
    /// The invocation.
    pub number: u64,
    /// The version that ran it.
    pub active: String,
    /// When; milliseconds since 1970.
    pub at: u64,
    /// What this version did otherwise, field by field.
    pub differences: Vec<Difference>,
}
