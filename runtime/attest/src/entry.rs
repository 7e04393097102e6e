//! What stands in the log.

use crate::TrustedKey;
use crate::encoding::{self, Bounds, EncodingError, Reader, VERSION, Wire, Writer, record};
use crate::{
    BindingId, BindingVersion, Digest, EncodedEntry, LeafHash, Measurement, Stage, Statement,
    TriggerStatement, log, view,
};
use serde::Serialize;
use std::fmt;

/// Greatest size of an entry, in bytes: the length of an entry in a published log has 2.
pub const MAXIMUM_ENTRY: usize = u16::MAX as usize;

pub(crate) const BOUNDS: Bounds = Bounds {
    document: "a log entry",
    bytes: MAXIMUM_ENTRY,
    depth: 8,
};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "entry", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant)] // Nearly every entry is a receipt: a box would be one more allocation for each.
pub enum LogEntry {
    /// What became of a run.
    Receipt(Statement),
    /// An invocation, fixed before its run.
    Accepted(Accepted),
    /// A module appeared or a binding began to run another one.
    Version(VersionEntry),
    /// A binding was proposed, came into force, or may run another module.
    Binding(BindingEntry),
    /// A key came into use.
    Key(KeyEntry),
}

/// An invocation, fixed before its run, so that a host cannot run until it likes the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// The binding that will run.
    pub binding: BindingId,
    /// The run's number.
    #[serde(serialize_with = "view::decimal")]
    pub number: u64,
    /// Why it will run.
    pub trigger: TriggerStatement,
    /// Salted digest of the invocation, field `input`.
    pub input: Digest,
    /// The run's only clock: milliseconds since 1970-01-01T00:00:00Z.
    #[serde(serialize_with = "view::decimal")]
    pub instant: u64,
    /// The seed of the guest's randomness.
    #[serde(serialize_with = "view::hexadecimal")]
    pub seed: [u8; 32],
    /// The module that will run: a promotion between acceptance and run changes nothing.
    pub measurement: Measurement,
}

record!(Accepted as "accepted" {
    0 => binding,
    1 => number,
    2 => trigger,
    3 => input,
    4 => instant,
    5 => seed,
    6 => measurement,
});

/// A change of what may run or does run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VersionEntry {
    /// The cryptlet's name.
    pub cryptlet: String,
    /// Its semantic version.
    pub version: String,
    /// What it is.
    pub measurement: Measurement,
    /// The binding that changed; absent for a deployment.
    pub binding: Option<BindingId>,
    /// What happened.
    pub change: VersionChange,
    /// Who decided on it: a name that the host gave, or `fabric` for the host itself. Absent, like
    /// the reason, in the entries of hosts that kept no stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The share of new invocations that a canary gets, in thousandths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<u16>,
    /// What a migration made of the binding's state; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateChange>,
}

record!(VersionEntry as "version" {
    0 => cryptlet,
    1 => version,
    2 => measurement,
    3 => binding,
    4 => change,
    5 => by,
    6 => reason,
    7 => share,
    8 => state,
});

/// A state that was rewritten for another version of the cryptlet, outside any run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// What the newest receipt before says of the state after it.
    pub before: Digest,
    /// What the next receipt says of the state before it.
    pub after: Digest,
}

record!(StateChange as "state change" {
    0 => before,
    1 => after,
});

/// A change of a binding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindingEntry {
    /// Which binding.
    pub binding: BindingId,
    /// Which version of it.
    pub version: BindingVersion,
    /// What happened.
    pub change: BindingChange,
    /// The module that it is about, if it is about one: proposed, allowed or revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measurement: Option<Measurement>,
}

record!(BindingEntry as "binding" {
    0 => binding,
    1 => version,
    2 => change,
    3 => measurement,
});

/// A key that came into use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyEntry {
    /// The key's name.
    pub name: String,
    /// Its algorithm, for example `ed25519`.
    pub algorithm: String,
    /// What it may sign, for example `attestation`.
    pub purpose: String,
    /// The public key, encoded as its algorithm has it.
    #[serde(serialize_with = "view::hexadecimal")]
    pub public: Vec<u8>,
}

record!(KeyEntry as "key" {
    0 => name,
    1 => algorithm,
    2 => purpose,
    3 => public,
});

macro_rules! change {
    ($(#[$documentation:meta])* $type:ident, $what:literal { $($(#[$variant_documentation:meta])* $variant:ident = $number:literal),+ $(,)? }) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $type { $($(#[$variant_documentation])* $variant),+ }

        impl Wire for $type {
            fn write(&self, writer: &mut Writer) {
                writer.unsigned(match self { $(Self::$variant => $number),+ });
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
                match reader.unsigned()? {
                    $($number => Ok(Self::$variant),)+
                    found => Err(EncodingError::UnknownVariant { what: $what, found }),
                }
            }
        }
    };
}

change! {
    /// What happened to a module.
    VersionChange, "a version change" {
        /// Measured, checked and ready to run.
        Deployed = 0,
        /// A binding runs it from now on.
        Promoted = 1,
        /// A binding runs it again, instead of a later one.
        RolledBack = 2,
        /// It runs beside the active module; nothing of it leaves.
        Shadowed = 3,
        /// It gets a share of a binding's new invocations.
        Canaried = 4,
        /// It is neither in shadow nor in canary any more.
        Withdrawn = 5,
        /// It is active no more; what was accepted for it still runs.
        Draining = 6,
        /// Everything that was accepted for it has run.
        Retained = 7,
        /// It never runs under the binding again.
        Retired = 8,
    }
}

change! {
    /// What happened to a binding.
    BindingChange, "a binding change" {
        /// Written down, waiting for its counterparties.
        Proposed = 0,
        /// Signed by its counterparties and in force.
        Activated = 1,
        /// One more module may run under the version, by the word of the counterparties.
        Allowed = 2,
        /// A module may not run under the version any more, by the word of one counterparty.
        Revoked = 3,
    }
}

impl VersionChange {
    /// The stage of the module from here on.
    #[must_use]
    pub fn leads_to(self) -> Stage {
        match self {
            Self::Deployed | Self::Withdrawn => Stage::Deployed,
            Self::Shadowed => Stage::Shadow,
            Self::Canaried => Stage::Canary,
            Self::Promoted | Self::RolledBack => Stage::Active,
            Self::Draining => Stage::Draining,
            Self::Retained => Stage::Retained,
            Self::Retired => Stage::Retired,
        }
    }
}

impl fmt::Display for VersionChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Deployed => "deployed",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled-back",
            Self::Shadowed => "shadowed",
            Self::Canaried => "canaried",
            Self::Withdrawn => "withdrawn",
            Self::Draining => "draining",
            Self::Retained => "retained",
            Self::Retired => "retired",
        })
    }
}

impl KeyEntry {
    /// The key of a log that the entry announces; none if the key is for something else, or
    /// cannot be one.
    pub fn attestation_key(&self) -> Option<TrustedKey> {
        let public = <[u8; 32]>::try_from(self.public.as_slice()).ok()?;
        TrustedKey::new(&self.name, &public)
            .ok()
            .filter(|_| self.purpose == "attestation")
    }
}

impl LogEntry {
    /// The entry's one encoding: `[version, kind, body]`.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// The entry's bytes. What is appended to a log should come from here: an entry that no
    /// verifier can read, say because a guest's failure code is a megabyte long, is refused before
    /// it is recorded.
    ///
    /// # Errors
    ///
    /// The bound that the entry breaks.
    pub fn checked_bytes(&self) -> Result<Vec<u8>, EncodingError> {
        let bytes = encoding::encode_within(self, &BOUNDS)?;
        debug_assert_eq!(Self::from_bytes(&bytes).as_ref(), Ok(self), "it reads back");
        Ok(bytes)
    }

    /// The entry as a log takes it. It needs no log, so that whoever has many seals them before
    /// anybody waits for one.
    ///
    /// # Errors
    ///
    /// The bound that the entry breaks.
    pub fn encoded(&self) -> Result<EncodedEntry, EncodingError> {
        self.checked_bytes().map(EncodedEntry::of)
    }

    /// Reads an entry.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding of an entry; the error says what and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::decode(bytes, &BOUNDS)
    }

    /// RFC 6962 leaf hash of the entry's bytes.
    pub fn leaf_hash(&self) -> LeafHash {
        log::leaf_hash(&self.to_bytes())
    }

    /// The kind, as errors and views name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Receipt(_) => "a receipt",
            Self::Accepted(_) => "an accepted invocation",
            Self::Version(_) => "a version change",
            Self::Binding(_) => "a binding change",
            Self::Key(_) => "a key",
        }
    }
}

/// The kind of an entry that is a receipt.
pub(crate) const RECEIPT: u64 = 0;

pub(crate) fn write_head(writer: &mut Writer, kind: u64) {
    writer.array(3);
    writer.unsigned(VERSION);
    writer.unsigned(kind);
}

impl Wire for LogEntry {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Receipt(body) => {
                write_head(writer, RECEIPT);
                body.write(writer);
            }
            Self::Accepted(body) => {
                write_head(writer, 1);
                body.write(writer);
            }
            Self::Version(body) => {
                write_head(writer, 2);
                body.write(writer);
            }
            Self::Binding(body) => {
                write_head(writer, 3);
                body.write(writer);
            }
            Self::Key(body) => {
                write_head(writer, 4);
                body.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let expected = "a log entry: an array of version, kind and body";
        match reader.versioned(BOUNDS.document, expected)? {
            RECEIPT => Wire::read(reader).map(Self::Receipt),
            1 => Wire::read(reader).map(Self::Accepted),
            2 => Wire::read(reader).map(Self::Version),
            3 => Wire::read(reader).map(Self::Binding),
            4 => Wire::read(reader).map(Self::Key),
            found => Err(EncodingError::UnknownVariant {
                what: "a log entry",
                found,
            }),
        }
    }
}
