//! What a host of wasmtime alone gives a guest: the same for the quickest and for the usual one.

use std::sync::Arc;

use cryptlet_container::State;
use wasmtime::Result;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::guests::Guest;

/// For a host that waits for its guest.
pub mod waiting {
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

/// For a host that does something else meanwhile.
pub mod asynchronous {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package cryptlet:rival;
            world rival {
                import cryptlet:fabric/state@0.1.0;
                export cryptlet:fabric/cryptlet@0.1.0;
            }
        ",
        with: {
            "cryptlet:fabric/state@0.1.0": super::waiting::cryptlet::fabric::state,
            "cryptlet:fabric/types@0.1.0": super::waiting::cryptlet::fabric::types,
        },
        exports: { default: async },
    });
}

use waiting::cryptlet::fabric::{state, types};

/// What a host of wasmtime keeps for one guest.
pub struct Outside {
    /// Copied only for a guest that writes.
    state: Arc<State>,
    wasi: Option<(WasiCtx, ResourceTable)>,
}

impl Outside {
    /// One whose WASI is made when the guest first asks for it.
    pub fn new(state: Arc<State>) -> Self {
        Self { state, wasi: None }
    }

    /// One that has all of WASI from the beginning.
    pub fn with_wasi(state: Arc<State>) -> Self {
        Self {
            state,
            wasi: Some(wasi()),
        }
    }

    /// Gives a guest what it may import, but for WASI.
    pub fn add_to_linker(linker: &mut Linker<Self>) -> Result<()> {
        types::add_to_linker::<_, HasSelf<Self>>(linker, |outside| outside)?;
        state::add_to_linker::<_, HasSelf<Self>>(linker, |outside| outside)
    }
}

fn wasi() -> (WasiCtx, ResourceTable) {
    (WasiCtx::builder().build(), ResourceTable::new())
}

impl WasiView for Outside {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (ctx, table) = self.wasi.get_or_insert_with(wasi);
        WasiCtxView { ctx, table }
    }
}

impl types::Host for Outside {}

impl state::Host for Outside {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>> {
        Ok(self.state.get(&key).cloned())
    }

    fn set(&mut self, key: String, value: Vec<u8>) -> Result<()> {
        Arc::make_mut(&mut self.state).insert(key, value);
        Ok(())
    }

    fn remove(&mut self, key: String) -> Result<()> {
        Arc::make_mut(&mut self.state).remove(&key);
        Ok(())
    }

    fn keys(&mut self, _: String, _: Option<String>, _: u32) -> Result<Vec<String>> {
        Ok(self.state.keys().cloned().collect())
    }
}

/// What the guest is asked in this run.
pub fn invocation(guest: Guest, number: u64) -> types::Invocation {
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

/// What it answered, or how it failed.
pub fn answered(answer: Result<Vec<u8>, types::Failure>) -> Result<Vec<u8>> {
    answer.map_err(|failure| wasmtime::format_err!("{}: {}", failure.code, failure.message))
}
