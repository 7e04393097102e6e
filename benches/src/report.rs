//! What a bench leaves: a table for people, JSON for programs, a picture for both.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::contest::Case;
use crate::plot;

/// Prints a line for each case.
pub fn print(cases: &[Case]) {
    println!(
        "{:<52} {:>16} {:>16} {:>8} {:>8}",
        "", "ours", "rival", "ratio", "bar"
    );
    for case in cases {
        println!(
            "{:<52} {:>16} {:>16} {:>8.2} {:>8}  {}",
            case.case,
            figure(case.ours, case.unit),
            figure(case.rival, case.unit),
            case.ratio,
            if case.bar > 0.0 {
                format!(">= {:.2}", case.bar)
            } else {
                String::new()
            },
            match case {
                Case { bar: 0.0, .. } => "reported",
                Case { holds: true, .. } => "holds",
                _ => "DOES NOT HOLD",
            }
        );
        println!("  against {}", case.rival_name);
    }
}

/// Three digits at least.
fn figure(value: f64, unit: &str) -> String {
    let decimals = if value < 100.0 { 2 } else { 0 };
    format!("{value:.decimals$} {unit}")
}

/// Writes `<name>.json` and `<name>.svg` into the folder.
///
/// # Errors
///
/// If they cannot be written.
pub fn write(cases: &[Case], name: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let json = folder.join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(cases)? + "\n";
    fs::write(&json, text).with_context(|| format!("cannot write {}", json.display()))?;
    let picture = folder.join(format!("{name}.svg"));
    plot::draw(cases, &picture).with_context(|| format!("cannot write {}", picture.display()))?;
    println!("{}\n{}", json.display(), picture.display());
    Ok(())
}
