//! Compilations that are under way: one for each component, and no more processes than are allowed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cryptlet_attest::Measurement;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::{CompilationError, Compiler, child};
use crate::admission::Admission;
use crate::code::OwnCode;
use crate::fingerprint::Fingerprint;

/// What a compilation will come to. Whoever comes first does it; the others wait.
type Flight = Arc<OnceLock<Result<Component, CompilationError>>>;

/// A component, and who compiled it.
#[derive(Clone)]
pub(crate) enum Flown {
    /// Whoever asked.
    Here(Component),
    /// Somebody who asked before and was not done.
    Elsewhere(Component),
}

/// The compilations of one engine.
pub(crate) struct Flights {
    compiler: Compiler,
    fingerprint: Fingerprint,
    processes: Arc<Admission>,
    under_way: Mutex<HashMap<Measurement, Flight>>,
}

impl Flights {
    pub(crate) fn new(compiler: Compiler, engine: &Engine) -> Flights {
        let processes = match &compiler {
            Compiler::InProcess => 1,
            Compiler::Child { bounds, .. } => bounds.processes.max(1),
        };
        Flights {
            compiler,
            fingerprint: Fingerprint::of(engine),
            processes: Admission::new(processes),
            under_way: Mutex::default(),
        }
    }

    /// Compiles a component, or waits for whoever compiles the same one now.
    pub(crate) fn compile(
        &self,
        engine: &Engine,
        bytes: &[u8],
        measurement: Measurement,
    ) -> Result<Flown, CompilationError> {
        self.once(measurement, || self.compile_alone(engine, bytes))
    }

    fn once(
        &self,
        measurement: Measurement,
        compile: impl FnOnce() -> Result<Component, CompilationError>,
    ) -> Result<Flown, CompilationError> {
        let flight = Arc::clone(self.lock().entry(measurement).or_default());
        let mut is_here = false;
        let compiled = flight
            .get_or_init(|| {
                is_here = true;
                compile()
            })
            .clone();
        // Whoever asks from now on may have a reason to ask again.
        if let Entry::Occupied(known) = self.lock().entry(measurement)
            && Arc::ptr_eq(known.get(), &flight)
        {
            known.remove();
        }
        compiled.map(if is_here {
            Flown::Here
        } else {
            Flown::Elsewhere
        })
    }

    fn compile_alone(&self, engine: &Engine, bytes: &[u8]) -> Result<Component, CompilationError> {
        let refused = |error: wasmtime::Error| CompilationError::Refused(format!("{error:#}"));
        match &self.compiler {
            Compiler::InProcess => Component::from_binary(engine, bytes).map_err(refused),
            Compiler::Child { program, bounds } => {
                let place = self.processes.enter(1);
                let answered = child::compile(program, bounds, &self.fingerprint, bytes);
                drop(place);
                OwnCode::compiled(&answered?).load(engine).map_err(refused)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Measurement, Flight>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::{CompilerBounds, CompilerProgram};
    use crate::engine;

    fn waiting(flights: &Flights, measurement: Measurement) -> usize {
        let under_way = flights.lock();
        // The map has one, too.
        under_way
            .get(&measurement)
            .map_or(0, |flight| Arc::strong_count(flight) - 1)
    }

    #[test]
    fn of_all_who_wait_one_is_told_that_it_compiled() {
        let engine = engine::for_compiling().expect("it starts");
        let flights = Flights::new(Compiler::InProcess, &engine);
        let measurement = Measurement::of(b"component");
        let compile = || {
            while waiting(&flights, measurement) < 3 {
                std::thread::yield_now();
            }
            Ok(Component::new(&engine, "(component)").expect("it compiles"))
        };
        let flown: Vec<Flown> = std::thread::scope(|scope| {
            let ask = || flights.once(measurement, compile);
            let asking: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
            let done = asking
                .into_iter()
                .map(|one| one.join().expect("none panics"));
            done.map(|flown| flown.expect("it compiles")).collect()
        });
        let here = flown.iter().filter(|one| matches!(one, Flown::Here(_)));
        assert_eq!((here.count(), flown.len()), (1, 3));
    }

    #[test]
    fn whoever_asks_for_the_same_component_waits_for_one_compilation() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "echo started >> starts; until [ -e go ]; do sleep 0.01; done; exit 3";
        let script = format!("cd {}; {script}", folder.path().display());
        let program = CompilerProgram {
            path: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
        };
        let bounds = CompilerBounds::default();
        let engine = engine::for_compiling().expect("it starts");
        let flights = Flights::new(Compiler::Child { program, bounds }, &engine);
        let measurement = Measurement::of(b"component");
        let load = || flights.compile(&engine, b"component", measurement);
        let all_wait = || waiting(&flights, measurement) == 3;
        std::thread::scope(|scope| {
            let loading: Vec<_> = (0..3).map(|_| scope.spawn(load)).collect();
            while !all_wait() {
                std::thread::yield_now();
            }
            std::fs::write(folder.path().join("go"), "").expect("it is ours");
            for one in loading {
                let failed = one.join().expect("none panics");
                assert!(matches!(failed, Err(CompilationError::Crashed { .. })));
            }
        });
        let starts = std::fs::read_to_string(folder.path().join("starts"));
        assert_eq!(starts.expect("it was started"), "started\n");
        assert!(flights.lock().is_empty());
        // A failure is not remembered.
        drop(load());
        let starts = std::fs::read_to_string(folder.path().join("starts"));
        assert_eq!(starts.expect("it was started").lines().count(), 2);
    }
}
