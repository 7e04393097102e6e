//! `keychain`: signatures by keys that the guest never sees.

use minicbor::bytes::ByteVec;

use super::Guest;
use crate::bindings::cryptlet::fabric::keychain;
use crate::services::{KeyAlgorithm, KeyError, PublicKey};
use crate::transcript::Record;

impl keychain::Host for Guest {
    fn public_key_of(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<keychain::PublicKey, keychain::KeyError>> {
        self.tally.host_call()?;
        let answer = self
            .granted_key(&key)
            .and_then(|()| self.services().public_key(&key));
        self.has_answer()?;
        self.record(Record::PublicKeyOf {
            key,
            answer: answer.clone(),
        })?;
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    fn sign(
        &mut self,
        key: String,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, keychain::KeyError>> {
        self.tally.host_call()?;
        let answer = self
            .granted_key(&key)
            .and_then(|()| self.services().sign(&key, &message));
        self.has_answer()?;
        self.record(Record::Sign {
            key,
            message,
            answer: answer.clone().map(ByteVec::from),
        })?;
        Ok(answer.map_err(Into::into))
    }
}

impl Guest {
    fn granted_key(&self, key: &str) -> Result<(), KeyError> {
        let asked = &self.cryptlet.manifest().capabilities.keychain;
        let given = &self.grants.keys;
        if asked.iter().any(|name| name == key) && given.iter().any(|name| name == key) {
            Ok(())
        } else {
            Err(KeyError::NotGranted(key.to_owned()))
        }
    }
}

impl From<PublicKey> for keychain::PublicKey {
    fn from(key: PublicKey) -> Self {
        Self {
            algorithm: match key.algorithm {
                KeyAlgorithm::Ed25519 => keychain::Algorithm::Ed25519,
                KeyAlgorithm::EcdsaSecp256k1 => keychain::Algorithm::EcdsaSecp256k1,
            },
            bytes: key.bytes,
        }
    }
}

impl From<KeyError> for keychain::KeyError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::UnknownKey(key) => Self::UnknownKey(key),
            KeyError::NotGranted(key) => Self::NotGranted(key),
            KeyError::Limit(reason) => Self::Limit(reason),
        }
    }
}
