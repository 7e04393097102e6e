//! The cryptlet as its askers meet it.

use cryptlet_schema::{Kind, Manifest};
use cryptlet_sdk::prelude::*;
use cryptlet_sdk::testing::Fixture;
use reference_rate::{Rate, RateFor, SERIES, TABLE, rate};

const PUBLISHED: &str = include_str!("../data/us-treasury-bill-3-month.csv");

fn asked(quarter: &str) -> RateFor {
    RateFor {
        quarter: quarter.to_owned(),
    }
}

#[test]
fn answers_with_the_published_rate_and_its_series() {
    let run = Fixture::utility()
        .page(TABLE, Response::new(200, PUBLISHED))
        .asked(&asked("2006-Q1"))
        .run(rate);

    assert_eq!(
        run.reply::<Rate>(),
        Rate {
            quarter: "2006-Q1".into(),
            rate_ppm: 45_100,
            source: SERIES.into()
        }
    );
    assert_eq!(run.fetched(), [Request::get(TABLE)]);
}

#[test]
fn fails_with_a_code_for_each_reason() {
    let answers = |response: Response| Fixture::utility().page(TABLE, response);
    let good = || answers(Response::new(200, PUBLISHED));
    for (fixture, quarter, code) in [
        (good(), "2010-Q1", "unknown-quarter"),
        (good(), "2006Q1", "invalid-quarter"),
        (answers(Response::new(404, "")), "2006-Q1", "http-status"),
        (
            answers(Response::new(304, PUBLISHED)),
            "2006-Q1",
            "http-status",
        ),
        (
            answers(Response::new(200, "<html>")),
            "2006-Q1",
            "malformed-table",
        ),
        (
            answers(Response::new(200, vec![0xff])),
            "2006-Q1",
            "invalid-text",
        ),
        (
            Fixture::utility().site(TABLE, |_| Err(HttpError::Timeout)),
            "2006-Q1",
            "http-timeout",
        ),
        (Fixture::utility(), "2006-Q1", "http-denied"),
    ] {
        let run = fixture.asked(&asked(quarter)).run(rate);
        assert_eq!(run.failure().code(), code);
    }
}

#[test]
fn does_not_fetch_for_a_label_that_is_no_quarter() {
    let run = Fixture::utility().asked(&asked("yesterday")).run(rate);
    assert_eq!(run.failure().code(), "invalid-quarter");
    assert!(run.fetched().is_empty());
}

#[test]
fn the_manifest_promises_what_the_code_does() {
    let manifest = Manifest::parse(include_str!("../cryptlet.toml")).expect("it is a manifest");
    assert_eq!(manifest.cryptlet.name, env!("CARGO_PKG_NAME"));
    assert_eq!(
        manifest.cryptlet.version.to_string(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(manifest.cryptlet.kind, Kind::Utility);
    assert!(manifest.capabilities.http);
    assert!(!manifest.capabilities.ledger && !manifest.capabilities.state);
    assert!(PUBLISHED.len() as u64 <= manifest.limits.http_response_bytes);

    let request = manifest
        .messages
        .request
        .expect("a utility cryptlet is asked something");
    let reply = manifest.messages.reply.expect("a utility cryptlet replies");
    assert_eq!((request.name(), reply.name()), (RateFor::NAME, Rate::NAME));
    request
        .check(&cryptlet_sdk::encode(&asked("2006-Q1")).unwrap())
        .unwrap();
    let answer = Rate {
        quarter: "2006-Q1".into(),
        rate_ppm: u32::MAX,
        source: SERIES.into(),
    };
    reply
        .check(&cryptlet_sdk::encode(&answer).unwrap())
        .unwrap();
}
