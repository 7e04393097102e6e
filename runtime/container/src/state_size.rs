//! What a binding's private state may hold: each run may write as much as its outputs may take, so that
//! without a bound over all runs a guest could grow a state that its host can hardly load and nobody
//! can export.
//!
//! The count is fixed, and so is where it stops a run: a replay stops at the same call.

use crate::run::State;

/// What all entries may take together. A bundle holds the state before a run and the one after it, of
/// at most 64 MiB and 2,097,152 entries each, and every run reads and digests the whole state. A
/// state of this size is at most 262,144 entries, and encoded it is no larger than counted.
pub(crate) const ALLOWED: u64 = 16 << 20;

/// An entry without its texts: what a map takes for it, and more than its heads do in a bundle.
const ENTRY: u64 = 64;

/// What one entry takes.
pub(crate) fn of_entry(key: &str, value: &[u8]) -> u64 {
    ENTRY + key.len() as u64 + value.len() as u64
}

/// What a state takes, in bytes, as the fixed limit `state-bytes` counts it.
pub fn of(state: &State) -> u64 {
    state.iter().map(|(key, value)| of_entry(key, value)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_entries_take_their_place() {
        let state = State::from([(String::new(), Vec::new()), ("key".into(), vec![0; 100])]);
        assert_eq!(of(&state), 2 * ENTRY + 103);
    }

    /// Many short entries and one long one: whatever is counted for them, a bundle takes no more.
    #[test]
    fn a_state_that_is_allowed_fits_a_bundle() {
        let short = (0..ALLOWED / (ENTRY + 5)).map(|number| (format!("{number:05x}"), Vec::new()));
        let long = [(
            "k".to_owned(),
            vec![0; usize::try_from(ALLOWED - ENTRY - 1).expect("16 MiB")],
        )];
        for state in [State::from_iter(short), State::from(long)] {
            assert!(of(&state) <= ALLOWED && of(&state) > ALLOWED - 2 * ENTRY);
            let bytes = cryptlet_attest::State::from(state.clone()).to_bytes();
            assert!(bytes.len() as u64 <= ALLOWED, "{}", bytes.len());
            let read = cryptlet_attest::State::from_bytes(&bytes).expect("it fits");
            assert_eq!(*read.entries(), state);
        }
    }
}
