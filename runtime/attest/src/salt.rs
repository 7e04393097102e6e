//! Digests of private values, which nobody can guess from a public receipt.

use crate::Digest;
use crate::digest::{Domain, domain};
use std::fmt;
use zeroize::ZeroizeOnDrop;

static FIELD_SALT: Domain = domain!("field-salt");
static FIELD: Domain = domain!("field");

/// The secret of one run under which its input, transcript, reply and outputs are
/// digested. It stays with the transcript. A new one for every run: the same value
/// then has another digest in every receipt.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Takes 32 bytes from a cryptographic random number generator.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret, for whoever stores it beside the transcript.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of the value `bytes` of the field `field`.
    ///
    /// # Example
    ///
    /// ```
    /// use cryptlet_attest::{Opening, Salt};
    ///
    /// let salt = Salt::from_bytes([7; 32]);
    /// let published = salt.digest("input", b"secret terms");
    ///
    /// // Later, for one auditor and one field:
    /// let opening = Opening::new(&salt, "input", b"secret terms".to_vec());
    /// assert!(opening.opens(&published));
    /// ```
    pub fn digest(&self, field: &str, bytes: &[u8]) -> Digest {
        self.field(field).digest(field, bytes)
    }

    /// The secret of one field. Whoever has it can check that field's value and
    /// learns nothing about any other.
    pub fn field(&self, field: &str) -> FieldSalt {
        FieldSalt(FIELD_SALT.digest([&self.0[..], field.as_bytes()]).into())
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Salt(redacted)")
    }
}

/// The secret of one field of one run; see [`Salt::field`].
#[derive(Clone, ZeroizeOnDrop)]
pub struct FieldSalt([u8; 32]);

impl FieldSalt {
    /// Takes 32 bytes that an opening carried.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret, for the opening that carries it to an auditor.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of the value `bytes` of the field `field`.
    pub fn digest(&self, field: &str, bytes: &[u8]) -> Digest {
        FIELD.digest([&self.0[..], field.as_bytes(), bytes])
    }
}

impl fmt::Debug for FieldSalt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FieldSalt(redacted)")
    }
}

/// One field shown to one auditor: its name, its secret and its value.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The field's name, for example `input`.
    pub field: String,
    /// The field's own secret.
    pub salt: FieldSalt,
    /// The value.
    pub bytes: Vec<u8>,
}

impl Opening {
    /// Opens the value `bytes` of `field`.
    pub fn new(salt: &Salt, field: &str, bytes: Vec<u8>) -> Self {
        Self {
            field: field.to_owned(),
            salt: salt.field(field),
            bytes,
        }
    }

    /// Whether the value is the one that `published` covers.
    pub fn opens(&self, published: &Digest) -> bool {
        self.salt.digest(&self.field, &self.bytes) == *published
    }
}
