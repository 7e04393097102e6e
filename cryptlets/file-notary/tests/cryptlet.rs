//! The cryptlet as its askers meet it, on a folder of the machine that tests.

use std::path::Path;

use cryptlet_schema::{Kind, Manifest};
use cryptlet_sdk::prelude::*;
use cryptlet_sdk::testing::Fixture;
use file_notary::{DIRECTORY, Digest, DocumentError, Notarize, Notarized, hash, notarize};
use proptest::prelude::*;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let place = folder.path().join(path);
        std::fs::create_dir_all(place.parent().expect("it lies in the folder")).expect("a folder");
        std::fs::write(place, content).expect("a file");
    }
    folder
}

#[test]
fn hashes_as_fips_180_4_does() {
    // The examples of the standard: no bytes, and "abc".
    let folder = folder(&[("empty", b""), ("2026/abc", b"abc")]);
    for (path, bytes, sha256) in [
        (
            "empty",
            0,
            "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            "2026/abc",
            3,
            "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
    ] {
        let digest = hash(folder.path(), path).expect("it can be read");
        assert_eq!(Bytes32::from(digest.sha256).to_string(), sha256);
        assert_eq!(digest.bytes, bytes);
    }
}

#[test]
fn the_document_of_the_case_hashes_to_what_the_case_expects() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/hashes-a-document");
    let digest = hash(&case.join("directories/documents"), "lease.txt").expect("it can be read");
    let expected = std::fs::read_to_string(case.join("expected.json")).expect("it is there");
    let sha256 = Bytes32::from(digest.sha256).to_string();
    assert!(expected.contains(&sha256), "{sha256}");
}

#[test]
fn a_path_that_is_not_made_of_plain_names_is_refused() {
    let folder = folder(&[("inside/a", b"a")]);
    for path in ["", ".", "..", "../a", "/etc/passwd", "inside/../../a"] {
        let refusal = hash(folder.path(), path);
        assert!(
            matches!(&refusal, Err(DocumentError::Path(shown)) if shown == path),
            "{path}: {refusal:?}"
        );
    }
}

#[test]
fn each_reason_has_a_code() {
    let folder = folder(&[("inside/a", b"a")]);
    let code = |path: &str| {
        let error = hash(folder.path(), path).expect_err(path);
        Error::from(error).code().to_owned()
    };
    assert_eq!(code("../a"), "invalid-path");
    assert_eq!(code("missing"), "no-such-file");
    assert_eq!(code("inside"), "not-a-file");
    assert_eq!(code("inside/a/b"), "not-readable");
}

#[test]
fn without_the_directory_it_says_that_there_is_no_such_file() {
    let asked = Notarize {
        path: "surely/not/on/this/machine".to_owned(),
    };
    let run = Fixture::utility().asked(&asked).run(notarize);
    assert_eq!(run.failure().code(), "no-such-file");
}

proptest! {
    #[test]
    fn a_document_and_its_length_are_told_from_every_other(
        one in prop::collection::vec(any::<u8>(), 0..100_000),
        other in prop::collection::vec(any::<u8>(), 0..100_000),
    ) {
        let folder = folder(&[("one", &one), ("other", &other), ("again", &one)]);
        let digest = |path| hash(folder.path(), path).expect("it can be read");
        prop_assert_eq!(digest("one"), digest("again"));
        prop_assert_eq!(digest("one") == digest("other"), one == other);
        let Digest { bytes, .. } = digest("one");
        prop_assert_eq!(bytes, one.len() as u64);
    }
}

#[test]
fn the_manifest_promises_what_the_code_does() {
    let manifest = Manifest::parse(include_str!("../cryptlet.toml")).expect("it is a manifest");
    assert_eq!(manifest.cryptlet.name, env!("CARGO_PKG_NAME"));
    assert_eq!(
        manifest.cryptlet.version.to_string(),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(manifest.cryptlet.kind, Kind::Utility);
    assert_eq!(manifest.capabilities.directories, [DIRECTORY]);
    assert!(manifest.capabilities.wasi && manifest.build.wasi);
    assert!(!manifest.capabilities.http && !manifest.capabilities.state);

    let request = manifest
        .messages
        .request
        .expect("a utility cryptlet is asked something");
    let reply = manifest.messages.reply.expect("a utility cryptlet replies");
    assert_eq!(
        (request.name(), reply.name()),
        (Notarize::NAME, Notarized::NAME)
    );
    let asked = Notarize {
        path: "2026/contract.pdf".to_owned(),
    };
    request
        .check(&cryptlet_sdk::encode(&asked).unwrap())
        .unwrap();
    let answer = Notarized {
        sha256: Bytes32::from([7; 32]),
        size: u64::MAX,
        directory: DIRECTORY.to_owned(),
        path: asked.path,
    };
    reply
        .check(&cryptlet_sdk::encode(&answer).unwrap())
        .unwrap();
}
