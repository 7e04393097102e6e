//! Reads the whole journal of a load, leaf by leaf, and counts what must not be there.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, bail, ensure};
use cryptlet_attest::{BindingId, LogEntry, Measurement, Outcome, VersionChange};
use rusqlite::{Connection, OpenFlags};

use super::guest::{KEY, Kind, VERSIONS, reply};
use super::host::Stopped;
use super::swaps::FirstAfter;

/// What the journal of a load shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Invocations that were accepted and ran.
    pub invocations: u64,
    /// Changes of active versions.
    pub moves: u64,
}

/// A binding, as the log has told of it so far.
struct Story {
    name: String,
    kind: Kind,
    measurements: Vec<Measurement>,
    /// Place of the active version among [`VERSIONS`].
    active: usize,
    accepted: u64,
    /// What is accepted and has not run, with the version that was active then.
    waiting: BTreeMap<u64, usize>,
    executed: u64,
    /// What the first invocations after moves must have run on.
    first_after: HashMap<u64, &'static str>,
}

/// Follows every binding through the log: each message that was sent was accepted once, on the
/// version that was active then, and ran once, in order, on that version alone; so say the receipt,
/// the journal's own columns, the reply that the guest's code wrote, and the state that it left.
///
/// # Errors
///
/// If the journal cannot be read, or anything in it is otherwise: names the first such thing.
pub fn check(stopped: &Stopped, sent: &[u64], first_after: &[FirstAfter]) -> Result<Seen> {
    let journal = Connection::open_with_flags(&stopped.journal, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    of(&journal, stopped, sent, first_after)
}

/// The same for a journal that is open.
///
/// # Errors
///
/// Likewise.
pub fn of(
    journal: &Connection,
    stopped: &Stopped,
    sent: &[u64],
    first_after: &[FirstAfter],
) -> Result<Seen> {
    let mut stories = stories(stopped, first_after);
    let mut statement = journal.prepare(
        "SELECT entry, execution.number, execution.version, execution.reply, state_change.value
         FROM leaf LEFT JOIN execution ON execution.leaf = position
         LEFT JOIN state_change ON state_change.binding = execution.binding
              AND state_change.leaf = position AND key = ?1
         ORDER BY position",
    )?;
    let mut rows = statement.query([KEY])?;
    let mut seen = Seen::default();
    while let Some(row) = rows.next()? {
        match LogEntry::from_bytes(row.get_ref(0)?.as_blob()?)? {
            LogEntry::Accepted(accepted) => {
                let story = story(&mut stories, &accepted.binding)?;
                story.accept(accepted.number, accepted.measurement)?;
            }
            LogEntry::Receipt(receipt) => {
                let execution = receipt.execution;
                let story = story(&mut stories, &execution.binding)?;
                let ran = Ran {
                    number: execution.invocation,
                    row: row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned),
                    measurement: execution.measurement,
                    versions: [execution.version, row.get(2)?],
                    outcome: execution.outcome,
                    reply: row.get(3)?,
                    kept: row.get(4)?,
                };
                story.run(&ran)?;
                seen.invocations += 1;
            }
            LogEntry::Version(entry) => {
                if let Some(binding) = entry.binding
                    && let VersionChange::Promoted | VersionChange::RolledBack = entry.change
                {
                    story(&mut stories, &binding)?.become_active(&entry.measurement)?;
                    seen.moves += 1;
                }
            }
            LogEntry::Binding(_) | LogEntry::Key(_) => {}
        }
    }
    for (bound, sent) in stopped.bindings.iter().zip(sent) {
        story(&mut stories, &bound.id)?.end(*sent)?;
    }
    Ok(seen)
}

fn stories(stopped: &Stopped, first_after: &[FirstAfter]) -> HashMap<BindingId, Story> {
    let bindings = stopped.bindings.iter().enumerate();
    bindings
        .map(|(place, bound)| {
            let cryptlet = &stopped.cryptlets[bound.cryptlet];
            let story = Story {
                name: bound.name.clone(),
                kind: cryptlet.kind,
                measurements: cryptlet.measurements.clone(),
                active: 0,
                accepted: 0,
                waiting: BTreeMap::new(),
                executed: 0,
                first_after: first_after
                    .iter()
                    .filter(|first| first.binding == place)
                    .map(|first| (first.number, first.version))
                    .collect(),
            };
            (bound.id, story)
        })
        .collect()
}

fn story<'a>(
    stories: &'a mut HashMap<BindingId, Story>,
    binding: &BindingId,
) -> Result<&'a mut Story> {
    stories
        .get_mut(binding)
        .with_context(|| format!("the log tells of a binding {binding} that nobody made"))
}

/// What log and journal say of one run.
struct Ran {
    number: u64,
    /// The number in the journal's row; none: there is no row.
    row: Option<u64>,
    measurement: Measurement,
    /// By the receipt and by the journal's row.
    versions: [String; 2],
    outcome: Outcome,
    reply: Option<Vec<u8>>,
    /// What it wrote into the state.
    kept: Option<Vec<u8>>,
}

impl Story {
    fn accept(&mut self, number: u64, measurement: Measurement) -> Result<()> {
        let name = &self.name;
        ensure!(
            number == self.accepted + 1,
            "{name}: invocation {number} was accepted after {}",
            self.accepted
        );
        ensure!(
            measurement == self.measurements[self.active],
            "{name}: invocation {number} was accepted on {measurement} while {} was active",
            VERSIONS[self.active]
        );
        self.accepted = number;
        self.waiting.insert(number, self.active);
        Ok(())
    }

    fn run(&mut self, ran: &Ran) -> Result<()> {
        let (name, number) = (&self.name, ran.number);
        ensure!(
            number == self.executed + 1,
            "{name}: the receipt of invocation {number} follows that of {}",
            self.executed
        );
        ensure!(
            ran.row == Some(number),
            "{name}: the journal has {:?} beside the receipt of invocation {number}",
            ran.row
        );
        let Some(agreed) = self.waiting.remove(&number) else {
            bail!("{name}: invocation {number} ran without being accepted")
        };
        let version = VERSIONS[agreed];
        let names_one_version = ran.measurement == self.measurements[agreed]
            && ran.versions.iter().all(|named| named == version)
            && ran.reply.as_deref() == Some(&reply(version));
        ensure!(
            names_one_version,
            "{name}: invocation {number} was accepted on {version}; its receipt names {} {}, its row {}, its reply {:?}",
            ran.versions[0],
            ran.measurement,
            ran.versions[1],
            ran.reply.as_deref().map(String::from_utf8_lossy)
        );
        ensure!(
            ran.outcome == Outcome::Ok,
            "{name}: invocation {number} ended with {}",
            ran.outcome
        );
        ensure!(
            ran.kept == self.kind.kept(number, version),
            "{name}: invocation {number} left {:?} in the state, which is not the count after it on {version}",
            ran.kept
        );
        if let Some(expected) = self.first_after.remove(&number) {
            ensure!(
                expected == version,
                "{name}: invocation {number} was sent when {expected} had become active, and ran on {version}"
            );
        }
        self.executed = number;
        Ok(())
    }

    fn become_active(&mut self, measurement: &Measurement) -> Result<()> {
        let place = self.measurements.iter().position(|of| of == measurement);
        self.active = place.with_context(|| {
            format!(
                "{} became active on {measurement}, which nobody deployed",
                self.name
            )
        })?;
        Ok(())
    }

    fn end(&self, sent: u64) -> Result<()> {
        let Self {
            name,
            accepted,
            executed,
            ..
        } = self;
        ensure!(
            *accepted == sent && *executed == sent,
            "{name}: {sent} messages were sent, {accepted} accepted, and {executed} ran"
        );
        ensure!(
            self.first_after.is_empty(),
            "{name}: an invocation that followed a move did not run"
        );
        Ok(())
    }
}
