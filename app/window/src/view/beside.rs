//! Work that is too long for a frame: done on a thread of its own, one piece at a time, while what was known stays shown.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

/// A place whose work is done beside the window.
pub(crate) struct Beside<T> {
    done: Option<Receiver<T>>,
}

impl<T> Default for Beside<T> {
    fn default() -> Self {
        Self { done: None }
    }
}

impl<T: Send + 'static> Beside<T> {
    /// Whether something is being done.
    pub(crate) fn is_busy(&self) -> bool {
        self.done.is_some()
    }

    /// Begins, and asks for a frame once it is done; what was begun before is nobody's any more. False if there is no thread
    /// for it: then it is to be done in place.
    pub(crate) fn begin(&mut self, name: &'static str, ctx: &egui::Context, work: impl FnOnce() -> T + Send + 'static) -> bool {
        let (sender, receiver) = sync_channel(1);
        let ctx = ctx.clone();
        let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // The window may be gone by now; then nobody wants it.
            if sender.send(work()).is_ok() {
                ctx.request_repaint();
            }
        });
        self.done = spawned.is_ok().then_some(receiver);
        if let Err(error) = spawned {
            tracing::error!(%error, work = name, "No thread for work beside the window; it is done in the window's own.");
        }
        self.is_busy()
    }

    /// What was done, once.
    pub(crate) fn take(&mut self) -> Option<T> {
        match self.done.as_ref()?.try_recv() {
            Err(TryRecvError::Empty) => None,
            done => {
                self.done = None;
                done.ok()
            }
        }
    }
}
