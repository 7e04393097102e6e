//! State on its way from one state version to the next: what a cryptlet must export, what it may do
//! there, and that doing it again comes to the same.

use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{
    Cryptlet, Grants, LoadError, MigrationError, MigrationJob, Run, State, state_root,
};

use crate::guests::{component, contract, handling, manifest, migrating, migration};
use crate::host::{CONTAINER, all_grants, load};

const SECOND: &str = "[capabilities]\nstate = true\nlog = true\n[state]\nversion = 2\n";

/// Moves what is under `total` to `sum`, and keeps the rest.
const RENAME: &str = "(call $log (i32.const 1) @‹renaming total to sum›)
    (call $state_get @‹total› (i32.const 256))
    (call $state_set @‹sum› (i32.load (i32.const 260)) (i32.load (i32.const 264)))
    (call $state_remove @‹total›)
    (call $migrated)";

fn first() -> State {
    State::from([
        ("name".to_owned(), b"book".to_vec()),
        ("total".to_owned(), b"41".to_vec()),
    ])
}

fn migrate(cryptlet: &Cryptlet, grants: &Grants, state: State) -> Run {
    CONTAINER
        .migrate(job(cryptlet, grants, state, 1))
        .expect("it migrates from 1")
}

fn job<'a>(
    cryptlet: &'a Cryptlet,
    grants: &'a Grants,
    state: State,
    from: u32,
) -> MigrationJob<'a> {
    MigrationJob {
        cryptlet,
        grants,
        binding: format!("0x{}", "22".repeat(32)),
        seed: [5; 32],
        state: Arc::new(state),
        from,
    }
}

#[test]
fn a_migration_changes_a_copy_of_the_state_and_comes_to_the_same_again() {
    let cryptlet = load(&migrating(SECOND, RENAME));
    let run = migrate(&cryptlet, &all_grants(), first());
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    let expected = State::from([
        ("name".to_owned(), b"book".to_vec()),
        ("sum".to_owned(), b"41".to_vec()),
    ]);
    assert_eq!(run.state_before, state_root(&first()));
    assert_eq!(run.state_after, state_root(&expected));
    assert_eq!(run.state_changes["sum"].as_deref(), Some(b"41".as_slice()));
    assert_eq!(run.state_changes["total"], None);
    assert_eq!(run.reply, None);
    assert_eq!(run.logs[0].message, "renaming total to sum");

    let again = migrate(&cryptlet, &all_grants(), first());
    assert_eq!(again.state_after, run.state_after);
    assert_eq!(again.meter, run.meter);
    assert_eq!(again.transcript.to_bytes(), run.transcript.to_bytes());
}

#[test]
fn a_migration_is_told_the_version_of_the_state_that_it_gets() {
    let third = "[capabilities]\nstate = true\n[state]\nversion = 3\n";
    let cryptlet = load(&migrating(
        third,
        "(i32.store8 (i32.const 512) (i32.add (local.get $from) (i32.const 48)))
         (call $state_set @‹from› (i32.const 512) (i32.const 1))
         (call $migrated)",
    ));
    for (from, digit) in [(1, b"1"), (2, b"2")] {
        let run = CONTAINER
            .migrate(job(&cryptlet, &all_grants(), first(), from))
            .expect("both are lower");
        assert_eq!(run.state_changes["from"].as_deref(), Some(digit.as_slice()));
    }
}

#[test]
fn a_migration_that_fails_traps_or_runs_out_leaves_the_state_as_it_was() {
    let write = "(call $state_set @‹total› @‹0›)";
    let failed = format!("{write} (call $failed @‹no-total› @‹there is no total›)");
    let trapped = format!("{write} (unreachable)");
    let endless = format!("{write} (loop $l (br $l)) (unreachable)");
    let limited = format!("{SECOND}[limits]\nfuel = 20000\n");
    for (guest, expected) in [
        (migrating(SECOND, &failed), "no-total"),
        (migrating(SECOND, &trapped), "unreachable"),
        (migrating(&limited, &endless), "fuel"),
    ] {
        let run = migrate(&load(&guest), &all_grants(), first());
        let named = match &run.outcome {
            Outcome::Failure { code } => code,
            Outcome::Trap { kind } => kind,
            Outcome::Limit { which, .. } => which,
            other => panic!("{other:?}"),
        };
        assert_eq!(named, expected);
        assert!(run.state_changes.is_empty());
        assert_eq!(run.state_after, state_root(&first()));
    }
}

#[test]
fn a_migration_has_nothing_but_state_and_log() {
    let all = "[capabilities]\nstate = true\nlog = true\nevents = true\nledger = true\n\
               keychain = [\"desk\"]\n[state]\nversion = 2\n[messages]\ntopics = [\"T()\"]\n";
    for (call, kind) in [
        ("(call $publish @‹T› @‹{}›)", "not-granted"),
        (
            "(call $status (i64.const 3) (i32.const 256))",
            "not-granted",
        ),
    ] {
        let guest = migrating(all, &format!("{call} (call $migrated)"));
        let run = migrate(&load(&guest), &all_grants(), first());
        assert_eq!(
            run.outcome,
            Outcome::Trap {
                kind: kind.to_owned()
            },
            "{call}"
        );
    }
    // These have errors of their own, which the guest stores: 1 is an error's discriminant.
    for call in [
        "(call $build @‹settle› @‹{}› (i32.const 256))",
        "(call $sign @‹desk› @‹m› (i32.const 256))",
    ] {
        let guest = migrating(
            all,
            &format!(
                "{call} (call $state_set @‹answer› (i32.const 256) (i32.const 1)) (call $migrated)"
            ),
        );
        let run = migrate(&load(&guest), &all_grants(), first());
        assert_eq!(run.state_changes["answer"].as_deref(), Some([1].as_slice()));
    }
}

#[test]
fn only_a_lower_version_is_migrated_from() {
    let second = load(&migrating(SECOND, RENAME));
    let grants = all_grants();
    for from in [2, 3] {
        let refused = CONTAINER.migrate(job(&second, &grants, first(), from));
        assert!(
            matches!(refused, Err(MigrationError::NotLower { to: 2, .. })),
            "{refused:?}"
        );
    }
    let plain = load(&contract(
        "[capabilities]\nstate = true",
        "(call $ok @‹null›)",
    ));
    assert!(!plain.migrates());
    let refused = CONTAINER.migrate(job(&plain, &grants, first(), 0));
    assert!(matches!(refused, Err(MigrationError::NoExport { .. })));
}

#[test]
fn a_raised_state_version_needs_the_export_and_the_export_needs_state() {
    let error = |bytes: &[u8]| match CONTAINER.load(bytes) {
        Ok(_) => panic!("it was loaded"),
        Err(error) => error,
    };
    let without = error(&contract(SECOND, "(call $ok @‹null›)"));
    assert!(
        matches!(without, LoadError::DoesNotMigrate { version: 2 }),
        "{without}"
    );
    let stateless = error(&migrating("", "(call $migrated)"));
    assert!(
        matches!(stateless, LoadError::MigratesNothing),
        "{stateless}"
    );
    let utility = component(
        &manifest(
            "utility",
            "[capabilities]\nstate = true\n[messages]\nrequest = \"Q()\"\nreply = \"A()\"\n",
        ),
        &format!(
            "{}{}",
            handling("(call $ok @‹{}›)"),
            migration("(call $migrated)")
        ),
    );
    let utility = error(&utility);
    assert!(matches!(utility, LoadError::UtilityMigrates), "{utility}");
}
