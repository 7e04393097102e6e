//! What authors write cryptlets against.
//!
//! A cryptlet is a function from a trigger to an answer. Its author writes the
//! function and the messages it deals in; this crate does the rest: reading the
//! trigger, the JSON forms of the ledger's types, the host's services, the component's
//! export. It is not a runtime: a cryptlet runs where the host runs it, and
//! `cryptlet.toml`, not this crate, says what it may do there.
//!
//! ```
//! use cryptlet_sdk::prelude::*;
//!
//! /// The bound contract says that a period has ended.
//! #[message]
//! struct PeriodEnded { period: u32, quarter: String, payer: Address, notional: U256 }
//!
//! /// The question that the reference rate's cryptlet answers…
//! #[message]
//! struct RateFor<'a> { quarter: &'a str }
//!
//! /// …and its answer, in millionths.
//! #[message]
//! struct Rate { quarter: String, rate_ppm: u32 }
//!
//! /// `settle(uint32 period, address payer, uint256 amount)` of the bound contract.
//! #[message]
//! struct Settle { period: u32, payer: Address, amount: U256 }
//!
//! /// Charges the reference rate for one period.
//! #[cryptlet_sdk::contract]
//! fn on_period_ended(cx: &mut Context, ended: PeriodEnded) -> Result<Settle> {
//!     let rate: Rate = cx.ask("reference-rate", &RateFor { quarter: &ended.quarter })?;
//!     let amount = ended
//!         .notional
//!         .mul_div(U256::from(rate.rate_ppm), U256::from(1_000_000u32))
//!         .ok_or_else(|| Error::new("amount-too-large", "the interest exceeds 256 bits"))?;
//!     Ok(Settle { period: ended.period, payer: ended.payer, amount })
//! }
//!
//! // Natively, with a fixed source:
//! use cryptlet_sdk::testing::Fixture;
//!
//! let run = Fixture::contract()
//!     .source("reference-rate", |_: Question| {
//!         Ok(Rate { quarter: "2006-Q1".into(), rate_ppm: 45_100 })
//!     })
//!     .emitted(&PeriodEnded {
//!         period: 1,
//!         quarter: "2006-Q1".into(),
//!         payer: Address::ZERO,
//!         notional: U256::from(1_000_000u32),
//!     })
//!     .run(on_period_ended);
//! assert_eq!(run.submitted::<Settle>()[0].amount, U256::from(45_100u32));
//! # #[message(name = "RateFor")]
//! # struct Question { quarter: String }
//! ```

#![warn(missing_docs)]

extern crate self as cryptlet_sdk;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod bytes;
mod context;
mod error;
mod handler;
mod host;
pub mod http;
pub mod keychain;
mod ledger;
pub mod log;
mod message;
mod migration;
mod number;
pub mod prelude;
mod signed;
mod source;
mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod text;
mod trigger;

pub use bytes::{Address, Bytes, Bytes32, ParseHexError};
pub use context::Context;
/// Makes a function, or a module of functions, a contract cryptlet: the logic of one
/// contract, bound to it, able to ask sources and to write to its ledger.
///
/// A crate has one such attribute. A handler takes the context and an
/// [`Input`]; what it returns is an [`Output`]. With one handler, the
/// attribute stands on it:
///
/// ```
/// use cryptlet_sdk::prelude::*;
///
/// #[message]
/// struct Overdue { invoice: u32, days: u32 }
/// #[message]
/// struct Penalise { invoice: u32, amount: u128 }
///
/// /// Asks for a penalty of ten a day, if there is any.
/// #[cryptlet_sdk::contract]
/// fn on_overdue(cx: &mut Context, overdue: Overdue) -> Result<Option<Penalise>> {
///     let Overdue { invoice, days } = overdue;
///     Ok((days > 0).then(|| Penalise { invoice, amount: 10 * u128::from(days) }))
/// }
/// ```
///
/// With several, it stands on a module and `#[handler]` on each of them. The first
/// one, in the order of the source, that takes the trigger runs; if none does, the
/// run fails with `unexpected-trigger`, naming what would have been taken. The
/// module also gets `pub fn dispatch`, which tests can run.
///
/// ```
/// use cryptlet_sdk::prelude::*;
/// use cryptlet_sdk::testing::Fixture;
///
/// #[message]
/// struct Proposed { price: U256 }
/// #[message]
/// struct Accept { price: U256 }
///
/// #[cryptlet_sdk::contract]
/// mod negotiation {
///     use super::*;
///
///     /// A counterparty proposes; nothing happens before the schedule says so.
///     #[handler]
///     pub fn on_proposal(cx: &mut Context, proposal: Sent<Proposed>) -> Result<()> {
///         cx.state().set(&format!("price/{}", proposal.sender), &proposal.body.price)
///     }
///
///     /// The dearest proposal wins.
///     #[handler]
///     pub fn on_schedule(cx: &mut Context, _: Instant) -> Result<Option<Accept>> {
///         let mut best: Option<U256> = None;
///         for key in cx.state().keys("price/") {
///             best = best.max(cx.state().get(&key)?);
///         }
///         Ok(best.map(|price| Accept { price }))
///     }
///
///     /// Everything else that an author thinks of.
///     #[handler]
///     pub fn on_outcome(_: &mut Context, outcome: SubmissionOutcome) -> Result<()> {
///         info!("{} is {:?}", outcome.submission, outcome.status);
///         Ok(())
///     }
/// }
///
/// # fn main() {
/// let proposed = Fixture::contract()
///     .sent("alice", &Proposed { price: U256::from(7u8) })
///     .run(negotiation::dispatch);
/// let decided = Fixture::contract()
///     .state(proposed.state().clone())
///     .scheduled(Instant::from_milliseconds(1))
///     .run(negotiation::dispatch);
/// assert_eq!(decided.submitted::<Accept>(), [Accept { price: U256::from(7u8) }]);
/// # }
/// ```
pub use cryptlet_sdk_macros::contract;
/// Makes a struct a [`Message`]: an event, an action, a request, a reply.
///
/// Fields are named in camelCase in JSON, as the ABI names them; a missing, unknown or
/// doubled one is an error. Each has the JSON form of its type, see [`Field`]: integers
/// wider than 32 bits are decimal strings, inside lists and options too. The struct is
/// `Clone`, `Debug`, `PartialEq` and `Eq` beside what it derives itself, and its other
/// attributes stand below this one. Borrowed fields suit messages that are only sent.
///
/// ```
/// use cryptlet_sdk::prelude::*;
///
/// #[message]
/// struct TradeBooked { trade_id: u64, price: I256, legs: Vec<Leg> }
/// #[message]
/// struct Leg { account: Address, quantity: u32 }
///
/// let booked = TradeBooked {
///     trade_id: 7,
///     price: I256::from(-5),
///     legs: vec![Leg { account: Address::ZERO, quantity: 3 }],
/// };
/// let json = cryptlet_sdk::encode(&booked)?;
/// assert_eq!(
///     String::from_utf8_lossy(&json),
///     r#"{"tradeId":"7","price":"-5","legs":[{"account":"0x0000000000000000000000000000000000000000","quantity":3}]}"#,
/// );
/// assert_eq!(cryptlet_sdk::decode::<TradeBooked>(&json)?, booked);
/// # Ok::<(), Error>(())
/// ```
///
/// The name in schemas is the type's own, with a small first letter for actions;
/// `#[message(name = "…")]` gives another for all uses.
///
/// ```
/// use cryptlet_sdk::prelude::*;
///
/// #[message]
/// struct MarkPaid { invoice: u32 }
/// #[message(name = "transferFrom")]
/// struct Collect { from: Address, to: Address, value: U256 }
///
/// assert_eq!((MarkPaid::NAME, MarkPaid::ACTION), ("MarkPaid", "markPaid"));
/// assert_eq!((Collect::NAME, Collect::ACTION), ("transferFrom", "transferFrom"));
/// ```
///
/// A type that the ledger does not have does not compile:
///
/// ```compile_fail,E0277
/// # use cryptlet_sdk::prelude::*;
/// #[message]
/// struct Quoted { price: f64 }
/// ```
pub use cryptlet_sdk_macros::message;
/// Makes a function the migration of a contract cryptlet's state.
///
/// It runs once, when a binding moves from a version with a lower state version, `from`, to this
/// one, whose manifest says `version` under `[state]`. An error refuses the move and leaves the
/// binding on the earlier version with its state as it was; so does a trap.
///
/// ```
/// use cryptlet_sdk::prelude::*;
/// use cryptlet_sdk::testing::Fixture;
///
/// #[message]
/// struct Paid { amount: U256 }
///
/// /// State version 2 keeps the sum as text; version 1 kept it as a number.
/// #[cryptlet_sdk::contract]
/// fn on_paid(cx: &mut Context, paid: Paid) -> Result<()> {
///     let sum: String = cx.state().get("sum")?.unwrap_or_else(|| "0".into());
///     let sum = sum.parse::<U256>()?.checked_add(paid.amount);
///     let Some(sum) = sum else { fail!("sum-too-large", "the sum exceeds 256 bits") };
///     cx.state().set("sum", &sum.to_string())
/// }
///
/// #[cryptlet_sdk::migrate]
/// fn migrate(cx: &mut Migration, from: u32) -> Result<()> {
///     ensure!(from == 1, "unknown-version", "there was no state version {from}");
///     if let Some(sum) = cx.state().get::<u64>("sum")? {
///         cx.state().set("sum", &sum.to_string())?;
///     }
///     Ok(())
/// }
///
/// let run = Fixture::contract().remembering("sum", &41_u64).migrate(1, migrate).succeeded();
/// assert_eq!(run.remembered::<String>("sum").as_deref(), Some("41"));
/// ```
///
/// Nothing leaves a migration: it has no way to a ledger, a source or the web.
///
/// ```compile_fail,E0599
/// # use cryptlet_sdk::prelude::*;
/// #[cryptlet_sdk::migrate]
/// fn migrate(cx: &mut Migration, from: u32) -> Result<()> {
///     cx.get("https://rates.example/latest")?;
///     Ok(())
/// }
/// ```
pub use cryptlet_sdk_macros::migrate;
/// Makes a function, or a module of functions, a utility cryptlet: one that answers
/// questions, for any binding that names it as a source, and never writes to a ledger.
///
/// As [`contract`](macro@crate::contract), but a message that a handler takes is a
/// request, and a message that it returns is the reply.
///
/// ```
/// use cryptlet_sdk::prelude::*;
///
/// #[message]
/// struct TimeFor {}
/// #[message]
/// struct Time { seconds: u64 }
///
/// #[cryptlet_sdk::utility]
/// fn time(cx: &mut Context, _: TimeFor) -> Result<Time> {
///     Ok(Time { seconds: cx.instant().seconds() })
/// }
/// ```
///
/// Nothing that writes to a ledger can be returned:
///
/// ```compile_fail,E0277
/// # use cryptlet_sdk::prelude::*;
/// # #[message] struct TimeFor {}
/// #[cryptlet_sdk::utility]
/// fn time(_: &mut Context, _: TimeFor) -> Result<Submission> {
///     Ok(Submission::from_number(1))
/// }
/// ```
pub use cryptlet_sdk_macros::utility;
pub use error::{Error, Result};
pub use handler::{Contract, Dispatch, Emitted, Input, Output, Sent, Utility};
pub use ledger::{BuildError, Draft, Submission, SubmissionStatus};
pub use message::{Field, FieldFrom, Message, decode, encode};
pub use migration::Migration;
pub use number::{OutOfRange, ParseNumberError, U256};
pub use signed::I256;
pub use source::AskError;
pub use state::State;
pub use trigger::{
    ContractEvent, IncomingMessage, Instant, LedgerPosition, SubmissionOutcome, Trigger,
};

/// What the attributes write; no promise of any kind.
#[doc(hidden)]
pub mod __private {
    #[cfg(target_family = "wasm")]
    pub use crate::host::sandbox::bindings::export_cryptlet;
    #[cfg(target_family = "wasm")]
    pub use crate::host::sandbox::migration::bindings::export_migration;
    #[cfg(target_family = "wasm")]
    pub use crate::host::sandbox::migration::{
        Guest as MigrationGuest, bindings as migration_bindings, migrate,
    };
    #[cfg(target_family = "wasm")]
    pub use crate::host::sandbox::{Failure, Guest, Invocation, bindings, handle};
    pub use crate::message::{field, object};
    pub use serde;
}
