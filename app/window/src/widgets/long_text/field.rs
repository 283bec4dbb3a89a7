//! Draws a long text in a field of its own height that scrolls, and takes what is done in it.

use std::{ops::Range, sync::Arc};

use egui::{
    Color32, Event, EventFilter, FontId, FontSelection, Galley, Id, Margin, OutputCommand, Pos2, Rangef, Rect, Response, RichText, Sense, TextWrapMode,
    WidgetText,
    accesskit::{Action, ActionData, ActionRequest, TreeId},
    class::Classes,
    emath::TSTransform,
    mutex::Mutex,
    pos2,
    scroll_area::{DragScroll, ScrollArea, ScrollSource},
    text::{CCursor, CCursorRange, CharIndex, LayoutJob},
    text_edit::TextEditState,
    text_selection::{
        accesskit_text::update_accesskit_for_text_widget,
        text_cursor_state::cursor_rect,
        visuals::{paint_text_cursor, paint_text_selection},
    },
    vec2,
    widget_style::TextEditStyle,
};

use super::{
    events::Typing,
    pressed::Pressed,
    rows::{Measure, Widths, is_boundary},
    text::{Caret, LongText},
};

/// A text that is longer than this is edited here, bytes.
const LONG_FROM_BYTES: usize = 32 << 10;
/// One that was, still is as long as it is longer than this or has the keys, bytes.
const LONG_TO_BYTES: usize = 16 << 10;
/// Room for the bar right of the rows, points.
const BAR_PT: f32 = 12.0;
/// A tab, in spaces, as fonts have it here.
const TAB_SPACES: f32 = 4.0;

/// What is kept of a field between frames.
struct Held {
    text: LongText,
    widths: Widths,
    /// How wide the rows are, points.
    width_pt: f32,
    /// How far down it is scrolled, points.
    offset_pt: f32,
    /// The place that is to stand at the top again, bytes.
    wanted_top: Option<usize>,
    /// What was drawn last.
    shown: Option<Shown>,
    /// What the desktop was told to be selected, bytes.
    reported: Range<usize>,
    /// The caret, as it was when it was brought into view last.
    seen_caret: Caret,
    pressed: Pressed,
}

/// Where it is kept.
type Keeping = Arc<Mutex<Option<Held>>>;

fn keeping(ctx: &egui::Context, id: Id) -> Keeping {
    ctx.data_mut(|data| data.get_temp_mut_or_default::<Keeping>(id.with("long text")).clone())
}

/// Whether a text is edited here: it is long, or was while it has the keys.
pub(crate) fn is_long(ctx: &egui::Context, id: Id, text: &str) -> bool {
    if text.len() > LONG_FROM_BYTES {
        return true;
    }
    let held = ctx.data(|data| data.get_temp::<Keeping>(id.with("long text")));
    let Some(held) = held.filter(|held| held.lock().is_some()) else { return false };
    let is_long = text.len() > LONG_TO_BYTES || ctx.memory(|memory| memory.has_focus(id));
    if !is_long {
        *held.lock() = None;
    }
    is_long
}

/// Nothing that was typed into a field, short or long, can be undone any more.
pub(crate) fn forget(ctx: &egui::Context, id: Id) {
    *keeping(ctx, id).lock() = None;
    if let Some(mut state) = TextEditState::load(ctx, id) {
        state.clear_undoer();
        state.store(ctx, id);
    }
}

/// A field to be drawn.
pub(crate) struct LongField<'a> {
    /// Which.
    pub id: Id,
    /// Its text.
    pub text: &'a mut String,
    /// What stands there as long as it is empty.
    pub hint: RichText,
    /// How wide it is, points; infinite = as there is room.
    pub width_pt: f32,
    /// Rows that are in view.
    pub num_rows: usize,
    /// Its face.
    pub font: FontId,
    /// Its colour.
    pub color: Color32,
    /// Around the rows.
    pub room: Margin,
    /// Characters that it has room for.
    pub chars_max: usize,
    /// Which keys are for it.
    pub filter: EventFilter,
}

/// Rows that are drawn as one text, each with an end.
#[derive(Clone)]
struct Shown {
    /// The first.
    first: usize,
    galley: Arc<Galley>,
    /// With which character of that text each begins.
    begins: Vec<usize>,
}

impl Shown {
    /// A place of the text, among what is drawn; what lies before or behind is at its end.
    fn cursor(&self, text: &LongText, at: usize, row: usize) -> CCursor {
        let index = match row.checked_sub(self.first) {
            None => 0,
            Some(nth) => self.begins.get(nth).map_or(self.galley.end().index.0, |begins| {
                let seen = text.rows().seen(row, text.text());
                begins + text.text()[seen.start..at.clamp(seen.start, seen.end)].chars().count()
            }),
        };
        CCursor { index: CharIndex(index), prefer_next_row: true }
    }

    /// What is selected, among what is drawn.
    fn range(&self, text: &LongText) -> CCursorRange {
        let Caret { at, anchor, .. } = text.caret();
        CCursorRange::two(self.cursor(text, anchor, text.rows().row_of(anchor)), self.cursor(text, at, text.caret_row()))
    }

    /// The row and the place of what is drawn.
    fn place(&self, text: &LongText, cursor: CCursor) -> (usize, usize) {
        let cursor = self.galley.layout_from_cursor(cursor);
        let row = (self.first + cursor.row).min(text.rows().len() - 1);
        let seen = text.rows().seen(row, text.text());
        let row_text = &text.text()[seen.clone()];
        let mut at = seen.start + row_text.char_indices().nth(cursor.column.0).map_or(row_text.len(), |(len, _)| len);
        while !is_boundary(text.text(), at) && at > seen.start {
            at = text.text().floor_char_boundary(at - 1);
        }
        (row, at)
    }
}

impl LongField<'_> {
    /// Draws it.
    pub(crate) fn ui(self, ui: &mut egui::Ui) -> Response {
        let Self { id, ref font, .. } = self;
        let ctx = ui.ctx().clone();
        let style: TextEditStyle = ui.widget_style(id, &Classes::default());
        let mut frame = style.atom_layout.frame;
        frame.inner_margin = self.room - Margin::from(frame.stroke.width);
        let line_pt = ui.fonts_mut(|fonts| fonts.row_height(font)) + ui.spacing().extra_text_line_spacing;
        let inner = vec2(self.width_pt.min(ui.available_width()) - frame.total_margin().sum().x, line_pt * self.num_rows as f32);
        let keeping = keeping(&ctx, id);
        let mut keeping = keeping.lock();
        let held = self.take_text(ui, &mut keeping, (inner.x - BAR_PT).max(BAR_PT));
        let is_changed = self.take_events(ui, held);
        if is_changed {
            self.text.clear();
            self.text.push_str(held.text.text());
        }
        let has_moved = held.seen_caret != held.text.caret();
        let mut response = frame.show(ui, |ui| self.scrolled_ui(ui, held, inner, line_pt, has_moved)).inner;
        if is_changed {
            response.mark_changed();
        }
        ctx.accesskit_node_builder(id, |builder| {
            builder.set_value(held.text.text());
            builder.add_action(Action::SetValue);
            builder.add_action(Action::ReplaceSelectedText);
        });
        response
    }

    fn glyph_width(&self, ui: &egui::Ui) -> impl FnMut(char) -> f32 {
        |c| ui.fonts_mut(|fonts| fonts.glyph_width(&self.font, c))
    }

    /// Takes in the text as it is, in rows as wide as there is room.
    fn take_text<'h>(&self, ui: &egui::Ui, keeping: &'h mut Option<Held>, width_pt: f32) -> &'h mut Held {
        let mut font = self.glyph_width(ui);
        let mut ascii: [f32; 128] = std::array::from_fn(|code| font(char::from(code as u8)));
        ascii[usize::from(b'\t')] = ascii[usize::from(b' ')] * TAB_SPACES;
        let held = keeping.get_or_insert_with(|| {
            let mut widths = Widths::of(&ascii);
            let mut text = LongText::new(self.text, width_pt, &mut Measure { widths: &mut widths, font: &mut font });
            // It may have been short a moment ago, and typed into.
            let before = TextEditState::load(ui.ctx(), self.id);
            let cursor = before.as_ref().and_then(|state| state.cursor.char_range());
            let place = |cursor: CCursor| self.text.char_indices().nth(cursor.index.0).map_or(self.text.len(), |(at, _)| at);
            text.put(cursor.map_or(Caret::default(), |range| Caret { at: place(range.primary), anchor: place(range.secondary), leans_back: false }));
            if let Some(state) = &before {
                text.remember(&texts_before(state, self.text));
            }
            // By its state, and not by what it undoes, a field is known as one where text is typed.
            let mut state = before.unwrap_or_default();
            state.clear_undoer();
            state.store(ui.ctx(), self.id);
            let seen_caret = if cursor.is_some() { Caret { at: usize::MAX, ..Caret::default() } } else { text.caret() };
            Held { text, widths, width_pt, offset_pt: 0.0, wanted_top: None, shown: None, reported: 0..0, seen_caret, pressed: Pressed::default() }
        });
        let Held { text, widths, .. } = held;
        if widths.ascii.map(f32::to_bits) != ascii.map(f32::to_bits) {
            (*widths, held.width_pt) = (Widths::of(&ascii), 0.0);
        }
        let mut measure = Measure { widths, font: &mut font };
        if (held.width_pt - width_pt).abs() > 0.1 {
            // What stands at the top stays there.
            held.wanted_top = held.shown.as_ref().map(|shown| text.rows().start(shown.first));
            held.width_pt = width_pt;
            text.wrap(width_pt, &mut measure);
        }
        text.take(self.text, &mut measure);
        held
    }

    /// Takes what keys do; whether the text is another.
    fn take_events(&self, ui: &egui::Ui, held: &mut Held) -> bool {
        let (id, ctx) = (self.id, ui.ctx());
        let has_focus = ctx.memory(|memory| memory.has_focus(id));
        let owns_ime = ctx.memory(|memory| memory.owns_ime_events(id));
        if !owns_ime {
            held.text.settle();
        }
        let set_value = ui.input(|input| {
            let values = input.accesskit_action_requests(id, Action::SetValue).filter_map(|request| match &request.data {
                Some(ActionData::Value(value)) => Some(value.to_string()),
                _ => None,
            });
            values.last()
        });
        if !has_focus && set_value.is_none() {
            return false;
        }
        let Held { text, widths, shown, .. } = held;
        let mut font = self.glyph_width(ui);
        let measure = Measure { widths, font: &mut font };
        let os = ctx.os();
        let mut typing = Typing { text, measure, chars_max: self.chars_max, num_rows: self.num_rows, owns_ime, os };
        if let Some(value) = set_value {
            typing.text.select_all();
            typing.write(&value, false);
        }
        if has_focus {
            ctx.memory_mut(|memory| memory.set_focus_lock_filter(id, self.filter));
            for event in ui.input(|input| input.filtered_events(&self.filter)) {
                match &event {
                    Event::AccessKitActionRequest(ActionRequest {
                        action: Action::ReplaceSelectedText,
                        target_node,
                        target_tree,
                        data: Some(ActionData::Value(value)),
                    }) if *target_node == id.accesskit_id() && *target_tree == TreeId::ROOT => {
                        typing.write(value, false);
                    }
                    Event::AccessKitActionRequest(_) => {
                        if let Some(shown) = shown {
                            let mut range = CCursorRange::default();
                            if range.on_event(os, &event, &shown.galley, id) {
                                let ((_, at), (_, anchor)) = (shown.place(typing.text, range.primary), shown.place(typing.text, range.secondary));
                                typing.text.put(Caret { at, anchor, leans_back: false });
                            }
                        }
                    }
                    event => {
                        if let Some(copied) = typing.take(event) {
                            ctx.copy_text(copied);
                        }
                    }
                }
            }
        }
        held.text.text() != self.text.as_str()
    }

    /// The rows in view, and the bar beside them.
    fn scrolled_ui(&self, ui: &mut egui::Ui, held: &mut Held, size: egui::Vec2, line_pt: f32, has_moved: bool) -> Response {
        let top_left = ui.cursor().min;
        let source = ScrollSource { drag: DragScroll::Never, ..ScrollSource::default() };
        let mut area = ScrollArea::vertical().id_salt(self.id).max_height(size.y).min_scrolled_height(size.y).auto_shrink([false, false]).scroll_source(source);
        let top = held.wanted_top.take().map(|top| held.text.rows().row_of(top.min(held.text.text().len())) as f32 * line_pt);
        if has_moved {
            held.seen_caret = held.text.caret();
            let row_pt = held.text.caret_row() as f32 * line_pt;
            let offset_pt = top.unwrap_or(held.offset_pt).clamp((row_pt + line_pt - size.y).max(0.0), row_pt);
            area = area.vertical_scroll_offset(offset_pt);
        } else if let Some(top) = top {
            area = area.vertical_scroll_offset(top);
        }
        ui.set_width(size.x);
        let rect = Rect::from_min_size(top_left, size);
        let output = area.show_viewport(ui, |ui, viewport| {
            ui.set_height(held.text.rows().len() as f32 * line_pt);
            // A long text is longer than small parts of it can be told apart: what is drawn is placed from the first row that is.
            let first = ((f64::from(viewport.min.y) / f64::from(line_pt)) as usize).min(held.text.rows().len() - 1);
            let above_pt = (f64::from(viewport.min.y) - first as f64 * f64::from(line_pt)) as f32;
            self.rows_ui(ui, held, rect, first, pos2(rect.left(), rect.top() - above_pt), line_pt)
        });
        held.offset_pt = output.state.clamped_offset().y;
        let (response, caret) = output.inner;
        if has_moved {
            ui.scroll_to_rect(caret, None);
        }
        response
    }

    /// The rows in view, the first at this place; where the caret is.
    fn rows_ui(&self, ui: &mut egui::Ui, held: &mut Held, rect: Rect, first: usize, at: Pos2, line_pt: f32) -> (Response, Rect) {
        let id = self.id;
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let mut shown = self.lay_out(ui, &held.text, first, line_pt);
        if shown.galley.size().x > rect.width() && (Measure { widths: &mut held.widths, font: &mut self.glyph_width(ui) }).is_outdated(shown.galley.text()) {
            // A face has come that has them.
            (held.widths, held.width_pt) = (Widths::of(&held.widths.ascii), 0.0);
            ui.ctx().request_repaint();
        }
        if response.hovered() {
            ui.set_cursor_icon(egui::CursorIcon::Text);
            ui.output_mut(|output| output.mutable_text_under_cursor = true);
        }
        self.take_pointer(ui, held, &response, &shown, at, line_pt);
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        let range = shown.range(&held.text);
        let caret = cursor_rect(&shown.galley, &range.primary, line_pt).translate(at.to_vec2());
        held.shown = Some(shown.clone());
        if has_focus {
            paint_text_selection(&mut shown.galley, ui.visuals(), &range, None);
        }
        let painter = ui.painter_at(rect.expand(1.0));
        painter.galley(at, Arc::clone(&shown.galley), self.color);
        if held.text.text().is_empty() {
            let hint = WidgetText::from(self.hint.clone()).into_galley(ui, Some(TextWrapMode::Truncate), rect.width(), FontSelection::Default);
            painter.galley(at, hint, self.color);
        }
        let composed = held.text.composed().map(|composed| {
            let ends = [composed.start, composed.end].map(|at| shown.cursor(&held.text, at, held.text.rows().row_of(at)));
            ends.map(|cursor| cursor_rect(&shown.galley, &cursor, line_pt).translate(at.to_vec2()))
        });
        if let Some([start, end]) = composed.filter(|[start, end]| start.top().total_cmp(&end.top()).is_eq()) {
            painter.hline(start.center().x..=end.center().x, start.bottom() - 1.5, egui::Stroke::new(1.0, self.color));
        }
        let is_in_view = rect.intersects(caret) && (first..first + shown.begins.len()).contains(&held.text.caret_row());
        if has_focus && is_in_view && ui.input(|input| input.focused) {
            paint_text_cursor(ui, &painter, caret, 0.0);
        }
        if has_focus && ui.memory(|memory| memory.owns_ime_events(id)) {
            let to_global = ui.ctx().layer_transform_to_global(ui.layer_id()).unwrap_or_default();
            let (rect, cursor_rect) = (to_global * rect, to_global * caret);
            let ime = egui::output::IMEOutput { purpose: egui::IMEPurpose::Normal, rect, cursor_rect, should_interrupt_composition: false };
            ui.output_mut(|output| output.ime = Some(ime));
        }
        update_accesskit_for_text_widget(ui.ctx(), id, has_focus.then_some(range), TSTransform::from_translation(at.to_vec2()), &shown.galley);
        (response, caret)
    }

    /// The rows from this one on that are in view.
    fn lay_out(&self, ui: &egui::Ui, text: &LongText, first: usize, line_pt: f32) -> Shown {
        let end = (first + self.num_rows + 2).min(text.rows().len());
        let (mut begins, mut num_chars, mut rows) = (Vec::new(), 0, String::new());
        for row in first..end {
            if row > first {
                rows.push('\n');
                num_chars += 1;
            }
            begins.push(num_chars);
            let row = &text.text()[text.rows().seen(row, text.text())];
            rows.push_str(row);
            num_chars += row.chars().count();
        }
        let mut job = LayoutJob::simple(rows, self.font.clone(), self.color, f32::INFINITY);
        job.keep_trailing_whitespace = true;
        job.sections.iter_mut().for_each(|section| section.format.line_height = Some(line_pt));
        Shown { first, galley: ui.fonts_mut(|fonts| fonts.layout_job(job)), begins }
    }

    /// Takes what the pointer does: a place, a word, a line, and what is selected up to there.
    fn take_pointer(&self, ui: &egui::Ui, held: &mut Held, response: &Response, shown: &Shown, at: Pos2, line_pt: f32) {
        let ctx = ui.ctx();
        let (is_pressed, shift, passed_s) = ui.input(|input| (input.pointer.primary_pressed(), input.modifiers.shift, input.stable_dt));
        let is_pressed = is_pressed && response.hovered() && response.interact_pointer_pos().is_some();
        let pos = response.interact_pointer_pos().or_else(|| {
            let from_global = ctx.layer_transform_from_global(response.layer_id).unwrap_or_default();
            ui.input(|input| input.pointer.interact_pos()).map(|pos| from_global * pos)
        });
        let is_dragged = held.pressed.follow(ui, response, pos, is_pressed);
        if let Some(pos) = pos.filter(|_| is_pressed || is_dragged) {
            held.text.settle();
            let rows = response.rect.y_range();
            let is_beyond = !is_pressed && !rows.contains(pos.y);
            let (row, place) = if is_beyond {
                let [top, bottom] = [rows.min, rows.max].map(|y| (y - at.y) / line_pt);
                let mut measure = Measure { widths: &mut held.widths, font: &mut self.glyph_width(ui) };
                held.pressed.beyond(&held.text, shown.first, (pos - at) / vec2(1.0, line_pt), Rangef::new(top, bottom), passed_s, &mut measure)
            } else {
                held.pressed.comes_back();
                shown.place(&held.text, shown.galley.cursor_from_pos(pos - at))
            };
            if is_pressed {
                held.text.press(row, place, held.pressed.again(ui, response, pos), shift);
            } else {
                held.text.drag(row, place);
            }
            let end = if pos.y < rows.min { 0 } else { held.text.text().len() };
            if is_beyond && held.pressed.is_held && place != end {
                // It goes on, however still the pointer is held.
                ctx.request_repaint();
            }
        }
        if is_pressed || is_dragged || response.clicked() {
            ctx.memory_mut(|memory| memory.request_focus(self.id));
        }
        let selected = held.text.caret().range();
        if selected != held.reported && !ui.input(|input| input.pointer.any_down()) {
            held.reported = selected;
            if !held.text.selected().is_empty() {
                ctx.send_cmd(OutputCommand::TextSelectionSettled(held.text.selected().to_owned()));
            }
        }
    }
}

/// The texts that a short field can go back to, the oldest first.
fn texts_before(state: &TextEditState, text: &str) -> Vec<String> {
    let mut undoer = state.undoer();
    let mut now = (state.cursor.char_range().unwrap_or_default(), text.to_owned());
    let mut texts = Vec::new();
    while let Some(before) = undoer.undo(&now).cloned() {
        if before.1 != now.1 {
            texts.push(before.1.clone());
        }
        now = before;
    }
    texts.reverse();
    texts
}
