"""Log entries: docs/spec/receipt.md, "Statement and log entries"."""

from dataclasses import dataclass
from typing import Any

from .doubt import Doubt
from .encoding import ARRAY, Limits, UNSIGNED, decode, encode, read_head
from .hashes import digest, leaf_hash
from .shape import (
    Field,
    Record,
    choice_of,
    hash32,
    list_of,
    octets,
    record,
    table_of,
    text,
    text_up_to,
    uint,
    uint16,
    uint32,
    variants,
)

VERSION = 1
ENTRY_LIMITS = Limits(size=65_535, depth=8)

LEDGER_POSITION = record(
    {
        0: ("chain", text),
        1: ("block", uint),
        2: ("block hash", hash32),
        3: ("transaction", hash32),
    },
    optional={4: ("log index", uint32)},
)

TRIGGERS = {0: "message", 1: "contract event", 2: "schedule", 3: "receipt", 4: "ask"}

TRIGGER = record(
    {0: ("is", choice_of(TRIGGERS)), 1: ("content", hash32)},
    optional={2: ("position", LEDGER_POSITION)},
)

OUTPUT = variants(
    {
        0: ("delivery", (("ledger", text), ("number", uint), ("call", hash32))),
        1: ("event", (("topic", text), ("body", hash32))),
    }
)

OUTCOME = variants(
    {
        0: ("ok", ()),
        1: ("failure", (("code", text),)),
        2: ("trap", (("kind", text),)),
        3: ("limit", (("which", text), ("allowed", uint))),
        4: ("interrupted", (("by", text),)),
    }
)

EXECUTION_FIELDS: dict[int, Field] = {
    0: ("binding", hash32),
    1: ("binding version", hash32),
    3: ("ordinal", uint32),
    4: ("cryptlet", text),
    5: ("version", text),
    6: ("measurement", hash32),
    7: ("sha256", hash32),
    8: ("invocation", uint),
    9: ("trigger", TRIGGER),
    10: ("instant", uint),
    11: ("seed", hash32),
    12: ("input", hash32),
    13: ("transcript", hash32),
    15: ("outputs", list_of(OUTPUT)),
    16: ("state before", hash32),
    17: ("state after", hash32),
    18: ("limits", table_of(text_up_to(256), uint, at_most=256)),
    19: ("operator costs", hash32),
    20: ("children", list_of(hash32)),
    21: ("fuel", uint),
    22: ("peak memory", uint),
    23: ("host calls", uint),
    24: ("outcome", OUTCOME),
}

STATEMENT = record(
    {
        0: (
            "execution",
            record(EXECUTION_FIELDS, optional={2: ("source", text), 14: ("reply", hash32)}),
        ),
        1: (
            "host",
            record(
                {
                    0: ("fabric", text),
                    1: ("executable", hash32),
                    2: ("engine", hash32),
                    3: ("wasmtime", text),
                    4: ("key", text),
                },
                optional={5: ("previous", hash32)},
            ),
        ),
    }
)

ACCEPTED = record(
    {
        0: ("binding", hash32),
        1: ("number", uint),
        2: ("trigger", TRIGGER),
        3: ("input", hash32),
        4: ("instant", uint),
        5: ("seed", hash32),
        6: ("measurement", hash32),
    }
)

CHANGES = {
    0: "deployed",
    1: "promoted",
    2: "rolled back",
    3: "shadowed",
    4: "canaried",
    5: "withdrawn",
    6: "draining",
    7: "retained",
    8: "retired",
}

VERSION_ENTRY = record(
    {
        0: ("cryptlet", text),
        1: ("version", text),
        2: ("measurement", hash32),
        4: ("change", choice_of(CHANGES)),
    },
    optional={
        3: ("binding", hash32),
        5: ("by", text),
        6: ("reason", text),
        7: ("share", uint16),
        8: ("state", record({0: ("before", hash32), 1: ("after", hash32)})),
    },
)

BINDING_ENTRY = record(
    {
        0: ("binding", hash32),
        1: ("version", hash32),
        2: ("change", choice_of({0: "proposed", 1: "activated", 2: "allowed", 3: "revoked"})),
    },
    optional={3: ("measurement", hash32)},
)

KEY_ENTRY = record(
    {0: ("name", text), 1: ("algorithm", text), 2: ("purpose", text), 3: ("public", octets)}
)

KINDS = {
    0: ("receipt", STATEMENT),
    1: ("accepted", ACCEPTED),
    2: ("version", VERSION_ENTRY),
    3: ("binding", BINDING_ENTRY),
    4: ("key", KEY_ENTRY),
}


@dataclass(frozen=True)
class Entry:
    """A log entry as it was read, together with its leaf hash."""

    kind: str
    body: Record
    leaf: bytes
    execution_hash: bytes | None

    @property
    def execution(self) -> Record:
        execution: Record = self.body["execution"]
        return execution

    @property
    def host(self) -> Record:
        host: Record = self.body["host"]
        return host


def read_entry(data: bytes) -> Entry:
    kind, body, raw = read_document(data, ENTRY_LIMITS, KINDS)
    execution = digest("execution", [encode(raw[0])]) if kind == "receipt" else None
    return Entry(kind, body, leaf_hash(data), execution)


def contradiction(execution: Record) -> str | None:
    """What no honest host signs, or nothing."""
    if execution["outcome"]["is"] != "ok":
        if execution["outputs"]:
            return "a run that failed has outputs"
        if execution["reply"] is not None:
            return "a run that failed has a reply"
        if execution["state before"] != execution["state after"]:
            return "a run that failed changed the state"
    is_source = execution["source"] is not None
    if is_source != (execution["ordinal"] > 0):
        return "a source and the ordinal 0, or another ordinal without a source"
    if is_source != (execution["trigger"]["is"] == "ask"):
        return "a source that was not asked, or a question without a source"
    if execution["trigger"]["is"] == "contract event" and execution["trigger"]["position"] is None:
        return "a contract event without a position"
    return None


def read_document(data: bytes, limits: Limits, kinds: dict[int, Any]) -> tuple[str, Record, Any]:
    """A document of the form `[version, kind, body]`: the kind's name, the body read, and decoded."""
    if len(data) > limits.size:
        raise Doubt("oversized", f"{len(data)} bytes where {limits.size} are allowed")
    major, length, at = read_head(data, 0)
    if major != ARRAY or length == 0:
        raise Doubt("malformed", "this is not an array")
    major, version, _ = read_head(data, at)
    if major != UNSIGNED:
        raise Doubt("malformed", "the version is not a number")
    if version != VERSION:
        raise Doubt("unsupported-version", f"this is version {version}")
    document = decode(data, limits)
    if len(document) != 3:
        raise Doubt("malformed", "this is not [version, kind, body]")
    kind, body = document[1:]
    if uint(kind) not in kinds:
        raise Doubt("unknown-field", f"kind {kind}")
    name, reader = kinds[kind]
    return name, reader(body), body
