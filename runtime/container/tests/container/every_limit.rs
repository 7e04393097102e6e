//! Each limit that is declared has a guest that runs into it. A limit without one fails here.

use std::collections::BTreeMap;
use std::path::Path;

use cryptlet_attest::Outcome;
use cryptlet_container::{FIXED_LIMITS, HttpBounds, LoadError, Part, Source};
use cryptlet_schema::Limits;
use proptest::prelude::*;

use crate::guests::{component, contract, handling, manifest, utility, with_section};
use crate::host::{CONTAINER, Case, Fixed, all_grants, assert_the_next_honest_run_is_right, load};

/// What becomes of a guest that wants too much of one limit.
enum Guest {
    /// The run stops there, and says so in these words.
    Stopped(Case, &'static str),
    /// The machine stops the run, in these words.
    Interrupted(Case, &'static str),
    /// A component with one more than allowed is not loaded; one with as many as allowed is, as far
    /// as this limit goes.
    Refused(fn(u64) -> String),
}

fn guest_that_hits(limit: &str) -> Option<Guest> {
    let stopped = |rest: &str, body: &str, words| {
        Some(Guest::Stopped(Case::of(&contract(rest, body)), words))
    };
    match limit {
        "fuel" => stopped(
            "[limits]\nfuel = 100000",
            "(loop $l (br $l)) (unreachable)",
            "fuel: 100,000 allowed, more wanted",
        ),
        "memory-bytes" => stopped(
            "[limits]\nmemory-bytes = 1048576",
            "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
            "memory-bytes: 1,048,576 allowed, 1,114,112 wanted",
        ),
        "table-elements" => Some(Guest::Stopped(
            Case::of(&component(
                &manifest("contract", "[limits]\ntable-elements = 1000"),
                &format!(
                    "(table $t 1 funcref) {}",
                    handling(
                        "(loop $l (drop (table.grow $t (ref.null func) (i32.const 100))) (br $l))
                         (unreachable)"
                    )
                ),
            )),
            "table-elements: 1,000 allowed, 1,001 wanted",
        )),
        "output-bytes" => stopped(
            "[limits]\noutput-bytes = 1000",
            "(call $ok (i32.const 0) (i32.const 1001))",
            "output-bytes: 1,000 allowed, 1,001 wanted",
        ),
        "log-bytes" => stopped(
            "[capabilities]\nlog = true\n[limits]\nlog-bytes = 1000",
            "(loop $l (call $log (i32.const 1) (i32.const 4096) (i32.const 300)) (br $l))
             (unreachable)",
            "log-bytes: 1,000 allowed, 1,200 wanted",
        ),
        "host-calls" => stopped(
            "[capabilities]\nlog = true\n[limits]\nhost-calls = 10",
            "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 0)) (br $l)) (unreachable)",
            "host-calls: 10 allowed, 11 wanted",
        ),
        "call-depth" => Some(Guest::Stopped(
            asking(),
            "call-depth: 1 allowed, more wanted",
        )),
        "http-response-bytes" => Some(Guest::Stopped(
            fetching(),
            "http-response-bytes: 1,000 allowed, more wanted",
        )),
        "wall-clock-milliseconds" => Some(Guest::Interrupted(
            Case::of(&contract(
                "[limits]\nfuel = 9000000000\nwall-clock-milliseconds = 50",
                "(loop $l (br $l)) (unreachable)",
            )),
            "wall-clock-milliseconds: 50 allowed, more wanted",
        )),
        "stack-bytes" => Some(Guest::Interrupted(
            Case::of(&component(
                &manifest("contract", ""),
                &format!(
                    "(func $down (param i64) (result i64)
                       (i64.add (call $down (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
                     {}",
                    handling("(drop (call $down (i64.const 0))) (unreachable)")
                ),
            )),
            "stack-bytes: 524,288 allowed, more wanted",
        )),
        "handles" => stopped(
            LISTING,
            "(loop $l (call $build @‹settle› @‹{}› (i32.const 256)) (br $l)) (unreachable)",
            "handles: 1,024 allowed, 1,025 wanted",
        ),
        "transcript-bytes" => stopped(
            "[capabilities]\nkeychain = [\"desk\"]\n[limits]\nhost-calls = 4000",
            "(loop $l (global.set $free (i32.const 65536))
               (call $sign @‹desk› (i32.const 4096) (i32.const 32768) (i32.const 256)) (br $l))
             (unreachable)",
            "transcript-bytes: 33,554,432 allowed, 33,589,248 wanted",
        ),
        "receipt-bytes" => stopped(
            LISTING,
            "(loop $l (call $publish @‹Netted› @‹{}›) (br $l)) (unreachable)",
            "receipt-bytes: 57,344 allowed, 57,387 wanted",
        ),
        "state-bytes" => Some(Guest::Stopped(
            hoarding(),
            "state-bytes: 16,777,216 allowed, 16,777,288 wanted",
        )),
        "transfer-bytes" => stopped(
            "[capabilities]\nlog = true",
            "(drop (memory.grow (i32.const 100)))
             (call $log (i32.const 1) (i32.const 4096) (i32.const 6000000)) (unreachable)",
            "transfer-bytes: 131,072 allowed, more wanted",
        ),
        "core-instances" => Some(Guest::Refused(|number| {
            format!("(core module $m) {}", instances_of("$m", number))
        })),
        "memories" => Some(Guest::Refused(|number| {
            format!("(core module $m (memory 1)) {}", instances_of("$m", number))
        })),
        "tables" => Some(Guest::Refused(|number| {
            format!(
                "(core module $m (table 1 funcref)) {}",
                instances_of("$m", number)
            )
        })),
        _ => None,
    }
}

const LISTING: &str = "[capabilities]\nledger = true\nevents = true\n\
    [limits]\noutput-bytes = 1000000\nhost-calls = 4000\nfuel = 900000000\n\
    [messages]\nactions = [\"settle()\"]\ntopics = [\"Netted()\"]";

fn instances_of(module: &str, number: u64) -> String {
    (0..number)
        .map(|_| format!("(core instance (instantiate {module}))"))
        .collect()
}

/// Its state has no room left.
fn hoarding() -> Case {
    let mut case = Case::of(&contract(
        "[capabilities]\nstate = true",
        "(call $state_set @‹key› @‹value›) (unreachable)",
    ));
    let value = vec![0; (16 << 20) - 64 - "long".len()];
    case.state = BTreeMap::from([("long".to_owned(), value)]);
    case
}

/// A chain of one has no place for a source.
fn asking() -> Case {
    let mut case = Case::of(&contract(
        "[capabilities]\nsources = [\"rate\"]",
        "(call $ask @‹rate› @‹{}› (i32.const 256)) (unreachable)",
    ));
    let source = Source {
        cryptlet: load(&utility("", "(call $ok @‹{}›)")),
        grants: all_grants(),
    };
    case.grants.limits = Some(Limits {
        call_depth: 1,
        ..Limits::MAXIMUM
    });
    case.grants.sources = BTreeMap::from([("rate".to_owned(), source)]);
    case
}

/// The second response is cut off where the limit is, and there is no third.
fn fetching() -> Case {
    let fetch = "(call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
                   (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";
    let mut case = Case::of(&utility(
        "[capabilities]\nhttp = true\n[limits]\nhttp-response-bytes = 1000",
        &format!("(loop $l {fetch} (br $l)) (unreachable)"),
    ));
    case.services = Fixed::with_body(vec![b'x'; 600]);
    case
}

fn assert_hit(name: &str, allowed: u64, guest: Guest) {
    match guest {
        Guest::Stopped(case, words) => {
            let run = case.run();
            let outcome = Outcome::Limit {
                which: name.to_owned(),
                allowed,
            };
            assert_eq!(run.outcome, outcome, "{:?}", run.diagnostic);
            assert_eq!(run.diagnostic.as_deref(), Some(words));
            assert_eq!(run.meter.fuel, run.limits.fuel, "{name}: charged its limit");
            let again = case.replay(&run.transcript).expect("it replays");
            assert_eq!((again.outcome, again.meter), (run.outcome, run.meter));
        }
        Guest::Interrupted(case, words) => {
            let run = case.run();
            assert!(
                matches!(run.outcome, Outcome::Interrupted { .. }),
                "{name}: {}",
                run.outcome
            );
            assert_eq!(run.diagnostic.as_deref(), Some(words));
            assert_eq!(run.meter.fuel, run.limits.fuel, "{name}: charged its limit");
        }
        Guest::Refused(of) => {
            let said = |number| match CONTAINER.load(&sealed(&of(number))) {
                Err(LoadError::Export(_)) => None,
                Err(refusal) => Some(refusal.to_string()),
                Ok(loaded) => panic!("{name}: {loaded:?}"),
            };
            let refusal = said(allowed + 1).expect("one too many is refused");
            assert!(
                refusal.contains(&allowed.to_string())
                    && refusal.contains(&(allowed + 1).to_string()),
                "{name}: {refusal}"
            );
            assert_eq!(said(allowed), None, "{name}: as many as allowed are not");
        }
    }
}

/// A component of these items, with a manifest.
fn sealed(items: &str) -> Vec<u8> {
    let component = wat::parse_str(format!("(component {items})")).expect("it is valid");
    with_section(component, manifest("contract", "").as_bytes())
}

#[test]
fn each_limit_of_a_manifest_has_a_guest_that_hits_it() {
    for (name, _) in Limits::default().entries() {
        let guest = guest_that_hits(name).unwrap_or_else(|| panic!("no guest hits {name}"));
        let (Guest::Stopped(case, _) | Guest::Interrupted(case, _)) = &guest else {
            panic!("{name} is no limit of a run");
        };
        let manifest = case.cryptlet.manifest().limits;
        let limits = manifest.capped_by(&case.grants.limits.unwrap_or(Limits::MAXIMUM));
        let (_, allowed) = limits
            .entries()
            .into_iter()
            .find(|(other, _)| *other == name)
            .expect("limits have every name");
        assert_hit(name, allowed, guest);
    }
    assert_the_next_honest_run_is_right();
}

#[test]
fn each_limit_that_is_fixed_has_a_guest_that_hits_it() {
    for (name, allowed) in FIXED_LIMITS {
        let guest = guest_that_hits(name).unwrap_or_else(|| panic!("no guest hits {name}"));
        assert_hit(name, allowed, guest);
    }
    assert_the_next_honest_run_is_right();
}

#[test]
fn the_guides_have_every_limit_with_its_figures() {
    let rows = rows_of("limits.md");
    for (name, value) in FIXED_LIMITS {
        let row = row(&rows, 0, &format!("`{name}`"));
        assert_eq!(number(&row[1]), value.to_string(), "{name}");
    }
    let ordinary = cryptlet_container::Settings::default();
    for limits in [
        (3, Limits::default()),
        (4, ordinary.limits),
        (5, Limits::MAXIMUM),
    ] {
        for (name, value) in limits.1.entries() {
            let row = row(&rows, 0, &format!("`{name}`"));
            assert_eq!(number(&row[limits.0]), value.to_string(), "{name}");
        }
    }
    let parts = Part::ALL.map(|part| (part.to_string(), part.allowed()));
    let bytes = ("bytes".to_owned(), ordinary.component_bytes as u64);
    for (part, most) in parts.into_iter().chain([bytes]) {
        assert_eq!(number(&row(&rows, 1, &part)[0]), most.to_string(), "{part}");
    }
    let rows = rows_of("http.md");
    for (column, bounds) in [(1, HttpBounds::default()), (2, HttpBounds::MAXIMUM)] {
        for (name, value) in bounds.entries() {
            let row = row(&rows, 0, &format!("`{name}`"));
            assert_eq!(number(&row[column]), value.to_string(), "{name}");
        }
    }
}

/// The rows of all tables of a guide, cell by cell.
fn rows_of(guide: &str) -> Vec<Vec<String>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides");
    let text = std::fs::read_to_string(Path::new(folder).join(guide)).expect("the guide is there");
    let rows = text.lines().filter_map(|line| {
        let row = line.strip_prefix("| ")?.strip_suffix(" |")?;
        Some(row.split(" | ").map(str::to_owned).collect())
    });
    rows.collect()
}

fn row<'a>(rows: &'a [Vec<String>], column: usize, name: &str) -> &'a [String] {
    rows.iter()
        .find(|row| row.get(column).is_some_and(|cell| cell == name))
        .unwrap_or_else(|| panic!("the guide has no row for {name}"))
}

/// The number that a cell begins with, without its commas.
fn number(cell: &str) -> String {
    let digits = cell.split(' ').next().unwrap_or_default();
    digits.replace(',', "")
}

fn limits() -> impl Strategy<Value = Limits> {
    let most = Limits::MAXIMUM.entries().map(|(_, most)| most);
    // Small and large ones alike.
    let values = most.map(|most| (0..=most.ilog2()).prop_flat_map(move |bits| 1..=most >> bits));
    values.prop_map(|values| {
        let names = Limits::MAXIMUM.entries().map(|(name, _)| name);
        Limits::from_entries(names.into_iter().zip(values)).expect("each is there once")
    })
}

fn in_toml(limits: &Limits) -> String {
    let lines = limits
        .entries()
        .map(|(name, value)| format!("{name} = {value}\n"));
    format!("[limits]\n{}", lines.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_lowest_of_manifest_binding_and_host_holds_for_each_limit(
        asked in limits(),
        bound in proptest::option::of(limits()),
    ) {
        let mut case = Case::of(&contract(
            &format!("[capabilities]\nlog = true\n{}", in_toml(&asked)),
            "(loop $l (call $log (i32.const 1) (i32.const 4096) (i32.const 100)) (br $l))
             (unreachable)",
        ));
        case.grants.limits = bound;
        let run = case.run();
        let host = cryptlet_container::Settings::default().limits;
        for (index, (name, held)) in run.limits.entries().into_iter().enumerate() {
            let mut lowest = asked.entries()[index].1.min(host.entries()[index].1);
            if let Some(bound) = bound {
                lowest = lowest.min(bound.entries()[index].1);
            }
            prop_assert_eq!(held, lowest, "{}", name);
        }
        match &run.outcome {
            Outcome::Limit { which, allowed } => {
                let held = run.limits.entries();
                prop_assert!(held.iter().any(|(name, held)| name == which && held == allowed));
            }
            Outcome::Interrupted { .. } => {}
            other => prop_assert!(false, "{}", other),
        }
        prop_assert_eq!(run.meter.fuel, run.limits.fuel);
    }
}
