//! What a lock file says of every package.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::BuildError;

/// Where `Cargo.lock` says that packages of crates.io are from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package of `Cargo.lock`.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct LockedPackage {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) source: Option<String>,
    /// SHA-256 of the archive that a registry serves.
    pub(crate) checksum: Option<String>,
}

/// Where a package is from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// This disk.
    Path,
    CratesIo,
    /// Another registry.
    Registry(&'a str),
    /// A commit of a repository.
    Git {
        repository: &'a str,
        commit: &'a str,
    },
}

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<LockedPackage>,
}

/// Every package of the lock file at `path`, sorted as cargo sorts them.
pub(crate) fn read(path: &Path) -> Result<Vec<LockedPackage>, BuildError> {
    let text = fs::read_to_string(path).map_err(BuildError::file("read", path))?;
    toml::from_str(&text)
        .map(|file: LockFile| file.package)
        .map_err(|error| BuildError::LockFile {
            path: path.to_owned(),
            reason: error.message().to_owned(),
        })
}

impl LockedPackage {
    pub(crate) fn origin(&self) -> Origin<'_> {
        let Some(source) = self.source.as_deref() else {
            return Origin::Path;
        };
        if source == CRATES_IO {
            return Origin::CratesIo;
        }
        match source
            .strip_prefix("git+")
            .and_then(|git| git.rsplit_once('#'))
        {
            Some((repository, commit)) => Origin::Git { repository, commit },
            None => Origin::Registry(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(source: Option<&str>) -> LockedPackage {
        LockedPackage {
            name: "p".to_owned(),
            version: "1.0.0".to_owned(),
            source: source.map(str::to_owned),
            checksum: None,
        }
    }

    #[test]
    fn knows_where_a_package_is_from() {
        assert_eq!(package(None).origin(), Origin::Path);
        assert_eq!(package(Some(CRATES_IO)).origin(), Origin::CratesIo);
        assert_eq!(
            package(Some("sparse+https://example.org/index/")).origin(),
            Origin::Registry("sparse+https://example.org/index/")
        );
        assert_eq!(
            package(Some("git+https://example.org/p?branch=main#0123")).origin(),
            Origin::Git {
                repository: "https://example.org/p?branch=main",
                commit: "0123"
            }
        );
    }
}
