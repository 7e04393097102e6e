//! What can be seen on this machine alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cryptlet_build::toolchain::{Target, Toolchain};
use cryptlet_fabric::Configuration;
use cryptlet_fabric::journal::JournalError;

use super::Check;
use crate::config::key_troubles;
use crate::listing::leaves;
use crate::state::StateFolder;
use crate::terminal::count;

const MEBIBYTE: u64 = 1 << 20;
/// Below this a journal and its log files soon have no place.
const LITTLE: u64 = 1024 * MEBIBYTE;
const TOO_LITTLE: u64 = 64 * MEBIBYTE;

/// Only authors need one, so a host without is no failure.
pub fn toolchain() -> Check {
    match Toolchain::find(Target::Bare) {
        Ok(toolchain) => Check::ok("guest toolchain", toolchain.version()),
        Err(missing) => Check::warning(
            "guest toolchain",
            format!(
                "cryptlets cannot be compiled here: {}",
                missing.reasons.join("; ")
            ),
            format!(
                "to write cryptlets on this machine, run `rustup target add {}`",
                missing.target
            ),
        ),
    }
}

/// The folder and the journal in it.
pub fn state_folder(state: &StateFolder) -> Vec<Check> {
    let path = state.path();
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            return vec![Check::failed(
                "state folder",
                format!("{shown} is no folder"),
                "name another one with --state",
            )];
        }
        Err(error) => {
            return vec![Check::failed(
                "state folder",
                format!("cannot open {shown}: {error}"),
                format!(
                    "name one with --state, or make it with `{}`",
                    state.command("config init")
                ),
            )];
        }
    };
    let mode = metadata.permissions().mode() & 0o777;
    let folder = match mode & 0o077 {
        0 => Check::ok("state folder", shown.to_string()),
        _ => Check::warning(
            "state folder",
            format!("others may enter {shown} (mode {mode:04o})"),
            format!("chmod 700 {shown}"),
        ),
    };
    vec![folder, journal(state)]
}

fn journal(state: &StateFolder) -> Check {
    let read = state
        .journal()
        .and_then(|journal| Ok((journal.log_size()?, journal.bindings()?.len())));
    match read {
        Ok((size, bindings)) => Check::ok(
            "journal",
            format!(
                "{}, {} in the log",
                count(bindings, "binding"),
                leaves(size)
            ),
        ),
        Err(JournalError::Missing(_) | JournalError::NoFolder(_) | JournalError::Unstarted(_)) => {
            Check::ok("journal", "none yet; the first `cryptlet serve` makes it")
        }
        Err(error) => Check::failed(
            "journal",
            error.to_string(),
            "restore a backup with `cryptlet restore`, and keep this folder as evidence",
        ),
    }
}

/// Room for what must survive.
pub fn disk(state: &Path) -> Check {
    let free = match rustix::fs::statvfs(state) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            return Check::failed(
                "disk",
                format!("cannot ask how much is free: {error}"),
                "see that the disk of the state folder is there",
            );
        }
    };
    let finding = format!("{} MiB free", free / MEBIBYTE);
    let remedy = "make room, or move the state folder to another disk";
    match free {
        ..TOO_LITTLE => Check::failed("disk", finding, remedy),
        TOO_LITTLE..LITTLE => Check::warning("disk", finding, remedy),
        LITTLE.. => Check::ok("disk", finding),
    }
}

/// The keys that the configuration names, and who may read any of them.
pub fn keys(state: &StateFolder, configuration: &Configuration) -> Vec<Check> {
    let vault = match state.vault() {
        Ok(vault) => vault,
        Err(error) => {
            return vec![Check::failed("keys", error.to_string(), "do as it says")];
        }
    };
    let keys = match vault.list() {
        Ok(keys) => keys,
        Err(error) => {
            return vec![Check::failed(
                "keys",
                error.to_string(),
                "keep nothing but keys in that folder",
            )];
        }
    };
    let mut checks: Vec<Check> = key_troubles(configuration, &keys)
        .into_iter()
        .map(|trouble| Check::failed("keys", trouble.finding, state.command(&trouble.remedy)))
        .collect();
    for key in &keys {
        let path = vault.folder().join(format!("{}.json", key.name));
        let mode = fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & 0o077 != 0 {
            checks.push(Check::warning(
                "keys",
                format!("others may read {}", path.display()),
                format!("chmod 600 {}", path.display()),
            ));
        }
    }
    if checks.is_empty() {
        checks.push(Check::ok(
            "keys",
            format!("{}, those named among them", count(keys.len(), "key")),
        ));
    }
    checks
}
