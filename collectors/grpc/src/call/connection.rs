//! One connection of HTTP/2, and what runs for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use switchboard_model::CallNews;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::body::Body;

use super::caller::LONGEST;
use super::dial::Place;
use super::tap::Tap;
use super::trouble::Trouble;
use crate::failure::Speaks;

/// How long a connection that nobody uses any longer has to say so to its server (`RST_STREAM`, `GOAWAY`), whether that reads it or not.
const FAREWELL: Duration = Duration::from_millis(100);
/// The longest headers and trailers taken, in bytes: details of a status are among them.
const HEADERS_BYTES_MAX: u32 = 1 << 20;
/// Bytes of a message that a server may send before we read them, and of all calls on the connection.
const WINDOW_BYTES: (u32, u32) = (2 << 20, 4 << 20);

/// A connection on which the server has said its first word of HTTP/2. It is closed with its last user.
pub(super) struct Connection {
    send: SendRequest<Body>,
    tasks: Tasks,
    runtime: Handle,
}

impl Connection {
    /// Makes one. Nothing of a call leaves: what the server says first is waited for, so that a port that speaks something else is known before.
    pub async fn open(place: &Place, told: &mut (dyn FnMut(CallNews) + Send)) -> Result<Self, Trouble> {
        let by = Instant::now() + place.connect_timeout.min(LONGEST);
        let (stream, mut first) = Tap::new(place.dial(by, told).await?);
        let tasks = Tasks::default();
        let mut builder = Builder::new(tasks.clone());
        builder.initial_stream_window_size(WINDOW_BYTES.0).initial_connection_window_size(WINDOW_BYTES.1).max_header_list_size(HEADERS_BYTES_MAX);
        let greeted = timeout_at(by, builder.handshake(TokioIo::new(stream))).await;
        let greeted = greeted.map_err(|_| Trouble::late(&place.address, "HTTP/2", place.connect_timeout))?;
        let no_http2 = |first: &_, is_late| Trouble::no_http2(place, first, is_late);
        let (send, running) = greeted.map_err(|_| no_http2(&first.borrow(), false))?;
        tasks.spawn(async move {
            // Each call on it is told what became of it.
            let _ = running.await;
        });
        let connection = Self { send, tasks, runtime: Handle::current() };
        // That the stream is gone ends the waiting, too, and what came of it is told all the same.
        let is_late = timeout_at(by, first.wait_for(super::tap::First::is_told)).await.is_err();
        let first = first.borrow();
        if first.speaks() == Speaks::PlainHttp2 { Ok(connection) } else { Err(no_http2(&first, is_late)) }
    }

    /// Whether a call can be begun on it, as far as is known.
    pub async fn is_open(&self) -> bool {
        // Lets what came since the last call be read.
        tokio::task::yield_now().await;
        !self.send.is_closed() && self.send.clone().ready().await.is_ok()
    }

    /// What sends a request on it.
    pub fn send(&self) -> SendRequest<Body> {
        self.send.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut tasks = std::mem::take(&mut *self.tasks.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.runtime.spawn(async move {
            // What has not ended by then is dropped, and the connection with it.
            let _ = timeout(FAREWELL, async { while tasks.join_next().await.is_some() {} }).await;
        });
    }
}

/// What runs for one connection; it ends with it.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}
