//! The way out to the web: one request, no redirects, addresses decided before the connection.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use cryptlet_container::{HttpError, HttpLimits, HttpRequest, HttpResponse};
use url::{Host, Url};

/// Fetches what a cryptlet asks for, once its container has found the address granted.
pub trait Web: Send + Sync {
    /// Sends one request and returns the answer, redirects included.
    ///
    /// # Errors
    ///
    /// What went wrong, in the words that the guest gets.
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError>;
}

/// The real web, over rustls.
///
/// A name is resolved once and the connection goes to what was resolved. If the grant names a
/// private address literally, or `localhost`, it is reached; a public name that resolves to a
/// private address is refused.
#[derive(Clone)]
pub struct PublicWeb {
    tls: rustls::ClientConfig,
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
        })
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
        let (host, addresses) = resolve(&url)?;
        let client = reqwest::blocking::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .resolve_to_addrs(&host, &addresses)
            .build()
            .map_err(|error| HttpError::Invalid(error.to_string()))?;
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|_| HttpError::Invalid(format!("{} is no method", request.method)))?;
        // On the request, not on the client: only here the time runs until the body has ended, however
        // slowly it drips.
        let mut builder = client.request(method, url).timeout(limits.timeout);
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

/// The host of `url` and the addresses to connect to.
fn resolve(url: &Url) -> Result<(String, Vec<SocketAddr>), HttpError> {
    let host = url
        .host()
        .ok_or_else(|| HttpError::Invalid(format!("{url} names no host")))?;
    let port = url
        .port_or_known_default()
        .ok_or_else(|| HttpError::Invalid(format!("{url} names no port")))?;
    let name = match host {
        Host::Ipv4(address) => {
            return Ok((
                address.to_string(),
                vec![SocketAddr::new(address.into(), port)],
            ));
        }
        Host::Ipv6(address) => {
            return Ok((
                format!("[{address}]"),
                vec![SocketAddr::new(address.into(), port)],
            ));
        }
        Host::Domain(name) => name,
    };
    let addresses: Vec<SocketAddr> = (name, port)
        .to_socket_addrs()
        .map_err(|error| HttpError::Dns(format!("{name}: {error}")))?
        .collect();
    if addresses.is_empty() {
        return Err(HttpError::Dns(format!("{name} has no address")));
    }
    let local = name == "localhost" || name.ends_with(".localhost");
    for address in &addresses {
        let fits = if local {
            address.ip().is_loopback()
        } else {
            is_public(address.ip())
        };
        if !fits {
            return Err(HttpError::Denied(format!(
                "{name} resolves to {}, which is not public; a grant reaches such an address only by naming it",
                address.ip()
            )));
        }
    }
    Ok((name.to_owned(), addresses))
}

/// Whether an address belongs to nobody's inside: RFC 6890 and its updates.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded_v4(address) {
            Some(inner) => is_public_v4(inner),
            None => {
                let [first, second, third, ..] = address.segments();
                !(address.is_loopback()
                    || address.is_unspecified()
                    || address.is_multicast()
                    || first & 0xfe00 == 0xfc00
                    || first & 0xffc0 == 0xfe80
                    || first & 0xffc0 == 0xfec0
                    // Documentation, Teredo tunnels, and translation for local use (RFC 8215).
                    || (first == 0x2001 && (second == 0xdb8 || second == 0))
                    || (first == 0x64 && second == 0xff9b && third == 1))
            }
        },
    }
}

/// IPv4 addresses in IPv6 clothes: mapped, compatible, translated (RFC 6052) and 6to4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| {
        let [w, x] = high.to_be_bytes();
        let [y, z] = low.to_be_bytes();
        Ipv4Addr::new(w, x, y, z)
    };
    if let Some(mapped) = address.to_ipv4_mapped() {
        return Some(mapped);
    }
    // Translated, or compatible in the old sense; `::` and `::1` are IPv6's own.
    let own = (a, b, c, d, e, f, g) == (0, 0, 0, 0, 0, 0, 0);
    if (a, b, c, d, e, f) == (0x64, 0xff9b, 0, 0, 0, 0)
        || ((a, b, c, d, e, f) == (0, 0, 0, 0, 0, 0) && !own)
    {
        return Some(joined(g, h));
    }
    (a == 0x2002).then(|| joined(b, c))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_a_network_are_not_public() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "::10.0.0.1",
            "2001:0:53aa:64c::1",
            "64:ff9b:1::a00:1",
        ] {
            let address: IpAddr = inside.parse().expect("an address");
            assert!(!is_public(address), "{inside} counts as public");
        }
    }

    #[test]
    fn addresses_of_the_open_internet_are_public() {
        for outside in ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"] {
            let address: IpAddr = outside.parse().expect("an address");
            assert!(is_public(address), "{outside} counts as private");
        }
    }

    #[test]
    fn a_server_that_drips_is_cut_off_in_time() -> Result<(), Box<dyn std::error::Error>> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("http://{}/", listener.local_addr()?);
        // Ends when the client hangs up: then writing fails.
        let server = std::thread::spawn(move || -> std::io::Result<()> {
            use std::io::Write as _;
            let (mut stream, _) = listener.accept()?;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
            loop {
                stream.write_all(b".")?;
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        let request = HttpRequest {
            method: "GET".into(),
            url,
            headers: Vec::new(),
            body: None,
        };
        let limits = HttpLimits {
            response_bytes: 1 << 20,
            timeout: std::time::Duration::from_millis(300),
        };
        let refusal = PublicWeb::new()?.fetch(&request, &limits);
        assert!(refusal.is_err(), "it was read to its end");
        assert!(server.join().is_ok_and(|ended| ended.is_err()));
        Ok(())
    }

    #[test]
    fn a_literal_address_is_used_as_it_stands() {
        let url = Url::parse("http://127.0.0.1:8080/rates.csv").expect("a URL");
        let (host, addresses) = resolve(&url).expect("granted by name");
        assert_eq!(host, "127.0.0.1");
        assert_eq!(addresses, [SocketAddr::from(([127, 0, 0, 1], 8080))]);
    }
}
