"""Receipts: docs/spec/receipt.md, "Verification"."""

from collections.abc import Sequence
from dataclasses import dataclass

from .doubt import Doubt
from .encoding import Limits, decode_tagged
from .entries import Entry, contradiction, read_entry
from .note import Checkpoint, Key, open_checkpoint
from .shape import hash32, list_of, octets, record, text, uint
from .tree import proven_root

TAG = 0x63727074
VERSION = 1
LIMITS = Limits(size=139_263, depth=4)
LONGEST_PROOF = 64

RECEIPT = record(
    {
        0: ("version", uint),
        1: ("statement", octets),
        2: ("index", uint),
        3: ("proof", list_of(hash32, LONGEST_PROOF)),
        4: ("checkpoint", text),
    }
)


@dataclass(frozen=True)
class VerifiedReceipt:
    entry: Entry
    index: int
    checkpoint: Checkpoint


def verify_receipt(
    data: bytes, trust: Sequence[Key], expected: bytes | None = None
) -> VerifiedReceipt:
    """Vouches for a receipt; `expected` is the measurement that should have run, if anybody says so."""
    receipt = RECEIPT(decode_tagged(data, TAG, VERSION, LIMITS))
    entry = read_entry(receipt["statement"])
    checkpoint, signers = open_checkpoint(receipt["checkpoint"], trust)
    require_inclusion(entry, receipt["index"], receipt["proof"], checkpoint)
    require_run(entry, signers, expected)
    return VerifiedReceipt(entry, receipt["index"], checkpoint)


def require_inclusion(
    entry: Entry, index: int, proof: Sequence[bytes], checkpoint: Checkpoint
) -> None:
    """Step 7."""
    if proven_root(entry.leaf, index, checkpoint.size, proof) != checkpoint.root:
        raise Doubt("not-in-log", f"no proof that this is entry {index}")


def require_run(entry: Entry, signers: Sequence[Key], expected: bytes | None) -> None:
    """Steps 8 to 11."""
    if entry.kind != "receipt":
        raise Doubt("not-a-receipt", f"it is an entry of the kind {entry.kind!r}")
    if expected is not None and entry.execution["measurement"] != expected:
        raise Doubt("other-measurement", f"{entry.execution['measurement'].hex()} ran")
    reason = contradiction(entry.execution)
    if reason:
        raise Doubt("inconsistent", reason)
    if entry.host["key"] not in [key.name_and_id for key in signers]:
        raise Doubt("inconsistent", "the host names another key than the one that signed")
