//! Serving until told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use cryptlet_fabric::Clock;
use cryptlet_vault::SignatureDelegate;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::answer::{self, Cosigner};
use super::folder::{Witness, WitnessError};
use crate::listen::{self, Bounds};
use crate::serve::Order;

/// What a witness is started with.
pub struct Start {
    /// Its folder.
    pub witness: Witness,
    /// Its key, unlocked.
    pub delegate: SignatureDelegate,
    /// Where it listens. It speaks plain HTTP: what it answers is signed, but put TLS in front of it
    /// if others than your own machines ask.
    pub listen: SocketAddr,
    /// What tells the time of cosignatures.
    pub clock: Arc<dyn Clock>,
}

/// Answers `POST /add-checkpoint` until it is ordered to stop. `ready` is called once, with the address
/// it listens on.
///
/// # Errors
///
/// If another process works as this witness, or the address cannot be listened on.
pub async fn serve(
    start: Start,
    mut orders: mpsc::Receiver<Order>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), WitnessError> {
    let key = start.witness.key().to_string();
    let cosigner = Cosigner::new(start.witness, start.delegate, start.clock)?;
    let failed = |source| WitnessError::Listen {
        address: start.listen,
        source,
    };
    let listener = TcpListener::bind(start.listen).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let closing = CancellationToken::new();
    let answering = AbortOnDropHandle::new(tokio::spawn(listen::listen(
        listener,
        answer::router(Arc::new(cosigner)),
        closing.clone(),
        Bounds::default(),
    )));
    tracing::info!(address = %bound, key, "witnessing");
    ready(bound);
    // There is nothing to read anew: logs are looked up at each request.
    while let Some(Order::Reload) = orders.recv().await {}
    closing.cancel();
    drop(answering.await);
    tracing::info!("stopped");
    Ok(())
}
