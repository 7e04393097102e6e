//! The committed reference says what the command says.
//! `CRYPTLET_WRITE_REFERENCE=1 cargo test -p cryptlet-cli` brings it up to date.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::Desk;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference");

#[test]
fn the_reference_of_commands_is_up_to_date() {
    let desk = Desk::new();
    desk.run(["documentation", "--markdown", "commands.md"])
        .done();
    let text = fs::read_to_string(desk.path().join("commands.md")).unwrap();
    held(&Path::new(REFERENCE).join("commands.md"), &text);
}

#[test]
fn the_description_of_the_api_is_up_to_date() {
    let desk = Desk::new();
    desk.run(["documentation", "--openapi", "openapi.json"])
        .done();
    let text = fs::read_to_string(desk.path().join("openapi.json")).unwrap();
    held(&Path::new(REFERENCE).join("openapi.json"), &text);
}

#[test]
fn the_published_schemas_are_up_to_date() {
    let desk = Desk::new();
    desk.run(["documentation", "--schemas", "schemas"]).done();
    let made = texts(&desk.path().join("schemas"));
    let folder = Path::new(REFERENCE).join("schemas");
    for (name, text) in &made {
        held(&folder.join(name), text);
    }
    let published: Vec<String> = texts(&folder).into_keys().collect();
    assert_eq!(published, made.into_keys().collect::<Vec<_>>());
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let desk = Desk::new();
    desk.run(["documentation", "--man", "man"]).done();
    let pages = texts(&desk.path().join("man"));
    for name in ["cryptlet.1", "cryptlet-serve.1", "cryptlet-key-new.1"] {
        assert!(pages[name].contains(".SH SYNOPSIS"), "{}", pages[name]);
    }
}

#[test]
fn completions_know_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = desk.run(["completions", shell]).done();
        assert!(script.contains("pass-over"), "{shell}");
        assert!(!script.contains('\u{1b}'), "{shell} is given colours");
    }
}

fn texts(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[track_caller]
fn held(committed: &Path, text: &str) {
    if std::env::var_os("CRYPTLET_WRITE_REFERENCE").is_some() {
        fs::create_dir_all(committed.parent().unwrap()).unwrap();
        fs::write(committed, text).unwrap();
    }
    let there = fs::read_to_string(committed).unwrap_or_default();
    assert!(
        there == text,
        "{} is out of date; CRYPTLET_WRITE_REFERENCE=1 writes it anew",
        committed.display()
    );
}
