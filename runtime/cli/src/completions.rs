//! `cryptlet completions`.

use std::io::Write;

use clap::Args;
use clap_complete::{Shell, generate};

use crate::failure::Failure;
use crate::grammar;

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet completions bash > ~/.local/share/bash-completion/completions/cryptlet
  cryptlet completions zsh > ~/.zfunc/_cryptlet
  cryptlet completions fish > ~/.config/fish/completions/cryptlet.fish")]
pub struct Arguments {
    /// The shell that reads the script.
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let mut command = grammar::command();
    let name = command.get_name().to_owned();
    // Into memory first: clap would panic when nobody reads the output.
    let mut script = Vec::new();
    generate(arguments.shell, &mut command, name, &mut script);
    output.write_all(&script)?;
    Ok(())
}
