#!/usr/bin/env python3
"""Checks the vectors in this folder without any of the project's code.

A second implementation of docs/spec/receipt.md: CBOR, hashes, notes, proofs and the order of
doubts are written from the specification. Needs Python 3.9 and `b3sum` (BLAKE3's own tool).
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent


# BLAKE3, by its own tool.

def b3sum(data, *options):
    command = ["b3sum", "--no-names", *options]
    return bytes.fromhex(subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode())


def digest(domain, parts):
    data = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return b3sum(data, "--derive-key", "cryptlet-fabric v1 " + domain)


# Ed25519, RFC 8032 section 6, verification only.

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point_add(a, b):
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t, z = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point, scalar = point_add(point, point), scalar >> 1
    return result


def point_read(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_read((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verifies(public, message, signature):
    if len(signature) != 64:
        return False
    a, r, s = point_read(public), point_read(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    left, right = point_times(s, BASE), point_add(r, point_times(h, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


# Deterministic CBOR: what decodes is encoded again and must be equal.

class Doubt(Exception):
    pass


def cbor_read(data, at=0):
    if at >= len(data):
        raise Doubt("truncated")
    major, low, at = data[at] >> 5, data[at] & 31, at + 1
    if low < 24:
        argument = low
    elif low < 28:
        length = 1 << low - 24
        if at + length > len(data):
            raise Doubt("truncated")
        argument, at = int.from_bytes(data[at:at + length], "big"), at + length
    else:
        raise Doubt("malformed")
    if major == 0:
        return argument, at
    if major in (2, 3):
        if at + argument > len(data):
            raise Doubt("truncated")
        content = data[at:at + argument]
        return (content if major == 2 else content.decode()), at + argument
    if major == 4:
        items = []
        for _ in range(argument):
            item, at = cbor_read(data, at)
            items.append(item)
        return items, at
    if major == 5:
        entries = {}
        for _ in range(argument):
            key, at = cbor_read(data, at)
            entries[key], at = cbor_read(data, at)
        return entries, at
    if major == 6:
        content, at = cbor_read(data, at)
        return ("tag", argument, content), at
    raise Doubt("malformed")


def cbor_write(item):
    def head(major, argument):
        if argument < 24:
            return bytes([major << 5 | argument])
        for low, length in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if argument < 1 << 8 * length:
                return bytes([major << 5 | low]) + argument.to_bytes(length, "big")
    if isinstance(item, int):
        return head(0, item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(map(cbor_write, item))
    if isinstance(item, dict):
        entries = sorted((cbor_write(key), cbor_write(value)) for key, value in item.items())
        return head(5, len(entries)) + b"".join(key + value for key, value in entries)
    return head(6, item[1]) + cbor_write(item[2])


def cbor(data):
    item, end = cbor_read(data)
    if end != len(data) or cbor_write(item) != data:
        raise Doubt("malformed")
    return item


# The log.

def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(leaves):
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(tree_root(leaves[:split]), tree_root(leaves[split:]))


def proven_root(leaf, index, size, proof):
    """RFC 9162 section 2.1.3.2."""
    if index >= size:
        return None
    first, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if first & 1 or first == last:
            root = node_hash(sibling, root)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        first, last = first >> 1, last >> 1
    return root if last == 0 else None


def open_checkpoint(note, key):
    name, _, rest = key.partition("+")
    identity, _, public = rest.partition("+")
    public = base64.b64decode(public)
    assert public[0] == 1
    assert hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex() == identity
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise Doubt("malformed-checkpoint")
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    signed = False
    for line in lines[:-1].split("\n"):
        dash, signer, signature = line.split(" ")
        assert dash == "\u2014"
        signature = base64.b64decode(signature)
        if signer == name and signature[:4].hex() == identity:
            if not ed25519_verifies(public[1:], text.encode(), signature[4:]):
                raise Doubt("bad-signature")
            signed = True
    if not signed:
        raise Doubt("unknown-signer")
    if origin != name:
        raise Doubt("other-origin")
    return int(size), base64.b64decode(root)


# Receipts.

def verify(receipt, key, expected):
    tag = cbor(receipt)
    if tag[:2] != ("tag", 0x63727074):
        raise Doubt("malformed")
    fields = tag[2]
    if fields[0] != 1:
        raise Doubt("unsupported-version")
    entry, index, proof, note = fields[1], fields[2], fields[3], fields[4]
    if len(proof) > 64:
        raise Doubt("oversized")
    if len(fields) != 5:
        raise Doubt("unknown-field")
    version, kind, body = cbor(entry)
    if version != 1:
        raise Doubt("unsupported-version")
    size, root = open_checkpoint(note, key)
    if proven_root(leaf_hash(entry), index, size, proof) != root:
        raise Doubt("not-in-log")
    if kind != 0:
        raise Doubt("not-a-receipt")
    execution, host = body[0], body[1]
    if expected and execution[6].hex() != expected:
        raise Doubt("other-measurement")
    outcome, source, trigger = execution[24][0], execution.get(2), execution[9]
    contradiction = (
        outcome != 0 and (execution[15] or 14 in execution or execution[16] != execution[17])
        or (source is not None) != (execution[3] > 0)
        or (source is not None) != (trigger[0] == 4)
        or trigger[0] == 1 and 2 not in trigger
    )
    # The one trusted key is the one that signed.
    if contradiction or host[4] != key.rpartition("+")[0]:
        raise Doubt("inconsistent")
    return {
        "verified": True,
        "leaf_hash": leaf_hash(entry).hex(),
        "execution_hash": digest("execution", [cbor_write(execution)]).hex(),
        "measurement": execution[6].hex(),
        "index": index,
        "size": size,
        "root": root.hex(),
    }


def vectors(name):
    return json.loads((HERE / name).read_text())


def same(what, found, expected):
    if found != expected:
        sys.exit(f"{what}: found {found}, the vector says {expected}")


def main():
    count = 0
    for case in vectors("measurement.json")["cases"]:
        pattern = bytes(index % 251 for index in range(case["length"]))
        component = bytes.fromhex(case["bytes"]) if "bytes" in case else pattern
        same("measurement", b3sum(component).hex(), case["measurement"])
        count += 1
    for case in vectors("digest.json"):
        parts = [bytes.fromhex(part) for part in case["parts"]]
        same("digest", digest(case["domain"], parts).hex(), case["digest"])
        count += 1
    for case in vectors("salt.json"):
        field = case["field"].encode()
        salt = digest("field-salt", [bytes.fromhex(case["salt"]), field])
        same("field salt", salt.hex(), case["field_salt"])
        same("salted digest", digest("field", [salt, field, bytes.fromhex(case["value"])]).hex(), case["digest"])
        count += 1
    tree = vectors("rfc6962.json")
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in tree["entries"]]
    for size, root in enumerate(tree["roots"]):
        same(f"root of {size}", tree_root(leaves[:size]).hex(), root)
        count += 1
    for case in tree["inclusion"]:
        proof = [bytes.fromhex(one) for one in case["proof"]]
        root = proven_root(leaves[case["index"]], case["index"], case["size"], proof)
        same("inclusion", root.hex(), tree["roots"][case["size"]])
        count += 1
    for case in vectors("entry.json"):
        entry = bytes.fromhex(case["bytes"])
        version, kind, body = cbor(entry)
        same("version", version, 1)
        same("leaf hash", leaf_hash(entry).hex(), case["leaf_hash"])
        execution = digest("execution", [cbor_write(body[0])]).hex() if kind == 0 else None
        same("execution hash", execution, case["execution_hash"])
        count += 1
    for case in vectors("evidence.json"):
        version, kind, body = cbor(bytes.fromhex(case["bytes"]))
        same("evidence", [version, kind], [1, 0])
        message = digest("evidence/software", [body[0], body[1], body[2]])
        same("evidence signature", ed25519_verifies(body[0], message, body[3]), True)
        count += 1
    for case in vectors("receipt.json"):
        try:
            verdict = verify(bytes.fromhex(case["receipt"]), case["trust"], case["expect"])
        except Doubt as doubt:
            verdict = {"verified": False, "doubt": str(doubt)}
        same(case["name"], verdict, case["verdict"])
        count += 1
    print(f"{count} vectors hold")


if __name__ == "__main__":
    main()
