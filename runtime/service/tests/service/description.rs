//! The description of the API and the API itself are one.

use std::collections::BTreeSet;

use cryptlet_fabric::Service;
use cryptlet_service::api::WASM;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::described::Described;
use crate::running::{Running, Tested};

/// Every route there is.
const ROUTES: [(&str, &str); 41] = [
    ("get", "/health/live"),
    ("get", "/health/ready"),
    ("get", "/metrics"),
    ("get", "/v1/openapi.json"),
    ("get", "/v1/status"),
    ("get", "/v1/versions"),
    ("post", "/v1/versions"),
    ("get", "/v1/bindings"),
    ("post", "/v1/bindings"),
    ("get", "/v1/bindings/{binding}"),
    ("post", "/v1/bindings/{binding}/promote"),
    ("post", "/v1/bindings/{binding}/rollback"),
    ("get", "/v1/bindings/{binding}/versions"),
    ("get", "/v1/bindings/{binding}/versions/events"),
    ("get", "/v1/bindings/{binding}/canary"),
    (
        "get",
        "/v1/bindings/{binding}/versions/{version}/shadow-runs",
    ),
    ("post", "/v1/bindings/{binding}/versions/{version}/shadow"),
    ("post", "/v1/bindings/{binding}/versions/{version}/canary"),
    ("post", "/v1/bindings/{binding}/versions/{version}/withdraw"),
    ("post", "/v1/bindings/{binding}/versions/{version}/retire"),
    ("get", "/v1/bindings/{binding}/changes"),
    ("post", "/v1/bindings/{binding}/changes"),
    ("get", "/v1/bindings/{binding}/changes/{number}"),
    ("post", "/v1/bindings/{binding}/changes/{number}/approvals"),
    ("post", "/v1/bindings/{binding}/messages/{topic}"),
    ("get", "/v1/bindings/{binding}/invocations"),
    ("get", "/v1/bindings/{binding}/invocations/{number}"),
    ("get", "/v1/bindings/{binding}/invocations/{number}/stream"),
    ("get", "/v1/bindings/{binding}/invocations/{number}/bundle"),
    (
        "post",
        "/v1/bindings/{binding}/invocations/{number}/run-again",
    ),
    (
        "post",
        "/v1/bindings/{binding}/invocations/{number}/pass-over",
    ),
    ("post", "/v1/bindings/{binding}/deliveries/{delivery}/skip"),
    ("get", "/v1/bindings/{binding}/events"),
    ("get", "/v1/receipts/{leaf}"),
    ("get", "/v1/log/checkpoint"),
    ("get", "/v1/log/key"),
    ("get", "/v1/log/tile/{level}/{*number}"),
    ("get", "/v1/log/tile/entries/{*number}"),
    ("get", "/v1/log/entries/{index}/proof"),
    ("get", "/v1/log/entries/{index}/cose"),
    ("get", "/v1/log/consistency/{old}"),
];

async fn described(service: &Running) -> Tested<Described> {
    let request = service.anonymous(Method::GET, "/v1/openapi.json");
    Ok(Described::new(request.send().await?.json().await?))
}

/// A request that the operation can make something of.
fn suitable(service: &Running, method: &str, path: &str) -> Tested<reqwest::RequestBuilder> {
    let place = path
        .replace("{binding}", "acme")
        .replace("{topic}", "Quote")
        .replace("{version}", "1.1.0")
        .replace("{number}", "1")
        .replace("{delivery}", "1")
        .replace("{leaf}", "0")
        .replace("{level}", "0")
        .replace("{*number}", "000.p/1")
        .replace("{index}", "0")
        .replace("{old}", "1");
    let request = service
        .request(
            Method::from_bytes(method.to_uppercase().as_bytes())?,
            &place,
        )
        .header("idempotency-key", "1");
    Ok(match (method, path) {
        ("post", "/v1/versions") => request
            .header(header::CONTENT_TYPE, WASM)
            .body("no component"),
        ("post", "/v1/bindings") => request.json(&json!({ "document": "", "approvals": [] })),
        ("post", path) if path.ends_with("/promote") => {
            request.json(&json!({ "version": "1.0.0", "reason": "a test" }))
        }
        ("post", path) if path.ends_with("/canary") => {
            request.json(&json!({ "share": 50, "reason": "a test" }))
        }
        ("post", path)
            if ["/rollback", "/shadow", "/withdraw", "/retire"]
                .iter()
                .any(|end| path.ends_with(end)) =>
        {
            request.json(&json!({ "reason": "a test" }))
        }
        ("post", path) if path.ends_with("/changes") => request.json(&json!({
            "kind": "allow", "in-force": "", "measurement": "", "nonce": 1
        })),
        ("post", path) if path.ends_with("/approvals") => request.json(&json!({ "approvals": [] })),
        ("post", path) if path.ends_with("/{topic}") => request.json(&json!({})),
        _ => request,
    })
}

#[tokio::test]
async fn every_route_is_described() -> Tested {
    let service = Running::start().await?;
    let described: BTreeSet<_> = described(&service)
        .await?
        .operations()
        .into_iter()
        .collect();
    let expected = ROUTES.map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(described, BTreeSet::from(expected));
    Ok(())
}

#[tokio::test]
async fn every_described_operation_answers_as_described() -> Tested {
    let service = Running::start().await?;
    let described = self::described(&service).await?;
    let mut compared = 0;
    for (method, path) in described.operations() {
        let answer = suitable(&service, &method, &path)?.send().await?;
        let status = answer.status();
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert!(!status.is_server_error(), "{method} {path}: {status}");
        let media = answer.headers()[header::CONTENT_TYPE].to_str()?.to_owned();
        let body = answer.bytes().await?;
        if Described::is_json(&media) {
            let body: Value = serde_json::from_slice(&body)?;
            assert_ne!(body["type"], "unknown-route", "{method} {path}");
            described.check(&method, &path, status.as_str(), &media, &body)?;
            compared += 1;
        }
    }
    assert!(compared >= 15, "only {compared} answers are JSON");
    Ok(())
}

#[tokio::test]
async fn nothing_is_answered_that_is_not_described() -> Tested {
    // Each path is asked four times, faster than a token may by default.
    let service = Running::start_with(Service {
        burst: 10_000,
        ..Service::default()
    })
    .await?;
    let described: BTreeSet<_> = described(&service)
        .await?
        .operations()
        .into_iter()
        .collect();
    let paths: BTreeSet<&String> = described.iter().map(|(_, path)| path).collect();
    for path in paths {
        for method in ["get", "put", "post", "delete", "patch"] {
            if described.contains(&(method.to_owned(), path.clone())) {
                continue;
            }
            let answer = suitable(&service, method, path)?.send().await?;
            assert_eq!(
                answer.status(),
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
        }
    }
    Ok(())
}
