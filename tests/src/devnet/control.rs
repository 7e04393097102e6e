//! The levers of the devnet: what everybody but the operator would do.

use std::sync::Arc;

use alloy::primitives::U256;
use anyhow::{Result, ensure};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cryptlet_attest::Measurement;
use end_to_end::{World, schedule};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// What a person can type, and what it does.
pub const LEVERS: [(&str, &str); 6] = [
    ("curl $(cat control)", "addresses, time, balances"),
    (
        "curl -X POST $(cat control)/admit",
        "the registry admits the host's delivery key for the swap",
    ),
    (
        "curl -X POST $(cat control)/end-quarter",
        "a quarter passes, and the contract says so",
    ),
    (
        r#"curl -X POST "$(cat control)/allow?measurement=HEX""#,
        "Acme and Globex allow a module for the swap; an hour passes",
    ),
    (
        r#"curl -X POST "$(cat control)/wait?seconds=3600""#,
        "an hour passes on the chain",
    ),
    (
        r#"curl -X POST "$(cat control)/mine?blocks=10""#,
        "ten blocks are added at once",
    ),
];

/// One lever at a time.
type Levers = Arc<Mutex<Arc<World>>>;

/// The endpoint; only for this machine.
pub fn router(world: Arc<World>) -> axum::Router {
    axum::Router::new()
        .route("/", get(show))
        .route("/end-quarter", post(end_quarter))
        .route("/mine", post(mine))
        .route("/wait", post(wait))
        .route("/admit", post(admit))
        .route("/allow", post(allow))
        .with_state(Arc::new(Mutex::new(world)))
}

#[derive(Deserialize)]
struct Blocks {
    #[serde(default = "one")]
    blocks: u64,
}

fn one() -> u64 {
    1
}

#[derive(Deserialize)]
struct Time {
    seconds: u64,
}

#[derive(Deserialize)]
struct Allowed {
    measurement: String,
}

async fn show(State(levers): State<Levers>) -> Response {
    let world = levers.lock().await;
    match description(&world).await {
        Ok(description) => format!("{description:#}\n").into_response(),
        Err(error) => refusal(&error),
    }
}

async fn end_quarter(State(levers): State<Levers>) -> Response {
    let world = levers.lock().await;
    said(end_next_quarter(&world).await)
}

async fn mine(State(levers): State<Levers>, Query(query): Query<Blocks>) -> Response {
    let world = levers.lock().await;
    let mined = world.mine(query.blocks).await;
    said(mined.map(|()| format!("{} blocks added", query.blocks)))
}

async fn wait(State(levers): State<Levers>, Query(query): Query<Time>) -> Response {
    let world = levers.lock().await;
    let passed = world.pass(query.seconds).await;
    said(passed.map(|()| format!("{} seconds have passed", query.seconds)))
}

async fn admit(State(levers): State<Levers>) -> Response {
    let world = levers.lock().await;
    let admitted = world.admit().await;
    said(admitted.map(|()| {
        format!(
            "the registry's verifier admitted {} for the binding {}",
            world.signer,
            world.binding.id()
        )
    }))
}

async fn allow(State(levers): State<Levers>, Query(query): Query<Allowed>) -> Response {
    let world = levers.lock().await;
    said(allow_version(&world, &query.measurement).await)
}

async fn allow_version(world: &World, measurement: &str) -> Result<String> {
    let measurement: Measurement = measurement.parse()?;
    world.allow(measurement).await?;
    Ok(format!(
        "Acme and Globex signed AllowVersion for {measurement}, and the hour they agreed on has passed"
    ))
}

/// The next quarter, whichever it is.
async fn end_next_quarter(world: &World) -> Result<String> {
    let ended = usize::try_from(world.contracts.swap.endedPeriods().call().await?)?;
    ensure!(
        ended < schedule::QUARTERS,
        "the swap is over: all {} quarters have ended; start the devnet anew",
        schedule::QUARTERS
    );
    world.end_period(ended + 1).await?;
    Ok(format!("{} has ended", schedule::label(ended)))
}

async fn description(world: &World) -> Result<Value> {
    let contracts = &world.contracts;
    let mut parties = serde_json::Map::new();
    for (name, wallet) in [("acme", &world.acme), ("globex", &world.globex)] {
        let address = wallet.address();
        let collateral = contracts.swap.collateralOf(address).call().await?;
        parties.insert(
            name.into(),
            json!({ "address": address, "collateral": dollars(collateral) }),
        );
    }
    let ended = contracts.swap.endedPeriods().call().await?;
    let settled = contracts.swap.settledPeriods().call().await?;
    let now = world.now().await?;
    Ok(json!({
        "rpc": world.node.url(),
        "chain": world.node.chain(),
        "now": now,
        "binding": world.binding.id().to_string(),
        "gateway": contracts.gateway.address(),
        "registry": contracts.registry.address(),
        "token": contracts.token.address(),
        "swap": contracts.swap.address(),
        "delivery-key": world.signer,
        "parties": parties,
        "ended-quarters": ended,
        "settled-quarters": settled,
    }))
}

/// A sum with six decimals: `4940000.000000`.
fn dollars(amount: U256) -> String {
    let million = U256::from(1_000_000);
    format!(
        "{}.{:0>6}",
        amount / million,
        (amount % million).to_string()
    )
}

fn said(done: Result<String>) -> Response {
    match done {
        Ok(sentence) => format!("{sentence}\n").into_response(),
        Err(error) => refusal(&error),
    }
}

fn refusal(error: &anyhow::Error) -> Response {
    (StatusCode::CONFLICT, format!("{error:#}\n")).into_response()
}
