//! Being told to end: Ctrl+C, SIGTERM, and SIGHUP where it is not ignored (`nohup`). Heard from the start of the program on, so that
//! whatever was asked for is still written.

use std::time::Instant;

use tokio::sync::watch;

/// How often this program was told to end. Cheap to clone; each clone hears what came after it was asked last.
#[derive(Clone, Debug)]
pub struct Interruptions {
    count: watch::Receiver<u32>,
}

impl Interruptions {
    /// Listens from now on, on this runtime.
    pub fn listen(runtime: &tokio::runtime::Handle) -> Self {
        let (heard, count) = watch::channel(0);
        runtime.spawn(hear(heard));
        Self { count }
    }

    /// What came until now is not waited for any more.
    pub fn forget(&mut self) {
        self.count.mark_unchanged();
    }

    /// Waits for the next one that was not waited for before.
    pub async fn next(&mut self) {
        if self.count.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The same, but at most until then.
    pub async fn next_until(&mut self, latest: Option<Instant>) {
        let Some(latest) = latest else { return self.next().await };
        let _told_or_late = tokio::time::timeout_at(latest.into(), self.next()).await;
    }
}

#[cfg(unix)]
async fn hear(heard: watch::Sender<u32>) {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    async fn next(signal: &mut Option<Signal>) {
        if let Some(signal) = signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
    let catch = |kind: SignalKind, name: &str| match signal(kind) {
        Ok(signal) => Some(signal),
        Err(error) => {
            tracing::warn!(%error, "{name} cannot be caught: it ends the program at once, and nothing is written.");
            None
        }
    };
    let mut interrupt = catch(SignalKind::interrupt(), "Ctrl+C");
    let mut terminate = catch(SignalKind::terminate(), "SIGTERM");
    let mut hangup = if is_hangup_ignored() { None } else { catch(SignalKind::hangup(), "SIGHUP") };
    loop {
        tokio::select! {
            () = next(&mut interrupt) => {}
            () = next(&mut terminate) => {}
            () = next(&mut hangup) => {}
        }
        heard.send_modify(|count| *count += 1);
    }
}

/// Whether this program was started such that it outlives its terminal. Known on Linux only.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is signal 1: the lowest bit.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
async fn hear(heard: watch::Sender<u32>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        heard.send_modify(|count| *count += 1);
    }
    heard.closed().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn being_told_to_end_is_waited_for_until_the_time_is_over() {
        let (heard, count) = watch::channel(0);
        let mut interruptions = Interruptions { count };
        let long = Duration::from_mins(1);
        let ends = tokio::time::timeout(long, interruptions.next_until(Some(Instant::now()))).await;
        assert!(ends.is_ok(), "nobody told it, and its time is over");
        heard.send_modify(|count| *count += 1);
        let ends = tokio::time::timeout(long, interruptions.next_until(Some(Instant::now() + 2 * long))).await;
        assert!(ends.is_ok(), "it was told before its time");
        heard.send_modify(|count| *count += 1);
        assert!(tokio::time::timeout(long, interruptions.next_until(None)).await.is_ok(), "it was told, and has no time");
    }
}
