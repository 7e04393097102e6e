use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use alloy::rpc::client::RpcClient;
use alloy::rpc::json_rpc::{RequestPacket, ResponsePacket, ResponsePayload};
use alloy::transports::{TransportError, TransportErrorKind, TransportFut};
use reqwest::redirect;
use thiserror::Error;
use tower::Service;
use url::{Host, Url};

/// An alloy client for a node, for whoever needs more of alloy than a ledger offers, such as
/// deploying contracts: `ProviderBuilder::new().wallet(wallet).connect_client(rpc_client(url, timeout)?)`.
///
/// Unlike alloy's own, it never prints the URL, bounds what it reads, and brings its own TLS
/// provider (alloy's panics if the process has not installed one).
///
/// # Errors
///
/// [`RpcClientError`] if the address is not an HTTP one.
pub fn rpc_client(rpc: Url, timeout: Duration) -> Result<RpcClient, RpcClientError> {
    let transport = HttpTransport::new(rpc, timeout).map_err(|reason| RpcClientError { reason })?;
    Ok(RpcClient::new(transport, false))
}

/// No node can be reached by this address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct RpcClientError {
    /// Why not, and what would be right.
    pub reason: String,
}

/// JSON-RPC over HTTP for alloy's client.
///
/// alloy's own transport would do but for three things that matter here: it
/// puts the whole URL, access keys included, into spans and errors; it reads
/// answers of any size; and it takes the TLS provider of the process.
#[derive(Clone)]
struct HttpTransport {
    client: reqwest::Client,
    url: Url,
}

/// Why a request got no JSON-RPC answer. Travels inside alloy's error.
#[derive(Debug, Error)]
pub(super) enum RequestFailure {
    #[error("{0}")]
    Unreachable(String),
    #[error("no answer in time")]
    Timeout,
    #[error("HTTP status {status}")]
    Busy { status: u16 },
    #[error("HTTP status {status}: {body}")]
    Status { status: u16, body: String },
    #[error("the answer is longer than {MOST_BYTES} bytes")]
    TooLong,
    #[error("the answer is not JSON-RPC: {0}")]
    NotJsonRpc(String),
}

/// Far above any answer this room asks for: a page of logs, a receipt, a block without transactions.
const MOST_BYTES: usize = 64 * 1024 * 1024;

const MOST_QUOTED: usize = 200;

impl HttpTransport {
    /// # Errors
    ///
    /// The reason, if no HTTP client can be made for this address.
    fn new(url: Url, timeout: Duration) -> Result<Self, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!(
                "{}: is not HTTP; give the node's http:// or https:// address",
                url.scheme()
            ));
        }
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_configuration()?)
            .redirect(redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            .user_agent(concat!("cryptlet-ledger/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| deepest_cause(&error.without_url()))?;
        Ok(Self { client, url })
    }

    async fn exchange(self, request: RequestPacket) -> Result<ResponsePacket, TransportError> {
        let headers = request.headers();
        let is_batch = matches!(request, RequestPacket::Batch(_));
        let body = request.serialize().map_err(TransportError::ser_err)?;
        let response = self
            .client
            .post(self.url.clone())
            .headers(headers)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body.get().to_owned())
            .send()
            .await
            .map_err(failure)?;
        let status = response.status();
        if matches!(status.as_u16(), 429 | 502 | 503 | 504) {
            return Err(TransportErrorKind::custom(RequestFailure::Busy {
                status: status.as_u16(),
            }));
        }
        let bytes = read(response).await?;
        match serde_json::from_slice::<ResponsePacket>(&bytes) {
            // A batch as a whole is refused with one error, which belongs to no request of it.
            Ok(ResponsePacket::Single(response)) if is_batch => match response.payload {
                ResponsePayload::Failure(error) => Err(TransportError::err_resp(error)),
                ResponsePayload::Success(_) => Err(not_json_rpc("one answer to a batch", &bytes)),
            },
            // Some nodes send JSON-RPC errors with a status of 4xx or 5xx.
            Ok(packet) => Ok(packet),
            Err(_) if !status.is_success() => {
                Err(TransportErrorKind::custom(RequestFailure::Status {
                    status: status.as_u16(),
                    body: quoted(&bytes),
                }))
            }
            Err(error) => Err(not_json_rpc(error, &bytes)),
        }
    }
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, TransportError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure)? {
        if bytes.len() + chunk.len() > MOST_BYTES {
            return Err(TransportErrorKind::custom(RequestFailure::TooLong));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn not_json_rpc(reason: impl Display, bytes: &[u8]) -> TransportError {
    TransportErrorKind::custom(RequestFailure::NotJsonRpc(format!(
        "{reason}: {}",
        quoted(bytes)
    )))
}

fn failure(error: reqwest::Error) -> TransportError {
    TransportErrorKind::custom(if error.is_timeout() {
        RequestFailure::Timeout
    } else {
        RequestFailure::Unreachable(deepest_cause(&error.without_url()))
    })
}

impl Service<RequestPacket> for HttpTransport {
    type Response = ResponsePacket;
    type Error = TransportError;
    type Future = TransportFut<'static>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: RequestPacket) -> Self::Future {
        Box::pin(self.clone().exchange(request))
    }
}

/// TLS by rustls over ring with Mozilla's roots, without touching the process-wide provider.
fn tls_configuration() -> Result<rustls::ClientConfig, String> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let configuration = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| error.to_string())?
    .with_root_certificates(roots)
    .with_no_client_auth();
    Ok(configuration)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The innermost cause says what happened ("Connection refused"); the outer ones only that something did.
fn deepest_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(MOST_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}
