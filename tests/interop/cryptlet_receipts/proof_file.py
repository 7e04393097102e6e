"""Proofs in files, c2sp.org/tlog-proof: docs/spec/log.md, "Proofs in a file"."""

from collections.abc import Sequence
from dataclasses import dataclass

from .doubt import Doubt
from .note import Checkpoint, Key, open_checkpoint, unbase64
from .tree import proven_root

FIRST_LINE = "c2sp.org/tlog-proof@v1"
LONGEST = 68_436
LONGEST_PROOF = 63


@dataclass(frozen=True)
class ProofFile:
    index: int
    proof: list[bytes]
    checkpoint: str


def read_proof_file(content: str) -> ProofFile:
    if len(content.encode()) > LONGEST:
        raise Doubt("oversized", f"more than {LONGEST} bytes")
    first, _, rest = content.partition("\n")
    if first != FIRST_LINE:
        raise Doubt("other-version", f"the first line is not {FIRST_LINE!r}")
    if rest.startswith("extra "):
        raise Doubt("extra", "it carries data of an application, which nothing vouches for")
    index, _, rest = rest.partition("\n")
    proof, empty_line, checkpoint = f"\n{rest}".partition("\n\n")
    number = _read_index(index)
    hashes = [_read_hash(line) for line in proof.split("\n")[1:]]
    if not empty_line or len(hashes) > LONGEST_PROOF:
        raise Doubt("malformed-proof", "after the hashes there is no empty line")
    return ProofFile(number, hashes, checkpoint)


def verify_proof_file(content: str, leaf: bytes, trust: Sequence[Key]) -> Checkpoint:
    file = read_proof_file(content)
    checkpoint, _ = open_checkpoint(file.checkpoint, trust)
    if proven_root(leaf, file.index, checkpoint.size, file.proof) != checkpoint.root:
        raise Doubt("not-in-log", f"no proof that this is entry {file.index}")
    return checkpoint


def _read_index(line: str) -> int:
    word, _, digits = line.partition(" ")
    if word != "index" or not digits.isascii() or not digits.isdigit():
        raise Doubt("malformed-index", "the second line is not `index` and a number")
    if str(int(digits)) != digits or int(digits) >= 2**64:
        raise Doubt("malformed-index", f"{digits} is not the one way to write it")
    return int(digits)


def _read_hash(line: str) -> bytes:
    octets = unbase64(line, "malformed-proof")
    if len(octets) != 32:
        raise Doubt("malformed-proof", "a hash does not have 32 bytes")
    return octets
