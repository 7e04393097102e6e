//! What ran is replayed: the story from its journal, and every bundle that was ever stored.

mod corpus;
mod generation;
#[expect(dead_code, reason = "the container's tests need more of them")]
#[path = "../../../runtime/container/tests/container/guests.rs"]
mod guests;

use anyhow::{Context as _, Result};
use cryptlet_fabric::replay::{Replay, Replayer};
use cryptlet_fabric::{Fabric, Seams};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, story};

/// Replays every run of a fabric's journal, in order.
fn replay_all(fabric: &Fabric) -> Result<Vec<Replay>> {
    let journal = fabric.journal();
    let row = journal.binding(BINDING)?.context("the binding is active")?;
    let replayer = Replayer::new()?;
    let mut replays = Vec::new();
    for place in journal.runs_after(None, None, 1_000)? {
        let recorded = journal.recorded_run(&row, place.number)?;
        let recorded = recorded.context("the run is recorded")?;
        for measurement in recorded.modules()?.keys() {
            let component = journal.component(measurement)?.context("it is deployed")?;
            replayer.load(&component)?;
        }
        replays.push(replayer.replay(&recorded)?);
    }
    Ok(replays)
}

/// A settled quarter, one without its rate that is run again later, and one of the next version.
async fn live_through(world: &World, fabric: &Fabric) -> Result<()> {
    world.set_up(fabric).await?;
    world.end_period(1).await?;
    world.settle(fabric).await?;
    world.rates.close();
    world.end_period(2).await?;
    world.settle(fabric).await?;
    world.rates.reopen();
    fabric.run_again(BINDING, 2).await?;
    world.settle(fabric).await?;
    story::upgrade(world, fabric).await?;
    world.end_period(3).await?;
    world.settle(fabric).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_of_the_story_is_reproduced_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    live_through(&world, &fabric).await?;

    let replays = replay_all(&fabric)?;
    let ran: Vec<_> = replays
        .iter()
        .map(|replay| {
            assert!(replay.is_reproduced(), "{replay:#?}");
            assert_eq!(replay.executions.len(), 2, "each asked its source");
            let run = &replay.executions[0];
            (run.version.as_str(), run.outcome.starts_with("failure"))
        })
        .collect();
    assert_eq!(
        ran,
        [
            ("1.0.0", false),
            ("1.0.0", true),
            ("1.0.0", false),
            ("1.1.0", false)
        ]
    );
    let recorded: u64 = fabric
        .journal()
        .executions()?
        .iter()
        .map(|execution| execution.fuel)
        .sum();
    assert_eq!(replays.iter().map(Replay::fuel).sum::<u64>(), recorded);
    Ok(())
}
