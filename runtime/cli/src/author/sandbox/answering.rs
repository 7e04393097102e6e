//! A small utility cryptlet that answers what it was made to answer: fixed answers go through
//! the container like those of any source.

use cryptlet_build::{embed_manifest, wrap};
use serde_json::Value;
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::fixed::Answer;
use super::schema;

const FABRIC: &str = include_str!("../../../../../wit/fabric.wit");

/// The code of the failure for a request that it was not made for.
pub const UNKNOWN_REQUEST: &str = "no-fixed-answer";

/// The result of `handle` lies at 0, texts from here on.
const TEXTS: usize = 64;
const PAGE: usize = 64 * 1024;

/// A request, byte for byte, and its answer.
pub struct Answered {
    /// The bytes that were asked.
    pub request: Vec<u8>,
    /// What they are answered.
    pub answer: Answer,
}

/// The component of a source that knows these answers.
///
/// # Errors
///
/// Requests or replies have no common schema.
pub fn component(name: &str, answers: &[Answered]) -> Result<Vec<u8>, String> {
    let manifest = manifest(answers)
        .map_err(|reason| format!("the fixed answers of source `{name}`: {reason}"))?;
    let failed = |reason: String| {
        format!("the fixed answers of source `{name}` make no component: {reason}")
    };
    let mut module = wat::parse_str(module(answers)).map_err(|error| failed(error.to_string()))?;
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str("fabric.wit", FABRIC)
        .map_err(|error| failed(format!("{error:#}")))?;
    let world = resolve
        .select_world(&[package], Some("utility-cryptlet"))
        .map_err(|error| failed(format!("{error:#}")))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .map_err(|error| failed(format!("{error:#}")))?;
    let component = wrap(&module).map_err(|error| failed(error.to_string()))?;
    embed_manifest(&component, &manifest).map_err(|error| failed(error.to_string()))
}

fn manifest(answers: &[Answered]) -> Result<String, String> {
    let mut requests: Vec<Value> = Vec::new();
    for answered in answers {
        let request = serde_json::from_slice(&answered.request);
        requests.push(request.map_err(|error| format!("a request is not JSON: {error}"))?);
    }
    let replies = answers
        .iter()
        .filter_map(|answered| match &answered.answer {
            Answer::Reply(reply) => Some(reply),
            Answer::Failure { .. } => None,
        });
    Ok(format!(
        "[cryptlet]\nname = \"fixed-answers\"\nversion = \"1.0.0\"\nkind = \"utility\"\n\
         description = \"Fixed answers of a source\"\n\
         [messages]\nrequest = \"{}\"\nreply = \"{}\"\n",
        schema::of_all("Request", &requests)?,
        schema::of_all("Reply", replies)?,
    ))
}

/// The core module: the request's bytes lie at 48 of the invocation, their length at 52, and the
/// first entry with the same bytes answers.
fn module(answers: &[Answered]) -> String {
    let mut texts = Texts::new();
    let mut entries = String::new();
    for answered in answers {
        let (at, length) = texts.place(&answered.request);
        let answer = texts.answer(&answered.answer);
        entries.push_str(&format!(
            "(if (call $same (local.get $in) (i32.const {at}) (i32.const {length}))\n  \
             (then (return {answer})))\n"
        ));
    }
    let unknown = texts.answer(&Answer::Failure {
        code: UNKNOWN_REQUEST.to_owned(),
        message: "nothing is given that answers this request".to_owned(),
    });
    let Texts { next, data } = texts;
    let heap = next.next_multiple_of(16);
    // Room for what the host writes: an invocation, and a request of any length that it lets pass.
    let pages = heap.div_ceil(PAGE) + 32;
    format!(
        r#"(module
(memory (export "memory") {pages})
(global $free (mut i32) (i32.const {heap}))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (local $at i32)
  (local.set $at (global.get $free))
  (global.set $free
    (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 15)) (i32.const -16)))
  (local.get $at))
(func $same (param $in i32) (param $text i32) (param $length i32) (result i32)
  (local $body i32)
  (if (i32.ne (i32.load offset=52 (local.get $in)) (local.get $length))
    (then (return (i32.const 0))))
  (local.set $body (i32.load offset=48 (local.get $in)))
  (block $end
    (loop $next
      (br_if $end (i32.eqz (local.get $length)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (if (i32.ne
            (i32.load8_u (i32.add (local.get $body) (local.get $length)))
            (i32.load8_u (i32.add (local.get $text) (local.get $length))))
        (then (return (i32.const 0))))
      (br $next)))
  (i32.const 1))
(func $reply (param i32 i32) (result i32)
  (i32.store8 (i32.const 0) (i32.const 0))
  (i32.store (i32.const 4) (local.get 0))
  (i32.store (i32.const 8) (local.get 1))
  (i32.const 0))
(func $failure (param i32 i32 i32 i32) (result i32)
  (i32.store8 (i32.const 0) (i32.const 1))
  (i32.store (i32.const 4) (local.get 0))
  (i32.store (i32.const 8) (local.get 1))
  (i32.store (i32.const 12) (local.get 2))
  (i32.store (i32.const 16) (local.get 3))
  (i32.const 0))
(func (export "cryptlet:fabric/cryptlet@0.1.0#handle") (param $in i32) (result i32)
{entries}{unknown})
{data})"#
    )
}

/// The module's data, as it grows.
struct Texts {
    next: usize,
    data: String,
}

impl Texts {
    fn new() -> Self {
        Self {
            next: TEXTS,
            data: String::new(),
        }
    }

    /// Puts bytes into the memory; gives address and length.
    fn place(&mut self, bytes: &[u8]) -> (usize, usize) {
        let at = self.next;
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        self.data
            .push_str(&format!("(data (i32.const {at}) \"{escaped}\")\n"));
        self.next += bytes.len();
        (at, bytes.len())
    }

    /// The expression that answers.
    fn answer(&mut self, answer: &Answer) -> String {
        match answer {
            Answer::Reply(reply) => {
                let (at, length) = self.place(reply.to_string().as_bytes());
                format!("(call $reply (i32.const {at}) (i32.const {length}))")
            }
            Answer::Failure { code, message } => {
                let (code, code_length) = self.place(code.as_bytes());
                let (message, message_length) = self.place(message.as_bytes());
                format!(
                    "(call $failure (i32.const {code}) (i32.const {code_length}) \
                     (i32.const {message}) (i32.const {message_length}))"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cryptlet_build::read_manifest;
    use serde_json::json;

    use super::*;

    #[test]
    fn makes_a_utility_cryptlet_of_any_answers() {
        let answers = [
            Answered {
                request: br#"{"currency":"EUR"}"#.to_vec(),
                answer: Answer::Reply(json!({"rate": "10"})),
            },
            Answered {
                request: br#"{"currency":"\u0041"}"#.to_vec(),
                answer: Answer::Failure {
                    code: "no".into(),
                    message: "größer".into(),
                },
            },
        ];
        for count in 0..=answers.len() {
            let component = component("rates", &answers[..count]).unwrap();
            let manifest = read_manifest(&component).unwrap();
            cryptlet_schema::Manifest::parse(manifest).unwrap();
        }
    }
}
