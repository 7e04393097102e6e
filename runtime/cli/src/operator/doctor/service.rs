//! Whether a service runs on the state folder, and how it is.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use cryptlet_service::address_path;
use cryptlet_service::api::Status;
use cryptlet_service::tokens::operator_token_path;

use super::Check;
use crate::failure::Failure;
use crate::operator::client::Connection;
use crate::terminal::count;

/// Asks the service, if there should be one.
pub fn examine(connection: &Connection) -> Check {
    const NAME: &str = "service";
    let state = &connection.state;
    let path = state.path();
    if connection.is_local() && !address_path(path).exists() {
        return match is_held(path) {
            false => Check::warning(
                NAME,
                format!("none runs on {}", path.display()),
                format!("start it with `{}`", state.command("serve")),
            ),
            true => Check::failed(
                NAME,
                format!(
                    "another process works in {}, and is no service",
                    path.display()
                ),
                "wait until it has ended, or end it",
            ),
        };
    }
    let token = operator_token_path(path);
    let mode = fs::metadata(&token).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        return Check::failed(
            NAME,
            format!("others may read {}", token.display()),
            format!("chmod 600 {0}, and make the token anew", token.display()),
        );
    }
    let asked = connection.open().and_then(|client| client.get(&["status"]));
    let status: Status = match asked {
        Ok(status) => status,
        Err(Failure::Refused(finding) | Failure::Usage(finding)) => {
            return Check::failed(NAME, finding, "`cryptlet logs` says what it did last");
        }
        Err(Failure::NoReader) => return Check::warning(NAME, "it was not asked", "ask again"),
    };
    let waiting = status
        .bindings
        .iter()
        .filter(|binding| !binding.waiting.is_empty())
        .count();
    if status.draining {
        return Check::warning(NAME, "it is about to stop", "wait, then start it again");
    }
    if waiting > 0 {
        return Check::warning(
            NAME,
            format!(
                "it runs; waiting for its operator: {}",
                count(waiting, "binding")
            ),
            "`cryptlet status` says which, and why",
        );
    }
    Check::ok(
        NAME,
        format!(
            "{} serves {}",
            status.origin,
            count(status.bindings.len(), "binding")
        ),
    )
}

/// Whether a process has the folder for itself.
fn is_held(state: &Path) -> bool {
    let Ok(lock) = File::open(state.join("lock")) else {
        return false;
    };
    matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
}
