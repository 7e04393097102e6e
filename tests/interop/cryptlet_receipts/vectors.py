"""Holds this program to the vectors of the specification, one function for each file of them."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import cose, verdict
from .bundle import Expectations, verify_bundle
from .doubt import Doubt
from .entries import read_entry
from .evidence import is_genuine, read_evidence
from .hashes import digest, field_digest, field_salt, leaf_hash, measurement
from .note import COSIGNATURE, LOG_SIGNATURE, Checkpoint, Key, cosigners
from .proof_file import verify_proof_file
from .receipt import verify_receipt
from .tiles import Tile
from .tree import is_consistent, proven_root, root_of

Check = tuple[str, Any, Any]
"""What was computed, what came out, what the vector says."""


def check_folder(folder: Path) -> tuple[int, list[str]]:
    """How many checks were made, and a line for each that failed. No file may go unchecked."""
    count, failures = 0, []
    for path in sorted(folder.glob("*.json")):
        if path.stem not in CHECKS:
            failures.append(f"{path.name}: nothing here checks this file")
            continue
        for what, found, expected in CHECKS[path.stem](json.loads(path.read_text())):
            count += 1
            if found != expected:
                failures.append(f"{path.name}: {what}: {found}, the vector says {expected}")
    return count, failures


def _measurements(vectors: Any) -> Iterator[Check]:
    for case in vectors["cases"]:
        pattern = bytes(index % 251 for index in range(case["length"]))
        component = bytes.fromhex(case["bytes"]) if "bytes" in case else pattern
        yield f"{case['length']} bytes", measurement(component).hex(), case["measurement"]


def _digests(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        yield case["domain"], digest(case["domain"], _octets(case["parts"])).hex(), case["digest"]


def _salts(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        salt = field_salt(bytes.fromhex(case["salt"]), case["field"])
        yield f"salt of {case['field']}", salt.hex(), case["field_salt"]
        found = field_digest(salt, case["field"], bytes.fromhex(case["value"]))
        yield f"digest of {case['field']}", found.hex(), case["digest"]


def _trees(vectors: Any) -> Iterator[Check]:
    leaves = [leaf_hash(entry) for entry in _octets(vectors["entries"])]
    roots = _octets(vectors["roots"])
    for size, root in enumerate(roots):
        yield f"root of {size}", root_of(leaves[:size]), root
    for case in vectors["inclusion"]:
        index, size, proof = case["index"], case["size"], _octets(case["proof"])
        found = proven_root(leaves[index], index, size, proof)
        yield f"inclusion of {index} in {size}", found, roots[size]
    for case in vectors["consistency"]:
        old, size, proof = case["old"], case["size"], _octets(case["proof"])
        what = f"consistency of {old} with {size}"
        yield what, is_consistent(old, roots[old], size, roots[size], proof), True
        altered = [bytes(32), *proof[1:]]
        yield f"false {what}", is_consistent(old, roots[old], size, roots[size], altered), False


def _entries(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        entry, kind = read_entry(bytes.fromhex(case["bytes"])), case["view"]["entry"]
        execution_hash = entry.execution_hash.hex() if entry.execution_hash else None
        yield "kind", entry.kind, kind
        yield f"leaf hash of {kind}", entry.leaf.hex(), case["leaf_hash"]
        yield f"execution hash of {kind}", execution_hash, case["execution_hash"]


def _evidence(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        evidence = read_evidence(bytes.fromhex(case["bytes"]))
        key = Key.parse(case["key"], LOG_SIGNATURE)
        yield "tier", evidence["is"], case["tier"]
        yield "key", evidence["key"], key.public
        yield "signature", is_genuine(evidence), True


def _receipts(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        trust = [Key.parse(case["trust"], LOG_SIGNATURE)]
        expected = bytes.fromhex(case["expect"]) if case["expect"] else None
        try:
            found = verdict.of_receipt(
                verify_receipt(bytes.fromhex(case["receipt"]), trust, expected)
            )
        except Doubt as doubt:
            found = {"verified": False, "doubt": doubt.name}
        yield case["name"], found, case["verdict"]


def _bundles(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        measured = case["measurement"]
        expected = Expectations(
            trust=[Key.parse(key, LOG_SIGNATURE) for key in case["trust"]],
            witnesses=[Key.parse(key, COSIGNATURE) for key in case["witnesses"]],
            cosigners=case["cosigners"],
            measurement=bytes.fromhex(measured) if measured else None,
            since=case["since"],
        )
        found = None
        try:
            verify_bundle(bytes.fromhex(case["bundle"]), expected)
        except Doubt as doubt:
            found = doubt.name
        yield case["name"], found, case["doubt"]


def _tiles(vectors: Any) -> Iterator[Check]:
    largest = max(log["size"] for log in vectors["logs"])
    entries = [number.to_bytes(8, "big") for number in range(largest)]
    leaves = [leaf_hash(entry) for entry in entries]
    for log in vectors["logs"]:
        size = log["size"]
        yield f"root of {size}", root_of(leaves[:size]).hex(), log["root"]
        for file in log["files"]:
            content = Tile.parse(file["path"]).content(entries[:size], leaves[:size])
            found = (len(content), hashlib.sha256(content).hexdigest())
            yield f"{file['path']} of {size}", found, (file["length"], file["sha256"])
    for case in vectors["paths"]:
        try:
            tile = Tile.parse(case["path"])
            read = {"level": tile.level, "index": tile.index, "width": tile.width}
        except Doubt:
            read = None
        yield case["path"], read, case["read"]


def _cose_receipts(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        try:
            found = {"verified": True, "found": _cose_verdict(case)}
        except Doubt as doubt:
            found = {"verified": False, "error": doubt.name}
        yield case["name"], found, case["verdict"]


def _cose_verdict(case: Any) -> dict[str, str]:
    data = bytes.fromhex(case["receipt"])
    trust = [Key.parse(case["trust"], LOG_SIGNATURE)]
    if "leaf_hash" in case:
        receipt, root = cose.verify_inclusion(data, bytes.fromhex(case["leaf_hash"]), trust)
        size, index, _ = receipt.proof
        numbers = {"size": str(size), "index": str(index)}
    else:
        receipt, root = cose.verify_consistency(data, bytes.fromhex(case["old_root"]), trust)
        old_size, size, _ = receipt.proof
        numbers = {"old": str(old_size), "size": str(size)}
    return {"origin": receipt.origin, "signer": receipt.key, "root": root.hex(), **numbers}


def _cosignatures(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        witnesses = [Key.parse(key, COSIGNATURE) for key in case["witnesses"]]
        found: dict[str, Any]
        try:
            signed = cosigners(Checkpoint.parse(case["note"]), witnesses)
            lines = [{"witness": name, "seconds": str(at)} for name, at in signed.items()]
            found = {"cosigned": lines}
        except Doubt as doubt:
            found = {"doubt": doubt.name}
        yield case["name"], found, case["verdict"]


def _proof_files(vectors: Any) -> Iterator[Check]:
    for case in vectors:
        trust = [Key.parse(case["trust"], LOG_SIGNATURE)]
        found: dict[str, Any]
        try:
            leaf = bytes.fromhex(case["leaf_hash"])
            checkpoint = verify_proof_file(case["text"], leaf, trust)
            found = {"verified": True, "size": checkpoint.size}
        except Doubt as doubt:
            found = {"verified": False, "doubt": doubt.name}
        yield case["name"], found, case["verdict"]


def _octets(digits: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in digits]


CHECKS: dict[str, Callable[[Any], Iterator[Check]]] = {
    "measurement": _measurements,
    "digest": _digests,
    "salt": _salts,
    "rfc6962": _trees,
    "entry": _entries,
    "evidence": _evidence,
    "receipt": _receipts,
    "bundle": _bundles,
    "tile": _tiles,
    "cose": _cose_receipts,
    "cosignature": _cosignatures,
    "tlog_proof": _proof_files,
}
