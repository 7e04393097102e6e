//! `tests/vectors/bundle.json`: bundles, good and bad, for other implementations.

use super::scene::{
    ACCEPTED, PREVIOUS, RUN, Story, auditor, bundle_of, good, log, opening, salt, told,
};
use crate::scene::{Log, ORIGIN, entries, key, signed_for, signed_text, trusted};
use crate::vectors::committed;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cryptlet_attest::bundle::{Bundle, Expectations, verify_bundle};
use cryptlet_attest::log::{WitnessKey, cosign};
use cryptlet_attest::{BindingId, Measurement, Outcome, digest};
use serde_json::{Value, json};

/// A bundle's bytes, what the auditor expects, and the doubt that there must be, if any.
type Case = (&'static str, Vec<u8>, Expectations, Option<&'static str>);

#[test]
fn bundles_are_judged_as_committed() {
    let cases: Vec<Value> = cases()
        .into_iter()
        .map(|(name, bundle, expected, doubt)| {
            let found = verify_bundle(&bundle, &expected);
            assert_eq!(found.err().map(|it| it.name()), doubt, "{name}");
            let keys = |keys: Vec<String>| json!(keys);
            json!({
                "name": name,
                "bundle": hex::encode(&bundle),
                "trust": keys(expected.trust.iter().map(ToString::to_string).collect()),
                "witnesses": keys(expected.witnesses.iter().map(ToString::to_string).collect()),
                "cosigners": expected.cosigners,
                "measurement": expected.measurement.map(|it| it.to_string()),
                "since": expected.since,
                "doubt": doubt,
            })
        })
        .collect();
    committed("bundle.json", &json!(cases));
}

/// What is altered where the rest does not matter, so that the file stays small.
fn small() -> Bundle {
    let mut bundle = good();
    (bundle.context, bundle.evidence, bundle.openings) = (vec![], vec![], vec![]);
    (bundle.modules, bundle.agreement) = (vec![], None);
    bundle
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, doubt, change) in FILES {
        let mut bundle = good();
        change(&mut bundle);
        cases.push((*name, bundle.to_bytes(), auditor(), *doubt));
    }
    for (name, doubt, change, link) in STORIES {
        let bundle = bundle_of(&told(change, link));
        cases.push((*name, bundle.to_bytes(), auditor(), *doubt));
    }
    cases.push(first_run());
    cases.extend(broken());
    cases.extend(cosigned());
    cases.extend(expected());
    cases
}

type File = (&'static str, Option<&'static str>, fn(&mut Bundle));

/// What somebody did to the file.
const FILES: &[File] = &[
    ("genuine", None, |_| {}),
    ("genuine, nothing opened", None, |it| it.openings.clear()),
    ("genuine, alone", None, |it| {
        *it = small();
        it.consistency = None;
    }),
    ("sources in another order", Some("malformed"), |it| {
        it.sources.reverse();
    }),
    ("openings in another order", Some("malformed"), |it| {
        it.openings.reverse();
    }),
    ("a module twice", Some("malformed"), |it| {
        it.modules.push(it.modules[1].clone());
    }),
    ("a proof that is too long", Some("oversized"), |it| {
        it.run.proof = vec![[0; 32]; 65];
    }),
    ("an entry that is cut off", Some("truncated"), |it| {
        it.run.entry.pop();
    }),
    (
        "a longer entry of a newer version",
        Some("unsupported-version"),
        |it| {
            it.run.entry = vec![0x84, 2, 0, 0xa0, 0];
        },
    ),
    (
        "a proof of growth that is too long",
        Some("oversized"),
        |it| {
            if let Some((_, proof)) = &mut it.consistency {
                *proof = vec![[0; 32]; 65];
            }
        },
    ),
    ("not a note", Some("malformed-checkpoint"), |it| {
        it.checkpoint.clear();
    }),
    ("size altered", Some("bad-signature"), |it| {
        it.checkpoint = it.checkpoint.replacen("\n12\n", "\n13\n", 1);
    }),
    ("signed for another log", Some("other-origin"), |it| {
        it.checkpoint = signed_for("log.example.org/other", &it.checkpoint);
    }),
    ("another index", Some("not-in-log"), |it| it.run.index -= 1),
    ("context without proof", Some("not-in-log"), |it| {
        it.context[0].proof.clear();
    }),
    ("a false proof of growth", Some("not-shown"), |it| {
        if let Some((_, proof)) = &mut it.consistency {
            proof[0][0] ^= 1;
        }
    }),
    ("not a run", Some("not-a-receipt"), |it| {
        it.run = log().proven(ACCEPTED);
    }),
    (
        "a source's receipt as the run",
        Some("not-a-receipt"),
        |it| {
            it.run = it.sources.remove(0);
            it.sources.clear();
        },
    ),
    ("a source is missing", Some("missing-child"), |it| {
        it.sources.pop();
    }),
    ("another input", Some("other-value"), |it| {
        it.openings[1].value[0] ^= 1
    }),
    ("a field that is not there", Some("other-value"), |it| {
        it.openings[0].field = "event/00".to_owned();
    }),
    ("another state", Some("other-value"), |it| {
        it.openings[3].value = vec![0xa0];
    }),
    ("a state never written", Some("other-value"), |it| {
        it.openings = vec![opening(0, "state-before", &[0xa0])];
    }),
    ("a salt of another run", Some("other-value"), |it| {
        it.openings[1].salt = salt(1).field("input");
    }),
    ("another module", Some("other-module"), |it| {
        it.modules = vec![b"another".to_vec()];
    }),
    ("context after the run", Some("other-context"), |it| {
        it.context.push(log().proven(RUN + 1));
    }),
    ("evidence altered", Some("other-evidence"), |it| {
        if let Some(last) = it.evidence[0].last_mut() {
            *last ^= 1;
        }
    }),
    ("another agreement", Some("other-agreement"), |it| {
        if let Some(agreement) = &mut it.agreement {
            agreement.document.push(b' ');
        }
    }),
];

type Tale = (
    &'static str,
    Option<&'static str>,
    fn(&mut Story),
    fn(&mut Story),
);

/// What a host recorded and truly signed.
const STORIES: &[Tale] = &[
    ("contradiction", Some("inconsistent"), trapped, nothing),
    (
        "host names another key",
        Some("inconsistent"),
        another_host,
        nothing,
    ),
    ("nobody asked", Some("unlisted-child"), nothing, |it| {
        it.run.execution.children.clear();
    }),
    ("asked twice", Some("cyclic"), nothing, |it| {
        it.run.execution.children.push(it.run.execution.children[0]);
    }),
    (
        "a source of another invocation",
        Some("other-child"),
        another_invocation,
        nothing,
    ),
    (
        "a source with another seed",
        Some("other-child"),
        another_seed,
        nothing,
    ),
    (
        "a source that keeps a state",
        Some("other-child"),
        |it| it.source.execution.state_after = digest("other", &[]),
        nothing,
    ),
    (
        "the run before is of another binding",
        Some("other-context"),
        |it| it.previous.execution.binding = BindingId::from_bytes([0xb9; 32]),
        nothing,
    ),
    (
        "the run before has a higher number",
        Some("other-context"),
        |it| it.previous.execution.invocation = 43,
        nothing,
    ),
    (
        "the run before is a source's",
        Some("other-context"),
        |it| it.previous.execution.ordinal = 1,
        nothing,
    ),
    (
        "the run before left another state",
        Some("other-state"),
        |it| it.previous.execution.state_after = digest("other", &[]),
        nothing,
    ),
    (
        "module of another sha256",
        Some("other-module"),
        another_sha256,
        nothing,
    ),
    (
        "another key was announced",
        Some("other-context"),
        another_key,
        nothing,
    ),
    (
        "no receipt before it",
        Some("other-context"),
        nothing,
        |it| {
            it.run.host.previous = None;
        },
    ),
];

fn nothing(_: &mut Story) {}

fn trapped(story: &mut Story) {
    story.run.execution.outcome = Outcome::Trap {
        kind: "unreachable".to_owned(),
    };
}

fn another_host(story: &mut Story) {
    story.run.host.key = trusted(ORIGIN, &key(2)).identity();
}

fn another_invocation(story: &mut Story) {
    story.source.execution.invocation += 1;
}

fn another_seed(story: &mut Story) {
    story.inner.execution.seed[0] ^= 1;
}

fn another_sha256(story: &mut Story) {
    story.run.execution.sha256 = [0; 32];
}

fn another_key(story: &mut Story) {
    story.key.public = vec![9; 32];
}

/// A run that names none before it and begins with a state all the same.
fn first_run() -> Case {
    let first = told(
        |it| it.run.execution.state_before = digest("other", &[]),
        |it| it.run.host.previous = None,
    );
    let mut bundle = bundle_of(&first);
    bundle.context.clear();
    let bytes = bundle.to_bytes();
    (
        "first run with a state",
        bytes,
        auditor(),
        Some("other-state"),
    )
}

fn broken() -> Vec<Case> {
    let whole = small().to_bytes();
    let (mut newer, mut more) = (whole.clone(), [&whole[..], &[10, 0]].concat());
    newer[7] = 2;
    more[5] += 1;
    [
        ("empty", Vec::new(), "truncated"),
        ("cut off in the tag", whole[..3].to_vec(), "truncated"),
        ("cut off", whole[..whole.len() - 1].to_vec(), "truncated"),
        (
            "bytes after the end",
            [&whole[..], &[0]].concat(),
            "malformed",
        ),
        ("not a bundle", b"not a bundle".to_vec(), "malformed"),
        ("newer version", newer, "unsupported-version"),
        (
            "newer version with other keys",
            b"\xdacrpb\xa2\x00\x02\x61a\x00".to_vec(),
            "unsupported-version",
        ),
        ("an unknown field", more, "unknown-field"),
    ]
    .map(|(name, bytes, doubt)| (name, bytes, auditor(), Some(doubt)))
    .to_vec()
}

fn cosigned() -> Vec<Case> {
    let witness = "witness.example.org";
    let mut bundle = small();
    let line = cosign(&bundle.checkpoint, witness, 1_700_000_000, &key(7)).unwrap();
    bundle.checkpoint.push_str(&line);
    let earlier = cosign(&log().checkpoint_at(3), witness, 1, &key(7)).unwrap();
    let mut false_bundle = small();
    false_bundle.checkpoint.push_str(&earlier);
    let by = |seed, cosigners| Expectations {
        witnesses: vec![WitnessKey::new(witness, key(seed).verifying_key().as_bytes()).unwrap()],
        cosigners,
        ..auditor()
    };
    let bytes = bundle.to_bytes();
    vec![
        ("cosigned", bytes.clone(), by(7, 1), None),
        (
            "cosigned by too few",
            bytes.clone(),
            by(7, 2),
            Some("not-cosigned"),
        ),
        (
            "cosigned by a stranger",
            bytes,
            by(8, 1),
            Some("not-cosigned"),
        ),
        (
            "a false cosignature",
            false_bundle.to_bytes(),
            by(7, 0),
            Some("bad-signature"),
        ),
    ]
}

/// What the auditor knew before.
fn expected() -> Vec<Case> {
    let bytes = small().to_bytes();
    let since = |checkpoint| Expectations {
        since: Some(checkpoint),
        ..auditor()
    };
    let mut longer = log();
    longer.append(&entries()[0]);
    let other = Log::owned_by("log.example.org/other", key(3), &entries());
    let fork = told(|story| story.previous.execution.fuel += 1, nothing);
    let measured = Expectations {
        measurement: Some(Measurement::of(b"what I have read and agreed to")),
        ..auditor()
    };
    let both = Expectations {
        trust: vec![log().trusted(), other.trusted()],
        ..since(other.checkpoint())
    };
    let nobody = Expectations {
        trust: Vec::new(),
        ..auditor()
    };
    [
        (
            "extends what was seen",
            since(log().checkpoint_at(PREVIOUS)),
            None,
        ),
        ("extends an empty log", since(log().checkpoint_at(0)), None),
        (
            "another empty log",
            since(signed_text(&format!(
                "{ORIGIN}\n0\n{}\n",
                BASE64_STANDARD.encode([7; 32])
            ))),
            Some("forked-log"),
        ),
        (
            "no proof from what was seen",
            since(log().checkpoint_at(3)),
            Some("not-shown"),
        ),
        (
            "another history",
            since(fork.checkpoint()),
            Some("forked-log"),
        ),
        (
            "was longer before",
            since(longer.checkpoint()),
            Some("shortened"),
        ),
        ("another log was seen", both, Some("other-log")),
        ("another measurement", measured, Some("other-measurement")),
        ("nobody is trusted", nobody, Some("unknown-signer")),
    ]
    .map(|(name, expected, doubt)| (name, bytes.clone(), expected, doubt))
    .to_vec()
}
