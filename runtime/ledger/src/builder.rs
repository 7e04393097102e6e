use alloy::primitives::{B256, Bytes, keccak256};
use cryptlet_schema::{Message, SchemaError};
use thiserror::Error;

/// An action, encoded as the bound contract expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedCall {
    /// keccak256 of `bytes`: the result's `outputHash`.
    pub digest: B256,
    /// Selector and ABI parameters.
    pub bytes: Bytes,
}

impl EncodedCall {
    /// Wraps an encoded call.
    pub fn new(bytes: Bytes) -> Self {
        Self {
            digest: keccak256(&bytes),
            bytes,
        }
    }
}

/// Encodes one action with its JSON fields by the actions that the manifest declares.
///
/// ```
/// let actions = ["settle(uint32 period, address payer, uint256 amount)".parse()?];
/// let fields = br#"{"period":3,"payer":"0x00000000000000000000000000000000000000aa","amount":"5"}"#;
/// let call = cryptlet_ledger::encode_call(&actions, "settle", fields)?;
/// assert_eq!(call.bytes.len(), 4 + 3 * 32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`BuildError`] if the action is not declared or the fields do not fit it.
pub fn encode_call(
    actions: &[Message],
    action: &str,
    fields: &[u8],
) -> Result<EncodedCall, BuildError> {
    let message = actions
        .iter()
        .find(|message| message.name() == action)
        .ok_or_else(|| BuildError::UnknownAction {
            action: action.to_owned(),
            declared: actions
                .iter()
                .map(|message| message.name().to_owned())
                .collect(),
        })?;
    let bytes = message
        .encode_call(fields)
        .map_err(|source| BuildError::Fields {
            action: action.to_owned(),
            source,
        })?;
    Ok(EncodedCall::new(bytes.into()))
}

/// Why an action cannot be encoded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The manifest declares no such action.
    #[error("the manifest declares no action {action:?}; declared: {}", declared.join(", "))]
    UnknownAction {
        /// What was asked for.
        action: String,
        /// What there is.
        declared: Vec<String>,
    },
    /// The fields do not fit the action's declaration.
    #[error("the fields of {action} do not fit: {source}")]
    Fields {
        /// The action.
        action: String,
        /// What does not fit.
        source: SchemaError,
    },
}
