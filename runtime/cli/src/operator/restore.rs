//! `cryptlet restore`: a state folder from a backup.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_fabric::backup;

use super::backup::BackupView;
use crate::failure::Failure;
use crate::listing::json;
use crate::state::StateFolder;
use crate::terminal::{printable, progress};

const EXAMPLES: &str = "\
Examples:
  cryptlet restore fabric-monday.tar
  cryptlet restore fabric-monday.tar --state /var/lib/cryptlet

Let no two hosts run on copies of one state folder: both would sign the same log. What happened
after the backup is lost here, but not on the ledgers: compare the log's size with the newest
checkpoint that was published, then remove restored.toml from the folder to let it run.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    state: StateFolder,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let state = arguments.state.path();
    let waiting = progress(format!("checking {}", arguments.file.display()));
    let restored = BackupView::from(backup::restore(&arguments.file, state)?);
    drop(waiting);
    if arguments.json {
        return json(&restored, output);
    }
    writeln!(
        output,
        "{} is restored: {}",
        printable(&state.display().to_string()),
        restored.summary()
    )?;
    writeln!(
        output,
        "it runs once you have removed {}, which says what to compare first",
        printable(&state.join(backup::RESTORED).display().to_string())
    )?;
    writeln!(
        output,
        "next: {}",
        printable(&arguments.state.command("serve"))
    )?;
    Ok(())
}
