//! The list of a server's methods, of which there may be many: filtered once per change, and only the rows in view are laid out.

use std::sync::Arc;

use egui::{Popup, PopupCloseBehavior, RichText, Sense, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::send::access::{Method, MethodSchema};

use super::fields::Form;
use crate::{
    figures, fonts,
    ink::fitted,
    sanitise::visible,
    theme::{Ink, RADIUS_PT, TEXT_SMALL_PT},
};

const WIDTH_PT: f32 = 460.0;
const ROW_PT: f32 = 26.0;
const ROWS_SEEN: f32 = 12.0;

/// The list while it is looked at.
#[derive(Default)]
pub(super) struct MethodList {
    filter: String,
    /// Of which schema and filter the matches are.
    of: Option<(Arc<dyn MethodSchema>, String)>,
    matches: Vec<usize>,
    /// The row that arrows have come to.
    at: usize,
    /// It is to be looked at from the next frame on.
    opens: bool,
}

impl MethodList {
    /// Takes in the schema; filters anew where something changed.
    fn take(&mut self, schema: &Arc<dyn MethodSchema>) {
        let is_same = self.of.as_ref().is_some_and(|(of, filter)| Arc::ptr_eq(of, schema) && *filter == self.filter);
        if !is_same {
            self.matches = matches(schema.methods(), &self.filter);
            self.of = Some((Arc::clone(schema), self.filter.clone()));
            self.at = 0;
        }
    }

    /// Shows the list as soon as its button is drawn.
    pub(super) fn open(&mut self) {
        self.opens = true;
    }

    /// A button, and below it the list; the method that was chosen.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, schema: Option<&Arc<dyn MethodSchema>>, chosen: &str) -> Option<String> {
        let button = ui.add_enabled(schema.is_some(), egui::Button::new("Choose…").min_size(vec2(0.0, 28.0)));
        button.widget_info(|| WidgetInfo::labeled(Role::Button, schema.is_some(), "Choose a method"));
        let button = button.on_disabled_hover_text("What methods there are is not known yet: ask the server, or name files");
        if std::mem::take(&mut self.opens) && schema.is_some() {
            // The field in it takes the keys once nothing else has them.
            ui.memory_mut(egui::Memory::stop_text_input);
            Popup::open_id(ui.ctx(), Popup::default_response_id(&button));
        }
        let schema = schema?;
        self.take(schema);
        let popup = Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).width(WIDTH_PT);
        popup.show(|ui| self.list_ui(ui, form, schema.methods(), chosen)).and_then(|shown| shown.inner)
    }

    fn list_ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, methods: &[Method], chosen: &str) -> Option<String> {
        let tokens = form.tokens;
        let entered = form.line(ui, ["Find a method", "Find a method"], &mut self.filter, f32::INFINITY);
        if ui.memory(|memory| memory.focused().is_none()) {
            entered.response.request_focus();
        }
        let (down, up) = ui.input(|input| (input.key_pressed(egui::Key::ArrowDown), input.key_pressed(egui::Key::ArrowUp)));
        let is_walked = down || up;
        self.at = (self.at + usize::from(down)).saturating_sub(usize::from(up)).min(self.matches.len().saturating_sub(1));
        let mut taken = entered.is_done.then(|| self.matches.get(self.at).map(|index| methods[*index].path())).flatten();
        let told = format!("{} of {}", figures::count(self.matches.len() as u64), figures::things(methods.len() as u64, "method", "methods"));
        ui.label(RichText::new(told).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint)));
        let mut area = egui::ScrollArea::vertical().id_salt("methods").max_height(ROW_PT * ROWS_SEEN).auto_shrink([false, true]);
        if is_walked {
            area = area.vertical_scroll_offset((self.at as f32 - ROWS_SEEN / 2.0).max(0.0) * ROW_PT);
        }
        ui.spacing_mut().item_spacing.y = 0.0;
        area.show_rows(ui, ROW_PT, self.matches.len(), |ui, range| {
            for row in range {
                let method = &methods[self.matches[row]];
                let path = method.path();
                let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
                let is_at = row == self.at;
                if is_at || response.hovered() || response.has_focus() {
                    ui.painter().rect_filled(rect, RADIUS_PT, tokens.ink(Ink::Raised));
                }
                let kind = ui.painter().layout_no_wrap(method.kind().to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
                let room_pt = rect.width() - kind.size().x - 28.0;
                let name = fitted(ui.painter(), &visible(&path), &fonts::data(12.0), room_pt.max(40.0));
                let ink = if path == chosen { Ink::Accent } else { Ink::Text };
                ui.painter().galley(pos2(rect.left() + 8.0, rect.center().y - name.size().y / 2.0), name, tokens.ink(ink));
                ui.painter().galley(pos2(rect.right() - 8.0 - kind.size().x, rect.center().y - kind.size().y / 2.0), kind, tokens.ink(Ink::Dim));
                response.widget_info(|| WidgetInfo::selected(Role::MenuItem, true, path == chosen, format!("method {}, {}", visible(&path), method.kind())));
                if response.clicked() {
                    taken = Some(path);
                }
            }
        });
        if taken.is_some() {
            self.filter.clear();
            ui.close();
        }
        taken
    }
}

/// Methods whose path holds all words of a text, in any case, by their places.
fn matches(methods: &[Method], filter: &str) -> Vec<usize> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let holds = |method: &Method| {
        let path = method.path().to_lowercase();
        words.iter().all(|word| path.contains(word.as_str()))
    };
    (0..methods.len()).filter(|index| holds(&methods[*index])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::send::sample;

    #[test]
    fn methods_are_found_by_words_of_their_path() {
        let schema = sample::schema();
        let found = |filter: &str| matches(schema.methods(), filter).into_iter().map(|index| schema.methods()[index].name.as_str()).collect::<Vec<_>>();
        assert_eq!(found("orders place"), ["PlaceOrder"]);
        assert_eq!(found("STOCK"), ["Import", "Watch"]);
        assert_eq!((found("").len(), found("nobody").len()), (4, 0));
    }

    #[test]
    fn of_many_methods_the_list_is_made_once_for_each_filter() {
        let schema: Arc<dyn MethodSchema> = Arc::new(sample::large_schema(10_000));
        let mut list = MethodList { filter: "method99".to_owned(), ..MethodList::default() };
        list.take(&schema);
        assert_eq!(list.matches.len(), 111);
        list.at = 5;
        list.take(&schema);
        assert_eq!(list.at, 5, "nothing is made anew");
        list.filter.clear();
        list.take(&schema);
        assert_eq!((list.matches.len(), list.at), (10_000, 0));
    }
}
