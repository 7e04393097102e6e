use rusqlite::{Connection, StatementStatus};

use crate::journal::bindings::WAITING;
use crate::journal::deliveries::LEAF_OF_RECEIPT;
use crate::journal::invocations::{HELD_BY, NEXT_ACCEPTED};
use crate::journal::moves::DRAINED;
use crate::journal::scene::bound;

/// What is asked before every run reads as much as there is to do, not as much as was done.
#[tokio::test]
async fn what_is_asked_before_each_run_is_found_by_an_index()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    drop(bound(state.path()).await?);
    let connection = Connection::open(state.path().join("journal.sqlite"))?;
    for (sql, index) in [
        (NEXT_ACCEPTED, "invocation USING INDEX invocation_next"),
        (
            DRAINED,
            "invocation USING COVERING INDEX invocation_of_module (binding=? AND measurement=?)",
        ),
        (WAITING, "binding USING INDEX"),
        (LEAF_OF_RECEIPT, "delivery USING INDEX delivery_by_receipt"),
        (HELD_BY, "invocation USING COVERING INDEX invocation_holding"),
        (
            "SELECT status, count(*) FROM delivery WHERE binding = ?1 GROUP BY status",
            "USING COVERING INDEX delivery_by_status",
        ),
    ] {
        let steps = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?
            .query_map([[0_u8; 32]], |row| row.get(3))?
            .collect::<Result<Vec<String>, _>>()?;
        let plan = steps.join("; ");
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
        // All that wait would be read to find the first.
        assert!(sql != NEXT_ACCEPTED || !plan.contains("TEMP B-TREE"), "{plan}");
    }
    Ok(())
}

/// SQLite compiles a statement anew where another value could make for another plan; that would be
/// done at every run.
#[tokio::test]
async fn what_is_asked_before_each_run_is_compiled_once() -> Result<(), Box<dyn std::error::Error>>
{
    let state = tempfile::tempdir()?;
    let (journal, _) = bound(state.path()).await?;
    let connection = journal.read().connection;
    for sql in [NEXT_ACCEPTED, HELD_BY, DRAINED, WAITING] {
        let mut statement = connection.prepare_cached(sql)?;
        for binding in 0..3_u8 {
            let mut rows = statement.query([[binding; 32]])?;
            while rows.next()?.is_some() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
    Ok(())
}
