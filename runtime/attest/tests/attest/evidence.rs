//! Evidence about a host.

use crate::scene::{ORIGIN, key, some_digest, trusted};
use cryptlet_attest::{Evidence, EvidenceError, Tier};

#[test]
fn software_evidence_is_appraised_as_the_hosts_word() {
    let evidence = Evidence::software(&key(1), some_digest(), some_digest()).unwrap();
    let appraisal = evidence.appraise(&trusted(ORIGIN, &key(1))).unwrap();
    assert_eq!(appraisal.tier, Tier::Software);
    assert!(
        appraisal.says.starts_with("software: the host's word"),
        "{}",
        appraisal.says
    );
}

#[test]
fn evidence_about_another_key_is_no_evidence() {
    let evidence = Evidence::software(&key(2), some_digest(), some_digest()).unwrap();
    let asked = trusted(ORIGIN, &key(1));
    assert_eq!(
        evidence.appraise(&asked),
        Err(EvidenceError::OtherKey {
            key: asked.identity(),
        })
    );
}

#[test]
fn altered_evidence_is_not_believed() {
    let asked = trusted(ORIGIN, &key(1));
    let Evidence::Software(genuine) =
        Evidence::software(&key(1), some_digest(), some_digest()).unwrap()
    else {
        panic!("software evidence is software evidence")
    };
    let mut altered = genuine.clone();
    altered.executable = cryptlet_attest::digest("another", &[]);
    assert_eq!(
        Evidence::Software(altered).appraise(&asked),
        Err(EvidenceError::BadSignature)
    );
}
