//! Our container, and receipts sealed as a fabric seals them, up to the journal.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Result, ensure};
use cryptlet_attest::log::{self, CompactRange, HashReaderError, TileId, TileReader};
use cryptlet_attest::{
    BindingId, BindingVersion, Digest, EncodedEntry, Execution, Host, LeafHash, Salt, TriggerKind,
    TriggerStatement,
};
use cryptlet_container::{
    BuildError, Container, Cryptlet, EncodedCall, Grants, HttpError, HttpLimits, HttpRequest,
    HttpResponse, Invocation, Job, KeyError, PublicKey, Run, Services, Settings, State,
    SubmissionStatus, Trigger,
};
use ed25519_dalek::SigningKey;

use crate::guests::Guest;

const ORIGIN: &str = "bench.example/log";

/// A container with one cryptlet, bound to something.
pub struct Desk {
    container: Container,
    cryptlet: Cryptlet,
    grants: Arc<Grants>,
    state: Arc<State>,
    services: Arc<dyn Services>,
    guest: Guest,
    facts: Facts,
}

/// What is the same in every receipt of a process.
struct Facts {
    host: Host,
    operator_costs: Digest,
    empty: Digest,
}

impl Desk {
    /// Starts a container and loads the component.
    ///
    /// # Errors
    ///
    /// If the component is refused.
    pub fn new(guest: Guest, component: &[u8], state: State) -> Result<Self> {
        let container = Container::new(Settings {
            instances: crate::INSTANCES,
            ..Settings::default()
        })?;
        let empty = cryptlet_container::state_root(&State::new());
        Ok(Self {
            cryptlet: container.load(component)?,
            container,
            grants: Arc::new(Grants {
                state: true,
                wasi: true,
                ..Grants::default()
            }),
            state: Arc::new(state),
            services: Arc::new(Nothing),
            guest,
            facts: Facts {
                host: Host {
                    fabric_version: "0.1.0".to_owned(),
                    executable: empty,
                    engine_configuration: Container::engine_configuration(),
                    wasmtime: Container::WASMTIME_VERSION.to_owned(),
                    key: ORIGIN.to_owned(),
                    previous: None,
                },
                operator_costs: Container::operator_costs(),
                empty,
            },
        })
    }

    /// Runs it once in a fresh instance.
    #[must_use]
    pub fn run(&self, number: u64) -> Run {
        self.asked(Arc::new(invocation(self.guest, number)))
    }

    fn asked(&self, invocation: Arc<Invocation>) -> Run {
        self.container.run(Job {
            cryptlet: &self.cryptlet,
            grants: Arc::clone(&self.grants),
            invocation,
            seed: [7; 32],
            state: Arc::clone(&self.state),
            services: Arc::clone(&self.services),
        })
    }

    /// Runs it and seals its receipt.
    ///
    /// # Errors
    ///
    /// If the guest fails.
    pub fn receipt(&self, number: u64) -> Result<EncodedEntry> {
        let invocation = Arc::new(invocation(self.guest, number));
        let run = self.asked(Arc::clone(&invocation));
        ensure!(run.outcome.is_ok(), "{}: {:?}", run.outcome, run.diagnostic);
        self.seal(&invocation, &run)
    }

    fn seal(&self, invocation: &Invocation, run: &Run) -> Result<EncodedEntry> {
        let number = invocation.number;
        let mut salt = [3; 32];
        salt[..8].copy_from_slice(&number.to_be_bytes());
        let salt = Salt::from_bytes(salt);
        let identity = &self.cryptlet.manifest().cryptlet;
        let execution = Execution {
            binding: BindingId::from_bytes([1; 32]),
            binding_version: BindingVersion::from_bytes([2; 32]),
            source: None,
            ordinal: 0,
            cryptlet: identity.name.clone(),
            version: self.cryptlet.version().to_owned(),
            measurement: self.cryptlet.measurement(),
            sha256: self.cryptlet.sha256(),
            invocation: number,
            trigger: TriggerStatement {
                kind: TriggerKind::Message,
                digest: salt.digest("trigger", &self.guest.message()),
                position: None,
            },
            instant: invocation.instant,
            seed: [7; 32],
            input: salt.digest("input", &invocation.input_bytes()),
            transcript: salt.digest("transcript", &run.transcript.to_bytes()),
            reply: run.reply.as_ref().map(|reply| salt.digest("reply", reply)),
            outputs: Vec::new(),
            state_before: self.facts.empty,
            state_after: self.facts.empty,
            limits: run.stated_limits(),
            operator_costs: self.facts.operator_costs,
            children: Vec::new(),
            fuel: run.meter.fuel,
            peak_memory: run.meter.peak_memory,
            host_calls: run.meter.host_calls,
            outcome: run.outcome.clone(),
        };
        Ok(EncodedEntry::receipt(&execution, &self.facts.host, None)?)
    }
}

pub(crate) fn invocation(guest: Guest, number: u64) -> Invocation {
    Invocation {
        binding: crate::BINDING.to_owned(),
        number,
        instant: crate::INSTANT + number,
        trigger: Trigger::Message {
            sender: crate::SENDER.to_owned(),
            topic: guest.topic().to_owned(),
            body: guest.message().into_owned(),
        },
    }
}

/// A log in memory: its key, and of its tree what the next leaves are added to.
pub struct Log {
    key: SigningKey,
    range: CompactRange,
    tiles: KeptTiles,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            key: SigningKey::from_bytes(&[7; 32]),
            range: CompactRange::default(),
            tiles: KeptTiles::default(),
        }
    }
}

impl Log {
    /// Appends receipts as one batch and signs the root over all of them, twice, as a journal's commit
    /// does.
    ///
    /// # Errors
    ///
    /// If the tree cannot be completed or signed.
    pub fn commit(&mut self, receipts: &[EncodedEntry]) -> Result<()> {
        let leaves: Vec<LeafHash> = receipts.iter().map(EncodedEntry::leaf_hash).collect();
        let grown = self.range.append(&leaves, &self.tiles)?;
        let root = grown.range.root();
        let note = log::sign_checkpoint(ORIGIN, grown.range.size(), &root, &self.key)?;
        let cose = log::sign_root(ORIGIN, &root, &self.key)?;
        self.tiles.keep(grown.tiles);
        self.range = grown.range;
        std::hint::black_box((note, cose));
        Ok(())
    }
}

/// The last tile of each level, which the next leaves may join.
#[derive(Default)]
struct KeptTiles(HashMap<u8, (TileId, Vec<u8>)>);

impl KeptTiles {
    /// Of those of one level the last comes last.
    fn keep(&mut self, changed: Vec<(TileId, Vec<u8>)>) {
        for (tile, hashes) in changed {
            self.0.insert(tile.level, (tile, hashes));
        }
    }
}

impl TileReader for KeptTiles {
    fn read_tile(&self, tile: TileId) -> Result<Vec<u8>, HashReaderError> {
        let kept = self.0.get(&tile.level).filter(|(kept, _)| *kept == tile);
        Ok(kept.map(|(_, hashes)| hashes.clone()).unwrap_or_default())
    }
}

/// The outside of guests that ask nothing of it.
struct Nothing;

impl Services for Nothing {
    fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        Err(HttpError::Timeout)
    }

    fn build(&self, action: &str, _: &[u8]) -> Result<EncodedCall, BuildError> {
        Err(BuildError::UnknownAction(action.to_owned()))
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        1
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }

    fn sign(&self, key: &str, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }
}
