//! Who may do what, and how often.

use cryptlet_fabric::Service;
use cryptlet_service::api::Problem;
use cryptlet_service::tokens::{self, Role};
use reqwest::{Method, StatusCode, header};

use crate::running::{Running, Tested};

#[tokio::test]
async fn without_a_token_only_health_the_log_and_the_description_are_open() -> Tested {
    let service = Running::start().await?;
    for open in [
        "/health/live",
        "/health/ready",
        "/v1/openapi.json",
        "/v1/log/checkpoint",
        "/v1/log/key",
    ] {
        let answer = service.anonymous(Method::GET, open).send().await?;
        assert_eq!(answer.status(), StatusCode::OK, "{open}");
    }
    for closed in [
        "/metrics",
        "/v1/status",
        "/v1/receipts/0",
        "/v1/no-such-route",
    ] {
        let answer = service.anonymous(Method::GET, closed).send().await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{closed}");
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
    for wrong in ["cfa_00", "", &service.operator[1..]] {
        let answer = service
            .anonymous(Method::GET, "/v1/status")
            .bearer_auth(wrong)
            .send()
            .await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{wrong}");
    }
    Ok(())
}

#[tokio::test]
async fn each_role_may_do_what_is_its_own() -> Tested {
    let service = Running::start().await?;
    let auditor = service.token("auditor", Role::Auditor)?;
    let caller = service.token("caller", Role::Caller)?;
    let message = "/v1/bindings/acme/messages/Quote";
    // An unknown binding is found out only by those who may ask.
    for (token, method, path, expected) in [
        (&auditor, Method::GET, "/v1/status", StatusCode::OK),
        (&auditor, Method::POST, message, StatusCode::FORBIDDEN),
        (
            &auditor,
            Method::POST,
            "/v1/versions",
            StatusCode::FORBIDDEN,
        ),
        // What digests stand for is the operator's to show.
        (
            &auditor,
            Method::GET,
            "/v1/bindings/acme/invocations/1/bundle",
            StatusCode::NOT_FOUND,
        ),
        (
            &caller,
            Method::GET,
            "/v1/bindings/acme/invocations/1/bundle?open=input",
            StatusCode::FORBIDDEN,
        ),
        (&caller, Method::GET, "/v1/versions", StatusCode::OK),
        (&caller, Method::POST, message, StatusCode::NOT_FOUND),
        (&caller, Method::POST, "/v1/versions", StatusCode::FORBIDDEN),
        (
            &caller,
            Method::POST,
            "/v1/bindings/acme/invocations/1/pass-over",
            StatusCode::FORBIDDEN,
        ),
        (
            &caller,
            Method::POST,
            "/v1/bindings/acme/deliveries/1/skip",
            StatusCode::FORBIDDEN,
        ),
        (
            &service.operator,
            Method::POST,
            message,
            StatusCode::NOT_FOUND,
        ),
    ] {
        let answer = service
            .anonymous(method, path)
            .bearer_auth(token)
            .header("idempotency-key", "1")
            .json(&serde_json::json!({}))
            .send()
            .await?;
        assert_eq!(answer.status(), expected, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_is_good_from_when_it_is_made_until_it_is_revoked() -> Tested {
    let service = Running::start().await?;
    let token = service.token("short-lived", Role::Auditor)?;
    let ask = || {
        service
            .anonymous(Method::GET, "/v1/status")
            .bearer_auth(&token)
            .send()
    };
    assert_eq!(ask().await?.status(), StatusCode::OK);
    tokens::revoke(service.state.path(), &"short-lived".parse()?)?;
    assert_eq!(ask().await?.status(), StatusCode::UNAUTHORIZED);
    Ok(())
}

#[tokio::test]
async fn a_damaged_token_file_lets_in_those_it_let_in_before() -> Tested {
    let service = Running::start().await?;
    assert_eq!(service.get("/v1/status").await?.status(), StatusCode::OK);
    std::fs::write(service.state.path().join("tokens.toml"), "[tokens")?;
    assert_eq!(service.get("/v1/status").await?.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() -> Tested {
    let service = Running::start_with(Service {
        requests_per_second: 1,
        burst: 3,
        ..Service::default()
    })
    .await?;
    let other = service.token("other", Role::Auditor)?;
    for _ in 0..3 {
        assert_eq!(service.get("/v1/status").await?.status(), StatusCode::OK);
    }
    // A slow machine may have earned some more.
    let refused = loop {
        let answer = service.get("/v1/status").await?;
        if answer.status() != StatusCode::OK {
            break answer;
        }
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.headers()[header::RETRY_AFTER].to_str()?.parse()?;
    assert_eq!(seconds, 1);
    let problem: Problem = refused.json().await?;
    assert_eq!(problem.kind, "too-many-requests");
    let answer = service
        .anonymous(Method::GET, "/v1/status")
        .bearer_auth(&other)
        .send()
        .await?;
    assert_eq!(answer.status(), StatusCode::OK, "others are not held up");
    Ok(())
}

#[tokio::test]
async fn a_foreign_name_for_this_machine_is_refused() -> Tested {
    let service = Running::start().await?;
    for (host, expected) in [
        ("localhost", StatusCode::OK),
        ("127.0.0.1:1", StatusCode::OK),
        ("rebound.example", StatusCode::MISDIRECTED_REQUEST),
        ("rebound.example:7410", StatusCode::MISDIRECTED_REQUEST),
    ] {
        for path in ["/health/live", "/v1/status"] {
            let answer = service
                .request(Method::GET, path)
                .header(header::HOST, host)
                .send()
                .await?;
            assert_eq!(answer.status(), expected, "{host} {path}");
        }
    }
    Ok(())
}
