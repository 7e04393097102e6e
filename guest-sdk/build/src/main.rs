//! `cryptlet-build --out FOLDER [--target-dir FOLDER] MANIFEST…`: what `cargo xtask guests` runs.
//!
//! Authors use `cryptlet build`, which is the same library with help texts.

#![forbid(unsafe_code)]

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use cryptlet_build::{BuildError, Freshness, Project, Stored, build_into};

const USAGE: &str = "usage: cryptlet-build --out FOLDER [--target-dir FOLDER] MANIFEST…";

fn main() -> ExitCode {
    let Some(order) = Order::parse(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    for manifest in &order.manifests {
        match build_one(&order, manifest) {
            Ok(stored) => print(&stored),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn build_one(order: &Order, manifest: &str) -> Result<Stored, BuildError> {
    build_into(&Project::at(manifest, &order.target_dir)?, &order.out)
}

fn print(stored: &Stored) {
    let Stored {
        path,
        built,
        freshness,
    } = stored;
    let freshness = match freshness {
        Freshness::Unchanged => "unchanged",
        Freshness::Compiled => "compiled",
    };
    let imports = match built.imports.as_slice() {
        [] => "nothing".to_owned(),
        imports => imports.join(", "),
    };
    println!(
        "{} {} ({freshness})",
        built.manifest.cryptlet.name, built.manifest.cryptlet.version
    );
    println!("  file         {}", path.display());
    println!("  size         {} bytes", built.component.len());
    println!("  measurement  {}", built.measurement);
    println!("  imports      {imports}");
}

struct Order {
    out: PathBuf,
    target_dir: PathBuf,
    manifests: Vec<String>,
}

impl Order {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut out, mut target_dir, mut manifests) = (None, None, Vec::new());
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--out" => out = Some(arguments.next()?),
                "--target-dir" => target_dir = Some(arguments.next()?),
                option if option.starts_with('-') => return None,
                _ => manifests.push(argument),
            }
        }
        let target_dir = target_dir.unwrap_or_else(|| "target/guests".to_owned());
        let complete = !manifests.is_empty();
        complete.then_some(Self {
            out: out?.into(),
            target_dir: target_dir.into(),
            manifests,
        })
    }
}
