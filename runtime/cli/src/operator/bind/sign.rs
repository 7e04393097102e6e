//! `cryptlet bind sign`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_service::api::SignedApproval;
use cryptlet_vault::{KeyName, Purpose};

use super::proposal::Understood;
use crate::failure::Failure;
use crate::passphrase::PassphraseSource;
use crate::state::StateFolder;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet bind sign proposal.json --key acme
  cryptlet bind sign proposal.json --counterparty 0x… --signature 0x…

A wallet makes the signature of --signature: have it sign the proposal's typed-data by
eth_signTypedData_v4, for example
  cast wallet sign --data \"$(cryptlet bind show proposal.json --json | jq '.\"typed-data\"')\"";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The proposal; the signature is added to this file.
    proposal: PathBuf,
    /// Key of the purpose `counterparty` to sign with.
    #[arg(long, value_name = "NAME", required_unless_present = "signature")]
    key: Option<KeyName>,
    /// Whose signature is given.
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "signature",
        conflicts_with = "key"
    )]
    counterparty: Option<String>,
    /// A signature that a wallet made: 65 bytes r, s, v in hex digits.
    #[arg(
        long,
        value_name = "SIGNATURE",
        requires = "counterparty",
        conflicts_with = "key"
    )]
    signature: Option<String>,
    #[command(flatten)]
    state: StateFolder,
    #[command(flatten)]
    passphrase: PassphraseSource,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let mut understood = Understood::read(&arguments.proposal)?;
    let signed = match (
        &arguments.key,
        &arguments.counterparty,
        &arguments.signature,
    ) {
        (Some(key), _, _) => by_key(arguments, key, &understood)?,
        (None, Some(counterparty), Some(signature)) => SignedApproval {
            counterparty: counterparty.clone(),
            signature: signature.clone(),
        },
        _ => {
            return Err(Failure::Usage(
                "nothing says who signs; give --key, or --counterparty and --signature".into(),
            ));
        }
    };
    let approval = understood.check(&signed).map_err(Failure::Refused)?;
    let counterparty = approval.counterparty;
    understood.add(approval);
    replace(&arguments.proposal, &understood.proposal.to_json()).map_err(|error| {
        Failure::Refused(format!(
            "cannot write {}: {error}",
            arguments.proposal.display()
        ))
    })?;
    let path = printable(&arguments.proposal.display().to_string());
    match understood.missing().as_slice() {
        [] => writeln!(
            output,
            "{counterparty} signed, the last one; next: cryptlet bind activate {path}"
        )?,
        missing => writeln!(
            output,
            "{counterparty} signed; still to sign: {}",
            missing.join(", ")
        )?,
    }
    Ok(())
}

fn by_key(
    arguments: &Arguments,
    name: &KeyName,
    understood: &Understood,
) -> Result<SignedApproval, Failure> {
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
    let parties = &understood.binding.counterparties;
    if !parties
        .iter()
        .any(|party| party.address.to_string() == account)
    {
        return Err(Failure::Refused(format!(
            "key {name} is {account}, which is no counterparty of {}; still to sign: {}",
            understood.proposal.binding,
            understood.missing().join(", ")
        )));
    }
    let passphrase = arguments.passphrase.ask(&format!("key `{name}`"))?;
    vault.unlock(name, &passphrase)?;
    let signature = vault
        .delegate()
        .sign_digest(
            name.as_str(),
            Purpose::Counterparty,
            &understood.binding.terms_digest().0,
        )
        .map_err(|error| Failure::Refused(error.to_string()))?;
    Ok(SignedApproval {
        counterparty: account,
        signature: format!("0x{}", hex::encode(signature.to_bytes())),
    })
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
