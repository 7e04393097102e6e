//! The cryptlet from event to settlement.

use cryptlet_schema::{Kind, Manifest, Message as Schema, SchemaError};
use cryptlet_sdk::prelude::*;
use cryptlet_sdk::testing::{Fixture, Run};
use cryptlet_sdk::{Contract, ContractEvent, IncomingMessage};
use interest_rate_swap::{
    PeriodEnded, PeriodNetted, Rate, RateFor, SOURCE, Settle, on_period_ended,
};

const FIXED_PAYER: Address = Address([0xaa; 20]);
const FLOATING_PAYER: Address = Address([0xbb; 20]);

#[message(name = "RateFor")]
struct Question {
    quarter: String,
}

fn manifest() -> Manifest {
    let text = if cfg!(feature = "breakdown") {
        include_str!("../cryptlet-1.1.toml")
    } else {
        include_str!("../cryptlet.toml")
    };
    Manifest::parse(text).expect("it is a manifest")
}

fn ended() -> PeriodEnded {
    PeriodEnded {
        period: 3,
        quarter: "2006-Q1".into(),
        notional: U256::from(1_000_000u32),
        fixed_bps: 500,
        day_count: 90,
        fixed_payer: FIXED_PAYER,
        floating_payer: FLOATING_PAYER,
    }
}

/// A contract cryptlet whose source knows one rate, and whose actions are checked
/// against the manifest as a real host checks them.
fn at_rate(rate_ppm: u32) -> Fixture<Contract> {
    Fixture::contract()
        .source(SOURCE, move |asked: Question| {
            Ok(Rate {
                quarter: asked.quarter,
                rate_ppm,
                source: "test".into(),
            })
        })
        .checking_actions(|action, fields| {
            let manifest = manifest();
            let schema = manifest
                .messages
                .action(action)
                .ok_or_else(|| BuildError::UnknownAction(action.to_owned()))?;
            schema
                .encode_call(fields)
                .map(drop)
                .map_err(|error: SchemaError| {
                    let (path, expected, found) = error.into_field();
                    BuildError::Field {
                        path,
                        expected,
                        found,
                    }
                })
        })
}

fn check_events(run: &Run) {
    for event in run.events() {
        let manifest = manifest();
        let schema = manifest
            .messages
            .topic(&event.topic)
            .expect("the topic is declared");
        schema
            .check(&event.body)
            .expect("the event fits its schema");
    }
}

#[test]
fn settles_and_publishes_the_net_of_a_period() {
    let run = at_rate(45_100)
        .emitted(&ended())
        .run(on_period_ended)
        .succeeded();

    let amount = U256::from(1_225u32);
    assert_eq!(
        run.submitted::<Settle>(),
        [Settle {
            period: 3,
            payer: FIXED_PAYER,
            amount
        }]
    );
    assert_eq!(
        run.published::<PeriodNetted>(),
        [PeriodNetted {
            period: 3,
            quarter: "2006-Q1".into(),
            rate_ppm: 45_100,
            payer: FIXED_PAYER,
            amount,
        }]
    );
    assert_eq!(
        run.asked(),
        [(SOURCE.to_owned(), br#"{"quarter":"2006-Q1"}"#.to_vec())]
    );
    assert_eq!(run.logs().len(), 1);
    check_events(&run);
}

#[test]
fn the_floating_payer_pays_when_the_market_is_above_the_fixed_rate() {
    let run = at_rate(60_000)
        .emitted(&ended())
        .run(on_period_ended)
        .succeeded();
    let [settle]: [Settle; 1] = run.submitted().try_into().unwrap();
    assert_eq!(
        (settle.payer, settle.amount),
        (FLOATING_PAYER, U256::from(2_500u32))
    );
}

#[test]
fn settles_nought_too_so_that_the_contract_can_go_on() {
    let run = at_rate(50_000)
        .emitted(&ended())
        .run(on_period_ended)
        .succeeded();
    assert_eq!(
        run.submitted::<Settle>(),
        [Settle {
            period: 3,
            payer: FIXED_PAYER,
            amount: U256::ZERO
        }]
    );
}

#[test]
fn refuses_a_rate_for_another_quarter() {
    let run = Fixture::contract()
        .source(SOURCE, |_: Question| {
            Ok(Rate {
                quarter: "2005-Q4".into(),
                rate_ppm: 38_000,
                source: "test".into(),
            })
        })
        .emitted(&ended())
        .run(on_period_ended);
    assert_eq!(run.failure().code(), "wrong-quarter");
    assert!(run.submissions().is_empty());
}

#[test]
fn passes_on_why_the_source_failed() {
    let run = Fixture::contract()
        .source(SOURCE, |_: Question| -> Result<Rate> {
            fail!("unknown-quarter", "the table ends before")
        })
        .emitted(&ended())
        .run(on_period_ended);
    assert_eq!(run.failure().code(), "source-failed");
    assert!(
        run.failure()
            .message()
            .contains("unknown-quarter: the table ends before")
    );
}

#[test]
fn says_that_an_amount_beyond_the_ledger_cannot_be_settled() {
    let mut ended = ended();
    ended.notional = U256::MAX;
    ended.day_count = u32::MAX;
    let run = at_rate(0).emitted(&ended).run(on_period_ended);
    assert_eq!(run.failure().code(), "amount-too-large");
    assert!(run.submissions().is_empty() && run.events().is_empty());
}

#[test]
fn takes_no_message_for_an_event_of_the_contract() {
    let body = cryptlet_sdk::encode(&ended()).unwrap();
    let forged = Trigger::Message(IncomingMessage {
        sender: "mallory".into(),
        topic: PeriodEnded::NAME.into(),
        body,
    });
    let run = at_rate(45_100).trigger(forged).run(on_period_ended);
    assert_eq!(run.failure().code(), "unexpected-trigger");
}

#[test]
fn reads_the_event_as_the_host_decodes_it() {
    let schema = manifest()
        .messages
        .contract_event("PeriodEnded")
        .cloned()
        .unwrap();
    let written = cryptlet_sdk::encode(&ended()).unwrap();
    schema.check(&written).unwrap();

    // The host writes checksummed addresses.
    let checksummed = String::from_utf8(written).unwrap().replace(
        &FIXED_PAYER.to_string(),
        "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa",
    );
    schema.check(checksummed.as_bytes()).unwrap();
    let event = Trigger::ContractEvent(ContractEvent {
        name: "PeriodEnded".into(),
        fields: checksummed.into_bytes(),
        at: LedgerPosition::default(),
        log_index: 0,
    });
    let run = at_rate(45_100)
        .trigger(event)
        .run(on_period_ended)
        .succeeded();
    assert_eq!(run.submitted::<Settle>()[0].payer, FIXED_PAYER);
}

#[test]
fn speaks_the_reference_rate_s_own_schemas() {
    let manifest = Manifest::parse(include_str!("../../reference-rate/cryptlet.toml")).unwrap();
    let request = RateFor { quarter: "2006-Q1" };
    let reply = Rate {
        quarter: "2006-Q1".into(),
        rate_ppm: 1,
        source: "test".into(),
    };
    let [asked, answered] =
        [manifest.messages.request, manifest.messages.reply].map(Option::unwrap);
    assert_eq!((asked.name(), answered.name()), (RateFor::NAME, Rate::NAME));
    asked
        .check(&cryptlet_sdk::encode(&request).unwrap())
        .unwrap();
    answered
        .check(&cryptlet_sdk::encode(&reply).unwrap())
        .unwrap();
}

#[test]
fn the_manifest_promises_what_the_code_does() {
    let manifest = manifest();
    assert_eq!(manifest.cryptlet.name, env!("CARGO_PKG_NAME"));
    assert_eq!(manifest.cryptlet.kind, Kind::Contract);
    assert!(manifest.capabilities.ledger && manifest.capabilities.events);
    assert_eq!(manifest.capabilities.sources, [SOURCE]);
    assert!(manifest.limits.call_depth >= 2, "it asks a source");

    let settle: Schema = "settle(uint32 period, address payer, uint256 amount)"
        .parse()
        .unwrap();
    assert_eq!(manifest.messages.action(Settle::ACTION), Some(&settle));
}

#[test]
fn both_versions_agree_on_everything_but_the_legs() {
    let old = Manifest::parse(include_str!("../cryptlet.toml")).unwrap();
    let new = Manifest::parse(include_str!("../cryptlet-1.1.toml")).unwrap();
    assert_eq!(old.cryptlet.version.to_string(), "1.0.0");
    assert_eq!(new.cryptlet.version.to_string(), env!("CARGO_PKG_VERSION"));
    assert_eq!(old.cryptlet.name, new.cryptlet.name);
    assert_eq!(old.capabilities, new.capabilities);
    assert_eq!(old.limits, new.limits);
    assert_eq!(old.messages.actions, new.messages.actions);
    assert_eq!(old.messages.contract_events, new.messages.contract_events);
    assert_eq!(new.messages.topics[..1], old.messages.topics);
    assert!(old.build.features.is_empty());
    assert_eq!(new.build.features, ["breakdown"]);
}

#[cfg(not(feature = "breakdown"))]
mod version_1_0 {
    use super::*;

    #[test]
    fn settles_at_any_rate_and_shows_no_legs() {
        let run = at_rate(900_000)
            .emitted(&ended())
            .run(on_period_ended)
            .succeeded();
        assert_eq!(run.submitted::<Settle>().len(), 1);
        assert_eq!(run.events().len(), 1);
    }
}

#[cfg(feature = "breakdown")]
mod version_1_1 {
    use super::*;
    use interest_rate_swap::{HIGHEST_PLAUSIBLE_RATE_PPM, LegsComputed};

    #[test]
    fn shows_both_legs() {
        let run = at_rate(45_100)
            .emitted(&ended())
            .run(on_period_ended)
            .succeeded();
        assert_eq!(
            run.published::<LegsComputed>(),
            [LegsComputed {
                period: 3,
                fixed_leg: U256::from(12_500u32),
                floating_leg: U256::from(11_275u32),
                day_count: 90,
            }]
        );
        assert_eq!(run.events().len(), 2);
        check_events(&run);
    }

    #[test]
    fn refuses_a_rate_above_a_quarter() {
        let run = at_rate(HIGHEST_PLAUSIBLE_RATE_PPM)
            .emitted(&ended())
            .run(on_period_ended);
        run.succeeded();
        let run = at_rate(HIGHEST_PLAUSIBLE_RATE_PPM + 1)
            .emitted(&ended())
            .run(on_period_ended);
        assert_eq!(run.failure().code(), "implausible-rate");
        assert!(run.submissions().is_empty() && run.events().is_empty());
    }
}
