//! The body of an answer, read from bytes that may come from anywhere, as the caller reads it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use switchboard_model::{AnswerEnd, AnswerNews};

use super::body;
use super::deadline::Deadline;

/// So little, that a small input reaches it.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// A body that comes in parts, all of which are there already.
struct Parts(VecDeque<Bytes>);

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|part| Ok(Frame::data(part))))
    }
}

/// Reads bytes as a body: the first says in parts of how many it comes (0 = all at once), then a line is its `Content-Encoding`, the rest it itself.
/// It is read a second time as it would come by one byte, and one of the two is how the other begins. They need not be one: what is compressed twice may
/// be whole inside before its outside is found to be broken, and libzstd compares the length that a frame tells only of one that is there at once.
pub fn read_body(bytes: &[u8]) {
    let Some((part_bytes, rest)) = bytes.split_first() else { return };
    let line_bytes = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (encoding, body) = (&rest[..line_bytes], rest.get(line_bytes + 1..).unwrap_or_default());
    let mut headers = HeaderMap::new();
    if let Some(encoding) = HeaderValue::from_bytes(encoding).ok().filter(|encoding| !encoding.is_empty()) {
        headers.insert(CONTENT_ENCODING, encoding);
    }
    let part_bytes = if *part_bytes == 0 { body.len().max(1) } else { usize::from(*part_bytes) };
    let (told, end) = read(&headers, body, part_bytes);
    let (told_by_one, end_by_one) = read(&headers, body, 1);
    assert!(told.starts_with(&told_by_one) || told_by_one.starts_with(&told), "it is another body, as it comes by one byte");
    assert!(end.cut.is_some() || end_by_one.cut.is_some() || told == told_by_one, "it is whole twice, and not the same");
}

/// All that is told of a body, and how it ended.
fn read(headers: &HeaderMap, body: &[u8], part_bytes: usize) -> (Vec<u8>, AnswerEnd) {
    let parts = Parts(body.chunks(part_bytes).map(Bytes::copy_from_slice).collect());
    let mut all = Vec::new();
    let mut told = |news: AnswerNews| {
        let AnswerNews::Body(piece) = news else { panic!("of a body nothing else is told") };
        assert!((1..=64 << 10).contains(&piece.len()), "a piece of {} bytes", piece.len());
        all.extend_from_slice(&piece);
    };
    let end = {
        let mut reading = pin!(body::read(parts.map_err(|never| match never {}), headers, BODY_BYTES_MAX, Deadline::after(None), &mut told));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // It waits for nothing, but lets others have their turn.
            if let Poll::Ready(end) = reading.as_mut().poll(&mut context) {
                break end;
            }
        }
    };
    assert_eq!(end.body_bytes, all.len() as u64, "what is told is not what is counted");
    assert!(end.body_bytes <= BODY_BYTES_MAX, "more is told than is read");
    assert!(end.wire_bytes <= body.len() as u64, "more came than there is");
    assert!(end.cut.is_some() || end.wire_bytes == body.len() as u64, "it is whole, and {} of {} bytes came", end.wire_bytes, body.len());
    (all, end)
}
