//! Pays an invoice in tokens once its goods have arrived, unless it is disputed.
//!
//! The bound contract says that goods have arrived, a source says what a cent of the
//! invoice's currency is worth, and the answer is one `pay` on the bound contract. A
//! counterparty may dispute an invoice beforehand; then nothing is paid.

#![forbid(unsafe_code)]

mod messages;

pub use messages::{Dispute, GoodsReceived, InvoicePaid, Pay, Rate, RateFor};

use cryptlet_sdk::prelude::*;

/// The name under which the binding knows the utility cryptlet that is asked.
pub const SOURCE: &str = "exchange-rate";

/// The first handler that takes what has happened runs.
#[cryptlet_sdk::contract]
pub mod handlers {
    use super::*;

    /// The bound contract emitted `GoodsReceived`.
    ///
    /// # Errors
    ///
    /// `already-paid`, `wrong-currency`, `amount-too-large`, and the SDK's own codes.
    #[handler]
    pub fn on_goods_received(cx: &mut Context, received: GoodsReceived) -> Result<Option<Pay>> {
        let GoodsReceived {
            invoice,
            supplier,
            currency,
            cents,
        } = received;
        if let Some(reason) = cx.state().get::<String>(&disputed(invoice))? {
            warn!("invoice {invoice} is not paid: {reason}");
            return Ok(None);
        }
        let was_paid = cx.state().get::<bool>(&paid(invoice))?.unwrap_or(false);
        ensure!(
            !was_paid,
            "already-paid",
            "invoice {invoice} was paid before"
        );

        let rate: Rate = cx.ask(
            SOURCE,
            &RateFor {
                currency: &currency,
            },
        )?;
        ensure!(
            rate.currency == currency,
            "wrong-currency",
            "asked `{SOURCE}` for {currency}, got {}",
            rate.currency
        );
        let amount = cents
            .checked_mul(U256::from(rate.units_per_cent))
            .ok_or_else(|| Error::new("amount-too-large", "the amount exceeds 256 bits"))?;

        cx.state().set(&paid(invoice), &true)?;
        cx.publish(&InvoicePaid {
            invoice,
            amount,
            units_per_cent: rate.units_per_cent,
        })?;
        info!("invoice {invoice}: {amount} to {supplier}");
        Ok(Some(Pay {
            invoice,
            supplier,
            amount,
        }))
    }

    /// A counterparty sent `Dispute`.
    ///
    /// # Errors
    ///
    /// `already-paid` if it comes too late.
    #[handler]
    pub fn on_dispute(cx: &mut Context, dispute: Sent<Dispute>) -> Result<()> {
        let Dispute { invoice, reason } = dispute.body;
        let was_paid = cx.state().get::<bool>(&paid(invoice))?.unwrap_or(false);
        ensure!(
            !was_paid,
            "already-paid",
            "invoice {invoice} was paid before"
        );
        let reason = format!("{} says: {reason}", dispute.sender);
        cx.state().set(&disputed(invoice), &reason)
    }
}

fn paid(invoice: u32) -> String {
    format!("paid/{invoice}")
}

fn disputed(invoice: u32) -> String {
    format!("disputed/{invoice}")
}
