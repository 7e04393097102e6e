//! `cryptlet versions`: where each version of a binding's cryptlet stands, and how it came there;
//! from the journal, so that no service has to run.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use cryptlet_attest::BindingId;
use cryptlet_fabric::journal::Journal;
use cryptlet_service::api::{BindingVersions, StandingVersion, VersionMoved};

use super::moves::percent;
use crate::failure::Failure;
use crate::listing::{check_binding, json};
use crate::state::StateFolder;
use crate::terminal::{HEADING, Table, instant, printable};

/// Between two looks for new moves.
const PAUSE: Duration = Duration::from_millis(250);
/// Moves that are read at once.
const READ_AT_ONCE: u32 = 1_000;

const EXAMPLES: &str = "\
Examples:
  cryptlet versions acme-globex-swap
  cryptlet versions acme-globex-swap --follow
  cryptlet versions acme-globex-swap --json | jq '.versions[] | select(.stage == \"active\")'";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The binding's name.
    binding: String,
    #[command(flatten)]
    state: StateFolder,
    /// Go on with the moves that are made from now on, until interrupted.
    #[arg(long, short)]
    follow: bool,
    /// Print JSON; with --follow, each move on a line of its own after that.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let journal = arguments.state.journal()?;
    check_binding(&journal, &arguments.binding)?;
    let Some(row) = journal.binding(&arguments.binding)? else {
        return Ok(());
    };
    let id = row.document.id();
    let view = BindingVersions {
        binding: arguments.binding.clone(),
        versions: journal.stages(&id)?.into_iter().map(Into::into).collect(),
        moves: journal
            .version_moves(&id)?
            .into_iter()
            .map(Into::into)
            .collect(),
    };
    if arguments.json {
        json(&view, output)?;
    } else {
        print(&view, output)?;
    }
    if arguments.follow {
        let next = view.moves.last().map_or(0, |moved| moved.ordinal + 1);
        follow(&journal, &id, next, arguments.json, output)?;
    }
    Ok(())
}

fn print(view: &BindingVersions, output: &mut impl Write) -> Result<(), Failure> {
    let mut table = Table::new(["VERSION", "STAGE", "SINCE", "MEASUREMENT"]);
    for version in &view.versions {
        table.row([
            (&version.version).into(),
            stage(version).into(),
            instant(version.since).into(),
            (&version.measurement).into(),
        ]);
    }
    table.print(output)?;
    writeln!(output)?;
    writeln!(output, "{HEADING}MOVES{HEADING:#}")?;
    view.moves
        .iter()
        .try_for_each(|moved| print_move(moved, output))
}

fn stage(version: &StandingVersion) -> String {
    match version.share {
        Some(share) => format!("{} {}", version.stage, percent(share)),
        None => version.stage.clone(),
    }
}

fn print_move(moved: &VersionMoved, output: &mut impl Write) -> Result<(), Failure> {
    let share = moved.share.map(|share| format!(" {}", percent(share)));
    writeln!(
        output,
        "{}  {} {}{} by {}: {}",
        instant(moved.at),
        printable(&moved.version),
        printable(&moved.kind),
        share.unwrap_or_default(),
        printable(&moved.by),
        printable(&moved.reason)
    )?;
    Ok(())
}

fn follow(
    journal: &Journal,
    binding: &BindingId,
    mut next: u64,
    as_json: bool,
    output: &mut impl Write,
) -> Result<(), Failure> {
    loop {
        output.flush()?;
        let moves = journal.version_moves_from(binding, next, READ_AT_ONCE)?;
        if moves.is_empty() {
            std::thread::sleep(PAUSE);
        }
        for moved in moves {
            next = moved.ordinal + 1;
            let moved = VersionMoved::from(moved);
            if as_json {
                let line = serde_json::to_string(&moved)
                    .expect("it is made of strings and numbers, which have a JSON form");
                writeln!(output, "{line}")?;
            } else {
                print_move(&moved, output)?;
            }
        }
    }
}
