//! Every host call of a run with its answer, in order.
//!
//! On the wire a CBOR sequence (RFC 8742) of arrays: the index of the variant, then its fields.
//! Of the virtual WASI only what is read from directories is in it: all else is a function of the
//! invocation and its seed.

use cryptlet_attest::{Digest, digest};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use crate::files::{DirectoryEntry, FileError, FileStatus, Opened};
use crate::invocation::SubmissionStatus;
use crate::reading::{Reading, TranscriptError};
use crate::services::{
    BuildError, EncodedCall, HttpError, HttpRequest, HttpResponse, KeyError, PublicKey,
};

/// One host call and what the host answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Record {
    /// `transaction-builder.build`.
    #[n(0)]
    Build {
        /// What the guest wants to call.
        #[n(0)]
        action: String,
        /// The arguments as JSON bytes.
        #[cbor(n(1), with = "minicbor::bytes")]
        fields: Vec<u8>,
        /// The encoded call.
        #[n(2)]
        answer: Result<EncodedCall, BuildError>,
    },
    /// `draft.digest`.
    #[n(1)]
    DraftDigest {
        /// The digest of the draft's call.
        #[cbor(n(0), with = "minicbor::bytes")]
        answer: [u8; 32],
    },
    /// `router.submit`.
    #[n(2)]
    Submit {
        /// The digest of the draft's call.
        #[cbor(n(0), with = "minicbor::bytes")]
        draft: [u8; 32],
        /// The submission's number.
        #[n(1)]
        answer: u64,
    },
    /// `router.status`.
    #[n(3)]
    Status {
        /// Which submission.
        #[n(0)]
        submission: u64,
        /// What the host knows of it.
        #[n(1)]
        answer: Option<SubmissionStatus>,
    },
    /// `source.ask`.
    #[n(4)]
    Ask {
        /// Name of the source.
        #[n(0)]
        source: String,
        /// What it was asked.
        #[cbor(n(1), with = "minicbor::bytes")]
        request: Vec<u8>,
        /// What it answered.
        #[n(2)]
        answer: Result<ByteVec, AskError>,
        /// The source's own transcript, if it ran.
        #[cbor(n(3), with = "minicbor::bytes")]
        transcript: Option<Vec<u8>>,
    },
    /// `http.fetch`, with the address as the guest wrote it.
    #[n(5)]
    Fetch {
        /// What the guest asked for.
        #[n(0)]
        request: HttpRequest,
        /// What came back.
        #[n(1)]
        answer: Result<HttpResponse, HttpError>,
    },
    /// `state.get`.
    #[n(6)]
    StateGet {
        /// Which entry.
        #[n(0)]
        key: String,
        /// Its value.
        #[cbor(n(1), with = "minicbor::bytes")]
        answer: Option<Vec<u8>>,
    },
    /// `state.set`.
    #[n(7)]
    StateSet {
        /// Which entry.
        #[n(0)]
        key: String,
        /// Its new value.
        #[cbor(n(1), with = "minicbor::bytes")]
        value: Vec<u8>,
    },
    /// `state.remove`.
    #[n(8)]
    StateRemove {
        /// Which entry.
        #[n(0)]
        key: String,
    },
    /// `state.keys`.
    #[n(9)]
    StateKeys {
        /// What the keys begin with.
        #[n(0)]
        prefix: String,
        /// The last key that is already known.
        #[n(1)]
        after: Option<String>,
        /// How many at most.
        #[n(2)]
        limit: u32,
        /// The keys in byte order.
        #[n(3)]
        answer: Vec<String>,
    },
    /// `keychain.public-key-of`.
    #[n(10)]
    PublicKeyOf {
        /// Name of the key.
        #[n(0)]
        key: String,
        /// Its public half.
        #[n(1)]
        answer: Result<PublicKey, KeyError>,
    },
    /// `keychain.sign`.
    #[n(11)]
    Sign {
        /// Name of the key.
        #[n(0)]
        key: String,
        /// What was signed, without the domain prefix.
        #[cbor(n(1), with = "minicbor::bytes")]
        message: Vec<u8>,
        /// The signature.
        #[n(2)]
        answer: Result<ByteVec, KeyError>,
    },
    /// `events.publish`.
    #[n(12)]
    Publish {
        /// Name of the event's schema.
        #[n(0)]
        topic: String,
        /// JSON bytes.
        #[cbor(n(1), with = "minicbor::bytes")]
        body: Vec<u8>,
    },
    /// `log.log`. The text is not kept: the guest writes it again when it is replayed.
    #[n(13)]
    Log {
        /// How loud.
        #[n(0)]
        level: Level,
        /// Digest of the text.
        #[cbor(n(1), with = "minicbor::bytes")]
        digest: [u8; 32],
    },
    /// `descriptor.open-at` of WASI: a file comes with its content, from which all reads are served.
    #[n(14)]
    OpenFile {
        /// Name of the granted directory.
        #[n(0)]
        directory: String,
        /// Path below it.
        #[n(1)]
        path: String,
        /// What was opened.
        #[n(2)]
        answer: Result<Opened, FileError>,
    },
    /// `descriptor.stat-at` of WASI.
    #[n(15)]
    FileStatus {
        /// Name of the granted directory.
        #[n(0)]
        directory: String,
        /// Path below it.
        #[n(1)]
        path: String,
        /// What lies there.
        #[n(2)]
        answer: Result<FileStatus, FileError>,
    },
    /// `descriptor.read-directory` of WASI.
    #[n(16)]
    ListDirectory {
        /// Name of the granted directory.
        #[n(0)]
        directory: String,
        /// Path below it.
        #[n(1)]
        path: String,
        /// The entries in byte order of their names.
        #[n(2)]
        answer: Result<Vec<DirectoryEntry>, FileError>,
    },
}

impl Record {
    /// The call and its answer as one item of CBOR.
    pub fn to_bytes(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("encoding into memory cannot fail")
    }

    pub(crate) fn log(level: Level, message: &str) -> Record {
        Record::Log {
            level,
            digest: *digest("cryptlet log line v1", &[message.as_bytes()]).as_bytes(),
        }
    }
}

/// Why a source did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum AskError {
    /// Manifest or binding do not name it.
    #[n(0)]
    UnknownSource(#[n(0)] String),
    /// It said that it cannot, or it trapped.
    #[n(1)]
    Failed(#[n(0)] Failure),
    /// It ran into one of its own limits.
    #[n(2)]
    Limit(#[n(0)] String),
}

/// The guest says that it cannot answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Failure {
    /// For programs.
    #[n(0)]
    pub code: String,
    /// For people.
    #[n(1)]
    pub message: String,
}

/// How loud a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Level {
    /// Details for the author.
    #[n(0)]
    Debug,
    /// What happened.
    #[n(1)]
    Info,
    /// Something odd.
    #[n(2)]
    Warn,
    /// Something wrong.
    #[n(3)]
    Error,
}

/// Every host call of a run with its answer, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    records: Vec<Record>,
}

impl Transcript {
    /// The calls in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// A CBOR sequence, one item a call.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in &self.records {
            minicbor::encode(record, &mut bytes).expect("encoding into memory cannot fail");
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, and looks through the transcripts of sources
    /// that it holds. The memory that it takes is bounded by the length of `bytes` and by how many items a
    /// run can leave behind.
    ///
    /// # Errors
    ///
    /// The bytes are no transcript, not in the one encoding that digests cover, or more than a run
    /// can leave behind.
    pub fn from_bytes(bytes: &[u8]) -> Result<Transcript, TranscriptError> {
        let mut records = Vec::new();
        Reading::default().read(bytes, 1, &mut |record| records.push(record))?;
        Ok(Transcript { records })
    }

    /// Digest over the whole, for people who compare runs; a receipt's digest is salted by the host.
    pub fn digest(&self) -> Digest {
        digest("cryptlet transcript v1", &[&self.to_bytes()])
    }

    pub(crate) fn push(&mut self, record: Record) {
        self.records.push(record);
    }
}
