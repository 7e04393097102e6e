use std::path::Path;

use rusqlite::ToSql;
use rusqlite::{Connection, StatementStatus};

use crate::journal::bindings::WAITING;
use crate::journal::candidates::TRIALLED;
use crate::journal::deliveries::LEAF_OF_RECEIPT;
use crate::journal::invocations::{HELD_BY, NEXT_ACCEPTED};
use crate::journal::moves::DRAINED;
use crate::journal::scene::bound;

/// How SQLite goes about a query; what its parameters are makes no difference.
fn plan(state: &Path, sql: &str) -> rusqlite::Result<String> {
    let connection = Connection::open(state.join("journal.sqlite"))?;
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    for parameter in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(parameter, [0_u8; 32])?;
    }
    let mut rows = statement.raw_query();
    let mut steps: Vec<String> = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get(3)?);
    }
    Ok(steps.join("; "))
}

/// What is asked before every run reads as much as there is to do, not as much as was done.
#[tokio::test]
async fn what_is_asked_before_each_run_is_found_by_an_index()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    drop(bound(state.path()).await?);
    for (sql, index) in [
        (NEXT_ACCEPTED, "queued USING PRIMARY KEY (binding=?)"),
        (DRAINED, "queued USING PRIMARY KEY (binding=?)"),
        (WAITING, "binding USING INDEX"),
        (LEAF_OF_RECEIPT, "delivery USING INDEX delivery_by_receipt"),
        (
            HELD_BY,
            "invocation USING COVERING INDEX invocation_holding",
        ),
        (
            "SELECT status, count(*) FROM delivery WHERE binding = ?1 GROUP BY status",
            "USING COVERING INDEX delivery_by_status",
        ),
    ] {
        let plan = plan(state.path(), sql)?;
        assert!(plan.contains(index), "{plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
        // All that wait would be read to find the first.
        assert!(
            sql != NEXT_ACCEPTED || !plan.contains("TEMP B-TREE"),
            "{plan}"
        );
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
            let (binding, limit) = ([binding; 32], 64);
            let all: [&dyn ToSql; 2] = [&binding, &limit];
            let asked = statement.parameter_count();
            let mut rows = statement.query(&all[..asked])?;
            while rows.next()?.is_some() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
    Ok(())
}

#[tokio::test]
async fn what_a_canary_is_compared_with_is_read_without_the_runs_of_others()
-> Result<(), Box<dyn std::error::Error>> {
    let state = tempfile::tempdir()?;
    drop(bound(state.path()).await?);
    let plan = plan(state.path(), TRIALLED)?;
    assert_eq!(
        plan,
        "SEARCH execution USING INDEX execution_of_version (binding=? AND version=? AND leaf>?)"
    );
    Ok(())
}
