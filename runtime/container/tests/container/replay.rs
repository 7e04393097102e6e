//! A run done again from its transcript.

use std::collections::BTreeMap;

use cryptlet_attest::Outcome;
use cryptlet_container::{Record, ReplayError, Run, Source, Transcript, TranscriptError};
use cryptlet_schema::Limits;
use proptest::prelude::*;

use crate::guests::{contract, utility};
use crate::host::{Case, Fixed, all_grants, load};

/// A contract cryptlet that uses all that it can, with a source that fetches.
fn chain() -> Case {
    let source = utility(
        "[capabilities]\nhttp = true\nkeychain = [\"desk\"]\nevents = true\n\
         [messages]\nrequest = \"RateFor(string quarter)\"\n\
         reply = \"Rate(string text)\"\ntopics = [\"Asked()\"]\n",
        "(call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
         (call $publish @‹Asked› @‹{}›)
         (call $sign @‹desk› @‹text› (i32.const 320))
         (call $ok (i32.load (i32.const 276)) (i32.load (i32.const 280)))",
    );
    let guest = contract(
        "[capabilities]\nledger = true\nsources = [\"rate\"]\nevents = true\nstate = true\nlog = true\n\
         keychain = [\"desk\"]\n[messages]\nactions = [\"settle(uint32 period)\"]\ntopics = [\"Netted(uint32 period)\"]\n",
        "(call $ask @‹rate› @‹{\"quarter\":\"2006-Q1\"}› (i32.const 256))
         (local.set $a (i32.load (i32.const 260)))
         (local.set $b (i32.load (i32.const 264)))
         (call $log (i32.const 1) (local.get $a) (local.get $b))
         (call $state_get @‹old› (i32.const 256))
         (call $state_set @‹new› (local.get $a) (local.get $b))
         (call $state_remove @‹old›)
         (call $state_keys @‹› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 256))
         (call $public_key_of @‹desk› (i32.const 256))
         (call $build @‹settle› @‹{\"period\":1}› (i32.const 256))
         (call $draft_digest (i32.load (i32.const 260)) (i32.const 320))
         (drop (call $submit (i32.load (i32.const 260))))
         (call $status (i64.const 3) (i32.const 256))
         (call $publish @‹Netted› @‹{\"period\":1}›)
         (call $ok (local.get $a) (local.get $b))",
    );
    let mut case = Case::of(&guest);
    case.services = Fixed::with_body(r#"{"text":"4.38"}"#);
    case.state.insert("old".to_owned(), b"1".to_vec());
    case.grants.sources = BTreeMap::from([(
        "rate".to_owned(),
        Source {
            cryptlet: load(&source),
            grants: all_grants(),
        },
    )]);
    case
}

#[track_caller]
fn assert_same(a: &Run, b: &Run) {
    assert_eq!(a.outcome, b.outcome);
    assert_eq!(a.reply, b.reply);
    assert_eq!(a.failure, b.failure);
    assert_eq!(a.submissions, b.submissions);
    assert_eq!(a.events, b.events);
    assert_eq!(a.logs, b.logs);
    assert_eq!(a.state_changes, b.state_changes);
    assert_eq!(
        (a.state_before, a.state_after),
        (b.state_before, b.state_after)
    );
    assert_eq!(a.transcript.to_bytes(), b.transcript.to_bytes());
    assert_eq!(a.meter, b.meter);
    assert_eq!(a.limits, b.limits);
    assert_eq!(a.discarded, b.discarded);
    assert_eq!(a.children.len(), b.children.len());
    for (a, b) in a.children.iter().zip(&b.children) {
        assert_eq!(
            (&a.source, a.ordinal, a.seed),
            (&b.source, b.ordinal, b.seed)
        );
        assert_eq!(a.invocation, b.invocation);
        assert_same(&a.run, &b.run);
    }
}

#[test]
fn a_whole_chain_replays_bit_by_bit_from_bytes() {
    let case = chain();
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(run.transcript.records().len(), 12);
    let bytes = run.transcript.to_bytes();
    let transcript = Transcript::from_bytes(&bytes).expect("it reads");
    assert_eq!(transcript, run.transcript);
    let again = case.replay(&transcript).expect("it replays");
    assert_same(&run, &again);
}

#[test]
fn failures_traps_and_limits_replay_too() {
    for (rest, end) in [
        ("", "(unreachable)"),
        ("", "(call $failed @‹no› @‹no rate›)"),
        ("[limits]\nfuel = 10000", "(loop $l (br $l)) (unreachable)"),
        (
            "[limits]\nhost-calls = 3",
            "(loop $l (call $state_remove @‹a›) (br $l)) (unreachable)",
        ),
        (
            "[limits]\noutput-bytes = 50",
            "(loop $l (call $state_remove @‹a›) (br $l)) (unreachable)",
        ),
        (
            "[limits]\nmemory-bytes = 200000",
            "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
        ),
    ] {
        let guest = contract(
            &format!("[capabilities]\nstate = true\n{rest}"),
            &format!("(call $state_set @‹k› @‹v›) {end}"),
        );
        let case = Case::of(&guest);
        let run = case.run();
        assert!(!run.outcome.is_ok());
        assert_same(&run, &case.replay(&run.transcript).expect("it replays"));
    }
}

#[test]
fn another_seed_input_or_answer_is_named_as_the_call_where_it_shows() {
    // The guest logs its input, then what it fetched.
    let guest = utility(
        "[capabilities]\nhttp = true\nlog = true",
        "(call $log (i32.const 1) (i32.load offset=48 (local.get $in)) (i32.load offset=52 (local.get $in)))
         (call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
         (call $log (i32.const 1) (i32.load (i32.const 276)) (i32.load (i32.const 280)))
         (call $ok @‹{}›)",
    );
    let mut case = Case::of(&guest);
    case.services = Fixed::with_body("4.38");
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);

    let mut other_input = Case::with(case.cryptlet.clone());
    other_input.body = b"{\"x\":1}".to_vec();
    let error = other_input
        .replay(&run.transcript)
        .expect_err("another input");
    assert!(
        error.to_string().contains("host call 0: expected log.log"),
        "{error}"
    );

    let mut other = Case::with(case.cryptlet.clone());
    other.services = Fixed::with_body("4.39");
    let other = other.run();
    let mut forged = other.transcript.to_bytes();
    let tail = run.transcript.to_bytes();
    // the forged transcript has the other answer but the first run's last line
    let line = minicbor_len(&tail);
    forged.truncate(forged.len() - line);
    forged.extend_from_slice(&tail[tail.len() - line..]);
    let forged = Transcript::from_bytes(&forged).expect("it reads");
    match case.replay(&forged).expect_err("the lines differ") {
        ReplayError::Diverged { divergence, .. } => assert_eq!(divergence.path, [2]),
        other => panic!("{other}"),
    }
}

/// Bytes of a log record: every one is as long.
fn minicbor_len(transcript: &[u8]) -> usize {
    let records = Transcript::from_bytes(transcript).expect("it reads");
    let log = records
        .records()
        .iter()
        .position(|record| matches!(record, Record::Log { .. }));
    assert_eq!(log, Some(0));
    // array(3), variant 13, level 1, bytes(32) with its two-byte head
    1 + 1 + 1 + 2 + 32
}

#[test]
fn transcripts_that_are_longer_or_shorter_diverge_at_their_end() {
    let case = chain();
    let run = case.run();
    let bytes = run.transcript.to_bytes();
    let mut longer = bytes.clone();
    let first = Transcript::from_bytes(&bytes).expect("it reads").records()[1].clone();
    longer.extend_from_slice(&single(&first));
    let longer = Transcript::from_bytes(&longer).expect("it reads");
    match case.replay(&longer).expect_err("one call too many") {
        ReplayError::Diverged { divergence, .. } => {
            assert_eq!(divergence.path, [12]);
            assert!(divergence.expected.is_some() && divergence.found.is_none());
        }
        other => panic!("{other}"),
    }
    let error = case
        .replay(&Transcript::default())
        .expect_err("nothing recorded");
    assert!(error.to_string().contains("host call 0"), "{error}");
}

fn single(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    minicbor::encode(record, &mut bytes).expect("memory takes it");
    bytes
}

#[test]
fn a_forged_answer_inside_a_source_is_named_by_its_path() {
    let case = chain();
    let run = case.run();
    let mut records = run.transcript.records().to_vec();
    let Record::Ask { transcript, .. } = &mut records[0] else {
        panic!("the first call asks");
    };
    let nested =
        Transcript::from_bytes(transcript.as_deref().expect("the source ran")).expect("it reads");
    let mut inner: Vec<Record> = nested.records().to_vec();
    let Record::Sign { message, .. } = &mut inner[2] else {
        panic!("the third call signs");
    };
    message.push(b'!');
    *transcript = Some(inner.iter().flat_map(single).collect());
    let forged: Vec<u8> = records.iter().flat_map(single).collect();
    let forged = Transcript::from_bytes(&forged).expect("it reads");
    match case
        .replay(&forged)
        .expect_err("the source signs something else")
    {
        ReplayError::Diverged { divergence, .. } => {
            assert_eq!(divergence.path, [0, 2]);
            assert!(
                divergence
                    .to_string()
                    .contains("0/2: expected keychain.sign"),
                "{divergence}"
            );
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_transcript_has_one_encoding() {
    let bytes = chain().run().transcript.to_bytes();
    assert!(matches!(
        Transcript::from_bytes(&bytes[..bytes.len() - 1]),
        Err(TranscriptError::Malformed { .. })
    ));
    // the first record's array head as an indefinite-length array
    let mut other = vec![0x9f];
    let first = single(&Transcript::from_bytes(&bytes).expect("it reads").records()[0]);
    other.extend_from_slice(&first[1..]);
    other.push(0xff);
    assert!(Transcript::from_bytes(&other).is_err());
}

#[test]
fn transcripts_in_one_another_are_read_as_deep_as_calls_can_nest() {
    let nested = |times: u64| {
        (0..times).fold(Vec::new(), |inner, _| {
            single(&Record::Ask {
                source: "rate".to_owned(),
                request: Vec::new(),
                answer: Ok(Vec::new().into()),
                transcript: Some(inner),
            })
        })
    };
    let deepest = Limits::MAXIMUM.call_depth - 1;
    assert!(Transcript::from_bytes(&nested(deepest)).is_ok());
    assert_eq!(
        Transcript::from_bytes(&nested(deepest + 1)),
        Err(TranscriptError::TooDeep)
    );
    assert_eq!(
        Transcript::from_bytes(&nested(10_000)),
        Err(TranscriptError::TooDeep)
    );
}

#[test]
fn a_transcript_inside_another_is_read_as_strictly() {
    let outer = single(&Record::Ask {
        source: "rate".to_owned(),
        request: Vec::new(),
        answer: Ok(Vec::new().into()),
        transcript: Some(vec![0xff]),
    });
    assert!(matches!(
        Transcript::from_bytes(&outer),
        Err(TranscriptError::Malformed { call: 0, .. })
    ));
}

#[test]
fn a_transcript_that_would_fill_the_memory_is_refused_before_it_does() {
    let keys = Record::StateKeys {
        prefix: String::new(),
        after: None,
        limit: 0,
        answer: vec![String::new(); 1 << 20],
    };
    let once = single(&keys);
    assert!(Transcript::from_bytes(&once).is_ok());
    assert_eq!(
        Transcript::from_bytes(&once.repeat(5)),
        Err(TranscriptError::TooMany)
    );
    // A head that promises more than there is.
    assert!(matches!(
        Transcript::from_bytes(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        Err(TranscriptError::Malformed { .. })
    ));
}

/// Inside a record whose own length is stated: `state.keys` with keys without end.
#[test]
fn no_length_in_a_transcript_is_left_open() {
    let empty = [0x60; 9].as_slice();
    for open in [[&[0x9f], empty, &[0xff]].concat(), vec![0x7f, 0x60, 0xff]] {
        let record = [&[0x85, 0x09, 0x60, 0xf6, 0x00], open.as_slice()].concat();
        match Transcript::from_bytes(&record) {
            Err(TranscriptError::Malformed { call: 0, reason }) => {
                assert!(reason.contains("a length is not stated"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_wall_clock_of_the_run_does_not_bound_its_replay() {
    let guest = contract(
        "[limits]\nwall-clock-milliseconds = 600000\nfuel = 10000000000",
        "(local.set $n (i64.const 200000000))
         (loop $l (local.set $n (i64.sub (local.get $n) (i64.const 1)))
           (br_if $l (i64.ne (local.get $n) (i64.const 0))))
         (call $ok @‹{}›)",
    );
    let case = Case::of(&guest);
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let mut hurried = Case::with(case.cryptlet.clone());
    hurried.grants.limits = Some(Limits {
        wall_clock_milliseconds: 0,
        ..Limits::MAXIMUM
    });
    let interrupted = hurried.run();
    assert!(!interrupted.outcome.is_replayable());
    let again = hurried.replay(&run.transcript).expect("it replays");
    assert_eq!(again.reply, run.reply);
    assert_eq!(again.meter, run.meter);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_transcript_or_a_replay_panic(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let case = chain();
        let mut bytes = case.run().transcript.to_bytes();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(transcript) = Transcript::from_bytes(&bytes) {
            prop_assert_eq!(&transcript.to_bytes(), &bytes);
            let replayed = case.replay(&transcript);
            if let Ok(run) = replayed {
                prop_assert_eq!(run.transcript, transcript);
            }
        }
    }
}
