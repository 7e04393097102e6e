"""The files of a published log, c2sp.org/tlog-tiles: docs/spec/log.md, "Tiles"."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .doubt import Doubt
from .tree import root_of

HEIGHT = 8
WIDTH = 1 << HEIGHT
HIGHEST_LEVEL = 63

_NUMBER = r"(?:x\d{3}/)*\d{3}"
_PATH = re.compile(rf"tile/(entries|\d{{1,2}})/({_NUMBER})(?:\.p/(\d{{1,3}}))?", re.ASCII)


@dataclass(frozen=True)
class Tile:
    """A tile of hashes, or a bundle of entries, whose level is none."""

    level: int | None
    index: int
    width: int = WIDTH

    def __str__(self) -> str:
        level = "entries" if self.level is None else self.level
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_groups(self.index)}{partial}"

    @classmethod
    def parse(cls, path: str) -> "Tile":
        matched = _PATH.fullmatch(path)
        if matched is None:
            raise Doubt("malformed", f"{path!r} is not the path of a tile")
        level, groups, width = matched.groups()
        index = int(re.sub("[x/]", "", groups))
        tile = cls(None if level == "entries" else int(level), index, int(width or WIDTH))
        if str(tile) != path or not 1 <= tile.width <= WIDTH or (tile.level or 0) > HIGHEST_LEVEL:
            raise Doubt("malformed", f"{path!r} is not the path of a tile")
        return tile

    def content(self, entries: Sequence[bytes], leaves: Sequence[bytes]) -> bytes:
        """What the file has in a log of these entries with these leaf hashes."""
        if self.level is None:
            first = self.index * WIDTH
            return entry_bundle(entries[first : first + self.width])
        span = 1 << (HEIGHT * self.level)
        first = self.index * WIDTH * span
        starts = range(first, first + self.width * span, span)
        return b"".join(root_of(leaves[start : start + span]) for start in starts)


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _groups(number: int) -> str:
    digits = str(number)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
