//! What makes components of other languages than Rust.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{npm, pip, ready};
use crate::workspace::Workspace;

/// Pins the packages of JavaScript's tool, and is copied to where they are installed.
pub const JAVASCRIPT: &str = "xtask/tools/componentize-js/package-lock.json";
/// Pins the package of Python's tool.
pub const PYTHON: &str = "xtask/tools/componentize-py.txt";

/// `componentize-js` and `componentize-py`, to be started with arguments.
pub struct Languages {
    javascript: PathBuf,
    python: PathBuf,
}

impl Languages {
    /// Makes a component of a JavaScript module.
    pub fn componentize_js(&self, workspace: &Workspace) -> Command {
        let mut node = workspace.command("node");
        node.arg(
            self.javascript
                .join("node_modules/@bytecodealliance/componentize-js/src/cli.js"),
        );
        node
    }

    /// Makes a component of a Python module. Packages of the user's are not looked at.
    pub fn componentize_py(&self, workspace: &Workspace) -> Command {
        let mut python = workspace.command("python3");
        python
            .arg("-s")
            .arg(self.python.join("bin/componentize-py"))
            .env("PYTHONPATH", &self.python)
            .env_remove("VIRTUAL_ENV");
        python
    }
}

/// Installs both, unless they are there.
pub fn languages(workspace: &Workspace) -> Result<Languages> {
    let found = Languages {
        javascript: workspace.tools().join("componentize-js"),
        python: workspace.tools().join("componentize-py"),
    };
    fs::create_dir_all(&found.javascript)
        .with_context(|| format!("cannot create {}", found.javascript.display()))?;
    let lock = workspace.root().join(JAVASCRIPT);
    for from in [lock.with_file_name("package.json"), lock] {
        let to = found.javascript.join(from.file_name().unwrap_or_default());
        fs::copy(&from, &to)
            .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    }
    npm::install(workspace, &found.javascript)?;
    ready("npm packages", JAVASCRIPT);
    pip::install(workspace, PYTHON, &found.python)?;
    Ok(found)
}
