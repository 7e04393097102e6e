use cryptlet_attest::BindingId;
use semver::Version;

use crate::canary::Bounds;
use crate::journal::scene::{bound, message, version};
use crate::journal::{Journal, JournalError, KEPT_SHADOW_RUNS, Queued, ShadowRunRow, VersionRow};
use crate::shadow::Difference;
use crate::versions::{Decision, MoveKind, NewMove};

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn run(binding: BindingId, number: u64, clean: bool) -> ShadowRunRow {
    let difference = Difference {
        field: "reply.amount".into(),
        active: Some("1".into()),
        candidate: None,
    };
    ShadowRunRow {
        binding,
        version: Version::new(1, 1, 0),
        number,
        active: Version::new(1, 0, 0),
        differences: if clean { Vec::new() } else { vec![difference] },
        fuel_active: 7,
        fuel_candidate: 8,
        at: 9,
    }
}

async fn keep(journal: &Journal, runs: Vec<ShadowRunRow>) -> Result<(), JournalError> {
    journal
        .commit(move |writing| runs.iter().try_for_each(|run| writing.keep_shadow_run(run)))
        .await
}

#[tokio::test]
async fn clean_runs_are_counted_from_the_last_that_differed() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let (candidate, active) = (Version::new(1, 1, 0), Version::new(1, 0, 0));
    assert_eq!(journal.clean_shadow_runs(&binding, &candidate, &active)?, 0);
    let runs = [(1, true), (2, false), (3, true), (5, true)];
    let runs: Vec<_> = runs
        .into_iter()
        .map(|(number, clean)| run(binding, number, clean))
        .collect();
    keep(&journal, runs.clone()).await?;
    assert_eq!(journal.clean_shadow_runs(&binding, &candidate, &active)?, 2);
    let other = Version::new(1, 0, 1);
    assert_eq!(journal.clean_shadow_runs(&binding, &candidate, &other)?, 0);
    let newest = journal.shadow_runs(&binding, &candidate, 3)?;
    assert_eq!(newest, [runs[3].clone(), runs[2].clone(), runs[1].clone()]);
    Ok(())
}

#[tokio::test]
async fn the_oldest_shadow_runs_are_forgotten() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let most = u64::from(KEPT_SHADOW_RUNS);
    // Some are left out, as they are on a host that has too much to do.
    let runs = (1..=most + 5).map(|number| run(binding, number * 3, true));
    keep(&journal, runs.collect()).await?;
    let kept = journal.shadow_runs(&binding, &Version::new(1, 1, 0), u32::MAX)?;
    assert_eq!(kept.len() as u64, most);
    assert_eq!(kept.last().map(|run| run.number), Some(18));
    Ok(())
}

#[tokio::test]
async fn a_canary_gets_its_share_in_the_commit_that_accepts() -> TestResult {
    let state = tempfile::tempdir()?;
    let (journal, binding) = bound(state.path()).await?;
    let canary = VersionRow {
        version: Version::new(1, 1, 0),
        ..version("interest-rate-swap", b"next")
    };
    let (deployed, moved) = (canary.clone(), canary.clone());
    let bounds = Bounds {
        max_errors: 1,
        ..Bounds::default()
    };
    journal
        .commit(move |writing| {
            writing.deploy(&deployed, b"next", None)?;
            writing.keep_bounds(&binding, &bounds)?;
            writing.move_version(&NewMove {
                binding: &binding,
                version: &moved,
                kind: MoveKind::Canaried,
                basis: None,
                share: Some(500),
                decision: &Decision::new("ann", "a test").expect("it is one"),
                at: 2,
                state: None,
            })
        })
        .await?;
    assert_eq!(journal.bounds(&binding)?, Some(bounds));
    let mut runs = (0, 0);
    for number in 0..40 {
        let accepting = message(binding, &number.to_string(), "{}");
        journal
            .commit(move |writing| accepting.write(writing).map(drop))
            .await?;
        let accepted = journal
            .next_accepted(&binding, 1)?
            .pop()
            .ok_or("it waits")?;
        if accepted.measurement == canary.measurement {
            runs.0 += 1;
        } else {
            runs.1 += 1;
        }
        let queued = Queued {
            number: accepted.number,
            is_again: false,
        };
        journal
            .commit(move |writing| writing.mark_executed(&binding, &[queued]))
            .await?;
    }
    assert!(runs.0 > 5 && runs.1 > 5, "{runs:?}");
    Ok(())
}
