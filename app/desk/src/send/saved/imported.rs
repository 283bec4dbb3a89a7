//! Requests that were imported, several at once: files that are not there yet, and the variables that they name in an environment that is not there yet.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::{ENVIRONMENTS, TEXT_BYTES_MAX, first_line, inside, place_new, read, request_path, shown, write_beside};
use crate::send::draft::Draft;

/// Names that are tried for one request.
const NUMBERS_MAX: usize = 1_000;

type Variables = BTreeMap<String, String>;

/// Writes the variables first, for requests without them cannot be sent, and then the requests: each under its name, or where another has that under its
/// name and a number. What is there already, with the same contents, is not written twice.
pub(crate) fn save_imported(folder: &Path, requests: &[(String, Arc<Draft>)], environment: &str, variables: &Variables) -> Result<(), String> {
    for (name, _) in requests {
        request_path(folder, name)?;
    }
    if !variables.is_empty() {
        add_environment(folder, environment, variables)?;
    }
    for (num_saved, (name, draft)) in requests.iter().enumerate() {
        place(folder, name, draft).map_err(|reason| format!("{num_saved} of {} were saved. {reason}", requests.len()))?;
    }
    Ok(())
}

fn place(folder: &Path, name: &str, draft: &Draft) -> Result<(), String> {
    let text = draft.to_text();
    for number in 1..=NUMBERS_MAX {
        let path = request_path(folder, &if number == 1 { name.to_owned() } else { format!("{name} {number}") })?;
        match place_new(&path, "toml.new", &text) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if read(&path, TEXT_BYTES_MAX).is_ok_and(|bytes| bytes == text.as_bytes()) {
                    return Ok(());
                }
            }
            placed => return placed.map_err(|error| format!("{}: {error}", path.display())),
        }
    }
    Err(format!("`{}` has {NUMBERS_MAX} of its name already. Take some away", shown(name)))
}

/// Adds an environment behind what stands in the file, which stays byte for byte.
fn add_environment(folder: &Path, environment: &str, variables: &Variables) -> Result<(), String> {
    let path = inside(folder, ENVIRONMENTS)?;
    let failed = |reason: &dyn std::fmt::Display| format!("{ENVIRONMENTS}: {reason}");
    let text = if path.exists() {
        String::from_utf8(read(&path, TEXT_BYTES_MAX).map_err(|reason| failed(&reason))?).map_err(|_| failed(&"it is not text"))?
    } else {
        String::new()
    };
    let parse = |text: &str| toml::from_str::<BTreeMap<String, Variables>>(text);
    let before = parse(&text).map_err(|error| failed(&format!("{}. Mend it first, and save again", first_line(error.message()))))?;
    if let Some(kept) = before.get(environment) {
        let is_same = variables.iter().all(|(name, value)| kept.get(name) == Some(value));
        return if is_same { Ok(()) } else { Err(failed(&format!("`{}` has other values by now. Save again", shown(environment)))) };
    }
    let table = toml::to_string(&BTreeMap::from([(environment, variables)])).map_err(|error| failed(&error))?;
    let gap = match text.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let written = format!("{text}{gap}{table}");
    let after = parse(&written).map_err(|error| failed(&first_line(error.message())))?;
    if after.len() != before.len() + 1 || !before.iter().all(|(name, kept)| after.get(name) == Some(kept)) {
        return Err(failed(&"nothing can be added to it by itself. Write the table by hand"));
    }
    let beside = write_beside(&path, "toml.new", &written).map_err(|error| failed(&error))?;
    if let Ok(kept) = std::fs::metadata(&path) {
        std::fs::set_permissions(&beside, kept.permissions()).map_err(|error| failed(&error))?;
    }
    std::fs::rename(&beside, &path).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::{
        draft::RequestKind,
        saved::{SavedBoard, save},
    };

    fn variables(base: &str) -> Variables {
        std::iter::once(("base".to_owned(), base.to_owned())).collect()
    }

    fn blank(names: &[&str]) -> Vec<(String, Arc<Draft>)> {
        names.iter().map(|name| ((*name).to_owned(), Arc::new(Draft::blank(RequestKind::Http)))).collect()
    }

    /// All files below a folder, by their paths.
    fn all(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
        let (mut folders, mut files) = (vec![folder.to_owned()], BTreeMap::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let bytes = std::fs::read(&entry).expect("a file");
                    files.insert(entry, bytes);
                }
            }
        }
        files
    }

    #[test]
    fn several_are_written_with_their_variables_beside_what_is_there() {
        for kept in ["", "# ours\n[local] # here\nsku = \"A-1\"\n", "[local]\r\nsku = 'A'\r\n[\"stage one\"]\nbase = '''\r\nx'''"] {
            let folder = tempfile::tempdir().expect("a folder");
            let (folder, path) = (folder.path(), folder.path().join(ENVIRONMENTS));
            std::fs::write(&path, kept).expect("written");
            let before = SavedBoard::read(folder).environments;
            save_imported(folder, &blank(&["imported/a", "imported/b"]), "imported", &variables("http://h:1")).expect("written");
            let board = SavedBoard::read(folder);
            assert_eq!(board.requests.keys().collect::<Vec<_>>(), ["imported/a", "imported/b"]);
            assert_eq!((board.variables(Some("imported")), board.environments.len()), (variables("http://h:1"), before.len() + 1));
            let text = std::fs::read_to_string(&path).expect("there");
            assert!(text.starts_with(kept), "nothing else is touched: {text}");
            let written = all(folder);
            save_imported(folder, &blank(&["imported/a"]), "imported", &variables("http://h:1")).expect("the same is there");
            assert_eq!(all(folder), written);
        }
    }

    #[test]
    fn what_is_there_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let path = folder.join(ENVIRONMENTS);
        std::fs::write(&path, "[local]\nbase = \"http://mine\"\n").expect("written");
        save(folder, "imported/a", &Draft::blank(RequestKind::Record)).expect("written");
        std::fs::write(folder.join("imported/b.toml"), "no request").expect("written");
        let before = all(folder);
        for (names, environment, variables, reason) in [
            (["imported/c", "../b"], "local", BTreeMap::new(), "leads out"),
            (["imported/c", ".d"], "local", BTreeMap::new(), "cannot be the name"),
            (["imported/c", "imported/d"], "local", variables("http://other"), "has other values"),
        ] {
            let error = save_imported(folder, &blank(&names), environment, &variables).expect_err(reason);
            assert!(error.contains(reason), "{error}");
            assert_eq!(all(folder), before, "{reason}");
        }
        let http = Draft::blank(RequestKind::Http);
        let two = [("imported/b".to_owned(), Arc::new(Draft { name: "one".to_owned(), ..http.clone() })), ("imported/b".to_owned(), Arc::new(http))];
        let requests: Vec<_> = blank(&["imported/a"]).into_iter().chain(two).collect();
        save_imported(folder, &requests, "local", &BTreeMap::new()).expect("beside them");
        let names: Vec<_> = all(folder).into_keys().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect();
        assert_eq!(names, [ENVIRONMENTS, "a 2.toml", "a.toml", "b 2.toml", "b 3.toml", "b.toml"]);
        assert!(before.iter().all(|(path, bytes)| std::fs::read(path).expect("there") == *bytes));
        for broken in ["[local\n", "port = 8080\n", "local = 1\n"] {
            std::fs::write(&path, broken).expect("written");
            assert!(save_imported(folder, &[], "imported", &variables("x")).expect_err(broken).contains("Mend it first"), "{broken}");
            assert_eq!(std::fs::read_to_string(&path).expect("there"), broken, "what cannot be read is left alone");
        }
    }

    #[test]
    #[cfg(unix)]
    fn who_may_read_environments_stays_so() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(ENVIRONMENTS);
        std::fs::write(&path, "").expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
        save_imported(folder.path(), &[], "imported", &variables("x")).expect("written");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }
}
