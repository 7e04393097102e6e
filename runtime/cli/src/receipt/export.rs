//! `cryptlet receipt export`: what an auditor is handed, as files. None is overwritten.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::{LogExport, RECEIPT_EXTENSION};
use cryptlet_fabric::journal::{ExecutionRow, Journal};

use super::executions;
use crate::failure::Failure;
use crate::state::StateFolder;
use crate::terminal::{printable, progress};

#[derive(Args)]
#[command(after_help = "Examples:
  cryptlet receipt export 21 --output run.receipt
  cryptlet receipt export --binding acme-globex-swap --output receipts
  cryptlet receipt export --log fabric.log.cbor")]
pub struct Arguments {
    /// The receipt's place in the log, as `cryptlet receipt ls` shows it.
    #[arg(value_name = "LEAF", required_unless_present_any = ["binding", "log"])]
    leaf: Option<u64>,
    /// Write all receipts of this binding, a file each, into the folder --output.
    #[arg(long, value_name = "NAME", conflicts_with = "leaf")]
    binding: Option<String>,
    /// Write the whole log with its newest checkpoint: what `cryptlet audit trail --from` reads.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["leaf", "binding", "output"])]
    log: Option<PathBuf>,
    #[command(flatten)]
    state: StateFolder,
    /// File to write, or with --binding the folder; what exists is not overwritten.
    #[arg(long, short, value_name = "PATH", required_unless_present = "log")]
    output: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let journal = arguments.state.journal()?;
    match (&arguments.log, &arguments.output) {
        (Some(file), _) => write_log(&journal, file, output),
        (None, Some(path)) => match arguments.leaf {
            Some(leaf) => write_one(&journal, leaf, path, output),
            None => write_all(&journal, arguments.binding.as_deref(), path, output),
        },
        (None, None) => Err(Failure::Usage("name the file with --output".into())),
    }
}

fn write_one(
    journal: &Journal,
    leaf: u64,
    file: &Path,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let execution = executions(journal, None)?
        .into_iter()
        .find(|execution| execution.leaf == leaf)
        .ok_or_else(|| {
            Failure::Usage(format!(
                "leaf {leaf} is no receipt; `cryptlet receipt ls` shows those there are"
            ))
        })?;
    write_receipt(journal, &execution, file)?;
    say(&execution, file, output)
}

fn write_all(
    journal: &Journal,
    binding: Option<&str>,
    folder: &Path,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let executions = executions(journal, binding)?;
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    for execution in &executions {
        let name = format!(
            "{:06}-{}.{RECEIPT_EXTENSION}",
            execution.leaf, execution.cryptlet
        );
        let file = folder.join(name);
        write_receipt(journal, execution, &file)?;
        say(execution, &file, output)?;
    }
    Ok(())
}

fn write_receipt(journal: &Journal, execution: &ExecutionRow, file: &Path) -> Result<(), Failure> {
    let receipt = journal.receipt(execution)?;
    File::create_new(file)
        .and_then(|mut open| open.write_all(&receipt.to_bytes()))
        .map_err(|error| cannot_write(file, &error))
}

fn say(execution: &ExecutionRow, file: &Path, output: &mut impl Write) -> Result<(), Failure> {
    writeln!(
        output,
        "{}: {} {}, invocation {}",
        printable(&file.display().to_string()),
        printable(&execution.cryptlet),
        execution.version,
        execution.number
    )?;
    Ok(())
}

/// Leaves that come after the checkpoint that was read are not written: nothing covers them.
fn write_log(journal: &Journal, file: &Path, output: &mut impl Write) -> Result<(), Failure> {
    const AT_A_TIME: u32 = 1_000;
    let checkpoint = journal
        .newest_checkpoint()?
        .ok_or_else(|| Failure::Refused("the log is empty; there is nothing to export".into()))?;
    let failed = |error: io::Error| cannot_write(file, &error);
    let progress = progress("writing the log").of(checkpoint.size);
    let mut writer = BufWriter::new(File::create_new(file).map_err(failed)?);
    writer.write_all(&LogExport::header()).map_err(failed)?;
    let mut next = 0;
    while next < checkpoint.size {
        let leaves = journal.leaves(next, AT_A_TIME)?;
        if leaves.first().is_none_or(|leaf| leaf.position != next) {
            return Err(missing(next, checkpoint.size));
        }
        for leaf in leaves {
            if leaf.position == checkpoint.size {
                break;
            }
            if leaf.position != next {
                return Err(missing(next, checkpoint.size));
            }
            writer
                .write_all(&LogExport::leaf(&leaf.entry))
                .map_err(failed)?;
            next += 1;
            progress.advance(1);
        }
    }
    writer
        .write_all(&LogExport::end(&checkpoint.note))
        .and_then(|()| writer.flush())
        .map_err(failed)?;
    drop(progress);
    writeln!(
        output,
        "{}: {} leaves",
        printable(&file.display().to_string()),
        checkpoint.size
    )?;
    Ok(())
}

fn missing(leaf: u64, size: u64) -> Failure {
    Failure::Refused(format!(
        "leaf {leaf} of the log is missing, though its checkpoint covers {size} leaves; restore a backup, and keep this journal as evidence"
    ))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::Refused(match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{path} exists already, and nothing is overwritten; name another file")
        }
        _ => format!("cannot write {path}: {error}"),
    })
}
