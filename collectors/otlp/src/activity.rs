//! What a connection does, and whether it keeps others waiting.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Limits;

/// What a connection does, for those who watch it.
pub(crate) struct Activity {
    began: Instant,
    /// Requests in work.
    num_active: AtomicUsize,
    num_requests: AtomicU64,
    /// When the last request ended, ms since `began`.
    idle_since_ms: AtomicU64,
    /// When the first byte of a head came that is not whole yet, ms since `began` + 1; 0 = none.
    head_since_ms: AtomicU64,
    is_http2: AtomicBool,
    /// Whether the first byte is that of a TLS handshake.
    pub(crate) is_tls: AtomicBool,
    num_read: AtomicU64,
}

/// What the watcher thinks of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Goes,
    /// Nothing to do for long: it is told to end.
    Idle,
    /// It keeps us waiting for a head: it is cut.
    SlowHead,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            num_active: AtomicUsize::new(0),
            num_requests: AtomicU64::new(0),
            idle_since_ms: AtomicU64::new(0),
            head_since_ms: AtomicU64::new(0),
            is_http2: AtomicBool::new(false),
            is_tls: AtomicBool::new(false),
            num_read: AtomicU64::new(0),
        }
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub(crate) fn bytes_came(&self, bytes: &[u8]) {
        if self.num_read.fetch_add(bytes.len() as u64, Ordering::Relaxed) == 0 {
            self.is_http2.store(bytes.starts_with(b"PRI"), Ordering::Relaxed);
            self.is_tls.store(bytes.starts_with(&[0x16, 0x03]), Ordering::Relaxed);
        }
        if self.num_active.load(Ordering::Relaxed) == 0 && self.head_since_ms.load(Ordering::Relaxed) == 0 {
            self.head_since_ms.store(self.now_ms() + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn request_began(&self) {
        self.num_active.fetch_add(1, Ordering::Relaxed);
        self.num_requests.fetch_add(1, Ordering::Relaxed);
        self.head_since_ms.store(0, Ordering::Relaxed);
    }

    pub(crate) fn request_ended(&self) {
        self.idle_since_ms.store(self.now_ms(), Ordering::Relaxed);
        self.head_since_ms.store(0, Ordering::Relaxed);
        self.num_active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether it has sent no request yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.num_requests.load(Ordering::Relaxed) == 0
    }

    /// Whether no request is in work.
    pub(crate) fn is_idle(&self) -> bool {
        self.num_active.load(Ordering::Relaxed) == 0
    }

    /// How long it may go on like this.
    pub(crate) fn patience(&self, limits: &Limits) -> Patience {
        if self.num_active.load(Ordering::Relaxed) > 0 {
            return Patience::Goes;
        }
        let since = |ms: u64| Duration::from_millis(self.now_ms().saturating_sub(ms));
        let head_since = self.head_since_ms.load(Ordering::Relaxed);
        let is_http2 = self.is_http2.load(Ordering::Relaxed);
        if !is_http2 && head_since > 0 {
            // It is not silent, however late it began.
            return if since(head_since - 1) > limits.head { Patience::SlowHead } else { Patience::Goes };
        }
        let idle = since(self.idle_since_ms.load(Ordering::Relaxed));
        // Until the first request all that comes is a promise: a preface of HTTP/2, its settings and pings too.
        if self.is_silent() && idle > limits.head || idle > limits.idle { Patience::Idle } else { Patience::Goes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_began_late_is_not_taken_for_silence() {
        let limits = Limits::default();
        let long_ago = Instant::now().checked_sub(limits.head + Duration::from_secs(1)).expect("a machine that has run for some seconds");
        let late = Activity { began: long_ago, ..Activity::new() };
        assert_eq!(late.patience(&limits), Patience::Idle);
        late.bytes_came(b"POST /v1");
        assert_eq!(late.patience(&limits), Patience::Goes);
        late.head_since_ms.store(1, Ordering::Relaxed);
        assert_eq!(late.patience(&limits), Patience::SlowHead);
    }

    #[test]
    fn patience_ends() {
        let limits = Limits { head: Duration::from_secs(1), idle: Duration::from_secs(10), ..Limits::default() };
        let mut connections = [Activity::new(), Activity::new(), Activity::new()];
        // What came before is longer ago.
        let pass = |connections: &mut [Activity], time: Duration| {
            for activity in connections {
                activity.began = activity.began.checked_sub(time + Duration::from_millis(1)).expect("a machine that has run for some seconds");
            }
        };
        let [silent, slow, http2] = &connections;
        assert_eq!(silent.patience(&limits), Patience::Goes);
        slow.bytes_came(b"POST /v1");
        http2.bytes_came(b"PRI * HTTP/2.0");
        pass(&mut connections, limits.head);
        let [silent, slow, http2] = &connections;
        assert_eq!(silent.patience(&limits), Patience::Idle);
        assert_eq!(slow.patience(&limits), Patience::SlowHead);
        assert_eq!(http2.patience(&limits), Patience::Idle);
        http2.request_began();
        http2.request_ended();
        http2.bytes_came(b"ping");
        assert_eq!(http2.patience(&limits), Patience::Goes);
        slow.request_began();
        assert_eq!(slow.patience(&limits), Patience::Goes);
        slow.request_ended();
        assert_eq!(slow.patience(&limits), Patience::Goes);
        pass(&mut connections, limits.idle);
        let [_, slow, http2] = &connections;
        assert_eq!(slow.patience(&limits), Patience::Idle);
        assert_eq!(http2.patience(&limits), Patience::Idle);
    }
}
