//! A log that is larger than a tile, with witnesses.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use cryptlet_attest::log::{TilePath, WitnessKey, add_cosignatures, cosign};
use cryptlet_attest::{CheckpointKey, KeyEntry, LogEntry, TrustedKey};
use cryptlet_fabric::journal::{Journal, LogOwner};
use cryptlet_fabric::publish::Publisher;
use ed25519_dalek::SigningKey;

use crate::flip;
use crate::verifiers::{Verifiers, refused, vouched};

const ORIGIN: &str = "log.example.com/grown";
const WITNESS: &str = "witness.example.com/one";

struct Owner(SigningKey);

impl LogOwner for Owner {
    fn origin(&self) -> &str {
        ORIGIN
    }

    fn key(&self) -> &dyn CheckpointKey {
        &self.0
    }
}

/// A journal whose log has `size` entries, in commits of up to 100.
async fn grown(state: &Path, secret: &SigningKey, size: usize) -> Result<Journal> {
    let journal = Journal::open(state, Arc::new(Owner(secret.clone())))?;
    let announced = LogEntry::Key(KeyEntry {
        name: "attestation".into(),
        algorithm: "ed25519".into(),
        purpose: "attestation".into(),
        public: secret.public().to_vec(),
    });
    let entries = vec![announced; size];
    for batch in entries.chunks(100) {
        let batch = batch.to_vec();
        journal
            .commit(move |writing| {
                for entry in &batch {
                    writing.append(entry)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(journal)
}

#[tokio::test]
async fn go_proves_every_entry_and_every_size_and_misses_no_altered_tile() -> Result<()> {
    let verifiers = Verifiers::find()?;
    let folder = tempfile::tempdir()?;
    let secret = SigningKey::from_bytes(&[7; 32]);
    let journal = grown(&folder.path().join("state"), &secret, 600).await?;
    let key = TrustedKey::new(ORIGIN, &secret.public())?;
    let published = folder.path().join("log");
    Publisher::new(&published, key.clone()).publish(&journal)?;
    let key = key.to_string();
    let words = [Path::new("-key"), key.as_ref(), &published];

    let said = vouched(verifiers.sumdb(words)?)?;
    assert!(
        said.contains("600 entries of log.example.com/grown"),
        "{said}"
    );

    for path in TilePath::grown(0, 600) {
        let file = &published.join(path.to_string());
        let genuine = fs::read(file)?;
        let mut altered = genuine.clone();
        flip(&mut altered);
        fs::write(file, &altered)?;
        refused(verifiers.sumdb(words)?).with_context(|| file.display().to_string())?;
        fs::write(file, &genuine[..genuine.len() - 1])?;
        refused(verifiers.sumdb(words)?).with_context(|| file.display().to_string())?;
        fs::write(file, &genuine)?;
    }
    vouched(verifiers.sumdb(words)?)?;
    Ok(())
}

#[tokio::test]
async fn go_holds_a_log_to_its_earlier_checkpoint_and_to_its_witness() -> Result<()> {
    let verifiers = Verifiers::find()?;
    let folder = tempfile::tempdir()?;
    let secret = SigningKey::from_bytes(&[7; 32]);
    let journal = grown(&folder.path().join("state"), &secret, 300).await?;
    let key = TrustedKey::new(ORIGIN, &secret.public())?;
    let published = folder.path().join("log");
    let publisher = Publisher::new(&published, key.clone());
    publisher.publish(&journal)?;
    let key = key.to_string();
    let checkpoint = published.join("checkpoint");
    let note = fs::read_to_string(&checkpoint)?;
    let witness_secret = SigningKey::from_bytes(&[8; 32]);
    let witness = WitnessKey::new(WITNESS, &witness_secret.public())?.to_string();
    let words = ["-key", &key, "-witness", &witness].map(Path::new);
    let witnessed = || verifiers.sumdb(words.into_iter().chain([published.as_path()]));

    let said = refused(witnessed()?)?;
    assert!(said.contains("has not signed the checkpoint"), "{said}");

    let line = cosign(&note, WITNESS, 1_700_000_000, &witness_secret)?;
    journal.keep_cosignature(300, WITNESS, &line).await?;
    publisher.publish(&journal)?;
    let said = vouched(witnessed()?)?;
    assert!(said.contains("1 cosignatures"), "{said}");

    let another = SigningKey::from_bytes(&[9; 32]);
    let false_line = cosign(&note, WITNESS, 1_700_000_001, &another)?;
    fs::write(&checkpoint, add_cosignatures(&note, &false_line))?;
    refused(witnessed()?)?;
    fs::write(&checkpoint, &note)?;

    let other = grown(&folder.path().join("other"), &secret, 200).await?;
    let since = folder.path().join("since");
    let earlier = other.checkpoint()?.context("it is not empty")?;
    fs::write(&since, earlier)?;
    let words = ["-key", &key, "-since"].map(Path::new);
    let held = || verifiers.sumdb(words.into_iter().chain([since.as_path(), &published]));
    vouched(held()?)?;

    let forked = SigningKey::from_bytes(&[7; 32]);
    let fork = grown(&folder.path().join("fork"), &forked, 0).await?;
    fork.commit(|writing| {
        for name in ["another", "history"] {
            writing.append(&LogEntry::Key(KeyEntry {
                name: name.into(),
                algorithm: "ed25519".into(),
                purpose: "attestation".into(),
                public: vec![0; 32],
            }))?;
        }
        Ok(())
    })
    .await?;
    fs::write(&since, fork.checkpoint()?.context("it is not empty")?)?;
    refused(held()?)?;
    Ok(())
}
