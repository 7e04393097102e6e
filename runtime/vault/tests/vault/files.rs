use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cryptlet_vault::{
    Algorithm, Cost, KeystoreError, Passphrase, Purpose, Randomness, RandomnessError, Vault,
    VaultError,
};

use crate::{Fixture, name, passphrase};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn lists_keys_by_name_without_a_passphrase() {
    let fixture = Fixture::new();
    assert_eq!(fixture.vault.list().unwrap(), []);
    let second = fixture.create("second", Purpose::Delivery);
    let first = fixture.create("first", Purpose::Attestation);
    assert_eq!(
        fixture.vault.list().unwrap(),
        [first.clone(), second.clone()]
    );

    assert_eq!((first.public.len(), first.address), (32, None));
    assert_eq!(second.public.len(), 33);
    assert!(second.address.is_some());
}

#[test]
fn another_process_finds_and_opens_the_same_keys() {
    let fixture = Fixture::new();
    let info = fixture.create("acme", Purpose::Account);
    let again = Vault::open(fixture.vault.folder()).unwrap();
    let unlocked = again.unlock_all(&passphrase()).unwrap();
    assert_eq!(unlocked.as_slice(), std::slice::from_ref(&info));
    assert_eq!(again.delegate().info("acme"), Ok(info));
}

#[test]
fn files_are_for_their_owner_alone_and_nothing_else_is_left() {
    let fixture = Fixture::new();
    fixture.create("acme", Purpose::Account);
    assert_eq!(mode(fixture.vault.folder()), 0o700);
    assert_eq!(mode(&fixture.file("acme")), 0o600);
    assert_eq!(fs::read_dir(fixture.vault.folder()).unwrap().count(), 1);
}

#[test]
fn makes_the_folders_above_it_as_private() {
    let fixture = Fixture::new();
    let above = fixture.folder.path().join("a");
    let vault = Vault::open(above.join("b/keys")).unwrap();
    vault
        .create(
            &name("acme"),
            Algorithm::Ed25519,
            Purpose::Guest,
            &passphrase(),
            Cost::Light,
        )
        .unwrap();
    for folder in [above.as_path(), &above.join("b"), &above.join("b/keys")] {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
}

#[test]
fn makes_no_folder_before_there_is_a_key() {
    let fixture = Fixture::new();
    assert_eq!(fixture.vault.list().unwrap(), []);
    assert!(!fixture.vault.folder().exists());
}

#[test]
fn refuses_a_folder_that_others_may_enter() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let error = Vault::open(folder.path()).unwrap_err();
    assert!(matches!(
        error,
        VaultError::OpenToOthers { mode: 0o755, .. }
    ));
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

#[test]
fn refuses_a_file_in_place_of_the_folder() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Vault::open(file.path()).unwrap_err();
    assert!(matches!(error, VaultError::System { action: "open", .. }));
}

#[test]
fn never_replaces_a_key() {
    let fixture = Fixture::new();
    fixture.create("acme", Purpose::Account);
    let before = fs::read(fixture.file("acme")).unwrap();
    let error = fixture
        .vault
        .create(
            &name("acme"),
            Algorithm::Ed25519,
            Purpose::Guest,
            &passphrase(),
            Cost::Light,
        )
        .unwrap_err();
    assert!(matches!(error, VaultError::Exists { .. }), "{error}");
    assert_eq!(fs::read(fixture.file("acme")).unwrap(), before);
}

#[test]
fn of_many_who_create_one_name_at_once_exactly_one_succeeds() {
    let fixture = Fixture::new();
    let others: Vec<Vault> = (0..8)
        .map(|_| Vault::open(fixture.vault.folder()).unwrap())
        .collect();
    let created: Vec<_> = std::thread::scope(|scope| {
        let attempts: Vec<_> = others
            .iter()
            .map(|vault| {
                scope.spawn(|| {
                    vault.create(
                        &name("acme"),
                        Algorithm::Secp256k1,
                        Purpose::Account,
                        &passphrase(),
                        Cost::Light,
                    )
                })
            })
            .collect();
        attempts
            .into_iter()
            .map(|attempt| attempt.join().unwrap())
            .collect()
    });
    let winners: Vec<_> = created.iter().flatten().cloned().collect();
    assert_eq!(fixture.vault.list().unwrap(), winners);
    assert_eq!(winners.len(), 1);
    for error in created.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(error, VaultError::Exists { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(fixture.vault.folder()).unwrap().count(), 1);
}

#[test]
fn a_key_that_took_the_place_of_another_is_the_one_that_is_unlocked() {
    let fixture = Fixture::new();
    let old = fixture.unlocked("acme", Purpose::Account);
    fs::remove_file(fixture.file("acme")).unwrap();
    let new = fixture.unlocked("acme", Purpose::Account);
    assert_ne!(new, old);
    assert_eq!(fixture.vault.delegate().info("acme"), Ok(new));
}

#[test]
fn passes_over_what_an_interrupted_writer_left() {
    let fixture = Fixture::new();
    let info = fixture.create("acme", Purpose::Account);
    fs::write(fixture.vault.folder().join(".new-x1y2.tmp"), "{\"addr").unwrap();
    assert_eq!(fixture.vault.list().unwrap(), [info]);
}

#[test]
fn a_wrong_passphrase_is_told_in_one_sentence() {
    let fixture = Fixture::new();
    fixture.create("acme", Purpose::Account);
    let wrong = Passphrase::new("wrong").unwrap();
    let error = fixture.vault.unlock(&name("acme"), &wrong).unwrap_err();
    assert!(matches!(error, VaultError::WrongPassphrase { .. }));
    let folder = fixture.vault.folder().display();
    assert_eq!(
        error.to_string(),
        format!("the passphrase does not open key `acme` in {folder}")
    );
    assert!(fixture.vault.delegate().info("acme").is_err());
}

#[test]
fn an_unknown_key_is_named_with_the_way_out() {
    let fixture = Fixture::new();
    let error = fixture
        .vault
        .unlock(&name("acme"), &passphrase())
        .unwrap_err();
    assert!(matches!(error, VaultError::Unknown { .. }));
    assert!(error.to_string().contains("cryptlet key new acme"));
}

#[test]
fn a_key_does_not_change_its_purpose_when_its_file_does() {
    let fixture = Fixture::new();
    fixture.create("acme", Purpose::Account);
    let text = fs::read_to_string(fixture.file("acme")).unwrap();
    let changed = text.replace("\"account\"", "\"delivery\"");
    assert_ne!(changed, text);
    fs::write(fixture.file("acme"), changed).unwrap();
    let error = fixture
        .vault
        .unlock(&name("acme"), &passphrase())
        .unwrap_err();
    assert!(
        matches!(
            error,
            VaultError::Keystore {
                source: KeystoreError::Altered { member: "cryptlet" },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_key_does_not_answer_to_another_name() {
    let fixture = Fixture::new();
    fixture.create("acme", Purpose::Account);
    fs::rename(fixture.file("acme"), fixture.file("other")).unwrap();
    let error = fixture
        .vault
        .unlock(&name("other"), &passphrase())
        .unwrap_err();
    assert!(matches!(error, VaultError::Misnamed { .. }), "{error}");
    assert!(error.to_string().contains("acme.json"), "{error}");
}

#[test]
fn a_wallets_file_is_not_taken_for_a_key_of_the_vault() {
    let fixture = Fixture::new();
    fixture.create("acme", Purpose::Account);
    let wallet = include_str!("../vectors/scrypt.json");
    fs::write(fixture.file("wallet"), wallet).unwrap();
    let error = fixture.vault.list().unwrap_err();
    assert!(matches!(error, VaultError::Foreign { .. }), "{error}");
    // The keys beside it still open.
    fixture.vault.unlock(&name("acme"), &passphrase()).unwrap();
}

#[test]
fn refuses_algorithms_that_do_not_suit_the_purpose() {
    let fixture = Fixture::new();
    for (purpose, algorithm) in [
        (Purpose::Attestation, Algorithm::Secp256k1),
        (Purpose::Delivery, Algorithm::Ed25519),
        (Purpose::Account, Algorithm::Ed25519),
        (Purpose::Counterparty, Algorithm::Ed25519),
        (Purpose::Witness, Algorithm::Secp256k1),
    ] {
        let error = fixture
            .vault
            .create(
                &name("acme"),
                algorithm,
                purpose,
                &passphrase(),
                Cost::Light,
            )
            .unwrap_err();
        assert!(matches!(error, VaultError::Unsuited { .. }), "{error}");
        assert!(!fixture.file("acme").exists());
    }
}

/// Yields one byte for ever, or nothing at all.
struct Broken(Option<u8>);

impl Randomness for Broken {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        let value = self.0.ok_or(RandomnessError::Unavailable {
            reason: "dried up".to_owned(),
        })?;
        bytes.fill(value);
        Ok(())
    }
}

#[test]
fn makes_no_key_without_good_randomness() {
    for (source, expected) in [
        (None, "dried up"),
        (Some(0), "repeats itself"),
        (Some(7), "repeats itself"),
    ] {
        let fixture = Fixture::new();
        let vault = Vault::open(fixture.folder.path().join("other"))
            .unwrap()
            .with_randomness(Broken(source));
        let error = vault
            .create(
                &name("acme"),
                Algorithm::Ed25519,
                Purpose::Guest,
                &passphrase(),
                Cost::Light,
            )
            .unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(vault.list().unwrap(), []);
    }
}

#[test]
fn every_new_key_differs() {
    let fixture = Fixture::new();
    let first = fixture.create("first", Purpose::Account);
    let second = fixture.create("second", Purpose::Account);
    assert_ne!(first.public, second.public);
}
