//! Candidates over runs that were recorded as a fabric records them.

use cryptlet_attest::Measurement;

use super::scene::{Recording, TestResult};
use super::{ASK, ASKER, SETTLE, settling};
use crate::guests::contract;
use crate::replay::Replayer;
use crate::shadow::{FuelBound, PastRun, ShadowRefusal};

fn shadow(recording: &Recording, candidate: &[u8]) -> Result<PastRun, ShadowRefusal> {
    let replayer = Replayer::new().expect("the engine starts");
    for module in &recording.modules {
        replayer.load(module).expect("the module loads");
    }
    let measurement: Measurement = replayer.load(candidate).expect("the candidate loads");
    replayer.shadow(&recording.recorded, &measurement, FuelBound::default())
}

fn fields(run: &PastRun) -> Vec<&str> {
    let fields = run.differences.iter().map(|found| found.field.as_str());
    fields.collect()
}

#[tokio::test]
async fn the_version_that_ran_is_clean_on_its_own_past() -> TestResult {
    let recording = settling().await?;
    let run = shadow(&recording, &recording.modules[0])?;
    assert_eq!(fields(&run), [""; 0]);
    assert_eq!(run.fuel_active, run.fuel_candidate);
    assert!(run.fuel_active > 0);
    Ok(())
}

#[tokio::test]
async fn what_a_candidate_does_otherwise_is_listed_field_by_field() -> TestResult {
    let recording = settling().await?;
    let other = SETTLE
        .replace(
            "{\"period\":1}› (i32.const 512)",
            "{\"period\":7}› (i32.const 512)",
        )
        .replace("@‹Netted› @‹{\"period\":2}›", "@‹Netted› @‹{\"period\":3}›")
        .replace("(call $ok @‹{}›)", "(call $ok @‹{\"done\":true}›)")
        .replace("@‹again› @‹yes›", "@‹again› @‹no›");
    let candidate = contract(ASKER, &format!("{ASK} {other}"));
    let run = shadow(&recording, &candidate)?;
    assert_eq!(
        fields(&run),
        [
            "reply.done",
            "call/0.fields.period",
            "event/1.body.period",
            "state/again"
        ]
    );
    assert_eq!(run.differences[1].active.as_deref(), Some("1"));
    assert_eq!(run.differences[1].candidate.as_deref(), Some("7"));
    Ok(())
}

#[tokio::test]
async fn a_candidate_that_asks_something_new_is_told_apart_by_its_question() -> TestResult {
    let recording = settling().await?;
    let candidate = contract(
        ASKER,
        &format!("{ASK} (call $status (i64.const 1) (i32.const 256)) {SETTLE}"),
    );
    let run = shadow(&recording, &candidate)?;
    assert_eq!(fields(&run), ["question"]);
    assert_eq!(
        run.differences[0].candidate.as_deref(),
        Some("router.status of submission 1")
    );
    Ok(())
}

#[tokio::test]
async fn a_candidate_that_the_binding_could_not_have_run_is_refused() -> TestResult {
    let recording = settling().await?;
    let candidate = contract(
        "[capabilities]\nledger = true\n[messages]\nactions = [\"close(uint32 period)\"]\n",
        "(call $ok @‹{}›)",
    );
    let refusal = shadow(&recording, &candidate).expect_err("the contract has no such function");
    assert!(matches!(refusal, ShadowRefusal::Unfit(_)), "{refusal}");
    Ok(())
}
