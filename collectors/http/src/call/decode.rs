//! Decompresses a body as it comes, piece by piece: no piece is large, whatever it was made of, and what came is given at once.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use parking_lot::Mutex;

use super::brotli::Brotli;

/// The most encodings on top of each other that are taken off.
const LAYERS_MAX: usize = 3;
/// The most bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;
/// The most bytes that one layer gives the next before others get their turn.
const TURN_BYTES: usize = 256 << 10;
/// Windows of zstd are of up to 8 MiB where HTTP is spoken (RFC 9659).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How a body was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// The decoder of one body.
pub(super) struct Decoder {
    source: Box<dyn Read + Send>,
    feed: Arc<Mutex<Feed>>,
    buffer: Box<[u8]>,
    /// As the header says, such as `gzip`.
    pub name: String,
}

/// What comes of the next step.
pub(super) enum Step<'a> {
    /// Something was decompressed.
    Piece(&'a [u8]),
    /// Nothing yet, but there is more to do.
    Again,
    /// All that came so far is decompressed.
    Hungry,
    /// Nothing comes any more.
    Ended,
}

/// Why a body could not be decompressed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Corrupt {
    /// It ends too early.
    CutOff,
    /// It is not what its encoding makes.
    Broken,
    /// What lies between two encodings is longer than is read.
    TooLong,
}

/// What is there to be decompressed.
#[derive(Default)]
struct Feed {
    came: Bytes,
    is_whole: bool,
    /// What one layer may still give the next in this turn.
    turn_bytes: usize,
}

impl Decoder {
    /// For a body with these headers; `None` = it is not encoded, or in a way that is not known here.
    pub fn for_answer(headers: &HeaderMap, body_bytes_max: u64) -> Option<Self> {
        let encodings = encodings(headers)?;
        let feed = Arc::<Mutex<Feed>>::default();
        let mut source: Option<Box<dyn Read + Send>> = None;
        // The last that was put on is the first that is taken off.
        for encoding in encodings.iter().rev() {
            let inlet: Box<dyn BufRead + Send> = match source.take() {
                None => Box::new(Inlet { feed: Arc::clone(&feed), taken: Bytes::new() }),
                Some(source) => Box::new(BufReader::new(Paced { source, feed: Arc::clone(&feed), left_bytes: body_bytes_max })),
            };
            source = Some(match encoding {
                Encoding::Gzip => Box::new(MultiGzDecoder::new(inlet)),
                Encoding::Deflate => Box::new(Deflate::Unknown(Some(inlet))),
                Encoding::Brotli => Box::new(Brotli::new(inlet)),
                Encoding::Zstd => {
                    let mut decoder = zstd::stream::read::Decoder::with_buffer(inlet).ok()?;
                    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).ok()?;
                    Box::new(decoder)
                }
            });
        }
        let name = encodings.iter().map(|encoding| encoding.word()).collect::<Vec<_>>().join(", ");
        Some(Self { source: source?, feed, buffer: vec![0; PIECE_BYTES].into_boxed_slice(), name })
    }

    /// Gives it what came. It must have been hungry before.
    pub fn push(&mut self, came: Bytes) {
        self.feed.lock().came = came;
    }

    /// Tells it that nothing comes any more.
    pub fn end(&mut self) {
        self.feed.lock().is_whole = true;
    }

    /// Decompresses as much as a piece holds.
    pub fn step(&mut self) -> Result<Step<'_>, Corrupt> {
        self.feed.lock().turn_bytes = TURN_BYTES;
        match self.source.read(&mut self.buffer) {
            Ok(0) => Ok(Step::Ended),
            Ok(num_bytes) => Ok(Step::Piece(&self.buffer[..num_bytes])),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock if self.feed.lock().turn_bytes == 0 => Ok(Step::Again),
                ErrorKind::WouldBlock => Ok(Step::Hungry),
                ErrorKind::UnexpectedEof => Err(Corrupt::CutOff),
                ErrorKind::FileTooLarge => Err(Corrupt::TooLong),
                _ => Err(Corrupt::Broken),
            },
        }
    }
}

impl Encoding {
    fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// In the order in which they were put on; `None` = there are none, too many, or one that is not known.
fn encodings(headers: &HeaderMap) -> Option<Vec<Encoding>> {
    let mut encodings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().ok()?.split(',') {
            encodings.push(match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Encoding::Gzip,
                "deflate" => Encoding::Deflate,
                "br" => Encoding::Brotli,
                "zstd" => Encoding::Zstd,
                _ => return None,
            });
            if encodings.len() > LAYERS_MAX {
                return None;
            }
        }
    }
    (!encodings.is_empty()).then_some(encodings)
}

/// Gives what came over the wire, and says where there is no more of it yet.
struct Inlet {
    feed: Arc<Mutex<Feed>>,
    taken: Bytes,
}

impl BufRead for Inlet {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken.is_empty() {
            let mut feed = self.feed.lock();
            self.taken = std::mem::take(&mut feed.came);
            if self.taken.is_empty() && !feed.is_whole {
                return Err(ErrorKind::WouldBlock.into());
            }
        }
        Ok(&self.taken)
    }

    fn consume(&mut self, num_bytes: usize) {
        self.taken.advance(num_bytes);
    }
}

impl Read for Inlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let num_bytes = self.fill_buf()?.read(buffer)?;
        self.consume(num_bytes);
        Ok(num_bytes)
    }
}

/// What one layer gives the next: so much a turn, for a little on the wire can be a lot here and nothing at all after the next layer.
struct Paced {
    source: Box<dyn Read + Send>,
    feed: Arc<Mutex<Feed>>,
    left_bytes: u64,
}

impl Read for Paced {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let turn_bytes = self.feed.lock().turn_bytes;
        if turn_bytes == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let num_wanted = buffer.len().min(turn_bytes);
        let num_bytes = self.source.read(&mut buffer[..num_wanted])?;
        self.feed.lock().turn_bytes -= num_bytes;
        self.left_bytes = self.left_bytes.checked_sub(num_bytes as u64).ok_or(ErrorKind::FileTooLarge)?;
        Ok(num_bytes)
    }
}

/// `deflate` is zlib's format (RFC 9110, 8.4.1.2), but some servers leave zlib's head away: the first byte tells which it is.
enum Deflate {
    Unknown(Option<Box<dyn BufRead + Send>>),
    Zlib(ZlibDecoder<Box<dyn BufRead + Send>>),
    Headless(DeflateDecoder<Box<dyn BufRead + Send>>),
}

impl Read for Deflate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Unknown(inlet) => {
                    let first = inlet.as_mut().map_or(Ok(None), |inlet| inlet.fill_buf().map(|bytes| bytes.first().copied()))?;
                    let (Some(first), Some(inlet)) = (first, inlet.take()) else { return Err(ErrorKind::UnexpectedEof.into()) };
                    // Method 8 with a window of up to 32 KiB (RFC 1950, 2.2).
                    *self = if first & 0x8f == 8 { Self::Zlib(ZlibDecoder::new(inlet)) } else { Self::Headless(DeflateDecoder::new(inlet)) };
                }
                Self::Zlib(decoder) => return decoder.read(buffer),
                Self::Headless(decoder) => return decoder.read(buffer),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All that is decompressed of a body that comes in parts of so many bytes.
    fn decoded(encoding: &str, body: &[u8], part_bytes: usize, max: u64) -> Result<Vec<u8>, Corrupt> {
        let headers = [(CONTENT_ENCODING, encoding.parse().expect("a value"))].into_iter().collect();
        let mut decoder = Decoder::for_answer(&headers, max).expect("an encoding that is known");
        let mut out = Vec::new();
        let mut parts = body.chunks(part_bytes);
        loop {
            match decoder.step()? {
                Step::Piece(piece) => out.extend_from_slice(piece),
                Step::Again => {}
                Step::Hungry => match parts.next() {
                    Some(part) => decoder.push(Bytes::copy_from_slice(part)),
                    None => decoder.end(),
                },
                Step::Ended => return Ok(out),
            }
        }
    }

    fn encoded(encoding: &str, bytes: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::best();
        let mut encoder: Box<dyn Read + '_> = match encoding {
            "gzip" => Box::new(flate2::bufread::GzEncoder::new(bytes, level)),
            "deflate" => Box::new(flate2::bufread::ZlibEncoder::new(bytes, level)),
            "headless" => Box::new(flate2::bufread::DeflateEncoder::new(bytes, level)),
            "br" => Box::new(brotli::CompressorReader::new(bytes, 4_096, 5, 22)),
            _ => Box::new(zstd::stream::read::Encoder::with_buffer(bytes, 3).expect("an encoder")),
        };
        let mut out = Vec::new();
        encoder.read_to_end(&mut out).expect("compressed");
        out
    }

    fn text() -> Vec<u8> {
        (0..20_000_u32).flat_map(|number| format!("line {} ", number.wrapping_mul(2_654_435_761) >> 20).into_bytes()).collect()
    }

    #[test]
    fn every_encoding_is_read_in_parts_of_any_size() {
        let text = text();
        for encoding in ["gzip", "deflate", "headless", "br", "zstd"] {
            let body = encoded(encoding, &text);
            let name = if encoding == "headless" { "deflate" } else { encoding };
            for part_bytes in [1, 7, 1_000, body.len()] {
                assert!(decoded(name, &body, part_bytes, 1 << 20) == Ok(text.clone()), "{encoding} in parts of {part_bytes}");
            }
            assert_eq!(decoded(name, &body[..body.len() - 3], 100, 1 << 20), Err(Corrupt::CutOff), "{encoding}");
        }
    }

    #[test]
    fn members_and_frames_one_after_another_are_one_body() {
        for encoding in ["gzip", "zstd"] {
            let body = [encoded(encoding, b"one, "), encoded(encoding, b""), encoded(encoding, b"two")].concat();
            for part_bytes in [1, body.len()] {
                assert_eq!(decoded(encoding, &body, part_bytes, 100), Ok(b"one, two".to_vec()), "{encoding}");
            }
        }
    }

    #[test]
    fn encodings_on_top_of_each_other_are_taken_off_one_by_one() {
        let body = encoded("zstd", &encoded("br", &encoded("gzip", &text())));
        for part_bytes in [1, body.len()] {
            assert!(decoded("GZIP,br ,identity, zstd", &body, part_bytes, 1 << 20) == Ok(text()));
        }
        for unknown in ["compress", "gzip, compress", "gzip,gzip,gzip,gzip", "", "identity"] {
            let headers = [(CONTENT_ENCODING, unknown.parse().expect("a value"))].into_iter().collect();
            assert!(Decoder::for_answer(&headers, 100).is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_flood_between_two_layers_that_comes_to_nothing_is_met_in_turns_and_stopped() {
        let nothing = encoded("gzip", b"").repeat(100_000);
        let body = encoded("gzip", &nothing);
        assert!(body.len() < nothing.len() / 50);
        assert_eq!(decoded("gzip, gzip", &body, body.len(), 4 << 20), Ok(Vec::new()));
        assert_eq!(decoded("gzip, gzip", &body, body.len(), 1 << 20), Err(Corrupt::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_or_go_on_for_ever(
            layers in prop::collection::vec(0..4_usize, 1..=3),
            text in prop::collection::vec(0..20_u8, 0..3_000),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            kept in any::<prop::sample::Index>(),
            part_bytes in 1..500_usize,
        ) {
            let names: Vec<_> = layers.iter().map(|layer| ["gzip", "deflate", "br", "zstd"][*layer]).collect();
            let mut body = names.iter().fold(text.clone(), |body, name| encoded(name, &body));
            prop_assert_eq!(decoded(&names.join(","), &body, part_bytes, 1 << 20), Ok(text));
            for (place, byte) in changes {
                let place = place.index(body.len());
                body[place] ^= byte;
            }
            body.truncate(kept.index(body.len()) + 1);
            // What comes of it is nobody's concern, as long as something does.
            let _ = decoded(&names.join(","), &body, part_bytes, 1 << 20);
        }
    }

    #[test]
    fn large_windows_are_refused() {
        // 512 MiB of a window, in the bits of brotli's larger kin and in zstd's head.
        assert_eq!(decoded("br", &[0x11, 0x1d, 0x0b, 0x00, 0x80], 5, 100), Err(Corrupt::Broken));
        assert_eq!(decoded("zstd", &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 19 << 3, 0x01, 0x00, 0x00], 9, 100), Err(Corrupt::Broken));
    }
}
