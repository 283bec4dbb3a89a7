//! What is remembered for the next start: which profile was used last, and the window's own settings, which eframe writes.

use std::path::{Path, PathBuf};

use crate::{folders, written};

fn file() -> Option<PathBuf> {
    Some(folders::config()?.join("last-profile"))
}

/// The profile used last, if it is still there.
pub fn last_profile() -> Option<PathBuf> {
    let path = PathBuf::from(std::fs::read_to_string(file()?).ok()?.trim_end_matches('\n'));
    path.is_file().then_some(path)
}

/// Remembers a profile for the next start without arguments. Failing to is no reason not to go on.
pub fn remember_profile(path: &Path) {
    let remembered = file().zip(path.canonicalize().ok()).map(|(file, path)| remember(&file, &path));
    if let Some(Err(error)) = remembered {
        tracing::warn!("The profile could not be remembered for the next start: {error:#}");
    }
}

fn remember(file: &Path, profile: &Path) -> anyhow::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    written::whole(file, |part| Ok(std::fs::write(part, format!("{}\n", profile.display()))?))
}

/// Where eframe keeps what the window remembers.
fn settings_file() -> Option<PathBuf> {
    Some(eframe::storage_dir("switchboard")?.join("app.ron"))
}

/// To be called before the window opens. Its settings are written in place, so that a full disk or a kill may cut them off: those of
/// the last start that found them whole are kept beside them, and put back where that happened.
pub fn keep_settings() {
    match settings_file().map(|file| keep(&file)) {
        Some(Ok(Found::CutOff)) => tracing::warn!("The window's settings were cut off when they were written; those of the start before are back."),
        Some(Err(error)) => tracing::warn!("The window's settings could not be kept: {error:#}"),
        Some(Ok(Found::AsTheyWere)) | None => {}
    }
}

/// To be called once the window is closed: tells where its settings could not be written.
pub fn check_settings() {
    if let Some(file) = settings_file().filter(|file| file.exists() && whole_settings(file).is_none()) {
        tracing::warn!("The window's settings could not be written to {}; make room on its disk.", file.display());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    AsTheyWere,
    CutOff,
}

fn keep(file: &Path) -> anyhow::Result<Found> {
    let beside = file.with_extension("ron.kept");
    let kept = whole_settings(&beside);
    match (whole_settings(file), kept) {
        (Some(now), kept) => {
            if kept.as_ref() != Some(&now) {
                written::whole(&beside, |part| Ok(std::fs::write(part, &now)?))?;
            }
            Ok(Found::AsTheyWere)
        }
        // Settings that somebody took away stay away.
        (None, Some(kept)) if file.exists() => {
            written::whole(file, |part| Ok(std::fs::write(part, &kept)?))?;
            Ok(Found::CutOff)
        }
        (None, _) => Ok(Found::AsTheyWere),
    }
}

/// Settings up to their end: a bracket at the beginning of a line, which stands nowhere else.
fn whole_settings(file: &Path) -> Option<Vec<u8>> {
    std::fs::read(file).ok().filter(|bytes| bytes.trim_ascii_end().ends_with(b"\n}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_cannot_be_remembered_leaves_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("made/last-profile");
        remember(&file, Path::new("/a/b.toml")).expect("written");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "/a/b.toml\n");
        // What is written first goes beside it, where something else lies.
        std::fs::create_dir(file.with_file_name(format!(".last-profile.{}.part", std::process::id()))).expect("made");
        assert!(remember(&file, Path::new("/a/c.toml")).is_err());
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "/a/b.toml\n");
    }

    #[test]
    fn settings_that_were_cut_off_are_those_of_the_start_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app.ron");
        let read = || std::fs::read_to_string(&file).expect("read");
        assert_eq!(keep(&file).expect("nothing yet"), Found::AsTheyWere);
        let first = "{\n    \"settings\": \"(version:1,panes:{\\n})\",\n    \"map\": \"()\",\n}";
        std::fs::write(&file, first).expect("written");
        assert_eq!(keep(&file).expect("kept"), Found::AsTheyWere);
        // Wherever a disk was full or the program was killed.
        for length in 0..first.len() {
            std::fs::write(&file, &first[..length]).expect("written");
            assert_eq!(keep(&file).expect("put back"), Found::CutOff, "{length}");
            assert_eq!(read(), first);
        }
        let second = first.replace("version:1", "version:2");
        std::fs::write(&file, &second).expect("written");
        assert_eq!(keep(&file).expect("kept"), Found::AsTheyWere);
        assert_eq!(read(), second);
        std::fs::write(&file, "").expect("written");
        keep(&file).expect("put back");
        assert_eq!(read(), second, "those of the last start, not of an earlier one");
        std::fs::remove_file(&file).expect("taken away");
        assert_eq!(keep(&file).expect("left"), Found::AsTheyWere);
        assert!(!file.exists(), "who took them away wants none");
    }
}
