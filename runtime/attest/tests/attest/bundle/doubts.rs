//! Every way in which a bundle can be bad has a name of its own.

use super::scene::{
    ACCEPTED, INNER, PREVIOUS, PROMOTED, RUN, SOURCE, Story, auditor, bundle_of, good, log,
    opening, told,
};
use crate::scene::{Log, ORIGIN, entries, failed, key, signed_for, trusted};
use cryptlet_attest::bundle::{Bundle, BundleDoubt, Expectations, verify_bundle};
use cryptlet_attest::log::{WitnessKey, cosign};
use cryptlet_attest::{
    BindingId, Digest, Evidence, FieldSalt, LogEntry, Measurement, Outcome, State, StateChange,
    Statement, TriggerKind, digest,
};

fn doubt(bundle: &Bundle, expectations: &Expectations) -> BundleDoubt {
    verify_bundle(&bundle.to_bytes(), expectations).expect_err("the bundle is bad")
}

/// The name of what is wrong with a good bundle after `change`.
fn changed(change: impl FnOnce(&mut Bundle)) -> &'static str {
    let mut bundle = good();
    change(&mut bundle);
    doubt(&bundle, &auditor()).name()
}

/// The name of what is wrong with a whole bundle of another story, truly signed.
fn told_as(change: impl FnOnce(&mut Story), link: impl FnOnce(&mut Story)) -> &'static str {
    doubt(&bundle_of(&told(change, link)), &auditor()).name()
}

/// The name of what is wrong with these bytes.
fn bytes(bytes: &[u8]) -> &'static str {
    verify_bundle(bytes, &auditor())
        .expect_err("the bytes are bad")
        .name()
}

#[test]
fn truncated_is_what_is_cut_off() {
    let whole = good().to_bytes();
    for end in [0, 5, 100, whole.len() - 1] {
        assert_eq!(bytes(&whole[..end]), "truncated", "at {end}");
    }
    assert_eq!(
        changed(|bundle| {
            bundle.run.entry.pop();
        }),
        "truncated"
    );
    let mut bundle = good();
    bundle.context[0].entry.pop();
    let told = doubt(&bundle, &auditor()).to_string();
    assert!(
        told.starts_with("entry 0: this is not a whole and unaltered entry"),
        "{told}"
    );
}

#[test]
fn malformed_is_what_is_no_bundle_or_has_another_order() {
    assert_eq!(bytes(b"not a bundle"), "malformed");
    assert_eq!(bytes(&[good().to_bytes(), vec![0]].concat()), "malformed");
    assert_eq!(changed(|bundle| bundle.sources.reverse()), "malformed");
    assert_eq!(changed(|bundle| bundle.context.reverse()), "malformed");
    assert_eq!(
        changed(|bundle| bundle.modules.push(bundle.modules[1].clone())),
        "malformed"
    );
}

#[test]
fn oversized_is_what_is_longer_than_any_honest_bundle() {
    assert_eq!(
        changed(|bundle| bundle.run.proof = vec![[0; 32]; 65]),
        "oversized"
    );
    assert_eq!(
        changed(|bundle| bundle.evidence = vec![vec![0; 70_000]]),
        "oversized"
    );
    assert_eq!(
        changed(|bundle| bundle.context = vec![bundle.run.clone(); 4_097]),
        "oversized"
    );
}

#[test]
fn unsupported_version_asks_for_a_newer_program() {
    let mut newer = good().to_bytes();
    newer[7] = 2;
    assert_eq!(bytes(&newer), "unsupported-version");
}

#[test]
fn unknown_field_is_what_this_version_cannot_vouch_for() {
    let mut more = [good().to_bytes(), vec![10, 0]].concat();
    more[5] += 1;
    assert_eq!(bytes(&more), "unknown-field");
}

#[test]
fn malformed_checkpoint_is_no_signed_note() {
    assert_eq!(
        changed(|bundle| bundle.checkpoint.clear()),
        "malformed-checkpoint"
    );
}

#[test]
fn bad_signature_is_a_checkpoint_that_was_altered() {
    assert_eq!(
        changed(|bundle| bundle.checkpoint = bundle.checkpoint.replacen("\n12\n", "\n13\n", 1)),
        "bad-signature"
    );
}

#[test]
fn unknown_signer_is_a_key_that_nobody_trusts() {
    let expectations = Expectations {
        trust: vec![trusted(ORIGIN, &key(2))],
        ..Expectations::default()
    };
    assert_eq!(doubt(&good(), &expectations).name(), "unknown-signer");
    assert_eq!(
        doubt(&good(), &Expectations::default()).name(),
        "unknown-signer"
    );
}

#[test]
fn other_origin_is_a_signature_for_another_log() {
    assert_eq!(
        changed(
            |bundle| bundle.checkpoint = signed_for("log.example.org/other", &bundle.checkpoint)
        ),
        "other-origin"
    );
}

#[test]
fn not_cosigned_is_a_checkpoint_that_too_few_witnesses_have_seen() {
    let mut bundle = good();
    let line = cosign(&bundle.checkpoint, "w.example.org", 1_700_000_000, &key(7)).unwrap();
    bundle.checkpoint.push_str(&line);
    let witness =
        |seed| WitnessKey::new("w.example.org", key(seed).verifying_key().as_bytes()).unwrap();
    let wanted = |witnesses: Vec<WitnessKey>, cosigners| Expectations {
        witnesses,
        cosigners,
        ..auditor()
    };
    let verdict = verify_bundle(&bundle.to_bytes(), &wanted(vec![witness(7)], 1)).unwrap();
    assert_eq!(verdict.cosigned[0].seconds, 1_700_000_000);
    for expectations in [wanted(vec![witness(7)], 2), wanted(vec![witness(8)], 1)] {
        assert_eq!(doubt(&bundle, &expectations).name(), "not-cosigned");
    }
    let other = cosign(&log().checkpoint_at(3), "w.example.org", 1, &key(7)).unwrap();
    bundle.checkpoint = bundle.checkpoint.replace(&line, &other);
    let expectations = wanted(vec![witness(7)], 1);
    assert_eq!(doubt(&bundle, &expectations).name(), "bad-signature");
}

#[test]
fn not_in_log_is_any_entry_whose_proof_does_not_lead_to_the_root() {
    assert_eq!(changed(|bundle| bundle.run.index -= 1), "not-in-log");
    assert_eq!(
        changed(|bundle| bundle.sources[1].proof[0][0] ^= 1),
        "not-in-log"
    );
    assert_eq!(
        changed(|bundle| bundle.context[0].proof.clear()),
        "not-in-log"
    );
}

#[test]
fn other_log_is_an_earlier_checkpoint_of_another_name() {
    let other = Log::owned_by("log.example.org/other", key(3), &entries());
    let expectations = Expectations {
        trust: vec![log().trusted(), other.trusted()],
        since: Some(other.checkpoint()),
        ..Expectations::default()
    };
    assert_eq!(doubt(&good(), &expectations).name(), "other-log");
}

#[test]
fn shortened_is_a_log_that_was_longer_before() {
    let mut longer = log();
    longer.append(&LogEntry::Receipt(failed(Outcome::Ok)));
    let expectations = Expectations {
        since: Some(longer.checkpoint()),
        ..auditor()
    };
    assert_eq!(doubt(&good(), &expectations).name(), "shortened");
}

#[test]
fn forked_log_is_two_roots_of_one_size() {
    let other = told(|story| story.previous.execution.fuel += 1, |_| {});
    for size in [RUN + 2, PREVIOUS + 1] {
        let mut bundle = good();
        bundle.consistency = Some((log().checkpoint_at(size), log().consistency(size)));
        let expectations = Expectations {
            since: Some(other.checkpoint_at(size)),
            ..auditor()
        };
        assert_eq!(doubt(&bundle, &expectations).name(), "forked-log");
    }
}

#[test]
fn not_shown_is_an_earlier_checkpoint_to_which_nothing_leads() {
    let kept = |size| Expectations {
        since: Some(log().checkpoint_at(size)),
        ..auditor()
    };
    verify_bundle(&good().to_bytes(), &kept(PREVIOUS)).unwrap();
    assert_eq!(doubt(&good(), &kept(3)).name(), "not-shown");
    let mut silent = good();
    silent.consistency = None;
    assert_eq!(doubt(&silent, &kept(PREVIOUS)).name(), "not-shown");
    assert_eq!(
        changed(|bundle| bundle.consistency.as_mut().unwrap().1[0][0] ^= 1),
        "not-shown"
    );
}

#[test]
fn not_a_receipt_is_an_entry_about_something_else() {
    let log = log();
    assert_eq!(
        changed(|bundle| bundle.run = log.proven(ACCEPTED)),
        "not-a-receipt"
    );
    assert_eq!(
        changed(|bundle| bundle.sources = vec![log.proven(ACCEPTED)]),
        "not-a-receipt"
    );
    assert_eq!(
        changed(|bundle| bundle.run = log.proven(SOURCE)),
        "not-a-receipt"
    );
}

#[test]
fn other_measurement_is_another_module_than_expected() {
    let expectations = Expectations {
        measurement: Some(Measurement::of(b"what I have read and agreed to")),
        ..auditor()
    };
    assert_eq!(doubt(&good(), &expectations).name(), "other-measurement");
}

#[test]
fn inconsistent_is_a_run_or_source_that_contradicts_itself() {
    let trapped = |statement: &mut Statement| {
        statement.execution.outcome = Outcome::Trap {
            kind: "unreachable".to_owned(),
        };
    };
    assert_eq!(
        told_as(|story| trapped(&mut story.run), |_| {}),
        "inconsistent"
    );
    assert_eq!(
        told_as(|story| trapped(&mut story.inner), |_| {}),
        "inconsistent"
    );
    let another = trusted(ORIGIN, &key(2)).identity();
    assert_eq!(
        told_as(|story| story.run.host.key = another, |_| {}),
        "inconsistent"
    );
}

#[test]
fn missing_child_is_a_source_that_was_asked_and_is_not_there() {
    assert_eq!(
        changed(|bundle| {
            bundle.sources.pop();
        }),
        "missing-child"
    );
}

#[test]
fn unlisted_child_is_a_source_that_nobody_asked() {
    assert_eq!(
        told_as(|_| {}, |story| story.run.execution.children.clear()),
        "unlisted-child"
    );
}

#[test]
fn cyclic_is_a_source_that_is_asked_twice_or_by_a_later_one() {
    let twice = |story: &mut Story| {
        let child = story.run.execution.children[0];
        story.run.execution.children.push(child);
    };
    assert_eq!(told_as(|_| {}, twice), "cyclic");
    let backwards = |story: &mut Story| {
        story.source.execution.ordinal = 3;
        story.source.execution.seed = *digest(
            "cryptlet source seed v1",
            &[&story.run.execution.seed, &3_u32.to_be_bytes(), b"rate"],
        )
        .as_bytes();
    };
    let log = told(backwards, |_| {});
    let mut bundle = bundle_of(&log);
    bundle.sources = vec![log.proven(INNER), log.proven(SOURCE)];
    assert_eq!(doubt(&bundle, &auditor()).name(), "cyclic");
}

#[test]
fn other_child_is_a_source_of_another_run() {
    let changes: [fn(&mut Story); 6] = [
        |story| story.source.execution.state_before = digest("other", &[]),
        |story| story.source.execution.state_after = digest("other", &[]),
        |story| story.source.execution.invocation += 1,
        |story| story.source.execution.instant += 1,
        |story| story.inner.execution.seed[0] ^= 1,
        |story| story.inner.execution.source = Some("another".to_owned()),
    ];
    for change in changes {
        assert_eq!(told_as(change, |_| {}), "other-child");
    }
}

#[test]
fn other_value_is_an_opening_that_does_not_open() {
    let changes: [fn(&mut Bundle); 7] = [
        |bundle| bundle.openings[1].value[0] ^= 1,
        |bundle| bundle.openings[1].salt = FieldSalt::from_bytes([0; 32]),
        |bundle| bundle.openings[1].field = "inputs".to_owned(),
        |bundle| bundle.openings[0].field = "event/00".to_owned(),
        |bundle| bundle.openings[7].ordinal = 3,
        |bundle| bundle.openings[3].value = vec![0xa0],
        |bundle| bundle.openings[3] = opening(0, "state-after", b"no state"),
    ];
    for change in changes {
        assert_eq!(changed(change), "other-value");
    }
}

#[test]
fn other_value_is_a_state_with_more_entries_than_any_honest_one() {
    let entries: u32 = (1 << 21) + 1;
    let mut state = [&[0xba][..], &entries.to_be_bytes()].concat();
    for number in 0..entries {
        let digit = |place: u32| (number >> (7 * place) & 0x7f) as u8;
        state.extend([0x64, digit(3), digit(2), digit(1), digit(0), 0x40]);
    }
    let error = State::from_bytes(&state).unwrap_err();
    assert_eq!(error.name(), "oversized");
}

#[test]
fn other_module_is_one_that_did_not_run() {
    assert_eq!(
        changed(|bundle| bundle.modules = vec![b"another".to_vec()]),
        "other-module"
    );
    assert_eq!(
        told_as(|story| story.run.execution.sha256 = [0; 32], |_| {}),
        "other-module"
    );
}

#[test]
fn other_context_is_an_entry_that_does_not_bear_on_the_run() {
    let log = log();
    for index in [4, SOURCE, RUN, RUN + 1] {
        let altered = changed(|bundle| {
            bundle.context.push(log.proven(index));
            bundle.context.sort_by_key(|proven| proven.index);
        });
        assert_eq!(altered, "other-context", "entry {index}");
    }
    assert_eq!(
        told_as(|story| story.key.public = vec![9; 32], |_| {}),
        "other-context"
    );
    assert_eq!(
        told_as(|_| {}, |story| story.run.host.previous = None),
        "other-context"
    );
    let another_seed = |story: &mut Story| {
        let run = &story.run.execution;
        story.accepted = Some(cryptlet_attest::Accepted {
            binding: run.binding,
            number: run.invocation,
            trigger: run.trigger.clone(),
            input: run.input,
            instant: run.instant,
            seed: [0; 32],
            measurement: run.measurement,
        });
    };
    assert_eq!(told_as(|_| {}, another_seed), "other-context");
}

#[test]
fn other_context_is_a_receipt_that_cannot_be_of_the_run_before() {
    let changes: [fn(&mut Story); 4] = [
        |story| story.previous.execution.binding = BindingId::from_bytes([0xb9; 32]),
        |story| story.previous.execution.invocation = story.run.execution.invocation,
        |story| {
            story.previous.execution.source = Some("rate".to_owned());
            story.previous.execution.ordinal = 1;
            story.previous.execution.trigger.kind = TriggerKind::Ask;
        },
        |story| story.previous.execution.ordinal = 1,
    ];
    for change in changes {
        assert_eq!(told_as(change, |_| {}), "other-context");
    }
}

#[test]
fn other_state_is_a_run_that_does_not_begin_where_the_one_before_it_ended() {
    let wrote = |story: &mut Story| story.previous.execution.state_after = digest("other", &[]);
    assert_eq!(told_as(wrote, |_| {}), "other-state");
    let first = told(
        |story| story.run.execution.state_before = digest("other", &[]),
        |story| story.run.host.previous = None,
    );
    let mut bundle = bundle_of(&first);
    bundle.context.retain(|proven| proven.index != PREVIOUS);
    assert_eq!(doubt(&bundle, &auditor()).name(), "other-state");
}

#[test]
fn a_promotion_may_rewrite_the_state_between_two_runs_from_what_the_first_left() {
    let rewritten = digest("state", &[b"rewritten"]);
    let migrates = |before: Digest| {
        move |story: &mut Story| {
            story.run.execution.state_before = rewritten;
            story.migrated = Some(StateChange {
                before,
                after: rewritten,
            });
        }
    };
    let left = State::default().root();
    let log = told(migrates(left), |_| {});
    let mut bundle = bundle_of(&log);
    // What opens the state of the story does not open this one.
    bundle
        .openings
        .retain(|opening| opening.field != "state-before");
    verify_bundle(&bundle.to_bytes(), &auditor()).expect("the promotion says so");
    let other = told_as(migrates(digest("other", &[])), |_| {});
    assert_eq!(other, "other-context");
    bundle.context.retain(|proven| proven.index != PROMOTED);
    assert_eq!(doubt(&bundle, &auditor()).name(), "other-state");
}

#[test]
fn other_evidence_is_about_another_key_or_host() {
    let evidence = |seed, executable: Digest, engine: &str| {
        Evidence::software(&key(seed), executable, digest(engine, &[]))
            .unwrap()
            .to_bytes()
    };
    let executable = digest("test-executable", &[]);
    for bad in [
        evidence(2, executable, "test-engine"),
        evidence(1, digest("another", &[]), "test-engine"),
        evidence(1, executable, "another"),
    ] {
        assert_eq!(
            changed(|bundle| bundle.evidence = vec![bad]),
            "other-evidence"
        );
    }
    assert_eq!(
        changed(|bundle| *bundle.evidence[0].last_mut().unwrap() ^= 1),
        "other-evidence"
    );
}

#[test]
fn other_agreement_is_a_document_that_did_not_bind_the_run() {
    assert_eq!(
        changed(|bundle| bundle.agreement.as_mut().unwrap().document.push(b' ')),
        "other-agreement"
    );
}
