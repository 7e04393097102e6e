//! A process that is killed loses nothing and does nothing twice.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use alloy::primitives::U256;
use alloy::providers::Provider as _;
use anyhow::{Result, ensure};
use cryptlet_contracts::InterestRateSwap;
use cryptlet_fabric::{Seams, Step};
use end_to_end::{Components, World, story, world};

/// Runs the fabric in a process of its own until it kills itself at `step`.
fn run_until_killed(world: &World, step: Step) -> Result<()> {
    let status = Command::new(env!("CARGO_BIN_EXE_settle-and-die"))
        .arg(&world.state)
        .arg(format!("{step:?}"))
        .stdin(Stdio::null())
        .status()?;
    ensure!(
        status.signal() == Some(9),
        "the process was to die at {step:?}, but ended with {status}"
    );
    Ok(())
}

/// How often each period was settled on the chain, and for how much.
async fn settled_on_the_chain(world: &World) -> Result<BTreeMap<u32, Vec<U256>>> {
    let mut settled: BTreeMap<u32, Vec<U256>> = BTreeMap::new();
    let events = world
        .contracts
        .swap
        .event_filter::<InterestRateSwap::Settled>()
        .from_block(0)
        .query()
        .await?;
    for (event, _) in events {
        settled.entry(event.period).or_default().push(event.amount);
    }
    Ok(settled)
}

#[tokio::test(flavor = "multi_thread")]
async fn settles_every_period_exactly_once_whichever_step_the_process_dies_at() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    drop(fabric);

    for (index, step) in Step::ALL.into_iter().enumerate() {
        world.end_period(index + 1).await?;
        run_until_killed(&world, step)?;
        let fabric = world.open(Seams::live()?).await?;
        let waiting = world.settle(&fabric).await?;
        assert!(waiting.is_empty(), "after death at {step:?}: {waiting:?}");
    }

    let settled = settled_on_the_chain(&world).await?;
    let expected = story::expected()?;
    assert_eq!(settled.len(), Step::ALL.len());
    for (index, (period, amounts)) in settled.into_iter().enumerate() {
        assert_eq!(period as usize, index + 1);
        assert_eq!(
            amounts,
            [expected[index].from_fixed_payer.unsigned_abs()],
            "period {period}"
        );
    }
    let delegate = world::unlock(folder.path())?;
    let account = world::address_of(&delegate, world::ACCOUNT_KEY)?;
    assert_eq!(
        world.chain.get_transaction_count(account).await?,
        Step::ALL.len() as u64,
        "no settlement was sent twice"
    );
    let fabric = world.open(Seams::live()?).await?;
    let journal = fabric.journal();
    let roots = journal
        .executions()?
        .into_iter()
        .filter(|execution| execution.ordinal == 0)
        .count();
    assert_eq!(roots, Step::ALL.len(), "each accepted invocation ran once");
    Ok(())
}
