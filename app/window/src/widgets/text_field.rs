//! The one widget in which text is typed, and the closed list of the places that have one.

use egui::{
    EventFilter, FontId, Id, Key, Margin, Response, RichText, WidgetInfo,
    accesskit::Role,
    text::{CCursor, CCursorRange},
};

use super::long_text::{LongField, forget, is_long};
use crate::{
    theme::{DesignTokens, Ink, margin},
    view::ViewKind,
};

/// Rows of a long text that are in view at least.
const LONG_ROWS_MIN: usize = 16;

/// What a place is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It lies over the views, with what it finds below it.
    Overlay,
    /// It narrows what a view shows, for as long as that is looked at.
    Filter,
    /// It is part of something that is filled in and then done or left.
    Form,
    /// It belongs to what stands beside it, and is left without leaving that.
    Beside,
}

struct Place {
    name: &'static str,
    of: Use,
    view: Option<ViewKind>,
    keys: &'static str,
    chars_max: usize,
}

/// One line a place: its name, what it is for, its view (none: it lies over all), the keys that lead into it from there, and how much it takes.
macro_rules! places {
    ($($field:ident: $name:literal, $of:ident, $view:expr, $keys:literal, $chars_max:expr;)*) => {
        /// A place where text is typed. Every one is drawn by [`TextEntry`], and tests type into each by the keys that stand here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum TextField {
            $(#[doc = $name] $field,)*
        }

        impl TextField {
            /// All.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$field),*];

            fn place(self) -> Place {
                match self {
                    $(Self::$field => Place { name: $name, of: Use::$of, view: $view, keys: $keys, chars_max: $chars_max },)*
                }
            }
        }
    };
}

places! {
    Find: "Find anything", Overlay, None, "Ctrl+K", usize::MAX;
    Command: "Find a command", Overlay, None, "Ctrl+P", usize::MAX;
    LogFilter: "Find in the log", Filter, Some(ViewKind::Log), "Ctrl+F", usize::MAX;
    TraceFilter: "Operation, or any id", Filter, Some(ViewKind::Traces), "Ctrl+F", usize::MAX;
    TraceDuration: "Shortest duration", Filter, Some(ViewKind::Traces), "Ctrl+F Tab", usize::MAX;
    RecordFilter: "Key, text, number or 2@100", Filter, Some(ViewKind::Messages), "Down Ctrl+F", usize::MAX;
    NoisePattern: "Pattern of a new rule", Filter, Some(ViewKind::Map), "Ctrl+F", usize::MAX;
    ParkingNote: "Note", Form, Some(ViewKind::DeadLetters), "P", 400;
    ClusterName: "The cluster's name", Form, Some(ViewKind::DeadLetters), "R", 256;
    ReplayLine: "Path in the JSON", Form, Some(ViewKind::DeadLetters), "E", 65_536;
    ReplayFirst: "First", Beside, Some(ViewKind::DeadLetters), "Ctrl+G", 256;
    ReplayRate: "Rate", Beside, Some(ViewKind::DeadLetters), "Ctrl+G Tab", 256;
    ReplayText: "Value of the record", Form, Some(ViewKind::DeadLetters), "Ctrl+E", 4_194_304;
    SourceLine: "A setting of one line", Form, Some(ViewKind::Sources), "A", usize::MAX;
    SourceLines: "A setting of several lines", Form, Some(ViewKind::Sources), "A Tab Tab Tab Tab Tab Tab Tab Tab", usize::MAX;
    SendAddress: "URL", Form, Some(ViewKind::Send), "Ctrl+N", 8_192;
    SendLine: "Name of header 1", Form, Some(ViewKind::Send), "Ctrl+N Tab Tab Tab Tab Space Tab Tab Tab Tab Tab", 65_536;
    SendText: "Body", Form, Some(ViewKind::Send), "Ctrl+N Tab Tab Tab Tab Tab Tab Tab Tab Tab Tab Space Tab Tab Tab Tab Tab Tab Tab", 4_194_304;
    SendPath: "Path of the request", Form, Some(ViewKind::Send), "Ctrl+S", 200;
    SendTypedName: "Name of the target", Form, Some(ViewKind::Send), "Ctrl+N \"http://localhost:1/\" Ctrl+Enter", 256;
    LedgerSearch: "Target, call, id, operator, reason or letter", Filter, Some(ViewKind::Ledger), "Ctrl+F", 200;
    LedgerExport: "File of the export", Form, Some(ViewKind::Ledger), "E", 4_096;
    RecordExport: "File of the records", Form, Some(ViewKind::Messages), "Down X", 4_096;
    ReplayFile: "File to replay", Form, Some(ViewKind::Messages), "I", 4_096;
    SourceSecret: "Where a secret comes from", Form, Some(ViewKind::Sources), "A Tab Tab Tab Space Tab Tab", usize::MAX;
}

impl TextField {
    /// Its name to a screen reader; each setting of a source has its own instead.
    pub fn name(self) -> &'static str {
        self.place().name
    }

    /// The view that it is in; `None` = it lies over all of them.
    pub fn view(self) -> Option<ViewKind> {
        self.place().view
    }

    /// The keys that lead into it from its view, as `--keys` takes them.
    pub fn keys(self) -> &'static str {
        self.place().keys
    }

    /// What Ctrl+F leads into in a view; `None` = the view has none.
    pub(crate) fn filter_of(view: ViewKind) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.place().view == Some(view) && field.place().keys.ends_with("Ctrl+F"))
    }

    fn wanted() -> Id {
        Id::unique("text field that is wanted")
    }

    /// The keys go into it in the next frame that draws it.
    pub(crate) fn seek(self, ctx: &egui::Context) {
        let pass = ctx.cumulative_pass_nr();
        ctx.data_mut(|data| data.insert_temp(Self::wanted(), (self, pass)));
    }

    /// Whether it was wanted a moment ago; once.
    fn is_sought(self, ctx: &egui::Context) -> bool {
        let wanted = ctx.data(|data| data.get_temp::<(Self, u64)>(Self::wanted()));
        let is_sought = wanted.is_some_and(|(field, pass)| field == self && ctx.cumulative_pass_nr() <= pass + 2);
        if is_sought {
            ctx.data_mut(|data| data.remove::<(Self, u64)>(Self::wanted()));
        }
        is_sought
    }
}

/// A field to be drawn.
pub(crate) struct TextEntry<'a> {
    field: TextField,
    text: &'a mut String,
    name: &'a str,
    hint: &'a str,
    width_pt: f32,
    font: Option<FontId>,
    ink: Ink,
    num_lines: usize,
    is_first: bool,
    of: Option<u64>,
}

/// What was done in a field.
pub(crate) struct TextEntered {
    /// As egui has it.
    pub response: Response,
    /// Enter was pressed in it, where that does not begin a new line.
    pub is_done: bool,
}

impl<'a> TextEntry<'a> {
    /// The field of a place, as wide as there is room, which says its name as long as it is empty.
    pub(crate) fn new(field: TextField, text: &'a mut String) -> Self {
        let name = field.place().name;
        Self { field, text, name, hint: name, width_pt: f32::INFINITY, font: None, ink: Ink::Text, num_lines: 1, is_first: false, of: None }
    }

    /// Another name than that of its place.
    pub(crate) fn named(self, name: &'a str) -> Self {
        Self { name, ..self }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.name
    }

    /// What stands there as long as it is empty.
    pub(crate) fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    /// As wide as this, points.
    pub(crate) fn width(self, width_pt: f32) -> Self {
        Self { width_pt, ..self }
    }

    /// In another face.
    pub(crate) fn font(self, font: FontId) -> Self {
        Self { font: Some(font), ..self }
    }

    /// In another colour.
    pub(crate) fn ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }

    /// For several lines: Enter begins a new one.
    pub(crate) fn lines(self, num_lines: usize) -> Self {
        Self { num_lines, ..self }
    }

    /// The first of a form: the keys go into it as soon as it appears.
    pub(crate) fn first(self, is_first: bool) -> Self {
        Self { is_first, ..self }
    }

    /// What its text is of: once that is another, nothing that was typed before comes back by undoing.
    pub(crate) fn of(self, of: u64) -> Self {
        Self { of: Some(of), ..self }
    }

    /// Draws it.
    #[expect(clippy::disallowed_types, reason = "the one place that makes them")]
    pub(crate) fn ui(self, ui: &mut egui::Ui, tokens: &DesignTokens) -> TextEntered {
        let Self { field, text, name, hint, width_pt, font, ink, num_lines, is_first, of } = self;
        let place = field.place();
        let id = ui.make_persistent_id(("text field", field, name));
        let appears = (is_first || place.of == Use::Overlay) && ui.ctx().read_response(id).is_none();
        let is_several = num_lines > 1;
        let is_filled_in = matches!(place.of, Use::Form | Use::Beside);
        let hint_ink = if is_filled_in { Ink::Faint } else { Ink::Dim };
        let room: Margin = match (place.of, place.view) {
            (Use::Overlay, _) => margin(10, 8),
            (_, Some(ViewKind::Sources | ViewKind::Send)) => margin(8, 5),
            _ => margin(8, 3),
        };
        // Escape leaves such a field and nothing else; without a filter of its own egui takes the focus away before anybody looks.
        let is_left_alone = matches!(place.of, Use::Filter | Use::Beside);
        let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, escape: is_left_alone, ..EventFilter::default() };
        if let Some(of) = of {
            end_undo_of_another(ui.ctx(), id, of);
        }
        let shown_hint = RichText::new(hint).color(tokens.ink(hint_ink));
        let shown_hint = if is_filled_in { shown_hint.size(12.0) } else { shown_hint };
        let response = if is_several && is_long(ui.ctx(), id, text) {
            let font = font.unwrap_or_else(|| egui::FontSelection::Default.resolve(ui.style()));
            let num_rows = num_lines.max(LONG_ROWS_MIN);
            LongField { id, text, hint: shown_hint, width_pt, num_rows, font, color: tokens.ink(ink), room, chars_max: place.chars_max, filter }.ui(ui)
        } else {
            let edit = if is_several {
                egui::TextEdit::multiline(text).desired_rows(num_lines)
            } else {
                egui::TextEdit::singleline(text).align(egui::Align2::LEFT_CENTER)
            };
            let mut edit = edit.id(id).margin(room).desired_width(width_pt).char_limit(place.chars_max).text_color(tokens.ink(ink)).event_filter(filter);
            edit = edit.hint_text(shown_hint);
            if let Some(font) = font {
                edit = edit.font(font);
            }
            ui.add(edit)
        };
        let role = match (place.of, is_several) {
            (Use::Overlay | Use::Filter, _) => Role::SearchInput,
            (Use::Form | Use::Beside, false) => Role::TextInput,
            (Use::Form | Use::Beside, true) => Role::MultilineTextInput,
        };
        response.widget_info(|| WidgetInfo::labeled(role, true, name));
        if appears || field.is_sought(ui.ctx()) {
            response.request_focus();
            if place.of != Use::Form {
                // What was looked for last is there to be looked for again, or typed over.
                select_all(ui.ctx(), id, text.chars().count());
            }
        }
        if is_left_alone && response.has_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
            response.surrender_focus();
        }
        let is_done = !is_several && response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        TextEntered { response, is_done }
    }
}

/// Where a field held the text of something else until now, nothing of that can be undone.
fn end_undo_of_another(ctx: &egui::Context, id: Id, of: u64) {
    let key = id.with("what its text is of");
    let before = ctx.data_mut(|data| {
        let before = data.get_temp::<u64>(key);
        data.insert_temp(key, of);
        before
    });
    if before != Some(of) {
        forget(ctx, id);
    }
}

#[expect(clippy::disallowed_types, reason = "the one place that makes them")]
fn select_all(ctx: &egui::Context, id: Id, num_chars: usize) {
    if let Some(mut state) = egui::TextEdit::load_state(ctx, id) {
        state.cursor.set_char_range(Some(CCursorRange::two(CCursor::new(0), CCursor::new(num_chars))));
        egui::TextEdit::store_state(ctx, id, state);
    }
}
