use anyhow::Result;

use crate::process;
use crate::setup;
use crate::workspace::Workspace;

/// Makes web pages of `docs/` in `target/book`.
pub fn build(workspace: &Workspace) -> Result<()> {
    let mdbook = setup::mdbook(workspace)?;
    let pages = workspace.target().join("book");
    let mut command = workspace.command(mdbook);
    command.args(["build", "docs", "--dest-dir"]).arg(&pages);
    process::run(&mut command, "docs/SUMMARY.md lists what the book holds")?;
    println!("the book: {}", pages.join("index.html").display());
    Ok(())
}
