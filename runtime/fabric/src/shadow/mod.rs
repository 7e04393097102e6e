//! Candidates beside the active version: on live runs and on the recorded past, compared field by field.
//!
//! A candidate gets the invocation, seed and state of a run of the active version, and hears what the
//! host answered then. What it stages goes nowhere; what it did otherwise is listed.

mod comparison;
mod history;
mod live;
mod migrated;

pub use comparison::{Difference, FuelBound, MOST_DIFFERENCES, compare};
pub use history::{PastRun, ShadowRefusal};
pub(crate) use live::{Beside, Shadows};
