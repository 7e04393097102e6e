//! Every limit is hit once, is named, and leaves nothing behind.

use cryptlet_attest::Outcome;

use crate::guests::{component, contract, handling, manifest};
use crate::host::{Case, assert_the_next_honest_run_is_right};

#[track_caller]
fn assert_limit(component: &[u8], which: &str, allowed: u64) {
    let run = Case::of(component).run();
    assert_eq!(
        run.outcome,
        Outcome::Limit {
            which: which.to_owned(),
            allowed
        },
        "{:?}",
        run.diagnostic
    );
    assert_eq!(
        run.meter.fuel, run.limits.fuel,
        "a stopped run is charged its whole limit"
    );
    assert_nothing_left(&run);
    assert_the_next_honest_run_is_right();
}

fn assert_nothing_left(run: &cryptlet_container::Run) {
    assert_eq!(run.reply, None);
    assert!(run.submissions.is_empty() && run.events.is_empty() && run.state_changes.is_empty());
    assert_eq!(run.state_before, run.state_after);
}

#[test]
fn an_endless_loop_ends_with_its_fuel() {
    let guest = contract("[limits]\nfuel = 100000", "(loop $l (br $l)) (unreachable)");
    assert_limit(&guest, "fuel", 100_000);
}

#[test]
fn a_start_function_that_loops_ends_with_its_fuel() {
    let wat = format!(
        "(func $start (loop $l (br $l))) (start $start) {}",
        handling("(call $ok @‹{}›)")
    );
    let guest = component(&manifest("contract", "[limits]\nfuel = 100000"), &wat);
    assert_limit(&guest, "fuel", 100_000);
}

#[test]
fn a_memory_eater_is_stopped_at_its_memory() {
    let guest = contract(
        "[limits]\nmemory-bytes = 1048576",
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
    );
    assert_limit(&guest, "memory-bytes", 1_048_576);
}

#[test]
fn growth_beyond_what_any_memory_can_hold_is_the_same_limit() {
    let guest = contract(
        "",
        "(drop (memory.grow (i32.const 100000))) (call $ok @‹{}›)",
    );
    assert_limit(&guest, "memory-bytes", 16 << 20);
}

#[test]
fn a_memory_that_begins_too_large_is_stopped_before_it_begins() {
    let wat = format!(
        "(memory (export \"memory\") 32) {}",
        handling("(call $ok @‹{}›)")
    );
    let guest = component(
        &manifest("contract", "[limits]\nmemory-bytes = 1048576"),
        &wat,
    );
    assert_limit(&guest, "memory-bytes", 1_048_576);
}

#[test]
fn the_guests_own_maximum_answers_as_the_specification_says() {
    let wat = format!(
        "(memory (export \"memory\") 2 3) {}",
        handling(
            "(if (i32.ne (memory.grow (i32.const 5)) (i32.const -1)) (then (unreachable)))
             (call $ok @‹{}›)"
        )
    );
    let run = Case::of(&component(&manifest("contract", ""), &wat)).run();
    assert_eq!(run.outcome, Outcome::Ok);
    assert_eq!(run.meter.peak_memory, 2 * 65536);
}

#[test]
fn a_table_eater_is_stopped_at_its_table_elements() {
    let wat = format!(
        "(table $t 1 funcref) {}",
        handling(
            "(loop $l (drop (table.grow $t (ref.null func) (i32.const 100))) (br $l)) (unreachable)"
        )
    );
    let guest = component(
        &manifest("contract", "[limits]\ntable-elements = 1000"),
        &wat,
    );
    assert_limit(&guest, "table-elements", 1000);
}

#[test]
fn deep_recursion_interrupts_at_the_stack_and_spares_the_host() {
    let wat = format!(
        "(func $down (param i64) (result i64)
           (i64.add (call $down (i64.add (local.get 0) (i64.const 1))) (local.get 0)))
         {}",
        handling("(drop (call $down (i64.const 0))) (unreachable)")
    );
    let run = Case::of(&component(&manifest("contract", ""), &wat)).run();
    assert_eq!(
        run.outcome,
        Outcome::Interrupted {
            which: "stack".to_owned()
        }
    );
    assert!(!run.outcome.is_replayable());
    assert_nothing_left(&run);
    assert_the_next_honest_run_is_right();
}

#[test]
fn a_loop_with_too_much_fuel_is_interrupted_by_the_wall_clock() {
    let guest = contract(
        "[limits]\nfuel = 9000000000\nwall-clock-milliseconds = 50",
        "(loop $l (br $l)) (unreachable)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(
        run.outcome,
        Outcome::Interrupted {
            which: "wall-clock".to_owned()
        }
    );
    assert_nothing_left(&run);
    assert_the_next_honest_run_is_right();
}

#[test]
fn a_reply_just_over_the_limit_is_an_output_too_many() {
    let guest = contract(
        "[limits]\noutput-bytes = 1000",
        "(call $ok (i32.const 0) (i32.const 1001))",
    );
    assert_limit(&guest, "output-bytes", 1000);
}

#[test]
fn a_giant_reply_is_the_same_limit() {
    let guest = contract(
        "",
        "(drop (memory.grow (i32.const 100))) (call $ok (i32.const 0) (i32.const 6000000))",
    );
    assert_limit(&guest, "output-bytes", 64 << 10);
}

#[test]
fn a_giant_failure_is_the_same_limit() {
    let guest = contract(
        "[limits]\noutput-bytes = 1000",
        "(call $failed @‹code› (i32.const 16384) (i32.const 2000))",
    );
    assert_limit(&guest, "output-bytes", 1000);
}

#[test]
fn events_drafts_and_state_count_as_output_together() {
    let each = [
        "(call $publish @‹Netted› (i32.const 16384) (i32.const 94))",
        "(call $state_set @‹key-12› (i32.const 16384) (i32.const 94))",
        "(call $build @‹settle› (i32.const 16384) (i32.const 100) (i32.const 256))",
    ];
    for call in each {
        let guest = contract(
            "[capabilities]\nledger = true\nevents = true\nstate = true\n\
             [limits]\noutput-bytes = 1000\nhost-calls = 20\n\
             [messages]\nactions = [\"settle(uint32 period)\"]\ntopics = [\"Netted(uint32 period)\"]",
            &format!("{} (unreachable)", call.repeat(11)),
        );
        assert_limit(&guest, "output-bytes", 1000);
    }
}

#[test]
fn a_log_flood_is_stopped_at_its_log_bytes() {
    let guest = contract(
        "[capabilities]\nlog = true\n[limits]\nlog-bytes = 1000",
        "(loop $l (call $log (i32.const 1) (i32.const 4096) (i32.const 300)) (br $l)) (unreachable)",
    );
    assert_limit(&guest, "log-bytes", 1000);
}

#[test]
fn one_giant_line_is_stopped_before_it_is_copied() {
    let guest = contract(
        "[capabilities]\nlog = true",
        "(drop (memory.grow (i32.const 100)))
         (call $log (i32.const 1) (i32.const 4096) (i32.const 6000000)) (unreachable)",
    );
    assert_limit(&guest, "transfer-bytes", 128 << 10);
}

#[test]
fn a_flood_of_host_calls_is_stopped_at_its_count() {
    let guest = contract(
        "[capabilities]\nlog = true\n[limits]\nhost-calls = 10",
        "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 0)) (br $l)) (unreachable)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(run.meter.host_calls, 10);
    assert_eq!(run.transcript.records().len(), 10);
    assert_limit(&guest, "host-calls", 10);
}

#[test]
fn traps_have_names_of_ours() {
    for (body, kind) in [
        ("(unreachable)", "unreachable"),
        ("(i32.load (i32.const -4))", "memory-out-of-bounds"),
        (
            "(i32.div_u (i32.const 1) (i32.const 0))",
            "integer-division-by-zero",
        ),
        (
            "(i32.trunc_f32_s (f32.const nan))",
            "bad-conversion-to-integer",
        ),
        (
            "(call $ok (i32.const -16) (i32.const 100))",
            "canonical-abi",
        ),
        (
            "(i32.store8 (i32.const 0) (i32.const 7)) (i32.const 0)",
            "canonical-abi",
        ),
        ("(i32.const 3)", "canonical-abi"),
    ] {
        let run = Case::of(&contract("", body)).run();
        assert_eq!(
            run.outcome,
            Outcome::Trap {
                kind: kind.to_owned()
            },
            "{body}: {:?}",
            run.diagnostic
        );
        assert_nothing_left(&run);
        assert_the_next_honest_run_is_right();
    }
}

#[test]
fn text_that_is_not_utf8_traps() {
    let guest = contract(
        "[capabilities]\nlog = true",
        "(i32.store (i32.const 512) (i32.const -1))
         (call $log (i32.const 1) (i32.const 512) (i32.const 4)) (call $ok @‹{}›)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(
        run.outcome,
        Outcome::Trap {
            kind: "canonical-abi".to_owned()
        }
    );
    assert!(run.logs.is_empty());
    assert_the_next_honest_run_is_right();
}

#[test]
fn the_lowest_of_manifest_binding_and_host_holds() {
    let guest = contract("[limits]\nfuel = 100000", "(loop $l (br $l)) (unreachable)");
    let mut case = Case::of(&guest);
    case.grants.limits = Some(cryptlet_schema::Limits {
        fuel: 5_000,
        ..cryptlet_schema::Limits::MAXIMUM
    });
    let run = case.run();
    assert_eq!(run.limits.fuel, 5_000);
    assert_eq!(
        run.outcome,
        Outcome::Limit {
            which: "fuel".to_owned(),
            allowed: 5_000
        }
    );
}

const LISTING: &str = "[capabilities]\nledger = true\nevents = true\nsources = [\"rate\"]\n\
    [limits]\noutput-bytes = 1000000\nhost-calls = 4000\nfuel = 900000000\n\
    [messages]\nactions = [\"settle()\"]\ntopics = [\"Netted()\"]";

/// A run that lists in its receipt more than fits is stopped while it runs: afterwards it would be
/// too late.
#[test]
fn more_events_than_a_receipt_holds_are_stopped_at_its_bytes() {
    let guest = contract(
        LISTING,
        "(loop $l (call $publish @‹Netted› @‹{}›) (br $l)) (unreachable)",
    );
    assert_limit(&guest, "receipt-bytes", 57_344);
    let run = Case::of(&guest).run();
    assert_eq!(run.meter.host_calls, 57_344 / (41 + 6) + 1);
}

#[test]
fn one_topic_longer_than_a_receipt_is_stopped_at_its_bytes() {
    let guest = contract(
        LISTING,
        "(call $publish (i32.const 4096) (i32.const 60000) @‹{}›) (unreachable)",
    );
    assert_limit(&guest, "receipt-bytes", 57_344);
}

#[test]
fn more_submissions_than_a_receipt_holds_are_stopped_at_its_bytes() {
    let guest = contract(
        LISTING,
        "(loop $l
           (call $build @‹settle› @‹{}› (i32.const 256))
           (drop (call $submit (i32.load (i32.const 260))))
           (br $l))
         (unreachable)",
    );
    assert_limit(&guest, "receipt-bytes", 57_344);
}
