//! ECDSA signatures from which the signer can be recovered.

/// An ECDSA signature over secp256k1, with what is needed to recover the
/// public key from it. `s` is always in the lower half of the group's order
/// (EIP-2), so there is one signature for each key and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecoverableSignature {
    /// The x coordinate of the nonce's point, big-endian.
    pub r: [u8; 32],
    /// The proof, big-endian.
    pub s: [u8; 32],
    /// Whether the nonce's point has an odd y coordinate.
    pub y_parity: bool,
}

impl RecoverableSignature {
    /// `r ‖ s ‖ v` with `v` = 27 or 28, the form that Ethereum's `ecrecover`
    /// and Solidity libraries take.
    pub fn to_bytes(&self) -> [u8; 65] {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(&self.r);
        bytes[32..64].copy_from_slice(&self.s);
        bytes[64] = 27 + u8::from(self.y_parity);
        bytes
    }
}
