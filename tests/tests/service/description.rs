//! The description of the API, held against a service that has something to show.

use anyhow::{Result, ensure};
use cryptlet_service::api::{IDEMPOTENCY_KEY, WASM};
use end_to_end::{World, swap};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

use crate::described::Described;
use crate::running::{Running, activation, quick, set_up, world_with_messages};

/// A request that the operation can follow, or refuses for a reason of the fabric's.
fn suitable(world: &World, service: &Running, method: &str, path: &str) -> Result<RequestBuilder> {
    let place = path
        .replace("{binding}", swap::BINDING)
        .replace("{topic}", "Quote")
        .replace("{version}", "1.0.0")
        .replace("{number}", "1")
        .replace("{leaf}", "0")
        .replace("{level}", "0")
        .replace("{*number}", "000.p/1")
        .replace("{index}", "0")
        .replace("{old}", "1");
    let method = Method::from_bytes(method.to_uppercase().as_bytes())?;
    let posts = method == Method::POST;
    let request = service.request(method, &place);
    Ok(match path.rsplit('/').next() {
        Some("versions") if posts => request
            .header(header::CONTENT_TYPE, WASM)
            .body(world.components.swap_next.clone()),
        Some("bindings") if posts => request.json(&activation(world)),
        Some("promote") => request.json(&json!({ "version": "1.0.0", "reason": "a test" })),
        Some("rollback" | "shadow" | "withdraw" | "retire") => {
            request.json(&json!({ "reason": "a test" }))
        }
        Some("canary") => request.json(&json!({ "share": 50, "reason": "a test" })),
        Some("{topic}") => request
            .header(IDEMPOTENCY_KEY, "another")
            .json(&json!({ "amount": "1" })),
        _ => request,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_described_operation_does_its_work_as_described() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world_with_messages(folder.path(), quick()).await?;
    let service = Running::start(folder.path()).await?;
    set_up(&world, &service).await?;
    ensure!(service.send("one", 1, 60).await?.status() == StatusCode::OK);

    let described = Described::new(service.get("/v1/openapi.json").await?);
    let operations = described.operations();
    assert!(operations.len() > 20);
    for (method, path) in operations {
        let answer = suitable(&world, &service, &method, &path)?.send().await?;
        let status = answer.status();
        // Nobody has proposed a change, and an ordered binding has no canary.
        let is_missing = path.contains("/changes/{number}") || path.ends_with("{binding}/canary");
        let is_absent = status == StatusCode::NOT_FOUND && is_missing;
        assert!(
            is_absent || !matches!(status.as_u16(), 404 | 405 | 500..),
            "{method} {path}: {status} {}",
            answer.text().await?
        );
        let media = answer.headers().get(header::CONTENT_TYPE);
        let media = media.map_or(Ok(""), |media| media.to_str())?.to_owned();
        if Described::is_json(&media) {
            let body: Value = answer.json().await?;
            let checked = described.check(&method, &path, status.as_str(), &media, &body);
            checked.map_err(anyhow::Error::msg)?;
        }
    }
    service.stop().await?;
    Ok(())
}
