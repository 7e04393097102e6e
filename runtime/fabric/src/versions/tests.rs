//! Moves that are decided on while others are made.

use cryptlet_attest::BindingId;

use crate::binding::Source;
use crate::canary::Bounds;
use crate::error::FabricError;
use crate::journal::scene::message;
use crate::journal::{JournalError, VersionRow, Writing};
use crate::scene::{NAME, Scene, TestResult, decided, version};
use crate::versions::{MoveKind, NewMove, VersionMove};

impl Scene {
    fn row(&self, minor: u64) -> TestResult<VersionRow> {
        Ok(self.fabric.deployed("guest", &version(minor))?)
    }

    /// Promotes a version when the clock is read next.
    fn promoted_meanwhile(&self, minor: u64) -> TestResult {
        let (id, row) = (self.id, self.row(minor)?);
        self.meanwhile(move |writing| promote(writing, &id, &row));
        Ok(())
    }
}

fn promote(
    writing: &mut Writing<'_>,
    binding: &BindingId,
    version: &VersionRow,
) -> Result<Vec<VersionMove>, JournalError> {
    moved(writing, binding, version, MoveKind::Promoted)
}

fn moved(
    writing: &mut Writing<'_>,
    binding: &BindingId,
    version: &VersionRow,
    kind: MoveKind,
) -> Result<Vec<VersionMove>, JournalError> {
    writing.move_version(&NewMove {
        binding,
        version,
        kind,
        basis: None,
        share: (kind == MoveKind::Canaried).then_some(50),
        decision: &decided(),
        at: 1,
        state: None,
    })
}

#[track_caller]
fn assert_overtaken<T: std::fmt::Debug>(moved: Result<T, FabricError>) {
    let refusal = moved.expect_err("another move was made before it");
    assert!(
        matches!(refusal, FabricError::Journal(JournalError::Conflict(_))),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_rollback_that_a_promotion_overtakes_leads_nowhere() -> TestResult {
    let scene = Scene::new(3).await?;
    let fabric = &scene.fabric;
    fabric.promote(NAME, &version(1), decided()).await?;
    scene.promoted_meanwhile(2)?;
    assert_overtaken(fabric.rollback(NAME, decided()).await);
    assert_eq!(fabric.binding(NAME)?.active, version(2));
    assert_eq!(fabric.rollback(NAME, decided()).await?, version(1));
    Ok(())
}

#[tokio::test]
async fn what_was_checked_beside_another_active_version_is_not_made() -> TestResult {
    let scene = Scene::new(3).await?;
    let (fabric, candidate) = (&scene.fabric, &version(2));
    scene.promoted_meanwhile(1)?;
    assert_overtaken(fabric.promote(NAME, candidate, decided()).await);
    scene.promoted_meanwhile(0)?;
    assert_overtaken(fabric.shadow(NAME, candidate, decided()).await);
    scene.promoted_meanwhile(1)?;
    assert_overtaken(fabric.canary(NAME, candidate, 50, decided()).await);
    assert_eq!(fabric.binding(NAME)?.active, version(1));
    Ok(())
}

#[tokio::test]
async fn a_promotion_in_the_middle_of_a_pass_counts_for_the_rest_of_it() -> TestResult {
    let scene = Scene::new(3).await?;
    let (fabric, candidate) = (&scene.fabric, &version(2));
    fabric.shadow(NAME, candidate, decided()).await?;
    scene.send("a").await?;
    let (id, row) = (scene.id, scene.row(1)?);
    let mut accepting = message(id, "b", "{}");
    accepting.new.binding_version = fabric.binding(NAME)?.version;
    scene.meanwhile(move |writing| {
        promote(writing, &id, &row)?;
        accepting.write(writing)
    });
    assert_eq!(fabric.execute_accepted(NAME).await?.executed, 2);
    let ran = fabric.journal.executions()?;
    assert_eq!(ran[1].version, "1.1.0");
    fabric.shadow_runs_settled().await;
    let beside = fabric.journal.shadow_runs(&id, candidate, 9)?.len() as u64;
    // What the host has no room for is counted all the same.
    assert_eq!(beside + fabric.skipped_shadow_runs(NAME, candidate), 2);
    Ok(())
}

#[tokio::test]
async fn moves_that_are_told_of_in_another_order_lead_to_what_stands() -> TestResult {
    let scene = Scene::new(2).await?;
    let (fabric, id) = (&scene.fabric, scene.id);
    for kind in [MoveKind::Shadowed, MoveKind::Canaried] {
        let row = scene.row(1)?;
        let commit = |kind| {
            let row = row.clone();
            fabric
                .journal
                .commit(move |writing| moved(writing, &id, &row, kind))
        };
        let (begun, withdrawn) = (commit(kind).await?, commit(MoveKind::Withdrawn).await?);
        fabric.tell_moves(NAME, withdrawn);
        fabric.tell_moves(NAME, begun);
        assert_eq!(fabric.shadows.of_binding(NAME), []);
        assert_eq!(fabric.canary_figures(NAME), None);
    }
    Ok(())
}

#[tokio::test]
async fn a_retired_version_stays_loaded_as_long_as_it_is_a_source() -> TestResult {
    let scene = Scene::new(3).await?;
    let fabric = &scene.fabric;
    let source = scene.row(2)?;
    scene
        .bind_another(|document| {
            let source = Source {
                cryptlet: source.cryptlet.clone(),
                version: source.version.clone(),
                measurement: source.measurement,
                grants: document.grants.clone(),
            };
            document.sources.insert("rates".into(), source);
        })
        .await?;
    for minor in 1..=2 {
        fabric.retire(NAME, &version(minor), decided()).await?;
    }
    let unused: Vec<_> = fabric.unused()?.into_iter().collect();
    assert_eq!(unused, [scene.row(1)?.measurement]);
    Ok(())
}

#[tokio::test]
async fn a_canary_that_could_never_be_judged_is_refused() -> TestResult {
    let scene = Scene::new(2).await?;
    let canary = async |least_runs| {
        let bounds = Bounds {
            least_runs,
            ..Bounds::default()
        };
        let fabric = &scene.fabric;
        fabric
            .canary_within(NAME, &version(1), 50, bounds, decided())
            .await
    };
    for least_runs in [0, 1_001] {
        let refused = canary(least_runs).await;
        assert!(matches!(refused, Err(FabricError::LeastRuns(found)) if found == least_runs));
    }
    canary(1_000).await?;
    Ok(())
}
