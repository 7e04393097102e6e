//! Leaf by leaf through a log, with what the next one must fit to.

use std::collections::BTreeMap;

use super::children::Children;
use super::versions::Versions;
use super::{Contradiction, Finding, Invocation, Key, Question, Run, Sealed, Trail};
use crate::fit::other_than_accepted;
use crate::log::{self, Checkpoint, MemoryHashes, TrustedKey};
use crate::verify::consistent;
use crate::{
    Accepted, BindingChange, BindingId, BindingVersion, Digest, Execution, KeyEntry, LeafHash,
    LogEntry, Output, Stage, State, Statement, TriggerKind, VersionEntry,
};

/// What a key must be for to sign receipts and checkpoints.
const ATTESTATION: &str = "attestation";

pub(super) struct Reader<'q> {
    question: &'q Question<'q>,
    hashes: MemoryHashes,
    first: Option<(u64, Finding)>,
    /// Attestation keys as `name+id`, and the leaf that first used each in a statement.
    announced: BTreeMap<String, Option<u64>>,
    keys: Vec<Key>,
    others: Vec<BindingId>,
    versions: Versions<'q>,
    invocations: Vec<Accounted>,
    /// Which invocation a contract event woke last, by its place in the chain.
    woken: BTreeMap<Place, u64>,
    children: Children,
    previous: Option<LeafHash>,
    /// What the binding's last run left; at first the empty state.
    state: Digest,
    deliveries: BTreeMap<String, u64>,
}

/// An invocation and what its acceptance fixed.
struct Accounted {
    accepted: Accepted,
    /// The version of the binding that was in force then; the run happens under it, whenever it does.
    version: BindingVersion,
    told: Invocation,
}

type Place = (String, [u8; 32], [u8; 32], Option<u32>);

impl<'q> Reader<'q> {
    pub(super) fn new(question: &'q Question<'q>) -> Self {
        Self {
            question,
            hashes: MemoryHashes::default(),
            first: None,
            announced: BTreeMap::new(),
            keys: Vec::new(),
            others: Vec::new(),
            versions: Versions::new(&question.terms),
            invocations: Vec::new(),
            woken: BTreeMap::new(),
            children: Children::default(),
            previous: None,
            state: State::default().root(),
            deliveries: BTreeMap::new(),
        }
    }

    /// Takes the next leaf. After the first that does not fit the rest is only hashed: whether
    /// the host signed what was found depends on all of it.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let leaf = self.hashes.size();
        let hash = LeafHash::of(bytes);
        if self.first.is_none() {
            let entry = LogEntry::from_bytes(bytes).map_err(Finding::Unreadable);
            if let Err(finding) = entry.and_then(|entry| self.take(leaf, hash, entry)) {
                self.first = Some((leaf, finding));
            }
        }
        append(&mut self.hashes, &hash);
    }

    pub(super) fn finish(
        mut self,
        checkpoint: Checkpoint,
        since: Option<Checkpoint>,
        trust: &[TrustedKey],
    ) -> Result<Trail, Contradiction> {
        let altered = self.against(&checkpoint).err();
        if let Some((leaf, finding)) = self.first.take() {
            return Err(Contradiction {
                leaf: Some(leaf),
                finding,
                altered,
            });
        }
        if let Some(finding) = altered {
            return Err(Contradiction {
                leaf: None,
                finding: finding.clone(),
                altered: Some(finding),
            });
        }
        let signed = |leaf, finding| Contradiction {
            leaf,
            finding,
            altered: None,
        };
        if let Some(since) = &since {
            self.extends(since, &checkpoint)
                .map_err(|finding| signed(None, finding))?;
        }
        self.check_keys(&checkpoint, trust)
            .map_err(|(leaf, finding)| signed(leaf, finding))?;
        if self.versions.activations.is_empty() {
            let finding = Finding::UnknownBinding {
                binding: self.question.binding,
                others: self.others,
            };
            return Err(signed(None, finding));
        }
        self.versions
            .settled()
            .map_err(|finding| signed(None, finding))?;
        if let Some(child) = self.children.any() {
            return Err(signed(Some(child), Finding::UnlistedChild { child }));
        }
        let mut trail = Trail {
            binding: self.question.binding,
            checkpoint,
            since,
            activations: self.versions.activations,
            moves: self.versions.moves,
            keys: self.keys,
            invocations: self
                .invocations
                .into_iter()
                .map(|invocation| invocation.told)
                .collect(),
            claims: Vec::new(),
        };
        trail.claims = super::claims::claims(&trail, !self.question.terms.is_empty());
        Ok(trail)
    }

    /// Whether the leaves are those that were signed.
    fn against(&self, checkpoint: &Checkpoint) -> Result<(), Finding> {
        let leaves = self.hashes.size();
        if leaves != checkpoint.size {
            return Err(Finding::OtherSize {
                leaves,
                size: checkpoint.size,
            });
        }
        match log::root(leaves, &self.hashes) {
            Ok(root) if root == checkpoint.root => Ok(()),
            _ => Err(Finding::OtherLeaves { size: leaves }),
        }
    }

    /// Whether the log begins as it did under an earlier checkpoint.
    fn extends(&self, earlier: &Checkpoint, now: &Checkpoint) -> Result<(), Finding> {
        if earlier.origin != now.origin {
            return Err(Finding::OtherLog {
                earlier: earlier.origin.clone(),
                now: now.origin.clone(),
            });
        }
        if earlier.size > now.size {
            return Err(Finding::Shortened {
                earlier: earlier.size,
                now: now.size,
            });
        }
        match log::root(earlier.size, &self.hashes) {
            Ok(root) if root == earlier.root => Ok(()),
            _ => Err(Finding::Rewritten {
                earlier: earlier.size,
            }),
        }
    }

    /// Whether the keys that sign were announced, and the auditor trusts them.
    fn check_keys(
        &self,
        checkpoint: &Checkpoint,
        trust: &[TrustedKey],
    ) -> Result<(), (Option<u64>, Finding)> {
        if !self.announced.contains_key(&checkpoint.signer) {
            let key = checkpoint.signer.clone();
            return Err((None, Finding::UnannouncedKey { key }));
        }
        let strange = self
            .announced
            .iter()
            .filter_map(|(key, used)| used.map(|leaf| (leaf, key)))
            .filter(|(_, key)| trust.iter().all(|trusted| trusted.identity() != **key))
            .min();
        match strange {
            None => Ok(()),
            Some((leaf, key)) => {
                let key = key.clone();
                Err((Some(leaf), Finding::UntrustedKey { key }))
            }
        }
    }

    fn take(&mut self, leaf: u64, hash: LeafHash, entry: LogEntry) -> Result<(), Finding> {
        let is_attestation = matches!(&entry, LogEntry::Key(key) if key.purpose == ATTESTATION);
        if leaf == 0 && !is_attestation {
            return Err(Finding::NoKey {
                found: entry.kind(),
            });
        }
        let ours = self.question.binding;
        match entry {
            LogEntry::Key(key) => self.announce(leaf, key),
            LogEntry::Version(version) if version.binding.is_none() => {
                self.versions.deploy(version)
            }
            LogEntry::Version(version) if version.binding == Some(ours) => {
                self.migrate(&version)?;
                self.versions.change(leaf, version)
            }
            LogEntry::Binding(binding) if binding.binding == ours => {
                self.versions.bind(leaf, &binding)
            }
            LogEntry::Binding(binding) => {
                if binding.change == BindingChange::Activated {
                    self.others.push(binding.binding);
                }
                Ok(())
            }
            LogEntry::Accepted(accepted) if accepted.binding == ours => self.accept(leaf, accepted),
            LogEntry::Receipt(statement) if statement.execution.binding == ours => {
                self.executed(leaf, hash, statement)
            }
            LogEntry::Version(_) | LogEntry::Accepted(_) | LogEntry::Receipt(_) => Ok(()),
        }
    }

    fn announce(&mut self, leaf: u64, key: KeyEntry) -> Result<(), Finding> {
        if let Some(trusted) = key.attestation_key() {
            self.announced.entry(trusted.identity()).or_default();
        }
        self.keys.push(Key {
            leaf,
            name: key.name,
            purpose: key.purpose,
            public: key.public,
        });
        Ok(())
    }

    /// A promotion or a rollback may rewrite the state, from what the last run left.
    fn migrate(&mut self, version: &VersionEntry) -> Result<(), Finding> {
        let Some(change) = version.state else {
            return Ok(());
        };
        if version.change.leads_to() != Stage::Active || change.before != self.state {
            return Err(Finding::OtherMigration);
        }
        self.state = change.after;
        Ok(())
    }

    fn accept(&mut self, leaf: u64, accepted: Accepted) -> Result<(), Finding> {
        let number = accepted.number;
        let expected = self.invocations.len() as u64 + 1;
        let version = self.versions.in_force()?;
        if number != expected {
            return Err(Finding::InvocationGap {
                expected,
                found: number,
            });
        }
        self.versions.fix(number, accepted.measurement)?;
        self.wake(&accepted)?;
        self.invocations.push(Accounted {
            told: Invocation {
                number,
                leaf,
                trigger: accepted.trigger.clone(),
                instant: accepted.instant,
                measurement: accepted.measurement,
                run: None,
            },
            accepted,
            version,
        });
        Ok(())
    }

    /// One contract event wakes once, and again only if its run failed.
    fn wake(&mut self, accepted: &Accepted) -> Result<(), Finding> {
        let number = accepted.number;
        if accepted.trigger.kind != TriggerKind::ContractEvent {
            return Ok(());
        }
        let Some(place) = &accepted.trigger.position else {
            return Err(Finding::Inconsistent {
                reason: "a contract's event stands nowhere on its ledger",
            });
        };
        let place = (
            place.chain.clone(),
            place.block_hash,
            place.transaction,
            place.log_index,
        );
        match self.woken.insert(place, number) {
            Some(before) if !self.failed(before) => Err(Finding::TriggeredTwice { number, before }),
            _ => Ok(()),
        }
    }

    fn failed(&self, number: u64) -> bool {
        self.find(number)
            .and_then(|found| found.told.run.as_ref())
            .is_some_and(|run| !run.outcome.is_ok())
    }

    fn find(&self, number: u64) -> Option<&Accounted> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.invocations.get(index)
    }

    fn executed(&mut self, leaf: u64, hash: LeafHash, statement: Statement) -> Result<(), Finding> {
        let Statement { execution, host } = statement;
        consistent(&execution).map_err(|reason| Finding::Inconsistent { reason })?;
        match self.announced.get_mut(&host.key) {
            Some(used) => drop(used.get_or_insert(leaf)),
            None => return Err(Finding::UnannouncedKey { key: host.key }),
        }
        let in_force = self.versions.in_force()?;
        let expected = self
            .find(execution.invocation)
            .map_or(in_force, |accounted| accounted.version);
        if expected != execution.binding_version {
            return Err(Finding::OtherBindingVersion {
                expected,
                found: execution.binding_version,
            });
        }
        let (cryptlet, version) = (&execution.cryptlet, &execution.version);
        if execution.source.is_some() {
            self.versions
                .check_deployed(cryptlet, version, execution.measurement)?;
            return self.children.keep(leaf, hash, execution);
        }
        self.versions
            .check_cryptlet(cryptlet, version, execution.measurement)?;
        self.check_accepted(&execution)?;
        if host.previous != self.previous {
            return Err(Finding::BrokenChain {
                expected: self.previous,
                found: host.previous,
            });
        }
        if self.state != execution.state_before {
            return Err(Finding::OtherState);
        }
        let sources = self.children.of(&execution)?;
        let deliveries = self.seal(&execution)?;
        self.previous = Some(hash);
        self.state = execution.state_after;
        let run = Run {
            leaf,
            leaf_hash: hash,
            execution_hash: execution.hash(),
            binding_version: execution.binding_version,
            cryptlet: execution.cryptlet,
            version: execution.version,
            measurement: execution.measurement,
            outcome: execution.outcome,
            fuel: execution.fuel,
            deliveries,
            sources,
        };
        if let Some(found) = usize::try_from(execution.invocation - 1)
            .ok()
            .and_then(|index| self.invocations.get_mut(index))
        {
            found.told.run = Some(run);
        }
        self.versions.ran(&execution.measurement);
        Ok(())
    }

    /// Whether a run is the one that was accepted, and the first of it.
    fn check_accepted(&self, execution: &Execution) -> Result<(), Finding> {
        let number = execution.invocation;
        let Some(Accounted { accepted, told, .. }) = self.find(number) else {
            return Err(Finding::NotAccepted { number });
        };
        if let Some(run) = &told.run {
            let first = run.leaf;
            return Err(Finding::RunTwice { number, first });
        }
        match other_than_accepted(accepted, execution) {
            None => Ok(()),
            Some(field) => Err(Finding::OtherThanAccepted {
                number,
                field,
                accepted: told.leaf,
            }),
        }
    }

    fn seal(&mut self, execution: &Execution) -> Result<Vec<Sealed>, Finding> {
        let mut sealed = Vec::new();
        for output in &execution.outputs {
            let Output::Delivery {
                ledger,
                delivery,
                output_hash,
            } = output
            else {
                continue;
            };
            let last = self.deliveries.entry(ledger.clone()).or_default();
            if *delivery != *last + 1 {
                return Err(Finding::DeliveryGap {
                    ledger: ledger.clone(),
                    expected: *last + 1,
                    found: *delivery,
                });
            }
            *last = *delivery;
            sealed.push(Sealed {
                ledger: ledger.clone(),
                number: *delivery,
                output_hash: *output_hash,
            });
        }
        Ok(sealed)
    }
}

/// The stored hashes of a whole log.
pub(super) fn hashes<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    for leaf in leaves {
        append(&mut hashes, &LeafHash::of(leaf.as_ref()));
    }
    hashes
}

fn append(hashes: &mut MemoryHashes, leaf: &LeafHash) {
    hashes
        .append(leaf)
        .expect("no memory holds more leaves than a log may have, and this reads its own hashes");
}
