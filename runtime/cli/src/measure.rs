//! `cryptlet measure`: what a binding and a receipt call a component.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::Measurement;
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::listing::json;

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet measure target/cryptlets/rates.wasm
  cryptlet measure --json *.wasm
  curl -s https://example.org/rates.wasm | cryptlet measure -")]
pub struct Arguments {
    /// Component files; `-` is the standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// One file, as `--json` shows it.
#[derive(Serialize, ToSchema)]
pub struct MeasuredFile {
    /// The file, as it was named.
    file: String,
    /// Its measurement: 64 hex digits.
    measurement: String,
}

/// Prints a line for each file that can be read, then says which cannot.
pub fn run(arguments: Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let mut measured = Vec::new();
    let mut unreadable = Vec::new();
    for file in &arguments.files {
        match read(file) {
            Ok(bytes) if arguments.json => measured.push(MeasuredFile {
                file: file.to_string_lossy().into_owned(),
                measurement: Measurement::of(&bytes).to_string(),
            }),
            Ok(bytes) => writeln!(output, "{}", line(&Measurement::of(&bytes), file))?,
            Err(error) => unreadable.push(Failure::unreadable(file, &error).to_string()),
        }
    }
    if arguments.json {
        json(&measured, output)?;
    }
    if unreadable.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(unreadable.join("; ")))
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        Ok(bytes)
    } else {
        fs::read(file)
    }
}

/// The line that `b3sum` prints. A name with a backslash or a line break is
/// escaped and marked by a leading backslash, so that each file has one line.
fn line(measurement: &Measurement, file: &Path) -> String {
    let name = file.to_string_lossy();
    if name.contains(['\\', '\n']) {
        let escaped = name.replace('\\', "\\\\").replace('\n', "\\n");
        format!("\\{measurement}  {escaped}")
    } else {
        format!("{measurement}  {name}")
    }
}
