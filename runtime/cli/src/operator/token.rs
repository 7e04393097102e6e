//! `cryptlet token`: who may use the service's API.

use std::io::{self, IsTerminal, Write};

use clap::{Args, Subcommand};
use cryptlet_service::tokens::{self, Role, TokenError, TokenInfo, TokenName};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::listing::json;
use crate::state::StateFolder;
use crate::terminal::{Table, instant, printable};

const NEW_EXAMPLES: &str = "\
Examples:
  cryptlet token new billing --role caller > billing.token
  cryptlet token new regulator --role auditor --json

The token is shown this once. A running service takes it at once.";

const LIST_EXAMPLES: &str = "\
Examples:
  cryptlet token ls
  cryptlet token ls --state /var/lib/cryptlet --json";

const REVOKE_EXAMPLES: &str = "\
Examples:
  cryptlet token revoke billing

A running service refuses the token at once.";

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a token, and print it this once.
    New(New),
    /// List tokens by name; the tokens themselves are nowhere.
    Ls(List),
    /// Make a token worthless.
    Revoke(Revoke),
}

#[derive(Args)]
#[command(after_help = NEW_EXAMPLES)]
struct New {
    /// Whose it is; stands in receipts as the sender of a message.
    name: TokenName,
    /// What its holder may do: auditor (read), caller (send messages, too) or operator (all).
    #[arg(long)]
    role: Role,
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = LIST_EXAMPLES)]
struct List {
    #[command(flatten)]
    state: StateFolder,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = REVOKE_EXAMPLES)]
struct Revoke {
    /// The token's name.
    name: TokenName,
    #[command(flatten)]
    state: StateFolder,
}

/// A new token as `cryptlet token new --json` prints it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NewToken {
    /// What it is known by.
    name: TokenName,
    /// What its holder may do.
    role: Role,
    /// What goes into an `Authorization: Bearer` header.
    token: String,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    match &arguments.command {
        Command::New(arguments) => make(arguments, output),
        Command::Ls(arguments) => list(arguments, output),
        Command::Revoke(arguments) => revoke(arguments, output),
    }
}

fn make(arguments: &New, output: &mut impl Write) -> Result<(), Failure> {
    let state = arguments.state.existing()?;
    let token = tokens::make(state, &arguments.name, arguments.role)?;
    if arguments.json {
        let made = NewToken {
            name: arguments.name.clone(),
            role: arguments.role,
            token: token.reveal().to_owned(),
        };
        return json(&made, output);
    }
    writeln!(output, "{}", token.reveal())?;
    if io::stderr().is_terminal() {
        eprintln!("Keep it in a file that only its holder can read: it is not shown again.");
    }
    Ok(())
}

fn list(arguments: &List, output: &mut impl Write) -> Result<(), Failure> {
    let tokens: Vec<TokenInfo> = tokens::list(arguments.state.existing()?)?;
    if arguments.json {
        return json(&tokens, output);
    }
    if tokens.is_empty() {
        let make = arguments.state.command("token new");
        eprintln!(
            "no token is made yet but the operator's own; make one with `{}`",
            printable(&make)
        );
        return Ok(());
    }
    let mut table = Table::new(["NAME", "ROLE", "MADE"]);
    for token in &tokens {
        table.row([
            token.name.to_string().into(),
            token.role.to_string().into(),
            instant(token.made_at).into(),
        ]);
    }
    table.print(output)?;
    Ok(())
}

fn revoke(arguments: &Revoke, output: &mut impl Write) -> Result<(), Failure> {
    tokens::revoke(arguments.state.existing()?, &arguments.name)?;
    writeln!(
        output,
        "{} opens nothing any more",
        printable(arguments.name.as_str())
    )?;
    Ok(())
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Name(_) | TokenError::Role(_) | TokenError::Unknown(_) => {
                Self::Usage(error.to_string())
            }
            error => Self::Refused(error.to_string()),
        }
    }
}
