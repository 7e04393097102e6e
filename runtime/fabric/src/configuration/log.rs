//! Section `[log]`: how the log is published and who watches it.

use std::path::{Path, PathBuf};

use cryptlet_attest::log::WitnessKey;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

/// Where the log is published, to whom, and who signs that it only grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Publication {
    /// The folder that the log is published in, from the state folder; any static file server can serve it.
    #[schema(value_type = String)]
    pub folder: PathBuf,
    /// Whether the service shows the log to callers without a token.
    pub public: bool,
    /// Witnesses that are asked to cosign each published checkpoint, each a table with its `url` and `key`.
    pub witnesses: Vec<Witness>,
}

/// One of `[[log.witnesses]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Witness {
    /// Where it takes checkpoints; `add-checkpoint` is put behind it.
    #[schema(value_type = String)]
    pub url: Url,
    /// What it signs with, as `name+id+key`.
    #[serde(with = "by_text")]
    #[schema(value_type = String)]
    pub key: WitnessKey,
}

impl Default for Publication {
    fn default() -> Self {
        Self {
            folder: "log".into(),
            public: true,
            witnesses: Vec::new(),
        }
    }
}

impl Publication {
    /// The folder of a fabric with this state folder.
    #[must_use]
    pub fn folder(&self, state: &Path) -> PathBuf {
        state.join(&self.folder)
    }

    /// The first key with a value that cannot be: the key, what is wrong, and the way out.
    pub(super) fn mistake(&self) -> Option<(&'static str, String, &'static str)> {
        if self.folder.as_os_str().is_empty() {
            return Some((
                "log.folder",
                "the state folder itself is private".into(),
                "name a folder in it, such as \"log\", or elsewhere",
            ));
        }
        for (position, witness) in self.witnesses.iter().enumerate() {
            if !matches!(witness.url.scheme(), "http" | "https") {
                return Some((
                    "log.witnesses",
                    format!("{} is no address of a witness", witness.url),
                    "begin it with https:// or http://",
                ));
            }
            let twice = |other: &Witness| other.key.name() == witness.key.name();
            if self.witnesses[..position].iter().any(twice) {
                return Some((
                    "log.witnesses",
                    format!("{} is there twice", witness.key.name()),
                    "keep one of them",
                ));
            }
        }
        None
    }
}

mod by_text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::WitnessKey;

    pub(super) fn serialize<S: Serializer>(
        key: &WitnessKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<WitnessKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
