//! Moves of versions, told to whoever follows them, and a canary beside the active version.

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::Measurement;
use cryptlet_service::Ending;
use cryptlet_service::api::{CanaryFigures, VersionMoved, WASM};
use end_to_end::swap;
use reqwest::{Method, Response, StatusCode, header};
use serde_json::json;

use crate::running::{PATIENCE, Running, quick, set_up, world_where};

/// The next moves of a stream, each with the id that it is resumed by.
async fn next(stream: &mut Response, count: usize) -> Result<Vec<(String, VersionMoved)>> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let chunk = tokio::time::timeout(PATIENCE, stream.chunk()).await??;
        text.push_str(std::str::from_utf8(&chunk.context("the stream ended")?)?);
    }
    text.split_terminator("\n\n")
        .map(|event| {
            let field = |name: &str| {
                let mut lines = event.lines();
                lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            };
            ensure!(field("event") == Some("moved"), "{event}");
            let id = field("id").context("it has an id")?.to_owned();
            let moved = serde_json::from_str(field("data").context("it has data")?)?;
            Ok((id, moved))
        })
        .collect()
}

fn kinds(moves: &[(String, VersionMoved)]) -> Vec<&str> {
    moves.iter().map(|(_, moved)| &*moved.kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_are_streamed_and_go_on_after_the_last_that_was_seen_and_a_canary_shows_its_figures()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = world_where(folder.path(), quick(), |binding| {
        binding.contract.ordered = false;
    })
    .await?;
    let service = Running::start(folder.path()).await?;
    set_up(&world, &service).await?;
    let next_version = world.components.swap_next.clone();
    world.allow(Measurement::of(&next_version)).await?;
    let deployed = service
        .request(Method::POST, "/v1/versions")
        .header(header::CONTENT_TYPE, WASM)
        .body(next_version)
        .send()
        .await?;
    ensure!(deployed.status() == StatusCode::CREATED);
    let binding = format!("/v1/bindings/{}", swap::BINDING);
    let decide = async |what: &str, share: Option<u16>| -> Result<()> {
        let mut body = json!({"reason": "a test"});
        if let Some(share) = share {
            body["share"] = share.into();
        }
        let path = format!("{binding}/versions/1.1.0/{what}");
        let answer = service.request(Method::POST, &path).json(&body).send();
        let answer = answer.await?;
        ensure!(
            answer.status() == StatusCode::OK,
            "{}",
            answer.text().await?
        );
        Ok(())
    };
    let figures = format!("{binding}/canary");
    let none = service.request(Method::GET, &figures).send().await?;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);

    let events = format!("{binding}/versions/events");
    let mut stream = service.request(Method::GET, &events).send().await?;
    assert_eq!(kinds(&next(&mut stream, 1).await?), ["activated"]);
    decide("shadow", None).await?;
    decide("canary", Some(1)).await?;
    let live = next(&mut stream, 2).await?;
    assert_eq!(kinds(&live), ["shadowed", "canaried"]);
    drop(stream);

    let found: CanaryFigures = service.get(&figures).await?;
    assert_eq!((&*found.version, &*found.active), ("1.1.0", "1.0.0"));
    assert_eq!((found.share, found.of_canary.runs), (1, 0));

    decide("withdraw", None).await?;
    let (seen, _) = &live[0];
    let resumed = service
        .request(Method::GET, &events)
        .header("last-event-id", seen)
        .send();
    let mut resumed = resumed.await?;
    let rest = next(&mut resumed, 2).await?;
    assert_eq!(kinds(&rest), ["canaried", "withdrawn"], "nothing twice");
    assert_eq!(rest[0], live[1], "the same under the same id");
    drop(resumed);
    assert_eq!(service.stop().await?, Ending::Drained);
    Ok(())
}
