//! The logic, run natively: no sandbox, no host, thousands of runs a second.
//! The folders in `cases/` hold the same cryptlet to its promises in the sandbox.

use ::{{crate}}::{Rate, RateFor, TABLE, rate};
use cryptlet_sdk::prelude::*;
use cryptlet_sdk::testing::{Fixture, Run};

fn asked_for(currency: &str, table: Response) -> Run {
    Fixture::utility()
        .page(TABLE, table)
        .asked(&RateFor {
            currency: currency.into(),
        })
        .run(rate)
}

#[test]
fn answers_with_the_published_rate() {
    let run = asked_for("EUR", Response::new(200, r#"{ "EUR": 10869 }"#));

    assert_eq!(
        run.reply::<Rate>(),
        Rate {
            currency: "EUR".into(),
            units_per_cent: 10_869
        }
    );
}

#[test]
fn fails_with_a_code_for_each_reason() {
    for (response, code) in [
        (Response::new(200, "{}"), "unknown-currency"),
        (Response::new(200, "<html>"), "invalid-json"),
        (Response::new(404, ""), "http-status"),
    ] {
        assert_eq!(asked_for("EUR", response).failure().code(), code);
    }
}
