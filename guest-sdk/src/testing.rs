//! Running handlers natively, with fixed answers in place of a host.
//!
//! A [`Fixture`] holds what the handler will find: sources, sites, state, keys, the
//! instant. Running it gives a [`Run`] to assert on. No sandbox, fuel, limits or
//! grants are involved, and no schema is checked unless
//! [`Fixture::checking_actions`] brings one: this is for the logic of a handler, and
//! fast enough to run it thousands of times.
//!
//! As on a real host, a run that fails submits nothing, publishes nothing and leaves
//! the state as it was.
//!
//! ```
//! use cryptlet_sdk::prelude::*;
//! use cryptlet_sdk::testing::Fixture;
//!
//! #[message]
//! struct PriceOf { symbol: String }
//! #[message]
//! struct Price { cents: u64 }
//!
//! #[cryptlet_sdk::utility]
//! fn price(cx: &mut Context, asked: PriceOf) -> Result<Price> {
//!     let page = cx.get(&format!("grant://quotes/{}", asked.symbol))?.expect_status(200)?;
//!     Ok(Price { cents: page.text()?.trim().parse()? })
//! }
//!
//! let run = Fixture::utility()
//!     .page("grant://quotes/MSFT", Response::new(200, "42100\n"))
//!     .asked(&PriceOf { symbol: "MSFT".into() })
//!     .run(price);
//! assert_eq!(run.reply::<Price>(), Price { cents: 42_100 });
//!
//! let run = Fixture::utility().asked(&PriceOf { symbol: "X".into() }).run(price);
//! assert_eq!(run.failure().code(), "http-denied");
//! ```

mod fixture;
mod run;

pub use fixture::{Entry, Fixture};
pub use run::{Published, Run, Submitted};
