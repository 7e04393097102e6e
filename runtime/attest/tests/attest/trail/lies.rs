//! Hosts that sign what is not so.

use super::{
    ACTIVATED, AGAIN, BINDING, FIRST, FIRST_RUN, FIRST_SOURCE, Lie, PROMOTED, ROLLED_BACK, SECOND,
    SECOND_RUN, accepted, audit, bytes, module, receipt, signed, story, version, woken_by,
};
use crate::scene::{ORIGIN, key, trusted};
use cryptlet_attest::trail::{Question, Terms, follow};
use cryptlet_attest::{BindingVersion, LeafHash, Outcome, Output, digest};

#[test]
fn each_lie_that_a_host_signs_has_its_name_and_its_leaf() {
    let lies: &[Lie] = &[
        ("no-key", 0, |story| drop(story.remove(0))),
        ("redeployed", 3, |story| {
            version(&mut story[3]).version = "1.0.0".to_owned()
        }),
        ("not-deployed", FIRST - 1, |story| drop(story.remove(2))),
        ("before-activation", ACTIVATED + 1, |story| {
            drop(story.remove(ACTIVATED))
        }),
        ("other-binding-version", FIRST_RUN, |story| {
            let execution = &mut receipt(&mut story[FIRST_RUN]).execution;
            execution.binding_version = BindingVersion::from_bytes([0; 32]);
        }),
        ("invocation-gap", SECOND, |story| {
            accepted(&mut story[SECOND]).number = 3
        }),
        ("invocation-gap", FIRST + 1, |story| {
            story.insert(FIRST, story[FIRST].clone())
        }),
        ("other-module", SECOND, |story| {
            accepted(&mut story[SECOND]).measurement = module("1.1.0");
        }),
        ("other-module", PROMOTED, |story| {
            drop(story.remove(PROMOTED))
        }),
        ("other-cryptlet", PROMOTED, |story| {
            version(&mut story[PROMOTED]).cryptlet = "rate".to_owned();
        }),
        ("other-rollback", ROLLED_BACK, |story| {
            let back = version(&mut story[ROLLED_BACK]);
            back.version = "1.1.0".to_owned();
            back.measurement = module("1.1.0");
        }),
        ("triggered-twice", SECOND, |story| {
            accepted(&mut story[SECOND]).trigger = woken_by(1);
        }),
        ("triggered-twice", AGAIN, |story| {
            accepted(&mut story[AGAIN]).trigger = woken_by(3)
        }),
        ("not-accepted", FIRST_RUN - 1, |story| {
            drop(story.remove(FIRST))
        }),
        ("run-twice", FIRST_RUN + 1, |story| {
            let mut twice = story[FIRST_RUN].clone();
            receipt(&mut twice).execution.children.clear();
            story.insert(FIRST_RUN + 1, twice);
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.seed = [0; 32];
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.instant += 1;
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.input = digest("other", &[]);
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.trigger = woken_by(9);
        }),
        ("other-than-accepted", FIRST_RUN, |story| {
            let execution = &mut receipt(&mut story[FIRST_RUN]).execution;
            execution.version = "1.1.0".to_owned();
            execution.measurement = module("1.1.0");
        }),
        // An altered cost is found where the next receipt names this one.
        ("broken-chain", SECOND_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.fuel += 1
        }),
        ("broken-chain", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).host.previous = Some(LeafHash::from_bytes([1; 32]));
        }),
        ("other-state", SECOND_RUN, |story| {
            receipt(&mut story[SECOND_RUN]).execution.state_before = digest("other", &[]);
        }),
        ("other-state", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.state_before = digest("other", &[]);
        }),
        ("inconsistent", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.outcome = Outcome::Trap {
                kind: "unreachable".to_owned(),
            };
        }),
        ("unannounced-key", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).host.key = trusted(ORIGIN, &key(2)).identity();
        }),
        ("not-deployed", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.version = "2.0.0".to_owned();
        }),
        ("missing-child", FIRST_RUN - 1, |story| {
            drop(story.remove(FIRST_SOURCE))
        }),
        ("missing-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_SOURCE]).execution.fuel += 1;
        }),
        ("unlisted-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_RUN]).execution.children.clear();
        }),
        ("unlisted-child", AGAIN + 1, |story| {
            let mut orphan = story[FIRST_SOURCE].clone();
            receipt(&mut orphan).execution.invocation = 5;
            story.push(orphan);
        }),
        ("other-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_SOURCE]).execution.seed = [0; 32];
            let child = story[FIRST_SOURCE].leaf_hash();
            receipt(&mut story[FIRST_RUN]).execution.children = vec![child];
        }),
        ("other-child", FIRST_RUN, |story| {
            receipt(&mut story[FIRST_SOURCE]).execution.state_after = digest("other", &[]);
            let child = story[FIRST_SOURCE].leaf_hash();
            receipt(&mut story[FIRST_RUN]).execution.children = vec![child];
        }),
        ("source-delivered", FIRST_SOURCE, |story| {
            let delivered = receipt(&mut story[FIRST_RUN]).execution.outputs.clone();
            receipt(&mut story[FIRST_SOURCE]).execution.outputs = delivered;
        }),
        ("delivery-gap", FIRST_RUN, |story| {
            for output in &mut receipt(&mut story[FIRST_RUN]).execution.outputs {
                if let Output::Delivery { delivery, .. } = output {
                    *delivery = 2;
                }
            }
        }),
    ];
    for (name, leaf, lie) in lies {
        let mut story = story();
        lie(&mut story);
        let leaves = bytes(&story);
        let contradiction = audit(&leaves, &signed(&leaves), None).expect_err(name);
        assert_eq!(
            (contradiction.name(), contradiction.leaf),
            (*name, Some(*leaf as u64)),
            "{contradiction}"
        );
        assert!(contradiction.is_signed());
        assert!(
            contradiction
                .to_string()
                .contains("evidence against the host")
        );
    }
}

#[test]
fn a_document_that_never_came_into_force_is_no_evidence_against_the_host() {
    let leaves = bytes(&story());
    let question = Question {
        binding: BINDING,
        terms: vec![Terms {
            version: BindingVersion::from_bytes([0; 32]),
            cryptlet: "swap".to_owned(),
            measurement: module("1.0.0"),
        }],
        since: None,
    };
    let trust = [trusted(ORIGIN, &key(1))];
    let contradiction =
        follow(&leaves, &signed(&leaves), &trust, &question).expect_err("another document");
    assert_eq!(contradiction.leaf, Some(ACTIVATED as u64));
    assert_eq!(contradiction.name(), "other-document");
    let sentence = contradiction.to_string();
    assert!(!sentence.contains("evidence"), "{sentence}");
}
