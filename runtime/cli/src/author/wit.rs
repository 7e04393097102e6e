//! `cryptlet wit`: what toolchains of other languages build a component against.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use cryptlet_build::WORLD;

use super::project::{Choice, Project};
use crate::failure::Failure;
use crate::terminal::printable;

#[derive(Args)]
#[command(after_help = "Examples:
    cryptlet wit target/wit
    cryptlet wit --manifest-path cryptlets/day-count-py/cryptlet.toml target/wit")]
pub struct Arguments {
    /// Where the package goes; made if it is not there.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The project's manifest; without it, `cryptlet.toml` here or in a folder above.
    #[arg(long, value_name = "FILE")]
    manifest_path: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let project = Project::find(&Choice {
        manifest_path: arguments.manifest_path.clone(),
        ..Choice::default()
    })?;
    project.write_wit(&arguments.folder)?;
    writeln!(
        output,
        "world `{WORLD}` lies in {}; build the component for it, and then \
         `cryptlet build --component FILE`",
        printable(&super::shown(&arguments.folder))
    )?;
    Ok(())
}
