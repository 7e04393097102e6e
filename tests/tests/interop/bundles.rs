//! Bundles: what Python makes of them, and that our own verifier makes the same of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use cryptlet_attest::bundle::{Bundle, Expectations, verify_bundle};
use cryptlet_attest::log::{WitnessKey, cosign};
use cryptlet_attest::{CheckpointKey as _, TrustedKey};
use cryptlet_fabric::bundle::{BundleParts, Openings};
use cryptlet_fabric::journal::Journal;
use ed25519_dalek::SigningKey;
use end_to_end::swap::BINDING;

use crate::verifiers::Verifiers;
use crate::{flip, settle, settled};

const WITNESS: &str = "witness.example.com/one";

/// A log of two quarters with a witness, and the checkpoint after the first of them.
struct Story {
    journal: Journal,
    key: TrustedKey,
    witness: WitnessKey,
    since: String,
}

impl Story {
    async fn tell(folder: &Path) -> Result<Self> {
        let (world, fabric) = settled(folder).await?;
        let since = fabric.journal().checkpoint()?.context("there is one")?;
        settle(&world, &fabric, 2).await?;
        let newest = fabric.journal().newest_checkpoint()?;
        let newest = newest.context("there is one")?;
        let secret = SigningKey::from_bytes(&[8; 32]);
        let line = cosign(&newest.note, WITNESS, 1_700_000_000, &secret)?;
        let journal = fabric.journal();
        journal
            .keep_cosignature(newest.size, WITNESS, &line)
            .await?;
        let key = fabric.trusted_key().clone();
        drop(fabric);
        Ok(Self {
            journal: Journal::open_for_reading(folder)?,
            key,
            witness: WitnessKey::new(WITNESS, &secret.public())?,
            since,
        })
    }

    fn bundle(&self, openings: Openings) -> Result<Bundle> {
        let parts = BundleParts {
            openings,
            modules: true,
            agreement: true,
            since: Some(self.since.clone()),
        };
        Ok(self.journal.bundle(BINDING, 2, &parts)?)
    }

    fn expectations(&self) -> Expectations {
        Expectations {
            trust: vec![self.key.clone()],
            witnesses: vec![self.witness.clone()],
            cosigners: 1,
            since: Some(self.since.clone()),
            ..Expectations::default()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_and_rust_say_the_same_of_a_bundle_and_of_each_altered_one() -> Result<()> {
    let verifiers = Verifiers::find()?;
    let folder = tempfile::tempdir()?;
    let story = Story::tell(&folder.path().join("state")).await?;
    let since = folder.path().join("since");
    fs::write(&since, &story.since)?;
    let (key, witness) = (story.key.to_string(), story.witness.to_string());
    let since = since.to_string_lossy();
    let options = ["--trust", &key, "--witness", &witness];
    let options = [&options[..], &["--cosigners", "1", "--since", &since]].concat();
    let file = folder.path().join("run.bundle");

    for openings in [Openings::All, Openings::None, only("reply")] {
        let bytes = story.bundle(openings)?.to_bytes();
        fs::write(&file, &bytes)?;
        let verdict = verifiers.verdict(&file, &options)?;
        assert_eq!(verdict["verified"], true, "{verdict}");
        verify_bundle(&bytes, &story.expectations())?;
    }

    let genuine = story.bundle(Openings::All)?;
    for (name, alter) in ALTERATIONS {
        let mut bundle = genuine.clone();
        alter(&mut bundle);
        let bytes = bundle.to_bytes();
        fs::write(&file, &bytes)?;
        let verdict = verifiers.verdict(&file, &options)?;
        assert_eq!(verdict["doubt"], *name, "{verdict}");
        let doubt = verify_bundle(&bytes, &story.expectations()).map(|_| ());
        assert_eq!(doubt.map_err(|doubt| doubt.name()), Err(*name));
    }
    Ok(())
}

type Alteration = (&'static str, fn(&mut Bundle));

/// What is done to a bundle, with the doubt that it must raise.
const ALTERATIONS: &[Alteration] = &[
    ("malformed", |it| it.context.reverse()),
    ("malformed", |it| it.openings.reverse()),
    ("malformed-checkpoint", |it| it.checkpoint.push('x')),
    ("not-cosigned", |it| {
        it.checkpoint = without_last_line(&it.checkpoint)
    }),
    ("not-in-log", |it| it.run.index += 1),
    ("not-in-log", |it| flip(&mut it.run.entry)),
    ("not-in-log", |it| it.sources[0].proof.push([0; 32])),
    ("not-shown", |it| it.consistency = None),
    ("not-a-receipt", |it| it.run = it.context[0].clone()),
    ("missing-child", |it| it.sources.clear()),
    ("other-value", |it| flip(&mut it.openings[0].value)),
    ("other-value", |it| {
        if let Some(last) = it.openings.last_mut() {
            last.ordinal = 7;
        }
    }),
    ("other-module", |it| flip(&mut it.modules[0])),
    ("other-evidence", |it| flip(&mut it.evidence[0])),
    ("other-agreement", |it| {
        if let Some(agreement) = &mut it.agreement {
            flip(&mut agreement.document);
        }
    }),
];

fn only(field: &str) -> Openings {
    Openings::Fields(BTreeSet::from([(0, field.to_owned())]))
}

fn without_last_line(note: &str) -> String {
    let lines: Vec<&str> = note.lines().collect();
    lines[..lines.len() - 1].join("\n") + "\n"
}
