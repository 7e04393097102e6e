//! `cryptlet audit receipt`: everything here is decided by `cryptlet_attest` alone, from files; no host
//! is asked and no network is used.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::{Doubt, MAXIMUM_RECEIPT, Measurement, TrustedKey, Verdict};
use serde::Serialize;

use crate::failure::Failure;
use crate::terminal::printable;

#[derive(Args)]
pub struct Arguments {
    /// The receipt, a file that ends in `.receipt`.
    file: PathBuf,
    /// Key of the log, written `name+id+key` as its operator publishes it; may be repeated.
    #[arg(long, value_name = "KEY", required = true)]
    trust: Vec<TrustedKey>,
    /// What should have run, as `cryptlet measure` or `b3sum` prints it.
    #[arg(long, value_name = "MEASUREMENT")]
    expect_measurement: Measurement,
    /// Print the verdict, or the doubt, as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(receipt: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let file = receipt.file.display();
    let bytes = read(&receipt.file)
        .map_err(|error| Failure::Usage(format!("cannot read {file}: {error}")))?;
    let result = cryptlet_attest::verify(&bytes, &receipt.trust, Some(&receipt.expect_measurement));
    if receipt.json {
        print_json(&result, output)?;
    } else if let Ok(verdict) = &result {
        print_claims(verdict, output)?;
    }
    match result {
        Ok(_) => Ok(()),
        Err(doubt) => Err(Failure::Refused(format!(
            "{file} is not verified ({}): {doubt}",
            doubt.name()
        ))),
    }
}

/// Reads no more than shows that the file is too long for a receipt.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(MAXIMUM_RECEIPT as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn print_claims(verdict: &Verdict, output: &mut impl Write) -> Result<(), Failure> {
    writeln!(output, "verified")?;
    for claim in &verdict.claims {
        writeln!(output)?;
        writeln!(output, "{}: {}", claim.name, printable(&claim.says))?;
        let basis = claim.rests_on.to_string();
        writeln!(output, "  rests on: {}", printable(&basis))?;
    }
    Ok(())
}

/// The JSON of `--json`: a verdict if the receipt is verified, else a doubt.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Verified {
        verified: bool,
        verdict: &'a Verdict,
    },
    Doubtful {
        verified: bool,
        doubt: ShownDoubt,
    },
}

#[derive(Serialize)]
struct ShownDoubt {
    name: &'static str,
    says: String,
}

fn print_json(result: &Result<Verdict, Doubt>, output: &mut impl Write) -> Result<(), Failure> {
    let shown = match result {
        Ok(verdict) => Shown::Verified {
            verified: true,
            verdict,
        },
        Err(doubt) => Shown::Doubtful {
            verified: false,
            doubt: ShownDoubt {
                name: doubt.name(),
                says: doubt.to_string(),
            },
        },
    };
    let text = serde_json::to_string_pretty(&shown)
        .map_err(|error| Failure::Refused(format!("cannot write the verdict as JSON: {error}")))?;
    writeln!(output, "{text}")?;
    Ok(())
}
