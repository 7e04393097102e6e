//! A small web server that publishes the table of rates.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use url::Url;

/// Serves the files of a folder until it is dropped.
pub struct RateServer {
    address: std::net::SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl RateServer {
    /// Serves the folder of data that ships with `reference-rate`, on a free port of this machine.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("no free port for the server of rates")?;
        let address = listener.local_addr()?;
        let router = axum::Router::new()
            .route("/data/{file}", get(file))
            .with_state(data());
        let task = tokio::spawn(async move {
            drop(axum::serve(listener, router).await);
        });
        Ok(Self { address, task })
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

async fn file(State(folder): State<PathBuf>, Path(name): Path<String>) -> impl IntoResponse {
    if name.contains(['/', '\\']) || name.starts_with('.') {
        return (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, "text/plain")],
            Vec::new(),
        );
    }
    match tokio::task::spawn_blocking(move || std::fs::read(folder.join(name))).await {
        Ok(Ok(bytes)) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/csv")], bytes),
        _ => (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, "text/plain")],
            Vec::new(),
        ),
    }
}
