//! Orders from the operating system.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::serve::Order;

/// Turns SIGHUP into [`Order::Reload`], and SIGTERM and SIGINT into [`Order::Stop`] and then
/// [`Order::StopNow`].
///
/// # Errors
///
/// If the system does not let us listen to signals.
pub fn orders() -> io::Result<mpsc::Receiver<Order>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, orders) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut told_to_stop = false;
        loop {
            let order = tokio::select! {
                _ = hangup.recv() => Order::Reload,
                _ = terminate.recv() => stop(&mut told_to_stop),
                _ = interrupt.recv() => stop(&mut told_to_stop),
            };
            if sender.send(order).await.is_err() {
                return;
            }
        }
    });
    Ok(orders)
}

fn stop(told_to_stop: &mut bool) -> Order {
    if std::mem::replace(told_to_stop, true) {
        Order::StopNow
    } else {
        Order::Stop
    }
}
