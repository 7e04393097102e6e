//! The same component in wasmtime alone, as fast as wasmtime can be configured: a pool, memory kept
//! resident, everything prepared before; no fuel, no epoch, no limit, no record of anything.

use std::collections::BTreeMap;

use wasmtime::Result;
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guests::Guest;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package cryptlet:rival;
            world rival {
                import cryptlet:fabric/state@0.1.0;
                export cryptlet:fabric/cryptlet@0.1.0;
            }
        ",
        imports: { default: trappable },
    });
}

use bindings::RivalPre;
use bindings::cryptlet::fabric::{state, types};

/// What a host of wasmtime keeps for one guest.
pub struct Outside {
    state: BTreeMap<String, Vec<u8>>,
    wasi: Option<(WasiCtx, ResourceTable)>,
}

impl WasiView for Outside {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (ctx, table) = self
            .wasi
            .get_or_insert_with(|| (WasiCtx::builder().build(), ResourceTable::new()));
        WasiCtxView { ctx, table }
    }
}

impl types::Host for Outside {}

impl state::Host for Outside {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.state.get(&key).cloned())
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        self.state.insert(key, value);
        Ok(())
    }

    fn remove(&mut self, key: String) -> wasmtime::Result<()> {
        self.state.remove(&key);
        Ok(())
    }

    fn keys(&mut self, _: String, _: Option<String>, _: u32) -> wasmtime::Result<Vec<String>> {
        Ok(self.state.keys().cloned().collect())
    }
}

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
        types::add_to_linker::<_, HasSelf<Outside>>(&mut linker, |outside| outside)?;
        state::add_to_linker::<_, HasSelf<Outside>>(&mut linker, |outside| outside)?;
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
    pub fn run(&self, number: u64, state: BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
        let mut store = Store::new(&self.engine, Outside { state, wasi: None });
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
        answer.map_err(|failure| wasmtime::format_err!("{}: {}", failure.code, failure.message))
    }
}

fn invocation(guest: Guest, number: u64) -> types::Invocation {
    types::Invocation {
        binding: crate::BINDING.to_owned(),
        number,
        instant: crate::INSTANT + number,
        trigger: types::Trigger::Message(types::Message {
            sender: crate::SENDER.to_owned(),
            topic: guest.topic().to_owned(),
            body: guest.message().into_owned(),
        }),
    }
}
