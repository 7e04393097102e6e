use rusqlite::Connection;

use crate::journal::deliveries::LEAF_OF_RECEIPT;
use crate::journal::invocations::{HELD_BY, NEXT_ACCEPTED};
use crate::journal::scene::bound;

/// What is asked before every run reads as much as there is to do, not as much as was done.
#[tokio::test]
async fn what_is_asked_before_each_run_is_found_by_an_index()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    drop(bound(state.path()).await?);
    let connection = Connection::open(state.path().join("journal.sqlite"))?;
    for (sql, index) in [
        (NEXT_ACCEPTED, "USING COVERING INDEX invocation_waiting"),
        (LEAF_OF_RECEIPT, "delivery USING INDEX delivery_by_receipt"),
        (HELD_BY, "execution USING INDEX execution_failed"),
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
    }
    Ok(())
}
