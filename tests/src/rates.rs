//! A small web server that publishes the table of rates.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use url::Url;

/// Serves the files of a folder until it is dropped.
pub struct RateServer {
    address: std::net::SocketAddr,
    task: tokio::task::JoinHandle<()>,
    open: Arc<AtomicBool>,
}

impl RateServer {
    /// Serves the folder of data that ships with `reference-rate`, on a free port of this machine.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port for the server of rates")?;
        let address = listener.local_addr()?;
        let open = Arc::new(AtomicBool::new(true));
        let router = axum::Router::new()
            .route("/data/{file}", get(file))
            .with_state(Arc::clone(&open));
        let task = tokio::spawn(async move {
            drop(axum::serve(listener, router).await);
        });
        Ok(Self {
            address,
            task,
            open,
        })
    }

    /// From now on it has nothing to say.
    pub fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// It answers again.
    pub fn reopen(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// What the binding grants.
    pub fn base(&self) -> Result<Url> {
        Ok(format!("http://{}/data/", self.address).parse()?)
    }
}

impl Drop for RateServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The folder of data that ships with `reference-rate`.
#[must_use]
pub fn data() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../cryptlets/reference-rate/data"
    ))
}

async fn file(State(open): State<Arc<AtomicBool>>, Path(name): Path<String>) -> impl IntoResponse {
    if !open.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, Vec::new());
    }
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return (StatusCode::NOT_FOUND, Vec::new());
    }
    match tokio::task::spawn_blocking(move || std::fs::read(data().join(name))).await {
        Ok(Ok(bytes)) => (StatusCode::OK, bytes),
        _ => (StatusCode::NOT_FOUND, Vec::new()),
    }
}
