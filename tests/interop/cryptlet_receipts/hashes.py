"""docs/spec/receipt.md, "Hashes" and "Salted digests"."""

import hashlib
from collections.abc import Iterable, Mapping

from blake3 import blake3


def digest(domain: str, parts: Iterable[bytes]) -> bytes:
    hasher = blake3(derive_key_context=f"cryptlet-fabric v1 {domain}")
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()


def measurement(component: bytes) -> bytes:
    return blake3(component).digest()


def field_salt(salt: bytes, field: str) -> bytes:
    return digest("field-salt", [salt, field.encode()])


def field_digest(salt_of_field: bytes, field: str, value: bytes) -> bytes:
    return digest("field", [salt_of_field, field.encode(), value])


def state_root(state: Mapping[str, bytes]) -> bytes:
    pairs = sorted((key.encode(), value) for key, value in state.items())
    return digest("cryptlet state v1", [part for pair in pairs for part in pair])


def source_seed(asker: bytes, ordinal: int, source: str) -> bytes:
    return digest("cryptlet source seed v1", [asker, ordinal.to_bytes(4, "big"), source.encode()])


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
