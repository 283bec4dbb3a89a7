//! What the session wants of a running collector, shared with its threads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use switchboard_model::{SourceCommand, TailFrom};

use crate::config::Config;

/// Names of one kind that are remembered; further ones are counted and left out.
const MOST_NAMES: usize = 10_000;

/// Everything that was wished so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Channels named by spans.
    pub seen: BTreeSet<String>,
    /// Groups named by the profile, then by spans, in the order they came up.
    pub groups: Vec<String>,
    /// Channels to tail by profile, and from where.
    pub tails: BTreeMap<String, TailFrom>,
    /// Dead-letter channels besides those found by name.
    pub dead_letter: BTreeSet<String>,
    /// Names that found no room.
    pub num_left_out: u64,
    /// Of these, names of the last command that told all that was seen.
    num_seen_left_out: u64,
    /// The groups, to find them by name.
    followed: BTreeSet<String>,
}

impl Wishes {
    fn new(config: &Config) -> Self {
        let mut wishes =
            Self { tails: config.tail.iter().cloned().collect(), dead_letter: config.dead_letter_channels.iter().cloned().collect(), ..Self::default() };
        for group in &config.groups {
            wishes.num_left_out += u64::from(!wishes.follow(group));
        }
        wishes
    }

    /// False if a group found no room.
    fn follow(&mut self, group: &str) -> bool {
        if group.is_empty() || self.followed.contains(group) {
            return true;
        }
        if self.groups.len() >= MOST_NAMES {
            return false;
        }
        self.groups.push(group.to_owned());
        self.followed.insert(group.to_owned())
    }

    /// Takes a command in. False if nothing changed.
    fn apply(&mut self, command: SourceCommand) -> bool {
        match command {
            SourceCommand::Refresh => true,
            SourceCommand::Seen { channels, groups } => {
                let before = (self.seen.len(), self.groups.len(), self.num_left_out);
                // All that was seen is told each time: what found no room before is among it again.
                self.num_left_out -= std::mem::take(&mut self.num_seen_left_out);
                for channel in channels {
                    if self.seen.len() < MOST_NAMES || self.seen.contains(&channel) {
                        self.seen.insert(channel);
                    } else {
                        self.num_seen_left_out += 1;
                    }
                }
                for group in groups {
                    self.num_seen_left_out += u64::from(!self.follow(&group));
                }
                self.num_left_out += self.num_seen_left_out;
                before != (self.seen.len(), self.groups.len(), self.num_left_out)
            }
        }
    }
}

struct State {
    wishes: Wishes,
    version: u64,
    refresh: bool,
    num_running: usize,
}

/// The shared end of a collector: wishes in, stop flag, and who still runs.
pub(crate) struct Control {
    state: Mutex<State>,
    changed: Condvar,
    stopped: AtomicBool,
    ended: tokio::sync::Notify,
}

impl Control {
    pub fn new(config: &Config) -> Self {
        Self {
            state: Mutex::new(State { wishes: Wishes::new(config), version: 1, refresh: false, num_running: 0 }),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
            ended: tokio::sync::Notify::new(),
        }
    }

    /// Takes a command; never blocks for longer than a copy of the wishes takes.
    pub fn command(&self, command: SourceCommand) {
        let mut state = self.state.lock();
        let refresh = command == SourceCommand::Refresh;
        if state.wishes.apply(command) {
            state.version += 1;
            state.refresh |= refresh;
            self.changed.notify_all();
        }
    }

    /// The wishes, if they changed since this version.
    pub fn wishes_since(&self, version: &mut u64) -> Option<Wishes> {
        let state = self.state.lock();
        if state.version == *version {
            return None;
        }
        *version = state.version;
        Some(state.wishes.clone())
    }

    /// Waits until the time is over, a refresh is asked for, wishes are newer than this version, or the stop.
    /// Returns whether a refresh is due.
    pub fn wait(&self, timeout: Duration, version: u64) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        loop {
            if std::mem::take(&mut state.refresh) {
                return true;
            }
            if self.is_stopped() || state.version != version {
                return false;
            }
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return true;
            }
        }
    }

    pub fn stop(&self) {
        let _state = self.state.lock();
        self.stopped.store(true, Ordering::SeqCst);
        self.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Says that a thread of this collector runs until the guard goes.
    pub fn running(self: &std::sync::Arc<Self>) -> Running {
        self.state.lock().num_running += 1;
        Running { control: std::sync::Arc::clone(self) }
    }

    /// Waits until no thread runs, at most so long.
    pub async fn wait_until_ended(&self, timeout: Duration) {
        let all_ended = async {
            loop {
                let ended = self.ended.notified();
                if self.state.lock().num_running == 0 {
                    return;
                }
                ended.await;
            }
        };
        let _ = tokio::time::timeout(timeout, all_ended).await;
    }
}

/// A thread that runs.
pub(crate) struct Running {
    control: std::sync::Arc<Control>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.state.lock().num_running -= 1;
        self.control.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_find_no_room_are_counted_once_however_often_they_are_told() {
        let control = Control::new(&Config::new("k", "b"));
        let mut version = 0;
        let groups: Vec<String> = (0..MOST_NAMES + 2).map(|number| format!("group-{number}")).collect();
        for _ in 0..3 {
            control.command(SourceCommand::Seen { channels: vec!["orders".to_owned()], groups: groups.clone() });
        }
        let wishes = control.wishes_since(&mut version).expect("changed");
        assert_eq!((wishes.groups.len(), wishes.num_left_out), (MOST_NAMES, 2));
        control.command(SourceCommand::Seen { channels: vec!["more".to_owned()], groups: groups[..=MOST_NAMES].to_vec() });
        assert_eq!(control.wishes_since(&mut version).expect("changed").num_left_out, 1);
    }

    #[test]
    fn wishes_of_profile_and_spans_add_up() {
        let mut config = Config::new("k", "b");
        config.groups = vec!["a".to_owned(), "a".to_owned()];
        config.tail = vec![("orders".to_owned(), TailFrom::Beginning)];
        let control = Control::new(&config);
        let mut version = 0;
        assert_eq!(control.wishes_since(&mut version).expect("first").groups, ["a"]);
        control.command(SourceCommand::Seen { channels: vec!["orders".to_owned()], groups: vec!["b".to_owned(), "a".to_owned()] });
        control.command(SourceCommand::Seen { channels: vec!["orders".to_owned()], groups: vec![] });
        let wishes = control.wishes_since(&mut version).expect("changed");
        assert_eq!(wishes.groups, ["a", "b"]);
        assert_eq!((wishes.tails["orders"], wishes.seen.contains("orders")), (TailFrom::Beginning, true));
        control.command(SourceCommand::Seen { channels: vec!["orders".to_owned()], groups: vec![] });
        assert!(control.wishes_since(&mut version).is_none());
    }

    #[test]
    fn names_are_bounded() {
        let control = Control::new(&Config::new("k", "b"));
        let channels = (0..MOST_NAMES + 5).map(|n| n.to_string()).collect();
        control.command(SourceCommand::Seen { channels, groups: vec![] });
        let wishes = control.wishes_since(&mut 0).expect("changed");
        assert_eq!((wishes.seen.len(), wishes.num_left_out), (MOST_NAMES, 5));
    }
}
