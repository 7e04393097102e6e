//! One cryptlet asks another.

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{
    AskError, Busy, Container, Grants, Record, Run, Settings, Source, Trigger,
};

use crate::guests::{contract, utility};
use crate::host::{Case, all_grants, assert_the_next_honest_run_is_right, load};

const ASKER: &str = "[capabilities]\nsources = [\"rate\"]\nevents = true\nlog = true\n\
                     [messages]\ntopics = [\"Netted(uint32 period)\"]\n";
const SOURCE: &str = "[capabilities]\nevents = true\nstate = true\nlog = true\nhttp = true\n\
                      [messages]\nrequest = \"RateFor(string quarter)\"\n\
                      reply = \"Rate(uint32 ratePpm)\"\ntopics = [\"Asked()\"]\n";
const ASK: &str = "(call $ask @‹rate› @‹{\"quarter\":\"2006-Q1\"}› (i32.const 256))";
/// Hands the source's answer on: ask's result is a discriminant, then address and length.
const HAND_ON: &str = "(if (i32.load8_u (i32.const 256)) (then (unreachable)))
                       (call $ok (i32.load (i32.const 260)) (i32.load (i32.const 264)))";

fn asking(end: &str, source: &[u8]) -> Case {
    asking_with(ASKER, &format!("{ASK} {end}"), source)
}

fn asking_with(manifest: &str, body: &str, source: &[u8]) -> Case {
    let mut case = Case::of(&contract(manifest, body));
    case.grants.sources = BTreeMap::from([(
        "rate".to_owned(),
        Source {
            cryptlet: load(source),
            grants: all_grants(),
        },
    )]);
    case
}

fn good_source() -> Vec<u8> {
    utility(
        SOURCE,
        "(call $publish @‹Asked› @‹{}›) (call $state_set @‹k› @‹v›)
         (call $log (i32.const 1) @‹asked›) (call $ok @‹{\"ratePpm\":43800}›)",
    )
}

fn answer(run: &Run) -> Result<Vec<u8>, AskError> {
    match &run.transcript.records()[0] {
        Record::Ask { answer, .. } => answer.clone().map(Into::into),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_source_answers_with_a_run_of_its_own() {
    let case = asking(HAND_ON, &good_source());
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(run.reply.as_deref(), Some(&br#"{"ratePpm":43800}"#[..]));
    assert_eq!(run.children.len(), 1);
    let child = &run.children[0];
    assert_eq!((child.source.as_str(), child.ordinal), ("rate", 1));
    assert_eq!(child.run.outcome, Outcome::Ok);
    assert_eq!(child.run.events.len(), 1);
    assert_eq!(child.run.state_changes.len(), 1);
    assert!(!child.run.discarded);
    assert_ne!(child.seed, case.seed);
    assert_eq!(
        child.invocation.trigger,
        Trigger::Message {
            sender: "0xb1".to_owned(),
            topic: "RateFor".to_owned(),
            body: br#"{"quarter":"2006-Q1"}"#.to_vec()
        }
    );
    assert_eq!(
        (child.invocation.number, child.invocation.instant),
        (5, 1_136_073_600_123)
    );
    assert_eq!(run.meter.host_calls, 1, "the source has a meter of its own");
}

#[test]
fn the_sources_effects_fall_with_its_asker() {
    for end in [
        "(unreachable)",
        "(call $failed @‹no› @‹no›)",
        "(call $publish @‹Other› @‹{}›) (call $ok @‹{}›)",
    ] {
        let run = asking(end, &good_source()).run();
        assert!(!run.outcome.is_ok());
        let child = &run.children[0].run;
        assert_eq!(child.outcome, Outcome::Ok);
        assert!(child.discarded);
        assert!(child.events.is_empty() && child.state_changes.is_empty());
        assert_eq!(child.state_before, child.state_after);
        assert_eq!(child.transcript.records().len(), 3);
    }
}

#[test]
fn every_ask_starts_from_an_empty_state_with_another_seed() {
    let source = utility(
        SOURCE,
        "(call $state_get @‹k› (i32.const 256))
         (if (i32.load8_u (i32.const 256)) (then (unreachable)))
         (call $state_set @‹k› @‹v›) (call $ok @‹{\"ratePpm\":1}›)",
    );
    let run = asking(&format!("{ASK} {HAND_ON}"), &source).run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let ordinals: Vec<u32> = run.children.iter().map(|child| child.ordinal).collect();
    assert_eq!(ordinals, [1, 2]);
    assert_ne!(run.children[0].seed, run.children[1].seed);
}

#[test]
fn the_asker_hears_why_there_is_no_answer() {
    let check = |answer: Result<Vec<u8>, AskError>, code: &str| match answer {
        Err(AskError::Failed(failure)) => assert_eq!(failure.code, code),
        other => panic!("{other:?}"),
    };
    let ok = "(call $ok @‹{}›)";
    check(
        answer(&asking(ok, &utility(SOURCE, "(call $failed @‹no-rate› @‹none›)")).run()),
        "no-rate",
    );
    check(
        answer(&asking(ok, &utility(SOURCE, "(unreachable)")).run()),
        "trap",
    );
    check(
        answer(&asking(ok, &utility(SOURCE, "(call $ok @‹{\"rate\":1}›)")).run()),
        "output-schema",
    );
    check(
        answer(&asking(ok, &utility("", "(call $ok @‹{}›)")).run()),
        "request-schema",
    );
    let misfit = "(call $ask @‹rate› @‹{\"quarter\":1}› (i32.const 256)) (call $ok @‹{}›)";
    let run = asking_with(ASKER, misfit, &good_source()).run();
    check(answer(&run), "request-schema");
    assert!(
        run.children.is_empty(),
        "a question that does not fit is not asked"
    );

    let looping = utility(
        &format!("{SOURCE}[limits]\nfuel = 1000"),
        "(loop $l (br $l)) (unreachable)",
    );
    assert_eq!(
        answer(&asking(ok, &looping).run()),
        Err(AskError::Limit("fuel".to_owned()))
    );
}

#[test]
fn a_source_needs_its_name_in_manifest_and_binding() {
    let unknown = Err(AskError::UnknownSource("rate".to_owned()));
    let mut case = asking("(call $ok @‹{}›)", &good_source());
    case.grants.sources = BTreeMap::new();
    assert_eq!(answer(&case.run()), unknown);
    let other = ASKER.replace("[\"rate\"]", "[\"other\"]");
    let case = asking_with(&other, &format!("{ASK} (call $ok @‹{{}}›)"), &good_source());
    assert_eq!(answer(&case.run()), unknown);
}

#[test]
fn a_chain_deeper_than_its_limit_is_stopped() {
    let mut case = asking("(call $ok @‹{}›)", &good_source());
    case.grants.limits = Some(cryptlet_schema::Limits {
        call_depth: 1,
        ..cryptlet_schema::Limits::MAXIMUM
    });
    let run = case.run();
    assert_eq!(
        run.outcome,
        Outcome::Limit {
            which: "call-depth".to_owned(),
            allowed: 1
        }
    );
    assert!(run.children.is_empty());
    assert_the_next_honest_run_is_right();
}

#[test]
fn what_interrupts_the_source_interrupts_its_asker() {
    let deep = "(call $down)";
    let wat = format!(
        "(func $down (call $down) (call $down)) {}",
        crate::guests::handling(&format!("{deep} (unreachable)"))
    );
    let source = crate::guests::component(&crate::guests::manifest("utility", SOURCE), &wat);
    let run = asking("(call $ok @‹{}›)", &source).run();
    assert_eq!(
        run.outcome,
        Outcome::Interrupted {
            which: "stack".to_owned()
        }
    );
    assert_the_next_honest_run_is_right();
}

#[test]
fn many_askers_share_a_small_pool_without_deadlock() {
    let container = Container::new(Settings {
        instances: 4,
        ..Settings::default()
    })
    .expect("it starts");
    let asker = container
        .load(&contract(ASKER, &format!("{ASK} {HAND_ON}")))
        .expect("it is good");
    let source = container.load(&good_source()).expect("it is good");
    let case = Case::with(asker);
    let grants = Arc::new(Grants {
        sources: BTreeMap::from([(
            "rate".to_owned(),
            Source {
                cryptlet: source,
                grants: all_grants(),
            },
        )]),
        ..all_grants()
    });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let mut job = case.job();
                    job.grants = Arc::clone(&grants);
                    assert_eq!(container.run(job).outcome, Outcome::Ok);
                }
            });
        }
    });
}

#[test]
fn a_full_pool_hands_the_job_back() {
    struct Waiting(
        std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
        std::sync::mpsc::SyncSender<()>,
    );
    impl cryptlet_container::Services for Waiting {
        fn fetch(
            &self,
            _: &cryptlet_container::HttpRequest,
            _: &cryptlet_container::HttpLimits,
        ) -> Result<cryptlet_container::HttpResponse, cryptlet_container::HttpError> {
            self.1.send(()).expect("the test waits for this");
            self.0
                .lock()
                .expect("one run")
                .recv()
                .expect("the test goes on");
            Err(cryptlet_container::HttpError::Timeout)
        }
        fn build(
            &self,
            _: &str,
            _: &[u8],
        ) -> Result<cryptlet_container::EncodedCall, cryptlet_container::BuildError> {
            unreachable!("the guest only fetches")
        }
        fn submission_status(&self, _: u64) -> Option<cryptlet_container::SubmissionStatus> {
            None
        }
        fn next_submission(&self) -> u64 {
            0
        }
        fn public_key(
            &self,
            key: &str,
        ) -> Result<cryptlet_container::PublicKey, cryptlet_container::KeyError> {
            Err(cryptlet_container::KeyError::UnknownKey(key.to_owned()))
        }
        fn sign(&self, key: &str, _: &[u8]) -> Result<Vec<u8>, cryptlet_container::KeyError> {
            Err(cryptlet_container::KeyError::UnknownKey(key.to_owned()))
        }
    }

    let container = Container::new(Settings {
        instances: 1,
        limits: cryptlet_schema::Limits {
            call_depth: 1,
            ..Settings::default().limits
        },
        ..Settings::default()
    })
    .expect("it starts");
    let guest = container
        .load(&utility(
            "[capabilities]\nhttp = true",
            "(call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)) (call $ok @‹{}›)",
        ))
        .expect("it is good");
    let (go, wait) = std::sync::mpsc::channel();
    let (inside, entered) = std::sync::mpsc::sync_channel(1);
    let mut case = Case::with(guest);
    let busy = Case::with(case.cryptlet.clone());
    case.services = Arc::new(Waiting(std::sync::Mutex::new(wait), inside));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| container.run(case.job()));
        entered.recv().expect("the first run is inside");
        let Err(Busy(job)) = container.try_run(busy.job()) else {
            panic!("there is no place");
        };
        let transcript = cryptlet_container::Transcript::default();
        let beside = container.try_shadow(busy.shadow_job(&transcript));
        assert!(beside.is_none(), "nor one beside a live run");
        go.send(()).expect("the first run waits");
        assert_eq!(first.join().expect("it ends").outcome, Outcome::Ok);
        assert!(container.try_run(*job).is_ok_and(|run| run.outcome.is_ok()));
    });
}

#[test]
fn more_questions_than_a_receipt_holds_are_stopped_at_its_bytes() {
    let manifest = format!("{ASKER}[limits]\nhost-calls = 4000\nfuel = 900000000\n");
    let forever = format!("(loop $l {ASK} (br $l)) (unreachable)");
    let run = asking_with(&manifest, &forever, &good_source()).run();
    assert_eq!(
        run.outcome,
        Outcome::Limit {
            which: "receipt-bytes".to_owned(),
            allowed: 57_344
        }
    );
    assert_eq!(run.children.len(), 57_344 / 34);
    assert!(run.children.iter().all(|child| child.run.discarded));
}
