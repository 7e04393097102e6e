//! `cryptlet test`: the logic natively, then the component in the sandbox.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use clap::Args;
use serde::Serialize;
use utoipa::ToSchema;

use super::bench::{self, Component};
use super::case::{Case, Tried, Verdict};
use super::difference::{self, Line};
use super::project::{Choice, Project};
use super::sandbox::Usage;
use crate::failure::Failure;
use crate::terminal::{BAD, FAINT, GOOD, printable};

#[derive(Args)]
#[command(after_help = "\
A CASE is a folder in `cases` with
    input.json            why it runs, as `cryptlet run` takes it
    expected.json         what it comes to; `--accept` writes it
    sources/NAME.json     fixed answers of a source, or sources/NAME.wasm
    pages/GRANT/PATH      what `grant://GRANT/PATH` fetches; for a source that is a
                          component, in sources/NAME/pages
    directories/NAME/     a directory that the manifest names; the number in
                          directories/NAME.bytes bounds what is read of it
    state.json, instant   the state before, and when

Examples:
    cryptlet test
    cryptlet test disputed
    cryptlet test --accept")]
pub struct Arguments {
    /// Only tests and cases whose names contain this.
    filter: Option<String>,
    #[command(flatten)]
    project: Choice,
    /// Take what the cases come to now as what is expected; look at the difference afterwards.
    #[arg(long)]
    accept: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// What `cryptlet test --json` prints.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TestReport {
    /// The cryptlet's name.
    pub cryptlet: String,
    /// BLAKE3 of the component, in hex digits.
    pub measurement: String,
    /// Whether everything passed.
    pub succeeded: bool,
    /// The native tests.
    pub native: NativeTests,
    /// The cases in the sandbox.
    pub cases: Vec<CaseReport>,
}

/// What `cargo test` came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NativeTests {
    /// Whether all passed.
    pub succeeded: bool,
    /// How many passed.
    pub passed: u64,
    /// How many failed.
    pub failed: u64,
}

impl NativeTests {
    /// Whether they could be built, and none was to be run.
    const fn is_empty(&self) -> bool {
        self.succeeded && self.passed == 0 && self.failed == 0
    }
}

/// What one case came to.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// `passed`, `accepted`, `failed`, or `broken` if it could not run.
    pub verdict: String,
    /// Why it failed: the lines that differ, or a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it used of its limits.
    pub usage: Vec<Usage>,
}

pub fn run(arguments: &Arguments, output: &mut impl Write) -> Result<(), Failure> {
    let project = Project::find(&arguments.project)?;
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let cases = Case::all(project.folder(), filter)?;
    let stored = project.build(None)?;
    let component = Component {
        path: stored.path,
        bytes: stored.built.component,
    };
    let container = bench::container()?;
    let cryptlet = component.load(&container)?;
    let native = native(&project, filter, arguments.json)?;
    if cases.is_empty() && native.is_empty() && !filter.is_empty() {
        return Err(nothing_called(filter, &Case::all(project.folder(), "")?));
    }
    if !arguments.json {
        print_native(&native, output)?;
    }
    let mut reports = Vec::new();
    for case in &cases {
        let tried = case.run(&container, &cryptlet, arguments.accept);
        if !arguments.json {
            print_case(case, &tried, output)?;
        }
        reports.push(report(case, tried));
    }
    let failed = reports
        .iter()
        .filter(|report| matches!(report.verdict.as_str(), "failed" | "broken"))
        .count();
    let report = TestReport {
        cryptlet: cryptlet.manifest().cryptlet.name.clone(),
        measurement: cryptlet.measurement().to_string(),
        succeeded: native.succeeded && failed == 0,
        native,
        cases: reports,
    };
    if arguments.json {
        super::print_json(&report, output)?;
    }
    output.flush()?;
    verdict(&report, failed)
}

/// A filter that nothing matches: most likely it is misspelt.
fn nothing_called(filter: &str, cases: &[Case]) -> Failure {
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    Failure::Usage(format!(
        "no test and no case is called like {filter}; cases: {}",
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

fn verdict(report: &TestReport, failed: usize) -> Result<(), Failure> {
    let mut reasons = Vec::new();
    if !report.native.succeeded {
        reasons.push("the native tests failed".to_owned());
    }
    if failed > 0 {
        let of = report.cases.len();
        reasons.push(format!(
            "{failed} of {of} cases came to something else than expected; if that is right, \
             `cryptlet test --accept` takes it"
        ));
    }
    if reasons.is_empty() {
        Ok(())
    } else {
        Err(Failure::Refused(reasons.join("; ")))
    }
}

/// Runs `cargo test` in the project. On a terminal it speaks for itself; elsewhere it is heard
/// if it fails.
fn native(project: &Project, filter: &str, json: bool) -> Result<NativeTests, Failure> {
    let mut command = Command::new("cargo");
    command
        .arg("test")
        .args(project.is_locked().then_some("--locked"))
        .args(Some(filter).filter(|filter| !filter.is_empty()))
        .current_dir(project.folder())
        .stdout(Stdio::piped());
    let live = io::stderr().is_terminal() && !json;
    if !live {
        command.stderr(Stdio::piped());
    }
    let cannot = |error: io::Error| {
        Failure::Refused(format!(
            "cannot run `cargo test`: {error}; install Rust from https://rustup.rs"
        ))
    };
    let mut child = command.spawn().map_err(cannot)?;
    // Both pipes are read at once: whichever nobody reads, cargo waits for when it is full.
    let messages = child.stderr.take().map(|mut stderr| {
        thread::spawn(move || {
            let mut messages = Vec::new();
            // What cannot be read any more is missing from what is shown, no more.
            let _ = stderr.read_to_end(&mut messages);
            messages
        })
    });
    let stdout = child.stdout.take().expect("the lines above pipe it");
    let (mut passed, mut failed, mut said) = (0, 0, String::new());
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(cannot)?;
        if let Some((ok, not)) = result(&line) {
            passed += ok;
            failed += not;
        }
        if live {
            // Whoever watches the terminal hears it; the verdict does not depend on it.
            let _ = writeln!(io::stderr().lock(), "{line}");
        } else {
            said.push_str(&line);
            said.push('\n');
        }
    }
    let succeeded = child.wait().map_err(cannot)?.success();
    let messages = messages.and_then(|reader| reader.join().ok());
    if !succeeded {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(&messages.unwrap_or_default());
        let _ = stderr.write_all(said.as_bytes());
    }
    Ok(NativeTests {
        succeeded,
        passed,
        failed,
    })
}

/// The numbers of `test result: ok. 4 passed; 0 failed; …`.
fn result(line: &str) -> Option<(u64, u64)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ");
    let passed = counts.next()?.strip_suffix(" passed")?;
    let failed = counts.next()?.strip_suffix(" failed")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}

fn report(case: &Case, tried: Tried) -> CaseReport {
    let (verdict, reason) = match tried.verdict {
        Verdict::Passed => ("passed", None),
        Verdict::Accepted => ("accepted", None),
        Verdict::Broken(reason) => ("broken", Some(reason)),
        Verdict::Differs { expected, found } => {
            let lines = difference::lines(&expected, &found);
            let lines: Vec<String> = lines.into_iter().map(marked).collect();
            ("failed", Some(lines.join("\n")))
        }
    };
    CaseReport {
        name: case.name.clone(),
        verdict: verdict.to_owned(),
        reason,
        usage: tried.usage,
    }
}

fn marked(line: Line<'_>) -> String {
    match line {
        Line::Same(text) => format!("  {text}"),
        Line::Missing(text) => format!("- {text}"),
        Line::New(text) => format!("+ {text}"),
    }
}

fn print_native(native: &NativeTests, output: &mut impl Write) -> Result<(), Failure> {
    let NativeTests {
        succeeded,
        passed,
        failed,
    } = native;
    let (style, word) = if *succeeded {
        (GOOD, "passed")
    } else {
        (BAD, "failed")
    };
    write!(
        output,
        "{style}{word}{style:#}    native tests, {passed} passed"
    )?;
    if *failed > 0 {
        write!(output, ", {failed} failed")?;
    }
    writeln!(output)?;
    Ok(())
}

fn print_case(case: &Case, tried: &Tried, output: &mut impl Write) -> Result<(), Failure> {
    let (style, word) = match &tried.verdict {
        Verdict::Passed => (GOOD, "passed"),
        Verdict::Accepted => (GOOD, "accepted"),
        Verdict::Differs { .. } => (BAD, "failed"),
        Verdict::Broken(_) => (BAD, "broken"),
    };
    let fuel = tried.usage.iter().find(|usage| usage.limit == "fuel");
    let fuel = fuel.map(|fuel| format!("fuel {} ({} %)", fuel.used, fuel.percent()));
    writeln!(
        output,
        "{style}{word:<8}{style:#}  {}  {FAINT}{}{FAINT:#}",
        printable(&case.name),
        fuel.unwrap_or_default()
    )?;
    match &tried.verdict {
        Verdict::Passed | Verdict::Accepted => {}
        Verdict::Broken(reason) => writeln!(output, "  {}", printable(reason))?,
        Verdict::Differs { expected, found } => {
            if expected.is_empty() {
                writeln!(output, "  there is no expected.json; it came to this:")?;
            }
            for line in difference::lines(expected, found) {
                let style = match line {
                    Line::Same(_) => FAINT,
                    Line::Missing(_) => BAD,
                    Line::New(_) => GOOD,
                };
                writeln!(output, "  {style}{}{style:#}", printable(&marked(line)))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::result;

    #[test]
    fn counts_what_the_test_harness_counted() {
        let line = "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(result(line), Some((3, 1)));
        assert_eq!(result("running 4 tests"), None);
        assert_eq!(result("test result: ok. many passed"), None);
    }
}
