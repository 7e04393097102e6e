//! The way out to the web: one request, no redirects, addresses decided before the connection.

mod reach;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Instant;

use cryptlet_container::{HttpError, HttpLimits, HttpRequest, HttpResponse};
use url::{Host, Url};

use reach::is_public;

/// Headers of one request. A map of headers that grows beyond 32,768 places panics, and names chosen so
/// that they collide make it grow from a fifth of those on.
const MOST_HEADERS: usize = 1_000;

/// Fetches what a cryptlet asks for, once its container has found the address granted.
pub trait Web: Send + Sync {
    /// Sends one request and returns the answer, redirects included.
    ///
    /// # Errors
    ///
    /// What went wrong, in the words that the guest gets.
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError>;
}

/// Where names become addresses.
pub trait Resolver: Send + Sync {
    /// The addresses of a host.
    ///
    /// # Errors
    ///
    /// Why the name does not resolve.
    fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver, with its hosts file and its time limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        let addresses = (name, 0).to_socket_addrs()?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

/// The real web, over rustls.
///
/// A name is resolved once for a request and the connection goes to what was resolved; the next request
/// resolves, and checks, anew. If the grant names a private address literally, or `localhost`, it is
/// reached; a public name that resolves to a private address is refused. Time runs from the resolution
/// on, but a resolver that hangs is waited for.
#[derive(Clone)]
pub struct PublicWeb {
    tls: rustls::ClientConfig,
    resolver: Arc<dyn Resolver>,
}

impl PublicWeb {
    /// With Mozilla's root certificates.
    ///
    /// # Errors
    ///
    /// If the TLS library refuses its own defaults.
    pub fn new() -> Result<Self, rustls::Error> {
        Ok(Self {
            tls: tls_configuration()?,
            resolver: Arc::new(SystemResolver),
        })
    }

    /// The same with another resolver.
    #[must_use]
    pub fn resolving_by(self, resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, ..self }
    }
}

/// TLS over ring with Mozilla's root certificates, without touching the process-wide provider.
///
/// # Errors
///
/// If the TLS library refuses its own defaults.
pub fn tls_configuration() -> Result<rustls::ClientConfig, rustls::Error> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(configuration)
}

impl Web for PublicWeb {
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError> {
        let url =
            Url::parse(&request.url).map_err(|error| HttpError::Invalid(error.to_string()))?;
        if request.headers.len() > MOST_HEADERS {
            return Err(HttpError::Invalid(format!(
                "{} headers; no request takes more than {MOST_HEADERS}",
                request.headers.len()
            )));
        }
        let deadline = Instant::now() + limits.timeout;
        let Destination { host, addresses } = Destination::of(&url, self.resolver.as_ref())?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(HttpError::Timeout);
        }
        let client = reqwest::blocking::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(NothingElse))
            .resolve_to_addrs(&host, &addresses)
            .build()
            .map_err(|error| HttpError::Invalid(error.to_string()))?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| HttpError::Invalid(format!("{} is no method", request.method)))?;
        // On the request, not on the client: only here the time runs until the body has ended, however
        // slowly it drips.
        let mut builder = client.request(method, url).timeout(left);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().map_err(|error| sent(&error))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let mut body = Vec::new();
        response
            .take(limits.response_bytes.saturating_add(1))
            .read_to_end(&mut body)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::TimedOut => HttpError::Timeout,
                _ => HttpError::Connect(error.to_string()),
            })?;
        if body.len() as u64 > limits.response_bytes {
            return Err(HttpError::TooLarge(limits.response_bytes));
        }
        Ok(HttpResponse {
            status,
            headers,
            body,
        })
    }
}

fn sent(error: &reqwest::Error) -> HttpError {
    use std::error::Error as _;
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = format!("{reason}: {inner}");
        cause = inner.source();
    }
    if error.is_timeout() {
        HttpError::Timeout
    } else if error.is_builder() || error.is_request() && !error.is_connect() && !error.is_body() {
        HttpError::Invalid(reason)
    } else if reason.contains("certificate") || reason.contains("tls") {
        HttpError::Tls(reason)
    } else {
        HttpError::Connect(reason)
    }
}

/// A host and the addresses that it has for one request.
#[derive(Debug, PartialEq, Eq)]
struct Destination {
    host: String,
    addresses: Vec<SocketAddr>,
}

impl Destination {
    /// Resolves the host of `url`, once. An address that stands in the URL is taken as it is; a name
    /// is refused if any of its addresses is not public.
    fn of(url: &Url, resolver: &dyn Resolver) -> Result<Self, HttpError> {
        let host = url
            .host()
            .ok_or_else(|| HttpError::Invalid(format!("{url} names no host")))?;
        let port = url
            .port_or_known_default()
            .ok_or_else(|| HttpError::Invalid(format!("{url} names no port")))?;
        let literal = |address: IpAddr| Self {
            host: host.to_string(),
            addresses: vec![SocketAddr::new(address, port)],
        };
        match host {
            Host::Ipv4(address) => Ok(literal(address.into())),
            Host::Ipv6(address) => Ok(literal(address.into())),
            Host::Domain(name) => {
                let addresses = resolver
                    .resolve(name)
                    .map_err(|error| HttpError::Dns(format!("{name}: {error}")))?;
                if addresses.is_empty() {
                    return Err(HttpError::Dns(format!("{name} has no address")));
                }
                check_reach(name, &addresses)?;
                let addresses = addresses.into_iter();
                Ok(Self {
                    host: name.to_owned(),
                    addresses: addresses.map(|ip| SocketAddr::new(ip, port)).collect(),
                })
            }
        }
    }
}

/// One inside address among public ones is refused too: nobody could say which would be taken.
fn check_reach(name: &str, addresses: &[IpAddr]) -> Result<(), HttpError> {
    let local = name == "localhost" || name.ends_with(".localhost");
    let fits = |address: &IpAddr| match local {
        true => address.is_loopback(),
        false => is_public(*address),
    };
    match addresses.iter().find(|address| !fits(address)) {
        None => Ok(()),
        Some(address) => Err(HttpError::Denied(format!(
            "{name} resolves to {address}, which is not public; a grant reaches such an address only by naming it"
        ))),
    }
}

/// What the client has for a resolver: whatever it would still have to resolve, it must not reach.
struct NothingElse;

impl reqwest::dns::Resolve for NothingElse {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let refusal = format!("{} was not resolved for this request", name.as_str());
        Box::pin(async move { Err(refusal.into()) })
    }
}
