"""A bundle that was tampered with is refused, by the name of the step that finds it."""

import unittest
from collections.abc import Callable
from typing import Any

import cbor2

from cryptlet_receipts.bundle import Expectations, VerifiedBundle, verify_bundle
from cryptlet_receipts.doubt import Doubt
from cryptlet_receipts.hashes import field_digest, source_seed, state_root
from cryptlet_receipts.note import COSIGNATURE, LOG_SIGNATURE
from scene import (
    LOG,
    MODULE,
    SEED,
    SOURCE_MODULE,
    SOURCE_SALT,
    WITNESS,
    Scene,
    Signer,
    bundle_file,
    cosignature,
    encoded,
    evidence,
    execution,
    note,
    opening,
    salted,
    text_of,
)

TRUST = Expectations([LOG.key])
WITNESSED = Expectations([LOG.key], [WITNESS.key], cosigners=1)


def verified(scene: Scene, expected: Expectations = TRUST) -> VerifiedBundle:
    return verify_bundle(bundle_file(scene.bundle()), expected)


def doubt_of(content: dict[int, Any], expected: Expectations = TRUST) -> str:
    try:
        verify_bundle(bundle_file(content), expected)
    except Doubt as doubt:
        return doubt.name
    return "verified"


def after(change: Callable[[dict[int, Any]], Any], expected: Expectations = TRUST) -> str:
    """The doubt about a genuine bundle after a change to the file."""
    content = Scene().bundle()
    change(content)
    return doubt_of(content, expected)


def told(change: Callable[[Scene], Any]) -> str:
    """The doubt about the bundle of a host that recorded something else in its log."""
    scene = Scene()
    change(scene)
    return doubt_of(scene.bundle())


class Bundles(unittest.TestCase):
    def test_a_genuine_bundle_is_verified_with_all_that_it_holds(self) -> None:
        bundle = verified(Scene(), WITNESSED)
        self.assertEqual(bundle.cosigned, {WITNESS.key.name_and_id: 1_700_000_000})
        self.assertEqual(len(bundle.opened), 6)
        self.assertEqual(len(bundle.modules), 2)
        self.assertEqual(len(bundle.context), 4)

    def test_a_bundle_with_nothing_opened_is_verified_as_well(self) -> None:
        content = {**Scene().bundle(), 4: [], 5: [], 6: [], 7: []}
        del content[8], content[9]
        self.assertEqual(doubt_of(content), "verified")

    def test_no_altered_byte_goes_unnoticed(self) -> None:
        genuine = bundle_file(Scene().bundle())
        approval = genuine.index(bytes(65))
        for at in range(0, len(genuine), 7):
            if approval - 30 <= at < approval + 65:
                continue  # the file does not say what an approval signs
            altered = bytearray(genuine)
            altered[at] ^= 0x01
            with self.assertRaises(Doubt, msg=str(at)):
                verify_bundle(bytes(altered), WITNESSED)

    def test_decoding_and_order(self) -> None:
        for change, name in [
            (lambda it: it.update({0: 2}), "unsupported-version"),
            (lambda it: it.update({10: 0}), "unknown-field"),
            (lambda it: it.pop(7), "malformed"),
            (lambda it: it[2].__setitem__(2, [bytes(32)] * 65), "oversized"),
            (lambda it: it[4].reverse(), "malformed"),
            (lambda it: it[6].reverse(), "malformed"),
            (lambda it: it[7].reverse(), "malformed"),
            (lambda it: it[3].append(it[3][0]), "malformed"),
            (lambda it: it[5].append(it[5][0]), "malformed"),
            (lambda it: it[5].__setitem__(0, it[5][0][:-1]), "truncated"),
            (lambda it: it[8][1].append(it[8][1][0]), "malformed"),
        ]:
            self.assertEqual(after(change), name)

    def test_signatures_and_cosignatures(self) -> None:
        text = text_of(Scene().leaves())
        other = Signer("other.example.com", COSIGNATURE, 9)
        false = WITNESS.line(bytes(72))
        for checkpoint, name in [
            (note(text), "not-cosigned"),
            (note(text) + cosignature(text, witness=other), "not-cosigned"),
            (note(text) + false, "bad-signature"),
            (note(text) + cosignature(text) + false, "bad-signature"),
            (note(text) + cosignature(text_of(Scene().leaves()[:2])), "bad-signature"),
            (cosignature(text).join([text + "\n", ""]), "unknown-signer"),
        ]:
            self.assertEqual(after(lambda it: it.update({1: checkpoint}), WITNESSED), name)

    def test_a_proof_of_another_entry(self) -> None:
        self.assertEqual(after(lambda it: it[4][0].__setitem__(0, 1) or it[4].pop(1)), "not-in-log")
        self.assertEqual(after(lambda it: it[3][0][2].pop()), "not-in-log")

    def test_another_history(self) -> None:
        scene = Scene()
        leaves = scene.leaves()
        another = Signer("another", LOG_SIGNATURE, 9)
        stranger = Signer("another", LOG_SIGNATURE, 10)
        for since, name in [
            (note(text_of(leaves[:3])), "verified"),
            (note(text_of(leaves)), "verified"),
            (note(text_of(leaves[:2])), "not-shown"),
            (note(text_of(leaves[:2] + [bytes(32)])), "forked-log"),
            (note(text_of(leaves[:5] + [bytes(32)])), "forked-log"),
            (note(text_of(leaves + [bytes(32)])), "shortened"),
            (note(text_of(leaves[:3], "another")), "other-origin"),
            (note(text_of(leaves[:3], "another"), another), "other-log"),
            (note(text_of(leaves[:3], "another"), stranger), "unknown-signer"),
        ]:
            expected = Expectations([LOG.key, another.key], since=since)
            self.assertEqual(doubt_of(scene.bundle(), expected), name)
        for change, name in [
            (lambda it: it[9][1].pop(), "not-shown"),
            (lambda it: it[9].__setitem__(0, note(text_of([bytes(32)] * 3))), "not-shown"),
            (lambda it: it[9].__setitem__(0, note(text_of([bytes(32)] * 6))), "forked-log"),
        ]:
            self.assertEqual(after(change), name)

    def test_something_else_than_a_run(self) -> None:
        scene = Scene()
        content = scene.bundle()
        content[2], content[4] = scene.proven(0), []
        self.assertEqual(doubt_of(content), "not-a-receipt")
        content = scene.bundle()
        content[2], content[3] = scene.proven(4), []
        self.assertEqual(doubt_of(content), "not-a-receipt")
        expected = Expectations([LOG.key], measurement=bytes(32))
        self.assertEqual(doubt_of(scene.bundle(), expected), "other-measurement")
        self.assertEqual(told(lambda it: it.run.update({24: [2, "trap"]})), "inconsistent")
        self.assertEqual(told(lambda it: it.source.update({24: [2, "trap"]})), "inconsistent")

    def test_sources_that_are_not_those_of_the_run(self) -> None:
        self.assertEqual(after(lambda it: it[3].clear() or it[6].pop()), "missing-child")
        self.assertEqual(told(lambda it: it.run.update({20: [bytes(32)]})), "missing-child")
        self.assertEqual(told(lambda it: it.source.update({8: 2})), "other-child")
        self.assertEqual(told(lambda it: it.source.update({10: 2})), "other-child")
        self.assertEqual(told(lambda it: it.source.update({1: bytes(32)})), "other-child")
        self.assertEqual(told(lambda it: it.source.update({11: SEED})), "other-child")
        self.assertEqual(told(lambda it: it.source.update({16: bytes(32)})), "other-child")
        self.assertEqual(told(lambda it: it.source.update({17: bytes(32)})), "other-child")

    def test_a_source_that_nobody_or_a_later_one_names(self) -> None:
        def second(scene: Scene, children: list[bytes]) -> None:
            source = {**scene.source, 3: 2, 11: source_seed(SEED, 2, "rate"), 20: children}
            scene.sources_of_run.append(source)

        def unlisted(scene: Scene) -> None:
            first = scene.leaves()[4]
            second(scene, [])
            scene.run[20] = [first]

        def named_by_a_later_one(scene: Scene) -> None:
            second(scene, [scene.leaves()[4]])

        def named_twice(scene: Scene) -> None:
            scene.run[20] = [scene.leaves()[4]] * 2

        self.assertEqual(told(lambda it: second(it, [])), "verified")
        self.assertEqual(told(unlisted), "unlisted-child")
        self.assertEqual(told(named_by_a_later_one), "cyclic")
        self.assertEqual(told(named_twice), "cyclic")

    def test_openings_of_other_values(self) -> None:
        for one in [
            opening(0, "input", b"a guess"),
            opening(0, "input", b"the input", SOURCE_SALT),
            opening(2, "input", b"the input"),
            opening(0, "event/1", b"it happened"),
            opening(0, "name", b""),
            {**opening(0, "state", b""), 1: "state-after", 3: encoded({"b": b"1"})},
            {**opening(0, "state", b""), 1: "state-after", 3: encoded([])},
            {**opening(0, "state", b""), 1: "state-before", 3: encoded({})},
        ]:
            self.assertEqual(after(lambda it: it.update({6: [one]})), "other-value", one)

    def test_the_opening_of_a_source_and_of_a_trigger(self) -> None:
        source = opening(1, "transcript", b"a transcript", SOURCE_SALT)
        self.assertEqual(after(lambda it: it.update({6: [source]})), "verified")
        trigger = opening(0, "trigger", b"a message")
        self.assertEqual(after(lambda it: it.update({6: [trigger]})), "verified")

    def test_modules_that_did_not_run(self) -> None:
        for modules in ([b""], [MODULE, SOURCE_MODULE, b"\xff"]):
            self.assertEqual(after(lambda it: it.update({7: modules})), "other-module")
        self.assertEqual(told(lambda it: it.run.update({7: bytes(32)})), "other-module")

    def test_context_that_does_not_bear_on_the_run(self) -> None:
        for change in [
            lambda it: it.key_entry.update({3: bytes(32)}),
            lambda it: it.key_entry.update({2: "delivery"}),
            lambda it: it.key_entry.update({0: "another"}),
            lambda it: it.deployment.update({2: bytes(32)}),
            lambda it: it.deployment.update({1: "1.0.1"}),
            lambda it: it.deployment.update({3: bytes(32), 4: 1}),
            lambda it: it.activation.update({2: 0}),
            lambda it: it.activation.update({1: bytes(32)}),
            lambda it: it.accepted.update({1: 2}),
            lambda it: it.accepted.update({2: {0: 2, 1: it.run[9][1]}}),
            lambda it: it.accepted.update({3: bytes(32)}),
            lambda it: it.accepted.update({4: 1}),
            lambda it: it.accepted.update({5: bytes(32)}),
            lambda it: it.accepted.update({6: bytes(32)}),
        ]:
            self.assertEqual(told(change), "other-context")

    def test_a_first_run_that_begins_with_a_state(self) -> None:
        self.assertEqual(told(lambda it: it.run.update({16: bytes(32)})), "other-state")

    def test_an_acceptance_after_the_run(self) -> None:
        scene = Scene()
        scene.after_run = 1
        content = scene.bundle()
        content[4].append(scene.proven(scene.run_index + 1))
        self.assertEqual(doubt_of(content), "other-context")

    def test_a_promotion_before_the_activation(self) -> None:
        scene = Scene()
        scene.deployment.update({3: scene.run[0], 4: 1})
        content = scene.bundle()
        self.assertEqual(doubt_of(content), "other-context")
        del content[4][2]
        self.assertEqual(doubt_of(content), "verified")

    def test_a_promotion_that_rewrites_the_state_before_the_first_run(self) -> None:
        def migrated(before: bytes) -> str:
            scene = Scene()
            after = field_digest(bytes(32), "state", state_root({}))
            scene.run.update({16: after, 17: after})
            scene.deployment.update({3: scene.run[0], 4: 1, 5: "ann", 6: "why"})
            scene.deployment[8] = {0: before, 1: after}
            content = scene.bundle()
            del content[4][2]
            content[6] = [one for one in content[6] if not one[1].startswith("state")]
            return doubt_of(content)

        self.assertEqual(migrated(state_root({})), "verified")
        self.assertEqual(migrated(bytes(32)), "other-context")

    def test_an_acceptance_that_was_recorded_twice(self) -> None:
        scene = Scene()
        scene.accepted_twice = True
        self.assertEqual(doubt_of(scene.bundle()), "other-context")

    def test_evidence_about_something_else(self) -> None:
        def about_another(field: int) -> bytes:
            document = cbor2.loads(evidence())
            document[2][field] = bytes(len(document[2][field]))
            return encoded(document)

        for field in range(4):
            one = about_another(field)
            self.assertEqual(after(lambda it: it.update({5: [one]})), "other-evidence")

    def test_another_agreement(self) -> None:
        self.assertEqual(
            after(lambda it: it[8].update({0: b'{"name":"another"}'})), "other-agreement"
        )


class Disclosure(unittest.TestCase):
    def test_a_guessed_input_is_not_confirmed_by_a_bundle_that_withholds_it(self) -> None:
        """Whoever has only opened fields has neither the salt nor another field's."""
        content = Scene().bundle()
        content[6] = [opening(0, "reply", b"{}")]
        self.assertEqual(doubt_of(content), "verified")
        known = [content[6][0][2], SOURCE_SALT, SEED, bytes(32)]
        digest_of_input = execution(MODULE, bytes([2]) * 32)[12]
        self.assertNotIn(digest_of_input, [salted(salt, "input", b"the input") for salt in known])


if __name__ == "__main__":
    unittest.main()
