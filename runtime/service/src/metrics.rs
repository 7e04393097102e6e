//! What is counted, for Prometheus. Labels are names of bindings, ledgers and witnesses, templates of routes,
//! and words of the fabric: nothing that a caller can make up.

use std::time::Duration;

use cryptlet_fabric::Traffic;
use cryptlet_fabric::journal::DeliveryStatus;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::api::{BindingMemory, RunsStatus};

/// Media type of the text that [`Metrics::text`] gives.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    invocations: Family<OutcomeLabels, Counter>,
    fuel: Family<BindingLabels, Counter>,
    run_seconds: Family<BindingLabels, Histogram>,
    host_calls: Family<CallLabels, Counter>,
    run_bytes: Family<DirectionLabels, Counter>,
    queued: Family<BindingLabels, Gauge>,
    memory: Family<MemoryLabels, Gauge>,
    slots: Gauge,
    slots_taken: Gauge,
    slots_waited_for: Gauge,
    code: Gauge,
    deliveries: Family<DeliveryLabels, Gauge>,
    commit_failures: Counter,
    requests: Family<RequestLabels, Counter>,
    ledger_head: Family<LedgerLabels, Gauge>,
    ledger_up: Family<LedgerLabels, Gauge>,
    log_size: Gauge,
    published_size: Gauge,
    publishing_failures: Counter,
    witness_size: Family<WitnessLabels, Gauge>,
    witness_up: Family<WitnessLabels, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BindingLabels {
    binding: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    binding: String,
    call: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    binding: String,
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MemoryLabels {
    binding: String,
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    binding: String,
    outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    binding: String,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LedgerLabels {
    ledger: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessLabels {
    witness: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u32,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("cryptlet"),
            invocations: Family::default(),
            fuel: Family::default(),
            // From a millisecond to half a minute.
            run_seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 2.0, 16))
            }),
            host_calls: Family::default(),
            run_bytes: Family::default(),
            queued: Family::default(),
            memory: Family::default(),
            slots: Gauge::default(),
            slots_taken: Gauge::default(),
            slots_waited_for: Gauge::default(),
            code: Gauge::default(),
            deliveries: Family::default(),
            commit_failures: Counter::default(),
            requests: Family::default(),
            ledger_head: Family::default(),
            ledger_up: Family::default(),
            log_size: Gauge::default(),
            published_size: Gauge::default(),
            publishing_failures: Counter::default(),
            witness_size: Family::default(),
            witness_up: Family::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "invocations",
            "Invocations that ran, by how they ended",
            self.invocations.clone(),
        );
        registry.register(
            "fuel",
            "Deterministic units that the bound cryptlets used",
            self.fuel.clone(),
        );
        registry.register_with_unit(
            "run",
            "From being next in line to the receipt being durable; of runs that become durable together the first has the time of all",
            Unit::Seconds,
            self.run_seconds.clone(),
        );
        registry.register(
            "host_calls",
            "Recorded calls of the bound cryptlets to their host, by kind",
            self.host_calls.clone(),
        );
        registry.register_with_unit(
            "run_traffic",
            "Inputs and answers that reached the bound cryptlets, replies and calls that left them",
            Unit::Bytes,
            self.run_bytes.clone(),
        );
        registry.register(
            "queued",
            "Invocations accepted and not executed",
            self.queued.clone(),
        );
        registry.register_with_unit(
            "binding_memory",
            "What a binding takes; code is shared by the bindings of the same modules",
            Unit::Bytes,
            self.memory.clone(),
        );
        registry.register(
            "slots",
            "Runs that may compute at one time",
            self.slots.clone(),
        );
        registry.register("slots_taken", "Runs that compute", self.slots_taken.clone());
        registry.register(
            "slots_waited_for",
            "Bindings that wait for their turn to compute",
            self.slots_waited_for.clone(),
        );
        registry.register_with_unit(
            "compiled_code",
            "Compiled code in memory, each module counted once",
            Unit::Bytes,
            self.code.clone(),
        );
        registry.register(
            "deliveries",
            "Deliveries by how far they are",
            self.deliveries.clone(),
        );
        registry.register(
            "journal_commit_failures",
            "Commits of the journal that failed",
            self.commit_failures.clone(),
        );
        registry.register(
            "http_requests",
            "Requests to the API, by the template of their route",
            self.requests.clone(),
        );
        registry.register(
            "ledger_head",
            "Newest block that the ledger's node knows",
            self.ledger_head.clone(),
        );
        registry.register(
            "ledger_up",
            "Whether the ledger's node answered when last asked",
            self.ledger_up.clone(),
        );
        registry.register("log_size", "Leaves in the log", self.log_size.clone());
        registry.register(
            "published_size",
            "Leaves that the published checkpoint covers",
            self.published_size.clone(),
        );
        registry.register(
            "publishing_failures",
            "Checkpoints that could not be published when it was tried",
            self.publishing_failures.clone(),
        );
        registry.register(
            "witness_size",
            "Leaves of the checkpoint that the witness cosigned last",
            self.witness_size.clone(),
        );
        registry.register(
            "witness_up",
            "Whether the witness cosigned when last asked",
            self.witness_up.clone(),
        );
    }

    /// One invocation ran. `outcome` is in the fabric's words, of which the first is the class.
    pub(crate) fn ran(&self, binding: &str, outcome: &str, fuel: u64) {
        let class = outcome.split(' ').next().unwrap_or_default();
        self.invocations
            .get_or_create(&OutcomeLabels {
                binding: binding.into(),
                outcome: class.into(),
            })
            .inc();
        self.fuel.get_or_create(&of(binding)).inc_by(fuel);
    }

    /// What went between one run and its host.
    pub(crate) fn carried(&self, binding: &str, traffic: &Traffic) {
        for (kind, calls) in traffic.kinds() {
            let labels = CallLabels {
                binding: binding.to_owned(),
                call: kind.name(),
            };
            self.host_calls.get_or_create(&labels).inc_by(calls.calls);
        }
        for (direction, bytes) in [("in", traffic.bytes_in()), ("out", traffic.bytes_out())] {
            let labels = DirectionLabels {
                binding: binding.to_owned(),
                direction,
            };
            self.run_bytes.get_or_create(&labels).inc_by(bytes);
        }
    }

    /// How long one invocation took.
    pub(crate) fn took(&self, binding: &str, time: Duration) {
        self.run_seconds
            .get_or_create(&of(binding))
            .observe(time.as_secs_f64());
    }

    pub(crate) fn queued(&self, binding: &str, invocations: u64) {
        self.queued
            .get_or_create(&of(binding))
            .set(signed(invocations));
    }

    /// What a binding takes.
    pub(crate) fn memory(&self, binding: &str, memory: &BindingMemory) {
        for (kind, bytes) in [
            ("state", memory.state_bytes),
            ("queue", memory.queued_bytes),
            ("code", memory.code_bytes),
        ] {
            let labels = MemoryLabels {
                binding: binding.to_owned(),
                kind,
            };
            self.memory.get_or_create(&labels).set(signed(bytes));
        }
    }

    /// What runs now.
    pub(crate) fn runs(&self, runs: &RunsStatus) {
        self.slots.set(runs.slots.into());
        self.slots_taken.set(runs.running.into());
        self.slots_waited_for.set(signed(runs.waiting));
        self.code.set(signed(runs.code_bytes));
    }

    /// How many deliveries have each status; those that are not among `found` have none any more.
    pub(crate) fn deliveries(
        &self,
        binding: &str,
        found: impl IntoIterator<Item = (DeliveryStatus, u64)>,
    ) {
        let gauge = |status: DeliveryStatus| {
            self.deliveries.get_or_create_owned(&DeliveryLabels {
                binding: binding.into(),
                status: status.to_string(),
            })
        };
        let found: Vec<_> = found.into_iter().collect();
        for status in DeliveryStatus::ALL {
            let number = found.iter().find(|(known, _)| *known == status);
            gauge(status).set(number.map_or(0, |(_, number)| signed(*number)));
        }
    }

    pub(crate) fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    pub(crate) fn answered(&self, method: &str, route: &str, status: u16) {
        self.requests
            .get_or_create(&RequestLabels {
                method: method.into(),
                route: route.into(),
                status: status.into(),
            })
            .inc();
    }

    /// What a node said when it was asked for its newest block.
    pub(crate) fn ledger(&self, ledger: &str, head: Option<u64>) {
        let labels = LedgerLabels {
            ledger: ledger.into(),
        };
        self.ledger_up
            .get_or_create(&labels)
            .set(i64::from(head.is_some()));
        if let Some(head) = head {
            self.ledger_head.get_or_create(&labels).set(signed(head));
        }
    }

    pub(crate) fn log_size(&self, leaves: u64) {
        self.log_size.set(signed(leaves));
    }

    /// The published checkpoint covers this many leaves.
    pub(crate) fn published(&self, leaves: u64) {
        self.published_size.set(signed(leaves));
    }

    pub(crate) fn publishing_failed(&self) {
        self.publishing_failures.inc();
    }

    /// What a witness said when it was asked for a cosignature.
    pub(crate) fn witness(&self, witness: &str, leaves: u64, cosigned: bool) {
        let labels = WitnessLabels {
            witness: witness.into(),
        };
        let size = self.witness_size.get_or_create_owned(&labels);
        size.set(signed(leaves));
        let up = self.witness_up.get_or_create_owned(&labels);
        up.set(i64::from(cosigned));
    }

    /// Everything, as OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

fn of(binding: &str) -> BindingLabels {
    BindingLabels {
        binding: binding.into(),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use cryptlet_container::{Invocation, Transcript, Trigger};

    use super::*;

    #[test]
    fn outcomes_are_counted_by_their_class() {
        let metrics = Metrics::new();
        metrics.ran("acme", "ok", 40);
        metrics.ran("acme", "failure no-rate", 1);
        metrics.ran("acme", "failure too-late", 1);
        metrics.took("acme", Duration::from_millis(3));
        let text = metrics.text();
        for line in [
            "cryptlet_invocations_total{binding=\"acme\",outcome=\"ok\"} 1",
            "cryptlet_invocations_total{binding=\"acme\",outcome=\"failure\"} 2",
            "cryptlet_fuel_total{binding=\"acme\"} 42",
            "cryptlet_run_seconds_count{binding=\"acme\"} 1",
            "cryptlet_journal_commit_failures_total 0",
        ] {
            assert!(text.contains(line), "{line} is missing from\n{text}");
        }
    }

    #[test]
    fn what_runs_carry_is_counted_by_call_and_direction() {
        let invocation = Invocation {
            binding: String::new(),
            number: 1,
            instant: 0,
            trigger: Trigger::Message {
                sender: String::new(),
                topic: "ask".into(),
                body: b"{}".to_vec(),
            },
        };
        let traffic = Traffic::of(&invocation, &Transcript::default(), Some(b"four"));
        let metrics = Metrics::new();
        metrics.carried("acme", &traffic);
        metrics.carried("acme", &traffic);
        let text = metrics.text();
        for (direction, bytes) in [("in", 4), ("out", 8)] {
            let line = format!(
                "cryptlet_run_traffic_bytes_total{{binding=\"acme\",direction=\"{direction}\"}} {bytes}"
            );
            assert!(text.contains(&line), "{line} is missing from\n{text}");
        }
    }

    #[test]
    fn a_status_that_no_delivery_has_any_more_is_none() {
        let metrics = Metrics::new();
        metrics.deliveries("acme", [(DeliveryStatus::Sent, 2)]);
        metrics.deliveries("acme", [(DeliveryStatus::Finalized, 2)]);
        let text = metrics.text();
        for line in [
            "cryptlet_deliveries{binding=\"acme\",status=\"sent\"} 0",
            "cryptlet_deliveries{binding=\"acme\",status=\"finalized\"} 2",
        ] {
            assert!(text.contains(line), "{line} is missing from\n{text}");
        }
    }

    #[test]
    fn memory_is_told_by_binding_and_by_what_takes_it() {
        let metrics = Metrics::new();
        let memory = BindingMemory {
            state_bytes: 7,
            queued_bytes: 8,
            code_bytes: 9,
        };
        metrics.memory("acme", &memory);
        let text = metrics.text();
        for (kind, bytes) in [("state", 7), ("queue", 8), ("code", 9)] {
            let line = format!(
                "cryptlet_binding_memory_bytes{{binding=\"acme\",kind=\"{kind}\"}} {bytes}"
            );
            assert!(text.contains(&line), "{line} is missing from\n{text}");
        }
    }

    #[test]
    fn a_lost_node_keeps_its_head_and_is_down() {
        let metrics = Metrics::new();
        metrics.ledger("anvil", Some(7));
        metrics.ledger("anvil", None);
        let text = metrics.text();
        assert!(
            text.contains("cryptlet_ledger_up{ledger=\"anvil\"} 0"),
            "{text}"
        );
        assert!(
            text.contains("cryptlet_ledger_head{ledger=\"anvil\"} 7"),
            "{text}"
        );
    }
}
