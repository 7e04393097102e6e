//! `cryptlet bind sign`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use alloy_primitives::{Address, Bytes};
use clap::Args;
use cryptlet_vault::{KeyName, Purpose};

use super::asking::OwnCopy;
use super::changing::bytes;
use super::file::Proposed;
use crate::failure::Failure;
use crate::passphrase::PassphraseSource;
use crate::state::StateFolder;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet bind sign proposal.json --key acme
  cryptlet bind sign change.json --key acme --in-force swap.toml
  cryptlet bind sign proposal.json --counterparty 0x… --signature 0x…
  cryptlet bind sign proposal.json --wallet 0x… --signature 0x…

A wallet makes the signature of --signature: have it sign the proposal's typed-data by
eth_signTypedData_v4, for example
  cast wallet sign --data \"$(cryptlet bind show proposal.json --json | jq '.\"typed-data\"')\"
A change may have several typed data: sign each, and repeat --signature in their order. What a
contract wallet (ERC-1271) takes, its chain alone can check; that is done when it is activated.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The proposal; the signature is added to this file.
    proposal: PathBuf,
    /// Key of the purpose `counterparty` to sign with.
    #[arg(long, value_name = "NAME", required_unless_present = "signatures")]
    key: Option<KeyName>,
    /// Whose signature is given.
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "signatures",
        conflicts_with = "key"
    )]
    counterparty: Option<String>,
    /// The contract wallet (ERC-1271) that stands for the signature that is given.
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "signatures",
        conflicts_with_all = ["key", "counterparty"]
    )]
    wallet: Option<String>,
    /// A signature that a wallet made, in hex digits: 65 bytes r, s, v, or what a contract wallet
    /// takes; once for each typed data.
    #[arg(long = "signature", value_name = "SIGNATURE", conflicts_with = "key")]
    signatures: Vec<String>,
    #[command(flatten)]
    own: OwnCopy,
    #[command(flatten)]
    state: StateFolder,
    #[command(flatten)]
    passphrase: PassphraseSource,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let mut proposed = Proposed::read(&arguments.proposal)?;
    arguments.own.check(&proposed)?;
    let given = (&arguments.key, &arguments.counterparty, &arguments.wallet);
    let (counterparty, signatures, by_contract) = match given {
        (Some(key), ..) => {
            let (account, signatures) = by_key(arguments, key, &proposed)?;
            (account, signatures, false)
        }
        (None, Some(account), _) => (account.clone(), given_bytes(arguments)?, false),
        (None, None, Some(wallet)) => (wallet.clone(), given_bytes(arguments)?, true),
        (None, None, None) => {
            return Err(Failure::Usage(
                "nothing says who signs; give --key, or --signature with --counterparty or --wallet"
                    .into(),
            ));
        }
    };
    let counterparty: Address = counterparty
        .parse()
        .map_err(|_| Failure::Refused(format!("{counterparty} is no address")))?;
    proposed
        .sign(counterparty, signatures, by_contract)
        .map_err(Failure::Refused)?;
    replace(&arguments.proposal, &proposed.to_json()).map_err(|error| {
        Failure::Refused(format!(
            "cannot write {}: {error}",
            arguments.proposal.display()
        ))
    })?;
    let path = printable(&arguments.proposal.display().to_string());
    match (proposed.lacking(), proposed.missing().as_slice()) {
        (0, []) => writeln!(
            output,
            "{counterparty} signed, the last one; next: cryptlet bind activate {path}"
        )?,
        (0, _) => writeln!(
            output,
            "{counterparty} signed, and that is enough; next: cryptlet bind activate {path}"
        )?,
        (_, missing) => writeln!(
            output,
            "{counterparty} signed; still to sign: {}",
            missing.join(", ")
        )?,
    }
    Ok(())
}

fn given_bytes(arguments: &Arguments) -> Result<Vec<Bytes>, Failure> {
    bytes(&arguments.signatures).map_err(Failure::Refused)
}

fn by_key(
    arguments: &Arguments,
    name: &KeyName,
    proposed: &Proposed,
) -> Result<(String, Vec<Bytes>), Failure> {
    let vault = arguments.state.vault()?;
    let keys = vault.list()?;
    // All that can be said against it is said before anybody types a passphrase.
    let key = keys.iter().find(|key| key.name == *name).ok_or_else(|| {
        Failure::Usage(format!(
            "there is no key {name} in {}; make it with `{}`",
            vault.folder().display(),
            arguments
                .state
                .command(&format!("key new {name} --purpose counterparty"))
        ))
    })?;
    if key.purpose != Purpose::Counterparty {
        return Err(Failure::Usage(format!(
            "key {name} is for {}; sign with one for counterparty",
            key.purpose
        )));
    }
    let account = key
        .address
        .expect("a counterparty's key is one of secp256k1, and those have accounts")
        .to_string();
    let binding = proposed.binding();
    let parties = &binding.counterparties;
    if !parties
        .iter()
        .any(|party| party.address.to_string() == account)
    {
        return Err(Failure::Refused(format!(
            "key {name} is {account}, which is no counterparty of {}; still to sign: {}",
            binding.binding.name,
            proposed.missing().join(", ")
        )));
    }
    let passphrase = arguments.passphrase.ask(&format!("key `{name}`"))?;
    vault.unlock(name, &passphrase)?;
    let delegate = vault.delegate();
    let signatures = proposed
        .digests()
        .iter()
        .map(|digest| {
            delegate
                .sign_digest(name.as_str(), Purpose::Counterparty, &digest.0)
                .map(|signature| Bytes::from(signature.to_bytes().to_vec()))
        })
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Refused(error.to_string()))?;
    Ok((account, signatures))
}

/// The file is the old one or the new one, whatever happens on the way.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // As readable as it was: it is sent around.
    let mut draft = tempfile::Builder::new()
        .permissions(fs::metadata(path)?.permissions())
        .tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
