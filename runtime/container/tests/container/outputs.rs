//! What comes out fits the manifest's schemas and the state's rules, or the run fails.

use cryptlet_attest::Outcome;
use cryptlet_container::{OUTPUT_SCHEMA, Record, Run, State, state_root};

use crate::guests::{contract, utility};
use crate::host::Case;

#[track_caller]
fn assert_misfit(run: &Run, words: &[&str]) {
    assert_eq!(
        run.outcome,
        Outcome::Failure {
            code: OUTPUT_SCHEMA.to_owned()
        },
        "{:?}",
        run.diagnostic
    );
    let failure = run.failure.as_ref().expect("a failure is said");
    for word in words {
        assert!(failure.message.contains(word), "{}", failure.message);
    }
    assert_eq!(run.reply, None);
    assert!(run.events.is_empty() && run.state_changes.is_empty());
    assert_eq!(run.state_before, run.state_after);
}

#[test]
fn a_reply_must_be_what_the_manifest_promises() {
    const REPLY: &str = "[messages]\nrequest = \"RateFor(string quarter)\"\nreply = \"Rate(string quarter, uint32 ratePpm)\"";
    let good = utility(
        REPLY,
        "(call $ok @‹{\"quarter\":\"2006-Q1\",\"ratePpm\":43800}›)",
    );
    assert_eq!(Case::of(&good).run().outcome, Outcome::Ok);
    let wrong = utility(
        REPLY,
        "(call $ok @‹{\"quarter\":\"2006-Q1\",\"ratePpm\":\"4.38\"}›)",
    );
    assert_misfit(&Case::of(&wrong).run(), &["reply", "ratePpm"]);
    let garbage = utility(REPLY, "(call $ok @‹yes›)");
    assert_misfit(&Case::of(&garbage).run(), &["reply", "JSON"]);
}

#[test]
fn an_event_must_have_a_declared_topic_and_fit_it() {
    const EVENTS: &str = "[capabilities]\nevents = true\nstate = true\n\
                          [messages]\ntopics = [\"Netted(uint32 period)\"]";
    let publish = |topic: &str, body: &str| {
        contract(
            EVENTS,
            &format!(
                "(call $state_set @‹k› @‹v›) (call $publish @‹{topic}› @‹{body}›) (call $ok @‹{{}}›)"
            ),
        )
    };
    let run = Case::of(&publish("Netted", r#"{"period":1}"#)).run();
    assert_eq!(run.outcome, Outcome::Ok);
    assert_eq!(run.events.len(), 1);
    assert_eq!(run.events[0].topic, "Netted");
    assert_misfit(
        &Case::of(&publish("Netted", r#"{"period":-1}"#)).run(),
        &["event Netted", "period"],
    );
    assert_misfit(
        &Case::of(&publish("Paid", r#"{"period":1}"#)).run(),
        &["event Paid", "[Netted]"],
    );
}

#[test]
fn the_guests_own_failure_stands_before_ours() {
    let guest = contract(
        "[capabilities]\nevents = true",
        "(call $publish @‹Paid› @‹{}›) (call $failed @‹no-rate› @‹none published›)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(
        run.outcome,
        Outcome::Failure {
            code: "no-rate".to_owned()
        }
    );
    assert_eq!(
        run.failure.map(|failure| failure.message).as_deref(),
        Some("none published")
    );
}

#[test]
fn state_changes_are_seen_at_once_and_kept_only_by_success() {
    const STATE: &str = "[capabilities]\nstate = true";
    let body = "(call $state_set @‹b› @‹2›)
                (call $state_remove @‹a›)
                (call $state_get @‹b› (i32.const 256))
                (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 1)) (then (unreachable)))
                (call $state_get @‹a› (i32.const 256))
                (if (i32.ne (i32.load8_u (i32.const 256)) (i32.const 0)) (then (unreachable)))";
    let before = State::from([
        ("a".to_owned(), b"1".to_vec()),
        ("c".to_owned(), b"3".to_vec()),
    ]);
    let mut case = Case::of(&contract(STATE, &format!("{body} (call $ok @‹{{}}›)")));
    case.state = before.clone();
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(run.state_changes["b"].as_deref(), Some(&b"2"[..]));
    assert_eq!(run.state_changes["a"], None);
    let after = State::from([
        ("b".to_owned(), b"2".to_vec()),
        ("c".to_owned(), b"3".to_vec()),
    ]);
    assert_eq!(run.state_before, state_root(&before));
    assert_eq!(run.state_after, state_root(&after));

    let mut case = Case::of(&contract(STATE, &format!("{body} (unreachable)")));
    case.state = before.clone();
    let run = case.run();
    assert!(run.state_changes.is_empty());
    assert_eq!(run.state_after, state_root(&before));
}

#[test]
fn keys_come_in_byte_order_after_a_key_and_never_more_than_asked() {
    let guest = contract(
        "[capabilities]\nstate = true",
        "(call $state_set @‹p/b› @‹x›)
         (call $state_remove @‹p/c›)
         (call $state_keys @‹p/› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 256))
         (call $state_keys @‹p/› (i32.const 1) @‹p/a› (i32.const 1) (i32.const 256))
         (call $state_keys @‹p/› (i32.const 1) @‹a› (i32.const 9) (i32.const 256))
         (call $state_keys @‹p/› (i32.const 1) @‹z› (i32.const 9) (i32.const 256))
         (call $state_keys @‹› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
         (call $ok @‹{}›)",
    );
    let mut case = Case::of(&guest);
    for key in ["p/a", "p/c", "p/d", "o", "q"] {
        case.state.insert(key.to_owned(), b"1".to_vec());
    }
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let answers: Vec<&[String]> = run
        .transcript
        .records()
        .iter()
        .filter_map(|record| match record {
            Record::StateKeys { answer, .. } => Some(answer.as_slice()),
            _ => None,
        })
        .collect();
    assert_eq!(answers[0], ["p/a", "p/b", "p/d"]);
    assert_eq!(answers[1], ["p/b"]);
    assert_eq!(answers[2], ["p/a", "p/b", "p/d"]);
    assert!(answers[3].is_empty());
    assert!(answers[4].is_empty());
}

#[test]
fn a_log_line_is_kept_as_text_and_recorded_by_digest() {
    let guest = contract(
        "[capabilities]\nlog = true",
        "(call $log (i32.const 2) @‹rate is old›) (unreachable)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(run.logs[0].message, "rate is old");
    assert_eq!(run.logs[0].level, cryptlet_container::Level::Warn);
    let bytes = run.transcript.to_bytes();
    assert!(!bytes.windows(4).any(|window| window == b"rate"));
}
