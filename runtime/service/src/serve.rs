//! From a state folder to a service and back: opening, serving, draining.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cryptlet_fabric::{Configuration, ConfigurationError, Fabric, FabricError, Seams};
use cryptlet_vault::SignatureDelegate;
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::access::Access;
use crate::api::Address;
use crate::listen::{self, Bounds};
use crate::logging::Logging;
use crate::publishing::{self, Publishing};
use crate::reload::Reloading;
use crate::state::{Parts, ServiceState};
use crate::tokens::{self, TokenError};
use crate::witnesses::{self, Contradiction, Conversation};
use crate::work::{self, Work};
use crate::{ledgers, private_file, room, routes, runs};

/// The service could not be started, or could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The fabric could not be opened, or its journal failed.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// The journal failed while the service ran.
    #[error(
        "{0}; the service has stopped, for it could promise nothing any more: see to the disk, then start it again"
    )]
    Journal(String),
    /// The tokens.
    #[error(transparent)]
    Tokens(#[from] TokenError),
    /// The address is taken, or not ours.
    #[error(
        "cannot listen on {address}: {source}; stop what listens there, or set service.listen in fabric.toml or --listen"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The address can be reached by others, which the operator has not allowed.
    #[error(
        "{0} can be reached from other machines, and the API speaks plain HTTP; listen on 127.0.0.1, or put TLS in front of it and set service.allow-remote = true in fabric.toml"
    )]
    Remote(SocketAddr),
    /// No witness can be asked.
    #[error("no witness can be asked: {0}")]
    Witnesses(String),
    /// A witness has seen another history of this log.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// `service.json` could not be written.
    #[error("cannot write {path}: {source}")]
    Address {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// How long publishing the last checkpoint may hold up the end of the process.
const LAST_CHECKPOINT: Duration = Duration::from_secs(10);

/// What a service is told to do while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read configuration and tokens again.
    Reload,
    /// Take nothing new, finish what runs, and end.
    Stop,
    /// End at once; what was accepted goes on at the next start.
    StopNow,
}

/// How a service ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything that ran was finished.
    Drained,
    /// Something still ran; it goes on at the next start.
    CutShort,
}

/// What a service is started with.
pub struct Start {
    /// The state folder.
    pub state: PathBuf,
    /// Unlocked keys.
    pub delegate: SignatureDelegate,
    /// Time, chance and the network.
    pub seams: Seams,
    /// Another address than the configured one.
    pub listen: Option<SocketAddr>,
    /// Whose filter a reload changes.
    pub logging: Option<Logging>,
}

/// Where a service can be reached, told once it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The address.
    pub address: Address,
    /// Whether the operator's token was made just now.
    pub made_token: bool,
}

/// The file that says where a state folder's service can be reached.
#[must_use]
pub fn address_path(state: &Path) -> PathBuf {
    state.join("service.json")
}

/// Serves a state folder until it is ordered to stop.
///
/// `ready` is called once, when requests are answered.
///
/// # Errors
///
/// If the folder cannot be opened, the address is taken, or the journal fails.
pub async fn serve(
    start: Start,
    mut orders: mpsc::Receiver<Order>,
    ready: impl FnOnce(&Ready),
) -> Result<Ending, ServeError> {
    let configuration = Configuration::read(&start.state)?;
    let mut settings = configuration.service.clone();
    if let Some(listen) = start.listen {
        settings.listen = listen;
    }
    if !settings.listen.ip().is_loopback() && !settings.allow_remote {
        return Err(ServeError::Remote(settings.listen));
    }
    let clock = Arc::clone(&start.seams.clock);
    let opening = Fabric::open(&start.state, &configuration, start.delegate, start.seams);
    let Some(fabric) = unless_stopped(&mut orders, opening).await else {
        return Ok(Ending::Drained);
    };
    let fabric = fabric?;
    // After the fabric has taken the folder for this process alone.
    let made_token = tokens::ensure_operator(&start.state)?;
    let (listener, bound) = bind(settings.listen).await?;
    let (work, coming) = Work::new();
    let folder = configuration.log.folder(&start.state);
    let publishing = Publishing::new(&folder, fabric.trusted_key().clone());
    let state = Arc::new(ServiceState::new(Parts {
        fabric,
        publishing,
        access: Access::new(start.state.clone(), &settings)?,
        work,
        settings,
        log: configuration.log.clone(),
        listens_on_loopback: bound.ip().is_loopback(),
        started_at: clock.now(),
    }));

    let mut conversations =
        Conversation::with_all(&configuration.log.witnesses).map_err(ServeError::Witnesses)?;
    let asking = witnesses::ask_all(&state, &mut conversations);
    let Some(asked) = unless_stopped(&mut orders, asking).await else {
        return Ok(Ending::Drained);
    };
    asked?;

    let address = Published::write(&start.state, bound)?;
    let closing = CancellationToken::new();
    // Whatever becomes of this function, none of them outlives it.
    let owned = AbortOnDropHandle::new;
    let answering = owned(tokio::spawn(listen::listen(
        listener,
        routes::router(&state),
        closing.clone(),
        Bounds::default(),
    )));
    let _asking = owned(tokio::spawn(ledgers::watch(Arc::clone(&state))));
    let _finding_room = owned(tokio::spawn(room::watch(
        Arc::clone(&state),
        start.state.clone(),
    )));
    let _warming = owned(tokio::spawn(warm(Arc::clone(&state))));
    let _counting = owned(tokio::spawn(runs::count(Arc::clone(&state))));
    let published = CancellationToken::new();
    let publishing = owned(tokio::spawn(publishing::run(
        Arc::clone(&state),
        published.clone(),
    )));
    let _witnessing: Vec<_> = conversations
        .into_iter()
        .map(|conversation| {
            let follow = witnesses::follow(Arc::clone(&state), conversation);
            owned(tokio::spawn(follow))
        })
        .collect();
    let mut working = AbortOnDropHandle::new(tokio::spawn(work::run(Arc::clone(&state), coming)));
    tracing::info!(url = address.address.url, "serving");
    notify_supervisor(&[NotifyState::Ready]);
    ready(&Ready {
        address: address.address.clone(),
        made_token,
    });

    let reloading = Reloading::new(start.state, configuration, start.listen, start.logging);
    let patience = CancellationToken::new();
    let mut ended = oversee(&state, reloading, &mut orders, &mut working, &patience).await;
    if ended.is_err() && !state.is_draining() {
        drain(&state, &patience);
    }
    state.draining.cancel();
    state.at_rest.cancel();
    closing.cancel();
    if !matches!(ended, Ok(Ending::CutShort)) {
        let answered = async {
            drop(answering.await);
            state.changes.ended().await;
        };
        let is_answered = tokio::select! {
            biased;
            () = answered => true,
            () = patience.cancelled() => false,
            () = told_to_stop(&mut orders) => false,
        };
        if !is_answered {
            tracing::warn!("requests that were not answered yet were cut off");
            ended = ended.map(|_| Ending::CutShort);
        }
    }
    // Whatever was answered can be found in what is published, also while nothing runs here.
    published.cancel();
    if tokio::time::timeout(LAST_CHECKPOINT, publishing)
        .await
        .is_err()
    {
        tracing::warn!("the last checkpoint was not published in time; the next start does");
    }
    ended.inspect(|ending| tracing::info!(?ending, "stopped"))
}

/// Loads what is deployed beside the first work, which loads what it needs itself.
async fn warm(state: Arc<ServiceState>) {
    match state.fabric.warm().await {
        Ok(warmed) => {
            let (cached, compiled) = (warmed.cached, warmed.compiled);
            tracing::info!(cached, compiled, "deployed versions are loaded");
        }
        Err(error) => state.failed(&error),
    }
}

/// What comes of opening, which may wait long for a node, unless an order to stop comes first.
/// There is nothing to reload yet, and without anybody who gives orders it just goes on.
async fn unless_stopped<T>(
    orders: &mut mpsc::Receiver<Order>,
    opening: impl Future<Output = T>,
) -> Option<T> {
    let mut opening = std::pin::pin!(opening);
    loop {
        tokio::select! {
            biased;
            opened = &mut opening => return Some(opened),
            order = orders.recv() => match order {
                Some(Order::Stop | Order::StopNow) => return None,
                Some(Order::Reload) => {}
                None => return Some(opening.await),
            },
        }
    }
}

/// Follows orders until everything has ended or failed.
async fn oversee(
    state: &Arc<ServiceState>,
    mut reloading: Reloading,
    orders: &mut mpsc::Receiver<Order>,
    working: &mut AbortOnDropHandle<Result<(), FabricError>>,
    patience: &CancellationToken,
) -> Result<Ending, ServeError> {
    let mut is_told = true;
    loop {
        tokio::select! {
            // Why everything ends is told by what failed first, not by the tasks that end of it.
            biased;
            () = state.broken.cancelled() => {
                let reason = state.health.journal_failure().unwrap_or("unknown").to_owned();
                return Err(ServeError::Journal(reason));
            }
            ended = &mut *working => {
                return match ended {
                    Ok(Ok(())) => Ok(Ending::Drained),
                    Ok(Err(error)) => Err(error.into()),
                    Err(error) => Err(FabricError::from(error).into()),
                };
            }
            () = patience.cancelled() => {
                tracing::warn!("what still ran was cut off; it goes on at the next start");
                return Ok(Ending::CutShort);
            }
            order = orders.recv(), if is_told => match order {
                // systemd would take the readiness at the end of a reload for a start.
                Some(Order::Reload) if state.is_draining() => {}
                Some(Order::Reload) => reloading.reload(state),
                Some(Order::Stop) if !state.is_draining() => drain(state, patience),
                Some(Order::Stop | Order::StopNow) => return Ok(Ending::CutShort),
                // Nobody is left who could tell it to stop.
                None => {
                    is_told = false;
                    if !state.is_draining() {
                        drain(state, patience);
                    }
                }
            },
        }
    }
}

/// Comes to its end when nothing is to be waited for any more; never, if nobody gives orders.
async fn told_to_stop(orders: &mut mpsc::Receiver<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Stop | Order::StopNow) => return,
            Some(Order::Reload) => {}
            None => std::future::pending().await,
        }
    }
}

/// Takes nothing new from here on; `patience` ends when what runs has had its time.
fn drain(state: &Arc<ServiceState>, patience: &CancellationToken) {
    let seconds = state.settings().drain_seconds;
    tracing::info!(seconds, "draining: finishing what runs");
    state.draining.cancel();
    state.fabric.drain();
    notify_supervisor(&[NotifyState::Stopping]);
    let patience = patience.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        patience.cancel();
    });
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// Tells systemd, if it started us and wants to know.
pub(crate) fn notify_supervisor(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the supervisor could not be told");
    }
}

/// `service.json`, there for as long as this is.
struct Published {
    path: PathBuf,
    address: Address,
}

impl Published {
    fn write(state: &Path, bound: SocketAddr) -> Result<Self, ServeError> {
        let path = address_path(state);
        let mut reachable = bound;
        if bound.ip().is_unspecified() {
            reachable.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let address = Address {
            url: format!("http://{reachable}"),
            pid: std::process::id(),
        };
        let text = serde_json::to_vec(&address).expect("strings and numbers have a JSON form");
        private_file::replace(&path, &text).map_err(|source| ServeError::Address {
            path: path.clone(),
            source,
        })?;
        Ok(Self { path, address })
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the address could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_to_stop_is_followed_while_nodes_do_not_answer() {
        let (give, mut orders) = mpsc::channel(2);
        for order in [Order::Reload, Order::Stop] {
            give.try_send(order).expect("there is room for two");
        }
        let opened = unless_stopped(&mut orders, std::future::pending::<()>()).await;
        assert!(opened.is_none());
        drop(give);
        let opened = unless_stopped(&mut orders, async { tokio::task::yield_now().await }).await;
        assert!(opened.is_some(), "nobody gives orders");
    }
}
