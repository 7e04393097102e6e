//! What Acme and Globex do when their binding changes: they sign, and the agreed delay passes.

use alloy::primitives::Bytes;
use alloy::providers::ext::AnvilApi as _;
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context as _, Result, bail};
use cryptlet_attest::Measurement;
use cryptlet_fabric::Fabric;
use cryptlet_fabric::change::{Change, ChangeApproval};
use cryptlet_fabric::journal::{ChangeRow, ChangeStatus};

use crate::World;
use crate::swap::BINDING;

/// A party's signatures under a change.
pub fn approve(wallet: &PrivateKeySigner, change: &Change) -> Result<ChangeApproval> {
    let signatures = change
        .digests()
        .iter()
        .map(|digest| Ok(Bytes::from(wallet.sign_hash_sync(digest)?.as_bytes())))
        .collect::<Result<_>>()?;
    Ok(ChangeApproval {
        counterparty: wallet.address(),
        signatures,
    })
}

/// Both parties sign a change, and the fabric takes it in. Gives its number.
pub async fn sign(world: &World, fabric: &Fabric, change: &Change) -> Result<u64> {
    let approvals = [&world.acme, &world.globex]
        .map(|wallet| approve(wallet, change))
        .into_iter()
        .collect::<Result<_>>()?;
    Ok(fabric.propose(change.clone(), approvals).await?)
}

/// How a change of the story's binding stands.
pub fn standing(fabric: &Fabric, number: u64) -> Result<ChangeRow> {
    let journal = fabric.journal();
    let row = journal.binding(BINDING)?.context("the binding is active")?;
    journal
        .change(&row.document.id(), number)?
        .context("the change was proposed")
}

/// Lets the fabric take a change to the chain, block by block, until it stands like this.
pub async fn carry(
    world: &World,
    fabric: &Fabric,
    number: u64,
    until: ChangeStatus,
) -> Result<ChangeRow> {
    // Built, included and final take a few passes for each of two messages.
    for _ in 0..30 {
        let row = standing(fabric, number)?;
        if row.status == until {
            return Ok(row);
        }
        fabric.deliver(BINDING).await?;
        world.mine(1).await?;
    }
    let row = standing(fabric, number)?;
    bail!("change {number} is {} ({:?})", row.status, row.reason)
}

/// The agreed delay passes on the chain, and the blocks after it are final.
pub async fn wait_for_delay(world: &World) -> Result<()> {
    let delay = world.binding.contract.version_delay_seconds;
    world.chain.anvil_increase_time(delay).await?;
    world.mine(4).await
}

/// Both parties sign a change; the fabric carries it, the delay passes, and it is in force.
pub async fn agree(world: &World, fabric: &Fabric, change: &Change) -> Result<u64> {
    let number = sign(world, fabric, change).await?;
    carry(world, fabric, number, ChangeStatus::Carried).await?;
    wait_for_delay(world).await?;
    carry(world, fabric, number, ChangeStatus::Active).await?;
    Ok(number)
}

/// Both parties allow one more module for the document in force, and the delay passes.
pub async fn allow(world: &World, fabric: &Fabric, measurement: Measurement) -> Result<u64> {
    let nonce = fabric.next_change(BINDING).await?;
    let row = fabric
        .journal()
        .binding(BINDING)?
        .context("the binding is active")?;
    let change = Change::allow(row.document.as_ref().clone(), measurement, nonce);
    agree(world, fabric, &change).await
}
