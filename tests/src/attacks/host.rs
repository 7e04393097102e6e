//! Guests that attack their host, each a folder under `tests/hostile/`: a core module in text form
//! against the canonical ABI, and its manifest.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use cryptlet_container::{
    BuildError, Container, EncodedCall, Grants, HttpError, HttpGrant, HttpLimits, HttpRequest,
    HttpResponse, Invocation, Job, KeyError, PublicKey, Run, Services, Settings, State,
    SubmissionStatus, Trigger,
};
use wit_component::StringEncoding;
use wit_parser::Resolve;

use super::Attack;

/// Loads and runs every hostile guest of the story in one container.
pub fn on_the_host() -> Result<Vec<Attack>> {
    let container = Container::new(Settings::default())?;
    let attack = |what, guest: &str, expected| {
        Ok(Attack {
            what,
            expected,
            stopped_by: verdict(&container, guest)?,
        })
    };
    [
        attack(
            "a component that imports what it was not granted",
            "ungranted-import",
            "cryptlet:fabric/http@0.1.0",
        ),
        attack("a guest that never ends", "endless-loop", "limit fuel"),
        attack(
            "a guest that eats memory",
            "memory-eater",
            "limit memory-bytes",
        ),
        attack(
            "a fetch from a host that is not allowed",
            "metadata-fetch",
            "denied",
        ),
        attack(
            "an answer that does not fit its schema",
            "wrong-answer",
            "output-schema",
        ),
    ]
    .into_iter()
    .collect()
}

/// What the container says about a guest of `tests/hostile/`: why it is not loaded, or how its run
/// ended.
fn verdict(container: &Container, guest: &str) -> Result<String> {
    let component = component(guest)?;
    let cryptlet = match container.load(&component) {
        Ok(cryptlet) => cryptlet,
        Err(refusal) => return Ok(refusal.to_string()),
    };
    let public = HttpGrant::reading("https://rates.example/".parse()?);
    let grants = Grants {
        http: BTreeMap::from([("rates".to_owned(), public)]),
        ..Grants::default()
    };
    container.check_grants(&cryptlet, &grants)?;
    let run = container.run(Job {
        cryptlet: &cryptlet,
        grants: Arc::new(grants),
        invocation: Arc::new(Invocation {
            binding: "0x".to_owned() + &"00".repeat(32),
            number: 1,
            instant: 0,
            trigger: Trigger::Message {
                sender: "somebody".into(),
                topic: "Question".into(),
                body: b"{}".to_vec(),
            },
        }),
        seed: [0; 32],
        state: Arc::new(State::new()),
        services: Arc::new(NothingOutside),
    });
    Ok(ending(&run))
}

fn ending(run: &Run) -> String {
    match &run.failure {
        Some(failure) => format!("{}: {}", run.outcome, failure.message),
        None => run.outcome.to_string(),
    }
}

/// Makes a component of a folder under `tests/hostile/`.
fn component(guest: &str) -> Result<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("hostile").join(guest);
    let text = std::fs::read_to_string(folder.join("guest.wat"))
        .with_context(|| format!("tests/hostile/{guest} has no guest.wat"))?;
    let manifest = std::fs::read_to_string(folder.join("cryptlet.toml"))?;
    let mut module = wat::parse_str(&text)?;
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(root.join("../wit"))?;
    let world = resolve.select_world(&[package], Some("utility-cryptlet"))?;
    wit_component::embed_component_metadata(
        &mut module,
        &resolve,
        world,
        StringEncoding::UTF8,
        false,
    )?;
    Ok(cryptlet_build::embed_manifest(
        &cryptlet_build::wrap(&module)?,
        &manifest,
    )?)
}

/// The outside of a guest that must never reach it.
struct NothingOutside;

impl Services for NothingOutside {
    fn fetch(&self, request: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        // Not `Denied`: the container must have said that before.
        Err(HttpError::Invalid(format!(
            "{} was let through",
            request.url
        )))
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
