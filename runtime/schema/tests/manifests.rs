//! Each folder of `manifests/` holds a `cryptlet.toml` and what reading it gives: the manifest
//! as JSON, or the kind of mistake and its message. `UPDATE_EXPECTED=1` writes what is missing.

use std::path::Path;
use std::{env, fs};

use cryptlet_schema::{Limits, Manifest, Problem};

fn reading_of(text: &str) -> String {
    match Manifest::parse(text) {
        Ok(manifest) => serde_json::to_string_pretty(&manifest).unwrap() + "\n",
        Err(error) => format!("{:?}\n{error}\n", error.problem),
    }
}

#[test]
fn every_manifest_reads_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let mut cases = 0;
    for case in fs::read_dir(folder).unwrap() {
        let case = case.unwrap().path();
        let reading = reading_of(&fs::read_to_string(case.join("cryptlet.toml")).unwrap());
        let expected = case.join("expected.txt");
        if env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &reading).unwrap();
        }
        let expected = fs::read_to_string(expected).unwrap_or_default();
        assert_eq!(reading, expected, "{}", case.display());
        let good = case
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("good-"));
        assert_eq!(reading.starts_with('{'), good, "{}", case.display());
        cases += 1;
    }
    assert!(cases > 50, "only {cases} cases were found");
}

#[test]
fn errors_carry_the_key_and_the_place() {
    let error = Manifest::parse(include_str!("manifests/unknown-key/cryptlet.toml")).unwrap_err();
    assert_eq!(error.problem, Problem::UnknownKey);
    assert_eq!(
        (error.key.as_str(), error.line, error.column),
        ("limits.feul", 19, 1)
    );
    assert_eq!(error.remedy, "did you mean `fuel`?");
}

#[test]
fn messages_are_found_by_name() {
    let manifest = Manifest::parse(include_str!("manifests/good-contract/cryptlet.toml")).unwrap();
    assert_eq!(
        manifest.messages.action("settle").unwrap().fields().len(),
        3
    );
    assert_eq!(
        manifest
            .messages
            .contract_event("PeriodEnded")
            .unwrap()
            .fields()
            .len(),
        7
    );
    assert_eq!(
        manifest
            .messages
            .topic("PeriodNetted")
            .unwrap()
            .fields()
            .len(),
        3
    );
    assert!(manifest.messages.action("PeriodEnded").is_none());
    assert!(manifest.messages.topic("settle").is_none());
}

#[test]
fn refuses_a_manifest_that_is_too_long() {
    let text = format!("#{}", "x".repeat(256 << 10));
    assert_eq!(Manifest::parse(&text).unwrap_err().problem, Problem::Syntax);
}

#[test]
fn the_lower_limit_counts_for_each_limit_alone() {
    let asked = Limits {
        fuel: 10,
        memory_bytes: 1 << 30,
        ..Limits::default()
    };
    let cap = Limits {
        fuel: 20,
        memory_bytes: 1 << 20,
        ..Limits::MAXIMUM
    };
    let capped = asked.capped_by(&cap);
    assert_eq!(
        capped,
        Limits {
            memory_bytes: 1 << 20,
            ..asked
        }
    );
    assert_eq!(capped, cap.capped_by(&asked), "the order does not matter");
    let highest = Limits::default().capped_by(&Limits::MAXIMUM);
    assert_eq!(highest, Limits::default(), "every default is allowed");
}

#[test]
fn limits_carry_the_names_that_the_manifest_uses() {
    let json = serde_json::to_value(Limits::default()).unwrap();
    let entries = Limits::default().entries();
    assert_eq!(json.as_object().unwrap().len(), entries.len());
    for (name, value) in entries {
        assert_eq!(json[name], value, "{name}");
    }
    let read: Limits = serde_json::from_str(r#"{"host-calls":3}"#).unwrap();
    assert_eq!(
        read,
        Limits {
            host_calls: 3,
            ..Limits::default()
        }
    );
    assert!(serde_json::from_str::<Limits>(r#"{"host_calls":3}"#).is_err());
}
