//! Compiled code that is kept: when it is taken, and what is not taken.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cryptlet_container::{
    CacheSettings, CodeOrigin, Container, Cryptlet, Grants, Job, Settings, State,
};

use crate::guests::contract;
use crate::host::{Case, Fixed, honest};

fn cache_in(folder: &Path) -> CacheSettings {
    CacheSettings {
        folder: folder.join("compiled"),
        key: folder.join("compiled.key"),
        bytes: 64 << 20,
    }
}

fn settings(cache: CacheSettings) -> Settings {
    Settings {
        instances: 4,
        cache: Some(cache),
        ..Settings::default()
    }
}

fn container(folder: &Path) -> Container {
    Container::new(settings(cache_in(folder))).expect("it starts")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = folder
        .join("compiled")
        .read_dir()
        .expect("it lists")
        .map(|entry| entry.expect("it is there").path())
        .collect();
    files.sort();
    files
}

fn the_entry(folder: &Path) -> PathBuf {
    match entries(folder).as_slice() {
        [only] => only.clone(),
        several => panic!("{several:?}"),
    }
}

fn assert_runs(container: &Container, cryptlet: &Cryptlet) {
    let run = container.run(Job {
        cryptlet,
        grants: Arc::new(Grants::default()),
        invocation: Arc::new(Case::with(cryptlet.clone()).invocation()),
        seed: [7; 32],
        state: Arc::new(State::new()),
        services: Arc::new(Fixed::default()),
    });
    assert!(run.outcome.is_ok(), "{}: {:?}", run.outcome, run.diagnostic);
    assert_eq!(run.reply.as_deref(), Some(&br#"{"said":"yes"}"#[..]));
}

/// Loads what was compiled before by another container, after `change` was done to the folder.
fn origin_after(change: impl FnOnce(&Path)) -> CodeOrigin {
    let folder = tempfile::tempdir().expect("a folder");
    container(folder.path())
        .load(&honest())
        .expect("it is good");
    change(folder.path());
    let second = container(folder.path());
    let cryptlet = second.load(&honest()).expect("it is good");
    assert_runs(&second, &cryptlet);
    let healed = container(folder.path())
        .load(&honest())
        .expect("it is good");
    assert_eq!(healed.code_origin(), CodeOrigin::Cache);
    cryptlet.code_origin()
}

#[test]
fn the_next_start_takes_what_this_one_compiled() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = container(folder.path())
        .load(&honest())
        .expect("it is good");
    assert_eq!(first.code_origin(), CodeOrigin::Compiled);
    let next = container(folder.path());
    let second = next.load(&honest()).expect("it is good");
    assert_eq!(second.code_origin(), CodeOrigin::Cache);
    assert_eq!(second.measurement(), first.measurement());
    assert_eq!(second.imports(), first.imports());
    assert_eq!(second.compiled_bytes(), first.compiled_bytes());
    assert!(second.compiled_bytes() > 0);
    assert_runs(&next, &second);
}

#[test]
fn an_untouched_entry_is_taken() {
    assert_eq!(origin_after(|_| {}), CodeOrigin::Cache);
}

#[test]
fn a_changed_entry_is_compiled_again() {
    for place in [0, 20, 60, 90, 5_000] {
        let origin = origin_after(|folder| {
            let entry = the_entry(folder);
            let mut bytes = std::fs::read(&entry).expect("it reads");
            bytes[place] ^= 1;
            std::fs::write(&entry, bytes).expect("it is ours");
        });
        assert_eq!(origin, CodeOrigin::Compiled, "byte {place}");
    }
}

#[test]
fn a_truncated_entry_is_compiled_again() {
    for keep in [0, 50, 112, 4_000] {
        let origin = origin_after(|folder| {
            let entry = the_entry(folder);
            let bytes = std::fs::read(&entry).expect("it reads");
            std::fs::write(&entry, &bytes[..keep]).expect("it is ours");
        });
        assert_eq!(origin, CodeOrigin::Compiled, "{keep} bytes");
    }
}

#[test]
fn an_entry_of_another_host_is_compiled_again() {
    let origin = origin_after(|folder| {
        let stranger = tempfile::tempdir().expect("a folder");
        container(stranger.path())
            .load(&honest())
            .expect("it is good");
        std::fs::copy(the_entry(stranger.path()), the_entry(folder)).expect("it copies");
    });
    assert_eq!(origin, CodeOrigin::Compiled);
}

#[test]
fn an_entry_of_another_module_is_compiled_again() {
    let other = contract("", r#"(call $ok @‹{"said":"no"}›)"#);
    let origin = origin_after(|folder| {
        let entry = the_entry(folder);
        container(folder).load(&other).expect("it is good");
        let others = entries(folder).into_iter().find(|file| *file != entry);
        std::fs::rename(others.expect("there are two"), entry).expect("it moves");
    });
    assert_eq!(origin, CodeOrigin::Compiled);
}

#[test]
fn a_lost_key_loses_time_alone() {
    let origin = origin_after(|folder| {
        std::fs::remove_file(folder.join("compiled.key")).expect("it is there");
    });
    assert_eq!(origin, CodeOrigin::Compiled);
}

#[test]
fn what_is_refused_is_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let container = container(folder.path());
    let asks = contract("", "(call $log (i32.const 0) @‹x›) (call $ok @‹{}›)");
    container.load(&asks).expect_err("it may not log");
    assert_eq!(entries(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn the_folder_stays_within_its_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    container(folder.path())
        .load(&honest())
        .expect("it is good");
    let one = the_entry(folder.path()).metadata().expect("there").len();
    let small = Container::new(settings(CacheSettings {
        bytes: 3 * one + one / 2,
        ..cache_in(folder.path())
    }))
    .expect("it starts");
    for number in 0..8_u8 {
        small.load(&distinct(honest(), number)).expect("it is good");
        let held: u64 = entries(folder.path())
            .iter()
            .map(|file| file.metadata().expect("there").len())
            .sum();
        assert!(held <= 3 * one + one / 2, "{held} bytes");
    }
}

/// The same module with a section that says nothing.
fn distinct(mut module: Vec<u8>, number: u8) -> Vec<u8> {
    module.extend_from_slice(&[0, 3, 1, b'x', number]);
    module
}

#[test]
fn containers_that_load_at_once_share_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let modules: Vec<Vec<u8>> = (0..3).map(|number| distinct(honest(), number)).collect();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let container = container(folder.path());
                for module in &modules {
                    let cryptlet = container.load(module).expect("it is good");
                    assert_runs(&container, &cryptlet);
                }
            });
        }
    });
    let last = container(folder.path());
    for module in &modules {
        let cryptlet = last.load(module).expect("it is good");
        assert_eq!(cryptlet.code_origin(), CodeOrigin::Cache);
    }
}
