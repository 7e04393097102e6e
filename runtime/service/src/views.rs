//! From rows of the journal to what the API shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cryptlet_attest::BindingId;
use cryptlet_fabric::Footprint;
use cryptlet_fabric::journal::{BindingRow, CarriedDelivery, InvocationRow, ResultRow, VersionRow};

use crate::api::{
    BindingMemory, BindingStatus, DeliveryView, DeployedVersion, InvocationView, PublicationStatus,
    PublishedEvent, ResultView, RunsStatus, Stage, Status,
};
use crate::refusal::Refusal;
use crate::state::ServiceState;

pub(crate) fn version(row: VersionRow) -> DeployedVersion {
    DeployedVersion {
        cryptlet: row.cryptlet,
        version: row.version.to_string(),
        measurement: row.measurement.to_string(),
        deployed_at: row.deployed_at,
    }
}

pub(crate) fn status(state: &ServiceState) -> Result<Status, Refusal> {
    let trusted = state.fabric.trusted_key();
    Ok(Status {
        origin: trusted.name().to_owned(),
        trusted_key: trusted.to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: state.started_at,
        draining: state.is_draining(),
        log_size: state.fabric.journal().log_size()?,
        publication: PublicationStatus {
            size: *state.publishing.size().borrow(),
            failure: state.health.publishing_failure(),
        },
        witnesses: state.health.witnesses(),
        contradiction: state.health.contradiction().map(str::to_owned),
        runs: runs(state),
        ledgers: state.health.ledgers(),
        bindings: bindings(state)?,
    })
}

pub(crate) fn bindings(state: &ServiceState) -> Result<Vec<BindingStatus>, Refusal> {
    let rows = state.fabric.journal().bindings()?;
    rows.iter().map(|row| binding(state, row)).collect()
}

pub(crate) fn binding(state: &ServiceState, row: &BindingRow) -> Result<BindingStatus, Refusal> {
    let journal = state.fabric.journal();
    let agreement = &row.document.binding;
    let id = row.document.id();
    let counts = journal.counts(&id)?;
    Ok(BindingStatus {
        name: agreement.name.clone(),
        id: id.to_string(),
        cryptlet: agreement.cryptlet.clone(),
        active: row.active.to_string(),
        queued: counts.queued,
        executed: counts.executed,
        open_deliveries: counts.open_deliveries,
        memory: memory(state.fabric.footprint(row)?),
        waiting: state.work.waiting(&agreement.name),
    })
}

fn memory(footprint: Footprint) -> BindingMemory {
    BindingMemory {
        state_bytes: footprint.state_bytes,
        queued_bytes: footprint.queued_bytes,
        code_bytes: footprint.code_bytes,
    }
}

fn runs(state: &ServiceState) -> RunsStatus {
    let load = state.fabric.load();
    RunsStatus {
        slots: load.slots,
        running: load.running,
        waiting: load.waiting as u64,
        code_bytes: state.fabric.compiled_bytes(),
    }
}

/// Brings the gauges up to date that only the journal knows.
pub(crate) fn measure(state: &ServiceState) -> Result<(), Refusal> {
    let journal = state.fabric.journal();
    state.metrics.log_size(journal.log_size()?);
    state.metrics.runs(&runs(state));
    for row in journal.bindings()? {
        let name = &row.document.binding.name;
        let id = row.document.id();
        state.metrics.queued(name, journal.counts(&id)?.queued);
        let footprint = memory(state.fabric.footprint(&row)?);
        state.metrics.memory(name, &footprint);
        let found = journal.deliveries_by_status(&id)?;
        state.metrics.deliveries(name, found);
    }
    Ok(())
}

pub(crate) fn invocation(
    state: &ServiceState,
    binding: &str,
    number: u64,
) -> Result<InvocationView, Refusal> {
    let id = state.binding(binding)?.document.id();
    let row = state.fabric.journal().invocation(&id, number)?;
    let row = row.ok_or_else(|| {
        Refusal::not_found(
            "unknown-invocation",
            format!("binding \"{binding}\" has no invocation {number}"),
        )
    })?;
    let mut view = view(state, binding, row)?;
    if let Some(result) = &mut view.result {
        let traffic = state.fabric.journal().traffic(&id, number)?;
        result.traffic = traffic.as_ref().map(Into::into);
    }
    Ok(view)
}

pub(crate) fn invocations(
    state: &ServiceState,
    binding: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<InvocationView>, Refusal> {
    let id = state.binding(binding)?.document.id();
    let rows = state.fabric.journal().invocations(&id, after, limit)?;
    rows.into_iter()
        .map(|row| view(state, binding, row))
        .collect()
}

fn view(
    state: &ServiceState,
    binding: &str,
    row: InvocationRow,
) -> Result<InvocationView, Refusal> {
    let stage = match &row.result {
        None => Stage::Accepted,
        Some(_) if row.is_settled() => Stage::Settled,
        Some(_) => Stage::Executed,
    };
    Ok(InvocationView {
        binding: binding.to_owned(),
        number: row.number,
        instant: row.instant,
        trigger: row.trigger.to_owned(),
        stage,
        result: row.result.map(|run| result(state, run)).transpose()?,
        deliveries: row.deliveries.into_iter().map(delivery).collect(),
    })
}

fn result(state: &ServiceState, run: ResultRow) -> Result<ResultView, Refusal> {
    let receipt = receipt(state, run.leaf)?;
    Ok(ResultView {
        cryptlet: run.cryptlet,
        version: run.version,
        outcome: run.outcome,
        explanation: run.explanation,
        reply: run.reply.as_deref().map(json),
        fuel: run.fuel,
        traffic: None,
        leaf: run.leaf,
        receipt: BASE64.encode(receipt),
    })
}

fn delivery(carried: CarriedDelivery) -> DeliveryView {
    let row = carried.delivery;
    DeliveryView {
        ledger: row.ledger,
        delivery: row.delivery,
        action: row.action,
        status: row.status.to_string(),
        refusal: row.refusal,
        transaction: carried
            .transaction
            .map(|hash| format!("0x{}", hex::encode(hash))),
        block: row.block,
        gas_used: row.gas_used,
    }
}

pub(crate) fn receipt(state: &ServiceState, leaf: u64) -> Result<Vec<u8>, Refusal> {
    let receipt = state.fabric.journal().receipt_of_leaf(leaf)?;
    let receipt = receipt.ok_or_else(|| {
        Refusal::not_found(
            "unknown-leaf",
            format!("the log has no leaf at position {leaf}"),
        )
    })?;
    Ok(receipt.to_bytes())
}

/// Published events after a position, each with its own.
pub(crate) fn published(
    state: &ServiceState,
    id: &BindingId,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, PublishedEvent)>, Refusal> {
    let rows = state.fabric.journal().published_after(id, after, limit)?;
    let shown = rows.into_iter().map(|placed| {
        let published = PublishedEvent {
            number: placed.event.number,
            topic: placed.event.topic,
            body: json(&placed.event.body),
        };
        (placed.place, published)
    });
    Ok(shown.collect())
}

/// Where an invocation is, below the API's address.
pub(crate) fn location(binding: &str, number: u64) -> String {
    format!("/v1/bindings/{}/invocations/{number}", escaped(binding))
}

/// The container took only JSON; text that is none all the same is shown as a string.
fn json(bytes: &[u8]) -> serde_json::Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

/// A name as a segment of a path (RFC 3986).
fn escaped(segment: &str) -> String {
    let mut escaped = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_holds_whatever_name_a_binding_has() {
        assert_eq!(
            location("acme-irs", 7),
            "/v1/bindings/acme-irs/invocations/7"
        );
        assert_eq!(
            location("a/b ü?", 1),
            "/v1/bindings/a%2Fb%20%C3%BC%3F/invocations/1"
        );
    }
}
