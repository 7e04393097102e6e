//! What did not run as recorded is named, field by field.

use cryptlet_attest::{Digest, Outcome, Output};
use cryptlet_container::{Record, Transcript};

use super::scene::{Recording, TestResult};
use super::settling;
use crate::execution::salt_of;
use crate::replay::{Comparison, FieldSalts, Replay};
use crate::services::encode_call;

#[track_caller]
fn differing(replay: &Replay, ordinal: usize) -> Vec<&str> {
    let fields = replay.executions[ordinal].differing();
    fields.map(|field| field.name.as_str()).collect()
}

#[tokio::test]
async fn every_lie_about_a_run_is_named_by_its_field() -> TestResult {
    let recording = settling().await?;
    let lie = |change: &dyn Fn(&mut Recording)| {
        let mut changed = recording.clone();
        change(&mut changed);
        let replay = changed.replay().expect("it can be replayed");
        assert!(!replay.is_reproduced());
        assert!(replay.divergence.is_none(), "the run went the same way");
        replay
    };
    let other = Digest::from_bytes([9; 32]);
    let replay = lie(&|r| r.recorded.run.execution.fuel += 1);
    assert_eq!(differing(&replay, 0), ["fuel"]);
    let field = replay.executions[0].differing().next().expect("it differs");
    let fuel = recording.recorded.run.execution.fuel;
    assert_eq!(
        field.comparison,
        Comparison::Differs {
            recorded: Some((fuel + 1).to_string()),
            replayed: Some(fuel.to_string())
        }
    );
    let replay = lie(&|r| r.recorded.run.execution.peak_memory = 0);
    assert_eq!(differing(&replay, 0), ["peak-memory"]);
    let replay = lie(&|r| r.recorded.run.execution.reply = None);
    assert_eq!(differing(&replay, 0), ["reply"]);
    let replay = lie(&|r| r.recorded.run.execution.state_after = other);
    assert_eq!(differing(&replay, 0), ["state-after"]);
    let replay = lie(&|r| {
        r.recorded.run.execution.outputs.pop();
    });
    assert_eq!(differing(&replay, 0), ["outputs"]);
    let replay = lie(&|r| r.recorded.run.execution.sha256 = [1; 32]);
    assert_eq!(differing(&replay, 0), ["sha256"]);
    let replay = lie(&|r| r.recorded.run.execution.version = "2.0.0".into());
    assert_eq!(differing(&replay, 0), ["version"]);
    let replay = lie(&|r| {
        r.recorded.run.execution.outcome = Outcome::Failure { code: "no".into() };
    });
    assert_eq!(differing(&replay, 0), ["outcome"]);
    let replay = lie(&|r| r.recorded.sources[0].execution.host_calls += 1);
    assert_eq!(differing(&replay, 0), Vec::<&str>::new());
    assert_eq!(differing(&replay, 1), ["host-calls"]);
    // The asker's receipt names its source's, which says who ran it.
    let replay = lie(&|r| r.recorded.sources[0].host.wasmtime = "1.0.0".into());
    assert_eq!(differing(&replay, 0), ["children"]);
    assert_eq!(differing(&replay, 1), Vec::<&str>::new());
    let replay = lie(&|r| r.recorded.sources.clear());
    assert_eq!(differing(&replay, 0), ["children"]);
    assert_eq!(differing(&replay, 1), ["execution"]);
    let replay = lie(&|r| {
        let mut more = r.recorded.sources[0].clone();
        more.execution.ordinal = 2;
        r.recorded.sources.push(more);
    });
    assert_eq!(differing(&replay, 2), ["execution"]);
    Ok(())
}

#[tokio::test]
async fn a_forged_answer_is_named_by_its_call_and_what_it_led_to_by_its_fields() -> TestResult {
    let mut recording = settling().await?;
    let transcript = Transcript::from_bytes(&recording.recorded.transcript)?;
    let mut forged = Vec::new();
    for record in transcript.records() {
        let mut record = record.clone();
        if let Record::StateGet { answer, .. } = &mut record {
            *answer = Some(b"forged".to_vec());
        }
        forged.extend(record.to_bytes());
    }
    recording.recorded.transcript = forged;
    let replay = recording.replay()?;
    let divergence = replay.divergence.as_ref().ok_or("it diverges")?;
    assert_eq!(divergence.path, [1]);
    assert!(divergence.expected.is_some() && divergence.found.is_some());
    assert!(!replay.is_reproduced());
    // What was sealed is what the guest did, and not what the forger says that it heard.
    assert_eq!(differing(&replay, 0), Vec::<&str>::new());
    Ok(())
}

/// The host has another call delivered than the guest asked for, and keeps to that in all it seals.
#[tokio::test]
async fn a_call_that_the_host_made_up_is_named_however_well_its_record_fits() -> TestResult {
    let mut recording = settling().await?;
    let actions = ["settle(uint32 period)".parse()?];
    let other = encode_call(&actions, "settle", br#"{"period":2}"#)?;
    let transcript = Transcript::from_bytes(&recording.recorded.transcript)?;
    let mut forged = Vec::new();
    let mut built = None;
    for (index, record) in transcript.records().iter().enumerate() {
        let mut record = record.clone();
        match &mut record {
            Record::Build { answer, .. } => {
                *answer = Ok(other.clone());
                built = Some(index);
            }
            Record::Submit { draft, .. } => *draft = other.digest,
            _ => {}
        }
        forged.extend(record.to_bytes());
    }
    let execution = &mut recording.recorded.run.execution;
    let salt = recording
        .recorded
        .salts
        .of(0, "transcript")
        .ok_or("it is known")?;
    execution.transcript = salt.digest("transcript", &forged);
    for output in &mut execution.outputs {
        if let Output::Delivery { output_hash, .. } = output {
            *output_hash = other.digest;
        }
    }
    recording.recorded.transcript = forged;
    let replay = recording.replay()?;
    let divergence = replay.divergence.as_ref().ok_or("it diverges")?;
    assert_eq!(
        Some(divergence.path.as_slice()),
        built.as_ref().map(std::slice::from_ref)
    );
    assert!(!replay.is_reproduced());
    assert_eq!(differing(&replay, 0), ["outputs", "transcript"]);
    Ok(())
}

#[tokio::test]
async fn another_state_before_is_another_digest() -> TestResult {
    let mut recording = settling().await?;
    let known = recording.recorded.state.as_mut().ok_or("it was written")?;
    known.state.insert("more".into(), Vec::new());
    let replay = recording.replay()?;
    assert!(differing(&replay, 0).contains(&"state-before"));
    Ok(())
}

#[tokio::test]
async fn digests_that_nobody_opened_are_withheld_and_the_rest_is_compared() -> TestResult {
    let mut recording = settling().await?;
    let FieldSalts::Invocation(salt) = recording.recorded.salts else {
        return Err("a journal knows the whole salt".into());
    };
    let salt = salt_of(salt.expose(), 0);
    let known = ["input", "transcript"].map(|field| ((0, field.to_owned()), salt.field(field)));
    recording.recorded.salts = FieldSalts::Fields(known.into());
    let replay = recording.replay()?;
    assert!(replay.is_reproduced());
    let withheld: Vec<&str> = replay.executions[0]
        .fields
        .iter()
        .filter(|field| field.comparison == Comparison::Withheld)
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(withheld, ["outputs", "reply", "state-after", "trigger"]);

    recording.recorded.run.execution.fuel += 1;
    assert!(!recording.replay()?.is_reproduced());
    recording.recorded.run.execution.fuel -= 1;

    let execution = &mut recording.recorded.run.execution;
    execution.state_after = execution.state_before;
    let replay = recording.replay()?;
    assert_eq!(differing(&replay, 0), ["state-after"], "the state changed");
    Ok(())
}
