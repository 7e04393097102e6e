use cryptlet_attest::{BindingId, BindingVersion};
use semver::Version;

use crate::journal::scene::{accept, bound, document, execute, version};
use crate::journal::{Journal, JournalError, VersionRow};
use crate::versions::{Basis, Decision, MoveKind, NewMove, Stage, VersionMove};

type TestResult = Result<(), Box<dyn std::error::Error>>;

pub(super) fn row(minor: u64) -> VersionRow {
    VersionRow {
        version: Version::new(1, minor, 0),
        ..version("interest-rate-swap", format!("1.{minor}.0").as_bytes())
    }
}

/// A journal whose binding runs 1.0.0, with 1.1.0 and 1.2.0 deployed.
pub(super) async fn three_versions(
    state: &std::path::Path,
) -> Result<(Journal, BindingId), JournalError> {
    let (journal, binding) = bound(state).await?;
    for minor in 1..=2 {
        let row = row(minor);
        let component = format!("1.{minor}.0").into_bytes();
        journal
            .commit(move |writing| writing.deploy(&row, &component, None))
            .await?;
    }
    Ok((journal, binding))
}

pub(super) async fn moved(
    journal: &Journal,
    binding: BindingId,
    version: VersionRow,
    kind: MoveKind,
) -> Result<Vec<VersionMove>, JournalError> {
    let decision = Decision::new("ann", "a test").expect("it is one");
    let share = (kind == MoveKind::Canaried).then_some(50);
    journal
        .commit(move |writing| {
            writing.move_version(&NewMove {
                binding: &binding,
                version: &version,
                kind,
                basis: None,
                share,
                decision: &decision,
                at: 2,
                state: None,
            })
        })
        .await
}

fn stages(journal: &Journal, binding: &BindingId) -> Result<Vec<Stage>, JournalError> {
    let rows = journal.stages(binding)?;
    Ok(rows.into_iter().map(|row| row.stage).collect())
}

#[tokio::test]
async fn a_promotion_and_what_it_replaces_are_moves_of_one_commit() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = three_versions(state.path()).await?;
    let before = journal.newest_checkpoint()?.expect("there are leaves").size;
    let moves = moved(&journal, binding, row(1), MoveKind::Promoted).await?;
    let kinds: Vec<_> = moves.iter().map(|moved| moved.kind).collect();
    assert_eq!(
        kinds,
        [MoveKind::Draining, MoveKind::Promoted, MoveKind::Retained]
    );
    let leaves: Vec<_> = moves.iter().map(|moved| moved.leaf).collect();
    assert_eq!(leaves, [before, before + 1, before + 2]);
    assert_eq!(journal.newest_checkpoint()?.expect("one").size, before + 3);
    assert_eq!(
        stages(&journal, &binding)?,
        [Stage::Retained, Stage::Active, Stage::Deployed]
    );
    let told = journal.version_moves(&binding)?;
    assert_eq!(told[1..], moves);
    assert_eq!(
        (told[2].by.as_str(), told[2].reason.as_str()),
        ("ann", "a test")
    );
    assert_eq!(told[1].by, "fabric");
    Ok(())
}

#[tokio::test]
async fn of_two_promotions_at_once_each_finds_the_version_that_is_active_then() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = three_versions(state.path()).await?;
    let (first, second) = tokio::join!(
        moved(&journal, binding, row(1), MoveKind::Promoted),
        moved(&journal, binding, row(1), MoveKind::Promoted)
    );
    first?;
    let refusal = second.expect_err("it is active by then");
    assert!(
        matches!(
            &refusal,
            JournalError::IllegalMove {
                from: Stage::Active,
                to: Stage::Active,
                ..
            }
        ),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test]
async fn a_version_drains_until_the_last_that_was_accepted_for_it_has_run() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = three_versions(state.path()).await?;
    for key in ["a", "b"] {
        accept(&journal, binding, key).await?;
    }
    moved(&journal, binding, row(1), MoveKind::Promoted).await?;
    accept(&journal, binding, "c").await?;
    for number in 1..=2 {
        assert_eq!(stages(&journal, &binding)?[0], Stage::Draining);
        let refusal = moved(
            &journal,
            binding,
            version("interest-rate-swap", b"swap"),
            MoveKind::Retired,
        )
        .await;
        assert!(matches!(refusal, Err(JournalError::IllegalMove { .. })));
        execute(&journal, binding, number, &[]).await?;
        let moves = journal
            .commit(move |writing| writing.retain_drained(&binding, "interest-rate-swap", 3))
            .await?;
        assert_eq!(moves.len(), usize::from(number == 2));
    }
    assert_eq!(stages(&journal, &binding)?[0], Stage::Retained);
    Ok(())
}

#[tokio::test]
async fn a_binding_has_one_canary_whose_share_may_change() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = three_versions(state.path()).await?;
    for _ in 0..2 {
        moved(&journal, binding, row(1), MoveKind::Canaried).await?;
    }
    let refusal = moved(&journal, binding, row(2), MoveKind::Canaried).await;
    let said = refusal.expect_err("there is one").to_string();
    assert!(said.contains("1.1.0 is the binding's canary"), "{said}");
    moved(&journal, binding, row(1), MoveKind::Promoted).await?;
    moved(&journal, binding, row(2), MoveKind::Canaried).await?;
    assert_eq!(
        stages(&journal, &binding)?,
        [Stage::Retained, Stage::Active, Stage::Canary]
    );
    Ok(())
}

#[tokio::test]
async fn a_retired_version_stays_retired() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = three_versions(state.path()).await?;
    moved(&journal, binding, row(1), MoveKind::Retired).await?;
    for kind in [MoveKind::Promoted, MoveKind::Shadowed, MoveKind::Withdrawn] {
        let refusal = moved(&journal, binding, row(1), kind).await;
        let said = refusal.expect_err("it is retired").to_string();
        assert!(
            said.contains("1.1.0 is retired and cannot become"),
            "{said}"
        );
    }
    assert_eq!(journal.version_moves(&binding)?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_move_that_was_decided_on_something_else_changes_nothing() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = three_versions(state.path()).await?;
    let promote = |minor, basis: Basis| {
        let decision = Decision::new("ann", "a test").expect("it is one");
        journal.commit(move |writing| {
            writing.move_version(&NewMove {
                binding: &binding,
                version: &row(minor),
                kind: MoveKind::Promoted,
                basis: Some(&basis),
                share: None,
                decision: &decision,
                at: 2,
                state: None,
            })
        })
    };
    let basis = Basis {
        version: document().version(),
        active: Version::new(1, 0, 0),
    };
    let other_document = Basis {
        version: BindingVersion::from_bytes([9; 32]),
        ..basis.clone()
    };
    promote(1, basis.clone()).await?;
    let size = journal.log_size()?;
    for outdated in [basis, other_document] {
        let refusal = promote(2, outdated).await.expect_err("it does not hold");
        let said = refusal.to_string();
        assert!(said.contains("changed meanwhile"), "{said}");
    }
    assert_eq!(journal.log_size()?, size);
    Ok(())
}
