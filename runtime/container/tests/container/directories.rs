//! Granted directories: read only, a file at one moment, and nothing of the disk that the transcript
//! does not show.

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptlet_attest::Outcome;
use cryptlet_container::{DirectoryGrant, GrantError, Grants, Opened, Record, ReplayError, Run};
use proptest::prelude::*;

use crate::guests::utility;
use crate::host::{CONTAINER, Case, Fixed, all_grants, load};

const CAPABILITIES: &str = "[build]\nwasi = true\n[capabilities]\nwasi = true\nstate = true\n\
     directories = [\"documents\"]\n[limits]\nhost-calls = 4000\noutput-bytes = 4000000\n";

/// WASI's codes, by their place in its list.
const FILE_TOO_LARGE: u8 = 8;
const IS_DIRECTORY: u8 = 14;
const NO_ENTRY: u8 = 20;
const NOT_DIRECTORY: u8 = 24;
const UNSUPPORTED: u8 = 27;
const NOT_PERMITTED: u8 = 31;
const READ_ONLY: u8 = 33;

/// Leaves the first directory's handle in `$a`.
const FIRST: &str = "(call $directories (i32.const 256))
    (local.set $a (i32.load (i32.load (i32.const 256))))";

/// Opens a path in `$a`, with the result at 256.
fn open(path: &str) -> String {
    format!(
        "(call $open_at (local.get $a) (i32.const 1) @‹{path}› (i32.const 0) (i32.const 1)
           (i32.const 256))"
    )
}

/// Keeps whether the result at 256 is an error, and its code.
fn keep(name: &str) -> String {
    format!(
        "(call $state_set @‹{name}› (i32.const 256) (i32.const 1))
         (call $state_set @‹{name}-code› (i32.const 260) (i32.const 1))"
    )
}

/// Keeps the bytes whose address and length stand at 260 and 264.
fn keep_bytes(name: &str) -> String {
    format!("(call $state_set @‹{name}› (i32.load (i32.const 260)) (i32.load (i32.const 264)))")
}

fn guest(body: &str) -> Vec<u8> {
    utility(CAPABILITIES, &format!("{FIRST} {body} (call $ok @‹{{}}›)"))
}

/// Reads a file whole, in pieces that the host decides on, into entries of the state.
fn reader(path: &str) -> Vec<u8> {
    guest(&format!(
        "{}
         (if (i32.load8_u (i32.const 256)) (then (unreachable)))
         (local.set $b (i32.load (i32.const 260)))
         (call $read_file (local.get $b) (i64.const 1000000) (i64.const 3) (i32.const 256))
         {}
         (call $state_set @‹end› (i32.const 268) (i32.const 1))
         (call $file_stream (local.get $b) (i64.const 1) (i32.const 256))
         (local.set $b (i32.load (i32.const 260)))
         (call $read_stream (local.get $b) (i64.const 5) (i32.const 256))
         {}
         (call $read_stream (local.get $b) (i64.const 1000000) (i32.const 256))
         {}",
        open(path),
        keep_bytes("read"),
        keep_bytes("stream"),
        keep_bytes("rest")
    ))
}

fn case(guest: &[u8], files: &[(&str, &[u8])]) -> Case {
    let mut case = Case::of(guest);
    case.services = Arc::new(Fixed::with_files(files));
    case
}

fn run(guest: &[u8], files: &[(&str, &[u8])]) -> Run {
    let run = case(guest, files).run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    run
}

fn kept<'a>(run: &'a Run, name: &str) -> &'a [u8] {
    run.state_changes[name].as_deref().expect("it was set")
}

const TEXT: &[u8] = b"whereas the parties agree";

#[test]
fn a_file_is_read_from_what_it_held_when_it_was_opened() {
    let run = run(
        &reader("2026/contract.txt"),
        &[("documents/2026/contract.txt", TEXT)],
    );
    assert_eq!(kept(&run, "read"), &TEXT[3..]);
    assert_eq!(kept(&run, "end"), [1]);
    assert_eq!(kept(&run, "stream"), &TEXT[1..6]);
    assert_eq!(kept(&run, "rest"), &TEXT[6..]);
    let files: Vec<&Record> = run
        .transcript
        .records()
        .iter()
        .filter(|record| !matches!(record, Record::StateSet { .. }))
        .collect();
    assert_eq!(
        files,
        [&Record::OpenFile {
            directory: "documents".to_owned(),
            path: "2026/contract.txt".to_owned(),
            answer: Ok(Opened::File(TEXT.to_vec())),
        }]
    );
}

#[test]
fn a_run_that_read_files_replays_without_a_disk() {
    let guest = reader("contract.txt");
    let files: &[(&str, &[u8])] = &[("documents/contract.txt", TEXT)];
    let run = run(&guest, files);
    let elsewhere = case(&guest, &[]);
    let again = elsewhere.replay(&run.transcript).expect("it replays");
    assert_eq!(again.state_after, run.state_after);
    assert_eq!(again.meter, run.meter);
    assert_eq!(again.transcript, run.transcript);
}

#[test]
fn another_content_in_the_transcript_is_another_run() {
    let guest = reader("contract.txt");
    let honest = run(&guest, &[("documents/contract.txt", TEXT)]);
    let forged = run(
        &guest,
        &[("documents/contract.txt", b"whereas nobody agrees")],
    );
    assert_ne!(honest.transcript.digest(), forged.transcript.digest());
    assert_ne!(honest.state_after, forged.state_after);
}

#[test]
fn sizes_and_kinds_are_shown_and_times_are_not() {
    let guest = guest(&format!(
        "(call $stat_at (local.get $a) (i32.const 1) @‹contract.txt› (i32.const 256))
         (call $state_set @‹at› (i32.const 256) (i32.const 104))
         (call $stat (local.get $a) (i32.const 256))
         (call $state_set @‹root› (i32.const 256) (i32.const 104))
         {}
         (call $stat (i32.load (i32.const 260)) (i32.const 256))
         (call $state_set @‹open› (i32.const 256) (i32.const 104))",
        open("contract.txt")
    ));
    let run = run(&guest, &[("documents/contract.txt", TEXT)]);
    let stat = |name: &str| {
        let bytes = kept(&run, name);
        let number =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let times = [bytes[32], bytes[56], bytes[80]];
        assert_eq!(bytes[0], 0, "{name} has no status");
        (bytes[8], number(16), number(24), times)
    };
    const DIRECTORY: u8 = 3;
    const REGULAR_FILE: u8 = 6;
    let file = (REGULAR_FILE, 1, TEXT.len() as u64, [0, 0, 0]);
    assert_eq!(stat("at"), file);
    assert_eq!(stat("open"), file);
    assert_eq!(stat("root"), (DIRECTORY, 1, 0, [0, 0, 0]));
}

#[test]
fn a_listing_is_in_the_order_of_its_names() {
    let guest = guest(
        "(call $list (local.get $a) (i32.const 256))
         (local.set $b (i32.load (i32.const 260)))
         (block $end (loop $next
           (call $next_entry (local.get $b) (i32.const 256))
           (br_if $end (i32.eqz (i32.load8_u (i32.const 260))))
           (call $state_set (i32.load (i32.const 268)) (i32.load (i32.const 272))
             (i32.const 264) (i32.const 1))
           (br $next)))",
    );
    let run = run(
        &guest,
        &[
            ("documents/b.txt", b"1"),
            ("documents/a.txt", b"2"),
            ("documents/2026/c.txt", b"3"),
            ("documents/2026/d.txt", b"4"),
            ("secrets/e.txt", b"5"),
        ],
    );
    let names: Vec<&str> = run.state_changes.keys().map(String::as_str).collect();
    assert_eq!(names, ["2026", "a.txt", "b.txt"]);
    let listed = run
        .transcript
        .records()
        .iter()
        .find_map(|record| match record {
            Record::ListDirectory { answer, .. } => Some(answer.clone()),
            _ => None,
        });
    let entries = listed.expect("it listed").expect("it could be listed");
    let order: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(order, ["2026", "a.txt", "b.txt"]);
}

#[test]
fn every_way_to_write_is_refused_as_read_only() {
    // Results of writes have their code at 264 or 257, as large as what else they could hold.
    let how = |flags: u32, how: u32| {
        format!(
            "(call $open_at (local.get $a) (i32.const 1) @‹contract.txt› (i32.const {how})
               (i32.const {flags}) (i32.const 256))"
        )
    };
    let guest = guest(&format!(
        "{} {} {} {} {} {} {} {}
         (call $make_directory (local.get $a) @‹new› (i32.const 256))
         (call $state_set @‹made› (i32.const 257) (i32.const 1))
         (call $sync (local.get $a) (i32.const 256))
         (call $state_set @‹synced› (i32.const 257) (i32.const 1))
         {}
         (call $write_file (i32.load (i32.const 260)) @‹text› (i64.const 0) (i32.const 256))
         (call $state_set @‹written› (i32.const 264) (i32.const 1))",
        how(2, 0),
        keep("for-writing"),
        how(32, 0),
        keep("for-mutation"),
        how(1, 1),
        keep("created"),
        how(1, 8),
        keep("truncated"),
        open("contract.txt"),
    ));
    let run = run(&guest, &[("documents/contract.txt", TEXT)]);
    for name in ["for-writing", "for-mutation", "created", "truncated"] {
        assert_eq!(kept(&run, name), [1], "{name}");
        assert_eq!(kept(&run, &format!("{name}-code")), [READ_ONLY], "{name}");
    }
    assert_eq!(kept(&run, "made"), [READ_ONLY]);
    assert_eq!(kept(&run, "written"), [READ_ONLY]);
    assert_eq!(kept(&run, "synced"), [UNSUPPORTED]);
}

#[test]
fn what_leads_nowhere_or_out_is_refused_with_its_reason() {
    for (path, expected) in [
        ("missing.txt", NO_ENTRY),
        ("../secrets/key", NOT_PERMITTED),
        ("/documents/contract.txt", NOT_PERMITTED),
        ("2026/../../secrets/key", NOT_PERMITTED),
    ] {
        let guest = guest(&format!("{} {}", open(path), keep("opened")));
        let run = run(
            &guest,
            &[("documents/contract.txt", TEXT), ("secrets/key", b"k")],
        );
        assert_eq!(kept(&run, "opened"), [1], "{path}");
        assert_eq!(kept(&run, "opened-code"), [expected], "{path}");
    }
}

#[test]
fn a_directory_is_no_file_and_a_file_no_directory() {
    let guest = guest(&format!(
        "(call $read_file (local.get $a) (i64.const 1) (i64.const 0) (i32.const 256)) {}
         (call $open_at (local.get $a) (i32.const 1) @‹contract.txt› (i32.const 2) (i32.const 1)
           (i32.const 256)) {}
         {}
         (local.set $a (i32.load (i32.const 260)))
         (call $list (local.get $a) (i32.const 256)) {}
         {} {}",
        keep("directory"),
        keep("as-directory"),
        open("contract.txt"),
        keep("listed"),
        open("below.txt"),
        keep("below"),
    ));
    let run = run(&guest, &[("documents/contract.txt", TEXT)]);
    assert_eq!(kept(&run, "directory-code"), [IS_DIRECTORY]);
    for name in ["as-directory", "listed", "below"] {
        assert_eq!(kept(&run, name), [1], "{name}");
        assert_eq!(
            kept(&run, &format!("{name}-code")),
            [NOT_DIRECTORY],
            "{name}"
        );
    }
}

#[test]
fn a_grant_bounds_what_all_reads_of_a_run_take_together() {
    let guest = guest(&format!(
        "{} {} {} {} {} {}",
        open("a"),
        keep("first"),
        open("b"),
        keep("second"),
        open("c"),
        keep("third"),
    ));
    let mut case = case(
        &guest,
        &[
            ("documents/a", &[1; 600]),
            ("documents/b", &[2; 600]),
            ("documents/c", &[3; 400]),
        ],
    );
    let bounded = DirectoryGrant { bytes: 1000 };
    case.grants.directories = BTreeMap::from([("documents".to_owned(), bounded)]);
    let run = case.run();
    assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
    assert_eq!(kept(&run, "first"), [0]);
    assert_eq!(kept(&run, "second"), [1]);
    assert_eq!(kept(&run, "second-code"), [FILE_TOO_LARGE]);
    assert_eq!(kept(&run, "third"), [0]);
    let again = case.replay(&run.transcript).expect("it replays");
    assert_eq!(again.state_after, run.state_after);
    // Whoever claims that the host gave more than the grant is found out.
    case.grants.directories =
        BTreeMap::from([("documents".to_owned(), DirectoryGrant { bytes: 500 })]);
    let refused = case.replay(&run.transcript);
    assert!(matches!(refused, Err(ReplayError::Diverged { .. })));
}

fn bounded(guest: &[u8], bytes: u64, files: &[(&str, &[u8])]) -> Case {
    let mut case = case(guest, files);
    let grant = DirectoryGrant { bytes };
    case.grants.directories = BTreeMap::from([("documents".to_owned(), grant)]);
    case
}

#[test]
fn what_was_read_in_vain_counts_towards_the_grant() {
    let list = "(call $list (local.get $a) (i32.const 256))";
    for (vain, changing) in [(list, None), (&open("moving"), Some("documents/moving"))] {
        let guest = guest(&format!(
            "{vain} {} {} {}",
            keep("vain"),
            open("a"),
            keep("opened")
        ));
        let mut case = bounded(&guest, 100, &[]);
        case.services = Arc::new(Fixed {
            changing: changing.map(str::to_owned),
            ..Fixed::with_files(&[("documents/a", b"1")])
        });
        let run = case.run();
        assert_eq!(run.outcome, Outcome::Ok, "{:?}", run.diagnostic);
        assert_eq!(kept(&run, "vain"), [1]);
        assert_eq!(kept(&run, "opened"), [1]);
        assert_eq!(kept(&run, "opened-code"), [FILE_TOO_LARGE]);
        let again = case.replay(&run.transcript).expect("it replays");
        assert_eq!(again.state_after, run.state_after);
    }
}

#[test]
fn a_candidate_that_reads_less_does_not_hear_that_the_grant_was_used_up() {
    let opening = |paths: &[&str]| {
        let opens: String = paths.iter().map(|path| open(path) + &keep(path)).collect();
        guest(&opens)
    };
    let files: &[(&str, &[u8])] = &[("documents/a", &[1; 600]), ("documents/b", &[2; 600])];
    let run = bounded(&opening(&["a", "b"]), 1000, files).run();
    assert_eq!(kept(&run, "b-code"), [FILE_TOO_LARGE]);
    for (paths, unanswered) in [
        (&["a", "b"][..], None),
        (&["b"], Some("descriptor.open-at /documents/b")),
        (&["b", "a"], Some("descriptor.open-at /documents/b")),
    ] {
        let shadow = bounded(&opening(paths), 1000, &[]).shadow(&run.transcript);
        let named = shadow.unanswered.map(|question| question.to_string());
        assert_eq!(named.as_deref(), unanswered, "{paths:?}");
    }
}

#[test]
fn directories_need_their_names_in_manifest_and_binding() {
    let guest = load(&guest(""));
    let missing = Grants {
        directories: BTreeMap::from([("tables".to_owned(), DirectoryGrant::default())]),
        ..all_grants()
    };
    let error = CONTAINER
        .check_grants(&guest, &missing)
        .expect_err("documents are not granted");
    assert!(
        matches!(&error, GrantError::Missing { capability, .. } if capability == "directory `documents`"),
        "{error}"
    );
    // A run without the check gets none, and of those granted only what the manifest names.
    let count = utility(
        CAPABILITIES,
        "(call $directories (i32.const 256))
         (call $state_set @‹count› (i32.const 260) (i32.const 4)) (call $ok @‹{}›)",
    );
    for (granted, expected) in [(vec![], 0_u32), (vec!["documents", "tables"], 1)] {
        let mut case = Case::of(&count);
        case.grants.directories = granted
            .into_iter()
            .map(|name| (name.to_owned(), DirectoryGrant::default()))
            .collect();
        let run = case.run();
        assert_eq!(kept(&run, "count"), expected.to_le_bytes());
    }
}

#[test]
fn grants_of_directories_that_cannot_be_are_refused() {
    let guest = load(&guest(""));
    for (name, bytes) in [
        ("documents", 0),
        ("documents", (16 << 20) + 1),
        ("../etc", 1),
        ("", 1),
    ] {
        let mut grants = all_grants();
        let grant = DirectoryGrant { bytes };
        grants.directories.insert(name.to_owned(), grant);
        let error = CONTAINER.check_grants(&guest, &grants);
        assert!(
            matches!(&error, Err(GrantError::Directory { .. })),
            "{name} {bytes}: {error:?}"
        );
    }
}

#[test]
fn directories_together_give_no_more_than_one_can() {
    let guest = load(&guest(""));
    let mut grants = all_grants();
    for (bytes, fits) in [(8 << 20, true), ((8 << 20) + 1, false), (u64::MAX, false)] {
        grants.directories = BTreeMap::from([
            ("documents".to_owned(), DirectoryGrant { bytes: 8 << 20 }),
            ("tables".to_owned(), DirectoryGrant { bytes }),
        ]);
        let checked = CONTAINER.check_grants(&guest, &grants);
        assert_eq!(checked.is_ok(), fits, "{bytes}: {checked:?}");
    }
}

#[test]
fn descriptors_count_as_handles_and_calls() {
    let flood = guest(&format!("(loop $l {} (br $l))", open("a")));
    let mut case = case(&flood, &[("documents/a", b"")]);
    let run = case.run();
    let limit = |which: &str, allowed| Outcome::Limit {
        which: which.to_owned(),
        allowed,
    };
    assert_eq!(run.outcome, limit("handles", 1024), "{:?}", run.diagnostic);
    case = self::case(
        &utility(
            &CAPABILITIES.replace("host-calls = 4000", "host-calls = 3"),
            &format!("{FIRST} (loop $l {} (br $l)) (call $ok @‹{{}}›)", open("a")),
        ),
        &[("documents/a", b"")],
    );
    assert_eq!(case.run().outcome, limit("host-calls", 3));
}

#[test]
fn a_candidate_reads_what_the_active_version_read_and_nothing_else() {
    let active = reader("contract.txt");
    let run = run(&active, &[("documents/contract.txt", TEXT)]);
    let same = Case::of(&reader("./contract.txt")).shadow(&run.transcript);
    assert_eq!(same.unanswered, None);
    assert_eq!(same.run.state_after, run.state_after);
    for (question, named) in [
        (open("other.txt"), "descriptor.open-at /documents/other.txt"),
        (
            "(call $list (local.get $a) (i32.const 256))".to_owned(),
            "descriptor.read-directory /documents/",
        ),
        (
            "(call $stat_at (local.get $a) (i32.const 1) @‹contract.txt› (i32.const 256))"
                .to_owned(),
            "descriptor.stat-at /documents/contract.txt",
        ),
    ] {
        let shadow = Case::of(&guest(&question)).shadow(&run.transcript);
        let unanswered = shadow.unanswered.expect("nobody asked this");
        assert_eq!(unanswered.to_string(), named);
        assert!(shadow.run.transcript.records().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_content_comes_through_whole(content in prop::collection::vec(any::<u8>(), 7..2000)) {
        let run = run(&reader("a"), &[("documents/a", &content)]);
        prop_assert_eq!(kept(&run, "read"), &content[3..]);
        let streamed = [kept(&run, "stream"), kept(&run, "rest")].concat();
        prop_assert_eq!(streamed.as_slice(), &content[1..]);
    }
}
