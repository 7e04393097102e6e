//! What an auditor is handed: an entry, its proof, and the checkpoint that covers it.

use crate::encoding::{self, Bounds, ByteString, EncodingError, Reader, VERSION, Wire, Writer};
use crate::entry::MAXIMUM_ENTRY;
use crate::log::{self, Hash, MAXIMUM_CHECKPOINT};
use crate::{Digest, LeafHash, LogEntry, view};
use serde::Serialize;

/// Greatest size of a receipt, in bytes.
pub const MAXIMUM_RECEIPT: usize = MAXIMUM_ENTRY + MAXIMUM_CHECKPOINT + (1 << 13);

/// What the file extension of receipts is, without its dot.
pub const RECEIPT_EXTENSION: &str = "receipt";

/// The tag in front of every receipt; its bytes spell `crpt` after the first.
const TAG: u64 = 0x6372_7074;
const BEGINNING: &str = "the tag of a receipt, bytes da 63 72 70 74";
/// Greatest number of hashes of a proof.
const LONGEST_PROOF: u64 = 64;

const BOUNDS: Bounds = Bounds {
    document: "a receipt",
    bytes: MAXIMUM_RECEIPT,
    depth: 4,
};

/// An entry of the log with all that is needed to believe that it is one.
///
/// Holding one proves nothing; [`verify`](crate::verify()) does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The bytes of the log entry.
    pub statement: Vec<u8>,
    /// Its index in the log.
    pub index: u64,
    /// The inclusion proof, from the leaf upwards.
    pub proof: Vec<[u8; 32]>,
    /// The signed checkpoint to which the proof leads.
    pub checkpoint: String,
}

impl Receipt {
    /// The receipt's one encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads a receipt. The entry inside is not looked at.
    ///
    /// # Errors
    ///
    /// Anything but the one encoding of a receipt; the error says what and where.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EncodingError> {
        encoding::expect_mark(bytes, b"\xdacrpt", BEGINNING)?;
        encoding::decode(bytes, &BOUNDS)
    }

    /// The hash of the entry; on a chain, the receipt hash.
    pub fn leaf_hash(&self) -> LeafHash {
        log::leaf_hash(&self.statement)
    }

    /// The inclusion proof as the log's functions take it.
    pub fn proof(&self) -> Vec<Hash> {
        self.proof.iter().copied().map(Hash).collect()
    }

    /// The receipt for people: serialise it with any serde format. Nothing in it has
    /// been verified.
    ///
    /// # Errors
    ///
    /// If the entry inside is not one.
    pub fn view(&self) -> Result<ReceiptView, EncodingError> {
        let entry = LogEntry::from_bytes(&self.statement)?;
        Ok(ReceiptView {
            leaf_hash: self.leaf_hash(),
            execution_hash: match &entry {
                LogEntry::Receipt(statement) => Some(statement.execution_hash()),
                _ => None,
            },
            entry,
            index: self.index,
            proof: self.proof.iter().map(hex::encode).collect(),
            checkpoint: self.checkpoint.lines().map(str::to_owned).collect(),
        })
    }
}

impl Wire for Receipt {
    fn write(&self, writer: &mut Writer) {
        writer.tag(TAG);
        writer.map(5);
        writer.unsigned(0);
        writer.unsigned(VERSION);
        writer.unsigned(1);
        writer.bytes(&self.statement);
        writer.unsigned(2);
        writer.unsigned(self.index);
        writer.unsigned(3);
        self.proof.write(writer);
        writer.unsigned(4);
        writer.text(&self.checkpoint);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        reader.tag(TAG, BEGINNING)?;
        let mut fields = reader.record(BOUNDS.document)?;
        let found: u64 = fields.field(0, "version")?;
        if found != VERSION {
            return Err(EncodingError::UnsupportedVersion {
                document: BOUNDS.document,
                found,
                supported: VERSION,
            });
        }
        let statement: ByteString<MAXIMUM_ENTRY> = fields.field(1, "statement")?;
        let index = fields.field(2, "index")?;
        let proof: Proof = fields.field(3, "proof")?;
        let checkpoint = fields.field(4, "checkpoint")?;
        fields.end()?;
        Ok(Self {
            statement: statement.0,
            index,
            proof: proof.0,
            checkpoint,
        })
    }
}

/// The hashes of an inclusion or consistency proof.
pub(crate) struct Proof(pub(crate) Vec<[u8; 32]>);

impl Wire for Proof {
    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, EncodingError> {
        let length = reader.array(LONGEST_PROOF)?;
        let hashes = (0..length).map(|_| Wire::read(reader));
        hashes.collect::<Result<_, _>>().map(Self)
    }
}

/// A receipt as people read it. Integers of 64 bits are decimal strings.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptView {
    /// What the entry says.
    #[serde(flatten)]
    pub entry: LogEntry,
    /// The hash of the entry; on a chain, the receipt hash.
    pub leaf_hash: LeafHash,
    /// The hash of the execution part, for a receipt of a run.
    pub execution_hash: Option<Digest>,
    /// The entry's index in the log.
    #[serde(serialize_with = "view::decimal")]
    pub index: u64,
    /// The inclusion proof, from the leaf upwards, in hexadecimal digits.
    pub proof: Vec<String>,
    /// The checkpoint's lines.
    pub checkpoint: Vec<String>,
}
