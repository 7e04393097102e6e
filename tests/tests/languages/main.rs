//! Cryptlets in JavaScript and Python: they load, run, are metered and replay like those in Rust.

#[expect(dead_code, reason = "the container's tests need more of them")]
#[path = "../../../runtime/container/tests/container/guests.rs"]
mod guests;
mod host;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::thread;

use cryptlet_attest::Outcome;
use cryptlet_container::{Grants, Invocation, Job, Run, Source, State, Trigger};
use serde_json::{Value, json};

use host::{Case, DAY_COUNT, HERE, INVOICE_TOTAL, Loaded, NothingOutside};

const INVOICE: &str = r#"{"invoice":"2026-17","lines":[
    {"quantity":"3","unitPrice":"1999","taxBasisPoints":1900},
    {"quantity":"1","unitPrice":"1606938044258990275541962092341162602522202993782792835301376","taxBasisPoints":0}]}"#;
const TOTAL: &str = r#"{"net":"1606938044258990275541962092341162602522202993782792835307373","tax":"1139","gross":"1606938044258990275541962092341162602522202993782792835308512"}"#;
const PERIOD: &str = r#"{"convention":"ACT/ACT","start":"2003-11-01","end":"2004-05-01"}"#;
/// 61/365 + 121/366, as ISDA's memorandum on the convention reckons this period.
const FRACTION: &str = r#"{"dayCount": 182, "numerator": "66491", "denominator": "133590"}"#;

fn questions() -> [(&'static LazyLock<Loaded>, &'static str, &'static str); 2] {
    [
        (&INVOICE_TOTAL, INVOICE, TOTAL),
        (&DAY_COUNT, PERIOD, FRACTION),
    ]
}

fn assert_good(run: &Run, name: &str) {
    assert_eq!(
        run.outcome,
        Outcome::Ok,
        "{name}: {:?} {:?}",
        run.failure,
        run.diagnostic
    );
}

#[test]
fn import_nothing_but_the_log_that_their_manifests_ask_for() {
    for loaded in [&*INVOICE_TOTAL, &*DAY_COUNT] {
        let mut imports = loaded.here.imports().to_vec();
        imports.sort_unstable();
        assert_eq!(
            imports,
            ["cryptlet:fabric/log@0.1.0", "cryptlet:fabric/types@0.1.0"],
            "{}",
            loaded.name
        );
    }
}

#[test]
fn answer_what_they_were_asked_and_write_to_the_log() {
    for (loaded, question, answer) in questions() {
        let run = Case::of(loaded, question).run();

        assert_good(&run, loaded.name);
        let reply = String::from_utf8(run.reply.expect("it answers")).expect("it is text");
        assert_eq!(reply, answer);
        assert_eq!(run.logs.len(), 1);
        assert_eq!(run.meter.host_calls, 1);
        assert!(run.meter.fuel > 10_000, "{:?}", run.meter);
        assert!(run.meter.peak_memory > 1 << 20, "{:?}", run.meter);
    }
}

#[test]
fn answer_the_cases_in_their_folders() {
    for (loaded, case) in [
        (&INVOICE_TOTAL, "invoice-total-js/cases/totals-two-rates"),
        (&DAY_COUNT, "day-count-py/cases/counts-into-a-leap-year"),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cryptlets");
        let folder = folder.join(case);
        let read = |file| std::fs::read_to_string(folder.join(file)).expect("the case has it");
        let run = Case::of(loaded, &read("input.json")).run();

        assert_good(&run, loaded.name);
        let reply: Value = serde_json::from_slice(&run.reply.expect("it answers")).expect("JSON");
        let expected: Value = serde_json::from_str(&read("expected.json")).expect("JSON");
        assert_eq!(json!({ "outcome": "ok", "reply": reply }), expected);
    }
}

#[test]
fn fail_with_codes_of_their_own_and_not_with_traps() {
    for (loaded, question, code) in [
        (
            &INVOICE_TOTAL,
            r#"{"invoice":"2026-17","lines":[]}"#,
            "no-lines",
        ),
        (&INVOICE_TOTAL, "[]", "internal"),
        (
            &DAY_COUNT,
            r#"{"convention":"ACT/364","start":"2026-01-01","end":"2026-02-01"}"#,
            "unknown-convention",
        ),
        (&DAY_COUNT, "[]", "internal"),
    ] {
        let run = Case::of(loaded, question).run();

        let code = code.to_owned();
        assert_eq!(run.outcome, Outcome::Failure { code }, "{}", loaded.name);
        assert!(!run.failure.expect("it says why").message.is_empty());
    }
}

#[test]
fn cost_the_same_on_every_run_and_thread_whatever_seed_and_instant() {
    for (loaded, question, _) in questions() {
        let first = Case::of(loaded, question).run();
        assert_good(&first, loaded.name);
        let runs = thread::scope(|scope| {
            let workers: Vec<_> = (0..4_u8)
                .map(|worker| {
                    scope.spawn(move || {
                        let mut case = Case::of(loaded, question);
                        case.seed = [worker; 32];
                        case.instant += u64::from(worker);
                        (0..5).map(|_| case.run()).collect::<Vec<_>>()
                    })
                })
                .collect();
            let finished = workers.into_iter().map(|worker| worker.join());
            finished.collect::<Result<Vec<_>, _>>()
        });
        for run in runs.expect("no worker panics").into_iter().flatten() {
            assert_eq!(run.meter, first.meter, "{}", loaded.name);
            assert_eq!(run.reply, first.reply);
            assert_eq!(run.transcript, first.transcript);
        }
    }
}

#[test]
fn replay_on_another_host_to_the_same_bytes() {
    for (loaded, question, _) in questions() {
        let case = Case::of(loaded, question);
        let run = case.run();
        assert_good(&run, loaded.name);

        let again = case.replay(&run.transcript).expect("it replays");

        assert_eq!(again.outcome, run.outcome);
        assert_eq!(again.reply, run.reply);
        assert_eq!(again.meter, run.meter);
        assert_eq!(again.transcript.to_bytes(), run.transcript.to_bytes());
        assert_eq!(again.state_after, run.state_after);
    }
}

#[test]
fn a_transcript_of_another_run_does_not_replay() {
    for (loaded, question, _) in questions() {
        let run = Case::of(loaded, question).run();
        let other = question.replace("17", "18").replace("05", "06");

        let replayed = Case::of(loaded, &other).replay(&run.transcript);

        assert!(replayed.is_err(), "{}: {replayed:?}", loaded.name);
    }
}

#[test]
fn are_stopped_at_their_limits_and_run_well_afterwards() {
    for (loaded, question, answer) in questions() {
        let mut case = Case::of(loaded, question);
        let cost = case.run().meter;
        let mut limits = loaded.here.manifest().limits;
        limits.fuel = cost.fuel / 2;
        case.grants.limits = Some(limits);

        let stopped = case.run();
        let honest = Case::of(loaded, question).run();

        let which = "fuel".to_owned();
        let allowed = cost.fuel / 2;
        assert_eq!(stopped.outcome, Outcome::Limit { which, allowed });
        assert_eq!(stopped.meter.fuel, allowed);
        assert_eq!(honest.reply.as_deref(), Some(answer.as_bytes()));
        assert_eq!(honest.meter, cost);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn leave_no_memory_behind() {
    const WARM: usize = 20;
    const RUNS: usize = 200;
    const SLACK_KIB: u64 = 32 << 10;

    let runs = |count| {
        for (loaded, question, _) in questions() {
            for _ in 0..count {
                assert_good(&Case::of(loaded, question).run(), loaded.name);
            }
        }
    };
    runs(WARM);
    let before = resident_kib();
    runs(RUNS);
    let after = resident_kib();

    // Each run dirties megabytes: kept, they would be gigabytes by now.
    assert!(after < before + SLACK_KIB, "{before} KiB, then {after} KiB");
}

#[cfg(target_os = "linux")]
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says so of itself");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("it is a number of KiB")
}

#[test]
fn answer_a_contract_cryptlet_in_another_language() {
    for (loaded, question, answer) in questions() {
        let question = question.replace(['\n', ' '], "");
        let asker = HERE
            .load(&guests::contract(
                "[capabilities]\nsources = [\"theirs\"]\n",
                &format!(
                    "(call $ask @‹theirs› @‹{question}› (i32.const 256))
                     (if (i32.load8_u (i32.const 256)) (then (unreachable)))
                     (call $ok (i32.load (i32.const 260)) (i32.load (i32.const 264)))"
                ),
            ))
            .expect("the asker loads");
        let grants = Grants {
            sources: BTreeMap::from([(
                "theirs".to_owned(),
                Source {
                    cryptlet: loaded.here.clone(),
                    grants: Case::of(loaded, "").grants,
                },
            )]),
            ..Grants::default()
        };

        let run = HERE.run(Job {
            cryptlet: &asker,
            grants: Arc::new(grants),
            invocation: Arc::new(Invocation {
                binding: "0xb1".to_owned(),
                number: 1,
                instant: 0,
                trigger: Trigger::Schedule { instant: 0 },
            }),
            seed: [7; 32],
            state: Arc::new(State::new()),
            services: Arc::new(NothingOutside),
        });

        assert_good(&run, loaded.name);
        assert_eq!(run.reply.as_deref(), Some(answer.as_bytes()));
        assert_eq!(run.children.len(), 1);
        assert_good(&run.children[0].run, loaded.name);
    }
}
