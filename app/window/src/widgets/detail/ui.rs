//! Draws what is known of an object.

use std::{collections::HashMap, sync::Arc};

use egui::{Align, Id, Layout, Pos2, Rect, RichText, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{Detail, Row, Section};
use crate::{
    figures, fonts,
    ink::{Glyph, Tone, fitted, glyph, tone_inks},
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_BODY_PT, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::{UiCommand, ViewAction},
    widgets::{
        breaker_strip::{Piece, pointed_ui, strip_ui},
        heat_strip, object_menu,
        selectable::Texts,
        stack_trace::stack_ui,
    },
};

/// Room left and right, points.
const MARGIN_PT: i8 = 18;
/// A line of words is no longer than eyes follow to the next, points: some 100 characters.
const MEASURE_PT: f32 = 640.0;
/// Height of a row, points.
const ROW_PT: f32 = 21.0;
/// Rows and characters of a long value that are seen at first.
const FIRST_ROWS: usize = 6;
const FIRST_CHARS: usize = 2_000;

/// Draws heading, kind and sentences; whether it is to be copied.
pub(crate) fn head_ui(ui: &mut egui::Ui, detail: &Detail, tokens: &DesignTokens) -> Option<ViewAction> {
    let mut asked = None;
    egui::Frame::new().inner_margin(egui::Margin { left: MARGIN_PT, right: MARGIN_PT, top: 14, bottom: 12 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 5.0);
        ui.horizontal(|ui| {
            let room = (ui.available_width() - 60.0).max(60.0);
            let galley = fitted(ui.painter(), &detail.title, &fonts::strong(TEXT_HEADING_PT), room);
            let (rect, response) = ui.allocate_exact_size(vec2(room, 24.0), Sense::hover());
            let at = pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
            Texts::of(ui, &response).put(at, galley, tokens.ink(Ink::Text), &detail.title);
            response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &detail.title));
            response.on_hover_text(&detail.title);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let copy = egui::Button::new(RichText::new("Copy").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).min_size(vec2(46.0, 24.0));
                if ui.add(copy).on_hover_text("As text; JSON and Markdown are in the menu").clicked() {
                    asked = Some(ViewAction::Run(UiCommand::CopyText));
                }
            });
        });
        ui.set_max_width(ui.available_width().min(MEASURE_PT));
        ui.add(egui::Label::new(RichText::new(&detail.kind).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).wrap());
        for (text, tone) in &detail.verdict {
            let ink = if *tone == Tone::Quiet { Ink::Text } else { tone_inks(*tone).0 };
            ui.add(egui::Label::new(RichText::new(text).color(tokens.ink(ink))).wrap());
        }
    });
    asked
}

/// Draws a section with a line above it; what was clicked.
pub(crate) fn section_ui(ui: &mut egui::Ui, section: &Section, tokens: &DesignTokens) -> Option<ViewAction> {
    let mut asked = None;
    framed_ui(ui, &section.title, &section.note, tokens, |ui| {
        let key_width = key_width(ui, &section.rows);
        let mut num_of: HashMap<&str, usize> = HashMap::new();
        for row in &section.rows {
            // Told by its name, a row keeps the keys while others come and go above it.
            let nth = num_of.entry(row.name()).or_default();
            let id = ui.scope_id().with((&section.title, row.name(), *nth));
            *nth += 1;
            asked = row_ui(ui, id, row, key_width, tokens).or(asked.take());
        }
    });
    asked
}

/// Draws a section of something else than rows.
pub(crate) fn framed_ui(ui: &mut egui::Ui, title: &str, note: &str, tokens: &DesignTokens, content: impl FnOnce(&mut egui::Ui)) {
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(line.x_range(), line.center().y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    egui::Frame::new().inner_margin(egui::Margin::symmetric(MARGIN_PT, 10)).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 3.0);
        if !title.is_empty() {
            ui.horizontal(|ui| {
                ui.label(RichText::new(title).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add(egui::Label::new(RichText::new(note).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).truncate());
                });
            });
            ui.add_space(1.0);
        }
        content(ui);
    });
}

/// Room for the names of a section's pairs: enough for the longest, but at most half of all.
fn key_width(ui: &egui::Ui, rows: &[Row]) -> f32 {
    let width = ui.available_width();
    let key = |row: &Row| match row {
        Row::Pair { key, .. } => Some(key.chars().count()),
        _ => None,
    };
    // The face is mono: all characters are as wide as this one.
    let char_width = ui.ctx().fonts_mut(|fonts| fonts.glyph_width(&fonts::data(TEXT_SMALL_PT), '0'));
    let longest = rows.iter().filter_map(key).max().unwrap_or(0) as f32 * char_width + 12.0;
    longest.min(width * 0.5).max((width * 0.4).clamp(60.0, 220.0))
}

fn sought() -> Id {
    Id::unique("link that is sought")
}

/// Of the rows that are drawn from here on the first that leads anywhere gets the keys, or none does. Whether one was sought in vain until now.
pub(crate) fn seek_link(ctx: &egui::Context, is_sought: bool) -> bool {
    ctx.data_mut(|data| std::mem::replace(data.get_temp_mut_or_default(sought()), is_sought))
}

/// Takes room for a row, which is told by its id.
fn room_for(ui: &mut egui::Ui, id: Id, size: egui::Vec2, is_link: bool) -> (Rect, egui::Response) {
    let (_, rect) = ui.allocate_space(size);
    (rect, ui.interact(rect, id, if is_link { Sense::click() } else { Sense::hover() }))
}

/// Draws a row; what was clicked. `id` is the row's.
fn row_ui(ui: &mut egui::Ui, id: Id, row: &Row, key_width: f32, tokens: &DesignTokens) -> Option<ViewAction> {
    let leads = row.action().is_some();
    let response = match row {
        Row::Text { text, tone } => ui.add(egui::Label::new(RichText::new(text).size(12.0).color(tokens.ink(tone_inks(*tone).0))).wrap()),
        Row::Pair { key, value, how, tone, .. } => {
            let ink = match (tone, leads) {
                (Tone::Quiet, true) => Ink::Accent,
                (Tone::Quiet, false) => Ink::Text,
                (tone, _) => tone_inks(*tone).0,
            };
            pair_ui(ui, id, [key, value, how], key_width, ink, leads, tokens)
        }
        Row::Stack { key, how, stack } => return stack_ui(ui, id.with((stack.text.len(), stack.num_lines())), key, how, stack, tokens),
        Row::Link { glyph, label, value, detail, tone, .. } => link_ui(ui, id, *glyph, [label, value, detail], *tone, leads, tokens),
        Row::Figure { label, value, other, tone } => figure_ui(ui, [label, value, other], *tone, tokens),
        Row::Spark { label, value, change, tone, points, num_before } => spark_ui(ui, [label, value, change], *tone, (points, *num_before), tokens),
        Row::Bar { label, detail, value, share, tone, .. } => bar_ui(ui, id, [label, detail, value], *share, *tone, leads, tokens),
        Row::Share { label, value, share, tone } => share_ui(ui, [label, value], *share, *tone, tokens),
        Row::Strip { label, value, detail, tone, pieces, .. } => breaker_ui(ui, id, [label, value, detail], *tone, pieces, leads, tokens),
        Row::Heat { cells } => {
            heat_strip::ui(ui, cells, tokens);
            return None;
        }
        Row::Paste { text } => return paste_ui(ui, text, tokens).then(|| ViewAction::Copy(text.clone())),
    };
    if leads && seek_link(ui.ctx(), false) {
        response.request_focus();
        response.scroll_to_me(None);
    }
    if leads && response.secondary_clicked() {
        object_menu::offer(ui.ctx(), row.copied(), row.action());
    }
    if response.clicked() { row.action().cloned() } else { None }
}

/// A name left, what it is beside it, how it was read at the end. Of a long value the first lines are seen, and all on request.
fn pair_ui(ui: &mut egui::Ui, id: Id, [key, value, how]: [&str; 3], key_width: f32, ink: Ink, is_link: bool, tokens: &DesignTokens) -> egui::Response {
    let is_long = value.len() > FIRST_CHARS / 8 || value.contains('\n');
    let shows_all = is_long && ui.data(|data| data.get_temp(id)).unwrap_or(false);
    let first = if shows_all { value } else { value.char_indices().nth(FIRST_CHARS).map_or(value, |(end, _)| &value[..end]) };
    let width = ui.available_width();
    let painter = ui.painter().clone();
    let wrapped = |text: &str, size_pt: f32, ink: Ink, room: f32, rows_max: usize, anywhere: bool| {
        let mut job = egui::text::LayoutJob::simple(text.to_owned(), fonts::data(size_pt), tokens.ink(ink), room);
        job.wrap.break_anywhere = anywhere;
        job.wrap.max_rows = rows_max;
        painter.layout_job(job)
    };
    let key_galley = wrapped(key, TEXT_SMALL_PT, Ink::Dim, key_width - 10.0, 3, false);
    // It may be a word of state: it is never cut, but goes on below.
    let how_room = ((width - key_width) * 0.62).max(20.0);
    let how_galley = (!how.is_empty()).then(|| painter.layout(how.to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Faint), how_room));
    let room = (width - key_width - how_galley.as_ref().map_or(0.0, |galley| galley.size().x + 8.0)).max(20.0);
    // A sentence goes on with a word, an id with whatever character comes.
    let value_galley = wrapped(first, 12.0, ink, room, if shows_all { usize::MAX } else { FIRST_ROWS }, !first.contains(' '));
    let has_more = is_long && (shows_all || value_galley.elided || first.len() < value.len());
    let how_height = how_galley.as_ref().map_or(0.0, |galley| galley.size().y);
    let height = ROW_PT.max(value_galley.size().y.max(key_galley.size().y).max(how_height) + 5.0);
    let (rect, response) = room_for(ui, id, vec2(width, height), is_link);
    if is_link && (response.hovered() || response.has_focus()) {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let top = rect.top() + 2.5;
    let texts = Texts::of(ui, &response);
    texts.put(pos2(rect.left(), top), key_galley, tokens.ink(Ink::Dim), key);
    texts.put(pos2(rect.left() + key_width, top), value_galley, tokens.ink(ink), value);
    if let Some(galley) = how_galley {
        texts.put(pos2(rect.right() - galley.size().x, top), galley, tokens.ink(Ink::Faint), how);
    }
    let role = if is_link { Role::Button } else { Role::Label };
    response.widget_info(|| WidgetInfo::labeled(role, true, if how.is_empty() { format!("{key} {value}") } else { format!("{key} {value}, {how}") }));
    let response = response.on_hover_text(key);
    if has_more {
        ui.horizontal(|ui| {
            ui.add_space(key_width);
            let text = if shows_all { "Show less".to_owned() } else { format!("Show all, {}", figures::things(value.len() as u64, "byte", "bytes")) };
            let label = RichText::new(&text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Accent));
            let more = ui.add(egui::Label::new(label).selectable(false).sense(Sense::click())).on_hover_cursor(egui::CursorIcon::PointingHand);
            more.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{text} of {key}")));
            if more.clicked() {
                ui.data_mut(|data| data.insert_temp(id, !shows_all));
            }
        });
    }
    response
}

/// A sign, a name, a figure at the end, and more below.
fn link_ui(
    ui: &mut egui::Ui,
    id: Id,
    sign: Option<Glyph>,
    [label, value, detail]: [&str; 3],
    tone: Tone,
    is_link: bool,
    tokens: &DesignTokens,
) -> egui::Response {
    let inset = if sign.is_some() { 20.0 } else { 0.0 };
    let width = ui.available_width();
    // What only leads elsewhere looks like a link; one of a list is told by its figures.
    let quiet = if is_link && value.is_empty() && detail.is_empty() { Ink::Accent } else { Ink::Text };
    let color = tokens.ink(if tone == Tone::Quiet { quiet } else { tone_inks(tone).0 });
    let painter = ui.painter().clone();
    let value_ink = tokens.ink(if is_link { Ink::Dim } else { Ink::Text });
    let value_galley = painter.layout_no_wrap(value.to_owned(), fonts::data(12.0), value_ink);
    // Figures that leave no room for the name stand below it, whole.
    let is_below = value_galley.size().x > (width - inset) * 0.6;
    let below_galley = is_below.then(|| painter.layout(value.to_owned(), fonts::data(12.0), value_ink, (width - inset).max(20.0)));
    let value_galley = (!is_below).then_some(value_galley);
    let value_room = value_galley.as_ref().map_or(0.0, |galley| galley.size().x + 10.0);
    let label_galley = fitted(&painter, label, &fonts::words(12.5), (width - inset - value_room).max(20.0));
    let detail_galley =
        (!detail.is_empty()).then(|| painter.layout(detail.to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim), (width - inset).max(20.0)));
    let more_height = |galley: Option<&Arc<egui::Galley>>| galley.map_or(0.0, |galley| galley.size().y + 2.0);
    let height = 22.0 + more_height(below_galley.as_ref()) + more_height(detail_galley.as_ref());
    let (rect, response) = room_for(ui, id, vec2(width, height), is_link);
    if is_link && (response.hovered() || response.has_focus()) {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let first = Rect::from_min_size(rect.min, vec2(width, 22.0));
    if let Some(sign) = sign {
        glyph::paint(&painter, sign, pos2(first.left() + 6.0, first.center().y), 5.0, color);
    }
    let middle = |galley: &egui::Galley| first.center().y - galley.size().y / 2.0;
    let texts = Texts::of(ui, &response);
    texts.put(pos2(first.left() + inset, middle(&label_galley)), label_galley, color, label);
    if let Some(galley) = value_galley {
        texts.put(pos2(first.right() - galley.size().x, middle(&galley)), galley, value_ink, value);
    }
    let mut top = first.bottom() - 1.0;
    for (galley, color, whole) in [(below_galley, value_ink, value), (detail_galley, tokens.ink(Ink::Dim), detail)] {
        let Some(galley) = galley else { continue };
        let height = galley.size().y + 2.0;
        texts.put(pos2(first.left() + inset, top), galley, color, whole);
        top += height;
    }
    let role = if is_link { Role::Button } else { Role::Label };
    response.widget_info(|| {
        let parts: Vec<&str> = [label, value, detail].into_iter().filter(|part| !part.is_empty()).collect();
        WidgetInfo::labeled(role, true, parts.join(", "))
    });
    response
}

/// A label, its figure on the right, and the other end's figure right of it.
fn figure_ui(ui: &mut egui::Ui, [label, value, other]: [&str; 3], tone: Tone, tokens: &DesignTokens) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    response.widget_info(|| {
        let text = if other.is_empty() { format!("{label} {value}") } else { format!("{label} {value}, {other}") };
        WidgetInfo::labeled(Role::Label, true, text)
    });
    let painter = ui.painter();
    let ink = if tone == Tone::Quiet { Ink::Text } else { tone_inks(tone).0 };
    // Figures are whole; what they measure gives way.
    let other_galley = painter.layout_no_wrap(other.to_owned(), fonts::data(12.5), tokens.ink(Ink::Dim));
    let column = (rect.width() * 0.3).clamp(72.0, 110.0).max(other_galley.size().x + 8.0);
    let value_right = if other.is_empty() { rect.right() } else { rect.right() - column };
    let value_galley = painter.layout_no_wrap(value.to_owned(), fonts::data(12.5), tokens.ink(ink));
    let label_room = value_right - value_galley.size().x - 10.0 - rect.left();
    let label_galley = fitted(painter, label, &fonts::words(12.0), label_room.max(20.0));
    let middle = |galley: &egui::Galley| rect.center().y - galley.size().y / 2.0;
    let texts = Texts::of(ui, &response);
    texts.put(pos2(rect.left(), middle(&label_galley)), label_galley, tokens.ink(Ink::Dim), label);
    texts.put(pos2(value_right - value_galley.size().x, middle(&value_galley)), value_galley, tokens.ink(ink), value);
    if !other.is_empty() {
        texts.put(pos2(rect.right() - other_galley.size().x, middle(&other_galley)), other_galley, tokens.ink(Ink::Dim), other);
    }
    response
}

/// A figure, how it changed, and the line of how it ran. Where nothing was measured the line has a gap.
fn spark_ui(
    ui: &mut egui::Ui,
    [label, value, change]: [&str; 3],
    tone: Tone,
    (points, num_before): (&[Option<f64>], usize),
    tokens: &DesignTokens,
) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{label} {value} {change}").trim_end().to_owned()));
    let painter = ui.painter();
    let ink = if tone == Tone::Quiet { Ink::Dim } else { tone_inks(tone).0 };
    let columns = [rect.left(), rect.left() + rect.width() * 0.25, rect.left() + rect.width() * 0.46];
    // Figures are whole; the line of how it ran gives way.
    let label_galley = fitted(painter, label, &fonts::words(12.0), columns[1] - columns[0] - 6.0);
    let value_galley = painter.layout_no_wrap(value.to_owned(), fonts::data(12.5), tokens.ink(Ink::Text));
    let change_left = columns[2].max(columns[1] + value_galley.size().x + 6.0);
    let change_galley = painter.layout_no_wrap(change.to_owned(), fonts::data(11.5), tokens.ink(ink));
    let line_left = (rect.right() - rect.width() * 0.25).max(change_left + change_galley.size().x + 6.0).min(rect.right());
    let texts = Texts::of(ui, &response);
    for (galley, at, ink, whole) in
        [(label_galley, columns[0], Ink::Dim, label), (value_galley, columns[1], Ink::Text, value), (change_galley, change_left, ink, change)]
    {
        texts.put(pos2(at, rect.center().y - galley.size().y / 2.0), galley, tokens.ink(ink), whole);
    }
    let line = Rect::from_min_max(pos2(line_left, rect.top() + 3.0), pos2(rect.right(), rect.bottom() - 3.0));
    let largest = points.iter().flatten().fold(0.0_f64, |largest, value| largest.max(*value));
    let at = |index: usize, value: f64| {
        let across = if points.len() > 1 { index as f32 / (points.len() - 1) as f32 } else { 1.0 };
        let up = if largest > 0.0 { (value / largest) as f32 } else { 0.0 };
        pos2(line.left() + across * line.width(), line.bottom() - up * line.height())
    };
    if num_before > 0 && num_before < points.len() {
        // Left of it is the time before.
        painter.vline(at(num_before, 0.0).x, line.y_range().expand(2.0), Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    }
    let mut run: Vec<Pos2> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        run.extend(point.map(|value| at(index, value)));
        let is_turning = index + 1 == num_before;
        if point.is_none() || is_turning || index + 1 == points.len() {
            let color = tokens.ink(if index < num_before { Ink::Faint } else { ink });
            match run.as_slice() {
                [] => {}
                [alone] => drop(painter.circle_filled(*alone, 1.4, color)),
                _ => drop(painter.line(run.clone(), Stroke::new(1.4, color))),
            }
            let last = run.last().copied().filter(|_| is_turning && point.is_some());
            run.clear();
            // The line goes on from where the time before ended.
            run.extend(last);
        }
    }
    response
}

/// A part with its bar below.
fn bar_ui(ui: &mut egui::Ui, id: Id, [label, detail, value]: [&str; 3], share: Option<f32>, tone: Tone, leads: bool, tokens: &DesignTokens) -> egui::Response {
    let height = if share.is_some() { 30.0 } else { 24.0 };
    let (rect, response) = room_for(ui, id, vec2(ui.available_width(), height), leads);
    let parts: Vec<&str> = [label, value, detail].into_iter().filter(|part| !part.is_empty()).collect();
    response.widget_info(|| WidgetInfo::labeled(if leads { Role::Button } else { Role::Label }, true, parts.join(", ")));
    let painter = ui.painter();
    if leads && (response.hovered() || response.has_focus()) {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let ink = if tone == Tone::Quiet { Ink::Text } else { tone_inks(tone).0 };
    let middle = rect.top() + 12.0;
    let value_galley = painter.layout_no_wrap(value.to_owned(), fonts::data(12.0), tokens.ink(ink));
    let label_galley = fitted(painter, label, &fonts::words(TEXT_BODY_PT), (rect.width() - value_galley.size().x - 10.0).max(20.0));
    let room = rect.width() - value_galley.size().x - label_galley.size().x - 24.0;
    let (detail_left, value_left) = (rect.left() + label_galley.size().x + 10.0, rect.right() - value_galley.size().x);
    let texts = Texts::of(ui, &response);
    texts.put(pos2(rect.left(), middle - label_galley.size().y / 2.0), label_galley, tokens.ink(Ink::Text), label);
    if !detail.is_empty() && room > 30.0 {
        let galley = fitted(painter, detail, &fonts::words(TEXT_SMALL_PT), room);
        texts.put(pos2(detail_left, middle - galley.size().y / 2.0), galley, tokens.ink(Ink::Dim), detail);
    }
    texts.put(pos2(value_left, middle - value_galley.size().y / 2.0), value_galley, tokens.ink(ink), value);
    if let Some(share) = share {
        let track = Rect::from_min_max(pos2(rect.left(), rect.bottom() - 5.0), pos2(rect.right(), rect.bottom() - 2.0));
        painter.rect_filled(track, 1.5, tokens.ink(Ink::Hairline));
        let filled = Rect::from_min_max(track.min, pos2(track.left() + track.width() * share.clamp(0.0, 1.0), track.bottom()));
        painter.rect_filled(filled, 1.5, tokens.ink(if tone == Tone::Quiet { Ink::Dim } else { tone_inks(tone).0 }));
    }
    response
}

/// One kind of many: its name, a bar, its number.
fn share_ui(ui: &mut egui::Ui, [label, value]: [&str; 2], share: f32, tone: Tone, tokens: &DesignTokens) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{label} {value}")));
    let painter = ui.painter();
    let ink = if tone == Tone::Quiet { Ink::Edge } else { tone_inks(tone).0 };
    let columns = [rect.left(), rect.left() + rect.width() * 0.46, rect.left() + rect.width() * 0.78];
    let name = fitted(painter, last_part(label), &fonts::data(11.5), columns[1] - columns[0] - 10.0);
    let number = painter.layout_no_wrap(value.to_owned(), fonts::data(12.0), tokens.ink(Ink::Text));
    let track_right = columns[2].min(rect.right() - number.size().x - 6.0).max(columns[1]);
    let middle = |galley: &egui::Galley| rect.center().y - galley.size().y / 2.0;
    let texts = Texts::of(ui, &response);
    texts.put(pos2(columns[0], middle(&name)), name, tokens.ink(Ink::Text), label);
    texts.put(pos2(rect.right() - number.size().x, middle(&number)), number, tokens.ink(Ink::Text), value);
    let track = Rect::from_min_max(pos2(columns[1], rect.center().y - 3.0), pos2(track_right, rect.center().y + 3.0));
    painter.rect_filled(track, 2.0, tokens.ink(Ink::Hairline));
    let filled = (track.width() * share.clamp(0.0, 1.0)).max(2.0);
    painter.rect_filled(Rect::from_min_size(track.min, vec2(filled, track.height())), 2.0, tokens.ink(ink));
    response.on_hover_text(label)
}

/// The last part of a long type's name: `SocketTimeoutException` of `java.net.SocketTimeoutException`.
fn last_part(status: &str) -> &str {
    let last = status.rsplit(['.', ':', '/']).next().filter(|last| !last.is_empty()).unwrap_or(status);
    if status.chars().count() > 18 { last } else { status }
}

/// A breaker in one instance: whose, how its state ran, its state now.
fn breaker_ui(
    ui: &mut egui::Ui,
    id: Id,
    [label, value, detail]: [&str; 3],
    tone: Tone,
    pieces: &[Piece],
    leads: bool,
    tokens: &DesignTokens,
) -> egui::Response {
    let width = ui.available_width();
    let painter = ui.painter().clone();
    let more = (!detail.is_empty()).then(|| painter.layout(detail.to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim), width));
    let height = 24.0 + more.as_ref().map_or(0.0, |galley| galley.size().y + 2.0);
    let (rect, response) = room_for(ui, id, vec2(width, height), leads);
    if leads && (response.hovered() || response.has_focus()) {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let first = Rect::from_min_size(rect.min, vec2(width, 24.0));
    let ink = if tone == Tone::Quiet { Ink::Dim } else { tone_inks(tone).0 };
    // The state is whole; the strip of how it ran gives way.
    let state = painter.layout_no_wrap(value.to_owned(), fonts::data(12.0), tokens.ink(ink));
    let strip_right = (first.left() + width * 0.66).min(first.right() - state.size().x - 8.0);
    let columns = [first.left(), (first.left() + width * 0.28).min(strip_right), strip_right];
    let name = fitted(&painter, label, &fonts::words(12.0), columns[1] - columns[0] - 8.0);
    let middle = |galley: &egui::Galley| first.center().y - galley.size().y / 2.0;
    let texts = Texts::of(ui, &response);
    texts.put(pos2(columns[0], middle(&name)), name, tokens.ink(Ink::Text), label);
    texts.put(pos2(first.right() - state.size().x, middle(&state)), state, tokens.ink(ink), value);
    let strip = Rect::from_min_max(pos2(columns[1], first.top() + 5.0), pos2(columns[2], first.bottom() - 6.0));
    strip_ui(&painter, strip, pieces, tokens);
    pointed_ui(ui, &response, strip, pieces, tokens);
    if let Some(more) = more {
        texts.put(pos2(first.left(), first.bottom() - 1.0), more, tokens.ink(Ink::Dim), detail);
    }
    let role = if leads { Role::Button } else { Role::Label };
    let words = [label, value, detail].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    response.widget_info(|| WidgetInfo::labeled(role, true, &words));
    response
}

/// A line in the data face, and a button; whether it is to be copied.
fn paste_ui(ui: &mut egui::Ui, text: &str, tokens: &DesignTokens) -> bool {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Card)).stroke(Stroke::new(1.0, tokens.ink(Ink::Line))).corner_radius(RADIUS_PT).inner_margin(8);
    let shown = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(egui::Label::new(RichText::new(text).font(fonts::data(TEXT_SMALL_PT)).color(tokens.ink(Ink::Text))).wrap());
        ui.add(egui::Button::new(RichText::new("Copy line").size(TEXT_SMALL_PT))).clicked()
    });
    shown.inner
}

#[cfg(test)]
mod tests {
    use super::{Row, Section, last_part, section_ui, seek_link};
    use crate::{theme::Themes, view::ViewAction};

    #[test]
    fn a_row_keeps_the_keys_while_others_come_above_it() {
        let themes = Themes::load();
        let (ctx, tokens) = (egui::Context::default(), themes.tokens(egui::Theme::Dark));
        themes.install(&ctx);
        let link = |name: &str| Row::link(name, "", Some(ViewAction::Copy(name.to_owned())));
        let bar = |name: &str| match link(name) {
            Row::Link { label, value, detail, tone, action, .. } => Row::Bar { label, detail, value, share: None, tone, action },
            other => other,
        };
        let strip = |name: &str| match link(name) {
            Row::Link { label, value, detail, tone, action, .. } => Row::Strip { label, value, detail, tone, pieces: Vec::new(), action },
            other => other,
        };
        let pair = |name: &str| Row::pair(name, "value").doing(Some(ViewAction::Copy(name.to_owned())));
        for sought in [link("sought"), bar("sought"), strip("sought"), pair("sought")] {
            let draw = |sections: &[Section]| {
                ctx.run_ui(egui::RawInput::default(), |ui| {
                    for section in sections {
                        section_ui(ui, section, tokens);
                    }
                })
                .drop_without_applying_deltas();
                ctx.memory(egui::Memory::focused)
            };
            seek_link(&ctx, true);
            let focused = draw(&[Section::new("Leads to", vec![sought.clone()])]);
            assert!(focused.is_some(), "{sought:?}");
            let fuller = [
                Section::new("New", vec![link("sought"), Row::text("said")]),
                Section::new("Leads to", vec![link("other"), Row::text("said"), sought.clone()]),
            ];
            for _ in 0..3 {
                assert_eq!(draw(&fuller), focused, "{sought:?}");
            }
            // One that is gone has no keys.
            for _ in 0..3 {
                draw(&[Section::new("Leads to", vec![link("other")])]);
            }
            assert_eq!(ctx.memory(egui::Memory::focused), None);
        }
    }

    #[test]
    fn only_long_types_are_cut_to_their_last_part() {
        for (status, expected) in [
            ("503", "503"),
            ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
            ("io.netty.Timeout", "io.netty.Timeout"),
            ("java.net.SocketTimeoutException", "SocketTimeoutException"),
            ("a.very.long.name.that.ends.in.a.dot.", "a.very.long.name.that.ends.in.a.dot."),
        ] {
            assert_eq!(last_part(status), expected);
        }
    }
}
