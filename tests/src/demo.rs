//! `cargo xtask demo`: twelve quarters of an interest-rate swap, settled by a cryptlet.

use std::path::{Path, PathBuf};

use alloy::primitives::U256;
use anyhow::{Context as _, Result, ensure};
use cryptlet_fabric::{Fabric, Seams};
use end_to_end::attacks::{self, Attack};
use end_to_end::story::{self, Settlement};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, fresh, schedule, world};

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "error".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    let state = fresh_folder()?;
    println!("Acme and Globex swap interest on 100,000,000 DUSD: Acme pays 4.75 %, Globex the");
    println!("3-month Treasury bill rate, quarter by quarter (ACT/360). The clock says 2006.");
    println!();
    let world = World::new(&state, Components::read()?).await?;
    let delegate = world::unlock(&state)?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    introduce(&world, &fabric);
    header();
    let settlements = settle_all(&world, &fabric).await?;
    println!();
    check(&world, &settlements).await?;
    repel(
        "The chain refuses",
        &attacks::on_the_chain(&world, &fabric, &delegate).await?,
    )?;
    repel("The host refuses or stops", &attacks::on_the_host()?)?;
    let receipt = export(&fabric, &state)?;
    farewell(&world, &fabric, &receipt);
    Ok(())
}

async fn settle_all(world: &World, fabric: &Fabric) -> Result<Vec<Settlement>> {
    let mut settlements = Vec::with_capacity(schedule::QUARTERS);
    for index in 0..schedule::QUARTERS {
        let quarter = schedule::label(index);
        if quarter == schedule::UPGRADE {
            let refusal = story::upgrade(world, fabric).await?;
            println!(
                "          version 1.1.0 deployed; the operator may not promote it: {refusal}"
            );
            println!("          Acme and Globex sign AllowVersion; an hour of agreed delay passes");
            println!("          version 1.1.0 promoted by the operator");
        }
        if quarter == schedule::ROLLBACK {
            let version = fabric.rollback(BINDING, story::decided()).await?;
            println!("          rolled back to version {version}");
        }
        world.end_period(index + 1).await?;
        let settlement = story::settle(world, fabric, index).await?;
        line(&settlement);
        settlements.push(settlement);
    }
    Ok(settlements)
}

fn introduce(world: &World, fabric: &Fabric) {
    println!(
        "binding   {}  {}",
        world.binding.id(),
        world.binding.binding.name
    );
    println!("          signed by {}", names(world));
    println!(
        "cryptlet  {}  interest-rate-swap 1.0.0",
        world.binding.binding.measurement
    );
    println!("gateway   {}", world.contracts.gateway.address());
    println!("log key   {}", fabric.trusted_key());
    println!();
}

fn names(world: &World) -> String {
    let names: Vec<_> = world
        .binding
        .counterparties
        .iter()
        .map(|counterparty| counterparty.name.as_str())
        .collect();
    names.join(" and ")
}

fn header() {
    println!(
        "quarter   rate     payer        amount  version  fuel, both      gas  transaction   receipt"
    );
}

fn line(settlement: &Settlement) {
    println!(
        "{}  {:>5.2} %  {:<6} {:>13}  {:<7} {:>10} {:>8}  {}…  #{}",
        settlement.quarter,
        percent(settlement.rate_ppm),
        settlement.payer,
        dollars(settlement.amount),
        settlement.version,
        settlement.fuel,
        settlement.gas,
        &settlement.transaction[..10],
        settlement.receipt,
    );
}

/// Only for the eye; every sum is done in integers.
fn percent(ppm: u64) -> f64 {
    f64::from(u32::try_from(ppm).unwrap_or(u32::MAX)) / 10_000.0
}

/// A sum with six decimals, cut off after the cents.
fn dollars(amount: U256) -> String {
    let mut text = exact(amount);
    text.truncate(text.len() - 4);
    text
}

/// A sum with six decimals: `9,219,777.777775`.
fn exact(amount: U256) -> String {
    let million = U256::from(1_000_000);
    let whole = (amount / million).to_string();
    let mut grouped = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{:0>6}", (amount % million).to_string())
}

/// Compares every line and both balances with a calculation that shares no code with the cryptlet.
async fn check(world: &World, settlements: &[Settlement]) -> Result<()> {
    let payments = story::expected()?;
    for (settlement, payment) in settlements.iter().zip(&payments) {
        let payer = if payment.from_fixed_payer.is_negative() {
            "Globex"
        } else {
            "Acme"
        };
        ensure!(
            settlement.quarter == payment.quarter
                && settlement.payer == payer
                && settlement.amount == payment.from_fixed_payer.unsigned_abs(),
            "{}: settled {} by {}, but the independent calculation gives {} by {payer}",
            payment.quarter,
            settlement.amount,
            settlement.payer,
            payment.from_fixed_payer.unsigned_abs(),
        );
    }
    let expected = story::expected_balances(&payments)?;
    let found = story::withdraw(world).await?;
    ensure!(
        found == expected,
        "final balances are {found:?}, but the independent calculation gives {expected:?}"
    );
    println!(
        "Final balances: Acme {} DUSD, Globex {} DUSD, as calculated independently.",
        exact(found.0),
        exact(found.1)
    );
    println!();
    Ok(())
}

fn repel(title: &str, attacks: &[Attack]) -> Result<()> {
    println!("{title}:");
    for attack in attacks {
        ensure!(
            attack.is_repelled(),
            "{}: expected {}, got {}",
            attack.what,
            attack.expected,
            attack.stopped_by
        );
        println!("  {:<48} {}", attack.what, attack.expected);
    }
    println!();
    Ok(())
}

/// Writes every receipt to a file that an auditor can take away; returns the first of the swap's.
fn export(fabric: &Fabric, state: &Path) -> Result<PathBuf> {
    let folder = state.join("receipts");
    std::fs::create_dir_all(&folder)?;
    let journal = fabric.journal();
    let mut first = None;
    for execution in journal.executions()? {
        let name = format!("{:04}-{}.receipt", execution.leaf, execution.cryptlet);
        let path = folder.join(name);
        std::fs::write(&path, journal.receipt(&execution)?.to_bytes())?;
        if execution.ordinal == 0 {
            first.get_or_insert(path);
        }
    }
    first.context("there is no receipt")
}

fn farewell(world: &World, fabric: &Fabric, receipt: &Path) {
    let state = world.state.display();
    println!("The state folder is {state}; the fabric is not needed to read it:");
    println!("  cargo run -q --bin cryptlet -- ls --state {state}");
    println!("  cargo run -q --bin cryptlet -- tx --state {state}");
    println!("  cargo run -q --bin cryptlet -- receipt ls --state {state}");
    println!(
        "  cargo run -q --bin cryptlet -- audit receipt {} --trust '{}' --expect-measurement {}",
        receipt.display(),
        fabric.trusted_key(),
        world.binding.binding.measurement,
    );
}

/// `target/demo` of the repository, or the folder named on the command line.
fn fresh_folder() -> Result<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    let state = arguments
        .next()
        .map_or_else(|| PathBuf::from("target/demo"), PathBuf::from);
    ensure!(
        arguments.next().is_none() && !state.as_os_str().as_encoded_bytes().starts_with(b"-"),
        "usage: demo [FOLDER]; the folder holds the state afterwards, by default target/demo"
    );
    fresh::folder(&state, "made-by-the-demonstration")?;
    Ok(state)
}
