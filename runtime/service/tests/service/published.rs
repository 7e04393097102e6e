//! The log as everybody may read it, over HTTP and in its folder.

use std::time::Duration;

use cryptlet_attest::log::{
    MemoryHashes, TlogProof, check_consistency, check_inclusion_receipt, open_checkpoint,
    read_entry_bundle, root,
};
use cryptlet_attest::{Checkpoint, LeafHash, TrustedKey};
use cryptlet_fabric::{Publication, Service};
use cryptlet_service::api::{Problem, Status};
use reqwest::{Method, Response, StatusCode, header};

use crate::running::{Running, Tested};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Running {
    /// What a stranger is answered.
    async fn stranger(&self, path: &str) -> Tested<Response> {
        Ok(self.anonymous(Method::GET, path).send().await?)
    }

    pub async fn status(&self) -> Tested<Status> {
        Ok(self.get("/v1/status").await?.json().await?)
    }

    /// Waits until the status is as `wanted`.
    pub async fn status_until(&self, wanted: impl Fn(&Status) -> bool) -> Tested<Status> {
        let asking = async {
            loop {
                let status = self.status().await?;
                if wanted(&status) {
                    return Ok(status);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await?
    }

    pub async fn trusted(&self) -> Tested<TrustedKey> {
        Ok(self.status().await?.trusted_key.parse()?)
    }
}

async fn checkpoint(service: &Running) -> Tested<(String, Checkpoint)> {
    let note = service.stranger("/v1/log/checkpoint").await?.text().await?;
    let checkpoint = open_checkpoint(&note, &[service.trusted().await?])?;
    Ok((note, checkpoint))
}

#[tokio::test]
async fn a_stranger_can_put_the_log_together_and_prove_what_is_in_it() -> Tested {
    let service = Running::start().await?;
    let (_, checkpoint) = checkpoint(&service).await?;
    let bundle = service.stranger("/v1/log/tile/entries/000.p/1").await?;
    assert_eq!(
        bundle.headers()[header::CONTENT_TYPE],
        "application/octet-stream"
    );
    let bundle = bundle.bytes().await?;
    let entries = read_entry_bundle(&bundle)?;
    let leaf = LeafHash::of(entries[0]);
    let tile = service.stranger("/v1/log/tile/0/000.p/1").await?;
    assert_eq!(tile.bytes().await?.as_ref(), leaf.as_bytes());
    let mut hashes = MemoryHashes::default();
    hashes.append(&leaf)?;
    assert_eq!(root(1, &hashes)?, checkpoint.root);

    let trust = [service.trusted().await?];
    let proof = service.stranger("/v1/log/entries/0/proof").await?;
    let proof = TlogProof::from_text(&proof.text().await?)?;
    assert_eq!(proof.index, 0);
    open_checkpoint(&proof.checkpoint, &trust)?;
    let cose = service.stranger("/v1/log/entries/0/cose").await?;
    assert_eq!(cose.headers()[header::CONTENT_TYPE], "application/cose");
    check_inclusion_receipt(&cose.bytes().await?, &leaf, &trust)?;
    let consistency = service
        .stranger("/v1/log/consistency/1")
        .await?
        .text()
        .await?;
    let (hashes, note) = consistency.split_once('\n').ok_or("no empty line")?;
    assert_eq!(hashes, "", "the log has only this size");
    let root = open_checkpoint(note, &trust)?.root;
    check_consistency(&[], 1, &checkpoint.root, 1, &root)?;
    Ok(())
}

#[tokio::test]
async fn what_the_newest_checkpoint_does_not_cover_is_not_found() -> Tested {
    let service = Running::start().await?;
    for (path, kind) in [
        ("/v1/log/tile/0/000", "unknown-tile"),
        ("/v1/log/tile/0/000.p/2", "unknown-tile"),
        ("/v1/log/tile/1/000.p/1", "unknown-tile"),
        ("/v1/log/tile/0/x001/000", "unknown-tile"),
        ("/v1/log/tile/64/000", "unknown-tile"),
        ("/v1/log/tile/0/0", "unknown-tile"),
        ("/v1/log/tile/entries/000", "unknown-tile"),
        ("/v1/log/tile/entries/000.p/256", "unknown-tile"),
        ("/v1/log/entries/1/proof", "unknown-entry"),
        ("/v1/log/entries/1/cose", "unknown-entry"),
        ("/v1/log/consistency/0", "unknown-size"),
        ("/v1/log/consistency/2", "unknown-size"),
    ] {
        let answer = service.stranger(path).await?;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let problem: Problem = answer.json().await?;
        assert_eq!(problem.kind, kind, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_may_keep_the_log_for_holders_of_tokens() -> Tested {
    let log = Publication {
        public: false,
        ..Publication::default()
    };
    let service = Running::publishing(Service::default(), log).await?;
    for path in ["/v1/log/checkpoint", "/v1/log/tile/0/000.p/1"] {
        let stranger = service.stranger(path).await?;
        assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(service.get(path).await?.status(), StatusCode::OK, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn what_takes_a_token_is_kept_by_no_cache_between() -> Tested {
    for (public, expected) in [
        (true, "public, max-age=3600"),
        (false, "private, max-age=3600"),
    ] {
        let log = Publication {
            public,
            ..Publication::default()
        };
        let service = Running::publishing(Service::default(), log).await?;
        for path in ["/v1/log/tile/0/000.p/1", "/v1/log/tile/entries/000.p/1"] {
            let answer = service.get(path).await?;
            assert_eq!(answer.headers()[header::CACHE_CONTROL], expected, "{path}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn strangers_who_ask_too_often_hold_up_nobody_but_themselves() -> Tested {
    let service = Running::start_with(Service {
        requests_per_second: 1,
        burst: 2,
        ..Service::default()
    })
    .await?;
    // A slow machine may have earned some more.
    let refused = loop {
        let answer = service.stranger("/v1/log/checkpoint").await?;
        if answer.status() != StatusCode::OK {
            break answer;
        }
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    let operator = service.get("/v1/log/checkpoint").await?;
    assert_eq!(operator.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn the_folder_holds_the_last_checkpoint_when_the_service_has_ended() -> Tested {
    let service = Running::start().await?;
    let (note, _) = checkpoint(&service).await?;
    let key = service.trusted().await?;
    let (state, _) = service.stop().await?;
    let published = std::fs::read_to_string(state.path().join("log/checkpoint"))?;
    assert_eq!(published, note);
    open_checkpoint(&published, &[key])?;
    assert!(state.path().join("log/tile/0/000.p/1").is_file());
    Ok(())
}

#[tokio::test]
async fn a_log_that_cannot_be_published_is_published_later() -> Tested {
    let state = tempfile::tempdir()?;
    let delegate = crate::running::prepare(state.path(), Service::default())?;
    let in_the_way = state.path().join("log/tile/0/000.p/1");
    std::fs::create_dir_all(in_the_way.join("folder"))?;
    let service = Running::on(state, delegate).await?;
    let failing = service
        .status_until(|status| status.publication.failure.is_some())
        .await?;
    assert_eq!(failing.publication.size, 0);
    // Nothing else waits for it.
    let ready = service
        .anonymous(Method::GET, "/health/ready")
        .send()
        .await?;
    assert_eq!(ready.status(), StatusCode::OK);
    let metrics = service.get("/metrics").await?.text().await?;
    assert!(
        !metrics.contains("cryptlet_publishing_failures_total 0\n"),
        "{metrics}"
    );
    std::fs::remove_dir_all(&in_the_way)?;
    let published = service
        .status_until(|status| status.publication.failure.is_none())
        .await?;
    assert_eq!(published.publication.size, 1);
    Ok(())
}
