//! From `cryptlet new` to a component that runs, as an author types it.
//!
//! Needs a guest toolchain, and the packages that this workspace is built from, but no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Desk, Outcome};

/// A project that `cryptlet new` made. It lies in the same place each time, so that what was
/// compiled of the SDK the last time serves again.
struct Author {
    folder: PathBuf,
}

impl Author {
    fn of(name: &str, arguments: &[&str]) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects");
        let folder = place.join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
        fs::create_dir_all(&place).unwrap();
        let made: Outcome = Command::new(env!("CARGO_BIN_EXE_cryptlet"))
            .args(["new", name])
            .args(arguments)
            .current_dir(&place)
            .output()
            .unwrap()
            .into();
        let said = made.done();
        assert!(said.contains(&format!("cd {name}")), "{said}");
        Self { folder }
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        Command::new(env!("CARGO_BIN_EXE_cryptlet"))
            .args(arguments)
            .current_dir(&self.folder)
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects-target"),
            )
            .env("CARGO_NET_OFFLINE", "true")
            .output()
            .unwrap()
            .into()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments).done();
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.join(path)).unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.folder.join(path), text).unwrap();
    }
}

#[test]
fn a_new_contract_cryptlet_builds_from_its_own_lock_file_at_once() {
    let author = Author::of("invoice", &[]);
    let lock = author.read("Cargo.lock");

    let built = author.json(&["build", "--locked", "--json"]);

    assert_eq!(built["name"], "invoice");
    assert_eq!(built["warnings"], serde_json::json!([]));
    assert!(fs::metadata(built["file"].as_str().unwrap()).is_ok());
    assert_eq!(author.read("Cargo.lock"), lock);
    let text = author.run(&["build"]).done();
    assert!(text.contains("invoice 0.1.0 (unchanged)"), "{text}");
    assert!(
        text.contains(built["measurement"].as_str().unwrap()),
        "{text}"
    );

    let solidity = author.run(&["inspect", "--solidity"]).done();
    assert!(
        solidity.contains("interface IInvoiceCryptlet {"),
        "{solidity}"
    );
    let inspected = author.json(&["inspect", built["file"].as_str().unwrap(), "--json"]);
    assert_eq!(inspected["measurement"], built["measurement"]);
    assert_eq!(inspected["unused-capabilities"], serde_json::json!([]));
    assert_eq!(inspected["solidity"], solidity.as_str());
}

#[test]
fn a_new_utility_cryptlet_builds_and_is_told_of_its_mistakes() {
    let author = Author::of("exchange-rate", &["--utility"]);

    let built = author.json(&["build", "--json"]);
    assert_eq!(built["warnings"], serde_json::json!([]));

    let manifest = author.read("cryptlet.toml");
    author.write(
        "cryptlet.toml",
        &manifest.replace("http = true", "http = true\nstate = true"),
    );
    let outcome = author.run(&["build"]);
    assert_eq!(outcome.status, 0);
    assert!(
        outcome.errors.contains("asks for `state`"),
        "{}",
        outcome.errors
    );

    author.write(
        "cryptlet.toml",
        &manifest.replace("http = true", "log = true"),
    );
    let outcome = author.run(&["build"]);
    assert!(
        outcome.errors.contains("no host takes this component")
            && outcome.errors.contains("add `http = true`"),
        "{}",
        outcome.errors
    );
    let refusal = author.run(&["inspect"]).failed(1);
    assert!(refusal.contains("add `http = true`"), "{refusal}");

    author.write("cryptlet.toml", &manifest.replace("kind =", "kin ="));
    let refusal = author.run(&["build"]).failed(1);
    assert!(
        refusal.contains("cryptlet.toml:4:1: cryptlet.kin"),
        "{refusal}"
    );

    author.write("cryptlet.toml", &manifest);
    let code = author.read("src/lib.rs");
    author.write("src/lib.rs", &code.replace("units_per_cent: *", "units: *"));
    let refusal = author.run(&["build"]).failed(1);
    assert!(refusal.contains("no field named `units`"), "{refusal}");
    assert!(refusal.contains("`cargo build` for"), "{refusal}");

    fs::remove_file(author.folder.join("Cargo.lock")).unwrap();
    let refusal = author.run(&["build", "--locked"]).failed(2);
    assert!(refusal.contains("build once without --locked"), "{refusal}");
}

#[test]
fn a_project_is_made_where_nothing_is() {
    let desk = Desk::new();
    desk.file("invoice", "");
    let refusal = desk.run(["new", "invoice"]).failed(2);
    assert!(refusal.contains("invoice is there already"), "{refusal}");

    desk.run(["new", "invoice", "--at", "work/a b"]).done();
    assert!(
        desk.path()
            .join("work/a b/vendor/cryptlet-sdk/src/lib.rs")
            .is_file()
    );
    let left: Vec<_> = fs::read_dir(desk.path().join("work")).unwrap().collect();
    assert_eq!(left.len(), 1);

    let made = desk.run(["new", "rates", "--utility", "--json"]).done();
    let made: Value = serde_json::from_str(&made).unwrap();
    for file in made["files"].as_array().unwrap() {
        let file = desk.path().join("rates").join(file.as_str().unwrap());
        assert!(file.is_file(), "{}", file.display());
    }
}

#[test]
fn a_name_that_no_manifest_takes_makes_no_project() {
    let desk = Desk::new();
    for name in ["Invoice", "two words", "match", "../up"] {
        desk.run(["new", name]).failed(2);
    }
    assert_eq!(fs::read_dir(desk.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_without_a_project_builds_nothing() {
    let refusal = Desk::new().run(["build"]).failed(2);
    assert!(refusal.contains("cryptlet new"), "{refusal}");
}
