//! `cryptlet promote`: another version takes over, without a pause.

use std::io::Write;

use clap::Args;
use cryptlet_service::api::{ActiveVersion, Promotion};
use reqwest::Method;

use super::client::{CHANGE, Connection};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::printable;

const EXAMPLES: &str = "\
Examples:
  cryptlet promote acme-globex-swap 1.1.0 --reason 'fixes the day count'
  cryptlet promote acme-globex-swap 1.1.0 --reason 'agreed on 3 March' --json";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The version that new invocations shall run on; those accepted before run as they would have.
    version: semver::Version,
    /// Why, in one line: the log keeps it beside the name of your token.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    service: Connection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let client = arguments.service.open()?;
    let promotion = Promotion {
        version: arguments.version.to_string(),
        reason: arguments.reason.clone(),
    };
    let request = client
        .request(Method::POST, &["bindings", &arguments.binding, "promote"])
        .timeout(CHANGE)
        .json(&promotion);
    let active: ActiveVersion = client.send(request)?.read()?;
    print(&active, arguments.json, output)
}

/// Says which version is active now; rollbacks say the same.
pub fn print(
    active: &ActiveVersion,
    as_json: bool,
    output: &mut impl Write,
) -> Result<(), Failure> {
    if as_json {
        return json(active, output);
    }
    writeln!(
        output,
        "{} runs {} from here on",
        printable(&active.binding),
        printable(&active.active)
    )?;
    Ok(())
}
