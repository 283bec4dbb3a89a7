//! The platform's folders for what a program keeps. Asked for here alone, by what a user starts: a test says where things lie.

use std::path::PathBuf;

use directories::ProjectDirs;

fn folders() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "switchboard")
}

/// For settings; `None` = the platform names none.
pub fn config() -> Option<PathBuf> {
    Some(folders()?.config_dir().to_owned())
}

/// For the ledger of all profiles; `None` = the platform names none.
pub fn data() -> Option<PathBuf> {
    Some(folders()?.data_dir().to_owned())
}
