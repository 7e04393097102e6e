//! In a whole fabric, with a journal, a log and a real node: what hostile guests do is recorded like
//! everything else, and whoever means well is answered.

use std::collections::BTreeMap;

use alloy::primitives::{Signature, keccak256};
use anyhow::{Context as _, Result, bail, ensure};
use cryptlet_attest::Measurement;
use cryptlet_container::{KeyError, Record, Transcript, manifest_of};
use cryptlet_fabric::binding::{Granted, Http, Source};
use cryptlet_fabric::replay::{RecordedRun, Replay, Replayer};
use cryptlet_fabric::{Fabric, Message, Seams};
use cryptlet_vault::{Algorithm, Cost, Passphrase, Purpose, Vault, guest_message};
use end_to_end::story::decided;
use end_to_end::swap::{BINDING, DELIVERY_KEY};
use end_to_end::{Components, World, world};

use crate::folder::{self, Attack};
use crate::guests::{component, handling, manifest};
use crate::verdict::Stage;

const MESSAGES: u64 = 6;
const DESK: &str = "desk";
const SCHEMAS: &str = "[messages]\n\
     actions = [\"settle(uint32 period, address payer, uint256 amount)\"]\n\
     topics = [\"Noted(uint32 period)\"]\n";

/// Guests of `tests/hostile` that can be asked, and are stopped while they run.
fn hostile_sources() -> Result<Vec<Attack>> {
    let mut sources = Vec::new();
    for (name, verdict) in folder::verdicts()? {
        // The fabric's web is the real one, and what a source has its host write down counts for
        // its asker too.
        let fits = verdict.web.is_empty() && !verdict.by.contains("transcript-bytes");
        if verdict.stopped == Stage::Run && fits {
            let attack = folder::attack(&name)?;
            if manifest_of(&attack.component)?.messages.request.is_some() {
                sources.push(attack);
            }
        }
    }
    ensure!(sources.len() > 5, "too few can be asked");
    Ok(sources)
}

/// Parties agree to a binding that is woken by messages, with these sources and keys.
async fn agreed(world: &mut World, sources: &[Attack], keys: &[&str]) -> Result<()> {
    let rates = Http::new(world.rates.base()?, vec!["GET".into()]);
    let binding = &mut world.binding;
    binding.binding.cryptlet = "guest".into();
    binding.triggers.contract_events.clear();
    binding.triggers.messages = vec!["Tick()".parse()?];
    binding.keys.granted = keys.iter().map(|key| (*key).to_owned()).collect();
    for attack in sources {
        let source = Source {
            cryptlet: attack.name.clone(),
            version: semver::Version::new(1, 0, 0),
            measurement: Measurement::of(&attack.component),
            grants: Granted {
                log: true,
                http: [("rates".to_owned(), rates.clone())].into(),
                ..Granted::default()
            },
        };
        binding.sources.insert(attack.name.clone(), source);
    }
    let terms = binding.terms_digest();
    world.approvals = [&world.acme, &world.globex]
        .into_iter()
        .map(|wallet| world::approve(wallet, terms))
        .collect::<Result<_>>()?;
    world.agree_on_the_chain().await?;
    world.admit().await
}

/// The bound cryptlet: asks for these capabilities beside ledger and events, and its `handle` has this
/// body.
fn bound(patch: u64, capabilities: &str, body: &str) -> Vec<u8> {
    let rest = format!(
        "[capabilities]\nledger = true\nevents = true\n{capabilities}\n[limits]\nfuel = 1000000\nwall-clock-milliseconds = 60000\n{SCHEMAS}"
    );
    let manifest = manifest("contract", &rest).replace("1.0.0", &format!("1.0.{patch}"));
    component(&manifest, &handling(body))
}

async fn send(fabric: &Fabric, number: u64) -> Result<()> {
    let message = Message {
        sender: "desk".into(),
        topic: "Tick".into(),
        body: b"{}".to_vec(),
        idempotency_key: number.to_string(),
    };
    ensure!(fabric.send(BINDING, message).await? == number);
    Ok(())
}

fn recorded_runs(fabric: &Fabric) -> Result<Vec<RecordedRun>> {
    let journal = fabric.journal();
    let row = journal.binding(BINDING)?.context("the binding is active")?;
    let places = journal.runs_after(None, None, 1_000)?;
    let recorded = places.iter().map(|place| {
        let recorded = journal.recorded_run(&row, place.number)?;
        recorded.context("the run is recorded")
    });
    recorded.collect()
}

/// Does a run again from what is recorded of it; it must come to the same.
fn replayed(fabric: &Fabric, replayer: &Replayer, recorded: &RecordedRun) -> Result<Replay> {
    for measurement in recorded.modules()?.keys() {
        if !replayer.has(measurement) {
            let component = fabric.journal().component(measurement)?;
            replayer.load(&component.context("it is deployed")?)?;
        }
    }
    let replay = replayer.replay(recorded)?;
    ensure!(replay.is_reproduced(), "{replay:#?}");
    Ok(replay)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_hostile_sources_is_answered_and_every_run_is_recorded() -> Result<()> {
    let sources = hostile_sources()?;
    let names: Vec<&str> = sources.iter().map(|attack| attack.name.as_str()).collect();
    let asked: String = names
        .iter()
        .map(|name| {
            format!(
                "(call $ask @‹{name}› @‹{{}}› (i32.const 256))
                 (if (i32.eqz (i32.load8_u (i32.const 256))) (then (unreachable)))"
            )
        })
        .collect();
    let honest = "(call $ask @‹reference-rate› @‹{\"quarter\":\"2006-Q1\"}› (i32.const 256))
        (if (i32.load8_u (i32.const 256)) (then (unreachable)))
        (call $publish @‹Noted› @‹{\"period\":1}›) (call $ok @‹{}›)";
    let listed: String = names.iter().map(|name| format!(", \"{name}\"")).collect();
    let capabilities = format!("sources = [\"reference-rate\"{listed}]");
    let state = tempfile::tempdir()?;
    let components = Components {
        swap: bound(0, &capabilities, &format!("{asked}{honest}")),
        ..Components::read()?
    };
    let mut world = World::before_agreement(state.path(), components).await?;
    agreed(&mut world, &sources, &[]).await?;
    let fabric = world.open(Seams::live()?).await?;
    for attack in &sources {
        fabric.deploy(attack.component.clone()).await?;
    }
    world.set_up(&fabric).await?;
    for number in 1..=MESSAGES {
        send(&fabric, number).await?;
    }
    world.settle(&fabric).await?;

    let verdicts: BTreeMap<&str, &str> = sources
        .iter()
        .map(|attack| (attack.name.as_str(), attack.verdict.by.as_str()))
        .collect();
    let replayer = Replayer::new()?;
    let runs = recorded_runs(&fabric)?;
    assert_eq!(runs.len() as u64, MESSAGES, "none is lost");
    for recorded in &runs {
        let replay = replayed(&fabric, &replayer, recorded)?;
        assert_eq!(replay.executions.len(), 2 + sources.len());
        for run in &replay.executions {
            let source = run.source.as_deref().unwrap_or_default();
            let expected = verdicts.get(source).copied().unwrap_or("ok");
            assert_eq!(run.outcome, expected, "{source}");
        }
    }
    let id = world.binding.id();
    assert_eq!(fabric.journal().published(&id)?.len() as u64, MESSAGES);
    let logged = fabric.journal().executions()?;
    assert_eq!(logged.len(), runs.len() * (2 + sources.len()));
    for execution in &logged {
        fabric.journal().receipt(execution)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_version_costs_its_own_runs_and_no_other() -> Result<()> {
    let state = tempfile::tempdir()?;
    let components = Components {
        swap: bound(0, "", "(call $ok @‹{}›)"),
        ..Components::read()?
    };
    let mut world = World::before_agreement(state.path(), components).await?;
    agreed(&mut world, &[], &[]).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    let endless = bound(1, "", "(loop $l (br $l)) (unreachable)");
    let endless = fabric.deploy(endless).await?;
    world.allow(endless.measurement).await?;

    let mut number = 0;
    for phase in ["honest", "hostile", "honest again"] {
        match phase {
            "hostile" => drop(fabric.promote(BINDING, &endless.version, decided()).await?),
            "honest again" => drop(fabric.rollback(BINDING, decided()).await?),
            _ => {}
        }
        for _ in 0..MESSAGES {
            number += 1;
            send(&fabric, number).await?;
        }
        world.settle(&fabric).await?;
    }

    let replayer = Replayer::new()?;
    let mut outcomes = Vec::new();
    for recorded in recorded_runs(&fabric)? {
        let replay = replayed(&fabric, &replayer, &recorded)?;
        outcomes.push(replay.executions[0].outcome.clone());
    }
    let expected: Vec<&str> = ["ok", "limit fuel of 1000000", "ok"]
        .into_iter()
        .flat_map(|outcome| std::iter::repeat_n(outcome, MESSAGES as usize))
        .collect();
    assert_eq!(outcomes, expected);
    Ok(())
}

/// A guest that hands a digest to its keychain gets a signature over something else, and the key that
/// signs deliveries answers no guest, not even if a binding grants it by mistake.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_cannot_have_a_digest_signed() -> Result<()> {
    let state = tempfile::tempdir()?;
    let guest = format!(
        "(call $build @‹settle›
           @‹{{\"period\":1,\"payer\":\"0x0000000000000000000000000000000000000001\",\"amount\":\"1\"}}›
           (i32.const 256))
         (local.set $a (i32.load (i32.const 260)))
         (call $draft_digest (local.get $a) (i32.const 512))
         (call $sign @‹{DESK}› (i32.load (i32.const 512)) (i32.load (i32.const 516)) (i32.const 256))
         (call $sign @‹{DELIVERY_KEY}›
           (i32.load (i32.const 512)) (i32.load (i32.const 516)) (i32.const 256))
         (call $ok @‹{{}}›)"
    );
    let keys = format!("keychain = [\"{DESK}\", \"{DELIVERY_KEY}\"]");
    let components = Components {
        swap: bound(0, &keys, &guest),
        ..Components::read()?
    };
    let mut world = World::before_agreement(state.path(), components).await?;
    let vault = Vault::open(state.path().join("keys"))?;
    let passphrase = Passphrase::from_file(world::passphrase_file(state.path()))?;
    let (algorithm, purpose) = (Algorithm::Secp256k1, Purpose::Guest);
    vault.create(&DESK.parse()?, algorithm, purpose, &passphrase, Cost::Light)?;
    agreed(&mut world, &[], &[DESK, DELIVERY_KEY]).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    send(&fabric, 1).await?;
    world.settle(&fabric).await?;

    let desk = world::address_of(&world::unlock(state.path())?, DESK)?;
    let runs = recorded_runs(&fabric)?;
    let transcript = Transcript::from_bytes(&runs[0].transcript)?;
    let mut signed = transcript
        .records()
        .iter()
        .filter_map(|record| match record {
            Record::Sign {
                message, answer, ..
            } => Some((message, answer)),
            _ => None,
        });
    let Some((digest, Ok(signature))) = signed.next() else {
        bail!("the desk's key signs messages: {transcript:?}");
    };
    let signature = Signature::from_raw(signature)?;
    let bare = digest.as_slice().try_into()?;
    assert_ne!(signature.recover_address_from_prehash(&bare)?, desk);
    let said = keccak256(guest_message(world.binding.id().as_bytes(), digest));
    assert_eq!(signature.recover_address_from_prehash(&said)?, desk);
    let refused = signed.next().context("it tried the delivery key too")?;
    assert!(
        matches!(refused.1, Err(KeyError::NotGranted(_))),
        "{refused:?}"
    );
    Ok(())
}
