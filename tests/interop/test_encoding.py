"""What is not the one encoding has a name."""

import unittest

from cryptlet_receipts.doubt import Doubt
from cryptlet_receipts.encoding import Limits, decode, decode_tagged

LIMITS = Limits(size=64, depth=2, string=16, list_items=8)


def doubt_of(digits: str) -> str:
    try:
        return str(decode(bytes.fromhex(digits), LIMITS))
    except Doubt as doubt:
        return doubt.name


class Encoding(unittest.TestCase):
    def test_what_the_specification_allows_is_read(self) -> None:
        for digits, item in {
            "1818": 24,
            "43010203": b"\1\2\3",
            "6161": "a",
            "820001": [0, 1],
            "a2006161016162": {0: "a", 1: "b"},
        }.items():
            self.assertEqual(decode(bytes.fromhex(digits), LIMITS), item)

    def test_other_encodings_of_the_same_are_malformed(self) -> None:
        for digits in [
            "1817",  # 23 in two bytes
            "190018",  # 24 in three
            "5801ff",  # a length in two bytes
            "9f01ff",  # an indefinite array
            "a201000000",  # keys in descending order
            "a200010002",  # a key twice
        ]:
            self.assertEqual(doubt_of(digits), "malformed", digits)

    def test_types_that_no_document_has_are_malformed(self) -> None:
        for digits in ["20", "f4", "f6", "f93c00", "c249010000000000000000", "d81c80", "d81d00"]:
            self.assertEqual(doubt_of(digits), "malformed", digits)

    def test_bytes_after_the_end_and_broken_text_are_malformed(self) -> None:
        for digits in ["0000", "61ff", "8100ff"]:
            self.assertEqual(doubt_of(digits), "malformed", digits)

    def test_every_beginning_of_a_document_is_truncated(self) -> None:
        document = bytes.fromhex("a200820143010203016161")
        self.assertEqual(decode(document, LIMITS), {0: [1, b"\1\2\3"], 1: "a"})
        for end in range(len(document)):
            self.assertEqual(doubt_of(document[:end].hex()), "truncated", end)

    def test_what_exceeds_a_limit_is_oversized_even_if_it_is_only_announced(self) -> None:
        for digits in [
            "00" * 65,  # too long in all
            "818180",  # within the levels
            "81818100",  # a level too many
            "5bffffffffffffffff",  # a string that nothing could hold
            "9a00010000",  # a list, likewise
            "ba00010000",
        ]:
            expected = "[[[]]]" if digits == "818180" else "oversized"
            self.assertEqual(doubt_of(digits), expected, digits)

    def test_an_unknown_version_is_named_before_what_only_it_could_explain(self) -> None:
        for after in ["", "f4", "01f5"]:
            document = bytes.fromhex("da63727074a20002" + after)
            with self.assertRaises(Doubt) as caught:
                decode_tagged(document, 0x63727074, 1, LIMITS)
            self.assertEqual(caught.exception.name, "unsupported-version")


if __name__ == "__main__":
    unittest.main()
