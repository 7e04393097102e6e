use cryptlet_attest::{CheckpointKey, TrustedKey};
use ed25519_dalek::SigningKey;

use super::tamper;
use crate::journal::scene::{accept, attempt, bound, execute};
use crate::journal::views::Kept;
use crate::journal::{BindingCounts, DeliveryStatus, Journal};

#[tokio::test]
async fn a_binding_is_as_large_as_what_is_kept_for_its_next_runs()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    assert_eq!(journal.kept(&binding)?, Kept::default());
    accept(&journal, binding, "a").await?;
    let one = journal.kept(&binding)?.queued_bytes;
    assert!(one > 0);
    accept(&journal, binding, "b").await?;
    assert_eq!(journal.kept(&binding)?.queued_bytes, 2 * one);
    execute(&journal, binding, 1, &[]).await?;
    assert_eq!(journal.kept(&binding)?.queued_bytes, one);
    let state_of_four_bytes = "INSERT INTO state SELECT id, 'é', x'0102' FROM binding";
    tamper(state.path(), state_of_four_bytes);
    assert_eq!(journal.kept(&binding)?.state_bytes, 4);
    Ok(())
}

#[tokio::test]
async fn an_invocation_is_shown_at_every_stage() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    assert!(journal.invocation(&binding, 1)?.is_none());
    let number = accept(&journal, binding, "first").await?;
    accept(&journal, binding, "second").await?;

    let waiting = journal.invocation(&binding, number)?.ok_or("accepted")?;
    assert_eq!(
        (waiting.number, waiting.instant, waiting.trigger),
        (1, 1_000, "message")
    );
    assert!(waiting.result.is_none() && !waiting.is_settled());

    execute(&journal, binding, number, &["{}"]).await?;
    // Whoever reads beside the writer sees the same.
    let reader = Journal::open_for_reading(state.path())?;
    let ran = reader.invocation(&binding, number)?.ok_or("executed")?;
    let result = ran.result.as_ref().ok_or("it ran")?;
    assert_eq!((result.outcome.as_str(), result.fuel), ("ok", 7));
    assert_eq!(ran.deliveries.len(), 1);
    assert_eq!(ran.deliveries[0].transaction, None);
    assert!(!ran.is_settled(), "its delivery is on its way");
    let open = BindingCounts {
        queued: 1,
        executed: 1,
        open_deliveries: 1,
    };
    assert_eq!(reader.counts(&binding)?, open);

    let delivery = ran.deliveries[0].delivery.clone();
    let kept = delivery.clone();
    journal
        .commit(move |writing| {
            writing.record_attempt(&kept, &attempt(0))?;
            writing.move_delivery(&kept, DeliveryStatus::Finalized, None)
        })
        .await?;
    let settled = reader.invocation(&binding, number)?.ok_or("settled")?;
    assert!(settled.is_settled());
    assert_eq!(settled.deliveries[0].transaction, Some(attempt(0).hash));
    assert_eq!(reader.counts(&binding)?.open_deliveries, 0);
    Ok(())
}

#[tokio::test]
async fn invocations_are_listed_page_by_page() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    for key in ["a", "b", "c", "d", "e"] {
        accept(&journal, binding, key).await?;
    }
    execute(&journal, binding, 2, &[]).await?;
    let page = |after, limit| -> Result<Vec<u64>, crate::journal::JournalError> {
        let rows = journal.invocations(&binding, after, limit)?;
        Ok(rows.into_iter().map(|row| row.number).collect())
    };
    assert_eq!(page(0, 2)?, [1, 2]);
    assert_eq!(page(2, 2)?, [3, 4]);
    assert_eq!(page(4, 2)?, [5]);
    assert!(page(u64::MAX, 2)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_list_of_long_replies_is_short() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    for key in ["a", "b", "c"] {
        let number = accept(&journal, binding, key).await?;
        execute(&journal, binding, number, &[]).await?;
    }
    super::tamper(
        state.path(),
        "UPDATE execution SET reply = zeroblob(3 * 1024 * 1024)",
    );
    assert_eq!(journal.invocations(&binding, 0, 100)?.len(), 2);
    assert_eq!(journal.invocations(&binding, 2, 100)?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn events_go_on_where_a_reader_left_off() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    for (key, events) in [("a", &["1", "2"][..]), ("b", &[]), ("c", &["3"])] {
        let number = accept(&journal, binding, key).await?;
        execute(&journal, binding, number, events).await?;
    }
    let first = journal.published_after(&binding, 0, 2)?;
    let bodies: Vec<_> = first
        .iter()
        .map(|placed| placed.event.body.clone())
        .collect();
    assert_eq!(bodies, [b"1", b"2"]);
    let place = first.last().ok_or("two events")?.place;
    let rest = journal.published_after(&binding, place, 10)?;
    assert_eq!(rest.len(), 1);
    assert_eq!(
        (rest[0].event.number, rest[0].event.body.as_slice()),
        (3, &b"3"[..])
    );
    assert!(
        journal
            .published_after(&binding, rest[0].place, 10)?
            .is_empty()
    );
    Ok(())
}

#[tokio::test]
async fn the_whole_log_can_be_read_and_every_leaf_proven() -> Result<(), Box<dyn std::error::Error>>
{
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    accept(&journal, binding, "a").await?;
    let trust = [TrustedKey::new(
        "fabric.example/log",
        &CheckpointKey::public(&SigningKey::from_bytes(&[1; 32])),
    )?];

    let leaves = journal.leaves(0, 100)?;
    assert_eq!(leaves.len() as u64, journal.log_size()?);
    for (position, leaf) in (0..).zip(&leaves) {
        assert_eq!(leaf.position, position);
        let receipt = journal
            .receipt_of_leaf(position)?
            .ok_or("it is in the log")?;
        assert_eq!(receipt.statement, leaf.entry);
        cryptlet_attest::verify_entry(&receipt, &trust)?;
    }
    assert_eq!(journal.leaves(1, 1)?, leaves[1..2]);
    assert!(journal.receipt_of_leaf(leaves.len() as u64)?.is_none());
    assert!(journal.receipt_of_leaf(u64::MAX)?.is_none());

    let checkpoints = journal.checkpoints(0, 100)?;
    let newest = checkpoints.last().ok_or("there are leaves")?;
    assert_eq!(Some(&newest.note), journal.checkpoint()?.as_ref());
    assert_eq!(newest.size, leaves.len() as u64);
    assert!(journal.checkpoints(newest.size, 100)?.is_empty());
    Ok(())
}

#[tokio::test]
async fn an_entry_that_is_no_receipt_is_named_where_a_run_should_have_one()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let number = accept(&journal, binding, "first").await?;
    execute(&journal, binding, number, &[]).await?;
    let row = journal.bindings()?.remove(0);
    let refusal = journal
        .recorded_run(&row, number)
        .expect_err("a version stands there");
    let said = refusal.to_string();
    assert!(
        said.contains("the log entry is a version change, not a receipt"),
        "{said}"
    );
    Ok(())
}
