//! How a command reaches the running service, and what it says when that fails.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use cryptlet_service::address_path;
use cryptlet_service::api::{Address, Problem};
use cryptlet_service::tokens::operator_token_path;
use reqwest::blocking::{Client as HttpClient, RequestBuilder};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, redirect};
use rustix::process::{Pid, test_kill_process};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::failure::Failure;
use crate::state::StateFolder;

const CONNECT: Duration = Duration::from_secs(5);
/// What most answers may take; commands that wait for work name their own.
const ANSWER: Duration = Duration::from_secs(30);
/// What a change may take: it is durable, and perhaps on a chain, before it is answered.
pub const CHANGE: Duration = Duration::from_secs(120);
/// Far above any answer: the longest hold a reply and its receipt.
const MOST_BYTES: u64 = 64 << 20;

/// The choice of the service that a command asks.
#[derive(Args)]
pub struct Connection {
    #[command(flatten)]
    pub state: StateFolder,
    /// Address of a service elsewhere; by default the one that runs on the state folder.
    #[arg(long, value_name = "URL", requires = "token_file")]
    server: Option<Url>,
    /// File with the token to show; by default the operator's, in the state folder.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A service and the token that it takes.
pub struct Client {
    http: HttpClient,
    base: Url,
    token_file: PathBuf,
    /// What to say if nobody answers.
    absent: String,
}

impl Connection {
    /// Finds the service. Nothing is sent yet.
    pub fn open(&self) -> Result<Client, Failure> {
        let (base, absent) = match &self.server {
            Some(server) => (
                server.clone(),
                format!(
                    "no service answers at {}; check --server, and that `cryptlet serve` runs there",
                    shown(server)
                ),
            ),
            None => self.local()?,
        };
        check(&base)?;
        let token_file = self
            .token_file
            .clone()
            .unwrap_or_else(|| operator_token_path(self.state.path()));
        Ok(Client {
            http: http(&base, &token(&token_file)?, ANSWER)?,
            base,
            token_file,
            absent,
        })
    }

    /// Whether it is the one that runs on the state folder.
    pub fn is_local(&self) -> bool {
        self.server.is_none()
    }

    /// The service that runs on the state folder.
    fn local(&self) -> Result<(Url, String), Failure> {
        let folder = self.state.existing()?.display();
        let serve = self.state.command("serve");
        let path = address_path(self.state.path());
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::Refused(format!(
                "no service runs on {folder}; start it with `{serve}`"
            )),
            _ => Failure::Refused(format!("cannot read {}: {error}", path.display())),
        })?;
        let strange = |reason: String| {
            Failure::Refused(format!(
                "{} does not name a service ({reason}); start it anew with `{serve}`",
                path.display()
            ))
        };
        let address: Address =
            serde_json::from_str(&text).map_err(|error| strange(error.to_string()))?;
        let url = Url::parse(&address.url).map_err(|error| strange(error.to_string()))?;
        let absent = format!(
            "no service runs on {folder} any more: {} names process {} at {}, which does not answer; start it with `{serve}`",
            path.display(),
            address.pid,
            shown(&url)
        );
        // Whoever took the port after the service ended shall not be shown its token.
        if !is_alive(address.pid) {
            return Err(Failure::Refused(absent));
        }
        Ok((url, absent))
    }
}

#[cfg(test)]
impl Client {
    /// One that waits so long where a command names no time of its own.
    pub fn waiting(base: Url, answer: Duration) -> Client {
        Client {
            http: http(&base, &HeaderValue::from_static("Bearer cfa_0123"), answer).unwrap(),
            base,
            token_file: PathBuf::new(),
            absent: String::new(),
        }
    }
}

impl Client {
    /// Asks for what `path` names below `/v1`.
    pub fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        self.send(self.request(Method::GET, path))?.read()
    }

    /// A request for what `path` names below `/v1`, to be sent with [`Client::send`].
    pub fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.request_with(method, path, &[])
    }

    /// A request with these pairs in its query.
    pub fn request_with(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    /// Sends a request and gives the answer if the service could follow it.
    pub fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let answer = self.exchange(request)?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(self.refusal(&answer))
        }
    }

    /// Sends a request and gives whatever the answer is.
    pub fn exchange(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = request.send().map_err(|error| self.unsent(&error))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        response
            .take(MOST_BYTES + 1)
            .read_to_end(&mut body)
            .map_err(|error| {
                Failure::Refused(format!("{} broke off its answer: {error}", self.name()))
            })?;
        if body.len() as u64 > MOST_BYTES {
            return Err(Failure::Refused(format!(
                "{} answers with more than {MOST_BYTES} bytes; is it a cryptlet service?",
                self.name()
            )));
        }
        Ok(Answer {
            from: self.name(),
            status,
            retry_after,
            body,
        })
    }

    /// What an answer means that is none of success.
    pub fn refusal(&self, answer: &Answer) -> Failure {
        let Ok(problem) = serde_json::from_slice::<Problem>(&answer.body) else {
            return answer.strange();
        };
        match answer.status {
            StatusCode::UNAUTHORIZED => Failure::Refused(format!(
                "{} does not take the token in {}; name the file of a token that `cryptlet token ls` shows",
                self.name(),
                self.token_file.display()
            )),
            StatusCode::NOT_FOUND => Failure::Usage(problem.detail),
            StatusCode::TOO_MANY_REQUESTS => Failure::Refused(match answer.retry_after {
                Some(pause) => format!("{}; try again in {} s", problem.detail, pause.as_secs()),
                None => problem.detail,
            }),
            StatusCode::SERVICE_UNAVAILABLE => Failure::Refused(problem.detail),
            status if status.is_server_error() => Failure::Refused(format!(
                "{} could not do it: {}; `cryptlet logs` says more",
                self.name(),
                problem.detail
            )),
            _ => Failure::Refused(problem.detail),
        }
    }

    fn name(&self) -> String {
        format!("the service at {}", shown(&self.base))
    }

    fn unsent(&self, error: &reqwest::Error) -> Failure {
        Failure::Refused(if error.is_connect() {
            format!("{} ({})", self.absent, deepest_cause(error))
        } else if error.is_timeout() {
            format!(
                "{} does not answer in time; see what it does with `cryptlet logs`",
                self.name()
            )
        } else {
            format!("{} cannot be asked: {}", self.name(), deepest_cause(error))
        })
    }
}

/// What the service said.
pub struct Answer {
    from: String,
    pub status: StatusCode,
    /// How long to stay away, if it is busy.
    pub retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Answer {
    /// The answer as the API defines it.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|_| self.strange())
    }

    fn strange(&self) -> Failure {
        Failure::Refused(format!(
            "{} gives an answer (HTTP status {}) that no cryptlet service of this version gives; check the address, and that both have the same version",
            self.from,
            self.status.as_u16()
        ))
    }
}

/// A token is as good as its holder, so it never crosses a network in the clear.
fn check(base: &Url) -> Result<(), Failure> {
    match base.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(base) => Ok(()),
        "http" => Err(Failure::Usage(format!(
            "{} would show the token to everybody on the way; use https, or a tunnel to the service's machine",
            shown(base)
        ))),
        other => Err(Failure::Usage(format!(
            "{other} is no way to reach a service; give its https:// address"
        ))),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn token(path: &Path) -> Result<HeaderValue, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::Usage(format!(
            "cannot read the token file {}: {error}; name one with --token-file",
            path.display()
        ))
    })?;
    let mut header = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
        .ok()
        .filter(|_| !text.trim().is_empty())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{} holds no token; name a file with one line, as `cryptlet token new` prints it",
                path.display()
            ))
        })?;
    header.set_sensitive(true);
    Ok(header)
}

fn http(base: &Url, token: &HeaderValue, answer: Duration) -> Result<HttpClient, Failure> {
    let failed = |reason: String| Failure::Refused(format!("HTTP cannot be set up: {reason}"));
    let tls = cryptlet_fabric::tls_configuration().map_err(|error| failed(error.to_string()))?;
    let mut headers = HeaderMap::new();
    headers.insert(reqwest::header::AUTHORIZATION, token.clone());
    let mut builder = HttpClient::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .default_headers(headers)
        .connect_timeout(CONNECT)
        .timeout(answer)
        .user_agent(concat!("cryptlet/", env!("CARGO_PKG_VERSION")));
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| failed(deepest_cause(&error)))
}

/// An address without what may be secret in it.
fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether a process with this number exists, as far as we may know.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH)))
}

/// The innermost cause says what happened ("Connection refused"); the outer ones only that something did.
fn deepest_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
