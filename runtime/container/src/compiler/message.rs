//! What a host and its compiler say to each other: one question, one answer, each begun by a word that
//! nothing else begins with.

use std::io::{self, Read, Write};

use crate::fingerprint::Fingerprint;

const QUESTION: &[u8; 16] = b"cryptlet compile";
const ANSWER: &[u8; 16] = b"cryptlet answers";
const NUMBER: usize = size_of::<u64>();
const FINGERPRINT: usize = 32;
/// The word, the fingerprint, and what follows.
pub(super) const ANSWER_HEAD: usize = ANSWER.len() + FINGERPRINT + 1;
/// The longest reason that is passed on.
const REASON_BYTES: usize = 4096;

/// What the compiler bounds itself by before it reads the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnBounds {
    /// The number of the process that it ends with.
    pub(super) host: u32,
    pub(super) memory_bytes: u64,
    pub(super) processor_seconds: u64,
    pub(super) code_bytes: u64,
}

/// Asks for a component to be compiled.
pub(super) fn ask(
    mut compiler: impl Write,
    bounds: &OwnBounds,
    component: &[u8],
) -> io::Result<()> {
    compiler.write_all(QUESTION)?;
    for bound in [
        bounds.host.into(),
        bounds.memory_bytes,
        bounds.processor_seconds,
        bounds.code_bytes,
    ] {
        compiler.write_all(&bound.to_le_bytes())?;
    }
    compiler.write_all(component)
}

/// The bounds; the component is what follows. None if nobody asks.
pub(super) fn asked(mut host: impl Read) -> io::Result<Option<OwnBounds>> {
    let mut head = [0; QUESTION.len() + 4 * NUMBER];
    match host.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let (word, bounds) = head.split_at(QUESTION.len());
    if word != QUESTION {
        return Ok(None);
    }
    let (numbers, _) = bounds.as_chunks::<NUMBER>();
    let [host, memory_bytes, processor_seconds, code_bytes] = numbers else {
        return Ok(None);
    };
    let Ok(host) = u32::try_from(u64::from_le_bytes(*host)) else {
        return Ok(None);
    };
    Ok(Some(OwnBounds {
        host,
        memory_bytes: u64::from_le_bytes(*memory_bytes),
        processor_seconds: u64::from_le_bytes(*processor_seconds),
        code_bytes: u64::from_le_bytes(*code_bytes),
    }))
}

/// What a component compiled to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome<C> {
    Code(C),
    Refused(String),
}

/// Answers with code, or says why there is none.
pub(super) fn answer(
    mut host: impl Write,
    fingerprint: &Fingerprint,
    outcome: &Outcome<Vec<u8>>,
) -> io::Result<()> {
    let (kind, body) = match outcome {
        Outcome::Code(code) => (0, code.as_slice()),
        Outcome::Refused(reason) => (1, reason.as_bytes()),
    };
    host.write_all(ANSWER)?;
    host.write_all(fingerprint.as_bytes())?;
    host.write_all(&[kind])?;
    host.write_all(body)?;
    host.flush()
}

/// Reads an answer: for which engine, and where the code lies in it. None if it is none.
pub(super) fn answered(bytes: &[u8]) -> Option<(Fingerprint, Outcome<usize>)> {
    let (head, body) = bytes.split_at_checked(ANSWER_HEAD)?;
    let (word, rest) = head.split_at(ANSWER.len());
    let (fingerprint, kind) = rest.split_first_chunk::<FINGERPRINT>()?;
    if word != ANSWER {
        return None;
    }
    let outcome = match kind {
        [0] => Outcome::Code(ANSWER_HEAD),
        [1] => {
            let shown = &body[..body.len().min(REASON_BYTES)];
            Outcome::Refused(String::from_utf8_lossy(shown).into_owned())
        }
        _ => return None,
    };
    Some((Fingerprint::from_bytes(*fingerprint), outcome))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_question_arrives_as_it_was_asked(
            (host, memory_bytes, processor_seconds, code_bytes) in any::<(u32, u64, u64, u64)>(),
            component in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let bounds = OwnBounds { host, memory_bytes, processor_seconds, code_bytes };
            let mut sent = Vec::new();
            ask(&mut sent, &bounds, &component).expect("memory takes it");
            let mut rest = sent.as_slice();
            let heard = asked(&mut rest).expect("memory reads");
            prop_assert_eq!(heard, Some(bounds));
            prop_assert_eq!(rest, component);
        }

        #[test]
        fn an_answer_arrives_as_it_was_given(
            engine in any::<[u8; 32]>(),
            code in prop::collection::vec(any::<u8>(), 0..200),
            reason in ".{0,40}",
        ) {
            let fingerprint = Fingerprint::from_bytes(engine);
            let mut sent = Vec::new();
            answer(&mut sent, &fingerprint, &Outcome::Code(code.clone())).expect("memory takes it");
            prop_assert_eq!(answered(&sent), Some((fingerprint, Outcome::Code(ANSWER_HEAD))));
            prop_assert_eq!(&sent[ANSWER_HEAD..], code);

            let refused = Outcome::Refused(reason.clone());
            let mut sent = Vec::new();
            answer(&mut sent, &fingerprint, &refused).expect("memory takes it");
            prop_assert_eq!(answered(&sent), Some((fingerprint, Outcome::Refused(reason))));
        }

        #[test]
        fn anything_else_is_no_answer(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(answered(&bytes), None);
            prop_assert_eq!(asked(bytes.as_slice()).expect("memory reads"), None);
        }
    }
}
