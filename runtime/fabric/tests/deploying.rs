//! What a fabric takes as a version of a cryptlet, beside those that it has.

#[path = "../../container/tests/container/guests.rs"]
#[allow(dead_code)]
mod guests;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use cryptlet_fabric::{Configuration, Fabric, FabricError, Seams, Warmed};
use cryptlet_vault::{Algorithm, Cost, Passphrase, Purpose, Vault};

type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

const CONFIGURATION: &str = r#"
[fabric]
origin = "fabric.example/log"
attestation-key = "attestation"
"#;

/// A fabric without ledgers.
async fn fabric(home: &Path) -> TestResult<Fabric> {
    let state = home.join("state");
    DirBuilder::new().mode(0o700).create(&state)?;
    let vault = Vault::open(state.join("keys"))?;
    vault.create(
        &"attestation".parse()?,
        Algorithm::Ed25519,
        Purpose::Attestation,
        &Passphrase::new("correct horse")?,
        Cost::Light,
    )?;
    open(&state).await
}

async fn open(state: &Path) -> TestResult<Fabric> {
    let vault = Vault::open(state.join("keys"))?;
    vault.unlock_all(&Passphrase::new("correct horse")?)?;
    let configuration = Configuration::parse("fabric.toml", CONFIGURATION)?;
    let delegate = vault.delegate();
    Ok(Fabric::open(state, &configuration, delegate, Seams::live()?).await?)
}

/// A version of a cryptlet that asks for these capabilities and publishes these topics.
fn version(number: &str, capabilities: &[&str], topics: &[&str]) -> Vec<u8> {
    let asked: String = capabilities
        .iter()
        .map(|name| format!("{name} = true\n"))
        .collect();
    let rest = format!("[capabilities]\nevents = true\n{asked}[messages]\ntopics = {topics:?}\n");
    let manifest = guests::manifest("contract", &rest).replace("1.0.0", number);
    guests::component(&manifest, &guests::handling("(call $ok @‹null›)"))
}

#[tokio::test]
async fn a_version_that_changes_more_than_its_number_says_is_refused_and_leaves_nothing()
-> TestResult {
    let home = tempfile::tempdir()?;
    let fabric = fabric(home.path()).await?;
    fabric.deploy(version("1.0.0", &[], &["Netted()"])).await?;
    fabric
        .deploy(version("1.2.0", &["log"], &["Netted()", "Failed()"]))
        .await?;
    let (size, versions) = (fabric.journal().log_size()?, fabric.journal().versions()?);

    for (number, capabilities, topics, sentence) in [
        (
            "1.0.1",
            vec!["log"],
            vec!["Netted()"],
            "guest 1.0.1 is a patch version after 1.0.0, and changes more than that: capabilities \
             gains log (takes a minor version); call it 1.1.0 or later, or take the changes back",
        ),
        (
            "1.3.0",
            vec!["log"],
            vec!["Netted(uint32 period)", "Failed()"],
            "guest 1.3.0 is a minor version after 1.2.0, and changes more than that: \
             messages.topics changes from Netted() to Netted(uint32 period) (takes a major \
             version); call it 2.0.0 or later, or take the changes back",
        ),
        (
            "1.1.0",
            vec!["state"],
            vec!["Netted()", "Begun()"],
            "guest 1.2.0 is a minor version after 1.1.0, and changes more than that: \
             messages.topics loses Begun() (takes a major version), state.version loses 1 (takes a \
             major version); 1.2.0 is deployed and stays as it is: build 1.1.0 so that it fits, or \
             give it a number after that",
        ),
    ] {
        let refused = fabric.deploy(version(number, &capabilities, &topics)).await;
        let refusal = refused.expect_err("it changes too much");
        assert!(matches!(refusal, FabricError::Breach { .. }), "{refusal}");
        assert_eq!(refusal.to_string(), sentence);
    }
    assert_eq!(fabric.journal().log_size()?, size);
    assert_eq!(fabric.journal().versions()?, versions);

    for (number, capabilities, topics) in [
        ("1.0.1", vec![], vec!["Netted()"]),
        ("1.1.0", vec!["log"], vec!["Netted()", "Failed()"]),
        ("2.0.0", vec!["state"], vec!["Begun()"]),
    ] {
        fabric
            .deploy(version(number, &capabilities, &topics))
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn of_two_that_do_not_fit_each_other_one_is_taken() -> TestResult {
    let home = tempfile::tempdir()?;
    let fabric = fabric(home.path()).await?;
    let (one, other) = tokio::join!(
        fabric.deploy(version("1.0.1", &[], &["Netted()"])),
        fabric.deploy(version("1.0.2", &[], &["Begun()"])),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(fabric.journal().versions()?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_next_start_takes_the_code_that_this_one_compiled() -> TestResult {
    let home = tempfile::tempdir()?;
    let first = fabric(home.path()).await?;
    for number in ["1.0.0", "1.0.1", "1.0.2"] {
        first.deploy(version(number, &[], &["Netted()"])).await?;
    }
    let taken = first.compiled_bytes();
    assert!(taken > 0);
    drop(first);

    let state = home.path().join("state");
    let warmed = open(&state).await?.warm().await?;
    let cached = Warmed {
        compiled: 0,
        cached: 3,
    };
    assert_eq!(warmed, cached);

    std::fs::remove_dir_all(state.join("compiled"))?;
    let third = open(&state).await?;
    let compiled = Warmed {
        compiled: 3,
        cached: 0,
    };
    assert_eq!(third.warm().await?, compiled);
    assert_eq!(third.compiled_bytes(), taken);
    Ok(())
}
