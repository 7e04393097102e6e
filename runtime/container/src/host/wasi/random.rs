//! Randomness from the seed that was accepted before the run: ChaCha20, stream 0 for `random`, stream
//! 1 for `insecure` and its seed.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use wasmtime_wasi::p2::bindings::sync::random::{insecure, insecure_seed, random};

use super::Guest;

/// A stream of the generator, made when it is first asked: few guests do, and every run would pay.
pub(super) struct Stream {
    seed: [u8; 32],
    number: u64,
    generator: Option<Box<ChaCha20Rng>>,
}

impl Stream {
    pub(super) fn new(seed: &[u8; 32], number: u64) -> Stream {
        Stream {
            seed: *seed,
            number,
            generator: None,
        }
    }

    fn generator(&mut self) -> &mut ChaCha20Rng {
        self.generator.get_or_insert_with(|| {
            let mut generator = ChaCha20Rng::from_seed(self.seed);
            generator.set_stream(self.number);
            Box::new(generator)
        })
    }
}

/// Bytes that one call gives at most.
const BYTES_PER_CALL: u64 = 64 * 1024;

impl random::Host for Guest {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = self.room(len)?;
        self.wasi.random.generator().fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter_wasi()?;
        Ok(self.wasi.random.generator().next_u64())
    }
}

impl insecure::Host for Guest {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        let mut bytes = self.room(len)?;
        self.wasi.insecure.generator().fill_bytes(&mut bytes);
        Ok(bytes)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.enter_wasi()?;
        Ok(self.wasi.insecure.generator().next_u64())
    }
}

impl insecure_seed::Host for Guest {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        self.enter_wasi()?;
        let generator = self.wasi.insecure.generator();
        Ok((generator.next_u64(), generator.next_u64()))
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
