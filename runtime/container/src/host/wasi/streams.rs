//! Streams: standard input is at its end, a file's gives its content, standard output and error are
//! lines of the log.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sync::io::{error, streams};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, DynPollable, IoError, StreamError, StreamResult,
};

use super::Guest;

/// Bytes that one write may have; what `blocking-write-and-flush` takes by its specification.
const BYTES_PER_WRITE: usize = 4096;
/// Bytes that one read gives at most; whoever wants more reads again.
pub(super) const BYTES_PER_READ: usize = 64 * 1024;

impl error::Host for Guest {}

impl error::HostError for Guest {
    fn to_debug_string(&mut self, error: Resource<IoError>) -> wasmtime::Result<String> {
        self.enter_wasi()?;
        // The text of an error is the machine's; a guest that could read it would not replay.
        self.table.get(&error)?;
        Ok("stream error".to_owned())
    }

    fn drop(&mut self, error: Resource<IoError>) -> wasmtime::Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}

impl streams::Host for Guest {
    fn convert_stream_error(
        &mut self,
        error: StreamError,
    ) -> wasmtime::Result<streams::StreamError> {
        streams::Host::convert_stream_error(&mut self.table, error)
    }
}

impl streams::HostInputStream for Guest {
    fn read(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        self.enter_wasi().map_err(StreamError::Trap)?;
        self.take(&stream, len)
    }

    fn blocking_read(
        &mut self,
        stream: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        streams::HostInputStream::read(self, stream, len)
    }

    fn skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        let skipped = streams::HostInputStream::read(self, stream, len)?;
        Ok(skipped.len() as u64)
    }

    fn blocking_skip(&mut self, stream: Resource<DynInputStream>, len: u64) -> StreamResult<u64> {
        streams::HostInputStream::skip(self, stream, len)
    }

    fn subscribe(
        &mut self,
        stream: Resource<DynInputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        self.enter_wasi()?;
        streams::HostInputStream::subscribe(&mut self.table, stream)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}

impl streams::HostOutputStream for Guest {
    fn check_write(&mut self, _: Resource<DynOutputStream>) -> StreamResult<u64> {
        self.enter_wasi().map_err(StreamError::Trap)?;
        Ok(BYTES_PER_WRITE as u64)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.write_log(&stream, &bytes).map_err(StreamError::Trap)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.write_log(&stream, &bytes).map_err(StreamError::Trap)
    }

    fn flush(&mut self, _: Resource<DynOutputStream>) -> StreamResult<()> {
        self.enter_wasi().map_err(StreamError::Trap)
    }

    fn blocking_flush(&mut self, _: Resource<DynOutputStream>) -> StreamResult<()> {
        self.enter_wasi().map_err(StreamError::Trap)
    }

    fn subscribe(
        &mut self,
        stream: Resource<DynOutputStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        self.enter_wasi()?;
        streams::HostOutputStream::subscribe(&mut self.table, stream)
    }

    fn write_zeroes(&mut self, stream: Resource<DynOutputStream>, len: u64) -> StreamResult<()> {
        self.write_zero_bytes(&stream, len)
            .map_err(StreamError::Trap)
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        len: u64,
    ) -> StreamResult<()> {
        self.write_zero_bytes(&stream, len)
            .map_err(StreamError::Trap)
    }

    fn splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        self.enter_wasi().map_err(StreamError::Trap)?;
        let bytes = self.take(&from, len.min(BYTES_PER_WRITE as u64))?;
        self.write_log(&to, &bytes).map_err(StreamError::Trap)?;
        Ok(bytes.len() as u64)
    }

    fn blocking_splice(
        &mut self,
        to: Resource<DynOutputStream>,
        from: Resource<DynInputStream>,
        len: u64,
    ) -> StreamResult<u64> {
        streams::HostOutputStream::splice(self, to, from, len)
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        self.wasi.outputs.remove(&stream.rep());
        self.table.delete(stream)?;
        Ok(())
    }
}

impl Guest {
    /// The next bytes of a stream, which has none left if it is closed.
    fn take(&mut self, stream: &Resource<DynInputStream>, len: u64) -> StreamResult<Vec<u8>> {
        let room = usize::try_from(len).map_or(BYTES_PER_READ, |len| len.min(BYTES_PER_READ));
        Ok(self.table.get_mut(stream)?.read(room)?.into())
    }

    fn write_zero_bytes(
        &mut self,
        stream: &Resource<DynOutputStream>,
        len: u64,
    ) -> wasmtime::Result<()> {
        match usize::try_from(len) {
            Ok(len) if len <= BYTES_PER_WRITE => {
                self.write_log(stream, &[0; BYTES_PER_WRITE][..len])
            }
            _ => Err(self.tally.transfer(BYTES_PER_WRITE as u64, len)),
        }
    }

    fn write_log(
        &mut self,
        stream: &Resource<DynOutputStream>,
        bytes: &[u8],
    ) -> wasmtime::Result<()> {
        self.enter_wasi()?;
        self.tally.log(bytes.len())?;
        let Some(&level) = self.wasi.outputs.get(&stream.rep()) else {
            wasmtime::bail!("not an output stream");
        };
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let mut line = self.wasi.lines.remove(&level).unwrap_or_default();
            line.extend_from_slice(&rest[..end]);
            self.keep_line(level, String::from_utf8_lossy(&line).into_owned());
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            let line = self.wasi.lines.entry(level).or_default();
            line.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Output that ended without a line end is a line all the same.
    pub(crate) fn finish_lines(&mut self) {
        for (level, line) in std::mem::take(&mut self.wasi.lines) {
            self.keep_line(level, String::from_utf8_lossy(&line).into_owned());
        }
    }
}
