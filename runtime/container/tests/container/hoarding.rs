//! What a binding's private state may come to over all its runs.

use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{FIXED_LIMITS, MigrationJob, Run, State};
use proptest::prelude::*;

use crate::guests::{contract, migrating};
use crate::host::{CONTAINER, Case, all_grants, load};

const STATE: &str = "[capabilities]\nstate = true";
const ENTRY: u64 = 64;

fn allowed() -> u64 {
    let mut limits = FIXED_LIMITS.iter();
    let (_, allowed) = limits
        .find(|(name, _)| *name == "state-bytes")
        .expect("it is a limit");
    *allowed
}

fn size(state: &State) -> u64 {
    let entries = state.iter();
    entries
        .map(|(key, value)| ENTRY + (key.len() + value.len()) as u64)
        .sum()
}

/// A state with one entry so long that this much is left; less than nothing is too much.
fn with_room(left: i64) -> State {
    let taken = allowed().checked_add_signed(-left).expect("a size");
    let value = usize::try_from(taken - ENTRY - 4).expect("it fits");
    let state = State::from([("long".to_owned(), vec![0; value])]);
    assert_eq!(size(&state), taken);
    state
}

/// A run of a guest with this body on this state, which comes to the same again.
fn run(body: &str, state: State) -> Run {
    let mut case = Case::of(&contract(STATE, &format!("{body} (call $ok @‹{{}}›)")));
    case.state = state;
    let run = case.run();
    let again = case.replay(&run.transcript).expect("it replays");
    assert_eq!((&again.outcome, again.meter), (&run.outcome, run.meter));
    run
}

fn assert_stopped(run: &Run, wanted: u64) {
    let outcome = Outcome::Limit {
        which: "state-bytes".to_owned(),
        allowed: allowed(),
    };
    assert_eq!(run.outcome, outcome, "{:?}", run.diagnostic);
    assert!(run.state_changes.is_empty() && run.state_before == run.state_after);
    let digits = |text: &str| text.replace(',', "");
    let said = digits(run.diagnostic.as_deref().expect("it says how far"));
    assert_eq!(
        said,
        format!("state-bytes: {} allowed {wanted} wanted", allowed())
    );
}

#[test]
fn the_last_byte_may_be_used_and_no_other() {
    let set = "(call $state_set @‹key› @‹value›)";
    let full = run(set, with_room(64 + 8));
    assert_eq!(full.outcome, Outcome::Ok, "{:?}", full.diagnostic);
    assert_stopped(&run(set, with_room(64 + 7)), allowed() + 1);
}

#[test]
fn what_is_removed_or_shortened_makes_room() {
    let set = "(call $state_set @‹key› @‹value›)";
    for first in [
        "(call $state_remove @‹long›)",
        "(call $state_set @‹long› @‹short›)",
    ] {
        let ended = run(&format!("{first} {set}"), with_room(0));
        assert_eq!(ended.outcome, Outcome::Ok, "{:?}", ended.diagnostic);
    }
    let absent = run(&format!("(call $state_remove @‹none›) {set}"), with_room(0));
    assert_stopped(&absent, allowed() + 64 + 8);
}

/// One that was left before there was this limit.
#[test]
fn a_state_that_is_too_large_may_be_read_and_made_smaller() {
    let mut state = with_room(-1_000_000);
    state.insert("key".to_owned(), b"value".to_vec());
    let read = "(call $state_get @‹key› (i32.const 256))
        (call $state_keys @‹› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 256))";
    for body in [
        read.to_owned(),
        "(call $state_remove @‹key›)".to_owned(),
        "(call $state_set @‹key› @‹val›)".to_owned(),
        "(call $state_set @‹key› @‹other›)".to_owned(),
        format!("(call $state_set @‹long› @‹short›) (call $state_set @‹other› @‹value›) {read}"),
    ] {
        let ended = run(&body, state.clone());
        assert_eq!(ended.outcome, Outcome::Ok, "{body}: {:?}", ended.diagnostic);
    }
    let longer = run("(call $state_set @‹key› @‹longer›)", state.clone());
    assert_stopped(&longer, size(&state) + 1);
}

#[test]
fn a_migration_has_no_more_room_than_a_run() {
    let guest = migrating(
        "[capabilities]\nstate = true\n[state]\nversion = 2\n",
        "(call $state_set @‹key› @‹value›) (call $migrated)",
    );
    let (cryptlet, grants) = (load(&guest), all_grants());
    let migrated = |state| {
        let job = MigrationJob {
            cryptlet: &cryptlet,
            grants: &grants,
            binding: format!("0x{}", "22".repeat(32)),
            seed: [5; 32],
            state: Arc::new(state),
            from: 1,
        };
        CONTAINER.migrate(job).expect("it migrates from 1")
    };
    assert_eq!(migrated(with_room(64 + 8)).outcome, Outcome::Ok);
    assert_stopped(&migrated(with_room(64)), allowed() + 8);
}

/// Sets the entry under a letter to so many bytes, or removes it.
fn changes() -> impl Strategy<Value = Vec<(char, Option<usize>)>> {
    let change = (
        proptest::char::range('a', 'd'),
        proptest::option::weighted(0.7, 0..400_usize),
    );
    proptest::collection::vec(change, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_written_in_whatever_order_is_counted_once(
        changes in changes(),
        left in 0..600_i64,
    ) {
        let body: String = changes
            .iter()
            .map(|(key, value)| match value {
                Some(length) => format!(
                    "(call $state_set @‹{key}› (i32.const 0) (i32.const {length}))"
                ),
                None => format!("(call $state_remove @‹{key}›)"),
            })
            .collect();
        let ended = run(&body, with_room(left));

        let mut state = with_room(left);
        let mut beyond = None;
        for (key, value) in changes {
            match value {
                Some(length) => drop(state.insert(key.to_string(), vec![0; length])),
                None => drop(state.remove(&key.to_string())),
            }
            if size(&state) > allowed() {
                beyond = Some(size(&state));
                break;
            }
        }
        match beyond {
            Some(wanted) => assert_stopped(&ended, wanted),
            None => prop_assert_eq!(ended.outcome, Outcome::Ok),
        }
    }
}
