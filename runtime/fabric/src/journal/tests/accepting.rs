use cryptlet_attest::{BindingId, BindingVersion};

use crate::journal::scene::{accept, bound, execute, message};
use crate::journal::{JournalError, Queued};
use crate::scene::Scene;
use crate::{FabricError, Message};

type TestResult = Result<(), Box<dyn std::error::Error>>;

async fn changed(
    journal: &crate::journal::Journal,
    binding: BindingId,
    sql: &'static str,
) -> Result<(), JournalError> {
    journal
        .commit(move |writing| writing.execute(sql, [binding.as_bytes()]).map(drop))
        .await
}

#[tokio::test]
async fn what_was_held_against_another_document_or_before_a_pause_is_not_accepted() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    accept(&journal, binding, "before").await?;
    let size = journal.log_size()?;

    let mut of_another = message(binding, "of another", "{}");
    of_another.new.binding_version = BindingVersion::from_bytes([9; 32]);
    let refused = journal
        .commit(move |writing| of_another.write(writing))
        .await;
    assert!(matches!(refused, Err(JournalError::Conflict(_))));

    changed(
        &journal,
        binding,
        "UPDATE binding SET paused_by = 1 WHERE id = ?1",
    )
    .await?;
    let refused = accept(&journal, binding, "after").await;
    assert!(matches!(refused, Err(JournalError::Conflict(_))));
    let again = accept(&journal, binding, "before").await?;
    assert_eq!((again, journal.log_size()?), (1, size));

    changed(
        &journal,
        binding,
        "UPDATE binding SET paused_by = NULL WHERE id = ?1",
    )
    .await?;
    assert_eq!(accept(&journal, binding, "after").await?, 2);
    Ok(())
}

#[tokio::test]
async fn who_asks_again_is_answered_when_nothing_new_is_taken() -> TestResult {
    let scene = Scene::new(1).await?;
    let journal = &scene.fabric.journal;
    let taken = scene.send("a").await?;

    for changed_meanwhile in [
        "UPDATE binding SET paused_by = 1 WHERE id = ?1",
        "UPDATE binding SET paused_by = NULL, document = replace(document, 'Remind', 'Settle') WHERE id = ?1",
    ] {
        changed(journal, scene.id, changed_meanwhile).await?;
        assert_eq!(scene.send("a").await?, taken, "{changed_meanwhile}");
        let of_another = Message {
            sender: "globex".into(),
            topic: "Remind".into(),
            body: br#"{"period":1}"#.to_vec(),
            idempotency_key: "a".into(),
        };
        for refused in [
            scene.send("b").await,
            scene.fabric.send(crate::scene::NAME, of_another).await,
        ] {
            assert!(
                matches!(
                    refused,
                    Err(FabricError::Paused { .. } | FabricError::Message { .. })
                ),
                "{refused:?}"
            );
        }
        let other = Message {
            sender: "acme".into(),
            topic: "Remind".into(),
            body: br#"{"period":2}"#.to_vec(),
            idempotency_key: "a".into(),
        };
        let refused = scene.fabric.send(crate::scene::NAME, other).await;
        assert!(
            matches!(refused, Err(FabricError::OtherMessage { number, .. }) if number == taken),
            "{refused:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn what_waits_is_counted_however_it_comes_and_goes() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    for key in ["a", "b", "a", "c"] {
        accept(&journal, binding, key).await?;
    }
    let mut again = message(binding, "d", "{}");
    again.new.again = Some(1);
    journal
        .commit(move |writing| again.write(writing).map(drop))
        .await?;
    for (waiting, next) in [(4, 4), (3, 1), (2, 2), (1, 3)] {
        let found = journal
            .next_accepted(&binding, 1)?
            .pop()
            .ok_or("one waits")?;
        assert_eq!((found.number, found.is_again), (next, next == 4));
        assert_eq!(journal.waiting_under(&binding)?, waiting);
        assert_eq!(journal.counts(&binding)?.queued, waiting);
        assert_eq!(journal.waiting()?, waiting);
        assert_eq!(journal.bindings_with_work()?.len(), 1);
        execute(&journal, binding, next, &[]).await?;
    }
    assert!(journal.next_accepted(&binding, 1)?.is_empty());
    assert_eq!(journal.waiting()?, 0);
    assert_eq!(journal.bindings_with_work()?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn nothing_runs_twice_and_nothing_is_left_out_of_what_ran_together() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    for key in ["a", "b", "c"] {
        accept(&journal, binding, key).await?;
    }
    let ran = |numbers: &'static [u64]| {
        let queued = |number: &u64| Queued {
            number: *number,
            is_again: false,
        };
        let queued: Vec<Queued> = numbers.iter().map(queued).collect();
        journal.commit_checked(move |writing| writing.mark_executed(&binding, &queued))
    };
    let with_a_gap = ran(&[1, 3]).await;
    assert!(matches!(with_a_gap, Err(JournalError::Conflict(_))));
    assert_eq!(journal.next_accepted(&binding, 9)?.len(), 3);
    ran(&[1, 2]).await?;
    let again = ran(&[2]).await;
    assert!(matches!(again, Err(JournalError::Conflict(_))), "{again:?}");
    let left = journal.next_accepted(&binding, 9)?;
    assert_eq!(left.iter().map(|row| row.number).collect::<Vec<_>>(), [3]);
    Ok(())
}

#[tokio::test]
async fn a_binding_that_failing_work_moved_on_stays_where_it_was() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let before = journal.standing(&binding)?;
    let failed: Result<(), _> = journal
        .commit_checked(move |writing| {
            writing.move_on(&binding, |stand| stand.standing.next_delivery += 1)?;
            Err(JournalError::Conflict("too late".into()))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(journal.standing(&binding)?, before);
    let moved = journal
        .commit_checked(move |writing| {
            writing.move_on(&binding, |stand| stand.standing.next_delivery += 1)
        })
        .await;
    moved?;
    assert_eq!(
        journal.standing(&binding)?.next_delivery,
        before.next_delivery + 1
    );
    Ok(())
}
