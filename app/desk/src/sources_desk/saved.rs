//! A profile's file with another list of sources: what is not changed stays as it was written, comments and order too.

use std::io::Write as _;
use std::path::Path;

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use crate::profile::Profile;
use crate::sources::{Family, SourceProfile};

/// Writes a profile's sources into its file. The file is replaced as a whole or not at all.
pub(super) fn save(path: &Path, profile: &Profile) -> Result<(), String> {
    let told = |what: &str, error: &dyn std::fmt::Display| format!("{what} {}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| told("cannot read", &error))?;
    let changed = with_sources(&text, profile).map_err(|error| told("cannot change", &error))?;
    // A link stays a link: what it leads to is replaced.
    let file_path = path.canonicalize().map_err(|error| told("cannot find", &error))?;
    let part = file_path.with_file_name(format!(".{}.part", file_path.file_name().unwrap_or_default().to_string_lossy()));
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&part)?;
        // Whoever could read the profile before can read it after.
        file.set_permissions(std::fs::metadata(&file_path)?.permissions())?;
        file.write_all(changed.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&part, &file_path)
    };
    write().map_err(|error| {
        let _left_behind_at_worst = std::fs::remove_file(&part);
        told("cannot write", &error)
    })
}

/// The text of a profile with the sources of another; an error if it is no profile, or would be none.
pub(super) fn with_sources(text: &str, profile: &Profile) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let wanted = toml::to_string(profile).map_err(|error| error.to_string())?;
    let wanted: DocumentMut = wanted.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    for family in Family::ALL {
        match (family.only, wanted.get(family.table)) {
            (Some(_), Some(Item::Table(wanted))) => only(&mut document, family, wanted),
            (Some(_), _) => {}
            (None, Some(Item::ArrayOfTables(wanted))) => list(&mut document, family.table, wanted)?,
            (None, _) => list(&mut document, family.table, &ArrayOfTables::new())?,
        }
    }
    let changed = document.to_string();
    Profile::parse(&changed, "the changed profile").map_err(|error| error.to_string())?;
    Ok(changed)
}

/// Makes the table of what every profile has what is wanted. What is as it would be without a table gets none.
fn only(document: &mut DocumentMut, family: Family, wanted: &Table) {
    let default = toml::to_string(&SourceProfile::blank(family.kind)).unwrap_or_default();
    let is_default = document.get(family.table).is_none() && wanted.to_string().trim() == default.trim();
    if is_default {
        return;
    }
    let present = document.entry(family.table).or_insert(Item::Table(Table::new()));
    if let Some(present) = present.as_table_mut() {
        merge(present, wanted);
    }
}

/// Makes the list of one kind of source what is wanted, table by table, found by their names.
fn list(document: &mut DocumentMut, kind: &str, wanted: &ArrayOfTables) -> Result<(), String> {
    if wanted.is_empty() {
        document.remove(kind);
        return Ok(());
    }
    let present = document.entry(kind).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let Some(present) = present.as_array_of_tables_mut() else {
        return Err(format!("`{kind}` is written as an inline list; write [[{kind}]] tables"));
    };
    let name_of = |table: &Table| table.get("name").and_then(Item::as_str).unwrap_or_default().to_owned();
    let names: Vec<String> = wanted.iter().map(name_of).collect();
    // One gone and one new is one renamed: it keeps its place and its comments.
    let gone: Vec<usize> = present.iter().enumerate().filter(|(_, table)| !names.contains(&name_of(table))).map(|(place, _)| place).collect();
    let is_new = |name: &String, present: &ArrayOfTables| !present.iter().any(|table| name_of(table) == *name);
    let new: Vec<String> = names.iter().filter(|name| is_new(name, present)).cloned().collect();
    if let ([place], [name]) = (&gone[..], &new[..]) {
        if let Some(table) = present.get_mut(*place) {
            set(table, "name", &toml_edit::value(name));
        }
    } else {
        for place in gone.into_iter().rev() {
            present.remove(place);
        }
    }
    for table in wanted {
        let name = name_of(table);
        let place = present.iter().position(|present| name_of(present) == name);
        match place.and_then(|place| present.get_mut(place)) {
            Some(present) => merge(present, table),
            None => present.push(table.clone()),
        }
    }
    Ok(())
}

/// Gives a table the values of another; what is the same already is not touched.
fn merge(present: &mut Table, wanted: &Table) {
    let gone: Vec<String> = present.iter().map(|(key, _)| key.to_owned()).filter(|key| !wanted.contains_key(key)).collect();
    for key in gone {
        present.remove(&key);
    }
    for (key, item) in wanted {
        if is_empty_default(item) && !present.contains_key(key) {
            continue;
        }
        set(present, key, item);
    }
}

/// An empty list or table says nothing that its absence does not.
fn is_empty_default(item: &Item) -> bool {
    item.as_array().is_some_and(toml_edit::Array::is_empty) || item.as_table_like().is_some_and(toml_edit::TableLike::is_empty)
}

fn set(table: &mut Table, key: &str, item: &Item) {
    let same = table.get(key).is_some_and(|present| plain(present) == plain(item));
    if same {
        return;
    }
    // A sub-table is written inline, as the sample does.
    let mut value = match item.clone().into_value() {
        Ok(value) => value,
        Err(item) => {
            table.insert(key, item);
            return;
        }
    };
    value.decor_mut().clear();
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(present) => {
            let decor = present.decor().clone();
            *present = value;
            *present.decor_mut() = decor;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// An item by its meaning, however it is written.
fn plain(item: &Item) -> Option<toml::Value> {
    let value = item.clone().into_value().ok()?;
    let text = format!("x = {}", value.decorated("", ""));
    text.parse::<toml::Table>().ok()?.remove("x")
}
