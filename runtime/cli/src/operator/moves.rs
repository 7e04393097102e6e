//! `cryptlet canary`, `withdraw` and `retire`: moves of a version from one stage to another.

use std::io::Write;
use std::str::FromStr;

use clap::{Args, Subcommand};
use cryptlet_service::api::{Canary, CanaryBounds, CanaryFigures, Decided, StandingVersion};
use reqwest::Method;
use serde::Serialize;

use super::client::{CHANGE, Connection};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{Table, printable};

/// How `cryptlet canary` is used.
pub const CANARY_EXAMPLES: &str = "\
Examples:
  cryptlet canary acme-quotes 1.1.0 --share 5% --reason 'first look'
  cryptlet canary acme-quotes 1.1.0 --share 25% --reason 'a day without failures'
  cryptlet canary acme-quotes 1.1.0 --share 5% --max-errors 0% --max-fuel 120% --reason 'first look'
  cryptlet canary show acme-quotes";

/// How `cryptlet withdraw` is used.
pub const WITHDRAW_EXAMPLES: &str = "\
Examples:
  cryptlet withdraw acme-quotes 1.1.0 --reason 'fails on empty quarters'
  cryptlet withdraw acme-quotes 1.1.0 --reason 'enough seen' --json";

/// How `cryptlet retire` is used.
pub const RETIRE_EXAMPLES: &str = "\
Examples:
  cryptlet retire acme-globex-swap 1.0.0 --reason 'replaced a quarter ago'
  cryptlet retire acme-globex-swap 1.0.0 --reason 'never worked' --json";

/// Which version is moved, and why.
#[derive(Args)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    /// The version, as `cryptlet versions` shows it.
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

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct CanaryArguments {
    #[command(subcommand)]
    command: Option<CanaryCommand>,
    /// The binding's name.
    #[arg(required = true)]
    binding: Option<String>,
    /// The version, as `cryptlet versions` shows it.
    #[arg(required = true)]
    version: Option<semver::Version>,
    /// How much of the new invocations it gets, such as 5% or 0.5%.
    #[arg(long, value_name = "PERCENT", required = true)]
    share: Option<Share>,
    /// Withdraw it when so much more of its runs fail than of the active version's.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = errors)]
    max_errors: u16,
    /// Withdraw it when its mean fuel is beyond so much of the active version's.
    #[arg(long, value_name = "PERCENT", default_value = "200%", value_parser = whole_percent)]
    max_fuel: u32,
    /// Withdraw it when its median time is beyond so much of the active version's.
    #[arg(long, value_name = "PERCENT", default_value = "300%", value_parser = whole_percent)]
    max_latency: u32,
    /// Judge it after so many runs.
    #[arg(long, value_name = "RUNS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    least_runs: u32,
    /// Why, in one line: the log keeps it beside the name of your token.
    #[arg(long, value_name = "TEXT", required = true)]
    reason: Option<String>,
    #[command(flatten)]
    service: Connection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum CanaryCommand {
    /// Show how a binding's canary does beside the active version.
    Show(ShowCanary),
}

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet canary show acme-quotes
  cryptlet canary show acme-quotes --json")]
struct ShowCanary {
    /// The binding's name.
    binding: String,
    #[command(flatten)]
    service: Connection,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A share of invocations in thousandths, which people write in per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u16);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unusable = || format!("{text} is no share; write it like 5% or 0.5%, up to 100%");
        let number = text.strip_suffix('%').ok_or_else(unusable)?.trim_end();
        let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
        if !digits(whole) || !digits(tenth) || tenth.len() > 1 {
            return Err(unusable());
        }
        let whole: u16 = whole.parse().map_err(|_| unusable())?;
        let tenth: u16 = tenth.parse().map_err(|_| unusable())?;
        let thousandths = whole
            .checked_mul(10)
            .and_then(|share| share.checked_add(tenth));
        thousandths
            .filter(|share| (1..=1_000).contains(share))
            .map(Self)
            .ok_or_else(unusable)
    }
}

/// Thousandths as people write them.
pub fn percent(share: u16) -> String {
    match share % 10 {
        0 => format!("{}%", share / 10),
        tenth => format!("{}.{tenth}%", share / 10),
    }
}

pub fn canary(arguments: &CanaryArguments, output: &mut impl Write) -> Result<(), Failure> {
    if let Some(CanaryCommand::Show(wanted)) = &arguments.command {
        return show(wanted, output);
    }
    let required = "clap has asked for it";
    let body = Canary {
        share: arguments.share.expect(required).0,
        reason: arguments.reason.clone().expect(required),
        bounds: CanaryBounds {
            max_errors: arguments.max_errors,
            max_fuel: arguments.max_fuel,
            max_latency: arguments.max_latency,
            least_runs: arguments.least_runs,
        },
    };
    let moving = Moving {
        binding: arguments.binding.as_deref().expect(required),
        version: arguments.version.as_ref().expect(required),
        service: &arguments.service,
        json: arguments.json,
    };
    moving.make("canary", &body, output)
}

fn show(wanted: &ShowCanary, output: &mut impl Write) -> Result<(), Failure> {
    let client = wanted.service.open()?;
    let figures: CanaryFigures = client.get(&["bindings", &wanted.binding, "canary"])?;
    if wanted.json {
        return json(&figures, output);
    }
    let mut table = Table::new(["VERSION", "STAGE", "RUNS", "FAILED", "FUEL", "MICROSECONDS"]);
    let canary = format!("canary {}", percent(figures.share));
    for (version, stage, runs) in [
        (&figures.active, "active", &figures.of_active),
        (&figures.version, &*canary, &figures.of_canary),
    ] {
        table.row([
            printable(version).into(),
            stage.into(),
            runs.runs.to_string().into(),
            runs.failed.to_string().into(),
            runs.fuel.to_string().into(),
            runs.microseconds
                .map_or_else(|| "-".into(), |micros| micros.to_string().into()),
        ]);
    }
    table.print(output)?;
    let CanaryBounds {
        max_errors,
        max_fuel,
        max_latency,
        least_runs,
    } = figures.bounds;
    writeln!(
        output,
        "withdrawn after {least_runs} runs if {} more fail, or if it takes beyond {max_fuel}% of the fuel or {max_latency}% of the time",
        percent(max_errors)
    )?;
    Ok(())
}

pub fn withdraw(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    arguments.make("withdraw", output)
}

pub fn retire(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    arguments.make("retire", output)
}

impl Arguments {
    fn make(&self, what: &str, output: &mut impl Write) -> Result<(), Failure> {
        let moving = Moving {
            binding: &self.binding,
            version: &self.version,
            service: &self.service,
            json: self.json,
        };
        let decided = Decided {
            reason: self.reason.clone(),
        };
        moving.make(what, &decided, output)
    }
}

/// A version that is to be moved.
struct Moving<'a> {
    binding: &'a str,
    version: &'a semver::Version,
    service: &'a Connection,
    json: bool,
}

impl Moving<'_> {
    fn make(
        &self,
        what: &str,
        body: &impl Serialize,
        output: &mut impl Write,
    ) -> Result<(), Failure> {
        let client = self.service.open()?;
        let version = self.version.to_string();
        let path = ["bindings", self.binding, "versions", &version, what];
        let request = client
            .request(Method::POST, &path)
            .timeout(CHANGE)
            .json(body);
        let standing: StandingVersion = client.send(request)?.read()?;
        if self.json {
            return json(&standing, output);
        }
        let share = standing.share.map(|share| {
            let share = percent(share);
            format!(" with {share} of the new invocations")
        });
        writeln!(
            output,
            "{} of {} is {} from here on{}",
            printable(&standing.version),
            printable(self.binding),
            printable(&standing.stage),
            share.unwrap_or_default()
        )?;
        Ok(())
    }
}

/// Runs that may fail, in thousandths; unlike a share it may be none.
fn errors(text: &str) -> Result<u16, String> {
    match text {
        "0%" => Ok(0),
        _ => text.parse().map(|Share(thousandths)| thousandths),
    }
}

/// A multiple of the active version's figure, such as 150%.
fn whole_percent(text: &str) -> Result<u32, String> {
    text.strip_suffix('%')
        .filter(|digits| digits.bytes().all(|it| it.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("{text} is no percentage; write it like 150%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_in_per_cent() {
        for (text, share) in [("5%", 50), ("0.5%", 5), ("100%", 1_000), ("12.3 %", 123)] {
            assert_eq!(text.parse(), Ok(Share(share)), "{text}");
        }
        for text in [
            "5", "%", "0%", "100.1%", "0.55%", ".5%", "-1%", "1e1%", "6554%",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn bounds_are_written_in_per_cent() {
        assert_eq!(errors("0%"), Ok(0));
        assert_eq!(errors("5%"), Ok(50));
        assert_eq!(whole_percent("150%"), Ok(150));
        for text in ["", "%", "150", "-1%", "1.5%", "99999999999%"] {
            assert!(whole_percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_is_read_as_it_is_shown() {
        for share in 1..=1_000 {
            assert_eq!(percent(share).parse(), Ok(Share(share)));
        }
    }
}
