//! Quarters settled on the chain, and a node that goes away.

use std::time::Duration;

use anyhow::{Context as _, Result};
use cryptlet_service::Ending;
use cryptlet_service::api::{Readiness, Stage, Status};
use end_to_end::swap;
use reqwest::{Method, Response, StatusCode};

use crate::running::{PATIENCE, Running, place, quick, set_up, views, world_with_messages};

#[tokio::test(flavor = "multi_thread")]
async fn a_quarter_is_settled_through_the_api() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world_with_messages(folder.path(), quick()).await?;
    let service = Running::start(folder.path()).await?;
    let bound = set_up(&world, &service).await?;
    assert_eq!((bound.name.as_str(), bound.executed), (swap::BINDING, 0));

    world.end_period(1).await?;
    service
        .until(&place(1), |view: &serde_json::Value| {
            view["stage"] == "executed"
        })
        .await?;
    let stream = service
        .request(Method::GET, &format!("{}/stream", place(1)))
        .send()
        .await?;
    // Blocks come in, until the delivery is final.
    let mining = async {
        loop {
            world.mine(1).await?;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        #[expect(unreachable_code, reason = "says what `?` returns")]
        Ok::<(), anyhow::Error>(())
    };
    let seen = tokio::select! {
        seen = views(stream) => seen?,
        mined = mining => return mined,
    };
    assert_eq!(world.contracts.swap.settledPeriods().call().await?, 1);
    let last = seen.last().context("the stream brought nothing")?;
    assert_eq!(
        (last.stage, last.trigger.as_str()),
        (Stage::Settled, "contract-event")
    );
    assert_eq!(last.deliveries[0].status, "finalized");
    assert!(last.deliveries[0].transaction.is_some());

    let result = last.result.as_ref().context("it ran")?;
    assert_eq!(result.outcome, "ok");
    let receipt = service
        .request(Method::GET, &format!("/v1/receipts/{}", result.leaf))
        .send()
        .await?
        .bytes()
        .await?;
    let receipt = cryptlet_attest::Receipt::from_bytes(&receipt)?;
    assert_eq!(receipt.index, result.leaf);

    let status: Status = service.get("/v1/status").await?;
    assert!(status.ledgers.iter().all(|ledger| ledger.head.is_some()));
    assert_eq!(
        (
            status.bindings[0].executed,
            status.bindings[0].open_deliveries
        ),
        (1, 0)
    );
    let metrics = service
        .request(Method::GET, "/metrics")
        .send()
        .await?
        .text()
        .await?;
    for line in [
        "cryptlet_invocations_total{binding=\"acme-globex-swap\",outcome=\"ok\"} 1",
        "cryptlet_run_seconds_count{binding=\"acme-globex-swap\"} 1",
        "cryptlet_deliveries{binding=\"acme-globex-swap\",status=\"finalized\"} 1",
        "cryptlet_ledger_up{ledger=\"anvil\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing from\n{metrics}");
    }

    let events = format!("/v1/bindings/{}/events", swap::BINDING);
    let first = first_event(service.request(Method::GET, &events).send().await?).await?;
    assert!(first.contains("event: published\n"), "{first}");
    let position = first
        .lines()
        .find_map(|line| line.strip_prefix("id: "))
        .context("an event has an id")?;
    let resumed = service
        .request(Method::GET, &events)
        .header("last-event-id", position)
        .send()
        .await?;
    let rest = tokio::spawn(resumed.text());
    assert_eq!(service.stop().await?, Ending::Drained);
    // The stream ends with the service and has nothing twice.
    assert!(!rest.await??.contains(&format!("id: {position}\n")));
    Ok(())
}

/// The first event of a stream that does not end.
async fn first_event(mut stream: Response) -> Result<String> {
    let mut text = String::new();
    while !text.contains("\n\n") {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await??;
        text.push_str(std::str::from_utf8(&chunk.context("the stream ended")?)?);
    }
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_node_stops_nothing_and_is_shown() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world_with_messages(folder.path(), quick()).await?;
    let service = Running::start(folder.path()).await?;
    set_up(&world, &service).await?;
    let ready: Readiness = service
        .until("/health/ready", |found: &Readiness| found.ready)
        .await?;
    assert!(ready.reasons.is_empty());

    drop(world.node);
    let unready: Readiness = service
        .until("/health/ready", |found: &Readiness| !found.ready)
        .await?;
    assert!(
        unready.reasons[0].contains("anvil"),
        "{:?}",
        unready.reasons
    );
    let answer = service.send("while it is away", 1, 60).await?;
    assert_eq!(answer.status(), StatusCode::OK, "runs need no node");
    let status: Status = service.get("/v1/status").await?;
    assert!(status.ledgers[0].failure.is_some());
    service.stop().await?;
    Ok(())
}
