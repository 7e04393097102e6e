//! The logic, run natively: no sandbox, no host, thousands of runs a second.
//! The folders in `cases/` hold the same cryptlet to its promises in the sandbox.

use ::{{crate}}::{Dispute, GoodsReceived, InvoicePaid, Pay, Rate, SOURCE, handlers};
use cryptlet_sdk::Contract;
use cryptlet_sdk::prelude::*;
use cryptlet_sdk::testing::Fixture;

const SUPPLIER: Address = Address([0xaa; 20]);

#[message(name = "RateFor")]
struct Question {
    currency: String,
}

/// A cryptlet whose source says that a cent is worth `units_per_cent`.
fn at(units_per_cent: u64) -> Fixture<Contract> {
    Fixture::contract().source(SOURCE, move |asked: Question| {
        Ok(Rate {
            currency: asked.currency,
            units_per_cent,
        })
    })
}

fn received(cents: U256) -> GoodsReceived {
    GoodsReceived {
        invoice: 7,
        supplier: SUPPLIER,
        currency: "EUR".into(),
        cents,
    }
}

#[test]
fn pays_what_the_source_says_the_invoice_is_worth() {
    let run = at(10_869)
        .emitted(&received(U256::from(1_000u32)))
        .run(handlers::dispatch)
        .succeeded();

    let amount = U256::from(10_869_000u32);
    assert_eq!(
        run.submitted::<Pay>(),
        [Pay {
            invoice: 7,
            supplier: SUPPLIER,
            amount
        }]
    );
    assert_eq!(run.published::<InvoicePaid>()[0].amount, amount);
    assert_eq!(run.remembered::<bool>("paid/7"), Some(true));
}

#[test]
fn pays_an_invoice_once() {
    let run = at(1)
        .remembering("paid/7", &true)
        .emitted(&received(U256::ONE))
        .run(handlers::dispatch);

    assert_eq!(run.failure().code(), "already-paid");
}

#[test]
fn does_not_pay_a_disputed_invoice() {
    let disputed = at(1)
        .sent(
            "acme",
            &Dispute {
                invoice: 7,
                reason: "half is missing".into(),
            },
        )
        .run(handlers::dispatch)
        .succeeded();

    let run = at(1)
        .state(disputed.state().clone())
        .emitted(&received(U256::ONE))
        .run(handlers::dispatch)
        .succeeded();

    assert!(run.submissions().is_empty());
    assert!(run.asked().is_empty());
}

#[test]
fn says_that_an_amount_beyond_the_ledger_cannot_be_paid() {
    let run = at(2).emitted(&received(U256::MAX)).run(handlers::dispatch);

    assert_eq!(run.failure().code(), "amount-too-large");
}
