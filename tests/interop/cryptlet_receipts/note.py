"""Checkpoints, their signatures and cosignatures: c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature."""

import base64
import binascii
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from . import ed25519
from .doubt import Doubt

LOG_SIGNATURE = 1
COSIGNATURE = 4
LARGEST_SIZE = 2**64 - 1


@dataclass(frozen=True)
class Key:
    """A log's or witness' public key, which is handed around as `name+id+key`."""

    name: str
    public: bytes
    type: int

    @classmethod
    def parse(cls, text: str, type: int) -> "Key":
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise ValueError(f"{text!r} is not name+id+key")
        name, identity, encoded = parts
        octets = base64.b64decode(encoded, validate=True)
        if len(octets) != 33 or octets[0] != type:
            raise ValueError(f"the key of {name!r} is not of signature type {type}")
        key = cls(name, octets[1:], type)
        if key.id.hex() != identity:
            raise ValueError(f"the id of {name!r} is {key.id.hex()}, not {identity}")
        return key

    @property
    def id(self) -> bytes:
        content = self.name.encode() + b"\n" + bytes([self.type]) + self.public
        return hashlib.sha256(content).digest()[:4]

    @property
    def name_and_id(self) -> str:
        return f"{self.name}+{self.id.hex()}"


@dataclass(frozen=True)
class Signature:
    name: str
    id: bytes
    octets: bytes

    def is_by(self, key: Key) -> bool:
        return (self.name, self.id) == (key.name, key.id)


@dataclass(frozen=True)
class Checkpoint:
    """What a signed note says, and who signed it; nothing is verified yet."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[Signature, ...]

    @property
    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def __str__(self) -> str:
        lines = [
            f"\u2014 {one.name} {base64.b64encode(one.id + one.octets).decode()}\n"
            for one in self.signatures
        ]
        return f"{self.body}\n{''.join(lines)}"

    @classmethod
    def parse(cls, note: str) -> "Checkpoint":
        if any(unicodedata.category(letter) == "Cc" and letter != "\n" for letter in note):
            raise _malformed("it has a control character")
        body, blank, lines = note.rpartition("\n\n")
        if not blank or not lines.endswith("\n"):
            raise _malformed("it has no signatures")
        fields = body.split("\n")
        if len(fields) != 3:
            raise _malformed("its text is not origin, size and root")
        origin, size, root = fields
        if not origin or not size.isascii() or not size.isdigit() or int(size) > LARGEST_SIZE:
            raise _malformed("it has no origin or no size")
        signatures = tuple(_read_signature(line) for line in lines[:-1].split("\n"))
        checkpoint = cls(origin, int(size), unbase64(root), signatures)
        if len(checkpoint.root) != 32:
            raise _malformed("its root does not have 32 bytes")
        if str(checkpoint) != note:
            raise _malformed("encoding it again gives another text")
        return checkpoint


def open_checkpoint(note: str, trust: Sequence[Key]) -> tuple[Checkpoint, list[Key]]:
    """Steps 3 to 6 of receipts: the checkpoint, and the trusted keys named like its origin that signed."""
    checkpoint = Checkpoint.parse(note)
    signers = []
    for signature in checkpoint.signatures:
        for key in (key for key in trust if signature.is_by(key)):
            if not ed25519.verifies(key.public, checkpoint.body.encode(), signature.octets):
                raise Doubt("bad-signature", f"that of {key.name_and_id} is false")
            signers.append(key)
    if not signers:
        raise Doubt("unknown-signer", "no trusted key signed the checkpoint")
    named = [key for key in signers if key.name == checkpoint.origin]
    if not named:
        raise Doubt("other-origin", f"no signer is named {checkpoint.origin!r}")
    return checkpoint, named


def cosigners(checkpoint: Checkpoint, witnesses: Sequence[Key]) -> dict[str, int]:
    """Which trusted witnesses signed, by name and id, and when, in seconds since 1970.

    A public key that is trusted under several names is one witness."""
    found: dict[str, int] = {}
    name_of: dict[bytes, str] = {}
    for signature in checkpoint.signatures:
        for key in (key for key in witnesses if signature.is_by(key)):
            seconds = int.from_bytes(signature.octets[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{checkpoint.body}".encode()
            if not ed25519.verifies(key.public, message, signature.octets[8:]):
                raise Doubt("bad-signature", f"the cosignature of {key.name_and_id} is false")
            found[name_of.setdefault(key.public, key.name_and_id)] = seconds
    return found


def _read_signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not _is_name(parts[1]):
        raise _malformed("a signature line is not one")
    octets = unbase64(parts[2])
    if len(octets) < 5:
        raise _malformed("a signature is too short")
    return Signature(parts[1], octets[:4], octets[4:])


def _is_name(text: str) -> bool:
    return bool(text) and not any(letter == "+" or letter.isspace() for letter in text)


def unbase64(text: str, doubt: str = "malformed-checkpoint") -> bytes:
    """The standard alphabet with padding, and one text for the same bytes."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Doubt(doubt, f"{text!r} is not base64") from error
    if base64.b64encode(octets).decode() != text:
        raise Doubt(doubt, f"{text!r} is not the one base64 of its bytes")
    return octets


def _malformed(detail: str) -> Doubt:
    return Doubt("malformed-checkpoint", detail)
