//! `cryptlet audit replay --all` on the journal of a host that settled two quarters.

use std::fs;
use std::path::{Path, PathBuf};

use cryptlet_attest::{Measurement, Outcome, Statement};
use rusqlite::Connection;
use serde_json::Value;

use crate::{Desk, prepared};

/// The components that the journal's dump leaves out.
fn modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/modules")
}

/// A host whose journal is whole, and that journal.
pub fn host(desk: &Desk) -> Connection {
    let state = desk.path().join(".cryptlet");
    prepared::state(&state);
    let journal = Connection::open(state.join("journal.sqlite")).unwrap();
    let mut measurements = journal.prepare("SELECT measurement FROM module").unwrap();
    let measurements: Vec<[u8; 32]> = measurements
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for measurement in measurements {
        let name = format!("{}.wasm", Measurement::from_bytes(measurement));
        let component = fs::read(modules().join(name)).unwrap();
        journal
            .execute(
                "UPDATE module SET component = ?1 WHERE measurement = ?2",
                (component, measurement),
            )
            .unwrap();
    }
    Connection::open(state.join("journal.sqlite")).unwrap()
}

/// Changes what the journal says that the bound cryptlet's run was.
fn restate(journal: &Connection, number: u32, change: impl Fn(&mut Statement)) {
    let (leaf, entry): (i64, Vec<u8>) = journal
        .query_row(
            "SELECT position, entry FROM leaf JOIN execution ON leaf = position
             WHERE number = ?1 AND ordinal = 0",
            [number],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let mut statement = Statement::from_bytes(&entry).unwrap();
    change(&mut statement);
    journal
        .execute(
            "UPDATE leaf SET entry = ?1 WHERE position = ?2",
            (statement.to_bytes(), leaf),
        )
        .unwrap();
}

#[test]
fn every_run_of_a_journal_is_reproduced() {
    let desk = Desk::new();
    let journal = host(&desk);
    let fuel: i64 = journal
        .query_row("SELECT sum(fuel) FROM execution", [], |row| row.get(0))
        .unwrap();
    let said = desk.run(["audit", "replay", "--all"]).done();
    assert_eq!(
        said,
        format!(
            "2 runs reproduced, 0 differing, 0 not replayable, 0 not replayed; {fuel} units of fuel\n"
        )
    );
    let printed = desk
        .run([
            "audit",
            "replay",
            "--all",
            "--binding",
            "acme-globex-swap",
            "--json",
        ])
        .done();
    let audited: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(audited["reproduced"], true);
    assert_eq!(audited["replayed"], 2);
    assert_eq!(audited["fuel"], fuel);
}

#[test]
fn a_binding_that_is_not_there_is_a_mistake_of_the_command_line() {
    let desk = Desk::new();
    host(&desk);
    let sentence = desk
        .run(["audit", "replay", "--all", "--binding", "nobody"])
        .failed(2);
    assert!(
        sentence.contains("there is no binding nobody"),
        "{sentence}"
    );
}

#[test]
fn one_run_that_differs_among_others_is_named_with_its_field() {
    let desk = Desk::new();
    let journal = host(&desk);
    restate(&journal, 2, |statement| statement.execution.fuel += 1);
    let ended = desk.run(["audit", "replay", "--all"]);
    assert_eq!(ended.status, 1);
    assert!(
        ended
            .output
            .contains("other-execution: acme-globex-swap, invocation 2: "),
        "{}",
        ended.output
    );
    assert!(ended.output.contains("differs: fuel\n"), "{}", ended.output);
    assert!(
        ended.output.contains("1 run reproduced, 1 differing, 0"),
        "{}",
        ended.output
    );
    assert!(
        ended
            .errors
            .contains("1 run came out otherwise than recorded"),
        "{}",
        ended.errors
    );
}

#[test]
fn a_run_that_goes_another_way_is_named_with_its_host_call() {
    let desk = Desk::new();
    let journal = host(&desk);
    journal
        .execute(
            "UPDATE execution SET transcript = x'' WHERE number = 1 AND ordinal = 0",
            [],
        )
        .unwrap();
    let printed = desk.run(["audit", "replay", "--all", "--json"]);
    assert_eq!(printed.status, 1);
    let audited: Value = serde_json::from_str(&printed.output).unwrap();
    assert_eq!(audited["differing"], 1);
    let run = &audited["runs"][0];
    assert_eq!(run["reason"]["name"], "diverged");
    assert_eq!(run["divergence"]["path"], serde_json::json!([0]));
    assert_eq!(run["divergence"]["recorded"], Value::Null);
    assert!(run["divergence"]["replayed"]["name"].is_string());
}

#[test]
fn a_run_that_a_machine_interrupted_is_counted_and_held_against_nobody() {
    let desk = Desk::new();
    let journal = host(&desk);
    restate(&journal, 1, |statement| {
        statement.execution.outcome = Outcome::Interrupted {
            which: "wall-clock".into(),
        };
    });
    let said = desk.run(["audit", "replay", "--all"]).done();
    assert!(
        said.starts_with("1 run reproduced, 0 differing, 1 not replayable, 0 not replayed; "),
        "{said}"
    );
}

#[test]
fn what_the_journal_has_lost_is_counted_and_ends_no_audit() {
    let lost = [
        "DELETE FROM leaf WHERE position =
         (SELECT leaf FROM execution WHERE number = 1 AND ordinal = 0)",
        "UPDATE leaf SET entry = x'00' WHERE position =
         (SELECT leaf FROM execution WHERE number = 1 AND ordinal = 0)",
        "DELETE FROM invocation WHERE number = 1",
    ];
    for damage in lost {
        let desk = Desk::new();
        let journal = host(&desk);
        journal.pragma_update(None, "foreign_keys", false).unwrap();
        journal.execute(damage, []).unwrap();
        let ended = desk.run(["audit", "replay", "--all", "--json"]);
        assert_eq!(ended.status, 1, "{damage}: {}", ended.errors);
        let audited: Value = serde_json::from_str(&ended.output).unwrap();
        assert_eq!(audited["reproduced"], false, "{damage}");
        let counts = ["replayed", "differing", "refused"].map(|name| audited[name].as_u64());
        assert_eq!(counts, [Some(1), Some(0), Some(1)], "{damage}");
        let run = &audited["runs"][0];
        assert_eq!(run["invocation"], 1, "{damage}");
        assert_eq!(run["reason"]["name"], "unreadable", "{damage}");
    }
}

#[test]
fn what_is_withheld_is_not_said_to_be_reproduced() {
    let desk = Desk::new();
    drop(host(&desk));
    let part = [
        "--open",
        "input",
        "--open",
        "transcript",
        "--agreement",
        "--module",
    ];
    let export = ["audit", "export", "7", "--output", "part.bundle"];
    desk.run(export.iter().chain(&part)).done();
    let replayed = desk.run(["audit", "replay", "part.bundle", "--json"]);
    assert_eq!(replayed.status, 1, "{replayed:?}");
    let reason = &replayed.errors;
    assert!(
        reason.contains("(withheld)")
            && reason.contains("reply")
            && reason.contains("--replayable"),
        "{reason}"
    );
    let audited: Value = serde_json::from_str(&replayed.output).unwrap();
    assert_eq!(audited["reproduced"], false);
    assert_eq!(audited["runs"][0]["reason"]["name"], "withheld");
}
