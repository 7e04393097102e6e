"""scitt-cose, which is not ours, and the vectors of COSE Receipts agree."""

import json
import unittest
from pathlib import Path
from typing import Any

from cryptlet_receipts.note import LOG_SIGNATURE, Key
from scitt import doubts_about_entry, doubts_about_growth

VECTORS = Path(__file__).parent.parent / "vectors"


def vectors(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


class CoseReceipts(unittest.TestCase):
    def test_receipts_of_entries(self) -> None:
        entries = {case["leaf_hash"]: case["bytes"] for case in vectors("entry.json")}
        cases = [case for case in vectors("cose.json") if "leaf_hash" in case]
        self.assertGreater(len(cases), 5)
        for case in cases:
            doubts = doubts_about_entry(
                bytes.fromhex(case["receipt"]),
                bytes.fromhex(entries[case["leaf_hash"]]),
                Key.parse(case["trust"], LOG_SIGNATURE),
            )
            self.assertEqual(not doubts, case["verdict"]["verified"], (case["name"], doubts))

    def test_receipts_of_growth(self) -> None:
        cases = [case for case in vectors("cose.json") if "old_root" in case]
        genuine = next(case for case in cases if case["verdict"]["verified"])
        self.assertGreater(len(cases), 2)
        for case in cases:
            doubts = doubts_about_growth(
                bytes.fromhex(case["receipt"]),
                bytes.fromhex(case["old_root"]),
                bytes.fromhex(genuine["verdict"]["found"]["root"]),
                Key.parse(case["trust"], LOG_SIGNATURE),
            )
            self.assertEqual(not doubts, case["verdict"]["verified"], (case["name"], doubts))


if __name__ == "__main__":
    unittest.main()
