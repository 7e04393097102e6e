//! What a guest left in its memory.

use anyhow::{Context as _, Result};

use crate::folder::{self, Attack};
use crate::guests;
use crate::host::{Host, judge};
use crate::verdict::{Stage, Verdict};

/// More than the pool of `Host::new(4)` has places for memories.
const MOST_FILLERS: u8 = 20;

/// Fills sixteen megabytes with a letter, as far as `memory-probe` looks.
fn filler(letter: u8) -> Attack {
    let component = guests::contract(
        "[limits]\nfuel = 100000000\nwall-clock-milliseconds = 60000",
        &format!(
            "(drop (memory.grow (i32.const 254)))
             (memory.fill (i32.const 131072) (i32.const {letter}) (i32.const 16646144))
             (call $ok @‹{{}}›)"
        ),
    );
    let verdict = Verdict {
        stopped: Stage::Nowhere,
        by: "ok".to_owned(),
        says: Vec::new(),
        replies: Some("{}".to_owned()),
        next: String::new(),
        binding: Default::default(),
        web: Vec::new(),
    };
    Attack {
        name: format!("filler-{letter}"),
        component,
        verdict,
    }
}

/// The engine gives a module the place that it had before, then one that nobody had, and one that
/// another module had only if there is no other: a probe that just runs after another guest looks at
/// fresh pages. Here, module after module fills its memory until every place was used, and nothing
/// else ever ran in this container. So whichever place the probe gets, the last bytes that a guest wrote
/// there are letters, from the probe's first byte to its last, and it would read them if the place had
/// not been cleared.
#[test]
fn a_place_that_was_filled_is_empty_for_the_next() -> Result<()> {
    let host = Host::new(4)?;
    let mut fillers = b'a'..b'a' + MOST_FILLERS;
    while !host.container.has_used_every_memory() {
        let letter = fillers.next().context("some places are never used")?;
        let filler = filler(letter);
        judge(&filler.verdict, &host.suffer(&filler)?)?;
    }
    let probe = folder::attack("memory-probe")?;
    judge(&probe.verdict, &host.suffer(&probe)?)
}
