//! Clocks, and waiting for them.

use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sync::clocks::{monotonic_clock, wall_clock};
use wasmtime_wasi::p2::bindings::sync::io::poll;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::Guest;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

impl wall_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        self.enter_wasi()?;
        Ok(wall_clock::Datetime {
            seconds: self.wasi.instant / 1000,
            nanoseconds: (self.wasi.instant % 1000) as u32 * NANOSECONDS_PER_MILLISECOND as u32,
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        self.enter_wasi()?;
        Ok(wall_clock::Datetime {
            seconds: 0,
            nanoseconds: NANOSECONDS_PER_MILLISECOND as u32,
        })
    }
}

impl monotonic_clock::Host for Guest {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.enter_wasi()?;
        Ok(self.wasi.elapsed)
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.enter_wasi()?;
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.enter_wasi()?;
        self.wait_until(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.enter_wasi()?;
        self.wait_until(self.wasi.elapsed.saturating_add(duration))
    }
}

impl Guest {
    fn wait_until(&mut self, deadline: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let marker = self.table.push(Marker)?;
        let pollable = subscribe(&mut self.table, marker)?;
        self.wasi.deadlines.insert(pollable.rep(), deadline);
        Ok(pollable)
    }

    fn is_ready(&self, pollable: &Resource<DynPollable>) -> bool {
        match self.wasi.deadlines.get(&pollable.rep()) {
            Some(deadline) => *deadline <= self.wasi.elapsed,
            None => true,
        }
    }
}

impl poll::Host for Guest {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.enter_wasi()?;
        if pollables.is_empty() {
            wasmtime::bail!("waiting for an empty list would never end");
        }
        if !pollables.iter().any(|pollable| self.is_ready(pollable)) {
            let next = pollables
                .iter()
                .filter_map(|pollable| self.wasi.deadlines.get(&pollable.rep()))
                .min();
            self.wasi.elapsed = next.copied().unwrap_or(self.wasi.elapsed);
        }
        let ready = (0_u32..).zip(&pollables);
        Ok(ready
            .filter(|(_, pollable)| self.is_ready(pollable))
            .map(|(index, _)| index)
            .collect())
    }
}

impl poll::HostPollable for Guest {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.enter_wasi()?;
        Ok(self.is_ready(&pollable))
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.enter_wasi()?;
        if let Some(deadline) = self.wasi.deadlines.get(&pollable.rep()) {
            self.wasi.elapsed = self.wasi.elapsed.max(*deadline);
        }
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.wasi.deadlines.remove(&pollable.rep());
        poll::HostPollable::drop(&mut self.table, pollable)
    }
}

/// What a timer's pollable stands on; its readiness is judged by the deadline alone.
struct Marker;

#[async_trait]
impl Pollable for Marker {
    async fn ready(&mut self) {}
}
