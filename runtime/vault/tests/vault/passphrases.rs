use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use cryptlet_vault::{MAX_PASSPHRASE_BYTES, Passphrase, PassphraseError, Purpose};

use crate::{Fixture, PASSPHRASE, name};

/// A file that holds `content`, and the folder that goes with the test.
fn file(content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passphrase");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    (folder, path)
}

fn descriptor(of: &impl AsRawFd) -> u32 {
    of.as_raw_fd().try_into().unwrap()
}

/// Whether `passphrase` is [`PASSPHRASE`], seen from outside.
fn opens(passphrase: &Passphrase) -> bool {
    let fixture = Fixture::new();
    fixture.create("acme", Purpose::Account);
    fixture.vault.unlock(&name("acme"), passphrase).is_ok()
}

#[test]
fn a_file_may_end_its_line_in_any_way() {
    for ending in ["", "\n", "\r\n"] {
        let (_folder, path) = file(format!("{PASSPHRASE}{ending}"));
        assert!(opens(&Passphrase::from_file(path).unwrap()), "{ending:?}");
    }
}

#[test]
fn spaces_belong_to_the_passphrase() {
    let (_folder, path) = file(format!(" {PASSPHRASE}\n"));
    assert!(!opens(&Passphrase::from_file(path).unwrap()));
}

#[test]
fn a_descriptor_may_be_a_pipe_or_a_file() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writeln!(writer, "{PASSPHRASE}").unwrap();
    drop(writer);
    assert!(opens(&Passphrase::from_fd(descriptor(&reader)).unwrap()));

    let (_folder, path) = file(PASSPHRASE);
    let opened = fs::File::open(path).unwrap();
    assert!(opens(&Passphrase::from_fd(descriptor(&opened)).unwrap()));
}

#[test]
fn a_descriptor_that_is_not_open_is_named() {
    let error = Passphrase::from_fd(987_654).unwrap_err();
    assert!(matches!(error, PassphraseError::Unreadable { .. }));
    assert!(error.to_string().contains("file descriptor 987654"));
}

#[test]
fn a_missing_file_is_named() {
    let error = Passphrase::from_file("/no/such/file").unwrap_err();
    assert!(error.to_string().contains("/no/such/file"), "{error}");
}

#[test]
fn a_file_that_every_user_can_read_is_refused() {
    let (_folder, path) = file(PASSPHRASE);
    for (mode, accepted) in [(0o644, false), (0o604, false), (0o640, true), (0o400, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        match Passphrase::from_file(&path) {
            Ok(_) => assert!(accepted, "{mode:o}"),
            Err(error) => {
                assert!(!accepted, "{mode:o}");
                assert!(matches!(error, PassphraseError::OpenToOthers { .. }));
                assert!(error.to_string().contains("chmod 600"), "{error}");
            }
        }
    }
}

#[test]
fn refuses_what_is_not_one_line_of_text() {
    let longest = "x".repeat(MAX_PASSPHRASE_BYTES);
    let too_long = "x".repeat(MAX_PASSPHRASE_BYTES + 1);
    let far_too_long = "x".repeat(1_000_000);
    let cases: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"\r\n", "empty"),
        (b"one\ntwo\n", "more than one line"),
        (b"one\n\n", "more than one line"),
        (b"one\rtwo", "more than one line"),
        (b"\xff\xfe", "UTF-8"),
        (too_long.as_bytes(), "longer than 1024"),
        (far_too_long.as_bytes(), "longer than 1024"),
    ];
    for (content, says) in cases {
        let (_folder, path) = file(content);
        let error = Passphrase::from_file(path).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert!(!error.contains("one\n") && !error.contains("xxx"));
    }
    let (_folder, path) = file(longest);
    Passphrase::from_file(path).unwrap();
}
