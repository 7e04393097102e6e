//! All guests at once, in one container that has fewer places than they want, while honest work is
//! done.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use cryptlet_container::Held;

use crate::folder::{self, Attack};
use crate::host::{Armed, Ending, Host, judge};

const PLACES: u32 = 5;
const ATTACKERS: usize = 6;
const ROUNDS: usize = 2;
const HONEST_RUNS: usize = 200;

#[test]
fn at_full_load_every_attack_is_stopped_and_every_honest_run_is_served() -> Result<()> {
    let host = Host::new(PLACES)?;
    let untouched = host.serve()?;
    let (mut armed, mut refused) = (Vec::new(), Vec::new());
    for name in folder::names()? {
        let attack = folder::attack(&name)?;
        match host.arm(&attack)? {
            Ok(loaded) => armed.push((name, loaded)),
            Err(_) => refused.push(attack),
        }
    }
    let attacked = AtomicBool::new(true);
    std::thread::scope(|scope| -> Result<()> {
        let running: Vec<_> = (0..ATTACKERS)
            .map(|place| {
                let (host, armed) = (&host, &armed);
                scope.spawn(move || attack_in_turn(host, armed, place))
            })
            .collect();
        let loading = scope.spawn(|| be_refused(&host, &refused));
        let served = scope.spawn(|| {
            let mut served = 0;
            while served < HONEST_RUNS || attacked.load(Ordering::SeqCst) {
                let answer = host.serve()?;
                ensure!(answer == untouched, "an honest run came to {answer:?}");
                served += 1;
            }
            Ok(served)
        });
        let ended: Vec<Result<()>> = running
            .into_iter()
            .chain([loading])
            .map(|thread| thread.join().expect("no attack panics its thread"))
            .collect();
        attacked.store(false, Ordering::SeqCst);
        let served = served.join().expect("no honest run panics its thread")?;
        ended.into_iter().collect::<Result<()>>()?;
        ensure!(served >= HONEST_RUNS);
        Ok(())
    })?;
    assert_eq!(host.container.held(), Held::default());
    assert_eq!(host.serve()?, untouched);
    Ok(())
}

/// Every attacker begins with another guest, so that different ones meet.
fn attack_in_turn(host: &Host, armed: &[(String, Armed)], place: usize) -> Result<()> {
    for turn in 0..ROUNDS * armed.len() {
        let (name, guest) = &armed[(turn + place * armed.len() / ATTACKERS) % armed.len()];
        let run = host.run(guest).with_context(|| name.clone())?;
        judge(&guest.verdict, &Ending::Ran(Box::new(run))).with_context(|| name.clone())?;
    }
    Ok(())
}

fn be_refused(host: &Host, refused: &[Attack]) -> Result<()> {
    for attack in refused {
        let ending = host.suffer(attack)?;
        judge(&attack.verdict, &ending).with_context(|| attack.name.clone())?;
    }
    Ok(())
}
