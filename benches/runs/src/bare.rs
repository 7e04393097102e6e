//! The same component in wasmtime alone, as fast as wasmtime can be configured: a pool, memory kept
//! resident, everything prepared before; no fuel, no epoch, no limit, no record of anything.

use std::sync::Arc;

use cryptlet_container::State;
use wasmtime::Result;
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store,
};

use crate::guests::Guest;
use crate::rival::waiting::RivalPre;
use crate::rival::{Outside, answered, invocation};

/// What of a container's care is added to wasmtime, to see what each part costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Care {
    /// Every operator is counted.
    pub fuel: bool,
    /// A clock can stop the guest.
    pub epoch: bool,
    /// All NaNs are one.
    pub canonical_nans: bool,
}

/// As much fuel as anybody needs, and as many ticks.
const PLENTY: u64 = u64::MAX / 2;

/// One component, ready to run.
pub struct Bare {
    engine: Engine,
    prepared: RivalPre<Outside>,
    guest: Guest,
    care: Care,
}

impl Bare {
    /// Compiles and links it.
    ///
    /// # Errors
    ///
    /// If the component does not fit.
    pub fn new(guest: Guest, component: &[u8]) -> Result<Self> {
        Self::with(Care::default(), guest, component)
    }

    /// The same with some care.
    ///
    /// # Errors
    ///
    /// If the component does not fit.
    pub fn with(care: Care, guest: Guest, component: &[u8]) -> Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(crate::INSTANCES)
            .total_core_instances(crate::INSTANCES * 8)
            .total_memories(crate::INSTANCES)
            .total_tables(crate::INSTANCES * 4)
            .max_memory_size(64 << 20)
            .linear_memory_keep_resident(256 << 10)
            .table_keep_resident(64 << 10)
            .pagemap_scan(Enabled::No);
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::Speed)
            .concurrency_support(false)
            .consume_fuel(care.fuel)
            .epoch_interruption(care.epoch)
            .cranelift_nan_canonicalization(care.canonical_nans)
            .memory_init_cow(true)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config)?;
        let component = Component::from_binary(&engine, component)?;
        let mut linker = Linker::<Outside>::new(&engine);
        Outside::add_to_linker(&mut linker)?;
        if guest.needs_wasi() {
            wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        }
        let prepared = RivalPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self {
            engine,
            prepared,
            guest,
            care,
        })
    }

    /// Runs it once in a fresh instance.
    ///
    /// # Errors
    ///
    /// If the guest fails.
    pub fn run(&self, number: u64, state: &Arc<State>) -> Result<Vec<u8>> {
        let mut store = Store::new(&self.engine, Outside::new(Arc::clone(state)));
        if self.care.fuel {
            store.set_fuel(PLENTY)?;
        }
        if self.care.epoch {
            store.set_epoch_deadline(PLENTY);
        }
        let instance = self.prepared.instantiate(&mut store)?;
        let answer = instance
            .cryptlet_fabric_cryptlet()
            .call_handle(&mut store, &invocation(self.guest, number))?;
        answered(answer)
    }
}
