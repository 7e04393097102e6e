//! What a host keeps of the sources that a run asks.

use std::collections::BTreeMap;

use cryptlet_attest::Outcome;
use cryptlet_container::{Grants, Run, Settings, Source};

use crate::guests::{contract, utility};
use crate::host::{Case, all_grants, load};

const ASKING: &str = "[capabilities]\nsources = [\"next\"]\n\
    [limits]\nfuel = 900000000\nwall-clock-milliseconds = 60000\n";

/// The body of a guest that asks so many times, and then answers.
fn asks(times: usize) -> String {
    format!(
        "(loop $more
           (call $ask @‹next› @‹{{}}› (i32.const 256))
           (local.set $a (i32.add (local.get $a) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $a) (i32.const {times}))))
         (call $ok @‹{{}}›)"
    )
}

fn granting(source: &[u8]) -> Grants {
    let source = Source {
        cryptlet: load(source),
        grants: all_grants(),
    };
    Grants {
        sources: BTreeMap::from([("next".to_owned(), source)]),
        ..all_grants()
    }
}

/// A run that asks a source so many times. Each time, the source sends a hundred times 1,500 empty
/// headers to where it may not go, which are short in its transcript and long in memory.
fn asking(times: usize) -> Case {
    let source = utility(
        "[capabilities]\nhttp = true\n[limits]\nfuel = 900000000\n",
        "(loop $more
           (call $fetch @‹GET› @‹https://evil.example/› (i32.const 8192) (i32.const 1500)
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
           (local.set $a (i32.add (local.get $a) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $a) (i32.const 100))))
         (call $ok @‹{}›)",
    );
    let mut case = Case::of(&contract(ASKING, &asks(times)));
    case.grants = granting(&source);
    case
}

#[test]
fn what_is_kept_of_a_source_counts_for_its_asker() {
    let enough = asking(3).run();
    assert_eq!(enough.outcome, Outcome::Ok, "{:?}", enough.diagnostic);
    let short = enough.transcript.to_bytes().len();
    assert!(
        short < 2 << 20,
        "{short}: their transcripts alone are short"
    );
    let case = asking(4);
    let run = case.run();
    assert!(
        matches!(&run.outcome, Outcome::Limit { which, .. } if which == "transcript-bytes"),
        "{}: {:?}",
        run.outcome,
        run.diagnostic
    );
    let again = case.replay(&run.transcript).expect("it replays");
    assert_eq!((again.outcome, again.meter), (run.outcome, run.meter));
    assert_eq!(again.diagnostic, run.diagnostic);
}

#[test]
fn a_candidate_is_charged_for_what_was_kept_of_sources_that_are_not_run_again() {
    let active = asking(1).run();
    let live = asking(4).run();
    let shadow = asking(4).shadow(&active.transcript).run;
    assert!(shadow.children.is_empty(), "nobody was asked again");
    assert!(!shadow.outcome.is_ok());
    assert_eq!(shadow.outcome, live.outcome);
    assert_eq!(shadow.diagnostic, live.diagnostic);
}

/// Bytes of the lines that are kept, and those that tell of lines that are not.
fn lines(run: &Run, told: &mut usize) -> u64 {
    let mut bytes = 0;
    for line in &run.logs {
        bytes += 64 + line.message.len() as u64;
        *told += usize::from(line.message.contains("lines are left out"));
    }
    let below = run.children.iter().map(|child| lines(&child.run, told));
    bytes + below.sum::<u64>()
}

#[test]
fn the_lines_of_all_sources_together_are_bounded() {
    let log_bytes = Settings::default().limits.log_bytes;
    let talkative = utility(
        &format!(
            "[build]\nwasi = true\n[capabilities]\nwasi = true\n\
             [limits]\nfuel = 900000000\nlog-bytes = {log_bytes}\n"
        ),
        "(memory.fill (i32.const 8192) (i32.const 10) (i32.const 4096))
         (local.set $a (call $stdout))
         (loop $more
           (call $print (local.get $a) (i32.const 8192) (i32.const 4096) (i32.const 256))
           (local.set $b (i32.add (local.get $b) (i32.const 1)))
           (br_if $more (i32.lt_u (local.get $b) (i32.const 64))))
         (call $ok @‹{}›)",
    );
    let mut case = Case::of(&contract(ASKING, &asks(3)));
    case.grants = granting(&talkative);
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let mut told = 0;
    let bytes = lines(&run, &mut told);
    assert!(bytes <= 16 * log_bytes + 3 * 256, "{bytes}");
    assert!(bytes > 15 * log_bytes, "{bytes}: there was room");
    assert_eq!(told, 3, "each says that lines of it are missing");
    let again = case.replay(&run.transcript).expect("it replays");
    assert_eq!((again.outcome, again.meter), (run.outcome, run.meter));
}
