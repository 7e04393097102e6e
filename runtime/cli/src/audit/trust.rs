//! The keys that an auditor trusts: as text, or in a file.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use cryptlet_attest::log::WitnessKey;
use cryptlet_attest::{KeyError, TrustedKey};

use crate::failure::Failure;

/// Names a file with the keys that an auditor trusts, so that a command needs nothing else.
pub const TRUST_VARIABLE: &str = "CRYPTLET_TRUST";

/// Far above any list of keys.
const MOST_BYTES: u64 = 1 << 20;

/// Keys of logs and of witnesses.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    pub logs: Vec<TrustedKey>,
    pub witnesses: Vec<WitnessKey>,
}

impl Trust {
    /// All keys that an auditor trusts: those of the command line, and those of the file that
    /// [`TRUST_VARIABLE`] names.
    pub fn with(given: &[Self]) -> Result<Self, Failure> {
        let mut trust = Self::of_environment()?;
        for keys in given {
            trust.extend(keys);
        }
        Ok(trust)
    }

    /// The keys of logs among them, without which nothing is verified.
    pub fn logs_with(given: &[Self]) -> Result<Vec<TrustedKey>, Failure> {
        let logs = Self::with(given)?.logs;
        if logs.is_empty() {
            return Err(Failure::Usage(format!(
                "no key of a log is trusted; give the one that the operator publishes with --trust, or in the file that {TRUST_VARIABLE} names"
            )));
        }
        Ok(logs)
    }

    pub fn is_empty(&self) -> bool {
        self.logs.is_empty() && self.witnesses.is_empty()
    }

    /// Takes in what another source of keys names.
    fn extend(&mut self, other: &Self) {
        self.logs.extend(other.logs.iter().cloned());
        self.witnesses.extend(other.witnesses.iter().cloned());
    }

    /// The keys of the file that [`TRUST_VARIABLE`] names; none if it names none.
    fn of_environment() -> Result<Self, Failure> {
        let Some(file) = env::var_os(TRUST_VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let file = PathBuf::from(file);
        read_keys(&file).map_err(|reason| {
            Failure::Usage(format!(
                "{TRUST_VARIABLE} names {}: {reason}",
                file.display()
            ))
        })
    }
}

/// Reads a key, or the file that holds keys, one a line. What is a key is never looked for among
/// the files.
pub fn trust(text: &str) -> Result<Trust, String> {
    let refusal = match key(text) {
        Ok(trust) => return Ok(trust),
        Err(error) => error,
    };
    let path = Path::new(text);
    if !path.is_file() {
        return Err(if text.contains('+') {
            format!("{refusal}")
        } else {
            format!("{refusal}; and there is no file of that name")
        });
    }
    read_keys(path)
}

fn read_keys(path: &Path) -> Result<Trust, String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        .map_err(|error| format!("the file cannot be read: {error}"))?;
    let mut trust = Trust::default();
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        trust.extend(&key(line).map_err(|error| format!("the file holds no key: {error}"))?);
    }
    if trust.is_empty() {
        return Err(format!("the file holds no key: {}", KeyError::Format));
    }
    Ok(trust)
}

/// The key of a log or of a witness: the signature type in it says which.
fn key(text: &str) -> Result<Trust, KeyError> {
    let refusal = match text.parse() {
        Ok(log) => {
            return Ok(Trust {
                logs: vec![log],
                witnesses: Vec::new(),
            });
        }
        Err(error) => error,
    };
    text.parse().map_or(Err(refusal), |witness| {
        Ok(Trust {
            logs: Vec::new(),
            witnesses: vec![witness],
        })
    })
}
