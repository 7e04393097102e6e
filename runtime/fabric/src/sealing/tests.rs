use std::collections::BTreeMap;
use std::path::Path;

use cryptlet_attest::{BindingId, Digest, LogEntry, Opening, Outcome, Salt, Statement};
use cryptlet_container::{Container, Meter, Position, Settings, State, Transcript, state_root};
use cryptlet_schema::Limits;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use super::*;
use crate::accept::{Accepting, read_input};
use crate::journal::scene::{bound, message, new};
use crate::journal::{Journal, NewInvocation};

type TestResult = Result<(), Box<dyn std::error::Error>>;

const MANIFEST: &str = r#"[cryptlet]
name = "interest-rate-swap"
version = "1.0.0"
kind = "contract"
description = "Stands for a contract in tests of its receipts"
"#;

/// A component that exports what a cryptlet must and would trap if it ran.
fn component() -> Vec<u8> {
    use wasm_encoder::{ComponentSection as _, CustomSection};
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/fabric.wit");
    resolve.push_file(wit).expect("fabric.wit is valid");
    let package = resolve
        .push_str(
            "test.wit",
            "package test:guest; world test { export cryptlet:fabric/cryptlet@0.1.0; }",
        )
        .expect("the world is valid");
    let world = resolve
        .select_world(&[package], Some("test"))
        .expect("the world is there");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("the world fits into a module");
    let mut component = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.encode())
        .expect("the module fits its world");
    CustomSection {
        name: "cryptlet:manifest".into(),
        data: MANIFEST.as_bytes().into(),
    }
    .append_to_component(&mut component);
    component
}

/// Runs that nobody ran, sealed into a journal.
struct Scene {
    journal: Journal,
    binding: Arc<Binding>,
    cryptlet: Cryptlet,
    host: Arc<HostFacts>,
    state: State,
}

impl Scene {
    async fn new(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let (journal, _) = bound(folder).await?;
        let binding = journal.bindings()?.remove(0).document;
        let digest = Digest::from_bytes([8; 32]);
        Ok(Self {
            journal,
            binding,
            cryptlet: Container::new(Settings::default())?.load(&component())?,
            host: Arc::new(HostFacts {
                operator_costs: digest,
                part: Host {
                    fabric_version: "0.1.0".into(),
                    executable: digest,
                    engine_configuration: digest,
                    wasmtime: "48".into(),
                    key: "fabric.example/log+00000000".into(),
                    previous: None,
                },
            }),
            state: State::new(),
        })
    }

    async fn accept(&self, key: &str, salt: u8) -> Result<u64, JournalError> {
        let mut accepting: Accepting = message(self.binding.id(), key, "{}");
        accepting.new.salt = [salt; 32];
        let accepted = self
            .journal
            .commit(move |writing| accepting.write(writing))
            .await?;
        Ok(accepted.number)
    }

    /// Where the receipt of a run stands.
    fn leaf(&self, number: u64) -> Result<Option<u64>, JournalError> {
        let bearing = self.journal.bearing(&self.binding.id(), number)?;
        Ok(bearing.map(|bearing| bearing.executions[0].leaf))
    }

    /// Seals a run of the invocation that is next, and gives its receipt's statement.
    async fn run(
        &mut self,
        outcome: Outcome,
        changes: &[(&str, Option<&str>)],
    ) -> Result<Statement, Box<dyn std::error::Error>> {
        let id = self.binding.id();
        let accepted = self
            .journal
            .next_accepted(&id, 1)?
            .pop()
            .ok_or("nothing waits")?;
        let before = state_root(&self.state);
        let changes: BTreeMap<String, Option<Vec<u8>>> = changes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.map(Into::into)))
            .collect();
        for (key, value) in &changes {
            match value {
                Some(value) => self.state.insert(key.clone(), value.clone()),
                None => self.state.remove(key),
            };
        }
        let number = accepted.number;
        let finished = Finished {
            id,
            binding: Arc::clone(&self.binding),
            invocation: Arc::new(read_input("swap", number, &accepted.input)?),
            accepted,
            cryptlet: self.cryptlet.clone(),
            run: run(outcome, changes, before, state_root(&self.state)),
            host: Arc::clone(&self.host),
        };
        let sealing = finished.seal(self.journal.standing(&id)?)?;
        self.journal
            .commit(move |writing| crate::sealing::write(&[sealing], writing, 0).map(drop))
            .await?;
        assert_eq!(self.journal.state(&id)?, self.state);
        let executions = self.journal.executions()?;
        let row = executions.last().ok_or("nothing ran")?;
        match LogEntry::from_bytes(&self.journal.receipt(row)?.statement)? {
            LogEntry::Receipt(statement) => Ok(statement),
            other => Err(format!("a {} in a receipt's place", other.kind()).into()),
        }
    }
}

fn run(
    outcome: Outcome,
    state_changes: BTreeMap<String, Option<Vec<u8>>>,
    state_before: Digest,
    state_after: Digest,
) -> Run {
    Run {
        reply: outcome.is_ok().then(|| b"{}".to_vec()),
        outcome,
        failure: None,
        submissions: Vec::new(),
        events: Vec::new(),
        logs: Vec::new(),
        state_changes,
        state_before,
        state_after,
        transcript: Transcript::default(),
        meter: Meter::default(),
        limits: Limits::default(),
        children: Vec::new(),
        discarded: false,
        diagnostic: None,
    }
}

fn trapped() -> Outcome {
    Outcome::Trap {
        kind: "unreachable".into(),
    }
}

#[tokio::test]
async fn a_state_after_is_the_next_ones_before_over_runs_that_change_nothing_and_fail() -> TestResult
{
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::new(folder.path()).await?;
    for (key, salt) in [("a", 11), ("b", 12), ("c", 13), ("d", 14), ("e", 15)] {
        scene.accept(key, salt).await?;
    }
    let untouched = scene.run(Outcome::Ok, &[]).await?.execution;
    assert_eq!(untouched.state_before, empty_state());
    assert_eq!(untouched.state_after, empty_state());
    let changing = scene.run(Outcome::Ok, &[("rate", Some("3"))]).await?;
    assert_eq!(changing.execution.state_before, empty_state());
    let written = changing.execution.state_after;
    let failing = scene.run(trapped(), &[]).await?.execution;
    let same = scene.run(Outcome::Ok, &[("rate", Some("3"))]).await?;
    for unchanged in [failing, same.execution] {
        assert_eq!(unchanged.state_before, written);
        assert_eq!(unchanged.state_after, written);
    }
    let emptied = scene.run(Outcome::Ok, &[("rate", None)]).await?.execution;
    assert_eq!(emptied.state_before, written);
    assert_ne!(
        emptied.state_after,
        empty_state(),
        "salted: it was written once"
    );
    Ok(())
}

#[tokio::test]
async fn the_same_state_has_another_digest_whenever_it_is_written_and_no_guess_confirms_it()
-> TestResult {
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::new(folder.path()).await?;
    for (key, salt) in [("a", 11), ("b", 12), ("c", 13)] {
        scene.accept(key, salt).await?;
    }
    let first = scene.run(Outcome::Ok, &[("vote", Some("yes"))]).await?;
    scene.run(Outcome::Ok, &[("vote", Some("no"))]).await?;
    let again = scene.run(Outcome::Ok, &[("vote", Some("yes"))]).await?;
    let (first, again) = (first.execution.state_after, again.execution.state_after);
    assert_ne!(first, again);

    let guess = state_root(&State::from([("vote".to_owned(), b"yes".to_vec())]));
    assert_eq!(guess, state_root(&scene.state), "the guess is right");
    assert!(![first, again].contains(&guess));
    let without_salt = Salt::from_bytes([0; 32]);
    assert_ne!(without_salt.digest("state", guess.as_bytes()), first);
    let opening = Opening::new(
        &Salt::from_bytes([11; 32]),
        "state",
        guess.as_bytes().to_vec(),
    );
    assert!(opening.opens(&first), "whoever has the salt can show it");
    Ok(())
}

#[tokio::test]
async fn the_state_before_any_run_can_be_put_together_again() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::new(folder.path()).await?;
    for key in ["a", "b", "c", "d"] {
        scene.accept(key, 1).await?;
    }
    let changes: [&[(&str, Option<&str>)]; 4] = [
        &[("a", Some("1")), ("b", Some("1"))],
        &[("a", None), ("c", Some("2"))],
        &[],
        &[("a", Some("4")), ("b", None)],
    ];
    let mut states = vec![State::new()];
    for changes in changes {
        scene.run(Outcome::Ok, changes).await?;
        states.push(scene.state.clone());
    }
    let id = scene.binding.id();
    for (number, state) in (1..).zip(&states) {
        assert_eq!(scene.journal.state_before(&id, number)?, *state, "{number}");
    }
    let writers: Vec<_> = (1..=5)
        .map(|number| scene.journal.last_change_before(&id, number))
        .collect::<Result<_, _>>()?;
    let leaf = |number| scene.leaf(number);
    assert_eq!(writers, [None, leaf(1)?, leaf(2)?, leaf(2)?, leaf(4)?]);
    Ok(())
}

#[tokio::test]
async fn a_run_out_of_turn_writes_its_state_in_the_order_of_receipts() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::new(folder.path()).await?;
    scene.accept("a", 1).await?;
    let mut again = message(scene.binding.id(), "b", "{}");
    again.new.again = Some(1);
    scene
        .journal
        .commit(move |writing| again.write(writing))
        .await?;
    let second = scene.run(Outcome::Ok, &[("a", Some("2"))]).await?;
    let first = scene.run(Outcome::Ok, &[("a", Some("1"))]).await?;
    assert_eq!(
        (second.execution.invocation, first.execution.invocation),
        (2, 1)
    );
    assert_eq!(first.execution.state_before, second.execution.state_after);
    let id = scene.binding.id();
    assert_eq!(scene.journal.state_before(&id, 1)?["a"], b"2");
    assert_eq!(scene.journal.state_before(&id, 2)?, State::new());
    assert_eq!(scene.journal.last_change_before(&id, 1)?, scene.leaf(2)?);
    Ok(())
}

#[tokio::test]
async fn a_failed_answer_to_an_event_holds_until_it_is_run_again_or_passed_over() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut scene = Scene::new(folder.path()).await?;
    let id = scene.binding.id();
    let held = |scene: &Scene| -> Result<Option<u64>, JournalError> {
        Ok(scene.journal.held_by(&id)?.map(|held| held.number))
    };
    scene.accept("a message", 1).await?;
    scene.run(trapped(), &[]).await?;
    assert_eq!(held(&scene)?, None, "a message holds up nobody");

    for (number, again) in [(2, None), (3, Some(2))] {
        let answering = event(id, number, again);
        scene
            .journal
            .commit(move |writing| answering.write(writing))
            .await?;
        assert_eq!(held(&scene)?, None, "what it held for is run again");
        scene.run(trapped(), &[]).await?;
        assert_eq!(held(&scene)?, Some(number));
    }
    scene
        .journal
        .commit(move |writing| writing.pass_over(&id, 3))
        .await?;
    assert_eq!(held(&scene)?, None);
    Ok(())
}

fn event(binding: BindingId, number: u64, again: Option<u64>) -> Accepting {
    let new = NewInvocation {
        again,
        ..new(binding, &number.to_string())
    };
    let trigger = Trigger::ContractEvent {
        name: "PeriodEnded".into(),
        fields: b"{}".to_vec(),
        position: Position {
            chain: "eip155:31337".into(),
            block: number,
            block_hash: vec![1; 32],
            transaction: vec![2; 32],
        },
        log_index: 0,
    };
    Accepting::new(new, trigger).expect("an event can be stated")
}
