//! `cargo xtask test`: what a change must pass, cheapest first.

use anyhow::{Result, bail};
use cryptlet_toolchain::{Target, Toolchain};

use crate::process;
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{book, contracts, dist, guests, interop, publishing, setup};

pub fn run(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::of("test");
    let tools = steps.step("setup", || setup::everything(workspace))?;
    steps.step("format", || format(workspace))?;
    steps.step("licences, bans and sources", || deny(workspace, &tools))?;
    steps.step("contracts", || contracts::build(workspace, true))?;
    steps.step("contracts against ethers.js", || contracts::test(workspace))?;
    steps.step("specification in Python and Go", || {
        interop::check(workspace, &tools.verifiers)
    })?;
    steps.step("clippy", || clippy(workspace))?;
    steps.step("documentation", || documentation(workspace))?;
    steps.step("book", || book::build(workspace))?;
    steps.step("attest for wasm32", || attest_for_wasm(workspace))?;
    steps.step("compile the tests", || compile_tests(workspace))?;
    steps.step("cryptlets", || {
        guests::build_with_the_present_builder(workspace)
    })?;
    steps.step("what a release holds", || dist::check(workspace))?;
    steps.step("what is published", || publishing::rehearse(workspace))?;
    let tally = steps.step("tests", || tests(workspace, &tools))?;
    println!("{}", steps.summary());
    println!(
        "tests: {} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    Ok(())
}

fn format(workspace: &Workspace) -> Result<()> {
    process::run(
        workspace.cargo().args(["fmt", "--all", "--check"]),
        "run `cargo fmt --all`",
    )
}

fn deny(workspace: &Workspace, tools: &setup::Tools) -> Result<()> {
    let mut deny = workspace.command(&tools.cargo_deny);
    // The advisories need a database that lies in a git repository: for a person, not for a gate.
    deny.args([
        "--workspace",
        "--all-features",
        "check",
        "licenses",
        "bans",
        "sources",
    ]);
    process::run(&mut deny, "deny.toml says what is allowed, and why")
}

fn clippy(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-Dwarnings",
    ]);
    process::run(&mut cargo, "correct what it names")
}

fn documentation(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-Dwarnings");
    process::run(&mut cargo, "correct the documentation that it names")
}

/// An auditor may check receipts in a browser.
fn attest_for_wasm(workspace: &Workspace) -> Result<()> {
    let toolchain = Toolchain::find(Target::Bare)?;
    let mut cargo = toolchain.cargo("check", &[]);
    cargo.current_dir(workspace.root());
    cargo.args(["--locked", "--package", "cryptlet-attest", "--target-dir"]);
    // Apart from the guests, whose flags differ: each would compile the other's dependencies anew.
    cargo.arg(workspace.target().join("attest-for-wasm"));
    process::run(
        &mut cargo,
        "runtime/attest must do without files, threads and the system's randomness",
    )
}

fn compile_tests(workspace: &Workspace) -> Result<()> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--locked", "--no-run"]);
    process::run(&mut cargo, "correct what it names")
}

fn tests(workspace: &Workspace, tools: &setup::Tools) -> Result<Tally> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--locked"]);
    cargo
        .env("ANVIL", &tools.anvil)
        .env("CRYPTLETS", workspace.cryptlets())
        .env("INTEROP", tools.verifiers.folder());
    let mut tally = Tally::default();
    process::run_reading(
        &mut cargo,
        "the tests that failed are listed above",
        |line| tally.read(line),
    )?;
    if tally.passed == 0 {
        bail!("no test ran; is the workspace empty?")
    }
    Ok(tally)
}

/// What all test programs together say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds up lines of the form `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn read(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn adds_up_what_the_test_programs_say() {
        let mut tally = Tally::default();

        tally.read("running 4 tests");
        tally.read("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.31s");
        tally.read("test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s");

        assert_eq!(
            tally,
            Tally {
                passed: 13,
                failed: 2,
                skipped: 1
            }
        );
    }
}
