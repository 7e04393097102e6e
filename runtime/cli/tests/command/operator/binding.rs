//! From a document to an activated binding: proposed, signed by everybody, sent to the service.

use serde_json::Value;

use super::double::{Double, answer};
use crate::Desk;

const DOCUMENT: &str = include_str!("binding.toml");

/// A desk with the keys `acme` and `globex` and a proposal that both must sign.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.file("passphrase", "correct horse\n");
    let mut parties = [
        ("acme", key(&desk, "acme")),
        ("globex", key(&desk, "globex")),
    ];
    parties.sort_by_key(|(_, address)| address.to_lowercase());
    let document = parties.iter().zip(["Acme", "Globex"]).enumerate().fold(
        DOCUMENT.to_owned(),
        |document, (number, ((name, address), old))| {
            let placeholder = format!("0x{:040x}", number + 1);
            document
                .replace(&format!("name = \"{old}\""), &format!("name = \"{name}\""))
                .replace(&placeholder, address)
        },
    );
    desk.file("binding.toml", document);
    desk.run([
        "bind",
        "propose",
        "binding.toml",
        "--output",
        "proposal.json",
    ])
    .done();
    desk
}

fn key(desk: &Desk, name: &str) -> String {
    let made = desk
        .run([
            "key",
            "new",
            name,
            "--purpose=counterparty",
            "--cost=light",
            "--passphrase-file=passphrase",
            "--json",
        ])
        .done();
    let made: Value = serde_json::from_str(&made).unwrap();
    made["address"].as_str().unwrap().to_owned()
}

fn sign(desk: &Desk, proposal: &str, key: &str) -> crate::Outcome {
    let passphrase = "--passphrase-file=passphrase";
    desk.run(["bind", "sign", proposal, "--key", key, passphrase])
}

fn proposal(desk: &Desk, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(desk.path().join(name)).unwrap()).unwrap()
}

const ACTIVE: &str = r#"{"name":"acme-globex-swap","id":"0x01","cryptlet":"interest-rate-swap",
    "active":"1.0.0","queued":0,"executed":0,"open-deliveries":0,"waiting":[]}"#;

#[test]
fn a_binding_is_active_when_everybody_has_signed() {
    let desk = desk();
    let shown = desk.run(["bind", "show", "proposal.json"]).done();
    assert_eq!(shown.matches("missing").count(), 2, "{shown}");
    for part in [
        "may call     settle(uint32 period, address payer, uint256 amount)",
        "woken by     contract event PeriodEnded",
        "fetches      rates: GET https://rates.example/",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }

    let said = sign(&desk, "proposal.json", "acme").done();
    assert!(said.contains("still to sign: globex (0x"), "{said}");
    let sentence = desk.run(["bind", "activate", "proposal.json"]).failed(1);
    assert!(
        sentence.contains("is not signed by globex (0x"),
        "{sentence}"
    );
    let said = sign(&desk, "proposal.json", "globex").done();
    assert!(
        said.contains("cryptlet bind activate proposal.json"),
        "{said}"
    );
    let shown = desk.run(["bind", "show", "proposal.json"]).done();
    assert_eq!(shown.matches("genuine").count(), 2, "{shown}");

    let double = Double::answering(vec![answer("201 Created", "application/json", ACTIVE)]);
    double.runs_on(&desk);
    let said = desk.run(["bind", "activate", "proposal.json"]).done();
    assert!(
        said.contains("is active and runs interest-rate-swap 1.0.0"),
        "{said}"
    );
    let requests = double.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/bindings "), "{head}");
    let sent: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        sent["document"],
        proposal(&desk, "proposal.json")["document"]
    );
    assert_eq!(sent["approvals"].as_array().unwrap().len(), 2);
}

#[test]
fn copies_that_were_signed_apart_come_together() {
    let desk = desk();
    let copy = std::fs::read(desk.path().join("proposal.json")).unwrap();
    desk.file("copy.json", copy);
    sign(&desk, "proposal.json", "acme").done();
    sign(&desk, "copy.json", "globex").done();
    let double = Double::answering(vec![answer("201 Created", "application/json", ACTIVE)]);
    double.runs_on(&desk);
    desk.run(["bind", "activate", "proposal.json", "copy.json"])
        .done();
    assert_eq!(double.requests().len(), 1);

    let other = std::fs::read_to_string(desk.path().join("binding.toml")).unwrap();
    desk.file(
        "other.toml",
        other.replace("ordered = true", "ordered = false"),
    );
    desk.run(["bind", "propose", "other.toml", "-o", "other.json"])
        .done();
    let sentence = desk
        .run(["bind", "activate", "proposal.json", "other.json"])
        .failed(1);
    assert!(
        sentence.contains("propose different bindings or changes"),
        "{sentence}"
    );
}

#[test]
fn a_wallets_signature_counts_however_it_writes_the_last_byte() {
    let desk = desk();
    let before = std::fs::read(desk.path().join("proposal.json")).unwrap();
    sign(&desk, "proposal.json", "acme").done();
    let signed = proposal(&desk, "proposal.json")["approvals"][0].clone();
    let counterparty = signed["counterparty"].as_str().unwrap();
    let signature = signed["signature"].as_str().unwrap();
    let other_form = match signature.split_at(signature.len() - 2) {
        (start, "1b") => format!("{start}00"),
        (start, _) => format!("{start}01"),
    };
    desk.file("wallet.json", before);
    desk.run([
        "bind",
        "sign",
        "wallet.json",
        "--counterparty",
        counterparty,
        "--signature",
        &other_form,
    ])
    .done();
    assert_eq!(
        proposal(&desk, "wallet.json"),
        proposal(&desk, "proposal.json")
    );
}

#[test]
fn a_signature_that_is_none_is_refused_and_changes_nothing() {
    let desk = desk();
    sign(&desk, "proposal.json", "acme").done();
    let before = proposal(&desk, "proposal.json");
    let acme = before["approvals"][0]["counterparty"].as_str().unwrap();
    let signature = before["approvals"][0]["signature"].as_str().unwrap();
    let globex = key_address(&desk, "globex");
    let altered = signature.replacen(
        &signature[10..11],
        if &signature[10..11] == "0" { "1" } else { "0" },
        1,
    );
    let nobody = "0x00000000000000000000000000000000000000aa";
    for (counterparty, signature, says) in [
        (globex.as_str(), signature, "is not one of"),
        (acme, altered.as_str(), "signature"),
        (acme, "0x00", "is not 65 bytes"),
        (acme, "signed", "is not in hex digits"),
        (nobody, signature, "is no counterparty of acme-globex-swap"),
        ("acme", signature, "acme is no address"),
    ] {
        let sentence = desk
            .run([
                "bind",
                "sign",
                "proposal.json",
                "--counterparty",
                counterparty,
                "--signature",
                signature,
            ])
            .failed(1);
        assert!(sentence.contains(says), "{says}: {sentence}");
        assert_eq!(proposal(&desk, "proposal.json"), before);
    }
}

fn key_address(desk: &Desk, name: &str) -> String {
    let listed = desk.run(["key", "ls", "--json"]).done();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let keys = listed.as_array().unwrap();
    let key = keys.iter().find(|key| key["name"] == name).unwrap();
    key["address"].as_str().unwrap().to_owned()
}

#[test]
fn a_proposal_that_shows_something_else_than_it_says_is_refused() {
    let desk = desk();
    sign(&desk, "proposal.json", "acme").done();
    let genuine = std::fs::read_to_string(desk.path().join("proposal.json")).unwrap();
    for (from, to, says) in [
        ("ordered = true", "ordered = false", "do not sign it"),
        ("\"ordered\": true", "\"ordered\": false", "do not sign it"),
        ("\"chainId\": 31337", "\"chainId\": 1", "do not sign it"),
        (
            "\"binding\": \"acme",
            "\"binding\": \"acne",
            "do not sign it",
        ),
        ("\"approvals\"", "\"approval\"", "is no proposal"),
        (
            "\"signature\": \"0x",
            "\"signature\": \"0x00",
            "an approval in altered.json is none",
        ),
    ] {
        let altered = genuine.replacen(from, to, 1);
        assert_ne!(altered, genuine, "{from}");
        desk.file("altered.json", &altered);
        let sentence = desk.run(["bind", "show", "altered.json"]).failed(1);
        assert!(sentence.contains(says), "{from}: {sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        sign(&desk, "altered.json", "globex").failed(1);
    }
}

#[test]
fn who_cannot_sign_hears_it_before_any_question() {
    let desk = desk();
    key(&desk, "stranger");
    let new = ["key", "new", "payer", "--purpose=account", "--cost=light"];
    desk.run(new.iter().chain(&["--passphrase-file=passphrase"]))
        .done();
    for (name, status, says) in [
        (
            "stranger",
            1,
            "is no counterparty of acme-globex-swap; still to sign: ",
        ),
        ("payer", 2, "key payer is for account"),
        (
            "nobody",
            2,
            "cryptlet key new nobody --purpose counterparty",
        ),
    ] {
        // Without a source the terminal would be asked, and there is none.
        let sentence = desk
            .run(["bind", "sign", "proposal.json", "--key", name])
            .failed(status);
        assert!(sentence.contains(says), "{sentence}");
    }
}

#[test]
fn a_wrong_passphrase_names_the_key_and_how_to_give_it() {
    let desk = desk();
    desk.file("wrong", "incorrect horse\n");
    let sentence = desk
        .run([
            "bind",
            "sign",
            "proposal.json",
            "--key=acme",
            "--passphrase-file=wrong",
        ])
        .failed(1);
    assert_eq!(
        sentence,
        "error: the passphrase does not open key `acme` in .cryptlet/keys; give the one it was \
         made with, on the terminal or by --passphrase-file or --passphrase-fd\n"
    );
}

#[test]
fn a_document_with_a_mistake_is_not_proposed() {
    let desk = Desk::new();
    desk.file(
        "binding.toml",
        DOCUMENT.replace("threshold = 2", "threshold = 3"),
    );
    let sentence = desk
        .run(["bind", "propose", "binding.toml", "-o", "proposal.json"])
        .failed(1);
    assert!(sentence.contains("binding.threshold"), "{sentence}");
    assert!(!desk.path().join("proposal.json").exists());
}
