//! A binding's way to its gateway: created by the fabric with the parties' signatures, once.

use alloy::primitives::B256;
use alloy::providers::{Provider as _, ext::AnvilApi as _};
use anyhow::{Context as _, Result, ensure};
use cryptlet_contracts::CryptoDelegate;
use cryptlet_fabric::journal::DeliveryStatus;
use cryptlet_fabric::{Fabric, Seams};
use end_to_end::{Components, World, world};

fn id(world: &World) -> B256 {
    B256::from(*world.binding.id().as_bytes())
}

/// Whether the gateway has the binding.
async fn is_known(world: &World) -> bool {
    let binding = world.contracts.gateway.binding(id(world));
    binding.call().await.is_ok()
}

/// How many transactions the fabric's account has sent.
async fn sent(world: &World) -> Result<u64> {
    let account = world::address_of(&world::unlock(&world.state)?, world::ACCOUNT_KEY)?;
    Ok(world.chain.get_transaction_count(account).await?)
}

/// Takes the binding to the chain until nothing moves and nothing waits.
async fn deliver(world: &World, fabric: &Fabric) -> Result<()> {
    for _ in 0..20 {
        let progress = fabric.deliver(&world.binding.binding.name).await?;
        ensure!(progress.waiting.is_empty(), "{:?}", progress.waiting);
        world.mine(1).await?;
    }
    Ok(())
}

/// A world whose chain knows nothing of the binding, and a fabric in which it is active.
async fn before_agreement(folder: &std::path::Path) -> Result<(World, Fabric)> {
    let world = World::before_agreement(folder, Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    Ok((world, fabric))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_the_gateway_does_not_know_is_created_once_and_settles() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = before_agreement(folder.path()).await?;
    assert!(!is_known(&world).await);

    deliver(&world, &fabric).await?;
    assert!(is_known(&world).await);
    assert_eq!(sent(&world).await?, 1);
    let created = world
        .contracts
        .gateway
        .event_filter::<CryptoDelegate::BindingCreated>()
        .from_block(0)
        .query()
        .await?;
    assert_eq!(created.len(), 1);

    world.admit().await?;
    world.end_period(1).await?;
    assert!(world.settle(&fabric).await?.is_empty());
    let deliveries = fabric.journal().deliveries(&world.binding.id())?;
    assert_eq!(deliveries[0].status, DeliveryStatus::Finalized);
    assert_eq!(sent(&world).await?, 2, "one creation, one delivery");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_the_gateway_knows_costs_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = before_agreement(folder.path()).await?;
    world.agree_on_the_chain().await?;
    deliver(&world, &fabric).await?;
    assert_eq!(sent(&world).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_creation_is_broadcast_again_by_the_next_process_on_the_same_nonce() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = before_agreement(folder.path()).await?;
    world.chain.anvil_set_auto_mine(false).await?;
    fabric.deliver(&world.binding.binding.name).await?;
    // The node forgets its pool, and the process ends.
    world.chain.anvil_drop_all_transactions().await?;
    drop(fabric);
    world.mine(1).await?;
    assert!(!is_known(&world).await);

    world.chain.anvil_set_auto_mine(true).await?;
    let fabric = world.open(Seams::live()?).await?;
    deliver(&world, &fabric).await?;
    assert!(is_known(&world).await);
    assert_eq!(sent(&world).await?, 1, "nothing was sent twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_nobody_includes_is_outbid_on_its_nonce() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = before_agreement(folder.path()).await?;
    world.chain.anvil_set_auto_mine(false).await?;
    fabric.deliver(&world.binding.binding.name).await?;
    // Gas grows dearer than the fabric bid, for as long as a delivery would be valid and longer.
    world
        .chain
        .anvil_set_next_block_base_fee_per_gas(200_000_000_000)
        .await?;
    let patience = world.binding.contract.validity_seconds + 1;
    world.chain.anvil_increase_time(patience).await?;
    world.mine(1).await?;
    assert!(!is_known(&world).await);

    deliver(&world, &fabric).await?;
    assert!(is_known(&world).await);
    assert_eq!(sent(&world).await?, 1, "both bids had the same nonce");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_who_creates_the_binding_first_is_no_failure() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = before_agreement(folder.path()).await?;
    world.chain.anvil_set_auto_mine(false).await?;
    fabric.deliver(&world.binding.binding.name).await?;
    world.chain.anvil_drop_all_transactions().await?;
    world.chain.anvil_set_auto_mine(true).await?;
    world.agree_on_the_chain().await?;

    deliver(&world, &fabric).await?;
    world.admit().await?;
    world.end_period(1).await?;
    assert!(world.settle(&fabric).await?.is_empty());
    let deliveries = fabric.journal().deliveries(&world.binding.id())?;
    assert_eq!(deliveries[0].status, DeliveryStatus::Finalized);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_terms_at_the_gateway_are_named_and_nothing_is_sent() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut world = World::before_agreement(folder.path(), Components::read()?).await?;
    // The same parties and salt, hence the same id, for another delay.
    let signed = world.binding.clone();
    world.binding.contract.version_delay_seconds += 1;
    world.agree_on_the_chain().await?;
    world.binding = signed;
    world.mine(3).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;

    let progress = fabric.deliver(&world.binding.binding.name).await?;
    let waiting = progress.waiting.first().context("the terms differ")?;
    assert!(
        waiting.reason.contains("version-delay-seconds") && waiting.reason.contains("another salt"),
        "{}",
        waiting.reason
    );
    assert_eq!(sent(&world).await?, 0);
    Ok(())
}
