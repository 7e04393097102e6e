//! The same in, the same out: fuel, bytes and digests, alone or under load, after whatever ran before.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use cryptlet_attest::Outcome;
use cryptlet_container::{Container, Run, Settings};
use proptest::prelude::*;

use crate::guests::{contract, utility};
use crate::host::{Case, Fixed, assert_the_next_honest_run_is_right, honest};
use crate::random_guests::{ending, stopped};

/// Works on its input byte by byte, with floats and growth, and logs what it found.
fn worker() -> Vec<u8> {
    utility(
        "[capabilities]\nlog = true\nhttp = true",
        "(local.set $a (i32.load offset=48 (local.get $in)))
         (local.set $b (i32.add (local.get $a) (i32.load offset=52 (local.get $in))))
         (block $done (loop $l
           (br_if $done (i32.ge_u (local.get $a) (local.get $b)))
           (local.set $n (i64.add (i64.mul (local.get $n) (i64.const 31))
             (i64.load8_u (local.get $a))))
           (local.set $n (i64.xor (local.get $n) (i64.reinterpret_f64
             (f64.div (f64.convert_i64_s (local.get $n)) (f64.convert_i32_s (i32.load8_u (local.get $a)))))))
           (local.set $a (i32.add (local.get $a) (i32.const 1)))
           (br $l)))
         (i64.store (i32.const 512) (i64.and (local.get $n) (i64.const 0x3f3f3f3f3f3f3f3f)))
         (call $log (i32.const 1) (i32.const 512) (i32.const 8))
         (call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
         (drop (memory.grow (i32.and (i32.wrap_i64 (local.get $n)) (i32.const 3))))
         (call $ok @‹{}›)",
    )
}

fn trace(run: &Run) -> (Outcome, Option<Vec<u8>>, u64, u64, u64, Vec<u8>) {
    (
        run.outcome.clone(),
        run.reply.clone(),
        run.meter.fuel,
        run.meter.peak_memory,
        run.meter.host_calls,
        run.transcript.to_bytes(),
    )
}

fn hostile() -> [Vec<u8>; 6] {
    [
        contract("[limits]\nfuel = 20000", "(loop $l (br $l)) (unreachable)"),
        contract(
            "",
            "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
        ),
        contract(
            "",
            "(memory.fill (i32.const 0) (i32.const 255) (i32.const 131072)) (unreachable)",
        ),
        contract("", "(i32.load (i32.const -4))"),
        contract("", "(call $ok (i32.const 0) (i32.const -1))"),
        contract(
            "[capabilities]\nlog = true",
            "(loop $l (call $log (i32.const 1) (i32.const 4096) (i32.const 300)) (br $l)) (unreachable)",
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn same_component_input_and_answers_give_same_fuel_and_bytes(
        body in proptest::collection::vec(any::<u8>(), 0..400),
        answer in proptest::collection::vec(any::<u8>(), 0..400),
        between in 0_usize..6,
    ) {
        let mut case = Case::of(&worker());
        case.body = body;
        case.services = Fixed::with_body(answer);
        let first = case.run();
        prop_assert!(first.outcome.is_ok(), "{:?}", first.diagnostic);
        let attack = Case::of(&hostile()[between]).run();
        prop_assert!(!attack.outcome.is_ok());
        prop_assert_eq!(trace(&case.run()), trace(&first));
        let replayed = case.replay(&first.transcript).expect("it replays");
        prop_assert_eq!(trace(&replayed), trace(&first));
        assert_the_next_honest_run_is_right();
    }
}

/// Everything of a run that a receipt or an auditor could tell apart.
fn whole(run: &Run) -> impl PartialEq + std::fmt::Debug + Send + use<> {
    (
        run.outcome.clone(),
        run.reply.clone(),
        run.meter,
        run.transcript.digest(),
        (run.state_before, run.state_after),
        run.state_changes.clone(),
        run.events.clone(),
        run.limits,
    )
}

/// Runs a case on several threads while other guests burn, once more in a container of another size,
/// and from its transcript.
fn assert_always_the_same(component: &[u8], case: &Case) -> Run {
    static SMALL: LazyLock<Container> = LazyLock::new(|| {
        let settings = Settings {
            instances: 4,
            ..Settings::default()
        };
        Container::new(settings).expect("it starts")
    });
    let first = case.run();
    let expected = whole(&first);
    let over = AtomicBool::new(false);
    let burner = Case::of(&hostile()[0]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    burner.run();
                }
            });
        }
        let runners: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| [whole(&case.run()), whole(&case.run())]))
            .collect();
        for runner in runners {
            for found in runner.join().expect("it ran") {
                assert_eq!(found, expected);
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let elsewhere = Case {
        cryptlet: SMALL.load(component).expect("it loads"),
        ..Case::of(component)
    };
    assert_eq!(whole(&SMALL.run(elsewhere.job())), expected);
    let replayed = case.replay(&first.transcript).expect("it replays");
    assert_eq!(whole(&replayed), expected);
    first
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_random_guest_that_ends_costs_the_same_whenever_and_wherever_it_runs(
        component in ending(),
    ) {
        let run = assert_always_the_same(&component, &Case::of(&component));
        prop_assert_eq!(&run.outcome, &Outcome::Ok, "{:?}", run.diagnostic);
        prop_assert!(run.meter.fuel < run.limits.fuel);
    }

    #[test]
    fn a_random_guest_that_is_stopped_is_stopped_at_the_same_place_and_charged_its_limit(
        component in stopped(),
    ) {
        let run = assert_always_the_same(&component, &Case::of(&component));
        prop_assert!(
            matches!(run.outcome, Outcome::Trap { .. } | Outcome::Limit { .. }),
            "{}",
            run.outcome
        );
        prop_assert_eq!(run.meter.fuel, run.limits.fuel);
    }
}

#[test]
fn runs_do_not_see_each_other_under_load() {
    let case = Case::of(&worker());
    let expected = trace(&case.run());
    let attacks: Vec<Case> = hostile().iter().map(|guest| Case::of(guest)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (case, expected, attacks) = (&case, &expected, &attacks);
            scope.spawn(move || {
                for turn in 0..25 {
                    assert!(
                        !attacks[(thread + turn) % attacks.len()]
                            .run()
                            .outcome
                            .is_ok()
                    );
                    assert_eq!(&trace(&case.run()), expected);
                }
            });
        }
    });
}

#[test]
fn a_guest_never_sees_what_another_left_in_memory() {
    let dirty = contract(
        "",
        "(drop (memory.grow (i32.const 8)))
         (memory.fill (i32.const 65536) (i32.const 171) (i32.const 589824)) (call $ok @‹{}›)",
    );
    let nosy = contract(
        "",
        "(drop (memory.grow (i32.const 8)))
         (local.set $a (i32.const 66048))
         (loop $l
           (if (i32.load8_u (local.get $a)) (then (unreachable)))
           (local.set $a (i32.add (local.get $a) (i32.const 1)))
           (br_if $l (i32.lt_u (local.get $a) (i32.const 655360))))
         (call $ok @‹{}›)",
    );
    let (dirty, nosy) = (Case::of(&dirty), Case::of(&nosy));
    for _ in 0..20 {
        assert_eq!(dirty.run().outcome, Outcome::Ok);
        assert_eq!(nosy.run().outcome, Outcome::Ok);
    }
}

#[test]
fn growing_memory_costs_fuel_page_by_page() {
    let grown = |pages: u32| {
        let guest = contract(
            "",
            &format!("(drop (memory.grow (i32.const {pages}))) (call $ok @‹{{}}›)"),
        );
        Case::of(&guest).run().meter.fuel
    };
    assert_eq!(grown(11) - grown(1), 10 * 200);
}

#[test]
fn the_engine_and_its_costs_are_what_receipts_say() {
    // A change here changes what receipts mean: every replay of an older receipt needs the older
    // engine. Change them only together with a decision record.
    assert_eq!(
        Container::engine_configuration().to_string(),
        ENGINE_CONFIGURATION
    );
    assert_eq!(Container::operator_costs().to_string(), OPERATOR_COSTS);
    let run = Case::of(&honest()).run();
    assert_eq!(run.meter.fuel, HONEST_FUEL);
}

const ENGINE_CONFIGURATION: &str =
    "6638564764c311f37468782c8c934c84727ad73d9679408f7095157aaa2f90a4";
const OPERATOR_COSTS: &str = "709c2c668d0a452c69ebac6c9f07e67b7af3c29f01c15172d1dc4d57dd87bfd6";
const HONEST_FUEL: u64 = 115;

#[test]
fn receipts_name_the_engine_that_is_linked() {
    let lock = include_str!("../../../../Cargo.lock");
    let named = format!(
        "name = \"wasmtime\"\nversion = \"{}\"\n",
        Container::WASMTIME_VERSION
    );
    assert!(lock.contains(&named));
}
