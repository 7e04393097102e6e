//! Versions of the bound cryptlet and where they stand.

use cryptlet_attest::{Measurement, Stage};
use semver::Version;
use serde::Serialize;

/// One version under a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageRow {
    /// Its semantic version.
    pub version: Version,
    /// What its bytes measure.
    pub measurement: Measurement,
    /// Where it stands.
    pub stage: Stage,
    /// The canary's share of new invocations, in thousandths.
    pub share: Option<u16>,
    /// Since when; milliseconds since 1970.
    pub since: u64,
}
