//! What becomes of a run when the service is told to stop.

use std::sync::Arc;

use anyhow::Result;
use cryptlet_fabric::Binding;
use cryptlet_fabric::journal::Journal;
use cryptlet_service::api::{Problem, Readiness};
use cryptlet_service::{Ending, Order};
use reqwest::{StatusCode, header};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use url::Url;

use crate::running::{PATIENCE, Running, quick, set_up, world_where};

/// Rates that come when the test says so.
struct SlowRates {
    base: Url,
    asked: Arc<Notify>,
    answer: Arc<Notify>,
    _server: AbortOnDrop,
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SlowRates {
    async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let base = format!("http://{}/data/", listener.local_addr()?).parse()?;
        let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&asked), Arc::clone(&answer));
        let router = axum::Router::new().fallback(async move || {
            tell.notify_one();
            wait.notified().await;
            axum::http::StatusCode::SERVICE_UNAVAILABLE
        });
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self {
            base,
            asked,
            answer,
            _server: AbortOnDrop(server),
        })
    }

    /// Has the binding's sources ask here.
    fn grant(&self, binding: &mut Binding) {
        for source in binding.sources.values_mut() {
            for grant in source.grants.http.values_mut() {
                grant.base = self.base.clone();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_finishes_what_runs_and_takes_nothing_new() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let rates = SlowRates::start().await?;
    let quote = "Quote(uint256 amount)".parse()?;
    let world = world_where(folder.path(), quick(), |binding| {
        binding.triggers.messages.push(quote);
        rates.grant(binding);
    })
    .await?;
    let service = Running::start(folder.path()).await?;
    set_up(&world, &service).await?;
    world.end_period(1).await?;
    tokio::time::timeout(PATIENCE, rates.asked.notified()).await?;

    service.orders.send(Order::Stop).await?;
    let unready: Readiness = service
        .until("/health/ready", |found: &Readiness| !found.ready)
        .await?;
    assert!(unready.reasons[0].contains("stop"), "{:?}", unready.reasons);
    let refused = service.send("too late", 1, 0).await?;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(refused.json::<Problem>().await?.kind, "draining");

    rates.answer.notify_one();
    let ending = tokio::time::timeout(PATIENCE, service.task).await???;
    assert_eq!(ending, Ending::Drained);
    let journal = Journal::open_for_reading(folder.path())?;
    let counts = journal.counts(&world.binding.id())?;
    assert_eq!((counts.executed, counts.queued), (1, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_order_to_stop_waits_for_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let rates = SlowRates::start().await?;
    let world = world_where(folder.path(), quick(), |binding| rates.grant(binding)).await?;
    let service = Running::start(folder.path()).await?;
    set_up(&world, &service).await?;
    world.end_period(1).await?;
    tokio::time::timeout(PATIENCE, rates.asked.notified()).await?;
    service.orders.send(Order::Stop).await?;
    service.orders.send(Order::StopNow).await?;
    let ending = tokio::time::timeout(PATIENCE, service.task).await???;
    assert_eq!(ending, Ending::CutShort);
    rates.answer.notify_one();
    Ok(())
}
