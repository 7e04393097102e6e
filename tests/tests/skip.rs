//! Deliveries that the chain will never take, given up by their operator.

use alloy::primitives::B256;
use anyhow::{Result, bail};
use cryptlet_fabric::journal::{DeliveryRow, DeliveryStatus};
use cryptlet_fabric::{Fabric, FabricError, Seams, Waiting};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World};

fn deliveries(world: &World, fabric: &Fabric) -> Result<Vec<DeliveryRow>> {
    Ok(fabric.journal().deliveries(&world.binding.id())?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_given_up_uses_up_its_number_and_lets_the_next_one_go() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.revoke().await?;
    world.end_period(1).await?;
    let waiting = world.settle(&fabric).await?;
    assert!(
        waiting.iter().any(|waiting| waiting.delivery == Some(1)),
        "{waiting:?}"
    );

    fabric.skip(BINDING, 1).await?;
    let waiting = until_final(&world, &fabric).await?;
    assert!(
        waiting.iter().all(|waiting| waiting.delivery.is_none()),
        "{waiting:?}"
    );
    assert_eq!(
        deliveries(&world, &fabric)?[0].status,
        DeliveryStatus::Skipped
    );
    let id = B256::from(*world.binding.id().as_bytes());
    let record = world.contracts.gateway.recordOf(id, 1).call().await?;
    assert_eq!(record.state, 3, "skipped");
    assert_eq!(world.contracts.swap.settledPeriods().call().await?, 0);
    assert_eq!(world.contracts.gateway.lastDelivery(id).call().await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_final_or_was_never_made_is_not_given_up() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.end_period(1).await?;
    assert!(world.settle(&fabric).await?.is_empty());
    for delivery in [1, 2] {
        let refusal = fabric.skip(BINDING, delivery).await;
        assert!(
            matches!(refusal, Err(FabricError::NotSkipped { .. })),
            "{refusal:?}"
        );
    }
    assert_eq!(
        deliveries(&world, &fabric)?[0].status,
        DeliveryStatus::Finalized
    );
    Ok(())
}

/// Delivers until nothing is open; what still waits then concerns the binding itself.
async fn until_final(world: &World, fabric: &Fabric) -> Result<Vec<Waiting>> {
    for _ in 0..40 {
        let progress = fabric.deliver(BINDING).await?;
        if fabric
            .journal()
            .open_deliveries(&world.binding.id())?
            .is_empty()
        {
            return Ok(progress.waiting);
        }
        world.mine(1).await?;
    }
    bail!("the delivery stays open")
}
