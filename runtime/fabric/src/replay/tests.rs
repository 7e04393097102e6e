//! Runs of guests that keep to the rules and guests that do not, sealed as a fabric seals them and
//! replayed from the journal.

mod differing;
mod refused;
mod reproduced;
mod scene;
mod shadowed;

use self::scene::{Recording, Scene};
use super::Replay;
use crate::guests::{contract, utility};

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
