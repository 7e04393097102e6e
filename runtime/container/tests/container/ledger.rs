//! Drafts, submissions and what becomes of them.

use cryptlet_attest::Outcome;
use cryptlet_container::{BuildError, Record, SubmissionStatus};

use crate::guests::contract;
use crate::host::Case;

const LEDGER: &str =
    "[capabilities]\nledger = true\n[messages]\nactions = [\"settle(uint32 period)\"]\n";

#[test]
fn submissions_are_numbered_from_the_hosts_first_free_number() {
    let guest = contract(
        LEDGER,
        "(call $build @‹settle› @‹{\"period\":1}› (i32.const 256))
         (call $draft_digest (i32.load (i32.const 260)) (i32.const 300))
         (local.set $n (call $submit (i32.load (i32.const 260))))
         (call $build @‹settle› @‹{\"period\":2}› (i32.const 256))
         (if (i64.ne (call $submit (i32.load (i32.const 260))) (i64.const 42)) (then (unreachable)))
         (call $build @‹settle› @‹{\"period\":3}› (i32.const 256))
         (call $draft_drop (i32.load (i32.const 260)))
         (call $ok @‹{}›)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let numbers: Vec<(u64, &[u8])> = run
        .submissions
        .iter()
        .map(|submission| (submission.number, submission.call.bytes.as_slice()))
        .collect();
    assert_eq!(
        numbers,
        [(41, &br#"{"period":1}"#[..]), (42, &br#"{"period":2}"#[..])]
    );
    assert_eq!(run.submissions[0].action, "settle");
}

#[test]
fn a_draft_leaves_once() {
    let guest = contract(
        LEDGER,
        "(call $build @‹settle› @‹{\"period\":1}› (i32.const 256))
         (drop (call $submit (i32.load (i32.const 260))))
         (drop (call $submit (i32.load (i32.const 260))))
         (call $ok @‹{}›)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(
        run.outcome,
        Outcome::Trap {
            kind: "canonical-abi".to_owned()
        },
        "{:?}",
        run.diagnostic
    );
    assert!(run.submissions.is_empty());
}

#[test]
fn nothing_is_submitted_by_a_run_that_fails() {
    for end in [
        "(call $failed @‹no-rate› @‹none published›)",
        "(unreachable)",
    ] {
        let guest = contract(
            LEDGER,
            &format!(
                "(call $build @‹settle› @‹{{}}› (i32.const 256))
                 (drop (call $submit (i32.load (i32.const 260)))) {end}"
            ),
        );
        let run = Case::of(&guest).run();
        assert!(!run.outcome.is_ok());
        assert!(run.submissions.is_empty());
        assert_eq!(
            run.transcript.records().len(),
            2,
            "the calls are on record all the same"
        );
    }
}

#[test]
fn the_guest_learns_of_a_mistake_and_of_earlier_submissions() {
    let guest = contract(
        LEDGER,
        "(call $build @‹seize› @‹{}› (i32.const 256))
         (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
         (call $status (i64.const 3) (i32.const 256))
         (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
         (call $status (i64.const 4) (i32.const 256))
         (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 0)) (then (unreachable)))
         (call $ok @‹{}›)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(
        run.transcript.records()[1],
        Record::Status {
            submission: 3,
            answer: Some(SubmissionStatus::Reverted("no collateral".to_owned()))
        }
    );
    match &run.transcript.records()[0] {
        Record::Build { answer, .. } => {
            assert_eq!(*answer, Err(BuildError::UnknownAction("seize".to_owned())));
        }
        other => panic!("{other:?}"),
    }
}
