//! A fabric driven by many at once: each kind of work of a binding is done by one at a time.

use alloy::providers::Provider as _;
use anyhow::{Result, ensure};
use cryptlet_fabric::{Progress, Seams, Step};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, world};

/// What four passes did together; none of them may have got into another's way.
fn together(passes: [Result<Progress, cryptlet_fabric::FabricError>; 4]) -> Result<Progress> {
    let mut all = Progress::default();
    for pass in passes {
        all.add(pass?);
    }
    ensure!(all.waiting.is_empty(), "{:?}", all.waiting);
    Ok(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn four_who_drive_one_binding_at_once_run_and_deliver_everything_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    let mut notices = fabric.subscribe();
    world.end_period(1).await?;

    let (a, b, c, d) = tokio::join!(
        fabric.read_events(BINDING),
        fabric.read_events(BINDING),
        fabric.read_events(BINDING),
        fabric.read_events(BINDING),
    );
    assert_eq!(together([a, b, c, d])?.accepted, 1);
    let (a, b, c, d) = tokio::join!(
        fabric.execute_accepted(BINDING),
        fabric.execute_accepted(BINDING),
        fabric.execute_accepted(BINDING),
        fabric.execute_accepted(BINDING),
    );
    assert_eq!(together([a, b, c, d])?.executed, 1);
    for _ in 0..10 {
        let (a, b, c, d) = tokio::join!(
            fabric.deliver(BINDING),
            fabric.deliver(BINDING),
            fabric.deliver(BINDING),
            fabric.deliver(BINDING),
        );
        together([a, b, c, d])?;
        world.mine(1).await?;
    }
    let row = fabric.journal().invocation(&world.binding.id(), 1)?;
    assert!(row.is_some_and(|row| row.is_settled()));
    let account = world::address_of(&world::unlock(&world.state)?, world::ACCOUNT_KEY)?;
    assert_eq!(world.chain.get_transaction_count(account).await?, 1);

    let mut steps = Vec::new();
    while let Ok(notice) = notices.try_recv() {
        assert_eq!((&*notice.binding, notice.number), (BINDING, 1));
        steps.push(notice.step);
    }
    assert_eq!(steps, Step::ALL, "whoever listens hears every step once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_while_a_fabric_drains_runs_when_it_is_opened_again() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.end_period(1).await?;
    fabric.read_events(BINDING).await?;
    fabric.drain();
    assert_eq!(fabric.execute_accepted(BINDING).await?.executed, 0);
    drop(fabric);

    let fabric = world.open(Seams::live()?).await?;
    assert_eq!(fabric.execute_accepted(BINDING).await?.executed, 1);
    Ok(())
}
