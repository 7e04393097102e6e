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
//!         Ok(Rate { quarter: "2006-Q1".into(), rate_ppm: 43_800 })
//!     })
//!     .emitted(&PeriodEnded {
//!         period: 1,
//!         quarter: "2006-Q1".into(),
//!         payer: Address::ZERO,
//!         notional: U256::from(1_000_000u32),
//!     })
//!     .run(on_period_ended);
//! assert_eq!(run.submitted::<Settle>()[0].amount, U256::from(43_800u32));
//! # #[message(name = "RateFor")]
//! # struct Question { quarter: String }
//! ```

#![warn(missing_docs)]

extern crate self as cryptlet_sdk;

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
pub use cryptlet_sdk_macros::{contract, message, utility};
pub use error::{Error, Result};
pub use handler::{Contract, Dispatch, Emitted, Input, Output, Sent, Utility};
pub use ledger::{BuildError, Draft, Submission, SubmissionStatus};
pub use message::{Field, FieldFrom, Message, decode, encode};
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
    pub use crate::host::sandbox::{Failure, Guest, Invocation, bindings, handle};
    pub use crate::message::field;
    pub use serde;
}
