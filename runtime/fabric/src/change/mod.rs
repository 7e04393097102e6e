//! How a binding changes: proposals that its counterparties sign, carried to the gateway, in force
//! when their delay is over.
//!
//! A [`Change`] says what is asked for and which messages the gateway wants signed for it. The
//! fabric collects [`ChangeApproval`]s until as many counterparties have signed as the binding asks
//! for, takes the messages to the gateway by transactions of its own, and brings the change into
//! force, in one commit, once the chain's final block says that it counts. What was accepted before
//! runs and delivers under the version of its time.

mod approval;
mod carry;
mod difference;
mod document;
mod force;
mod propose;

pub use approval::{ApprovalError, ChangeApproval, Signed};
pub(crate) use approval::{as_the_gateway_takes_it, for_gateway};
pub use difference::Difference;
pub use document::{Change, ChangeError, ChangeKind};
