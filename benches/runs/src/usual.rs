//! The same component in wasmtime as most hosts embed it: instances made on demand, a new linker for
//! every call, asynchronous, with fuel and an epoch.

use std::collections::BTreeMap;

use wasmtime::Result;
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
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
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

use bindings::Rival;
use bindings::cryptlet::fabric::{state, types};

/// Fuel of one run, as much as the manifests of the guests ask for.
const FUEL: u64 = 2_000_000_000;

struct Outside {
    state: BTreeMap<String, Vec<u8>>,
    ctx: WasiCtx,
    table: ResourceTable,
}

impl WasiView for Outside {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

impl types::Host for Outside {}

impl state::Host for Outside {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<Vec<u8>>> {
        Ok(self.state.get(&key).cloned())
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<()> {
        self.state.insert(key, value);
        Ok(())
    }

    async fn remove(&mut self, key: String) -> wasmtime::Result<()> {
        self.state.remove(&key);
        Ok(())
    }

    async fn keys(
        &mut self,
        _: String,
        _: Option<String>,
        _: u32,
    ) -> wasmtime::Result<Vec<String>> {
        Ok(self.state.keys().cloned().collect())
    }
}

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
            types::add_to_linker::<_, HasSelf<Outside>>(&mut linker, |outside| outside)?;
            state::add_to_linker::<_, HasSelf<Outside>>(&mut linker, |outside| outside)?;
            if self.guest.needs_wasi() {
                wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            }
            let outside = Outside {
                state: BTreeMap::new(),
                ctx: WasiCtx::builder().build(),
                table: ResourceTable::new(),
            };
            let mut store = Store::new(&self.engine, outside);
            store.set_fuel(FUEL)?;
            store.set_epoch_deadline(1_000);
            let instance = Rival::instantiate_async(&mut store, &self.component, &linker).await?;
            let answer = instance
                .cryptlet_fabric_cryptlet()
                .call_handle(&mut store, &invocation(self.guest, number))
                .await?;
            answer.map_err(|failure| wasmtime::format_err!("{}: {}", failure.code, failure.message))
        })
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
