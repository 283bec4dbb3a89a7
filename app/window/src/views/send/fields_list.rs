//! The fields of what a method takes, below the message that is written: which there are, what they can be, and each put into the message when it is
//! chosen. Only the fields of one type are listed at a time, and of them those in view are laid out.

use std::sync::Arc;

use egui::{Key, RichText, Sense, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::send::{
    access::{Field, MethodSchema},
    edit::{Holds, Member, put_member},
};

use super::fields::Form;
use crate::{
    figures, fonts,
    ink::fitted,
    sanitise::visible,
    theme::{Ink, RADIUS_PT, TEXT_SMALL_PT},
    view::UiCommand,
};

const ROW_PT: f32 = 24.0;
const ROWS_SEEN: f32 = 9.0;
/// Values of one field that are listed as long as none is looked for.
const VALUES_SEEN: usize = 12;
/// How deep one can look: types may hold themselves.
const WAY_MAX: usize = 32;

/// A row of the list; fields, values and types by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldRow {
    /// Back to the type above.
    Back,
    /// A field.
    Field(usize),
    /// A value that it can have.
    Value(usize, usize),
    /// A type that it can hold.
    Type(usize, usize),
    /// Into the fields of what it holds.
    Into(usize),
    /// So many more can be found.
    More(usize),
}

/// A field whose own fields are looked at.
#[derive(Clone, Debug, PartialEq)]
struct Above {
    member: Member,
    message: String,
}

/// Of what the rows are.
struct Of {
    schema: Arc<dyn MethodSchema>,
    input: String,
    message: String,
    filter: String,
}

/// The list while it is looked at.
#[derive(Default)]
pub(super) struct FieldList {
    /// Whether it is looked at.
    is_open: bool,
    /// The keys go into it from the next frame on.
    seeks: bool,
    filter: String,
    /// From what the method takes to what is looked at.
    way: Vec<Above>,
    of: Option<Of>,
    fields: Vec<Field>,
    rows: Vec<FieldRow>,
    /// The row that arrows have come to.
    at: usize,
    /// What became of the last one that was chosen.
    told: Option<(String, Ink)>,
}

impl FieldList {
    /// Whether it is looked at.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Unfolds it, and leads the keys into it, or folds it.
    pub(super) fn show(&mut self, is_open: bool) {
        (self.is_open, self.seeks) = (is_open, is_open);
    }

    /// Takes in what the method takes; lists anew where something changed.
    fn take(&mut self, schema: &Arc<dyn MethodSchema>, input: &str) {
        let is_of_method = self.of.as_ref().is_some_and(|of| Arc::ptr_eq(&of.schema, schema) && of.input == input);
        if !is_of_method {
            self.way.clear();
            (self.told, self.of) = (None, None);
        }
        let message = self.way.last().map_or(input, |above| above.message.as_str());
        let is_of_message = self.of.as_ref().is_some_and(|of| of.message == message);
        if is_of_message && self.of.as_ref().is_some_and(|of| of.filter == self.filter) {
            return;
        }
        if !is_of_message {
            self.fields = schema.fields(message);
        }
        (self.rows, self.at) = rows(&self.fields, schema.as_ref(), &self.filter, self.way.len());
        self.of = Some(Of { schema: Arc::clone(schema), input: input.to_owned(), message: message.to_owned(), filter: self.filter.clone() });
    }

    /// Draws it, folded or not. `message`: what the fields are put into.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, schema: &Arc<dyn MethodSchema>, input: &str, message: &mut String) {
        let sign = if self.is_open { "▾" } else { "▸" };
        let names = std::iter::once(last(input)).chain(self.way.iter().map(|above| above.member.name.as_str()));
        let title = format!("{sign} Fields of {}", names.collect::<Vec<_>>().join(" › "));
        let button = ui.add(egui::Button::new(RichText::new(visible(&title)).size(12.0)).frame(false).truncate());
        button.widget_info(|| WidgetInfo::selected(Role::Button, true, self.is_open, "Fields of the message"));
        let hover = format!("What can be set, and what it can be; one that is chosen is put into the message ({})", UiCommand::MessageFields.keys());
        if button.on_hover_text(hover).clicked() {
            self.show(!self.is_open);
        }
        if !self.is_open {
            return;
        }
        let entered = form.line(ui, ["Find a field", "Find a field or a value"], &mut self.filter, f32::INFINITY);
        self.take(schema, input);
        let seeks = std::mem::take(&mut self.seeks);
        if seeks {
            entered.response.request_focus();
        }
        let is_walked = entered.response.has_focus() && self.walk(ui);
        let clicked = self.rows_ui(ui, form, is_walked);
        if seeks || is_walked {
            // The list as a whole, with what it is found by.
            ui.scroll_to_rect(entered.response.rect.union(ui.min_rect().with_min_y(entered.response.rect.top())), Some(egui::Align::BOTTOM));
        }
        let chosen = clicked.or_else(|| entered.is_done.then(|| self.rows.get(self.at).copied()).flatten());
        if let Some(row) = chosen {
            if let Some(copied) = self.choose(row, schema.as_ref(), input, message) {
                ui.ctx().copy_text(copied);
            }
            // Keys go on from here.
            self.seeks = entered.is_done;
        }
        if let Some((told, ink)) = &self.told {
            form.told_ui(ui, told, *ink);
        }
    }

    /// Whether arrows led to another row.
    fn walk(&mut self, ui: &egui::Ui) -> bool {
        let (down, up) = ui.input(|input| (input.num_presses(Key::ArrowDown), input.num_presses(Key::ArrowUp)));
        self.at = (self.at + down).saturating_sub(up).min(self.rows.len().saturating_sub(1));
        down + up > 0
    }

    /// Draws the rows in view; the one that was clicked.
    fn rows_ui(&self, ui: &mut egui::Ui, form: &Form<'_>, is_walked: bool) -> Option<FieldRow> {
        let tokens = form.tokens;
        let mut area = egui::ScrollArea::vertical().id_salt("fields of the message").max_height(ROW_PT * ROWS_SEEN).auto_shrink([false, true]);
        if is_walked {
            area = area.vertical_scroll_offset((self.at as f32 - ROWS_SEEN / 2.0).max(0.0) * ROW_PT);
        }
        if self.rows.is_empty() {
            form.told_ui(ui, if self.fields.is_empty() { "It has no fields" } else { "No field and no value is called so" }, Ink::Faint);
        }
        let mut clicked = None;
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            area.show_rows(ui, ROW_PT, self.rows.len(), |ui, range| {
                for place in range {
                    let row = self.rows[place];
                    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
                    if place == self.at || response.hovered() || response.has_focus() {
                        ui.painter().rect_filled(rect, RADIUS_PT, tokens.ink(Ink::Raised));
                    }
                    let words = self.words(row);
                    let (font, ink) = match row {
                        FieldRow::Field(_) | FieldRow::Value(..) | FieldRow::Type(..) => (fonts::data(12.0), Ink::Text),
                        FieldRow::Into(_) | FieldRow::Back => (fonts::words(TEXT_SMALL_PT), Ink::Accent),
                        FieldRow::More(_) => (fonts::words(TEXT_SMALL_PT), Ink::Faint),
                    };
                    let left = rect.left() + if matches!(row, FieldRow::Field(_) | FieldRow::Back) { 8.0 } else { 28.0 };
                    let name =
                        fitted(ui.painter(), &visible(&words.name), &font, ((rect.right() - left) * if words.note.is_empty() { 1.0 } else { 0.6 }).max(40.0));
                    let note_left = left + name.size().x + 12.0;
                    let note = fitted(ui.painter(), &visible(&words.note), &fonts::words(TEXT_SMALL_PT), (rect.right() - 8.0 - note_left).max(10.0));
                    let top = |height: f32| rect.center().y - height / 2.0;
                    ui.painter().galley(pos2(left, top(name.size().y)), name, tokens.ink(ink));
                    ui.painter().galley(pos2(note_left, top(note.size().y)), note, tokens.ink(Ink::Dim));
                    response.widget_info(|| WidgetInfo::selected(Role::MenuItem, true, place == self.at, visible(&words.spoken)));
                    if response.clicked() {
                        clicked = Some(row);
                    }
                }
            });
        });
        clicked
    }

    fn words(&self, row: FieldRow) -> Words {
        let value_of = |at: usize, name: &str| Words::new(name, "", format!("{} as {name}", self.fields[at].json_name));
        match row {
            FieldRow::Back => {
                let above = self.way.len().checked_sub(2).and_then(|at| self.way.get(at)).map(|above| above.member.name.as_str());
                let text = above.map_or_else(|| "‹ back to the message".to_owned(), |above| format!("‹ back to {above}"));
                Words::new(&text, "", text.trim_start_matches("‹ ").to_owned())
            }
            FieldRow::Field(at) => {
                let (field, note) = (&self.fields[at], note(&self.fields[at]));
                Words::new(&field.json_name, &note, format!("field {}, {note}", field.json_name))
            }
            FieldRow::Value(at, value) => value_of(at, &self.fields[at].choices[value]),
            FieldRow::Type(at, place) => value_of(at, self.of.as_ref().and_then(|of| of.schema.types().get(place)).map_or("", String::as_str)),
            FieldRow::Into(at) => {
                let field = &self.fields[at];
                Words::new(&format!("fields of {} ›", last(field.leads_to().unwrap_or_default())), "", format!("fields of {}", field.json_name))
            }
            FieldRow::More(num) => {
                let text = format!("and {} more: find them by a part of their name", figures::count(num as u64));
                Words::new(&text, "", text.clone())
            }
        }
    }

    /// Does what a row is for; what is to be copied, where it cannot be put into the message.
    fn choose(&mut self, row: FieldRow, schema: &dyn MethodSchema, input: &str, message: &mut String) -> Option<String> {
        match row {
            FieldRow::Back => {
                self.way.pop();
                self.filter.clear();
                None
            }
            FieldRow::Into(at) => {
                let field = &self.fields[at];
                let above = Above { member: self.member(field), message: field.leads_to().unwrap_or(input).to_owned() };
                self.way.push(above);
                self.filter.clear();
                None
            }
            FieldRow::More(_) => None,
            FieldRow::Field(at) => self.put(at, &self.fields[at].example.clone(), message),
            FieldRow::Value(at, value) => self.put(at, &self.fields[at].choices[value].clone(), message),
            FieldRow::Type(at, place) => {
                let json = schema.types().get(place).and_then(|name| schema.any_example(name))?;
                self.put(at, &json, message)
            }
        }
    }

    fn put(&mut self, at: usize, json: &str, message: &mut String) -> Option<String> {
        let field = &self.fields[at];
        let way: Vec<Member> = self.way.iter().map(|above| above.member.clone()).collect();
        match put_member(message, &way, &self.member(field), json) {
            Ok(changed) => {
                *message = changed;
                self.told = Some((format!("{} is set in the message", field.json_name), Ink::Dim));
                None
            }
            Err(reason) => {
                self.told = Some((format!("{reason}, so that {} was copied instead: paste it where it belongs", field.json_name), Ink::Warn));
                let name = serde_json::Value::from(field.json_name.as_str());
                Some(match &field.map_key {
                    Some(key) => format!("{name}: {{{}: {json}}}", serde_json::Value::from(key.as_str())),
                    None if field.is_list => format!("{name}: [{json}]"),
                    None => format!("{name}: {json}"),
                })
            }
        }
    }

    /// As it stands in the message; the others of its group leave it.
    fn member(&self, field: &Field) -> Member {
        let others = self.fields.iter().filter(|other| field.oneof.is_some() && other.oneof == field.oneof && other.name != field.name);
        Member {
            name: field.json_name.clone(),
            other_name: field.name.clone(),
            holds: match &field.map_key {
                Some(key) => Holds::Map(key.clone()),
                None if field.is_list => Holds::List,
                None => Holds::One,
            },
            excludes: others.flat_map(|other| [other.json_name.clone(), other.name.clone()]).collect(),
        }
    }
}

/// What a row says.
struct Words {
    name: String,
    note: String,
    spoken: String,
}

impl Words {
    fn new(name: &str, note: &str, spoken: String) -> Self {
        Self { name: name.to_owned(), note: note.to_owned(), spoken }
    }
}

/// What stands beside a field's name.
fn note(field: &Field) -> String {
    match &field.oneof {
        Some(oneof) => format!("{} · one of {oneof}", field.type_words),
        None => field.type_words.clone(),
    }
}

/// A type's name without its package.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Rows of the fields and values whose names hold all words of a filter, in any case, and the first of them that does; all, and of the values the first
/// ones, where it is empty. `depth`: how far below what the method takes they are.
fn rows(fields: &[Field], schema: &dyn MethodSchema, filter: &str, depth: usize) -> (Vec<FieldRow>, usize) {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let holds = |text: &str| words.iter().all(|word| text.contains(word.as_str()));
    let mut rows = if depth > 0 { vec![FieldRow::Back] } else { Vec::new() };
    let mut first = None;
    for (at, field) in fields.iter().enumerate() {
        let name = format!("{} {} {}", field.json_name, field.name, note(field)).to_lowercase();
        let is_named = holds(&name);
        let found = |value: &&String| holds(&format!("{name} {}", value.to_lowercase()));
        let values = field.choices.iter().enumerate().filter(|(_, value)| found(value)).map(|(value, _)| FieldRow::Value(at, value));
        let types: &[String] = if field.is_any() { schema.types() } else { &[] };
        let types = types.iter().enumerate().filter(|(_, name)| found(name)).map(|(place, _)| FieldRow::Type(at, place));
        let mut found: Vec<FieldRow> = values.chain(types).collect();
        if !is_named && found.is_empty() {
            continue;
        }
        first = first.or(Some(rows.len() + usize::from(!is_named)));
        rows.push(FieldRow::Field(at));
        let num_more = if words.is_empty() { found.len().saturating_sub(VALUES_SEEN) } else { 0 };
        found.truncate(found.len() - num_more);
        rows.append(&mut found);
        rows.extend((num_more > 0).then_some(FieldRow::More(num_more)));
        rows.extend((is_named && field.leads_to().is_some() && depth < WAY_MAX).then_some(FieldRow::Into(at)));
    }
    (rows, first.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::send::sample;

    const INPUT: &str = "shop.v1.Orders.PlaceOrderRequest";

    fn list(schema: &Arc<dyn MethodSchema>) -> FieldList {
        let mut list = FieldList::default();
        list.take(schema, INPUT);
        list
    }

    /// Chooses the row that is spoken so.
    fn choose(list: &mut FieldList, schema: &Arc<dyn MethodSchema>, spoken: &str, message: &mut String) -> Option<String> {
        list.take(schema, INPUT);
        let row = list.rows.iter().copied().find(|row| list.words(*row).spoken == spoken).expect(spoken);
        list.choose(row, schema.as_ref(), INPUT, message)
    }

    #[test]
    fn values_members_of_a_group_and_fields_of_fields_are_put_in() {
        let schema: Arc<dyn MethodSchema> = Arc::new(sample::schema());
        let mut list = list(&schema);
        let mut message = "{ \"orderId\": \"{{uuid}}\", \"card\": { \"number\": \"\" } }".to_owned();
        let mut chosen = |list: &mut FieldList, spoken: &str| {
            assert_eq!(choose(list, &schema, spoken, &mut message), None);
            message.clone()
        };
        assert_eq!(chosen(&mut list, "state as \"PAID\""), "{ \"orderId\": \"{{uuid}}\", \"card\": { \"number\": \"\" }, \"state\": \"PAID\" }");
        assert_eq!(chosen(&mut list, "field cash, bool · one of payment"), "{ \"orderId\": \"{{uuid}}\", \"cash\": false, \"state\": \"PAID\" }");
        chosen(&mut list, "fields of card");
        assert_eq!(chosen(&mut list, "field number, string"), "{ \"orderId\": \"{{uuid}}\", \"card\": {\"number\":\"\"}, \"state\": \"PAID\" }");
        chosen(&mut list, "back to the message");
        assert!(chosen(&mut list, "extra as shop.v1.Card").ends_with("\"extra\": {\"@type\":\"type.googleapis.com/shop.v1.Card\"} }"));
    }

    #[test]
    fn what_cannot_be_put_in_is_copied() {
        let schema: Arc<dyn MethodSchema> = Arc::new(sample::schema());
        let mut list = list(&schema);
        let mut message = "{ \"n\": {{counter}} }".to_owned();
        let copied = choose(&mut list, &schema, "field labels, map from string to string", &mut message);
        assert_eq!((copied.as_deref(), message.as_str()), (Some("\"labels\": {\"\": \"\"}"), "{ \"n\": {{counter}} }"));
        assert!(list.told.as_ref().is_some_and(|(told, _)| told.contains("no JSON") && told.contains("copied")), "{:?}", list.told);
    }

    #[test]
    fn of_many_values_the_first_are_listed_and_all_are_found() {
        let schema: Arc<dyn MethodSchema> = Arc::new(sample::schema());
        let choices = (0..10_000).map(|number| format!("\"VALUE_{number}\"")).collect();
        let fields = [Field { json_name: "a".to_owned(), choices, ..Field::default() }, Field { json_name: "b".to_owned(), ..Field::default() }];
        let (all, first) = rows(&fields, schema.as_ref(), "", 0);
        assert_eq!((all.len(), all[VALUES_SEEN + 1], first), (VALUES_SEEN + 3, FieldRow::More(10_000 - VALUES_SEEN), 0));
        let (found, first) = rows(&fields, schema.as_ref(), "value_99", 1);
        assert_eq!((found.len(), first), (2 + 111, 2), "one that is found comes before its field");
        assert_eq!(rows(&fields, schema.as_ref(), "nothing", 1), (vec![FieldRow::Back], 0));
    }

    #[test]
    fn the_list_is_made_once_and_another_method_begins_anew() {
        let schema: Arc<dyn MethodSchema> = Arc::new(sample::schema());
        let mut list = list(&schema);
        list.at = 3;
        list.take(&schema, INPUT);
        assert_eq!(list.at, 3, "nothing is made anew");
        choose(&mut list, &schema, "fields of card", &mut String::new());
        list.take(&schema, INPUT);
        assert_eq!((list.rows[0], list.fields.len()), (FieldRow::Back, 1));
        list.take(&schema, "shop.v1.Stock.WatchRequest");
        assert_eq!((list.rows.len(), list.way.len()), (0, 0));
    }
}
