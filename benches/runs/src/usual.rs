//! The same component in wasmtime as most hosts embed it: instances made on demand, a new linker for
//! every call, asynchronous, with fuel and an epoch.

use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use crate::guests::Guest;
use crate::rival::asynchronous::Rival;
use crate::rival::{Outside, answered, invocation};

/// Fuel of one run, as much as the manifests of the guests ask for.
const FUEL: u64 = 2_000_000_000;

/// One component and the engine that compiled it.
pub struct Usual {
    engine: Engine,
    component: Component,
    runtime: tokio::runtime::Runtime,
    guest: Guest,
}

impl Usual {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// If the component is none.
    pub fn new(guest: Guest, component: &[u8]) -> Result<Self> {
        let mut config = Config::new();
        config.consume_fuel(true).epoch_interruption(true);
        let engine = Engine::new(&config)?;
        Ok(Self {
            component: Component::from_binary(&engine, component)?,
            engine,
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .map_err(wasmtime::Error::new)?,
            guest,
        })
    }

    /// Runs it once in a fresh instance.
    ///
    /// # Errors
    ///
    /// If the guest fails.
    pub fn run(&self, number: u64) -> Result<Vec<u8>> {
        self.runtime.block_on(async {
            let mut linker = Linker::<Outside>::new(&self.engine);
            Outside::add_to_linker(&mut linker)?;
            if self.guest.needs_wasi() {
                wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            }
            let mut store = Store::new(&self.engine, Outside::with_wasi(Arc::default()));
            store.set_fuel(FUEL)?;
            store.set_epoch_deadline(1_000);
            let instance = Rival::instantiate_async(&mut store, &self.component, &linker).await?;
            let answer = instance
                .cryptlet_fabric_cryptlet()
                .call_handle(&mut store, &invocation(self.guest, number))
                .await?;
            answered(answer)
        })
    }
}
