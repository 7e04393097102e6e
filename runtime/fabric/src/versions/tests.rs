//! Moves that are decided on while others are made.

use crate::error::FabricError;
use crate::journal::{JournalError, VersionRow};
use crate::scene::{NAME, Scene, TestResult, decided, version};
use crate::versions::{MoveKind, NewMove};

impl Scene {
    fn row(&self, minor: u64) -> TestResult<VersionRow> {
        Ok(self.fabric.deployed("guest", &version(minor))?)
    }

    /// Promotes a version when the clock is read next.
    fn promoted_meanwhile(&self, minor: u64) -> TestResult {
        let (id, row) = (self.id, self.row(minor)?);
        self.meanwhile(move |writing| {
            writing.move_version(&NewMove {
                binding: &id,
                version: &row,
                kind: MoveKind::Promoted,
                basis: None,
                share: None,
                decision: &decided(),
                at: 1,
                state: None,
            })
        });
        Ok(())
    }
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
