//! `cryptlet audit compare`: the one audit that asks somebody, the node at --rpc.

use std::collections::BTreeSet;
use std::io::Write;

use alloy_primitives::{Address, B256};
use clap::Args;
use cryptlet_attest::comparison::{
    self, Allowance, ChainRecord, Compared, Comparison, Delivered, Fate, Skipped,
};
use cryptlet_attest::trail::{Question, Trail};
use cryptlet_attest::{BindingId, BindingVersion, Digest, LeafHash, Measurement};
use cryptlet_fabric::Binding;
use cryptlet_fabric::journal::DeliveryStatus;
use cryptlet_ledger::evm::{GatewayHistory, GatewayReader};
use cryptlet_ledger::{Finality, LedgerError};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::log::{Log, LogSource, terms};
use super::shown::{ShownCheckpoint, ShownClaim, print_claims, shown};
use super::trail::ShownContradiction;
use super::trust::{Trust, trust};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{Cell, GOOD, Table, progress};

#[derive(Args)]
#[command(
    after_help = "Needs the network: it asks the node at --rpc, whose word the result rests on.

Examples:
  cryptlet audit compare acme-globex-swap --rpc http://127.0.0.1:8545 --trust KEY
  cryptlet audit compare 0x715a… --from fabric.log.cbor --rpc URL --gateway 0x5fbd… --trust KEY
  cryptlet audit compare acme-globex-swap --rpc URL --finality depth:12 --trust KEY --json"
)]
pub struct Arguments {
    /// The binding: its name, or its id 0x….
    binding: String,
    #[command(flatten)]
    log: LogSource,
    /// Key of the log, written `name+id+key` as its operator publishes it, or a file that holds keys,
    /// one a line, as CRYPTLET_TRUST may name one; may be repeated.
    #[arg(long, value_name = "KEY", value_parser = trust)]
    trust: Vec<Trust>,
    /// JSON-RPC address of a node of the chain; it is asked, and nothing else is.
    #[arg(long, value_name = "URL")]
    rpc: Url,
    /// The CryptoDelegate; by default the one that the binding's document names.
    #[arg(long, value_name = "0x…")]
    gateway: Option<Address>,
    /// When a block counts as final: finalized, safe, instant or depth:N.
    #[arg(long, default_value_t = Finality::Tag(cryptlet_ledger::FinalityTag::Finalized))]
    finality: Finality,
    /// First block to read events of; by default the one that the binding's document names, or 0.
    #[arg(long, value_name = "BLOCK")]
    from_block: Option<u64>,
    /// Print the comparison, or the contradiction, as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let trust = Trust::logs_with(&arguments.trust)?;
    let log = arguments.log.open()?;
    let (binding, documents) = arguments.log.binding(&log, &arguments.binding)?;
    let gateway = gateway(arguments, documents.last())?;
    let question = Question {
        binding,
        terms: documents.iter().map(terms).collect(),
        since: None,
    };
    let followed = log.follow(&question, &trust)?;
    let result = match followed {
        Err(refusal) => Err(ShownContradiction::from(refusal)),
        Ok(trail) => {
            let from_block = arguments.from_block.unwrap_or_else(|| {
                let from_blocks = documents
                    .iter()
                    .map(|document| document.contract.from_block);
                from_blocks.min().unwrap_or(0)
            });
            let settled = settled(&log, &binding)?;
            let query = Query {
                rpc: &arguments.rpc,
                gateway,
                finality: arguments.finality,
                from_block,
                binding,
                pairs: pairs(&trail),
            };
            match ask(&query)? {
                None => Err(contradiction(
                    "unknown-binding",
                    format!(
                        "the gateway {gateway} has no binding {binding}, though the log activates it: this is another gateway, or another chain"
                    ),
                )),
                Some(chain) => comparison::compare(&trail, &chain, settled.as_ref())
                    .map(|compared| (trail, chain, compared))
                    .map_err(|found| contradiction(found.name(), found.to_string())),
            }
        }
    };
    if arguments.json {
        json(&AuditedChain::from(&result), output)?;
    } else if let Ok((_, _, compared)) = &result {
        print(compared, output)?;
    }
    result
        .map(drop)
        .map_err(|found| found.refused("log and chain do not agree"))
}

fn contradiction(name: &'static str, says: String) -> ShownContradiction {
    ShownContradiction {
        name,
        leaf: None,
        says,
        signed_by_host: true,
    }
}

fn gateway(arguments: &Arguments, document: Option<&Binding>) -> Result<Address, Failure> {
    let agreed = document.map(|document| document.contract.gateway);
    match (arguments.gateway, agreed) {
        (Some(given), Some(agreed)) if given != agreed => Err(Failure::Refused(format!(
            "--gateway names {given}, but the binding's document names {agreed}; leave the option away, or find out who signed for another gateway"
        ))),
        (Some(given), _) => Ok(given),
        (None, Some(agreed)) => Ok(agreed),
        (None, None) => Err(Failure::Usage(
            "a log does not name the gateway; give its address with --gateway, or the binding's document with --document".into(),
        )),
    }
}

/// The numbers that the host calls final, if its journal is at hand.
fn settled(log: &Log, binding: &BindingId) -> Result<Option<BTreeSet<u64>>, Failure> {
    let Log::Journal(journal, _) = log else {
        return Ok(None);
    };
    let is_settled = |status| {
        matches!(
            status,
            DeliveryStatus::Finalized | DeliveryStatus::CallbackFailed | DeliveryStatus::Skipped
        )
    };
    let numbers = journal
        .deliveries(binding)?
        .into_iter()
        .filter(|delivery| is_settled(delivery.status))
        .map(|delivery| delivery.delivery)
        .collect();
    Ok(Some(numbers))
}

fn pairs(trail: &Trail) -> BTreeSet<(BindingVersion, Measurement)> {
    trail
        .invocations
        .iter()
        .filter_map(|invocation| invocation.run.as_ref())
        .map(|run| (run.binding_version, run.measurement))
        .collect()
}

/// What to ask of which node.
pub(super) struct Query<'a> {
    pub(super) rpc: &'a Url,
    pub(super) gateway: Address,
    pub(super) finality: Finality,
    pub(super) from_block: u64,
    pub(super) binding: BindingId,
    /// What ran, which the gateway allows or not.
    pub(super) pairs: BTreeSet<(BindingVersion, Measurement)>,
}

/// What the node says; none if its gateway does not know the binding.
pub(super) fn ask(query: &Query<'_>) -> Result<Option<ChainRecord>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Refused(format!("cannot wait for a node: {error}")))?;
    let _progress = progress("asking the node");
    runtime.block_on(read(query)).map_err(|error| {
        // There is no configuration here that would have given the ledger a name.
        let said = error.to_string();
        let said = said.strip_prefix("ledger \"--rpc\": ").unwrap_or(&said);
        Failure::Refused(said.to_owned())
    })
}

async fn read(query: &Query<'_>) -> Result<Option<ChainRecord>, LedgerError> {
    let Query {
        gateway,
        finality,
        from_block,
        ..
    } = *query;
    let reader = GatewayReader::connect(query.rpc.clone(), gateway, finality).await?;
    let id = B256::from(*query.binding.as_bytes());
    let Some(history) = reader.history(id, from_block).await? else {
        return Ok(None);
    };
    let mut allowances = Vec::with_capacity(query.pairs.len());
    for &(binding_version, measurement) in &query.pairs {
        let usable_from = reader
            .usable_from(
                id,
                B256::from(*binding_version.as_bytes()),
                B256::from(*measurement.as_bytes()),
                history.head.number,
            )
            .await?;
        allowances.push(Allowance {
            binding_version,
            measurement,
            usable_from,
        });
    }
    let GatewayHistory {
        head,
        last_delivery,
        deliveries,
        skips,
        ..
    } = history;
    Ok(Some(ChainRecord {
        endpoint: reader.endpoint(),
        chain: reader.chain().to_string(),
        gateway: gateway.to_string(),
        block: head.number,
        final_block: head.final_number,
        finality: finality.to_string(),
        from_block,
        last_delivery,
        delivered: deliveries
            .into_iter()
            .map(|delivery| Delivered {
                number: delivery.number,
                block: delivery.block,
                transaction: delivery.transaction.0,
                binding_version: BindingVersion::from_bytes(delivery.binding_version.0),
                measurement: Measurement::from_bytes(delivery.measurement.0),
                execution_hash: Digest::from_bytes(delivery.execution_hash.0),
                receipt_hash: LeafHash::from_bytes(delivery.receipt_hash.0),
                output_hash: delivery.output_hash.0,
                succeeded: delivery.succeeded,
            })
            .collect(),
        skipped: skips
            .into_iter()
            .map(|skip| Skipped {
                number: skip.number,
                block: skip.block,
                receipt_hash: LeafHash::from_bytes(skip.receipt_hash.0),
            })
            .collect(),
        allowances,
    }))
}

fn print(compared: &Comparison, output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new([
        "DELIVERY",
        "LEAF",
        "VERSION",
        "ON THE CHAIN",
        "BLOCK",
        "FINAL",
    ]);
    for delivery in &compared.deliveries {
        let fate = Cell::from(delivery.fate.name());
        table.row([
            delivery.number.into(),
            delivery.leaf.into(),
            (&delivery.version).into(),
            match delivery.fate {
                Fate::Succeeded => fate.styled(GOOD),
                _ => fate,
            },
            delivery.block.map_or_else(|| "".into(), Cell::from),
            if delivery.is_final { "yes" } else { "no" }.into(),
        ]);
    }
    table.print(output)?;
    writeln!(output)?;
    writeln!(output, "{GOOD}log and chain agree{GOOD:#}")?;
    print_claims(&compared.claims, output)
}

/// `cryptlet audit compare --json`: log and chain side by side, or where they differ.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditedChain {
    /// Whether log and chain agree.
    agrees: bool,
    /// The first thing in which they do not, or in which the log contradicts itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    contradiction: Option<ShownContradiction>,
    /// The checkpoint of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<ShownCheckpoint>,
    /// The node and how far its chain has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<ShownChain>,
    /// Every delivery that the log seals, by number.
    deliveries: Vec<ShownDelivery>,
    /// What may be said, one after the other.
    claims: Vec<ShownClaim>,
}

/// The node and how far its chain has come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownChain {
    /// The node, without anything secret.
    endpoint: String,
    /// CAIP-2 id.
    id: String,
    /// The gateway contract.
    gateway: String,
    /// The newest block.
    block: u64,
    /// The newest block that counts as final.
    final_block: u64,
    /// By which rule.
    finality: String,
}

/// One delivery on both sides.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownDelivery {
    /// Its number.
    number: u64,
    /// The leaf of its receipt.
    leaf: u64,
    /// The version that made it.
    version: String,
    /// `succeeded`, `callback-failed`, `skipped` or `absent`.
    fate: &'static str,
    /// The block that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<u64>,
    /// Whether that block counts as final.
    r#final: bool,
}

impl From<&Compared> for ShownDelivery {
    fn from(compared: &Compared) -> Self {
        Self {
            number: compared.number,
            leaf: compared.leaf,
            version: compared.version.clone(),
            fate: compared.fate.name(),
            block: compared.block,
            r#final: compared.is_final,
        }
    }
}

impl From<&Result<(Trail, ChainRecord, Comparison), ShownContradiction>> for AuditedChain {
    fn from(result: &Result<(Trail, ChainRecord, Comparison), ShownContradiction>) -> Self {
        match result {
            Ok((trail, chain, compared)) => Self {
                agrees: true,
                contradiction: None,
                checkpoint: Some(ShownCheckpoint::from(&trail.checkpoint)),
                chain: Some(ShownChain {
                    endpoint: chain.endpoint.clone(),
                    id: chain.chain.clone(),
                    gateway: chain.gateway.clone(),
                    block: chain.block,
                    final_block: chain.final_block,
                    finality: chain.finality.clone(),
                }),
                deliveries: compared.deliveries.iter().map(Into::into).collect(),
                claims: shown(&compared.claims),
            },
            Err(found) => Self {
                agrees: false,
                contradiction: Some(found.clone()),
                checkpoint: None,
                chain: None,
                deliveries: Vec::new(),
                claims: Vec::new(),
            },
        }
    }
}
