//! A candidate beside the active version: the same answers to the same questions, and nothing leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{DirectoryGrant, HttpError, Record, Run, Source, Transcript};
use proptest::prelude::*;

use crate::guests::{contract, utility};
use crate::host::{Case, Fixed, all_grants, load};

const HTTP: &str = "[capabilities]\nhttp = true\nlog = true\nstate = true";
const FETCH_X: &str = "(call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";
const FETCH_X_IN_FULL: &str =
    "(call $fetch @‹GET› @‹http://rates.example/data/x› (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";
const FETCH_Y: &str = "(call $fetch @‹GET› @‹grant://rates/y› (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";
const REPLY_BODY: &str = "(call $ok (i32.load (i32.const 276)) (i32.load (i32.const 280)))";
const ASKING: &str = "[capabilities]\nsources = [\"rate\"]\n";
const REPLY_ANSWER: &str = "(call $ok (i32.load (i32.const 260)) (i32.load (i32.const 264)))";

/// The active version's run, with a web that answers `body`.
fn active(guest: &[u8], body: &str) -> (Run, Arc<Fixed>) {
    let services = Fixed::with_body(body);
    let mut case = Case::of(guest);
    case.services = Arc::clone(&services) as _;
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    (run, services)
}

#[test]
fn the_same_version_beside_itself_comes_out_bit_by_bit_the_same() {
    let guest = contract(
        "[capabilities]\nledger = true\nevents = true\nstate = true\nlog = true\n\
         keychain = [\"desk\"]\n[messages]\nactions = [\"settle(uint32 period)\"]\n\
         topics = [\"Netted(uint32 period)\"]\n",
        "(call $state_set @‹new› @‹1›)
             (call $public_key_of @‹desk› (i32.const 400))
             (call $sign @‹desk› @‹text› (i32.const 400))
             (call $build @‹settle› @‹{\"period\":1}› (i32.const 400))
             (drop (call $submit (i32.load (i32.const 404))))
             (call $status (i64.const 3) (i32.const 400))
             (call $publish @‹Netted› @‹{\"period\":1}›)
             (call $ok @‹{\"done\":true}›)",
    );
    let (run, _) = active(&guest, "");
    let shadow = Case::of(&guest).shadow(&run.transcript);
    assert_eq!(shadow.unanswered, None);
    assert_eq!(shadow.run.reply, run.reply);
    assert_eq!(shadow.run.submissions, run.submissions);
    assert_eq!(shadow.run.submissions[0].number, 41);
    assert_eq!(shadow.run.events, run.events);
    assert_eq!(shadow.run.state_after, run.state_after);
    assert_eq!(shadow.run.meter, run.meter);
    assert_eq!(shadow.run.transcript, run.transcript);
}

#[test]
fn questions_are_matched_by_what_they_ask_and_not_by_where_they_stand() {
    let old = utility(
        HTTP,
        &format!("(call $log (i32.const 1) @‹old›) {FETCH_X} {REPLY_BODY}"),
    );
    let new = utility(
        HTTP,
        &format!("(call $state_set @‹k› @‹v›) {FETCH_X_IN_FULL} {FETCH_X} {REPLY_BODY}"),
    );
    let (run, services) = active(&old, "{}");
    let shadow = Case::of(&new).shadow(&run.transcript);
    assert_eq!(shadow.unanswered, None);
    assert_eq!(shadow.run.reply, run.reply);
    assert_eq!(services.fetched.lock().expect("nobody panicked").len(), 1);
}

#[test]
fn a_question_that_the_active_version_did_not_ask_ends_the_run_and_is_named() {
    let old = utility(HTTP, &format!("{FETCH_X} {REPLY_BODY}"));
    let (run, services) = active(&old, "{}");
    let other = utility(HTTP, &format!("{FETCH_Y} {REPLY_BODY}"));
    let shadow = Case::of(&other).shadow(&run.transcript);
    let unanswered = shadow.unanswered.expect("nobody fetched this");
    assert_eq!(
        unanswered.to_string(),
        "http.fetch GET http://rates.example/data/y"
    );
    for (rest, question, named) in [
        (
            "[capabilities]\nkeychain = [\"desk\"]",
            "(call $sign @‹desk› @‹text› (i32.const 256))",
            "keychain.sign another message with desk",
        ),
        (
            "[capabilities]\nkeychain = [\"desk\"]",
            "(call $public_key_of @‹desk› (i32.const 256))",
            "keychain.public-key-of desk",
        ),
        (
            "[capabilities]\nledger = true\n[messages]\nactions = [\"settle(uint32 period)\"]",
            "(call $status (i64.const 3) (i32.const 256))",
            "router.status of submission 3",
        ),
    ] {
        let new = contract(rest, &format!("{question} (call $ok @‹{{}}›)"));
        let shadow = Case::of(&new).shadow(&run.transcript);
        let unanswered = shadow.unanswered.expect("nobody asked this");
        assert_eq!(unanswered.to_string(), named);
        assert!(!shadow.run.outcome.is_ok());
        assert!(shadow.run.transcript.records().is_empty());
        assert_eq!(shadow.run.reply, None);
    }
    assert_eq!(services.fetched.lock().expect("nobody panicked").len(), 1);
}

/// A case with answers of 600 bytes, for so many requests.
fn narrow(guest: &[u8], requests: u64) -> Case {
    let mut case = Case::of(guest);
    case.services = Fixed::with_body("x".repeat(600));
    for grant in case.grants.http.values_mut() {
        grant.bounds.requests = requests;
    }
    case
}

#[test]
fn a_candidate_that_fetches_less_does_not_hear_that_the_rest_was_used_up() {
    let narrow_answers = format!("{HTTP}\n[limits]\nhttp-response-bytes = 1000\n");
    let guest = |fetches: &str| utility(&narrow_answers, &format!("{fetches} {REPLY}"));
    let both = guest(&format!("{FETCH_X} {FETCH_Y}"));
    for requests in [1, 2] {
        let run = narrow(&both, requests).run();
        assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
        let refused = matches!(
            &run.transcript.records()[1],
            Record::Fetch {
                answer: Err(HttpError::Denied(_) | HttpError::TooLarge(_)),
                ..
            }
        );
        assert!(refused, "{:?}", run.transcript.records()[1]);
        let same = narrow(&both, requests).shadow(&run.transcript);
        assert_eq!(same.unanswered, None);
        assert_eq!(same.run.transcript, run.transcript);
        let less = narrow(&guest(FETCH_Y), requests).shadow(&run.transcript);
        let unanswered = less.unanswered.map(|question| question.to_string());
        assert_eq!(
            unanswered.as_deref(),
            Some("http.fetch GET http://rates.example/data/y")
        );
    }
}

#[test]
fn a_source_that_is_not_run_again_counts_as_if_it_were() {
    let source = utility(
        "[build]\nwasi = true\n[capabilities]\nwasi = true\ndirectories = [\"documents\"]\n\
         [messages]\nrequest = \"RateFor(string quarter)\"\nreply = \"Rate(string text)\"\n",
        "(call $directories (i32.const 256))
         (call $open_at (i32.load (i32.load (i32.const 256))) (i32.const 1) @‹a› (i32.const 0)
           (i32.const 1) (i32.const 256))
         (call $ok @‹{\"text\":\"4.38\"}›)",
    );
    let mut grants = all_grants();
    grants.directories =
        BTreeMap::from([("documents".to_owned(), DirectoryGrant { bytes: 16 << 20 })]);
    let source = Source {
        cryptlet: load(&source),
        grants,
    };
    let content = vec![0; 12 << 20];
    let services = Arc::new(Fixed::with_files(&[("documents/a", &content)]));
    let asking = |times: usize| {
        let ask = "(call $ask @‹rate› @‹{\"quarter\":\"2006-Q1\"}› (i32.const 256))";
        let mut case = Case::of(&contract(
            ASKING,
            &format!("{} {REPLY_ANSWER}", ask.repeat(times)),
        ));
        case.services = Arc::clone(&services) as _;
        case.grants.sources = BTreeMap::from([("rate".to_owned(), source.clone())]);
        case
    };
    let run = asking(1).run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let shadow = asking(2).shadow(&run.transcript);
    assert_eq!(
        shadow.run.outcome,
        Outcome::Ok,
        "{:?}",
        shadow.run.diagnostic
    );
    let shadow = asking(3).shadow(&run.transcript);
    let live = asking(3).run();
    assert!(
        matches!(&live.outcome, Outcome::Limit { which, .. } if which == "transcript-bytes"),
        "{:?}",
        live.outcome
    );
    assert_eq!(shadow.unanswered, None);
    assert_eq!(shadow.run.outcome, live.outcome);
    assert_eq!(shadow.run.diagnostic, live.diagnostic);
}

fn asking(question: &str) -> Case {
    asking_by("GET", question)
}

fn asking_by(method: &str, question: &str) -> Case {
    let source = utility(
        "[capabilities]\nhttp = true\n[messages]\nrequest = \"RateFor(string quarter)\"\n\
         reply = \"Rate(string text)\"\n",
        // It fetches what it is asked for: the request's length tells the two questions apart.
        &format!(
            "(if (i32.eq (i32.load offset=52 (local.get $in)) (i32.const 21))
               (then {FETCH_X}) (else {FETCH_Y}))
             {REPLY_BODY}"
        )
        .replace("@‹GET›", &format!("@‹{method}›")),
    );
    let guest = contract(
        ASKING,
        &format!("(call $ask @‹rate› @‹{question}› (i32.const 256)) {REPLY_ANSWER}"),
    );
    let mut case = Case::of(&guest);
    case.services = Fixed::with_body(r#"{"text":"4.38"}"#);
    case.grants.sources = BTreeMap::from([(
        "rate".to_owned(),
        Source {
            cryptlet: load(&source),
            grants: all_grants(),
        },
    )]);
    case
}

#[test]
fn a_source_that_was_asked_the_same_is_not_run_again() {
    let case = asking(r#"{"quarter":"2006-Q1"}"#);
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let shadow = case.shadow(&run.transcript);
    assert_eq!(shadow.unanswered, None);
    assert_eq!(shadow.run.reply, run.reply);
    assert_eq!(shadow.run.meter.fuel, run.meter.fuel);
    assert!(shadow.run.children.is_empty());
}

const REPLY: &str = "(call $ok @‹{}›)";

/// Posts so often, by the first way to write the address or the other.
fn posting(fetches: &[&str]) -> Case {
    let posts = fetches.concat().replace("@‹GET›", "@‹POST›");
    let mut case = Case::of(&utility(HTTP, &format!("{posts} {REPLY}")));
    for grant in case.grants.http.values_mut() {
        grant.methods.push("POST".to_owned());
    }
    case
}

#[test]
fn what_both_would_do_outside_is_told_however_often_it_is_answered() {
    let run = posting(&[FETCH_X]).run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    for (fetches, times) in [
        (&[][..], 0),
        (&[FETCH_X_IN_FULL], 1),
        (&[FETCH_X, FETCH_X, FETCH_X], 3),
    ] {
        let shadow = posting(fetches).shadow(&run.transcript);
        assert_eq!(shadow.unanswered, None);
        assert_eq!(shadow.active_acts.len(), 1);
        assert_eq!(shadow.acts, vec![shadow.active_acts[0].clone(); times]);
    }
    let asking = Case::of(&utility(HTTP, &format!("{FETCH_X} {REPLY}"))).run();
    let shadow = posting(&[]).shadow(&asking.transcript);
    assert_eq!(shadow.active_acts, [], "a GET may be done at any time");
}

#[test]
fn what_a_source_did_outside_counts_even_if_it_is_not_run_again() {
    let mut case = asking_by("POST", r#"{"quarter":"2006-Q1"}"#);
    let source = case.grants.sources.get_mut("rate").expect("it is granted");
    for grant in source.grants.http.values_mut() {
        grant.methods.push("POST".to_owned());
    }
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let shadow = case.shadow(&run.transcript);
    assert!(shadow.run.children.is_empty());
    assert_eq!(shadow.acts.len(), 1);
    assert_eq!(shadow.acts[0].sources, ["rate"]);
    assert_eq!(shadow.acts, shadow.active_acts);
}

#[test]
fn a_source_that_is_asked_anew_runs_on_what_it_heard_before() {
    let asked = asking(r#"{"quarter":"2006-Q1"}"#);
    let run = asked.run();
    let same_fetch = asking(r#"{"quarter":"2007-Q2"}"#);
    let shadow = same_fetch.shadow(&run.transcript);
    assert_eq!(shadow.unanswered, None);
    assert_eq!(shadow.run.reply, run.reply);
    assert_eq!(shadow.run.children.len(), 1);

    let other_fetch = asking(r#"{"quarter":"all of 2006"}"#);
    let shadow = other_fetch.shadow(&run.transcript);
    let unanswered = shadow.unanswered.expect("nobody fetched this");
    assert_eq!(unanswered.sources, ["rate"]);
    assert!(
        unanswered
            .to_string()
            .starts_with("source rate: http.fetch GET http://rates.example/"),
        "{unanswered}"
    );
}

#[test]
fn calls_are_encoded_anew_and_state_is_the_candidates_own() {
    let rest = "[capabilities]\nledger = true\nstate = true\n\
                [messages]\nactions = [\"settle(uint32 period)\"]\n";
    let guest = |period: u32| {
        contract(
            rest,
            &format!(
                "(call $state_set @‹period› @‹{period}›)
                 (call $build @‹settle› @‹{{\"period\":{period}}}› (i32.const 256))
                 (drop (call $submit (i32.load (i32.const 260))))
                 (call $state_get @‹period› (i32.const 256))
                 (call $ok (i32.load (i32.const 260)) (i32.load (i32.const 264)))"
            ),
        )
    };
    let (run, _) = active(&guest(1), "");
    let shadow = Case::of(&guest(2)).shadow(&run.transcript);
    assert_eq!(shadow.unanswered, None);
    assert_eq!(shadow.run.reply.as_deref(), Some(&b"2"[..]));
    assert_eq!(shadow.run.submissions[0].call.bytes, br#"{"period":2}"#);
    assert_eq!(shadow.run.submissions[0].number, 41);
    assert_ne!(shadow.run.state_after, run.state_after);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However often a candidate asks what was asked, and in whichever order, it never reaches the
    /// outside: either all is answered or the run says what was not.
    #[test]
    fn a_candidate_is_answered_from_the_transcript_or_not_at_all(
        before in proptest::collection::vec(any::<bool>(), 1..4),
        after in proptest::collection::vec(any::<bool>(), 1..6),
    ) {
        let fetches = |which: &[bool]| -> String {
            which.iter().map(|x| if *x { FETCH_X } else { FETCH_Y }).collect()
        };
        let old = utility(HTTP, &format!("{} {REPLY_BODY}", fetches(&before)));
        let new = utility(HTTP, &format!("{} {REPLY_BODY}", fetches(&after)));
        let (run, services) = active(&old, "{}");
        let transcript = Transcript::from_bytes(&run.transcript.to_bytes()).expect("it reads");
        let shadow = Case::of(&new).shadow(&transcript);
        let known = after.iter().all(|asked| before.contains(asked));
        prop_assert_eq!(shadow.unanswered.is_none(), known);
        if known {
            prop_assert_eq!(shadow.run.reply, run.reply);
        }
        prop_assert_eq!(services.fetched.lock().expect("nobody panicked").len(), before.len());
    }
}
