//! A compiler in a process of its own, for programs that use the container without the `cryptlet`
//! command, which has the same as a command of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    match cryptlet_container::compile_component() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
