//! `settle-and-die STATE STEP`: runs the fabric of a story's state folder and kills this process,
//! as an operator's worst day would, the first time that the step is reached.

use std::path::PathBuf;
use std::sync::Arc;

use alloy::providers::{ProviderBuilder, ext::AnvilApi as _};
use anyhow::{Context as _, Result, bail};
use cryptlet_fabric::{Configuration, Fabric, Seams, Step, Steps};
use end_to_end::{swap, world};

struct DieAt(Step);

impl Steps for DieAt {
    fn reached(&self, step: Step, _: &str, _: u64) {
        if step == self.0 {
            let ourselves = rustix::process::getpid();
            // SIGKILL: no destructor runs, nothing is flushed.
            rustix::process::kill_process(ourselves, rustix::process::Signal::KILL)
                .expect("a process may kill itself");
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let state: PathBuf = arguments.next().context("name a state folder")?.into();
    let step = arguments.next().context("name a step")?;
    let step = Step::ALL
        .into_iter()
        .find(|known| format!("{known:?}") == step)
        .with_context(|| format!("{step} is no step"))?;
    let configuration = Configuration::read(&state)?;
    let rpc = configuration.ledgers[swap::LEDGER].rpc.clone();
    let node = ProviderBuilder::new()
        .connect_client(cryptlet_ledger::evm::rpc_client(rpc, world::PATIENCE)?);
    let seams = Seams {
        steps: Arc::new(DieAt(step)),
        ..Seams::live()?
    };
    let delegate = world::unlock(&state)?;
    let fabric = Fabric::open(&state, &configuration, delegate, seams).await?;
    // A settlement takes a few passes; if so many do not reach the step, none will.
    for _ in 0..40 {
        fabric.advance().await?;
        node.anvil_mine(Some(1), None).await?;
    }
    bail!("{step:?} was never reached")
}
