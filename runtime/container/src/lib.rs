//! The container: a component goes in, an execution comes out.
//!
//! A [`Container`] compiles components ([`Container::load`], in a process of its own if
//! [`Settings::compiler`] says so), checks that a binding gives what they ask
//! for ([`Container::check_grants`]), runs them in a fresh instance each time ([`Container::run`]),
//! brings a state up to a higher state version ([`Container::migrate`]), does a run again from its
//! transcript ([`Container::replay`]) and has a candidate run with the answers that another version
//! heard ([`Container::shadow`]). What a guest sees is a function of component, invocation, seed, state
//! and the host's answers, and of nothing else.
//!
//! It is no service: it keeps no state between runs, opens no connection and signs nothing. The host
//! does that behind [`Services`], and takes what a successful [`Run`] staged.
//!
//! ```no_run
//! use std::sync::Arc;
//! use cryptlet_container::{
//!     Container, Grants, Invocation, Job, Services, Settings, State, Trigger,
//! };
//!
//! fn answer(
//!     component: &[u8],
//!     services: Arc<dyn Services>,
//! ) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error>> {
//!     let container = Container::new(Settings::default())?;
//!     let cryptlet = container.load(component)?;
//!     let grants = Grants { log: true, ..Grants::default() };
//!     container.check_grants(&cryptlet, &grants)?;
//!     let run = container.run(Job {
//!         cryptlet: &cryptlet,
//!         grants: Arc::new(grants),
//!         invocation: Arc::new(Invocation {
//!             binding: "0x6f1d…".to_owned(),
//!             number: 1,
//!             instant: 1_767_225_600_000,
//!             trigger: Trigger::Schedule { instant: 1_767_225_600_000 },
//!         }),
//!         seed: [7; 32],
//!         state: Arc::new(State::new()),
//!         services,
//!     });
//!     println!("{} for {} units of fuel", run.outcome, run.meter.fuel);
//!     Ok(run.reply)
//! }
//! ```

// Compiled code is trusted in one place: `code`.
#![deny(unsafe_code)]
#![warn(missing_docs)]

mod acts;
mod address;
mod admission;
mod bindings;
mod cache;
mod cause;
mod chain;
mod code;
mod compiler;
mod container;
mod cryptlet;
mod diagnostic;
mod engine;
mod execution;
mod files;
mod fingerprint;
mod fixed_limits;
mod grants;
mod host;
mod invocation;
mod load;
mod migration;
mod question;
mod reading;
mod receipt_size;
mod replay;
mod run;
mod scan;
mod services;
mod shadow;
mod state_root;
mod state_size;
mod tally;
mod ticker;
mod traffic;
mod transcript;
mod transcript_size;

pub use acts::Act;
pub use cache::{CacheError, CacheSettings};
pub use compiler::{
    CompilationError, Compiler, CompilerBounds, CompilerProgram, CompilerProgramError,
    compile_component,
};
pub use container::{Busy, Container, ContainerError, Held, Settings};
pub use cryptlet::{CodeOrigin, Cryptlet};
pub use files::{
    DirectoryEntry, EntryKind, FileError, FileStatus, MOST_DIRECTORY_BYTES, Opened, listing_bytes,
};
pub use fixed_limits::FIXED_LIMITS;
pub use grants::{DirectoryGrant, GrantError, Grants, HttpBounds, HttpGrant, Source};
pub use host::OUTPUT_SCHEMA;
pub use invocation::{InputError, Invocation, Position, SubmissionStatus, Trigger};
pub use load::{LoadError, manifest_of};
pub use migration::{MigrationError, MigrationJob};
pub use reading::TranscriptError;
pub use replay::{Divergence, ReplayError, ReplayJob};
pub use run::{Child, Event, Job, LogLine, Meter, Run, State, Submission, state_root};
pub use scan::Part;
pub use services::{
    BuildError, CallEncoding, EncodedCall, HttpError, HttpLimits, HttpRequest, HttpResponse,
    KeyAlgorithm, KeyError, PublicKey, Services,
};
pub use shadow::{ShadowJob, ShadowRun, Unanswered};
pub use state_size::of as state_bytes;
pub use traffic::{CallKind, CallTraffic, Traffic};
pub use transcript::{AskError, Failure, Level, Record, Transcript};
