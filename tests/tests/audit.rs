//! What an auditor finds out about a log that a real fabric wrote and a chain that took its
//! deliveries, with the command as auditors have it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use cryptlet_contracts::CryptoDelegate;
use cryptlet_fabric::Seams;
use end_to_end::swap::BINDING;
use end_to_end::{Components, World};
use rusqlite::Connection;
use serde_json::Value;

/// What the command said, and how it ended.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    output: String,
    errors: String,
}

/// Where cargo put `cryptlet`, which belongs to another package.
fn cryptlet() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .ancestors()
        .nth(2)
        .context("a test lies in target/<profile>/deps")?;
    let command = folder.join("cryptlet");
    ensure!(
        command.is_file(),
        "{} is missing; run `cargo build --bin cryptlet`, which `cargo test --workspace` does, too",
        command.display()
    );
    Ok(command)
}

fn run(words: &str, options: &[&str]) -> Result<Ended> {
    let ended = Command::new(cryptlet()?)
        .args(words.split(' '))
        .args(options)
        .output()?;
    Ok(Ended {
        status: ended.status.code(),
        output: String::from_utf8(ended.stdout)?,
        errors: String::from_utf8(ended.stderr)?,
    })
}

fn done(words: &str, options: &[&str]) -> Result<String> {
    let ended = run(words, options)?;
    ensure!(ended.status == Some(0), "{words} {options:?}: {ended:?}");
    Ok(ended.output)
}

/// The sentence of a command whose check failed.
fn refused(words: &str, options: &[&str]) -> Result<String> {
    let ended = run(words, options)?;
    ensure!(ended.status == Some(1), "{words} {options:?}: {ended:?}");
    ensure!(ended.errors.lines().count() == 1, "{}", ended.errors);
    Ok(ended.errors)
}

/// A world in which some quarters are settled, and the key of its log.
async fn settled(folder: &Path, quarters: usize) -> Result<(World, String)> {
    let world = World::new(folder, Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    for quarter in 1..=quarters {
        settle(&world, &fabric, quarter).await?;
    }
    let key = fabric.trusted_key().to_string();
    Ok((world, key))
}

async fn settle(world: &World, fabric: &cryptlet_fabric::Fabric, quarter: usize) -> Result<()> {
    world.end_period(quarter).await?;
    let waiting = world.settle(fabric).await?;
    ensure!(waiting.is_empty(), "{waiting:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn log_and_chain_tell_one_story_and_each_difference_has_a_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let (world, key) = settled(&state, 1).await?;
    let document = folder.path().join("swap.toml");
    std::fs::write(&document, world.binding.to_toml())?;
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let (state, document) = (path(&state), path(&document));
    let early = path(&folder.path().join("early.log.cbor"));
    done("receipt export --log", &[&early, "--state", &state])?;

    let fabric = world.open(Seams::live()?).await?;
    settle(&world, &fabric, 2).await?;
    drop(fabric);
    let late = path(&folder.path().join("late.log.cbor"));
    done("receipt export --log", &[&late, "--state", &state])?;
    let id = world.binding.id().to_string();

    let said = done(
        "audit trail",
        &[BINDING, "--state", &state, "--trust", &key],
    )?;
    assert!(said.contains("invocations 1 to 2 are numbered"), "{said}");
    assert!(
        said.contains("deliveries are numbered without gaps: 1 to 2"),
        "{said}"
    );
    let said = done(
        "audit trail",
        &[
            &id,
            "--from",
            &late,
            "--document",
            &document,
            "--trust",
            &key,
            "--json",
        ],
    )?;
    let said: Value = serde_json::from_str(&said)?;
    assert_eq!(said["holds"], true);
    assert_eq!(said["invocations"][1]["run"]["deliveries"][0], 2);

    let url = world.node.url().to_string();
    let node = ["--rpc", &url, "--trust", &key, "--finality", "depth:2"];
    let with = |options: &[&str]| -> Vec<String> {
        let all = options.iter().chain(&node);
        all.map(|option| (*option).to_owned()).collect()
    };
    let compare = |options: &[&str]| {
        let options = with(options);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        run("audit compare", &options)
    };
    let agreed = compare(&[BINDING, "--state", &state])?;
    assert_eq!(agreed.status, Some(0), "{agreed:?}");
    for part in [
        "log and chain agree",
        "2 deliveries are on the chain",
        "every delivery that the host calls final is in a final block",
        &format!("the word of the node at {}", url.trim_end_matches('/')),
    ] {
        assert!(agreed.output.contains(part), "{part} in {}", agreed.output);
    }
    let agreed = compare(&[&id, "--from", &late, "--document", &document])?;
    assert_eq!(agreed.status, Some(0), "{agreed:?}");

    let gateway = world.contracts.gateway.address().to_string();
    let fewer = compare(&[&id, "--from", &early, "--gateway", &gateway])?;
    assert!(
        fewer
            .errors
            .contains("(not-in-log): delivery 2 is on the chain"),
        "{fewer:?}"
    );

    let registry = *world.contracts.registry.address();
    let another = CryptoDelegate::deploy(world.chain.clone(), registry).await?;
    let another = another.address().to_string();
    let elsewhere = compare(&[&id, "--from", &late, "--gateway", &another])?;
    assert!(
        elsewhere.errors.contains("(unknown-binding)"),
        "{elsewhere:?}"
    );
    let elsewhere = compare(&[BINDING, "--state", &state, "--gateway", &another])?;
    assert!(
        elsewhere.errors.contains("the binding's document names"),
        "{elsewhere:?}"
    );

    let bundle = path(&folder.path().join("run.bundle"));
    let export = [&bundle, "--state", &state, "--replayable"];
    done("audit export 7 --output", &export)?;
    let misread = run("audit receipt", &[&bundle, "--trust", &key])?;
    assert_eq!(misread.status, Some(2), "{misread:?}");
    assert!(
        misread.errors.contains("`cryptlet audit verify"),
        "{misread:?}"
    );
    let verified = done("audit verify", &[&[&bundle[..]][..], &node].concat())?;
    for part in [
        "has delivery 1 with this receipt hash in block",
        "(succeeded, final)",
        "The document is signed by",
        "no hardware vouches",
    ] {
        assert!(verified.contains(part), "{part} in {verified}");
    }
    let elsewhere = [&[&bundle[..], "--gateway", &another][..], &node].concat();
    let sentence = refused("audit verify", &elsewhere)?;
    assert!(sentence.contains("(other-on-chain)"), "{sentence}");

    // What the host calls final after 2 blocks is not so by a stricter rule.
    let strict = ["--rpc", &url, "--trust", &key, "--finality", "depth:1000"];
    let early = [&[BINDING, "--state", &state][..], &strict].concat();
    let sentence = refused("audit compare", &early)?;
    assert!(sentence.contains("(not-on-chain)"), "{sentence}");

    let nobody = ["--rpc", "http://127.0.0.1:1", "--trust", &key];
    let missing = [&[BINDING, "--state", &state][..], &nobody].concat();
    let sentence = refused("audit compare", &missing)?;
    assert!(
        sentence.contains("no node answers at http://127.0.0.1:1"),
        "{sentence}"
    );
    Ok(())
}

fn claim<'a>(verdict: &'a Value, name: &str) -> Result<&'a Value> {
    let claims = verdict["claims"].as_array().context("claims are a list")?;
    let found = claims.iter().find(|claim| claim["name"] == name);
    found.context("there is such a claim")
}

/// What the auditor did not ask for, or did not bring along, adds nothing to a verdict.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_and_a_checkpoint_count_for_what_the_auditor_asked_of_them() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let (world, key) = settled(&state, 1).await?;
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let file = |name: &str| path(&folder.path().join(name));
    let (kept, bundle) = (file("kept.checkpoint"), file("run.bundle"));
    let state = path(&state);
    let keep = [
        "--state",
        &state,
        "--trust",
        &key,
        "--keep-checkpoint",
        &kept,
    ];
    done(&format!("audit trail {BINDING}"), &keep)?;

    world.rates.close();
    let fabric = world.open(Seams::live()?).await?;
    world.end_period(2).await?;
    world.settle(&fabric).await?;
    drop(fabric);
    let runs: Value = serde_json::from_str(&done("receipt ls --json", &["--state", &state])?)?;
    let runs = runs.as_array().context("receipts are a list")?;
    let failed = runs.last().context("it ran")?;
    ensure!(failed["outcome"] != "ok", "{failed}");
    let leaf = failed["leaf"].to_string();
    let export = [
        &leaf[..],
        "--output",
        &bundle,
        "--state",
        &state,
        "--since",
        &kept,
    ];
    done("audit export", &export)?;

    let url = world.node.url().to_string();
    let gateway = world.contracts.gateway.address().to_string();
    let asking = [
        &bundle[..],
        "--trust",
        &key,
        "--json",
        "--rpc",
        &url,
        "--gateway",
        &gateway,
        "--finality",
        "depth:2",
    ];
    let verdict: Value = serde_json::from_str(&done("audit verify", &asking)?)?;
    assert_eq!(
        verdict["run"]["position"]["chain"],
        world.binding.contract.chain.to_string()
    );
    assert!(verdict["run"]["position"]["block"].is_u64(), "{verdict:#}");
    let chain = claim(&verdict, "chain")?;
    assert_eq!(chain["rests-on"]["basis"], "host", "{chain:#}");
    assert_eq!(chain["standing"], "hosts-word", "{chain:#}");
    let says = chain["says"].as_str().context("a claim says something")?;
    assert!(says.contains("was asked and has nothing to show"), "{says}");
    let unproven = "that everybody is shown the same log is not proven";
    assert!(verdict.get("extends").is_none(), "{verdict:#}");
    assert!(
        verdict["claims"].to_string().contains(unproven),
        "{verdict:#}"
    );

    let brought = [&asking[..], &["--since", &kept]].concat();
    let verdict: Value = serde_json::from_str(&done("audit verify", &brought)?)?;
    assert!(verdict["extends"]["size"].is_u64(), "{verdict:#}");
    assert!(
        !verdict["claims"].to_string().contains(unproven),
        "{verdict:#}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tampering_with_a_real_journal_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let (_world, key) = settled(&state, 2).await?;
    // The log: key, two deployments, activation, delivery key, then each quarter's acceptance,
    // source and run.
    let tamperings = [
        (
            "DELETE FROM leaf WHERE position = 6",
            "leaf 6: it is missing",
        ),
        (
            "DELETE FROM leaf WHERE position = 10",
            "leaf 10: it is missing",
        ),
        (
            "UPDATE leaf SET entry = x'00' WHERE position = 9",
            "(other-leaves): leaf 9",
        ),
        (
            "UPDATE leaf SET entry = (SELECT entry FROM leaf WHERE position = 5) WHERE position = 8",
            "(other-leaves): leaf 8: it accepts invocation 1, but the next number is 2",
        ),
        (
            "UPDATE leaf SET entry = (SELECT entry FROM leaf WHERE position = 7) WHERE position = 10",
            "(other-leaves): leaf 10",
        ),
        (
            "UPDATE leaf SET entry = (SELECT entry FROM leaf WHERE position = 2) WHERE position = 1",
            "(other-leaves): leaf 6",
        ),
        (
            "UPDATE leaf SET entry = (SELECT entry FROM leaf WHERE position = 1) WHERE position = 4",
            "(other-leaves)",
        ),
        (
            "UPDATE checkpoint SET note = replace(note, 'demo', 'fake')",
            "(checkpoint)",
        ),
        (
            "UPDATE agreement SET document = replace(document, 'validity-seconds', 'validity-seconds = 1 #')",
            "(other-document): leaf 3",
        ),
    ];
    for (index, (sql, says)) in tamperings.into_iter().enumerate() {
        let copy = folder.path().join(format!("copy-{index}"));
        std::fs::create_dir(&copy)?;
        let copied = copy.join("journal.sqlite");
        Connection::open(state.join("journal.sqlite"))?
            .execute("VACUUM INTO ?1", [copied.to_string_lossy()])?;
        Connection::open(&copied)?.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}"))?;
        let copy = copy.to_string_lossy();
        let options = [BINDING, "--state", &copy, "--trust", &key];
        let sentence = refused("audit trail", &options)?;
        assert!(sentence.contains(says), "{sql}: {sentence}");
        assert!(
            !sentence.contains("evidence against the host"),
            "{sentence}"
        );
    }
    Ok(())
}
