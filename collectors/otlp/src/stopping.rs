//! The word that the source is being closed.

use tokio::sync::watch;

/// Whoever gives the word.
#[derive(Debug)]
pub(crate) struct Stop(watch::Sender<bool>);

/// Whoever waits for it.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn new() -> (Self, Stopping) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stopping(receiver))
    }

    pub(crate) fn tell(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Returns once the source is being closed.
    pub(crate) async fn told(&mut self) {
        // Whoever could tell being gone means the same.
        self.0.wait_for(|stopping| *stopping).await.ok();
    }
}
