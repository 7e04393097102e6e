//! What audits show alike: claims on paper and as JSON.

use std::io::Write;

use cryptlet_attest::{Checkpoint, Claim};
use serde::Serialize;
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::terminal::{FAINT, HEADING, printable};

/// One thing that may be said, why, and what would show that it is false.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownClaim {
    /// A stable name.
    name: &'static str,
    /// The claim.
    says: String,
    /// Why one should believe it.
    rests_on: ShownBasis,
    /// What would show that it is false.
    broken_by: &'static str,
}

/// Why a claim should be believed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownBasis {
    /// `computed`, `signature`, `node`, `host-until-replayed` or `host`.
    basis: &'static str,
    /// The same in words.
    says: String,
}

/// A checkpoint that a trusted key has signed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShownCheckpoint {
    /// The log's name.
    origin: String,
    /// How many entries the log had.
    size: u64,
    /// The root of its tree, in hexadecimal digits.
    root: String,
    /// The trusted key that signed, as `name+id`.
    signer: String,
}

impl From<&Claim> for ShownClaim {
    fn from(claim: &Claim) -> Self {
        Self {
            name: claim.name,
            says: claim.says.clone(),
            rests_on: ShownBasis {
                basis: claim.rests_on.name(),
                says: claim.rests_on.to_string(),
            },
            broken_by: claim.broken_by,
        }
    }
}

impl From<&Checkpoint> for ShownCheckpoint {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: checkpoint.root.to_string(),
            signer: checkpoint.signer.clone(),
        }
    }
}

/// The claims in JSON's form.
pub fn shown(claims: &[Claim]) -> Vec<ShownClaim> {
    claims.iter().map(ShownClaim::from).collect()
}

/// The claims for people, a paragraph each.
pub fn print_claims(claims: &[Claim], output: &mut impl Write) -> Result<(), Failure> {
    for claim in claims {
        print_claim(claim, "", output)?;
    }
    Ok(())
}

/// One claim; `remark` stands behind its name.
pub fn print_claim(claim: &Claim, remark: &str, output: &mut impl Write) -> Result<(), Failure> {
    writeln!(output)?;
    writeln!(
        output,
        "{HEADING}{}{remark}:{HEADING:#} {}",
        claim.name,
        printable(&claim.says)
    )?;
    let basis = claim.rests_on.to_string();
    writeln!(output, "  rests on: {}", printable(&basis))?;
    writeln!(
        output,
        "  {FAINT}would be broken by: {}{FAINT:#}",
        printable(claim.broken_by)
    )?;
    Ok(())
}
