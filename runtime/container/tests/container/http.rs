//! `http` from the guest's side; the allow-list itself is tested beside its code.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cryptlet_attest::Outcome;
use cryptlet_container::{
    BuildError, EncodedCall, HttpBounds, HttpError, HttpGrant, HttpLimits, HttpRequest,
    HttpResponse, KeyError, PublicKey, Record, Run, Services, SubmissionStatus,
};

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
                bounds: HttpBounds::default(),
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

/// What the guest of `rates` fetches, one after the other, under these bounds.
fn bounded(bounds: HttpBounds, requests: &[(&str, &str)]) -> Case {
    let fetches: String = requests
        .iter()
        .map(|(method, address)| fetch(method, address, NO_HEADERS))
        .collect();
    let mut case = Case::of(&utility(HTTP, &format!("{fetches} (call $ok @‹{{}}›)")));
    case.grants.http = BTreeMap::from([
        (
            "rates".to_owned(),
            HttpGrant {
                bounds,
                ..HttpGrant::reading("http://rates.example/data/".parse().expect("an address"))
            },
        ),
        (
            "other".to_owned(),
            HttpGrant::reading("http://other.example/".parse().expect("an address")),
        ),
    ]);
    case.services = Fixed::with_body(vec![b'x'; 600]);
    case
}

/// A run that heard of a bound hears of it again when it is replayed.
#[track_caller]
fn replays(case: &Case) -> Vec<Result<u16, HttpError>> {
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let again = case.replay(&run.transcript).expect("it replays");
    assert_eq!(again.meter, run.meter);
    answers(&run)
}

#[track_caller]
fn assert_denied(answer: &Result<u16, HttpError>, words: &str) {
    match answer {
        Err(HttpError::Denied(reason)) => assert!(reason.contains(words), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_grant_bounds_how_many_requests_a_run_may_send_to_it() {
    let case = bounded(
        HttpBounds {
            requests: 2,
            ..HttpBounds::default()
        },
        &[
            ("GET", "grant://rates/1"),
            ("POST", "grant://rates/not-allowed"),
            ("GET", "http://rates.example/data/2"),
            ("GET", "grant://rates/3"),
            ("GET", "grant://other/1"),
        ],
    );
    let heard = replays(&case);
    assert_denied(&heard[1], "POST");
    assert_denied(
        &heard[3],
        "grant `rates`: requests: 2 allowed in one run, 3 wanted",
    );
    assert_eq!([&heard[0], &heard[2], &heard[4]], [&Ok(200); 3]);
}

#[test]
fn a_grant_bounds_the_bytes_of_one_request() {
    let address = "grant://rates/0123456789";
    let size = "GEThttp://rates.example/data/0123456789".len() as u64;
    let with = |request_bytes| {
        let bounds = HttpBounds {
            request_bytes,
            ..HttpBounds::default()
        };
        replays(&bounded(bounds, &[("GET", address)])).remove(0)
    };
    assert_eq!(with(size), Ok(200));
    assert_denied(
        &with(size - 1),
        &format!("request-bytes: {} allowed, {size} wanted", size - 1),
    );
}

#[test]
fn a_grant_bounds_the_bytes_of_one_answer() {
    // 20 bytes of headers and 600 of body.
    let with = |response_bytes| {
        let bounds = HttpBounds {
            response_bytes,
            ..HttpBounds::default()
        };
        replays(&bounded(
            bounds,
            &[("GET", "grant://rates/x"), ("GET", "grant://other/x")],
        ))
    };
    assert_eq!(with(620), [Ok(200), Ok(200)]);
    assert_eq!(with(619), [Err(HttpError::TooLarge(619)), Ok(200)]);
}

/// Fetches as a test says; the rest is as ever.
struct Fetching<F>(F);

impl<F> Services for Fetching<F>
where
    F: Fn(&HttpRequest, &HttpLimits) -> Result<HttpResponse, HttpError> + Send + Sync + 'static,
{
    fn fetch(&self, request: &HttpRequest, limits: &HttpLimits) -> Result<HttpResponse, HttpError> {
        self.0(request, limits)
    }

    fn build(&self, action: &str, fields: &[u8]) -> Result<EncodedCall, BuildError> {
        Fixed::default().build(action, fields)
    }

    fn submission_status(&self, submission: u64) -> Option<SubmissionStatus> {
        Fixed::default().submission_status(submission)
    }

    fn next_submission(&self) -> u64 {
        Fixed::default().next_submission()
    }

    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        Fixed::default().public_key(key)
    }

    fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        Fixed::default().sign(key, message)
    }
}

fn answer(status: u16, headers: &[(&str, &str)]) -> HttpResponse {
    let headers = headers.iter();
    HttpResponse {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: Vec::new(),
    }
}

#[test]
fn a_grant_bounds_the_time_of_one_request_and_the_guest_goes_on() {
    let mut case = bounded(
        HttpBounds {
            timeout: Duration::from_millis(20),
            ..HttpBounds::default()
        },
        &[("GET", "grant://rates/x"), ("GET", "grant://other/x")],
    );
    case.services = Arc::new(Fetching(|_: &HttpRequest, limits: &HttpLimits| {
        if limits.timeout <= Duration::from_millis(20) {
            return Err(HttpError::Timeout);
        }
        Ok(answer(200, &[]))
    }));
    assert_eq!(replays(&case), [Err(HttpError::Timeout), Ok(200)]);
}

#[test]
fn a_guest_that_follows_a_redirect_is_checked_anew() {
    for (location, reached) in [
        ("http://rates.example/data/moved.csv", true),
        ("http://169.254.169.254/latest/meta-data/", false),
        ("http://[fd00:ec2::254]/latest/meta-data/", false),
        ("http://rates.example/secret", false),
        ("http://rates.example/data/../secret", false),
        ("https://rates.example/data/moved.csv", false),
        ("http://rates.example@169.254.169.254/data/", false),
        ("file:///etc/passwd", false),
    ] {
        // The answer at 256: its one header at +12, of whose two texts the value stands second.
        let first = fetch("GET", "grant://rates/a.csv", NO_HEADERS);
        let follow = format!(
            "(local.set $a (i32.load (i32.const 268)))
             (call $fetch @‹GET› (i32.load offset=8 (local.get $a)) (i32.load offset=12 (local.get $a))
               {NO_HEADERS} (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))"
        );
        let mut case = Case::of(&utility(
            HTTP,
            &format!("{first} {follow} (call $ok @‹{{}}›)"),
        ));
        case.services = Arc::new(Fetching(move |request: &HttpRequest, _: &HttpLimits| {
            Ok(match request.url.ends_with("/a.csv") {
                true => answer(302, &[("location", location)]),
                false => answer(200, &[]),
            })
        }));
        let heard = replays(&case);
        assert_eq!(heard[0], Ok(302), "an answer, not a way");
        assert_eq!(heard[1].is_ok(), reached, "{location}: {:?}", heard[1]);
    }
}
