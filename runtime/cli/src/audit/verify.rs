//! `cryptlet audit verify`: everything that one file says about one run, and what may be believed of it.
//! No network is used unless a node is named.

mod agreement;
mod on_chain;
mod opened;
mod report;

pub use report::AuditedBundle;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use alloy_primitives::Address;
use clap::Args;
use cryptlet_attest::bundle::{
    Bundle, BundleDoubt, BundleVerdict, Expectations, MAXIMUM_BUNDLE, verify_bundle,
};
use cryptlet_attest::log::WitnessKey;
use cryptlet_attest::{Basis, Measurement, TrustedKey};
use cryptlet_fabric::Binding;
use cryptlet_ledger::{Finality, FinalityTag};
use url::Url;

use self::opened::ShownInput;
use super::file;
use super::receipt::ShownDoubt;
use super::trust::{TRUST_VARIABLE, Trust, trust};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::progress;

#[derive(Args)]
#[command(
    after_help = "Keys that are always trusted can stand in a file, one a line, that the variable \
CRYPTLET_TRUST names.

Examples:
  cryptlet audit verify run.bundle
  cryptlet audit verify run.bundle --trust example.org/log+3f1c2a77+AU… --module swap.wasm
  cryptlet audit verify run.bundle --trust keys --cosigners 2 --since kept.checkpoint --json
  cryptlet audit verify run.bundle --trust KEY --rpc http://127.0.0.1:8545"
)]
pub struct Arguments {
    /// The bundle, a file that ends in `.bundle`.
    file: PathBuf,
    /// Key of a log or of a witness, written `name+id+key`, or a file that holds keys, one a line;
    /// may be repeated.
    #[arg(long, value_name = "KEY", value_parser = trust)]
    trust: Vec<Trust>,
    /// Key of a witness, written `name+id+key`; may be repeated.
    #[arg(long, value_name = "KEY")]
    witness: Vec<WitnessKey>,
    /// How many of the witnesses must have cosigned the log.
    #[arg(long, value_name = "N", default_value_t = 0)]
    cosigners: usize,
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
    /// A checkpoint of the same log that you have kept: the file must prove that the log extends
    /// it.
    #[arg(long, value_name = "CHECKPOINT")]
    since: Option<PathBuf>,
    /// JSON-RPC address of a node of the chain: ask it for the deliveries of the run, too.
    #[arg(long, value_name = "URL")]
    rpc: Option<Url>,
    /// The CryptoDelegate; by default the one that the binding's document in the file names.
    #[arg(long, value_name = "0x…", requires = "rpc")]
    gateway: Option<Address>,
    /// When a block counts as final: finalized, safe, instant or depth:N.
    #[arg(long, requires = "rpc", default_value_t = Finality::Tag(FinalityTag::Finalized))]
    finality: Finality,
    /// First block to read events of; by default the one that the binding's document names, or 0.
    #[arg(long, value_name = "BLOCK", requires = "rpc")]
    from_block: Option<u64>,
    /// Print the verdict, or the doubt, as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found out about a bundle that can be believed as far as its key can.
pub struct Audited {
    verdict: BundleVerdict,
    input: Option<ShownInput>,
}

impl Audited {
    /// A signature by a key that nobody trusts is worth no more than the word of whoever has it.
    fn distrust(&mut self) {
        for claim in &mut self.verdict.claims {
            if matches!(claim.claim.rests_on, Basis::Signature { .. }) {
                claim.claim.rests_on = Basis::Host;
            }
        }
    }
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let bytes = file::read(&arguments.file, MAXIMUM_BUNDLE)?;
    let mut expectations = expectations(arguments)?;
    let strangers = expectations
        .trust
        .is_empty()
        .then(|| announced(&bytes, &mut expectations));
    let checking = progress("verifying");
    let verified = verify_bundle(&bytes, &expectations).map_err(|doubt| shown(&doubt));
    drop(checking);
    let (mut audited, found) = match verified {
        Ok(verdict) => examine(arguments, verdict)?,
        Err(doubt) => (None, Some(doubt)),
    };
    let unknown = strangers.flatten();
    if let (Some(audited), Some(_)) = (&mut audited, &unknown) {
        audited.distrust();
    }
    let doubt = found.or(unknown);
    if arguments.json {
        json(&AuditedBundle::of(audited.as_ref(), doubt.as_ref()), output)?;
    } else if let Some(audited) = &audited {
        report::print(audited, doubt.is_none(), output)?;
    }
    match doubt {
        None => Ok(()),
        Some(doubt) => Err(Failure::Refused(format!(
            "{} is not verified ({}): {}",
            arguments.file.display(),
            doubt.name,
            doubt.says
        ))),
    }
}

/// What the bundle alone does not tell: what the input says, who approved the binding, what the chain
/// has.
fn examine(
    arguments: &Arguments,
    mut verdict: BundleVerdict,
) -> Result<(Option<Audited>, Option<ShownDoubt>), Failure> {
    let (input, document) = match contents(&mut verdict) {
        Ok(contents) => contents,
        Err(doubt) => return Ok((None, Some(doubt))),
    };
    let doubt = match &arguments.rpc {
        Some(rpc) => on_chain::check(arguments, rpc, &mut verdict, document.as_ref())?,
        None => {
            on_chain::leave_out(&mut verdict);
            None
        }
    };
    Ok((Some(Audited { verdict, input }), doubt))
}

/// What is opened and agreed on, if it fits the receipt.
pub fn contents(
    verdict: &mut BundleVerdict,
) -> Result<(Option<ShownInput>, Option<Binding>), ShownDoubt> {
    Ok((opened::input(verdict)?, agreement::check(verdict)?))
}

fn expectations(arguments: &Arguments) -> Result<Expectations, Failure> {
    let mut trust = Trust::with(&arguments.trust)?;
    trust.witnesses.extend(arguments.witness.iter().cloned());
    if arguments.cosigners > 0 && trust.witnesses.is_empty() {
        return Err(Failure::Usage(
            "--cosigners counts witnesses that you trust; name them with --witness".into(),
        ));
    }
    let measurement = match &arguments.module {
        None => arguments.expect_measurement,
        Some(module) => {
            let component =
                fs::read(module).map_err(|error| Failure::unreadable(module, &error))?;
            Some(Measurement::of(&component))
        }
    };
    let since = arguments
        .since
        .as_deref()
        .map(|file| fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error)));
    Ok(Expectations {
        trust: trust.logs,
        witnesses: trust.witnesses,
        cosigners: arguments.cosigners,
        measurement,
        since: since.transpose()?,
    })
}

/// Without a key of the auditor's own, the file is held against the key that it names itself, which
/// shows whether it is whole, and never that it is genuine.
fn announced(bytes: &[u8], expectations: &mut Expectations) -> Option<ShownDoubt> {
    let keys: Vec<TrustedKey> = Bundle::from_bytes(bytes).ok()?.announced_keys();
    let named: Vec<String> = keys.iter().map(ToString::to_string).collect();
    expectations.trust = keys;
    (!named.is_empty()).then(|| ShownDoubt {
        name: "unknown-signer",
        says: format!(
            "you trust no key yet, and {} is only what the file names itself, as a forger's would; have the log's key by another way, from a counterparty or from the operator's publication, and give it with --trust or in the file that {TRUST_VARIABLE} names",
            named.join(", ")
        ),
    })
}

fn shown(doubt: &BundleDoubt) -> ShownDoubt {
    ShownDoubt {
        name: doubt.name(),
        says: doubt.to_string(),
    }
}
