//! What a person who tries the `cryptlet` command finds on disk.

use std::fs;
use std::path::{Path, PathBuf};

use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context as _, Result};
use cryptlet_attest::Measurement;
use cryptlet_vault::{Algorithm, Cost, KeyName, Passphrase, Purpose, SecretKey, Vault};
use end_to_end::components::shipped;
use end_to_end::{World, margin, world};
use url::Url;

/// The versions of the cryptlet of the second binding.
pub struct MarginAccount {
    first: Vec<u8>,
    patch: Vec<u8>,
    migrating: Vec<u8>,
}

impl MarginAccount {
    const FILES: [&str; 3] = [
        "margin-account-1.0.0.wasm",
        "margin-account-1.0.1.wasm",
        "margin-account-1.1.0.wasm",
    ];

    /// Reads them where the other components lie.
    pub fn read() -> Result<Self> {
        let [first, patch, migrating] = Self::FILES;
        Ok(Self {
            first: shipped(first)?,
            patch: shipped(patch)?,
            migrating: shipped(migrating)?,
        })
    }
}

/// The devnet's folder.
pub struct Folder(PathBuf);

impl Folder {
    /// At this path.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The state folder, where `cryptlet` looks for it by itself.
    pub fn state(&self) -> PathBuf {
        self.0.join(".cryptlet")
    }

    /// Writes what there is to work with.
    pub fn fill(&self, world: &World, margin_account: &MarginAccount) -> Result<()> {
        let passphrase = self.0.join("passphrase");
        fs::rename(world::passphrase_file(&self.state()), &passphrase)?;
        let passphrase = Passphrase::from_file(passphrase)?;
        margin::make_key(&self.state(), &passphrase)?;
        self.keep_wallet("acme", &world.acme, &passphrase)?;
        self.keep_wallet("globex", &world.globex, &passphrase)?;
        fs::write(self.0.join("binding.toml"), world.binding.to_toml())?;
        let first = Measurement::of(&margin_account.first);
        let margin = margin::binding(world, margin::CRYPTLET, margin::MESSAGE, first)?;
        fs::write(self.0.join("margin.toml"), margin.to_toml())?;
        let components = self.0.join("components");
        fs::create_dir(&components)?;
        for (name, bytes) in [
            (
                "reference-rate-1.0.0.wasm",
                &world.components.reference_rate,
            ),
            ("interest-rate-swap-1.0.0.wasm", &world.components.swap),
            ("interest-rate-swap-1.1.0.wasm", &world.components.swap_next),
            (MarginAccount::FILES[0], &margin_account.first),
            (MarginAccount::FILES[1], &margin_account.patch),
            (MarginAccount::FILES[2], &margin_account.migrating),
        ] {
            fs::write(components.join(name), bytes)?;
        }
        Ok(())
    }

    /// Leaves the addresses of the node and of the control endpoint.
    pub fn announce(&self, node: &Url, control: &str) -> Result<()> {
        for (name, address) in [("node", node.as_str()), ("control", control)] {
            let path = self.0.join(name);
            fs::write(&path, address)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }

    /// One of the node's accounts, whose keys everybody knows, as a party would keep its own.
    fn keep_wallet(
        &self,
        party: &str,
        wallet: &PrivateKeySigner,
        passphrase: &Passphrase,
    ) -> Result<()> {
        let name: KeyName = party.parse()?;
        let secret = SecretKey::from_bytes(Algorithm::Secp256k1, &wallet.to_bytes().0)?;
        let folder = self.0.join(party);
        fs::create_dir(&folder)?;
        Vault::open(folder.join("keys"))?.import(
            &name,
            secret,
            Purpose::Counterparty,
            passphrase,
            Cost::Light,
        )?;
        Ok(())
    }
}
