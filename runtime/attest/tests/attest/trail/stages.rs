//! A log that keeps the stages of versions, and hosts that lie about them.

use super::{BINDING, Lie, Story, audit, bytes, module, receipt, signed, version};
use crate::scene::{ORIGIN, key, trusted};
use cryptlet_attest::trail::{Question, Trail, follow};
use cryptlet_attest::{
    LogEntry, Outcome, Stage, State, StateChange, VersionChange, VersionEntry, digest,
};
use proptest::prelude::*;

// Where things stand in the story below.
const SHADOWED: usize = 7;
const CANARIED: usize = 8;
const ON_ACTIVE: usize = 9;
const ON_CANARY: usize = 10;
const DRAINING: usize = 11;
const PROMOTED: usize = 12;
const FIRST_RUN: usize = 14;
const RETAINED: usize = 15;
const BACK: usize = 19;
const RETIRED: usize = 21;

fn decided(change: VersionChange, version: &str) -> LogEntry {
    LogEntry::Version(VersionEntry {
        cryptlet: "swap".to_owned(),
        version: version.to_owned(),
        measurement: module(version),
        binding: Some(BINDING),
        change,
        by: Some("ann".to_owned()),
        reason: Some("a test".to_owned()),
        share: (change == VersionChange::Canaried).then_some(50),
        state: None,
    })
}

/// 1.1.0 is tried in shadow and as a canary, replaces 1.0.0 with a migration, and is rolled back and
/// retired.
fn story() -> Vec<LogEntry> {
    use VersionChange::{Canaried, Draining, Promoted, Retained, Retired, RolledBack, Shadowed};
    let mut story = Story::beginning();
    story.entries.push(decided(Shadowed, "1.1.0"));
    story.entries.push(decided(Canaried, "1.1.0"));
    story.accept(1, "1.0.0", 1);
    story.accept(2, "1.1.0", 2);
    story.entries.push(decided(Draining, "1.0.0"));
    story.entries.push(decided(Promoted, "1.1.0"));
    story.run(1, "1.0.0", 1, Outcome::Ok);
    story.entries.push(decided(Retained, "1.0.0"));
    story.run(2, "1.1.0", 2, Outcome::Ok);
    story.entries.push(decided(Draining, "1.1.0"));
    story.entries.push(decided(RolledBack, "1.0.0"));
    let migrated = digest("state", &[b"rewritten"]);
    version(&mut story.entries[BACK]).state = Some(StateChange {
        before: story.state,
        after: migrated,
    });
    story.state = migrated;
    story.entries.push(decided(Retained, "1.1.0"));
    story.entries.push(decided(Retired, "1.1.0"));
    story.accept(3, "1.0.0", 3);
    story.run(3, "1.0.0", 3, Outcome::Ok);
    story.entries
}

fn told(entries: &[LogEntry]) -> Trail {
    let leaves = bytes(entries);
    audit(&leaves, &signed(&leaves), None).expect("it holds together")
}

#[test]
fn the_life_of_a_version_is_told_with_who_and_why() {
    let trail = told(&story());
    let moves: Vec<_> = trail
        .moves
        .iter()
        .map(|change| format!("{} {}", change.version, change.change))
        .collect();
    assert_eq!(
        moves,
        [
            "1.1.0 shadowed",
            "1.1.0 canaried",
            "1.0.0 draining",
            "1.1.0 promoted",
            "1.0.0 retained",
            "1.1.0 draining",
            "1.0.0 rolled-back",
            "1.1.0 retained",
            "1.1.0 retired",
        ]
    );
    assert_eq!(trail.moves[0].by.as_deref(), Some("ann"));
    assert_eq!(trail.moves[0].reason.as_deref(), Some("a test"));
    assert_eq!(trail.moves[1].share, Some(50));
    let claim = trail.claims.iter().find(|claim| claim.name == "versions");
    let says = &claim.expect("there is one").says;
    assert!(
        says.contains("5 % of the invocations to the canary 1.1.0 at leaf 8 by ann"),
        "{says}"
    );
    assert!(
        says.contains("rolled back to 1.0.0 at leaf 19 by ann"),
        "{says}"
    );
}

#[test]
fn the_first_module_shows_itself_when_no_document_is_at_hand() {
    let question = Question {
        binding: BINDING,
        terms: Vec::new(),
        since: None,
    };
    let trust = [trusted(ORIGIN, &key(1))];
    let mut with_canary_first = story();
    with_canary_first.remove(ON_ACTIVE);
    with_canary_first.truncate(ON_CANARY);
    for mut story in [story(), with_canary_first] {
        if let LogEntry::Accepted(accepted) = &mut story[ON_ACTIVE] {
            accepted.number = 1;
        }
        let leaves = bytes(&story);
        follow(&leaves, &signed(&leaves), &trust, &question).expect("it holds together");
    }
}

#[test]
fn each_lie_about_a_stage_has_its_name_and_its_leaf() {
    let lies: &[Lie] = &[
        ("illegal-move", SHADOWED, |story| {
            version(&mut story[SHADOWED]).change = VersionChange::Retained;
        }),
        ("illegal-move", SHADOWED, |story| {
            story[SHADOWED] = decided(VersionChange::Draining, "1.1.0");
        }),
        ("illegal-move", SHADOWED, |story| {
            story[SHADOWED] = decided(VersionChange::Retired, "1.0.0");
        }),
        ("illegal-move", SHADOWED, |story| {
            version(&mut story[SHADOWED]).change = VersionChange::Deployed;
        }),
        ("illegal-move", RETIRED + 1, |story| {
            story.insert(RETIRED + 1, decided(VersionChange::Shadowed, "1.1.0"));
        }),
        ("undecided", SHADOWED, |story| {
            version(&mut story[SHADOWED]).reason = None;
        }),
        ("undecided", SHADOWED, |story| {
            version(&mut story[SHADOWED]).by = None;
        }),
        ("second", PROMOTED - 1, |story| drop(story.remove(DRAINING))),
        ("second", SHADOWED, |story| {
            story[SHADOWED] = decided(VersionChange::Promoted, "1.1.0");
        }),
        ("no-active", PROMOTED, |story| drop(story.remove(PROMOTED))),
        ("no-active", PROMOTED, |story| {
            story.swap(PROMOTED, RETAINED);
        }),
        ("other-share", CANARIED, |story| {
            version(&mut story[CANARIED]).share = None;
        }),
        ("other-share", CANARIED, |story| {
            version(&mut story[CANARIED]).share = Some(1_001);
        }),
        ("other-share", SHADOWED, |story| {
            version(&mut story[SHADOWED]).share = Some(1);
        }),
        ("other-module", ON_CANARY - 1, |story| {
            drop(story.remove(CANARIED))
        }),
        ("still-waiting", PROMOTED + 1, |story| {
            let early = story.remove(RETAINED);
            story.insert(PROMOTED + 1, early);
        }),
        ("other-migration", BACK, |story| {
            let change = version(&mut story[BACK]).state.as_mut();
            change.expect("it migrates").before = digest("other", &[]);
        }),
        ("other-migration", SHADOWED, |story| {
            let change = StateChange {
                before: State::default().root(),
                after: digest("other", &[]),
            };
            version(&mut story[SHADOWED]).state = Some(change);
        }),
        ("other-state", RETIRED + 3, |story| {
            version(&mut story[BACK]).state = None;
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            let execution = &mut receipt(&mut story[FIRST_RUN]).execution;
            execution.version = "1.1.0".to_owned();
            execution.measurement = module("1.1.0");
        }),
        ("other-rollback", BACK, |story| {
            version(&mut story[BACK]).version = "1.1.0".to_owned();
            version(&mut story[BACK]).measurement = module("1.1.0");
        }),
    ];
    for (name, leaf, lie) in lies {
        let mut story = story();
        lie(&mut story);
        let leaves = bytes(&story);
        let contradiction = audit(&leaves, &signed(&leaves), None).expect_err(name);
        assert_eq!(
            (contradiction.name(), contradiction.leaf),
            (*name, Some(*leaf as u64)),
            "{contradiction}"
        );
        assert!(contradiction.is_signed());
    }
}

#[test]
fn a_log_that_ends_without_an_active_module_is_a_contradiction() {
    let leaves = bytes(&story()[..PROMOTED]);
    let contradiction = audit(&leaves, &signed(&leaves), None).expect_err("none is active");
    assert_eq!(contradiction.name(), "no-active");
    assert_eq!(contradiction.leaf, None);
}

#[test]
fn a_second_canary_is_a_contradiction_and_another_share_is_none() {
    let mut story = story();
    story.truncate(CANARIED + 1);
    story.push(decided(VersionChange::Canaried, "1.1.0"));
    assert_eq!(told(&story).moves.len(), 3);
    story[2] = LogEntry::Version(VersionEntry {
        version: "1.2.0".to_owned(),
        measurement: module("1.2.0"),
        ..version(&mut story[2]).clone()
    });
    story[CANARIED + 1] = decided(VersionChange::Canaried, "1.2.0");
    let leaves = bytes(&story);
    let contradiction = audit(&leaves, &signed(&leaves), None).expect_err("there are two");
    assert_eq!(contradiction.name(), "second");
}

const CHANGES: [VersionChange; 7] = [
    VersionChange::Shadowed,
    VersionChange::Canaried,
    VersionChange::Withdrawn,
    VersionChange::Draining,
    VersionChange::Promoted,
    VersionChange::Retained,
    VersionChange::Retired,
];

proptest! {
    /// Whatever moves a host signs, a trail that holds together made only legal ones, and exactly
    /// one module is active at its end.
    #[test]
    fn a_trail_that_holds_together_has_one_active_module(
        moves in prop::collection::vec((0..CHANGES.len(), 0..2_u8), 0..12)
    ) {
        let mut story = Story::beginning();
        let mut stages = [Stage::Active, Stage::Deployed];
        let mut expected_legal = true;
        for (change, minor) in moves {
            let change = CHANGES[change];
            let stage = &mut stages[usize::from(minor)];
            expected_legal &= stage.may_become(change.leads_to());
            *stage = change.leads_to();
            story.entries.push(decided(change, &format!("1.{minor}.0")));
        }
        let leaves = bytes(&story.entries);
        if let Ok(trail) = audit(&leaves, &signed(&leaves), None) {
            prop_assert!(expected_legal, "{:?}", trail.moves);
            let active = stages.iter().filter(|stage| **stage == Stage::Active);
            prop_assert_eq!(active.count(), 1);
        }
    }
}
