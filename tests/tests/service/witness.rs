//! The log of a service that works: strangers read it, and a witness holds the host to it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::bundle::{Expectations, verify_bundle};
use cryptlet_attest::log::{
    AddCheckpoint, MemoryHashes, TILE_WIDTH, TilePath, TlogProof, WitnessKey, check_inclusion,
    cosigners, open_checkpoint, prove_consistency, read_entry_bundle, root,
};
use cryptlet_attest::{
    Checkpoint, CheckpointKey, LeafHash, SigningError, TrustedKey, sign_checkpoint,
};
use cryptlet_fabric::{Configuration, SystemClock};
use cryptlet_service::Order;
use cryptlet_service::api::{InvocationView, Problem, Status};
use cryptlet_service::witness::{Start, Witness, WitnessError, serve};
use cryptlet_vault::{Cost, Passphrase, SignatureDelegate};
use end_to_end::world;
use reqwest::{Client, Method, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::running::{PATIENCE, Running, place, quick, set_up, world_with_messages};

/// A witness inside the test.
struct Witnessing {
    address: SocketAddr,
    key: WitnessKey,
    _orders: mpsc::Sender<Order>,
    _task: JoinHandle<Result<(), WitnessError>>,
}

impl Witnessing {
    /// One that watches `log`.
    async fn of(log: &TrustedKey, folder: &Path) -> Result<Self> {
        let passphrase = Passphrase::new("correct horse battery staple")?;
        let witness = Witness::create(folder, "witness.test/w1", &passphrase, Cost::Light)?;
        witness.watch(log)?;
        let key = witness.key().clone();
        let start = Start {
            delegate: witness.unlock(&passphrase)?,
            witness,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: Arc::new(SystemClock),
        };
        let (orders, ordered) = mpsc::channel(1);
        let (tell, told) = oneshot::channel();
        let task = tokio::spawn(serve(start, ordered, |address| {
            tell.send(address).ok();
        }));
        Ok(Self {
            address: told.await?,
            key,
            _orders: orders,
            _task: task,
        })
    }

    /// Names it in the configuration of a state folder.
    fn watches(&self, state: &Path) -> Result<()> {
        let mut configuration = Configuration::read(state)?;
        configuration.log.witnesses = vec![cryptlet_fabric::Witness {
            url: format!("http://{}", self.address).parse()?,
            key: self.key.clone(),
        }];
        Ok(configuration.write(state)?)
    }
}

/// The host's own key, in the hands of somebody who wants another history.
struct HostKey {
    delegate: SignatureDelegate,
    public: [u8; 32],
}

impl HostKey {
    fn of(state: &Path) -> Result<Self> {
        let delegate = world::unlock(state)?;
        let name = Configuration::read(state)?.fabric.attestation_key;
        let public = delegate.info(&name)?.public.as_slice().try_into()?;
        Ok(Self { delegate, public })
    }
}

impl CheckpointKey for HostKey {
    fn public(&self) -> [u8; 32] {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.delegate
            .attest(world::ATTESTATION_KEY, message)
            .map_err(|error| SigningError::new(error.to_string()))
    }
}

/// What a stranger reads: no token, nothing but the address.
struct Stranger<'a> {
    service: &'a Running,
    client: Client,
    log: TrustedKey,
}

impl Stranger<'_> {
    async fn get(&self, path: &str) -> Result<Vec<u8>> {
        let url = self.service.url(&format!("/v1/log/{path}"));
        let answer = self.client.get(url).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.into())
    }

    /// The newest checkpoint with the witness' cosignature that covers more than `size` entries.
    async fn cosigned(&self, witness: &WitnessKey, size: u64) -> Result<(String, Checkpoint)> {
        let asking = async {
            loop {
                let note = String::from_utf8(self.get("checkpoint").await?)?;
                let checkpoint = open_checkpoint(&note, std::slice::from_ref(&self.log))?;
                let by = cosigners(&note, std::slice::from_ref(witness))?;
                if checkpoint.size > size && by.len() == 1 {
                    return Ok((note, checkpoint));
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking)
            .await
            .context("no cosigned checkpoint came")?
    }

    /// The whole log, as its entries hash; each tile of leaves is compared with them.
    async fn log(&self, size: u64) -> Result<MemoryHashes> {
        let mut hashes = MemoryHashes::default();
        for index in 0..size.div_ceil(TILE_WIDTH) {
            let width = TILE_WIDTH.min(size - index * TILE_WIDTH);
            let bundle = self
                .get(&TilePath::entries(index, width)?.to_string())
                .await?;
            let leaves: Vec<LeafHash> = read_entry_bundle(&bundle)?
                .into_iter()
                .map(LeafHash::of)
                .collect();
            let tile = cryptlet_attest::log::TileId { level: 0, index };
            let tile = self.get(&TilePath::tile(tile, width)?.to_string()).await?;
            let expected: Vec<u8> = leaves.iter().flat_map(|leaf| *leaf.as_bytes()).collect();
            ensure!(tile == expected, "tile {index} is not of these entries");
            for leaf in &leaves {
                hashes.append(leaf)?;
            }
        }
        Ok(hashes)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_verify_the_log_and_a_witness_finds_out_a_second_history() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let state = folder.path();
    let world = world_with_messages(state, quick()).await?;
    let host = HostKey::of(state)?;
    let origin = Configuration::read(state)?.fabric.origin;
    let log = TrustedKey::new(&origin, &host.public)?;
    let elsewhere = tempfile::tempdir()?;
    let witness = Witnessing::of(&log, &elsewhere.path().join("witness")).await?;
    witness.watches(state)?;

    let service = Running::start(state).await?;
    set_up(&world, &service).await?;
    let ran: InvocationView = service.send("first", 1, 60).await?.json().await?;
    let leaf = ran.result.context("it ran")?.leaf;

    let stranger = Stranger {
        service: &service,
        client: Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(cryptlet_fabric::tls_configuration()?)
            .build()?,
        log: log.clone(),
    };
    let (_, checkpoint) = stranger.cosigned(&witness.key, leaf).await?;
    let hashes = stranger.log(checkpoint.size).await?;
    assert_eq!(root(checkpoint.size, &hashes)?, checkpoint.root);
    let proof = stranger.get(&format!("entries/{leaf}/proof")).await?;
    let proof = TlogProof::from_text(&String::from_utf8(proof)?)?;
    let proven = open_checkpoint(&proof.checkpoint, std::slice::from_ref(&log))?;
    let bundle = TilePath::entries(leaf / TILE_WIDTH, checkpoint.size.min(TILE_WIDTH))?;
    let bundle = stranger.get(&bundle.to_string()).await?;
    let entry = read_entry_bundle(&bundle)?[usize::try_from(leaf)?];
    let entry = LeafHash::of(entry);
    check_inclusion(&proof.proof, leaf, &entry, proven.size, &proven.root)?;

    // All that is public of the run, in one file.
    let place = format!("{}/bundle", place(ran.number));
    let bundle = service.request(Method::GET, &place).send().await?;
    let bundle = bundle.error_for_status()?.bytes().await?;
    let expectations = Expectations {
        trust: vec![log.clone()],
        ..Expectations::default()
    };
    verify_bundle(&bundle, &expectations)?;

    // Somebody else has the key, and has a longer log of the same beginning cosigned.
    let mut other = hashes;
    let old = other.size();
    other.append(&LeafHash::of(b"what this host never did"))?;
    let size = other.size();
    let request = AddCheckpoint {
        old,
        proof: prove_consistency(old, size, &other)?,
        checkpoint: sign_checkpoint(&origin, size, &root(size, &other)?, &host)?,
    };
    let asked = stranger
        .client
        .post(format!("http://{}/add-checkpoint", witness.address))
        .body(request.to_text());
    let answer = asked.send().await?;
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await?);

    // The next thing that the host does is on another branch.
    service.send("second", 1, 60).await?;
    let status: Status = service
        .until("/v1/status", |status: &Status| {
            status.contradiction.is_some()
        })
        .await?;
    let contradiction = status.contradiction.unwrap_or_default();
    assert!(contradiction.contains("another root"), "{contradiction}");
    let refused = service.send("third", 1, 0).await?;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.json::<Problem>().await?.kind, "log-contradicted");
    let ready = service.request(Method::GET, "/health/ready").send().await?;
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(stranger);
    service.stop().await?;

    let again = Running::start(state).await.err().context("it serves")?;
    assert!(again.to_string().contains("another root"), "{again}");
    Ok(())
}
