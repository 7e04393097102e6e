//! What takes long is read where nobody else waits for it.

use std::sync::mpsc;

use reqwest::StatusCode;

use crate::running::{Running, Tested};

#[test]
fn requests_are_answered_while_metrics_and_status_are_gathered() -> Tested {
    // One thread for all requests, and one for whatever takes long.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()?;
    runtime.block_on(async {
        let service = Running::start().await?;
        let (release, released) = mpsc::channel::<()>();
        let taken = tokio::task::spawn_blocking(move || released.recv());
        for path in ["/metrics", "/v1/status", "/v1/bindings"] {
            let mut gathering = std::pin::pin!(service.get(path));
            let live = tokio::select! {
                biased;
                _ = &mut gathering => return Err(format!("{path} holds up others").into()),
                live = service.get("/health/live") => live?,
            };
            assert_eq!(live.status(), StatusCode::OK);
        }
        drop(release);
        // Nobody sent anything.
        assert!(taken.await?.is_err());
        for path in ["/metrics", "/v1/status", "/v1/bindings"] {
            assert_eq!(service.get(path).await?.status(), StatusCode::OK);
        }
        service.stop().await?;
        Ok(())
    })
}
