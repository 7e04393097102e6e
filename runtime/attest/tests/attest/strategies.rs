//! Any value of every encoded type.

use cryptlet_attest::bundle::{Agreement, Bundle, FieldOpening, Proven};
use cryptlet_attest::{
    Accepted, BindingChange, BindingEntry, Evidence, Execution, FieldSalt, Host, KeyEntry,
    LedgerPosition, LogEntry, Outcome, Output, Receipt, SoftwareEvidence, StateChange, Statement,
    TriggerKind, TriggerStatement, VersionChange, VersionEntry,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;

fn hash<T: From<[u8; 32]> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    any::<[u8; 32]>().prop_map(T::from)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z][a-z0-9-]{0,30}", any::<String>()]
}

/// Integers around every change of length, not only large ones.
fn integer() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(value, shift)| value >> shift)
}

fn position() -> impl Strategy<Value = LedgerPosition> {
    (
        text(),
        integer(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
        option::of(any::<u32>()),
    )
        .prop_map(
            |(chain, block, block_hash, transaction, log_index)| LedgerPosition {
                chain,
                block,
                block_hash,
                transaction,
                log_index,
            },
        )
}

fn trigger() -> impl Strategy<Value = TriggerStatement> {
    let kind = prop_oneof![
        Just(TriggerKind::Message),
        Just(TriggerKind::ContractEvent),
        Just(TriggerKind::Schedule),
        Just(TriggerKind::Receipt),
        Just(TriggerKind::Ask),
    ];
    (kind, hash(), option::of(position())).prop_map(|(kind, digest, position)| TriggerStatement {
        kind,
        digest,
        position,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Ok),
        text().prop_map(|code| Outcome::Failure { code }),
        text().prop_map(|kind| Outcome::Trap { kind }),
        (text(), integer()).prop_map(|(which, allowed)| Outcome::Limit { which, allowed }),
        text().prop_map(|which| Outcome::Interrupted { which }),
    ]
}

fn output() -> impl Strategy<Value = Output> {
    prop_oneof![
        (text(), integer(), any::<[u8; 32]>()).prop_map(|(ledger, delivery, output_hash)| {
            Output::Delivery {
                ledger,
                delivery,
                output_hash,
            }
        }),
        (text(), hash()).prop_map(|(topic, digest)| Output::Event { topic, digest }),
    ]
}

fn execution() -> impl Strategy<Value = Execution> {
    let what = (
        hash(),
        hash(),
        option::of(text()),
        any::<u32>(),
        text(),
        text(),
        hash(),
        any::<[u8; 32]>(),
    );
    let why = (
        integer(),
        trigger(),
        integer(),
        any::<[u8; 32]>(),
        hash(),
        hash(),
    );
    let came_out = (option::of(hash()), vec(output(), 0..5), hash(), hash());
    let cost = (
        btree_map("[a-z-]{1,30}", integer(), 0..12),
        hash(),
        vec(hash(), 0..4),
        integer(),
        integer(),
        integer(),
        outcome(),
    );
    (what, why, came_out, cost).prop_map(|(what, why, came_out, cost)| Execution {
        binding: what.0,
        binding_version: what.1,
        source: what.2,
        ordinal: what.3,
        cryptlet: what.4,
        version: what.5,
        measurement: what.6,
        sha256: what.7,
        invocation: why.0,
        trigger: why.1,
        instant: why.2,
        seed: why.3,
        input: why.4,
        transcript: why.5,
        reply: came_out.0,
        outputs: came_out.1,
        state_before: came_out.2,
        state_after: came_out.3,
        limits: cost.0.into(),
        operator_costs: cost.1,
        children: cost.2,
        fuel: cost.3,
        peak_memory: cost.4,
        host_calls: cost.5,
        outcome: cost.6,
    })
}

pub fn statement() -> impl Strategy<Value = Statement> {
    let host = (text(), hash(), hash(), text(), text(), option::of(hash())).prop_map(
        |(fabric_version, executable, engine_configuration, wasmtime, key, previous)| Host {
            fabric_version,
            executable,
            engine_configuration,
            wasmtime,
            key,
            previous,
        },
    );
    (execution(), host).prop_map(|(execution, host)| Statement { execution, host })
}

pub fn entry() -> impl Strategy<Value = LogEntry> {
    let accepted = (
        hash(),
        integer(),
        trigger(),
        hash(),
        integer(),
        any::<[u8; 32]>(),
        hash(),
    )
        .prop_map(
            |(binding, number, trigger, input, instant, seed, measurement)| {
                LogEntry::Accepted(Accepted {
                    binding,
                    number,
                    trigger,
                    input,
                    instant,
                    seed,
                    measurement,
                })
            },
        );
    let version_change = prop_oneof![
        Just(VersionChange::Deployed),
        Just(VersionChange::Promoted),
        Just(VersionChange::RolledBack),
        Just(VersionChange::Shadowed),
        Just(VersionChange::Canaried),
        Just(VersionChange::Withdrawn),
        Just(VersionChange::Draining),
        Just(VersionChange::Retained),
        Just(VersionChange::Retired),
    ];
    let state_change = (hash(), hash()).prop_map(|(before, after)| StateChange { before, after });
    let decision = (
        option::of(text()),
        option::of(text()),
        option::of(any::<u16>()),
        option::of(state_change),
    );
    let version = (
        text(),
        text(),
        hash(),
        option::of(hash()),
        version_change,
        decision,
    )
        .prop_map(
            |(cryptlet, version, measurement, binding, change, (by, reason, share, state))| {
                LogEntry::Version(VersionEntry {
                    cryptlet,
                    version,
                    measurement,
                    binding,
                    change,
                    by,
                    reason,
                    share,
                    state,
                })
            },
        );
    let binding_change = prop_oneof![
        Just(BindingChange::Proposed),
        Just(BindingChange::Activated),
        Just(BindingChange::Allowed),
        Just(BindingChange::Revoked)
    ];
    let binding = (hash(), hash(), binding_change, option::of(hash())).prop_map(
        |(binding, version, change, measurement)| {
            LogEntry::Binding(BindingEntry {
                binding,
                version,
                change,
                measurement,
            })
        },
    );
    let key = (text(), text(), text(), vec(any::<u8>(), 0..100)).prop_map(
        |(name, algorithm, purpose, public)| {
            LogEntry::Key(KeyEntry {
                name,
                algorithm,
                purpose,
                public,
            })
        },
    );
    prop_oneof![
        statement().prop_map(LogEntry::Receipt),
        accepted,
        version,
        binding,
        key
    ]
}

pub fn receipt() -> impl Strategy<Value = Receipt> {
    (
        vec(any::<u8>(), 0..2000),
        integer(),
        vec(any::<[u8; 32]>(), 0..=64),
        any::<String>(),
    )
        .prop_map(|(statement, index, proof, checkpoint)| Receipt {
            statement,
            index,
            proof,
            checkpoint,
        })
}

pub fn evidence() -> impl Strategy<Value = Evidence> {
    (
        any::<[u8; 32]>(),
        hash(),
        hash(),
        any::<[u8; 32]>(),
        any::<[u8; 32]>(),
    )
        .prop_map(|(key, executable, engine_configuration, left, right)| {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&left);
            signature[32..].copy_from_slice(&right);
            Evidence::Software(SoftwareEvidence {
                key,
                executable,
                engine_configuration,
                signature,
            })
        })
}

fn proven() -> impl Strategy<Value = Proven> {
    (
        integer(),
        vec(any::<u8>(), 0..300),
        vec(any::<[u8; 32]>(), 0..=64),
    )
        .prop_map(|(index, entry, proof)| Proven {
            index,
            entry,
            proof,
        })
}

fn agreement() -> impl Strategy<Value = Agreement> {
    (
        vec(any::<u8>(), 0..300),
        btree_set((any::<[u8; 20]>(), vec(any::<u8>(), 0..70)), 0..4),
    )
        .prop_map(|(document, approvals)| Agreement {
            document,
            approvals: approvals.into_iter().collect(),
        })
}

pub fn bundle() -> impl Strategy<Value = Bundle> {
    let shown = btree_map(
        (any::<u32>(), text()),
        (any::<[u8; 32]>(), vec(any::<u8>(), 0..300)),
        0..5,
    );
    let entries = (
        proven(),
        vec(proven(), 0..3),
        btree_map(integer(), proven(), 0..3),
    );
    let attached = (
        btree_set(vec(any::<u8>(), 0..100), 0..3),
        shown,
        btree_set(vec(any::<u8>(), 0..300), 0..3),
        option::of(agreement()),
        option::of((text(), vec(any::<[u8; 32]>(), 0..=64))),
    );
    (text(), entries, attached).prop_map(
        |(
            checkpoint,
            (run, sources, context),
            (evidence, shown, modules, agreement, consistency),
        )| Bundle {
            checkpoint,
            run,
            sources,
            context: context
                .into_iter()
                .map(|(index, entry)| Proven { index, ..entry })
                .collect(),
            evidence: evidence.into_iter().collect(),
            openings: shown
                .into_iter()
                .map(|((ordinal, field), (salt, value))| FieldOpening {
                    ordinal,
                    field,
                    salt: FieldSalt::from_bytes(salt),
                    value,
                })
                .collect(),
            modules: modules.into_iter().collect(),
            agreement,
            consistency,
        },
    )
}
