//! Twelve quarters, told line by line.

use alloy::primitives::{I256, U256};
use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::BindingId;
use cryptlet_fabric::journal::{DeliveryRow, ExecutionRow};
use cryptlet_fabric::{Decision, Fabric, FabricError};

use crate::independent::{self, Payment};
use crate::swap::BINDING;
use crate::world::{COLLATERAL, World};
use crate::{agreement, rates, schedule};

/// One settled quarter.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// `2006-Q1`.
    pub quarter: String,
    /// As the cryptlet read it, in millionths.
    pub rate_ppm: u64,
    /// Who paid.
    pub payer: &'static str,
    /// In the token's smallest unit.
    pub amount: U256,
    /// The swap cryptlet's version that ran.
    pub version: String,
    /// Of the swap cryptlet and of the source it asked.
    pub fuel: u64,
    /// Of the transaction.
    pub gas: u64,
    /// Its hash.
    pub transaction: String,
    /// Position of the receipt in the log.
    pub receipt: u64,
}

/// Settles the quarter with this index, counted from 0, whose period has been ended on the chain.
pub async fn settle(world: &World, fabric: &Fabric, index: usize) -> Result<Settlement> {
    let waiting = world.settle(fabric).await?;
    ensure!(
        waiting.is_empty(),
        "{} cannot be settled: {}",
        schedule::label(index),
        waiting[0].reason
    );
    settlement(world, fabric, index)
}

/// What the journal says about a settled quarter.
pub fn settlement(world: &World, fabric: &Fabric, index: usize) -> Result<Settlement> {
    let quarter = schedule::label(index);
    let id: BindingId = world.binding.id();
    let journal = fabric.journal();
    let number = index as u64 + 1;
    let delivery: DeliveryRow = journal
        .deliveries(&id)?
        .into_iter()
        .find(|delivery| delivery.number == number)
        .with_context(|| format!("{quarter} has no delivery"))?;
    let executions: Vec<ExecutionRow> = journal
        .executions()?
        .into_iter()
        .filter(|execution| execution.number == number)
        .collect();
    let root = executions
        .iter()
        .find(|execution| execution.ordinal == 0)
        .with_context(|| format!("{quarter} was not executed"))?;
    let netted = journal
        .published(&id)?
        .into_iter()
        .find(|event| event.number == number && event.topic == "PeriodNetted")
        .with_context(|| format!("{quarter} published no event"))?;
    let netted: serde_json::Value = serde_json::from_slice(&netted.body)?;
    let text = |field: &str| netted[field].as_str().map(str::to_owned);
    let payer = text("payer").context("PeriodNetted.payer")?;
    let acme = world.acme.address().to_string();
    let attempt = journal
        .newest_attempt(&delivery)?
        .with_context(|| format!("{quarter} has no transaction"))?;
    Ok(Settlement {
        quarter,
        rate_ppm: netted["ratePpm"].as_u64().context("PeriodNetted.ratePpm")?,
        payer: if payer.eq_ignore_ascii_case(&acme) {
            "Acme"
        } else {
            "Globex"
        },
        amount: text("amount").context("PeriodNetted.amount")?.parse()?,
        version: root.version.clone(),
        fuel: executions.iter().map(|execution| execution.fuel).sum(),
        gas: delivery.gas_used.context("the delivery has no gas")?,
        transaction: alloy::primitives::B256::from(attempt.hash).to_string(),
        receipt: root.leaf,
    })
}

/// Who decides in these stories, and why.
pub fn decided() -> Decision {
    Decision::new("operator", "the story asks for it").expect("it says who and why")
}

/// Deploys version 1.1 and promotes it: in vain at first, then once both parties have allowed it and
/// their delay has passed. Gives what the fabric said the first time.
pub async fn upgrade(world: &World, fabric: &Fabric) -> Result<FabricError> {
    let deployed = fabric.deploy(world.components.swap_next.clone()).await?;
    // Once the gateway has the binding, it knows what was allowed.
    fabric.deliver(BINDING).await?;
    world.mine(3).await?;
    fabric.deliver(BINDING).await?;
    let refusal = fabric
        .promote(BINDING, &deployed.version, decided())
        .await
        .err()
        .context("nobody has allowed version 1.1")?;
    agreement::allow(world, fabric, deployed.measurement).await?;
    fabric
        .promote(BINDING, &deployed.version, decided())
        .await?;
    Ok(refusal)
}

/// What the swap must come to, by [`independent`].
pub fn expected() -> Result<Vec<Payment>> {
    let boundaries = schedule::boundaries();
    let quarters: Vec<_> = (0..schedule::QUARTERS)
        .map(|index| {
            let days = (boundaries[index + 1] - boundaries[index]) / 86_400;
            (schedule::label(index), days)
        })
        .collect();
    independent::payments(
        &rates::data().join("us-treasury-bill-3-month.csv"),
        &quarters,
        schedule::notional(),
        schedule::FIXED_BPS,
    )
}

/// What each party must own at the end: its collateral less what it paid, plus what it got.
pub fn expected_balances(payments: &[Payment]) -> Result<(U256, U256)> {
    let paid_by_acme = payments
        .iter()
        .fold(I256::ZERO, |sum, payment| sum + payment.from_fixed_payer);
    let collateral = I256::try_from(COLLATERAL)?;
    Ok((
        U256::try_from(collateral - paid_by_acme)?,
        U256::try_from(collateral + paid_by_acme)?,
    ))
}

/// Both parties take their collateral out; returns what Acme and Globex own then.
pub async fn withdraw(world: &World) -> Result<(U256, U256)> {
    let mut balances = [U256::ZERO; 2];
    for (balance, wallet) in balances.iter_mut().zip([&world.acme, &world.globex]) {
        let party = wallet.address();
        let amount = world.contracts.swap.collateralOf(party).call().await?;
        let withdrawal = world.contracts.swap.withdraw(amount).from(party);
        ensure!(withdrawal.send().await?.get_receipt().await?.status());
        *balance = world.contracts.token.balanceOf(party).call().await?;
    }
    Ok((balances[0], balances[1]))
}
