//! Callers that send as fast as they are answered, and the tasks that run what they sent.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use cryptlet_fabric::{Fabric, Message, Step, Steps};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use super::host::{DOCUMENT_TOPIC, Host, TOPIC};

/// A binding under load.
struct Lane {
    name: String,
    /// Something waits to be run.
    accepted: Notify,
    /// Up to which invocation all of it is durable: a binding runs them one after the other.
    executed: watch::Sender<u64>,
    /// Sent so far, by every caller.
    sent: AtomicU64,
}

/// Told by the fabric what is durable, and tells whoever waits for it.
#[derive(Default)]
pub struct Lanes {
    known: OnceLock<HashMap<String, Arc<Lane>>>,
}

impl Steps for Lanes {
    fn reached(&self, step: Step, binding: &str, number: u64) {
        let lane = self.known.get().and_then(|lanes| lanes.get(binding));
        if let (Step::Executed, Some(lane)) = (step, lane) {
            lane.executed.send_replace(number);
        }
    }
}

/// Every binding of a fabric, under load.
pub struct Load {
    fabric: Arc<Fabric>,
    lanes: Vec<Arc<Lane>>,
    runners: JoinSet<Result<()>>,
    /// Callers of each binding.
    callers: usize,
    /// Bytes of the document in each message; 0: none has one.
    document: usize,
}

/// How long each invocation took, from the call to the durable receipt; in microseconds.
#[derive(Default)]
pub struct Figures {
    pub latencies: Vec<u32>,
    pub time: Duration,
}

impl Figures {
    /// Takes in what another stretch of the load came to.
    pub fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.time += other.time;
    }

    /// Invocations a second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.time.as_secs_f64()
    }

    /// The latency that this share of the invocations, in per mille, does not exceed; in
    /// microseconds.
    pub fn quantile(&mut self, per_mille: usize) -> f64 {
        quantile(&mut self.latencies, per_mille)
    }
}

/// What this share of `values`, in per mille, does not exceed; 0 if there are none.
pub fn quantile(values: &mut [u32], per_mille: usize) -> f64 {
    let Some(last) = values.len().checked_sub(1) else {
        return 0.0;
    };
    let place = (values.len() * per_mille / 1000).min(last);
    f64::from(*values.select_nth_unstable(place).1)
}

impl Load {
    /// Puts every binding of the host under the load of `callers` callers.
    ///
    /// # Errors
    ///
    /// If the lanes are those of another host.
    pub fn new(host: &Host, lanes: &Lanes, callers: usize) -> Result<Self> {
        let all: Vec<Arc<Lane>> = host
            .bindings
            .iter()
            .map(|bound| {
                Arc::new(Lane {
                    name: bound.name.clone(),
                    accepted: Notify::new(),
                    executed: watch::Sender::new(0),
                    sent: AtomicU64::new(0),
                })
            })
            .collect();
        let known = all.iter().map(|lane| (lane.name.clone(), Arc::clone(lane)));
        ensure!(
            lanes.known.set(known.collect()).is_ok(),
            "these lanes have a host already"
        );
        let mut runners = JoinSet::new();
        for lane in &all {
            runners.spawn(run(Arc::clone(&host.fabric), Arc::clone(lane)));
        }
        Ok(Self {
            fabric: Arc::clone(&host.fabric),
            lanes: all,
            runners,
            callers,
            document: 0,
        })
    }

    /// Sends a document of so many bytes in each message from now on.
    pub fn send_documents(&mut self, bytes: usize) {
        self.document = bytes;
    }

    /// Sends `amount` messages over all bindings and waits until every run is durable. After each
    /// `pace` of them something goes into `paces`, if anybody listens.
    ///
    /// # Errors
    ///
    /// If the fabric refuses one of them, or cannot go on.
    pub async fn drive(
        &mut self,
        amount: u64,
        pace: u64,
        paces: Option<mpsc::UnboundedSender<()>>,
    ) -> Result<Figures> {
        let begin = Instant::now();
        let taken = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for lane in &self.lanes {
            for _ in 0..self.callers {
                let caller = Caller {
                    fabric: Arc::clone(&self.fabric),
                    lane: Arc::clone(lane),
                    document: self.document,
                };
                let (taken, paces) = (Arc::clone(&taken), paces.clone());
                callers.spawn(async move {
                    let mut latencies = Vec::new();
                    loop {
                        let turn = taken.fetch_add(1, Ordering::Relaxed);
                        if turn >= amount {
                            return Ok::<_, anyhow::Error>(latencies);
                        }
                        if let Some(paces) = paces.as_ref().filter(|_| turn % pace == pace - 1) {
                            // Whoever made enough moves does not listen any more.
                            let _ = paces.send(());
                        }
                        let begin = Instant::now();
                        caller.call().await?;
                        let latency = begin.elapsed().as_micros();
                        latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
                    }
                });
            }
        }
        drop(paces);
        let mut figures = Figures::default();
        while !callers.is_empty() {
            tokio::select! {
                Some(ended) = callers.join_next() => figures.latencies.extend(ended??),
                Some(ended) = self.runners.join_next() => {
                    ended??;
                    bail!("a binding is not run any more");
                }
            }
        }
        figures.time = begin.elapsed();
        Ok(figures)
    }

    /// Another caller of the binding at this place.
    pub fn caller(&self, binding: usize) -> Caller {
        Caller {
            fabric: Arc::clone(&self.fabric),
            lane: Arc::clone(&self.lanes[binding]),
            document: self.document,
        }
    }

    /// Ends the load. Returns how many messages each binding was sent.
    pub async fn end(mut self) -> Vec<u64> {
        self.runners.shutdown().await;
        let sent = self.lanes.iter().map(|lane| &lane.sent);
        sent.map(|sent| sent.load(Ordering::Relaxed)).collect()
    }
}

/// Sends messages to one binding.
pub struct Caller {
    fabric: Arc<Fabric>,
    lane: Arc<Lane>,
    document: usize,
}

impl Caller {
    /// Sends one message and waits until its run is durable. Returns the invocation's number.
    ///
    /// # Errors
    ///
    /// If the fabric refuses it.
    pub async fn call(&self) -> Result<u64> {
        let turn = self.lane.sent.fetch_add(1, Ordering::Relaxed);
        let number = turn % u64::from(u32::MAX);
        let (topic, body) = if self.document == 0 {
            (TOPIC, format!("{{\"number\":{number}}}"))
        } else {
            let document = "d".repeat(self.document);
            let body = format!("{{\"number\":{number},\"document\":\"{document}\"}}");
            (DOCUMENT_TOPIC, body)
        };
        let message = Message {
            sender: "caller".to_owned(),
            topic: topic.to_owned(),
            body: body.into_bytes(),
            idempotency_key: turn.to_string(),
        };
        let number = self.fabric.send(&self.lane.name, message).await?;
        self.lane.accepted.notify_one();
        let mut executed = self.lane.executed.subscribe();
        executed.wait_for(|newest| *newest >= number).await?;
        Ok(number)
    }
}

/// Runs what is accepted for one binding, as the service does.
async fn run(fabric: Arc<Fabric>, lane: Arc<Lane>) -> Result<()> {
    loop {
        lane.accepted.notified().await;
        let progress = fabric.execute_accepted(&lane.name).await?;
        ensure!(progress.waiting.is_empty(), "{:?}", progress.waiting);
    }
}
