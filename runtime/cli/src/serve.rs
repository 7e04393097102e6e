//! `cryptlet serve`: the fabric as a service, until it is told to stop.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use cryptlet_fabric::journal::JournalError;
use cryptlet_fabric::{Configuration, ConfigurationError, FabricError, Seams};
use cryptlet_service::api::Address;
use cryptlet_service::logging::Logging;
use cryptlet_service::{Ready, ServeError, Start, address_path, orders, serve, tokens};
use cryptlet_vault::{Purpose, SignatureDelegate};

use crate::compiler;
use crate::failure::Failure;
use crate::passphrase::PassphraseSource;
use crate::state::StateFolder;
use crate::terminal::printable;

/// How long a run that was cut off may hold up the end of the process.
const LAST_MOMENT: Duration = Duration::from_millis(500);

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cryptlet serve\n  cryptlet serve --state /var/lib/cryptlet \
    --passphrase-file /run/secrets/cryptlet\n  cryptlet serve --listen 127.0.0.1:0"
)]
pub struct Arguments {
    #[command(flatten)]
    state: StateFolder,
    #[command(flatten)]
    passphrase: PassphraseSource,
    /// Listen here instead of at service.listen of fabric.toml; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let state = arguments.state.path();
    // Before anybody is asked for a passphrase.
    let configuration = Configuration::read(state)?;
    let delegate = unlock(arguments, &configuration)?;
    let logging = Logging::start(state, &configuration.service)
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Refused(format!("the system gives us no threads: {error}")))?;
    let served = runtime.block_on(async {
        let orders = orders().map_err(|error| {
            Failure::Refused(format!("the system tells us of no signals: {error}"))
        })?;
        let start = Start {
            state: state.to_owned(),
            delegate,
            seams: Seams {
                compiler: Some(compiler::program()?),
                ..Seams::live().map_err(|error| Failure::Refused(error.to_string()))?
            },
            listen: arguments.listen,
            logging: Some(logging),
        };
        let ready = |ready: &Ready| announce(arguments, ready, output);
        serve(start, orders, ready)
            .await
            .map_err(|error| refused(error, arguments))
    });
    runtime.shutdown_timeout(LAST_MOMENT);
    served.map(|_| ())
}

/// Why the service does not run; if another one does, which.
fn refused(error: ServeError, arguments: &Arguments) -> Failure {
    let in_use = matches!(
        error,
        ServeError::Fabric(FabricError::Journal(JournalError::InUse(_)))
    );
    let state = arguments.state.path();
    if in_use
        && let Ok(text) = fs::read_to_string(address_path(state))
        && let Ok(address) = serde_json::from_str::<Address>(&text)
    {
        return Failure::Refused(format!(
            "process {} serves {} already at {}; stop it, or name another state folder with --state",
            address.pid,
            state.display(),
            address.url
        ));
    }
    error.into()
}

/// Every key that the host itself signs with. Counterparties' keys may lie in the same folder; the
/// service has no business with them.
fn unlock(
    arguments: &Arguments,
    configuration: &Configuration,
) -> Result<SignatureDelegate, Failure> {
    let vault = arguments.state.vault()?;
    let keys = vault.list()?;
    let attestation = &configuration.fabric.attestation_key;
    if !keys.iter().any(|key| key.name.as_str() == attestation) {
        return Err(Failure::Usage(format!(
            "there is no key `{attestation}`, which fabric.attestation-key of {} names; make it \
             with `cryptlet key new {attestation} --purpose attestation`",
            Configuration::path(arguments.state.path()).display()
        )));
    }
    let passphrase = arguments.passphrase.ask("the keys of this host")?;
    for key in keys {
        if !matches!(key.purpose, Purpose::Counterparty | Purpose::Witness) {
            vault.unlock(&key.name, &passphrase)?;
        }
    }
    Ok(vault.delegate())
}

fn announce(arguments: &Arguments, ready: &Ready, output: &mut impl Write) {
    let state = arguments.state.path();
    let token = if ready.made_token {
        let path = tokens::operator_token_path(state);
        format!("; the operator's token is in {}", path.display())
    } else {
        String::new()
    };
    let line = format!(
        "serving {} at {}; ask with `cryptlet status`, stop with Ctrl-C{token}",
        state.display(),
        ready.address.url
    );
    // A service goes on when nobody reads its output any more.
    let _ = writeln!(output, "{}", printable(&line)).and_then(|()| output.flush());
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Configuration(error) => error.into(),
            ServeError::Remote(_) => Self::Usage(error.to_string()),
            error => Self::Refused(error.to_string()),
        }
    }
}

impl From<ConfigurationError> for Failure {
    fn from(error: ConfigurationError) -> Self {
        Self::Usage(error.to_string())
    }
}
