//! `cryptlet new`: a project that builds, passes its tests and runs at once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use clap::Args;
use cryptlet_schema::Kind;
use serde::Serialize;
use utoipa::ToSchema;

use super::scaffold::{Name, Scaffold};
use crate::failure::Failure;
use crate::terminal::{FAINT, HEADING};

#[derive(Args)]
#[command(after_help = "Examples:
    cryptlet new invoice
    cryptlet new exchange-rate --utility
    cryptlet new invoice --at work/invoice")]
pub struct Arguments {
    /// The cryptlet's name in kebab-case; also the folder's, unless --at says otherwise.
    name: String,
    /// The logic of one contract, which it may write to (the default).
    #[arg(long)]
    contract: bool,
    /// One that answers questions and writes to no ledger.
    #[arg(long, conflicts_with = "contract")]
    utility: bool,
    /// Another folder for the project; nothing may be there yet.
    #[arg(long, value_name = "FOLDER")]
    at: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What `cryptlet new --json` prints.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NewProject {
    /// The cryptlet's name.
    pub name: String,
    /// `contract` or `utility`.
    pub kind: String,
    /// The project's folder.
    pub folder: String,
    /// The files in it, apart from the SDK's, in the order of their names.
    pub files: Vec<String>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let kind = if arguments.utility {
        Kind::Utility
    } else {
        Kind::Contract
    };
    let name = Name::parse(&arguments.name).map_err(Failure::Usage)?;
    let folder = arguments
        .at
        .clone()
        .unwrap_or_else(|| PathBuf::from(&arguments.name));
    let scaffold = Scaffold::of(kind, &name);
    write(&scaffold, &folder)?;
    let project = NewProject {
        name: arguments.name.clone(),
        kind: kind.to_string(),
        folder: folder.display().to_string(),
        files: scaffold.own_files().map(str::to_owned).collect(),
    };
    if arguments.json {
        return super::print_json(&project, output);
    }
    welcome(&project, output)
}

/// Puts the whole project together beside its place and moves it there, so that a failure leaves
/// no half of one.
fn write(scaffold: &Scaffold, folder: &Path) -> Result<(), Failure> {
    let cannot = |path: &Path, error: &std::io::Error| {
        Failure::Refused(format!("cannot write {}: {error}", path.display()))
    };
    if folder.symlink_metadata().is_ok() {
        return Err(Failure::Usage(format!(
            "{} is there already; choose another name, or another folder with --at",
            folder.display()
        )));
    }
    let absolute = std::path::absolute(folder).map_err(|error| cannot(folder, &error))?;
    let (Some(parent), Some(last)) = (absolute.parent(), absolute.file_name()) else {
        return Err(Failure::Usage(format!(
            "{} is no place for a project",
            folder.display()
        )));
    };
    fs::create_dir_all(parent).map_err(|error| cannot(parent, &error))?;
    let partial = parent.join(format!(
        ".{}.{}.partial",
        last.to_string_lossy(),
        std::process::id()
    ));
    let written = scaffold
        .write(&partial)
        .and_then(|()| fs::rename(&partial, &absolute).map_err(|error| (absolute.clone(), error)));
    written.map_err(|(path, error)| {
        // What is left of it can do no harm; the first error is the one to tell.
        let _ = fs::remove_dir_all(&partial);
        cannot(&path, &error)
    })
}

fn welcome(project: &NewProject, output: &mut impl Write) -> Result<(), Failure> {
    let NewProject {
        name, kind, folder, ..
    } = project;
    writeln!(
        output,
        "The {kind} cryptlet {HEADING}{name}{HEADING:#} is in {folder}."
    )?;
    writeln!(output)?;
    if env::current_dir().is_ok_and(|here| here.join(folder) != here) {
        writeln!(output, "  cd {}", quoted(folder))?;
    }
    for (command, meaning) in [
        ("cryptlet build", "compile it to a component"),
        ("cryptlet test", "its tests, natively and in the sandbox"),
        ("cryptlet inspect", "what it asks for and deals in"),
    ] {
        writeln!(output, "  {command:<18}{FAINT}{meaning}{FAINT:#}")?;
    }
    writeln!(output)?;
    writeln!(output, "README.md says which file is for what.")?;
    Ok(())
}

/// As a shell reads it.
fn quoted(folder: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-~".contains(c);
    if folder.chars().all(plain) {
        folder.to_owned()
    } else {
        format!("'{}'", folder.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_folder_is_shown_as_a_shell_reads_it() {
        assert_eq!(quoted("work/invoice"), "work/invoice");
        assert_eq!(quoted("my work"), "'my work'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
