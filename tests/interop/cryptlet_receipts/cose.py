"""COSE Receipts (RFC 9942): docs/spec/log.md, "Checkpoints and the second signature"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cbor2

from . import ed25519
from .doubt import Doubt
from .encoding import encode
from .note import Key
from .shape import hash32, list_of, octets, octets_of, text, tuple_of, uint
from .tree import implied_roots, proven_root

LONGEST = 65_536
COSE_SIGN1 = b"\xd2"  # tag 18
ALGORITHM, KEY_ID, CLAIMS, STRUCTURE, PROOFS = 1, 4, 15, 395, 396
EDDSA, RFC9162_SHA256 = -8, 1
ISSUER, SUBJECT = 1, 2
INCLUSION, CONSISTENCY = -1, -2

PROOF = tuple_of(("first", uint), ("second", uint), ("path", list_of(hash32, 64)))


@dataclass(frozen=True)
class CoseReceipt:
    """A receipt that was read. A proof is `[size, index, path]` or `[old size, size, path]`."""

    origin: str
    key: str
    proof_kind: int | None
    proof: list[Any]
    signature: bytes

    def __bytes__(self) -> bytes:
        proofs = {}
        if self.proof_kind is not None:
            proofs = {PROOFS: {self.proof_kind: [encode(self.proof)]}}
        return COSE_SIGN1 + encode([self.protected, proofs, None, self.signature])

    @property
    def protected(self) -> bytes:
        return encode(
            {
                ALGORITHM: EDDSA,
                KEY_ID: self.key.encode(),
                CLAIMS: {ISSUER: self.origin, SUBJECT: self.origin},
                STRUCTURE: RFC9162_SHA256,
            }
        )

    def signed(self, root: bytes) -> bytes:
        """The Sig_structure of RFC 9052 section 4.4."""
        return encode(["Signature1", self.protected, b"", root])


def read_cose(data: bytes) -> CoseReceipt:
    """Takes the one encoding of what it understands; anything else in it makes it malformed."""
    if len(data) > LONGEST:
        raise Doubt("oversized", f"{len(data)} bytes where {LONGEST} are allowed")
    try:
        receipt = _understood(data)
    except (cbor2.CBORError, LookupError, TypeError, ValueError) as error:
        raise Doubt("malformed", str(error)) from error
    if bytes(receipt) != data:
        raise Doubt("malformed", "this is not the one encoding")
    return receipt


def verify_inclusion(data: bytes, leaf: bytes, trust: Sequence[Key]) -> tuple[CoseReceipt, bytes]:
    """The receipt of the entry with this leaf hash, and the root that is signed."""
    receipt = _read_with(data, INCLUSION)
    size, index, path = receipt.proof
    return _verify(receipt, proven_root(leaf, index, size, path), trust)


def verify_consistency(
    data: bytes, old_root: bytes, trust: Sequence[Key]
) -> tuple[CoseReceipt, bytes]:
    """The receipt of the growth from `old_root`, and the root that is signed."""
    receipt = _read_with(data, CONSISTENCY)
    old_size, size, path = receipt.proof
    roots = implied_roots(old_size, old_root, size, path)
    return _verify(receipt, roots[1] if roots and roots[0] == old_root else None, trust)


def _read_with(data: bytes, kind: int) -> CoseReceipt:
    receipt = read_cose(data)
    if receipt.proof_kind != kind:
        raise Doubt("other-proof", f"it has a proof of the kind {receipt.proof_kind}")
    return receipt


def _verify(
    receipt: CoseReceipt, root: bytes | None, trust: Sequence[Key]
) -> tuple[CoseReceipt, bytes]:
    if root is None:
        raise Doubt("invalid-proof", "the proof leads to no root")
    signers = [key for key in trust if key.name_and_id == receipt.key]
    if not signers:
        raise Doubt("unknown-signer", f"{receipt.key} is not trusted")
    if signers[0].name != receipt.origin:
        raise Doubt("other-origin", f"the signer is not named {receipt.origin!r}")
    if not ed25519.verifies(signers[0].public, receipt.signed(root), receipt.signature):
        raise Doubt("bad-signature", "entry, proof or signature is false")
    return receipt, root


def _understood(data: bytes) -> CoseReceipt:
    if data[:1] != COSE_SIGN1:
        raise Doubt("malformed", "it does not have the tag 18")
    protected, unprotected, _, signature = cbor2.loads(data[1:])
    header = cbor2.loads(octets(protected))
    proofs = unprotected.get(PROOFS, {})
    kind, proof = None, []
    if proofs:
        ((kind, (encoded,)),) = proofs.items()
        if kind not in (INCLUSION, CONSISTENCY):
            raise Doubt("malformed", f"a proof of the kind {kind}")
        proof = list(PROOF(cbor2.loads(octets(encoded))).values())
    return CoseReceipt(
        origin=text(header[CLAIMS][ISSUER]),
        key=octets(header[KEY_ID]).decode(),
        proof_kind=kind,
        proof=proof,
        signature=octets_of(64)(signature),
    )
