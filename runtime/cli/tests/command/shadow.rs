//! `cryptlet shadow replay` on the journal of a host that settled two quarters.

use serde_json::Value;

use crate::component::component;
use crate::replay::host;
use crate::{Desk, Outcome};

const BINDING: &str = "acme-globex-swap";
/// A contract cryptlet that takes what the binding sends and does nothing with it.
const IDLE: &str = r#"[cryptlet]
name = "interest-rate-swap"
version = "1.9.0"
kind = "contract"
description = "Settles nothing."

[messages]
contract-events = ["PeriodEnded(uint32 indexed period, string quarter, uint256 notional, uint32 fixedBps, uint32 dayCount, address fixedPayer, address floatingPayer)"]
"#;

#[track_caller]
fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.output).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

#[test]
fn the_version_that_ran_is_clean_on_its_own_past_in_both_spellings() {
    let desk = Desk::new();
    drop(host(&desk));
    for arguments in [
        vec!["shadow", "replay", BINDING, "1.0.0", "--json"],
        vec!["shadow", "--replay", "9999w", BINDING, "1.0.0", "--json"],
    ] {
        let outcome = desk.run(&arguments);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        let found = json(&outcome);
        assert_eq!(found["clean"], true, "{found:#}");
        assert_eq!(found["same"], 2);
        assert_eq!(found["fuel-active"], found["fuel-candidate"]);
    }
}

#[test]
fn what_a_component_does_otherwise_is_listed_and_is_a_failure() {
    let desk = Desk::new();
    drop(host(&desk));
    desk.file("idle.wasm", component(IDLE));
    let outcome = desk.run(["shadow", "replay", BINDING, "idle.wasm", "--json"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let found = json(&outcome);
    assert_eq!(found["differing"], 2, "{found:#}");
    let fields: Vec<&str> = found["runs"][0]["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["field"].as_str().unwrap())
        .collect();
    assert!(fields.contains(&"call/0"), "{fields:?}");
    assert!(fields.contains(&"event/0"), "{fields:?}");

    let outcome = desk.run(["shadow", "replay", BINDING, "idle.wasm"]);
    assert!(
        outcome.output.contains("differs: invocation 1"),
        "{outcome:?}"
    );
    assert!(
        outcome.errors.contains("1.9.0 does 2 runs otherwise"),
        "{outcome:?}"
    );
}

#[test]
fn a_time_without_runs_says_nothing_for_a_candidate() {
    let desk = Desk::new();
    drop(host(&desk));
    let outcome = desk.run(["shadow", "replay", BINDING, "1.0.0", "--since", "1s"]);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(
        outcome.errors.contains("--since names another time"),
        "{outcome:?}"
    );
}
