//! Where an auditor has the log from: a host's state folder, or a file that the host wrote.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use clap::Args;
use cryptlet_attest::trail::{self, Contradiction, Question, Terms, Trail};
use cryptlet_attest::{BindingId, LogExport, TrustedKey};
use cryptlet_fabric::Binding;
use cryptlet_fabric::journal::{CheckpointRow, Journal, JournalError, LeafRow};

use crate::failure::Failure;
use crate::terminal::progress;

/// How many leaves are read from a journal at a time.
const PAGE: u32 = 1_000;

#[derive(Args)]
pub struct LogSource {
    /// Folder of the host's state, which holds the log.
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".cryptlet",
        conflicts_with = "from"
    )]
    state: PathBuf,
    /// The log as `cryptlet receipt export --log` wrote it; no state folder is needed.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The binding's document, to hold the log against what the counterparties signed; a state
    /// folder has it. May be repeated: a log that tells of changes takes every document that was in
    /// force.
    #[arg(long = "document", value_name = "BINDING.toml")]
    documents: Vec<PathBuf>,
}

/// A log that can be read from its first leaf on.
pub enum Log {
    /// A host's journal, and the checkpoint up to which it is read.
    Journal(Box<Journal>, CheckpointRow),
    /// The bytes of an export.
    Export(PathBuf, Vec<u8>),
}

/// Why a log that can be read tells no story.
pub enum Refusal {
    /// It contradicts itself or its checkpoint.
    Contradiction {
        found: Box<Contradiction>,
        /// How many leaves from the first on are certainly those that were signed.
        unaltered: Option<u64>,
    },
    /// The journal lacks a leaf.
    Missing { leaf: u64 },
}

impl LogSource {
    pub fn open(&self) -> Result<Log, Failure> {
        let Some(file) = &self.from else {
            let journal = Journal::open_for_reading(&self.state)?;
            // Read first: what a running host appends from now on is for the next audit.
            let checkpoint = journal.newest_checkpoint()?.ok_or_else(|| {
                Failure::Refused(format!(
                    "the log in {} has no checkpoint; nothing can be audited yet",
                    self.state.display()
                ))
            })?;
            return Ok(Log::Journal(Box::new(journal), checkpoint));
        };
        let bytes = std::fs::read(file).map_err(|error| Failure::unreadable(file, &error))?;
        Ok(Log::Export(file.clone(), bytes))
    }

    /// The binding that `name` means, an id or a name, and the documents of it that there are, the
    /// newest last.
    pub fn binding(&self, log: &Log, name: &str) -> Result<(BindingId, Vec<Binding>), Failure> {
        let mut documents = match log {
            Log::Journal(journal, _) => agreed(journal)?,
            Log::Export(..) => Vec::new(),
        };
        if !self.documents.is_empty() {
            // What the auditor holds counts, not what the host keeps.
            documents = self
                .documents
                .iter()
                .map(|file| read_document(file))
                .collect::<Result<_, _>>()?;
        }
        if name.starts_with("0x") {
            let id = name
                .parse()
                .map_err(|error| Failure::Usage(format!("{error}")))?;
            documents.retain(|document| document.id() == id);
            return Ok((id, documents));
        }
        let mut known: Vec<String> = documents
            .iter()
            .map(|document| document.binding.name.clone())
            .collect();
        known.dedup();
        let id = documents
            .iter()
            .find(|document| document.binding.name == name)
            .map(Binding::id);
        id.map(|id| {
            documents.retain(|document| document.id() == id);
            (id, documents)
        })
            .ok_or_else(|| {
                Failure::Usage(if known.is_empty() {
                    format!(
                        "a log knows bindings by id only; give the id of {name}, 0x…, or its document with --document"
                    )
                } else {
                    format!("there is no binding {name}; there is {}", known.join(", "))
                })
            })
    }
}

/// Every document that the journal has, by binding, the newest of each last.
fn agreed(journal: &Journal) -> Result<Vec<Binding>, Failure> {
    let mut documents = Vec::new();
    for row in journal.bindings()? {
        let agreements = journal.agreements(&row.document.id())?;
        documents.extend(agreements.into_iter().map(|agreement| agreement.document));
    }
    Ok(documents)
}

fn read_document(file: &Path) -> Result<Binding, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::unreadable(file, &error))?;
    Binding::parse(&file.display().to_string(), &text)
        .map_err(|error| Failure::Refused(error.to_string()))
}

/// What a trail is held against.
pub fn terms(document: &Binding) -> Terms {
    Terms {
        version: document.version(),
        cryptlet: document.binding.cryptlet.clone(),
        measurement: document.binding.measurement,
    }
}

impl Log {
    /// The checkpoint up to which the log is read, a signed note.
    pub fn checkpoint(&self) -> Result<String, Failure> {
        match self {
            Self::Export(file, bytes) => Ok(read_export(file, bytes)?.checkpoint.to_owned()),
            Self::Journal(_, checkpoint) => Ok(checkpoint.note.clone()),
        }
    }

    /// Follows a binding through the whole log.
    pub fn follow(
        &self,
        question: &Question<'_>,
        trust: &[TrustedKey],
    ) -> Result<Result<Trail, Refusal>, Failure> {
        match self {
            Self::Export(file, bytes) => {
                let export = read_export(file, bytes)?;
                let followed = trail::follow(&export.leaves, export.checkpoint, trust, question);
                Ok(followed.map_err(|found| Refusal::Contradiction {
                    found: Box::new(found),
                    unaltered: None,
                }))
            }
            Self::Journal(journal, checkpoint) => {
                follow_journal(journal, checkpoint, question, trust)
            }
        }
    }
}

fn read_export<'a>(file: &Path, bytes: &'a [u8]) -> Result<LogExport<'a>, Failure> {
    LogExport::from_bytes(bytes)
        .map_err(|error| Failure::Refused(format!("{} is no log export: {error}", file.display())))
}

fn follow_journal(
    journal: &Journal,
    checkpoint: &CheckpointRow,
    question: &Question<'_>,
    trust: &[TrustedKey],
) -> Result<Result<Trail, Refusal>, Failure> {
    let progress = progress("reading the log").of(checkpoint.size);
    let stop = RefCell::new(None);
    let leaves = Leaves::new(journal, checkpoint.size, &stop).inspect(|_| progress.advance(1));
    let followed = trail::follow(leaves, &checkpoint.note, trust, question);
    drop(progress);
    let found = match (followed, stop.into_inner()) {
        (_, Some(Stop::Failed(error))) => return Err(error.into()),
        (Ok(trail), _) => return Ok(Ok(trail)),
        (Err(found), Some(Stop::Missing(leaf))) if found.leaf.is_none() => {
            return Ok(Err(Refusal::Missing { leaf }));
        }
        (Err(found), _) => found,
    };
    let unaltered = if found.is_signed() {
        None
    } else {
        let notes: Vec<String> = journal
            .checkpoints(0, u32::MAX)?
            .into_iter()
            .map(|row| row.note)
            .collect();
        let stop = RefCell::new(None);
        let leaves = Leaves::new(journal, checkpoint.size, &stop);
        Some(trail::unaltered(leaves, &notes, trust))
    };
    Ok(Err(Refusal::Contradiction {
        found: Box::new(found),
        unaltered,
    }))
}

/// Why reading ended before the checkpoint's size.
enum Stop {
    Failed(JournalError),
    Missing(u64),
}

/// The leaves of a journal up to a size, page by page.
struct Leaves<'a> {
    journal: &'a Journal,
    next: u64,
    size: u64,
    page: std::vec::IntoIter<LeafRow>,
    stop: &'a RefCell<Option<Stop>>,
}

impl<'a> Leaves<'a> {
    fn new(journal: &'a Journal, size: u64, stop: &'a RefCell<Option<Stop>>) -> Self {
        Self {
            journal,
            next: 0,
            size,
            page: Vec::new().into_iter(),
            stop,
        }
    }
}

impl Iterator for Leaves<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.next >= self.size {
            return None;
        }
        let leaf = match self.page.next() {
            Some(leaf) => Some(leaf),
            None => match self.journal.leaves(self.next, PAGE) {
                Ok(page) => {
                    self.page = page.into_iter();
                    self.page.next()
                }
                Err(error) => {
                    self.stop.replace(Some(Stop::Failed(error)));
                    return None;
                }
            },
        };
        match leaf {
            Some(leaf) if leaf.position == self.next => {
                self.next += 1;
                Some(leaf.entry)
            }
            _ => {
                self.stop.replace(Some(Stop::Missing(self.next)));
                None
            }
        }
    }
}
