//! Roots of states that did not change since they were digested.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use cryptlet_attest::Digest;

use crate::run::{State, state_root};

thread_local! {
    /// The state that this thread digested last. Whoever changes it moves it away from here:
    /// [`Arc::make_mut`] and [`Arc::get_mut`] respect a `Weak`, which keeps the place from being used again, too.
    static LAST: RefCell<Option<(Weak<State>, Digest)>> = const { RefCell::new(None) };
}

/// The root of a state. One that this thread has digested for the run before, as in a batch of runs, is
/// not digested again: that takes time by its size.
pub(crate) fn root_of_shared(state: &Arc<State>) -> Digest {
    LAST.with_borrow_mut(|last| match last {
        Some((known, root)) if known.as_ptr() == Arc::as_ptr(state) => *root,
        _ => {
            let root = state_root(state);
            *last = Some((Arc::downgrade(state), root));
            root
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(value: u8) -> Arc<State> {
        Arc::new(State::from([("key".to_owned(), vec![value])]))
    }

    #[test]
    fn a_state_that_changes_where_it_lies_has_another_root() {
        let mut state = state(0);
        for value in 0..100 {
            Arc::make_mut(&mut state).insert("key".to_owned(), vec![value]);
            for _ in 0..2 {
                assert_eq!(root_of_shared(&state), state_root(&state), "{value}");
            }
        }
        assert_eq!(Arc::get_mut(&mut state), None, "it is known");
    }

    #[test]
    fn a_state_in_the_place_of_one_that_is_gone_has_its_own_root() {
        for value in 0..100 {
            let state = state(value);
            assert_eq!(root_of_shared(&state), state_root(&state), "{value}");
        }
    }
}
