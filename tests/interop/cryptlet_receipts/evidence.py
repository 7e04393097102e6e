"""Evidence: docs/spec/receipt.md, "Evidence"."""

from . import ed25519
from .encoding import Limits
from .entries import read_document
from .hashes import digest
from .shape import Record, hash32, octets_of, record

LIMITS = Limits(size=65_536, depth=4)

KINDS = {
    0: (
        "software",
        record(
            {
                0: ("key", hash32),
                1: ("executable", hash32),
                2: ("engine", hash32),
                3: ("signature", octets_of(64)),
            }
        ),
    )
}


def read_evidence(data: bytes) -> Record:
    kind, body, _ = read_document(data, LIMITS, KINDS)
    return {"is": kind, **body}


def is_genuine(evidence: Record) -> bool:
    """Whether the attestation key signed what the evidence says; anybody who has a key can."""
    message = digest(
        "evidence/software", [evidence["key"], evidence["executable"], evidence["engine"]]
    )
    return ed25519.verifies(evidence["key"], message, evidence["signature"])
