//! The first bytes that a peer sends: they say what it speaks, before anything of a call has left.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use crate::failure::Speaks;

/// As many bytes tell TLS, HTTP/1 and HTTP/2 apart.
const NUM_TELLING: usize = 5;

/// The first bytes that came, and how their coming ended.
#[derive(Clone, Debug, Default)]
pub(super) struct First {
    bytes: Vec<u8>,
    /// Why no more come; an error of the connection, or that it was closed in order.
    pub over: Option<Result<(), Arc<io::Error>>>,
}

impl First {
    /// Whether there is no more to wait for.
    pub fn is_told(&self) -> bool {
        self.over.is_some() || self.bytes.len() >= NUM_TELLING
    }

    /// Whether anything came.
    pub fn is_silent(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What the peer speaks by its first bytes.
    pub fn speaks(&self) -> Speaks {
        match self.bytes.as_slice() {
            [0x15 | 0x16, 3, ..] => Speaks::Tls,
            [b'H', b'T', b'T', b'P', b'/', ..] => Speaks::Http1,
            // A server's first frame is SETTINGS (RFC 9113, 3.4).
            [0, _, _, 4, ..] => Speaks::PlainHttp2,
            _ => Speaks::Unknown,
        }
    }
}

/// A stream whose first bytes are looked at as they are read.
pub(super) struct Tap<T> {
    inner: T,
    first: watch::Sender<First>,
    is_told: bool,
}

impl<T> Tap<T> {
    /// The stream, and where its first bytes are told.
    pub fn new(inner: T) -> (Self, watch::Receiver<First>) {
        let (first, told) = watch::channel(First::default());
        (Self { inner, first, is_told: false }, told)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Tap<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if self.is_told || read.is_pending() || (buffer.remaining() == 0 && buffer.filled().len() == before) {
            return read;
        }
        let came = buffer.filled().get(before..).unwrap_or_default();
        let (read, over) = match read {
            // The error is told to both.
            Poll::Ready(Err(error)) => {
                let told = io::Error::new(error.kind(), error.to_string());
                (Poll::Ready(Err(told)), Some(Err(Arc::new(error))))
            }
            read => (read, came.is_empty().then_some(Ok(()))),
        };
        self.first.send_modify(|first| {
            first.bytes.extend(came.iter().take(NUM_TELLING - first.bytes.len().min(NUM_TELLING)));
            first.over = over;
        });
        let is_told = self.first.borrow().is_told();
        self.is_told = is_told;
        read
    }
}

impl<T: AsyncRead + Unpin> Tap<T> {
    /// Where writing fails, nobody reads any more: why the peer closed (an alert of TLS) may lie there still, or be about to be told by the system.
    /// That is waited for as long as a connection may take to be made.
    fn last_words<W>(mut self: Pin<&mut Self>, cx: &mut Context<'_>, written: Poll<io::Result<W>>) -> Poll<io::Result<W>> {
        while matches!(written, Poll::Ready(Err(_))) && !self.is_told {
            let mut scratch = [0; 256];
            let mut buffer = ReadBuf::new(&mut scratch);
            if self.as_mut().poll_read(cx, &mut buffer).is_pending() {
                return Poll::Pending;
            }
        }
        written
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Tap<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.last_words(cx, written)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.last_words(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.last_words(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
