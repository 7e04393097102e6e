//! Random modules in a cryptlet's place. An input that is a module is taken as it is, as those of the
//! corpus are; from any other one a valid module is made.

#![no_main]

#[path = "../checks/module_run.rs"]
mod checked;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use wasm_smith::{Config, Module};

/// A module that exports what a cryptlet must; others get its exports with code of their own.
static SHAPE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    wat::parse_str(
        r#"(module
            (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param i32) (result i32)
              unreachable))"#,
    )
    .expect("the text above")
});

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"\0asm") {
        checked::check(bytes);
    } else if let Ok(module) = Module::new(config(), &mut Unstructured::new(bytes)) {
        checked::check(&module.to_bytes());
    }
});

/// What the container's engine takes, and nothing to import.
fn config() -> Config {
    Config {
        exports: Some(SHAPE.clone()),
        max_imports: 0,
        max_memories: 1,
        max_tables: 4,
        max_memory32_bytes: 4 << 20,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        shared_everything_threads_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    }
}
