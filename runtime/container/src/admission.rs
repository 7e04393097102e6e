//! Who may run now. A chain of calls takes all its permits at once, so that a run that asks a source
//! never waits for a place that only its own end would free.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A counting gate, first come first served.
#[derive(Debug)]
pub(crate) struct Admission {
    queue: Mutex<Queue>,
    moved: Condvar,
}

#[derive(Debug)]
struct Queue {
    free: u32,
    next_ticket: u64,
    now_serving: u64,
    /// Threads that wait in line. Waking costs a call into the kernel even if there is none.
    waiting: u32,
}

/// Places that are held until this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    places: u32,
}

impl Admission {
    pub(crate) fn new(places: u32) -> Arc<Admission> {
        Arc::new(Admission {
            queue: Mutex::new(Queue {
                free: places,
                next_ticket: 0,
                now_serving: 0,
                waiting: 0,
            }),
            moved: Condvar::new(),
        })
    }

    /// Waits in line for `places` places. More places than there are would wait for ever: the caller
    /// bounds them.
    pub(crate) fn enter(self: &Arc<Self>, places: u32) -> Permit {
        let mut queue = self.lock();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        while queue.now_serving != ticket || queue.free < places {
            queue.waiting += 1;
            queue = self
                .moved
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.waiting -= 1;
        }
        queue.now_serving += 1;
        self.admit(queue, places)
    }

    /// Takes `places` places if nobody waits and they are free.
    pub(crate) fn try_enter(self: &Arc<Self>, places: u32) -> Option<Permit> {
        let mut queue = self.lock();
        if queue.now_serving != queue.next_ticket || queue.free < places {
            return None;
        }
        queue.next_ticket += 1;
        queue.now_serving += 1;
        Some(self.admit(queue, places))
    }

    /// Places that nobody holds.
    pub(crate) fn free(&self) -> u32 {
        self.lock().free
    }

    fn admit(self: &Arc<Self>, mut queue: MutexGuard<'_, Queue>, places: u32) -> Permit {
        queue.free -= places;
        self.wake(queue);
        Permit {
            admission: Arc::clone(self),
            places,
        }
    }

    /// Lets those who wait look again.
    fn wake(&self, queue: MutexGuard<'_, Queue>) {
        let waiting = queue.waiting;
        drop(queue);
        if waiting > 0 {
            self.moved.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut queue = self.admission.lock();
        queue.free += self.places;
        self.admission.wake(queue);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_take_all_their_places_or_none() {
        let admission = Admission::new(3);
        let first = admission.try_enter(2).expect("three are free");
        assert!(admission.try_enter(2).is_none());
        let second = admission.try_enter(1).expect("one is free");
        drop(first);
        assert!(admission.try_enter(2).is_some());
        drop(second);
        assert!(admission.try_enter(3).is_some());
    }

    #[test]
    fn a_long_chain_is_not_starved_by_short_ones() {
        let admission = Admission::new(2);
        let held = admission.enter(1);
        let waiting = Arc::clone(&admission);
        let long = std::thread::spawn(move || drop(waiting.enter(2)));
        while admission.lock().next_ticket < 2 {
            std::thread::yield_now();
        }
        assert!(
            admission.try_enter(1).is_none(),
            "a short chain must queue behind the long one"
        );
        drop(held);
        long.join().expect("the long chain gets its turn");
    }
}
