//! One run, from a bundle.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use cryptlet_attest::Measurement;
use cryptlet_attest::bundle::{Bundle, Expectations, MAXIMUM_BUNDLE, verify_bundle};
use cryptlet_container::LoadError;
use cryptlet_fabric::replay::{RecordedRun, Replay, ReplayRefusal};

use super::shown::reason;
use super::{Arguments, AuditedReplay, replayer};
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{GOOD, progress};

pub fn run(arguments: &Arguments, file: &Path, output: &mut impl Write) -> Result<(), Failure> {
    let bytes = read(file).map_err(|error| Failure::unreadable(file, &error))?;
    if !arguments.trust.is_empty() {
        let expectations = Expectations {
            trust: arguments.trust.clone(),
            ..Expectations::default()
        };
        verify_bundle(&bytes, &expectations).map_err(|doubt| {
            refused(file, &format!("is not verified ({})", doubt.name()), &doubt)
        })?;
    }
    let bundle = Bundle::from_bytes(&bytes)
        .map_err(|error| refused(file, "is no bundle (malformed)", &error))?;
    drop(bytes);
    let recorded = RecordedRun::from_bundle(&bundle)
        .map_err(|refusal| not_replayed(file, refusal.name(), &refusal))?;
    let progress = progress("replaying");
    let result = replay(arguments, &bundle, &recorded, file)?;
    drop(progress);

    let mut audited = AuditedReplay::new();
    audited.count(&recorded, &result, true);
    if arguments.json {
        json(&audited, output)?;
    } else {
        for run in &audited.runs {
            run.print(output)?;
        }
    }
    match (result.is_ok(), reason(&result)) {
        (_, None) => {
            if !arguments.json {
                writeln!(output, "{GOOD}reproduced{GOOD:#}: {}", proven(arguments))?;
            }
            Ok(())
        }
        (true, Some(reason)) => {
            let why = format!("is not reproduced ({})", reason.name);
            Err(refused(file, &why, &reason.says))
        }
        (false, Some(reason)) => Err(not_replayed(file, reason.name, &reason.says)),
    }
}

/// What the verdict rests on.
fn proven(arguments: &Arguments) -> &'static str {
    if arguments.trust.is_empty() {
        "the run comes out as the bundle states; nobody verified who stated it, as no key was given with --trust"
    } else {
        "the run comes out as the log has it"
    }
}

fn replay(
    arguments: &Arguments,
    bundle: &Bundle,
    recorded: &RecordedRun,
    file: &Path,
) -> Result<Result<Replay, ReplayRefusal>, Failure> {
    let wanted = match recorded.modules() {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let replayer = replayer()?;
    let load = |component: &[u8], name: &str| {
        let measurement = Measurement::of(component);
        if !wanted.contains_key(&measurement) {
            let why = format!(
                "{name} measures {measurement}, on which neither the run nor a source of its binding runs"
            );
            return Err(not_replayed(file, "other-module", &why));
        }
        let unusable = |error: LoadError| {
            not_replayed(file, "bad-module", &format!("{name} is refused: {error}"))
        };
        replayer.load(component).map(|_| ()).map_err(unusable)
    };
    for (position, component) in bundle.modules.iter().enumerate() {
        load(component, &format!("module {position} of the bundle"))?;
    }
    for path in &arguments.module {
        let component = std::fs::read(path).map_err(|error| Failure::unreadable(path, &error))?;
        load(&component, &path.display().to_string())?;
    }
    Ok(replayer.replay(recorded))
}

fn not_replayed(file: &Path, name: &str, why: &(impl std::fmt::Display + ?Sized)) -> Failure {
    refused(file, &format!("cannot be replayed ({name})"), why)
}

fn refused(file: &Path, what: &str, why: &(impl std::fmt::Display + ?Sized)) -> Failure {
    Failure::Refused(format!("{} {what}: {why}", file.display()))
}

/// Reads no more than shows that the file is too long for a bundle.
fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(MAXIMUM_BUNDLE as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
