//! Settings of cargo that lie outside a source tree and would change what is built from it.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::BuildError;
use crate::compile::cargo_home;

/// Tables that say how a machine fetches and shows things. `[source]` may put a mirror in the place
/// of a registry, whose packages the lock file's checksums hold to the original; a folder in its
/// place is refused by where its packages lie.
const HARMLESS: [&str; 13] = [
    "alias",
    "cache",
    "cargo-new",
    "credential-alias",
    "doc",
    "future-incompat-report",
    "http",
    "install",
    "net",
    "registries",
    "registry",
    "source",
    "term",
];

/// Keys of `[build]` that change nothing, or that the build sets itself.
const HARMLESS_OF_BUILD: [&str; 5] = ["build-dir", "jobs", "rustflags", "target", "target-dir"];

/// Refuses a build that cargo's configuration above `root`, or of the person, would change.
pub(crate) fn check(root: &Path) -> Result<(), BuildError> {
    let above = root.ancestors().skip(1).map(|folder| folder.join(".cargo"));
    for folder in above.chain([cargo_home()]) {
        for name in ["config.toml", "config"] {
            let path = folder.join(name);
            let Ok(text) = fs::read_to_string(&path) else {
                // Cargo, which has to read it as well, says so if it cannot.
                continue;
            };
            if let Some(key) = harmful(&text) {
                return Err(BuildError::OutsideSetting { path, key });
            }
        }
    }
    Ok(())
}

/// Whether a package lies where cargo keeps what it fetched and held to a checksum or a commit.
pub(crate) fn is_kept_by_cargo(package: &Path) -> bool {
    let kept = ["registry/src", "git/checkouts"];
    fs::canonicalize(package).is_ok_and(|package| {
        kept.iter()
            .filter_map(|folder| fs::canonicalize(cargo_home().join(folder)).ok())
            .any(|folder| package.starts_with(folder))
    })
}

/// The first key of a configuration that changes what is built.
fn harmful(text: &str) -> Option<String> {
    let table: Table = text.parse().ok()?;
    table.iter().find_map(|(name, value)| match value {
        Value::Table(build) if name == "build" => build
            .keys()
            .find(|key| !HARMLESS_OF_BUILD.contains(&key.as_str()))
            .map(|key| format!("build.{key}")),
        _ => (!HARMLESS.contains(&name.as_str())).then(|| name.clone()),
    })
}

/// The first of `paths` that stands in `component`, as the beginning of a longer path.
///
/// Flags make the compiler write other names for them; what still writes one is the crate's own
/// code, such as `env!("CARGO_MANIFEST_DIR")`.
pub(crate) fn path_in<'a>(component: &[u8], paths: &'a [PathBuf]) -> Option<&'a Path> {
    paths
        .iter()
        .find(|path| {
            let path = path.as_os_str().as_encoded_bytes();
            // A shorter one, such as `/src`, is also the end of other paths.
            path.iter().filter(|byte| **byte == b'/').count() > 1
                && component.windows(path.len()).any(|window| window == path)
        })
        .map(PathBuf::as_path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_machine_are_taken_and_settings_of_a_build_are_named() {
        let machine = "[net]\noffline = true\n[build]\njobs = 2\ntarget-dir = \"/t\"\n\
                       [source.crates-io]\nreplace-with = \"mirror\"\n";
        assert_eq!(harmful(machine), None);
        assert_eq!(
            harmful("[profile.guest]\nopt-level = 0\n").as_deref(),
            Some("profile")
        );
        assert_eq!(
            harmful("[build]\nrustc-wrapper = \"w\"\n").as_deref(),
            Some("build.rustc-wrapper")
        );
        assert_eq!(
            harmful("[patch.crates-io]\nserde = { path = \"s\" }\n").as_deref(),
            Some("patch")
        );
    }

    #[test]
    fn finds_the_path_of_a_machine_and_not_the_end_of_another() {
        let paths = [PathBuf::from("/src"), PathBuf::from("/home/ann/rates")];

        assert_eq!(path_in(b"..at /source/src/lib.rs", &paths), None);
        assert_eq!(
            path_in(b"..at /home/ann/rates/src/lib.rs", &paths),
            Some(Path::new("/home/ann/rates"))
        );
    }
}
