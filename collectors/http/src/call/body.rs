//! The body of an answer: told as it comes, decompressed, and bounded.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use switchboard_model::{AnswerEnd, AnswerNews};

use super::deadline::{Deadline, Late};
use super::decode::{Decoder, Step};
use super::failure;

/// The most bytes of a body that are told at once.
const PIECE_BYTES: usize = 64 << 10;

/// Tells of a body until it ends, is too long, cannot be read, or the deadline is over.
pub(super) async fn read(
    mut body: impl Body<Data = Bytes, Error = hyper::Error> + Unpin,
    headers: &HeaderMap,
    body_bytes_max: u64,
    deadline: Deadline,
    told: &mut (dyn FnMut(AnswerNews) + Send),
) -> AnswerEnd {
    let mut reading = Reading { decoder: Decoder::for_answer(headers, body_bytes_max), body_bytes_max, deadline, end: AnswerEnd::default(), told };
    let cut = loop {
        let part = match deadline.run(body.frame()).await {
            Err(Late(within)) => break Some(failure::body_late(within)),
            Ok(Some(Err(error))) => break Some(failure::body_broken(&error, reading.end.wire_bytes)),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Some(data),
                Err(other) => {
                    if let Ok(trailers) = other.into_trailers() {
                        reading.end.trailers = trailers;
                    }
                    continue;
                }
            },
            Ok(None) => None,
        };
        let is_whole = part.is_none();
        if let Err(cut) = reading.take(part).await {
            break Some(cut);
        }
        if is_whole {
            break None;
        }
    };
    AnswerEnd { cut, ..reading.end }
}

struct Reading<'a> {
    decoder: Option<Decoder>,
    body_bytes_max: u64,
    deadline: Deadline,
    end: AnswerEnd,
    told: &'a mut (dyn FnMut(AnswerNews) + Send),
}

impl Reading<'_> {
    /// Tells of a part; `None` = there is no more. Fails with why the rest is not read.
    async fn take(&mut self, part: Option<Bytes>) -> Result<(), String> {
        self.end.wire_bytes += part.as_ref().map_or(0, |part| part.len() as u64);
        let Some(decoder) = &mut self.decoder else {
            let part = part.unwrap_or_default();
            return part.chunks(PIECE_BYTES).try_for_each(|piece| tell(piece, self.body_bytes_max, &mut self.end, self.told));
        };
        match part {
            // What decompresses to nothing at all could go on for ever.
            Some(_) if self.end.wire_bytes / 2 > self.body_bytes_max => return Err(failure::body_too_long(self.body_bytes_max)),
            Some(part) => decoder.push(part),
            // No body at all is what is answered to HEAD, whatever the headers say of it.
            None if self.end.wire_bytes == 0 => return Ok(()),
            None => decoder.end(),
        }
        loop {
            match decoder.step() {
                Ok(Step::Piece(piece)) => tell(piece, self.body_bytes_max, &mut self.end, self.told)?,
                Ok(Step::Again) => {}
                Ok(Step::Hungry | Step::Ended) => return Ok(()),
                Err(corrupt) => return Err(failure::body_corrupt(corrupt, &decoder.name, self.body_bytes_max)),
            }
            // A few bytes can be many pieces: others get their turn, and whoever waits for this may stop waiting.
            tokio::task::consume_budget().await;
            self.deadline.check().map_err(|Late(within)| failure::body_late(within))?;
        }
    }
}

fn tell(piece: &[u8], body_bytes_max: u64, end: &mut AnswerEnd, told: &mut (dyn FnMut(AnswerNews) + Send)) -> Result<(), String> {
    let num_free = usize::try_from(body_bytes_max - end.body_bytes).unwrap_or(usize::MAX);
    let fitting = &piece[..piece.len().min(num_free)];
    if !fitting.is_empty() {
        end.body_bytes += fitting.len() as u64;
        // A copy: a few bytes that somebody keeps must not keep a whole buffer of the connection.
        told(AnswerNews::Body(Bytes::copy_from_slice(fitting)));
    }
    if fitting.len() < piece.len() { Err(failure::body_too_long(body_bytes_max)) } else { Ok(()) }
}
