//! Bindings that take nothing new, since the gateway would refuse or misplace what they deliver.

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::Measurement;
use cryptlet_fabric::change::Change;
use cryptlet_fabric::journal::ChangeStatus;
use cryptlet_fabric::{Fabric, FabricError};
use end_to_end::swap::BINDING;
use end_to_end::{World, agreement, story};

use crate::{active, finalized, other_document, to};

/// Globex alone revokes a module under the world's document, and the fabric carries that.
async fn revoke(
    world: &World,
    fabric: &Fabric,
    measurement: Measurement,
    nonce: u64,
) -> Result<u64> {
    let version = world.binding.version();
    let revoked = Change::revoke(world.binding.clone(), version, measurement, nonce);
    let globex = agreement::approve(&world.globex, &revoked)?;
    let number = fabric.propose(revoked, vec![globex]).await?;
    agreement::carry(world, fabric, number, ChangeStatus::Active).await?;
    Ok(number)
}

fn stopped_by(fabric: &Fabric) -> Result<Option<u64>> {
    let row = fabric.journal().binding(BINDING)?;
    Ok(row.context("it is active")?.paused_by)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_whose_module_is_revoked_waits_until_it_may_run_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    story::upgrade(&world, &fabric).await?;
    let first = world.binding.binding.measurement;
    let next = Measurement::of(&world.components.swap_next);

    revoke(&world, &fabric, first, 0).await?;
    assert_eq!(stopped_by(&fabric)?, None, "another module runs");
    let refusal = fabric.rollback(BINDING, story::decided()).await;
    assert!(
        matches!(refusal, Err(FabricError::NotAllowed { .. })),
        "{refusal:?}"
    );

    let allowed = agreement::standing(&fabric, 1)?.change.nonce;
    let revoked = revoke(&world, &fabric, next, allowed).await?;
    assert_eq!(stopped_by(&fabric)?, Some(revoked));
    world.end_period(1).await?;
    assert_eq!(fabric.read_events(BINDING).await?.accepted, 0);

    agreement::allow(&world, &fabric, next).await?;
    assert_eq!(stopped_by(&fabric)?, None);
    assert!(world.settle(&fabric).await?.is_empty());
    assert_eq!(finalized(&fabric, &world)?, 1, "nothing was lost");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_without_their_document_stop_the_binding_until_they_are_proposed_anew() -> Result<()>
{
    let folder = tempfile::tempdir()?;
    let (world, fabric) = active(folder.path()).await?;
    let next = other_document(&world);
    let change = to(&world, next.clone(), fabric.next_change(BINDING).await?)?;
    let number = agreement::sign(&world, &fabric, &change).await?;
    agreement::carry(&world, &fabric, number, ChangeStatus::Carried).await?;

    let revoked = Change::revoke(
        world.binding.clone(),
        change.version,
        change.measurement,
        change.nonce,
    );
    let acme = agreement::approve(&world.acme, &revoked)?;
    fabric.propose(revoked, vec![acme]).await?;
    let refused = agreement::carry(&world, &fabric, number, ChangeStatus::Refused).await?;
    let reason = refused.reason.context("it says why")?;
    ensure!(reason.contains("has its terms all the same"), "{reason}");
    assert_eq!(stopped_by(&fabric)?, Some(number));

    let again = to(&world, next.clone(), fabric.next_change(BINDING).await?)?;
    agreement::agree(&world, &fabric, &again).await?;
    assert_eq!(stopped_by(&fabric)?, None);
    let row = fabric.journal().binding(BINDING)?.context("it is active")?;
    assert_eq!(row.version, next.version());
    Ok(())
}
