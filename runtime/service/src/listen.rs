//! Connections: a bounded number of them, none of which may take its time with the headers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::access::Peer;

/// Most headers of a request.
const HEADERS: usize = 64;
/// Most bytes of a request's headers.
const HEADER_BYTES: usize = 32 << 10;
/// How long to wait when the system has no more file descriptors.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// How many connections there may be, and how much time each may take.
pub(crate) struct Bounds {
    /// Most at once; others wait in the system's queue.
    pub(crate) connections: usize,
    /// How long the headers of a request may take to arrive, and an idle connection may stay.
    pub(crate) header_time: Duration,
    /// How long answers that are under way get at the end.
    pub(crate) last_answers: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 1_024,
            header_time: Duration::from_secs(15),
            last_answers: Duration::from_secs(5),
        }
    }
}

/// Answers connections until `closing` is cancelled; then finishes the answers that are under way.
pub(crate) async fn listen(
    listener: TcpListener,
    router: Router,
    closing: CancellationToken,
    bounds: Bounds,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header_time)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES);
    let places = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let cut = CancellationToken::new();
    let _cut_when_this_ends = cut.clone().drop_guard();
    while let Some((connection, peer, place)) = next(&listener, &places, &closing).await {
        let service = Answering {
            router: TowerToHyperService::new(router.clone()),
            peer,
        };
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
    if tokio::time::timeout(bounds.last_answers, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some answers were not finished in time; their connections are cut");
    }
}

/// The router, for the requests of one connection.
struct Answering {
    router: TowerToHyperService<Router>,
    peer: Peer,
}

impl Service<Request<Incoming>> for Answering {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}

/// The next connection with its place, or none when it is time to close.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    closing: &CancellationToken,
) -> Option<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let accepted = async {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((connection, from)) => return Some((connection, Peer(from.ip()), place)),
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    const KEPT: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    /// Far longer than an answer takes, on a machine that is not busy.
    const A_WHILE: Duration = Duration::from_millis(200);

    async fn listening(
        router: Router,
        bounds: Bounds,
    ) -> io::Result<(SocketAddr, CancellationToken, JoinHandle<()>)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let closing = CancellationToken::new();
        let task = tokio::spawn(listen(listener, router, closing.clone(), bounds));
        Ok((address, closing, task))
    }

    async fn answer(connection: &mut TcpStream) -> io::Result<String> {
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_client_that_never_ends_its_headers_is_hung_up_on() -> io::Result<()> {
        let bounds = Bounds {
            header_time: Duration::from_millis(50),
            ..Bounds::default()
        };
        let (address, _closing, _task) = listening(Router::new(), bounds).await?;
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(&REQUEST[..20]).await?;
        let said = answer(&mut connection).await?;
        assert!(!said.contains("200 OK"), "{said}");
        Ok(())
    }

    #[tokio::test]
    async fn more_clients_than_places_wait_for_their_turn() -> io::Result<()> {
        let bounds = Bounds {
            connections: 1,
            ..Bounds::default()
        };
        let router = Router::new().route("/", get(|| async { "here" }));
        let (address, _closing, _task) = listening(router, bounds).await?;
        // Its answer shows that it has the only place, and that it keeps it.
        let mut first = TcpStream::connect(address).await?;
        first.write_all(KEPT).await?;
        let mut begun = [0; 12];
        first.read_exact(&mut begun).await?;
        assert_eq!(&begun, b"HTTP/1.1 200");
        let mut second = TcpStream::connect(address).await?;
        second.write_all(REQUEST).await?;
        let too_early = tokio::time::timeout(A_WHILE, second.read_u8()).await;
        assert!(too_early.is_err(), "there was a second place");
        drop(first);
        assert!(answer(&mut second).await?.ends_with("here"));
        Ok(())
    }

    #[tokio::test]
    async fn an_answer_under_way_is_finished_when_it_is_time_to_close() -> io::Result<()> {
        let (asked, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&asked), Arc::clone(&finish));
        let slow = async move || {
            tell.notify_one();
            wait.notified().await;
            "at last"
        };
        let router = Router::new().route("/", get(slow));
        let (address, closing, task) = listening(router, Bounds::default()).await?;
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(REQUEST).await?;
        asked.notified().await;
        closing.cancel();
        finish.notify_one();
        assert!(answer(&mut connection).await?.ends_with("at last"));
        task.await?;
        assert!(
            TcpStream::connect(address).await.is_err(),
            "it still listens"
        );
        Ok(())
    }

    #[tokio::test]
    async fn whoever_is_too_slow_at_the_end_is_cut_off() -> io::Result<()> {
        let bounds = Bounds {
            last_answers: Duration::from_millis(50),
            ..Bounds::default()
        };
        let asked = Arc::new(Notify::new());
        let tell = Arc::clone(&asked);
        let never = async move || {
            tell.notify_one();
            std::future::pending::<()>().await;
        };
        let (address, closing, task) =
            listening(Router::new().route("/", get(never)), bounds).await?;
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(REQUEST).await?;
        asked.notified().await;
        closing.cancel();
        task.await?;
        assert_eq!(answer(&mut connection).await.unwrap_or_default(), "");
        Ok(())
    }
}
