//! Where ledgers lie: one file a profile, in the platform's folder for data.

use std::path::PathBuf;

/// The ledger of a profile; `None` where the platform names no folder for data.
pub fn ledger_path(profile_name: &str) -> Option<PathBuf> {
    let folder = directories::ProjectDirs::from("", "", "switchboard")?.data_dir().join("ledgers");
    Some(folder.join(file_name(profile_name)))
}

/// A name that every file system takes, and that differs where names differ.
fn file_name(profile_name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let plain: String = profile_name.chars().take(48).map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == profile_name && !plain.is_empty() {
        return format!("{plain}.sqlite");
    }
    let tag = super::KindHash::of(None, profile_name).0 as u32;
    format!("{plain}-{tag:08x}.sqlite")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_has_a_file_of_its_own_that_any_file_system_takes() {
        assert_eq!(file_name("compose-local"), "compose-local.sqlite");
        let names = ["", "../../etc/passwd", "A", "a", "é", "e/", "e\\", "CON:", &"x".repeat(300), &"x".repeat(301)];
        let files: Vec<String> = names.iter().map(|name| file_name(name)).collect();
        for (at, file) in files.iter().enumerate() {
            assert!(file.len() < 80 && file.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c)), "{file}");
            assert!(!files[..at].contains(file), "{file} twice");
        }
    }
}
