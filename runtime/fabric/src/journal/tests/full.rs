use std::sync::Arc;

use crate::journal::scene::{deploy, owner};
use crate::journal::{Journal, JournalError, store};

/// Lets the journal grow by `pages` and no further, as a full disk would.
async fn room_for(journal: &Journal, pages: i64) -> Result<(), JournalError> {
    journal
        .commit(move |writing| {
            let set = || -> rusqlite::Result<()> {
                let count: i64 =
                    writing
                        .connection
                        .pragma_query_value(None, "page_count", |row| row.get(0))?;
                writing.connection.pragma_update_and_check(
                    None,
                    "max_page_count",
                    count + pages,
                    |row| row.get::<_, i64>(0),
                )?;
                Ok(())
            };
            set().map_err(|source| store(writing.path, source))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_keeps_what_was_there_takes_nothing_and_goes_on_when_there_is_room()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let journal = Arc::new(Journal::open(state.path(), owner(1))?);
    deploy(&journal, "before", b"before").await?;
    room_for(&journal, 8).await?;

    let large = vec![7; 256 * 1024];
    let tasks = (0..12).map(|task| {
        let (journal, large) = (Arc::clone(&journal), large.clone());
        tokio::spawn(async move { deploy(&journal, &format!("large-{task}"), &large).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        let refusal = task.await?.expect_err("there is no room");
        assert!(matches!(refusal, JournalError::Full { .. }), "{refusal}");
        let said = refusal.to_string();
        assert!(
            said.contains("is full") && said.contains("make room"),
            "{said}"
        );
    }
    assert_eq!(journal.versions()?.len(), 1, "nothing of it is kept");
    assert_eq!(journal.log_size()?, 1);
    assert_eq!(
        Journal::open_for_reading(state.path())?.versions()?.len(),
        1
    );

    room_for(&journal, 1 << 20).await?;
    deploy(&journal, "after", &large).await?;
    drop(journal);
    let journal = Journal::open(state.path(), owner(1))?;
    assert_eq!(journal.versions()?.len(), 2);
    assert_eq!(journal.log_size()?, 2);
    Ok(())
}

#[test]
fn what_the_system_says_of_room_counts_even_if_sqlite_does_not_say_it()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    let path = state.path().join("journal.sqlite");
    let failed = |code| {
        let error = rusqlite::ffi::Error::new(code);
        store(&path, rusqlite::Error::SqliteFailure(error, None))
    };
    let (full, shared_memory, write) = (13, 10 | (19 << 8), 10 | (3 << 8));
    assert!(matches!(failed(full), JournalError::Full { .. }));
    assert!(matches!(failed(shared_memory), JournalError::Full { .. }));
    // There is room here, so it is something else.
    assert!(matches!(failed(write), JournalError::Store { .. }));
    Ok(())
}
