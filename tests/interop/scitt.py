"""Verifies COSE Receipts of the log with scitt-cose, which knows nothing of the fabric.

`python3 tests/interop/scitt.py --trust KEY --entry ENTRY FILE.cose`
`python3 tests/interop/scitt.py --trust KEY --old-root HEX --root HEX FILE.cose`
"""

import argparse
import sys
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from scitt_cose import CoseError, verify_consistency, verify_receipt, verify_sign1

from cryptlet_receipts.note import LOG_SIGNATURE, Key

PROOFS, CONSISTENCY = 396, -2


def pem_of(key: Key) -> bytes:
    public = Ed25519PublicKey.from_public_bytes(key.public)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def doubts_about_entry(receipt: bytes, entry: bytes, key: Key) -> list[str]:
    """What scitt-cose has against a receipt of an entry; nothing if the key's log issued it."""
    result = verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem_of(key))
    if result.ok and (result.issuer, result.subject) != (key.name, key.name):
        return [f"issued by {result.issuer!r} about {result.subject!r}"]
    return [] if result.ok else list(result.errors)


def doubts_about_growth(receipt: bytes, old_root: bytes, root: bytes, key: Key) -> list[str]:
    """The same for a receipt of growth. scitt-cose checks signature and proof, one by one."""
    try:
        verify_sign1(receipt, public_key_pem=pem_of(key), detached_payload=root)
    except CoseError as error:
        return [str(error)]
    _, unprotected, _, _ = cbor2.loads(receipt).value
    (proof,) = unprotected[PROOFS][CONSISTENCY]
    old_size, size, path = cbor2.loads(proof)
    hashes = [one.hex() for one in path]
    if not verify_consistency(old_root.hex(), root.hex(), old_size, size, hashes):
        return [f"the log of {size} entries does not begin with that of {old_size}"]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(description="verify a COSE Receipt with scitt-cose")
    parser.add_argument("file", type=Path)
    parser.add_argument("--trust", required=True, metavar="KEY", help="name+id+key")
    parser.add_argument("--entry", type=Path)
    parser.add_argument("--old-root", type=bytes.fromhex, metavar="HEX")
    parser.add_argument("--root", type=bytes.fromhex, metavar="HEX")
    options = parser.parse_args()
    key = Key.parse(options.trust, LOG_SIGNATURE)
    receipt = options.file.read_bytes()
    if options.entry:
        doubts = doubts_about_entry(receipt, options.entry.read_bytes(), key)
    elif options.old_root and options.root:
        doubts = doubts_about_growth(receipt, options.old_root, options.root, key)
    else:
        parser.error("name the --entry, or --old-root and --root")
    if doubts:
        print("; ".join(doubts), file=sys.stderr)
        return 1
    print(f"verified under the key of {key.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
