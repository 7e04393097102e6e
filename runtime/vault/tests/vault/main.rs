//! What a vault promises to those who use it.

mod files;
mod passphrases;
mod signing;

use cryptlet_vault::{Algorithm, Cost, KeyInfo, KeyName, Passphrase, Purpose, SecretKey, Vault};

const PASSPHRASE: &str = "correct horse battery staple";

/// A vault in a folder that is gone when the test is over.
struct Fixture {
    folder: tempfile::TempDir,
    vault: Vault,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path().join("keys")).unwrap();
        Self { folder, vault }
    }

    fn create(&self, key: &str, purpose: Purpose) -> KeyInfo {
        self.vault
            .create(
                &name(key),
                purpose.default_algorithm(),
                purpose,
                &passphrase(),
                Cost::Light,
            )
            .unwrap()
    }

    fn unlocked(&self, key: &str, purpose: Purpose) -> KeyInfo {
        let info = self.create(key, purpose);
        self.vault.unlock(&name(key), &passphrase()).unwrap();
        info
    }

    fn imported(&self, key: &str, algorithm: Algorithm, purpose: Purpose, secret: &str) {
        let mut bytes = [0; 32];
        hex::decode_to_slice(secret, &mut bytes).unwrap();
        let secret = SecretKey::from_bytes(algorithm, &bytes).unwrap();
        self.vault
            .import(&name(key), secret, purpose, &passphrase(), Cost::Light)
            .unwrap();
        self.vault.unlock(&name(key), &passphrase()).unwrap();
    }

    fn file(&self, key: &str) -> std::path::PathBuf {
        self.vault.folder().join(format!("{key}.json"))
    }
}

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE).unwrap()
}
