use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::{Desk, Outcome};

const LEDGER: [&str; 10] = [
    "--ledger",
    "main net",
    "--chain",
    "eip155:1",
    "--rpc",
    "https://rpc.example/v3/secret",
    "--gateway",
    "0x3333333333333333333333333333333333333333",
    "--registry",
    "0x4444444444444444444444444444444444444444",
];

fn init(desk: &Desk, options: &[&str]) -> Outcome {
    desk.run(
        ["config", "init", "--origin", "fabric.example/log"]
            .iter()
            .chain(options),
    )
}

fn read(desk: &Desk) -> String {
    fs::read_to_string(desk.path().join(".cryptlet/fabric.toml")).unwrap()
}

fn parsed(text: &str) -> cryptlet_fabric::Configuration {
    cryptlet_fabric::Configuration::parse("fabric.toml", text).unwrap()
}

#[test]
fn a_log_without_a_name_of_its_own_is_called_a_trial() {
    let desk = Desk::new();

    let said = desk.run(["config", "init"]).done();

    assert!(said.contains("log is called localhost/log"), "{said}");
    assert!(
        said.contains("change log.origin before the first start"),
        "{said}"
    );
}

#[test]
fn a_new_configuration_holds_as_it_stands_and_says_what_comes_next() {
    let desk = Desk::new();
    let said = init(&desk, &[]).done();
    assert!(
        !said.contains("to try it out"),
        "its log has a name: {said}"
    );
    assert!(
        said.contains("cryptlet key new attestation --purpose attestation"),
        "{said}"
    );

    let configuration = parsed(&read(&desk));
    assert_eq!(configuration.fabric.origin, "fabric.example/log");
    assert!(configuration.ledgers.is_empty());
    let file = desk.path().join(".cryptlet/fabric.toml");
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let folder = fs::metadata(desk.path().join(".cryptlet")).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_ledger_can_be_given_whatever_its_name() {
    let desk = Desk::new();
    let said = init(&desk, &LEDGER).done();
    assert!(
        said.contains("cryptlet key new account --purpose account"),
        "{said}"
    );

    let ledger = &parsed(&read(&desk)).ledgers["main net"];
    assert_eq!(ledger.chain.to_string(), "eip155:1");
    assert_eq!(ledger.rpc.as_str(), "https://rpc.example/v3/secret");
    assert_eq!(ledger.finality.to_string(), "finalized");
    assert_eq!(ledger.max_fee_per_gas, 500_000_000_000);
}

#[test]
fn what_stands_in_comments_are_the_defaults() {
    let desk = Desk::new();
    init(&desk, &LEDGER).done();
    let text = read(&desk);
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert_ne!(uncommented, text);
    assert_eq!(parsed(&uncommented), parsed(&text));
}

#[test]
fn the_ledger_in_comments_is_one_when_it_is_uncommented() {
    let desk = Desk::new();
    init(&desk, &[]).done();
    let text = read(&desk);
    let (before, ledger) = text.split_once("\n# [ledgers.").unwrap();
    let (ledger, after) = ledger.split_once("\n\n").unwrap();
    let ledger: String = ledger
        .lines()
        .enumerate()
        .filter_map(|(number, line)| match number {
            0 => Some(format!("[ledgers.{line}\n")),
            _ => line
                .strip_prefix("# ")
                .filter(|setting| setting.contains(" = "))
                .map(|setting| format!("{setting}\n")),
        })
        .collect();
    assert_eq!(
        parsed(&format!("{before}\n{ledger}\n{after}"))
            .ledgers
            .len(),
        1
    );
}

#[test]
fn a_configuration_that_exists_stays_as_it_is() {
    let desk = Desk::new();
    init(&desk, &[]).done();
    let before = read(&desk);
    let sentence = desk
        .run(["config", "init", "--origin", "other.example/log"])
        .failed(1);
    assert!(sentence.contains("stays as it is"), "{sentence}");
    assert_eq!(read(&desk), before);
}

#[test]
fn what_cannot_be_a_configuration_is_not_written() {
    let desk = Desk::new();
    let sentence = desk
        .run(["config", "init", "--origin", "two words"])
        .failed(2);
    assert!(
        sentence.contains("\"two words\" is no name for a log"),
        "{sentence}"
    );
    let sentence = init(&desk, &LEDGER[..4]).failed(2);
    assert!(sentence.contains("--rpc"), "{sentence}");
    assert!(!desk.path().join(".cryptlet").exists());
}

#[test]
fn checks_a_configuration_and_warns_of_missing_keys() {
    let desk = Desk::new();
    init(&desk, &[]).done();
    let outcome = desk.run(["config", "check"]);
    assert_eq!(outcome.status, 0);
    assert_eq!(
        outcome.output,
        ".cryptlet/fabric.toml: ok, log fabric.example/log with 0 ledgers\n"
    );
    assert_eq!(
        outcome.errors,
        "warning: fabric.attestation-key names the key attestation, which is not there; \
         cryptlet key new attestation --purpose attestation\n"
    );

    desk.file("passphrase", "correct horse\n");
    desk.run([
        "key",
        "new",
        "attestation",
        "--purpose=attestation",
        "--cost=light",
        "--passphrase-file=passphrase",
    ])
    .done();
    desk.run(["config", "check"]).done();
}

#[test]
fn warns_of_keys_for_something_else() {
    let desk = Desk::new();
    desk.file("passphrase", "correct horse\n");
    desk.run([
        "key",
        "new",
        "attestation",
        "--purpose=delivery",
        "--cost=light",
        "--passphrase-file=passphrase",
    ])
    .done();
    init(&desk, &[]).done();
    let outcome = desk.run(["config", "check"]);
    assert!(
        outcome
            .errors
            .contains("which is for delivery and not for attestation"),
        "{outcome:?}"
    );
}

#[test]
fn a_mistake_is_one_sentence_with_its_place() {
    let desk = Desk::new();
    desk.file("fabric.toml", "[fabric]\norgin = \"a/b\"\n");
    let sentence = desk.run(["config", "check", "fabric.toml"]).failed(1);
    assert!(
        sentence.starts_with("error: fabric.toml:2:1: "),
        "{sentence}"
    );
    assert_eq!(sentence.lines().count(), 1, "{sentence}");

    let sentence = desk.run(["config", "check"]).failed(2);
    assert!(sentence.contains("cryptlet config init"), "{sentence}");
}

#[test]
fn explains_one_key_a_section_or_everything() {
    let desk = Desk::new();
    let all = desk.run(["config", "explain"]).done();
    let section = desk.run(["config", "explain", "service"]).done();
    let one = desk.run(["config", "explain", "service.listen"]).done();
    assert!(all.contains(&section) && section.contains(&one), "{all}");
    assert!(one.contains("default \"127.0.0.1:7410\""), "{one}");
    assert!(section.contains("reloaded on SIGHUP"), "{section}");

    let explained = desk
        .run(["config", "explain", "ledgers.main.rpc", "--json"])
        .done();
    let explained: serde_json::Value = serde_json::from_str(&explained).unwrap();
    assert_eq!(explained[0]["key"], "ledgers.<name>.rpc");
    assert_eq!(explained[0]["default"], serde_json::Value::Null);
    assert_eq!(explained[0]["reloads"], false);

    let sentence = desk.run(["config", "explain", "service.port"]).failed(2);
    assert!(sentence.contains("no key service.port"), "{sentence}");
}
