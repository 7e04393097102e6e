//! The chain kind `evm`: Ethereum and everything that speaks its JSON-RPC.
//!
//! Pure parts: [`delivery`](Delivery) (what is signed), `transaction` (what is
//! sent), `fees`, [`classify`](classify()), `refusal` and `judgement` (what
//! answers mean). `ledger` and its neighbours do the I/O around them.

mod callback;
mod changing;
mod classify;
mod connection;
mod delivery;
mod events;
mod fees;
mod following;
mod gateway;
mod history;
mod judgement;
mod ledger;
mod refusal;
mod registration;
mod revert;
mod sending;
mod settings;
mod skipping;
mod transaction;
mod transport;

pub use changing::{Allowance, ChangeStanding};
pub use classify::classify;
pub use delivery::Delivery;
pub use fees::{FeeAboveCap, FeeMarket, Fees};
pub use gateway::{DeliveryRecord, DeliveryState};
pub use history::{GatewayHistory, GatewayReader, RecordedDelivery, RecordedSkip};
pub use ledger::EvmLedger;
pub use registration::Registration;
pub use sending::Draft;
pub use settings::{Contracts, EvmSettings};
pub use transaction::AttemptError;
pub use transport::{RpcClientError, rpc_client};
