use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;

use crate::{Desk, Outcome};

const PASSPHRASE: &str = "correct horse battery staple\n";

/// A desk with a passphrase in the file `passphrase`.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.file("passphrase", PASSPHRASE);
    desk
}

fn new(desk: &Desk, name: &str, purpose: &str) -> Outcome {
    desk.run([
        "key",
        "new",
        name,
        "--purpose",
        purpose,
        "--cost",
        "light",
        "--passphrase-file",
        "passphrase",
    ])
}

#[test]
fn lists_what_it_made() {
    let desk = desk();
    let none = desk.run(["key", "ls"]);
    assert_eq!((none.status, none.output.as_str()), (0, ""));
    assert!(none.errors.contains("there is no state folder"), "{none:?}");
    let log = new(&desk, "log", "attestation").done();
    let delivery = new(&desk, "acme-delivery", "delivery").done();
    assert!(log.starts_with("log  attestation  ed25519  "), "{log}");
    assert!(
        delivery.starts_with("acme-delivery  delivery  secp256k1  0x"),
        "{delivery}"
    );

    let listed = desk.run(["key", "ls"]).done();
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("NAME           PURPOSE      ALGORITHM  "),
        "{listed}"
    );
    assert!(
        lines[1].starts_with("acme-delivery  delivery     secp256k1  0x"),
        "{listed}"
    );
    assert_eq!(words(lines[1]), words(&delivery));
    assert_eq!(words(lines[2]), words(&log));
}

#[test]
fn lists_keys_as_json_for_programs() {
    let desk = desk();
    assert_eq!(desk.run(["key", "ls", "--json"]).done(), "[]\n");
    let made = new(&desk, "acme-delivery", "delivery").done();
    let listed = desk.run(["key", "ls", "--json"]).done();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let key = &listed[0];
    assert_eq!(key["name"], "acme-delivery");
    assert_eq!(key["purpose"], "delivery");
    assert_eq!(key["algorithm"], "secp256k1");
    assert_eq!(key["public"].as_str().unwrap().len(), 66);
    assert_eq!(made.split_whitespace().last(), key["address"].as_str());
}

#[test]
fn keeps_keys_in_the_folder_that_was_named() {
    let desk = desk();
    desk.run([
        "key",
        "new",
        "guest",
        "--purpose=guest",
        "--algorithm=ed25519",
        "--cost=light",
        "--state=host",
        "--passphrase-file=passphrase",
    ])
    .done();
    assert!(desk.path().join("host/keys/guest.json").is_file());
    assert_eq!(desk.run(["key", "ls"]).output, "");
    let listed = desk.run(["key", "ls", "--state", "host"]).done();
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("guest  guest    ed25519")),
        "{listed}"
    );
}

#[test]
fn takes_a_passphrase_from_a_pipe() {
    let desk = desk();
    let mut child = desk
        .command([
            "key",
            "new",
            "acme",
            "--purpose=account",
            "--cost=light",
            "--passphrase-fd=0",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(PASSPHRASE.as_bytes()).unwrap();
    drop(pipe);
    Outcome::from(child.wait_with_output().unwrap()).done();

    let vault = cryptlet_vault::Vault::open(desk.path().join(".cryptlet/keys")).unwrap();
    let passphrase = cryptlet_vault::Passphrase::new(PASSPHRASE.trim_end()).unwrap();
    assert_eq!(vault.unlock_all(&passphrase).unwrap().len(), 1);
}

#[test]
fn standard_cost_is_the_default() {
    let desk = desk();
    desk.run([
        "key",
        "new",
        "acme",
        "--purpose=account",
        "--passphrase-file=passphrase",
    ])
    .done();
    let file = fs::read(desk.path().join(".cryptlet/keys/acme.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    assert_eq!(file["crypto"]["kdf"], "scrypt");
    assert_eq!(file["crypto"]["kdfparams"]["n"], 262_144);
}

#[test]
fn a_name_that_is_taken_is_an_error_before_any_question() {
    let desk = desk();
    new(&desk, "acme", "account").done();
    // Without a source the terminal would be asked, and there is none.
    let sentence = desk
        .run(["key", "new", "acme", "--purpose=account"])
        .failed(1);
    assert_eq!(
        sentence,
        "error: there is a key `acme` in .cryptlet/keys already; choose another name\n"
    );
}

#[test]
fn mistakes_in_the_command_line_have_status_2_and_name_the_way_out() {
    let desk = desk();
    desk.file("empty", "");
    let cases: [(&[&str], &str); 9] = [
        (&["new", "Acme", "--purpose=account"], "use lower-case"),
        (&["new", "acme"], "--purpose"),
        (&["new", "acme", "--purpose=money"], "choose attestation"),
        (
            &["new", "acme", "--purpose=guest", "--algorithm=rsa"],
            "choose ed25519 or secp256k1",
        ),
        (
            &["new", "acme", "--purpose=delivery", "--algorithm=ed25519"],
            "use secp256k1",
        ),
        (
            &[
                "new",
                "acme",
                "--purpose=account",
                "--passphrase-file=empty",
            ],
            "at least one character",
        ),
        (
            &["new", "acme", "--purpose=account", "--passphrase-file=none"],
            "file none",
        ),
        (
            &[
                "new",
                "acme",
                "--purpose=account",
                "--passphrase-file=passphrase",
                "--passphrase-fd=0",
            ],
            "cannot be used with",
        ),
        (
            &["new", "acme", "--purpose=account", "--passphrase=secret"],
            "unexpected argument",
        ),
    ];
    for (arguments, says) in cases {
        let arguments = ["key"].iter().chain(arguments);
        let sentence = desk.run(arguments).failed(2);
        assert!(sentence.contains(says), "{sentence}");
    }
    assert!(!desk.path().join(".cryptlet").exists());
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let desk = desk();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = desk
        .command(["key", "ls", "--json"])
        .stdout(writer)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let desk = desk();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let outcome: Outcome = desk
        .command(["key", "ls", "--json"])
        .stdout(full)
        .output()
        .unwrap()
        .into();
    assert!(outcome.failed(1).contains("cannot write the output"));
}
