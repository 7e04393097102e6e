//! What went between a run and its host, by kind of call. All of it follows from what is recorded of
//! a run, so that a receipt need not state it.

use std::ops::AddAssign;

use crate::files::DirectoryEntry;
use crate::invocation::{Invocation, SubmissionStatus, Trigger};
use crate::services::{BuildError, HttpError, KeyError};
use crate::transcript::{AskError, Record, Transcript};

/// Kinds of host calls that are recorded, in the order of their records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    /// `transaction-builder.build`.
    Build,
    /// `transaction-builder.draft.digest`.
    DraftDigest,
    /// `router.submit`.
    Submit,
    /// `router.status`.
    Status,
    /// `source.ask`.
    Ask,
    /// `http.fetch`.
    Fetch,
    /// `state.get`.
    StateGet,
    /// `state.set`.
    StateSet,
    /// `state.remove`.
    StateRemove,
    /// `state.keys`.
    StateKeys,
    /// `keychain.public-key-of`.
    PublicKeyOf,
    /// `keychain.sign`.
    Sign,
    /// `events.publish`.
    Publish,
    /// `log.log`.
    Log,
    /// `descriptor.open-at` of WASI.
    OpenFile,
    /// `descriptor.stat-at` of WASI.
    FileStatus,
    /// `descriptor.read-directory` of WASI.
    ListDirectory,
}

impl CallKind {
    /// Every kind, in order.
    pub const ALL: [CallKind; 17] = [
        CallKind::Build,
        CallKind::DraftDigest,
        CallKind::Submit,
        CallKind::Status,
        CallKind::Ask,
        CallKind::Fetch,
        CallKind::StateGet,
        CallKind::StateSet,
        CallKind::StateRemove,
        CallKind::StateKeys,
        CallKind::PublicKeyOf,
        CallKind::Sign,
        CallKind::Publish,
        CallKind::Log,
        CallKind::OpenFile,
        CallKind::FileStatus,
        CallKind::ListDirectory,
    ];

    /// The call as WIT names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CallKind::Build => "transaction-builder.build",
            CallKind::DraftDigest => "transaction-builder.draft.digest",
            CallKind::Submit => "router.submit",
            CallKind::Status => "router.status",
            CallKind::Ask => "source.ask",
            CallKind::Fetch => "http.fetch",
            CallKind::StateGet => "state.get",
            CallKind::StateSet => "state.set",
            CallKind::StateRemove => "state.remove",
            CallKind::StateKeys => "state.keys",
            CallKind::PublicKeyOf => "keychain.public-key-of",
            CallKind::Sign => "keychain.sign",
            CallKind::Publish => "events.publish",
            CallKind::Log => "log.log",
            CallKind::OpenFile => "descriptor.open-at",
            CallKind::FileStatus => "descriptor.stat-at",
            CallKind::ListDirectory => "descriptor.read-directory",
        }
    }
}

/// The calls of one kind, and what they carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTraffic {
    /// How many calls.
    pub calls: u64,
    /// Bytes of the host's answers.
    pub bytes_in: u64,
    /// Bytes of what the guest said.
    pub bytes_out: u64,
}

impl AddAssign for CallTraffic {
    fn add_assign(&mut self, other: CallTraffic) {
        self.calls += other.calls;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
    }
}

/// What went between one run and its host.
///
/// Bytes are those of texts and lists of bytes; numbers, handles and discriminants count nothing. The
/// text of log lines is not recorded and not counted; `log-bytes` bounds it. What a source and its own
/// host said to each other belongs to the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    kinds: [CallTraffic; CallKind::ALL.len()],
    /// Bytes of what woke the guest: a message's body or an event's fields.
    pub input_bytes: u64,
    /// Bytes of its reply, if it gave one.
    pub reply_bytes: u64,
}

impl Traffic {
    /// The traffic of a run, from what is kept of it.
    #[must_use]
    pub fn of(invocation: &Invocation, transcript: &Transcript, reply: Option<&[u8]>) -> Traffic {
        let mut traffic = Traffic {
            input_bytes: match &invocation.trigger {
                Trigger::Message { body: bytes, .. }
                | Trigger::ContractEvent { fields: bytes, .. } => bytes.len() as u64,
                Trigger::Schedule { .. } | Trigger::Receipt { .. } => 0,
            },
            reply_bytes: reply.map_or(0, |reply| reply.len() as u64),
            ..Traffic::default()
        };
        for record in transcript.records() {
            let (kind, call) = call_of(record);
            traffic.kinds[kind as usize] += call;
        }
        traffic
    }

    /// The calls of one kind.
    #[must_use]
    pub fn of_kind(&self, kind: CallKind) -> CallTraffic {
        self.kinds[kind as usize]
    }

    /// Every kind of call that the guest made, in the order of [`CallKind::ALL`].
    pub fn kinds(&self) -> impl Iterator<Item = (CallKind, CallTraffic)> {
        let kinds = CallKind::ALL.into_iter().zip(self.kinds);
        kinds.filter(|(_, call)| call.calls > 0)
    }

    /// All calls together.
    #[must_use]
    pub fn calls(&self) -> CallTraffic {
        let mut all = CallTraffic::default();
        for call in self.kinds {
            all += call;
        }
        all
    }

    /// Bytes that reached the guest: its input and every answer.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.input_bytes + self.calls().bytes_in
    }

    /// Bytes that left the guest: its reply and what every call carried.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.reply_bytes + self.calls().bytes_out
    }
}

impl Record {
    /// What kind of call it is.
    #[must_use]
    pub fn kind(&self) -> CallKind {
        call_of(self).0
    }

    /// The call as WIT names it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    pub(crate) fn traffic(&self) -> CallTraffic {
        call_of(self).1
    }
}

fn call_of(record: &Record) -> (CallKind, CallTraffic) {
    let (kind, bytes_out, bytes_in) = match record {
        Record::Build {
            action,
            fields,
            answer,
        } => {
            let refused = answer.as_ref().err().map_or(0, unbuilt);
            (CallKind::Build, action.len() + fields.len(), refused)
        }
        Record::DraftDigest { answer } => (CallKind::DraftDigest, 0, answer.len()),
        Record::Submit { .. } => (CallKind::Submit, 0, 0),
        Record::Status { answer, .. } => (CallKind::Status, 0, answer.as_ref().map_or(0, became)),
        Record::Ask {
            source,
            request,
            answer,
            ..
        } => {
            let heard = answer.as_ref().map_or_else(unasked, |answer| answer.len());
            (CallKind::Ask, source.len() + request.len(), heard)
        }
        Record::Fetch { request, answer } => {
            let heard = answer
                .as_ref()
                .map_or_else(unfetched, |response| in_memory(response.size()));
            (CallKind::Fetch, in_memory(request.size()), heard)
        }
        Record::StateGet { key, answer } => {
            let found = answer.as_ref().map_or(0, Vec::len);
            (CallKind::StateGet, key.len(), found)
        }
        Record::StateSet { key, value } => (CallKind::StateSet, key.len() + value.len(), 0),
        Record::StateRemove { key } => (CallKind::StateRemove, key.len(), 0),
        Record::StateKeys {
            prefix,
            after,
            answer,
            ..
        } => {
            let after = after.as_ref().map_or(0, String::len);
            let keys = answer.iter().map(String::len).sum();
            (CallKind::StateKeys, prefix.len() + after, keys)
        }
        Record::PublicKeyOf { key, answer } => {
            let heard = answer.as_ref().map_or_else(unsigned, |key| key.bytes.len());
            (CallKind::PublicKeyOf, key.len(), heard)
        }
        Record::Sign {
            key,
            message,
            answer,
        } => {
            let heard = answer.as_ref().map_or_else(unsigned, |bytes| bytes.len());
            (CallKind::Sign, key.len() + message.len(), heard)
        }
        Record::Publish { topic, body } => (CallKind::Publish, topic.len() + body.len(), 0),
        Record::Log { .. } => (CallKind::Log, 0, 0),
        Record::OpenFile {
            directory,
            path,
            answer,
        } => {
            let content = answer.as_ref().map_or(0, |opened| opened.size() as usize);
            (CallKind::OpenFile, directory.len() + path.len(), content)
        }
        Record::FileStatus {
            directory, path, ..
        } => (CallKind::FileStatus, directory.len() + path.len(), 0),
        Record::ListDirectory {
            directory,
            path,
            answer,
        } => {
            let names = |entries: &Vec<DirectoryEntry>| entries.iter().map(|e| e.name.len()).sum();
            let names = answer.as_ref().map_or(0, names);
            (CallKind::ListDirectory, directory.len() + path.len(), names)
        }
    };
    let traffic = CallTraffic {
        calls: 1,
        bytes_in: bytes_in as u64,
        bytes_out: bytes_out as u64,
    };
    (kind, traffic)
}

fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).expect("what is in memory has a length that fits")
}

fn unbuilt(error: &BuildError) -> usize {
    match error {
        BuildError::UnknownAction(text) | BuildError::NotGranted(text) => text.len(),
        BuildError::Field {
            path,
            expected,
            found,
        } => path.len() + expected.len() + found.len(),
    }
}

fn became(status: &SubmissionStatus) -> usize {
    match status {
        SubmissionStatus::Included(position) | SubmissionStatus::Finalized(position) => {
            position.chain.len() + position.block_hash.len() + position.transaction.len()
        }
        SubmissionStatus::Reverted(reason) => reason.len(),
        SubmissionStatus::Pending | SubmissionStatus::Expired | SubmissionStatus::Skipped => 0,
    }
}

fn unasked(error: &AskError) -> usize {
    match error {
        AskError::UnknownSource(text) | AskError::Limit(text) => text.len(),
        AskError::Failed(failure) => failure.code.len() + failure.message.len(),
    }
}

fn unfetched(error: &HttpError) -> usize {
    match error {
        HttpError::Denied(text)
        | HttpError::Dns(text)
        | HttpError::Connect(text)
        | HttpError::Tls(text)
        | HttpError::Invalid(text) => text.len(),
        HttpError::Timeout | HttpError::TooLarge(_) => 0,
    }
}

fn unsigned(error: &KeyError) -> usize {
    match error {
        KeyError::UnknownKey(text) | KeyError::NotGranted(text) | KeyError::Limit(text) => {
            text.len()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_where_they_are_counted() {
        for (place, kind) in CallKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place, "{}", kind.name());
        }
    }
}
