//! What a bundle about a real run shows, and what nobody finds out from it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use cryptlet_attest::bundle::{Bundle, Expectations, Standing, verify_bundle};
use cryptlet_attest::{FieldSalt, Measurement, Salt, digest};
use cryptlet_container::{Invocation, Trigger};
use cryptlet_fabric::Seams;
use cryptlet_fabric::bundle::{BundleParts, Openings};
use cryptlet_fabric::journal::{Journal, Recording};
use end_to_end::swap::BINDING;
use end_to_end::{Components, World};

/// A settled quarter: the journal of its host, what it recorded of the run, and its component.
struct Settled {
    journal: Journal,
    auditor: Expectations,
    recording: Recording,
    source: Recording,
    _world: World,
}

async fn settled(state: &Path) -> Result<Settled> {
    let world = World::new(state, Components::read()?).await?;
    let fabric = world.open(Seams::live()?).await?;
    world.set_up(&fabric).await?;
    world.end_period(1).await?;
    let waiting = world.settle(&fabric).await?;
    ensure!(waiting.is_empty(), "{waiting:?}");
    let auditor = Expectations {
        trust: vec![fabric.trusted_key().clone()],
        ..Expectations::default()
    };
    drop(fabric);
    let journal = Journal::open_for_reading(state)?;
    let recorded = |ordinal| -> Result<Recording> {
        let executions = journal.executions()?;
        let execution = executions
            .iter()
            .find(|execution| execution.ordinal == ordinal)
            .context("the run is recorded")?;
        journal
            .recording(execution)?
            .context("the run has a recording")
    };
    Ok(Settled {
        recording: recorded(0)?,
        source: recorded(1)?,
        journal,
        auditor,
        _world: world,
    })
}

impl Settled {
    fn bundle(&self, fields: &[&str], modules: bool) -> Result<Bundle> {
        let opened: BTreeSet<_> = fields
            .iter()
            .map(|field| (0, (*field).to_owned()))
            .collect();
        let parts = BundleParts {
            openings: if opened.is_empty() {
                Openings::None
            } else {
                Openings::Fields(opened)
            },
            modules,
            ..BundleParts::default()
        };
        Ok(self.journal.bundle(BINDING, 1, &parts)?)
    }
}

/// Whether the file helps to find out that the field `field` of some run has this value: whether
/// any digest of the specification, with anything in the file for its secret, is in the file too.
fn confirms(file: &[u8], field: &str, candidate: &[u8]) -> bool {
    let mut values: BTreeSet<[u8; 32]> = file
        .windows(32)
        .filter_map(|window| window.try_into().ok())
        .collect();
    values.insert([0; 32]);
    let is_there = |digest: cryptlet_attest::Digest| values.contains(digest.as_bytes());
    let unsalted = [
        digest(field, &[candidate]),
        digest("field", &[candidate]),
        digest("field", &[field.as_bytes(), candidate]),
        digest("execution", &[candidate]),
        digest("cryptlet state v1", &[candidate]),
        cryptlet_attest::Digest::from_bytes(*Measurement::of(candidate).as_bytes()),
    ];
    if unsalted.into_iter().any(is_there) {
        return true;
    }
    values.iter().any(|secret| {
        let of_source = |ordinal: u32| {
            let salt = digest("source salt", &[secret, &ordinal.to_be_bytes()]);
            Salt::from_bytes(*salt.as_bytes()).digest(field, candidate)
        };
        is_there(FieldSalt::from_bytes(*secret).digest(field, candidate))
            || is_there(Salt::from_bytes(*secret).digest(field, candidate))
            || (1..=2).any(|ordinal| is_there(of_source(ordinal)))
    })
}

/// What the input of the quarter might have been for all that an outsider knows: the same event of
/// one of a few quarters. The first is what it was.
fn candidates(input: &[u8]) -> Result<Vec<Vec<u8>>> {
    let known = Invocation::from_input_bytes(input)?;
    let mut candidates = vec![input.to_vec()];
    for quarter in 2..=4 {
        let mut other = known.clone();
        let Trigger::ContractEvent { fields, .. } = &mut other.trigger else {
            anyhow::bail!("a quarter ends with an event of the contract");
        };
        let text =
            String::from_utf8(fields.clone())?.replace("2006-Q1", &format!("2006-Q{quarter}"));
        *fields = text.into_bytes();
        candidates.push(other.input_bytes());
    }
    Ok(candidates)
}

/// What is left of `secret` where `value` is taken out.
fn split(secret: &[u8], value: &[u8]) -> Vec<Vec<u8>> {
    let found = secret
        .windows(value.len().max(1))
        .position(|window| window == value);
    match found {
        None => vec![secret.to_vec()],
        Some(at) => {
            let mut parts = split(&secret[at + value.len()..], value);
            parts.push(secret[..at].to_vec());
            parts
        }
    }
}

fn contains(file: &[u8], part: &[u8]) -> bool {
    file.windows(part.len()).any(|window| window == part)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_opens_the_output_holds_nothing_of_the_rest() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settled = settled(&folder.path().join("state")).await?;
    let shown = ["event/0", "reply"];

    let whole = settled.bundle(&shown, true)?.to_bytes();
    let verdict = verify_bundle(&whole, &settled.auditor)?;
    let standing = |name: &str| {
        let claim = verdict.claims.iter().find(|claim| claim.claim.name == name);
        claim.map(|claim| claim.standing)
    };
    assert_eq!(standing("output"), Some(Standing::Shown));
    assert_eq!(standing("module"), Some(Standing::Shown));
    assert_eq!(standing("input"), Some(Standing::Withheld));
    assert_eq!(
        verdict.appraisals.len(),
        1,
        "the host's own evidence is there"
    );

    let bundle = settled.bundle(&shown, false)?;
    let file = bundle.to_bytes();
    let opened: Vec<&[u8]> = bundle
        .openings
        .iter()
        .map(|opening| opening.value.as_slice())
        .collect();
    for recording in [&settled.recording, &settled.source] {
        for secret in [&recording.input, &recording.transcript] {
            // Names that are public stand in statements, and what was opened may be said twice.
            let withheld = opened.iter().fold(vec![secret.clone()], |parts, value| {
                parts.iter().flat_map(|part| split(part, value)).collect()
            });
            for window in withheld.iter().flat_map(|part| part.windows(24)) {
                let stated = bundle.proven().map(|proven| proven.entry.as_slice());
                let is_public = stated
                    .chain(opened.iter().copied())
                    .any(|public| contains(public, window));
                assert!(
                    is_public || !contains(&file, window),
                    "{} is in the file",
                    String::from_utf8_lossy(window)
                );
            }
            assert!(!contains(&file, secret));
        }
    }
    let salt = Salt::from_bytes(settled.recording.salt);
    for secret in ["input", "trigger", "transcript", "state"] {
        assert!(!contains(&whole, salt.field(secret).expose()), "{secret}");
    }
    for secret in [&settled.recording.salt, salt.field("reply").expose()] {
        let is_opened = secret != &settled.recording.salt;
        assert_eq!(contains(&whole, secret), is_opened);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_guess_of_a_withheld_input_can_be_confirmed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settled = settled(&folder.path().join("state")).await?;
    let candidates = candidates(&settled.recording.input)?;
    let confirmed = |fields: &[&str]| -> Result<Vec<bool>> {
        let file = settled.bundle(fields, false)?.to_bytes();
        verify_bundle(&file, &settled.auditor)?;
        Ok(candidates
            .iter()
            .map(|candidate| confirms(&file, "input", candidate))
            .collect())
    };

    assert_eq!(confirmed(&[])?, [false; 4], "from the receipt alone");
    let others = ["event/0", "reply", "trigger"];
    assert_eq!(confirmed(&others)?, [false; 4], "from other openings");
    let right = [true, false, false, false];
    assert_eq!(confirmed(&["input"])?, right, "from the opening itself");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_guess_of_a_rate_can_be_confirmed_from_the_openings_of_the_asker() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settled = settled(&folder.path().join("state")).await?;
    let reply = settled.source.reply.as_deref().context("a rate")?;
    let file = settled.bundle(&["input", "trigger"], false)?.to_bytes();
    assert!(!confirms(&file, "reply", reply));
    let parts = BundleParts {
        openings: Openings::Fields([(1, "reply".to_owned())].into()),
        ..BundleParts::default()
    };
    let file = settled.journal.bundle(BINDING, 1, &parts)?.to_bytes();
    assert!(confirms(&file, "reply", reply));
    assert!(!confirms(&file, "input", &settled.source.input));
    Ok(())
}
