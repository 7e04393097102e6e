//! The virtual WASI: only if asked for and given, and nothing of the machine behind it.

use std::time::{Duration, Instant};

use cryptlet_attest::Outcome;
use cryptlet_container::{Level, Run};

use crate::guests::contract;
use crate::host::Case;

const WASI: &str = "[build]\nwasi = true\n[capabilities]\nwasi = true\n";

fn run(body: &str) -> Run {
    Case::of(&contract(WASI, body)).run()
}

#[test]
fn the_wall_clock_is_the_invocations_instant() {
    let run = run("(call $wall_now (i32.const 256)) (call $ok (i32.const 256) (i32.const 12))");
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let reply = run.reply.expect("it answers");
    assert_eq!(reply[..8], 1_136_073_600_u64.to_le_bytes());
    assert_eq!(reply[8..], 123_000_000_u32.to_le_bytes());
}

#[test]
fn a_guest_that_sleeps_for_a_year_is_back_at_once() {
    let began = Instant::now();
    let run = run("(call $block (call $sleep (i64.const 31536000000000000)))
         (i64.store (i32.const 256) (call $now))
         (call $ok (i32.const 256) (i32.const 8))");
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(
        run.reply.expect("it answers"),
        31_536_000_000_000_000_u64.to_le_bytes()
    );
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn of_several_waits_the_earliest_ends_first() {
    // The list of pollables stands at 512: ten seconds, then one.
    let run = run(
        "(i32.store (i32.const 512) (call $sleep (i64.const 10000000000)))
         (i32.store (i32.const 516) (call $sleep (i64.const 1000000000)))
         (call $poll (i32.const 512) (i32.const 2) (i32.const 256))
         (if (i32.ne (i32.load (i32.const 260)) (i32.const 1)) (then (unreachable)))
         (if (i32.ne (i32.load (i32.load (i32.const 256))) (i32.const 1)) (then (unreachable)))
         (i64.store (i32.const 256) (call $now))
         (call $ok (i32.const 256) (i32.const 8))",
    );
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(
        run.reply.expect("it answers"),
        1_000_000_000_u64.to_le_bytes()
    );
}

#[test]
fn randomness_comes_from_the_accepted_seed() {
    let guest = contract(
        WASI,
        "(call $random (i64.const 32) (i32.const 256))
         (call $ok (i32.load (i32.const 256)) (i32.load (i32.const 260)))",
    );
    let mut case = Case::of(&guest);
    let first = case.run().reply.expect("it answers");
    assert_eq!(case.run().reply.as_ref(), Some(&first));
    case.seed = [8; 32];
    assert_ne!(case.run().reply.as_ref(), Some(&first));
    case.seed = [0; 32];
    // RFC 8439, appendix A.1, test vector 1: key, nonce and counter of zero.
    let vector = [
        0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd,
        0x28, 0xbd, 0xd2, 0x19, 0xb8, 0xa0, 0x8d, 0xed, 0x1a, 0xa8, 0x36, 0xef, 0xcc, 0x8b, 0x77,
        0x0d, 0xc7,
    ];
    assert_eq!(case.run().reply.as_deref(), Some(&vector[..]));
}

#[test]
fn too_much_randomness_in_one_call_is_a_limit() {
    let run = run("(call $random (i64.const 65537) (i32.const 256)) (call $ok @‹{}›)");
    assert_eq!(
        run.outcome,
        Outcome::Limit {
            which: "transfer-bytes".to_owned(),
            allowed: 65536
        }
    );
}

#[test]
fn standard_output_is_lines_of_the_log() {
    let run = run("(local.set $a (call $stdout))
         (call $print (local.get $a) @‹one
two› (i32.const 256))
         (call $print (local.get $a) @‹ and a half› (i32.const 256))
         (call $ok @‹{}›)");
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let lines: Vec<&str> = run.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines, ["one", "two and a half"]);
    assert_eq!(run.logs[0].level, Level::Info);
}

#[test]
fn floods_of_output_and_calls_are_stopped() {
    let flood = "(local.set $a (call $stdout))
        (loop $l (call $print (local.get $a) (i32.const 4096) (i32.const 1000) (i32.const 256)) (br $l))
        (unreachable)";
    let limit = |which: &str, allowed| Outcome::Limit {
        which: which.to_owned(),
        allowed,
    };
    let log = Case::of(&contract(
        &format!("{WASI}[limits]\nlog-bytes = 5000"),
        flood,
    ))
    .run();
    assert_eq!(log.outcome, limit("log-bytes", 5000));
    let calls = Case::of(&contract(&format!("{WASI}[limits]\nhost-calls = 5"), flood)).run();
    assert_eq!(calls.outcome, limit("host-calls", 5));
    assert_eq!(calls.meter.host_calls, 5);
    let handles = "(loop $l (drop (call $stdout)) (br $l)) (unreachable)";
    let handles = Case::of(&contract(
        &format!("{WASI}[limits]\nhost-calls = 4000"),
        handles,
    ))
    .run();
    assert_eq!(
        handles.outcome,
        limit("handles", 1024),
        "{:?}",
        handles.diagnostic
    );
}

#[test]
fn leaving_by_exit_is_no_success() {
    let run = run("(call $exit (i32.const 0)) (call $ok @‹{}›)");
    assert_eq!(
        run.outcome,
        Outcome::Trap {
            kind: "exit".to_owned()
        }
    );
}

#[test]
fn there_are_no_arguments() {
    let run = run("(call $arguments (i32.const 256))
         (if (i32.load (i32.const 260)) (then (unreachable))) (call $ok @‹{}›)");
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
}

#[test]
fn the_binding_must_give_it_too() {
    let mut case = Case::of(&contract(WASI, "(drop (call $now)) (call $ok @‹{}›)"));
    assert_eq!(case.run().outcome, Outcome::Ok);
    case.grants.wasi = false;
    assert_eq!(
        case.run().outcome,
        Outcome::Trap {
            kind: "not-granted".to_owned()
        }
    );
}

#[test]
fn runs_with_wasi_replay() {
    let case = Case::of(&contract(
        WASI,
        "(call $random (i64.const 32) (i32.const 256))
         (call $block (call $sleep (i64.const 1000)))
         (call $print (call $stdout) @‹text› (i32.const 300))
         (call $ok (i32.load (i32.const 256)) (i32.load (i32.const 260)))",
    ));
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert!(run.transcript.records().is_empty());
    let again = case.replay(&run.transcript).expect("it replays");
    assert_eq!(
        (again.reply, again.meter, again.logs),
        (run.reply, run.meter, run.logs)
    );
}
