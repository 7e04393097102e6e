//! A recorded run with all that its replay needs, from a bundle or from the journal.

use std::collections::BTreeMap;

use cryptlet_attest::bundle::{Bundle, Proven};
use cryptlet_attest::{BindingVersion, FieldSalt, Salt, Statement};
use cryptlet_container::State;

use super::ReplayRefusal;
use crate::execution::salt_of;

/// A recorded run, opened.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// What the bound cryptlet's receipt states.
    pub run: Statement,
    /// What the receipts of all sources of its chain of calls state.
    pub sources: Vec<Statement>,
    /// The binding document, in the bytes that its version is the digest of.
    pub document: Vec<u8>,
    /// The invocation as the guest received it.
    pub input: Vec<u8>,
    /// What the host answered.
    pub transcript: Vec<u8>,
    /// The state before the run, unless it was never written.
    pub state: Option<KnownState>,
    /// With what the other digests can be computed.
    pub salts: FieldSalts,
}

/// A state and the salt of the run that wrote it.
#[derive(Clone, Debug)]
pub struct KnownState {
    /// The entries.
    pub state: State,
    /// Salt of that run's field `state`.
    pub salt: FieldSalt,
}

/// What is known of the salts of an invocation's digests.
#[derive(Clone, Debug)]
pub enum FieldSalts {
    /// The salt of the invocation, which opens everything.
    Invocation(Salt),
    /// Those of some fields, by ordinal and field name.
    Fields(BTreeMap<(u32, String), FieldSalt>),
}

impl FieldSalts {
    /// The salt of a field of one execution, if it is known.
    pub(super) fn of(&self, ordinal: u32, field: &str) -> Option<FieldSalt> {
        match self {
            Self::Invocation(salt) => Some(salt_of(salt.expose(), ordinal).field(field)),
            Self::Fields(salts) => salts.get(&(ordinal, field.to_owned())).cloned(),
        }
    }
}

impl RecordedRun {
    /// Takes from a bundle what a replay needs. Nothing in it is verified: see
    /// [`verify_bundle`](cryptlet_attest::bundle::verify_bundle).
    ///
    /// # Errors
    ///
    /// If something that every replay needs is not there or cannot be understood.
    pub fn from_bundle(bundle: &Bundle) -> Result<Self, ReplayRefusal> {
        let opened = |field: &'static str| {
            bundle
                .opening(0, field)
                .map(|opening| opening.value.clone())
                .ok_or(ReplayRefusal::MissingOpening { field })
        };
        let agreement = bundle
            .agreement
            .as_ref()
            .ok_or(ReplayRefusal::MissingOpening { field: "agreement" })?;
        let state = match bundle.opening(0, "state-before") {
            Some(opening) => Some(KnownState {
                state: cryptlet_attest::State::from_bytes(&opening.value)
                    .map_err(|error| ReplayRefusal::malformed("state-before", &error))?
                    .into(),
                salt: opening.salt.clone(),
            }),
            None => None,
        };
        Ok(Self {
            run: statement(&bundle.run)?,
            sources: bundle
                .sources
                .iter()
                .map(statement)
                .collect::<Result<_, _>>()?,
            document: agreement.document.clone(),
            input: opened("input")?,
            transcript: opened("transcript")?,
            state,
            salts: FieldSalts::Fields(salts(bundle)),
        })
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        std::iter::once(&self.run).chain(&self.sources)
    }

    /// The binding version that the document stands for.
    pub(super) fn agreed(&self) -> BindingVersion {
        BindingVersion::of(&self.document)
    }
}

fn statement(proven: &Proven) -> Result<Statement, ReplayRefusal> {
    Statement::from_bytes(&proven.entry)
        .map_err(|error| ReplayRefusal::malformed(format!("entry {}", proven.index), &error))
}

/// `state-after` opens the digest of the field `state`; `state-before` the one of an earlier run.
fn salts(bundle: &Bundle) -> BTreeMap<(u32, String), FieldSalt> {
    let ours = bundle
        .openings
        .iter()
        .filter(|opening| opening.field != "state-before");
    ours.map(|opening| {
        let field = match opening.field.as_str() {
            "state-after" => "state",
            other => other,
        };
        ((opening.ordinal, field.to_owned()), opening.salt.clone())
    })
    .collect()
}
