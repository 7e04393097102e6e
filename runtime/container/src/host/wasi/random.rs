//! Randomness from the seed that was accepted before the run: ChaCha20, stream 0 for `random`, stream
//! 1 for `insecure` and its seed.

use rand_chacha::rand_core::RngCore;
use wasmtime_wasi::p2::bindings::sync::random::{insecure, insecure_seed, random};

use super::Guest;

/// Bytes that one call gives at most.
const BYTES_PER_CALL: u64 = 64 * 1024;

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = self.room(len)?;
        self.wasi.random.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter_wasi()?;
        Ok(self.wasi.random.next_u64())
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = self.room(len)?;
        self.wasi.insecure.fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter_wasi()?;
        Ok(self.wasi.insecure.next_u64())
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        self.enter_wasi()?;
        Ok((self.wasi.insecure.next_u64(), self.wasi.insecure.next_u64()))
    }
}

impl Guest {
    fn room(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.enter_wasi()?;
        match usize::try_from(len) {
            Ok(room) if len <= BYTES_PER_CALL => Ok(vec![0; room]),
            _ => Err(self.tally.transfer(BYTES_PER_CALL, len)),
        }
    }
}
