//! A binding's state goes with its cryptlet's versions: up in a migration, back in a rollback, and
//! never half of either.

#[expect(dead_code, reason = "the container's tests need more of them")]
#[path = "../../runtime/container/tests/container/guests.rs"]
mod guests;

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::bundle::{Expectations, verify_bundle};
use cryptlet_attest::trail::{self, Question};
use cryptlet_attest::{BindingId, LogEntry, Measurement, StateChange};
use cryptlet_fabric::bundle::{BundleParts, Openings};
use cryptlet_fabric::change::Change;
use cryptlet_fabric::journal::ShadowRunRow;
use cryptlet_fabric::replay::Replayer;
use cryptlet_fabric::versions::StateError;
use cryptlet_fabric::{Decision, Fabric, FabricError, Message, Seams};
use cryptlet_vault::Passphrase;
use end_to_end::margin::{self, BINDING};
use end_to_end::story::decided;
use end_to_end::world::{approve, passphrase_file};
use end_to_end::{Components, World};
use semver::Version;

/// A fabric with a binding whose cryptlet keeps state.
struct Host {
    world: World,
    fabric: Fabric,
    id: BindingId,
    sent: u64,
    _folder: tempfile::TempDir,
}

impl Host {
    /// Deploys the first of the versions, binds it, and deploys the others.
    async fn new(cryptlet: &str, message: &str, versions: &[Vec<u8>]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let world = World::new(folder.path(), Components::read()?).await?;
        let passphrase = Passphrase::from_file(passphrase_file(&world.state))?;
        margin::make_key(&world.state, &passphrase)?;
        let fabric = world.open(Seams::live()?).await?;
        let first = fabric.deploy(versions[0].clone()).await?.measurement;
        let binding = margin::binding(&world, cryptlet, message, first)?;
        let approvals = [&world.acme, &world.globex]
            .into_iter()
            .map(|wallet| approve(wallet, binding.terms_digest()))
            .collect::<Result<Vec<_>>>()?;
        let id = fabric.bind(binding, approvals).await?;
        for version in &versions[1..] {
            fabric.deploy(version.clone()).await?;
        }
        Ok(Self {
            world,
            fabric,
            id,
            sent: 0,
            _folder: folder,
        })
    }

    async fn margin() -> Result<Self> {
        let versions = ["1.0.0", "1.1.0"].map(component);
        let versions: Vec<_> = versions.into_iter().collect::<Result<_>>()?;
        Self::new(margin::CRYPTLET, margin::MESSAGE, &versions).await
    }

    async fn accept(&mut self, topic: &str, body: &str) -> Result<u64> {
        self.sent += 1;
        let message = Message {
            sender: "acme".into(),
            topic: topic.into(),
            body: body.as_bytes().to_vec(),
            idempotency_key: self.sent.to_string(),
        };
        Ok(self.fabric.send(BINDING, message).await?)
    }

    async fn put_up(&mut self, amount: u64) -> Result<u64> {
        self.accept("PutUp", &format!("{{\"amount\":\"{amount}\"}}"))
            .await
    }

    async fn run(&self) -> Result<()> {
        let progress = self.fabric.execute_accepted(BINDING).await?;
        ensure!(progress.waiting.is_empty(), "{:?}", progress.waiting);
        Ok(())
    }

    /// Every balance that was told, in order, with the version that told it.
    fn told(&self) -> Result<Vec<(String, String)>> {
        let journal = self.fabric.journal();
        let versions = journal.executions()?.into_iter().map(|run| run.version);
        let events = journal.published(&self.id)?.into_iter();
        events
            .zip(versions)
            .map(|(event, version)| {
                let body: serde_json::Value = serde_json::from_slice(&event.body)?;
                let balance = body["balance"].as_str().context("it has a balance")?;
                Ok((version, balance.to_owned()))
            })
            .collect()
    }

    /// The changes of the state that the log says moves have made.
    fn rewritten(&self) -> Result<Vec<StateChange>> {
        let leaves = self.fabric.journal().leaves(0, u32::MAX)?;
        let mut changes = Vec::new();
        for leaf in leaves {
            if let LogEntry::Version(moved) = LogEntry::from_bytes(&leaf.entry)? {
                changes.extend(moved.state);
            }
        }
        Ok(changes)
    }

    /// Replays every run, opens its states in a bundle, and follows the log.
    fn audit(&self) -> Result<()> {
        let journal = self.fabric.journal();
        let row = journal.binding(BINDING)?.context("it is bound")?;
        let replayer = Replayer::new()?;
        let auditor = Expectations {
            trust: vec![self.fabric.trusted_key().clone()],
            ..Expectations::default()
        };
        let parts = BundleParts {
            openings: Openings::All,
            modules: true,
            agreement: true,
            since: None,
        };
        for place in journal.runs_after(Some(&self.id), None, 1_000)? {
            let recorded = journal
                .recorded_run(&row, place.number)?
                .context("it ran")?;
            for measurement in recorded.modules()?.keys() {
                let component = journal.component(measurement)?.context("it is deployed")?;
                replayer.load(&component)?;
            }
            let replay = replayer.replay(&recorded)?;
            ensure!(replay.is_reproduced(), "{}: {replay:?}", place.number);
            let bundle = journal.bundle(BINDING, place.number, &parts)?;
            verify_bundle(&bundle.to_bytes(), &auditor)
                .with_context(|| format!("the bundle of run {}", place.number))?;
        }
        let leaves = journal.leaves(0, u32::MAX)?;
        let checkpoint = journal.checkpoint()?.context("the log is signed")?;
        let question = Question {
            binding: self.id,
            terms: Vec::new(),
            since: None,
        };
        let entries = leaves.iter().map(|leaf| &leaf.entry);
        trail::follow(entries, &checkpoint, &auditor.trust, &question)?;
        Ok(())
    }
}

fn component(version: &str) -> Result<Vec<u8>> {
    let folder = std::env::var_os("CRYPTLETS").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../target/cryptlets").into(),
        std::path::PathBuf::from,
    );
    let path = folder.join(format!("margin-account-{version}.wasm"));
    std::fs::read(&path)
        .with_context(|| format!("{} is missing; run `cargo xtask guests`", path.display()))
}

fn dropping() -> Decision {
    decided().dropping_state_changes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_migrated_with_the_promotion_and_restored_by_the_rollback() -> Result<()> {
    let mut host = Host::margin().await?;
    let next = Version::new(1, 1, 0);
    for amount in [40, 2] {
        host.put_up(amount).await?;
    }
    host.run().await?;
    // Accepted for the first version, and still to run when the second is promoted.
    host.put_up(8).await?;
    host.fabric.promote(BINDING, &next, decided()).await?;
    host.put_up(1).await?;
    host.run().await?;
    let told = |version: &str, balance: &str| (version.to_owned(), balance.to_owned());
    let mut expected = vec![
        told("1.0.0", "40"),
        told("1.0.0", "42"),
        told("1.0.0", "50"),
        told("1.1.0", "51"),
    ];
    assert_eq!(host.told()?, expected);
    let journal = host.fabric.journal();
    let state = journal.state_before(&host.id, 4)?;
    assert_eq!(state.keys().collect::<Vec<_>>(), ["balance/acme"]);
    let migrated = host.rewritten()?;
    assert_eq!(migrated.len(), 1, "one move rewrote the state");
    assert_ne!(migrated[0].before, migrated[0].after);
    host.audit()?;

    // What the last run put up would be lost.
    let refusal = host.fabric.rollback(BINDING, decided()).await;
    assert!(
        matches!(
            &refusal,
            Err(FabricError::State(StateError::Changed { runs: 1, .. }))
        ),
        "{refusal:?}"
    );
    assert_eq!(host.rewritten()?.len(), 1, "nothing was changed");
    host.fabric.rollback(BINDING, dropping()).await?;
    host.put_up(100).await?;
    host.run().await?;
    expected.push(told("1.0.0", "150"));
    assert_eq!(host.told()?, expected);
    let state = host.fabric.journal().state_before(&host.id, 5)?;
    assert_eq!(state.len(), 3, "the movements are back: {state:?}");
    host.audit()?;

    // Up once more, from what is there now; and at once back, with nothing to lose.
    host.fabric.promote(BINDING, &next, decided()).await?;
    host.fabric.rollback(BINDING, decided()).await?;
    host.fabric.promote(BINDING, &next, decided()).await?;
    host.put_up(5).await?;
    host.run().await?;
    expected.push(told("1.1.0", "155"));
    assert_eq!(host.told()?, expected);
    assert_eq!(host.rewritten()?.len(), 5);
    host.audit()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_while_a_state_is_migrated_is_answered_by_one_version_or_the_other()
-> Result<()> {
    let mut host = Host::margin().await?;
    host.put_up(1).await?;
    host.run().await?;
    let message = |number: u64| Message {
        sender: "acme".into(),
        topic: "PutUp".into(),
        body: br#"{"amount":"1"}"#.to_vec(),
        idempotency_key: format!("meanwhile {number}"),
    };
    let fabric = &host.fabric;
    let sending = async {
        for number in 0..40 {
            fabric.send(BINDING, message(number)).await?;
        }
        Ok::<_, FabricError>(())
    };
    let next = Version::new(1, 1, 0);
    let moving = fabric.promote(BINDING, &next, decided());
    let (sent, moved) = tokio::join!(sending, moving);
    sent?;
    moved?;
    host.run().await?;
    let told = host.told()?;
    let balances: Vec<String> = told.iter().map(|(_, balance)| balance.clone()).collect();
    let all: Vec<String> = (1..=41).map(|balance: u64| balance.to_string()).collect();
    assert_eq!(balances, all, "none is lost or counted twice");
    assert!(told.is_sorted_by(|one, other| one.0 <= other.0), "{told:?}");
    host.audit()
}

/// A guest of this version that keeps state of that one.
fn guest(version: &str, state: u32, migrate: Option<&str>) -> Vec<u8> {
    guest_that_replies("null", version, state, migrate)
}

fn guest_that_replies(reply: &str, version: &str, state: u32, migrate: Option<&str>) -> Vec<u8> {
    let rest = format!("[capabilities]\nstate = true\nlog = true\n[state]\nversion = {state}\n");
    let manifest = guests::manifest("contract", &rest).replace("1.0.0", version);
    let handle = guests::handling(&format!(
        "(call $state_set @‹a› @‹1›) (call $ok @‹{reply}›)"
    ));
    let migrate = migrate.map(guests::migration).unwrap_or_default();
    guests::component(&manifest, &format!("{handle}{migrate}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_changes_nothing_and_no_version_gets_a_state_it_cannot_read()
-> Result<()> {
    let versions = [
        guest("1.0.0", 1, None),
        guest(
            "1.1.0",
            2,
            Some("(call $state_remove @‹a›) (call $failed @‹odd› @‹what is this›)"),
        ),
        guest("1.2.0", 2, Some("(call $state_remove @‹a›) (unreachable)")),
        guest(
            "1.3.0",
            2,
            Some("(call $state_remove @‹a›) (call $migrated)"),
        ),
    ];
    let mut host = Host::new("guest", "Again(uint32 number)", &versions).await?;
    host.accept("Again", r#"{"number":1}"#).await?;
    host.run().await?;
    let size = host.fabric.journal().log_size()?;
    for (minor, said) in [(1, "what is this"), (2, "unreachable")] {
        let version = Version::new(1, minor, 0);
        let refusal = host.fabric.promote(BINDING, &version, decided()).await;
        let refusal = refusal.err().context("it does not migrate")?;
        assert!(
            matches!(
                &refusal,
                FabricError::State(StateError::Failed { from: 1, to: 2, .. })
            ),
            "{refusal}"
        );
        assert!(refusal.to_string().contains(said), "{refusal}");
    }
    let canary = host
        .fabric
        .canary(BINDING, &Version::new(1, 3, 0), 50, decided())
        .await;
    assert!(
        matches!(&canary, Err(FabricError::State(StateError::Shared { .. }))),
        "{canary:?}"
    );
    assert_eq!(
        host.fabric.journal().log_size()?,
        size,
        "nothing was changed"
    );
    assert_eq!(host.fabric.journal().state_before(&host.id, 99)?["a"], b"1");

    host.fabric
        .promote(BINDING, &Version::new(1, 3, 0), decided())
        .await?;
    assert!(host.fabric.journal().state_before(&host.id, 99)?.is_empty());
    let first = Version::new(1, 0, 0);
    for refused in [
        host.fabric.promote(BINDING, &first, decided()).await,
        host.fabric.shadow(BINDING, &first, decided()).await,
    ] {
        assert!(
            matches!(
                &refused,
                Err(FabricError::State(StateError::Newer {
                    state: 2,
                    reads: 1,
                    ..
                }))
            ),
            "{refused:?}"
        );
    }
    host.fabric.rollback(BINDING, decided()).await?;
    assert_eq!(host.fabric.journal().state_before(&host.id, 99)?["a"], b"1");
    host.audit()?;
    drop(host.world);
    Ok(())
}

/// Runs of the host's binding that this version has done in shadow. On a busy machine some are left
/// out, so that a few more may be needed.
async fn shadowed(host: &mut Host, topic: &str, version: &Version) -> Result<Vec<ShadowRunRow>> {
    for _ in 0..20 {
        let body = match topic {
            "PutUp" => r#"{"amount":"7"}"#,
            _ => r#"{"number":1}"#,
        };
        host.accept(topic, body).await?;
        host.run().await?;
        host.fabric.shadow_runs_settled().await;
        let runs = host.fabric.journal().shadow_runs(&host.id, version, 100)?;
        if !runs.is_empty() {
            return Ok(runs);
        }
    }
    anyhow::bail!("no run had room beside it")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_in_shadow_finds_a_migrated_copy_and_the_state_stays_as_it_is() -> Result<()> {
    let mut host = Host::margin().await?;
    host.put_up(40).await?;
    host.run().await?;
    let next = Version::new(1, 1, 0);
    host.fabric.shadow(BINDING, &next, decided()).await?;
    for run in shadowed(&mut host, "PutUp", &next).await? {
        assert!(run.differences.is_empty(), "it knew the balance: {run:?}");
    }
    assert_eq!(host.rewritten()?, [], "only the copy was migrated");
    host.audit()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_version_does_otherwise_on_a_migrated_copy_is_listed() -> Result<()> {
    let migrate = Some("(call $state_remove @‹a›) (call $migrated)");
    let versions = [
        guest("1.0.0", 1, None),
        guest_that_replies("true", "1.1.0", 2, migrate),
        guest("1.2.0", 2, Some("(call $failed @‹odd› @‹what is this›)")),
    ];
    let mut host = Host::new("guest", "Again(uint32 number)", &versions).await?;
    for (minor, field) in [(1, "reply"), (2, "migration")] {
        let version = Version::new(1, minor, 0);
        host.fabric.shadow(BINDING, &version, decided()).await?;
        let runs = shadowed(&mut host, "Again", &version).await?;
        let fields: Vec<_> = runs[0]
            .differences
            .iter()
            .map(|found| &*found.field)
            .collect();
        assert_eq!(fields, [field], "{runs:?}");
        host.fabric.withdraw(BINDING, &version, decided()).await?;
    }
    assert_eq!(host.fabric.journal().state_before(&host.id, 99)?["a"], b"1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_does_not_begin_with_a_version_that_cannot_read_the_state() -> Result<()> {
    let mut host = Host::margin().await?;
    host.put_up(40).await?;
    host.run().await?;
    let next = Version::new(1, 1, 0);
    let measurement = Measurement::of(&component("1.1.0")?);
    let row = host.fabric.journal().binding(BINDING)?;
    let in_force = row.context("it is bound")?.document.as_ref().clone();
    let change = |measurement: Measurement, gas_limit: u32| {
        let mut document = in_force.clone();
        document.binding.measurement = measurement;
        document.contract.gas_limit = gas_limit;
        Change::to(in_force.clone(), document, 1)
    };
    let with_next = change(measurement, 300_000)?;
    let with_first = change(in_force.binding.measurement, 300_001)?;

    let refusal = host.fabric.propose(with_next.clone(), Vec::new()).await;
    assert!(
        matches!(
            &refusal,
            Err(FabricError::State(StateError::Inherited {
                state: 1,
                reads: 2,
                ..
            }))
        ),
        "{refusal:?}"
    );
    host.fabric.promote(BINDING, &next, decided()).await?;
    host.fabric.propose(with_next, Vec::new()).await?;
    let refusal = host.fabric.propose(with_first, Vec::new()).await;
    assert!(
        matches!(
            &refusal,
            Err(FabricError::State(StateError::Inherited {
                state: 2,
                reads: 1,
                ..
            }))
        ),
        "{refusal:?}"
    );
    Ok(())
}
