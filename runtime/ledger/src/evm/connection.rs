use std::time::Duration;

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::{AnyNetwork, AnyRpcBlock};
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::rpc::types::TransactionRequest;
use alloy::serde::WithOtherFields;
use alloy::transports::{RpcError, TransportError, TransportErrorKind};

use super::revert::revert_data;
use super::settings::EvmSettings;
use super::transport::{RequestFailure, rpc_client};
use crate::{Finality, FinalityTag, Head, LedgerError};

/// One node, asked by alloy's provider without any filler: nonces, fees, gas and
/// chain id are this crate's business, because they have to be durable or agreed.
///
/// `AnyNetwork`, so that a chain with block fields or transaction types of its own can be read.
pub(super) struct Connection {
    pub(super) provider: RootProvider<AnyNetwork>,
    ledger: String,
    endpoint: String,
    timeout: Duration,
}

/// A block, as far as it matters here.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) hash: B256,
    pub(super) timestamp: u64,
}

/// What a call that changes nothing came to.
pub(super) enum Called {
    Returned(Bytes),
    Reverted(Bytes),
}

impl Connection {
    pub(super) fn new(settings: &EvmSettings) -> Result<Self, LedgerError> {
        let timeout = Duration::from_millis(settings.timeout_milliseconds);
        let client =
            rpc_client(settings.rpc.clone(), timeout).map_err(|error| LedgerError::Settings {
                ledger: settings.name.clone(),
                reason: error.reason,
            })?;
        Ok(Self {
            provider: RootProvider::new(client),
            ledger: settings.name.clone(),
            endpoint: settings.endpoint(),
            timeout,
        })
    }

    pub(super) async fn head(&self, finality: Finality) -> Result<Head, LedgerError> {
        let latest = self.latest().await?;
        let last_final = match finality {
            Finality::Instant => latest,
            Finality::Depth(blocks) => {
                let number = latest.number.saturating_sub(blocks);
                self.block(number)
                    .await?
                    .ok_or_else(|| self.behind(format!("block {number}")))?
            }
            Finality::Tag(tag) => {
                let name = match tag {
                    FinalityTag::Safe => BlockNumberOrTag::Safe,
                    FinalityTag::Finalized => BlockNumberOrTag::Finalized,
                };
                self.tagged(name).await?
            }
        };
        Ok(Head {
            number: latest.number,
            hash: latest.hash,
            timestamp: latest.timestamp,
            final_number: last_final.number,
            final_hash: last_final.hash,
            final_timestamp: last_final.timestamp,
        })
    }

    pub(super) async fn latest(&self) -> Result<Block, LedgerError> {
        self.tagged(BlockNumberOrTag::Latest).await
    }

    pub(super) async fn block(&self, number: u64) -> Result<Option<Block>, LedgerError> {
        self.provider
            .get_block_by_number(BlockNumberOrTag::Number(number))
            .await
            .map(|block| block.as_ref().map(summary))
            .map_err(|error| self.explain("eth_getBlockByNumber", error))
    }

    async fn tagged(&self, tag: BlockNumberOrTag) -> Result<Block, LedgerError> {
        match self.provider.get_block_by_number(tag).await {
            Ok(Some(block)) => Ok(summary(&block)),
            Ok(None) => Err(self.behind(format!("a block tagged {tag}"))),
            // geth's answer while a young chain has no such block.
            Err(RpcError::ErrorResp(payload)) if payload.message.contains("not found") => {
                Err(self.behind(format!("a block tagged {tag}")))
            }
            Err(error) => Err(self.explain("eth_getBlockByNumber", error)),
        }
    }

    /// Calls a contract without a transaction, as of the given block.
    pub(super) async fn call(
        &self,
        from: Option<Address>,
        to: Address,
        input: Bytes,
        block: BlockId,
    ) -> Result<Called, LedgerError> {
        match self
            .provider
            .call(request(from, to, input))
            .block(block)
            .await
        {
            Ok(returned) => Ok(Called::Returned(returned)),
            Err(error) => self.reverted_or(error, "eth_call").map(Called::Reverted),
        }
    }

    /// The least gas with which the call succeeds after the latest block, or why it does not succeed.
    /// Nodes would otherwise add their pool, where the very transaction may wait that this is to replace.
    pub(super) async fn estimate_gas(
        &self,
        from: Address,
        to: Address,
        input: Bytes,
    ) -> Result<Result<u64, Bytes>, LedgerError> {
        match self
            .provider
            .estimate_gas(request(Some(from), to, input))
            .block(BlockId::latest())
            .await
        {
            Ok(gas) => Ok(Ok(gas)),
            Err(error) => self.reverted_or(error, "eth_estimateGas").map(Err),
        }
    }

    fn reverted_or(
        &self,
        error: TransportError,
        method: &'static str,
    ) -> Result<Bytes, LedgerError> {
        match error.as_error_resp().and_then(revert_data) {
            Some(data) => Ok(data),
            None => Err(self.explain(method, error)),
        }
    }

    pub(super) fn behind(&self, what: String) -> LedgerError {
        LedgerError::Behind {
            ledger: self.ledger.clone(),
            what,
        }
    }

    pub(super) fn bad_reply(&self, method: &'static str, reason: impl ToString) -> LedgerError {
        LedgerError::BadReply {
            ledger: self.ledger.clone(),
            endpoint: self.endpoint.clone(),
            method,
            reason: reason.to_string(),
        }
    }

    /// alloy's error in this crate's words.
    pub(super) fn explain(&self, method: &'static str, error: TransportError) -> LedgerError {
        match error {
            RpcError::ErrorResp(payload) => self.node_error(method, &payload),
            RpcError::Transport(TransportErrorKind::Custom(cause)) => {
                match cause.downcast::<RequestFailure>() {
                    Ok(failure) => self.failure(method, *failure),
                    Err(cause) => self.bad_reply(method, cause),
                }
            }
            RpcError::NullResp => self.bad_reply(method, "null"),
            RpcError::DeserError { err, .. } => self.bad_reply(method, err),
            other => self.bad_reply(method, other),
        }
    }

    pub(super) fn node_error(&self, method: &'static str, payload: &ErrorPayload) -> LedgerError {
        if payload.is_retry_err() {
            return self.busy(format!("{} (code {})", payload.message, payload.code));
        }
        LedgerError::Node {
            ledger: self.ledger.clone(),
            method,
            code: payload.code,
            message: payload.message.to_string(),
        }
    }

    fn busy(&self, reason: String) -> LedgerError {
        LedgerError::Busy {
            ledger: self.ledger.clone(),
            endpoint: self.endpoint.clone(),
            reason,
        }
    }

    fn failure(&self, method: &'static str, failure: RequestFailure) -> LedgerError {
        match failure {
            RequestFailure::Unreachable(reason) => LedgerError::Unreachable {
                ledger: self.ledger.clone(),
                endpoint: self.endpoint.clone(),
                reason,
            },
            RequestFailure::Timeout => LedgerError::Timeout {
                ledger: self.ledger.clone(),
                endpoint: self.endpoint.clone(),
                method,
                timeout: self.timeout,
            },
            RequestFailure::Busy { .. } => self.busy(failure.to_string()),
            RequestFailure::Status { .. }
            | RequestFailure::TooLong
            | RequestFailure::NotJsonRpc(_) => self.bad_reply(method, failure),
        }
    }
}

pub(super) fn summary(block: &AnyRpcBlock) -> Block {
    Block {
        number: block.header.number,
        hash: block.header.hash,
        timestamp: block.header.timestamp,
    }
}

fn request(
    from: Option<Address>,
    to: Address,
    input: Bytes,
) -> WithOtherFields<TransactionRequest> {
    let mut request = TransactionRequest::default().to(to).input(input.into());
    request.from = from;
    WithOtherFields::new(request)
}
