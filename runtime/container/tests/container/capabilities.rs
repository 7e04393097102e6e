//! A capability works only if the manifest asks for it and the binding gives it, call by call.

use std::collections::BTreeMap;
use std::time::Duration;

use cryptlet_attest::Outcome;
use cryptlet_container::{GrantError, Grants, HttpBounds, HttpGrant, Record};

use crate::guests::{contract, utility};
use crate::host::{CONTAINER, Case, all_grants, load};

#[test]
fn what_the_binding_does_not_give_traps_at_the_call() {
    for (capability, call, topics) in [
        ("log = true", "(call $log (i32.const 0) @‹x›)", ""),
        ("state = true", "(call $state_set @‹k› @‹v›)", ""),
        (
            "events = true",
            "(call $publish @‹T› @‹{}›)",
            "[messages]\ntopics = [\"T()\"]",
        ),
    ] {
        let guest = contract(
            &format!("[capabilities]\n{capability}\n{topics}"),
            &format!("{call} (call $ok @‹{{}}›)"),
        );
        let mut case = Case::of(&guest);
        assert_eq!(case.run().outcome, Outcome::Ok, "{capability}");
        case.grants = Grants::default();
        let run = case.run();
        assert_eq!(
            run.outcome,
            Outcome::Trap {
                kind: "not-granted".to_owned()
            }
        );
        assert!(run.events.is_empty() && run.state_changes.is_empty() && run.logs.is_empty());
    }
}

#[test]
fn interfaces_with_an_error_for_it_say_that_it_is_not_granted() {
    let http = utility(
        "[capabilities]\nhttp = true",
        "(call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256)) (call $ok @‹{}›)",
    );
    let build = contract(
        "[capabilities]\nledger = true\n[messages]\nactions = [\"settle(uint32 period)\"]",
        "(call $build @‹settle› @‹{}› (i32.const 256)) (call $ok @‹{}›)",
    );
    let sign = contract(
        "[capabilities]\nkeychain = [\"desk\"]",
        "(call $sign @‹desk› @‹text› (i32.const 256)) (call $ok @‹{}›)",
    );
    for guest in [http, build, sign] {
        let mut case = Case::of(&guest);
        case.grants = Grants::default();
        let run = case.run();
        assert_eq!(run.outcome, Outcome::Ok);
        match &run.transcript.records()[0] {
            Record::Fetch { answer, .. } => assert!(answer.is_err()),
            Record::Build { answer, .. } => assert!(answer.is_err()),
            Record::Sign { answer, .. } => assert!(answer.is_err()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_key_needs_its_name_in_manifest_and_binding() {
    let guest = contract(
        "[capabilities]\nkeychain = [\"desk\"]",
        "(call $sign @‹desk› @‹text› (i32.const 256))
         (call $sign @‹delivery› @‹text› (i32.const 256))
         (call $public_key_of @‹desk› (i32.const 256)) (call $ok @‹{}›)",
    );
    let mut case = Case::of(&guest);
    case.grants.keys.push("delivery".to_owned());
    let run = case.run();
    let answers: Vec<bool> = run
        .transcript
        .records()
        .iter()
        .map(|record| match record {
            Record::Sign { answer, .. } => answer.is_ok(),
            Record::PublicKeyOf { answer, .. } => answer.is_ok(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answers, [true, false, true]);
}

#[test]
fn missing_grants_are_named_before_any_run() {
    let guest = load(&contract(
        "[capabilities]\nlog = true\nkeychain = [\"desk\"]",
        "(unreachable)",
    ));
    let mut grants = all_grants();
    assert_eq!(CONTAINER.check_grants(&guest, &grants), Ok(()));
    grants.keys.clear();
    let error = CONTAINER
        .check_grants(&guest, &grants)
        .expect_err("a key is missing");
    assert!(error.to_string().contains("key `desk`"), "{error}");
    grants.log = false;
    let error = CONTAINER
        .check_grants(&guest, &grants)
        .expect_err("the log is missing");
    assert!(matches!(error, GrantError::Missing { capability, .. } if capability == "log"));
}

#[test]
fn http_grants_that_cannot_bound_anything_are_refused() {
    let guest = load(&utility("[capabilities]\nhttp = true", "(unreachable)"));
    let with = |name: &str, base: &str, methods: &[&str]| {
        let grant = HttpGrant {
            base: base.parse().expect("an address"),
            methods: methods.iter().map(|m| (*m).to_owned()).collect(),
            bounds: HttpBounds::default(),
        };
        let grants = Grants {
            http: BTreeMap::from([(name.to_owned(), grant)]),
            ..Grants::default()
        };
        CONTAINER.check_grants(&guest, &grants)
    };
    assert_eq!(with("rates", "https://a.example/x", &["GET"]), Ok(()));
    for (name, base, methods) in [
        ("rates", "ftp://a.example/", &["GET"][..]),
        ("rates", "https://me:secret@a.example/", &["GET"]),
        ("rates", "https://a.example/?key=1", &["GET"]),
        ("rates", "https://a.example/#x", &["GET"]),
        ("rates", "https://a.example/", &[]),
        ("rates", "https://a.example/", &["get"]),
        ("Rates", "https://a.example/", &["GET"]),
        ("", "https://a.example/", &["GET"]),
        ("a/b", "https://a.example/", &["GET"]),
    ] {
        assert!(
            with(name, base, methods).is_err(),
            "{name} {base} {methods:?}"
        );
    }
    assert!(CONTAINER.check_grants(&guest, &Grants::default()).is_err());
}

#[test]
fn bounds_of_an_http_grant_that_nothing_passes_or_nobody_gives_are_refused() {
    let guest = load(&utility("[capabilities]\nhttp = true", "(unreachable)"));
    let with = |bounds: HttpBounds| {
        let grant = HttpGrant {
            bounds,
            ..HttpGrant::reading("https://a.example/".parse().expect("an address"))
        };
        let grants = Grants {
            http: BTreeMap::from([("rates".to_owned(), grant)]),
            ..Grants::default()
        };
        CONTAINER.check_grants(&guest, &grants)
    };
    assert_eq!(with(HttpBounds::default()), Ok(()));
    assert_eq!(with(HttpBounds::MAXIMUM), Ok(()));
    let most = HttpBounds::MAXIMUM;
    for (named, bounds) in [
        (
            "requests",
            HttpBounds {
                requests: 0,
                ..most
            },
        ),
        (
            "requests",
            HttpBounds {
                requests: most.requests + 1,
                ..most
            },
        ),
        (
            "request-bytes",
            HttpBounds {
                request_bytes: 0,
                ..most
            },
        ),
        (
            "response-bytes",
            HttpBounds {
                response_bytes: most.response_bytes + 1,
                ..most
            },
        ),
        (
            "timeout-milliseconds",
            HttpBounds {
                timeout: Duration::ZERO,
                ..most
            },
        ),
        (
            "timeout-milliseconds",
            HttpBounds {
                timeout: Duration::MAX,
                ..most
            },
        ),
    ] {
        let error = with(bounds).expect_err(named);
        assert!(error.to_string().contains(named), "{error}");
    }
}
