//! A connection's bytes, watched: when those of a request are about to leave, and with what the other side began.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// How many of the first bytes are remembered: enough for the head of a TLS record or an HTTP/2 frame.
const NUM_FIRST: usize = 5;

/// What is spoken through.
pub(super) enum Stream {
    /// Plain text.
    Plain(TcpStream),
    /// TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A stream that writes nothing while its gate is shut.
pub(super) struct Watched {
    stream: Stream,
    watch: Watch,
}

/// What is seen of a stream, and whether it may write.
#[derive(Clone, Debug, Default)]
pub(super) struct Watch(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    gate: Gate,
    /// Whoever waits for somebody at the gate.
    keeper: Option<Waker>,
    /// Whoever wants to write.
    writer: Option<Waker>,
    first: [u8; NUM_FIRST],
    num_first: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    Shut,
    /// It is shut, and there is something to be written.
    Knocked,
}

impl Watch {
    /// From now on nothing is written.
    pub fn shut(&self) {
        self.0.lock().gate = Gate::Shut;
    }

    /// What is to be written is written.
    pub fn open(&self) {
        let writer = {
            let mut seen = self.0.lock();
            seen.gate = Gate::Open;
            seen.writer.take()
        };
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// Waits until something is to be written although the gate is shut.
    pub fn poll_knock(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut seen = self.0.lock();
        if seen.gate == Gate::Knocked {
            return Poll::Ready(());
        }
        seen.keeper = Some(context.waker().clone());
        Poll::Pending
    }

    /// The first bytes that the other side sent, inside of TLS where that is spoken.
    pub fn first_bytes(&self) -> Vec<u8> {
        let seen = self.0.lock();
        seen.first[..seen.num_first].to_vec()
    }

    fn poll_pass(&self, context: &mut Context<'_>) -> Poll<()> {
        let keeper = {
            let mut seen = self.0.lock();
            if seen.gate == Gate::Open {
                return Poll::Ready(());
            }
            seen.gate = Gate::Knocked;
            seen.writer = Some(context.waker().clone());
            seen.keeper.take()
        };
        if let Some(keeper) = keeper {
            keeper.wake();
        }
        Poll::Pending
    }

    fn saw(&self, bytes: &[u8]) {
        let mut seen = self.0.lock();
        let at = seen.num_first;
        let num = bytes.len().min(NUM_FIRST - at);
        seen.first[at..at + num].copy_from_slice(&bytes[..num]);
        seen.num_first += num;
    }
}

impl Watched {
    /// Watches a stream, whose gate is open.
    pub fn new(stream: Stream) -> (Self, Watch) {
        let watch = Watch::default();
        (Self { stream, watch: watch.clone() }, watch)
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        self.watch.saw(&buffer.filled()[before..]);
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.watch.poll_pass(context));
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.watch.poll_pass(context));
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
