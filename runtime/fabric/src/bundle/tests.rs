//! What no bundle can be made of is refused, and says why.

use std::path::Path;

use cryptlet_attest::{FieldSalt, Hash, log};
use ed25519_dalek::SigningKey;

use super::*;
use crate::journal::scene::{accept, begun, bound, deploy, execute, grow};

type TestResult = Result<(), Box<dyn std::error::Error>>;

async fn newest(journal: &Journal) -> Result<String, Box<dyn std::error::Error>> {
    Ok(journal.newest_checkpoint()?.ok_or("it has leaves")?.note)
}

/// The journal of a binding with one run.
async fn ran(state: &Path) -> Result<Journal, Box<dyn std::error::Error>> {
    let (journal, binding) = bound(state).await?;
    let number = accept(&journal, binding, "first").await?;
    execute(&journal, binding, number, &[]).await?;
    Ok(journal)
}

#[tokio::test]
async fn an_earlier_checkpoint_that_cannot_be_extended_is_told_from_an_older_copy() -> TestResult {
    let (state, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let journal = ran(state.path()).await?;
    let refusal = |note: String| {
        let parts = BundleParts {
            since: Some(note),
            ..BundleParts::default()
        };
        journal
            .bundle("acme-globex-swap", 1, &parts)
            .expect_err("nothing extends it")
    };
    let key = SigningKey::from_bytes(&[1; 32]);
    let nothing = log::sign_checkpoint("fabric.example/log", 0, &Hash([0; 32]), &key)?;
    let said = refusal(nothing);
    assert!(matches!(said, BundleError::Empty), "{said}");

    let fork = begun(other.path()).await?;
    deploy(&fork, "another", b"history").await?;
    let said = refusal(newest(&fork).await?);
    assert!(matches!(said, BundleError::Forked { size: 2 }), "{said}");

    grow(&fork, 100).await?;
    let said = refusal(newest(&fork).await?);
    assert!(
        matches!(said, BundleError::Behind { earlier: 102, .. }),
        "{said}"
    );
    Ok(())
}

#[test]
fn more_fields_than_a_bundle_holds_are_refused() {
    let there = |count: u32| -> BTreeMap<(u32, String), FieldOpening> {
        let opening = |ordinal| FieldOpening {
            ordinal,
            field: "input".into(),
            salt: FieldSalt::from_bytes([0; 32]),
            value: Vec::new(),
        };
        (0..count)
            .map(|ordinal| ((ordinal, "input".into()), opening(ordinal)))
            .collect()
    };
    let all = chosen(there(4_096), &Openings::All).expect("as many as there may be");
    assert_eq!(all.len(), 4_096);
    let refusal = chosen(there(4_097), &Openings::All).expect_err("one more");
    assert!(matches!(
        refusal,
        BundleError::TooManyOpenings { count: 4_097 }
    ));
}
