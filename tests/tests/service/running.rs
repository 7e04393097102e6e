//! A service inside the test, and the world around it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use cryptlet_fabric::{Binding, Configuration, Seams, Service};
use cryptlet_service::api::{
    Activation, BindingStatus, DeployedVersion, IDEMPOTENCY_KEY, InvocationView, SignedApproval,
    WASM,
};
use cryptlet_service::{Ending, Order, ServeError, Start, serve, tokens};
use end_to_end::{Components, World, swap, world};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, header};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Longer than anything takes on a busy machine; nothing waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A service inside the test.
pub struct Running {
    url: String,
    token: String,
    client: Client,
    pub orders: mpsc::Sender<Order>,
    pub task: JoinHandle<Result<Ending, ServeError>>,
}

impl Running {
    pub async fn start(state: &Path) -> Result<Self> {
        let start = Start {
            state: state.to_owned(),
            delegate: world::unlock(state)?,
            seams: Seams::live()?,
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            logging: None,
        };
        let (orders, ordered) = mpsc::channel(8);
        let (tell, told) = oneshot::channel();
        let task = tokio::spawn(serve(start, ordered, |ready| {
            drop(tell.send(ready.address.url.clone()));
        }));
        let Ok(url) = told.await else {
            task.await??;
            bail!("it ended before it was ready");
        };
        let token = std::fs::read_to_string(tokens::operator_token_path(state))?;
        Ok(Self {
            url,
            token: token.trim().to_owned(),
            client: Client::builder()
                .no_proxy()
                .tls_backend_preconfigured(cryptlet_fabric::tls_configuration()?)
                .build()?,
            orders,
            task,
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, self.url(path))
            .bearer_auth(&self.token)
    }

    pub async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.request(Method::GET, path).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// Asks until `found` finds what it looks for.
    pub async fn until<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        found: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let asking = async {
            loop {
                let value: T = self.request(Method::GET, path).send().await?.json().await?;
                if found(&value) {
                    return Ok(value);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking)
            .await
            .with_context(|| format!("{path} never came to be as expected"))?
    }

    pub async fn send(&self, key: &str, amount: u64, wait: u64) -> Result<Response> {
        let path = format!("/v1/bindings/{}/messages/Quote", swap::BINDING);
        let request = self
            .request(Method::POST, &path)
            .header(IDEMPOTENCY_KEY, key)
            .header("prefer", format!("wait={wait}"))
            .json(&serde_json::json!({ "amount": amount.to_string() }));
        Ok(request.send().await?)
    }

    pub async fn stop(self) -> Result<Ending> {
        self.orders.send(Order::Stop).await?;
        Ok(tokio::time::timeout(PATIENCE, self.task).await???)
    }
}

/// Deploys the cryptlets and activates the binding, all through the API.
pub async fn set_up(world: &World, service: &Running) -> Result<BindingStatus> {
    for component in [&world.components.reference_rate, &world.components.swap] {
        let request = service
            .request(Method::POST, "/v1/versions")
            .header(header::CONTENT_TYPE, WASM)
            .body(component.clone());
        let answer = request.send().await?;
        ensure!(
            answer.status() == StatusCode::CREATED,
            "{}",
            answer.text().await?
        );
        answer.json::<DeployedVersion>().await?;
    }
    let answer = service
        .request(Method::POST, "/v1/bindings")
        .json(&activation(world))
        .send()
        .await?;
    ensure!(
        answer.status() == StatusCode::CREATED,
        "{}",
        answer.text().await?
    );
    Ok(answer.json().await?)
}

/// The world's binding with its signatures.
pub fn activation(world: &World) -> Activation {
    Activation {
        document: world.binding.to_toml(),
        approvals: world
            .approvals
            .iter()
            .map(|approval| SignedApproval {
                counterparty: approval.counterparty.to_string(),
                signature: approval.signature.to_string(),
                contract: false,
            })
            .collect(),
    }
}

/// A world whose binding takes a message that its cryptlet can make nothing of: it runs, fails, and
/// holds up nobody.
pub async fn world_with_messages(state: &Path, settings: Service) -> Result<World> {
    let quote = "Quote(uint256 amount)".parse()?;
    world_where(state, settings, |binding| {
        binding.triggers.messages.push(quote);
    })
    .await
}

/// A world whose binding is another than the story's.
pub async fn world_where(
    state: &Path,
    settings: Service,
    change: impl FnOnce(&mut Binding),
) -> Result<World> {
    let mut world = World::before_agreement(state, Components::read()?).await?;
    change(&mut world.binding);
    let terms = world.binding.terms_digest();
    world.approvals = [&world.acme, &world.globex]
        .into_iter()
        .map(|wallet| world::approve(wallet, terms))
        .collect::<Result<_>>()?;
    world.agree_on_the_chain().await?;
    world.admit().await?;
    let mut configuration = Configuration::read(state)?;
    configuration.service = settings;
    configuration.write(state)?;
    Ok(world)
}

pub fn quick() -> Service {
    Service {
        poll_milliseconds: 50,
        requests_per_second: 1_000,
        burst: 1_000,
        ..Service::default()
    }
}

pub fn place(number: u64) -> String {
    format!("/v1/bindings/{}/invocations/{number}", swap::BINDING)
}

/// The views that a stream of server-sent events brings, up to its end.
pub async fn views(stream: Response) -> Result<Vec<InvocationView>> {
    let text = tokio::time::timeout(PATIENCE, stream.text()).await??;
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|view| Ok(serde_json::from_str(view)?)).collect()
}
