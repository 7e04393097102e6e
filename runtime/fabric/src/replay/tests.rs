//! Runs of guests that keep to the rules and guests that do not, sealed as a fabric seals them and
//! replayed from the journal.

#[path = "../../../container/tests/container/guests.rs"]
mod guests;
mod scene;

use cryptlet_attest::{Digest, Outcome};
use cryptlet_container::{Record, Transcript};

use self::guests::{component, contract, handling, manifest, utility};
use self::scene::{Recording, Scene, TestResult};
use super::{Comparison, FieldSalts, Replay, ReplayRefusal};

const ASKER: &str = "[capabilities]\nsources = [\"rate\"]\nlog = true\nstate = true\nevents = true\n\
                     ledger = true\n[messages]\nactions = [\"settle(uint32 period)\"]\n\
                     topics = [\"Netted(uint32 period)\"]\n";
const SOURCE: &str = "[capabilities]\nevents = true\nstate = true\nlog = true\nhttp = true\n\
                      [messages]\nrequest = \"RateFor(string quarter)\"\n\
                      reply = \"Rate(uint32 ratePpm)\"\ntopics = [\"Asked()\"]\n";
const ASK: &str = "(call $ask @‹rate› @‹{\"quarter\":\"2006-Q1\"}› (i32.const 256))";
/// Logs the source's answer, keeps it, delivers and publishes.
const SETTLE: &str = "(call $state_get @‹period› (i32.const 400))
     (call $state_set @‹period› (i32.load (i32.const 260)) (i32.load (i32.const 264)))
     (if (i32.load8_u (i32.const 400)) (then (call $state_set @‹again› @‹yes›)))
     (call $build @‹settle› @‹{\"period\":1}› (i32.const 512))
     (drop (call $submit (i32.load (i32.const 516))))
     (call $publish @‹Netted› @‹{\"period\":1}›)
     (call $publish @‹Netted› @‹{\"period\":2}›)
     (call $ok @‹{}›)";
const FETCH: &str = "(call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
       (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";

fn source() -> Vec<u8> {
    utility(
        SOURCE,
        &format!(
            "{FETCH} (call $log (i32.const 1) @‹asked›) (call $publish @‹Asked› @‹{{}}›)
             (call $state_set @‹k› @‹v›) (call $ok @‹{{\"ratePpm\":43800}}›)"
        ),
    )
}

async fn settling() -> Result<Recording, Box<dyn std::error::Error>> {
    let asker = contract(ASKER, &format!("{ASK} {SETTLE}"));
    let mut scene = Scene::new(&asker, &[("rate", source())]).await?;
    scene.run().await?;
    scene.run().await
}

/// Every field of every execution came out as recorded.
#[track_caller]
fn assert_reproduced(recording: &Recording) -> Replay {
    let replay = recording.replay().expect("it can be replayed");
    for execution in &replay.executions {
        let differing: Vec<_> = execution.differing().collect();
        assert!(
            differing.is_empty(),
            "{}: {differing:#?}",
            execution.ordinal
        );
        assert_eq!(execution.fields.len(), 25);
    }
    assert!(replay.divergence.is_none(), "{:?}", replay.divergence);
    assert!(replay.is_reproduced());
    assert_eq!(replay.fuel(), recording.fuel());
    replay
}

#[tokio::test]
async fn a_run_with_a_source_a_state_events_and_a_delivery_is_reproduced_whole() -> TestResult {
    let recording = settling().await?;
    let execution = &recording.recorded.run.execution;
    assert_eq!(execution.outcome, Outcome::Ok);
    assert_eq!(execution.outputs.len(), 3);
    assert_ne!(execution.state_before, execution.state_after);
    assert!(
        recording.recorded.state.is_some(),
        "an earlier run wrote it"
    );
    let replay = assert_reproduced(&recording);
    assert_eq!(replay.executions.len(), 2);
    let source = &replay.executions[1];
    assert_eq!(
        (source.source.as_deref(), source.ordinal),
        (Some("rate"), 1)
    );
    Ok(())
}

#[tokio::test]
async fn failures_traps_and_every_limit_are_reproduced() -> TestResult {
    let all = "[capabilities]\nlog = true\nstate = true\nevents = true\nledger = true\n\
               [messages]\nactions = [\"settle(uint32 period)\"]\n\
               topics = [\"Netted(uint32 period)\"]\n";
    let ends = [
        (
            "",
            "(call $failed @‹no-rate› @‹there is none›)",
            "failure no-rate",
        ),
        (
            "",
            "(call $publish @‹Other› @‹{}›) (call $ok @‹{}›)",
            "failure output-schema",
        ),
        ("", "(unreachable)", "trap unreachable"),
        ("", "(i32.load (i32.const -4))", "trap memory-out-of-bounds"),
        (
            "",
            "(i32.div_u (i32.const 1) (i32.const 0))",
            "trap integer-division-by-zero",
        ),
        ("", "(i32.const 3)", "trap canonical-abi"),
        (
            "fuel = 100000",
            "(loop $l (br $l)) (unreachable)",
            "limit fuel of 100000",
        ),
        (
            "memory-bytes = 1048576",
            "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
            "limit memory-bytes of 1048576",
        ),
        (
            "",
            "(drop (memory.grow (i32.const 100000))) (call $ok @‹{}›)",
            "limit memory-bytes of 16777216",
        ),
        (
            "output-bytes = 1000",
            "(loop $l (call $state_set @‹key-12› (i32.const 16384) (i32.const 94)) (br $l)) (unreachable)",
            "limit output-bytes of 1000",
        ),
        (
            "output-bytes = 1000",
            "(call $ok (i32.const 0) (i32.const 1001))",
            "limit output-bytes of 1000",
        ),
        (
            "host-calls = 10",
            "(loop $l (call $log (i32.const 1) (i32.const 0) (i32.const 0)) (br $l)) (unreachable)",
            "limit host-calls of 10",
        ),
        (
            "log-bytes = 1000",
            "(loop $l (call $log (i32.const 1) (i32.const 4096) (i32.const 300)) (br $l)) (unreachable)",
            "limit log-bytes of 1000",
        ),
        (
            "",
            "(drop (memory.grow (i32.const 100)))
             (call $log (i32.const 1) (i32.const 4096) (i32.const 6000000)) (unreachable)",
            "limit transfer-bytes of 131072",
        ),
        (
            "host-calls = 4000",
            "(loop $l (call $build @‹settle› @‹{\"period\":1}› (i32.const 256)) (br $l)) (unreachable)",
            "limit handles of 1024",
        ),
        (
            "host-calls = 4000\noutput-bytes = 1000000",
            "(loop $l (call $publish @‹Netted› @‹{\"period\":1}›) (br $l)) (unreachable)",
            "limit receipt-bytes of 57344",
        ),
    ];
    for (limits, body, outcome) in ends {
        let guest = contract(&format!("{all}\n[limits]\n{limits}\n"), body);
        let recording = Scene::new(&guest, &[]).await?.run().await?;
        let replay = assert_reproduced(&recording);
        assert_eq!(replay.executions[0].outcome, outcome);
    }
    Ok(())
}

#[tokio::test]
async fn tables_are_bounded_in_replays_too() -> TestResult {
    let wat = format!(
        "(table $t 1 funcref) {}",
        handling(
            "(loop $l (drop (table.grow $t (ref.null func) (i32.const 100))) (br $l)) (unreachable)"
        )
    );
    let guest = component(
        &manifest("contract", "[limits]\ntable-elements = 1000"),
        &wat,
    );
    let recording = Scene::new(&guest, &[]).await?.run().await?;
    let replay = assert_reproduced(&recording);
    assert_eq!(replay.executions[0].outcome, "limit table-elements of 1000");
    Ok(())
}

#[tokio::test]
async fn what_ends_a_source_is_reproduced_with_its_asker() -> TestResult {
    let ends = [
        (
            "",
            "(call $failed @‹no-rate› @‹there is none›)",
            "failure no-rate",
        ),
        ("", "(call $ok @‹{}›)", "failure output-schema"),
        ("", "(unreachable)", "trap unreachable"),
        (
            "fuel = 100000",
            "(loop $l (br $l)) (unreachable)",
            "limit fuel of 100000",
        ),
        (
            "memory-bytes = 1048576",
            "(loop $l (drop (memory.grow (i32.const 1))) (br $l)) (unreachable)",
            "limit memory-bytes of 1048576",
        ),
        (
            "host-calls = 3",
            "(loop $l (call $state_remove @‹a›) (br $l)) (unreachable)",
            "limit host-calls of 3",
        ),
        (
            "output-bytes = 50",
            "(loop $l (call $state_remove @‹a›) (br $l)) (unreachable)",
            "limit output-bytes of 50",
        ),
        (
            "log-bytes = 100",
            "(loop $l (call $log (i32.const 1) (i32.const 4096) (i32.const 60)) (br $l)) (unreachable)",
            "limit log-bytes of 100",
        ),
        (
            "http-response-bytes = 50\nhost-calls = 20",
            &format!("(loop $l {FETCH} (br $l)) (unreachable)"),
            "limit http-response-bytes of 50",
        ),
    ];
    // The asker goes on whatever it hears: once to its end, and once into a trap of its own.
    for rest in [SETTLE, "(unreachable)"] {
        let asker = contract(ASKER, &format!("{ASK} {ASK} {rest}"));
        for (limits, body, outcome) in &ends {
            let source = utility(&format!("{SOURCE}\n[limits]\n{limits}\n"), body);
            let recording = Scene::new(&asker, &[("rate", source)]).await?.run().await?;
            let replay = assert_reproduced(&recording);
            assert_eq!(replay.executions.len(), 3);
            assert_eq!(replay.executions[1].outcome, *outcome);
            assert_eq!(replay.executions[2].outcome, *outcome);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_chain_that_is_too_long_is_stopped_at_the_same_call() -> TestResult {
    let asker = contract(ASKER, &format!("{ASK} {SETTLE}"));
    let mut scene = Scene::new(&asker, &[("rate", source())]).await?;
    scene.limit(cryptlet_schema::Limits {
        call_depth: 1,
        ..cryptlet_schema::Limits::MAXIMUM
    });
    let recording = scene.run().await?;
    let replay = assert_reproduced(&recording);
    assert_eq!(replay.executions.len(), 1);
    assert_eq!(replay.executions[0].outcome, "limit call-depth of 1");
    Ok(())
}

#[tokio::test]
async fn limits_below_the_manifests_hold_in_the_replay() -> TestResult {
    let guest = contract("", "(loop $l (br $l)) (unreachable)");
    let mut scene = Scene::new(&guest, &[]).await?;
    scene.limit(cryptlet_schema::Limits {
        fuel: 5_000,
        ..cryptlet_schema::Limits::MAXIMUM
    });
    let replay = assert_reproduced(&scene.run().await?);
    assert_eq!(replay.executions[0].outcome, "limit fuel of 5000");
    assert_eq!(replay.fuel(), 5_000);
    Ok(())
}

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
    let replayer = super::Replayer::new()?;
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
    let known = ["input", "transcript"].map(|field| {
        let salt = cryptlet_attest::Salt::from_bytes(salt).field(field);
        ((0, field.to_owned()), salt)
    });
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
    Ok(())
}

#[tokio::test]
async fn runs_are_paged_in_the_order_of_their_receipts() -> TestResult {
    let guest = contract("", "(call $ok @‹{}›)");
    let mut scene = Scene::new(&guest, &[]).await?;
    for _ in 0..5 {
        scene.run().await?;
    }
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = scene.journal.runs_after(None, after, 2)?;
        let Some(last) = page.last() else { break };
        after = Some(last.leaf);
        assert!(page.len() <= 2);
        numbers.extend(page.iter().map(|run| run.number));
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    let other = cryptlet_attest::BindingId::from_bytes([7; 32]);
    assert!(scene.journal.runs_after(Some(&other), None, 9)?.is_empty());
    Ok(())
}
