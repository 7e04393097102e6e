use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fmt};

use crate::Target;
use crate::environment::leaks;

/// Where the standard library for the target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Installed, compiled, beside the compiler: rustup's.
    Installed,
    /// Compiled from its sources with every guest that asks for it first: Debian's.
    BuildStd,
}

/// A cargo, a rustc and what they need to compile to one target.
#[derive(Clone, Debug)]
pub struct Toolchain {
    pub(crate) target: Target,
    pub(crate) provider: Provider,
    pub(crate) cargo: PathBuf,
    pub(crate) rustc: PathBuf,
    pub(crate) sysroot: PathBuf,
    pub(crate) version: String,
    pub(crate) linker: Option<PathBuf>,
    pub(crate) programs: Vec<PathBuf>,
}

impl Toolchain {
    /// What it compiles to.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Where its standard library comes from.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// What `rustc --version` says; another version gives other bytes.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder that holds the compiler's libraries and, with [`Provider::BuildStd`], the sources
    /// of the standard library under `lib/rustlib/src/rust`.
    pub fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// `cargo <subcommand>` of this toolchain, for this target where the subcommand compiles.
    ///
    /// The command passes `flags` to every rustc that compiles for the target and ignores the
    /// caller's own `RUSTFLAGS`, profile overrides and toolchain choice. It inherits the working
    /// folder and standard streams.
    pub fn cargo(&self, subcommand: &str, flags: &[String]) -> Command {
        let mut command = Command::new(&self.cargo);
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(leaks) {
                command.env_remove(name);
            }
        }
        command.env("RUSTC", &self.rustc).env("PATH", self.path());
        if let Some(linker) = &self.linker {
            command.env(
                format!("CARGO_TARGET_{}_LINKER", self.target.variable()),
                linker,
            );
        }
        command.arg(subcommand);
        if compiles(subcommand) {
            command.args(["--target", self.target.triple()]);
            let mut encoded = self.own_flags();
            encoded.extend_from_slice(flags);
            command.env("CARGO_ENCODED_RUSTFLAGS", encoded.join("\u{1f}"));
            if self.provider == Provider::BuildStd {
                // The switch that lets a release compiler take `-Z` flags.
                command
                    .env("RUSTC_BOOTSTRAP", "1")
                    .arg("-Zbuild-std=std,panic_abort");
            }
        }
        command
    }

    fn own_flags(&self) -> Vec<String> {
        match (self.target, self.provider) {
            // Debian's wasi-libc instead of the one that rustup ships inside the standard library.
            (Target::Wasi, Provider::BuildStd) => {
                ["-L", "/usr/lib/wasm32-wasi", "-Clink-self-contained=no"]
                    .map(String::from)
                    .to_vec()
            }
            _ => Vec::new(),
        }
    }

    fn path(&self) -> OsString {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = self
            .programs
            .iter()
            .cloned()
            .chain(env::split_paths(&inherited));
        // A folder with the separator in its name came from PATH itself, so it cannot be there.
        env::join_paths(folders).unwrap_or(inherited)
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let library = match self.provider {
            Provider::Installed => "installed",
            Provider::BuildStd => "built from source",
        };
        let (version, rustc) = (&self.version, self.rustc.display());
        write!(
            formatter,
            "{version} at {rustc}, standard library for {} {library}",
            self.target
        )
    }
}

fn compiles(subcommand: &str) -> bool {
    matches!(subcommand, "build" | "check" | "clippy" | "rustc" | "test")
}
