//! Whether the desktop asks programs to keep still, as its own settings files say: GTK's and KDE's. Nothing is started and
//! nobody is asked for it.

use std::path::{Path, PathBuf};

/// A longer file is no settings file, bytes.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// Whether motion is to be reduced; false where the desktop does not say.
pub(crate) fn is_reduced() -> bool {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let folder = folder.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    folder.is_some_and(|folder| cfg!(target_os = "linux") && is_reduced_in(&folder))
}

fn is_reduced_in(folder: &Path) -> bool {
    let says = |file: &str, name: &str, still: &[&str]| {
        let path = folder.join(file);
        let is_small = std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= FILE_BYTES_MAX);
        let text = if is_small { std::fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
        text.lines().filter_map(|line| line.split_once('=')).any(|(key, value)| key.trim() == name && still.contains(&value.trim()))
    };
    says("gtk-4.0/settings.ini", "gtk-enable-animations", &["0", "false"])
        || says("gtk-3.0/settings.ini", "gtk-enable-animations", &["0", "false"])
        || says("kdeglobals", "AnimationDurationFactor", &["0", "0.0"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desktops_own_files_tell() {
        for (file, text, is) in [
            ("gtk-4.0/settings.ini", "[Settings]\ngtk-theme-name=Adwaita\ngtk-enable-animations = false\n", true),
            ("gtk-3.0/settings.ini", "[Settings]\ngtk-enable-animations=1\n", false),
            ("kdeglobals", "[KDE]\nAnimationDurationFactor=0\n", true),
            ("kdeglobals", "[KDE]\nAnimationDurationFactor=0.5\n", false),
            ("other", "gtk-enable-animations=0", false),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, text).expect("written");
            assert_eq!(is_reduced_in(folder.path()), is, "{file}: {text}");
        }
    }
}
