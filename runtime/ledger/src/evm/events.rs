use std::cmp::min;

use alloy::eips::BlockNumberOrTag;
use alloy::network::AnyRpcBlock;
use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use alloy::rpc::client::BatchRequest;
use alloy::rpc::json_rpc::ErrorPayload;
use alloy::rpc::types::{Filter, Log};
use alloy::transports::RpcError;
use cryptlet_schema::Message;

use super::connection::Connection;
use super::ledger::EvmLedger;
use crate::{ContractEvent, LedgerError, Position, Scan};

/// Enough for a caller to have work; the rest comes with the next call.
const ENOUGH_EVENTS: usize = 1_000;

impl EvmLedger {
    /// The events that a contract declared, from `from_block` on and never beyond
    /// the last final block, in the chain's order.
    ///
    /// One call reads a stretch and says where the next one goes on
    /// ([`Scan::next_block`]); without new final blocks it is empty and goes on
    /// where it began. No event is skipped and none is given twice if the caller
    /// stores `next_block` together with what it made of the events.
    ///
    /// # Errors
    ///
    /// [`LedgerError::EventDoesNotFit`] if a log carries a declared event's topic
    /// but not its fields; [`LedgerError::Behind`] if the node does not have the
    /// blocks yet; else what the node's answer, or its lack, is.
    pub async fn events(
        &self,
        consumer: Address,
        events: &[Message],
        from_block: u64,
    ) -> Result<Scan, LedgerError> {
        let final_number = self.head().await?.final_number;
        let mut scan = Scan {
            events: Vec::new(),
            next_block: from_block,
        };
        let mut stretch = self.settings.blocks_per_request.max(1);
        while scan.next_block <= final_number && scan.events.len() < ENOUGH_EVENTS {
            let last = min(final_number, scan.next_block.saturating_add(stretch - 1));
            match self.logs(consumer, events, scan.next_block, last).await? {
                Page::Logs(logs) => {
                    for log in &logs {
                        scan.events.extend(self.decode(events, log)?);
                    }
                    scan.next_block = last + 1;
                }
                Page::TooMuch(_) if stretch > 1 => stretch /= 2,
                Page::TooMuch(payload) => {
                    return Err(self.connection.node_error("eth_getLogs", &payload));
                }
            }
        }
        Ok(scan)
    }

    async fn logs(
        &self,
        consumer: Address,
        events: &[Message],
        first: u64,
        last: u64,
    ) -> Result<Page, LedgerError> {
        let topics: Vec<B256> = events.iter().map(|event| event.topic().into()).collect();
        let filter = Filter::new().address(consumer).event_signature(topics);
        page(&self.connection, filter, first, last).await
    }

    /// None for a log that no declared event is meant by.
    fn decode(&self, events: &[Message], log: &Log) -> Result<Option<ContractEvent>, LedgerError> {
        if log.removed {
            return Ok(None);
        }
        let Some(event) = log
            .topic0()
            .and_then(|topic| events.iter().find(|event| event.topic() == topic.0))
        else {
            return Ok(None);
        };
        let (Some(block), Some(block_hash), Some(transaction), Some(log_index)) = (
            log.block_number,
            log.block_hash,
            log.transaction_hash,
            log.log_index,
        ) else {
            return Err(self
                .connection
                .bad_reply("eth_getLogs", "a log without its place in the chain"));
        };
        let position = Position {
            chain: self.settings.chain.to_string(),
            block,
            block_hash,
            transaction,
        };
        let topics: Vec<[u8; 32]> = log.topics().iter().map(|topic| topic.0).collect();
        match event.decode_event(&topics, &log.data().data) {
            Ok(fields) => Ok(Some(ContractEvent {
                name: event.name().to_owned(),
                fields,
                position,
                log_index,
            })),
            Err(error) => Err(LedgerError::EventDoesNotFit {
                event: event.signature(),
                position: Box::new(position),
                log_index,
                reason: error.to_string(),
            }),
        }
    }
}

/// Asks for the logs together with the last block of the stretch: behind a
/// load balancer a node that lacks those blocks would answer with no logs, and
/// events would be lost.
pub(super) async fn page(
    connection: &Connection,
    filter: Filter,
    first: u64,
    last: u64,
) -> Result<Page, LedgerError> {
    let filter = filter.from_block(first).to_block(last);
    let explain = |error| connection.explain("eth_getLogs", error);

    let client = connection.provider.client();
    let mut batch = BatchRequest::new(client);
    let logs = batch
        .add_call::<_, Vec<Log>>("eth_getLogs", &(filter,))
        .map_err(explain)?;
    let block = batch
        .add_call::<_, Option<AnyRpcBlock>>(
            "eth_getBlockByNumber",
            &(BlockNumberOrTag::Number(last), false),
        )
        .map_err(explain)?;
    let answer = match batch.send().await {
        Ok(()) => logs.await,
        Err(error) => Err(error),
    };
    let logs = match answer {
        Err(RpcError::ErrorResp(payload)) if asks_for_less(&payload) => {
            return Ok(Page::TooMuch(payload));
        }
        answer => answer.map_err(explain)?,
    };
    if block.await.map_err(explain)?.is_none() {
        return Err(connection.behind(format!("block {last}")));
    }
    Ok(Page::Logs(logs))
}

pub(super) enum Page {
    Logs(Vec<Log>),
    TooMuch(ErrorPayload),
}

/// Whether the node refuses because the stretch of blocks, or what is in it, is too large.
fn asks_for_less(error: &ErrorPayload) -> bool {
    let said = error.message.to_lowercase();
    [
        "more than",
        "too many",
        "too large",
        "too big",
        "too wide",
        "block range",
        "blocks range",
        "range limit",
        "response size",
        "limit exceeded",
        "exceeds the limit",
        "exceed maximum",
    ]
    .iter()
    .any(|word| said.contains(word))
        && !said.contains("rate limit")
        && !said.contains("too many requests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_when_a_node_asks_for_a_smaller_stretch() {
        let error = |code: i64, message: &str| {
            serde_json::from_value::<ErrorPayload>(
                serde_json::json!({"code": code, "message": message}),
            )
            .expect("a JSON-RPC error")
        };
        for (code, message) in [
            (-32005, "query returned more than 10000 results"),
            (
                -32602,
                "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
            ),
            (-32000, "exceed maximum block range: 5000"),
            (-32000, "block range is too wide"),
            (
                -32614,
                "eth_getLogs is limited to a 10,000 range: too large",
            ),
            (
                -32000,
                "query exceeds max results 20000, retry with the range 1-5: too many",
            ),
        ] {
            assert!(asks_for_less(&error(code, message)), "{message}");
        }
        for (code, message) in [
            (-32000, "header not found"),
            (429, "Too Many Requests"),
            (-32005, "project rate limit exceeded, too many"),
        ] {
            assert!(!asks_for_less(&error(code, message)), "{message}");
        }
    }
}
