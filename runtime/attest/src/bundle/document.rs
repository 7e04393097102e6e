use super::format::{BEGINNING, BOUNDS};
use crate::encoding::{self, EncodingError};
use crate::log;
use crate::{BindingVersion, FieldSalt, LeafHash, LogEntry, TrustedKey};

/// Greatest size of a bundle, in bytes.
pub const MAXIMUM_BUNDLE: usize = 1 << 28;

/// What the file extension of bundles is, without its dot.
pub const BUNDLE_EXTENSION: &str = "bundle";

/// One run with all that bears on it. Every proof leads to the one checkpoint.
///
/// Holding one proves nothing. Each list has one order, which its field states, and nothing
/// in it twice: whoever makes a bundle puts them in that order.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The signed checkpoint, with cosignatures if there are any.
    pub checkpoint: String,
    /// The receipt that this is about.
    pub run: Proven,
    /// Receipts of all sources of the chain of calls, by ascending ordinal.
    pub sources: Vec<Proven>,
    /// Other entries that bear on the run, by ascending index.
    pub context: Vec<Proven>,
    /// Encoded [`Evidence`](crate::Evidence) about the key that signed, by its bytes.
    pub evidence: Vec<Vec<u8>>,
    /// Values behind digests, by ordinal and field name.
    pub openings: Vec<FieldOpening>,
    /// WebAssembly components of the run and its sources, by their bytes.
    pub modules: Vec<Vec<u8>>,
    /// What the binding's parties agreed on.
    pub agreement: Option<Agreement>,
    /// An earlier checkpoint, and the RFC 6962 consistency proof that the one above extends it.
    pub consistency: Option<(String, Vec<[u8; 32]>)>,
}

/// An entry of the log, and the proof that it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The entry's index in the log.
    pub index: u64,
    /// The bytes of the entry.
    pub entry: Vec<u8>,
    /// The inclusion proof, from the leaf upwards.
    pub proof: Vec<[u8; 32]>,
}

/// One field of the run or of a source, shown.
#[derive(Clone, Debug)]
pub struct FieldOpening {
    /// 0 for the run, else the ordinal of the source.
    pub ordinal: u32,
    /// The field's name, for example `input`.
    pub field: String,
    /// The field's own secret.
    pub salt: FieldSalt,
    /// The value; for `state-before` and `state-after` the whole state.
    pub value: Vec<u8>,
}

/// A version of a binding and who approved it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The binding's JSON document, in the form whose digest is the binding version.
    pub document: Vec<u8>,
    /// Wallets and their EIP-712 signatures, by their bytes.
    pub approvals: Vec<([u8; 20], Vec<u8>)>,
}

/// The tag that a bundle begins with.
const MARK: &[u8; 5] = b"\xdacrpb";

impl Bundle {
    /// The bundle's one encoding, provided that its lists are in order.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads a bundle. The entries, evidence and values inside are not looked at, and so the
    /// order of sources, which their entries state, is not either.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding of a bundle; the error says what and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::expect_mark(bytes, MARK, BEGINNING)?;
        encoding::decode(bytes, &BOUNDS)
    }

    /// Whether these bytes begin as every bundle does: for whoever was handed one and expected
    /// something else.
    #[must_use]
    pub fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(MARK)
    }

    /// All entries of the bundle: the run, its sources, what bears on it.
    pub fn proven(&self) -> impl Iterator<Item = &Proven> {
        std::iter::once(&self.run)
            .chain(&self.sources)
            .chain(&self.context)
    }

    /// The keys of logs that the bundle's own entries announce. They say who claims to have
    /// signed: whether to trust one, only somebody else can tell.
    pub fn announced_keys(&self) -> Vec<TrustedKey> {
        self.context
            .iter()
            .filter_map(|proven| match LogEntry::from_bytes(&proven.entry) {
                Ok(LogEntry::Key(key)) => key.attestation_key(),
                _ => None,
            })
            .collect()
    }

    /// The opening of a field, if the bundle shows it.
    pub fn opening(&self, ordinal: u32, field: &str) -> Option<&FieldOpening> {
        self.openings
            .iter()
            .find(|opening| opening.ordinal == ordinal && opening.field == field)
    }
}

impl Proven {
    /// RFC 6962 leaf hash of the entry's bytes.
    pub fn leaf_hash(&self) -> LeafHash {
        log::leaf_hash(&self.entry)
    }
}

impl Agreement {
    /// The binding version that statements name for this document.
    pub fn version(&self) -> BindingVersion {
        BindingVersion::of(&self.document)
    }
}
