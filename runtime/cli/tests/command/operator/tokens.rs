//! Tokens: shown once, kept by their hashes, gone when they are revoked.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::Desk;

fn desk() -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.path().join(".cryptlet")).unwrap();
    desk
}

#[test]
fn a_token_is_shown_once_and_listed_by_its_name() {
    let desk = desk();
    let none = desk.run(["token", "ls"]);
    assert_eq!((none.status, none.output.as_str()), (0, ""));
    assert!(none.errors.contains("no token is made yet"), "{none:?}");
    let token = desk
        .run(["token", "new", "billing", "--role=caller"])
        .done();
    assert!(
        token.starts_with("cfa_") && token.len() == 4 + 64 + 1,
        "{token}"
    );
    let made = desk
        .run(["token", "new", "regulator", "--role=auditor", "--json"])
        .done();
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(
        (&made["name"], &made["role"]),
        (&"regulator".into(), &"auditor".into())
    );

    let listed = desk.run(["token", "ls"]).done();
    assert!(
        listed.starts_with("NAME       ROLE     MADE\nbilling    caller   2"),
        "{listed}"
    );
    let listed = desk.run(["token", "ls", "--json"]).done();
    let file = desk.path().join(".cryptlet/tokens.toml");
    let kept = fs::read_to_string(&file).unwrap();
    for secret in [token.trim(), made["token"].as_str().unwrap()] {
        assert!(!listed.contains(secret) && !kept.contains(secret));
    }
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_revoked_token_is_gone() {
    let desk = desk();
    desk.run(["token", "new", "billing", "--role=caller"])
        .done();
    let said = desk.run(["token", "revoke", "billing"]).done();
    assert_eq!(said, "billing opens nothing any more\n");
    assert_eq!(desk.run(["token", "ls"]).output, "");
    let sentence = desk.run(["token", "revoke", "billing"]).failed(2);
    assert!(
        sentence.contains("there is no token \"billing\""),
        "{sentence}"
    );
}

#[test]
fn mistakes_name_the_way_out() {
    let desk = desk();
    desk.run(["token", "new", "billing", "--role=caller"])
        .done();
    let sentence = desk
        .run(["token", "new", "billing", "--role=caller"])
        .failed(1);
    assert!(sentence.contains("revoke it first"), "{sentence}");
    for (arguments, says) in [
        (
            ["new", "two words", "--role=caller"],
            "is no name for a token",
        ),
        (
            ["new", "other", "--role=king"],
            "take operator, caller or auditor",
        ),
        (["new", "other", "--state=none"], "--role"),
        (
            ["ls", "--json", "--state=none"],
            "there is no state folder none",
        ),
    ] {
        let sentence = desk.run(["token"].iter().chain(&arguments)).failed(2);
        assert!(sentence.contains(says), "{sentence}");
    }
    assert!(!desk.path().join("none").exists());
}
