"""The deterministic CBOR of docs/spec/receipt.md, section "Encoding"."""

from dataclasses import dataclass
from typing import Any

import cbor2

from .doubt import Doubt

UNSIGNED, BYTES, TEXT, ARRAY, MAP, TAG = 0, 2, 3, 4, 5, 6
HEADER_SIZES = {24: 1, 25: 2, 26: 4, 27: 8}
LONGEST_LIST = 4096


@dataclass(frozen=True)
class Limits:
    """What a document of one kind may have at most; the lengths are in bytes."""

    size: int
    depth: int
    string: int = 65_536
    list_items: int = LONGEST_LIST


def decode(data: bytes, limits: Limits) -> Any:
    """The one item in `data`, none of whose parts is a tag."""
    if len(data) > limits.size:
        raise Doubt("oversized", f"{len(data)} bytes where {limits.size} are allowed")
    end = _Walk(data, limits).item(0, depth=0)
    if end != len(data):
        raise Doubt("malformed", f"{len(data) - end} bytes after the end")
    return _decode_walked(data)


def decode_tagged(data: bytes, tag: int, version: int, limits: Limits) -> Any:
    """The map inside a document's tag, once its version, under key 0, is known to be `version`."""
    start = b"\xda" + tag.to_bytes(4, "big")
    if not data.startswith(start):
        raise _cut_off() if start.startswith(data) else Doubt("malformed", "it has another tag")
    if len(data) > limits.size:
        raise Doubt("oversized", f"{len(data)} bytes where {limits.size} are allowed")
    _require_version(data, len(start), version)
    content = data[len(start) :]
    end = _Walk(content, limits).item(0, depth=1)
    if end != len(content):
        raise Doubt("malformed", f"{len(content) - end} bytes after the end")
    return _decode_walked(content)


def encode(item: Any) -> bytes:
    """The deterministic encoding.

    cbor2 sorts keys by length first, RFC 8949 by their bytes; for keys of one type that is the
    same, and no map here has keys of two.
    """
    return cbor2.dumps(item, canonical=True)


def read_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type, argument and the offset after them, in their shortest form."""
    if at >= len(data):
        raise _cut_off()
    major, low, at = data[at] >> 5, data[at] & 31, at + 1
    if low < 24:
        return major, low, at
    if low not in HEADER_SIZES:
        raise Doubt("malformed", "an indefinite length or a reserved value")
    size = HEADER_SIZES[low]
    if at + size > len(data):
        raise _cut_off()
    argument = int.from_bytes(data[at : at + size], "big")
    if argument < (24 if size == 1 else 1 << 4 * size):
        raise Doubt("malformed", "a number is not in its shortest form")
    return major, argument, at + size


def read_item(data: bytes, at: int, limits: Limits) -> tuple[Any, int]:
    """One item of a sequence, and the offset after it."""
    end = _Walk(data, limits).item(at, depth=0)
    return _decode_walked(data[at:end]), end


def _decode_walked(data: bytes) -> Any:
    try:
        item = cbor2.loads(data, allow_indefinite=False, allow_duplicate_keys=False)
    except (cbor2.CBORError, TypeError, UnicodeDecodeError) as error:
        raise Doubt("malformed", str(error)) from error
    if encode(item) != data:
        raise Doubt("malformed", "this is not the deterministic encoding")
    return item


def _require_version(data: bytes, at: int, version: int) -> None:
    """Looks at the version before anything after it, which only the version gives a meaning."""
    major, _, at = read_head(data, at)
    if major != MAP:
        raise Doubt("malformed", "there is no map inside the tag")
    major, key, at = read_head(data, at)
    if (major, key) != (UNSIGNED, 0):
        raise Doubt("malformed", "the version does not come first")
    major, found, _ = read_head(data, at)
    if major != UNSIGNED:
        raise Doubt("malformed", "the version is not a number")
    if found != version:
        raise Doubt("unsupported-version", f"this is version {found}")


def _cut_off() -> Doubt:
    return Doubt("truncated", "the bytes end before the document does")


@dataclass(frozen=True)
class _Walk:
    """Goes over an item without building it, so that no limit is exceeded before it is known."""

    data: bytes
    limits: Limits

    def item(self, at: int, depth: int) -> int:
        major, argument, at = read_head(self.data, at)
        if major == UNSIGNED:
            return at
        if major in (BYTES, TEXT):
            return self._string(at, argument)
        if major == ARRAY:
            return self._items(at, argument, argument, depth)
        if major == MAP:
            return self._items(at, argument, 2 * argument, depth)
        raise Doubt("malformed", "an item of a type that no document has")

    def _string(self, at: int, length: int) -> int:
        if length > self.limits.string:
            raise Doubt("oversized", f"a string of {length} bytes")
        if at + length > len(self.data):
            raise _cut_off()
        return at + length

    def _items(self, at: int, length: int, count: int, depth: int) -> int:
        if length > self.limits.list_items:
            raise Doubt("oversized", f"a list of {length} items")
        if count and depth == self.limits.depth:
            raise Doubt("oversized", f"more than {depth} levels")
        for _ in range(count):
            at = self.item(at, depth + 1)
        return at
