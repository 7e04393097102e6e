"""Bundles: docs/spec/bundle.md, steps 1 to 13."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .doubt import Doubt
from .encoding import Limits, decode, decode_tagged
from .entries import Entry, contradiction, read_entry
from .evidence import is_genuine, read_evidence
from .hashes import digest, field_digest, measurement, source_seed, state_root
from .note import LOG_SIGNATURE, Checkpoint, Key, cosigners, open_checkpoint
from .receipt import LONGEST_PROOF, require_inclusion, require_run
from .shape import (
    Record,
    hash32,
    list_of,
    octets,
    octets_of,
    octets_up_to,
    record,
    table_of,
    text,
    text_up_to,
    tuple_of,
    uint,
    uint32,
)
from .tree import is_consistent

TAG = 0x63727062
VERSION = 1
LARGEST_VALUE = 67_108_864
MOST_ENTRIES = 2_097_152
LIMITS = Limits(size=268_435_456, depth=5, string=LARGEST_VALUE)
STATE_LIMITS = Limits(size=LARGEST_VALUE, depth=1, string=LARGEST_VALUE, list_items=MOST_ENTRIES)

PROOF = list_of(hash32, LONGEST_PROOF)
PROVEN = tuple_of(("index", uint), ("entry", octets_up_to(65_535)), ("proof", PROOF))
NOTE = text_up_to(65_536)

BUNDLE = record(
    {
        0: ("version", uint),
        1: ("checkpoint", NOTE),
        2: ("run", PROVEN),
        3: ("sources", list_of(PROVEN)),
        4: ("context", list_of(PROVEN)),
        5: ("evidence", list_of(octets_up_to(65_536))),
        6: (
            "openings",
            list_of(
                record(
                    {
                        0: ("ordinal", uint32),
                        1: ("field", text_up_to(65_536)),
                        2: ("salt", hash32),
                        3: ("value", octets),
                    }
                )
            ),
        ),
        7: ("modules", list_of(octets_up_to(33_554_432))),
    },
    optional={
        8: (
            "agreement",
            record(
                {
                    0: ("document", octets_up_to(1_048_576)),
                    1: (
                        "approvals",
                        list_of(
                            tuple_of(("wallet", octets_of(20)), ("signature", octets_up_to(65_536)))
                        ),
                    ),
                }
            ),
        ),
        9: ("consistency", tuple_of(("checkpoint", NOTE), ("proof", PROOF))),
    },
)

STATE = table_of(text, octets, at_most=MOST_ENTRIES)
EMPTY_TREE = hashlib.sha256().digest()
EMPTY_STATE = state_root({})
STATE_FIELDS = {"state-before": "state before", "state-after": "state after"}


@dataclass(frozen=True)
class Expectations:
    """What the auditor brings along; the earlier checkpoint is a signed note."""

    trust: Sequence[Key]
    witnesses: Sequence[Key] = ()
    cosigners: int = 0
    measurement: bytes | None = None
    since: str | None = None


@dataclass(frozen=True)
class Proven:
    index: int
    entry: Entry
    proof: list[bytes]

    @property
    def execution(self) -> Record:
        return self.entry.execution


@dataclass(frozen=True)
class VerifiedBundle:
    checkpoint: Checkpoint
    cosigned: dict[str, int]
    run: Proven
    sources: list[Proven]
    context: list[Proven]
    evidence: list[Record]
    opened: dict[tuple[int, str], bytes] = field(repr=False)
    modules: set[bytes]
    agreement: Record | None


def verify_bundle(data: bytes, expected: Expectations) -> VerifiedBundle:
    """Vouches for a bundle: the steps of the specification, in its order."""
    bundle = BUNDLE(decode_tagged(data, TAG, VERSION, LIMITS))
    run = _read_proven(bundle["run"])
    sources = [_read_proven(one) for one in bundle["sources"]]
    context = [_read_proven(one) for one in bundle["context"]]
    evidence = [read_evidence(one) for one in bundle["evidence"]]
    _require_order(bundle, sources, context)
    checkpoint, signers = open_checkpoint(bundle["checkpoint"], expected.trust)
    cosigned = cosigners(checkpoint, expected.witnesses)
    if len(cosigned) < expected.cosigners:
        raise Doubt("not-cosigned", f"{len(cosigned)} of {expected.cosigners} witnesses")
    for one in [run, *sources, *context]:
        require_inclusion(one.entry, one.index, one.proof, checkpoint)
    _require_one_history(checkpoint, bundle["consistency"], expected)
    require_run(run.entry, signers, expected.measurement)
    if run.execution["source"] is not None:
        raise Doubt("not-a-receipt", "it is the receipt of a source, not of a run")
    for source in sources:
        require_run(source.entry, signers, None)
    _require_children(run, sources)
    opened = {
        (opening["ordinal"], opening["field"]): _open(opening, [run, *sources])
        for opening in bundle["openings"]
    }
    modules = {_require_module(module, [run, *sources]) for module in bundle["modules"]}
    _require_context(context, run, sources)
    for item in evidence:
        _require_evidence(item, run, signers)
    agreement = bundle["agreement"]
    _require_agreement(agreement, run)
    return VerifiedBundle(
        checkpoint, cosigned, run, sources, context, evidence, opened, modules, agreement
    )


def _read_proven(proven: Record) -> Proven:
    return Proven(proven["index"], read_entry(proven["entry"]), proven["proof"])


def _require_order(bundle: Record, sources: list[Proven], context: list[Proven]) -> None:
    """Step 2. A source that is no receipt has no ordinal; step 7 refuses it."""
    receipts = [source for source in sources if source.entry.kind == "receipt"]
    _require_ascending("sources", [source.execution["ordinal"] for source in receipts])
    _require_ascending("context", [one.index for one in context])
    _require_ascending("evidence", bundle["evidence"])
    _require_ascending("openings", [(one["ordinal"], one["field"]) for one in bundle["openings"]])
    _require_ascending("modules", bundle["modules"])
    if bundle["agreement"] is not None:
        approvals = bundle["agreement"]["approvals"]
        _require_ascending("approvals", [(one["wallet"], one["signature"]) for one in approvals])


def _require_ascending(what: str, items: Sequence[Any]) -> None:
    if any(first >= second for first, second in pairwise(items)):
        raise Doubt("malformed", f"{what} are not in order, or one occurs twice")


def _require_one_history(
    checkpoint: Checkpoint, consistency: Record | None, expected: Expectations
) -> None:
    """Step 6."""
    shown = {0: EMPTY_TREE, checkpoint.size: checkpoint.root}
    if consistency is not None:
        earlier = _open_earlier(consistency["checkpoint"], checkpoint, expected.trust)
        proof = consistency["proof"]
        if earlier.size == checkpoint.size and earlier.root != checkpoint.root:
            raise Doubt("forked-log", f"two roots for the size {earlier.size}")
        if not is_consistent(earlier.size, earlier.root, checkpoint.size, checkpoint.root, proof):
            raise Doubt("not-shown", "the consistency proof does not lead to the checkpoint")
        shown[earlier.size] = earlier.root
    if expected.since is not None:
        since = _open_earlier(expected.since, checkpoint, expected.trust)
        if since.size not in shown:
            raise Doubt("not-shown", f"no proof from the size {since.size}")
        if since.root != shown[since.size]:
            raise Doubt("forked-log", f"two roots for the size {since.size}")


def _open_earlier(note: str, checkpoint: Checkpoint, trust: Sequence[Key]) -> Checkpoint:
    earlier, _ = open_checkpoint(note, trust)
    if earlier.origin != checkpoint.origin:
        raise Doubt("other-log", "the earlier checkpoint is of another log")
    if earlier.size > checkpoint.size:
        raise Doubt("shortened", f"it had {earlier.size} entries, now {checkpoint.size}")
    if earlier.size == 0 and earlier.root != EMPTY_TREE:
        raise Doubt("forked-log", "another root for no entries")
    return earlier


def _require_children(run: Proven, sources: list[Proven]) -> None:
    """Step 8."""
    by_leaf = {source.entry.leaf: source for source in sources}
    asker_of: dict[bytes, Proven] = {}
    for asker in [run, *sources]:
        for leaf in asker.execution["children"]:
            if leaf not in by_leaf:
                raise Doubt("missing-child", f"{leaf.hex()} is not here")
            ordinal = by_leaf[leaf].execution["ordinal"]
            if leaf in asker_of or ordinal <= asker.execution["ordinal"]:
                raise Doubt("cyclic", f"source {ordinal} is named twice or by a later one")
            asker_of[leaf] = asker
    for source in sources:
        if source.entry.leaf not in asker_of:
            raise Doubt("unlisted-child", f"nobody names source {source.execution['ordinal']}")
    for source in sources:
        _require_same_invocation(source.execution, run.execution)
        seed = asker_of[source.entry.leaf].execution["seed"]
        ordinal, name = source.execution["ordinal"], source.execution["source"]
        if source.execution["seed"] != source_seed(seed, ordinal, name):
            raise Doubt("other-child", f"the seed of source {ordinal} is not its asker's")
        if {source.execution[name] for name in STATE_FIELDS.values()} != {EMPTY_STATE}:
            raise Doubt("other-child", f"source {ordinal} keeps a state")


def _require_same_invocation(source: Record, run: Record) -> None:
    for name in ["binding", "binding version", "invocation", "instant"]:
        if source[name] != run[name]:
            raise Doubt("other-child", f"source {source['ordinal']} has another {name}")


def _open(opening: Record, ran: list[Proven]) -> bytes:
    """Step 9."""
    name, value = opening["field"], opening["value"]
    executions = [one.execution for one in ran if one.execution["ordinal"] == opening["ordinal"]]
    if not executions:
        raise Doubt("other-value", f"nothing has the ordinal {opening['ordinal']}")
    closed = _closed(executions[0], name)
    if name in STATE_FIELDS:
        found = field_digest(opening["salt"], "state", _read_state_root(value))
    else:
        found = field_digest(opening["salt"], name, value)
    if found != closed:
        raise Doubt("other-value", f"{name} of {opening['ordinal']} was another")
    return value


def _read_state_root(value: bytes) -> bytes:
    try:
        return state_root(STATE(decode(value, STATE_LIMITS)))
    except Doubt as doubt:
        raise Doubt("other-value", f"this is not a state: {doubt.detail}") from doubt


def _closed(execution: Record, name: str) -> bytes | None:
    """The digest that an opening of this name has to meet."""
    if name in STATE_FIELDS:
        return execution[STATE_FIELDS[name]]
    if name == "trigger":
        return execution["trigger"]["content"]
    if name in ("input", "transcript", "reply"):
        return execution[name]
    events = [output["body"] for output in execution["outputs"] if output["is"] == "event"]
    return {f"event/{number}": body for number, body in enumerate(events)}.get(name)


def _require_module(module: bytes, ran: list[Proven]) -> bytes:
    """Step 10; gives the measurement."""
    found = (measurement(module), hashlib.sha256(module).digest())
    if found not in [(one.execution["measurement"], one.execution["sha256"]) for one in ran]:
        raise Doubt("other-module", f"{found[0].hex()} did not run")
    return found[0]


def _require_context(context: list[Proven], run: Proven, sources: list[Proven]) -> None:
    """Step 11."""
    for one in context:
        if one.index >= run.index or not _bears_on(one.entry, run, sources):
            raise Doubt("other-context", f"entry {one.index} does not bear on the run")
    once = [one.entry.kind for one in context if one.entry.kind != "version"]
    if len(once) != len(set(once)):
        raise Doubt("other-context", "two entries say the same")
    activated = [one.index for one in context if one.entry.kind == "binding"]
    moves = [one.index for one in context if _is_move(one.entry)]
    if activated and moves and moves[0] < activated[0]:
        raise Doubt("other-context", f"entry {moves[0]} stands before the activation")
    _require_state(context, run)


def _require_state(context: list[Proven], run: Proven) -> None:
    left = [
        (one.index, one.execution["state after"]) for one in context if one.entry.kind == "receipt"
    ]
    if run.entry.host["previous"] is None:
        left = [(-1, EMPTY_STATE)]
    if not left:
        return
    since, state = left[0]
    for one in context:
        if one.index > since and _is_move(one.entry) and one.entry.body["state"] is not None:
            migrated = one.entry.body["state"]
            if migrated["before"] != state:
                raise Doubt("other-context", f"entry {one.index} migrates another state")
            state = migrated["after"]
    if run.execution["state before"] != state:
        raise Doubt("other-state", "the run begins with another state than there was before it")


def _is_move(entry: Entry) -> bool:
    return entry.kind == "version" and entry.body["change"] != "deployed"


def _bears_on(entry: Entry, run: Proven, sources: list[Proven]) -> bool:
    if entry.kind == "key":
        return _announces(entry.body, run.entry.host)
    if entry.kind == "accepted":
        return _accepts(entry.body, run.execution)
    if entry.kind == "version":
        return _leads_to(entry.body, run, sources)
    if entry.kind == "binding":
        return _activates(entry.body, run.execution)
    return entry.leaf == run.entry.host["previous"] and _precedes(entry.execution, run.execution)


def _precedes(previous: Record, run: Record) -> bool:
    return (
        contradiction(previous) is None
        and previous["binding"] == run["binding"]
        and previous["source"] is None
        and previous["invocation"] < run["invocation"]
    )


def _announces(key: Record, host: Record) -> bool:
    announced = Key(key["name"], key["public"], LOG_SIGNATURE)
    return key["purpose"] == "attestation" and announced.name_and_id == host["key"]


def _accepts(accepted: Record, execution: Record) -> bool:
    same = ["binding", "trigger", "input", "instant", "seed", "measurement"]
    return accepted["number"] == execution["invocation"] and all(
        accepted[name] == execution[name] for name in same
    )


def _leads_to(version: Record, run: Proven, sources: list[Proven]) -> bool:
    if version["change"] != "deployed":
        return version["binding"] == run.execution["binding"]
    what = ["cryptlet", "version", "measurement"]
    return version["binding"] is None and any(
        all(version[name] == one.execution[name] for name in what) for one in [run, *sources]
    )


def _activates(binding: Record, execution: Record) -> bool:
    return (
        binding["change"] == "activated"
        and binding["binding"] == execution["binding"]
        and binding["version"] == execution["binding version"]
    )


def _require_evidence(evidence: Record, run: Proven, signers: Sequence[Key]) -> None:
    """Step 12."""
    host = run.entry.host
    if evidence["key"] not in [key.public for key in signers]:
        raise Doubt("other-evidence", "it is about another key")
    if (evidence["executable"], evidence["engine"]) != (host["executable"], host["engine"]):
        raise Doubt("other-evidence", "it is about another fabric or engine")
    if not is_genuine(evidence):
        raise Doubt("other-evidence", "the key has not signed it")


def _require_agreement(agreement: Record | None, run: Proven) -> None:
    """Step 13."""
    if agreement is None:
        return
    if digest("binding version", [agreement["document"]]) != run.execution["binding version"]:
        raise Doubt("other-agreement", "the binding document is of another version")
