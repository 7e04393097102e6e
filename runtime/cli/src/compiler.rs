//! `cryptlet compile-component`: this command as the compiler of its own hosts, in a process that can be
//! ended.

use cryptlet_container::{Compiler, CompilerBounds, CompilerProgram};

use crate::failure::Failure;

/// What a host starts this command with.
pub const COMMAND: &str = "compile-component";

pub fn run() -> Result<(), Failure> {
    cryptlet_container::compile_component().map_err(|error| Failure::Refused(error.to_string()))
}

/// This very command.
///
/// # Errors
///
/// The system does not say where it is.
pub fn program() -> Result<CompilerProgram, Failure> {
    CompilerProgram::this([COMMAND]).map_err(|error| {
        Failure::Refused(format!(
            "the system does not say where this command is, and it starts itself to compile: {error}"
        ))
    })
}

/// Within the usual bounds.
///
/// # Errors
///
/// The system does not say where this command is.
pub fn usual() -> Result<Compiler, Failure> {
    Ok(Compiler::Child {
        program: program()?,
        bounds: CompilerBounds::default(),
    })
}
