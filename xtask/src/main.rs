//! `cargo xtask …`: installs the tools of the workspace, builds the guests and contracts, runs the
//! demonstration and the tests.
//!
//! Kept small on purpose: it compiles in seconds on a bare machine, and starts everything heavy as
//! a child process. All cargo commands take `--workspace`, so that every one of them sees the same
//! features and nothing is compiled twice.

#![forbid(unsafe_code)]

mod bench;
mod book;
mod command_line;
mod contracts;
mod demo;
mod devnet;
mod dist;
mod guests;
mod interop;
mod languages;
mod process;
mod publishing;
mod setup;
mod steps;
mod test;
mod workspace;

use std::env;
use std::process::ExitCode;

use command_line::{Order, USAGE};
use workspace::Workspace;

fn main() -> ExitCode {
    let order = match Order::parse(env::args().skip(1)) {
        Ok(order) => order,
        Err(reason) => {
            eprintln!("error: {reason}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match carry_out(order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(order: Order) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match order {
        Order::Help => {
            println!("{USAGE}");
            Ok(())
        }
        Order::Setup => setup::all(&workspace),
        Order::Guests => guests::build(&workspace),
        Order::Contracts { check } => contracts::build(&workspace, check),
        Order::Book => book::build(&workspace),
        Order::Demo { arguments } => demo::run(&workspace, &arguments),
        Order::Devnet { arguments } => devnet::run(&workspace, &arguments),
        Order::Dist { check: false } => dist::build(&workspace),
        Order::Dist { check: true } => dist::check(&workspace),
        Order::Bench { name } => bench::run(&workspace, name),
        Order::Interop => interop::alone(&workspace),
        Order::Test => test::run(&workspace),
    }
}
