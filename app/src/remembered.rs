//! The one thing that is remembered outside the window's own settings: which profile was used last.

use std::path::{Path, PathBuf};

fn file() -> Option<PathBuf> {
    Some(directories::ProjectDirs::from("", "", "switchboard")?.config_dir().join("last-profile"))
}

/// The profile used last, if it is still there.
pub fn last_profile() -> Option<PathBuf> {
    let path = PathBuf::from(std::fs::read_to_string(file()?).ok()?.trim_end_matches('\n'));
    path.is_file().then_some(path)
}

/// Remembers a profile for the next start without arguments. Failing to is no reason not to go on.
pub fn remember_profile(path: &Path) {
    let written = file().zip(path.canonicalize().ok()).map(|(file, path)| {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, format!("{}\n", path.display()))
    });
    if let Some(Err(error)) = written {
        tracing::warn!(%error, "The profile could not be remembered for the next start.");
    }
}
