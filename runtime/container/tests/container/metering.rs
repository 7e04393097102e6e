//! What a run cost and carried, kind by kind.

use std::collections::BTreeMap;

use cryptlet_attest::Outcome;
use cryptlet_container::{CallKind, CallTraffic, Record, Traffic, Transcript};

use crate::guests::{contract, utility};
use crate::host::{Case, Fixed};

const EVERYTHING: &str = "[capabilities]\nledger = true\nevents = true\nstate = true\nlog = true\n\
    wasi = true\nkeychain = [\"desk\"]\n\
    [messages]\nactions = [\"settle(uint32 period)\"]\ntopics = [\"Netted(uint32 period)\"]";

fn of(calls: u64, bytes_out: u64, bytes_in: u64) -> CallTraffic {
    CallTraffic {
        calls,
        bytes_in,
        bytes_out,
    }
}

#[test]
fn calls_and_bytes_are_counted_by_kind() {
    let guest = contract(
        EVERYTHING,
        "(call $state_set @‹a› @‹four›) (call $state_set @‹bc› @‹›)
         (call $state_get @‹a› (i32.const 256)) (call $state_get @‹none› (i32.const 256))
         (call $state_remove @‹a›)
         (call $state_keys @‹› (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 256))
         (call $build @‹settle› @‹{\"period\":1}› (i32.const 256))
         (drop (call $submit (i32.load (i32.const 260))))
         (call $build @‹pay› @‹{}› (i32.const 256))
         (call $status (i64.const 3) (i32.const 256))
         (call $sign @‹desk› @‹message› (i32.const 256))
         (call $publish @‹Netted› @‹{\"period\":1}›)
         (call $log (i32.const 1) @‹a line›)
         (call $random (i64.const 16) (i32.const 256))
         (call $ok @‹{\"settled\":true}›)",
    );
    let run = Case::of(&guest).run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let traffic = run.meter.traffic;
    let kinds: BTreeMap<CallKind, CallTraffic> = traffic.kinds().collect();
    let expected = BTreeMap::from([
        (CallKind::StateSet, of(2, 1 + 4 + 2, 0)),
        (CallKind::StateGet, of(2, 1 + 4, 4)),
        (CallKind::StateRemove, of(1, 1, 0)),
        (CallKind::StateKeys, of(1, 0, 2)),
        (CallKind::Build, of(2, 6 + 12 + 3 + 2, 3)),
        (CallKind::Submit, of(1, 0, 0)),
        (CallKind::Status, of(1, 0, "no collateral".len() as u64)),
        (CallKind::Sign, of(1, 4 + 7, 7)),
        (CallKind::Publish, of(1, 6 + 12, 0)),
        (CallKind::Log, of(1, 0, 0)),
    ]);
    assert_eq!(kinds, expected);
    assert_eq!((traffic.input_bytes, traffic.reply_bytes), (2, 16));
    assert_eq!(run.meter.host_calls, 14);
    assert_eq!(run.meter.unrecorded_calls(), 1, "the call of WASI");
    let out: u64 = expected.values().map(|kind| kind.bytes_out).sum();
    assert_eq!(traffic.bytes_out(), 16 + out);
    let answers: u64 = expected.values().map(|kind| kind.bytes_in).sum();
    assert_eq!(traffic.bytes_in(), 2 + answers);
}

#[test]
fn what_was_fetched_counts_with_its_headers() {
    let guest = utility(
        "[capabilities]\nhttp = true",
        "(call $fetch @‹GET› @‹grant://rates/x› (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
         (call $ok @‹{}›)",
    );
    let mut case = Case::of(&guest);
    case.services = Fixed::with_body(vec![b'x'; 600]);
    let run = case.run();
    let sent = "GETgrant://rates/x".len() as u64;
    let heard = 600 + "content-typetext/csv".len() as u64;
    assert_eq!(
        run.meter.traffic.of_kind(CallKind::Fetch),
        of(1, sent, heard)
    );
}

/// An auditor who has the records of a run needs no word of its host for this part of the meter.
#[test]
fn the_traffic_follows_from_what_is_kept_of_a_run() {
    for body in [
        "(call $state_set @‹a› @‹four›) (call $ok @‹{}›)",
        "(call $publish @‹Netted› @‹{\"period\":1}›) (unreachable)",
        "(loop $l (call $log (i32.const 1) @‹again›) (br $l)) (unreachable)",
    ] {
        let case = Case::of(&contract(EVERYTHING, body));
        let run = case.run();
        let kept = Transcript::from_bytes(&run.transcript.to_bytes()).expect("it is whole");
        let told = Traffic::of(&case.invocation(), &kept, run.reply.as_deref());
        assert_eq!(told, run.meter.traffic, "{}", run.outcome);
        assert_eq!(told.calls().calls, kept.records().len() as u64);
    }
}

#[test]
fn a_kind_has_the_name_that_its_records_have() {
    let record = Record::StateRemove { key: "a".into() };
    assert_eq!(record.kind(), CallKind::StateRemove);
    assert_eq!(record.name(), "state.remove");
}
