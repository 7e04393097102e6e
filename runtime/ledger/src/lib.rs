//! How the fabric's results reach a blockchain, once and to finality.
//!
//! Two parts of the fabric live here. The *transaction builder* turns an attested
//! output into what a chain takes: [`encode_call`] encodes an action by the
//! cryptlet's schema, [`Delivery`] is what the delivery key signs for the gateway
//! contract, [`EvmLedger::build`] makes the signed transaction. The *router*
//! brings it there: [`EvmLedger::broadcast`], [`EvmLedger::follow`]; and
//! [`EvmLedger::events`] reads what bound contracts say, up to the last final
//! block.
//!
//! What it is not: it stores nothing, decides nothing and repeats nothing by
//! itself. Nonces, attempts and numbers of deliveries belong into the caller's
//! durable record, which must hold an [`Attempt`] *before* its first broadcast;
//! keys live behind the [`Signer`] trait. Every error says whether the same call
//! may succeed later ([`LedgerError::is_transient`]).
//!
//! ```no_run
//! use cryptlet_ledger::{Delivery, EvmLedger, EvmSettings, Following, Signer};
//! # async fn example(settings: EvmSettings, signer: std::sync::Arc<dyn Signer>, delivery: Delivery)
//! # -> Result<(), cryptlet_ledger::LedgerError> {
//! let ledger = EvmLedger::connect(settings, signer).await?;
//!
//! // Before a nonce is taken: would the gateway and the consumer accept it?
//! ledger.simulate(&delivery, "delivery-key").await?;
//! let nonce = ledger.pending_nonce().await?;
//! let attempt = ledger.build(&delivery, "delivery-key", nonce).await?;
//!
//! // Store `attempt.to_bytes()` durably here; from now on sending the same bytes is always safe.
//! ledger.broadcast(&attempt).await?;
//! while !matches!(ledger.follow(attempt.hash).await?, Following::Finalized(_)) {
//!     tokio::time::sleep(ledger.settings().poll_interval()).await;
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod builder;
mod chain;
mod error;
pub mod evm;
mod finality;
mod model;
mod signer;

pub use builder::{BuildError, EncodedCall, encode_call};
pub use chain::{Caip2, ChainId, ChainIdError};
pub use error::{LedgerError, Refusal};
pub use evm::{
    Allowance, AttemptError, ChangeStanding, Contracts, Delivery, DeliveryRecord, DeliveryState,
    Draft, EvmLedger, EvmSettings, Registration,
};
pub use finality::{Finality, FinalityError, FinalityTag};
pub use model::{
    Attempt, Broadcast, Callback, ContractEvent, Following, GasEstimate, Head, Inclusion,
    InclusionStatus, Position, Scan, Validity,
};
pub use signer::{Signer, SignerError, SigningPurpose};
