"""Ed25519 as docs/spec/receipt.md wants it: strictly."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PRIME = 2**255 - 19

# The points whose order divides 8 have these y coordinates.
_ORDER_EIGHT = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
SMALL_ORDER = {0, 1, PRIME - 1, _ORDER_EIGHT, PRIME - _ORDER_EIGHT}


def verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """OpenSSL refuses scalars and points that are not canonical; small orders are refused here."""
    if len(public) != 32 or len(signature) != 64:
        return False
    if _has_small_order(public) or _has_small_order(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _has_small_order(point: bytes) -> bool:
    y = int.from_bytes(point, "little") & (2**255 - 1)
    return y % PRIME in SMALL_ORDER
