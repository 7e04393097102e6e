//! What may be said of a good bundle, and what of one that keeps things back.

use super::scene::{RUN, auditor, bundle_of, good, log, told};
use cryptlet_attest::bundle::{Bundle, BundleVerdict, Expectations, Standing, verify_bundle};
use cryptlet_attest::{Basis, Measurement, Outcome};

const NAMES: [&str; 10] = [
    "module", "version", "input", "output", "cost", "order", "log", "host", "chain", "source",
];

fn verified(bundle: &Bundle) -> BundleVerdict {
    verify_bundle(&bundle.to_bytes(), &auditor()).unwrap()
}

fn standings(verdict: &BundleVerdict) -> [Standing; 10] {
    NAMES.map(|name| {
        verdict
            .claims
            .iter()
            .find(|claim| claim.claim.name == name)
            .unwrap()
            .standing
    })
}

fn says(verdict: &BundleVerdict, name: &str) -> String {
    let claim = verdict
        .claims
        .iter()
        .find(|claim| claim.claim.name == name)
        .unwrap();
    claim.claim.says.clone()
}

#[test]
fn a_whole_bundle_shows_everything_but_what_only_the_host_can_say() {
    use Standing::{HostsWord, Shown};
    let verdict = verified(&good());
    assert_eq!(verdict.claims.len(), NAMES.len());
    assert_eq!(
        standings(&verdict),
        [
            Shown, Shown, Shown, Shown, HostsWord, Shown, Shown, HostsWord, HostsWord, Shown
        ]
    );
    assert_eq!(verdict.index, RUN);
    assert_eq!(verdict.sources.len(), 2);
    assert_eq!(
        verdict.extended, None,
        "the bundle's own earlier checkpoint is whatever its maker chose"
    );
    assert_eq!(verdict.appraisals.len(), 1);
    for claim in &verdict.claims {
        assert!(!claim.claim.says.is_empty());
        assert!(!claim.claim.broken_by.is_empty());
    }
}

#[test]
fn what_is_not_in_the_file_is_withheld_and_said_to_be() {
    use Standing::{HostsWord, Shown, Withheld};
    let mut bundle = good();
    bundle.context.clear();
    bundle.evidence.clear();
    bundle.openings.clear();
    bundle.modules.clear();
    bundle.agreement = None;
    bundle.consistency = None;
    let verdict = verified(&bundle);
    assert_eq!(
        standings(&verdict),
        [
            HostsWord, Withheld, Withheld, Withheld, HostsWord, Withheld, Shown, HostsWord,
            HostsWord, Withheld
        ]
    );
    for name in ["version", "input", "output", "order", "source"] {
        assert!(says(&verdict, name).contains("withheld"), "{name}");
    }
    assert!(says(&verdict, "host").contains("no evidence"));
    assert!(says(&verdict, "log").contains("not proven"));
}

#[test]
fn claims_rest_on_no_more_than_they_can() {
    let verdict = verified(&good());
    let basis = |name: &str| {
        let found = verdict.claims.iter().find(|claim| claim.claim.name == name);
        found.unwrap().claim.rests_on.clone()
    };
    let signed = Basis::Signature {
        key: log().trusted().identity(),
    };
    assert_eq!(basis("module"), Basis::HostUntilReplayed);
    assert_eq!(basis("version"), signed);
    assert_eq!(basis("input"), Basis::Computed);
    assert_eq!(basis("output"), Basis::HostUntilReplayed);
    assert_eq!(basis("order"), signed);
    assert_eq!(basis("log"), signed);
    assert_eq!(basis("host"), Basis::Host);
    assert_eq!(basis("chain"), Basis::Host);
}

#[test]
fn an_interrupted_run_rests_on_the_hosts_word_alone() {
    let interrupted = told(
        |story| {
            let execution = &mut story.run.execution;
            execution.outcome = Outcome::Interrupted {
                which: "wall-clock".to_owned(),
            };
            execution.outputs.clear();
            execution.reply = None;
            execution.state_after = execution.state_before;
        },
        |_| {},
    );
    let mut bundle = bundle_of(&interrupted);
    bundle
        .openings
        .retain(|opening| opening.ordinal > 0 || opening.field == "input");
    let verdict = verified(&bundle);
    for claim in &verdict.claims {
        assert_ne!(claim.claim.rests_on, Basis::HostUntilReplayed);
    }
}

#[test]
fn an_expected_module_is_said_to_be_expected() {
    let expectations = Expectations {
        measurement: Some(Measurement::of(super::scene::SWAP)),
        ..auditor()
    };
    let verdict = verify_bundle(&good().to_bytes(), &expectations).unwrap();
    assert!(says(&verdict, "module").contains("that you expected"));
    assert!(says(&verified(&good()), "module").contains("nobody said"));
}

#[test]
fn a_bundle_names_the_key_that_its_log_announces() {
    assert_eq!(good().announced_keys(), [log().trusted()]);
}
