//! Decompression that is bounded by what comes out, never by what the input says of itself.

use std::borrow::Cow;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::config::Limits;
use crate::failure::Failure;

/// zstd may ask for a window of at most so many bits; beyond it the frame is refused before anything is allocated.
const MAX_WINDOW_LOG: u32 = 26;
/// Bytes read at a time.
const STEP_BYTES: usize = 64 << 10;

/// The encodings a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Compression {
    Identity,
    Gzip,
    Zstd,
}

impl Compression {
    /// Reads `content-encoding` or `grpc-encoding`.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The bytes of a body as they were before compression. `grow` is asked before the output grows to so many bytes.
pub(crate) fn decompress<'b>(compression: Compression, body: &'b [u8], limits: &Limits, grow: impl FnMut(usize) -> bool) -> Result<Cow<'b, [u8]>, Failure> {
    match compression {
        Compression::Identity => Ok(Cow::Borrowed(body)),
        Compression::Gzip => bounded(flate2::bufread::MultiGzDecoder::new(body), body.len(), limits, grow).map(Cow::Owned),
        Compression::Zstd => {
            let broken = |error: std::io::Error| Failure::Compression(error.to_string());
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(broken)?;
            decoder.window_log_max(MAX_WINDOW_LOG).map_err(broken)?;
            bounded(decoder, body.len(), limits, grow).map(Cow::Owned)
        }
    }
}

fn bounded(mut decoder: impl Read, num_compressed: usize, limits: &Limits, mut grow: impl FnMut(usize) -> bool) -> Result<Vec<u8>, Failure> {
    // It cannot grow beyond what its compressed bytes, which are all here, allow. Pages that are not written to take no memory, and
    // a vector that never moves is never there twice.
    let most = num_compressed.saturating_mul(limits.ratio).max(limits.ratio_from_bytes).saturating_add(limits.ratio).min(limits.request_bytes);
    let mut output: Vec<u8> = Vec::new();
    output.try_reserve_exact(most).map_err(|_| Failure::NoRoom)?;
    let mut asked = 0;
    let mut step = vec![0; STEP_BYTES];
    loop {
        let num_read = decoder.read(&mut step).map_err(|error| Failure::Compression(error.to_string()))?;
        if num_read == 0 {
            return Ok(output);
        }
        let num_bytes = output.len() + num_read;
        if num_bytes > limits.request_bytes {
            return Err(Failure::TooLarge { limit_bytes: limits.request_bytes });
        }
        if num_bytes > limits.ratio_from_bytes && num_bytes / limits.ratio > num_compressed {
            return Err(Failure::Ratio { ratio: limits.ratio });
        }
        if num_bytes > asked {
            asked = (asked * 2).max(STEP_BYTES).max(num_bytes).min(limits.request_bytes);
            if !grow(asked) {
                return Err(Failure::NoRoom);
            }
        }
        output.extend_from_slice(&step[..num_read]);
    }
}

/// Runs what works on a request's bytes. A panic in it is that request's failure, and nobody else's.
pub(crate) fn contained<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Failure::Compression("the decoder gave up on it".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn run(compression: Compression, body: &[u8]) -> Result<Cow<'_, [u8]>, Failure> {
        decompress(compression, body, &Limits::default(), |_| true)
    }

    #[test]
    fn what_was_compressed_comes_out() {
        let text: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(run(Compression::Gzip, &gzip(&text)).unwrap(), text);
        assert_eq!(run(Compression::Zstd, &zstd::encode_all(text.as_slice(), 3).unwrap()).unwrap(), text);
        assert_eq!(run(Compression::Zstd, &zstd::bulk::compress(&text, 3).unwrap()).unwrap(), text);
        let two_members = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(*run(Compression::Gzip, &two_members).unwrap(), *b"one two");
        assert_eq!(*run(Compression::Gzip, &gzip(b"")).unwrap(), *b"");
    }

    #[test]
    fn bombs_go_off_outside() {
        let zeros = vec![0; 3 << 20];
        for body in [gzip(&zeros), zstd::encode_all(zeros.as_slice(), 19).unwrap()] {
            let compression = if body.starts_with(&[0x1f, 0x8b]) { Compression::Gzip } else { Compression::Zstd };
            assert!(matches!(run(compression, &body), Err(Failure::Ratio { ratio: 200 })));
            let wide = Limits { ratio: usize::MAX, request_bytes: 2 << 20, ..Limits::default() };
            assert!(matches!(decompress(compression, &body, &wide, |_| true), Err(Failure::TooLarge { .. })));
            let mut asked = 0;
            let little = Limits { ratio: usize::MAX, ..Limits::default() };
            let grow = |capacity| {
                asked = capacity;
                capacity <= 1 << 20
            };
            assert!(matches!(decompress(compression, &body, &little, grow), Err(Failure::NoRoom)));
            assert_eq!(asked, 2 << 20);
        }
    }

    #[test]
    fn a_window_that_is_declared_is_not_allocated() {
        // Magic, descriptor without a size, window descriptor of 2^(10+31) bytes, then an empty last block.
        let huge_window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
        assert!(matches!(run(Compression::Zstd, &huge_window), Err(Failure::Compression(_))));
        // A single segment that says it holds 2^62 bytes.
        let huge_size = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x01, 0x00, 0x00];
        assert!(matches!(run(Compression::Zstd, &huge_size), Err(Failure::Compression(_))));
    }

    #[test]
    fn broken_bodies_are_told() {
        let whole = gzip(b"some bytes that are long enough to be cut somewhere");
        for cut in 1..whole.len() {
            assert!(matches!(run(Compression::Gzip, &whole[..cut]), Err(Failure::Compression(_))), "{cut}");
        }
        let whole = zstd::encode_all(b"some bytes that are long enough".as_slice(), 1).unwrap();
        for cut in 1..whole.len() {
            assert!(matches!(run(Compression::Zstd, &whole[..cut]), Err(Failure::Compression(_))), "{cut}");
        }
        assert!(matches!(run(Compression::Gzip, b"plain text"), Err(Failure::Compression(_))));
    }

    #[test]
    fn a_panic_stays_inside() {
        let outcome = contained(|| -> Result<(), Failure> { panic!("a decoder's own mistake") });
        assert!(matches!(outcome, Err(Failure::Compression(_))));
    }
}
