//! Each guest by itself.

use anyhow::{Context as _, Result, bail, ensure};
use cryptlet_container::Held;

use crate::folder;
use crate::host::{Ending, Host, judge};
use crate::verdict::Stage;

/// Stopped as its verdict says, twice in the same way, and the host is what it was.
fn assert_stopped(name: &str) -> Result<()> {
    let attack = folder::attack(name)?;
    let host = Host::new(4)?;
    let untouched = host.serve()?;
    let ending = host.suffer(&attack)?;
    judge(&attack.verdict, &ending)?;
    let next = host.serve()?;
    ensure!(
        next == untouched && next.0 == attack.verdict.next,
        "the next honest run replied {next:?}, the one before {untouched:?}"
    );
    if let Ending::Ran(run) = ending
        && run.outcome.is_replayable()
    {
        let armed = host.arm(&attack)?;
        let armed = armed.ok().context("what was loaded once is loaded again")?;
        let again = host.run(&armed)?;
        ensure!(
            (&again.outcome, &again.transcript) == (&run.outcome, &run.transcript)
                && (&again.reply, again.meter) == (&run.reply, run.meter),
            "the second time it ended with {}, {:?} and {:?}, the first time {:?} and {:?}",
            again.outcome,
            again.reply,
            again.meter,
            run.reply,
            run.meter
        );
        host.replay(&armed, &run)?;
    }
    ensure!(
        host.container.held() == Held::default(),
        "{:?}",
        host.container.held()
    );
    Ok(())
}

fn assert_all_stopped_at(stage: Stage) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, verdict) in folder::verdicts()? {
        if verdict.stopped == stage
            && let Err(error) = assert_stopped(&name)
        {
            wrong.push(format!("{name}: {error:#}"));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

#[test]
fn what_must_not_be_loaded_is_refused() -> Result<()> {
    assert_all_stopped_at(Stage::Load)
}

#[test]
fn what_does_not_fit_its_binding_is_refused() -> Result<()> {
    assert_all_stopped_at(Stage::Grants)
}

#[test]
fn what_goes_too_far_is_stopped() -> Result<()> {
    assert_all_stopped_at(Stage::Run)
}

#[test]
fn what_probes_finds_nothing() -> Result<()> {
    assert_all_stopped_at(Stage::Nowhere)
}
