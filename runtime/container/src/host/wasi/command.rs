//! What a program gets from its caller: no arguments, no environment, no terminal, and no way to end
//! its host.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sync::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::pipe::{ClosedInputStream, SinkOutputStream};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::Guest;
use crate::tally::Stop;
use crate::transcript::Level;

impl environment::Host for Guest {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.enter_wasi()?;
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        self.enter_wasi()?;
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        self.enter_wasi()?;
        Ok(None)
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, _: Result<(), ()>) -> wasmtime::Result<()> {
        Err(self.tally.stop(Stop::Exit))
    }

    fn exit_with_code(&mut self, _: u8) -> wasmtime::Result<()> {
        Err(self.tally.stop(Stop::Exit))
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        self.enter_wasi()?;
        let stream: DynInputStream = Box::new(ClosedInputStream);
        Ok(self.table.push(stream)?)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.output_to(Level::Info)
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.output_to(Level::Warn)
    }
}

impl Guest {
    fn output_to(&mut self, level: Level) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.enter_wasi()?;
        // The table's entry is only a handle: writes go by its number, in `streams`.
        let stream: DynOutputStream = Box::new(SinkOutputStream);
        let handle = self.table.push(stream)?;
        self.wasi.outputs.insert(handle.rep(), level);
        Ok(handle)
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        self.enter_wasi()?;
        Ok(None)
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.enter_wasi()?;
        Ok(None)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.enter_wasi()?;
        Ok(None)
    }
}

impl terminal_input::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, terminal: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_output::Host for Guest {}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(
        &mut self,
        terminal: Resource<terminal_output::TerminalOutput>,
    ) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}
