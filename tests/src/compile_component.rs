//! The compiler of the hosts that these tests attack: a process of its own, which can be ended.

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
