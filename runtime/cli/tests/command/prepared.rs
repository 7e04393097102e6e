//! A host's state folder after two quarters of the demonstration's swap, and what
//! commands say of it with `--json`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

use super::{Desk, published};

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/prepared");
/// As the fabric lays a journal out; the dump has none of it.
const SCHEMA: &str = include_str!("../../../fabric/src/journal/schema.sql");
const RECEIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/golden/audit-receipt-good/files/run.receipt"
);

/// Makes the state folder. Its only key is one that nobody needs.
pub fn state(folder: &Path) {
    let files = Path::new(FILES);
    fs::create_dir_all(folder.join("logs")).unwrap();
    fs::create_dir_all(folder.join("keys")).unwrap();
    for private in [folder, &folder.join("keys")] {
        fs::set_permissions(private, fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::copy(files.join("fabric.toml"), folder.join("fabric.toml")).unwrap();
    fs::copy(
        files.join("log.jsonl"),
        folder.join("logs/cryptlet.2026-03-01.jsonl"),
    )
    .unwrap();
    let dump = fs::read_to_string(files.join("journal.sql")).unwrap();
    let journal = Connection::open(folder.join("journal.sqlite")).unwrap();
    journal.execute_batch(SCHEMA).unwrap();
    journal.execute_batch(&dump).unwrap();
}

/// Commands that need no service, with what they are asked here.
const READING: &[(&str, &str)] = &[
    (
        "audit receipt",
        "run.receipt --trust KEY --expect-measurement MEASUREMENT",
    ),
    ("audit replay", "--all"),
    ("audit trail", "acme-globex-swap --trust KEY"),
    ("audit verify", "run.bundle --trust KEY"),
    ("backup", "fabric.tar"),
    ("bind show", "proposal.json"),
    ("check binding", "binding.toml"),
    ("check manifest", "cryptlet.toml"),
    ("config explain", ""),
    ("doctor", "--offline"),
    ("key ls", ""),
    (
        "key new",
        "mine --purpose account --cost light --passphrase-file passphrase",
    ),
    ("logs", ""),
    ("ls", ""),
    ("measure", "binding.toml"),
    ("new", "greeter"),
    ("receipt ls", ""),
    ("restore", "fabric.tar --state again"),
    ("token new", "mine --role caller"),
    ("token ls", ""),
    ("tx", ""),
    ("versions", "acme-globex-swap"),
];

/// Commands that ask the service or need a project; `operator`, `author` and `shadow`
/// hold what they print to the schemas.
const ELSEWHERE: &[&str] = &[
    "audit compare",
    "audit module",
    "bind activate",
    "bind changes",
    "build",
    "canary",
    "canary show",
    "deploy",
    "diff",
    "inspect",
    "invoke",
    "promote",
    "retire",
    "rollback",
    "run",
    "run-again",
    "shadow",
    "shadow replay",
    "shadow show",
    "status",
    "test",
    "withdraw",
];

#[test]
fn every_published_schema_is_held_to_an_output() {
    let held: BTreeSet<String> = READING
        .iter()
        .map(|(command, _)| *command)
        .chain(ELSEWHERE.iter().copied())
        .map(|command| format!("{}.json", command.replace(' ', "-")))
        .collect();
    assert_eq!(held, published::names());
}

#[test]
fn what_commands_print_of_a_host_is_what_their_schemas_say() {
    let desk = Desk::new();
    state(&desk.path().join(".cryptlet"));
    desk.file("passphrase", "correct horse\n");
    desk.file("run.receipt", fs::read(RECEIPT).unwrap());
    for name in ["binding.toml", "cryptlet.toml", "trust"] {
        desk.file(name, fs::read(Path::new(FILES).join(name)).unwrap());
    }
    desk.run([
        "bind",
        "propose",
        "binding.toml",
        "--output",
        "proposal.json",
    ])
    .done();
    desk.run([
        "audit",
        "export",
        "7",
        "--open",
        "all",
        "--output",
        "run.bundle",
    ])
    .done();
    let trust = fs::read_to_string(desk.path().join("trust")).unwrap();
    let (key, measurement) = trust.trim().split_once(' ').unwrap();

    for (command, options) in READING {
        let arguments: Vec<&str> = command
            .split(' ')
            .chain(options.split_whitespace())
            .map(|argument| match argument {
                "KEY" => key,
                "MEASUREMENT" => measurement,
                other => other,
            })
            .chain(["--json"])
            .collect();
        // Held to the schema as everything is.
        let printed = desk.run(&arguments);
        assert!(!printed.output.is_empty(), "{command}: {}", printed.errors);
    }
}
