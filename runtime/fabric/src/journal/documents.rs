//! Documents of bindings, parsed once: nearly every call begins with one, and they seldom change.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptlet_attest::{BindingId, BindingVersion};
use rusqlite::Row;

use super::{BindingRow, JournalError, converted, parsed};
use crate::binding::{Approval, Binding};

/// Columns of a binding in the order in which [`Documents::row`] takes them.
pub(super) const COLUMNS: &str =
    "id, document, approvals, active, next_block, version, coalesce(stopped_by, paused_by)";

/// What was parsed of each binding, with the texts that it was parsed from.
#[derive(Default)]
pub(super) struct Documents {
    known: Mutex<HashMap<[u8; 32], Known>>,
    /// Rows by their names, as they were read at a count of commits.
    rows: Mutex<HashMap<String, (u64, BindingRow)>>,
    /// Commits that may have changed a row.
    commits: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Known {
    document_text: Arc<str>,
    approvals_text: Arc<str>,
    document: Arc<Binding>,
    approvals: Arc<[Approval]>,
}

impl Documents {
    pub(super) fn new(commits: Arc<AtomicU64>) -> Self {
        Self {
            commits,
            ..Self::default()
        }
    }

    /// The row of the binding `name`, read again if a commit may have changed it.
    pub(super) fn named(
        &self,
        name: &str,
        read: impl FnOnce() -> Result<Option<BindingRow>, JournalError>,
    ) -> Result<Option<BindingRow>, JournalError> {
        // Before the read: a commit in between makes what is kept here old, never what is newer.
        let commits = self.commits.load(Ordering::Acquire);
        if let Some((kept_at, row)) = self.rows().get(name)
            && *kept_at == commits
        {
            return Ok(Some(row.clone()));
        }
        let row = read()?;
        if let Some(row) = &row {
            self.rows().insert(name.to_owned(), (commits, row.clone()));
        }
        Ok(row)
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<String, (u64, BindingRow)>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a row of [`COLUMNS`]. Other texts than before are parsed anew.
    pub(super) fn row(&self, row: &Row<'_>) -> rusqlite::Result<BindingRow> {
        let id: [u8; 32] = row.get(0)?;
        let document = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let approvals = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let known = self.known().get(&id).cloned().filter(|known| {
            *known.document_text == *document && *known.approvals_text == *approvals
        });
        let known = match known {
            Some(known) => known,
            None => {
                let known = Known::parse(row)?;
                self.known().insert(id, known.clone());
                known
            }
        };
        Ok(BindingRow {
            id: BindingId::from_bytes(id),
            document: known.document,
            approvals: known.approvals,
            active: parsed(row, 3)?,
            next_block: row.get::<_, i64>(4)?.cast_unsigned(),
            version: BindingVersion::from_bytes(row.get(5)?),
            paused_by: row.get::<_, Option<i64>>(6)?.map(i64::cast_unsigned),
        })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn parse(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (document_text, document) = converted(row, 1, |text: Arc<str>| {
            let document = Binding::parse("journal", &text).map_err(|error| error.to_string())?;
            Ok((text, Arc::new(document)))
        })?;
        let (approvals_text, approvals) = converted(row, 2, |text: Arc<str>| {
            let approvals: Vec<Approval> =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            Ok((text, Arc::from(approvals)))
        })?;
        Ok(Self {
            document_text,
            approvals_text,
            document,
            approvals,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rusqlite::Connection;

    use crate::journal::scene::bound;

    #[tokio::test]
    async fn a_document_is_parsed_once_and_again_when_its_row_changes()
    -> Result<(), Box<dyn std::error::Error>> {
        let state = tempfile::tempdir()?;
        let (journal, _) = bound(state.path()).await?;
        let row = || journal.bindings().map(|mut rows| rows.remove(0));
        let first = row()?;
        assert!(Arc::ptr_eq(&first.document, &row()?.document));

        let other = Connection::open(state.path().join("journal.sqlite"))?;
        other.execute(
            "UPDATE binding SET document = replace(document, 'threshold = 2', 'threshold = 1')",
            [],
        )?;
        let changed = row()?;
        assert_eq!(first.document.binding.threshold, 2);
        assert_eq!(changed.document.binding.threshold, 1);
        assert!(Arc::ptr_eq(&changed.document, &row()?.document));
        Ok(())
    }
}
