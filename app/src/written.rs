//! Files that were asked for on the command line: looked at before anything starts, written beside and renamed, so that a full disk
//! never leaves half a file over a good one.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;
use switchboard_desk::hidden::is_hidden;

/// Stands for standard output.
const STANDARD_OUTPUT: &str = "-";

/// Whether a file's name means standard output.
pub fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == STANDARD_OUTPUT
}

/// An error if this file cannot be written; leaves nothing behind.
pub fn check(what: &str, path: &Path) -> anyhow::Result<()> {
    let tried = match beside(path) {
        // Opening a pipe would wait for its reader.
        _ if is_written_in_place(path) => Ok(()),
        Some(part) if !path.is_dir() => std::fs::File::create(&part).map(|file| {
            drop(file);
            // Empty, and written over later if it stays.
            let _left_behind_at_worst = std::fs::remove_file(&part);
        }),
        _ => Err(io::ErrorKind::IsADirectory.into()),
    };
    tried.with_context(|| format!("the {what} cannot be written to {}; choose a file in a folder that exists and may be written to", path.display()))
}

/// Lets `write` write a file beside, and puts it in its place once it is whole and on the disk.
pub fn whole(path: &Path, write: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if is_written_in_place(path) {
        return write(path);
    }
    let part = beside(path).context("it has no name")?;
    let written = write(&part).and_then(|()| {
        // Opened for writing: some systems bring nothing else to the disk.
        let file = std::fs::OpenOptions::new().write(true).open(&part)?;
        if let Ok(before) = std::fs::metadata(path) {
            // Whoever could read it before can read it after.
            file.set_permissions(before.permissions())?;
        }
        file.sync_all()?;
        std::fs::rename(&part, target(path))?;
        Ok(())
    });
    if written.is_err() {
        let _left_behind_at_worst = std::fs::remove_file(&part);
    }
    written
}

/// Writes a text, to standard output where the name is `-`.
pub fn text(what: &str, path: &Path, text: &str) -> anyhow::Result<()> {
    if is_standard_output(path) {
        let mut out = io::stdout().lock();
        return out.write_all(text.as_bytes()).and_then(|()| out.flush()).with_context(|| format!("the {what} could not be written to standard output"));
    }
    whole(path, |part| Ok(std::fs::write(part, text)?)).with_context(|| format!("the {what} could not be written to {}", path.display()))
}

/// Writes JSON to standard output. Where that cannot be written it is logged: how it ended is known all the same, and is the exit code.
pub fn json(what: &str, value: &Value) {
    if let Err(error) = text(what, Path::new(STANDARD_OUTPUT), &harmless(&format!("{value:#}\n"))) {
        tracing::error!("{error:#}");
    }
}

/// JSON as it can be shown: whatever a terminal would obey is written as JSON's own escape. Such characters stand within its texts only, but for line ends.
fn harmless(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_hidden(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| shown.push_str(&format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A device or a pipe has no place beside it that could be renamed.
fn is_written_in_place(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// The file itself, where its name is a link to it.
fn target(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn beside(path: &Path) -> Option<PathBuf> {
    let target = target(path);
    let name = target.file_name()?.to_string_lossy().into_owned();
    Some(target.with_file_name(format!(".{name}.{}.part", std::process::id())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_an_escape_and_means_the_same() {
        let said = serde_json::json!({ "body": "a\u{9b}31m\u{202e}b\u{7f}\u{e0041} größer ☂ 😀\n", "\u{feff}": ["\u{1b}]0;title\u{7}"] });
        let shown = harmless(&format!("{said:#}\n"));
        assert!(shown.chars().all(|c| c == '\n' || !is_hidden(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), said);
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("r.json");
        check("report", &path).expect("can be written");
        assert!(!path.exists(), "looking leaves nothing behind");
        text("report", &path, "one").expect("written");
        let failed = whole(&path, |part| {
            std::fs::write(part, "tw")?;
            anyhow::bail!("the disk is full")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read_to_string(&path).expect("there"), "one");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "no part is left behind");
    }

    #[test]
    fn what_cannot_be_written_is_told_before_with_the_next_step() {
        let folder = tempfile::tempdir().expect("a folder");
        for path in [folder.path().to_owned(), folder.path().join("no/such/folder/r.json"), PathBuf::new(), PathBuf::from("/")] {
            let error = format!("{:#}", check("report", &path).expect_err("cannot be written"));
            assert!(error.contains("the report cannot be written to") && error.contains("choose a file"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "old").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        text("report", &link, "new").expect("written");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).expect("there"), "new");
        check("report", Path::new("/dev/null")).expect("a device");
        text("report", Path::new("/dev/null"), "gone").expect("a device");
        assert!(!Path::new("/dev/null").is_file());
        let full = text("report", Path::new("/dev/full"), "gone");
        assert!(full.is_err() || !Path::new("/dev/full").exists());
    }
}
