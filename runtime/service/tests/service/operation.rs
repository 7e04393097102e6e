//! Starting, reloading, being watched, and stopping.

use std::os::unix::fs::PermissionsExt as _;

use cryptlet_fabric::Service;
use cryptlet_service::api::{Address, Readiness, Status};
use cryptlet_service::{Ending, ServeError, address_path, serve, tokens};
use reqwest::{Method, StatusCode};
use tokio::sync::mpsc;

use crate::running::{Running, Tested, prepare, start};

#[tokio::test]
async fn the_folder_says_where_the_service_is_for_as_long_as_it_runs() -> Tested {
    let service = Running::start().await?;
    let path = address_path(service.state.path());
    let address: Address = serde_json::from_slice(&std::fs::read(&path)?)?;
    assert_eq!(address, service.ready.address);
    assert_eq!(address.pid, std::process::id());
    for private in [&path, &tokens::operator_token_path(service.state.path())] {
        let mode = std::fs::metadata(private)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", private.display());
    }
    let (state, ending) = service.stop().await?;
    assert_eq!(ending, Ending::Drained);
    assert!(!address_path(state.path()).exists());
    assert!(tokens::operator_token_path(state.path()).exists());
    Ok(())
}

#[tokio::test]
async fn status_says_whose_log_it_is() -> Tested {
    let service = Running::start().await?;
    let status: Status = service.get("/v1/status").await?.json().await?;
    assert_eq!(status.origin, "fabric.test/log");
    assert_eq!(status.log_size, 1, "the key's entry");
    assert!(!status.draining && status.bindings.is_empty());
    let key = service.get("/v1/log/key").await?.text().await?;
    assert_eq!(key.trim(), status.trusted_key);
    let checkpoint = service.get("/v1/log/checkpoint").await?.text().await?;
    assert!(
        checkpoint.starts_with("fabric.test/log\n1\n"),
        "{checkpoint}"
    );
    Ok(())
}

#[tokio::test]
async fn a_folder_is_served_once() -> Tested {
    let service = Running::start().await?;
    let (_orders, ordered) = mpsc::channel(1);
    // The same keys, unlocked a second time.
    let elsewhere = tempfile::tempdir()?;
    let delegate = prepare(elsewhere.path(), Service::default())?;
    let second = start(service.state.path(), delegate)?;
    let refused = serve(second, ordered, |_| ()).await;
    let sentence = refused.err().ok_or("it was served twice")?.to_string();
    assert!(sentence.contains("another process"), "{sentence}");
    // And the first one's address stands.
    assert!(address_path(service.state.path()).exists());
    assert_eq!(service.get("/v1/status").await?.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn an_address_for_everybody_must_be_allowed() -> Tested {
    let state = tempfile::tempdir()?;
    let mut open = start(state.path(), prepare(state.path(), Service::default())?)?;
    open.listen = Some("0.0.0.0:0".parse()?);
    let (_orders, ordered) = mpsc::channel(1);
    let refused = serve(open, ordered, |_| ()).await;
    assert!(matches!(refused, Err(ServeError::Remote(_))));
    Ok(())
}

#[tokio::test]
async fn a_reload_takes_over_what_can_change() -> Tested {
    let service = Running::start_with(Service {
        body_bytes: 10,
        ..Service::default()
    })
    .await?;
    let deploy = async || -> Tested<StatusCode> {
        let request = service
            .request(Method::POST, "/v1/versions")
            .header("content-type", "application/wasm")
            .body("more than ten bytes");
        Ok(request.send().await?.status())
    };
    assert_eq!(deploy().await?, StatusCode::PAYLOAD_TOO_LARGE);
    service.reload(|settings| settings.body_bytes = 100).await?;
    assert_eq!(deploy().await?, StatusCode::UNPROCESSABLE_ENTITY);
    Ok(())
}

#[tokio::test]
async fn a_reload_of_a_broken_file_changes_nothing() -> Tested {
    let service = Running::start_with(Service {
        body_bytes: 10,
        ..Service::default()
    })
    .await?;
    std::fs::write(service.state.path().join("fabric.toml"), "[service")?;
    service.order_reload().await?;
    let request = service
        .request(Method::POST, "/v1/versions")
        .header("content-type", "application/wasm")
        .body("more than ten bytes");
    assert_eq!(
        request.send().await?.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let ready: Readiness = service.get("/health/ready").await?.json().await?;
    assert!(ready.ready, "{:?}", ready.reasons);
    Ok(())
}

#[tokio::test]
async fn requests_are_counted_by_route_and_not_by_what_callers_make_up() -> Tested {
    let service = Running::start().await?;
    service.get("/v1/bindings/made-up-by-a-caller").await?;
    service.get("/made-up-by-a-caller").await?;
    let text = service.get("/metrics").await?.text().await?;
    for line in [
        "cryptlet_http_requests_total{method=\"GET\",route=\"/v1/bindings/{binding}\",status=\"404\"} 1",
        "cryptlet_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
        "cryptlet_log_size 1",
    ] {
        assert!(text.contains(line), "{line} is missing from\n{text}");
    }
    assert!(!text.contains("made-up"), "{text}");
    assert!(text.ends_with("# EOF\n"));
    Ok(())
}

#[tokio::test]
async fn a_journal_that_fails_ends_the_service() -> Tested {
    let service = Running::start().await?;
    let journal = rusqlite::Connection::open(service.state.path().join("journal.sqlite"))?;
    journal.execute_batch("ALTER TABLE binding RENAME TO lost")?;
    let answer = service
        .request(Method::POST, "/v1/bindings/acme/messages/Quote")
        .header("idempotency-key", "1")
        .json(&serde_json::json!({}))
        .send()
        .await;
    // The service may find out by itself before it is asked.
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    let path = address_path(service.state.path());
    let ended = service.ended().await?;
    let sentence = ended.err().ok_or("it went on")?.to_string();
    assert!(sentence.contains("the service has stopped"), "{sentence}");
    assert!(!path.exists());
    Ok(())
}
