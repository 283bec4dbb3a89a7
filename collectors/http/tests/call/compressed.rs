//! Bodies that are compressed: as they should be, live, broken, and made to fill the memory.

use std::io::{self, Read as _, Write};

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use switchboard_http::CallConfig;
use switchboard_model::{AnswerNews, Outcome, Receipt};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use crate::server::{Server, Told, call, caller, caller_with, end, get, get_from, read_head, run};

/// Compresses a stream of bytes.
fn compressed(encoding: &str, mut bytes: impl io::Read) -> Vec<u8> {
    let mut out = Vec::new();
    let level = flate2::Compression::fast();
    match encoding {
        "gzip" => flate2::read::GzEncoder::new(bytes, level).read_to_end(&mut out),
        "deflate" => flate2::read::ZlibEncoder::new(bytes, level).read_to_end(&mut out),
        "br" => brotli::CompressorReader::new(bytes, 64 << 10, 2, 22).read_to_end(&mut out),
        "zstd" => zstd::stream::read::Encoder::new(bytes, 1).expect("an encoder").read_to_end(&mut out),
        _ => bytes.read_to_end(&mut out),
    }
    .expect("compressed");
    out
}

/// A server that answers with this body, encoded in this way.
async fn server(encoding: &str, body: &[u8]) -> Server {
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    Server::answers(answer).await
}

async fn limited(server: &Server, body_bytes_max: u64) -> Told {
    let config = CallConfig { body_bytes_max, ..CallConfig::default() };
    call(&caller_with(&server.url(), server.address, config), get(&server.url())).await
}

#[test]
fn every_encoding_is_taken_off_and_what_is_unknown_given_as_it_came() {
    run(async {
        let text = "what is in the body, again and again. ".repeat(10_000).into_bytes();
        for encoding in ["gzip", "deflate", "br", "zstd", "identity", "of-tomorrow"] {
            let body = compressed(encoding, text.as_slice());
            let told = get_from(&server(encoding, &body).await).await;
            assert!(told.body() == text && told.end().cut.is_none(), "{encoding}: {:?}", told.end());
            assert_eq!((told.end().wire_bytes, told.end().body_bytes), (body.len() as u64, text.len() as u64), "{encoding}");
        }
        let three = compressed("br", compressed("zstd", compressed("gzip", text.as_slice()).as_slice()).as_slice());
        assert!(get_from(&server("gzip, zstd, br", &three).await).await.body() == text);
    });
}

#[test]
fn bombs_are_told_up_to_the_limit_and_stopped() {
    run(async {
        for encoding in ["gzip", "deflate", "br", "zstd"] {
            let bomb = compressed(encoding, io::repeat(0).take(256 << 20));
            assert!(bomb.len() < 2 << 20, "{encoding}: {} bytes", bomb.len());
            let told = limited(&server(encoding, &bomb).await, 1 << 20).await;
            assert_eq!(told.outcome, Outcome::Done(Receipt::Answered(200)));
            assert_eq!((told.body().len(), told.end().body_bytes), (1 << 20, 1 << 20), "{encoding}");
            assert_eq!(told.cut(), "the body is longer than 1 MiB; the rest was not read. Ask for less at once");
        }
        let bomb = compressed("gzip", compressed("gzip", compressed("gzip", io::repeat(0).take(1 << 30)).as_slice()).as_slice());
        let told = limited(&server("gzip, gzip, gzip", &bomb).await, 100_000).await;
        assert_eq!((told.body().len(), told.cut()), (100_000, "the body is longer than 100000 bytes; the rest was not read. Ask for less at once"));
    });
}

#[test]
fn a_body_that_ends_at_the_limit_is_whole() {
    run(async {
        for encoding in ["identity", "gzip"] {
            let server = server(encoding, &compressed(encoding, io::repeat(1).take(5_000))).await;
            assert_eq!(limited(&server, 5_000).await.end().cut, None);
            let told = limited(&server, 4_999).await;
            assert_eq!((told.body().len(), told.end().cut.is_some()), (4_999, true));
        }
    });
}

#[test]
fn broken_bodies_are_told_as_far_as_they_go() {
    run(async {
        let text: Vec<u8> = (0..200_000_u32).flat_map(|number| (number.wrapping_mul(2_654_435_761) >> 12).to_string().into_bytes()).collect();
        for encoding in ["gzip", "br", "zstd"] {
            let whole = compressed(encoding, text.as_slice());
            let told = get_from(&server(encoding, &whole[..whole.len() / 2]).await).await;
            assert_eq!(told.cut(), format!("the compressed body ({encoding}) ends before it is whole. Look into the server's log"));
            assert!(!told.body().is_empty() && text.starts_with(&told.body()), "{encoding}");
            let told = get_from(&server(encoding, b"this is plain text, whatever the header says").await).await;
            assert_eq!(
                told.cut(),
                format!("the compressed body cannot be read on: it is not what {encoding} makes. Ask without compression (accept-encoding: identity)")
            );
        }
        let mut corrupt = compressed("gzip", text.as_slice());
        let checksum = corrupt.len() - 8;
        corrupt[checksum] ^= 1;
        let told = get_from(&server("gzip", &corrupt).await).await;
        assert!(told.cut().contains("it is not what gzip makes") && told.body() == text);
    });
}

/// Shares what was written so far with whoever sends it.
#[derive(Default)]
struct Written(Vec<u8>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each event in compressed form, as a server writes it that flushes after each.
fn flushed_events(encoding: &str, events: &[&str]) -> Vec<Vec<u8>> {
    fn parts<W: Write>(mut encoder: W, events: &[&str], mut taken: impl FnMut(&mut W) -> Vec<u8>) -> Vec<Vec<u8>> {
        let part = |event: &&str| {
            encoder.write_all(event.as_bytes()).expect("compressed");
            encoder.flush().expect("flushed");
            taken(&mut encoder)
        };
        events.iter().map(part).collect()
    }
    let (out, level) = (Written::default(), flate2::Compression::default());
    let take = |written: &mut Written| std::mem::take(&mut written.0);
    match encoding {
        "gzip" => parts(GzEncoder::new(out, level), events, |encoder| take(encoder.get_mut())),
        "deflate" => parts(ZlibEncoder::new(out, level), events, |encoder| take(encoder.get_mut())),
        "headless" => parts(DeflateEncoder::new(out, level), events, |encoder| take(encoder.get_mut())),
        "br" => parts(brotli::CompressorWriter::new(out, 4_096, 5, 22), events, |encoder| take(encoder.get_mut())),
        _ => parts(zstd::stream::write::Encoder::new(out, 3).expect("an encoder"), events, |encoder| take(encoder.get_mut())),
    }
}

#[test]
fn compressed_events_come_one_by_one_as_they_are_sent() {
    run(async {
        let events = ["data: one\n\n", "data: two\n\n", "data: three\n\n"];
        for encoding in ["gzip", "deflate", "headless", "br", "zstd"] {
            let (seen, wait) = mpsc::channel::<()>(10);
            let parts = flushed_events(encoding, &events);
            let name = if encoding == "headless" { "deflate" } else { encoding };
            let mut given = Some((wait, parts));
            let server = Server::start(move |mut stream| {
                let (mut wait, parts) = given.take().expect("one connection");
                let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\n\r\n");
                async move {
                    read_head(&mut stream).await;
                    stream.write_all(head.as_bytes()).await.expect("written");
                    for part in parts {
                        stream.write_all(&part).await.expect("written");
                        wait.recv().await.expect("the test saw it");
                    }
                    end(stream).await;
                }
            })
            .await;
            let mut came = String::new();
            let mut told = |news| {
                if let AnswerNews::Body(piece) = news {
                    came.push_str(std::str::from_utf8(&piece).expect("text"));
                    if came.ends_with("\n\n") {
                        seen.try_send(()).expect("room");
                    }
                }
            };
            caller(&server).call(get(&server.url()), &mut told).await;
            assert_eq!(came, events.concat(), "{encoding}");
        }
    });
}
