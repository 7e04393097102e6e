"""Readers of decoded items: what the CDDL of docs/spec says, as functions.

A reader takes an item and gives what it means, or raises a `Doubt`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .doubt import Doubt

Reader = Callable[[Any], Any]
Field = tuple[str, Reader]
Record = dict[str, Any]

HIGHEST_UINT16 = 2**16 - 1
HIGHEST_UINT32 = 2**32 - 1


Kind = TypeVar("Kind")


def _expect(kind: type[Kind], item: Any) -> Kind:
    if not isinstance(item, kind):
        raise Doubt("malformed", f"{type(item).__name__} where {kind.__name__} should be")
    return item


def uint(item: Any) -> int:
    return _expect(int, item)


def uint32(item: Any) -> int:
    number = uint(item)
    if number > HIGHEST_UINT32:
        raise Doubt("malformed", f"{number} does not fit into 32 bits")
    return number


def uint16(item: Any) -> int:
    number = uint(item)
    if number > HIGHEST_UINT16:
        raise Doubt("malformed", f"{number} does not fit into 16 bits")
    return number


def text(item: Any) -> str:
    return _expect(str, item)


def octets(item: Any) -> bytes:
    return _expect(bytes, item)


def octets_of(length: int) -> Reader:
    def read(item: Any) -> bytes:
        found = octets(item)
        if len(found) != length:
            raise Doubt("malformed", f"{len(found)} bytes where {length} should be")
        return found

    return read


def octets_up_to(length: int) -> Reader:
    def read(item: Any) -> bytes:
        found = octets(item)
        if len(found) > length:
            raise Doubt("oversized", f"{len(found)} bytes where {length} are allowed")
        return found

    return read


def text_up_to(length: int) -> Reader:
    def read(item: Any) -> str:
        found = text(item)
        if len(found.encode()) > length:
            raise Doubt("oversized", f"a text of more than {length} bytes")
        return found

    return read


hash32 = octets_of(32)


def list_of(reader: Reader, at_most: int = 4096) -> Reader:
    def read(items: Any) -> list[Any]:
        if len(_expect(list, items)) > at_most:
            raise Doubt("oversized", f"a list of {len(items)} items where {at_most} are allowed")
        return [reader(item) for item in items]

    return read


def choice_of(names: Mapping[int, str]) -> Reader:
    def read(item: Any) -> str:
        if uint(item) not in names:
            raise Doubt("unknown-field", f"variant {item}")
        return names[item]

    return read


def tuple_of(*fields: Field) -> Reader:
    """An array with these items, as a record."""

    def read(items: Any) -> Record:
        if len(_expect(list, items)) != len(fields):
            raise Doubt("malformed", f"{len(items)} items where {len(fields)} should be")
        return {name: reader(item) for (name, reader), item in zip(fields, items)}

    return read


def variants(variants: Mapping[int, tuple[str, tuple[Field, ...]]]) -> Reader:
    """An array whose first item is the number of its variant; gives the name under `is`."""

    def read(items: Any) -> Record:
        if not _expect(list, items):
            raise Doubt("malformed", "a variant without a number")
        number, *rest = items
        if uint(number) not in variants:
            raise Doubt("unknown-field", f"variant {number}")
        name, fields = variants[number]
        return {"is": name, **tuple_of(*fields)(rest)}

    return read


def record(required: Mapping[int, Field], optional: Mapping[int, Field] = {}) -> Reader:
    """A map with integer keys. Every field is critical; an optional one that is absent is `None`."""
    known = {**required, **optional}

    def read(item: Any) -> Record:
        for key in _expect(dict, item):
            if uint(key) not in known:
                raise Doubt("unknown-field", f"field {key}")
        for key, (name, _) in required.items():
            if key not in item:
                raise Doubt("malformed", f"there is no {name}")
        return {
            name: reader(item[key]) if key in item else None
            for key, (name, reader) in known.items()
        }

    return read


def table_of(key: Reader, value: Reader, at_most: int) -> Reader:
    def read(item: Any) -> dict[Any, Any]:
        if len(_expect(dict, item)) > at_most:
            raise Doubt("oversized", f"{len(item)} entries where {at_most} are allowed")
        return {key(name): value(content) for name, content in item.items()}

    return read
