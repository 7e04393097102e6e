"""A log export that was altered, and one that does not extend what an auditor has seen."""

import unittest
from collections.abc import Sequence

from cryptlet_receipts.doubt import Doubt
from cryptlet_receipts.hashes import leaf_hash
from cryptlet_receipts.log_export import verify_log
from cryptlet_receipts.note import LOG_SIGNATURE
from scene import LOG, Scene, Signer, encoded, note, text_of

HEADER = b"\xdacrpl\x01"


def export(entries: Sequence[bytes], checkpoint: str) -> bytes:
    return HEADER + b"".join(map(encoded, entries)) + encoded(checkpoint)


def checkpoint_of(entries: Sequence[bytes]) -> str:
    return note(text_of([leaf_hash(entry) for entry in entries]))


def doubt_of(data: bytes, since: str | None = None) -> str:
    try:
        verify_log(data, [LOG.key], since)
    except Doubt as doubt:
        return doubt.name
    return "verified"


class LogExports(unittest.TestCase):
    def setUp(self) -> None:
        self.entries = Scene().entries()
        self.checkpoint = checkpoint_of(self.entries)
        self.genuine = export(self.entries, self.checkpoint)

    def test_a_genuine_export_is_verified(self) -> None:
        log = verify_log(self.genuine, [LOG.key])
        self.assertEqual([entry.kind for entry in log.entries][:2], ["key", "version"])

    def test_no_altered_byte_goes_unnoticed(self) -> None:
        for at in range(len(self.genuine)):
            altered = bytearray(self.genuine)
            altered[at] ^= 0x01
            self.assertNotEqual(doubt_of(bytes(altered)), "verified", at)

    def test_each_fault_has_its_name(self) -> None:
        checkpoint = self.checkpoint
        text = text_of([leaf_hash(entry) for entry in self.entries])
        for data, name in [
            (self.genuine[:-1], "truncated"),
            (self.genuine + b"\x00", "malformed"),
            (HEADER[:-1] + b"\x02" + self.genuine[6:], "unsupported-version"),
            (export(self.entries[:-1], checkpoint), "other-size"),
            (
                export([self.entries[1], self.entries[0], *self.entries[2:]], checkpoint),
                "other-leaves",
            ),
            (export([b"\x00"], checkpoint_of([b"\x00"])), "unreadable"),
            (export(self.entries, note(text, Signer("x", LOG_SIGNATURE, 9))), "unknown-signer"),
        ]:
            self.assertEqual(doubt_of(data), name)

    def test_a_log_is_held_to_what_an_auditor_has_seen(self) -> None:
        earlier = self.entries[:3]
        for since, name in [
            (checkpoint_of(earlier), "verified"),
            (checkpoint_of([*self.entries, b"one more"]), "shortened"),
            (checkpoint_of([*earlier, b"another"]), "rewritten"),
        ]:
            self.assertEqual(doubt_of(self.genuine, since), name)


if __name__ == "__main__":
    unittest.main()
