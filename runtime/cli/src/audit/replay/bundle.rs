//! One run, from a bundle.

use std::io::Write;
use std::path::Path;

use cryptlet_attest::Measurement;
use cryptlet_attest::bundle::{Bundle, Expectations, MAXIMUM_BUNDLE, verify_bundle};
use cryptlet_fabric::replay::{RecordedRun, Replay, ReplayRefusal, Replayer};

use super::shown::reason;
use super::{Arguments, AuditedReplay, replayer};
use crate::audit::file;
use crate::audit::receipt::ShownDoubt;
use crate::audit::trust::Trust;
use crate::audit::verify;
use crate::failure::Failure;
use crate::listing::json;
use crate::terminal::{GOOD, progress};

/// Why there is no run that came out as recorded.
enum Refusal {
    /// It shows in the JSON, too.
    Shown {
        /// What the bundle is not.
        what: &'static str,
        doubt: ShownDoubt,
    },
    /// The command cannot be carried out.
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub fn run(arguments: &Arguments, file: &Path, output: &mut impl Write) -> Result<(), Failure> {
    let bytes = file::read(file, MAXIMUM_BUNDLE)?;
    let trust = Trust::with(&arguments.trust)?;
    let mut audited = AuditedReplay::new();
    audited.verified = Some(false);
    let refusal = match examine(arguments, trust, &bytes, &mut audited) {
        Ok(()) => None,
        Err(Refusal::Shown { what, doubt }) => Some((what, doubt)),
        Err(Refusal::Failed(failure)) => return Err(failure),
    };
    if let (Some((_, doubt)), true) = (&refusal, audited.runs.is_empty()) {
        audited.stop(doubt.clone());
    }
    if arguments.json {
        json(&audited, output)?;
    } else {
        for run in &audited.runs {
            run.print(output)?;
        }
    }
    match refusal {
        None if arguments.json => Ok(()),
        None => {
            writeln!(output, "{GOOD}reproduced{GOOD:#}: {}", proven(&audited))?;
            Ok(())
        }
        Some((what, doubt)) => Err(Failure::Refused(format!(
            "{} {what} ({}): {}",
            file.display(),
            doubt.name,
            doubt.says
        ))),
    }
}

/// Verifies the bundle if any key is trusted, and replays its run.
fn examine(
    arguments: &Arguments,
    trust: Trust,
    bytes: &[u8],
    audited: &mut AuditedReplay,
) -> Result<(), Refusal> {
    if !trust.is_empty() {
        let expectations = Expectations {
            trust: trust.logs,
            witnesses: trust.witnesses,
            ..Expectations::default()
        };
        let mut verdict = verify_bundle(bytes, &expectations)
            .map_err(|doubt| shown("is not verified", doubt.name(), &doubt))?;
        verify::contents(&mut verdict).map_err(|doubt| Refusal::Shown {
            what: "is not verified",
            doubt,
        })?;
        audited.verified = Some(true);
    }
    let bundle =
        Bundle::from_bytes(bytes).map_err(|error| shown("is no bundle", "malformed", &error))?;
    let recorded = RecordedRun::from_bundle(&bundle)
        .map_err(|refusal| not_replayed(refusal.name(), &refusal))?;
    let _progress = progress("replaying");
    let result = replay(arguments, &bundle, &recorded)?;
    audited.count(&recorded, &result, true);
    let what = match &result {
        Ok(_) => "is not reproduced",
        Err(_) => "cannot be replayed",
    };
    match reason(&result) {
        None => Ok(()),
        Some(reason) => Err(shown(what, reason.name, &reason.says)),
    }
}

/// What the verdict rests on.
fn proven(audited: &AuditedReplay) -> &'static str {
    if audited.verified == Some(true) {
        "the run comes out as the log has it"
    } else {
        "the run comes out as the bundle states; nobody verified who stated it, as no key was given with --trust"
    }
}

fn replay(
    arguments: &Arguments,
    bundle: &Bundle,
    recorded: &RecordedRun,
) -> Result<Result<Replay, ReplayRefusal>, Refusal> {
    let wanted = match recorded.modules() {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let replayer: Replayer = replayer()?;
    let load = |component: &[u8], name: &str| {
        let measurement = Measurement::of(component);
        if !wanted.contains_key(&measurement) {
            let why = format!(
                "{name} measures {measurement}, on which neither the run nor a source of its binding runs"
            );
            return Err(not_replayed("other-module", &why));
        }
        replayer
            .load(component)
            .map(|_| ())
            .map_err(|error| not_replayed("bad-module", &format!("{name} is refused: {error}")))
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

fn not_replayed(name: &'static str, why: &(impl ToString + ?Sized)) -> Refusal {
    shown("cannot be replayed", name, why)
}

fn shown(what: &'static str, name: &'static str, why: &(impl ToString + ?Sized)) -> Refusal {
    Refusal::Shown {
        what,
        doubt: ShownDoubt {
            name,
            says: why.to_string(),
        },
    }
}
