"""Verifies a COSE Receipt of the log with scitt-cose, which knows nothing of the fabric.

`python3 tests/interop/scitt.py --trust KEY --entry ENTRY FILE.cose`
"""

import argparse
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from scitt_cose import ReceiptResult, verify_receipt

from cryptlet_receipts.note import LOG_SIGNATURE, Key


def pem_of(key: Key) -> bytes:
    public = Ed25519PublicKey.from_public_bytes(key.public)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def verify_inclusion_receipt(receipt: bytes, entry: bytes, key: Key) -> ReceiptResult:
    """What scitt-cose says, with a finding added if the receipt is another log's."""
    result = verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem_of(key))
    if result.ok and (result.issuer, result.subject) != (key.name, key.name):
        result.ok = False
        result.errors.append(f"issued by {result.issuer!r} about {result.subject!r}")
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description="verify a COSE Receipt with scitt-cose")
    parser.add_argument("file", type=Path)
    parser.add_argument("--trust", required=True, metavar="KEY", help="name+id+key")
    parser.add_argument("--entry", required=True, type=Path)
    options = parser.parse_args()
    key = Key.parse(options.trust, LOG_SIGNATURE)
    result = verify_inclusion_receipt(options.file.read_bytes(), options.entry.read_bytes(), key)
    if not result.ok:
        print("; ".join(result.errors), file=sys.stderr)
        return 1
    print(f"entry {result.leaf_index} of {result.tree_size} in {result.issuer}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
