//! The verifiers of `tests/interop`, as child processes.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Where `cargo xtask interop` put what they need.
pub struct Verifiers {
    tools: PathBuf,
    modules: PathBuf,
}

impl Verifiers {
    /// Finds them in the folder that `INTEROP` names, or in `target/tools/interop`.
    pub fn find() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let tools = env::var_os("INTEROP")
            .map_or_else(|| here.join("../target/tools/interop"), PathBuf::from);
        ensure!(
            tools.join("sumdb").is_file(),
            "{} has no verifiers; run `cargo xtask interop`",
            tools.display()
        );
        Ok(Self {
            tools,
            modules: here.join("interop"),
        })
    }

    /// What `cryptlet_receipts` says about a file.
    pub fn verdict(&self, file: &Path, options: &[&str]) -> Result<Value> {
        let output = self
            .python(["-m", "cryptlet_receipts", "verify"])?
            .arg(file)
            .args(options)
            .output()?;
        let verdict: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("no verdict: {output:?}"))?;
        ensure!(
            output.status.success() == (verdict["verified"] == true),
            "{output:?}"
        );
        Ok(verdict)
    }

    /// The name of its doubt about a file.
    pub fn doubt(&self, file: &Path, options: &[&str]) -> Result<String> {
        let verdict = self.verdict(file, options)?;
        let doubt = verdict["doubt"].as_str();
        Ok(doubt.context("there is no doubt")?.to_owned())
    }

    /// What `scitt.py` does with a COSE Receipt.
    pub fn scitt<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Output> {
        let script = self.modules.join("scitt.py");
        Ok(self.python([script])?.args(words).output()?)
    }

    /// What Go's packages do with a published log.
    pub fn sumdb<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Output> {
        Ok(Command::new(self.tools.join("sumdb"))
            .args(words)
            .output()?)
    }

    fn python<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Result<Command> {
        let path = env::join_paths([self.modules.clone(), self.tools.join("python")])?;
        let mut python = Command::new("python3");
        python
            .arg("-s")
            .args(words)
            .env("PYTHONPATH", path)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(python)
    }
}

/// What a verifier said that vouches for what it was shown.
pub fn vouched(output: Output) -> Result<String> {
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// Why a verifier does not vouch for what it was shown.
pub fn refused(output: Output) -> Result<String> {
    ensure!(output.status.code() == Some(1), "{output:?}");
    Ok(String::from_utf8(output.stderr)?)
}
