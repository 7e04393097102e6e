//! The files of a new project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use cryptlet_schema::{Kind, Manifest};
use include_dir::{Dir, include_dir};

use super::vendored;

static CONTRACT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/contract");
static UTILITY: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/utility");
const CARGO_MANIFEST: &str = include_str!("../../templates/Cargo.template.toml");
/// The packages that the SDK was tested with, without the project's own.
const CARGO_LOCK: &str = include_str!("../../templates/Cargo.lock");
const IGNORED: &str = include_str!("../../templates/.gitignore");

/// Where the SDK lies in a project.
const VENDOR: &str = "vendor/";

/// Package names that cargo or the SDK cannot do without.
const TAKEN: [&str; 9] = [
    "alloc",
    "core",
    "cryptlet-sdk",
    "cryptlet-sdk-macros",
    "proc-macro",
    "serde",
    "serde-json",
    "std",
    "test",
];

/// Words that are no name of a crate in Rust 2024, among those that a manifest would allow.
const KEYWORDS: [&str; 48] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "unsafe", "use",
    "virtual", "where", "while",
];

/// A name that both a manifest and cargo take.
pub struct Name(String);

impl Name {
    /// Checks a name as a manifest's reader does.
    ///
    /// # Errors
    ///
    /// One sentence with the reason and the way out.
    pub fn parse(name: &str) -> Result<Self, String> {
        // Quotes and line breaks must not become more TOML than one text.
        let text = toml::Value::from(name).to_string();
        let probe = format!(
            "[cryptlet]\nname = {text}\nversion = \"0.1.0\"\nkind = \"contract\"\ndescription = \"-\"\n"
        );
        if let Err(error) = Manifest::parse(&probe) {
            return Err(format!("{}; {}", error.reason, error.remedy));
        }
        if TAKEN.contains(&name) || KEYWORDS.contains(&name) || name == "yield" {
            return Err(format!(
                "`{name}` cannot be the name of a Rust crate here; add a word to it, like \
                 `{name}-cryptlet`"
            ));
        }
        Ok(Self(name.to_owned()))
    }

    fn crate_name(&self) -> String {
        self.0.replace('-', "_")
    }
}

/// Every file of a project, by its path in it.
pub struct Scaffold {
    files: BTreeMap<String, String>,
}

impl Scaffold {
    /// The project of a new cryptlet.
    pub fn of(kind: Kind, name: &Name) -> Self {
        let render = |text: &str| {
            text.replace("{{name}}", &name.0)
                .replace("{{crate}}", &name.crate_name())
        };
        let template = match kind {
            Kind::Contract => &CONTRACT,
            Kind::Utility => &UTILITY,
        };
        let mut files = BTreeMap::new();
        texts(template, &mut |path, text| {
            files.insert(path.to_owned(), render(text));
        });
        files.insert("Cargo.toml".to_owned(), render(CARGO_MANIFEST));
        files.insert("Cargo.lock".to_owned(), lock(&name.0));
        files.insert(".gitignore".to_owned(), IGNORED.to_owned());
        for (path, text) in vendored::sdk() {
            files.insert(format!("{VENDOR}{path}"), text);
        }
        Self { files }
    }

    /// The paths of what is not the SDK's.
    pub fn own_files(&self) -> impl Iterator<Item = &str> {
        self.files
            .keys()
            .map(String::as_str)
            .filter(|path| !path.starts_with(VENDOR))
    }

    /// Writes the project into a folder that is not there yet.
    ///
    /// # Errors
    ///
    /// The file or folder that could not be written, and why.
    pub fn write(&self, folder: &Path) -> Result<(), (PathBuf, io::Error)> {
        for (path, text) in &self.files {
            let path = folder.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|error| (parent.to_owned(), error))?;
            }
            fs::write(&path, text).map_err(|error| (path, error))?;
        }
        Ok(())
    }
}

/// Every text below an embedded folder, by its path in it.
pub fn texts<'a>(folder: &Dir<'a>, visit: &mut impl FnMut(&str, &'a str)) {
    for file in folder.files() {
        let path = file.path().to_str().expect("the embedded names are ASCII");
        visit(
            path,
            file.contents_utf8().expect("the embedded files are texts"),
        );
    }
    for inner in folder.dirs() {
        texts(inner, visit);
    }
}

/// The lock file with the project's own package where cargo would put it: sorted by name.
fn lock(name: &str) -> String {
    const HEAD: &str = "[[package]]\n";
    let own = format!(
        "name = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"cryptlet-sdk\",\n]\n"
    );
    let mut parts = CARGO_LOCK.split(HEAD);
    let head = parts.next().unwrap_or_default();
    let mut packages: Vec<String> = parts
        .map(|package| package.trim_end().to_owned() + "\n")
        .collect();
    let key = |package: &str| {
        let line = package.lines().next().unwrap_or_default();
        line.trim_start_matches("name = ")
            .trim_matches('"')
            .to_owned()
    };
    let place = packages.partition_point(|package| key(package).as_str() < name);
    packages.insert(place, own);
    let packages: Vec<String> = packages
        .into_iter()
        .map(|package| format!("{HEAD}{package}"))
        .collect();
    format!("{head}{}", packages.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn refuses_names_that_the_manifest_or_rust_refuses() {
        for (text, part) in [
            ("Invoice", "kebab-case"),
            ("two words", "kebab-case"),
            ("../up", "kebab-case"),
            ("a\"\nkind = \"utility", "kebab-case"),
            ("", "kebab-case"),
            ("match", "Rust crate"),
            ("cryptlet-sdk", "Rust crate"),
        ] {
            let refusal = Name::parse(text).err().unwrap();
            assert!(refusal.contains(part), "{text:?}: {refusal}");
        }
        assert_eq!(
            name("interest-rate-swap").crate_name(),
            "interest_rate_swap"
        );
    }

    #[test]
    fn every_placeholder_is_filled_and_the_manifest_reads() {
        for kind in [Kind::Contract, Kind::Utility] {
            let scaffold = Scaffold::of(kind, &name("first-try"));
            for (path, text) in &scaffold.files {
                assert!(
                    !text.contains("{{name}}") && !text.contains("{{crate}}"),
                    "{path}"
                );
            }
            let manifest = Manifest::parse(&scaffold.files["cryptlet.toml"]).unwrap();
            assert_eq!(manifest.cryptlet.name, "first-try");
            assert_eq!(manifest.cryptlet.kind, kind);
        }
    }

    #[test]
    fn the_lock_file_lists_the_project_in_order() {
        for text in ["aaa", "invoice", "zzz"] {
            let lock: toml::Table = lock(text).parse().unwrap();
            let names: Vec<&str> = lock["package"]
                .as_array()
                .unwrap()
                .iter()
                .map(|package| package["name"].as_str().unwrap())
                .collect();
            assert!(names.contains(&text));
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    /// The SDK is tested here, so its projects begin with the same packages.
    #[test]
    fn projects_begin_with_the_packages_of_this_workspace() {
        let ours: toml::Table = include_str!("../../../../Cargo.lock").parse().unwrap();
        let theirs: toml::Table = CARGO_LOCK.parse().unwrap();
        let key = |package: &toml::Value| {
            let text = |name: &str| {
                package
                    .get(name)
                    .and_then(toml::Value::as_str)
                    .map(str::to_owned)
            };
            (text("name"), text("version"), text("checksum"))
        };
        let ours: Vec<_> = ours["package"]
            .as_array()
            .unwrap()
            .iter()
            .map(key)
            .collect();
        for package in theirs["package"].as_array().unwrap() {
            assert!(
                ours.contains(&key(package)),
                "{} {} is not in Cargo.lock: make a project, run `cargo update` in it as needed, \
                 and copy its lock file to templates/Cargo.lock without its own package",
                package["name"],
                package["version"]
            );
        }
    }
}
