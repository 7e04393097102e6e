//! Deliveries whose transaction came too late: signed again on the same nonce, or, if the gateway will
//! not have them any more, the nonce spent on nothing so that it holds up nobody.

use alloy::primitives::B256;
use alloy::providers::{Provider as _, ext::AnvilApi as _};
use anyhow::{Context as _, Result};
use cryptlet_attest::Measurement;
use cryptlet_fabric::journal::{AttemptRow, DeliveryRow, DeliveryStatus};
use cryptlet_fabric::{Fabric, Seams};
use end_to_end::{Components, World, world};

/// The first period's delivery, sent, lost by the node, and expired.
async fn expired(world: &World, fabric: &Fabric) -> Result<AttemptRow> {
    world.set_up(fabric).await?;
    world.end_period(1).await?;
    world.chain.anvil_set_auto_mine(false).await?;
    fabric.advance().await?;
    let sent = delivery(world, fabric)?;
    assert_eq!(sent.status, DeliveryStatus::Sent);
    let late = fabric
        .journal()
        .live_attempt(&sent)?
        .context("it was sent")?;
    world
        .chain
        .anvil_drop_transaction(B256::from(late.hash))
        .await?;
    world
        .chain
        .anvil_increase_time(2 * world.binding.contract.validity_seconds)
        .await?;
    world.mine(1).await?;
    assert!(world.now().await? > late.valid_until, "it has expired");
    world.chain.anvil_set_auto_mine(true).await?;
    Ok(late)
}

fn delivery(world: &World, fabric: &Fabric) -> Result<DeliveryRow> {
    let rows = fabric.journal().deliveries(&world.binding.id())?;
    rows.into_iter().next().context("there is no delivery")
}

/// How many transactions the fabric's account has sent.
async fn sent(world: &World) -> Result<u64> {
    let account = world::address_of(&world::unlock(&world.state)?, world::ACCOUNT_KEY)?;
    Ok(world.chain.get_transaction_count(account).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_has_lost_is_sent_again_which_is_no_step_nearer() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.end_period(1).await?;
    world.chain.anvil_set_auto_mine(false).await?;
    fabric.advance().await?;
    let attempt = fabric.journal().live_attempt(&delivery(&world, &fabric)?)?;
    let hash = B256::from(attempt.context("it was sent")?.hash);
    world.chain.anvil_drop_transaction(hash).await?;

    let progress = fabric.deliver(&world.binding.binding.name).await?;
    // A node that forgets at once would keep us busy for ever otherwise.
    assert!(progress.is_quiet(), "{progress:?}");
    assert_eq!(delivery(&world, &fabric)?.status, DeliveryStatus::Sent);
    let known = world.chain.get_transaction_by_hash(hash).await?;
    assert!(known.is_some(), "the node has it again");
    world.chain.anvil_set_auto_mine(true).await?;
    world.mine(1).await?;
    assert!(world.settle(&fabric).await?.is_empty());
    assert_eq!(delivery(&world, &fabric)?.status, DeliveryStatus::Finalized);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_delivery_starts_while_the_fabric_drains() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.end_period(1).await?;
    let name = &world.binding.binding.name;
    fabric.read_events(name).await?;
    fabric.execute_accepted(name).await?;
    assert_eq!(delivery(&world, &fabric)?.status, DeliveryStatus::Sealed);
    fabric.drain();
    fabric.deliver(name).await?;
    assert_eq!(delivery(&world, &fabric)?.status, DeliveryStatus::Sealed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_delivery_is_signed_again_on_its_nonce() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    let late = expired(&world, &fabric).await?;

    assert!(world.settle(&fabric).await?.is_empty());
    let settled = delivery(&world, &fabric)?;
    assert_eq!(settled.status, DeliveryStatus::Finalized);
    let taken = fabric
        .journal()
        .live_attempt(&settled)?
        .context("it was taken")?;
    assert_ne!(taken.hash, late.hash);
    assert_eq!(
        taken.nonce, late.nonce,
        "at most one of the two can take effect"
    );
    assert_eq!(sent(&world).await?, 1);
    assert_eq!(world.contracts.swap.settledPeriods().call().await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_delivery_of_a_revoked_version_gives_its_nonce_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    expired(&world, &fabric).await?;
    world.revoke().await?;

    let waiting = world.settle(&fabric).await?;
    let refusal = waiting
        .first()
        .context("the gateway took a revoked version")?;
    assert!(
        refusal.reason.contains("VersionNotAllowed"),
        "{}",
        refusal.reason
    );
    assert_eq!(delivery(&world, &fabric)?.status, DeliveryStatus::Sealed);
    assert_eq!(sent(&world).await?, 1, "the nonce is spent on nothing");

    world.allow(Measurement::of(&world.components.swap)).await?;
    assert!(world.settle(&fabric).await?.is_empty());
    assert_eq!(delivery(&world, &fabric)?.status, DeliveryStatus::Finalized);
    assert_eq!(sent(&world).await?, 2);
    assert_eq!(world.contracts.swap.settledPeriods().call().await?, 1);
    Ok(())
}
