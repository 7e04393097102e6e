//! The one place where the engine is configured, and the digests that receipts carry of it.

use std::fmt::Write as _;

use cryptlet_attest::{Digest, digest};
use cryptlet_schema::Limits;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, OptLevel,
    PoolingAllocationConfig, Strategy, WasmBacktraceDetails,
};

/// The version of wasmtime that runs guests; part of every receipt's host part.
pub const WASMTIME_VERSION: &str = "48.0.8";

/// Core instances that one component may consist of. `componentize-py` links the interpreter, its
/// libraries and one stub for each interface of WASI: 38, and one more for each native package.
pub(crate) const CORE_INSTANCES: u32 = 64;
/// Linear memories that one component may have.
pub(crate) const MEMORIES: u32 = 2;
/// Tables that one component may have.
pub(crate) const TABLES: u32 = 8;

/// Guest stack. A run that overflows it is [`Interrupted`](cryptlet_attest::Outcome::Interrupted):
/// how deep a stack of this size reaches depends on the compiled code.
pub(crate) const GUEST_STACK_BYTES: usize = 512 * 1024;
const KEEP_RESIDENT_BYTES: usize = 256 * 1024;
/// Bytes of each table that are cleared rather than given back: a call into the kernel less for every
/// table of a guest.
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 * 1024;
const WASM_PAGE_BYTES: u64 = 64 * 1024;

/// What every operator costs in fuel. The table is ours and complete: an engine that knows another
/// set of operators fails to read it instead of counting differently.
const OPERATOR_COSTS: &str = include_str!("operator-costs.json");

/// Everything about the engine that a guest could notice. Pool sizes are not here: no result depends
/// on them.
const SEMANTICS: &[(&str, &str)] = &[
    ("compiler", "cranelift"),
    ("optimisation", "speed"),
    ("fuel", "on"),
    ("epoch-interruption", "on"),
    ("nan-canonicalisation", "on"),
    ("guest-stack-bytes", "524288"),
    ("concurrency", "off"),
    ("grow-failure", "trap"),
    ("bulk-memory", "on"),
    ("component-model", "on"),
    ("custom-page-sizes", "off"),
    ("exceptions", "off"),
    ("extended-const", "on"),
    ("function-references", "off"),
    ("gc", "off"),
    ("memory64", "off"),
    ("multi-memory", "off"),
    ("multi-value", "on"),
    ("reference-types", "on"),
    ("relaxed-simd", "off"),
    ("simd", "on"),
    ("stack-switching", "off"),
    ("tail-call", "on"),
    ("threads", "off"),
    ("wide-arithmetic", "off"),
];

/// Digest over everything about the engine that a guest could notice.
pub(crate) fn configuration_digest() -> Digest {
    let mut text = String::new();
    for (name, value) in SEMANTICS {
        writeln!(text, "{name} {value}").expect("writing to a string cannot fail");
    }
    digest("cryptlet engine configuration v1", &[text.as_bytes()])
}

/// Digest over the operator-cost table's bytes.
pub(crate) fn operator_costs_digest() -> Digest {
    digest("cryptlet operator costs v1", &[OPERATOR_COSTS.as_bytes()])
}

/// Builds the engine for at most `instances` components at a time, each within `limits`.
pub(crate) fn build(instances: u32, limits: &Limits) -> Result<Engine, wasmtime::Error> {
    let mut config = configuration()?;
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, limits)));
    Engine::new(&config)
}

/// Builds an engine that compiles as the others do and has no place to run anything: a pool reserves
/// more addresses than a bounded process has.
pub(crate) fn for_compiling() -> Result<Engine, wasmtime::Error> {
    Engine::new(&configuration()?)
}

fn configuration() -> Result<Config, wasmtime::Error> {
    let costs: OperatorCost = serde_json::from_str(OPERATOR_COSTS)?;
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .operator_cost(costs)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .concurrency_support(false)
        .memory_init_cow(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_bulk_memory(true)
        .wasm_component_model(true)
        .wasm_custom_page_sizes(false)
        .wasm_extended_const(true)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_multi_value(true)
        .wasm_relaxed_simd(false)
        .relaxed_simd_deterministic(true)
        .wasm_simd(true)
        .wasm_tail_call(true)
        .wasm_wide_arithmetic(false);
    Ok(config)
}

/// Places for linear memories that so many components need.
pub(crate) fn memories(instances: u32) -> u32 {
    instances.saturating_mul(MEMORIES)
}

fn pool(instances: u32, limits: &Limits) -> PoolingAllocationConfig {
    let memory_bytes = limits.memory_bytes.next_multiple_of(WASM_PAGE_BYTES);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(memories(instances))
        .total_tables(instances.saturating_mul(TABLES))
        .total_stacks(0)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_memory_size(usize::try_from(memory_bytes).unwrap_or(usize::MAX))
        .table_elements(usize::try_from(limits.table_elements).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        // A swapped-out dirty page can survive a reset that trusts the scan, and reach the next guest.
        .pagemap_scan(Enabled::No);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_table_names_every_operator_of_the_engine_and_no_other() {
        let read: OperatorCost = serde_json::from_str(OPERATOR_COSTS).expect("the table reads");
        let ours: serde_json::Value = serde_json::from_str(OPERATOR_COSTS).expect("it is JSON");
        let theirs = serde_json::to_value(&read).expect("it writes");
        assert_eq!(ours, theirs);
    }

    #[test]
    fn the_digest_names_the_stack_that_is_configured() {
        assert!(SEMANTICS.contains(&("guest-stack-bytes", &GUEST_STACK_BYTES.to_string())));
    }
}
