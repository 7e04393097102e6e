//! What is fair: properties of the queue over costs that nobody knew beforehand, and slots in use.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::fair_queue::CREDIT;
use super::*;

fn weight(weight: u32) -> NonZeroU32 {
    NonZeroU32::new(weight).expect("a test's weights are not 0")
}

/// A flow that always has more to do.
#[derive(Clone, Debug)]
struct Busy {
    weight: u32,
    costs: Vec<u64>,
}

impl Busy {
    fn any() -> impl Strategy<Value = Busy> {
        let costs = prop::collection::vec(10_000..50_000_000_u64, 1..20);
        (1..20_u32, costs).prop_map(|(weight, costs)| Busy { weight, costs })
    }

    fn cost(&self, run: usize) -> u64 {
        self.costs[run % self.costs.len()]
    }

    fn largest(&self) -> u64 {
        self.costs.iter().copied().max().unwrap_or(0)
    }
}

/// What a flow got, over its weight.
fn share(flow: &Busy, served: u64) -> f64 {
    served as f64 / f64::from(flow.weight)
}

proptest! {
    #[test]
    fn what_busy_flows_get_differs_by_no_more_than_a_run_of_each(
        flows in prop::collection::vec(Busy::any(), 2..8),
    ) {
        let mut queue = FairQueue::new(1);
        let mut served = vec![0_u64; flows.len()];
        let mut runs = vec![0_usize; flows.len()];
        for flow in 0..flows.len() {
            queue.ask(flow);
        }
        for _ in 0..500 {
            let (_, flow) = queue.start_next().expect("all of them wait");
            let cost = flows[flow].cost(runs[flow]);
            runs[flow] += 1;
            served[flow] += cost;
            queue.end(flow, weight(flows[flow].weight), cost);
            queue.ask(flow);
            for (a, one) in flows.iter().enumerate() {
                for (b, other) in flows.iter().enumerate().skip(a + 1) {
                    let lag = (share(one, served[a]) - share(other, served[b])).abs();
                    let bound = share(one, one.largest()) + share(other, other.largest());
                    // Virtual time is in whole numbers; each run may lose less than one.
                    prop_assert!(lag <= bound + 1.0, "{lag} of at most {bound}");
                }
            }
        }
    }

    #[test]
    fn a_flow_that_comes_waits_for_no_more_than_a_run_of_each_noisy_one(
        noisy in prop::collection::vec(Busy::any(), 1..8),
        before in 1..300_usize,
        slots in 1..4_u32,
    ) {
        let mut queue = FairQueue::new(slots);
        let newcomer = noisy.len();
        let mut running: Vec<(usize, u64)> = Vec::new();
        let mut runs = vec![0_usize; noisy.len()];
        for flow in 0..noisy.len() {
            queue.ask(flow);
        }
        let mut started_before_it = None;
        for step in 0.. {
            if step == before {
                queue.ask(newcomer);
                started_before_it = Some(0);
            }
            while let Some((_, flow)) = queue.start_next() {
                if flow == newcomer {
                    return Ok(());
                }
                let cost = noisy[flow].cost(runs[flow]);
                runs[flow] += 1;
                running.push((flow, cost));
                started_before_it = started_before_it.map(|started| started + 1);
            }
            prop_assert!(started_before_it.unwrap_or(0) <= noisy.len(), "{started_before_it:?}");
            let (flow, cost) = running.remove(0);
            queue.end(flow, weight(noisy[flow].weight), cost);
            queue.ask(flow);
        }
    }

    #[test]
    fn slots_are_never_idle_while_anybody_waits(
        steps in prop::collection::vec((0..6_usize, 0..3_u8, 0..5_000_000_u64), 1..300),
        slots in 1..5_u32,
    ) {
        let mut queue = FairQueue::new(slots);
        let mut asked: Vec<(Ticket, usize)> = Vec::new();
        let mut running: Vec<usize> = Vec::new();
        for (flow, what, cost) in steps {
            let is_idle = !running.contains(&flow) && asked.iter().all(|(_, other)| *other != flow);
            match what {
                0 if is_idle => asked.push((queue.ask(flow), flow)),
                1 if !asked.is_empty() => {
                    let (ticket, _) = asked.remove(flow % asked.len());
                    queue.withdraw(ticket);
                }
                2 if !running.is_empty() => {
                    let ended = running.remove(flow % running.len());
                    queue.end(ended, weight(1), cost);
                }
                _ => {}
            }
            while let Some((ticket, flow)) = queue.start_next() {
                let place = asked.iter().position(|(other, _)| *other == ticket);
                let place = place.expect("only who asked and did not withdraw is started");
                prop_assert_eq!(asked.remove(place).1, flow);
                running.push(flow);
            }
            prop_assert_eq!(queue.taken() as usize, running.len());
            prop_assert_eq!(queue.waiting(), asked.len());
            prop_assert!(running.len() == slots as usize || asked.is_empty());
        }
    }
}

#[test]
fn a_flow_that_was_quiet_for_long_does_not_hold_up_the_others() {
    let mut queue = FairQueue::new(1);
    queue.ask("busy");
    for _ in 0..1_000 {
        queue.start_next().expect("it waits");
        queue.end("busy", weight(1), CREDIT);
        queue.ask("busy");
    }
    queue.ask("quiet");
    let mut quiet_in_a_row = 0;
    while queue.start_next().expect("both wait").1 == "quiet" {
        queue.end("quiet", weight(1), CREDIT / 2);
        queue.ask("quiet");
        quiet_in_a_row += 1;
    }
    assert!(quiet_in_a_row >= 1, "it is served at once");
    assert!(quiet_in_a_row <= 4, "{quiet_in_a_row} runs in a row");
}

#[test]
fn flows_that_owe_nothing_are_forgotten() {
    let mut queue = FairQueue::new(1);
    for flow in 0..100_000_u32 {
        queue.ask(flow);
        queue.start_next().expect("it waits");
        queue.end(flow, weight(1), CREDIT);
        queue.ask(u32::MAX);
        queue.start_next().expect("it waits");
        queue.end(u32::MAX, weight(1), CREDIT);
    }
    assert!(queue.remembered() < 1_000, "{}", queue.remembered());
}

/// Goes on only when a test says so.
#[derive(Clone, Default)]
struct ManualStopwatch(Arc<AtomicU64>);

impl ManualStopwatch {
    fn pass(&self, nanoseconds: u64) {
        self.0.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

impl Stopwatch for ManualStopwatch {
    fn nanoseconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn binding(number: u8) -> BindingId {
    BindingId::from_bytes([number; 32])
}

/// Whether it is there without waiting.
async fn at_once<T>(coming: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        come = coming => Some(come),
        () = std::future::ready(()) => None,
    }
}

/// A place in line once it is looked at.
fn asking(
    scheduler: &Scheduler,
    flow: u8,
    weight: NonZeroU32,
) -> Pin<Box<dyn Future<Output = Slot>>> {
    let scheduler = scheduler.clone();
    Box::pin(async move { scheduler.slot(binding(flow), weight).await })
}

#[tokio::test]
async fn who_has_used_least_for_its_weight_is_next() {
    let stopwatch = ManualStopwatch::default();
    let scheduler = Scheduler::new(weight(1), stopwatch.clone());
    let weights = [weight(1), weight(3)];
    let mut lines = [0, 1].map(|flow| asking(&scheduler, flow, weights[usize::from(flow)]));
    let mut served = [0_u32; 2];
    for _ in 0..400 {
        let [light, heavy] = &mut lines;
        let (flow, slot) = tokio::select! {
            biased;
            slot = light => (0_u8, slot),
            slot = heavy => (1, slot),
        };
        let index = usize::from(flow);
        served[index] += 1;
        lines[index] = asking(&scheduler, flow, weights[index]);
        for line in &mut lines {
            assert!(at_once(line).await.is_none(), "both are in line");
        }
        stopwatch.pass(CREDIT);
        drop(slot);
    }
    assert!((98..=102).contains(&served[0]), "{served:?}");
}

#[tokio::test]
async fn a_run_that_waits_for_an_answer_holds_no_slot() {
    let scheduler = Scheduler::new(weight(1), ManualStopwatch::default());
    let mut first = scheduler.slot(binding(1), weight(1)).await;
    let mut second = std::pin::pin!(scheduler.slot(binding(2), weight(1)));
    assert!(at_once(second.as_mut()).await.is_none());
    let during = first.aside(|| scheduler.load());
    assert_eq!((during.running, during.waiting), (1, 0));
    let second = at_once(second).await.expect("it got the slot meanwhile");
    assert_eq!(scheduler.load().running, 2, "the first went on at once");
    let third = scheduler.slot(binding(3), weight(1));
    let mut third = std::pin::pin!(third);
    drop(first);
    assert!(at_once(third.as_mut()).await.is_none());
    drop(second);
    assert!(at_once(third).await.is_some());
}

#[tokio::test]
async fn waiting_outside_is_not_charged() {
    let stopwatch = ManualStopwatch::default();
    let scheduler = Scheduler::new(weight(1), stopwatch.clone());
    let mut patient = scheduler.slot(binding(1), weight(1)).await;
    patient.aside(|| stopwatch.pass(100 * CREDIT));
    drop(patient);
    let busy = scheduler.slot(binding(2), weight(1)).await;
    stopwatch.pass(CREDIT);
    drop(busy);
    let other = scheduler.slot(binding(3), weight(1)).await;
    let mut busy = asking(&scheduler, 2, weight(1));
    let mut patient = asking(&scheduler, 1, weight(1));
    assert!(at_once(&mut busy).await.is_none());
    assert!(at_once(&mut patient).await.is_none());
    drop(other);
    assert!(at_once(&mut busy).await.is_none());
    assert!(at_once(&mut patient).await.is_some());
}

#[tokio::test]
async fn who_leaves_the_line_keeps_nobody_waiting() {
    let scheduler = Scheduler::new(weight(1), ManualStopwatch::default());
    let held = scheduler.slot(binding(1), weight(1)).await;
    {
        let leaving = std::pin::pin!(scheduler.slot(binding(2), weight(1)));
        assert!(at_once(leaving).await.is_none());
    }
    assert_eq!(scheduler.load().waiting, 0);
    drop(held);
    // A slot that was given to somebody who does not look for it any more comes back, too.
    let mut unseen = Box::pin(scheduler.slot(binding(3), weight(1)));
    let held = scheduler.slot(binding(1), weight(1)).await;
    assert!(at_once(unseen.as_mut()).await.is_none());
    drop(held);
    assert_eq!(scheduler.load().running, 1, "given, not yet taken");
    drop(unseen);
    assert_eq!(scheduler.load().running, 0);
}
