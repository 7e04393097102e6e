//! An old copy of the journal over a newer one is found out, whatever is left to tell.

use anyhow::{Context as _, Result};
use cryptlet_fabric::journal::JournalError;
use cryptlet_fabric::publish::{PublishError, Publisher};
use cryptlet_fabric::{FabricError, Message, Seams};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, story};

#[tokio::test(flavor = "multi_thread")]
async fn an_old_journal_over_a_newer_one_is_refused_by_the_chain_and_by_what_was_published()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = World::new(folder.path(), Components::read()?).await?;
    let journal = world.state.join("journal.sqlite");
    let old = folder.path().join("old.sqlite");
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.end_period(1).await?;
    assert_eq!(world.settle(&fabric).await?, []);
    drop(fabric);
    std::fs::copy(&journal, &old)?;
    let fabric = world.open(Seams::live()?).await?;
    world.end_period(2).await?;
    assert_eq!(world.settle(&fabric).await?, []);
    drop(fabric);
    let newest = folder.path().join("newest.sqlite");
    std::fs::copy(&journal, &newest)?;

    // Nothing was published, but the gateway has a delivery more.
    std::fs::copy(&old, &journal)?;
    let fabric = world.open(Seams::live()?).await?;
    let before = fabric.journal().log_size()?;
    let progress = fabric.advance().await?;
    let reason = &progress
        .waiting
        .first()
        .context("it does not go on")?
        .reason;
    assert!(
        reason.contains("delivery 2") && reason.contains("restore the newest journal"),
        "{reason}"
    );
    assert_eq!(progress.executed + progress.accepted, 0);
    let version = semver::Version::new(1, 1, 0);
    let message = Message {
        sender: "desk".into(),
        topic: "Tick".into(),
        body: b"{}".to_vec(),
        idempotency_key: "1".into(),
    };
    for refused in [
        fabric.send(BINDING, message).await.map(drop),
        fabric.run_again(BINDING, 1).await.map(drop),
        fabric.promote(BINDING, &version, story::decided()).await,
    ] {
        let refusal = refused.err().context("nothing is signed for it")?;
        assert!(
            matches!(refusal, FabricError::Overtaken { .. }),
            "{refusal}"
        );
    }
    assert_eq!(fabric.journal().log_size()?, before, "nothing is logged");
    drop(fabric);

    // What was published tells before anything is asked.
    std::fs::copy(&newest, &journal)?;
    let fabric = world.open(Seams::live()?).await?;
    let folder = world.configuration().log.folder(&world.state);
    let published = Publisher::new(&folder, fabric.trusted_key().clone())
        .publish(fabric.journal())?
        .context("a log")?;
    drop(fabric);
    std::fs::copy(&old, &journal)?;
    let refusal = world
        .open(Seams::live()?)
        .await
        .err()
        .context("an old copy")?;
    let refusal: FabricError = refusal.downcast()?;
    assert!(
        matches!(
            &refusal,
            FabricError::Publish(PublishError::Journal(JournalError::Behind { size, published: seen, .. }))
                if *size == before && *seen == published.size
        ),
        "{refusal}"
    );
    std::fs::copy(&newest, &journal)?;
    world.open(Seams::live()?).await?;
    Ok(())
}
