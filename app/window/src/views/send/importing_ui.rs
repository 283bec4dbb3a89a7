//! Requests that were pasted, several of them or with variables, and whether they are to be saved: beside the one that is composed, not over it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_desk::send::{SavedBoard, SendBoard, SendCommand, draft::Draft};

use super::{
    asking_ui::framed_ui,
    fields::{Form, button_ui},
};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{Ink, TEXT_SMALL_PT},
};

/// Requests of one document that are kept.
const KEPT_MAX: usize = 500;
/// Names that are told.
const NAMES_MAX: usize = 12;
/// Characters of a value that are told.
const VALUE_CHARS_MAX: usize = 60;
/// Bytes of a name, so that a number and the ending have room in what file systems take.
const NAME_BYTES_MAX: usize = 160;
/// The folder of what was pasted, and the environment where no other takes its variables.
const IMPORTED: &str = "imported";
/// The variable that holds the address of their server.
const BASE: &str = "base";

/// Requests that were pasted and are asked about.
#[derive(Debug)]
pub(super) struct Importing {
    requests: Vec<(String, Arc<Draft>)>,
    num_left_out: usize,
    /// Those that have a value.
    variables: BTreeMap<String, String>,
    /// Which of the requests that were composed was the first of them.
    number: u64,
    /// It was asked for, and what became of it is not known yet.
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    environment: String,
    /// The board's version by then: what is refused comes after it.
    version: u64,
}

/// All that was pasted is saved.
#[derive(Debug)]
pub(super) struct ImportedAll {
    /// The environment that has the variables; `None` = there are none.
    pub environment: Option<String>,
    /// The path of the first.
    pub path: String,
}

impl Importing {
    /// Of drafts and their variables, each with a path that no saved request has. `number`: of the request that is composed of the first.
    pub(super) fn new(drafts: Vec<Draft>, variables: BTreeMap<String, String>, saved: &SavedBoard, number: u64) -> Self {
        let num_left_out = drafts.len().saturating_sub(KEPT_MAX);
        let mut taken: BTreeSet<String> = saved.requests.keys().map(|path| path.to_lowercase()).collect();
        let mut requests = Vec::new();
        for draft in drafts.into_iter().take(KEPT_MAX) {
            let path = free_path(&draft, &taken);
            taken.insert(path.to_lowercase());
            requests.push((path, Arc::new(draft)));
        }
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        Self { requests, num_left_out, variables, number, asked: None }
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// What the request of this number is given for its variables as long as no environment has them; `None` = it is another's.
    pub(super) fn given(&self, number: u64) -> Option<&BTreeMap<String, String>> {
        (number == self.number).then_some(&self.variables)
    }

    /// The environment that takes the variables: the chosen one where it has them, or else one of a name of its own, so that no value is replaced.
    fn environment(&self, saved: &SavedBoard, chosen: Option<&str>) -> String {
        let has_all = |kept: &BTreeMap<String, String>| self.variables.iter().all(|(name, value)| kept.get(name) == Some(value));
        let is_free = |name: &String| saved.environments.get(name).is_none_or(has_all);
        let chosen = chosen.filter(|name| saved.environments.contains_key(*name)).map(str::to_owned);
        let numbered = (2..).map(|number| format!("{IMPORTED} {number}"));
        let mut names = chosen.into_iter().chain(std::iter::once(IMPORTED.to_owned())).chain(numbered);
        names.find(is_free).unwrap_or_else(|| IMPORTED.to_owned())
    }

    /// What saves them, the first as it is composed by now where it still is. What becomes of it is seen on boards after this version.
    pub(super) fn save(&mut self, (draft, number): (&Draft, u64), board: &SendBoard, chosen: Option<&str>) -> SendCommand {
        if let Some((_, first)) = self.requests.first_mut().filter(|_| number == self.number) {
            *first = Arc::new(draft.clone());
        }
        let environment = self.environment(&board.saved, chosen);
        self.asked = Some(Asked { environment: environment.clone(), version: board.version });
        SendCommand::SaveImported { requests: self.requests.clone(), environment, variables: self.variables.clone() }
    }

    /// Takes in what became of it: all is there once each of the requests is, and the environment.
    pub(super) fn take(&mut self, board: &SendBoard) -> Option<ImportedAll> {
        let asked = self.asked.as_ref()?;
        let of = |wanted: &Arc<Draft>| board.saved.requests.iter().find(|(path, draft)| path.starts_with(IMPORTED) && draft == &wanted).map(|(path, _)| path);
        let has_variables = || board.saved.environments.get(&asked.environment).is_some_and(|kept| self.variables.keys().all(|name| kept.contains_key(name)));
        if self.requests.iter().all(|(_, draft)| of(draft).is_some()) && (self.variables.is_empty() || has_variables()) {
            let environment = (!self.variables.is_empty()).then(|| asked.environment.clone());
            return Some(ImportedAll { environment, path: self.requests.first().and_then(|(_, draft)| of(draft)).cloned()? });
        }
        if board.refusal.is_some() && board.version > asked.version {
            self.asked = None;
        }
        None
    }

    /// Draws it; whether they are to be saved, once that is answered. `has_escape`: whether Escape answers it.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, saved: &SavedBoard, chosen: Option<&str>, has_escape: bool) -> Option<bool> {
        let tokens = form.tokens;
        ui.add_space(6.0);
        framed_ui(ui, Ink::Accent, Ink::Raised, tokens, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            let title = format!("Save {}?", figures::things(self.requests.len() as u64, "request", "requests"));
            let heading = ui.add(egui::Label::new(RichText::new(&title).font(fonts::strong(13.0)).color(tokens.ink(Ink::Text))).wrap());
            heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
            form.told_ui(ui, &self.files_words(saved), Ink::Text);
            let (mut is_entered, mut why_not) = (false, self.asked.as_ref().map(|_| "they are being saved"));
            if let Some(base) = self.variables.get_mut(BASE) {
                is_entered = form.named_line(ui, ["Server, as {{base}}", "http://localhost:8080"], base).is_done;
                if base.trim().is_empty() {
                    why_not = Some("write where their server is");
                }
            }
            if !self.variables.is_empty() {
                let values = self.variables.iter().filter(|(name, _)| *name != BASE).take(NAMES_MAX);
                let values = values.map(|(name, value)| format!("{name} = {:?}", value.chars().take(VALUE_CHARS_MAX).collect::<String>()));
                let values = values.collect::<Vec<_>>().join(", ");
                let values = if values.is_empty() { String::new() } else { format!(" ({values})") };
                let text =
                    format!("Their variables{values} go into the environment {} of environments.toml; what is there stays", self.environment(saved, chosen));
                ui.add(egui::Label::new(RichText::new(visible(&text)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).wrap());
            }
            ui.horizontal(|ui| {
                let save = if self.requests.len() == 1 { "Save it" } else { "Save them" };
                if button_ui(ui, [save, ""], true, why_not, tokens) || (is_entered && why_not.is_none()) {
                    return Some(true);
                }
                let key = if has_escape { "Esc" } else { "" };
                button_ui(ui, ["Don't", key], false, None, tokens).then_some(false)
            })
            .inner
        })
    }

    fn files_words(&self, saved: &SavedBoard) -> String {
        let folder = saved.folder.as_deref().map(|folder| folder.join(IMPORTED).display().to_string()).unwrap_or_default();
        let names: Vec<&str> = self.requests.iter().take(NAMES_MAX).map(|(path, _)| path.rsplit('/').next().unwrap_or(path)).collect();
        let num_more = self.requests.len().saturating_sub(NAMES_MAX);
        let more = if num_more > 0 { format!(" and {} more", figures::count(num_more as u64)) } else { String::new() };
        let left_out = match self.num_left_out {
            0 => String::new(),
            num => format!(" {} more are left out: {KEPT_MAX} of a document are kept.", figures::count(num as u64)),
        };
        let files = figures::things(self.requests.len() as u64, "file", "files");
        format!("Saving writes {files} into {folder}: {}{more}.{left_out}", names.join(", "))
    }
}

/// A path that no saved request has, however its letters are written, from what the request is called.
fn free_path(draft: &Draft, taken: &BTreeSet<String>) -> String {
    let name: String = draft.title().chars().map(|c| if c.is_alphanumeric() || matches!(c, ' ' | '-' | '_') { c } else { '-' }).take(80).collect();
    let name = &name[..name.floor_char_boundary(NAME_BYTES_MAX)];
    let name = name.trim_matches([' ', '-']);
    let path = format!("{IMPORTED}/{}", if name.is_empty() { "request" } else { name });
    let numbered = (2..).map(|number| format!("{path} {number}"));
    std::iter::once(path.clone()).chain(numbered).find(|path| !taken.contains(&path.to_lowercase())).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_desk::send::draft::RequestKind;

    #[test]
    fn what_is_imported_has_a_path_of_its_own_below_one_folder() {
        let named = |name: &str| Draft { name: name.to_owned(), ..Draft::blank(RequestKind::Http) };
        let mut taken = BTreeSet::new();
        for (name, path) in [
            ("Get an order", "imported/Get an order"),
            ("Get an order", "imported/Get an order 2"),
            ("../../etc/passwd", "imported/etc-passwd"),
            ("GET /orders/{id}", "imported/GET -orders--id"),
            ("...", "imported/request"),
            ("get an ORDER", "imported/get an ORDER 3"),
            ("\u{1F4E6}x", "imported/x"),
        ] {
            let found = free_path(&named(name), &taken);
            assert_eq!(found, path, "{name}");
            taken.insert(found.to_lowercase());
        }
    }

    #[test]
    fn variables_go_where_they_replace_nothing() {
        let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
        let mut saved = SavedBoard::default();
        let importing = Importing::new(vec![Draft::blank(RequestKind::Http)], of(&[("base", "http://a"), ("id", "1")]), &saved, 0);
        let mut goes = |chosen: Option<&str>, name: &str, kept: &[(&str, &str)]| {
            saved.environments.insert(name.to_owned(), of(kept));
            importing.environment(&saved, chosen)
        };
        assert_eq!(goes(None, "local", &[("sku", "A")]), "imported");
        assert_eq!(goes(Some("gone"), "local", &[("sku", "A"), ("id", "1")]), "imported");
        assert_eq!(goes(Some("local"), "local", &[("sku", "A"), ("id", "1")]), "imported", "what is there is not added to");
        assert_eq!(goes(Some("local"), "local", &[("base", "http://a"), ("id", "1"), ("sku", "A")]), "local");
        assert_eq!(goes(Some("local"), "local", &[("base", "http://b")]), "imported");
        assert_eq!(goes(Some("local"), "imported", &[("base", "http://a"), ("id", "1")]), "imported");
        assert_eq!(goes(Some("local"), "imported", &[("base", "http://c")]), "imported 2");
    }
}
