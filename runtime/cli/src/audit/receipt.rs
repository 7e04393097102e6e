//! `cryptlet audit receipt`: everything here is decided by `cryptlet_attest` alone, from files; no host
//! is asked and no network is used.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_attest::bundle::Bundle;
use cryptlet_attest::{
    Doubt, LeafHash, LedgerPosition, MAXIMUM_RECEIPT, Measurement, Output, Statement, Verdict,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::file;
use super::shown::{ShownCheckpoint, ShownClaim, print_claims, shown};
use super::trust::{Trust, trust};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{GOOD, instant};

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet audit receipt run.receipt --trust example.org/log+3f1c2a77+AU… --module swap.wasm
  cryptlet audit receipt run.receipt --trust KEY --expect-measurement $(b3sum --no-names swap.wasm)
  cryptlet audit receipt run.receipt --trust KEY --json")]
pub struct Arguments {
    /// The receipt, a file that ends in `.receipt`.
    file: PathBuf,
    /// Key of the log, written `name+id+key` as its operator publishes it, or a file that holds keys,
    /// one a line, as CRYPTLET_TRUST may name one; may be repeated.
    #[arg(long, value_name = "KEY", value_parser = trust)]
    trust: Vec<Trust>,
    /// What should have run, as `cryptlet measure` or `b3sum` prints it.
    #[arg(long, value_name = "MEASUREMENT")]
    expect_measurement: Option<Measurement>,
    /// What should have run: the component's file, which is measured.
    #[arg(
        long,
        value_name = "COMPONENT.wasm",
        conflicts_with = "expect_measurement"
    )]
    module: Option<PathBuf>,
    /// Print the verdict, or the doubt, as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let bytes = file::read(&arguments.file, MAXIMUM_RECEIPT)?;
    if Bundle::begins(&bytes) {
        let file = arguments.file.display();
        return Err(Failure::Usage(format!(
            "{file} is a bundle, which holds more than one receipt; verify it with `cryptlet audit verify {file}`"
        )));
    }
    let expected = expected(arguments)?;
    let trust = Trust::logs_with(&arguments.trust)?;
    let result = cryptlet_attest::verify(&bytes, &trust, expected.as_ref());
    if arguments.json {
        json(&AuditedReceipt::from(&result), output)?;
    } else if let Ok(verdict) = &result {
        writeln!(output, "{GOOD}verified{GOOD:#}")?;
        print_claims(&verdict.claims, output)?;
    }
    match result {
        Ok(_) => Ok(()),
        Err(doubt) => Err(Failure::Refused(format!(
            "{} is not verified ({}): {doubt}",
            arguments.file.display(),
            doubt.name()
        ))),
    }
}

fn expected(arguments: &Arguments) -> Result<Option<Measurement>, Failure> {
    let Some(module) = &arguments.module else {
        return Ok(arguments.expect_measurement);
    };
    let component = std::fs::read(module).map_err(|error| Failure::unreadable(module, &error))?;
    Ok(Some(Measurement::of(&component)))
}

/// `cryptlet audit receipt --json`: what was verified, or the first reason for doubt.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AuditedReceipt {
    /// Whether the receipt is verified.
    verified: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<ShownDoubt>,
    /// What may be said, one after the other.
    claims: Vec<ShownClaim>,
    /// What the receipt states.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    /// The checkpoint that covers it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<ShownCheckpoint>,
}

/// Why something was not verified.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownDoubt {
    /// A stable name.
    pub name: &'static str,
    /// The reason.
    pub says: String,
}

/// What a receipt states about one run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Run {
    /// The receipt's place in the log.
    leaf: u64,
    /// Hash of the log entry; on a chain, the receipt hash.
    leaf_hash: String,
    /// Hash of the execution part.
    execution_hash: String,
    /// The binding's id.
    binding: String,
    /// The binding's version.
    binding_version: String,
    /// The name under which it was asked, if it is a source.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// 0 for the bound cryptlet; sources count from 1.
    ordinal: u32,
    /// The cryptlet's name.
    cryptlet: String,
    /// Its version.
    version: String,
    /// What its component measures.
    measurement: String,
    /// SHA-256 of the component, as OCI registries name it.
    sha256: String,
    /// The run's number.
    invocation: u64,
    /// Kind of the trigger.
    trigger: &'static str,
    /// Where the trigger stands on its ledger, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<ShownPosition>,
    /// The guest's clock, RFC 3339.
    instant: String,
    /// Seed of the guest's randomness.
    seed: String,
    /// Salted digest of the invocation.
    input: String,
    /// Salted digest of every host call and its answer.
    transcript: String,
    /// Salted digest of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
    /// Digest of the binding's state before the run.
    state_before: String,
    /// Digest of it after the run.
    state_after: String,
    /// How it ended.
    outcome: String,
    /// What left the run.
    outputs: Vec<ShownOutput>,
    /// Leaf hashes of the sources' receipts.
    children: Vec<String>,
    /// What the run was allowed.
    limits: BTreeMap<String, u64>,
    /// Digest of what each instruction costs.
    operator_costs: String,
    /// Deterministic units of work.
    fuel: u64,
    /// Bytes.
    peak_memory: u64,
    /// How many.
    host_calls: u64,
    /// Version of the fabric.
    fabric_version: String,
    /// Digest of the fabric's executable.
    executable: String,
    /// Digest of the engine's configuration.
    engine_configuration: String,
    /// Version of wasmtime.
    wasmtime: String,
    /// The attestation key, `name+id`.
    key: String,
    /// Leaf hash of the binding's receipt before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<String>,
}

/// A place on a ledger.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
struct ShownPosition {
    /// CAIP-2 id of the chain.
    chain: String,
    /// Height of the block.
    block: u64,
    /// Its hash.
    block_hash: String,
    /// Hash of the transaction in it.
    transaction: String,
    /// The event's place in the block, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_index: Option<u32>,
}

/// One thing that left a run.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum ShownOutput {
    /// A call on its way to a ledger.
    #[serde(rename_all = "kebab-case")]
    Delivery {
        /// CAIP-2 id of the chain.
        ledger: String,
        /// Its number.
        delivery: u64,
        /// Hash of the encoded call.
        output_hash: String,
    },
    /// A published event.
    #[serde(rename_all = "kebab-case")]
    Event {
        /// Its topic.
        topic: String,
        /// Salted digest of its body.
        digest: String,
    },
}

impl From<&Result<Verdict, Doubt>> for AuditedReceipt {
    fn from(result: &Result<Verdict, Doubt>) -> Self {
        match result {
            Ok(verdict) => Self {
                verified: true,
                doubt: None,
                claims: shown(&verdict.claims),
                run: Some(Run::of(
                    &verdict.statement,
                    verdict.index,
                    &verdict.leaf_hash,
                )),
                checkpoint: Some(ShownCheckpoint::from(&verdict.checkpoint)),
            },
            Err(doubt) => Self {
                verified: false,
                doubt: Some(ShownDoubt {
                    name: doubt.name(),
                    says: doubt.to_string(),
                }),
                claims: Vec::new(),
                run: None,
                checkpoint: None,
            },
        }
    }
}

impl Run {
    /// What the receipt of that hash states, which stands in the log at `leaf`.
    pub fn of(statement: &Statement, leaf: u64, leaf_hash: &LeafHash) -> Self {
        let execution = &statement.execution;
        let host = &statement.host;
        Self {
            leaf,
            leaf_hash: leaf_hash.to_string(),
            execution_hash: statement.execution_hash().to_string(),
            binding: execution.binding.to_string(),
            binding_version: execution.binding_version.to_string(),
            source: execution.source.clone(),
            ordinal: execution.ordinal,
            cryptlet: execution.cryptlet.clone(),
            version: execution.version.clone(),
            measurement: execution.measurement.to_string(),
            sha256: hex::encode(execution.sha256),
            invocation: execution.invocation,
            trigger: execution.trigger.kind.name(),
            position: execution.trigger.position.as_ref().map(ShownPosition::from),
            instant: instant(execution.instant),
            seed: hex::encode(execution.seed),
            input: execution.input.to_string(),
            transcript: execution.transcript.to_string(),
            reply: execution.reply.map(|reply| reply.to_string()),
            state_before: execution.state_before.to_string(),
            state_after: execution.state_after.to_string(),
            outcome: execution.outcome.to_string(),
            outputs: execution.outputs.iter().map(ShownOutput::from).collect(),
            children: execution.children.iter().map(ToString::to_string).collect(),
            limits: execution
                .limits
                .iter()
                .map(|(name, allowed)| (name.to_owned(), allowed))
                .collect(),
            operator_costs: execution.operator_costs.to_string(),
            fuel: execution.fuel,
            peak_memory: execution.peak_memory,
            host_calls: execution.host_calls,
            fabric_version: host.fabric_version.clone(),
            executable: host.executable.to_string(),
            engine_configuration: host.engine_configuration.to_string(),
            wasmtime: host.wasmtime.clone(),
            key: host.key.clone(),
            previous: host.previous.map(|previous| previous.to_string()),
        }
    }
}

impl From<&LedgerPosition> for ShownPosition {
    fn from(position: &LedgerPosition) -> Self {
        Self {
            chain: position.chain.clone(),
            block: position.block,
            block_hash: format!("0x{}", hex::encode(position.block_hash)),
            transaction: format!("0x{}", hex::encode(position.transaction)),
            log_index: position.log_index,
        }
    }
}

impl From<&Output> for ShownOutput {
    fn from(output: &Output) -> Self {
        match output {
            Output::Delivery {
                ledger,
                delivery,
                output_hash,
            } => Self::Delivery {
                ledger: ledger.clone(),
                delivery: *delivery,
                output_hash: format!("0x{}", hex::encode(output_hash)),
            },
            Output::Event { topic, digest } => Self::Event {
                topic: topic.clone(),
                digest: digest.to_string(),
            },
        }
    }
}
