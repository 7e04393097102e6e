//! Packages of npm, exactly those of a committed lock file.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::process::run;
use crate::workspace::Workspace;

/// Where `npm ci` leaves a copy of the lock file that it has carried out.
const RECORD: &str = "node_modules/.installed-from";

/// Installs what `folder/package-lock.json` lists into `folder/node_modules`, unless that is what is there.
///
/// No package may run a script: what a package ships is all that is wanted of it.
pub fn install(workspace: &Workspace, folder: &Path) -> Result<()> {
    let lock_path = folder.join("package-lock.json");
    let lock =
        fs::read(&lock_path).with_context(|| format!("cannot read {}", lock_path.display()))?;
    let record = folder.join(RECORD);
    if fs::read(&record).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut npm = workspace.command("npm");
    npm.current_dir(folder)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run(
        &mut npm,
        "Node.js 20 or later with npm must be on PATH, and the npm registry within reach",
    )?;
    fs::write(&record, lock).with_context(|| format!("cannot write {}", record.display()))?;
    Ok(())
}
