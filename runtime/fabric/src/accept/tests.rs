use super::*;
use crate::journal::Journal;
use crate::journal::scene::{bound, execute, message};
use crate::scene::{NAME, Scene};

async fn admit(
    journal: &Journal,
    accepting: Accepting,
    limit: u64,
) -> Result<Admission, JournalError> {
    journal
        .commit_checked(move |writing| accepting.admit(writing, limit, &Backlog::new(100, 0)))
        .await
}

#[tokio::test]
async fn a_full_queue_takes_no_more_however_many_come_at_once()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let journal = std::sync::Arc::new(journal);
    let callers = (0..40).map(|caller| {
        let journal = std::sync::Arc::clone(&journal);
        tokio::spawn(async move {
            admit(&journal, message(binding, &caller.to_string(), "{}"), 7).await
        })
    });
    let mut refused = 0;
    for caller in callers.collect::<Vec<_>>() {
        match caller.await?? {
            Admission::Accepted(accepted) => assert!(accepted.is_new),
            Admission::Full { waiting } => {
                assert_eq!(waiting, 7);
                refused += 1;
            }
            other => return Err(format!("each has a key and room: {other:?}").into()),
        }
    }
    assert_eq!(refused, 33);
    assert_eq!(journal.counts(&binding)?.queued, 7);
    Ok(())
}

#[tokio::test]
async fn a_repeated_key_is_answered_when_the_queue_is_full_and_room_comes_back()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let first = admit(&journal, message(binding, "a", "{}"), 1).await?;
    assert!(matches!(first, Admission::Accepted(accepted) if accepted.is_new));
    let again = admit(&journal, message(binding, "a", "{}"), 1).await?;
    assert!(
        matches!(again, Admission::Accepted(accepted) if !accepted.is_new && accepted.number == 1)
    );
    let full = admit(&journal, message(binding, "b", "{}"), 1).await?;
    assert!(matches!(full, Admission::Full { waiting: 1 }));
    execute(&journal, binding, 1, &[]).await?;
    let later = admit(&journal, message(binding, "b", "{}"), 1).await?;
    assert!(matches!(later, Admission::Accepted(accepted) if accepted.is_new));
    Ok(())
}

#[tokio::test]
async fn when_all_queues_are_full_only_a_repeated_key_is_answered()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let backlog = Arc::new(Backlog::new(3, 2));
    let admit = |key: &str| {
        let (accepting, backlog) = (message(binding, key, "{}"), Arc::clone(&backlog));
        journal.commit_checked(move |writing| accepting.admit(writing, 100, &backlog))
    };
    assert!(matches!(admit("a").await?, Admission::Accepted(accepted) if accepted.is_new));
    backlog.came();
    let full = Full {
        waiting: 3,
        limit: 3,
    };
    assert!(matches!(admit("b").await?, Admission::AllFull(found) if found == full));
    assert!(matches!(admit("a").await?, Admission::Accepted(accepted) if !accepted.is_new));
    backlog.left();
    assert!(matches!(admit("b").await?, Admission::Accepted(accepted) if accepted.is_new));
    Ok(())
}

#[tokio::test]
async fn a_key_never_stands_for_two_messages() -> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    admit(&journal, message(binding, "a", r#"{"amount":1}"#), 9).await?;
    let mut other_topic = message(binding, "a", r#"{"amount":1}"#);
    if let Trigger::Message { topic, .. } = &mut other_topic.trigger {
        "settle".clone_into(topic);
    }
    for other in [message(binding, "a", r#"{"amount":2}"#), other_topic] {
        let refusal = admit(&journal, other, 9).await?;
        assert!(matches!(refusal, Admission::OtherMessage { number: 1 }));
    }
    assert_eq!(journal.counts(&binding)?.queued, 1);
    Ok(())
}

#[tokio::test]
async fn a_binding_with_a_full_queue_reads_no_more_events() -> Result<(), Box<dyn std::error::Error>>
{
    let scene = Scene::with(1, |document| {
        let ended = "PeriodEnded(uint32 indexed period)".parse();
        document.contract.events = vec![ended.expect("it is an event")];
        document.triggers.contract_events = vec!["PeriodEnded".into()];
    })
    .await?;
    scene.fabric.set_queue_limit(1);
    scene.send("a").await?;
    // It has no ledger that could be read.
    let progress = scene.fabric.read_events(NAME).await?;
    let reason = &progress.waiting.first().ok_or("it waits")?.reason;
    assert!(
        reason.starts_with("1 invocations of the binding wait"),
        "{reason}"
    );
    assert!(!progress.failed);
    scene.fabric.execute_accepted(NAME).await?;
    assert!(scene.fabric.read_events(NAME).await?.failed, "it reads");
    Ok(())
}
