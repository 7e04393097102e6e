//! Who may do what, how often, and under which name of the host.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use cryptlet_fabric::Service;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::refusal::Refusal;
use crate::routes::MESSAGE_PATH;
use crate::state::ServiceState;
use crate::tokens::{Role, TokenError, TokenName, Tokens};

/// Streams that one token may have open at the same time.
const STREAMS: usize = 32;
/// Streams of all tokens; what is left of the connections is for requests that end by themselves.
const ALL_STREAMS: usize = 512;
/// When it is worth another try, as far as callers are told, after too many streams.
const STREAM_SECONDS: u64 = 5;

/// Strangers that are remembered before those are forgotten that have not asked lately.
const REMEMBERED_STRANGERS: usize = 10_000;

/// Where a connection comes from; every request has it among its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whose request it is; handlers find it among the request's extensions.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) name: TokenName,
    pub(crate) role: Role,
    /// What its token is told by from a later one of the same name.
    hash: Option<[u8; 32]>,
}

/// One of the streams that a token may have open, for as long as this is there.
pub(crate) struct StreamPlace {
    sender: Sender,
    _of_the_token: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// The tokens as the file has them now, and how much each has asked for lately.
pub(crate) struct Access {
    folder: PathBuf,
    known: Mutex<Known>,
    limiters: RwLock<Arc<Limiters>>,
    clock: DefaultClock,
    streams: Mutex<HashMap<TokenName, Arc<Semaphore>>>,
    all_streams: Arc<Semaphore>,
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
            limiters: RwLock::new(Arc::new(Limiters::new(settings))),
            clock: DefaultClock::default(),
            streams: Mutex::default(),
            all_streams: Arc::new(Semaphore::new(ALL_STREAMS)),
            folder,
        })
    }

    /// Counts anew, with the rates of `settings`.
    pub(crate) fn set_rates(&self, settings: &Service) {
        *self
            .limiters
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(Limiters::new(settings));
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

    fn authenticate(&self, headers: &HeaderMap) -> Result<Sender, Refusal> {
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
                refused("send `Authorization: Bearer TOKEN`; `cryptlet token new` makes a token")
            })?;
        let tokens = self.tokens();
        let (name, role) = tokens
            .identify(presented)
            .ok_or_else(|| refused("the token is not known here, or was revoked"))?;
        Ok(Sender {
            hash: tokens.hash(name),
            name: name.clone(),
            role,
        })
    }

    /// A place for one more stream.
    pub(crate) fn open_stream(&self, sender: Sender) -> Result<StreamPlace, Refusal> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let of_the_token = streams
            .entry(sender.name.clone())
            .or_insert_with(|| Arc::new(Semaphore::new(STREAMS)));
        let of_the_token = Arc::clone(of_the_token).try_acquire_owned();
        let of_all = Arc::clone(&self.all_streams).try_acquire_owned();
        let (Ok(of_the_token), Ok(of_all)) = (of_the_token, of_all) else {
            return Err(Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-streams",
                format!("a token may have {STREAMS} streams open at the same time, and all tokens together {ALL_STREAMS}; close one first"),
            )
            .retry_after(STREAM_SECONDS));
        };
        Ok(StreamPlace {
            sender,
            _of_the_token: of_the_token,
            _of_all: of_all,
        })
    }

    /// Whether the token that a stream was opened with is still good.
    pub(crate) fn admits(&self, place: &StreamPlace) -> bool {
        self.tokens().hash(&place.sender.name) == place.sender.hash
    }

    fn count(&self, name: &TokenName) -> Result<(), Refusal> {
        let counted = self.limiters().tokens.check_key(name);
        counted.map_err(|early| self.too_often(&format!("token \"{name}\""), &early))
    }

    fn count_stranger(&self, peer: Peer) -> Result<(), Refusal> {
        let limiters = self.limiters();
        if limiters.strangers.len() > REMEMBERED_STRANGERS {
            limiters.strangers.retain_recent();
        }
        let counted = limiters.strangers.check_key(&peer.network());
        counted.map_err(|early| self.too_often("your address", &early))
    }

    fn limiters(&self) -> Arc<Limiters> {
        Arc::clone(&self.limiters.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn too_often(&self, who: &str, early: &NotUntil<<DefaultClock as Clock>::Instant>) -> Refusal {
        let wait = early.wait_time_from(self.clock.now());
        Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            format!(
                "{who} asks more often than service.requests-per-second and service.burst allow"
            ),
        )
        .retry_after(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }
}

/// How much each token and each stranger may ask for.
struct Limiters {
    tokens: DefaultKeyedRateLimiter<TokenName>,
    strangers: DefaultKeyedRateLimiter<IpAddr>,
}

impl Limiters {
    fn new(settings: &Service) -> Self {
        let at_least_one = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(settings.requests_per_second))
            .allow_burst(at_least_one(settings.burst));
        Self::with(quota)
    }

    fn with(quota: Quota) -> Self {
        Self {
            tokens: DefaultKeyedRateLimiter::keyed(quota),
            strangers: DefaultKeyedRateLimiter::keyed(quota),
        }
    }
}

impl Peer {
    /// What counts as one stranger: an address of version 4, or the network of 64 bits that one
    /// customer has of version 6.
    fn network(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << 64);
                Ipv6Addr::from_bits(network).into()
            }
            address => address,
        }
    }
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
    let sender = state.access.authenticate(request.headers())?;
    let (name, role) = (&sender.name, sender.role);
    tracing::Span::current().record("token", name.as_str());
    state.access.count(name)?;
    let path = request.extensions().get::<MatchedPath>();
    let needed = needed(request.method(), path.map(MatchedPath::as_str));
    if role < needed {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("token \"{name}\" has the role {role}; this takes the role {needed}"),
        ));
    }
    request.extensions_mut().insert(sender);
    Ok(next.run(request).await)
}

/// Lets a request for the published log pass: anybody's, unless the operator says otherwise or the
/// address has asked too often; and whoever shows a token is treated as its holder.
pub(crate) async fn guard_published(
    State(state): State<Arc<ServiceState>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let has_token = request.headers().contains_key(header::AUTHORIZATION);
    if has_token || !state.log.public {
        return guard(State(state), request, next).await;
    }
    // Every connection has one.
    let peer = request.extensions().get().copied();
    let peer = peer.unwrap_or(Peer(Ipv6Addr::UNSPECIFIED.into()));
    state.access.count_stranger(peer)?;
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
    use std::time::Duration;

    use super::*;
    use crate::tokens;

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

    /// Counts `burst` requests, and no more however slow the machine is.
    fn counting(burst: u32) -> Access {
        let folder = tempfile::tempdir().expect("a folder");
        let access = Access::new(folder.path().into(), &Service::default());
        let access = access.expect("no tokens are tokens");
        let burst = NonZeroU32::new(burst).expect("at least one");
        let quota = Quota::with_period(Duration::from_secs(24 * 60 * 60)).expect("a time");
        *access.limiters.write().expect("nobody panicked") =
            Arc::new(Limiters::with(quota.allow_burst(burst)));
        access
    }

    #[test]
    fn a_token_that_asks_too_often_is_told_when_to_come_back() {
        let access = counting(2);
        let [often, seldom] = ["often", "seldom"].map(|name| name.parse().expect("a name"));
        assert!(access.count(&often).is_ok());
        assert!(access.count(&often).is_ok());
        assert!(access.count(&often).is_err(), "the burst is used up");
        assert!(access.count(&seldom).is_ok(), "others are not held up");
    }

    #[test]
    fn strangers_are_counted_by_the_network_that_one_of_them_has() {
        let access = counting(1);
        let asks = |address: &str| {
            let peer = Peer(address.parse().expect("an address"));
            access.count_stranger(peer).is_ok()
        };
        assert!(asks("192.0.2.1") && asks("192.0.2.2") && asks("2001:db8::1"));
        assert!(!asks("192.0.2.1"));
        assert!(
            !asks("::ffff:192.0.2.2"),
            "the same address in another form"
        );
        assert!(!asks("2001:db8::2"), "another address of the same network");
        assert!(asks("2001:db8:0:1::1"));
    }

    #[test]
    fn a_token_has_a_bounded_number_of_streams_for_as_long_as_it_is_good() -> Result<(), TokenError>
    {
        let folder = tempfile::tempdir().expect("a folder");
        let access = Access::new(folder.path().into(), &Service::default())?;
        let holder = |name: &str| -> Result<Sender, TokenError> {
            let name: TokenName = name.parse()?;
            tokens::make(folder.path(), &name, Role::Auditor)?;
            let hash = access.tokens().hash(&name);
            Ok(Sender {
                name,
                role: Role::Auditor,
                hash,
            })
        };
        let (greedy, modest) = (holder("greedy")?, holder("modest")?);
        let open = |sender: &Sender| access.open_stream(sender.clone());
        let mut places: Vec<_> = (0..STREAMS).map_while(|_| open(&greedy).ok()).collect();
        assert_eq!(places.len(), STREAMS);
        assert!(open(&greedy).is_err());
        let other = open(&modest).expect("others are not held up");
        places.pop();
        let last = open(&greedy).expect("there is a place again");

        tokens::revoke(folder.path(), &greedy.name)?;
        assert!(!access.admits(&last) && access.admits(&other));
        tokens::make(folder.path(), &greedy.name, Role::Auditor)?;
        assert!(!access.admits(&last), "another token of the same name");
        Ok(())
    }
}
