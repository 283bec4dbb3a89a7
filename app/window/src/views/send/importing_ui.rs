//! Requests that were pasted, several of them or with variables, and whether they are to be saved: beside the one that is composed, not over it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_desk::send::{SavedBoard, SendCommand, draft::Draft};

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
/// The folder of what was pasted, and the environment where no other takes its variables.
const IMPORTED: &str = "imported";
/// The variable that holds the address of their server.
const BASE: &str = "base";

/// Requests that were pasted and are asked about.
#[derive(Debug)]
pub(super) struct Importing {
    requests: Vec<(String, Arc<Draft>)>,
    num_left_out: usize,
    variables: BTreeMap<String, String>,
    /// Which of the requests that were composed was the first of them.
    number: u64,
}

impl Importing {
    /// Of drafts and their variables, each with a path that no saved request has. `number`: of the request that is composed of the first.
    pub(super) fn new(drafts: Vec<Draft>, variables: BTreeMap<String, String>, saved: &SavedBoard, number: u64) -> Self {
        let num_left_out = drafts.len().saturating_sub(KEPT_MAX);
        let mut taken: BTreeSet<String> = saved.requests.keys().cloned().collect();
        let mut requests = Vec::new();
        for draft in drafts.into_iter().take(KEPT_MAX) {
            let path = free_path(&draft, &taken);
            taken.insert(path.clone());
            requests.push((path, Arc::new(draft)));
        }
        Self { requests, num_left_out, variables, number }
    }

    /// What the request of this number is given for its variables as long as no environment has them; `None` = it is another's.
    pub(super) fn given(&self, number: u64) -> Option<&BTreeMap<String, String>> {
        (number == self.number).then_some(&self.variables)
    }

    /// The environment that takes the variables: the chosen one, or else one of a name of its own, so that no value is replaced.
    pub(super) fn environment(&self, saved: &SavedBoard, chosen: Option<&str>) -> String {
        let has_no_other = |name: &str| {
            let kept = saved.environments.get(name);
            kept.is_none_or(|kept| self.variables.iter().all(|(name, value)| kept.get(name).is_none_or(|kept| kept == value)))
        };
        let numbered = (2..).map(|number| format!("{IMPORTED} {number}"));
        let names = chosen.map(str::to_owned).into_iter().chain(std::iter::once(IMPORTED.to_owned())).chain(numbered);
        names.into_iter().find(|name| has_no_other(name)).unwrap_or_else(|| IMPORTED.to_owned())
    }

    /// What saves them.
    pub(super) fn command(self, environment: String) -> SendCommand {
        SendCommand::SaveImported { requests: self.requests, environment, variables: self.variables }
    }

    /// Draws it; whether they are to be saved, once that is answered.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, saved: &SavedBoard, chosen: Option<&str>) -> Option<bool> {
        let tokens = form.tokens;
        ui.add_space(6.0);
        framed_ui(ui, Ink::Accent, Ink::Raised, tokens, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            let title = format!("Save {}?", figures::things(self.requests.len() as u64, "request", "requests"));
            let heading = ui.add(egui::Label::new(RichText::new(&title).font(fonts::strong(13.0)).color(tokens.ink(Ink::Text))).wrap());
            heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
            form.told_ui(ui, &self.files_words(saved), Ink::Text);
            let mut is_entered = false;
            if let Some(base) = self.variables.get_mut(BASE) {
                is_entered = form.named_line(ui, ["Server, as {{base}}", "http://localhost:8080"], base).is_done;
            }
            if !self.variables.is_empty() {
                let environment = self.environment(saved, chosen);
                let values = self.variables.iter().filter(|(name, _)| *name != BASE).map(|(name, value)| format!("{name} = {value:?}"));
                let values = values.take(NAMES_MAX).collect::<Vec<_>>().join(", ");
                let values = if values.is_empty() { String::new() } else { format!(" ({values})") };
                let text = format!("Its variables{values} go into the environment {environment} of environments.toml; what is there stays");
                ui.add(egui::Label::new(RichText::new(visible(&text)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).wrap());
            }
            ui.horizontal(|ui| {
                if button_ui(ui, ["Save them", ""], true, None, tokens) || is_entered {
                    return Some(true);
                }
                button_ui(ui, ["Don't", "Esc"], false, None, tokens).then_some(false)
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

/// A path that no saved request has, from what the request is called.
fn free_path(draft: &Draft, taken: &BTreeSet<String>) -> String {
    let name: String = draft.title().chars().map(|c| if c.is_alphanumeric() || matches!(c, ' ' | '-' | '_') { c } else { '-' }).take(80).collect();
    let name = name.trim_matches([' ', '-']);
    let path = format!("{IMPORTED}/{}", if name.is_empty() { "request" } else { name });
    let numbered = (2..).map(|number| format!("{path} {number}"));
    std::iter::once(path.clone()).chain(numbered).find(|path| !taken.contains(path)).unwrap_or(path)
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
        ] {
            let found = free_path(&named(name), &taken);
            assert_eq!(found, path, "{name}");
            taken.insert(found);
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
        assert_eq!(goes(Some("local"), "local", &[("sku", "A"), ("id", "1")]), "local");
        assert_eq!(goes(Some("local"), "local", &[("base", "http://b")]), "imported");
        assert_eq!(goes(Some("local"), "imported", &[("base", "http://a")]), "imported");
        assert_eq!(goes(Some("local"), "imported", &[("base", "http://c")]), "imported 2");
    }
}
