//! Who may do what, how often, and under which name of the host.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use cryptlet_fabric::Service;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use crate::refusal::Refusal;
use crate::routes::MESSAGE_PATH;
use crate::state::ServiceState;
use crate::tokens::{Role, TokenError, TokenName, Tokens};

/// Whose request it is; handlers find it among the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct Sender(pub(crate) TokenName);

/// The tokens as the file has them now, and how much each has asked for lately.
pub(crate) struct Access {
    folder: PathBuf,
    known: Mutex<Known>,
    limiter: RwLock<Arc<DefaultKeyedRateLimiter<TokenName>>>,
    clock: DefaultClock,
}

struct Known {
    stamp: Option<Stamp>,
    tokens: Arc<Tokens>,
}

/// What changes when the file is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: SystemTime,
}

impl Access {
    pub(crate) fn new(folder: PathBuf, settings: &Service) -> Result<Self, TokenError> {
        let tokens = Arc::new(Tokens::read(&folder)?);
        Ok(Self {
            known: Mutex::new(Known {
                stamp: None,
                tokens,
            }),
            limiter: RwLock::new(Arc::new(limiter(settings))),
            clock: DefaultClock::default(),
            folder,
        })
    }

    /// Counts anew, with the rates of `settings`.
    pub(crate) fn set_rates(&self, settings: &Service) {
        *self.limiter.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(limiter(settings));
    }

    /// The tokens as they are in the file now; as they were, if it is not understood any more.
    fn tokens(&self) -> Arc<Tokens> {
        let stamp = self.stamp();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.stamp != stamp || stamp.is_none() {
            match Tokens::read(&self.folder) {
                Ok(tokens) => known.tokens = Arc::new(tokens),
                Err(error) => {
                    tracing::error!(%error, "the tokens stay as they were");
                }
            }
            known.stamp = stamp;
        }
        Arc::clone(&known.tokens)
    }

    fn stamp(&self) -> Option<Stamp> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(Tokens::path(&self.folder)).ok()?;
        Some(Stamp {
            inode: metadata.ino(),
            length: metadata.len(),
            modified: metadata.modified().ok()?,
        })
    }

    fn authenticate(&self, headers: &HeaderMap) -> Result<(TokenName, Role), Refusal> {
        let refused = |detail: &str| {
            Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", detail.to_owned())
        };
        let presented = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| {
                refused("send `Authorization: Bearer TOKEN`; `cryptlet token make` makes a token")
            })?;
        let tokens = self.tokens();
        let (name, role) = tokens
            .identify(presented)
            .ok_or_else(|| refused("the token is not known here, or was revoked"))?;
        Ok((name.clone(), role))
    }

    fn count(&self, name: &TokenName) -> Result<(), Refusal> {
        let limiter = Arc::clone(&self.limiter.read().unwrap_or_else(PoisonError::into_inner));
        limiter.check_key(name).map_err(|early| {
            let wait = early.wait_time_from(self.clock.now());
            Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                format!("token \"{name}\" asks more often than service.requests-per-second and service.burst allow"),
            )
            .retry_after(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
        })
    }
}

fn limiter(settings: &Service) -> DefaultKeyedRateLimiter<TokenName> {
    let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::per_second(at_least_one(settings.requests_per_second))
        .allow_burst(at_least_one(settings.burst));
    DefaultKeyedRateLimiter::keyed(quota)
}

/// What a request asks of its token: whatever changes something is for operators, unless it stands
/// here.
fn needed(method: &Method, path: Option<&str>) -> Role {
    match path {
        _ if method == Method::GET || method == Method::HEAD => Role::Auditor,
        Some(MESSAGE_PATH) if method == Method::POST => Role::Caller,
        _ => Role::Operator,
    }
}

/// Lets a request pass if its token is known, may do this, and has not asked too often.
pub(crate) async fn guard(
    State(state): State<Arc<ServiceState>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let (name, role) = state.access.authenticate(request.headers())?;
    tracing::Span::current().record("token", name.as_str());
    state.access.count(&name)?;
    let path = request.extensions().get::<MatchedPath>();
    let needed = needed(request.method(), path.map(MatchedPath::as_str));
    if role < needed {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("token \"{name}\" has the role {role}; this takes the role {needed}"),
        ));
    }
    request.extensions_mut().insert(Sender(name));
    Ok(next.run(request).await)
}

/// Refuses requests that reached this machine under a foreign name: a web page whose name resolves
/// to loopback would otherwise speak to the API as if it were its own.
pub(crate) async fn check_host(
    State(state): State<Arc<ServiceState>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let named = request
        .headers()
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    if state.listens_on_loopback && !named.is_some_and(is_local) {
        return Err(Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "foreign-host",
            "the service listens on this machine alone and answers as localhost, 127.0.0.1 or [::1] only",
        ));
    }
    Ok(next.run(request).await)
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // The colons of an address in brackets are not those before a port.
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for local in [
            "localhost",
            "LOCALHOST:7410",
            "127.0.0.1:7410",
            "127.0.0.1",
            "127.8.9.1:80",
            "[::1]:7410",
            "[::1]",
        ] {
            assert!(is_local(local), "{local}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:7410",
            "localhost.evil.example",
            "10.0.0.1:7410",
            "127.0.0.1.evil.example",
            "[fe80::1]:7410",
            "localhost:7410:evil",
        ] {
            assert!(!is_local(foreign), "{foreign}");
        }
    }

    #[test]
    fn whatever_changes_something_is_for_operators() {
        assert_eq!(needed(&Method::GET, Some("/v1/status")), Role::Auditor);
        assert_eq!(needed(&Method::POST, Some(MESSAGE_PATH)), Role::Caller);
        assert_eq!(needed(&Method::PUT, Some(MESSAGE_PATH)), Role::Operator);
        assert_eq!(needed(&Method::POST, Some("/v1/versions")), Role::Operator);
        assert_eq!(needed(&Method::DELETE, None), Role::Operator);
    }

    #[test]
    fn a_token_that_asks_too_often_is_told_when_to_come_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Service {
            requests_per_second: 1,
            burst: 2,
            ..Service::default()
        };
        let access = Access::new(folder.path().into(), &settings).expect("no tokens are tokens");
        let [often, seldom] = ["often", "seldom"].map(|name| name.parse().expect("a name"));
        assert!(access.count(&often).is_ok());
        assert!(access.count(&often).is_ok());
        assert!(access.count(&often).is_err(), "the burst is used up");
        assert!(access.count(&seldom).is_ok(), "others are not held up");
    }
}
