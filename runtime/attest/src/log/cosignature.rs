//! What witnesses sign: [C2SP tlog-cosignature](https://c2sp.org/tlog-cosignature) v1.
//!
//! A cosignature says that at some time the checkpoint was the largest that the witness had
//! seen of this log, and that it extends all that it had signed before.

use super::checkpoint::{SignedCheckpoint, identity};
use super::key::{NoteKey, sign_checked};
use super::{CheckpointError, CheckpointKey, KeyError, MAXIMUM_CHECKPOINT, SigningError};
use serde::Serialize;
use signed_note::Signature;
use std::fmt;
use std::str::FromStr;

/// A cosignature with its time in a C2SP signed note.
const COSIGNATURE: u8 = 4;

/// Readers of signed notes take no more.
const MAXIMUM_SIGNATURES: usize = 100;

/// The key of a witness that an auditor trusts. Written `name+id+key`, like a log's
/// [`TrustedKey`](super::TrustedKey), but with the signature type 4, so that neither is
/// mistaken for the other.
#[derive(Clone, PartialEq, Eq)]
pub struct WitnessKey(NoteKey);

/// A witness has signed a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cosigned {
    /// The witness, as `name+id`.
    pub witness: String,
    /// When, by its own clock: seconds since 1970-01-01T00:00:00Z.
    #[serde(serialize_with = "crate::view::decimal")]
    pub seconds: u64,
}

/// Signs a checkpoint as the witness `name`, and returns the line to add to it, with its
/// newline. Whether the checkpoint extends earlier ones is the caller's to know. The
/// signature is verified before it is returned, unless the key
/// [needs no verification](CheckpointKey::needs_verification).
///
/// # Errors
///
/// If the note is not a checkpoint, `name` cannot name a key, or the key does not sign.
pub fn cosign(
    note: &str,
    name: &str,
    seconds: u64,
    key: &dyn CheckpointKey,
) -> Result<String, SigningError> {
    let refused = |error: &dyn fmt::Display| SigningError::new(error.to_string());
    let witness = WitnessKey::new(name, &key.public()).map_err(|error| refused(&error))?;
    let signed = SignedCheckpoint::parse(note).map_err(|error| refused(&error))?;
    let signature = sign_checked(key, &witness.0.public, &cosigned_text(seconds, signed.text))?;
    let timed = [&seconds.to_be_bytes()[..], &signature].concat();
    let line = Signature::new(name.to_owned(), witness.id(), timed)
        .map_err(|error| refused(&error))?
        .to_bytes();
    Ok(String::from_utf8(line).expect("a signature line consists of checked text"))
}

/// Which of `witnesses` have signed a checkpoint, in their order, each once, with the
/// latest time if one has signed several times. A public key under several names is one witness,
/// the first of them that has signed. Whether the log itself has signed is
/// another question, which [`open_checkpoint`](super::open_checkpoint) answers.
///
/// # Errors
///
/// If the note is not a checkpoint, or has a line under the name and id of one of
/// `witnesses` that this witness has not made.
pub fn cosigners(note: &str, witnesses: &[WitnessKey]) -> Result<Vec<Cosigned>, CheckpointError> {
    let signed = SignedCheckpoint::parse(note)?;
    let mut found = Vec::new();
    for (position, witness) in witnesses.iter().enumerate() {
        if witnesses[..position].contains(witness) {
            continue;
        }
        let mut latest = None;
        for line in signed.lines.iter().filter(|line| witness.is_named_by(line)) {
            latest = latest.max(Some(witness.verify(line, signed.text)?));
        }
        let is_counted = witnesses[..position].iter().any(|other| {
            other.public() == witness.public()
                && found
                    .iter()
                    .any(|one: &Cosigned| one.witness == other.identity())
        });
        if let (Some(seconds), false) = (latest, is_counted) {
            found.push(Cosigned {
                witness: witness.identity(),
                seconds,
            });
        }
    }
    Ok(found)
}

/// What of a witness' answer to take: those lines that are by one of `witnesses`. All
/// others are passed over, as strangers' signatures are.
///
/// # Errors
///
/// If the note is not a checkpoint, or one of these lines is false.
pub fn accept_cosignatures(
    note: &str,
    answer: &str,
    witnesses: &[WitnessKey],
) -> Result<String, CheckpointError> {
    let signed = SignedCheckpoint::parse(note)?;
    let mut accepted = String::new();
    for line in signature_lines(answer) {
        let Some(witness) = witnesses.iter().find(|key| key.is_named_by(&line)) else {
            continue;
        };
        witness.verify(&line, signed.text)?;
        accepted.push_str(&text_of(&line));
    }
    Ok(accepted)
}

/// Adds the lines of [`cosign`] to a checkpoint, each in place of an earlier one by the
/// same witness. Nothing is verified: take only what [`accept_cosignatures`] lets through.
///
/// Lines that are not cosignatures are left out, and so is whatever no reader would take
/// any more: beyond 100 signatures, or beyond the greatest size of a checkpoint.
pub fn add_cosignatures(note: &str, lines: &str) -> String {
    let Some((text, signatures)) = note.rsplit_once("\n\n") else {
        return note.to_owned();
    };
    let mut signatures: Vec<String> = signatures.lines().map(|line| format!("{line}\n")).collect();
    let mut length = note.len();
    for added in signature_lines(lines).filter(is_cosignature) {
        let by_the_same = |line: &String| {
            Signature::from_bytes(line.trim_end().as_bytes())
                .ok()
                .filter(|line| is_cosignature(line) && identity(line) == identity(&added))
        };
        let found = signatures
            .iter()
            .enumerate()
            .find_map(|(position, line)| Some((position, by_the_same(line)?)));
        let line = text_of(&added);
        match found {
            Some((_, later)) if time_of(&later) > time_of(&added) => {}
            Some((position, _)) => signatures[position] = line,
            None if signatures.len() == MAXIMUM_SIGNATURES => {}
            None if length + line.len() > MAXIMUM_CHECKPOINT => {}
            None => {
                length += line.len();
                signatures.push(line);
            }
        }
    }
    format!("{text}\n\n{}", signatures.concat())
}

impl WitnessKey {
    /// The key of the witness `name`.
    ///
    /// # Errors
    ///
    /// If `name` cannot name a key or `public` is not an Ed25519 public key.
    pub fn new(name: &str, public: &[u8; 32]) -> Result<Self, KeyError> {
        NoteKey::new(name, public, COSIGNATURE).map(Self)
    }

    /// The witness' name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The id that its cosignatures carry.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// The Ed25519 public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.public.to_bytes()
    }

    /// `name+id`: how the witness is named where its key is known.
    pub fn identity(&self) -> String {
        self.0.identity()
    }

    fn is_named_by(&self, line: &Signature) -> bool {
        line.name() == self.0.name && line.id() == self.0.id
    }

    /// When the witness signed, if it is the one that did.
    fn verify(&self, line: &Signature, text: &str) -> Result<u64, CheckpointError> {
        let timed = line.signature().split_first_chunk();
        timed
            .and_then(|(seconds, signature)| {
                let seconds = u64::from_be_bytes(*seconds);
                let message = cosigned_text(seconds, text);
                let verifies = self.0.verifies(&message, signature.try_into().ok()?);
                verifies.then_some(seconds)
            })
            .ok_or_else(|| CheckpointError::BadSignature {
                key: self.identity(),
            })
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for WitnessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WitnessKey({self})")
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        NoteKey::parse(text, COSIGNATURE).map(Self)
    }
}

/// What a witness signs of a checkpoint's text.
fn cosigned_text(seconds: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}

fn signature_lines(text: &str) -> impl Iterator<Item = Signature> {
    text.lines()
        .filter_map(|line| Signature::from_bytes(line.as_bytes()).ok())
}

/// Whether a note may have the line, and the line has room for a time and an Ed25519
/// signature, and no more.
fn is_cosignature(line: &Signature) -> bool {
    line.signature().len() == 8 + 64 && !line.name().chars().any(char::is_control)
}

/// The bytes of a cosignature's time, which are in the order of time.
fn time_of(line: &Signature) -> Option<&[u8; 8]> {
    line.signature().first_chunk()
}

fn text_of(line: &Signature) -> String {
    String::from_utf8(line.to_bytes()).expect("a signature line was read from text")
}
