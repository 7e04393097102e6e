//! `cryptlet witness`: a witness of hosts' logs.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use cryptlet_attest::TrustedKey;
use cryptlet_fabric::{Service, SystemClock};
use cryptlet_service::logging::Logging;
use cryptlet_service::orders;
use cryptlet_service::witness::{self, Start, Witness, WitnessError};

use crate::failure::Failure;
use crate::key::GuessingCost;
use crate::passphrase::PassphraseSource;
use crate::terminal::{printable, progress};

const INIT_EXAMPLES: &str = "\
Examples:
  cryptlet witness init --at /var/lib/witness --name witness.acme.example/w1
  cryptlet witness init --at witness --name acme --passphrase-file witness.passphrase

It prints the witness' key, which hosts name in `witnesses` of [log] and auditors trust.";

const ADD_LOG_EXAMPLES: &str = "\
Examples:
  cryptlet witness add-log /var/lib/witness \"$(cat host.key)\"
  cryptlet witness add-log witness fabric.example.com/log+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW

A host's key is what `cryptlet status` calls the key that auditors trust. Have it from the host's
operator, not from the log. A witness that runs takes it over at once.";

const KEY_EXAMPLES: &str = "\
Examples:
  cryptlet witness key /var/lib/witness
  cryptlet witness key witness > witness.key";

const SERVE_EXAMPLES: &str = "\
Examples:
  cryptlet witness serve /var/lib/witness --passphrase-file /run/secrets/witness
  cryptlet witness serve witness --listen 0.0.0.0:7420
  cryptlet witness serve witness --listen 127.0.0.1:0

Never let two copies of one witness' folder run, nor an older copy: a witness that forgets what it
has cosigned is none.";

#[derive(Subcommand)]
pub enum Command {
    /// Make a witness' folder, with a key of its own.
    Init(Init),
    /// Cosign the checkpoints of one more log.
    AddLog(AddLog),
    /// Print the key, as hosts and auditors need it.
    Key(Key),
    /// Answer hosts that ask for cosignatures, until told to stop.
    Serve(Serve),
}

#[derive(Args)]
#[command(after_help = INIT_EXAMPLES)]
pub struct Init {
    /// The new folder.
    #[arg(long, value_name = "DIR")]
    at: PathBuf,
    /// What others shall know it by: a name of yours without spaces and plus signs.
    #[arg(long)]
    name: String,
    /// How dear it is to guess the passphrase; `light` is for throw-away keys.
    #[arg(long, value_enum, default_value_t = GuessingCost::Standard)]
    cost: GuessingCost,
    #[command(flatten)]
    passphrase: PassphraseSource,
}

#[derive(Args)]
#[command(after_help = ADD_LOG_EXAMPLES)]
pub struct AddLog {
    /// The witness' folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The log's key, `name+id+key`.
    #[arg(value_name = "KEY")]
    log: TrustedKey,
}

#[derive(Args)]
#[command(after_help = KEY_EXAMPLES)]
pub struct Key {
    /// The witness' folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct Serve {
    /// The witness' folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Address and port to listen on; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7420")]
    listen: SocketAddr,
    #[command(flatten)]
    passphrase: PassphraseSource,
}

pub fn run(command: &Command, output: &mut impl Write) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init(arguments, output),
        Command::AddLog(arguments) => add_log(arguments, output),
        Command::Key(arguments) => {
            let witness = Witness::open(&arguments.folder)?;
            writeln!(output, "{}", witness.key())?;
            Ok(())
        }
        Command::Serve(arguments) => serve(arguments, output),
    }
}

fn init(arguments: &Init, output: &mut impl Write) -> Result<(), Failure> {
    Witness::check_new(&arguments.at, &arguments.name)?;
    let passphrase = arguments.passphrase.choose("the witness' key")?;
    let waiting = progress(format!("making witness {}", arguments.name));
    let made = Witness::create(
        &arguments.at,
        &arguments.name,
        &passphrase,
        arguments.cost.into(),
    );
    drop(waiting);
    writeln!(output, "{}", made?.key())?;
    Ok(())
}

fn add_log(arguments: &AddLog, output: &mut impl Write) -> Result<(), Failure> {
    Witness::open(&arguments.folder)?.watch(&arguments.log)?;
    writeln!(output, "watches {}", arguments.log.identity())?;
    Ok(())
}

fn serve(arguments: &Serve, output: &mut impl Write) -> Result<(), Failure> {
    let witness = Witness::open(&arguments.folder)?;
    let delegate = witness.unlock(&arguments.passphrase.ask("the witness' key")?)?;
    let _logging = Logging::start(&arguments.folder, &Service::default())
        .map_err(|error| Failure::Refused(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Refused(format!("the system gives us no threads: {error}")))?;
    runtime.block_on(async {
        let orders = orders().map_err(|error| {
            Failure::Refused(format!("the system tells us of no signals: {error}"))
        })?;
        let start = Start {
            witness,
            delegate,
            listen: arguments.listen,
            clock: Arc::new(SystemClock),
        };
        let ready = |address| announce(&arguments.folder, address, output);
        witness::serve(start, orders, ready)
            .await
            .map_err(Failure::from)
    })
}

fn announce(folder: &Path, address: SocketAddr, output: &mut impl Write) {
    let line = format!(
        "witness {} at http://{address}; stop with Ctrl-C",
        folder.display()
    );
    // A witness goes on when nobody reads its output any more.
    let _ = writeln!(output, "{}", printable(&line)).and_then(|()| output.flush());
}

impl From<WitnessError> for Failure {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::Missing(_) | WitnessError::Key(_) => Self::Usage(error.to_string()),
            WitnessError::Vault(error) => error.into(),
            error => Self::Refused(error.to_string()),
        }
    }
}
