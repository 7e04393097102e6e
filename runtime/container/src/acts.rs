//! What runs do outside that cannot be taken back: requests by another method than GET and HEAD.

use crate::address;
use crate::grants::Grants;
use crate::services::HttpRequest;
use crate::transcript::{Record, Transcript};

/// A request that does more than ask: one by another method than GET and HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Names of the sources that lead to it, outermost first; empty for the run's own.
    pub sources: Vec<String>,
    /// What was sent, with the address that it went to.
    pub request: HttpRequest,
}

/// The acts of a run and of the sources that it asked, in their order. What a source did that was not
/// asked again, since the active version had asked it the same, is in `active`.
pub(crate) fn acts(transcript: &Transcript, active: &Transcript, grants: &Grants) -> Vec<Act> {
    let mut found = Vec::new();
    add_acts(&mut found, &[], transcript, active, grants);
    found
}

fn add_acts(
    found: &mut Vec<Act>,
    sources: &[String],
    transcript: &Transcript,
    active: &Transcript,
    grants: &Grants,
) {
    for record in transcript.records() {
        match record {
            Record::Fetch { request, .. } if !asks(&request.method) => {
                found.extend(fetched(record, grants).map(|request| Act {
                    sources: sources.to_vec(),
                    request,
                }));
            }
            Record::Ask {
                source,
                request,
                transcript,
                ..
            } => {
                let inner = match transcript {
                    Some(bytes) => Transcript::from_bytes(bytes).ok(),
                    None => answered_before(active, source, request),
                };
                if let (Some(inner), Some(granted)) = (inner, grants.sources.get(source)) {
                    let mut sources = sources.to_vec();
                    sources.push(source.clone());
                    add_acts(found, &sources, &inner, active, &granted.grants);
                }
            }
            _ => {}
        }
    }
}

fn asks(method: &str) -> bool {
    matches!(method, "GET" | "HEAD")
}

/// The transcript of a source that was asked this, by whomever.
fn answered_before(active: &Transcript, name: &str, asked: &[u8]) -> Option<Transcript> {
    active.records().iter().find_map(|record| match record {
        Record::Ask {
            source,
            request,
            transcript: Some(bytes),
            ..
        } => {
            let inner = Transcript::from_bytes(bytes).ok()?;
            if source == name && request == asked {
                return Some(inner);
            }
            answered_before(&inner, name, asked)
        }
        _ => None,
    })
}

/// Where a recorded request went: two spellings of one address are one question.
pub(crate) fn fetched(record: &Record, grants: &Grants) -> Option<HttpRequest> {
    let Record::Fetch { request, .. } = record else {
        return None;
    };
    let found = address::resolve(&grants.http, &request.method, &request.url).ok()?;
    Some(HttpRequest {
        url: found.url.into(),
        ..request.clone()
    })
}
