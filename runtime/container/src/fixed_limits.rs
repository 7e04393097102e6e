//! Limits that are the same for every run on every host: no manifest asks for them and no
//! configuration changes them.

use cryptlet_schema::Limits;

use crate::{engine, receipt_size, state_size, transcript_size};

/// Handles and host objects that a guest can hold at one time.
pub(crate) const HANDLES: usize = 1024;
/// Bytes that any one call can carry to the host, whatever the limits say.
const LEAST_TRANSFER_BYTES: u64 = 64 * 1024;

/// Names and values of the limits beside those of a manifest, in a fixed order.
///
/// `handles`, `receipt-bytes`, `state-bytes`, `transcript-bytes` and `transfer-bytes` stop a run as
/// [`Limits`] do. `state-bytes` is what the binding's private state may come to over all runs: keys,
/// values, and 64 bytes for each entry. A state that is larger may be read and made smaller.
/// `transcript-bytes` is what the records of its host calls take, but for answers from the web, with what
/// those of the sources that it asks take, their transcripts, and 4 KiB for each of them. Of
/// `transfer-bytes`, what any one call may carry to the host, this is the least: a run whose outputs or
/// log lines may be larger gets more. Running out of `stack-bytes` interrupts a run. A component with more
/// `core-instances`, `memories` or `tables` is not loaded.
pub const FIXED_LIMITS: [(&str, u64); 9] = [
    ("handles", HANDLES as u64),
    ("receipt-bytes", receipt_size::ALLOWED),
    ("state-bytes", state_size::ALLOWED),
    ("transcript-bytes", transcript_size::ALLOWED),
    ("transfer-bytes", 2 * LEAST_TRANSFER_BYTES),
    ("stack-bytes", engine::GUEST_STACK_BYTES as u64),
    ("core-instances", engine::CORE_INSTANCES as u64),
    ("memories", engine::MEMORIES as u64),
    ("tables", engine::TABLES as u64),
];

/// What one call may carry to the host: enough for everything that a limit allows, and a little more,
/// so that the limit that is meant gets named.
pub(crate) fn transfer_bytes(limits: &Limits) -> usize {
    let largest = limits
        .output_bytes
        .max(limits.log_bytes)
        .max(LEAST_TRANSFER_BYTES);
    usize::try_from(largest.saturating_add(LEAST_TRANSFER_BYTES)).unwrap_or(usize::MAX)
}
