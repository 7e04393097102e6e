//! A service whose log is watched.

use cryptlet_attest::log::{cosigners, read_entry_bundle};
use cryptlet_fabric::{Publication, Service, Witness};
use reqwest::StatusCode;

use crate::running::{ORIGIN, Running, Tested, prepare_publishing};
use crate::watched_log::WatchedLog;
use crate::witness::Witnessing;

fn watched_by(witness: &Witnessing) -> Tested<Publication> {
    Ok(Publication {
        witnesses: vec![Witness {
            url: format!("http://{}/", witness.address).parse()?,
            key: witness.witness.key().clone(),
        }],
        ..Publication::default()
    })
}

#[tokio::test]
async fn the_served_checkpoint_has_the_cosignature() -> Tested {
    let witness = Witnessing::start().await?;
    let state = tempfile::tempdir()?;
    let delegate = prepare_publishing(state.path(), Service::default(), watched_by(&witness)?)?;
    let log = WatchedLog::of_host(ORIGIN, &delegate)?;
    witness.witness.watch(&log.trusted()?)?;
    let service = Running::on(state, delegate).await?;
    let status = service
        .status_until(|status| status.witnesses.iter().any(|witness| witness.size == 1))
        .await?;
    assert_eq!(status.witnesses[0].failure, None);
    let keys = [witness.witness.key().clone()];
    let note = service.get("/v1/log/checkpoint").await?.text().await?;
    assert_eq!(cosigners(&note, &keys)?.len(), 1, "{note}");
    let (state, _) = service.stop().await?;
    let published = std::fs::read_to_string(state.path().join("log/checkpoint"))?;
    assert_eq!(published, note);
    Ok(())
}

#[tokio::test]
async fn a_witness_that_does_not_cosign_is_a_warning() -> Tested {
    let witness = Witnessing::start().await?;
    // It does not watch the log.
    let service = Running::publishing(Service::default(), watched_by(&witness)?).await?;
    let status = service.status().await?;
    let [seen] = status.witnesses.as_slice() else {
        return Err(format!("{:?}", status.witnesses).into());
    };
    let failure = seen.failure.as_deref().unwrap_or_default();
    assert!(failure.contains("404"), "{failure}");
    assert_eq!(status.contradiction, None);
    let metrics = service.get("/metrics").await?.text().await?;
    let down = "cryptlet_witness_up{witness=\"witness.test/w1\"} 0";
    assert!(metrics.contains(down), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn an_old_journal_is_refused_by_what_the_witness_has_seen() -> Tested {
    let witness = Witnessing::start().await?;
    let service = Running::publishing(Service::default(), watched_by(&witness)?).await?;
    let bundle = service
        .get("/v1/log/tile/entries/000.p/1")
        .await?
        .bytes()
        .await?;
    let delegate = service.delegate.clone();
    let (state, _) = service.stop().await?;

    // What the journal would have become.
    let mut log = WatchedLog::of_host(ORIGIN, &delegate)?;
    witness.witness.watch(&log.trusted()?)?;
    for entry in read_entry_bundle(&bundle)? {
        log.add(entry)?;
    }
    let log = log.grown("later", 2)?;
    let (status, ..) = witness.ask(log.request(0)?.to_text()).await?;
    assert_eq!(status, StatusCode::OK);

    let refused = Running::on(state, delegate).await.err();
    let sentence = refused.ok_or("it serves")?.to_string();
    assert!(sentence.contains("has cosigned 3 entries"), "{sentence}");
    assert!(sentence.contains("the journal has 1"), "{sentence}");
    Ok(())
}

#[tokio::test]
async fn a_forked_log_is_found_out() -> Tested {
    let witness = Witnessing::start().await?;
    let state = tempfile::tempdir()?;
    let delegate = prepare_publishing(state.path(), Service::default(), watched_by(&witness)?)?;
    let other = WatchedLog::of_host(ORIGIN, &delegate)?.grown("other", 1)?;
    witness.witness.watch(&other.trusted()?)?;
    let (status, ..) = witness.ask(other.request(0)?.to_text()).await?;
    assert_eq!(status, StatusCode::OK);
    let refused = Running::on(state, delegate).await.err();
    let sentence = refused.ok_or("it serves")?.to_string();
    assert!(
        sentence.contains("another root over the first 1 entries"),
        "{sentence}"
    );
    Ok(())
}
