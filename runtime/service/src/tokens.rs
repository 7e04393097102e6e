//! Who may use the API: names, roles and hashes of tokens, in `tokens.toml` of the state folder.
//!
//! A token is 32 random bytes, shown once. The file holds its BLAKE3 hash, so that reading it gives
//! nobody access; a hash that is slow to compute would add nothing, for the bytes cannot be guessed.
//! The service looks at the file before every request that it has changed since, so that a token is
//! good from when it was made until when it was revoked.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cryptlet_fabric::journal::{self, JournalError};
use cryptlet_fabric::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use utoipa::ToSchema;

use crate::private_file;

/// What a token begins with, so that scanners for leaked secrets can tell one.
const PREFIX: &str = "cfa_";
/// The token that the first `cryptlet serve` makes.
const OPERATOR: &str = "operator";

/// What the holder of a token may do; each may do what those before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Read everything that the API shows.
    Auditor,
    /// Send messages to bindings.
    Caller,
    /// Deploy, activate, promote, roll back, run again and pass over.
    Operator,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auditor => "auditor",
            Self::Caller => "caller",
            Self::Operator => "operator",
        })
    }
}

impl FromStr for Role {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Auditor, Self::Caller, Self::Operator]
            .into_iter()
            .find(|role| role.to_string() == text)
            .ok_or_else(|| TokenError::Role(text.into()))
    }
}

/// What a token is known by: 1 to 64 of `a-z A-Z 0-9 . _ -`. It stands in receipts as the sender.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct TokenName(String);

impl TokenName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for TokenName {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed =
            |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(TokenError::Name(text.into()))
        }
    }
}

impl TryFrom<String> for TokenName {
    type Error = TokenError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TokenName> for String {
    fn from(name: TokenName) -> Self {
        name.0
    }
}

/// A token itself. It is shown once, to whoever made it.
pub struct Token(String);

impl Token {
    fn draw() -> Result<Self, TokenError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| TokenError::Randomness(error.to_string()))?;
        Ok(Self(format!("{PREFIX}{}", hex::encode(bytes))))
    }

    /// The token as it goes into an `Authorization: Bearer` header.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// A token as `cryptlet token ls` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TokenInfo {
    /// What it is known by.
    pub name: TokenName,
    /// What its holder may do.
    pub role: Role,
    /// When it was made; milliseconds since 1970-01-01T00:00:00Z.
    pub made_at: u64,
}

/// Something is wrong with the tokens of a state folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a name.
    #[error(
        "\"{0}\" is no name for a token; take 1 to 64 letters, digits, dots, hyphens or underscores"
    )]
    Name(String),
    /// Not a role.
    #[error("\"{0}\" is no role; take operator, caller or auditor")]
    Role(String),
    /// The name is taken.
    #[error("there is a token \"{0}\" already; revoke it first, or take another name")]
    Taken(TokenName),
    /// No such token.
    #[error("there is no token \"{0}\"; `cryptlet token ls` shows those there are")]
    Unknown(TokenName),
    /// The file is not understood.
    #[error("{path}: {reason}; correct it, or make the tokens anew")]
    Document {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The state folder belongs to somebody else, or is not there.
    #[error(transparent)]
    Folder(#[from] JournalError),
    /// The file could not be read or written.
    #[error("cannot read or write {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There are no random bytes.
    #[error("the operating system gave no random bytes: {0}; try again")]
    Randomness(String),
}

/// The hash of a token; comparing two takes the same time wherever they differ.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(presented: &str) -> Self {
        Self(*blake3::hash(presented.as_bytes()).as_bytes())
    }
}

impl TryFrom<String> for TokenHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(&text, &mut bytes)
            .map_err(|error| format!("a hash is 64 hex digits: {error}"))?;
        Ok(Self(bytes))
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> Self {
        hex::encode(hash.0)
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    role: Role,
    hash: TokenHash,
    made_at: u64,
}

/// The tokens of a state folder.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tokens {
    #[serde(default)]
    tokens: BTreeMap<TokenName, Entry>,
}

impl Tokens {
    /// The file's place in a state folder.
    #[must_use]
    pub fn path(state: &Path) -> PathBuf {
        state.join("tokens.toml")
    }

    /// Reads the tokens of a state folder; none if there is no file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not understood.
    pub fn read(state: &Path) -> Result<Self, TokenError> {
        let path = Self::path(state);
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|error| TokenError::Document {
                path,
                reason: error.message().trim().replace('\n', " "),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(TokenError::File { path, source }),
        }
    }

    /// Whose token this is, if it is anybody's. Every hash is compared, whichever fits.
    #[must_use]
    pub fn identify(&self, presented: &str) -> Option<(&TokenName, Role)> {
        let hash = TokenHash::of(presented);
        let mut found = None;
        for (name, entry) in &self.tokens {
            if bool::from(entry.hash.0.ct_eq(&hash.0)) {
                found = Some((name, entry.role));
            }
        }
        found
    }

    /// What this token is told from others by, if there is one of this name.
    pub(crate) fn hash(&self, name: &TokenName) -> Option<[u8; 32]> {
        self.tokens.get(name).map(|entry| entry.hash.0)
    }

    fn write(&self, state: &Path) -> Result<(), TokenError> {
        let path = Self::path(state);
        let text = toml::to_string(self).expect("names, roles and hashes have a TOML form");
        private_file::replace(&path, text.as_bytes())
            .map_err(|source| TokenError::File { path, source })
    }

    fn add(&mut self, name: TokenName, role: Role) -> Result<Token, TokenError> {
        let token = Token::draw()?;
        let entry = Entry {
            role,
            hash: TokenHash::of(token.reveal()),
            made_at: SystemClock.now(),
        };
        self.tokens.insert(name, entry);
        Ok(token)
    }
}

/// Makes a token. A running service knows it at once.
///
/// # Errors
///
/// If the name is taken, or the file cannot be read or written.
pub fn make(state: &Path, name: &TokenName, role: Role) -> Result<Token, TokenError> {
    let _lock = lock(state)?;
    let mut tokens = Tokens::read(state)?;
    if tokens.tokens.contains_key(name) {
        return Err(TokenError::Taken(name.clone()));
    }
    let token = tokens.add(name.clone(), role)?;
    tokens.write(state)?;
    Ok(token)
}

/// Every token by name, without itself.
///
/// # Errors
///
/// If the file cannot be read or is not understood.
pub fn list(state: &Path) -> Result<Vec<TokenInfo>, TokenError> {
    let shown = |(name, entry): (TokenName, Entry)| TokenInfo {
        name,
        role: entry.role,
        made_at: entry.made_at,
    };
    Ok(Tokens::read(state)?.tokens.into_iter().map(shown).collect())
}

/// Makes a token worthless. A running service refuses it at once.
///
/// # Errors
///
/// If there is none of this name, or the file cannot be read or written.
pub fn revoke(state: &Path, name: &TokenName) -> Result<(), TokenError> {
    let _lock = lock(state)?;
    let mut tokens = Tokens::read(state)?;
    if tokens.tokens.remove(name).is_none() {
        return Err(TokenError::Unknown(name.clone()));
    }
    tokens.write(state)
}

/// The file that holds the operator's own token in a state folder.
#[must_use]
pub fn operator_token_path(state: &Path) -> PathBuf {
    state.join("operator.token")
}

/// Makes the operator's own token unless its file is there and holds one that is good. Returns
/// whether it made one.
///
/// A restored state folder has hashes but not this file; the token that it held is replaced. The
/// file of a revoked token is replaced unless another token has the operator's name by now.
///
/// # Errors
///
/// If a file cannot be read or written.
pub fn ensure_operator(state: &Path) -> Result<bool, TokenError> {
    let _lock = lock(state)?;
    let path = operator_token_path(state);
    let mut tokens = Tokens::read(state)?;
    let name = OPERATOR.parse()?;
    match std::fs::read_to_string(&path) {
        Ok(held) if tokens.identify(held.trim()).is_some() => return Ok(false),
        Ok(_) if tokens.tokens.contains_key(&name) => {
            tracing::warn!(
                path = %path.display(),
                "the file holds a token that was revoked, and another token is named \"{OPERATOR}\"; put that one into the file, or remove the file and start again to have both replaced"
            );
            return Ok(false);
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(TokenError::File { path, source }),
    }
    let token = tokens.add(name, Role::Operator)?;
    // The hash first: a file with a token that opens nothing would be kept for ever.
    tokens.write(state)?;
    private_file::replace(&path, format!("{}\n", token.reveal()).as_bytes())
        .map_err(|source| TokenError::File { path, source })?;
    Ok(true)
}

/// Keeps two commands from writing the file at once; released when dropped.
fn lock(state: &Path) -> Result<File, TokenError> {
    // What another user writes, the service cannot read.
    journal::check_owner(state)?;
    let path = state.join("tokens.lock");
    File::create(&path)
        .and_then(|file| file.lock().map(|()| file))
        .map_err(|source| TokenError::File { path, source })
}

#[cfg(test)]
mod tests;
