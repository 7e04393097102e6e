//! `cryptlet-build --out FOLDER [--target-dir FOLDER] MANIFEST…`: what `cargo xtask guests` runs; with
//! `--component FILE` for one that another toolchain made, and `--wit FOLDER` beforehand, for what
//! that toolchain builds against.
//!
//! Authors use `cryptlet build` and `cryptlet wit`, which are the same library with help texts.

#![forbid(unsafe_code)]

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use cryptlet_build::{BuildError, Freshness, Project, Stored, adopt, build_into, write_wit};

const USAGE: &str = "usage: cryptlet-build --out FOLDER [--target-dir FOLDER] MANIFEST…
       cryptlet-build --out FOLDER --component FILE MANIFEST
       cryptlet-build --wit FOLDER MANIFEST";

fn main() -> ExitCode {
    let Some(order) = Order::parse(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match carry_out(&order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(order: &Order) -> Result<(), BuildError> {
    match order {
        Order::Build {
            out,
            target_dir,
            manifests,
        } => {
            for manifest in manifests {
                print(&build_into(&Project::at(manifest, target_dir)?, out)?);
            }
        }
        Order::Adopt {
            out,
            component,
            manifest,
        } => print(&adopt(manifest, component, out)?),
        Order::Wit { folder, manifest } => write_wit(manifest, folder)?,
    }
    Ok(())
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

enum Order {
    Build {
        out: PathBuf,
        target_dir: PathBuf,
        manifests: Vec<PathBuf>,
    },
    Adopt {
        out: PathBuf,
        component: PathBuf,
        manifest: PathBuf,
    },
    Wit {
        folder: PathBuf,
        manifest: PathBuf,
    },
}

impl Order {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut out, mut target_dir, mut component, mut wit) = (None, None, None, None);
        let mut manifests = Vec::new();
        while let Some(argument) = arguments.next() {
            let option = match argument.as_str() {
                "--out" => &mut out,
                "--target-dir" => &mut target_dir,
                "--component" => &mut component,
                "--wit" => &mut wit,
                option if option.starts_with('-') => return None,
                _ => {
                    manifests.push(PathBuf::from(argument));
                    continue;
                }
            };
            *option = Some(PathBuf::from(arguments.next()?));
        }
        let one = || match manifests.as_slice() {
            [manifest] => Some(manifest.clone()),
            _ => None,
        };
        match (wit, component, out) {
            (Some(folder), None, None) => Some(Self::Wit {
                folder,
                manifest: one()?,
            }),
            (None, Some(component), Some(out)) => Some(Self::Adopt {
                out,
                component,
                manifest: one()?,
            }),
            (None, None, Some(out)) if !manifests.is_empty() => Some(Self::Build {
                out,
                target_dir: target_dir.unwrap_or_else(|| "target/guests".into()),
                manifests,
            }),
            _ => None,
        }
    }
}
