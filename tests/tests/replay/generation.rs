//! Makes bundles for `tests/corpus` from real runs:
//! `cargo test -p end-to-end --test replay -- --ignored new_bundles`. It adds files and overwrites none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use cryptlet_attest::Measurement;
use cryptlet_fabric::binding::{Granted, Http, Source};
use cryptlet_fabric::bundle::{BundleParts, Openings};
use cryptlet_fabric::{Fabric, Message, Seams};
use end_to_end::story::decided;
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, world};

use crate::corpus::folder;
use crate::guests::{component, handling, manifest};
use crate::live_through;

const PERIOD: &str = "[messages]\nactions = [\"settle(uint32 period, address payer, uint256 amount)\"]\n\
                      topics = [\"Noted(uint32 period)\"]\n";
const CAPABILITIES: &str = "[capabilities]\nledger = true\nevents = true\nstate = true\nlog = true\n\
     wasi = true\n\
     sources = [\"reference-rate\", \"failing\", \"trapping\", \"endless\", \"eater\", \"chatty\", \"hungry\"]\n";
const BUILD: &str = "(call $build @‹settle›
     @‹{\"period\":1,\"payer\":\"0x0000000000000000000000000000000000000001\",\"amount\":\"1\"}›
     (i32.const 256))";
const ASK_ALL: &str = "(call $ask @‹reference-rate› @‹{\"quarter\":\"2006-Q1\"}› (i32.const 256))
     (call $log (i32.const 1) (i32.load (i32.const 260)) (i32.load (i32.const 264)))
     (call $ask @‹reference-rate› @‹{\"quarter\":7}› (i32.const 256))
     (call $ask @‹failing› @‹{}› (i32.const 256))
     (call $ask @‹trapping› @‹{}› (i32.const 256))
     (call $ask @‹endless› @‹{}› (i32.const 256))
     (call $ask @‹eater› @‹{}› (i32.const 256))
     (call $ask @‹chatty› @‹{}› (i32.const 256))
     (call $ask @‹hungry› @‹{}› (i32.const 256))";

/// Name of the bundle, limits of the manifest, body of the guest.
const GUESTS: &[(&str, &str, &str)] = &[
    (
        "state-first-written",
        "",
        "(call $state_get @‹a› (i32.const 256)) (call $state_set @‹a› @‹1›)
         (call $state_set @‹b› @‹2›) (call $publish @‹Noted› @‹{\"period\":1}›) (call $ok @‹{}›)",
    ),
    (
        "state-changed",
        "",
        "(call $state_get @‹a› (i32.const 256)) (call $state_remove @‹a›)
         (call $state_set @‹c› (i32.load (i32.const 260)) (i32.load (i32.const 264)))
         (call $state_keys @‹› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 256))
         (call $ok @‹{}›)",
    ),
    ("failure", "", "(call $state_set @‹a› @‹2›) (call $failed @‹no-rate› @‹there is none›)"),
    (
        "failure-output-schema",
        "",
        "(call $publish @‹Other› @‹{}›) (call $ok @‹{}›)",
    ),
    ("trap-unreachable", "", "(call $log (i32.const 1) @‹before›) (unreachable)"),
    ("trap-memory", "", "(i32.load (i32.const -4))"),
    ("trap-canonical-abi", "", "(i32.const 3)"),
    ("limit-fuel", "fuel = 100000", "(loop $l (br $l)) (unreachable)"),
    (
        "limit-memory-bytes",
        "memory-bytes = 1048576",
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
    ),
    (
        "limit-output-bytes",
        "output-bytes = 1000",
        "(loop $l (call $state_set @‹key-12› (i32.const 16384) (i32.const 94)) (br $l)) (unreachable)",
    ),
    (
        "limit-host-calls",
        "host-calls = 10",
        "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 0)) (br $l)) (unreachable)",
    ),
    (
        "limit-log-bytes",
        "log-bytes = 1000",
        "(loop $l (call $log (i32.const 1) (i32.const 4096) (i32.const 300)) (br $l)) (unreachable)",
    ),
    (
        "limit-transfer-bytes",
        "",
        "(drop (memory.grow (i32.const 100)))
         (call $log (i32.const 1) (i32.const 4096) (i32.const 6000000)) (unreachable)",
    ),
    (
        "limit-receipt-bytes",
        "host-calls = 4000\noutput-bytes = 1000000",
        "(loop $l (call $publish @‹Noted› @‹{\"period\":1}›) (br $l)) (unreachable)",
    ),
    (
        "wasi",
        "",
        "(call $wall_now (i32.const 256)) (call $random (i64.const 16) (i32.const 300))
         (call $state_set @‹chance› (i32.load (i32.const 300)) (i32.load (i32.const 304)))
         (call $ok @‹{}›)",
    ),
];

/// Name, capability of the manifest's, limits, body.
const SOURCES: &[(&str, &str, &str, &str)] = &[
    ("failing", "log = true", "", "(call $failed @‹no-rate› @‹there is none›)"),
    ("trapping", "log = true", "", "(unreachable)"),
    ("endless", "log = true", "fuel = 100000", "(loop $l (br $l)) (unreachable)"),
    (
        "eater",
        "log = true",
        "memory-bytes = 1048576",
        "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
    ),
    (
        "chatty",
        "log = true",
        "host-calls = 3",
        "(loop $l (call $log (i32.const 1) @‹more›) (br $l)) (unreachable)",
    ),
    (
        "hungry",
        "http = true",
        "http-response-bytes = 50",
        "(loop $l (call $fetch @‹GET› @‹grant://rates/us-treasury-bill-3-month.csv› (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)) (br $l)) (unreachable)",
    ),
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "adds to the stored corpus"]
async fn new_bundles() -> Result<()> {
    story_bundles().await?;
    guest_bundles().await
}

/// The shipped cryptlets: a settled quarter, one without its rate, and the next version.
async fn story_bundles() -> Result<()> {
    let state = tempfile::tempdir()?;
    let world = World::new(state.path(), Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    live_through(&world, &fabric).await?;
    for (number, name) in [
        (1, "swap-settles"),
        (2, "swap-without-a-rate"),
        (3, "swap-run-again"),
        (4, "swap-of-the-next-version"),
    ] {
        store(&fabric, number, name)?;
    }
    trust(&fabric)
}

async fn guest_bundles() -> Result<()> {
    let state = tempfile::tempdir()?;
    let components = Components {
        swap: guest(0, "", "(call $ok @‹{}›)"),
        ..Components::read()?
    };
    let mut world = World::before_agreement(state.path(), components).await?;
    let sources: BTreeMap<&str, Vec<u8>> = SOURCES
        .iter()
        .map(|(name, capability, limits, body)| (*name, source(name, capability, limits, body)))
        .collect();
    agree(&mut world, &sources)?;
    world.agree_on_the_chain().await?;
    world.admit().await?;
    let fabric = world.open(Seams::live()?).await?;
    for component in sources.into_values() {
        fabric.deploy(component).await?;
    }
    world.set_up(&fabric).await?;
    let mut number = 0;
    for (name, limits, body) in GUESTS {
        number += 1;
        run(&world, &fabric, guest(number, limits, body), number).await?;
        store(&fabric, number, name)?;
    }
    let table = "(table $t 1 funcref)";
    let handles = format!("(loop $l {BUILD} (br $l)) (unreachable)");
    let grown =
        "(loop $l (drop (table.grow $t (ref.null func) (i32.const 100))) (br $l)) (unreachable)";
    let more = [
        (
            "limit-table-elements",
            "table-elements = 1000",
            table,
            grown.to_owned(),
        ),
        (
            "limit-handles",
            "host-calls = 4000\noutput-bytes = 1000000",
            "",
            handles,
        ),
        (
            "asks-sources-of-all-kinds",
            "",
            "",
            format!("{ASK_ALL} (call $ok @‹{{}}›)"),
        ),
        ("asks-and-traps", "", "", format!("{ASK_ALL} (unreachable)")),
    ];
    for (name, limits, before, body) in more {
        number += 1;
        let component = guest_with(number, limits, before, &body);
        run(&world, &fabric, component, number).await?;
        store(&fabric, number, name)?;
    }
    trust(&fabric)?;
    drop(fabric);

    let mut strict = world.configuration();
    strict.limits.call_depth = 1;
    let delegate = world::unlock(state.path())?;
    let fabric = Fabric::open(state.path(), &strict, delegate, Seams::live()?).await?;
    number += 1;
    send(&world, &fabric, number).await?;
    store(&fabric, number, "limit-call-depth")
}

fn agree(world: &mut World, sources: &BTreeMap<&str, Vec<u8>>) -> Result<()> {
    let binding = &mut world.binding;
    binding.binding.cryptlet = "guest".into();
    binding.triggers.contract_events.clear();
    binding.triggers.messages = vec!["Tick()".parse()?];
    binding.grants = Granted {
        events: true,
        state: true,
        log: true,
        wasi: true,
        ..Granted::default()
    };
    let rates = Http::new(world.rates.base()?, vec!["GET".into()]);
    for (name, component) in sources {
        let source = Source {
            cryptlet: (*name).into(),
            version: semver::Version::new(1, 0, 0),
            measurement: Measurement::of(component),
            grants: Granted {
                log: true,
                http: [("rates".to_owned(), rates.clone())].into(),
                ..Granted::default()
            },
        };
        binding.sources.insert((*name).into(), source);
    }
    let terms = binding.terms_digest();
    world.approvals = [&world.acme, &world.globex]
        .into_iter()
        .map(|wallet| world::approve(wallet, terms))
        .collect::<Result<_>>()?;
    Ok(())
}

/// Makes a component the version that runs, and has it run once.
async fn run(world: &World, fabric: &Fabric, component: Vec<u8>, number: u64) -> Result<()> {
    let deployed = fabric.deploy(component).await?;
    world.allow(deployed.measurement).await?;
    fabric
        .promote(BINDING, &deployed.version, decided())
        .await?;
    send(world, fabric, number).await
}

async fn send(world: &World, fabric: &Fabric, number: u64) -> Result<()> {
    let message = Message {
        sender: "desk".into(),
        topic: "Tick".into(),
        body: b"{}".to_vec(),
        idempotency_key: number.to_string(),
    };
    anyhow::ensure!(fabric.send(BINDING, message).await? == number);
    world.settle(fabric).await?;
    Ok(())
}

fn guest(patch: u64, limits: &str, body: &str) -> Vec<u8> {
    guest_with(patch, limits, "", body)
}

fn guest_with(patch: u64, limits: &str, before: &str, body: &str) -> Vec<u8> {
    let rest = format!("{CAPABILITIES}[limits]\n{limits}\n{PERIOD}");
    let manifest = manifest("contract", &rest).replace("1.0.0", &format!("1.0.{patch}"));
    component(&manifest, &format!("{before}{}", handling(body)))
}

fn source(name: &str, capability: &str, limits: &str, body: &str) -> Vec<u8> {
    let rest = format!(
        "[capabilities]\n{capability}\n[limits]\n{limits}\n\
         [messages]\nrequest = \"Question()\"\nreply = \"Nothing()\"\n"
    );
    let manifest = manifest("utility", &rest).replace("\"guest\"", &format!("\"{name}\""));
    component(&manifest, &handling(body))
}

/// Adds the bundle, with everything opened, and beside it the modules that are not there yet.
fn store(fabric: &Fabric, number: u64, name: &str) -> Result<()> {
    let parts = BundleParts {
        openings: Openings::All,
        agreement: true,
        ..BundleParts::default()
    };
    let journal = fabric.journal();
    let bundle = journal.bundle(BINDING, number, &parts)?;
    let recorded = cryptlet_fabric::replay::RecordedRun::from_bundle(&bundle)?;
    for measurement in recorded.modules()?.keys() {
        let file = folder().join("modules").join(format!("{measurement}.wasm"));
        if !file.exists() {
            let component = journal.component(measurement)?.context("it is deployed")?;
            write_new(&file, &component)?;
        }
    }
    let file = folder().join("bundles").join(format!("{name}.bundle"));
    write_new(&file, &bundle.to_bytes())
}

fn trust(fabric: &Fabric) -> Result<()> {
    let mut file = File::options()
        .append(true)
        .create(true)
        .open(folder().join("trust"))?;
    writeln!(file, "{}", fabric.trusted_key())?;
    Ok(())
}

fn write_new(file: &Path, bytes: &[u8]) -> Result<()> {
    File::create_new(file)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("{} is not written", file.display()))
}
