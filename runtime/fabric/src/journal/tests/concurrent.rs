use cryptlet_attest::VersionChange;
use semver::Version;

use crate::binding::Binding;
use crate::journal::scene::{bound, deploy, version};
use crate::journal::{JournalError, VersionRow};

const BINDING: &str = include_str!("../../../tests/documents/binding.toml");

#[tokio::test]
async fn of_two_moves_from_one_version_only_the_first_is_made()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let next = VersionRow {
        version: Version::new(1, 1, 0),
        ..version("interest-rate-swap", b"next")
    };
    let kept = next.clone();
    journal
        .commit(move |writing| writing.deploy(&kept, b"next"))
        .await?;
    let before = journal.log_size()?;
    let promote = || {
        let to = next.clone();
        journal.commit(move |writing| {
            let from = Version::new(1, 0, 0);
            writing.switch(&binding, &from, &to, VersionChange::Promoted, 2)
        })
    };
    let (first, second) = tokio::join!(promote(), promote());
    first?;
    assert!(matches!(second, Err(JournalError::Conflict(_))));
    assert_eq!(journal.log_size()?, before + 1, "one leaf");
    assert_eq!(journal.version_moves(&binding)?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn of_two_bindings_with_one_delivery_key_only_the_first_is_activated()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = crate::journal::scene::begun(state.path()).await?;
    deploy(&journal, "interest-rate-swap", b"swap").await?;
    let activate = |name: &str, salt| {
        let mut binding = Binding::parse("binding.toml", BINDING).expect("the document is one");
        binding.binding.name = name.into();
        binding.binding.salt = alloy_primitives::B256::with_last_byte(salt);
        journal.commit(move |writing| writing.activate(&binding, &[], &Version::new(1, 0, 0), 1))
    };
    let (first, second) = tokio::join!(activate("first", 1), activate("second", 2));
    first?;
    let refusal = second.expect_err("the key is the first's");
    assert!(
        refusal.to_string().contains("delivers for first"),
        "{refusal}"
    );
    assert_eq!(journal.bindings()?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_same_bytes_again_were_deployed_when_they_first_were()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = crate::journal::scene::begun(state.path()).await?;
    deploy(&journal, "first", b"one").await?;
    let later = VersionRow {
        deployed_at: 99,
        ..version("first", b"one")
    };
    let stored = journal
        .commit(move |writing| writing.deploy(&later, b"one"))
        .await?;
    assert_eq!(stored, version("first", b"one").deployed_at);
    Ok(())
}

#[tokio::test]
async fn who_waits_for_a_commit_that_cannot_begin_hears_why()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let (journal, _) = bound(state.path()).await?;
    super::tamper(state.path(), "ALTER TABLE leaf RENAME TO lost");
    let (first, second) = tokio::join!(deploy(&journal, "a", b"a"), deploy(&journal, "b", b"b"));
    for refusal in [first, second] {
        let said = refusal.expect_err("there is no log").to_string();
        assert!(said.contains("leaf"), "{said}");
    }
    Ok(())
}
