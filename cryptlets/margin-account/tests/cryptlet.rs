//! What the parties put up, and what becomes of it from one version to the next.

use cryptlet_schema::{Kind, Manifest};
use cryptlet_sdk::Contract;
use cryptlet_sdk::prelude::*;
use cryptlet_sdk::testing::{Fixture, Run};
use margin_account::{MarginChanged, PutUp, on_put_up};

fn manifest() -> Manifest {
    let text = if cfg!(feature = "balances") {
        include_str!("../cryptlet-1.1.toml")
    } else if cfg!(feature = "something") {
        include_str!("../cryptlet-1.0.1.toml")
    } else {
        include_str!("../cryptlet.toml")
    };
    Manifest::parse(text).expect("it is a manifest")
}

fn put_up(fixture: Fixture<Contract>, party: &str, amount: u64) -> Run {
    let amount = U256::from(amount);
    fixture.sent(party, &PutUp { amount }).run(on_put_up)
}

fn balance(run: &Run) -> U256 {
    run.published::<MarginChanged>()[0].balance
}

#[test]
fn each_party_has_a_balance_of_its_own() {
    let first = put_up(Fixture::contract(), "acme", 40).succeeded();
    let other = put_up(
        Fixture::contract().state(first.state().clone()),
        "globex",
        7,
    );
    let again = put_up(Fixture::contract().state(other.state().clone()), "acme", 2);
    assert_eq!(
        [balance(&first), balance(&other), balance(&again)],
        [40_u64, 7, 42].map(U256::from)
    );
}

#[test]
fn more_than_the_ledger_can_hold_is_refused() {
    let first = Fixture::contract()
        .sent("acme", &PutUp { amount: U256::MAX })
        .run(on_put_up)
        .succeeded();
    let refused = put_up(Fixture::contract().state(first.state().clone()), "acme", 1);
    assert_eq!(refused.failure().code(), "margin-too-large");
}

#[test]
#[cfg(feature = "something")]
fn nothing_is_refused() {
    let refused = put_up(Fixture::contract(), "acme", 0);
    assert_eq!(refused.failure().code(), "nothing-put-up");
}

#[test]
fn the_manifest_declares_what_is_published_and_the_version_of_the_state() {
    let manifest = manifest();
    assert_eq!(manifest.cryptlet.kind, Kind::Contract);
    let run = put_up(Fixture::contract(), "acme", 1).succeeded();
    let published = &run.events()[0];
    manifest
        .messages
        .topic(&published.topic)
        .expect("the topic is declared")
        .check(&published.body)
        .expect("the event fits");
    let expected = if cfg!(feature = "balances") { 2 } else { 1 };
    assert_eq!(manifest.state_version(), Some(expected));
}

#[cfg(feature = "balances")]
mod migration {
    use super::*;
    use margin_account::migrate;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was put up under version 1, version 2 goes on from the same balances.
        #[test]
        fn movements_become_the_balances_that_they_add_up_to(
            movements in proptest::collection::vec(("[ab/]{1,3}", any::<u64>()), 0..20),
        ) {
            let mut fixture = Fixture::contract();
            let mut sums = std::collections::BTreeMap::new();
            for (number, (party, amount)) in movements.iter().enumerate() {
                fixture = fixture.remembering(
                    &format!("movement/{party}/{number:08}"),
                    &U256::from(*amount),
                );
                *sums.entry(party.clone()).or_insert(0_u128) += u128::from(*amount);
            }
            let migrated = fixture.migrate(1, migrate).succeeded();
            prop_assert_eq!(migrated.state().len(), sums.len());
            for (party, sum) in sums {
                let run = put_up(Fixture::contract().state(migrated.state().clone()), &party, 1);
                prop_assert_eq!(balance(&run), U256::from(sum + 1));
            }
        }
    }

    #[test]
    fn another_state_version_is_refused() {
        let refused = Fixture::contract().migrate(7, migrate);
        assert_eq!(refused.failure().code(), "unknown-state-version");
    }
}
