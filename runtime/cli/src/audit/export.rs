//! `cryptlet audit export`: one file with everything about one run, and no more of what its digests
//! stand for than is asked for.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::bundle::{Bundle, Expectations, verify_bundle};
use cryptlet_fabric::bundle::{BundleError, BundleParts, Openings};
use cryptlet_fabric::journal::Journal;
use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::state::StateFolder;
use crate::terminal::{printable, progress};

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet audit export 7 --open reply --output run.bundle
  cryptlet audit export --binding acme-globex-swap --invocation 1 --open all --output run.bundle
  cryptlet audit export 7 --replayable --since kept.checkpoint --output run.bundle")]
pub struct Arguments {
    /// The receipt's place in the log, as `cryptlet receipt ls` shows it; a source's receipt stands
    /// for the run that asked it.
    #[arg(
        value_name = "LEAF",
        required_unless_present = "binding",
        conflicts_with = "binding"
    )]
    leaf: Option<u64>,
    /// The binding whose run it is.
    #[arg(long, value_name = "NAME", requires = "invocation")]
    binding: Option<String>,
    /// The number of the run.
    #[arg(long, value_name = "N", requires = "binding")]
    invocation: Option<u64>,
    /// Show what this digest stands for: input, trigger, transcript, reply, event/0, …,
    /// state-before, state-after, with `1:` before the name for the first source; or all. May be
    /// repeated.
    #[arg(long, value_name = "FIELD")]
    open: Vec<String>,
    /// Put in the components of the run and of its sources.
    #[arg(long)]
    module: bool,
    /// Put in the binding's document with its approvals.
    #[arg(long)]
    agreement: bool,
    /// Put in all that a replay needs: all openings, the components, the binding's document.
    #[arg(long)]
    replayable: bool,
    /// Prove that the log extends this checkpoint, which the auditor has.
    #[arg(long, value_name = "CHECKPOINT")]
    since: Option<PathBuf>,
    #[command(flatten)]
    state: StateFolder,
    /// File to write; what exists is not overwritten.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let parts = BundleParts {
        openings: openings(arguments)?,
        modules: arguments.module || arguments.replayable,
        agreement: arguments.agreement || arguments.replayable,
        since: arguments.since.as_deref().map(read_text).transpose()?,
    };
    let journal = arguments.state.journal()?;
    let (binding, number) = which(arguments, &journal)?;
    let _progress = progress("gathering what bears on the run");
    let bundle = journal
        .bundle(&binding, number, &parts)
        .map_err(|error| match error {
            BundleError::NoRun { .. } | BundleError::NoField { .. } => {
                Failure::Usage(error.to_string())
            }
            error => Failure::Refused(error.to_string()),
        })?;
    let bytes = bundle.to_bytes();
    check(&journal, &bytes)?;
    write_new(&arguments.output, &bytes)?;
    writeln!(
        output,
        "{}: invocation {number} of {}, {}",
        printable(&arguments.output.display().to_string()),
        printable(&binding),
        contents(&bundle)
    )?;
    Ok(())
}

fn openings(arguments: &Arguments) -> Result<Openings, Failure> {
    if arguments.replayable || arguments.open.iter().any(|field| field == "all") {
        return Ok(Openings::All);
    }
    if arguments.open.is_empty() {
        return Ok(Openings::None);
    }
    let fields = arguments.open.iter().map(|field| {
        let Some((ordinal, name)) = field.split_once(':') else {
            return Ok((0, field.clone()));
        };
        ordinal
            .parse()
            .map(|ordinal| (ordinal, name.to_owned()))
            .map_err(|_| {
                Failure::Usage(format!(
                    "--open {field}: before the colon stands the number of a source, as in 1:reply"
                ))
            })
    });
    fields
        .collect::<Result<BTreeSet<_>, _>>()
        .map(Openings::Fields)
}

fn which(arguments: &Arguments, journal: &Journal) -> Result<(String, u64), Failure> {
    match (&arguments.binding, arguments.invocation, arguments.leaf) {
        (Some(binding), Some(number), _) => Ok((binding.clone(), number)),
        (_, _, Some(leaf)) => journal
            .executions()?
            .into_iter()
            .find(|execution| execution.leaf == leaf)
            .map(|execution| (execution.binding, execution.number))
            .ok_or_else(|| {
                Failure::Usage(format!(
                    "leaf {leaf} is no receipt; `{}` shows those there are",
                    arguments.state.command("receipt ls")
                ))
            }),
        _ => Err(Failure::Usage(
            "name the receipt by its leaf, or the run by --binding and --invocation".into(),
        )),
    }
}

/// Nobody is handed a file that would be refused.
fn check(journal: &Journal, bytes: &[u8]) -> Result<(), Failure> {
    let expectations = Expectations {
        trust: journal.trusted_key()?.into_iter().collect(),
        ..Expectations::default()
    };
    match verify_bundle(bytes, &expectations) {
        Ok(_) => Ok(()),
        Err(doubt) => Err(Failure::Refused(format!(
            "the journal gives no bundle that would be believed ({}): {doubt}; restore a backup, and keep this journal as evidence",
            doubt.name()
        ))),
    }
}

/// The file appears whole or not at all. What is opened is for whoever is handed it, so nobody else
/// may read it.
fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let path = file.display();
    let cannot = |error: io::Error| Failure::Refused(format!("cannot write {path}: {error}"));
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut draft = NamedTempFile::new_in(folder).map_err(cannot)?;
    draft.write_all(bytes).map_err(cannot)?;
    draft.as_file().sync_all().map_err(cannot)?;
    draft
        .persist_noclobber(file)
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => Failure::Refused(format!(
                "{path} exists already, and nothing is overwritten; name another file"
            )),
            _ => cannot(error.error),
        })?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(cannot)
}

fn read_text(file: &Path) -> Result<String, Failure> {
    fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))
}

fn contents(bundle: &Bundle) -> String {
    let opened: Vec<String> = bundle
        .openings
        .iter()
        .map(|opening| match opening.ordinal {
            0 => opening.field.clone(),
            ordinal => format!("{ordinal}:{}", opening.field),
        })
        .collect();
    let opened = if opened.is_empty() {
        "nothing opened".to_owned()
    } else {
        format!("opened {}", opened.join(", "))
    };
    let mut said = vec![opened];
    match bundle.modules.len() {
        0 => {}
        1 => said.push("1 component".to_owned()),
        count => said.push(format!("{count} components")),
    }
    if bundle.agreement.is_some() {
        said.push("the binding's document".to_owned());
    }
    if bundle.consistency.is_some() {
        said.push("the proof that the log extends your checkpoint".to_owned());
    }
    said.join("; ")
}
