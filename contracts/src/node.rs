//! An Ethereum node of one's own, for tests and demonstrations: anvil, started on a free port of this machine and
//! stopped when the value is dropped.
//!
//! It promises nothing about a real chain's fees, finality or load. Keys of its accounts are public knowledge.

use std::{
    env,
    path::{Path, PathBuf},
};

use alloy::{
    network::EthereumWallet,
    node_bindings::{Anvil, AnvilInstance},
    primitives::Address,
    signers::local::PrivateKeySigner,
    transports::http::reqwest::Url,
};
use thiserror::Error;

/// How long a node may take to listen; a machine that compiles beside it can be slow.
const PATIENCE_MILLISECONDS: u64 = 60_000;

/// Names the binary; wins over every other place.
const VARIABLE: &str = "ANVIL";

/// What the node starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// The chain id.
    pub chain: u64,
    /// Seconds since 1970 of the first block. Later blocks follow the clock from there.
    pub genesis: u64,
}

impl Default for NodeSettings {
    /// Chain 31337, beginning on 2006-01-01.
    fn default() -> Self {
        Self {
            chain: 31_337,
            genesis: 1_136_073_600,
        }
    }
}

/// Why no node runs.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The binary was not found.
    #[error(
        "anvil was not found, neither at {} of the repository nor in a folder of PATH; run `cargo xtask test`, which installs it, or let {VARIABLE} name the binary",
        installed.display()
    )]
    NotFound {
        /// Where it would be, below the repository's root.
        installed: PathBuf,
    },
    /// The environment names a binary that is no file.
    #[error("{VARIABLE} names {}, which is not a file; correct it, or unset it and run `cargo xtask test`", path.display())]
    WrongPath {
        /// What the environment names.
        path: PathBuf,
    },
    /// The binary did not become a node.
    #[error("{} did not start: {reason}; `cargo xtask test` installs the version that this project is tested with", path.display())]
    NotStarted {
        /// The binary.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// A running node. It mines a block for every transaction, and marks a block safe when 4 others
/// follow it, and finalized when 8 do.
#[derive(Debug)]
pub struct Node {
    anvil: AnvilInstance,
    chain: u64,
    keys: Vec<PrivateKeySigner>,
}

impl Node {
    /// Starts a node and waits until it listens.
    ///
    /// # Errors
    ///
    /// If anvil is not found, or does not listen within a minute.
    pub fn start(settings: NodeSettings) -> Result<Self, NodeError> {
        let path = find()?;
        let anvil = Anvil::at(&path)
            .host("127.0.0.1")
            .chain_id(settings.chain)
            .args(["--timestamp", &settings.genesis.to_string()])
            .args(["--slots-in-an-epoch", "4"])
            .timeout(PATIENCE_MILLISECONDS)
            .try_spawn()
            .map_err(|error| NodeError::NotStarted {
                path,
                reason: error.to_string(),
            })?;
        let keys = anvil
            .keys()
            .iter()
            .map(|key| PrivateKeySigner::from(key.clone()))
            .collect();
        Ok(Self {
            anvil,
            chain: settings.chain,
            keys,
        })
    }

    /// Where it answers JSON-RPC over HTTP.
    pub fn url(&self) -> Url {
        self.anvil.endpoint_url()
    }

    /// Its chain id.
    pub fn chain(&self) -> u64 {
        self.chain
    }

    /// Accounts that own 10,000 ether each.
    pub fn accounts(&self) -> &[Address] {
        self.anvil.addresses()
    }

    /// The keys of [`accounts`](Self::accounts), in the same order. The same on every node: never fund them elsewhere.
    pub fn keys(&self) -> &[PrivateKeySigner] {
        &self.keys
    }

    /// All keys as a wallet; the first account sends what does not say otherwise.
    pub fn wallet(&self) -> EthereumWallet {
        let mut keys = self.keys.iter().cloned();
        let mut wallet = keys.next().map(EthereumWallet::new).unwrap_or_default();
        for key in keys {
            wallet.register_signer(key);
        }
        wallet
    }
}

/// Finds the anvil binary: what `ANVIL` names; else `target/tools` of the repository that this crate or the current
/// folder lies in; else the search path.
///
/// # Errors
///
/// If there is none.
pub fn find() -> Result<PathBuf, NodeError> {
    find_unless_named(env::var_os(VARIABLE).map(PathBuf::from))
}

fn find_unless_named(named: Option<PathBuf>) -> Result<PathBuf, NodeError> {
    if let Some(path) = named {
        return if path.is_file() {
            Ok(path)
        } else {
            Err(NodeError::WrongPath { path })
        };
    }
    let binary = format!("anvil{}", env::consts::EXE_SUFFIX);
    let installed = Path::new("target/tools/node_modules/@foundry-rs")
        .join(platform_package())
        .join("bin")
        .join(&binary);
    let here = env::current_dir().unwrap_or_default();
    let search_path = env::var_os("PATH").unwrap_or_default();
    let repositories = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .chain(here.ancestors())
        .map(|folder| folder.join(&installed));
    let searched = env::split_paths(&search_path).map(|folder| folder.join(&binary));
    repositories
        .chain(searched)
        .find(|place| place.is_file())
        .ok_or(NodeError::NotFound { installed })
}

/// npm names platforms after Node.js and Go.
fn platform_package() -> String {
    let system = match env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let machine = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("anvil-{system}-{machine}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_path_in_the_environment_is_an_error_that_names_the_way_out() {
        let error = find_unless_named(Some("/no/such/anvil".into())).unwrap_err();

        assert!(matches!(error, NodeError::WrongPath { .. }));
        let message = error.to_string();
        assert!(message.contains("/no/such/anvil"), "{message}");
        assert!(message.contains("cargo xtask test"), "{message}");
    }

    #[test]
    fn a_named_binary_wins_over_an_installed_one() {
        let named = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");

        assert_eq!(find_unless_named(Some(named.clone())).unwrap(), named);
    }

    #[test]
    fn a_missing_binary_is_an_error_that_says_where_it_belongs() {
        let message = NodeError::NotFound {
            installed: "target/tools/anvil".into(),
        }
        .to_string();

        assert!(message.contains("target/tools/anvil"), "{message}");
        assert!(message.contains("cargo xtask test"), "{message}");
    }
}
