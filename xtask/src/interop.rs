//! Checks of the specification by code that is not ours: `tests/interop`.

use anyhow::Result;

use crate::process;
use crate::setup::{self, Verifiers};
use crate::workspace::Workspace;

/// `cargo xtask interop`.
pub fn alone(workspace: &Workspace) -> Result<()> {
    check(workspace, &setup::verifiers(workspace)?)
}

/// Holds the verifier in Python to the vectors and to its own tests, and builds the one in Go, which
/// the end-to-end tests start.
pub fn check(workspace: &Workspace, verifiers: &Verifiers) -> Result<()> {
    let mut vectors = verifiers.python(workspace)?;
    vectors.args(["-m", "cryptlet_receipts", "vectors", "tests/vectors"]);
    process::run(
        &mut vectors,
        "tests/vectors and docs/spec do not say the same, or tests/interop reads them wrongly",
    )?;
    let mut tests = verifiers.python(workspace)?;
    tests.args([
        "-m",
        "unittest",
        "discover",
        "--start-directory",
        "tests/interop",
    ]);
    process::run(&mut tests, "the tests that failed are listed above")?;
    let mut build = verifiers.go(workspace);
    build
        .args(["build", "-o"])
        .arg(verifiers.folder().join("sumdb"))
        .arg("./tests/interop/sumdb");
    process::run(&mut build, "correct what it names")?;
    let mut vet = verifiers.go(workspace);
    vet.args(["vet", "./tests/interop/sumdb"]);
    process::run(&mut vet, "correct what it names")
}
