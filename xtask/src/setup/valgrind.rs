use super::{apt, ready};
use crate::process::{answer, on_path};
use crate::workspace::Workspace;

/// The counter of instructions, for the test that holds what a run costs. Where it cannot be
/// installed that test says so and is skipped.
pub fn valgrind(workspace: &Workspace) {
    if on_path("valgrind").is_none()
        && let Err(error) = apt::install(workspace, &["valgrind"])
    {
        println!("  valgrind: none, so instructions are not counted: {error:#}");
        return;
    }
    let version = answer(workspace.command("valgrind").arg("--version"));
    ready("valgrind", version.as_deref().unwrap_or("installed"));
}
