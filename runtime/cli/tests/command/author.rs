//! From `cryptlet new` to a component that runs, as an author types it.
//!
//! Needs a guest toolchain, and the packages that this workspace is built from, but no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::{Value, json};

use super::{Desk, Outcome, component};

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

/// The utility project, which one test at a time may change, and leaves as it was.
fn exchange_rate() -> MutexGuard<'static, Author> {
    static PROJECT: OnceLock<Mutex<Author>> = OnceLock::new();
    PROJECT
        .get_or_init(|| Mutex::new(Author::of("exchange-rate", &["--utility"])))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

const PAYS: &str = "cases/pays-at-the-rate-of-the-source";

#[test]
fn a_new_contract_cryptlet_builds_passes_its_tests_and_runs_at_once() {
    let author = Author::of("invoice", &[]);
    let lock = author.read("Cargo.lock");

    let built = author.json(&["build", "--json"]);

    assert_eq!(built["name"], "invoice");
    assert_eq!(built["warnings"], json!([]));
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
    assert_eq!(inspected["unused-capabilities"], json!([]));
    assert_eq!(inspected["solidity"], solidity.as_str());

    let tested = author.json(&["test", "--json"]);
    assert_eq!(
        tested["native"],
        json!({"succeeded": true, "passed": 4, "failed": 0})
    );
    let verdicts: Vec<_> = tested["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| &case["verdict"])
        .collect();
    assert_eq!(verdicts, ["passed"; 4]);

    runs_with_fixed_answers(&author);
    is_told_what_does_not_fit(&author);
    accepts_what_a_case_comes_to(&author);
    asks_a_real_source(&author, &exchange_rate());
    names_the_limit_that_was_hit(&author);
}

fn runs_with_fixed_answers(author: &Author) {
    let input = format!("{PAYS}/input.json");
    let source = format!("exchange-rate={PAYS}/sources/exchange-rate.json");
    let run = author.json(&["run", "--input", &input, "--source", &source, "--json"]);
    assert_eq!(run["outcome"], "ok");
    assert_eq!(run["actions"][0]["action"], "pay");
    assert_eq!(run["actions"][0]["fields"]["amount"], "10869000");
    assert_eq!(run["events"][0]["topic"], "InvoicePaid");
    assert_eq!(run["state"], json!({"paid/7": true}));
    assert_eq!(run["sources"][0]["request"], json!({"currency": "EUR"}));
    assert_eq!(run["usage"][0]["limit"], "fuel");
    assert!(run["usage"][0]["used"].as_u64().unwrap() > 0);

    author.write("paid.json", r#"{"paid/7": true}"#);
    let outcome = author.run(&["run", "--input", &input, "--state", "paid.json"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.output.contains("failure already-paid"),
        "{}",
        outcome.output
    );
}

fn is_told_what_does_not_fit(author: &Author) {
    let input = format!("{PAYS}/input.json");
    let refusal = author.run(&["run", "--input", &input]).failed(1);
    assert!(
        refusal.contains("was asked {\"currency\":\"EUR\"}"),
        "{refusal}"
    );
    assert!(refusal.contains("exchange-rate=FILE.json"), "{refusal}");

    author.write(
        "other.json",
        r#"[{"request": {"currency": "USD"}, "reply": {}}]"#,
    );
    let refusal = author
        .run(&[
            "run",
            "--input",
            &input,
            "--source",
            "exchange-rate=other.json",
        ])
        .failed(1);
    assert!(
        refusal.contains("other.json has no answer to it"),
        "{refusal}"
    );

    let refusal = author
        .run(&["run", "--input", &input, "--source", "rates=other.json"])
        .failed(2);
    assert!(refusal.contains("it asks for exchange-rate"), "{refusal}");

    author.write(
        "wrong.json",
        r#"{"message": "Dispute", "body": {"invoice": "7", "reason": ""}}"#,
    );
    let refusal = author.run(&["run", "--input", "wrong.json"]).failed(2);
    assert!(
        refusal.contains("wrong.json: body: invoice: expected"),
        "{refusal}"
    );
}

fn accepts_what_a_case_comes_to(author: &Author) {
    let expected = format!("{PAYS}/expected.json");
    let right = author.read(&expected);
    author.write(&expected, &right.replace("10869000", "1"));
    let outcome = author.run(&["test", "pays-at"]);
    assert_eq!(outcome.status, 1);
    for line in [
        "-         \"amount\": \"1\"",
        "+         \"amount\": \"10869000\"",
    ] {
        assert!(outcome.output.contains(line), "{}", outcome.output);
    }
    assert!(outcome.errors.contains("--accept"), "{}", outcome.errors);

    let outcome = author.run(&["test", "pays-et"]);
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.errors.contains("is called like pays-et; cases: ")
            && outcome.errors.contains("pays-at"),
        "{}",
        outcome.errors
    );

    let said = author.run(&["test", "pays-at", "--accept"]).done();
    assert!(said.contains("accepted  pays-at"), "{said}");
    assert_eq!(author.read(&expected), right);
}

fn asks_a_real_source(author: &Author, rates: &Author) {
    let built = rates.json(&["build", "--json"]);
    let table = "cases/answers-with-the-published-rate/pages/rates/latest.json";
    let page = rates.folder.join(table);
    let run = author.json(&[
        "run",
        "--input",
        &format!("{PAYS}/input.json"),
        "--source",
        &format!("exchange-rate={}", built["file"].as_str().unwrap()),
        "--page",
        &format!("exchange-rate:rates/latest.json={}", page.display()),
        "--json",
    ]);
    assert_eq!(run["outcome"], "ok");
    assert_eq!(run["sources"][0]["reply"]["unitsPerCent"], "10869");
}

fn names_the_limit_that_was_hit(author: &Author) {
    let manifest = author.read("cryptlet.toml");
    author.write(
        "cryptlet.toml",
        &manifest.replace("fuel = 5000000", "fuel = 5000"),
    );
    let outcome = author.run(&["run", "--input", "cases/keeps-a-dispute/input.json"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.output.contains("limit fuel of 5000"),
        "{}",
        outcome.output
    );
    assert!(
        outcome.output.contains("raise `fuel`"),
        "{}",
        outcome.output
    );
}

#[test]
fn a_new_utility_cryptlet_builds_and_is_told_of_its_mistakes() {
    let author = exchange_rate();

    let built = author.json(&["build", "--json"]);
    assert_eq!(built["warnings"], json!([]));
    let tested = author.json(&["test", "--json"]);
    assert_eq!(tested["succeeded"], true, "{tested}");
    let outcome = author.run(&["run", "--input", "cases/fails-without-a-table/input.json"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.output.contains("failure http-denied"),
        "{}",
        outcome.output
    );

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

    author.write("src/lib.rs", &code);
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
    fs::remove_file(desk.path().join("work/a b/Cargo.lock")).unwrap();
    let refusal = desk
        .run([
            "build",
            "--locked",
            "--manifest-path",
            "work/a b/cryptlet.toml",
        ])
        .failed(2);
    assert!(refusal.contains("build once without --locked"), "{refusal}");
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

#[test]
fn a_component_of_another_toolchain_gets_its_manifest_and_runs() {
    let desk = Desk::new();
    desk.file(
        "cryptlet.toml",
        "[cryptlet]\nname = \"silent\"\nversion = \"1.0.0\"\nkind = \"utility\"\n\
         description = \"Answers with nothing.\"\n\
         [messages]\nrequest = \"Question()\"\nreply = \"Nothing()\"\n",
    );
    desk.file("made.wasm", component::foreign());
    desk.file("question.json", "{}");
    let build = [
        "build",
        "--component",
        "made.wasm",
        "--output",
        "out",
        "--json",
    ];

    let first: Value = serde_json::from_str(&desk.run(build).done()).unwrap();
    let second: Value = serde_json::from_str(&desk.run(build).done()).unwrap();
    let ran = desk
        .run(["run", "out/silent-1.0.0.wasm", "--input", "question.json"])
        .done();

    assert_eq!(first["name"], "silent");
    assert_eq!(first["warnings"], json!([]));
    assert_eq!(first["measurement"], second["measurement"]);
    assert_eq!(
        (&first["compiled"], &second["compiled"]),
        (&json!(true), &json!(false))
    );
    assert!(ran.contains("{}"), "{ran}");
}

#[test]
fn a_run_reads_as_much_of_a_directory_as_the_author_says() {
    let desk = Desk::new();
    let manifest = "[cryptlet]\nname = \"reader\"\nversion = \"1.0.0\"\nkind = \"utility\"\n\
         description = \"May read.\"\n[build]\nwasi = true\n\
         [capabilities]\nwasi = true\ndirectories = [\"documents\"]\n\
         [messages]\nrequest = \"Question()\"\nreply = \"Nothing()\"\n";
    desk.file("reader.wasm", component::component(manifest));
    desk.file("question.json", "{}");
    std::fs::create_dir(desk.path().join("papers")).unwrap();
    let run = |bounds: &[&str]| {
        let mut words = vec!["run", "reader.wasm", "--input", "question.json"];
        words.extend(["--directory", "documents=papers"]);
        words.extend(bounds.iter().flat_map(|bound| ["--directory-bytes", bound]));
        desk.run(words)
    };

    run(&[]).done();
    run(&["documents=16777216"]).done();
    let refused = run(&["documents=16777217"]).failed(1);
    assert!(
        refused.contains("16777217 bytes lie outside 1 to 16777216"),
        "{refused}"
    );
    let refused = run(&["tables=1"]).failed(2);
    assert!(
        refused.contains("add --directory tables=FOLDER"),
        "{refused}"
    );
    let refused = run(&["documents=1", "documents=2"]).failed(2);
    assert!(refused.contains("twice"), "{refused}");
}
