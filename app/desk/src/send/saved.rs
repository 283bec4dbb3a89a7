//! Requests in files: a folder of plain text, one request a file, beside the profile. It may come from anyone, so what it says is data: no name
//! leads out of the folder, and what is no request is told and left alone.

mod imported;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::send::draft::Draft;
use crate::send::plan::Files;

pub(crate) use imported::save_imported;

/// The file beside the requests that holds the environments: a table each, of names and values.
const ENVIRONMENTS: &str = "environments.toml";
/// Files of a folder that are looked at.
const MAX_FILES: usize = 2_000;
/// Folders within folders.
const MAX_DEPTH: usize = 8;
/// A file that a request names, bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// A file of requests or environments, bytes.
const TEXT_BYTES_MAX: u64 = 4 << 20;

/// The requests that are kept, as they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedBoard {
    /// Where they lie; `None` = nowhere: the profile names no folder, or is itself not kept.
    pub folder: Option<PathBuf>,
    /// By their paths below it, without ending.
    pub requests: BTreeMap<String, Arc<Draft>>,
    /// Values of variables, by environment and name.
    pub environments: BTreeMap<String, BTreeMap<String, String>>,
    /// Files that are none of these, and why.
    pub mistakes: Vec<String>,
}

impl SavedBoard {
    /// Reads a folder; one that is not there has nothing in it.
    pub fn read(folder: &Path) -> Self {
        let mut board = Self { folder: Some(folder.to_owned()), ..Self::default() };
        let mut num_files = 0;
        board.read_below(folder, "", 0, &mut num_files);
        board
    }

    fn read_below(&mut self, folder: &Path, prefix: &str, depth: usize, num_files: &mut usize) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let mut entries: Vec<_> = entries.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            // What a link leads to may lie anywhere.
            let Some(kind) = entry.file_type().ok().filter(|kind| !kind.is_symlink()) else { continue };
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth < MAX_DEPTH {
                self.read_below(&entry.path(), &format!("{prefix}{name}/"), depth + 1, num_files);
            } else if let Some(stem) = name.strip_suffix(".toml").filter(|_| kind.is_file()) {
                *num_files += 1;
                if *num_files > MAX_FILES {
                    self.mistakes.push(format!("{prefix}{name}: the folder has more than {MAX_FILES} files; the rest is left out"));
                    return;
                }
                self.read_file(&entry.path(), &format!("{prefix}{stem}"), prefix.is_empty() && name == ENVIRONMENTS);
            }
        }
    }

    fn read_file(&mut self, path: &Path, name: &str, is_environments: bool) {
        let text = match read(path, TEXT_BYTES_MAX).and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not text".to_owned())) {
            Ok(text) => text,
            Err(reason) => return self.mistakes.push(format!("{name}: {reason}")),
        };
        if is_environments {
            match toml::from_str(&text) {
                Ok(environments) => self.environments = environments,
                Err(error) => self.mistakes.push(format!("{name}: {}. Write a table for each environment, of names and texts", first_line(error.message()))),
            }
        } else {
            match Draft::parse(&text) {
                Ok(draft) => drop(self.requests.insert(name.to_owned(), Arc::new(draft))),
                Err(error) => self.mistakes.push(format!("{name}: {error}")),
            }
        }
    }

    /// Values of an environment; of none there are none.
    pub fn variables(&self, environment: Option<&str>) -> BTreeMap<String, String> {
        environment.and_then(|name| self.environments.get(name)).cloned().unwrap_or_default()
    }
}

/// Where something lies that is named below a folder; an error where the name leads out of it.
pub(crate) fn inside(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let path = Path::new(name);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if path.is_absolute() {
        return Err(format!(
            "`{}` lies outside of the folder of requests, which is all that is read; copy it to {} and name it from there",
            shown(name),
            folder.display()
        ));
    }
    if name.is_empty() || !stays || name.contains('\\') {
        return Err(format!("`{}` leads out of the folder of requests; write a name below it", shown(name)));
    }
    let full = folder.join(path);
    // Also where a link on the way leads elsewhere: of what is not there yet, the nearest folder that is.
    if let (Some(nearest), Ok(home)) = (full.ancestors().find(|path| path.symlink_metadata().is_ok()), folder.canonicalize())
        && !nearest.canonicalize().is_ok_and(|found| found.starts_with(&home))
    {
        return Err(format!("`{}` is a link that leads out of the folder of requests", shown(name)));
    }
    Ok(full)
}

/// Writes a file beside the one that it is to be, where nothing is: a link that lies there is taken away, and what it leads to stays as it is.
fn write_beside(path: &Path, ending: &str, text: &str) -> std::io::Result<PathBuf> {
    use std::io::Write as _;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let beside = path.with_extension(ending);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::File::create_new(&beside)?;
    file.write_all(text.as_bytes())?;
    // What takes the place of another is on the disk before.
    file.sync_all()?;
    Ok(beside)
}

/// Writes a file that is not there yet, and whole; an error of its own kind where it is there by then.
fn place_new(path: &Path, ending: &str, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let beside = write_beside(path, ending, text)?;
    let placed = std::fs::hard_link(&beside, path).or_else(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Err(error),
        // Not every file system has links.
        _ => std::fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes())),
    });
    let _taken_away = std::fs::remove_file(&beside);
    placed
}

/// The file of a request; an error where none can be called so.
fn request_path(folder: &Path, name: &str) -> Result<PathBuf, String> {
    inside(folder, name)?;
    let path = inside(folder, &format!("{name}.toml"))?;
    if Path::new(name).components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')) || format!("{name}.toml") == ENVIRONMENTS {
        return Err(format!("`{}` cannot be the name of a request; choose another", shown(name)));
    }
    Ok(path)
}

/// Reads the files that a draft names, which lie in its folder.
pub(crate) fn files(folder: Option<&Path>, names: &[&str]) -> Result<Files, String> {
    let mut files = Files::new();
    for name in names {
        let folder = folder.ok_or_else(|| format!("`{}` cannot be found: these requests lie in no folder. Save the request first", shown(name)))?;
        let bytes = read(&inside(folder, name)?, FILE_BYTES_MAX).map_err(|reason| format!("{}: {reason}", shown(name)))?;
        files.insert((*name).to_owned(), Bytes::from(bytes));
    }
    Ok(files)
}

/// Writes a request into its file, beside and then in its place.
pub(crate) fn save(folder: &Path, name: &str, draft: &Draft) -> Result<(), String> {
    let path = request_path(folder, name)?;
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let beside = write_beside(&path, "toml.new", &draft.to_text()).map_err(failed)?;
    std::fs::rename(&beside, &path).map_err(failed)
}

/// Writes a `.proto` into a file that is not there yet, or holds the same: beside it, and then in its place unless another is there by then.
pub(crate) fn save_proto(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = inside(folder, name)?;
    if path.extension().is_none_or(|ending| ending != "proto") {
        return Err(format!("`{}` is no name of a .proto", shown(name)));
    }
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    match place_new(&path, "proto.new", text) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let is_same = read(&path, TEXT_BYTES_MAX).is_ok_and(|bytes| bytes == text.as_bytes());
            let other = || format!("{} is there with other contents. Take it away first, or name it under Schema as it is", path.display());
            if is_same { Ok(()) } else { Err(other()) }
        }
        Err(error) => Err(failed(error)),
    }
}

/// Takes a request's file away.
pub(crate) fn remove(folder: &Path, name: &str) -> Result<(), String> {
    inside(folder, name)?;
    let path = inside(folder, &format!("{name}.toml"))?;
    std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A file of a length that is bounded; a pipe or a device is none.
fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let is_file = std::fs::metadata(path).map_err(|error| error.to_string())?.is_file();
    if !is_file {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > bytes_max {
        return Err(format!("it is longer than {} MiB", bytes_max >> 20));
    }
    Ok(bytes)
}

/// A name as it can be shown, wherever it comes from.
pub(crate) fn shown(name: &str) -> String {
    name.chars().take(120).collect::<String>().escape_debug().to_string()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::draft::RequestKind;

    #[test]
    fn requests_are_read_as_they_were_saved_and_what_is_none_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        assert_eq!(SavedBoard::read(&folder.join("none")).requests, BTreeMap::new());
        for kind in RequestKind::ALL {
            save(folder, &format!("orders/{}", kind.word()), &Draft::blank(kind)).expect("written");
        }
        std::fs::write(folder.join(ENVIRONMENTS), "[local]\nbase = \"http://h\"\n").expect("written");
        std::fs::write(folder.join("bad.toml"), "[http]\nurll = 1").expect("written");
        std::fs::write(folder.join("notes.txt"), "x").expect("written");
        let board = SavedBoard::read(folder);
        assert_eq!(board.requests.keys().collect::<Vec<_>>(), ["orders/HTTP", "orders/gRPC", "orders/record"]);
        assert_eq!(board.variables(Some("local"))["base"], "http://h");
        assert!(board.variables(None).is_empty() && board.variables(Some("other")).is_empty());
        assert!(board.mistakes.len() == 1 && board.mistakes[0].starts_with("bad: line 2: unknown field"), "{:?}", board.mistakes);
        remove(folder, "orders/HTTP").expect("there");
        assert_eq!(SavedBoard::read(folder).requests.len(), 2);
        assert!(save(folder, "environments", &Draft::blank(RequestKind::Http)).is_err());
    }

    #[test]
    fn a_proto_is_written_once_and_never_over_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        for _ in 0..2 {
            save_proto(folder, "imported/shop.Orders.proto", "syntax = \"proto3\";").expect("written, and the same again");
        }
        assert!(save_proto(folder, "imported/shop.Orders.proto", "other").expect_err("it is there").contains("other contents"));
        let files = files(Some(folder), &["imported/shop.Orders.proto"]).expect("read");
        assert_eq!(files["imported/shop.Orders.proto"], "syntax = \"proto3\";");
        for name in ["../a.proto", "/tmp/a.proto", "a.toml", ""] {
            assert!(save_proto(folder, name, "x").is_err(), "{name}");
        }
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let around = tempfile::tempdir().expect("a folder");
        let folder = around.path().join("requests");
        std::fs::create_dir(&folder).expect("made");
        std::fs::write(around.path().join("secret"), "x").expect("written");
        for name in ["../secret", "/etc/passwd", "a/../../secret", "", "..", "a\\..\\b", "~/../secret"] {
            let is_inside = inside(&folder, name).is_ok();
            assert!(!is_inside && files(Some(&folder), &[name]).is_err() && save(&folder, name, &Draft::blank(RequestKind::Http)).is_err(), "{name}");
        }
        assert!(inside(&folder, "/etc/ca.pem").expect_err("outside").contains("copy it to "));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(around.path().join("secret"), folder.join("link")).expect("made");
            assert!(files(Some(&folder), &["link"]).expect_err("outside").contains("leads out"));
            let outside = around.path().join("outside");
            std::fs::create_dir(&outside).expect("made");
            std::os::unix::fs::symlink(&outside, folder.join("imported")).expect("made");
            std::os::unix::fs::symlink(around.path().join("nothing"), folder.join("nothing.proto")).expect("made");
            std::os::unix::fs::symlink(around.path().join("secret"), folder.join("kept.toml.new")).expect("made");
            for name in ["imported/a.proto", "imported/deep/er/a.proto", "nothing.proto"] {
                assert!(save_proto(&folder, name, "x").expect_err(name).contains("leads out"), "{name}");
            }
            assert!(save(&folder, "imported/deep/a", &Draft::blank(RequestKind::Http)).expect_err("outside").contains("leads out"));
            save(&folder, "kept", &Draft::blank(RequestKind::Http)).expect("written inside");
            assert_eq!(std::fs::read_to_string(around.path().join("secret")).expect("there"), "x");
            assert_eq!(std::fs::read_dir(&outside).expect("there").count(), 0);
            assert!(!around.path().join("nothing").exists() && SavedBoard::read(&folder).requests.contains_key("kept"));
        }
        assert!(files(None, &["a"]).expect_err("nowhere").contains("Save the request first"));
    }

    #[test]
    #[cfg(unix)]
    fn what_never_ends_is_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(read(Path::new("/dev/zero"), 10).is_err() && read(folder.path(), 10).is_err());
    }
}
