//! Reads what brotli compressed (RFC 7932), as it comes.

use std::io::{self, BufRead, Read};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};

/// Decompresses what another reader gives. Where that has to wait, so does this, and goes on later.
///
/// The reader that comes with the library also takes windows of up to 1 GiB, which are no brotli of HTTP's: here they are refused.
pub(super) struct Brotli<R> {
    inner: R,
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    num_out: usize,
    has_ended: bool,
}

impl<R: BufRead> Brotli<R> {
    pub fn new(inner: R) -> Self {
        let state = Box::new(BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default()));
        Self { inner, state, num_out: 0, has_ended: false }
    }
}

impl<R: BufRead> Read for Brotli<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut input_wanted = false;
        while !self.has_ended && !out.is_empty() {
            // What it still holds comes first: it may need no more input for that, and none may come for long.
            let input = if input_wanted { self.inner.fill_buf()? } else { &[] };
            if input_wanted && input.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (mut num_left, mut num_read) = (input.len(), 0);
            let (mut num_free, mut num_written) = (out.len(), 0);
            let result = BrotliDecompressStream(&mut num_left, &mut num_read, input, &mut num_free, &mut num_written, out, &mut self.num_out, &mut self.state);
            self.inner.consume(num_read);
            match result {
                BrotliResult::ResultSuccess => self.has_ended = true,
                BrotliResult::ResultFailure => return Err(io::ErrorKind::InvalidData.into()),
                BrotliResult::NeedsMoreInput => input_wanted = true,
                BrotliResult::NeedsMoreOutput => {}
            }
            if num_written > 0 {
                return Ok(num_written);
            }
        }
        Ok(0)
    }
}
