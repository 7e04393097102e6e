//! The story of the demonstration, held line by line.

use anyhow::{Context as _, Result};
use cryptlet_fabric::{FabricError, Seams};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, attacks, schedule, story, world};

#[tokio::test(flavor = "multi_thread")]
async fn twelve_quarters_settle_as_calculated_independently() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let delegate = world::unlock(folder.path())?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    let expected = story::expected()?;
    let mut payers = Vec::new();
    for (index, payment) in expected.iter().enumerate() {
        let quarter = schedule::label(index);
        if quarter == schedule::UPGRADE {
            let refusal = story::upgrade(&world, &fabric).await?;
            assert!(
                matches!(refusal, FabricError::NotAllowed { .. }),
                "{refusal}"
            );
        }
        if quarter == schedule::ROLLBACK {
            fabric.rollback(BINDING, story::decided()).await?;
        }
        world.end_period(index + 1).await?;
        let settlement = story::settle(&world, &fabric, index).await?;
        let upgraded = (schedule::UPGRADE..schedule::ROLLBACK).contains(&quarter.as_str());
        assert_eq!(settlement.version, if upgraded { "1.1.0" } else { "1.0.0" });
        assert_eq!(settlement.quarter, payment.quarter);
        assert_eq!(settlement.amount, payment.from_fixed_payer.unsigned_abs());
        let payer = if payment.from_fixed_payer.is_negative() {
            "Globex"
        } else {
            "Acme"
        };
        assert_eq!(settlement.payer, payer, "{quarter}");
        payers.push(payer);
    }
    assert!(
        payers.contains(&"Acme") && payers.contains(&"Globex"),
        "the payer flips"
    );
    for attack in attacks::on_the_chain(&world, &fabric, &delegate).await? {
        assert!(attack.is_repelled(), "{attack:?}");
    }
    assert_receipts_name_their_versions(&fabric)?;
    let balances = story::withdraw(&world).await?;
    assert_eq!(balances, story::expected_balances(&expected)?);
    Ok(())
}

/// Every receipt verifies offline, names the module that ran, and is the parent of its source's.
fn assert_receipts_name_their_versions(fabric: &cryptlet_fabric::Fabric) -> Result<()> {
    let journal = fabric.journal();
    let executions = journal.executions()?;
    assert_eq!(executions.len(), 2 * schedule::QUARTERS);
    let versions = journal.versions()?;
    let mut source = None;
    for execution in &executions {
        let measurement = versions
            .iter()
            .find(|row| {
                row.cryptlet == execution.cryptlet && row.version.to_string() == execution.version
            })
            .context("a version ran that was never deployed")?
            .measurement;
        let receipt = journal.receipt(execution)?;
        let trust = std::slice::from_ref(fabric.trusted_key());
        let verdict = cryptlet_attest::verify(&receipt.to_bytes(), trust, Some(&measurement))?;
        let children = &verdict.statement.execution.children;
        if execution.ordinal == 0 {
            assert_eq!(
                children.as_slice(),
                source.as_slice(),
                "the source's receipt is our child"
            );
        } else {
            source = Some(receipt.leaf_hash());
        }
    }
    Ok(())
}

#[test]
fn hostile_guests_are_refused_or_stopped() -> Result<()> {
    for attack in attacks::on_the_host()? {
        assert!(attack.is_repelled(), "{attack:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_one_party_did_not_sign_is_refused_and_leaves_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    fabric
        .deploy(world.components.reference_rate.clone())
        .await?;
    fabric.deploy(world.components.swap.clone()).await?;
    let size = fabric.journal().log_size()?;
    let acme_alone = vec![world.approvals[0].clone()];
    let refusal = fabric
        .bind(world.binding.clone(), acme_alone)
        .await
        .expect_err("Globex has not signed");
    assert!(
        refusal.to_string().contains("not signed by Globex"),
        "{refusal}"
    );
    assert!(fabric.journal().bindings()?.is_empty());
    assert_eq!(fabric.journal().log_size()?, size);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_folder_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let _fabric = world.open(Seams::live()?).await?;
    let refusal = world
        .open(Seams::live()?)
        .await
        .err()
        .context("two fabrics in one folder")?;
    assert!(
        refusal.to_string().contains("another process works in"),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_not_overtaken_and_can_be_run_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    let id = world.binding.id();

    world.rates.close();
    world.end_period(1).await?;
    world.settle(&fabric).await?;
    assert!(
        fabric.journal().deliveries(&id)?.is_empty(),
        "nothing leaves a failed run"
    );
    let executions = fabric.journal().executions()?;
    let failed = executions.last().context("the run is recorded")?;
    assert!(failed.outcome.starts_with("failure"), "{failed:?}");
    let receipt = fabric.journal().receipt(failed)?.to_bytes();
    cryptlet_attest::verify(&receipt, std::slice::from_ref(fabric.trusted_key()), None)?;

    world.rates.reopen();
    world.end_period(2).await?;
    let waiting = world.settle(&fabric).await?;
    assert!(
        waiting
            .iter()
            .any(|held| held.reason.contains("invocation 1 ended with failure")),
        "{waiting:?}"
    );
    assert!(
        fabric.journal().deliveries(&id)?.is_empty(),
        "the second period does not overtake the first"
    );

    assert_eq!(fabric.run_again(BINDING, 1).await?, 3);
    assert!(
        fabric.run_again(BINDING, 1).await.is_err(),
        "once is enough"
    );
    assert!(world.settle(&fabric).await?.is_empty());
    assert!(fabric.run_again(BINDING, 3).await.is_err(), "it succeeded");
    let settled = world.contracts.swap.settledPeriods().call().await?;
    assert_eq!(settled, 2);
    let expected = story::expected()?;
    let acme_paid = expected[0].from_fixed_payer + expected[1].from_fixed_payer;
    let globex = world
        .contracts
        .swap
        .collateralOf(world.globex.address())
        .call()
        .await?;
    assert_eq!(
        alloy::primitives::I256::try_from(globex)?,
        alloy::primitives::I256::try_from(world::COLLATERAL)? + acme_paid
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_that_is_passed_over_lets_the_next_one_go_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.rates.close();
    world.end_period(1).await?;
    world.settle(&fabric).await?;
    world.rates.reopen();
    world.end_period(2).await?;
    world.settle(&fabric).await?;
    assert!(
        fabric.pass_over(BINDING, 2).await.is_err(),
        "2 is not what holds it up"
    );
    fabric.pass_over(BINDING, 1).await?;
    let waiting = world.settle(&fabric).await?;
    let refusal = waiting
        .first()
        .context("the contract wants its first period first")?;
    assert!(
        refusal.reason.contains("PeriodOutOfOrder"),
        "{}",
        refusal.reason
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rollback_takes_back_one_promotion_after_the_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    story::upgrade(&world, &fabric).await?;
    assert_eq!(
        fabric
            .rollback(BINDING, story::decided())
            .await?
            .to_string(),
        "1.0.0"
    );
    let refusal = fabric
        .rollback(BINDING, story::decided())
        .await
        .expect_err("nothing is before 1.0.0");
    assert!(
        refusal.to_string().contains("no version before it"),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_owner_can_read_a_state_folder() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    for file in ["journal.sqlite", "journal.sqlite-wal", "fabric.toml"] {
        let mode = std::fs::metadata(folder.path().join(file))?
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{file} has mode {mode:o}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_cryptlet_is_refused_and_leaves_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    let size = fabric.journal().log_size()?;
    let mut cut_short = world.components.swap.clone();
    cut_short.truncate(cut_short.len() / 2);
    for (bytes, reason) in [
        (b"not a component".to_vec(), "no WebAssembly component"),
        (b"\0asm\x01\0\0\0".to_vec(), "core WebAssembly module"),
        (cut_short, "component"),
    ] {
        let refusal = fabric
            .deploy(bytes)
            .await
            .expect_err("no cryptlet")
            .to_string();
        assert!(refusal.contains(reason), "{refusal}");
    }
    assert!(fabric.journal().versions()?.is_empty());
    assert_eq!(fabric.journal().log_size()?, size);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_node_is_one_clear_sentence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let mut configuration = world.configuration();
    let free = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
    for ledger in configuration.ledgers.values_mut() {
        ledger.rpc = format!("http://{free}/").parse()?;
    }
    let delegate = world::unlock(folder.path())?;
    let refusal =
        cryptlet_fabric::Fabric::open(folder.path(), &configuration, delegate, Seams::live()?)
            .await
            .err()
            .context("there is no node")?;
    assert!(
        refusal.to_string().contains("no node answers at"),
        "{refusal}"
    );
    Ok(())
}
