use semver::Version;

use crate::binding::Binding;
use crate::journal::VersionRow;
use crate::journal::scene::{bound, deploy, version};

const BINDING: &str = include_str!("../../../tests/documents/binding.toml");

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
        .commit(move |writing| writing.deploy(&later, b"one", None))
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
