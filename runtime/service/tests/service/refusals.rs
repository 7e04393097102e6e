//! Whatever is refused is answered with a Problem.

use cryptlet_fabric::Service;
use cryptlet_service::api::{PROBLEM, Problem, WASM};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::running::{Running, Tested};

/// Sends it and gives the problem's status and kind.
async fn problem(request: RequestBuilder) -> Tested<(StatusCode, String)> {
    let answer = request.send().await?;
    let status = answer.status();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], PROBLEM);
    let problem: Problem = answer.json().await?;
    assert_eq!(problem.status, status.as_u16());
    assert!(!problem.detail.is_empty());
    Ok((status, problem.kind))
}

#[tokio::test]
async fn every_refusal_is_a_problem() -> Tested {
    let service = Running::start_with(Service {
        body_bytes: 1_000,
        ..Service::default()
    })
    .await?;
    let post = |path: &str| service.request(Method::POST, path);
    let get = |path: &str| service.request(Method::GET, path);
    let json = |request: RequestBuilder, text: &'static str| {
        request
            .header(header::CONTENT_TYPE, "application/json")
            .body(text)
    };
    let message = "/v1/bindings/acme/messages/Quote";
    for (request, status, kind) in [
        (get("/v1/nothing"), 404, "unknown-route"),
        (post("/v1/status"), 405, "wrong-method"),
        (post("/health/live"), 405, "wrong-method"),
        (
            service.request(Method::DELETE, "/v1/versions"),
            405,
            "wrong-method",
        ),
        (get("/v1/bindings/acme"), 404, "unknown-binding"),
        (
            get("/v1/bindings/acme/invocations/one"),
            400,
            "malformed-path",
        ),
        (
            get("/v1/bindings/acme/invocations/-1"),
            400,
            "malformed-path",
        ),
        (
            get("/v1/bindings/acme/invocations?limit=x"),
            400,
            "malformed-query",
        ),
        (
            get("/v1/bindings/acme/invocations?page=2"),
            400,
            "malformed-query",
        ),
        (get("/v1/bindings/acme/events"), 404, "unknown-binding"),
        (get("/v1/receipts/99999"), 404, "unknown-leaf"),
        (
            get("/v1/receipts/18446744073709551615"),
            404,
            "unknown-leaf",
        ),
        (
            post("/v1/versions").body("x"),
            415,
            "unsupported-media-type",
        ),
        (
            post("/v1/versions")
                .header(header::CONTENT_TYPE, WASM)
                .body("x"),
            422,
            "unacceptable-component",
        ),
        (
            post("/v1/versions")
                .header(header::CONTENT_TYPE, WASM)
                .body(vec![0; 1_001]),
            413,
            "body-too-large",
        ),
        (json(post("/v1/bindings"), "{"), 400, "malformed-json"),
        (
            json(post("/v1/bindings"), "{\"document\": \"\"}"),
            400,
            "malformed-json",
        ),
        (
            json(
                post("/v1/bindings"),
                "{\"document\": \"\", \"approvals\": []}",
            ),
            422,
            "unacceptable-binding",
        ),
        (
            post("/v1/bindings").body("{}"),
            415,
            "unsupported-media-type",
        ),
        (
            json(
                post("/v1/bindings/acme/promote"),
                "{\"version\": \"one\", \"reason\": \"a test\"}",
            ),
            400,
            "malformed-version",
        ),
        (json(post(message), "{}"), 400, "idempotency-key"),
        (
            json(post(message), "{}").header("idempotency-key", "k".repeat(256)),
            400,
            "idempotency-key",
        ),
        (
            json(post(message), "{}")
                .header("idempotency-key", "1")
                .header("prefer", "wait=soon"),
            400,
            "malformed-preference",
        ),
        (
            json(post(message), "{}").header("idempotency-key", "1"),
            404,
            "unknown-binding",
        ),
    ] {
        let described = format!("{request:?}");
        let found = problem(request).await?;
        assert_eq!(
            (found.0.as_u16(), found.1.as_str()),
            (status, kind),
            "{described}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_where_it_gets_too_large() -> Tested {
    let service = Running::start_with(Service {
        body_bytes: 1_000,
        ..Service::default()
    })
    .await?;
    let address = service.ready.address.url.replace("http://", "");
    let mut connection = TcpStream::connect(&address).await?;
    let head = format!(
        "POST /v1/versions HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: {WASM}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        service.operator
    );
    connection.write_all(head.as_bytes()).await?;
    // Never the last chunk: only the limit ends this request.
    for _ in 0..11 {
        let chunk = format!("64\r\n{}\r\n", "x".repeat(100));
        connection.write_all(chunk.as_bytes()).await?;
    }
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("body-too-large"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() -> Tested {
    let service = Running::start().await?;
    let answer = service
        .request(Method::DELETE, "/v1/versions")
        .send()
        .await?;
    let allowed = answer.headers()[header::ALLOW].to_str()?.to_owned();
    assert!(
        allowed.contains("GET") && allowed.contains("POST"),
        "{allowed}"
    );
    Ok(())
}
