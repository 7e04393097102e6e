//! A service that runs inside the test.

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use cryptlet_fabric::{Configuration, Identity, Publication, Seams, Service};
use cryptlet_service::tokens::{self, Role};
use cryptlet_service::{Ending, Order, Ready, ServeError, Start, serve};
use cryptlet_vault::{Algorithm, Cost, KeyName, Passphrase, Purpose, SignatureDelegate, Vault};
use reqwest::{Client, Method, RequestBuilder, Response};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub type Tested<T = ()> = Result<T, Box<dyn Error>>;

/// Longer than anything takes on a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

pub const ORIGIN: &str = "fabric.test/log";
pub const ATTESTATION_KEY: &str = "attestation";

/// A service, its folder, and who gives it orders.
pub struct Running {
    pub state: TempDir,
    pub ready: Ready,
    pub operator: String,
    pub client: Client,
    pub delegate: SignatureDelegate,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<Result<Ending, ServeError>>,
}

impl Running {
    /// As it is by default, but on a free port.
    pub async fn start() -> Tested<Self> {
        Self::start_with(Service::default()).await
    }

    pub async fn start_with(service: Service) -> Tested<Self> {
        Self::publishing(service, Publication::default()).await
    }

    /// With a section `[log]`.
    pub async fn publishing(service: Service, log: Publication) -> Tested<Self> {
        let state = tempfile::tempdir()?;
        let delegate = prepare_publishing(state.path(), service, log)?;
        Self::on(state, delegate).await
    }

    /// On a folder that is prepared, or was served before.
    pub async fn on(state: TempDir, delegate: SignatureDelegate) -> Tested<Self> {
        let start = start(state.path(), delegate)?;
        Self::started(state, start).await
    }

    /// With all that it is started with.
    pub async fn started(state: TempDir, start: Start) -> Tested<Self> {
        let (orders, ordered) = mpsc::channel(8);
        let (tell, told) = oneshot::channel();
        let delegate = start.delegate.clone();
        let task = tokio::spawn(async move {
            serve(start, ordered, |ready| drop(tell.send(ready.clone()))).await
        });
        let Ok(ready) = told.await else {
            return Err(task.await?.err().map_or("it ended".into(), Into::into));
        };
        let operator = std::fs::read_to_string(tokens::operator_token_path(state.path()))?;
        Ok(Self {
            operator: operator.trim().to_owned(),
            client: Client::builder()
                .no_proxy()
                .tls_backend_preconfigured(cryptlet_fabric::tls_configuration()?)
                .build()?,
            delegate,
            state,
            ready,
            orders,
            task,
        })
    }

    /// A request as the operator.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.operator)
    }

    /// A request without a token.
    pub fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.ready.address.url);
        self.client.request(method, url)
    }

    pub async fn get(&self, path: &str) -> Tested<Response> {
        Ok(self.request(Method::GET, path).send().await?)
    }

    /// A new token.
    pub fn token(&self, name: &str, role: Role) -> Tested<String> {
        let token = tokens::make(self.state.path(), &name.parse()?, role)?;
        Ok(token.reveal().to_owned())
    }

    /// Has it read its configuration anew, and waits until it has.
    pub async fn reload(&self, change: impl FnOnce(&mut Service)) -> Tested {
        let mut configuration = Configuration::read(self.state.path())?;
        change(&mut configuration.service);
        configuration.write(self.state.path())?;
        self.order_reload().await
    }

    /// An order is followed to its end before the next one is taken: once a second reload has left
    /// the channel, the first has been carried out.
    pub async fn order_reload(&self) -> Tested {
        let taken = async {
            for _ in 0..2 {
                self.orders.send(Order::Reload).await?;
                while self.orders.capacity() < self.orders.max_capacity() {
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, taken).await?
    }

    /// Waits for it to end by itself.
    pub async fn ended(self) -> Tested<Result<Ending, ServeError>> {
        Ok(self.task.await?)
    }

    pub async fn stop(self) -> Tested<(TempDir, Ending)> {
        self.stop_by(&[Order::Stop]).await
    }

    pub async fn stop_by(self, orders: &[Order]) -> Tested<(TempDir, Ending)> {
        for order in orders {
            self.orders.send(*order).await?;
        }
        let ending = tokio::time::timeout(PATIENCE, self.task).await???;
        Ok((self.state, ending))
    }
}

/// What a service on this folder is started with.
pub fn start(state: &Path, delegate: SignatureDelegate) -> Tested<Start> {
    Ok(Start {
        state: state.to_owned(),
        delegate,
        seams: Seams::live()?,
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        logging: None,
    })
}

/// Writes a configuration and an attestation key.
pub fn prepare(state: &Path, service: Service) -> Tested<SignatureDelegate> {
    prepare_publishing(state, service, Publication::default())
}

/// The same with a section `[log]`.
pub fn prepare_publishing(
    state: &Path,
    service: Service,
    log: Publication,
) -> Tested<SignatureDelegate> {
    let configuration = Configuration {
        fabric: Identity {
            origin: ORIGIN.into(),
            attestation_key: ATTESTATION_KEY.into(),
        },
        ledgers: Default::default(),
        limits: cryptlet_container::Settings::default().limits,
        service,
        log,
        runs: Default::default(),
        compilation: Default::default(),
        directories: Default::default(),
        bindings: Default::default(),
    };
    configuration.write(state)?;
    let vault = Vault::open(state.join("keys"))?;
    let passphrase = Passphrase::new("correct horse battery staple")?;
    let name: KeyName = ATTESTATION_KEY.parse()?;
    vault.create(
        &name,
        Algorithm::Ed25519,
        Purpose::Attestation,
        &passphrase,
        Cost::Light,
    )?;
    vault.unlock_all(&passphrase)?;
    Ok(vault.delegate())
}
