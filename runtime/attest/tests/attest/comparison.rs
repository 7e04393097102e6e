//! Log and chain side by side.

use std::collections::BTreeSet;

use crate::scene::{ORIGIN, key, trusted};
use cryptlet_attest::comparison::{
    Allowance, ChainRecord, Comparison, Delivered, Difference, Fate, Skipped, compare, compare_run,
};
use cryptlet_attest::trail::{Activation, Invocation, Run, Sealed, Trail};
use cryptlet_attest::{
    Basis, BindingId, BindingVersion, Checkpoint, Digest, Hash, LeafHash, Measurement, Outcome,
    TriggerKind, TriggerStatement, digest,
};

const CHAIN: &str = "eip155:31337";
const VERSION: BindingVersion = BindingVersion::from_bytes([2; 32]);

fn leaf_hash(number: u64) -> LeafHash {
    LeafHash::from_bytes([number as u8; 32])
}

fn execution_hash(number: u64) -> Digest {
    digest("execution", &[&number.to_be_bytes()])
}

/// Three invocations with one delivery each.
fn trail() -> Trail {
    let invocations = (1..=3).map(|number| Invocation {
        number,
        leaf: number * 10,
        trigger: TriggerStatement {
            kind: TriggerKind::Message,
            digest: digest("trigger", &[]),
            position: None,
        },
        instant: number,
        measurement: Measurement::of(b"swap"),
        run: Some(Run {
            leaf: number * 10 + 1,
            leaf_hash: leaf_hash(number),
            execution_hash: execution_hash(number),
            binding_version: VERSION,
            cryptlet: "swap".to_owned(),
            version: "1.0.0".to_owned(),
            measurement: Measurement::of(b"swap"),
            outcome: Outcome::Ok,
            fuel: 1,
            deliveries: vec![Sealed {
                ledger: CHAIN.to_owned(),
                number,
                output_hash: [number as u8; 32],
            }],
            sources: Vec::new(),
        }),
    });
    Trail {
        binding: BindingId::from_bytes([1; 32]),
        checkpoint: Checkpoint {
            origin: ORIGIN.to_owned(),
            size: 40,
            root: Hash([0; 32]),
            signer: trusted(ORIGIN, &key(1)).identity(),
        },
        since: None,
        activations: vec![Activation {
            leaf: 1,
            version: VERSION,
        }],
        moves: Vec::new(),
        keys: Vec::new(),
        invocations: invocations.collect(),
        claims: Vec::new(),
    }
}

fn delivered(number: u64) -> Delivered {
    Delivered {
        number,
        block: 100 + number,
        transaction: [9; 32],
        binding_version: VERSION,
        measurement: Measurement::of(b"swap"),
        execution_hash: execution_hash(number),
        receipt_hash: leaf_hash(number),
        output_hash: [number as u8; 32],
        succeeded: true,
    }
}

/// The first two deliveries, the second not final; the third is on its way.
fn chain() -> ChainRecord {
    ChainRecord {
        endpoint: "http://node.example".to_owned(),
        chain: CHAIN.to_owned(),
        gateway: "0x01".to_owned(),
        block: 110,
        final_block: 101,
        finality: "depth:9".to_owned(),
        from_block: 0,
        last_delivery: 2,
        delivered: vec![delivered(1), delivered(2)],
        skipped: Vec::new(),
        allowances: vec![Allowance {
            binding_version: VERSION,
            measurement: Measurement::of(b"swap"),
            usable_from: Some(1_143_849_600),
        }],
    }
}

fn fates(comparison: &Comparison) -> Vec<(u64, Fate, bool)> {
    comparison
        .deliveries
        .iter()
        .map(|it| (it.number, it.fate, it.is_final))
        .collect()
}

#[test]
fn log_and_chain_agree_on_what_is_final_included_and_under_way() {
    let compared = compare(&trail(), &chain(), Some(&BTreeSet::from([1]))).unwrap();
    assert_eq!(
        fates(&compared),
        [
            (1, Fate::Succeeded, true),
            (2, Fate::Succeeded, false),
            (3, Fate::Absent, false)
        ]
    );
    let node = Basis::Node {
        endpoint: "http://node.example".to_owned(),
    };
    let rests: Vec<&Basis> = compared
        .claims
        .iter()
        .map(|claim| &claim.rests_on)
        .collect();
    assert!(rests[1..].iter().all(|basis| **basis == node), "{rests:?}");
    let complete = &compared.claims[3].says;
    assert!(complete.contains("not on the chain yet: 3"), "{complete}");
}

#[test]
fn failed_callbacks_and_skipped_numbers_are_used_up() {
    let mut chain = chain();
    chain.delivered[1].succeeded = false;
    chain.skipped.push(Skipped {
        number: 3,
        block: 103,
        receipt_hash: leaf_hash(3),
    });
    chain.last_delivery = 3;
    let compared = compare(&trail(), &chain, None).unwrap();
    assert_eq!(compared.deliveries[1].fate, Fate::CallbackFailed);
    assert_eq!(compared.deliveries[2].fate, Fate::Skipped);
}

#[test]
fn every_difference_has_its_name_and_its_delivery() {
    type Change = fn(&mut ChainRecord);
    let differences: [(&str, &str, Change); 11] = [
        ("other-chain", "eip155:1", |chain| {
            chain.chain = "eip155:1".to_owned()
        }),
        ("not-in-log", "delivery 4", |chain| {
            chain.delivered.push(delivered(4))
        }),
        ("other-delivery", "receipt hash of delivery 2", |chain| {
            chain.delivered[1].receipt_hash = leaf_hash(9);
        }),
        ("other-delivery", "execution hash of delivery 1", |chain| {
            chain.delivered[0].execution_hash = execution_hash(9);
        }),
        ("other-delivery", "measurement of delivery 1", |chain| {
            chain.delivered[0].measurement = Measurement::of(b"other");
        }),
        ("other-delivery", "binding version of delivery 1", |chain| {
            chain.delivered[0].binding_version = BindingVersion::from_bytes([0; 32]);
        }),
        ("other-delivery", "output hash of delivery 1", |chain| {
            chain.delivered[0].output_hash = [0; 32];
        }),
        ("doubled", "delivery 1 twice", |chain| {
            chain.delivered.push(delivered(1))
        }),
        ("other-count", "up to 3", |chain| chain.last_delivery = 3),
        ("not-on-chain", "delivery 2 (leaf 21) final", |chain| {
            chain.final_block = 100
        }),
        ("not-in-log", "delivery 7", |chain| {
            chain.skipped.push(Skipped {
                number: 7,
                block: 103,
                receipt_hash: leaf_hash(7),
            });
        }),
    ];
    for (name, says, change) in differences {
        let mut chain = chain();
        chain.final_block = 110;
        change(&mut chain);
        let settled = BTreeSet::from([2]);
        let difference = compare(&trail(), &chain, Some(&settled)).expect_err(name);
        assert_eq!(difference.name(), name, "{difference}");
        assert!(difference.to_string().contains(says), "{difference}");
    }
}

#[test]
fn a_delivery_that_only_the_host_calls_final_is_named() {
    let settled = BTreeSet::from([1, 3]);
    assert_eq!(
        compare(&trail(), &chain(), Some(&settled)),
        Err(Difference::NotOnChain {
            number: 3,
            leaf: 31,
            block: None
        })
    );
}

#[test]
fn one_run_is_held_against_what_the_chain_shows_of_it() {
    let trail = trail();
    let runs: Vec<&Run> = trail
        .invocations
        .iter()
        .filter_map(|invocation| invocation.run.as_ref())
        .collect();
    let mut chain = chain();
    let fates: Vec<Fate> = runs
        .iter()
        .flat_map(|run| compare_run(run, &chain).unwrap())
        .map(|compared| compared.fate)
        .collect();
    assert_eq!(fates, [Fate::Succeeded, Fate::Succeeded, Fate::Absent]);

    chain.delivered[0].receipt_hash = leaf_hash(9);
    let difference = compare_run(runs[0], &chain).unwrap_err();
    assert_eq!(difference.name(), "other-delivery");
    compare_run(runs[1], &chain).expect("the others are as they were");
    chain.chain = "eip155:1".to_owned();
    let difference = compare_run(runs[1], &chain).unwrap_err();
    assert_eq!(difference.name(), "other-chain");
}
