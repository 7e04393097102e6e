"""Log exports: docs/spec/log-export.md, as far as the log itself goes; what a whole trail of
invocations must hold besides is not checked here."""

from collections.abc import Sequence
from dataclasses import dataclass

from .doubt import Doubt
from .encoding import TAG as TAG_TYPE
from .encoding import UNSIGNED, Limits, read_head, read_item
from .entries import Entry, read_entry
from .hashes import leaf_hash
from .note import Checkpoint, Key, open_checkpoint
from .tree import root_of

TAG = 0x6372706C
VERSION = 1
LONGEST_LEAF = 65_535
LONGEST_CHECKPOINT = 65_536
ITEM_LIMITS = Limits(size=LONGEST_CHECKPOINT + 5, depth=0, string=LONGEST_CHECKPOINT)


@dataclass(frozen=True)
class VerifiedLog:
    checkpoint: Checkpoint
    entries: list[Entry]


def verify_log(data: bytes, trust: Sequence[Key], since: str | None = None) -> VerifiedLog:
    """Vouches for a whole log, and that it extends the earlier checkpoint `since`."""
    leaves, note = read_export(data)
    checkpoint, _ = open_checkpoint(note, trust)
    hashes = [leaf_hash(leaf) for leaf in leaves]
    require_tree(hashes, checkpoint)
    if since is not None:
        _require_extension(hashes, checkpoint, open_checkpoint(since, trust)[0])
    return VerifiedLog(checkpoint, [_readable(index, leaf) for index, leaf in enumerate(leaves)])


def read_export(data: bytes) -> tuple[list[bytes], str]:
    """The leaves in order, and the checkpoint."""
    at = _read_header(data)
    leaves: list[bytes] = []
    while True:
        item, at = read_item(data, at, ITEM_LIMITS)
        if isinstance(item, bytes):
            if len(item) > LONGEST_LEAF:
                raise Doubt("oversized", f"a leaf of {len(item)} bytes")
            leaves.append(item)
        elif not isinstance(item, str):
            raise Doubt("malformed", "an item is neither a leaf nor the checkpoint")
        elif at != len(data):
            raise Doubt("malformed", f"{len(data) - at} bytes after the checkpoint")
        elif len(item.encode()) > LONGEST_CHECKPOINT:
            raise Doubt("oversized", "the checkpoint is too long")
        else:
            return leaves, item


def require_tree(leaves: Sequence[bytes], checkpoint: Checkpoint) -> None:
    if len(leaves) != checkpoint.size:
        raise Doubt("other-size", f"{len(leaves)} leaves where {checkpoint.size} are signed")
    if root_of(leaves) != checkpoint.root:
        raise Doubt("other-leaves", "they do not hash to the root that is signed")


def _read_header(data: bytes) -> int:
    major, tag, at = read_head(data, 0)
    if (major, tag) != (TAG_TYPE, TAG):
        raise Doubt("malformed", "it has another tag")
    major, version, at = read_head(data, at)
    if major != UNSIGNED:
        raise Doubt("malformed", "the version is not a number")
    if version != VERSION:
        raise Doubt("unsupported-version", f"this is version {version}")
    return at


def _require_extension(leaves: Sequence[bytes], now: Checkpoint, earlier: Checkpoint) -> None:
    if earlier.origin != now.origin:
        raise Doubt("other-log", "the earlier checkpoint is of another log")
    if earlier.size > now.size:
        raise Doubt("shortened", f"it had {earlier.size} entries, now {now.size}")
    if root_of(leaves[: earlier.size]) != earlier.root:
        raise Doubt("rewritten", f"its first {earlier.size} entries were others")


def _readable(index: int, leaf: bytes) -> Entry:
    try:
        return read_entry(leaf)
    except Doubt as doubt:
        raise Doubt("unreadable", f"entry {index}: {doubt}") from doubt
