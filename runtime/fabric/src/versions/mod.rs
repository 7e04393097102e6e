//! The life of a version under a binding: its stages, the moves between them, and who decided why.
//!
//! Every move is a row of the journal and a leaf of the log in one commit, and a notice after it.
//! At every instant a binding has exactly one active version, whatever kills the process when.

mod decision;
mod migration;
mod moves;
mod operations;
mod stage;
mod state;
#[cfg(test)]
mod tests;

pub use cryptlet_attest::{ParseStageError, Stage};
pub(crate) use decision::breaks_a_line;
pub use decision::{Decision, DecisionError, MAXIMUM_BY, MAXIMUM_REASON};
pub(crate) use migration::KeptState;
pub(crate) use moves::{Basis, NewMove};
pub use moves::{MoveKind, VersionMove, VersionNotice};
pub use stage::StageRow;
pub use state::StateError;
pub(crate) use state::changed;
