//! What cannot be replayed is named, and not held against the run.

use cryptlet_attest::{Digest, Outcome};

use super::scene::{Recording, Scene, TestResult};
use super::{ASK, ASKER, SETTLE, assert_reproduced, settling, source};
use crate::bundle::{BundleParts, Openings};
use crate::guests::contract;
use crate::replay::{ReplayRefusal, Replayer};

#[tokio::test]
async fn a_source_that_was_never_asked_may_be_missing_and_one_that_was_may_not() -> TestResult {
    let silent = contract(ASKER, "(call $ok @‹{}›)");
    let mut recording = Scene::new(&silent, &[("rate", source())])
        .await?
        .run()
        .await?;
    recording.modules.truncate(1);
    assert_reproduced(&recording);

    // The question does not fit, so no run of the source is recorded; its schema says so again.
    let asker = contract(
        ASKER,
        "(call $ask @‹rate› @‹{}› (i32.const 256)) (call $ok @‹{}›)",
    );
    let mut recording = Scene::new(&asker, &[("rate", source())])
        .await?
        .run()
        .await?;
    assert!(recording.recorded.sources.is_empty());
    assert_reproduced(&recording);
    recording.modules.truncate(1);
    let refusal = recording.replay().expect_err("the source is missing");
    assert_eq!(refusal.name(), "missing-module");
    Ok(())
}

#[tokio::test]
async fn a_module_that_no_fabric_would_deploy_is_refused() -> TestResult {
    let mut recording = settling().await?;
    let core = b"\0asm\x01\0\0\0".to_vec();
    recording.recorded.run.execution.measurement = cryptlet_attest::Measurement::of(&core);
    let replayer = Replayer::new()?;
    assert!(replayer.load(&core).is_err());
    let refusal = replayer
        .replay(&recording.recorded)
        .expect_err("a core module is no cryptlet");
    assert_eq!(refusal.name(), "bad-module");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_run_is_not_replayable() -> TestResult {
    let guest = contract("", "(call $ok @‹{}›)");
    let mut recording = Scene::new(&guest, &[]).await?.run().await?;
    recording.recorded.run.execution.outcome = Outcome::Interrupted {
        which: "wall-clock".into(),
    };
    let refusal = recording.replay().expect_err("the machine had its say");
    assert_eq!(refusal.name(), "not-replayable");
    Ok(())
}

#[tokio::test]
async fn what_is_missing_or_of_something_else_is_named() -> TestResult {
    let recording = settling().await?;
    let refusal = |change: &dyn Fn(&mut Recording)| {
        let mut changed = recording.clone();
        change(&mut changed);
        changed.replay().expect_err("it cannot be replayed")
    };
    let names = [
        refusal(&|r| r.modules.clear()),
        refusal(&|r| r.recorded.run.execution.operator_costs = Digest::from_bytes([1; 32])),
        refusal(&|r| {
            r.recorded.sources[0].execution.operator_costs = Digest::from_bytes([1; 32]);
        }),
        refusal(&|r| r.recorded.document.push(b' ')),
        refusal(&|r| r.recorded.state = None),
        refusal(&|r| r.recorded.input.push(0)),
        refusal(&|r| r.recorded.transcript.push(0)),
        refusal(&|r| r.recorded.run.execution.limits = cryptlet_attest::Limits::default()),
    ]
    .map(|refusal| refusal.name());
    assert_eq!(
        names,
        [
            "missing-module",
            "other-costs",
            "other-costs",
            "other-agreement",
            "missing-opening",
            "malformed",
            "malformed",
            "other-limits"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn input_of_another_binding_is_not_what_the_guest_was_told() -> TestResult {
    let mut recording = settling().await?;
    let mut invocation =
        cryptlet_container::Invocation::from_input_bytes(&recording.recorded.input)?;
    invocation.binding = "0xb1".into();
    recording.recorded.input = invocation.input_bytes();
    let refusal = recording.replay().expect_err("it is of another binding");
    assert!(
        matches!(&refusal, ReplayRefusal::Malformed { field, .. } if field == "input"),
        "{refusal}"
    );
    Ok(())
}

#[tokio::test]
async fn a_journal_that_lost_the_run_before_neither_replays_nor_opens_without_saying_so()
-> TestResult {
    let asker = contract(ASKER, &format!("{ASK} {SETTLE}"));
    let mut scene = Scene::new(&asker, &[("rate", source())]).await?;
    scene.run().await?;
    scene.run().await?;
    scene.tamper("DELETE FROM invocation WHERE number = 1")?;
    let row = scene.journal.bindings()?.remove(0);
    let refusal = scene.journal.recorded_run(&row, 2).expect_err("it is gone");
    assert!(refusal.to_string().contains("is gone"), "{refusal}");
    let parts = BundleParts {
        openings: Openings::All,
        ..BundleParts::default()
    };
    let name = &row.document.binding.name;
    let refusal = scene
        .journal
        .bundle(name, 2, &parts)
        .expect_err("its salt is gone");
    assert!(refusal.to_string().contains("is gone"), "{refusal}");
    Ok(())
}
