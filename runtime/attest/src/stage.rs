//! Where a version stands in its life.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Where a version of the bound cryptlet stands under one binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Measured, checked and compiled; the binding does not run it.
    Deployed,
    /// Runs beside the active version on the same input; nothing of it leaves.
    Shadow,
    /// Gets a share of the new invocations.
    Canary,
    /// Gets the new invocations, all but the canary's share.
    Active,
    /// Gets no new invocations; those that it was to run still wait.
    Draining,
    /// Was active, and can be again at once.
    Retained,
    /// Never runs under this binding again.
    Retired,
}

impl Stage {
    /// Every stage, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::Deployed,
        Self::Shadow,
        Self::Canary,
        Self::Active,
        Self::Draining,
        Self::Retained,
        Self::Retired,
    ];

    /// Whether a version at this stage may be moved to `next`.
    ///
    /// The active version leaves only for another one, in the commit that makes that one active. A
    /// canary that stays one gets another share.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use Stage::{Active, Canary, Deployed, Draining, Retained, Retired, Shadow};
        match self {
            Deployed => matches!(next, Shadow | Canary | Active | Retired),
            Shadow => matches!(next, Deployed | Canary | Active),
            Canary => matches!(next, Deployed | Shadow | Canary | Active),
            Active => next == Draining,
            Draining => matches!(next, Retained | Active),
            Retained => matches!(next, Shadow | Canary | Active | Retired),
            Retired => false,
        }
    }

    /// Whether a version at this stage is tried out beside the active one.
    #[must_use]
    pub fn is_candidate(self) -> bool {
        matches!(self, Self::Shadow | Self::Canary)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Shadow => "shadow",
            Self::Canary => "canary",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Retained => "retained",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// No stage is called this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no stage \"{0}\"; there are deployed, shadow, canary, active, draining, retained and retired"
)]
pub struct ParseStageError(String);

impl FromStr for Stage {
    type Err = ParseStageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| ParseStageError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_read_as_it_is_written() {
        for stage in Stage::ALL {
            assert_eq!(stage.to_string().parse(), Ok(stage));
        }
        assert!("Active".parse::<Stage>().is_err());
    }

    #[test]
    fn the_end_of_a_life_is_the_end_and_the_active_version_only_drains() {
        for stage in Stage::ALL {
            assert!(!Stage::Retired.may_become(stage), "{stage}");
            assert_eq!(
                Stage::Active.may_become(stage),
                stage == Stage::Draining,
                "{stage}"
            );
            assert!(
                stage == Stage::Active || !stage.may_become(Stage::Draining),
                "{stage}"
            );
        }
    }

    #[test]
    fn what_is_tried_or_runs_is_not_retired_at_once() {
        for stage in [Stage::Shadow, Stage::Canary, Stage::Active, Stage::Draining] {
            assert!(!stage.may_become(Stage::Retired), "{stage}");
        }
    }
}
