//! Work on all processors, for one thread that reads what is to be done.

use std::io;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::failure::Failure;

/// What the guest and its host functions may need on a thread.
const STACK_BYTES: usize = 4 << 20;

/// Calls `read` on this thread, and `work` on others with all that it sends. What is sent and not
/// yet worked on is bounded; sending fails once there is no worker any more.
///
/// Ends when all work is done, with what `read` says, or with a refusal if a worker did not come to
/// its end: what it was working on is counted nowhere.
pub fn feed<T: Send>(
    work: impl Fn(T) + Sync,
    read: impl FnOnce(&SyncSender<T>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let (sender, receiver) = sync_channel(processors);
    let receiver = Arc::new(Mutex::new(receiver));
    let work = &work;
    thread::scope(|scope| {
        let mut workers = Vec::with_capacity(processors);
        for number in 0..processors {
            let receiver = Arc::clone(&receiver);
            let worker = thread::Builder::new()
                .name(format!("replay-{number}"))
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, move || take(&receiver, work))
                .map_err(|error: io::Error| {
                    Failure::Refused(format!("no thread for a replay: {error}"))
                })?;
            workers.push(worker);
        }
        // From here on only workers hold it, so that sending to none fails rather than waits.
        drop(receiver);
        let read = read(&sender);
        drop(sender);
        let ended: Vec<bool> = workers
            .into_iter()
            .map(|worker| worker.join().is_ok())
            .collect();
        if ended.contains(&false) {
            return Err(Failure::Refused(
                "a replay ended before its time; this is a fault of this program".into(),
            ));
        }
        read
    })
}

fn take<T>(given: &Mutex<Receiver<T>>, work: impl Fn(T)) {
    loop {
        let next = given.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else {
            return;
        };
        work(next);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn all_that_is_read_is_worked_on() {
        let sum = AtomicU64::new(0);
        let work = |number: u64| {
            sum.fetch_add(number, Ordering::Relaxed);
        };
        feed(work, |sender| {
            for number in 1..=100 {
                sender.send(number).unwrap();
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 5_050);
    }

    #[test]
    fn workers_that_panic_are_a_failure_and_hold_up_nobody() {
        let panics = |(): ()| panic!("as a fault of this program would");
        let ended = feed(panics, |sender| {
            // Far more than the channel holds.
            for _ in 0..10_000 {
                if sender.send(()).is_err() {
                    break;
                }
            }
            Ok(())
        });
        assert!(matches!(ended, Err(Failure::Refused(_))), "{ended:?}");
    }
}
