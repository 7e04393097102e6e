//! From the journal to a bundle: everything that an auditor needs about one run, and as much of what
//! its digests stand for as the host chooses to show.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use cryptlet_attest::bundle::{Agreement, Bundle, FieldOpening, Proven};
use cryptlet_attest::{
    BindingId, CheckpointError, EncodingError, Evidence, Execution, FieldSalt, Measurement, State,
    Statement, TrustedKey, log,
};
use cryptlet_container::{InputError, Invocation};

use crate::execution::{salt_of, trigger_value};
use crate::journal::{AgreementRow, Bearing, Journal, JournalError, Recorded};

/// As many as any list in `docs/spec/bundle.md` may have.
const MOST_OPENINGS: usize = 4_096;

/// What of a run goes into its bundle besides receipts, context and evidence.
#[derive(Clone, Debug, Default)]
pub struct BundleParts {
    /// What is shown of what the digests stand for.
    pub openings: Openings,
    /// The components of the run and of its sources.
    pub modules: bool,
    /// The binding's document with its approvals.
    pub agreement: bool,
    /// An earlier checkpoint, a signed note: the bundle proves that its own extends it.
    pub since: Option<String>,
}

/// Which fields are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Openings {
    /// None.
    #[default]
    None,
    /// These, by ordinal and name: 0 is the run, sources have their own.
    Fields(BTreeSet<(u32, String)>),
    /// Everything of the run and of its sources.
    All,
}

/// A bundle could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// There was no such run.
    #[error(
        "binding \"{binding}\" has no run {number}; `cryptlet receipt ls` shows those there are"
    )]
    NoRun {
        /// The binding's name.
        binding: String,
        /// The invocation.
        number: u64,
    },
    /// A field that the run does not have.
    #[error("the run has no field {ordinal}:{field} to open; it has {there}")]
    NoField {
        /// 0 or the source's.
        ordinal: u32,
        /// The field.
        field: String,
        /// What it has.
        there: String,
    },
    /// A component that is not the one that ran.
    #[error(
        "the journal does not hold the component {0} any more; leave modules out, or restore a backup"
    )]
    NoModule(Measurement),
    /// The binding was changed since the run.
    #[error(
        "the journal does not hold the document that the run happened under; leave the agreement out"
    )]
    OtherAgreement,
    /// More fields than a bundle has room for.
    #[error(
        "{count} fields would be opened, and a bundle holds {MOST_OPENINGS}; open those that matter by their names"
    )]
    TooManyOpenings {
        /// How many.
        count: usize,
    },
    /// The earlier checkpoint is not one of this log.
    #[error("the earlier checkpoint is not one of this log: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The earlier checkpoint covers more than the log has.
    #[error(
        "the earlier checkpoint covers {earlier} entries, but this log has {now}: it is an older copy"
    )]
    Behind {
        /// Its size.
        earlier: u64,
        /// The log's.
        now: u64,
    },
    /// The earlier checkpoint is of another history.
    #[error(
        "the earlier checkpoint and this log have {size} entries in common and not the same ones: the log's key has signed two histories; keep the checkpoint and this journal as evidence"
    )]
    Forked {
        /// Its size.
        size: u64,
    },
    /// The earlier checkpoint covers nothing.
    #[error(
        "the earlier checkpoint covers no entries, and every log extends it; give a later one, or none"
    )]
    Empty,
    /// The log has an entry that cannot be read.
    #[error(
        "leaf {leaf} cannot be read: {error}; restore a backup, and keep this journal as evidence"
    )]
    Entry {
        /// Its position.
        leaf: u64,
        /// Why not.
        error: EncodingError,
    },
    /// An input that was recorded cannot be read.
    #[error("the recorded input cannot be read: {0}")]
    Input(#[from] InputError),
}

impl Journal {
    /// A bundle about the run `number` of the binding that the operator calls `binding`. Reads the
    /// journal and needs no secret; whoever gets it sees what `parts` opens and nothing else.
    ///
    /// # Errors
    ///
    /// If there was no such run, it has not what is asked for, or the journal cannot be read.
    pub fn bundle(
        &self,
        binding: &str,
        number: u64,
        parts: &BundleParts,
    ) -> Result<Bundle, BundleError> {
        let no_run = || BundleError::NoRun {
            binding: binding.into(),
            number,
        };
        let row = self.binding(binding)?.ok_or_else(no_run)?;
        let id = row.document.id();
        let bearing = self.bearing(&id, number)?.ok_or_else(no_run)?;
        let extension = self.extension(parts.since.as_deref())?;
        let size = extension.size;
        let mut executions = Vec::with_capacity(bearing.executions.len());
        for recorded in &bearing.executions {
            let proven = self.proven(recorded.leaf, size)?;
            let statement = statement(&proven)?;
            executions.push((recorded, proven, statement));
        }
        let (_, run, statement) = executions.remove(0);
        let sources: Vec<_> = executions;
        let mut bundle = Bundle {
            checkpoint: extension.note,
            run,
            sources: Vec::new(),
            context: self.context(&bearing, size)?,
            evidence: self.evidence_of(&statement)?,
            openings: Vec::new(),
            modules: Vec::new(),
            agreement: None,
            consistency: extension.consistency,
        };
        if parts.openings != Openings::None {
            let there = self.openings(&id, number, &bearing, &statement.execution)?;
            bundle.openings = chosen(there, &parts.openings)?;
        }
        if parts.modules {
            let ran = std::iter::once(&statement).chain(sources.iter().map(|(.., source)| source));
            bundle.modules = self.modules(ran)?;
        }
        if parts.agreement {
            let version = &statement.execution.binding_version;
            let agreed = self.agreement(&id, version)?;
            bundle.agreement = Some(agreement(&agreed.ok_or(BundleError::OtherAgreement)?));
        }
        bundle.sources = sources.into_iter().map(|(_, proven, _)| proven).collect();
        Ok(bundle)
    }

    fn proven(&self, leaf: u64, size: u64) -> Result<Proven, JournalError> {
        let receipt = self.receipt_at(leaf, size)?;
        Ok(Proven {
            index: receipt.index,
            entry: receipt.statement,
            proof: receipt.proof,
        })
    }

    fn context(&self, bearing: &Bearing, size: u64) -> Result<Vec<Proven>, JournalError> {
        // The first leaf announces the key of the log.
        let leaves: BTreeSet<u64> = [0, bearing.accepted]
            .into_iter()
            .chain(bearing.previous)
            .chain(bearing.moves.iter().copied())
            .chain(bearing.deployed.iter().copied())
            .collect();
        leaves
            .into_iter()
            .map(|leaf| self.proven(leaf, size))
            .collect()
    }

    /// What the host that ran it has said of itself.
    fn evidence_of(&self, run: &Statement) -> Result<Vec<Vec<u8>>, JournalError> {
        let about_this_host = |encoded: &Vec<u8>| {
            matches!(
                Evidence::from_bytes(encoded),
                Ok(Evidence::Software(evidence))
                    if evidence.executable == run.host.executable
                        && evidence.engine_configuration == run.host.engine_configuration
            )
        };
        Ok(self
            .evidence()?
            .into_iter()
            .filter(about_this_host)
            .collect())
    }

    fn modules<'a>(
        &self,
        ran: impl Iterator<Item = &'a Statement>,
    ) -> Result<Vec<Vec<u8>>, BundleError> {
        let mut modules = BTreeSet::new();
        for statement in ran {
            let measurement = statement.execution.measurement;
            let component = self
                .component(&measurement)?
                .filter(|component| Measurement::of(component) == measurement)
                .ok_or(BundleError::NoModule(measurement))?;
            modules.insert(component);
        }
        Ok(modules.into_iter().collect())
    }

    /// Everything that can be opened.
    fn openings(
        &self,
        binding: &BindingId,
        number: u64,
        bearing: &Bearing,
        run: &Execution,
    ) -> Result<BTreeMap<(u32, String), FieldOpening>, BundleError> {
        let mut openings = BTreeMap::new();
        for recorded in &bearing.executions {
            let salt = salt_of(&bearing.salt, recorded.ordinal);
            for (field, value) in fields(recorded)? {
                let salt = salt.field(&field);
                add(&mut openings, recorded.ordinal, &field, salt, value);
            }
        }
        let before = self
            .known_state(binding, number)?
            .map(|known| (known.salt, State::from(known.state).to_bytes()));
        let after = if run.state_after == run.state_before {
            before.clone()
        } else {
            let salt = salt_of(&bearing.salt, 0).field("state");
            let state = self.state_after(binding, number)?;
            Some((salt, State::from(state).to_bytes()))
        };
        for (field, opened) in [("state-before", before), ("state-after", after)] {
            if let Some((salt, value)) = opened {
                add(&mut openings, 0, field, salt, value);
            }
        }
        Ok(openings)
    }

    /// The newest checkpoint, and how it extends the earlier one.
    fn extension(&self, since: Option<&str>) -> Result<Extension, BundleError> {
        let missing = || {
            JournalError::Conflict(
                "the log has no checkpoint yet, so that nothing can be proven".into(),
            )
        };
        let newest = self.cosigned_checkpoint()?.ok_or_else(missing)?;
        let Some(note) = since else {
            return Ok(Extension {
                size: newest.size,
                note: newest.note,
                consistency: None,
            });
        };
        let trust: Vec<TrustedKey> = self.trusted_key()?.into_iter().collect();
        let earlier = log::open_checkpoint(note, &trust)?;
        if earlier.size == 0 {
            return Err(BundleError::Empty);
        }
        self.check_begins_with(&earlier)
            .map_err(|error| match error {
                JournalError::Forked { size, .. } => BundleError::Forked { size },
                JournalError::Behind { size, .. } => BundleError::Behind {
                    earlier: earlier.size,
                    now: size,
                },
                error => error.into(),
            })?;
        let (checkpoint, proof) = self.consistency(earlier.size)?.ok_or_else(missing)?;
        let is_newest = checkpoint.size == newest.size;
        Ok(Extension {
            size: checkpoint.size,
            // A running host may have gone on in between.
            note: if is_newest { newest } else { checkpoint }.note,
            consistency: Some((note.into(), proof.into_iter().map(|hash| hash.0).collect())),
        })
    }
}

/// The checkpoint of a bundle, and what it extends.
struct Extension {
    size: u64,
    note: String,
    consistency: Option<(String, Vec<[u8; 32]>)>,
}

fn statement(proven: &Proven) -> Result<Statement, BundleError> {
    Statement::from_bytes(&proven.entry).map_err(|error| BundleError::Entry {
        leaf: proven.index,
        error,
    })
}

/// Names and values of the fields that one execution has, its states aside.
fn fields(recorded: &Recorded) -> Result<Vec<(String, Vec<u8>)>, BundleError> {
    let invocation = Invocation::from_input_bytes(&recorded.input)?;
    let mut fields = vec![
        ("input".to_owned(), recorded.input.clone()),
        ("trigger".to_owned(), trigger_value(&invocation.trigger)),
        ("transcript".to_owned(), recorded.transcript.clone()),
    ];
    fields.extend(
        recorded
            .reply
            .clone()
            .map(|reply| ("reply".to_owned(), reply)),
    );
    let events = recorded.events.iter().enumerate();
    fields.extend(events.map(|(position, body)| (format!("event/{position}"), body.clone())));
    Ok(fields)
}

fn add(
    openings: &mut BTreeMap<(u32, String), FieldOpening>,
    ordinal: u32,
    field: &str,
    salt: FieldSalt,
    value: Vec<u8>,
) {
    let opening = FieldOpening {
        ordinal,
        field: field.to_owned(),
        salt,
        value,
    };
    openings.insert((ordinal, field.to_owned()), opening);
}

fn chosen(
    mut there: BTreeMap<(u32, String), FieldOpening>,
    wanted: &Openings,
) -> Result<Vec<FieldOpening>, BundleError> {
    let count = match wanted {
        Openings::None => return Ok(Vec::new()),
        Openings::All => there.len(),
        Openings::Fields(wanted) => wanted.len(),
    };
    if count > MOST_OPENINGS {
        return Err(BundleError::TooManyOpenings { count });
    }
    let Openings::Fields(wanted) = wanted else {
        return Ok(there.into_values().collect());
    };
    let names = there
        .keys()
        .map(|(ordinal, field)| format!("{ordinal}:{field}"))
        .collect::<Vec<_>>()
        .join(", ");
    wanted
        .iter()
        .map(|key| {
            there.remove(key).ok_or_else(|| BundleError::NoField {
                ordinal: key.0,
                field: key.1.clone(),
                there: names.clone(),
            })
        })
        .collect()
}

fn agreement(row: &AgreementRow) -> Agreement {
    let approvals: BTreeSet<([u8; 20], Vec<u8>)> = row
        .approvals
        .iter()
        .map(|approval| {
            (
                approval.counterparty.into_array(),
                approval.signature.to_vec(),
            )
        })
        .collect();
    Agreement {
        document: row.document.to_json(),
        approvals: approvals.into_iter().collect(),
    }
}
