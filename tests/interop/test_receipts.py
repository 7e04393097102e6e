"""A receipt that was tampered with is refused, by the right name."""

import unittest
from typing import Any

from cryptlet_receipts.doubt import Doubt
from cryptlet_receipts.note import LOG_SIGNATURE, Key
from cryptlet_receipts.receipt import verify_receipt
from scene import LOG, Scene, Signer, note, receipt_file, text_of

IDENTITY = bytes([1]) + bytes(31)


def doubt_of(data: bytes, trust: list[Key] = [LOG.key], expected: bytes | None = None) -> str:
    try:
        verify_receipt(data, trust, expected)
    except Doubt as doubt:
        return doubt.name
    return "verified"


def changed(key: int, value: Any) -> bytes:
    return receipt_file({**Scene().receipt(), key: value})


class Receipts(unittest.TestCase):
    def test_a_genuine_receipt_is_verified(self) -> None:
        verified = verify_receipt(receipt_file(Scene().receipt()), [LOG.key])
        self.assertEqual(verified.index, Scene().run_index)

    def test_no_altered_byte_goes_unnoticed(self) -> None:
        genuine = receipt_file(Scene().receipt())
        for at in range(len(genuine)):
            for flip in (0x01, 0x20, 0x80):
                altered = genuine[:at] + bytes([genuine[at] ^ flip]) + genuine[at + 1 :]
                self.assertNotEqual(doubt_of(altered), "verified", at)

    def test_every_beginning_of_a_receipt_is_truncated(self) -> None:
        genuine = receipt_file(Scene().receipt())
        for end in range(len(genuine)):
            self.assertEqual(doubt_of(genuine[:end]), "truncated", end)

    def test_each_fault_of_the_file_has_its_name(self) -> None:
        receipt = Scene().receipt()
        text = text_of(Scene().leaves())
        other = Signer("log.example.com/other", LOG_SIGNATURE, 9)
        for data, name in [
            (changed(0, 2), "unsupported-version"),
            (changed(5, 0), "unknown-field"),
            (changed(1, b"\x83\2\0\xa0"), "unsupported-version"),
            (changed(1, b"\x83\1\5\xa0"), "unknown-field"),
            (changed(1, b"\x83\1\0\xa0"), "malformed"),
            (changed(3, [bytes(32)] * 65), "oversized"),
            (changed(3, [bytes(31)]), "malformed"),
            (b"\xdacrpx" + receipt_file(receipt)[5:], "malformed"),
            (changed(4, text), "malformed-checkpoint"),
            (changed(4, note(text.replace("\n", "\r\n"))), "malformed-checkpoint"),
            (changed(4, note(text + "an extension\n")), "malformed-checkpoint"),
            (changed(4, note(text.replace("\n6\n", "\n06\n"))), "malformed-checkpoint"),
            (changed(4, note(text, other)), "unknown-signer"),
            (changed(4, note(text_of(Scene().leaves(), "another"))), "other-origin"),
            (changed(4, text + "\n" + LOG.line(bytes(64))), "bad-signature"),
            (changed(2, 4), "not-in-log"),
            (changed(2, 6), "not-in-log"),
            (changed(3, receipt[3][:-1]), "not-in-log"),
            (changed(3, [*receipt[3], bytes(32)]), "not-in-log"),
        ]:
            self.assertEqual(doubt_of(data), name)

    def test_each_contradiction_of_a_statement_is_found(self) -> None:
        changes: list[dict[int, Any]] = [
            {24: [1, "denied"]},
            {3: 1},
            {2: "rate"},
            {9: {0: 4, 1: bytes(32)}},
            {9: {0: 1, 1: bytes(32)}},
        ]
        for change in changes:
            scene = Scene()
            scene.run.update(change)
            self.assertEqual(doubt_of(receipt_file(scene.receipt())), "inconsistent", change)
        scene = Scene()
        scene.host[4] = "log.example.com/test+00000000"
        self.assertEqual(doubt_of(receipt_file(scene.receipt())), "inconsistent")

    def test_another_module_and_another_kind_of_entry_are_named(self) -> None:
        scene = Scene()
        self.assertEqual(
            doubt_of(receipt_file(scene.receipt()), expected=bytes(32)), "other-measurement"
        )
        self.assertEqual(doubt_of(receipt_file(scene.receipt()), expected=scene.run[6]), "verified")
        index, entry, proof = scene.proven(0)
        receipt = {**scene.receipt(), 1: entry, 2: index, 3: proof}
        self.assertEqual(doubt_of(receipt_file(receipt)), "not-a-receipt")

    def test_a_key_of_small_order_signs_nothing(self) -> None:
        weak = Key(LOG.key.name, IDENTITY, LOG_SIGNATURE)
        signer = Signer(LOG.key.name, LOG_SIGNATURE, 1)
        signer.key = weak
        text = text_of(Scene().leaves())
        forged = changed(4, text + "\n" + signer.line(IDENTITY + bytes(32)))
        self.assertEqual(doubt_of(forged, [weak]), "bad-signature")

    def test_a_signature_whose_scalar_is_not_canonical_is_false(self) -> None:
        order = 2**252 + 27742317777372353535851937790883648493
        text = text_of(Scene().leaves())
        genuine = LOG.secret.sign(text.encode())
        scalar = int.from_bytes(genuine[32:], "little") + order
        forged = genuine[:32] + scalar.to_bytes(32, "little")
        self.assertEqual(doubt_of(changed(4, text + "\n" + LOG.line(forged))), "bad-signature")

    def test_one_false_signature_outweighs_a_true_one(self) -> None:
        text = text_of(Scene().leaves())
        self.assertEqual(doubt_of(changed(4, note(text) + LOG.line(bytes(64)))), "bad-signature")
        other = Signer("witness", LOG_SIGNATURE, 9)
        self.assertEqual(doubt_of(changed(4, note(text) + other.line(bytes(64)))), "verified")


if __name__ == "__main__":
    unittest.main()
