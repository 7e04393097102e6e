//! What ran as recorded is found to have run as recorded, however it ended.

use cryptlet_attest::Outcome;

use super::scene::{Scene, TestResult};
use super::{ASK, ASKER, FETCH, SETTLE, SOURCE, assert_reproduced, settling, source};
use crate::guests::{component, contract, handling, manifest, utility};
use crate::replay::FieldSalts;

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
async fn a_recorded_run_is_printed_without_the_salt_that_opens_it() -> TestResult {
    let guest = contract("", "(call $ok @‹{}›)");
    let recording = Scene::new(&guest, &[]).await?.run().await?;
    let FieldSalts::Invocation(salt) = &recording.recorded.salts else {
        return Err("a journal knows the whole salt".into());
    };
    let printed = format!("{:?}", recording.recorded);
    let secret = format!("{:?}", salt.expose());
    assert!(printed.contains("redacted") && !printed.contains(&secret));
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
