//! What a run's transcript may hold, in bytes of memory: a guest that makes its host answer the same
//! long value again and again would fill the host with records of it. So would one whose sources do: what
//! is kept of a source counts for its asker as well.
//!
//! The count is fixed, and so is where it stops a run: a replay stops at the same call.

use crate::transcript::{Record, Transcript};

/// What all records of a run may take together. Answers from the web and contents of files are not among
/// them: they have `http-response-bytes` and the bytes of their grant.
pub(crate) const ALLOWED: u64 = 32 << 20;

/// A record, a header or a key without its text.
const ITEM: u64 = 64;

/// A source's run without its records: why it ran, how it ended, what it cost.
pub(crate) const RUN: u64 = 4 << 10;

/// What is kept of a source that left this transcript: its bytes, its run and its records, and the same
/// of the sources that it asked.
pub(crate) fn of_source(transcript: &[u8]) -> u64 {
    let read = Transcript::from_bytes(transcript).unwrap_or_default();
    let records = read.records().iter().map(|record| match record {
        Record::Ask {
            transcript: Some(inner),
            ..
        } => of(record) - inner.len() as u64 + of_source(inner),
        _ => of(record),
    });
    records.fold(RUN + transcript.len() as u64, u64::saturating_add)
}

/// What one record takes.
pub(crate) fn of(record: &Record) -> u64 {
    let call = record.traffic();
    let (items, bytes) = match record {
        Record::Fetch { request, answer } => {
            let heard = answer.as_ref().map_or(0, |response| response.headers.len());
            (request.headers.len() + heard, call.bytes_out)
        }
        Record::OpenFile { .. } => (0, call.bytes_out),
        Record::ListDirectory { answer, .. } => {
            let entries = answer.as_ref().map_or(0, Vec::len);
            (entries, call.bytes_in + call.bytes_out)
        }
        Record::StateKeys { answer, .. } => (answer.len(), call.bytes_in + call.bytes_out),
        Record::Ask { transcript, .. } => {
            let inner = transcript.as_ref().map_or(0, |bytes| bytes.len() as u64);
            (0, call.bytes_in + call.bytes_out + inner)
        }
        _ => (0, call.bytes_in + call.bytes_out),
    };
    bytes.saturating_add(ITEM * (1 + items as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{HttpRequest, HttpResponse};

    #[test]
    fn empty_headers_and_keys_take_their_place() {
        let header = (String::new(), String::new());
        let fetch = Record::Fetch {
            request: HttpRequest {
                method: "GET".into(),
                url: String::new(),
                headers: vec![header.clone(); 10],
                body: Some(vec![0; 100]),
            },
            answer: Ok(HttpResponse {
                status: 200,
                headers: vec![header; 5],
                body: vec![0; 1_000],
            }),
        };
        assert_eq!(of(&fetch), 3 + 100 + 16 * ITEM);
        let keys = Record::StateKeys {
            prefix: String::new(),
            after: None,
            limit: 3,
            answer: vec![String::new(); 3],
        };
        assert_eq!(of(&keys), 4 * ITEM);
    }

    #[test]
    fn the_transcript_of_a_source_counts_for_its_asker() {
        let ask = Record::Ask {
            source: "rate".into(),
            request: Vec::new(),
            answer: Ok(vec![0; 6].into()),
            transcript: Some(vec![0; 1_000]),
        };
        assert_eq!(of(&ask), 4 + 6 + 1_000 + ITEM);
    }
}
