"""COSE Receipts: another encoding of the same is malformed, whatever it says."""

import json
import unittest
from pathlib import Path

import cbor2

from cryptlet_receipts.cose import read_cose
from cryptlet_receipts.doubt import Doubt

VECTORS = Path(__file__).parent.parent / "vectors"


def doubt_of(data: bytes) -> str:
    try:
        read_cose(data)
    except Doubt as doubt:
        return doubt.name
    return "read"


class Reading(unittest.TestCase):
    def setUp(self) -> None:
        cases = json.loads((VECTORS / "cose.json").read_text())
        self.genuine = bytes.fromhex(cases[0]["receipt"])

    def test_every_beginning_and_every_addition_is_malformed(self) -> None:
        self.assertEqual(doubt_of(self.genuine), "read")
        for end in range(len(self.genuine)):
            self.assertEqual(doubt_of(self.genuine[:end]), "malformed", end)
        self.assertEqual(doubt_of(self.genuine + b"\x00"), "malformed")
        self.assertEqual(doubt_of(self.genuine + bytes(65_536)), "oversized")

    def test_nothing_else_may_stand_in_it(self) -> None:
        protected, unprotected, payload, signature = cbor2.loads(self.genuine[1:])
        proofs = unprotected[396]
        for parts in [
            [protected, {**unprotected, 1: -8}, payload, signature],
            [protected, {396: {-1: proofs[-1] * 2}}, payload, signature],
            [protected, {396: {**proofs, -2: proofs[-1]}}, payload, signature],
            [protected, {396: {-3: proofs[-1]}}, payload, signature],
            [protected, unprotected, b"", signature],
            [protected, unprotected, payload, signature[:-1]],
            [cbor2.dumps({**cbor2.loads(protected), 2: [395]}), unprotected, payload, signature],
            [cbor2.dumps({**cbor2.loads(protected), 1: -7}), unprotected, payload, signature],
            [protected, unprotected, payload],
            {},
        ]:
            other = b"\xd2" + cbor2.dumps(parts, canonical=True)
            self.assertEqual(doubt_of(other), "malformed", parts)


if __name__ == "__main__":
    unittest.main()
