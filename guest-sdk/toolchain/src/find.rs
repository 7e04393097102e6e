//! Where toolchains are looked for, in the order in which they are taken.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::{Missing, Provider, Target, Toolchain};

impl Toolchain {
    /// The first toolchain on this machine that compiles to `target`: the compiler on `PATH` if the
    /// standard library for the target is installed with it, else the system's compiler with the
    /// sources of its standard library.
    ///
    /// # Errors
    ///
    /// [`Missing`] says why neither does, and what to install.
    pub fn find(target: Target) -> Result<Toolchain, Missing> {
        Self::find_in(target, Path::new("."))
    }

    /// [`Toolchain::find`] for a project in `folder`, whose `rust-toolchain.toml` rustup heeds.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn find_in(target: Target, folder: &Path) -> Result<Toolchain, Missing> {
        let on_path = sysroot(Path::new("rustc"), folder);
        let installed = on_path
            .clone()
            .and_then(|sysroot| installed(target, &sysroot));
        let reason = match installed {
            Ok(toolchain) => return Ok(toolchain),
            Err(reason) => reason,
        };
        let tools = on_path.ok().map(|sysroot| programs(&sysroot));
        build_std(target, Path::new("/usr"), tools).map_err(|other| Missing {
            target,
            reasons: vec![reason, other],
        })
    }
}

/// rustup's shape: compiled libraries of the target below the compiler's own folder.
fn installed(target: Target, sysroot: &Path) -> Result<Toolchain, String> {
    let library = sysroot
        .join("lib/rustlib")
        .join(target.triple())
        .join("lib");
    if !holds_standard_library(&library) {
        return Err(format!(
            "{} has no standard library for {target}",
            sysroot.display()
        ));
    }
    let (cargo, rustc) = compiler(&sysroot.join("bin"))?;
    Ok(Toolchain {
        target,
        provider: Provider::Installed,
        version: version(&rustc)?,
        cargo,
        rustc,
        sysroot: sysroot.to_owned(),
        linker: None,
        programs: Vec::new(),
    })
}

/// Debian's shape: a compiler in `prefix/bin`, the library's sources below `prefix/lib/rustlib/src`,
/// and a linker that comes from elsewhere: `tools`, the programs of another toolchain, or `PATH`.
fn build_std(target: Target, prefix: &Path, tools: Option<PathBuf>) -> Result<Toolchain, String> {
    let (cargo, rustc) = compiler(&prefix.join("bin"))?;
    let sysroot = sysroot(&rustc, Path::new("."))?;
    let sources = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if !sources.is_file() {
        return Err(format!(
            "{} has no sources of the standard library",
            rustc.display()
        ));
    }
    let programs: Vec<PathBuf> = [Some(programs(&sysroot)), tools]
        .into_iter()
        .flatten()
        .collect();
    let linker = match target {
        // rustc finds `wasm-component-ld`, which calls `wasm-ld` or `rust-lld`, by PATH.
        Target::Wasi => {
            program("wasm-component-ld", &programs)
                .ok_or_else(|| format!("{} has no wasm-component-ld", rustc.display()))?;
            if !Path::new("/usr/lib/wasm32-wasi/libc.a").is_file() {
                return Err("/usr/lib/wasm32-wasi has no C library".to_owned());
            }
            None
        }
        Target::Bare => Some(
            program("rust-lld", &programs)
                .or_else(|| program("wasm-ld", &programs))
                .ok_or_else(|| format!("{} has no rust-lld or wasm-ld", rustc.display()))?,
        ),
    };
    let version = version(&rustc)?;
    Ok(Toolchain {
        target,
        provider: Provider::BuildStd,
        cargo,
        rustc,
        sysroot,
        version,
        linker,
        programs,
    })
}

fn compiler(folder: &Path) -> Result<(PathBuf, PathBuf), String> {
    let (cargo, rustc) = (folder.join("cargo"), folder.join("rustc"));
    for program in [&cargo, &rustc] {
        if !program.is_file() {
            return Err(format!("there is no {}", program.display()));
        }
    }
    Ok((cargo, rustc))
}

fn holds_standard_library(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str()
            .is_some_and(|name| name.starts_with("libstd-") && name.ends_with(".rlib"))
    })
}

/// The folder in which a compiler keeps the programs that only it needs, linkers among them.
pub(crate) fn programs(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(host()).join("bin")
}

fn host() -> String {
    let (architecture, system) = (env::consts::ARCH, env::consts::OS);
    match system {
        "macos" => format!("{architecture}-apple-darwin"),
        _ => format!("{architecture}-unknown-linux-gnu"),
    }
}

pub(crate) fn program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let everywhere = folders.iter().cloned().chain(env::split_paths(&path));
    everywhere
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn sysroot(rustc: &Path, folder: &Path) -> Result<PathBuf, String> {
    ask_in(folder, rustc, &["--print", "sysroot"]).map(PathBuf::from)
}

fn version(rustc: &Path) -> Result<String, String> {
    ask(rustc, &["--version"])
}

pub(crate) fn ask(asked: &Path, arguments: &[&str]) -> Result<String, String> {
    ask_in(Path::new("."), asked, arguments)
}

fn ask_in(folder: &Path, asked: &Path, arguments: &[&str]) -> Result<String, String> {
    let shown = || format!("`{} {}`", asked.display(), arguments.join(" "));
    let mut command = Command::new(asked);
    // The caller's library path may name another compiler's libraries.
    let output = command
        .args(arguments)
        .current_dir(folder)
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .map_err(|error| format!("{} does not run: {error}", shown()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} failed: {}", shown(), said.trim()));
    }
    String::from_utf8(output.stdout)
        .map(|text| text.trim().to_owned())
        .map_err(|_| format!("{} did not answer in UTF-8", shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_target_folder_is_not_a_standard_library() {
        let sysroot = tempfile::tempdir().expect("a folder");
        let library = sysroot
            .path()
            .join("lib/rustlib/wasm32-unknown-unknown/lib");
        fs::create_dir_all(&library).expect("a folder in it");

        let reason = installed(Target::Bare, sysroot.path()).expect_err("nothing is installed");

        assert!(
            reason.contains("no standard library for wasm32-unknown-unknown"),
            "{reason}"
        );
    }

    #[test]
    fn a_standard_library_without_its_compiler_is_refused_by_the_program_that_lacks() {
        let sysroot = tempfile::tempdir().expect("a folder");
        let library = sysroot
            .path()
            .join("lib/rustlib/wasm32-unknown-unknown/lib");
        fs::create_dir_all(&library).expect("a folder in it");
        fs::write(library.join("libstd-0123456789abcdef.rlib"), b"").expect("a file in it");

        let reason = installed(Target::Bare, sysroot.path()).expect_err("no compiler is there");

        assert!(reason.ends_with("bin/cargo"), "{reason}");
    }

    #[test]
    fn a_prefix_without_a_compiler_is_refused() {
        let prefix = tempfile::tempdir().expect("a folder");

        let reason =
            build_std(Target::Wasi, prefix.path(), None).expect_err("no compiler is there");

        assert!(reason.starts_with("there is no "), "{reason}");
    }

    #[test]
    fn what_is_missing_names_both_ways_out() {
        let missing = Missing {
            target: Target::Wasi,
            reasons: vec!["it rains".to_owned()],
        };

        let text = missing.to_string();

        assert!(text.contains("it rains"), "{text}");
        assert!(text.contains("rustup target add wasm32-wasip2"), "{text}");
        assert!(
            text.contains("apt-get install rustc-web cargo-web"),
            "{text}"
        );
    }
}
