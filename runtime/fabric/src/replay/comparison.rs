//! What was recorded beside what was replayed, field by field.

use std::collections::{BTreeMap, BTreeSet};

use cryptlet_attest::{Digest, Execution, LeafHash, Output, Statement};
use serde_json::Value;

use super::{RecordedRun, ReplayRefusal};
use crate::execution::{Agreed, Part, States, empty_state};

/// One execution of the chain of calls, replayed.
#[derive(Clone, Debug)]
pub struct ReplayedExecution {
    /// The name by which it was asked, if it is a source.
    pub source: Option<String>,
    /// 0 for the bound cryptlet; sources count from 1.
    pub ordinal: u32,
    /// The cryptlet.
    pub cryptlet: String,
    /// Its version.
    pub version: String,
    /// How it ended.
    pub outcome: String,
    /// Fuel as it was replayed.
    pub fuel: u64,
    /// Every field of the execution part.
    pub fields: Vec<ComparedField>,
}

impl ReplayedExecution {
    /// Whether everything that could be compared is as recorded.
    #[must_use]
    pub fn is_reproduced(&self) -> bool {
        self.differing().next().is_none()
    }

    /// The fields that are not as recorded.
    pub fn differing(&self) -> impl Iterator<Item = &ComparedField> {
        let differs =
            |field: &&ComparedField| matches!(field.comparison, Comparison::Differs { .. });
        self.fields.iter().filter(differs)
    }
}

/// A field of the execution part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedField {
    /// Its name in views of receipts, with hyphens; `execution` if the whole is on one side only.
    pub name: String,
    /// What the comparison says.
    pub comparison: Comparison,
}

/// What a comparison says of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The replay gave what was recorded.
    Same,
    /// What can be compared is the same; a digest in it was not opened.
    Withheld,
    /// The replay gave something else.
    Differs {
        /// As it was recorded, unless it was absent.
        recorded: Option<String>,
        /// As it came out, unless it was absent.
        replayed: Option<String>,
    },
}

/// Compares the run and its sources with what was recorded of them.
pub(super) fn compare(
    recorded: &RecordedRun,
    agreed: &Agreed,
    root: &Part<'_>,
) -> Result<Vec<ReplayedExecution>, ReplayRefusal> {
    let mut comparing = Comparing {
        recorded,
        agreed,
        statements: recorded
            .statements()
            .map(|statement| (statement.execution.ordinal, statement))
            .collect(),
        found: BTreeMap::new(),
    };
    comparing.compare(root)?;
    for (ordinal, statement) in &comparing.statements {
        comparing
            .found
            .entry(*ordinal)
            .or_insert_with(|| not_replayed(&statement.execution));
    }
    Ok(comparing.found.into_values().collect())
}

struct Comparing<'a> {
    recorded: &'a RecordedRun,
    agreed: &'a Agreed,
    statements: BTreeMap<u32, &'a Statement>,
    found: BTreeMap<u32, ReplayedExecution>,
}

impl Comparing<'_> {
    /// Gives the leaf hash that the execution's receipt has if the recorded host sealed it; none if
    /// nobody recorded one.
    fn compare(&mut self, part: &Part<'_>) -> Result<Option<LeafHash>, ReplayRefusal> {
        let mut children = Vec::with_capacity(part.run.children.len());
        for child in &part.run.children {
            children.extend(self.compare(&Part::from(child))?);
        }
        let recorded = self.statements.get(&part.ordinal).copied();
        let (replayed, withheld) = self.again(part, recorded.map(|r| &r.execution), children)?;
        let fields = match recorded {
            Some(statement) => fields(&statement.execution, &replayed, &withheld),
            None => vec![whole(None, Some(&replayed))],
        };
        self.found.insert(
            part.ordinal,
            ReplayedExecution {
                fields,
                ..described(&replayed)
            },
        );
        Ok(recorded.map(|statement| {
            Statement {
                execution: replayed,
                host: statement.host.clone(),
            }
            .leaf_hash()
        }))
    }

    /// The execution part as an honest host would have sealed it, and the fields with digests that
    /// nobody opened, which are taken as recorded.
    fn again(
        &self,
        part: &Part<'_>,
        recorded: Option<&Execution>,
        children: Vec<LeafHash>,
    ) -> Result<(Execution, BTreeSet<&'static str>), ReplayRefusal> {
        let mut withheld = BTreeSet::new();
        let mut salted = |field: &str, value: &[u8]| {
            if let Some(salt) = self.recorded.salts.of(part.ordinal, field) {
                return salt.digest(field, value);
            }
            withheld.insert(holder(field));
            recorded
                .and_then(|recorded| digest_of(recorded, field))
                .unwrap_or(Digest::from_bytes([0; 32]))
        };
        let states = if part.source.is_some() {
            States::none()
        } else {
            let before = self
                .recorded
                .state
                .as_ref()
                .map(|known| known.salt.digest("state", part.run.state_before.as_bytes()));
            States::of(part.run, before.unwrap_or_else(empty_state), &mut salted)
        };
        let deliveries = deliveries(recorded, part.run.submissions.len());
        let input = part.invocation.input_bytes();
        let transcript = part.run.transcript.to_bytes();
        let digests = part
            .digests(&input, &transcript, &mut salted)
            .map_err(|error| ReplayRefusal::malformed("input", &error))?;
        let execution = part.execution(self.agreed, &digests, &states, &deliveries, children);
        Ok((execution, withheld))
    }
}

/// Numbers of deliveries are the journal's, not the run's: they are taken as recorded.
fn deliveries(recorded: Option<&Execution>, count: usize) -> Vec<u64> {
    let outputs = recorded.map_or(&[][..], |recorded| &recorded.outputs);
    let mut numbers: Vec<u64> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Delivery { delivery, .. } => Some(*delivery),
            Output::Event { .. } => None,
        })
        .collect();
    numbers.resize(count, 0);
    numbers
}

/// The field of the execution part that holds the digest of a salted field.
fn holder(field: &str) -> &'static str {
    match field {
        "input" => "input",
        "transcript" => "transcript",
        "trigger" => "trigger",
        "reply" => "reply",
        "state" => "state_after",
        _ => "outputs",
    }
}

/// What was recorded as the digest of a salted field.
fn digest_of(recorded: &Execution, field: &str) -> Option<Digest> {
    match field {
        "input" => Some(recorded.input),
        "transcript" => Some(recorded.transcript),
        "trigger" => Some(recorded.trigger.digest),
        "reply" => recorded.reply,
        // Whoever says that nothing changed has recorded no digest of a new state.
        "state" => (recorded.state_after != recorded.state_before).then_some(recorded.state_after),
        _ => {
            let position: usize = field.strip_prefix("event/")?.parse().ok()?;
            let mut events = recorded.outputs.iter().filter_map(|output| match output {
                Output::Event { digest, .. } => Some(*digest),
                Output::Delivery { .. } => None,
            });
            events.nth(position)
        }
    }
}

fn fields(
    recorded: &Execution,
    replayed: &Execution,
    withheld: &BTreeSet<&'static str>,
) -> Vec<ComparedField> {
    let (recorded, replayed) = (view(recorded), view(replayed));
    let names: BTreeSet<&String> = recorded.keys().chain(replayed.keys()).collect();
    names
        .into_iter()
        .map(|name| {
            let (a, b) = (recorded.get(name), replayed.get(name));
            let comparison = if a != b {
                Comparison::Differs {
                    recorded: a.and_then(text),
                    replayed: b.and_then(text),
                }
            } else if withheld.contains(name.as_str()) {
                Comparison::Withheld
            } else {
                Comparison::Same
            };
            ComparedField {
                name: name.replace('_', "-"),
                comparison,
            }
        })
        .collect()
}

fn view(execution: &Execution) -> serde_json::Map<String, Value> {
    match serde_json::to_value(execution) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("an execution part has a JSON form, which is an object"),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn not_replayed(recorded: &Execution) -> ReplayedExecution {
    ReplayedExecution {
        fuel: 0,
        fields: vec![whole(Some(recorded), None)],
        ..described(recorded)
    }
}

fn whole(recorded: Option<&Execution>, replayed: Option<&Execution>) -> ComparedField {
    let hash = |execution: &Execution| execution.hash().to_string();
    ComparedField {
        name: "execution".into(),
        comparison: Comparison::Differs {
            recorded: recorded.map(hash),
            replayed: replayed.map(hash),
        },
    }
}

fn described(execution: &Execution) -> ReplayedExecution {
    ReplayedExecution {
        source: execution.source.clone(),
        ordinal: execution.ordinal,
        cryptlet: execution.cryptlet.clone(),
        version: execution.version.clone(),
        outcome: execution.outcome.to_string(),
        fuel: execution.fuel,
        fields: Vec::new(),
    }
}
