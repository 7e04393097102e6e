"""A host made for tests: it writes entries, signs its log and packs bundles, all as one asks."""

import base64
import copy
import hashlib
from collections.abc import Sequence
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cryptlet_receipts import bundle, receipt
from cryptlet_receipts.hashes import (
    digest,
    field_digest,
    leaf_hash,
    measurement,
    source_seed,
    state_root,
)
from cryptlet_receipts.note import COSIGNATURE, LOG_SIGNATURE, Checkpoint, Key
from cryptlet_receipts.tree import root_of

ORIGIN = "log.example.com/test"
BINDING = bytes([1]) * 32
DOCUMENT = b'{"name":"swap"}'
MODULE, SOURCE_MODULE = b"\0asm the run's", b"\0asm the source's"
SALT, SOURCE_SALT = bytes([2]) * 32, bytes([3]) * 32
SEED = bytes([4]) * 32
INPUT, TRANSCRIPT, REPLY, EVENT = b"the input", b"a transcript", b"{}", b"it happened"
STATE = {"b": b"1", "aa": b"2"}


class Signer:
    """A private key under a name, of a log or of a witness."""

    def __init__(self, name: str, type: int, secret: int) -> None:
        self.secret = Ed25519PrivateKey.from_private_bytes(bytes([secret]) * 32)
        self.key = Key(name, self.secret.public_key().public_bytes_raw(), type)

    def line(self, octets: bytes) -> str:
        encoded = base64.b64encode(self.key.id + octets).decode()
        return f"\u2014 {self.key.name} {encoded}\n"


LOG = Signer(ORIGIN, LOG_SIGNATURE, 7)
WITNESS = Signer("witness.example.com", COSIGNATURE, 8)


def encoded(item: Any) -> bytes:
    return cbor2.dumps(item, canonical=True)


def text_of(leaves: Sequence[bytes], origin: str = ORIGIN) -> str:
    return Checkpoint(origin, len(leaves), root_of(leaves), ()).body


def note(text: str, signer: Signer = LOG) -> str:
    return text + "\n" + signer.line(signer.secret.sign(text.encode()))


def cosignature(text: str, seconds: int = 1_700_000_000, witness: Signer = WITNESS) -> str:
    message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
    return witness.line(seconds.to_bytes(8, "big") + witness.secret.sign(message))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """RFC 6962 section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = leaves[:split], leaves[split:]
    if index < split:
        return [*inclusion_proof(left, index), root_of(right)]
    return [*inclusion_proof(right, index - split), root_of(left)]


def consistency_proof(leaves: Sequence[bytes], old: int, whole: bool = True) -> list[bytes]:
    """RFC 6962 section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = leaves[:split], leaves[split:]
    if old <= split:
        return [*consistency_proof(left, old, whole), root_of(right)]
    return [*consistency_proof(right, old - split, False), root_of(left)]


def field_salt(salt: bytes, field: str) -> bytes:
    return digest("field-salt", [salt, field.encode()])


def salted(salt: bytes, field: str, value: bytes) -> bytes:
    return field_digest(field_salt(salt, field), field, value)


def execution(module: bytes, salt: bytes, **changes: Any) -> dict[int, Any]:
    fields = {
        0: BINDING,
        1: digest("binding version", [DOCUMENT]),
        3: 0,
        4: "swap",
        5: "1.0.0",
        6: measurement(module),
        7: hashlib.sha256(module).digest(),
        8: 1,
        9: {0: 0, 1: salted(salt, "trigger", b"a message")},
        10: 1_700_000_000_000,
        11: SEED,
        12: salted(salt, "input", INPUT),
        13: salted(salt, "transcript", TRANSCRIPT),
        14: salted(salt, "reply", REPLY),
        15: [],
        16: state_root({}),
        17: state_root({}),
        18: {"fuel": 1000},
        19: bytes(32),
        20: [],
        21: 900,
        22: 65536,
        23: 2,
        24: [0],
    }
    fields.update({int(name.lstrip("_")): value for name, value in changes.items()})
    return fields


def host() -> dict[int, Any]:
    return {0: "0.1.0", 1: bytes([5]) * 32, 2: bytes([6]) * 32, 3: "48.0.0", 4: LOG.key.name_and_id}


def evidence() -> bytes:
    about = [LOG.key.public, host()[1], host()[2]]
    signature = LOG.secret.sign(digest("evidence/software", about))
    return encoded([1, 0, {0: about[0], 1: about[1], 2: about[2], 3: signature}])


class Scene:
    """A log in which one invocation asked one source. Change its parts, then ask for a bundle."""

    def __init__(self) -> None:
        self.source = execution(
            SOURCE_MODULE,
            SOURCE_SALT,
            _2="rate",
            _3=1,
            _4="rate-source",
            _9={0: 4, 1: salted(SOURCE_SALT, "trigger", b"asked")},
            _11=source_seed(SEED, 1, "rate"),
        )
        self.run = execution(
            MODULE,
            SALT,
            _15=[[1, "settled", salted(SALT, "event/0", EVENT)]],
            _17=salted(SALT, "state", state_root(STATE)),
        )
        self.host = host()
        self.key_entry = {0: ORIGIN, 1: "ed25519", 2: "attestation", 3: LOG.key.public}
        self.deployment = {0: "swap", 1: "1.0.0", 2: measurement(MODULE), 4: 0}
        self.activation = {0: BINDING, 1: self.run[1], 2: 1}
        self.accepted = {
            0: BINDING,
            1: 1,
            2: self.run[9],
            3: self.run[12],
            4: self.run[10],
            5: SEED,
            6: measurement(MODULE),
        }
        self.sources_of_run: list[dict[int, Any]] = [self.source]
        self.accepted_twice = False
        self.after_run = 0

    def entries(self) -> list[bytes]:
        """Key, deployment (or an acceptance in its place), activation, acceptance, sources, run, more."""
        sources = [encoded([1, 0, {0: one, 1: self.host}]) for one in self.sources_of_run]
        run = copy.deepcopy(self.run)
        run[20] = run[20] or [leaf_hash(source) for source in sources]
        return [
            encoded([1, 4, self.key_entry]),
            encoded([1, 1, self.accepted] if self.accepted_twice else [1, 2, self.deployment]),
            encoded([1, 3, self.activation]),
            encoded([1, 1, self.accepted]),
            *sources,
            encoded([1, 0, {0: run, 1: self.host}]),
            *[encoded([1, 1, {**self.accepted, 1: 2 + one}]) for one in range(self.after_run)],
        ]

    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries()]

    def proven(self, index: int) -> list[Any]:
        return [index, self.entries()[index], inclusion_proof(self.leaves(), index)]

    @property
    def run_index(self) -> int:
        return 4 + len(self.sources_of_run)

    def earlier(self, size: int) -> list[Any]:
        leaves = self.leaves()
        return [note(text_of(leaves[:size])), consistency_proof(leaves, size)]

    def receipt(self) -> dict[int, Any]:
        index, entry, proof = self.proven(self.run_index)
        return {0: 1, 1: entry, 2: index, 3: proof, 4: note(text_of(self.leaves()))}

    def bundle(self) -> dict[int, Any]:
        text = text_of(self.leaves())
        return {
            0: 1,
            1: note(text) + cosignature(text),
            2: self.proven(self.run_index),
            3: [self.proven(index) for index in range(4, self.run_index)],
            4: [self.proven(index) for index in range(4)],
            5: [evidence()],
            6: [
                opening(0, "event/0", EVENT),
                opening(0, "input", INPUT),
                opening(0, "reply", REPLY),
                {
                    **opening(0, "state", b""),
                    1: "state-after",
                    3: encoded(STATE),
                },
                opening(0, "transcript", TRANSCRIPT),
                opening(1, "input", INPUT, SOURCE_SALT),
            ],
            7: sorted([MODULE, SOURCE_MODULE]),
            8: {0: DOCUMENT, 1: [[bytes(20), bytes(65)]]},
            9: self.earlier(3),
        }


def opening(ordinal: int, field: str, value: bytes, salt: bytes = SALT) -> dict[int, Any]:
    return {0: ordinal, 1: field, 2: field_salt(salt, field), 3: value}


def receipt_file(content: dict[int, Any]) -> bytes:
    return b"\xda" + receipt.TAG.to_bytes(4, "big") + encoded(content)


def bundle_file(content: dict[int, Any]) -> bytes:
    return b"\xda" + bundle.TAG.to_bytes(4, "big") + encoded(content)
