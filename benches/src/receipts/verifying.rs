//! Verifying receipts under one checkpoint, against verifying a signature on each.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, anyhow};
use cryptlet_attest::log::{self as attest_log, MemoryHashes};
use cryptlet_attest::{LeafHash, TrustedKey, Verifier};
use ed25519_dalek::Signer as _;

use super::statement::Run;
use super::{Sizes, log};
use crate::contest::{Case, Contest};

/// Neither reads what the receipts state: that costs the same, however they are signed.
pub fn hold(sizes: &Sizes) -> Result<Case> {
    let key = log::key();
    let mut hashes = MemoryHashes::default();
    let mut entries = Vec::new();
    for number in 0..sizes.batch as u64 {
        let entry = Run::new(number).seal(None).to_bytes();
        hashes.append(&LeafHash::of(&entry))?;
        entries.push(entry);
    }
    let size = entries.len() as u64;
    let root = attest_log::root(size, &hashes)?;
    let checkpoint = attest_log::sign_checkpoint(log::ORIGIN, size, &root, &key)?;
    let trust = [TrustedKey::new(
        log::ORIGIN,
        key.verifying_key().as_bytes(),
    )?];
    let receipts = (0..).zip(&entries).map(|(index, entry)| {
        let proof = attest_log::prove(index, size, &hashes)?;
        let proof: Vec<[u8; 32]> = proof.into_iter().map(|hash| hash.0).collect();
        Ok((index, entry, proof))
    });
    let receipts: Vec<_> = receipts.collect::<Result<_>>()?;
    let signed: Vec<_> = entries
        .iter()
        .map(|entry| (entry, key.sign(entry)))
        .collect();

    let ours = || {
        let begin = Instant::now();
        let mut verifier = Verifier::new(black_box(&checkpoint), &trust)
            .map_err(|doubt| anyhow!("the checkpoint does not verify: {doubt}"))?;
        for (index, entry, proof) in &receipts {
            verifier
                .include(*index, &LeafHash::of(black_box(entry)), proof)
                .map_err(|doubt| anyhow!("receipt {index} does not verify: {doubt}"))?;
        }
        Ok(begin.elapsed())
    };
    let public = key.verifying_key();
    let theirs = || {
        let begin = Instant::now();
        for (entry, signature) in &signed {
            public.verify_strict(black_box(entry), signature)?;
        }
        Ok(begin.elapsed())
    };
    Contest {
        case: "verify 256 receipts under one checkpoint",
        rival_name: "one Ed25519 verify_strict (ed25519-dalek) each",
        unit: "receipts/s",
        bar: 10.0,
        amount: sizes.batch,
        rounds: sizes.rounds,
    }
    .hold(ours, theirs)
}
