//! A document's hash from the host's directory into a receipt, and what of the host a guest learns on
//! the way.

#[expect(dead_code, reason = "the container's tests need more of them")]
#[path = "../../runtime/container/tests/container/guests.rs"]
mod guests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::Measurement;
use cryptlet_attest::bundle::Bundle;
use cryptlet_container::{
    BuildError, Container, DirectoryEntry, DirectoryGrant, EncodedCall, FileError, FileStatus,
    Grants, HttpError, HttpLimits, HttpRequest, HttpResponse, Invocation, Job, KeyError, Opened,
    PublicKey, Run, Services, Settings, State, SubmissionStatus, Trigger,
};
use cryptlet_fabric::binding::{Directory, Granted, Source};
use cryptlet_fabric::bundle::{BundleParts, Openings};
use cryptlet_fabric::replay::{RecordedRun, Replayer};
use cryptlet_fabric::{Directories, Fabric, FabricError, Message, Seams};
use end_to_end::components::shipped;
use end_to_end::swap::BINDING;
use end_to_end::{Components, World, world};

const NOTARY: &str = "file-notary";
const PATH: &str = "2026/contract.txt";
/// Long enough that nobody takes it for anything else in a file.
const TEXT: &str = "whereas the parties agree on what follows";

/// Asks the notary what the message says, and keeps and replies what it answers.
const ASKER: &str = "(call $ask @‹file-notary› (i32.load offset=48 (local.get $in))
       (i32.load offset=52 (local.get $in)) (i32.const 256))
     (if (i32.load8_u (i32.const 256)) (then
       (return (call $failed @‹refused› (i32.load (i32.const 264)) (i32.load (i32.const 268))))))
     (call $state_set @‹notarized› (i32.load (i32.const 260)) (i32.load (i32.const 264)))
     (call $ok (i32.load (i32.const 260)) (i32.load (i32.const 264)))";

/// The story's world, bound to a guest that asks the notary instead of the swap.
async fn notary_world(state: &Path) -> Result<World> {
    let notary = shipped("file-notary-1.0.0.wasm")?;
    let components = Components {
        swap: guests::contract(
            "[capabilities]\nledger = true\nstate = true\nsources = [\"file-notary\"]\n",
            ASKER,
        ),
        reference_rate: notary.clone(),
        ..Components::read()?
    };
    let mut world = World::before_agreement(state, components).await?;
    let binding = &mut world.binding;
    binding.binding.cryptlet = "guest".into();
    binding.triggers.contract_events.clear();
    binding.triggers.messages = vec!["Notarize(string path)".parse()?];
    binding.grants = Granted {
        state: true,
        ..Granted::default()
    };
    let granted = Granted {
        wasi: true,
        directories: [("documents".to_owned(), Directory { bytes: 1 << 20 })].into(),
        ..Granted::default()
    };
    let source = Source {
        cryptlet: NOTARY.into(),
        version: semver::Version::new(1, 0, 0),
        measurement: Measurement::of(&notary),
        grants: granted,
    };
    binding.sources = [(NOTARY.to_owned(), source)].into();
    let terms = binding.terms_digest();
    world.approvals = [&world.acme, &world.globex]
        .into_iter()
        .map(|wallet| world::approve(wallet, terms))
        .collect::<Result<_>>()?;
    world.agree_on_the_chain().await?;
    world.admit().await?;
    Ok(world)
}

/// Opens a fabric whose operator says that `documents` lies at `place`.
async fn open(world: &World, place: Option<&Path>) -> Result<Fabric> {
    let mut configuration = world.configuration();
    let directories = place.map(|place| ("documents".to_owned(), place.to_owned()));
    configuration.directories = directories.into_iter().collect();
    let delegate = world::unlock(&world.state)?;
    Ok(Fabric::open(&world.state, &configuration, delegate, Seams::live()?).await?)
}

async fn ask(world: &World, fabric: &Fabric, number: u64, path: &str) -> Result<()> {
    let message = Message {
        sender: "desk".into(),
        topic: "Notarize".into(),
        body: serde_json::to_vec(&serde_json::json!({ "path": path }))?,
        idempotency_key: number.to_string(),
    };
    ensure!(fabric.send(BINDING, message).await? == number);
    world.settle(fabric).await?;
    Ok(())
}

/// What the notary answered in a run that another came after, as the binding kept it.
fn answer(world: &World, fabric: &Fabric, number: u64) -> Result<serde_json::Value> {
    let id = world.binding.id();
    let state = fabric.journal().state_before(&id, number + 1)?;
    let kept = state.get("notarized").context("nothing was notarized")?;
    Ok(serde_json::from_slice(kept)?)
}

fn outcome(fabric: &Fabric, number: u64) -> Result<String> {
    let executions = fabric.journal().executions()?;
    let run = executions
        .iter()
        .find(|execution| execution.number == number && execution.ordinal == 0)
        .context("it ran")?;
    Ok(run.outcome.clone())
}

fn bundle(fabric: &Fabric, number: u64, openings: Openings) -> Result<Bundle> {
    let parts = BundleParts {
        openings,
        modules: true,
        agreement: true,
        ..BundleParts::default()
    };
    Ok(fabric.journal().bundle(BINDING, number, &parts)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documents_hash_replays_without_the_document() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let documents = folder.path().join("documents");
    fs::create_dir_all(documents.join("2026"))?;
    fs::write(documents.join(PATH), TEXT)?;
    let world = notary_world(&folder.path().join("state")).await?;
    let fabric = open(&world, Some(&documents)).await?;
    world.set_up(&fabric).await?;

    ask(&world, &fabric, 1, PATH).await?;
    fs::write(documents.join(PATH), format!("{TEXT}, and on this"))?;
    ask(&world, &fabric, 2, PATH).await?;

    for (number, path) in [(3, "missing.txt"), (4, "../state/fabric.toml"), (5, "2026")] {
        ask(&world, &fabric, number, path).await?;
        let outcome = outcome(&fabric, number)?;
        assert!(outcome.contains("refused"), "{path}: {outcome}");
    }

    let first = answer(&world, &fabric, 1)?;
    // By coreutils: printf '…' | sha256sum.
    assert_eq!(first["sha256"], serde_json::json!(SHA256_OF_TEXT));
    assert_eq!(first["size"], TEXT.len().to_string());
    assert_eq!(
        (&first["directory"], &first["path"]),
        (&"documents".into(), &PATH.into())
    );
    assert_ne!(answer(&world, &fabric, 2)?["sha256"], first["sha256"]);

    fs::remove_dir_all(&documents)?;
    let replayer = Replayer::new()?;
    for number in 1..=5 {
        let bundle = bundle(&fabric, number, Openings::All)?;
        for module in &bundle.modules {
            replayer.load(module)?;
        }
        let replay = replayer.replay(&RecordedRun::from_bundle(&bundle)?)?;
        assert!(replay.is_reproduced(), "{replay:#?}");
        assert_eq!(replay.executions.len(), 2, "the notary ran");
    }
    Ok(())
}

/// SHA-256 of [`TEXT`].
const SHA256_OF_TEXT: &str = "0xaebf5d2690dffa19a39bd7eee64039750c208e90e5fc81791b4e004ef767ad1b";

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_in_a_bundle_only_if_its_transcript_is_opened() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let documents = folder.path().join("documents");
    fs::create_dir_all(documents.join("2026"))?;
    fs::write(documents.join(PATH), TEXT)?;
    let world = notary_world(&folder.path().join("state")).await?;
    let fabric = open(&world, Some(&documents)).await?;
    world.set_up(&fabric).await?;
    ask(&world, &fabric, 1, PATH).await?;

    let shows = |bundle: &Bundle| {
        let bytes = bundle.to_bytes();
        bytes
            .windows(TEXT.len())
            .any(|part| part == TEXT.as_bytes())
    };
    let opened = |field: &str| BTreeSet::from([(0, field.to_owned())]);
    assert!(shows(&bundle(
        &fabric,
        1,
        Openings::Fields(opened("transcript"))
    )?));
    for openings in [Openings::None, Openings::Fields(opened("reply"))] {
        assert!(!shows(&bundle(&fabric, 1, openings)?));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_takes_no_binding_whose_directory_it_has_not() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let world = notary_world(&folder.path().join("state")).await?;
    let fabric = open(&world, None).await?;
    fabric
        .deploy(world.components.reference_rate.clone())
        .await?;
    fabric.deploy(world.components.swap.clone()).await?;
    let refusal = fabric
        .bind(world.binding.clone(), world.approvals.clone())
        .await;
    assert!(
        matches!(&refusal, Err(FabricError::NoDirectory { directory, .. }) if directory == "documents"),
        "{:?}",
        refusal.map(drop)
    );
    drop(fabric);
    let missing = folder.path().join("missing");
    let refusal = open(&world, Some(&missing)).await.map(drop);
    let sentence = refusal.expect_err("the place is not there").to_string();
    assert!(
        sentence.starts_with("directories.documents: "),
        "{sentence}"
    );
    Ok(())
}

/// Asks WASI everything there is to ask, and keeps all of its memory, where the answers are.
const CURIOUS: &str = "(call $environment (i32.const 256)) (call $arguments (i32.const 264))
     (call $folder (i32.const 272)) (call $terminal (i32.const 288))
     (call $wall_now (i32.const 304)) (call $wall_resolution (i32.const 320))
     (i64.store (i32.const 336) (call $now)) (i64.store (i32.const 344) (call $resolution))
     (call $block (call $sleep (i64.const 1000))) (i64.store (i32.const 352) (call $now))
     (call $random (i64.const 64) (i32.const 360))
     (call $insecure_random (i64.const 64) (i32.const 368))
     (call $insecure_seed (i32.const 376))
     (call $read_stream (call $stdin) (i64.const 10) (i32.const 392))
     (call $directories (i32.const 408))
     (local.set $a (i32.load (i32.load (i32.const 408))))
     (call $stat (local.get $a) (i32.const 512))
     (call $metadata_hash (local.get $a) (i32.const 640))
     (call $list (local.get $a) (i32.const 664))
     (call $next_entry (i32.load (i32.const 668)) (i32.const 672))
     (call $next_entry (i32.load (i32.const 668)) (i32.const 696))
     (call $next_entry (i32.load (i32.const 668)) (i32.const 720))
     (call $stat_at (local.get $a) (i32.const 1) @‹a.txt› (i32.const 768))
     (call $stat_at (local.get $a) (i32.const 1) @‹folder› (i32.const 896))
     (call $stat_at (local.get $a) (i32.const 1) @‹missing› (i32.const 1024))
     (call $open_at (local.get $a) (i32.const 1) @‹a.txt› (i32.const 0) (i32.const 1)
       (i32.const 1152))
     (call $stat (i32.load (i32.const 1156)) (i32.const 1168))
     (call $metadata_hash (i32.load (i32.const 1156)) (i32.const 1296))
     (call $read_file (i32.load (i32.const 1156)) (i64.const 100) (i64.const 0) (i32.const 1320))
     (call $open_at (local.get $a) (i32.const 1) @‹../a.txt› (i32.const 0) (i32.const 1)
       (i32.const 1344))
     (call $state_set @‹memory› (i32.const 0) (i32.const 131072))
     (call $ok @‹{}›)";

/// A host with nothing but directories.
struct Disk(Directories);

impl Services for Disk {
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
        0
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }

    fn sign(&self, key: &str, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }

    fn open_file(&self, directory: &str, path: &str, most: u64) -> Result<Opened, FileError> {
        self.0.open_file(directory, path, most)
    }

    fn file_status(&self, directory: &str, path: &str) -> Result<FileStatus, FileError> {
        self.0.file_status(directory, path)
    }

    fn list_directory(
        &self,
        directory: &str,
        path: &str,
        most: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        self.0.list_directory(directory, path, most)
    }
}

/// What a run came to on a host whose directory lies at `place`.
fn curious_run(place: &Path, seed: u8) -> Result<Run> {
    let container = Container::new(Settings {
        instances: 4,
        ..Settings::default()
    })?;
    let guest = guests::utility(
        "[build]\nwasi = true\n[capabilities]\nwasi = true\nstate = true\n\
         directories = [\"documents\"]\n[limits]\noutput-bytes = 1000000\n",
        CURIOUS,
    );
    let cryptlet = container.load(&guest)?;
    let places = BTreeMap::from([("documents".to_owned(), place.to_owned())]);
    let grants = Grants {
        wasi: true,
        state: true,
        directories: [("documents".to_owned(), DirectoryGrant::default())].into(),
        ..Grants::default()
    };
    let run = container.run(Job {
        cryptlet: &cryptlet,
        grants: Arc::new(grants),
        invocation: Arc::new(Invocation {
            binding: "0xb1".to_owned(),
            number: 1,
            instant: 1_767_225_600_000,
            trigger: Trigger::Message {
                sender: "desk".into(),
                topic: "Question".into(),
                body: b"{}".to_vec(),
            },
        }),
        seed: [seed; 32],
        state: Arc::new(State::new()),
        services: Arc::new(Disk(Directories::new(places))),
    });
    ensure!(run.outcome.is_ok(), "{}: {:?}", run.outcome, run.diagnostic);
    Ok(run)
}

fn memory(run: &Run) -> Option<&[u8]> {
    run.state_changes.get("memory")?.as_deref()
}

#[test]
fn nothing_of_a_host_reaches_a_guest_but_what_the_transcript_shows() -> Result<()> {
    let root = tempfile::tempdir()?;
    let (one, other) = (root.path().join("one"), root.path().join("another/place"));
    // The other host made its files the other way round, long ago, and lets nobody else read them.
    fs::create_dir_all(&one)?;
    fs::write(one.join("a.txt"), TEXT)?;
    fs::create_dir(one.join("folder"))?;
    fs::create_dir_all(other.join("folder"))?;
    fs::write(other.join("folder/b.txt"), "inside")?;
    fs::write(root.path().join("a.txt"), TEXT)?;
    fs::hard_link(root.path().join("a.txt"), other.join("a.txt"))?;
    let file = fs::File::options().write(true).open(other.join("a.txt"))?;
    file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(86_400))?;
    file.set_permissions(fs::Permissions::from_mode(0o400))?;

    let here = curious_run(&one, 7)?;
    let there = curious_run(&other, 7)?;
    assert_eq!(here.transcript, there.transcript);
    assert!(memory(&here).is_some_and(|memory| memory == memory_of(&there)));
    assert_eq!(here.meter, there.meter);

    // Seed and transcript are what it depends on, and both show.
    let chance = curious_run(&other, 8)?;
    assert_eq!(
        chance.transcript.records()[..5],
        here.transcript.records()[..5]
    );
    assert_ne!(memory(&chance), memory(&here));
    fs::write(one.join("a.txt"), "another text")?;
    let changed = curious_run(&one, 7)?;
    assert_ne!(changed.transcript, here.transcript);
    assert_ne!(memory(&changed), memory(&here));
    Ok(())
}

fn memory_of(run: &Run) -> &[u8] {
    memory(run).unwrap_or_default()
}
