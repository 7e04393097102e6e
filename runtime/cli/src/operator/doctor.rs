//! `cryptlet doctor`: what keeps this machine from hosting cryptlets, and what to do about it.

mod host;
mod ledger;
mod log;
mod service;

use std::io::Write;

use clap::Args;
use cryptlet_fabric::{Configuration, ConfigurationError};
use serde::Serialize;
use utoipa::ToSchema;

use super::client::Connection;
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{BAD, Cell, FAINT, GOOD, Table, count, progress};

const EXAMPLES: &str = "\
Examples:
  cryptlet doctor
  cryptlet doctor --offline
  cryptlet doctor --state /var/lib/cryptlet --json

The nodes of all ledgers are asked over the network, unless --offline is given. What witnesses said
last is the running service's to tell.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    service: Connection,
    /// Ask no node.
    #[arg(long)]
    offline: bool,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at, as `cryptlet doctor --json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was looked at.
    name: String,
    /// How it is.
    result: Verdict,
    /// What was found.
    finding: String,
    /// What helps, unless all is well.
    remedy: Option<String>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Worth a look; it keeps nothing from working now.
    Warning,
    /// It keeps something from working.
    Failed,
}

impl Check {
    fn ok(name: impl Into<String>, finding: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            result: Verdict::Ok,
            finding: finding.into(),
            remedy: None,
        }
    }

    fn warning(
        name: impl Into<String>,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            result: Verdict::Warning,
            remedy: Some(remedy.into()),
            ..Self::ok(name, finding)
        }
    }

    fn failed(
        name: impl Into<String>,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            result: Verdict::Failed,
            ..Self::warning(name, finding, remedy)
        }
    }
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let waiting = progress("examining");
    let checks = examine(arguments);
    drop(waiting);
    if arguments.json {
        json(&checks, output)?;
    } else {
        print(&checks, output)?;
    }
    let failed = checks
        .iter()
        .filter(|check| check.result == Verdict::Failed)
        .count();
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Refused(format!(
            "{failed} of {} failed; the remedies stand beside them",
            count(checks.len(), "check")
        ))),
    }
}

fn examine(arguments: &Arguments) -> Vec<Check> {
    let state = &arguments.service.state;
    let mut checks = vec![host::toolchain()];
    checks.extend(host::state_folder(state));
    if state.path().is_dir() {
        checks.push(host::disk(state.path()));
    }
    match Configuration::read(state.path()) {
        Ok(configuration) => {
            let ledgers = count(configuration.ledgers.len(), "ledger");
            checks.push(Check::ok(
                "configuration",
                format!("log {}, {ledgers}", configuration.fabric.origin),
            ));
            checks.extend(host::keys(state, &configuration));
            checks.extend(log::published(state, &configuration));
            if !arguments.offline {
                checks.extend(log::witnesses(&arguments.service, &configuration));
            }
            if !arguments.offline {
                checks.extend(ledger::examine(state, &configuration));
            }
        }
        Err(ConfigurationError::Read { path, source }) => checks.push(Check::failed(
            "configuration",
            format!("cannot read {}: {source}", path.display()),
            format!("write one with `{}`", state.command("config init")),
        )),
        Err(error) => checks.push(Check::failed(
            "configuration",
            error.to_string(),
            "correct it, then look again with `cryptlet config check`",
        )),
    }
    checks.push(service::examine(&arguments.service));
    checks
}

fn print(checks: &[Check], output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new(["CHECK", "RESULT", "FINDING"]);
    for check in checks {
        let result = match check.result {
            Verdict::Ok => Cell::from("ok").styled(GOOD),
            Verdict::Warning => Cell::from("warning").styled(FAINT),
            Verdict::Failed => Cell::from("failed").styled(BAD),
        };
        table.row([(&check.name).into(), result, (&check.finding).into()]);
        if let Some(remedy) = &check.remedy {
            table.note(&format!("remedy: {remedy}"));
        }
    }
    table.print(output)?;
    Ok(())
}
