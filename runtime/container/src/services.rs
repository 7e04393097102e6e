//! The seam to the outside: what a container asks its host for.

use std::time::Duration;

use minicbor::{Decode, Encode};

use crate::files::{DirectoryEntry, FileError, FileStatus, Opened};
use crate::invocation::SubmissionStatus;

/// What a run needs from outside the sandbox.
///
/// Two implementations exist: the live one of the host, and the transcript's, which
/// [`Container::replay`](crate::Container::replay) uses. Every answer is written to the transcript,
/// so an implementation need not be deterministic; it must return, or the run waits with it.
pub trait Services: Send + Sync + 'static {
    /// Fetches from a host that the binding allows.
    ///
    /// The address lies inside a grant. The implementation never follows a redirect (the guest would
    /// leave its grant), reads no more than `limits.response_bytes` of body, and refuses private
    /// addresses unless the grant names that host literally.
    ///
    /// # Errors
    ///
    /// What went wrong, in the words of `http-error`; the guest hears it.
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError>;

    /// Encodes a call of the bound contract.
    ///
    /// # Errors
    ///
    /// The action is unknown or a field does not fit; the guest hears it.
    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError>;

    /// What became of an earlier submission of this binding.
    fn submission_status(&self, submission: u64) -> Option<SubmissionStatus>;

    /// The first free submission number of the binding.
    fn next_submission(&self) -> u64;

    /// The public half of a key that the binding grants.
    ///
    /// # Errors
    ///
    /// The key is unknown; the guest hears it.
    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError>;

    /// Signs a message, under a fixed domain prefix, with a key that the binding grants.
    ///
    /// # Errors
    ///
    /// The key is unknown or its limit is spent; the guest hears it.
    fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Opens what lies at `path` in a directory that the binding grants, a file with its whole content
    /// at one moment. A host that maps no directories need not say so: the default answers that
    /// there is none.
    ///
    /// A path is names joined by `/`, none of them `.` or `..`; the empty one is the directory itself.
    /// The implementation follows links that stay inside the directory, reads at most `most_bytes`,
    /// and opens no devices.
    ///
    /// # Errors
    ///
    /// Why it cannot be opened; the guest hears it.
    fn open_file(
        &self,
        _directory: &str,
        _path: &str,
        _most_bytes: u64,
    ) -> Result<Opened, FileError> {
        Err(FileError::NoDirectory)
    }

    /// What lies at `path` in a directory that the binding grants; paths are those of
    /// [`open_file`](Self::open_file).
    ///
    /// # Errors
    ///
    /// Why nobody can tell; the guest hears it.
    fn file_status(&self, _directory: &str, _path: &str) -> Result<FileStatus, FileError> {
        Err(FileError::NoDirectory)
    }

    /// The entries of the directory at `path`, in any order, without `.` and `..`; paths are those of
    /// [`open_file`](Self::open_file). More than `most_bytes`, as [`listing_bytes`] counts, are not wanted.
    ///
    /// [`listing_bytes`]: crate::listing_bytes
    ///
    /// # Errors
    ///
    /// Why it cannot be listed; the guest hears it.
    fn list_directory(
        &self,
        _directory: &str,
        _path: &str,
        _most_bytes: u64,
    ) -> Result<Vec<DirectoryEntry>, FileError> {
        Err(FileError::NoDirectory)
    }
}

/// Encodes a call of the bound contract by its action and the JSON bytes of its fields. It needs nothing
/// but the binding, so a replay encodes anew and does not believe the transcript.
pub type CallEncoding = dyn Fn(&str, &[u8]) -> Result<EncodedCall, BuildError> + Send + Sync;

/// A request that left the allow-list check: the address is absolute and inside a grant.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct HttpRequest {
    /// Upper-case method.
    #[n(0)]
    pub method: String,
    /// Absolute address.
    #[n(1)]
    pub url: String,
    /// Names and values in the guest's order; never `host` or a hop-by-hop header.
    #[n(2)]
    pub headers: Vec<(String, String)>,
    /// Bytes to send.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub body: Option<Vec<u8>>,
}

impl HttpRequest {
    /// Bytes of method, address, headers and body together: what counts towards a grant's
    /// `request-bytes`.
    pub fn size(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(n, v)| n.len() + v.len()).sum();
        let body = self.body.as_ref().map_or(0, Vec::len);
        (self.method.len() + self.url.len() + headers + body) as u64
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct HttpResponse {
    /// Status code.
    #[n(0)]
    pub status: u16,
    /// Names and values in the server's order.
    #[n(1)]
    pub headers: Vec<(String, String)>,
    /// The body.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// Bytes of headers and body together: what counts towards `http-response-bytes`.
    pub fn size(&self) -> u64 {
        let headers: usize = self.headers.iter().map(|(n, v)| n.len() + v.len()).sum();
        (headers + self.body.len()) as u64
    }
}

/// How much a fetch may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of headers and body.
    pub response_bytes: u64,
    /// From the resolution of the name to the end of the answer: what the grant gives, or what is left
    /// until the run's wall clock ends if that is less.
    pub timeout: Duration,
}

/// Why a fetch failed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(flat)]
pub enum HttpError {
    /// The binding does not allow it; names host and reason.
    #[n(0)]
    #[error("denied: {0}")]
    Denied(#[n(0)] String),
    /// The name does not resolve.
    #[n(1)]
    #[error("name resolution: {0}")]
    Dns(#[n(0)] String),
    /// No connection.
    #[n(2)]
    #[error("connection: {0}")]
    Connect(#[n(0)] String),
    /// No trusted connection.
    #[n(3)]
    #[error("TLS: {0}")]
    Tls(#[n(0)] String),
    /// The time was up.
    #[n(4)]
    #[error("no answer in time")]
    Timeout,
    /// More than this many bytes.
    #[n(5)]
    #[error("answer larger than the {0} bytes that it may have")]
    TooLarge(#[n(0)] u64),
    /// Request or answer is no valid HTTP.
    #[n(6)]
    #[error("invalid: {0}")]
    Invalid(#[n(0)] String),
}

/// An encoded call of the bound contract, not yet signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EncodedCall {
    /// keccak256 of `bytes` on an EVM ledger; the chain kind's own digest elsewhere.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// The call as the chain reads it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// Why a call could not be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(flat)]
pub enum BuildError {
    /// The binding's schema has no such action.
    #[n(0)]
    #[error("the binding's schema has no action `{0}`")]
    UnknownAction(#[n(0)] String),
    /// A field does not fit.
    #[n(1)]
    #[error("field `{path}`: expected {expected}, found {found}")]
    Field {
        /// Dotted path from the action's fields.
        #[n(0)]
        path: String,
        /// What the schema asks for.
        #[n(1)]
        expected: String,
        /// What the guest gave.
        #[n(2)]
        found: String,
    },
    /// Manifest or binding do not give the ledger.
    #[n(2)]
    #[error("not granted: {0}")]
    NotGranted(#[n(0)] String),
}

/// Signature algorithms of a keychain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyAlgorithm {
    /// RFC 8032.
    #[n(0)]
    Ed25519,
    /// SEC 2, low-s.
    #[n(1)]
    EcdsaSecp256k1,
}

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PublicKey {
    /// What signs.
    #[n(0)]
    pub algorithm: KeyAlgorithm,
    /// 32 bytes for Ed25519, the compressed point for secp256k1.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// Why a key did not serve.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(flat)]
pub enum KeyError {
    /// The vault has no such key.
    #[n(0)]
    #[error("no key `{0}`")]
    UnknownKey(#[n(0)] String),
    /// Manifest or binding do not give it.
    #[n(1)]
    #[error("key `{0}` is not granted")]
    NotGranted(#[n(0)] String),
    /// A limit of the key is spent.
    #[n(2)]
    #[error("limit: {0}")]
    Limit(#[n(0)] String),
}
