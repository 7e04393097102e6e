//! From an earlier version's state to this one's.

use crate::state::State;

/// One migration, and all that a cryptlet can do in it: read and write its state, and log.
///
/// Nothing else of [`Context`](crate::Context) is here: a version that is being tried must not reach
/// outside, and whoever doubts the outcome must be able to do it again from the state alone.
#[derive(Debug)]
pub struct Migration {
    _made_by_the_host: (),
}

impl Migration {
    pub(crate) fn new() -> Self {
        Self {
            _made_by_the_host: (),
        }
    }

    /// The binding's private state: at first as the earlier version left it. What is there in the
    /// end is what this version will find.
    pub fn state(&mut self) -> State<'_> {
        State::of(self)
    }
}
