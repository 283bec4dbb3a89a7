//! What goes to the terminal, or to where it was redirected: status lines and the program's own log. Neither can hold the program up
//! or end it: a pipe that nobody reads, one that was closed, a full disk. What a terminal would obey is written out, not obeyed.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::Context as _;

use switchboard_desk::hidden::written_out;

/// Lines that may wait for a reader.
const LINES_MAX: usize = 1_024;
/// A longer line is cut, characters.
const CHARS_MAX: usize = 4_096;
/// How long the last lines may take to be read.
const FLUSHED_WITHIN: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error, where standard output is taken by a report.
    Err,
}

/// Lines for whoever started the program, written by a thread of their own. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StatusLines {
    waiting: SyncSender<Waiting>,
    state: Arc<State>,
}

#[derive(Debug)]
enum Waiting {
    Line(String),
    /// Answered when all before it is written.
    Flush(SyncSender<()>),
}

#[derive(Debug, Default)]
struct State {
    is_closed: AtomicBool,
    /// Lines that found no room or could not be written, since this was last told.
    num_lost: AtomicU64,
}

impl StatusLines {
    /// Lines to a stream of this process.
    pub fn to(stream: Stream) -> anyhow::Result<Self> {
        match stream {
            Stream::Out => Self::to_writer(io::stdout()),
            Stream::Err => Self::to_writer(io::stderr()),
        }
    }

    fn to_writer(writer: impl Write + Send + 'static) -> anyhow::Result<Self> {
        let (waiting, inbox) = sync_channel(LINES_MAX);
        let state = Arc::new(State::default());
        let of_thread = Arc::clone(&state);
        std::thread::Builder::new()
            .name("status-lines".to_owned())
            .spawn(move || write_all(writer, &inbox, &of_thread))
            .context("no thread for status lines")?;
        Ok(Self { waiting, state })
    }

    /// Writes a line soon, and never waits for it.
    pub fn say(&self, line: &str) {
        let cut = line.char_indices().nth(CHARS_MAX).map_or(line, |(end, _)| &line[..end]);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.waiting.try_send(Waiting::Line(written_out(cut, |_| false).into_owned())) {
            self.state.num_lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes a text of several lines.
    pub fn say_all(&self, text: &str) {
        text.lines().for_each(|line| self.say(line));
    }

    /// Whether nobody reads any more, and never will.
    pub fn is_closed(&self) -> bool {
        self.state.is_closed.load(Ordering::Acquire)
    }

    /// Waits until all lines are written, for a second at most.
    pub fn flush(&self) {
        let (written, wait) = sync_channel(1);
        if self.waiting.try_send(Waiting::Flush(written)).is_ok() {
            let _late_or_done = wait.recv_timeout(FLUSHED_WITHIN);
        }
    }
}

fn write_all(mut writer: impl Write, inbox: &Receiver<Waiting>, state: &State) {
    while let Ok(waiting) = inbox.recv() {
        let line = match waiting {
            Waiting::Line(line) => line,
            Waiting::Flush(written) => {
                let _gone = written.send(());
                continue;
            }
        };
        if state.is_closed.load(Ordering::Acquire) {
            continue;
        }
        let num_lost = state.num_lost.swap(0, Ordering::Relaxed);
        let told = if num_lost == 0 { String::new() } else { format!("         {num_lost} lines could not be written here\n") };
        if let Err(error) = writer.write_all(format!("{told}{line}\n").as_bytes()).and_then(|()| writer.flush()) {
            state.num_lost.fetch_add(num_lost + 1, Ordering::Relaxed);
            if error.kind() == ErrorKind::BrokenPipe {
                state.is_closed.store(true, Ordering::Release);
            }
        }
    }
}

/// A writer for the program's own log: an event is one line, whatever stands in it.
#[derive(Clone, Debug)]
pub struct LogWriter(pub StatusLines);

impl Write for LogWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.0.say(text.strip_suffix('\n').unwrap_or(&text));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>, Arc<Mutex<Option<ErrorKind>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match *self.1.lock() {
                Some(kind) => Err(kind.into()),
                None => self.0.lock().write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().clone()).expect("text")
        }
    }

    #[test]
    fn lines_are_written_in_order_and_what_a_terminal_would_obey_is_shown() {
        let written = Shared::default();
        let lines = StatusLines::to_writer(written.clone()).expect("a thread");
        lines.say("one");
        lines.say("user\u{202e}gpj.exe \u{1b}[31m\nforged");
        lines.flush();
        assert_eq!(written.text(), "one\nuser\\u{202e}gpj.exe \\u{1b}[31m\\nforged\n");
        lines.say(&"x".repeat(1 << 20));
        lines.flush();
        assert!(written.text().len() < 10_000, "cut");
    }

    #[test]
    fn an_event_of_the_log_is_one_line() {
        let written = Shared::default();
        let lines = StatusLines::to_writer(written.clone()).expect("a thread");
        LogWriter(lines.clone()).write_all("WARN a\nERROR forged \u{202e}x\n".as_bytes()).expect("never fails");
        lines.say_all("first\nsecond \u{1b}]0;title\u{7}");
        lines.flush();
        assert_eq!(written.text(), "WARN a\\nERROR forged \\u{202e}x\nfirst\nsecond \\u{1b}]0;title\\u{7}\n");
    }

    #[test]
    fn a_full_disk_loses_lines_and_tells_so_and_a_closed_pipe_ends_them() {
        let written = Shared::default();
        let lines = StatusLines::to_writer(written.clone()).expect("a thread");
        *written.1.lock() = Some(ErrorKind::StorageFull);
        lines.say("one");
        lines.say("two");
        lines.flush();
        assert!(!lines.is_closed());
        *written.1.lock() = None;
        lines.say("three");
        lines.flush();
        assert_eq!(written.text(), "         2 lines could not be written here\nthree\n");
        *written.1.lock() = Some(ErrorKind::BrokenPipe);
        lines.say("four");
        lines.flush();
        assert!(lines.is_closed());
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody_up() {
        struct Stuck(Arc<Mutex<()>>, std::sync::mpsc::SyncSender<()>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _told_before = self.1.try_send(());
                drop(self.0.lock());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let pipe = Arc::new(Mutex::new(()));
        let (told, is_stuck) = sync_channel(1);
        let held = pipe.lock();
        let lines = StatusLines::to_writer(Stuck(Arc::clone(&pipe), told)).expect("a thread");
        lines.say("the line that is stuck");
        is_stuck.recv_timeout(Duration::from_secs(30)).expect("it is written");
        for _ in 0..10 * LINES_MAX {
            lines.say("a line");
        }
        lines.flush();
        assert!(lines.state.num_lost.load(Ordering::Relaxed) >= 9 * LINES_MAX as u64 - 1);
        drop(held);
    }
}
