//! What checks the fabric's documents with other people's code: `tests/interop` in Python and Go.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{apt, pip, ready};
use crate::process::{answer, on_path};
use crate::workspace::Workspace;

const REQUIREMENTS: &str = "tests/interop/requirements.txt";
const GO_PACKAGES: [&str; 2] = ["golang-go", "golang-golang-x-mod-dev"];
/// Where Debian puts the sources of packages for Go.
const DEBIAN_GOPATH: &str = "/usr/share/gocode";
const SUMDB: &str = "src/golang.org/x/mod/sumdb/tlog";

/// Where Python's packages lie, and Go's.
pub struct Verifiers {
    folder: PathBuf,
    gopath: PathBuf,
}

impl Verifiers {
    /// Holds the packages under `python`, and the program that [`crate::interop`] builds as `sumdb`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Python with the pinned packages and the modules of `tests/interop`, and no others of the user's.
    pub fn python(&self, workspace: &Workspace) -> Result<Command> {
        let mut python = workspace.command("python3");
        python
            .arg("-s")
            .env("PYTHONPATH", self.python_path(workspace)?);
        python.env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(python)
    }

    /// Go, which may download nothing.
    pub fn go(&self, workspace: &Workspace) -> Command {
        let mut go = workspace.command("go");
        go.env("GO111MODULE", "off")
            .env("GOPATH", &self.gopath)
            .env("GOCACHE", self.folder.join("go-cache"))
            .env_remove("GOFLAGS");
        go
    }

    fn python_path(&self, workspace: &Workspace) -> Result<OsString> {
        let ours = workspace.root().join("tests/interop");
        Ok(env::join_paths([ours, packages(&self.folder)])?)
    }
}

/// Installs both, unless they are there.
pub fn verifiers(workspace: &Workspace) -> Result<Verifiers> {
    let folder = workspace.tools().join("interop");
    pip::install(workspace, REQUIREMENTS, &packages(&folder))?;
    let gopath = go_packages(workspace)?;
    Ok(Verifiers { folder, gopath })
}

fn packages(folder: &Path) -> PathBuf {
    folder.join("python")
}

/// Go and the sources of golang.org/x/mod; gives the GOPATH where these are.
fn go_packages(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(gopath) = found_go(workspace) {
        return Ok(gopath);
    }
    let way_out = "install Go and the sources of golang.org/x/mod, on Debian with \
                   `apt install golang-go golang-golang-x-mod-dev`";
    apt::install(workspace, &GO_PACKAGES).context(way_out)?;
    match found_go(workspace) {
        Some(gopath) => Ok(gopath),
        None => bail!("{way_out}"),
    }
}

fn found_go(workspace: &Workspace) -> Option<PathBuf> {
    on_path("go")?;
    let version = answer(workspace.command("go").arg("version"))?;
    let own = answer(workspace.command("go").args(["env", "GOPATH"]))?;
    let gopath = env::split_paths(&own)
        .chain([PathBuf::from(DEBIAN_GOPATH)])
        .find(|folder| folder.join(SUMDB).is_dir())?;
    ready("Go", format!("{version}, {}", gopath.display()));
    Some(gopath)
}
