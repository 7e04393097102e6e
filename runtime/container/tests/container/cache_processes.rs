//! Compiled code that several processes keep in one folder, some of which are killed.
//!
//! The processes are this test's own program, started again for a test that does nothing by itself.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use cryptlet_container::{CacheSettings, CodeOrigin, Container, Settings};

use crate::guests::contract;

/// Names the folder to whom this program started.
const FOLDER: &str = "CRYPTLET_TEST_CACHE_FOLDER";
const MODULES: usize = 6;

fn container(folder: &Path) -> Container {
    Container::new(Settings {
        instances: 4,
        cache: Some(CacheSettings {
            folder: folder.join("compiled"),
            key: folder.join("compiled.key"),
            bytes: 64 << 20,
        }),
        ..Settings::default()
    })
    .expect("it starts")
}

fn module(number: usize) -> Vec<u8> {
    contract("", &format!("(call $ok @‹{{\"number\":{number}}}›)"))
}

/// Loads every module, for as long as it is let if it is told to.
#[test]
#[ignore = "a process of its own, started by the tests of this file"]
fn a_process_that_loads() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let container = container(folder.as_ref());
    let modules: Vec<Vec<u8>> = (0..MODULES).map(module).collect();
    loop {
        for module in &modules {
            container.load(module).expect("it is good");
        }
        let Some(entries) = forgetting(folder.as_ref()) else {
            return;
        };
        // So that there is always something to write.
        for entry in entries {
            drop(std::fs::remove_file(entry.expect("it is listed").path()));
        }
    }
}

/// The entries, for whoever is to go on for ever.
fn forgetting(folder: &Path) -> Option<std::fs::ReadDir> {
    let is_endless = folder.join("endless").exists();
    is_endless.then(|| folder.join("compiled").read_dir().expect("it lists"))
}

fn started(folder: &Path) -> Child {
    let itself = std::env::current_exe().expect("the test's own program");
    Command::new(itself)
        .args([
            "--exact",
            "cache_processes::a_process_that_loads",
            "--ignored",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn assert_every_entry_is_taken(folder: &Path) {
    let last = container(folder);
    for number in 0..MODULES {
        let cryptlet = last.load(&module(number)).expect("it is good");
        assert_eq!(cryptlet.code_origin(), CodeOrigin::Cache);
    }
}

#[test]
fn processes_that_load_at_once_share_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let processes: Vec<Child> = (0..3).map(|_| started(folder.path())).collect();
    for mut process in processes {
        assert!(process.wait().expect("it is ours").success());
    }
    assert_every_entry_is_taken(folder.path());
}

#[test]
fn a_process_that_is_killed_while_it_writes_leaves_nothing_that_is_taken_wrongly() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("endless"), "").expect("it is ours");
    let compiled = folder.path().join("compiled");
    for round in 0..4 {
        let mut process = started(folder.path());
        // Written at this moment, or just been: the name that a file has until it is whole.
        while !has_begun_to_write(&compiled) {
            assert!(process.try_wait().expect("it is ours").is_none(), "{round}");
            std::thread::yield_now();
        }
        process.kill().expect("it is ours");
        process.wait().expect("it is ours");
        let container = container(folder.path());
        for number in 0..MODULES {
            container.load(&module(number)).expect("it is good");
        }
        assert_every_entry_is_taken(folder.path());
        for entry in compiled.read_dir().expect("it lists") {
            std::fs::remove_file(entry.expect("it is listed").path()).expect("it is ours");
        }
    }
}

fn has_begun_to_write(compiled: &Path) -> bool {
    compiled
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
}
