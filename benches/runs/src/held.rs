//! Many runs in their middle at one time.

use std::sync::{Arc, Barrier};
use std::thread;

use anyhow::{Result, anyhow, ensure};
use cryptlet_container::{
    BuildError, Container, EncodedCall, Grants, HttpError, HttpLimits, HttpRequest, HttpResponse,
    Job, KeyError, PublicKey, Services, Settings, State, SubmissionStatus,
};

use crate::desk::invocation;
use crate::guests::{Guest, of_text};

/// What a run needs of its thread.
const STACK: usize = 4 << 20;

/// Starts so many runs, calls `look` while all of them wait in the middle, and lets them end.
///
/// # Errors
///
/// If a run does not come to its middle or to its end.
pub fn held<T>(runs: u32, look: impl FnOnce() -> T) -> Result<T> {
    let container = Container::new(Settings {
        instances: runs.max(crate::INSTANCES),
        ..Settings::default()
    })?;
    let component = of_text(
        include_str!("holding.wat"),
        "holding",
        "keychain = [\"desk\"]\n",
    )?;
    let cryptlet = container.load(&component)?;
    let grants = Arc::new(Grants {
        keys: vec!["desk".to_owned()],
        ..Grants::default()
    });
    let gate = Arc::new(Gate {
        entered: Barrier::new(runs as usize + 1),
        left: Barrier::new(runs as usize + 1),
    });
    let run = |number| {
        container.run(Job {
            cryptlet: &cryptlet,
            grants: Arc::clone(&grants),
            invocation: Arc::new(invocation(Guest::Small, number)),
            seed: [7; 32],
            state: Arc::new(State::new()),
            services: Arc::clone(&gate) as _,
        })
    };
    thread::scope(|scope| {
        let started = (0..u64::from(runs)).map(|number| {
            let run = &run;
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, move || run(number))
        });
        let started = started.collect::<Result<Vec<_>, _>>()?;
        gate.entered.wait();
        let looked = look();
        gate.left.wait();
        for thread in started {
            let run = thread.join().map_err(|_| anyhow!("a run panicked"))?;
            ensure!(run.outcome.is_ok(), "{}: {:?}", run.outcome, run.diagnostic);
        }
        Ok(looked)
    })
}

/// Where runs wait for one another.
struct Gate {
    entered: Barrier,
    left: Barrier,
}

impl Services for Gate {
    fn public_key(&self, key: &str) -> Result<PublicKey, KeyError> {
        self.entered.wait();
        self.left.wait();
        Err(KeyError::UnknownKey(key.to_owned()))
    }

    fn fetch(&self, _: &HttpRequest, _: &HttpLimits) -> Result<HttpResponse, HttpError> {
        Err(HttpError::Timeout)
    }

    fn build(&self, action: &str, _: &[u8]) -> Result<EncodedCall, BuildError> {
        Err(BuildError::UnknownAction(action.to_owned()))
    }

    fn submission_status(&self, _: u64) -> Option<SubmissionStatus> {
        None
    }

    fn next_submission(&self) -> u64 {
        1
    }

    fn sign(&self, key: &str, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::UnknownKey(key.to_owned()))
    }
}
