//! What keeps a machine from hosting cryptlets.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::double::{Double, announce, answer};
use crate::Desk;

const ACCOUNT: &str = "account";

fn key(desk: &Desk, name: &str, purpose: &str) {
    desk.file("passphrase", "correct horse\n");
    desk.run([
        "key",
        "new",
        name,
        "--purpose",
        purpose,
        "--cost=light",
        "--passphrase-file=passphrase",
    ])
    .done();
}

/// A desk with a configuration, of one ledger if there is a node, and its keys.
fn desk(node: Option<&str>) -> Desk {
    let desk = Desk::new();
    let mut command = vec!["config", "init", "--origin", "fabric.example/log"];
    if let Some(node) = node {
        command.extend(["--ledger", "main", "--chain", "eip155:31337", "--rpc", node]);
        command.extend(["--gateway", "0x3333333333333333333333333333333333333333"]);
        command.extend(["--registry", "0x4444444444444444444444444444444444444444"]);
    }
    desk.run(command).done();
    key(&desk, "attestation", "attestation");
    key(&desk, ACCOUNT, "account");
    desk
}

fn examined(desk: &Desk, options: &[&str], status: i32) -> Vec<Value> {
    let outcome = desk.run(["doctor", "--json"].iter().chain(options));
    assert_eq!(outcome.status, status, "{outcome:?}");
    serde_json::from_str(&outcome.output).unwrap()
}

fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {checks:#?}"))
}

#[test]
fn a_host_that_is_set_up_can_be_started() {
    let desk = desk(None);
    let checks = examined(&desk, &[], 0);
    for name in ["state folder", "journal", "disk", "configuration", "keys"] {
        assert_eq!(check(&checks, name)["result"], "ok", "{checks:#?}");
    }
    let service = check(&checks, "service");
    assert_eq!(service["result"], "warning");
    assert_eq!(service["remedy"], "start it with `cryptlet serve`");
}

#[test]
fn everything_that_fails_has_a_remedy() {
    let desk = Desk::new();
    let checks = examined(&desk, &["--offline"], 1);
    for name in ["state folder", "configuration"] {
        let check = check(&checks, name);
        assert_eq!(check["result"], "failed");
        assert!(
            check["remedy"]
                .as_str()
                .unwrap()
                .contains("cryptlet config init"),
            "{check}"
        );
    }
    let outcome = desk.run(["doctor"]);
    assert!(
        outcome
            .errors
            .ends_with("checks failed; the remedies stand beside them\n")
    );
    assert!(outcome.output.contains("    remedy: "), "{outcome:?}");
}

#[test]
fn folders_and_files_that_are_open_to_others_are_named() {
    let desk = desk(None);
    let open = |path: &str, mode| {
        fs::set_permissions(desk.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    open(".cryptlet", 0o755);
    open(".cryptlet/keys/account.json", 0o644);
    let checks = examined(&desk, &[], 0);
    assert_eq!(
        check(&checks, "state folder")["remedy"],
        "chmod 700 .cryptlet"
    );
    assert_eq!(
        check(&checks, "keys")["remedy"],
        "chmod 600 .cryptlet/keys/account.json"
    );

    announce(&desk, "http://127.0.0.1:1", std::process::id());
    open(".cryptlet/operator.token", 0o640);
    let checks = examined(&desk, &[], 1);
    assert_eq!(check(&checks, "service")["result"], "failed");
}

#[test]
fn keys_that_are_missing_or_for_something_else_are_failures() {
    let desk = desk(None);
    fs::remove_file(desk.path().join(".cryptlet/keys/attestation.json")).unwrap();
    let checks = examined(&desk, &[], 1);
    let keys = check(&checks, "keys");
    assert_eq!(
        keys["remedy"],
        "cryptlet key new attestation --purpose attestation"
    );

    key(&desk, "attestation", "guest");
    let checks = examined(&desk, &[], 1);
    let finding = check(&checks, "keys")["finding"].as_str().unwrap();
    assert!(finding.contains("is for guest"), "{finding}");
}

#[test]
fn a_folder_that_another_process_holds_is_no_service() {
    let desk = desk(None);
    let lock = fs::File::create(desk.path().join(".cryptlet/lock")).unwrap();
    lock.lock().unwrap();
    let checks = examined(&desk, &[], 1);
    let finding = check(&checks, "service")["finding"].as_str().unwrap();
    assert!(
        finding.starts_with("another process works in .cryptlet"),
        "{finding}"
    );
}

/// A node's answer.
fn result(value: Value) -> String {
    let body = json!({"jsonrpc": "2.0", "id": 0, "result": value});
    answer("200 OK", "application/json", &body.to_string())
}

/// A double counts ids like the client that makes one for each request.
fn node(chain: &str, code: &str, balance: &str) -> Double {
    Double::answering(vec![
        result(json!(chain)),
        result(json!({"number": "0x7", "timestamp": "0x43b83e80"})),
        result(json!(code)),
        result(json!(code)),
        result(json!(balance)),
    ])
}

#[test]
fn a_node_that_serves_the_configured_chain_is_fine() {
    let node = node("0x7a69", "0x6001", "0xde0b6b3a7640000");
    let desk = desk(Some(&node.url()));
    let checks = examined(&desk, &[], 0);
    let reached = check(&checks, "ledger main: node")["finding"]
        .as_str()
        .unwrap();
    assert!(
        reached.ends_with("serves eip155:31337 at block 7"),
        "{reached}"
    );
    for name in ["gateway", "registry", "account"] {
        assert_eq!(
            check(&checks, &format!("ledger main: {name}"))["result"],
            "ok"
        );
    }
    let account = check(&checks, "ledger main: account")["finding"]
        .as_str()
        .unwrap();
    assert!(
        account.contains("owns 1.000000000000000000 ether"),
        "{account}"
    );
    // A development chain may lie in the past; that is worth a look and no failure.
    assert_eq!(check(&checks, "ledger main: clock")["result"], "warning");
    assert!(node.requests()[4].contains("eth_getBalance"));
}

#[test]
fn missing_contracts_and_an_empty_account_are_failures() {
    let node = node("0x7a69", "0x", "0x0");
    let desk = desk(Some(&node.url()));
    let checks = examined(&desk, &[], 1);
    for name in ["gateway", "registry", "account"] {
        assert_eq!(
            check(&checks, &format!("ledger main: {name}"))["result"],
            "failed"
        );
    }
    drop(node);
}

#[test]
fn another_chain_and_a_missing_node_are_failures_unless_nobody_asks() {
    let node = Double::answering(vec![result(json!("0x1"))]);
    let desk = desk(Some(&node.url()));
    let checks = examined(&desk, &[], 1);
    let finding = check(&checks, "ledger main: node")["finding"]
        .as_str()
        .unwrap();
    assert!(
        finding.contains("serves eip155:1, not eip155:31337"),
        "{finding}"
    );
    node.requests();

    let checks = examined(&desk, &[], 1);
    let finding = check(&checks, "ledger main: node")["finding"]
        .as_str()
        .unwrap();
    assert!(finding.contains("Connection refused"), "{finding}");
    let checks = examined(&desk, &["--offline"], 0);
    assert!(
        checks
            .iter()
            .all(|check| check["name"] != "ledger main: node")
    );
}
