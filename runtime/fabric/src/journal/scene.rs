//! A journal with one binding, for tests that run no cryptlet.

use std::path::Path;
use std::sync::Arc;

use cryptlet_attest::{
    BindingId, CheckpointKey, Digest, KeyEntry, LeafHash, LogEntry, Measurement, VersionChange,
    VersionEntry,
};
use cryptlet_container::Trigger;
use ed25519_dalek::SigningKey;
use semver::Version;

use super::{
    AttemptRow, DeliveryRow, DeliveryStatus, Journal, JournalError, LogOwner, NewExecution,
    NewInvocation, Queued, VersionRow,
};
use crate::accept::Accepting;
use crate::binding::Binding;

const BINDING: &str = include_str!("../../tests/documents/binding.toml");

pub(crate) struct Owner(pub(crate) SigningKey);

impl LogOwner for Owner {
    fn origin(&self) -> &str {
        "fabric.example/log"
    }

    fn key(&self) -> &dyn CheckpointKey {
        &self.0
    }
}

pub(crate) fn owner(seed: u8) -> Arc<dyn LogOwner> {
    Arc::new(Owner(SigningKey::from_bytes(&[seed; 32])))
}

pub(crate) fn version(name: &str, component: &[u8]) -> VersionRow {
    VersionRow {
        cryptlet: name.into(),
        version: Version::new(1, 0, 0),
        measurement: Measurement::of(component),
        deployed_at: 1,
    }
}

pub(crate) async fn deploy(
    journal: &Journal,
    name: &str,
    component: &[u8],
) -> Result<(), JournalError> {
    let (row, component) = (version(name, component), component.to_vec());
    journal
        .commit(move |writing| writing.deploy(&row, &component, None).map(|_| ()))
        .await
}

/// A journal whose first leaf names its key, as a fabric's does.
pub(crate) async fn begun(state: &Path) -> Result<Journal, JournalError> {
    let journal = Journal::open(state, owner(1))?;
    let key = LogEntry::Key(KeyEntry {
        name: "fabric.example/log".into(),
        algorithm: "ed25519".into(),
        purpose: "attestation".into(),
        public: CheckpointKey::public(&SigningKey::from_bytes(&[1; 32])).to_vec(),
    });
    journal
        .commit(move |writing| writing.append(&key).map(drop))
        .await?;
    Ok(journal)
}

/// Adds `count` leaves in one commit.
pub(crate) async fn grow(journal: &Journal, count: u64) -> Result<(), JournalError> {
    journal
        .commit(move |writing| {
            for _ in 0..count {
                let entry = LogEntry::Version(VersionEntry {
                    cryptlet: format!("cryptlet-{}", writing.log.size()),
                    version: "1.0.0".into(),
                    measurement: Measurement::of(b"swap"),
                    binding: None,
                    change: VersionChange::Deployed,
                    by: None,
                    reason: None,
                    share: None,
                    state: None,
                });
                writing.append(&entry)?;
            }
            Ok(())
        })
        .await
}

/// The binding of the documents' tests.
pub(crate) fn document() -> Binding {
    Binding::parse("binding.toml", BINDING).expect("the document is one")
}

/// A journal in which the binding of the documents' tests is active.
pub(crate) async fn bound(state: &Path) -> Result<(Journal, BindingId), JournalError> {
    let journal = begun(state).await?;
    deploy(&journal, "interest-rate-swap", b"swap").await?;
    let binding = document();
    let id = binding.id();
    journal
        .commit(move |writing| {
            writing
                .activate(&binding, &[], &Version::new(1, 0, 0), 1)
                .map(drop)
        })
        .await?;
    Ok((journal, id))
}

/// A caller's message on its way into the journal.
pub(crate) fn message(binding: BindingId, key: &str, body: &str) -> Accepting {
    let trigger = Trigger::Message {
        sender: "caller".into(),
        topic: "remind".into(),
        body: body.as_bytes().to_vec(),
    };
    Accepting::new(new(binding, key), trigger).expect("a message can be stated")
}

/// What is fixed of an invocation by this key.
pub(crate) fn new(binding: BindingId, key: &str) -> NewInvocation {
    NewInvocation {
        binding,
        binding_version: document().version(),
        paused_by: None,
        occurrence: format!("message/6/caller/{key}"),
        again: None,
        instant: 1_000,
        seed: [1; 32],
        salt: [2; 32],
    }
}

/// Accepts a message and gives its number.
pub(crate) async fn accept(
    journal: &Journal,
    binding: BindingId,
    key: &str,
) -> Result<u64, JournalError> {
    let accepting = message(binding, key, "{}");
    let accepted = journal
        .commit(move |writing| accepting.write(writing))
        .await?;
    Ok(accepted.number)
}

/// Records that an invocation ran, asked one source, published `events` and made one delivery.
pub(crate) async fn execute(
    journal: &Journal,
    binding: BindingId,
    number: u64,
    events: &[&str],
) -> Result<(), JournalError> {
    let events: Vec<_> = events
        .iter()
        .map(|body| ("settled".to_owned(), body.as_bytes().to_vec()))
        .collect();
    journal
        .commit(move |writing| {
            let is_again: Option<bool> = writing.one(
                "SELECT rank = 0 FROM queued WHERE binding = ?1 AND number = ?2",
                rusqlite::params![binding.as_bytes(), number.cast_signed()],
                |row| row.get(0),
            )?;
            let queued = Queued {
                number,
                is_again: is_again.unwrap_or_default(),
            };
            writing.mark_executed(&binding, &[queued])?;
            for ordinal in [1, 0] {
                let leaf = writing.append(&LogEntry::Version(VersionEntry {
                    cryptlet: format!("stands-for-a-receipt-{number}-{ordinal}"),
                    version: "1.0.0".into(),
                    measurement: Measurement::of(b"swap"),
                    binding: Some(binding),
                    change: VersionChange::Promoted,
                    by: None,
                    reason: None,
                    share: None,
                    state: None,
                }))?;
                let events = if ordinal == 0 {
                    events.clone()
                } else {
                    Vec::new()
                };
                writing.record_execution(&binding, number, leaf, &ran(ordinal, events))?;
            }
            let before = writing.stand(&binding)?.standing;
            let delivery = before.next_delivery;
            let after = crate::journal::Standing {
                next_delivery: delivery + 1,
                ..before
            };
            writing.go_on_to(&binding, &after, 1)?;
            writing.record_delivery(&sealed(binding, number, delivery))
        })
        .await
}

impl super::Writing<'_> {
    /// Replaces what was accepted by what is no invocation.
    pub(crate) fn tamper_with_input(
        &self,
        binding: &BindingId,
        number: u64,
    ) -> Result<(), JournalError> {
        self.execute(
            "UPDATE invocation SET input = x'00' WHERE binding = ?1 AND number = ?2",
            rusqlite::params![binding.as_bytes(), number.cast_signed()],
        )?;
        Ok(())
    }
}

fn ran(ordinal: u32, events: Vec<(String, Vec<u8>)>) -> NewExecution {
    NewExecution {
        ordinal,
        cryptlet: "interest-rate-swap".into(),
        version: "1.0.0".into(),
        input: b"input".to_vec(),
        transcript: b"transcript".to_vec(),
        reply: Some(br#"{"amount":"1"}"#.to_vec()),
        outcome: "ok".into(),
        explanation: None,
        fuel: 7,
        peak_memory: 8,
        host_calls: 9,
        events,
    }
}

fn sealed(binding: BindingId, number: u64, delivery: u64) -> DeliveryRow {
    DeliveryRow {
        binding,
        ledger: "anvil".into(),
        delivery,
        number,
        submission: delivery,
        action: "settle".into(),
        call: b"call".to_vec(),
        binding_version: cryptlet_attest::BindingVersion::from_bytes([3; 32]),
        measurement: Measurement::of(b"swap"),
        execution_hash: Digest::from_bytes([4; 32]),
        receipt_hash: LeafHash::from_bytes([5; 32]),
        status: DeliveryStatus::Sealed,
        given_up: false,
        refusal: None,
        block: None,
        block_hash: None,
        gas_used: None,
    }
}

/// A signed transaction with this nonce; its bytes are nothing in particular.
pub(crate) fn attempt(nonce: u64) -> AttemptRow {
    let mut hash = [6; 32];
    hash[..8].copy_from_slice(&nonce.to_be_bytes());
    AttemptRow {
        hash,
        account: "account".into(),
        nonce,
        raw: b"raw".to_vec(),
        valid_until: 1,
    }
}
