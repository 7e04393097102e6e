//! Changes of a binding, as the journal keeps them and lets them count.

use alloy_primitives::Address;
use cryptlet_attest::{BindingId, Measurement};

use super::moves::{moved, row, three_versions};
use crate::binding::Binding;
use crate::change::{Change, ChangeApproval};
use crate::journal::scene::{attempt, document};
use crate::journal::{ChangeRow, ChangeStatus, Journal, JournalError};
use crate::versions::{KeptState, MoveKind, Stage};

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// As many parties' signatures; whether they are genuine was asked before.
fn signed_by(parties: u8) -> Vec<ChangeApproval> {
    (1..=parties)
        .map(|party| ChangeApproval {
            counterparty: Address::with_last_byte(party),
            signatures: Vec::new(),
        })
        .collect()
}

async fn propose(
    journal: &Journal,
    change: &Change,
    parties: u8,
    replaceable: &[u64],
) -> Result<u64, JournalError> {
    let (change, replaceable) = (change.clone(), replaceable.to_vec());
    journal
        .commit(move |writing| writing.propose(&change, &signed_by(parties), &replaceable, 3))
        .await
}

async fn approve(journal: &Journal, id: BindingId, number: u64) -> Result<(), JournalError> {
    journal
        .commit(move |writing| writing.approve(&id, number, &signed_by(1), &[]))
        .await
}

fn standing(journal: &Journal, id: &BindingId, number: u64) -> Result<ChangeRow, JournalError> {
    Ok(journal.change(id, number)?.expect("it was proposed"))
}

/// A change of what the gateway does not keep.
fn other_limit(in_force: &Binding, limit: u32) -> Change {
    let mut next = in_force.clone();
    next.contract.gas_limit = limit;
    Change::to(in_force.clone(), next, 1).expect("a change")
}

fn other_delay() -> Change {
    let mut next = document();
    next.contract.version_delay_seconds += 1;
    Change::to(document(), next, 1).expect("a change")
}

fn revocation(measurement: Measurement) -> Change {
    Change::revoke(document(), document().version(), measurement, 0)
}

/// Signed, and counted by the gateway, as the fabric found.
async fn count(journal: &Journal, change: &Change) -> Result<u64, JournalError> {
    let parties = u8::try_from(change.required()).expect("few");
    let number = propose(journal, change, parties, &[]).await?;
    let row = standing(journal, &change.in_force.id(), number)?;
    journal
        .commit(move |writing| writing.let_run_or_stop(&row, 4))
        .await?;
    Ok(number)
}

async fn bring_into_force(journal: &Journal, number: u64) -> Result<(), JournalError> {
    let change = standing(journal, &document().id(), number)?;
    let kept = KeptState {
        seen: None,
        version: None,
    };
    journal
        .commit(move |writing| writing.bring_into_force(&change, &row(1), kept, 5))
        .await
        .map(drop)
}

fn stopped(journal: &Journal) -> Result<Option<u64>, JournalError> {
    let row = journal.binding(&document().binding.name)?;
    Ok(row.expect("it is active").paused_by)
}

#[tokio::test]
async fn a_binding_takes_nothing_new_while_what_it_runs_is_revoked() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    let running = Measurement::of(b"swap");
    count(&journal, &revocation(row(2).measurement)).await?;
    assert_eq!(stopped(&journal)?, None, "it revoked another");

    let revoked = count(&journal, &revocation(running)).await?;
    assert_eq!(stopped(&journal)?, Some(revoked));
    assert!(standing(&journal, &id, revoked)?.reason.is_some());
    let version = document().version();
    assert_eq!(journal.revoked_by(&id, &version, &running)?, Some(revoked));

    moved(&journal, id, row(1), MoveKind::Promoted).await?;
    assert_eq!(stopped(&journal)?, None, "another version runs");
    assert_eq!(journal.revoked_by(&id, &version, &running)?, Some(revoked));
    Ok(())
}

#[tokio::test]
async fn a_binding_goes_on_when_what_it_runs_is_allowed_again() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    let running = Measurement::of(b"swap");
    count(&journal, &revocation(running)).await?;
    count(&journal, &Change::allow(document(), running, 1)).await?;
    assert_eq!(stopped(&journal)?, None);
    let version = document().version();
    assert_eq!(journal.revoked_by(&id, &version, &running)?, None);
    Ok(())
}

#[tokio::test]
async fn a_revoked_canary_gets_no_invocation_more() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    moved(&journal, id, row(1), MoveKind::Canaried).await?;
    count(&journal, &revocation(row(1).measurement)).await?;
    let stages = journal.stages(&id)?;
    assert_eq!(stages[1].stage, Stage::Deployed);
    assert_eq!(stopped(&journal)?, None);
    Ok(())
}

#[tokio::test]
async fn a_change_and_the_retirement_of_its_module_exclude_each_other() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    moved(&journal, id, row(2), MoveKind::Retired).await?;
    let allow = |minor| Change::allow(document(), row(minor).measurement, 1);
    let refusal = propose(&journal, &allow(2), 0, &[]).await;
    assert!(matches!(refusal, Err(JournalError::Conflict(_))));

    let collecting = propose(&journal, &allow(1), 1, &[]).await?;
    let signed = propose(&journal, &allow(1), 2, &[]).await?;
    let refusal = moved(&journal, id, row(1), MoveKind::Retired).await;
    let said = refusal.expect_err("a signed change names it").to_string();
    assert!(said.contains(&format!("change {signed}")), "{said}");
    journal
        .commit(move |writing| writing.move_change(&id, signed, ChangeStatus::Refused, None, None))
        .await?;
    moved(&journal, id, row(1), MoveKind::Retired).await?;
    let refusal = journal
        .commit(move |writing| writing.approve(&id, collecting, &signed_by(2), &[]))
        .await;
    assert!(refusal.is_err(), "it is retired by now");
    Ok(())
}

#[tokio::test]
async fn a_signed_change_of_which_the_gateway_has_nothing_gives_way_to_another() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    let first = propose(&journal, &other_limit(&document(), 1), 2, &[]).await?;
    let refusal = propose(&journal, &other_limit(&document(), 2), 2, &[]).await;
    assert!(refusal.is_err(), "the gateway may have some of the first");

    let second = propose(&journal, &other_limit(&document(), 2), 2, &[first]).await?;
    assert_eq!(
        standing(&journal, &id, first)?.status,
        ChangeStatus::Refused
    );
    assert_eq!(
        standing(&journal, &id, second)?.status,
        ChangeStatus::Signed
    );
    journal
        .commit(move |writing| writing.record_change_attempt(&id, second, "anvil", &attempt(1)))
        .await?;
    let refusal = propose(&journal, &other_limit(&document(), 3), 2, &[second]).await;
    assert!(refusal.is_err(), "a transaction carries the second");
    Ok(())
}

#[tokio::test]
async fn a_signed_change_takes_signatures_until_a_transaction_carries_it() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    let number = propose(&journal, &other_limit(&document(), 1), 2, &[]).await?;
    approve(&journal, id, number).await?;
    assert_eq!(
        standing(&journal, &id, number)?.status,
        ChangeStatus::Signed
    );
    journal
        .commit(move |writing| writing.record_change_attempt(&id, number, "anvil", &attempt(1)))
        .await?;
    let refusal = approve(&journal, id, number).await;
    assert!(matches!(refusal, Err(JournalError::Conflict(_))));
    Ok(())
}

#[tokio::test]
async fn proposals_make_room_for_what_is_signed_and_with_the_document_that_they_were_for()
-> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    for limit in 1..=64 {
        propose(&journal, &other_limit(&document(), limit), 1, &[]).await?;
    }
    let one_more = propose(&journal, &other_limit(&document(), 65), 1, &[]).await;
    assert!(one_more.is_err());
    propose(&journal, &revocation(row(2).measurement), 1, &[]).await?;
    let signed = other_limit(&document(), 66);
    let number = propose(&journal, &signed, 2, &[]).await?;
    bring_into_force(&journal, number).await?;

    assert_eq!(standing(&journal, &id, 1)?.status, ChangeStatus::Refused);
    propose(&journal, &other_limit(&signed.document, 67), 1, &[]).await?;
    Ok(())
}

#[tokio::test]
async fn terms_that_the_gateway_has_alone_are_put_right_by_terms_and_until_then_nothing_is_taken()
-> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    let alone = propose(&journal, &other_delay(), 2, &[]).await?;
    journal
        .commit(move |writing| {
            writing.move_change(&id, alone, ChangeStatus::Refused, Some("revoked"), None)?;
            writing.stop(&id, alone)
        })
        .await?;
    assert_eq!(stopped(&journal)?, Some(alone));
    moved(&journal, id, row(2), MoveKind::Promoted).await?;
    assert_eq!(
        stopped(&journal)?,
        Some(alone),
        "no version puts that right"
    );
    let without = propose(&journal, &other_limit(&document(), 1), 2, &[]).await;
    assert!(matches!(without, Err(JournalError::Conflict(_))));

    let anew = propose(&journal, &other_delay(), 2, &[]).await?;
    bring_into_force(&journal, anew).await?;
    assert_eq!(stopped(&journal)?, None);
    Ok(())
}

#[tokio::test]
async fn a_state_is_not_rewritten_beside_a_canary_that_came_meanwhile() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    let check =
        |minor| journal.commit(move |writing| writing.check_alone(&id, &row(minor).version));
    check(2).await?;
    moved(&journal, id, row(1), MoveKind::Canaried).await?;
    let refusal = check(2).await.expect_err("1.1.0 reads the state as it is");
    assert!(refusal.to_string().contains("1.1.0"), "{refusal}");
    Ok(())
}

#[tokio::test]
async fn a_document_does_not_come_into_force_over_a_state_that_was_rewritten_meanwhile()
-> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, id) = three_versions(state.path()).await?;
    let number = propose(&journal, &other_limit(&document(), 1), 2, &[]).await?;
    journal
        .commit(move |writing| writing.keep_state_version(&id, None, Some(2)))
        .await?;
    let refusal = bring_into_force(&journal, number).await;
    assert!(matches!(refusal, Err(JournalError::Conflict(_))));
    assert_eq!(journal.state_version(&id)?, Some(2));
    Ok(())
}
