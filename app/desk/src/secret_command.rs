//! Asks a command for a secret: beside everything else, for 10 s and 64 KiB at most. What it started ends with it, or with us.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// A command that has not ended by then is ended.
const ENDED_WITHIN: Duration = Duration::from_secs(10);
/// One that prints more is ended.
const PRINTED_MAX: usize = 64 << 10;

/// What the command prints, without the line's end; the reason, in words, where it gives none. Dropped, it ends the command.
pub(crate) async fn ask(command: &str) -> Result<String, String> {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut asked = Command::new(shell);
    asked.args([flag, command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(unix)]
    asked.process_group(0);
    let mut child = asked.spawn().map_err(|error| format!("it could not be started: {error}"))?;
    let mut group = Group(child.id());
    let printed = match tokio::time::timeout(ENDED_WITHIN, read(&mut child, &mut group)).await {
        Ok(printed) => printed,
        Err(_) => Err(format!("it did not end within {} s. Run it by hand to see why", ENDED_WITHIN.as_secs())),
    };
    drop(group);
    let text = String::from_utf8(printed?).map_err(|_| "what it printed is not text".to_owned())?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

async fn read(child: &mut Child, group: &mut Group) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("it could not be read: {error}");
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(PRINTED_MAX as u64 + 1).read_to_end(&mut printed).await.map_err(failed)?;
    }
    if printed.len() > PRINTED_MAX {
        return Err(format!("it printed more than {} KiB. Run it by hand to see what", PRINTED_MAX >> 10));
    }
    let status = child.wait().await.map_err(failed)?;
    // However it ended: its number may be another's by now.
    group.0 = None;
    if status.success() { Ok(printed) } else { Err(format!("it ended with {status}. Run it by hand to see why")) }
}

/// The processes that a command started, by the number of its first; they end when this is dropped.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.0.filter(|_| cfg!(unix)) else { return };
        // The shell that ran the command can end its group too; this takes some milliseconds.
        let ended = std::process::Command::new("sh")
            .args(["-c", &format!("kill -9 -{leader}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if let Err(error) = ended {
            tracing::warn!(%error, "What a secret's command started may still run.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn what_a_command_prints_is_the_secret_and_what_goes_wrong_is_told() {
        assert_eq!(ask("printf 'hidden\\r\\n'").await, Ok("hidden".to_owned()));
        assert_eq!(ask(":").await, Ok(String::new()));
        for (command, told) in [("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9"), ("printf '\\377'", "not text"), ("no-such-command", "127")] {
            let why = ask(command).await.expect_err(command);
            assert!(why.contains(told), "{command}: {why}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_number_of_one_that_has_ended_is_let_go_however_it_ended() {
        for command in [":", "exit 3", "kill -9 $$", "echo started; exit 1"] {
            let mut child = Command::new("sh").args(["-c", command]).stdout(Stdio::piped()).process_group(0).spawn().expect("started");
            let mut group = Group(child.id());
            assert!(group.0.is_some());
            let read = read(&mut child, &mut group).await;
            assert_eq!((read.is_ok(), group.0), (command == ":", None), "{command}");
        }
    }

    /// A time to sleep that no other run of these tests has.
    #[cfg(target_os = "linux")]
    fn mark(number: u32) -> String {
        format!("9753{number}{:07}", std::process::id())
    }

    /// Whether a process with this in its command line runs.
    #[cfg(target_os = "linux")]
    fn runs(mark: &str) -> bool {
        std::fs::read_dir("/proc").expect("a system with /proc").flatten().any(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(mark)
        })
    }

    #[cfg(target_os = "linux")]
    fn wait_until_gone(mark: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while runs(mark) {
            assert!(Instant::now() < deadline, "{mark} still runs");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn one_that_floods_is_ended_with_all_that_it_started() {
        let begun = Instant::now();
        let mark = mark(1);
        let why = ask(&format!("sleep {mark}.25 & yes")).await.expect_err("too much");
        assert!(why.contains("64 KiB"), "{why}");
        assert!(begun.elapsed() < ENDED_WITHIN, "it is not waited for");
        wait_until_gone(&mark);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn one_that_hangs_is_ended_with_all_that_it_started() {
        let begun = Instant::now();
        let mark = mark(2);
        let why = ask(&format!("sleep {mark}.25 & sleep {mark}.75")).await.expect_err("hangs");
        assert!(why.contains("10 s"), "{why}");
        assert!(begun.elapsed() >= ENDED_WITHIN);
        wait_until_gone(&mark);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn one_that_is_asked_no_more_is_ended() {
        let mark = mark(3);
        let asked = tokio::time::timeout(Duration::from_millis(300), ask(&format!("sleep {mark}.25 & sleep {mark}.75"))).await;
        assert!(asked.is_err());
        wait_until_gone(&mark);
    }
}
