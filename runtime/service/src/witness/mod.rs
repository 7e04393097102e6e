//! A witness: it cosigns checkpoints of logs that it was told to watch, and never two of one log that
//! contradict each other.
//!
//! It speaks [tlog-witness](https://c2sp.org/tlog-witness) and keeps the newest checkpoint that it
//! cosigned of each log, which is on disk before the cosignature leaves the process. So it keeps its
//! word whenever it is killed, as long as its folder is its own: an old copy of the folder is another
//! witness with the same key, and no witness any more.

mod answer;
mod folder;
mod serve;

pub use folder::{Witness, WitnessError};
pub use serve::{Start, serve};
