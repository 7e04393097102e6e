//! What went between a run and its host.

use cryptlet_fabric::Traffic;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went between a run and its host: bytes of texts and of lists of bytes. The text of log lines
/// is not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TrafficView {
    /// Bytes of what woke the cryptlet: a message's body or an event's fields.
    pub input_bytes: u64,
    /// Bytes of its reply.
    pub reply_bytes: u64,
    /// Bytes that reached it: its input and every answer.
    pub bytes_in: u64,
    /// Bytes that left it: its reply and what every call carried.
    pub bytes_out: u64,
    /// Its calls to the host by kind. Those of the virtual WASI are not recorded and not among them.
    pub calls: Vec<CallsView>,
}

/// The calls of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CallsView {
    /// The call as WIT names it, such as `state.get`.
    pub call: String,
    /// How many.
    pub times: u64,
    /// Bytes of the answers.
    pub bytes_in: u64,
    /// Bytes of what the cryptlet said.
    pub bytes_out: u64,
}

impl From<&Traffic> for TrafficView {
    fn from(traffic: &Traffic) -> Self {
        let kinds = traffic.kinds().map(|(kind, calls)| CallsView {
            call: kind.name().to_owned(),
            times: calls.calls,
            bytes_in: calls.bytes_in,
            bytes_out: calls.bytes_out,
        });
        Self {
            input_bytes: traffic.input_bytes,
            reply_bytes: traffic.reply_bytes,
            bytes_in: traffic.bytes_in(),
            bytes_out: traffic.bytes_out(),
            calls: kinds.collect(),
        }
    }
}
