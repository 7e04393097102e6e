//! Offline verification, in the steps of `docs/spec/bundle.md`.

use super::claims::{self, Shown};
use super::document::{Bundle, Proven};
use super::doubt::BundleDoubt;
use super::format::ascending;
use super::verdict::BundleVerdict;
use super::{context, earlier, openings, sources};
use crate::log::{Cosigned, TrustedKey, WitnessKey, cosigners};
use crate::verify::appraise;
use crate::{
    Appraisal, EncodingError, Evidence, EvidenceError, LogEntry, Measurement, Statement, Verifier,
};
use sha2::{Digest as _, Sha256};

/// What an auditor brings along.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// Keys of logs.
    pub trust: Vec<TrustedKey>,
    /// Keys of witnesses.
    pub witnesses: Vec<WitnessKey>,
    /// How many of them must have cosigned.
    pub cosigners: usize,
    /// The module that should have run, if the auditor knows.
    pub measurement: Option<Measurement>,
    /// An earlier checkpoint of the same log that the auditor has kept, a signed note.
    pub since: Option<String>,
}

/// Verifies the bytes of a bundle.
///
/// Reads nothing but its arguments. A verdict says what was found and on what each finding
/// rests; that the host told the truth is not among the findings.
///
/// # Errors
///
/// The first reason for not believing the bundle.
pub fn verify_bundle(
    bytes: &[u8],
    expectations: &Expectations,
) -> Result<BundleVerdict, BundleDoubt> {
    let bundle = Bundle::from_bytes(bytes)?;
    let entries = Entries::read(&bundle)?;
    let evidence = read_evidence(&bundle)?;
    let trust = &expectations.trust;
    let mut verifier = Verifier::new(&bundle.checkpoint, trust).map_err(BundleDoubt::Checkpoint)?;
    let checkpoint = verifier.checkpoint().clone();
    let cosigned = cosigned(&bundle.checkpoint, expectations)?;
    for proven in bundle.proven() {
        verifier
            .include(proven.index, &proven.leaf_hash(), &proven.proof)
            .map_err(|doubt| BundleDoubt::Entry {
                index: proven.index,
                doubt,
            })?;
    }
    let extended = earlier::check(&bundle, &checkpoint, expectations)?;

    let statement = |proven: &Proven, entry, expect| {
        appraise(entry, &bundle.checkpoint, &checkpoint, trust, expect).map_err(|doubt| {
            BundleDoubt::Entry {
                index: proven.index,
                doubt,
            }
        })
    };
    let run = statement(&bundle.run, entries.run, expectations.measurement.as_ref())?;
    if let Some(name) = run.execution.source.clone() {
        let index = bundle.run.index;
        return Err(BundleDoubt::SourceAsRun { index, name });
    }
    let asked = bundle
        .sources
        .iter()
        .zip(entries.sources)
        .map(|(proven, entry)| statement(proven, entry, None))
        .collect::<Result<Vec<_>, _>>()?;
    sources::check(&bundle, &run.execution, &asked)?;
    openings::check(&bundle, &run.execution, &asked)?;
    check_modules(&bundle, &run, &asked)?;
    let context = context::check(&bundle, entries.context, &run, &asked)?;
    let appraisals = appraise_evidence(&evidence, &run, trust)?;
    if let Some(agreement) = &bundle.agreement
        && agreement.version() != run.execution.binding_version
    {
        return Err(BundleDoubt::OtherAgreement {
            expected: run.execution.binding_version,
            found: agreement.version(),
        });
    }

    let claims = claims::claims(&Shown {
        bundle: &bundle,
        run: &run,
        sources: &asked,
        context: &context,
        checkpoint: &checkpoint,
        cosigned: &cosigned,
        extended: extended.as_ref(),
        appraisals: &appraisals,
        expected: expectations.measurement.as_ref(),
    });
    Ok(BundleVerdict {
        claims,
        leaf_hash: bundle.run.leaf_hash(),
        execution_hash: run.execution_hash(),
        index: bundle.run.index,
        checkpoint,
        cosigned,
        extended,
        statement: run,
        sources: asked,
        appraisals,
        bundle,
    })
}

/// The bundle's entries, read.
struct Entries {
    run: LogEntry,
    sources: Vec<LogEntry>,
    context: Vec<LogEntry>,
}

impl Entries {
    fn read(bundle: &Bundle) -> Result<Self, BundleDoubt> {
        let read = |proven: &Proven| {
            LogEntry::from_bytes(&proven.entry).map_err(|error| BundleDoubt::Entry {
                index: proven.index,
                doubt: error.into(),
            })
        };
        let all = |list: &[Proven]| list.iter().map(read).collect::<Result<Vec<_>, _>>();
        let entries = Self {
            run: read(&bundle.run)?,
            sources: all(&bundle.sources)?,
            context: all(&bundle.context)?,
        };
        let ordinals: Vec<u32> = entries.sources.iter().filter_map(ordinal).collect();
        ascending("the bundle's sources", &ordinals, |ordinal| *ordinal)?;
        Ok(entries)
    }
}

fn ordinal(entry: &LogEntry) -> Option<u32> {
    match entry {
        LogEntry::Receipt(statement) => Some(statement.execution.ordinal),
        _ => None,
    }
}

fn read_evidence(bundle: &Bundle) -> Result<Vec<Evidence>, BundleDoubt> {
    bundle
        .evidence
        .iter()
        .map(|bytes| Evidence::from_bytes(bytes))
        .collect::<Result<_, EncodingError>>()
        .map_err(BundleDoubt::UnreadableEvidence)
}

fn cosigned(checkpoint: &str, expectations: &Expectations) -> Result<Vec<Cosigned>, BundleDoubt> {
    let cosigned =
        cosigners(checkpoint, &expectations.witnesses).map_err(BundleDoubt::FalseCosignature)?;
    if cosigned.len() < expectations.cosigners {
        return Err(BundleDoubt::NotCosigned {
            wanted: expectations.cosigners,
            found: cosigned.len(),
        });
    }
    Ok(cosigned)
}

fn check_modules(
    bundle: &Bundle,
    run: &Statement,
    sources: &[Statement],
) -> Result<(), BundleDoubt> {
    for module in &bundle.modules {
        let found = Measurement::of(module);
        let sha256: [u8; 32] = Sha256::digest(module).into();
        let ran = std::iter::once(run).chain(sources).any(|statement| {
            statement.execution.measurement == found && statement.execution.sha256 == sha256
        });
        if !ran {
            return Err(BundleDoubt::OtherModule { found });
        }
    }
    Ok(())
}

fn appraise_evidence(
    evidence: &[Evidence],
    run: &Statement,
    trust: &[TrustedKey],
) -> Result<Vec<Appraisal>, BundleDoubt> {
    let host = &run.host;
    let Some(key) = trust.iter().find(|key| key.identity() == host.key) else {
        let nobody = EvidenceError::OtherKey {
            key: host.key.clone(),
        };
        return match evidence {
            [] => Ok(Vec::new()),
            _ => Err(BundleDoubt::FalseEvidence(nobody)),
        };
    };
    evidence
        .iter()
        .map(|evidence| {
            let appraisal = evidence.appraise(key).map_err(BundleDoubt::FalseEvidence)?;
            let Evidence::Software(software) = evidence;
            if software.executable != host.executable {
                return Err(BundleDoubt::OtherEvidence {
                    field: "executable",
                });
            }
            if software.engine_configuration != host.engine_configuration {
                return Err(BundleDoubt::OtherEvidence {
                    field: "engine configuration",
                });
            }
            Ok(appraisal)
        })
        .collect()
}
