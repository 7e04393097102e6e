//! One run, from its job to its sealed receipt, and the same component in wasmtime as others embed
//! it. What the bench of the container holds against each other by the clock, and what is counted in
//! instructions where there is no quiet machine.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bare;
mod desk;
mod guests;
mod held;
mod rival;
mod usual;

pub use bare::{Bare, Care};
pub use desk::{Desk, Log};
pub use guests::{Guest, Work, of_text};
pub use held::held;
pub use usual::Usual;

/// The engine's error as any other.
#[must_use]
pub fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::from_boxed(error.into_boxed_dyn_error())
}

/// Instances at one time: few, because valgrind gives a program little room for reserved memory.
const INSTANCES: u32 = 4;
/// The binding, as guests read it.
const BINDING: &str = "0xb1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1";
const SENDER: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
/// Milliseconds since 1970-01-01T00:00:00Z.
const INSTANT: u64 = 1_700_000_000_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn all_hosts_run_every_guest_and_get_the_same_answer() {
        for guest in [
            Guest::Smallest,
            Guest::Small,
            Guest::Json,
            Guest::Wasi,
            Guest::Reading(3),
            Guest::Working(Work::Sorting, 1),
        ] {
            let component = guest.component().expect("the guest is made");
            let state = BTreeMap::from([("position".to_owned(), vec![1; 32])]);
            let desk = Desk::new(guest, &component, state.clone()).expect("it loads");
            let run = desk.run(1);
            assert!(run.outcome.is_ok(), "{guest:?}: {run:?}");

            let bare = Bare::new(guest, &component).expect("it fits");
            let usual = Usual::new(guest, &component).expect("it fits");
            let bare = bare.run(1, &Arc::new(state)).expect("it runs");
            let usual = usual.run(1).expect("it runs");

            assert_eq!(run.reply.as_ref(), Some(&bare), "{guest:?}");
            assert_eq!(bare, usual, "{guest:?}");
        }
    }

    #[test]
    fn batches_of_receipts_become_one_log() {
        let component = Guest::Smallest.component().expect("the guest is made");
        let desk = Desk::new(Guest::Smallest, &component, BTreeMap::new()).expect("it loads");
        let mut log = Log::default();
        for batch in 0..3 {
            let receipts: Vec<_> = (batch * 200..(batch + 1) * 200)
                .map(|number| desk.receipt(number).expect("it is sealed"))
                .collect();
            log.commit(&receipts).expect("the tree goes on");
        }
    }
}
