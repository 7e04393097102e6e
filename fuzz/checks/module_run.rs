//! A core module in a cryptlet's place: it runs to the same end every time, is replayed to the same end,
//! and the next one finds the container as it was.

use std::sync::{Arc, LazyLock};

use cryptlet_container::{
    BuildError, Container, Cryptlet, EncodedCall, Grants, HttpError, HttpLimits, HttpRequest,
    HttpResponse, Invocation, Job, KeyError, PublicKey, ReplayJob, Run, Services, Settings, State,
    SubmissionStatus, Trigger,
};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, WorldId};

const MANIFEST: &str = "[cryptlet]\nname = \"random\"\nversion = \"1.0.0\"\nkind = \"contract\"\n\
    description = \"A random module\"\n[limits]\nfuel = 200000\n";
const FABRIC: &str = include_str!("../../wit/fabric.wit");
const WORLD: &str = "package fuzz:guest; world guest { export cryptlet:fabric/cryptlet@0.1.0; }";

static CONTAINER: LazyLock<Container> = LazyLock::new(|| {
    Container::new(Settings {
        instances: 4,
        ..Settings::default()
    })
    .expect("the container starts")
});

/// Whether it was run: what does not export what a cryptlet must is not.
pub fn check(module: &[u8]) -> bool {
    let Some(component) = wrap(module) else {
        return false;
    };
    let Ok(cryptlet) = CONTAINER.load(&component) else {
        return false;
    };
    let first = CONTAINER.run(job(&cryptlet));
    let second = CONTAINER.run(job(&cryptlet));
    assert_alike(&first, &second);
    if first.outcome.is_replayable() {
        let replayed = CONTAINER.replay(ReplayJob {
            cryptlet: &cryptlet,
            grants: &GRANTS,
            invocation: invocation(),
            seed: [7; 32],
            state: Arc::new(State::new()),
            transcript: Arc::new(first.transcript.clone()),
            call_encoding: Arc::new(encode_nothing),
        });
        assert_alike(&first, &replayed.expect("a replay goes the same way"));
    }
    true
}

fn assert_alike(one: &Run, other: &Run) {
    assert_eq!(one.outcome, other.outcome);
    if one.outcome.is_replayable() {
        assert_eq!(one.meter, other.meter);
        assert_eq!(one.reply, other.reply);
        assert_eq!(one.state_after, other.state_after);
        assert_eq!(one.transcript.to_bytes(), other.transcript.to_bytes());
    }
}

static INTERFACE: LazyLock<(Resolve, WorldId)> = LazyLock::new(|| {
    let mut resolve = Resolve::default();
    resolve
        .push_str("fabric.wit", FABRIC)
        .expect("the fabric's own interface");
    let package = resolve
        .push_str("guest.wit", WORLD)
        .expect("the world above");
    let world = resolve
        .select_world(&[package], Some("guest"))
        .expect("the world above");
    (resolve, world)
});

/// The module as a component with a manifest.
fn wrap(module: &[u8]) -> Option<Vec<u8>> {
    // What wraps it panics on a section of code that is cut off.
    wasmparser::validate(module).ok()?;
    let (resolve, world) = &*INTERFACE;
    let mut module = module.to_vec();
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8, false).ok()?;
    let mut encoder = ComponentEncoder::default();
    encoder.module(&module).ok()?.validate(true);
    let mut component = encoder.encode().ok()?;
    CustomSection {
        name: "cryptlet:manifest".into(),
        data: MANIFEST.as_bytes().into(),
    }
    .append_to_component(&mut component);
    Some(component)
}

static GRANTS: LazyLock<Arc<Grants>> = LazyLock::new(Arc::default);

fn job(cryptlet: &Cryptlet) -> Job<'_> {
    Job {
        cryptlet,
        grants: Arc::clone(&GRANTS),
        invocation: Arc::new(invocation()),
        seed: [7; 32],
        state: Arc::new(State::new()),
        services: Arc::new(Nothing),
    }
}

fn invocation() -> Invocation {
    Invocation {
        binding: "0xf0".to_owned(),
        number: 1,
        instant: 1_767_225_600_000,
        trigger: Trigger::Schedule {
            instant: 1_767_225_600_000,
        },
    }
}

fn encode_nothing(action: &str, _: &[u8]) -> Result<EncodedCall, BuildError> {
    Err(BuildError::UnknownAction(action.to_owned()))
}

/// Outside of this there is nothing.
struct Nothing;

impl Services for Nothing {
    fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        Err(HttpError::Denied("there is nothing".to_owned()))
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        encode_nothing(action, fields)
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
