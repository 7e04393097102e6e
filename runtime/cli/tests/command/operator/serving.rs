//! The commands against a service that runs.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::component::silent;
use crate::{Desk, Outcome};

/// A service on a desk's state folder; it ends with the value.
struct Served {
    child: Child,
    /// Kept open: who prints to a closed pipe is told so.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Served {
    /// Starts a service on the desk's folder, and waits until it serves.
    fn on(desk: &Desk) -> Self {
        let mut child = desk
            .command(["serve", "--passphrase-file=passphrase"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = output.next().unwrap().unwrap();
        assert!(line.contains("http://127.0.0.1:"), "{line}");
        Self {
            child,
            _output: output,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// Tells it to stop, and says with which status it did.
    fn stopped(mut self) -> Option<i32> {
        kill_process(self.pid(), Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A desk whose state folder is ready to be served, without a ledger.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.file("passphrase", "correct horse\n");
    desk.run([
        "config",
        "init",
        "--origin=fabric.example/log",
        "--listen=127.0.0.1:0",
    ])
    .done();
    desk.run([
        "key",
        "new",
        "attestation",
        "--purpose=attestation",
        "--cost=light",
        "--passphrase-file=passphrase",
    ])
    .done();
    for version in ["1.0.0", "1.1.0"] {
        desk.file(format!("silent-{version}.wasm"), silent(version));
    }
    desk
}

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.done()).unwrap()
}

#[test]
fn a_host_is_started_used_and_stopped_from_the_shell() {
    let desk = desk();
    let served = Served::on(&desk);

    let said = desk.run(["status", "--check"]).done();
    assert!(
        said.starts_with("fabric.example/log  serves since 2"),
        "{said}"
    );
    let checks = desk.run(["doctor", "--json"]);
    assert_eq!(checks.status, 0, "{checks:?}");
    assert!(
        checks
            .output
            .contains("fabric.example/log serves 0 bindings"),
        "{checks:?}"
    );

    let deployed = json(desk.run(["deploy", "silent-1.0.0.wasm", "silent-1.1.0.wasm", "--json"]));
    assert_eq!(deployed[1]["version"], "1.1.0");
    let measured = desk.run(["measure", "silent-1.1.0.wasm"]).done();
    let measurement = deployed[1]["measurement"].as_str().unwrap();
    assert!(measured.starts_with(measurement), "{measured}");
    let listed = json(desk.run(["ls", "--json"]));
    assert_eq!(listed["versions"], deployed);
    let compared = json(desk.run(["diff", "silent@1.0.0", "silent-1.1.0.wasm", "--json"]));
    assert_eq!(
        compared["before"]["measurement"],
        deployed[0]["measurement"]
    );
    assert_eq!(
        (&compared["bump"], &compared["fits"]),
        (&"minor".into(), &true.into())
    );
    assert_eq!(compared["agreements"], Value::Array(Vec::new()));
    let table = desk.run(["ls"]).done();
    assert!(table.starts_with("CRYPTLET  VERSION  DEPLOYED"), "{table}");

    desk.file("noise.wasm", "noise");
    let sentence = desk.run(["deploy", "noise.wasm"]).failed(1);
    assert!(sentence.starts_with("error: noise.wasm: "), "{sentence}");
    let sentence = desk
        .run(["promote", "nothing", "1.0.0", "--reason=a test"])
        .failed(2);
    assert!(sentence.contains("no binding \"nothing\""), "{sentence}");
    desk.run(["invoke", "nothing", "ask", "--key=k"]).failed(2);

    assert_eq!(served.stopped(), Some(0));
    let sentence = desk.run(["status"]).failed(1);
    assert!(
        sentence.contains("start it with `cryptlet serve`"),
        "{sentence}"
    );
    let logged = desk.run(["logs", "--json", "--lines=1000"]).done();
    assert!(logged.contains("\"message\":\"deployed\""), "{logged}");
}

#[test]
fn a_token_opens_what_its_role_may_until_it_is_revoked() {
    let desk = desk();
    let served = Served::on(&desk);
    let token = desk
        .run(["token", "new", "regulator", "--role=auditor"])
        .done();
    desk.file("regulator.token", token);
    let with_it = ["--token-file=regulator.token"];

    desk.run(["status"].iter().chain(&with_it)).done();
    let deploy = ["deploy", "silent-1.0.0.wasm"];
    let sentence = desk.run(deploy.iter().chain(&with_it)).failed(1);
    assert!(sentence.contains("operator"), "{sentence}");

    let names = json(desk.run(["token", "ls", "--json"]));
    let names: Vec<&str> = names
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["operator", "regulator"]);
    desk.run(["token", "revoke", "regulator"]).done();
    let sentence = desk.run(["status"].iter().chain(&with_it)).failed(1);
    assert!(
        sentence.contains("does not take the token in regulator.token"),
        "{sentence}"
    );
    assert_eq!(served.stopped(), Some(0));
}

#[test]
fn what_keeps_a_service_from_starting_is_one_sentence() {
    let desk = desk();
    desk.file("wrong", "incorrect horse\n");
    let cases = [
        (
            &["--passphrase-file=wrong"][..],
            1,
            "the passphrase does not open key `attestation` in .cryptlet/keys; give",
        ),
        (&["--passphrase-file=passphrase", "--state=none"], 2, "none"),
        (&["--passphrase-file=none"], 2, "file none"),
    ];
    for (options, status, says) in cases {
        let sentence = desk.run(["serve"].iter().chain(options)).failed(status);
        assert!(sentence.contains(says), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

#[test]
fn one_folder_has_one_service() {
    let desk = desk();
    let served = Served::on(&desk);
    let sentence = desk
        .run(["serve", "--passphrase-file=passphrase"])
        .failed(1);
    let last = sentence.lines().last().unwrap();
    assert!(
        last.starts_with("error: process ")
            && last.contains(" serves .cryptlet already at http://127.0.0.1:"),
        "{sentence}"
    );
    desk.run(["status"]).done();
    assert_eq!(served.stopped(), Some(0));
}

#[test]
fn a_backup_of_a_host_that_serves_is_a_host_again() {
    let desk = desk();
    let served = Served::on(&desk);
    desk.run(["deploy", "silent-1.0.0.wasm"]).done();
    desk.run(["token", "new", "billing", "--role=caller"])
        .done();
    let said = desk.run(["backup", "fabric.tar"]).done();
    assert!(said.starts_with("fabric.tar holds 4 files, "), "{said}");
    let sentence = desk.run(["backup", "fabric.tar"]).failed(1);
    assert!(sentence.contains("overwrites nothing"), "{sentence}");
    assert_eq!(served.stopped(), Some(0));

    let sentence = desk.run(["restore", "fabric.tar"]).failed(1);
    assert!(
        sentence.contains(".cryptlet is not an empty folder"),
        "{sentence}"
    );
    let restored = json(desk.run(["restore", "fabric.tar", "--state=again", "--json"]));
    assert_eq!(restored["files"].as_array().unwrap().len(), 4);
    assert_eq!(
        desk.run(["ls", "--state=again", "--json"]).done(),
        desk.run(["ls", "--json"]).done()
    );
    fs::rename(desk.path().join(".cryptlet"), desk.path().join("lost")).unwrap();
    fs::rename(desk.path().join("again"), desk.path().join(".cryptlet")).unwrap();
    let sentence = desk
        .run(["serve", "--passphrase-file=passphrase"])
        .failed(1);
    assert!(sentence.contains("restored.toml"), "{sentence}");
    fs::remove_file(desk.path().join(".cryptlet/restored.toml")).unwrap();
    let served = Served::on(&desk);
    desk.run(["status", "--check"]).done();
    desk.run(["deploy", "silent-1.1.0.wasm"]).done();
    assert_eq!(served.stopped(), Some(0));
}

#[test]
fn what_explain_says_is_reloaded_is() {
    const CHANGED: [(&str, &str); 12] = [
        ("allow-remote", "true"),
        ("body-bytes", "1048576"),
        ("burst", "77"),
        ("drain-seconds", "7"),
        ("listen", "\"127.0.0.1:1\""),
        ("log", "\"debug\""),
        ("log-days", "7"),
        ("log-format", "\"json\""),
        ("poll-milliseconds", "777"),
        ("queue", "77"),
        ("requests-per-second", "77"),
        ("wait-seconds", "7"),
    ];
    let desk = desk();
    let served = Served::on(&desk);
    let explained = json(desk.run(["config", "explain", "service", "--json"]));
    let explained: BTreeMap<String, bool> = explained
        .as_array()
        .unwrap()
        .iter()
        .map(|key| {
            (
                key["key"].as_str().unwrap().to_owned(),
                key["reloads"] == true,
            )
        })
        .collect();

    let file = desk.path().join(".cryptlet/fabric.toml");
    let text = fs::read_to_string(&file).unwrap();
    let (before, _) = text.split_once("[service]").unwrap();
    let section: String = CHANGED
        .iter()
        .map(|(key, value)| format!("{key} = {value}\n"))
        .collect();
    fs::write(&file, format!("{before}[service]\n{section}")).unwrap();
    kill_process(served.pid(), Signal::HUP).unwrap();

    let mut follow = desk
        .command(["logs", "--follow", "--json", "--lines=1000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reloaded = BTreeMap::new();
    for line in BufReader::new(follow.stdout.take().unwrap()).lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_ne!(event["level"], "ERROR", "{event}");
        if let Some(key) = event["key"].as_str() {
            reloaded.insert(key.to_owned(), event["message"] == "changed");
        }
        if reloaded.len() == CHANGED.len() {
            break;
        }
    }
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert_eq!(reloaded, explained);
    assert_eq!(served.stopped(), Some(0));
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let desk = desk();
    desk.file("noise.tar", "noise");
    let sentence = desk
        .run(["restore", "noise.tar", "--state=again"])
        .failed(1);
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    desk.run(["restore", "none.tar", "--state=again"]).failed(2);
    assert!(!desk.path().join("again").exists());
    let sentence = desk.run(["backup", "fabric.tar", "--state=none"]).failed(2);
    assert!(
        sentence.contains("there is no state folder none"),
        "{sentence}"
    );
}
