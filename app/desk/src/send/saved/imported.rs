//! Requests that were imported, several at once: files that are not there yet, and the variables that they name in an environment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml_edit::{DocumentMut, Item, Table, value};

use super::{ENVIRONMENTS, TEXT_BYTES_MAX, inside, read, save, shown, write_beside};
use crate::send::draft::Draft;

/// Writes the variables first, for requests without them cannot be sent, and then the requests. Nothing is written where one of the files is there, or where
/// the environment has another value of one of the variables.
pub(crate) fn save_imported(folder: &Path, requests: &[(String, Arc<Draft>)], environment: &str, variables: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, _) in requests {
        if inside(folder, &format!("{name}.toml"))?.symlink_metadata().is_ok() {
            return Err(format!("`{}` is there already, so nothing was saved. Paste it again: another name is chosen then", shown(name)));
        }
    }
    if !variables.is_empty() {
        add_to_environment(folder, environment, variables)?;
    }
    requests.iter().try_for_each(|(name, draft)| save(folder, name, draft))
}

/// Adds what an environment does not have; all else in the file stays as it is written there.
fn add_to_environment(folder: &Path, environment: &str, variables: &BTreeMap<String, String>) -> Result<(), String> {
    let path = inside(folder, ENVIRONMENTS)?;
    let failed = |reason: &dyn std::fmt::Display| format!("{ENVIRONMENTS}: {reason}");
    let text = if path.exists() {
        String::from_utf8(read(&path, TEXT_BYTES_MAX).map_err(|reason| failed(&reason))?).map_err(|_| failed(&"it is not text"))?
    } else {
        String::new()
    };
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| failed(&error.message()))?;
    let table = document.entry(environment).or_insert_with(|| Item::Table(Table::new()));
    let table = table.as_table_like_mut().ok_or_else(|| failed(&format!("`{}` is no table of names and values", shown(environment))))?;
    for (name, wanted) in variables {
        match table.get(name) {
            None => drop(table.insert(name, value(wanted))),
            Some(kept) if kept.as_str() == Some(wanted) => {}
            Some(_) => return Err(failed(&format!("`{}` has another {} by now. Paste it again", shown(environment), shown(name)))),
        }
    }
    let written = document.to_string();
    if written == text {
        return Ok(());
    }
    let beside = write_beside(&path, "toml.new", &written).map_err(|error| failed(&error))?;
    std::fs::rename(&beside, &path).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::{draft::RequestKind, saved::SavedBoard};

    fn variables(base: &str) -> BTreeMap<String, String> {
        std::iter::once(("base".to_owned(), base.to_owned())).collect()
    }

    fn blank(names: &[&str]) -> Vec<(String, Arc<Draft>)> {
        names.iter().map(|name| ((*name).to_owned(), Arc::new(Draft::blank(RequestKind::Http)))).collect()
    }

    #[test]
    fn several_are_written_with_their_variables_beside_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        save_imported(folder, &blank(&["imported/a", "imported/b"]), "imported", &variables("http://h:1")).expect("written where nothing is");
        let board = SavedBoard::read(folder);
        assert_eq!(board.requests.keys().collect::<Vec<_>>(), ["imported/a", "imported/b"]);
        assert_eq!(board.variables(Some("imported")), variables("http://h:1"));

        let kept = "# ours\n[local] # here\nsku = \"A-1\" # the first\n\n[\"stage one\"]\nbase = 'https://s'\n";
        std::fs::write(folder.join(ENVIRONMENTS), kept).expect("written");
        save_imported(folder, &blank(&["imported/c"]), "local", &variables("http://h:2")).expect("written");
        let text = std::fs::read_to_string(folder.join(ENVIRONMENTS)).expect("there");
        assert_eq!(text, kept.replace("# the first\n", "# the first\nbase = \"http://h:2\"\n"), "nothing else is touched");
        save_imported(folder, &blank(&["imported/d"]), "local", &variables("http://h:2")).expect("the same is there");
        assert_eq!(std::fs::read_to_string(folder.join(ENVIRONMENTS)).expect("there"), text);
    }

    #[test]
    fn what_is_there_stays_and_then_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let environments = "[local]\nbase = \"http://mine\"\n";
        std::fs::write(folder.join(ENVIRONMENTS), environments).expect("written");
        save(folder, "imported/a", &Draft::blank(RequestKind::Record)).expect("written");
        let (before, none) = (SavedBoard::read(folder), BTreeMap::new());
        for (names, environment, variables, reason) in [
            (vec!["imported/b", "imported/a"], "local", &none, "`imported/a` is there already"),
            (vec!["imported/b"], "local", &variables("http://other"), "another base"),
            (vec!["../b"], "local", &none, "leads out"),
        ] {
            let error = save_imported(folder, &blank(&names), environment, variables).expect_err(reason);
            assert!(error.contains(reason), "{error}");
            assert_eq!(SavedBoard::read(folder), before, "{reason}");
        }
        std::fs::write(folder.join(ENVIRONMENTS), "local = 1\n").expect("written");
        assert!(save_imported(folder, &[], "local", &variables("x")).expect_err("no table").contains("no table"));
        std::fs::write(folder.join(ENVIRONMENTS), "[local\n").expect("written");
        assert!(save_imported(folder, &[], "local", &variables("x")).expect_err("no TOML").starts_with(ENVIRONMENTS));
        assert_eq!(std::fs::read_to_string(folder.join(ENVIRONMENTS)).expect("there"), "[local\n", "what cannot be read is left alone");
    }
}
