//! Compilation in a process of its own: what it comes to, and how it is ended.

use std::path::Path;
use std::time::{Duration, Instant};

use cryptlet_container::{
    CacheSettings, CodeOrigin, CompilationError, Compiler, CompilerBounds, CompilerProgram,
    Container, Grants, Job, LoadError, Settings, State,
};
use wasm_encoder::{
    CodeSection, Component, ConstExpr, Function, FunctionSection, GlobalSection, GlobalType,
    Instruction, Module, ModuleSection, TypeSection, ValType,
};

use crate::guests::{contract, manifest, with_section};
use crate::host::{Case, Fixed, honest};

fn the_real_one() -> CompilerProgram {
    CompilerProgram {
        path: env!("CARGO_BIN_EXE_compile-component").into(),
        arguments: Vec::new(),
    }
}

/// A shell that does something else than to compile.
fn shell(script: impl Into<String>) -> CompilerProgram {
    CompilerProgram {
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into().into()],
    }
}

fn settings(program: CompilerProgram, bounds: CompilerBounds) -> Settings {
    Settings {
        instances: 4,
        compiler: Compiler::Child { program, bounds },
        ..Settings::default()
    }
}

fn container(program: CompilerProgram, bounds: CompilerBounds) -> Container {
    Container::new(settings(program, bounds)).expect("it starts")
}

fn failure(program: CompilerProgram, bounds: CompilerBounds, guest: &[u8]) -> CompilationError {
    match container(program, bounds).load(guest) {
        Err(LoadError::Compilation(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was compiled"),
    }
}

fn failure_of(script: &str) -> CompilationError {
    failure(shell(script), CompilerBounds::default(), &honest())
}

/// A guest whose one function is about as large as any may be.
fn laborious() -> Vec<u8> {
    let mut body = Function::new([]);
    for _ in 0..150_000 {
        body.instruction(&Instruction::Call(0));
        body.instruction(&Instruction::GlobalSet(0));
    }
    body.instruction(&Instruction::I32Const(0));
    body.instruction(&Instruction::End);
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut globals = GlobalSection::new();
    globals.global(
        GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        },
        &ConstExpr::i32_const(0),
    );
    let mut code = CodeSection::new();
    code.function(&body);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&globals)
        .section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    with_section(component.finish(), manifest("contract", "").as_bytes())
}

#[test]
fn a_process_of_its_own_compiles_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let container = Container::new(Settings {
        cache: Some(CacheSettings {
            folder: folder.path().join("compiled"),
            key: folder.path().join("compiled.key"),
            bytes: 64 << 20,
        }),
        ..settings(the_real_one(), CompilerBounds::default())
    })
    .expect("it starts");
    let here = Case::of(&honest());
    for origin in [CodeOrigin::Compiled, CodeOrigin::Cache] {
        let cryptlet = container.load(&honest()).expect("it is good");
        assert_eq!(cryptlet.code_origin(), origin);
        let run = container.run(Job {
            cryptlet: &cryptlet,
            grants: std::sync::Arc::new(Grants::default()),
            invocation: std::sync::Arc::new(here.invocation()),
            seed: here.seed,
            state: std::sync::Arc::new(State::new()),
            services: std::sync::Arc::new(Fixed::default()),
        });
        assert!(run.outcome.is_ok(), "{}: {:?}", run.outcome, run.diagnostic);
        assert_eq!(run.meter, here.run().meter);
    }
}

#[test]
fn what_does_not_compile_is_refused_in_the_same_words() {
    let wide = wat::parse_str("(component (core module (memory i64 1)))").expect("valid text");
    let wide = with_section(wide, manifest("contract", "").as_bytes());
    let refused = failure(the_real_one(), CompilerBounds::default(), &wide);
    let here = crate::host::CONTAINER.load(&wide).expect_err("it is wide");
    assert!(matches!(refused, CompilationError::Refused(_)), "{refused}");
    assert_eq!(refused.to_string(), here.to_string());
}

#[test]
fn a_compilation_without_end_is_ended() {
    let bounds = CompilerBounds {
        wall_clock: Duration::from_millis(50),
        ..CompilerBounds::default()
    };
    let began = Instant::now();
    let error = failure(shell("exec sleep 600"), bounds, &honest());
    let allowed = bounds.wall_clock;
    assert_eq!(error, CompilationError::TooLong { allowed });
    assert!(began.elapsed() < Duration::from_secs(300));
    assert!(error.to_string().contains("0.05 seconds"), "{error}");
}

#[test]
fn nothing_that_a_compiler_started_outlives_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let number = folder.path().join("number");
    let script = format!(
        "sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait",
        number.display()
    );
    let mut wall_clock = Duration::from_millis(500);
    // A busy machine may not even start a shell in that time.
    let started = loop {
        let bounds = CompilerBounds {
            wall_clock,
            ..CompilerBounds::default()
        };
        let error = failure(shell(script.as_str()), bounds, &honest());
        assert!(matches!(error, CompilationError::TooLong { .. }), "{error}");
        match std::fs::read_to_string(&number) {
            Ok(started) => break started,
            Err(_) => wall_clock *= 2,
        }
    };
    while is_alive(started.trim()) {
        std::thread::yield_now();
    }
}

/// What was killed may be there for a moment, or wait to be reaped.
fn is_alive(process: &str) -> bool {
    let status = Path::new("/proc").join(process).join("stat");
    std::fs::read_to_string(status).is_ok_and(|stat| {
        let state = stat.rsplit(") ").next().unwrap_or_default();
        !state.starts_with('Z')
    })
}

#[test]
fn time_memory_and_size_are_bounded_by_the_compiler_itself() {
    let usual = CompilerBounds::default();
    let guest = laborious();

    let seconds = CompilerBounds {
        processor_seconds: 1,
        ..usual
    };
    assert_eq!(
        failure(the_real_one(), seconds, &guest),
        CompilationError::TooMuchProcessor { allowed: 1 }
    );

    let memory_bytes = 300 << 20;
    let memory = CompilerBounds {
        memory_bytes,
        ..usual
    };
    assert_eq!(
        failure(the_real_one(), memory, &guest),
        CompilationError::TooMuchMemory {
            allowed: memory_bytes
        }
    );

    let size = CompilerBounds {
        code_bytes: 5_000,
        ..usual
    };
    assert_eq!(
        failure(the_real_one(), size, &honest()),
        CompilationError::TooMuchCode { allowed: 5_000 }
    );
}

#[test]
fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let bounds = CompilerBounds {
        code_bytes: 1_000,
        ..CompilerBounds::default()
    };
    let error = failure(shell("head -c 5000 /dev/zero"), bounds, &honest());
    assert_eq!(error, CompilationError::TooMuchCode { allowed: 1_000 });
}

#[test]
fn a_compiler_that_fails_is_told_from_a_component_that_does_not_compile() {
    for (script, said) in [
        ("kill -SEGV $$", "signal: 11"),
        ("exit 3", "exit status: 3"),
        ("echo why >&2; echo note: more >&2; exit 1", ", why"),
        (
            "echo first >&2; echo the last word >&2; exit 1",
            "the last word",
        ),
        ("printf '\\033[31mred\\n' >&2; exit 1", ", [31mred"),
    ] {
        match failure_of(script) {
            CompilationError::Crashed { how } => assert!(how.contains(said), "{script}: {how}"),
            other => panic!("{script}: {other}"),
        }
    }
}

#[test]
fn a_compiler_that_somebody_killed_is_no_fault_of_the_component() {
    let error = failure_of("kill -KILL $$");
    assert_eq!(error, CompilationError::Killed);
    assert!(LoadError::Compilation(error).is_hosts_fault());
}

#[test]
fn a_compiler_whose_parent_is_not_its_host_does_not_compile() {
    let script = format!("{}; exit $?", env!("CARGO_BIN_EXE_compile-component"));
    match failure_of(&script) {
        CompilationError::Crashed { how } => assert!(how.contains("host is gone"), "{how}"),
        other => panic!("{other}"),
    }
}

#[test]
fn what_a_manifest_does_not_allow_is_refused_before_it_is_compiled() {
    let container = container(shell("exit 3"), CompilerBounds::default());
    for guest in [
        contract("", "(call $foreign) (call $ok @‹{}›)"),
        contract("", "(call $log (i32.const 0) @‹x›) (call $ok @‹{}›)"),
    ] {
        let error = container.load(&guest).expect_err("it asks too much");
        assert!(
            matches!(
                error,
                LoadError::ForeignImport { .. } | LoadError::UnaskedImport { .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_compiler_that_is_none_is_named() {
    for script in ["true", "echo hello", "printf 'cryptlet answers'"] {
        let error = failure_of(script);
        assert!(
            matches!(error, CompilationError::Unavailable { .. }),
            "{script}: {error}"
        );
    }
    let missing = CompilerProgram {
        path: "/nowhere/compiler".into(),
        arguments: Vec::new(),
    };
    let error = failure(missing, CompilerBounds::default(), &honest());
    assert!(error.to_string().contains("/nowhere/compiler"), "{error}");
}

#[test]
fn a_compiler_for_another_engine_is_not_believed() {
    let error = failure_of("printf 'cryptlet answers'; head -c 33 /dev/zero; echo code");
    assert!(
        matches!(error, CompilationError::OtherEngine { .. }),
        "{error}"
    );
}

#[test]
fn a_compiler_learns_nothing_of_its_host_but_the_component() {
    let CompilationError::Crashed { how } =
        failure_of("echo \"${CARGO_MANIFEST_DIR:-nothing} $(pwd)\" >&2; exit 1")
    else {
        panic!("it ends well");
    };
    assert!(how.ends_with("nothing /"), "{how}");
    std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for tests");
}

#[test]
fn there_are_never_more_compilers_than_allowed() {
    let folder = tempfile::tempdir().expect("a folder");
    let running = folder.path().join("running");
    let script = format!(
        "mkdir {0} || exit 9; sleep 0.02; rmdir {0}; exit 3",
        running.display()
    );
    let bounds = CompilerBounds {
        processes: 1,
        ..CompilerBounds::default()
    };
    let container = container(shell(script), bounds);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let container = &container;
            scope.spawn(move || {
                let reply = format!("(call $ok @‹{{\"number\":{number}}}›)");
                let error = container.load(&contract("", &reply)).expect_err("it ends");
                assert!(error.to_string().contains("status: 3"), "{error}");
            });
        }
    });
}

#[test]
fn a_failure_leaves_the_container_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let once = folder.path().join("once");
    let script = format!(
        "mkdir {} && kill -SEGV $$; exec {}",
        once.display(),
        env!("CARGO_BIN_EXE_compile-component")
    );
    let container = container(shell(script), CompilerBounds::default());
    let crashed = container
        .load(&honest())
        .expect_err("the first one crashes");
    assert!(crashed.to_string().contains("signal: 11"), "{crashed}");
    container.load(&honest()).expect("the second one compiles");
}
