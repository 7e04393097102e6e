//! `http` from the guest's side; the allow-list itself is tested beside its code.

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{HttpError, HttpGrant, Record, Run};

use crate::guests::utility;
use crate::host::{Case, Fixed};

const HTTP: &str = "[capabilities]\nhttp = true\n";

fn fetch(method: &str, address: &str, headers: &str) -> String {
    format!(
        "(call $fetch @‹{method}› @‹{address}› {headers} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))"
    )
}

const NO_HEADERS: &str = "(i32.const 0) (i32.const 0)";

fn answers(run: &Run) -> Vec<Result<u16, HttpError>> {
    run.transcript
        .records()
        .iter()
        .map(|record| match record {
            Record::Fetch { answer, .. } => answer.clone().map(|response| response.status),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_guest_gets_what_its_grant_serves() {
    // The answer: a discriminant, then at +8 the status, at +12 the headers, at +20 the body.
    let guest = utility(
        &format!("{HTTP}[messages]\nrequest = \"RateFor()\"\nreply = \"Rate(string text)\""),
        &format!(
            "{} (call $ok (i32.load (i32.const 276)) (i32.load (i32.const 280)))",
            fetch("GET", "grant://rates/a.csv", NO_HEADERS)
        ),
    );
    let services = Fixed::with_body(r#"{"text":"4.38"}"#);
    let mut case = Case::of(&guest);
    case.services = services.clone();
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(run.reply.as_deref(), Some(&br#"{"text":"4.38"}"#[..]));
    let fetched = services.fetched.lock().expect("nobody panicked");
    assert_eq!(fetched[0].url, "http://rates.example/data/a.csv");
    match &run.transcript.records()[0] {
        Record::Fetch { request, .. } => assert_eq!(request.url, "grant://rates/a.csv"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn denied_requests_never_reach_the_network() {
    let services = Arc::new(Fixed::default());
    for (method, address) in [
        ("GET", "http://evil.example/data/x"),
        ("GET", "grant://rates/../secret"),
        ("POST", "grant://rates/x"),
    ] {
        let mut case = Case::of(&utility(
            HTTP,
            &format!("{} (call $ok @‹{{}}›)", fetch(method, address, NO_HEADERS)),
        ));
        case.services = services.clone();
        let run = case.run();
        assert_eq!(run.outcome, Outcome::Ok);
        assert!(answers(&run)[0].is_err());
    }
    assert!(services.fetched.lock().expect("nobody panicked").is_empty());
}

#[test]
fn headers_of_the_connection_are_the_hosts() {
    // one header: name and value stand in a list of two texts at 512
    let header = |name: &str, value: &str| {
        let body = format!(
            "(local.set $a (i32.const 512))
             {} {} (call $ok @‹{{}}›)",
            store_text(512, name),
            store_text(520, value)
        );
        body.replace(
            "(call $ok",
            &format!(
                "{} (call $ok",
                fetch("GET", "grant://rates/x", "(i32.const 512) (i32.const 1)")
            ),
        )
    };
    for (name, value, allowed) in [
        ("accept", "text/csv", true),
        ("Host", "evil.example", false),
        ("Transfer-Encoding", "chunked", false),
        ("proxy-authorization", "x", false),
        ("idempotency-key", "mine", false),
        ("a b", "x", false),
        ("x", "two\r\nhost: evil.example", false),
    ] {
        let run = Case::of(&utility(HTTP, &header(name, value))).run();
        assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
        assert_eq!(answers(&run)[0].is_ok(), allowed, "{name}: {value}");
    }
}

/// Stores address and length of a text at an address.
fn store_text(at: u32, text: &str) -> String {
    format!("(call $store (i32.const {at}) @‹{text}›)")
}

#[test]
fn other_methods_carry_a_key_that_is_the_same_for_the_same_call() {
    let guest = utility(
        HTTP,
        &format!(
            "{} {} (call $ok @‹{{}}›)",
            fetch("POST", "grant://desk/x", NO_HEADERS),
            fetch("POST", "grant://desk/x", NO_HEADERS)
        ),
    );
    let keys = || {
        let services = Arc::new(Fixed::default());
        let mut case = Case::of(&guest);
        case.services = services.clone();
        case.grants.http = BTreeMap::from([(
            "desk".to_owned(),
            HttpGrant {
                base: "https://desk.example/".parse().expect("an address"),
                methods: vec!["POST".to_owned()],
            },
        )]);
        assert_eq!(case.run().outcome, Outcome::Ok);
        let fetched = services.fetched.lock().expect("nobody panicked");
        let keys: Vec<String> = fetched
            .iter()
            .map(|request| {
                let (name, value) = request.headers.last().expect("the host adds one");
                assert_eq!(name, "idempotency-key");
                value.clone()
            })
            .collect();
        keys
    };
    let first = keys();
    assert_ne!(first[0], first[1]);
    assert_eq!(keys(), first);
}

#[test]
fn responses_count_together_and_the_guest_hears_first() {
    let one = fetch("GET", "grant://rates/x", NO_HEADERS);
    let guest = utility(
        &format!("{HTTP}[limits]\nhttp-response-bytes = 1000"),
        &format!("{one} {one} {one} (unreachable)"),
    );
    let mut case = Case::of(&guest);
    // 20 bytes of headers and 600 of body: the second one does not fit any more
    case.services = Fixed::with_body(vec![b'x'; 600]);
    let run = case.run();
    assert_eq!(answers(&run), [Ok(200), Err(HttpError::TooLarge(380))]);
    assert_eq!(
        run.outcome,
        Outcome::Limit {
            which: "http-response-bytes".to_owned(),
            allowed: 1000
        }
    );
}
