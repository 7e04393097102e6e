//! A project of the kind that authors have, built and audited far from where it was built first.
//!
//! Needs a guest toolchain, and the packages that this workspace is built from, but no network.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Outcome, published};

/// A person with a machine: a home, a place for cargo's things, a folder to work in.
struct Machine {
    place: TempDir,
    home: PathBuf,
}

impl Machine {
    /// With a home of that name, and packages from the cache of whoever runs the tests.
    fn new(home: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let home = place.path().join(home);
        fs::create_dir_all(home.join("cargo")).unwrap();
        symlink(cargo_home().join("registry"), home.join("cargo/registry")).unwrap();
        Self { place, home }
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cryptlet"));
        command
            .args(arguments)
            .current_dir(folder)
            .env("HOME", &self.home)
            .env("CARGO_HOME", self.home.join("cargo"))
            .env("RUSTUP_HOME", rustup_home())
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_TARGET_DIR");
        let outcome: Outcome = command.output().unwrap().into();
        published::hold(&published::owned(arguments), &outcome.output);
        outcome
    }

    /// The files that `cryptlet build --locked` makes of the project in `folder`.
    fn build(&self, folder: &Path) -> Release {
        let built = self.run(folder, &["build", "--locked", "--json"]).done();
        let built: Value = serde_json::from_str(&built).unwrap();
        let file = |key: &str| folder.join(built[key].as_str().unwrap());
        Release {
            component: file("file"),
            provenance: file("provenance"),
        }
    }
}

struct Release {
    component: PathBuf,
    provenance: PathBuf,
}

fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME").map_or_else(|| env::home_dir().unwrap().join(".cargo"), Into::into)
}

pub fn rustup_home() -> PathBuf {
    let default = || env::home_dir().unwrap().join(".rustup");
    env::var_os("RUSTUP_HOME").map_or_else(default, Into::into)
}

#[test]
fn another_machine_makes_the_same_bytes_and_an_audit_says_so_or_names_what_differs() {
    let author = Machine::new("ann");
    let project = author.place.path().join("rates");
    author
        .run(author.place.path(), &["new", "rates", "--utility"])
        .done();
    let released = author.build(&project);

    let auditor = Machine::new("home/of/somebody else");
    let checkout = auditor.place.path().join("a/much/deeper/check out");
    copy_sources(&project, &checkout);

    let audit = Audit {
        compiled: auditor.place.path().join("compiled"),
        auditor,
        released,
        checkout,
    };
    audit.confirms_the_release();
    audit.names_what_is_false_in_a_statement();
    audit.names_a_changed_byte_of_the_source();
}

/// The names of all differences.
fn names(shown: &Value) -> Vec<&str> {
    let differences = shown["differences"].as_array().unwrap();
    let names = differences.iter().map(|found| found["name"].as_str());
    names.map(Option::unwrap).collect()
}

/// The same sources, as a checkout has them: without what builds left.
fn copy_sources(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "target" {
            continue;
        }
        if path.is_dir() {
            copy_sources(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

/// What an auditor has: the release, and a checkout of the sources.
struct Audit {
    auditor: Machine,
    released: Release,
    checkout: PathBuf,
    /// What the first audit compiled serves the next ones, to spare the tests' time.
    compiled: PathBuf,
}

impl Audit {
    fn run(&self, options: &[&str]) -> Outcome {
        let paths = [&self.released.component, &self.checkout, &self.compiled];
        let [component, source, compiled] = paths.map(|path| path.to_str().unwrap());
        let arguments = ["audit", "module", component, "--source", source];
        let kept = ["--target-dir", compiled];
        let arguments = [&arguments[..], &kept, options].concat();
        self.auditor.run(self.auditor.place.path(), &arguments)
    }

    fn confirms_the_release(&self) {
        let said = self.run(&[]).done();
        assert!(said.contains("reproduced: the source gives"), "{said}");
        assert!(said.contains("says what was found here"), "{said}");
    }

    fn names_what_is_false_in_a_statement(&self) {
        let altered = self.altered(|statement| {
            statement["subject"][0]["digest"]["blake3"] = "00".repeat(32).into();
            let definition = &mut statement["predicate"]["buildDefinition"];
            definition["internalParameters"]["toolchain"]["rustc"] =
                "rustc 1.80.0 (051478957 2024-07-21)\nbinary: rustc".into();
        });

        let outcome = self.run(&["--provenance", &altered, "--json"]);

        assert_eq!(outcome.status, 1);
        let shown: Value = serde_json::from_str(&outcome.output).unwrap();
        assert_eq!(shown["reproduced"], true);
        assert_eq!(shown["provenance-holds"], false);
        assert_eq!(shown["measurement"], shown["rebuilt"]);
        assert_eq!(shown["manifest"], "cryptlet.toml");
        assert_eq!(names(&shown), ["subject", "toolchain"]);
        let toolchain = shown["differences"][1]["says"].as_str().unwrap();
        assert!(
            toolchain.starts_with("rustc: the provenance names \"rustc 1.80.0"),
            "{toolchain}"
        );
        assert!(
            outcome
                .errors
                .contains("not as its provenance says (subject)"),
            "{}",
            outcome.errors
        );
    }

    fn names_a_changed_byte_of_the_source(&self) {
        let code = self.checkout.join("src/lib.rs");
        let right = fs::read_to_string(&code).unwrap();
        fs::write(
            &code,
            right.replace("units_per_cent: *", "units_per_cent: 1 + *"),
        )
        .unwrap();

        let outcome = self.run(&["--json"]);

        assert_eq!(outcome.status, 1);
        let shown: Value = serde_json::from_str(&outcome.output).unwrap();
        assert_eq!(shown["reproduced"], false);
        assert_ne!(shown["measurement"], shown["rebuilt"]);
        assert_eq!(names(&shown), ["source-tree", "section"]);
        let section = shown["differences"][1]["says"].as_str().unwrap();
        assert!(section.starts_with("core module "), "{section}");
        assert!(
            outcome.errors.contains("(source-tree)"),
            "{}",
            outcome.errors
        );
        fs::write(&code, right).unwrap();
    }

    /// A copy of the release's statement with a change.
    fn altered(&self, change: impl FnOnce(&mut Value)) -> String {
        let text = fs::read(&self.released.provenance).unwrap();
        let mut statement: Value = serde_json::from_slice(&text).unwrap();
        change(&mut statement);
        let path = self.auditor.place.path().join("altered.json");
        fs::write(&path, statement.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
