//! Messages: accepted once, answered when they ran, refused when too many wait.

use anyhow::{Context as _, Result};
use cryptlet_fabric::Service;
use cryptlet_service::Ending;
use cryptlet_service::api::{BindingStatus, IDEMPOTENCY_KEY, InvocationView, Problem, Stage};
use end_to_end::swap;
use reqwest::{Method, StatusCode, header};

use crate::running::{Running, place, quick, set_up, world_with_messages};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_the_same_however_often_it_is_sent() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world_with_messages(folder.path(), quick()).await?;
    let service = Running::start(folder.path()).await?;
    set_up(&world, &service).await?;

    let answer = service.send("first", 1, 60).await?;
    assert_eq!(
        answer.status(),
        StatusCode::OK,
        "it ran, whatever came of it"
    );
    assert_eq!(answer.headers()[header::LOCATION], place(1).as_str());
    let ran: InvocationView = answer.json().await?;
    assert_eq!((ran.number, ran.trigger.as_str()), (1, "message"));
    assert_ne!(ran.result.as_ref().context("it ran")?.outcome, "ok");

    let again: InvocationView = service.send("first", 1, 60).await?.json().await?;
    assert_eq!(again, ran);
    let other = service.send("first", 2, 60).await?;
    assert_eq!(other.status(), StatusCode::CONFLICT);
    assert_eq!(other.json::<Problem>().await?.kind, "other-message");

    let second: InvocationView = service.send("second", 1, 60).await?.json().await?;
    assert_eq!(second.number, 2);
    let run_again = service
        .request(Method::POST, &format!("{}/run-again", place(2)))
        .send()
        .await?;
    assert_eq!(run_again.status(), StatusCode::ACCEPTED);
    assert_eq!(run_again.json::<InvocationView>().await?.number, 3);

    let path = format!("/v1/bindings/{}/invocations?after=1&limit=5", swap::BINDING);
    let listed: Vec<InvocationView> = service.get(&path).await?;
    let numbers: Vec<u64> = listed.iter().map(|view| view.number).collect();
    assert_eq!(numbers, [2, 3]);

    let unknown = service
        .request(
            Method::POST,
            &format!("/v1/bindings/{}/messages/Sell", swap::BINDING),
        )
        .header(IDEMPOTENCY_KEY, "third")
        .json(&serde_json::json!({}))
        .send()
        .await?;
    assert_eq!(unknown.status(), StatusCode::UNPROCESSABLE_ENTITY);
    service.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_a_stop_runs_after_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = Service {
        queue: 2,
        ..quick()
    };
    let world = world_with_messages(folder.path(), settings).await?;
    let service = Running::start(folder.path()).await?;
    set_up(&world, &service).await?;

    // The rates are away, the answer to the first period fails, and what comes after it waits.
    world.rates.close();
    world.end_period(1).await?;
    let failed: InvocationView = service
        .until(&place(1), |view: &serde_json::Value| {
            view["stage"] == "settled"
        })
        .await
        .and_then(|view| Ok(serde_json::from_value(view)?))?;
    assert_ne!(failed.result.context("it ran")?.outcome, "ok");

    let mut tickets = Vec::new();
    for key in ["one", "two"] {
        let answer = service.send(key, 1, 0).await?;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let ticket: InvocationView = answer.json().await?;
        assert_eq!(ticket.stage, Stage::Accepted);
        tickets.push(ticket.number);
    }
    let full = service.send("three", 1, 0).await?;
    assert_eq!(full.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(full.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(full.json::<Problem>().await?.kind, "queue-full");
    let bound: BindingStatus = service
        .until(
            &format!("/v1/bindings/{}", swap::BINDING),
            |bound: &BindingStatus| bound.queued == 2 && !bound.waiting.is_empty(),
        )
        .await?;
    assert!(
        bound.waiting[0].contains("invocation 1"),
        "{:?}",
        bound.waiting
    );
    assert_eq!(service.stop().await?, Ending::Drained);

    world.rates.reopen();
    let service = Running::start(folder.path()).await?;
    let again = service
        .request(Method::POST, &format!("{}/run-again", place(1)))
        .send()
        .await?;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    for number in tickets {
        service
            .until(&place(number), |view: &InvocationView| {
                view.stage != Stage::Accepted
            })
            .await?;
    }
    let answer = service.send("three", 1, 60).await?;
    assert_eq!(answer.status(), StatusCode::OK, "there is room again");
    service.stop().await?;
    Ok(())
}
