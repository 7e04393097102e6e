//! Finding the service, and what is said when that or the service fails.

use std::net::TcpListener;

use super::double::{Double, announce, answer, problem};
use crate::Desk;

const STATUS: &str = r#"{"origin":"fabric.example/log","trusted-key":"fabric.example/log+1+2",
    "version":"0.1.0","started-at":1141776000000,"draining":false,"log-size":7,
    "ledgers":[{"name":"main","chain":"eip155:1","head":12,"failure":null}],
    "bindings":[{"name":"swap","id":"0x01","cryptlet":"irs","active":"1.0.0","queued":1,
        "executed":2,"open-deliveries":3,"waiting":["period 3 failed"]}]}"#;

#[test]
fn shows_how_the_service_is_and_fails_on_trouble_only_when_asked_to() {
    let desk = Desk::new();
    let ok = || answer("200 OK", "application/json", STATUS);
    let double = Double::answering(vec![ok(), ok(), ok()]);
    double.runs_on(&desk);

    let said = desk.run(["status"]).done();
    for part in [
        "fabric.example/log  serves since 2006-03-08T00:00:00Z",
        "main    eip155:1    12  answers",
        "swap     irs 1.0.0       1         2     3  waits",
        "period 3 failed",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let checked = desk.run(["status", "--check"]);
    assert_eq!(checked.status, 1);
    assert_eq!(checked.output, said);
    assert_eq!(
        checked.errors,
        "error: binding swap waits: period 3 failed\n"
    );

    let said = desk.run(["status", "--json"]).done();
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["bindings"][0]["open-deliveries"], 3);

    for request in double.requests() {
        assert!(
            request.starts_with("GET /v1/status HTTP/1.1\r\n"),
            "{request}"
        );
        let line = "authorization: bearer cfa_0123\r\n";
        assert!(request.to_lowercase().contains(line), "{request}");
    }
}

#[test]
fn without_a_service_it_says_how_to_start_one() {
    let desk = Desk::new();
    let sentence = desk.run(["status"]).failed(2);
    assert!(
        sentence.contains("there is no state folder .cryptlet"),
        "{sentence}"
    );

    std::fs::create_dir(desk.path().join("host")).unwrap();
    let sentence = desk.run(["status", "--state", "host"]).failed(1);
    assert_eq!(
        sentence,
        "error: no service runs on host; start it with `cryptlet serve --state host`\n"
    );
}

#[test]
fn waits_for_a_service_that_is_about_to_start() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path().join(".cryptlet")).unwrap();
    let waiting = desk
        .command(["status", "--wait=60"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let double = Double::answering(vec![answer("200 OK", "application/json", STATUS)]);
    double.runs_on(&desk);
    let outcome: crate::Outcome = waiting.wait_with_output().unwrap().into();
    assert!(outcome.done().contains("fabric.example/log  serves since"));
}

#[test]
fn a_service_that_ended_without_a_word_is_told_from_one_that_runs() {
    let desk = Desk::new();
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    announce(&desk, &url, std::process::id());
    let sentence = desk.run(["status"]).failed(1);
    assert!(
        sentence.contains("no service runs on .cryptlet any more"),
        "{sentence}"
    );
    assert!(
        sentence.contains("start it with `cryptlet serve`"),
        "{sentence}"
    );
    assert_eq!(sentence.lines().count(), 1);
}

#[test]
fn whoever_took_the_port_of_a_dead_service_sees_no_token() {
    let desk = Desk::new();
    let stranger = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    stranger.set_nonblocking(true).unwrap();
    // A process that has ended and was waited for.
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let url = format!("http://{}", stranger.local_addr().unwrap());
    announce(&desk, &url, child.id());

    let sentence = desk.run(["status"]).failed(1);
    assert!(
        sentence.contains("no service runs on .cryptlet any more"),
        "{sentence}"
    );
    let asked = stranger.accept().map(|_| ()).unwrap_err();
    assert_eq!(asked.kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_service_that_is_silent_about_a_component_is_given_up_in_a_sentence() {
    let desk = Desk::new();
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    announce(&desk, &url, std::process::id());
    desk.file("swap.wasm", "component");

    let sentence = desk.run(["deploy", "swap.wasm", "--wait", "1"]).failed(1);

    let start = format!("error: swap.wasm: the service at {url} does not answer in time; ");
    assert!(sentence.starts_with(&start), "{sentence}");
    assert_eq!(sentence.lines().count(), 1);
}

#[test]
fn what_the_service_refuses_is_one_sentence_with_the_right_status() {
    let cases = [
        (
            problem(401, "who are you"),
            1,
            "does not take the token in .cryptlet/operator.token",
        ),
        (
            problem(403, "a caller may not deploy"),
            1,
            "a caller may not deploy",
        ),
        (
            problem(404, "there is no binding swap"),
            2,
            "there is no binding swap",
        ),
        (problem(409, "it runs already"), 1, "it runs already"),
        (
            problem(429, "too many requests"),
            1,
            "too many requests; try again in 7 s",
        ),
        (
            problem(500, "the disk is full"),
            1,
            "`cryptlet logs` says more",
        ),
        (
            answer("502 Bad Gateway", "text/html", "<html>"),
            1,
            "(HTTP status 502) that no cryptlet service of this version gives",
        ),
        (
            answer("200 OK", "text/html", "<html>"),
            1,
            "HTTP status 200",
        ),
        (
            answer("200 OK", "application/json", "{\"origin\":1}"),
            1,
            "same version",
        ),
        (
            "garbage\r\n\r\n".to_owned(),
            1,
            "the service at http://127.0.0.1:",
        ),
        (String::new(), 1, "the service at http://127.0.0.1:"),
    ];
    for (answer, status, says) in cases {
        let desk = Desk::new();
        let double = Double::answering(vec![answer]);
        double.runs_on(&desk);
        let sentence = desk
            .run(["promote", "swap", "1.1.0", "--reason=a test"])
            .failed(status);
        assert!(sentence.contains(says), "{says}: {sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
        let requests = double.requests();
        assert!(
            requests[0].starts_with("POST /v1/bindings/swap/promote HTTP/1.1\r\n"),
            "{requests:?}"
        );
    }
}

#[test]
fn a_token_never_crosses_a_network_in_the_clear() {
    let desk = Desk::new();
    desk.file("token", "cfa_0123\n");
    for (url, says) in [
        ("http://fabric.example.com", "use https"),
        ("http://10.0.0.1:7410", "use https"),
        ("ftp://127.0.0.1", "https://"),
    ] {
        let sentence = desk
            .run(["status", "--server", url, "--token-file", "token"])
            .failed(2);
        assert!(sentence.contains(says), "{sentence}");
    }
    let sentence = desk
        .run(["status", "--server", "https://localhost"])
        .failed(2);
    assert!(sentence.contains("--token-file"), "{sentence}");
}

#[test]
fn a_service_elsewhere_needs_no_state_folder() {
    let desk = Desk::new();
    desk.file("token", "cfa_0123\n");
    desk.file("empty", "\n");
    let double = Double::answering(vec![answer("200 OK", "application/json", STATUS)]);
    let url = double.url();
    let base = format!("{url}/cryptlet/");
    desk.run(["status", "--server", &base, "--token-file", "token"])
        .done();
    let requests = double.requests();
    assert!(
        requests[0].starts_with("GET /cryptlet/v1/status "),
        "{requests:?}"
    );

    for (file, says) in [
        ("empty", "holds no token"),
        ("none", "cannot read the token file none"),
    ] {
        let sentence = desk
            .run(["status", "--server", &url, "--token-file", file])
            .failed(2);
        assert!(sentence.contains(says), "{sentence}");
    }
    let sentence = desk
        .run(["status", "--server", &url, "--token-file", "token"])
        .failed(1);
    assert!(sentence.contains("check --server"), "{sentence}");
}

#[test]
fn what_names_are_made_of_stays_inside_the_address() {
    let desk = Desk::new();
    let double = Double::answering(vec![problem(404, "there is no such binding")]);
    double.runs_on(&desk);
    desk.run(["rollback", "a/../b?c#d", "--reason", "a test"])
        .failed(2);
    let requests = double.requests();
    assert!(
        requests[0].starts_with("POST /v1/bindings/a%2F..%2Fb%3Fc%23d/rollback "),
        "{requests:?}"
    );
}

#[test]
fn deploys_one_component_after_the_other_until_one_is_refused() {
    let desk = Desk::new();
    for name in ["a.wasm", "b.wasm", "c.wasm"] {
        desk.file(name, name);
    }
    let deployed = r#"{"cryptlet":"rates","version":"1.0.0","measurement":"abcd","deployed-at":5}"#;
    let double = Double::answering(vec![
        answer("201 Created", "application/json", deployed),
        problem(422, "not a component"),
    ]);
    double.runs_on(&desk);
    let outcome = desk.run(["deploy", "a.wasm", "b.wasm", "c.wasm"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.output.contains("rates     1.0.0    abcd"),
        "{outcome:?}"
    );
    assert_eq!(outcome.errors, "error: b.wasm: not a component\n");
    let requests = double.requests();
    assert!(
        requests[0].contains("content-type: application/wasm\r\n"),
        "{requests:?}"
    );
    assert!(requests[0].ends_with("a.wasm"), "{requests:?}");

    // A wrong name is found before anything is sent.
    let double = Double::answering(vec![]);
    double.runs_on(&desk);
    let sentence = desk.run(["deploy", "a.wasm", "none.wasm"]).failed(2);
    assert!(
        sentence.contains("there is no file none.wasm"),
        "{sentence}"
    );
}
