//! `add-checkpoint` over HTTP.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use cryptlet_attest::log::{
    AddCheckpoint, MAXIMUM_ADD_CHECKPOINT, WitnessRefusal, Witnessed, cosign, without_strangers,
};
use cryptlet_attest::{CheckpointKey, SigningError};
use cryptlet_fabric::Clock;
use cryptlet_vault::SignatureDelegate;

use super::folder::{KEY_NAME, Witness, WitnessError};

/// How long a request's body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(15);
const TEXT: &str = "text/plain; charset=utf-8";
/// What a witness says the size of its newest checkpoint in.
const SIZE: &str = "text/x.tlog.size";

/// What the requests share.
pub(super) struct Cosigner {
    witness: Witness,
    key: WitnessSigner,
    clock: Arc<dyn Clock>,
    /// From looking at what was cosigned to having kept what is cosigned now, one at a time.
    turn: Mutex<()>,
    /// The lock on the folder: what is being cosigned may outlive the server that took the request.
    _alone: File,
}

/// Why a request was not answered with a cosignature.
#[derive(Debug, thiserror::Error)]
enum NotCosigned {
    #[error(transparent)]
    Refused(#[from] WitnessRefusal),
    #[error(transparent)]
    Failed(#[from] WitnessError),
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error("the body is no text in UTF-8, longer than any request, or was too slow")]
    Unread,
}

impl Cosigner {
    /// Takes the witness' folder for this process alone, until nobody has this any more.
    pub(super) fn new(
        witness: Witness,
        delegate: SignatureDelegate,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WitnessError> {
        let alone = witness.lock()?;
        let public = witness.key().public();
        Ok(Self {
            witness,
            key: WitnessSigner { delegate, public },
            clock,
            turn: Mutex::default(),
            _alone: alone,
        })
    }

    /// The cosignature's line, once nothing that contradicts it can be cosigned any more.
    fn cosign(&self, body: &str) -> Result<String, NotCosigned> {
        let request = AddCheckpoint::from_text(body).map_err(WitnessRefusal::MalformedRequest)?;
        let origin = request.checkpoint.lines().next().unwrap_or_default();
        // Whoever panicked left the files as they are at any crash.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let log = self.witness.watched(origin)?;
        let log = log.ok_or_else(|| WitnessRefusal::UnknownLog {
            origin: origin.to_owned(),
        })?;
        let leave = log
            .rules
            .consider(&request, std::slice::from_ref(&log.key))
            .inspect_err(|refusal| report(origin, refusal))?;
        let seconds = self.clock.now() / 1_000;
        let name = self.witness.key().name();
        let line = cosign(&request.checkpoint, name, seconds, &self.key)?;
        // Anybody may ask for what was cosigned already, as often as they like.
        if !log.has_cosigned(&leave.witnessed) {
            let note = without_strangers(&request.checkpoint, &log.key)
                .map_err(WitnessRefusal::NotSigned)?;
            self.witness.keep(&log.key, &note)?;
            let Witnessed { size, root } = leave.witnessed;
            tracing::info!(origin, size, %root, "cosigned");
        }
        Ok(line)
    }
}

/// What the log's own key has signed and must not is news; anybody can send the rest.
fn report(origin: &str, refusal: &WitnessRefusal) {
    let reason = refusal.name();
    match refusal {
        WitnessRefusal::OtherRoot { .. } | WitnessRefusal::InvalidProof { .. } => {
            tracing::warn!(
                origin,
                reason,
                "not cosigned: another history, or a bad proof"
            );
        }
        _ => tracing::debug!(origin, reason, "not cosigned"),
    }
}

pub(super) fn router(cosigner: Arc<Cosigner>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .with_state(cosigner)
}

async fn add_checkpoint(State(cosigner): State<Arc<Cosigner>>, body: Body) -> Response {
    let cosigned = async {
        let body = read(body).await.ok_or(NotCosigned::Unread)?;
        tokio::task::spawn_blocking(move || cosigner.cosign(&body))
            .await
            .unwrap_or_else(|error| Err(SigningError::new(error.to_string()).into()))
    };
    match cosigned.await {
        Ok(line) => (StatusCode::OK, [(header::CONTENT_TYPE, TEXT)], line).into_response(),
        Err(error) => refuse(&error),
    }
}

async fn read(body: Body) -> Option<String> {
    let whole = axum::body::to_bytes(body, MAXIMUM_ADD_CHECKPOINT);
    let bytes = tokio::time::timeout(BODY_TIME, whole).await.ok()?.ok()?;
    String::from_utf8(bytes.into()).ok()
}

fn refuse(error: &NotCosigned) -> Response {
    if let NotCosigned::Refused(refusal) = error
        && let Some(size) = refusal.latest()
    {
        let conflict = [(header::CONTENT_TYPE, SIZE)];
        return (StatusCode::CONFLICT, conflict, format!("{size}\n")).into_response();
    }
    let status = match error {
        NotCosigned::Refused(refusal) => {
            StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        }
        NotCosigned::Unread => StatusCode::BAD_REQUEST,
        NotCosigned::Failed(_) | NotCosigned::Signing(_) => {
            tracing::error!(%error, "this witness cannot cosign");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    let said = match error {
        // Paths of this machine are nobody else's business.
        NotCosigned::Failed(_) | NotCosigned::Signing(_) => {
            "this witness cannot cosign now; its log says why\n".to_owned()
        }
        error => format!("{error}\n"),
    };
    (status, [(header::CONTENT_TYPE, TEXT)], said).into_response()
}

/// The key in the vault.
struct WitnessSigner {
    delegate: SignatureDelegate,
    public: [u8; 32],
}

impl CheckpointKey for WitnessSigner {
    fn public(&self) -> [u8; 32] {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SigningError> {
        self.delegate
            .cosign(KEY_NAME, message)
            .map_err(|error| SigningError::new(error.to_string()))
    }
}
