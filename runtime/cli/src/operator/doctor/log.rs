//! Whether the log is published and watched.

use cryptlet_fabric::Configuration;
use cryptlet_fabric::journal::{Journal, JournalError};
use cryptlet_fabric::publish::{PublishError, Publisher};
use cryptlet_service::address_path;
use cryptlet_service::api::Status;

use super::Check;
use crate::failure::Failure;
use crate::listing::leaves;
use crate::operator::client::Connection;
use crate::state::StateFolder;

/// Compares the published folder with the journal; nothing before there is a log.
pub fn published(state: &StateFolder, configuration: &Configuration) -> Option<Check> {
    const NAME: &str = "published log";
    // What keeps the journal from being read has a check of its own.
    let journal = state.journal().ok()?;
    let key = journal.trusted_key().ok()??;
    let folder = configuration.log.folder(state.path());
    let published = compare(&Publisher::new(&folder, key), &journal);
    Some(match published {
        Ok((size, all)) if size == all => {
            Check::ok(NAME, format!("{} in {}", leaves(size), folder.display()))
        }
        Ok((size, all)) => Check::warning(
            NAME,
            format!("{} of {all} in {}", leaves(size), folder.display()),
            format!("`{}` publishes the rest", state.command("serve")),
        ),
        Err(
            error
            @ PublishError::Journal(JournalError::Behind { .. } | JournalError::Forked { .. }),
        ) => Check::failed(
            NAME,
            error.to_string(),
            "do not serve this journal under its name",
        ),
        Err(error) => Check::failed(
            NAME,
            error.to_string(),
            "see to it that the service can read and write the folder",
        ),
    })
}

/// How many leaves are published, of how many.
fn compare(publisher: &Publisher, journal: &Journal) -> Result<(u64, u64), PublishError> {
    publisher.check(journal)?;
    let published = publisher.published()?;
    let size = published.map_or(0, |(_, checkpoint)| checkpoint.size);
    Ok((size, journal.log_size()?))
}

/// What the configured witnesses said when the service asked them last.
pub fn witnesses(connection: &Connection, configuration: &Configuration) -> Vec<Check> {
    let names = configuration.log.witnesses.iter();
    let names: Vec<String> = names.map(|witness| witness.key.identity()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let runs = !connection.is_local() || address_path(connection.state.path()).exists();
    let asked = || connection.open().and_then(|client| client.get(&["status"]));
    let status: Result<Option<Status>, Failure> = runs.then(asked).transpose();
    names
        .iter()
        .map(|name| {
            let check = format!("witness {name}");
            let seen = match &status {
                Ok(status) => status.iter().flat_map(|status| &status.witnesses),
                Err(failure) => {
                    return Check::warning(
                        check,
                        format!("the service does not say: {failure}"),
                        "see to it that the service answers this command, then ask again",
                    );
                }
            };
            match seen.into_iter().find(|seen| seen.name == *name) {
                None => Check::warning(
                    check,
                    "nobody has asked it",
                    "the service asks it while it runs; restart a service that was started before it was configured",
                ),
                Some(seen) => match &seen.failure {
                    None => Check::ok(check, format!("has cosigned {}", leaves(seen.size))),
                    Some(failure) => Check::warning(
                        check,
                        failure,
                        "ask whoever runs it; receipts are good without, and better with it",
                    ),
                },
            }
        })
        .collect()
}
