//! What `add-checkpoint` and `.tlog-proof` have in common: after their first lines, the
//! hashes of a proof in base64, one a line, an empty line, and a checkpoint.

use super::Hash;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// No honest proof is longer: C2SP tlog-witness allows for a tree of 2^63 entries.
pub(super) const LONGEST_PROOF: usize = 63;

/// Longest text of a proof's hashes, and the empty line after them, in bytes.
pub(super) const MAXIMUM_PROOF_TEXT: usize = LONGEST_PROOF * 45 + 1;

pub(super) fn write(proof: &[Hash], checkpoint: &str, text: &mut String) {
    for hash in proof {
        BASE64_STANDARD.encode_string(hash.0, text);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(checkpoint);
}

/// The proof and the checkpoint; `None` unless written just so.
pub(super) fn read(mut text: &str) -> Option<(Vec<Hash>, &str)> {
    let mut proof = Vec::new();
    loop {
        let (line, rest) = text.split_once('\n')?;
        if line.is_empty() {
            return Some((proof, rest));
        }
        if proof.len() == LONGEST_PROOF {
            return None;
        }
        let hash = BASE64_STANDARD.decode(line).ok()?;
        proof.push(Hash(hash.try_into().ok()?));
        text = rest;
    }
}
