//! Messages: sent once however often they are sent, and what came of them.

use serde_json::{Value, json};

use super::double::{Double, answer, problem};
use crate::Desk;

fn ticket() -> String {
    let view = json!({
        "binding": "swap", "number": 3, "instant": 1, "trigger": "message", "stage": "accepted",
        "result": null, "deliveries": [],
    });
    answer("202 Accepted", "application/json", &view.to_string())
}

fn ran(outcome: &str, explanation: Option<&str>, reply: Value) -> String {
    let view = json!({
        "binding": "swap", "number": 3, "instant": 1, "trigger": "message", "stage": "executed",
        "result": {
            "cryptlet": "irs", "version": "1.0.0", "outcome": outcome, "explanation": explanation,
            "reply": reply, "fuel": 12, "leaf": 9, "receipt": "cmVjZWlwdA==",
        },
        "deliveries": [],
    });
    answer("200 OK", "application/json", &view.to_string())
}

fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[test]
fn prints_the_reply_and_says_the_key_and_the_receipt() {
    let desk = Desk::new();
    let double = Double::answering(vec![ran("ok", None, json!({"rate": "1.5"}))]);
    double.runs_on(&desk);
    let outcome = desk.run(["invoke", "swap", "ask", "--input", r#" {"n": 1}"#]);
    assert_eq!(outcome.status, 0, "{outcome:?}");
    assert_eq!(outcome.output, "{\n  \"rate\": \"1.5\"\n}\n");
    assert!(
        outcome
            .errors
            .ends_with("invocation 3: irs 1.0.0, 12 fuel, receipt 9\n"),
        "{outcome:?}"
    );

    let requests = double.requests();
    let key = header(&requests[0], "idempotency-key").unwrap();
    assert_eq!(key.len(), 32);
    assert!(
        outcome
            .errors
            .starts_with(&format!("idempotency key {key}\n")),
        "{outcome:?}"
    );
    assert!(
        requests[0].starts_with("POST /v1/bindings/swap/messages/ask "),
        "{requests:?}"
    );
    assert!(requests[0].ends_with("\r\n\r\n {\"n\": 1}"), "{requests:?}");
}

#[test]
fn goes_on_asking_with_the_same_key_until_it_has_run() {
    let desk = Desk::new();
    let double = Double::answering(vec![ticket(), ticket(), ran("ok", None, Value::Null)]);
    double.runs_on(&desk);
    desk.file("input.json", "{}");
    let outcome = desk.run([
        "invoke",
        "swap",
        "ask",
        "--input=input.json",
        "--key=order-17",
    ]);
    assert_eq!(
        (outcome.status, outcome.output.as_str()),
        (0, ""),
        "{outcome:?}"
    );
    let requests = double.requests();
    for request in &requests {
        assert_eq!(header(request, "idempotency-key"), Some("order-17"));
        assert!(header(request, "prefer").unwrap().starts_with("wait="));
    }
    assert_eq!(requests.len(), 3);
}

#[test]
fn gives_up_waiting_but_not_the_message() {
    let desk = Desk::new();
    let double = Double::answering(vec![ticket()]);
    double.runs_on(&desk);
    let outcome = desk.run(["invoke", "swap", "ask", "--key=k", "--wait=0"]);
    assert_eq!(
        outcome.failed(1),
        "error: invocation 3 of binding swap is accepted but did not run within 0 s; \
         `cryptlet status` says what holds it up\n"
    );
    assert_eq!(header(&double.requests()[0], "prefer"), None);
}

#[test]
fn does_not_wait_when_told_so() {
    let desk = Desk::new();
    let double = Double::answering(vec![ticket(), ticket()]);
    double.runs_on(&desk);
    let said = desk
        .run(["invoke", "swap", "ask", "--key=k", "--detach"])
        .done();
    assert_eq!(said, "invocation 3 of binding swap is accepted\n");
    let said = desk
        .run(["invoke", "swap", "ask", "--key=k", "--detach", "--json"])
        .done();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["stage"], "accepted");
    for request in double.requests() {
        assert_eq!(header(&request, "prefer"), None);
    }
}

#[test]
fn an_outcome_other_than_ok_is_a_failure_that_has_a_receipt_too() {
    let desk = Desk::new();
    let double = Double::answering(vec![ran("guest-error", Some("no\u{1b}rate"), Value::Null)]);
    double.runs_on(&desk);
    let outcome = desk.run(["invoke", "swap", "ask", "--key=k", "--receipt=run.receipt"]);
    assert_eq!(outcome.status, 1);
    assert!(
        outcome.errors.ends_with(
            "error: invocation 3 of binding swap did not end well (guest-error: no\\u{1b}rate)\n"
        ),
        "{outcome:?}"
    );
    let receipt = std::fs::read(desk.path().join("run.receipt")).unwrap();
    assert_eq!(receipt, b"receipt");
    drop(double);
}

#[test]
fn a_receipt_overwrites_nothing_and_says_so_before_anything_is_sent() {
    let desk = Desk::new();
    desk.file("run.receipt", "old");
    let double = Double::answering(vec![]);
    double.runs_on(&desk);
    let sentence = desk
        .run(["invoke", "swap", "ask", "--key=k", "--receipt=run.receipt"])
        .failed(2);
    assert!(sentence.contains("run.receipt exists"), "{sentence}");
}

#[test]
fn what_is_not_json_is_found_before_anything_is_sent() {
    let desk = Desk::new();
    desk.file("input.json", "{\"n\": }");
    for (input, says) in [
        ("{\"n\": 1", "--input is not JSON: EOF"),
        (
            "input.json",
            "input.json is not JSON: expected value at line 1 column 7",
        ),
        ("none.json", "there is no file none.json"),
        ("-", "the standard input is not JSON"),
    ] {
        let sentence = desk
            .run(["invoke", "swap", "ask", "--input", input])
            .failed(2);
        assert!(sentence.contains(says), "{sentence}");
    }
}

#[test]
fn a_busy_service_is_asked_again_while_there_is_time() {
    let desk = Desk::new();
    let busy = problem(429, "the queue of swap is full");
    let soon = busy.replace("Retry-After: 7", "Retry-After: 0");
    let double = Double::answering(vec![soon, ran("ok", None, json!(1)), busy]);
    double.runs_on(&desk);
    let outcome = desk.run(["invoke", "swap", "ask", "--key=k"]);
    assert_eq!(
        (outcome.status, outcome.output.as_str()),
        (0, "1\n"),
        "{outcome:?}"
    );
    let sentence = desk
        .run(["invoke", "swap", "ask", "--key=k", "--wait=3"])
        .failed(1);
    assert_eq!(
        sentence,
        "error: the queue of swap is full; try again in 7 s\n"
    );
    assert_eq!(double.requests().len(), 3);
}
