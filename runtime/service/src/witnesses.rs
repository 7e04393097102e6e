//! Asks the configured witnesses to cosign what is published.

use std::sync::Arc;
use std::time::Duration;

use cryptlet_attest::CheckpointError;
use cryptlet_attest::log::{AddCheckpoint, accept_cosignatures};
use cryptlet_fabric::journal::{Journal, JournalError};
use cryptlet_fabric::{FabricError, Witness, tls_configuration};
use futures::future::join_all;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::api::WitnessStatus;
use crate::rest::Rests;
use crate::state::ServiceState;

/// How long a witness gets for all that it is asked to have one checkpoint cosigned, from the first
/// connection to the last byte.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Most bytes of an answer: more than a line of every key that a witness may have.
const ANSWER_BYTES: usize = 16 << 10;
/// Questions until there must be a cosignature: the first may show what the witness signed last, and
/// another process of ours may just have asked it.
const QUESTIONS: u32 = 3;

/// Why there is no cosignature.
#[derive(Debug, thiserror::Error)]
enum NotCosigned {
    /// No answer.
    #[error("it does not answer: {0}")]
    Silent(String),
    /// More than a witness has to say.
    #[error("its answer is longer than {ANSWER_BYTES} bytes; does the address lead to a witness?")]
    Long,
    /// An answer that helps nobody.
    #[error("it answers {status}: {said}")]
    Refused { status: StatusCode, said: String },
    /// A line that it has not signed.
    #[error("its cosignature is false: {0}")]
    False(#[from] CheckpointError),
    /// No line of its own.
    #[error(
        "its answer has no cosignature by its key; compare log.witnesses with what `cryptlet witness key` prints there"
    )]
    Without,
    /// It says another size each time.
    #[error("it says another size at each question")]
    Unsteady,
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The witness knows a log of our name and key that ours does not extend.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// A witness has seen another history of this log than the journal has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// More than there is.
    #[error(
        "witness {witness} has cosigned {cosigned} entries of this log, and the journal has {size}: this is an old copy, and it would sign a second history; restore the newest journal, or begin a new log with another name and key"
    )]
    Behind {
        /// The witness, as `name+id`.
        witness: String,
        /// What it has cosigned.
        cosigned: u64,
        /// What the journal has.
        size: u64,
    },
    /// Something else.
    #[error(
        "witness {witness} has cosigned another root over the first {size} entries than the journal has: there are two histories of this log; restore the journal that was published, and keep both as evidence"
    )]
    Forked {
        /// The witness, as `name+id`.
        witness: String,
        /// The size at which they differ.
        size: u64,
    },
}

/// What is said to one witness, one question at a time.
pub(crate) struct Conversation {
    /// As `name+id`.
    name: String,
    witness: Witness,
    url: Url,
    client: Client,
    /// What it cosigned last, as far as is known.
    last: u64,
}

impl Conversation {
    /// One for each configured witness.
    pub(crate) fn with_all(witnesses: &[Witness]) -> Result<Vec<Self>, String> {
        let client = || -> Result<Client, String> {
            let tls = tls_configuration().map_err(|error| error.to_string())?;
            Client::builder()
                .tls_backend_preconfigured(tls)
                .redirect(Policy::none())
                .no_proxy()
                .build()
                .map_err(|error| error.to_string())
        };
        let with = |witness: &Witness| {
            let mut url = witness.url.clone();
            let path = format!("{}/add-checkpoint", url.path().trim_end_matches('/'));
            url.set_path(&path);
            Ok(Self {
                name: witness.key.identity(),
                witness: witness.clone(),
                url,
                client: client()?,
                last: 0,
            })
        };
        witnesses.iter().map(with).collect()
    }

    /// Has the newest checkpoint cosigned, and says how many entries it covers.
    async fn ask(&mut self, journal: &Journal) -> Result<u64, NotCosigned> {
        tokio::time::timeout(ANSWER_TIME, self.question(journal))
            .await
            .unwrap_or_else(|_| {
                let seconds = ANSWER_TIME.as_secs();
                Err(NotCosigned::Silent(format!("{seconds} seconds were over")))
            })
    }

    async fn question(&mut self, journal: &Journal) -> Result<u64, NotCosigned> {
        for _ in 0..QUESTIONS {
            let size = journal.log_size()?;
            if self.last > size {
                return Err(self.behind(size).into());
            }
            let Some(request) = request(journal, self.last)? else {
                return Ok(0);
            };
            let (status, said) = self.send(&request.1).await?;
            match status {
                StatusCode::OK => return self.keep(journal, request, &said).await,
                StatusCode::CONFLICT => {
                    let cosigned = said
                        .trim_end()
                        .parse()
                        .map_err(|_| refused(status, &said))?;
                    if cosigned == self.last {
                        // It holds another root of the same size, or there is no sense in it.
                        return Err(match cosigned == request.0 {
                            true => self.forked().into(),
                            false => refused(status, &said),
                        });
                    }
                    self.last = cosigned;
                }
                StatusCode::UNPROCESSABLE_ENTITY if self.last > 0 => {
                    return Err(self.forked().into());
                }
                _ => return Err(refused(status, &said)),
            }
        }
        Err(NotCosigned::Unsteady)
    }

    async fn keep(
        &mut self,
        journal: &Journal,
        (size, request): (u64, AddCheckpoint),
        said: &str,
    ) -> Result<u64, NotCosigned> {
        let key = std::slice::from_ref(&self.witness.key);
        let accepted = accept_cosignatures(&request.checkpoint, said, key)?;
        // One key makes one line a checkpoint; a second would be another time.
        let line = accepted.split_inclusive('\n').next();
        let line = line.ok_or(NotCosigned::Without)?;
        journal.keep_cosignature(size, &self.name, line).await?;
        self.last = size;
        Ok(size)
    }

    async fn send(&self, request: &AddCheckpoint) -> Result<(StatusCode, String), NotCosigned> {
        let post = self.client.post(self.url.clone()).body(request.to_text());
        let answer = post.send().await.map_err(|error| silent(&error))?;
        Ok((answer.status(), read(answer).await?))
    }

    fn behind(&self, size: u64) -> Contradiction {
        Contradiction::Behind {
            witness: self.name.clone(),
            cosigned: self.last,
            size,
        }
    }

    fn forked(&self) -> Contradiction {
        Contradiction::Forked {
            witness: self.name.clone(),
            size: self.last,
        }
    }
}

/// The newest checkpoint's size, and what to send for its cosignature; none before the first entry.
fn request(journal: &Journal, last: u64) -> Result<Option<(u64, AddCheckpoint)>, JournalError> {
    let found = match last {
        0 => journal
            .newest_checkpoint()?
            .map(|newest| (newest, Vec::new())),
        last => journal.consistency(last)?,
    };
    Ok(found.map(|(newest, proof)| {
        let request = AddCheckpoint {
            old: last,
            proof,
            checkpoint: newest.note,
        };
        (newest.size, request)
    }))
}

async fn read(mut answer: Response) -> Result<String, NotCosigned> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| silent(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(NotCosigned::Long);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Without the address, which may hold what only the operator should read.
fn silent(error: &reqwest::Error) -> NotCosigned {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let timed_out = error.is_timeout();
    NotCosigned::Silent(match timed_out {
        true => "it took too long".into(),
        false => cause.to_string(),
    })
}

/// With the beginning of what was said, on one line.
fn refused(status: StatusCode, said: &str) -> NotCosigned {
    let said = said.lines().next().unwrap_or_default();
    NotCosigned::Refused {
        status,
        said: said
            .chars()
            .filter(|letter| !letter.is_control())
            .take(200)
            .collect(),
    }
}

/// Asks each witness once, before work begins. One that does not answer is a warning: receipts are
/// good without.
///
/// # Errors
///
/// If a witness has seen another history of this log.
pub(crate) async fn ask_all(
    state: &ServiceState,
    conversations: &mut [Conversation],
) -> Result<(), Contradiction> {
    let asked = join_all(
        conversations
            .iter_mut()
            .map(|conversation| ask(state, conversation)),
    );
    asked
        .await
        .into_iter()
        .find_map(|asked| asked.err().flatten())
        .map_or(Ok(()), Err)
}

/// Has every published checkpoint cosigned, or the newest of those that follow quickly.
#[tracing::instrument(name = "witness", skip_all, fields(witness = conversation.name))]
pub(crate) async fn follow(state: Arc<ServiceState>, mut conversation: Conversation) {
    let mut size = state.publishing.size();
    let mut rests = Rests::default();
    loop {
        if *size.borrow_and_update() <= conversation.last && size.changed().await.is_err() {
            return;
        }
        match ask(&state, &mut conversation).await {
            Ok(()) => rests = Rests::default(),
            Err(Some(contradiction)) => return state.contradicted(contradiction.to_string()),
            Err(None) => tokio::time::sleep(rests.next()).await,
        }
    }
}

/// Asks once and notes what came of it.
async fn ask(
    state: &ServiceState,
    conversation: &mut Conversation,
) -> Result<(), Option<Contradiction>> {
    let asked = conversation.ask(state.fabric.journal()).await;
    let (failure, outcome) = match asked {
        Ok(_) => (None, Ok(())),
        Err(NotCosigned::Contradiction(contradiction)) => {
            (Some(contradiction.to_string()), Err(Some(contradiction)))
        }
        Err(NotCosigned::Journal(error)) => {
            let error = FabricError::from(error);
            state.failed(&error);
            (Some(error.to_string()), Err(None))
        }
        Err(error) => (Some(error.to_string()), Err(None)),
    };
    if outcome.is_ok() {
        state.publishing.cosigned();
    }
    state.metrics.witness(
        conversation.witness.key.name(),
        conversation.last,
        failure.is_none(),
    );
    state.health.saw_witness(WitnessStatus {
        name: conversation.name.clone(),
        size: conversation.last,
        failure,
    });
    outcome
}
