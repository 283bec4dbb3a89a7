//! Ends clients that may be blocked in a library call, away from whoever waits for the stop.

use std::any::Any;
use std::collections::VecDeque;
use std::time::Duration;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// Clients that may wait to be destroyed; beyond it no new client is made until one is gone.
const MOST_WAITING: usize = 64;
/// Threads that destroy at the same time. They end when there is nothing left to destroy.
const MOST_THREADS: usize = 4;

struct Reaper {
    waiting: VecDeque<Box<dyn Any + Send>>,
    num_threads: usize,
    num_being_destroyed: usize,
}

static REAPER: Mutex<Reaper> = Mutex::new(Reaper { waiting: VecDeque::new(), num_threads: 0, num_being_destroyed: 0 });
static REAPED: Condvar = Condvar::new();

/// Hands a client over to be destroyed. Returns at once.
pub(crate) fn retire(client: Box<dyn Any + Send>) {
    let mut reaper = REAPER.lock();
    reaper.waiting.push_back(client);
    if reaper.num_threads >= MOST_THREADS {
        return;
    }
    reaper.num_threads += 1;
    let spawned = std::thread::Builder::new().name("switchboard-reaper".to_owned()).spawn(reap);
    if let Err(error) = spawned {
        tracing::error!("no thread to destroy a Kafka client: {error}");
        reaper.num_threads -= 1;
    }
}

fn reap() {
    let mut reaper = REAPER.lock();
    while let Some(client) = reaper.waiting.pop_front() {
        reaper.num_being_destroyed += 1;
        parking_lot::MutexGuard::unlocked(&mut reaper, || drop(client));
        reaper.num_being_destroyed -= 1;
        REAPED.notify_all();
    }
    reaper.num_threads -= 1;
    REAPED.notify_all();
}

/// Waits until a new client may be made: fewer than the bound wait to be destroyed. False when `stopped` says so first.
pub(crate) fn admit(stopped: &dyn Fn() -> bool) -> bool {
    let mut reaper = REAPER.lock();
    while reaper.waiting.len() + reaper.num_being_destroyed >= MOST_WAITING {
        if stopped() {
            return false;
        }
        REAPED.wait_for(&mut reaper, Duration::from_millis(50));
    }
    true
}

/// Waits until every client handed over is destroyed and the threads that did it have ended; false after the time.
pub(crate) fn wait_until_idle(timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    let mut reaper = REAPER.lock();
    while reaper.num_threads > 0 {
        if REAPED.wait_until(&mut reaper, deadline).timed_out() {
            return reaper.num_threads == 0;
        }
    }
    true
}
