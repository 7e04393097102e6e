//! Connections: a bounded number of them, none of which may take its time with the headers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Most connections at once; others wait in the system's queue.
const CONNECTIONS: usize = 1_024;
/// How long the headers of a request may take to arrive, and an idle connection may stay.
const HEADER_TIME: Duration = Duration::from_secs(15);
/// Most headers of a request.
const HEADERS: usize = 64;
/// Most bytes of a request's headers.
const HEADER_BYTES: usize = 32 << 10;
/// How long to wait when the system has no more file descriptors.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Answers connections until `closing` is cancelled; then finishes the answers that are under way
/// for at most `grace`.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    closing: CancellationToken,
    grace: Duration,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let cut = CancellationToken::new();
    let _cut_when_this_ends = cut.clone().drop_guard();
    while let Some((connection, place)) = next(&listener, &places, &closing).await {
        let service = TowerToHyperService::new(router.clone());
        let answering = graceful.watch(builder.serve_connection(TokioIo::new(connection), service));
        let cut = cut.clone();
        tokio::spawn(async move {
            tokio::select! {
                // A client that goes away or says nonsense is no news to anybody.
                ended = answering => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = cut.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some answers were not finished in time; their connections are cut");
    }
}

/// The next connection with its place, or none when it is time to close.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    closing: &CancellationToken,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let accepted = async {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((connection, _)) => return Some((connection, place)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = closing.cancelled() => None,
        accepted = accepted => accepted,
    }
}
