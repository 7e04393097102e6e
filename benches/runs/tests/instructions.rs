//! What a run costs beyond wasmtime alone, counted in instructions: a clock that no other program on
//! the machine can disturb.
//!
//! Callgrind counts a program that runs a guest so often, and one that runs it more often; the
//! difference is what the runs between cost. Of that, what wasmtime alone takes for the same component
//! is taken away, and what is left must not be more than `instructions.txt` says.
//! `CRYPTLET_WRITE_INSTRUCTIONS=1` writes the file anew; a change of the compiler or of wasmtime needs
//! that, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, thread};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryptlet-bench-runs");

/// Thousandths by which a count may be higher: what tables of hashes differ in from one process to the
/// next, how another processor copies memory, and what a compiler inlines that builds in other units.
const TOLERANCE: u64 = 100;

/// Runs of the longer program beyond those of the shorter.
const RUNS: u64 = 50;
const WARM_UP: u64 = 10;

#[test]
fn a_run_costs_no_more_instructions_than_it_did() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: there is no valgrind here; `cargo xtask setup` installs it as root");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let guests = ["smallest", "reading"];
    let counted: BTreeMap<&str, u64> = thread::scope(|scope| {
        let counting = guests.map(|guest| {
            let folder = folder.path();
            scope.spawn(move || (guest, beyond_wasmtime(folder, guest)))
        });
        counting
            .into_iter()
            .map(|guest| guest.join().expect("valgrind counts"))
            .collect()
    });

    if env::var_os("CRYPTLET_WRITE_INSTRUCTIONS").is_some() {
        let text: String = counted
            .iter()
            .map(|(guest, count)| format!("{guest} {count}\n"))
            .collect();
        fs::write(committed_file(), text).expect("it can be written");
        return;
    }
    let committed = committed();
    let dearer: Vec<String> = counted
        .iter()
        .filter_map(|(guest, count)| {
            let expected = committed.get(*guest).copied().unwrap_or_default();
            let is_dearer = count * 1_000 > expected * (1_000 + TOLERANCE);
            is_dearer.then(|| format!("{guest}: {count} instead of {expected}"))
        })
        .collect();
    assert!(
        dearer.is_empty(),
        "instructions of a run beyond those of wasmtime alone: {}; if that is worth it, write them \
         anew with CRYPTLET_WRITE_INSTRUCTIONS=1",
        dearer.join(", ")
    );
}

fn beyond_wasmtime(folder: &Path, guest: &str) -> u64 {
    let ours = of_a_run(folder, guest, "receipts");
    let bare = of_a_run(folder, guest, "bare");
    ours.checked_sub(bare)
        .expect("we do more than wasmtime alone")
}

fn of_a_run(folder: &Path, guest: &str, host: &str) -> u64 {
    let [few, many] = [WARM_UP, WARM_UP + RUNS].map(|runs| {
        let file = folder.join(format!("{guest}-{host}-{runs}"));
        let mut valgrind = Command::new("valgrind");
        let told = valgrind
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", file.display()))
            .args([PROGRAM, guest, host, &runs.to_string()])
            .output()
            .expect("valgrind starts");
        let said = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "{guest} on {host}: {said}");
        total(&fs::read_to_string(file).expect("callgrind wrote its counts"))
    });
    (many - few) / RUNS
}

/// From the line `totals: 79048211` of a file of callgrind.
fn total(counts: &str) -> u64 {
    let line = counts
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    let total = line.and_then(|total| total.trim().parse().ok());
    total.expect("callgrind says the total")
}

fn committed() -> BTreeMap<String, u64> {
    let text = fs::read_to_string(committed_file()).expect("it is committed");
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(guest, count)| (guest.to_owned(), count.parse().expect("a number")))
        .collect()
}

fn committed_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}
