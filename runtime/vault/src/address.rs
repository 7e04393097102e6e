//! Ethereum account addresses.

use std::fmt;
use std::str::FromStr;

use k256::ecdsa::VerifyingKey;
use sha3::{Digest, Keccak256};

/// The address of an Ethereum account: the last 20 bytes of the Keccak-256
/// hash of its uncompressed public key.
///
/// Shown with the mixed-case checksum of EIP-55.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EthereumAddress([u8; 20]);

impl EthereumAddress {
    pub(crate) fn of(key: &VerifyingKey) -> Self {
        let point = key.to_encoded_point(false);
        // The first byte only says that the point is uncompressed.
        let hash = Keccak256::digest(&point.as_bytes()[1..]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Self(address)
    }

    /// The 20 bytes of the address.
    pub const fn to_bytes(self) -> [u8; 20] {
        self.0
    }
}

impl From<[u8; 20]> for EthereumAddress {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl From<EthereumAddress> for [u8; 20] {
    fn from(address: EthereumAddress) -> Self {
        address.0
    }
}

impl FromStr for EthereumAddress {
    type Err = hex::FromHexError;

    /// Reads 40 hex digits in any case, with or without `0x`; keystore files
    /// of wallets have all these forms.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text
            .strip_prefix("0x")
            .or_else(|| text.strip_prefix("0X"))
            .unwrap_or(text);
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for EthereumAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = hex::encode(self.0);
        let hash = Keccak256::digest(digits.as_bytes());
        f.write_str("0x")?;
        for (position, digit) in digits.chars().enumerate() {
            let byte = hash[position / 2];
            let nibble = if position % 2 == 0 {
                byte >> 4
            } else {
                byte & 0x0f
            };
            let shown = if nibble >= 8 {
                digit.to_ascii_uppercase()
            } else {
                digit
            };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for EthereumAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EthereumAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_checksums_of_eip_55() {
        // The examples of EIP-55.
        for shown in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0xde709f2102306220921060314715629080e2fb77",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            let address: EthereumAddress = shown.to_lowercase().parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown[2..].parse(), Ok(address));
        }
    }

    #[test]
    fn refuses_what_is_not_forty_digits() {
        for text in [
            "",
            "0x",
            "0x00",
            "0xzz908400098527886E0F7030069857D2E4169EE7",
        ] {
            assert!(text.parse::<EthereumAddress>().is_err(), "{text}");
        }
    }
}
