//! The transparency log, as `docs/spec/log.md` has it: for auditors, and for everybody unless the
//! operator says otherwise.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use cryptlet_attest::log::{TilePath, TlogProof};

use crate::api::RECEIPT;
use crate::extract::Path;
use crate::refusal::Refusal;
use crate::state::ServiceState;
use crate::views;

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
const COSE: &str = "application/cose";
/// A full tile has its final bytes.
const FOR_EVER: &str = "max-age=31536000, immutable";
/// A part of a tile has, too, but nobody asks for it again once there is more.
const A_WHILE: &str = "max-age=3600";
/// The next commit changes it.
const CHANGES: &str = "no-cache";

/// The receipt at a position of the log, with its proof.
#[utoipa::path(
    get, path = "/v1/receipts/{leaf}", tag = "log",
    params(("leaf" = u64, Path, description = "Position in the log.")),
    responses((status = 200, description = "What `cryptlet audit receipt` reads.", content_type = "application/cbor", body = Vec<u8>))
)]
pub(super) async fn receipt(
    State(state): State<Arc<ServiceState>>,
    Path(leaf): Path<u64>,
) -> Result<impl IntoResponse, Refusal> {
    let bytes = state.read(move |state| views::receipt(state, leaf)).await?;
    Ok(([(header::CONTENT_TYPE, RECEIPT)], bytes))
}

/// The newest checkpoint, with the cosignatures that it has.
#[utoipa::path(
    get, path = "/v1/log/checkpoint", tag = "log",
    responses((status = 200, description = "A signed note.", content_type = "text/plain", body = String))
)]
pub(super) async fn checkpoint(
    State(state): State<Arc<ServiceState>>,
) -> Result<impl IntoResponse, Refusal> {
    let newest = state
        .read(|state| Ok(state.fabric.journal().cosigned_checkpoint()?))
        .await?;
    let newest = newest.ok_or_else(no_checkpoint)?;
    Ok((kind(TEXT, CHANGES), newest.note))
}

/// The key that signs checkpoints. An auditor who trusts it because the host says so trusts the
/// host; have it from elsewhere.
#[utoipa::path(
    get, path = "/v1/log/key", tag = "log",
    responses((status = 200, description = "A verifier key.", content_type = "text/plain", body = String))
)]
pub(super) async fn key(State(state): State<Arc<ServiceState>>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, TEXT)],
        format!("{}\n", state.fabric.trusted_key()),
    )
}

/// A tile of hashes, as C2SP tlog-tiles has it: `tile/1/x001/067`, or `tile/0/001.p/7` while it has
/// only 7 hashes.
#[utoipa::path(
    get, path = "/v1/log/tile/{level}/{*number}", tag = "log",
    params(
        ("level" = u8, Path, description = "0 for the tiles of leaf hashes."),
        ("*number" = String, Path, description = "Its number in groups of three digits, and `.p/` with its width unless it is full."),
    ),
    responses((status = 200, description = "32 bytes a hash.", content_type = "application/octet-stream", body = Vec<u8>))
)]
pub(super) async fn tile(
    State(state): State<Arc<ServiceState>>,
    Path((level, number)): Path<(String, String)>,
) -> Result<impl IntoResponse, Refusal> {
    published(&state, &format!("tile/{level}/{number}")).await
}

/// A bundle of 256 entries, or of fewer: `tile/entries/001.p/7`.
#[utoipa::path(
    get, path = "/v1/log/tile/entries/{*number}", tag = "log",
    params(("*number" = String, Path, description = "Its number in groups of three digits, and `.p/` with its width unless it is full.")),
    responses((status = 200, description = "Each entry after its length in 2 bytes.", content_type = "application/octet-stream", body = Vec<u8>))
)]
pub(super) async fn entries(
    State(state): State<Arc<ServiceState>>,
    Path(number): Path<String>,
) -> Result<impl IntoResponse, Refusal> {
    published(&state, &format!("tile/entries/{number}")).await
}

/// That an entry stands in the log, as a `.tlog-proof` under the newest checkpoint.
#[utoipa::path(
    get, path = "/v1/log/entries/{index}/proof", tag = "log",
    params(("index" = u64, Path, description = "Position in the log.")),
    responses((status = 200, description = "C2SP tlog-proof.", content_type = "text/plain", body = String))
)]
pub(super) async fn proof(
    State(state): State<Arc<ServiceState>>,
    Path(index): Path<u64>,
) -> Result<impl IntoResponse, Refusal> {
    let (checkpoint, proof) = state
        .read(move |state| Ok(state.fabric.journal().proof(index)?))
        .await?
        .ok_or_else(|| unknown_entry(index))?;
    let proof = TlogProof {
        index,
        proof,
        checkpoint: checkpoint.note,
    };
    Ok((kind(TEXT, CHANGES), proof.to_text()))
}

/// The same as a COSE Receipt (RFC 9942).
#[utoipa::path(
    get, path = "/v1/log/entries/{index}/cose", tag = "log",
    params(("index" = u64, Path, description = "Position in the log.")),
    responses((status = 200, description = "A COSE Receipt.", content_type = "application/cose", body = Vec<u8>))
)]
pub(super) async fn cose(
    State(state): State<Arc<ServiceState>>,
    Path(index): Path<u64>,
) -> Result<impl IntoResponse, Refusal> {
    let receipt = state
        .read(move |state| Ok(state.fabric.journal().cose_receipt(index)?))
        .await?;
    let receipt = receipt.ok_or_else(|| unknown_entry(index))?;
    Ok((kind(COSE, CHANGES), receipt))
}

/// That the newest checkpoint's log begins with the log of an earlier size: the proof's hashes in
/// base64, one a line, an empty line, and the checkpoint.
#[utoipa::path(
    get, path = "/v1/log/consistency/{old}", tag = "log",
    params(("old" = u64, Path, description = "The earlier size.")),
    responses((status = 200, description = "Proof and checkpoint.", content_type = "text/plain", body = String))
)]
pub(super) async fn consistency(
    State(state): State<Arc<ServiceState>>,
    Path(old): Path<u64>,
) -> Result<impl IntoResponse, Refusal> {
    let found = state
        .read(move |state| Ok(state.fabric.journal().consistency(old)?))
        .await?;
    let (checkpoint, proof) = found.ok_or_else(|| {
        Refusal::not_found(
            "unknown-size",
            format!("nothing leads from the size {old} to the newest checkpoint; sizes go from 1 to the checkpoint's"),
        )
    })?;
    let mut text = String::new();
    for hash in proof {
        BASE64.encode_string(hash.0, &mut text);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&checkpoint.note);
    Ok((kind(TEXT, CHANGES), text))
}

/// What clients of tlog-tiles ask for below the log's prefix.
async fn published(
    state: &Arc<ServiceState>,
    path: &str,
) -> Result<impl IntoResponse + use<>, Refusal> {
    let unknown = || {
        Refusal::not_found(
            "unknown-tile",
            format!("the newest checkpoint covers no {path}; a full tile has no `.p`"),
        )
    };
    let path: TilePath = path.parse().map_err(|_| unknown())?;
    let is_full = path.is_full();
    let bytes = state
        .read(move |state| Ok(state.fabric.journal().tile(path)?))
        .await?
        .ok_or_else(unknown)?;
    let freshness = if is_full { FOR_EVER } else { A_WHILE };
    // What takes a token may be kept by whoever showed one, and by nothing in between.
    let readers = match state.log.public {
        true => "public",
        false => "private",
    };
    let freshness = format!("{readers}, {freshness}");
    let kind = [
        (header::CONTENT_TYPE, BYTES.to_owned()),
        (header::CACHE_CONTROL, freshness),
    ];
    Ok((kind, bytes))
}

fn kind(media: &'static str, freshness: &'static str) -> [(HeaderName, &'static str); 2] {
    [
        (header::CONTENT_TYPE, media),
        (header::CACHE_CONTROL, freshness),
    ]
}

fn no_checkpoint() -> Refusal {
    Refusal::not_found("no-checkpoint", "the log has no leaves yet")
}

fn unknown_entry(index: u64) -> Refusal {
    Refusal::not_found(
        "unknown-entry",
        format!("the newest checkpoint covers no entry {index}; entries are counted from 0"),
    )
}
