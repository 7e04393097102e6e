//! Verifying receipts under one checkpoint, against verifying a signature on each.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, anyhow};
use cryptlet_attest::log::{self as attest_log, MemoryHashes};
use cryptlet_attest::{LeafHash, LogEntry, Receipt, TrustedKey, Verifier};
use ed25519_dalek::Signer as _;

use super::statement::Run;
use super::{Sizes, log};
use crate::contest::{Case, Contest};

/// Both read what the receipts state.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let key = log::key();
    let name = TrustedKey::new(log::ORIGIN, key.verifying_key().as_bytes())?;
    let mut hashes = MemoryHashes::default();
    let mut entries = Vec::new();
    for number in 0..sizes.batch as u64 {
        let entry = Run::new(number).seal(None, &name.identity()).to_bytes();
        hashes.append(&LeafHash::of(&entry))?;
        entries.push(entry);
    }
    let size = entries.len() as u64;
    let root = attest_log::root(size, &hashes)?;
    let checkpoint = attest_log::sign_checkpoint(log::ORIGIN, size, &root, &key)?;
    let signed: Vec<_> = entries
        .iter()
        .map(|entry| (entry.clone(), key.sign(entry)))
        .collect();
    let receipts = (0..).zip(entries).map(|(index, statement)| {
        let proof = attest_log::prove(index, size, &hashes)?;
        Ok(Receipt {
            statement,
            index,
            proof: proof.into_iter().map(|hash| hash.0).collect(),
            checkpoint: checkpoint.clone(),
        })
    });
    let receipts: Vec<Receipt> = receipts.collect::<Result<_>>()?;
    let trust = [name];

    let ours = || {
        let begin = Instant::now();
        let mut verifier = Verifier::new(black_box(&checkpoint), &trust)
            .map_err(|doubt| anyhow!("the checkpoint does not verify: {doubt}"))?;
        for receipt in &receipts {
            verifier
                .verify(black_box(receipt), None)
                .map_err(|doubt| anyhow!("receipt {} does not verify: {doubt}", receipt.index))?;
        }
        Ok(begin.elapsed())
    };
    let public = key.verifying_key();
    let theirs = || {
        let begin = Instant::now();
        for (entry, signature) in &signed {
            public.verify_strict(black_box(entry), signature)?;
            black_box(LogEntry::from_bytes(entry))?;
        }
        Ok(begin.elapsed())
    };
    Contest {
        case: "verify 256 receipts under one checkpoint",
        rival_name: "one Ed25519 verify_strict (ed25519-dalek) each, and reading it",
        unit: "receipts/s",
        bar: 10.0,
        amount: sizes.batch,
        rounds: sizes.rounds,
    }
    .hold(ours, theirs)
}
