//! This command as the compiler of its own hosts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use cryptlet_container::{
    CompilationError, Compiler, CompilerBounds, CompilerProgram, Container, LoadError, Settings,
};

use crate::Desk;

const MANIFEST: &str = "[cryptlet]\nname = \"laborious\"\nversion = \"1.0.0\"\n\
    kind = \"contract\"\ndescription = \"Takes long to compile\"\n";

/// A component that takes seconds to compile.
fn laborious() -> Vec<u8> {
    let steps = "call 0 global.set 0\n".repeat(150_000);
    let mut component = wat::parse_str(format!(
        "(component (core module (global (mut i32) (i32.const 0))
           (func (result i32) {steps} i32.const 0)))"
    ))
    .unwrap();
    let name = "cryptlet:manifest";
    let size = 1 + name.len() + MANIFEST.len();
    component.push(0);
    // Numbers are written in groups of seven bits, the lowest first.
    component.extend([(size & 0x7f) as u8 | 0x80, (size >> 7) as u8]);
    component.push(name.len() as u8);
    component.extend_from_slice(name.as_bytes());
    component.extend_from_slice(MANIFEST.as_bytes());
    component
}

fn failure_within(bounds: CompilerBounds) -> CompilationError {
    let program = CompilerProgram {
        path: env!("CARGO_BIN_EXE_cryptlet").into(),
        arguments: vec!["compile-component".into()],
    };
    let container = Container::new(Settings {
        instances: 4,
        compiler: Compiler::Child { program, bounds },
        ..Settings::default()
    })
    .unwrap();
    match container.load(&laborious()) {
        Err(LoadError::Compilation(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it loads"),
    }
}

#[test]
fn keeps_to_the_bound_that_its_host_sets() {
    let bounds = CompilerBounds {
        processor_seconds: 1,
        ..CompilerBounds::default()
    };
    assert_eq!(
        failure_within(bounds),
        CompilationError::TooMuchProcessor { allowed: 1 }
    );
}

#[test]
fn is_nothing_to_be_started_by_hand() {
    let desk = Desk::new();
    let error = desk.run(["compile-component"]).failed(1);
    assert!(error.contains("not by hand"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn ends_with_its_host() {
    let desk = Desk::new();
    let file = desk.file("laborious.wasm", laborious());
    let mut host = desk
        .command(["inspect".as_ref(), file.as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let compiler = loop {
        if let Some(compiler) = bounded_child(host.id()) {
            break compiler;
        }
        assert!(host.try_wait().unwrap().is_none(), "it compiled too fast");
        std::thread::yield_now();
    };
    host.kill().unwrap();
    host.wait().unwrap();
    while is_alive(&compiler) {
        std::thread::yield_now();
    }
}

/// The compiler of a process, once it has bounded itself.
fn bounded_child(host: u32) -> Option<PathBuf> {
    let threads = fs::read_dir(format!("/proc/{host}/task")).ok()?;
    let children = threads.filter_map(|thread| {
        let children = thread.ok()?.path().join("children");
        fs::read_to_string(children).ok()
    });
    let child = children
        .collect::<String>()
        .split_whitespace()
        .next()
        .map(|child| Path::new("/proc").join(child))?;
    let limits = fs::read_to_string(child.join("limits")).ok()?;
    let open_files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))?;
    open_files.contains(" 64 ").then_some(child)
}

/// What was killed may be there for a moment, or wait to be reaped.
fn is_alive(process: &Path) -> bool {
    fs::read_to_string(process.join("stat")).is_ok_and(|stat| {
        let state = stat.rsplit(") ").next().unwrap_or_default();
        !state.starts_with('Z')
    })
}
