//! What a fabric writes, judged by verifiers that share no code with it: `tests/interop`, in Python
//! from the specification, and in Go with the packages behind its checksum database.

mod bundles;
mod grown;
mod verifiers;

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::log::TlogProof;
use cryptlet_attest::{LogExport, Receipt};
use cryptlet_fabric::journal::Journal;
use cryptlet_fabric::publish::Publisher;
use cryptlet_fabric::{Fabric, Seams};
use end_to_end::{Components, World};

use verifiers::{Verifiers, refused, vouched};

/// Somebody else's key.
const STRANGER: &str =
    "log.example.com/fabric+5a1ab07b+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

async fn settled(state: &Path) -> Result<(World, Fabric)> {
    let world = World::new(state, Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    settle(&world, &fabric, 1).await?;
    Ok((world, fabric))
}

async fn settle(world: &World, fabric: &Fabric, quarter: usize) -> Result<()> {
    world.end_period(quarter).await?;
    let waiting = world.settle(fabric).await?;
    ensure!(waiting.is_empty(), "{waiting:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn python_vouches_for_receipts_and_names_what_was_altered() -> Result<()> {
    let verifiers = Verifiers::find()?;
    let folder = tempfile::tempdir()?;
    let (_world, fabric) = settled(&folder.path().join("state")).await?;
    let key = fabric.trusted_key().to_string();
    let trust = ["--trust", key.as_str()];
    let file = folder.path().join("run.receipt");

    let executions = fabric.journal().executions()?;
    assert_eq!(executions.len(), 2, "the swap and its source");
    for execution in &executions {
        let receipt = fabric.journal().receipt(execution)?;
        fs::write(&file, receipt.to_bytes())?;
        let verdict = verifiers.verdict(&file, &trust)?;
        assert_eq!(verdict["verified"], true, "{verdict}");
        assert_eq!(
            verdict["leaf_hash"],
            hexadecimal(receipt.leaf_hash().as_bytes())
        );
    }

    let genuine = fabric.journal().receipt(&executions[0])?;
    let altered = |alter: fn(&mut Receipt)| {
        let mut receipt = genuine.clone();
        alter(&mut receipt);
        receipt.to_bytes()
    };
    let whole = genuine.to_bytes();
    for (bytes, name) in [
        (altered(|it| it.index += 1), "not-in-log"),
        (altered(|it| it.proof.push([0; 32])), "not-in-log"),
        (altered(|it| flip(&mut it.statement)), "not-in-log"),
        (altered(another_size), "bad-signature"),
        (
            altered(|it| it.checkpoint.push('x')),
            "malformed-checkpoint",
        ),
        (whole[..whole.len() - 1].to_vec(), "truncated"),
        ([&whole[..], &[0]].concat(), "malformed"),
    ] {
        fs::write(&file, bytes)?;
        assert_eq!(verifiers.doubt(&file, &trust)?, name);
    }
    fs::write(&file, &whole)?;
    assert_eq!(
        verifiers.doubt(&file, &["--trust", STRANGER])?,
        "unknown-signer"
    );
    let expected = [trust[0], trust[1], "--measurement", &"00".repeat(32)];
    assert_eq!(verifiers.doubt(&file, &expected)?, "other-measurement");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn python_and_go_vouch_for_the_log_that_a_fabric_wrote() -> Result<()> {
    let verifiers = Verifiers::find()?;
    let folder = tempfile::tempdir()?;
    let (_world, fabric) = settled(&folder.path().join("state")).await?;
    let key = fabric.trusted_key().to_string();
    let journal = fabric.journal();

    let exported = folder.path().join("host.log.cbor");
    fs::write(&exported, export(journal)?)?;
    let verdict = verifiers.verdict(&exported, &["--trust", &key])?;
    assert_eq!(verdict["size"], journal.log_size()?);

    let published = folder.path().join("log");
    Publisher::new(&published, fabric.trusted_key().clone()).publish(journal)?;
    let words = [Path::new("-key"), key.as_ref(), &published];
    let said = vouched(verifiers.sumdb(words)?)?;
    assert!(
        said.starts_with(&format!("{} entries of", journal.log_size()?)),
        "{said}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn scitt_and_go_vouch_for_each_entry_by_itself() -> Result<()> {
    let verifiers = Verifiers::find()?;
    let folder = tempfile::tempdir()?;
    let (_world, fabric) = settled(&folder.path().join("state")).await?;
    let key = fabric.trusted_key().to_string();
    let journal = fabric.journal();
    let at = |name: &str| folder.path().join(name);
    let (entry, cose, proof) = (at("entry.cbor"), at("entry.cose"), at("entry.tlog-proof"));
    let scitt = || {
        let words = ["--trust", &key, "--entry"].map(Path::new);
        verifiers.scitt(words.into_iter().chain([entry.as_path(), &cose]))
    };
    let go = || {
        let words = ["-key", &key, "-proof"].map(Path::new);
        verifiers.sumdb(words.into_iter().chain([proof.as_path(), &entry]))
    };

    let leaves = journal.leaves(0, u32::MAX)?;
    for leaf in &leaves {
        fs::write(&entry, &leaf.entry)?;
        let index = leaf.position;
        fs::write(&cose, journal.cose_receipt(index)?.context("it is there")?)?;
        vouched(scitt()?)?;
        let (checkpoint, path) = journal.proof(index)?.context("it is there")?;
        let in_file = TlogProof {
            index,
            proof: path,
            checkpoint: checkpoint.note,
        };
        fs::write(&proof, in_file.to_text())?;
        vouched(go()?)?;
    }

    fs::write(&entry, &leaves[0].entry)?;
    let said = refused(scitt()?)?;
    assert!(said.contains("signature did not verify"), "{said}");
    refused(go()?)?;
    Ok(())
}

fn export(journal: &Journal) -> Result<Vec<u8>> {
    let mut bytes = LogExport::header();
    for leaf in journal.leaves(0, u32::MAX)? {
        bytes.extend(LogExport::leaf(&leaf.entry));
    }
    let checkpoint = journal.checkpoint()?.context("the log is not empty")?;
    bytes.extend(LogExport::end(&checkpoint));
    Ok(bytes)
}

fn flip(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}

/// The checkpoint's second line is the number of entries.
fn another_size(receipt: &mut Receipt) {
    let mut lines: Vec<&str> = receipt.checkpoint.split('\n').collect();
    lines[1] = "1000";
    receipt.checkpoint = lines.join("\n");
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
