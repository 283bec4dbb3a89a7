//! The map as rows: the same boxes and edges for keyboard and screen reader.

use egui::{Align2, Rect, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{
    glyph,
    paint::{fitted, tone_inks},
    scene::{Glyph, Scene, Selection, Tone, edge_in_words, edge_word, failure_badge, kind_word, node_in_words},
};
use crate::window::{
    figures, fonts,
    theme::{DesignTokens, Ink, ROW_HEIGHT_PT, TEXT_SMALL_PT},
};

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableRow {
    /// What a click selects.
    pub selects: Selection,
    /// How urgent.
    pub tone: Tone,
    /// How urgent its failures are.
    pub failed_tone: Tone,
    /// Its sign, where it is unusual.
    pub glyph: Option<Glyph>,
    /// Cells: name, kind, rate, failures, p95, unusual.
    pub cells: [String; 6],
    /// All of it in words.
    pub words: String,
}

/// Headings of the columns, and what part of the width each takes.
const COLUMNS: [(&str, f32, bool); 6] =
    [("name", 0.31, false), ("kind", 0.14, false), ("rate", 0.10, true), ("failed", 0.10, true), ("p95", 0.11, true), ("unusual", 0.24, false)];

/// Rows of all boxes and edges, the unusual ones first, then by name.
pub(crate) fn rows(scene: &Scene) -> Vec<TableRow> {
    let cell = |figure: &switchboard_engine::view::Figure| {
        let rate = if figure.recent_calls == 0 { "–".to_owned() } else { format!("{}/s", figures::rate(figure.rate_per_s)) };
        let failed = match (figure.recent_calls, failure_badge(figure)) {
            (0, _) => "–".to_owned(),
            (_, Some(badge)) => badge.text,
            (calls, None) => figures::percent(figure.recent_errors as f64 / calls as f64),
        };
        (rate, failed, figure.p95_ns.map_or_else(|| "–".to_owned(), figures::duration))
    };
    let mut rows = Vec::with_capacity(scene.nodes.len() + scene.edges.len());
    for node in &scene.nodes {
        let (rate, failed, p95) = cell(&node.figure);
        let unusual: Vec<&str> = node.badges.iter().map(|badge| badge.text.as_str()).collect();
        let mut unusual = unusual.join(" · ");
        if node.silent_ns.is_some() {
            unusual.clone_from(&node.detail);
        }
        rows.push(TableRow {
            selects: Selection::Node(node.node_id),
            tone: node.tone,
            failed_tone: failure_badge(&node.figure).map_or(Tone::Quiet, |badge| badge.tone),
            glyph: node.badges.first().map(|badge| badge.glyph),
            cells: [node.name.clone(), kind_word(node.kind).to_owned(), rate, failed, p95, unusual],
            words: node_in_words(node),
        });
    }
    for edge in &scene.edges {
        let (rate, failed, p95) = cell(&edge.figure);
        let breaker = edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet);
        let unusual: Vec<String> =
            breaker.map(|mark| format!("breaker {}", mark.text())).into_iter().chain(edge.pill.as_ref().map(|pill| pill.text.clone())).collect();
        let kind = edge.via.as_ref().map_or_else(|| edge_word(edge.kind).to_owned(), |via| format!("{} · {via}", edge_word(edge.kind)));
        rows.push(TableRow {
            selects: Selection::Edge(edge.edge_id),
            tone: edge.tone,
            failed_tone: failure_badge(&edge.figure).map_or(Tone::Quiet, |badge| badge.tone),
            glyph: breaker.map(|mark| mark.glyph).or(edge.pill.as_ref().map(|pill| pill.glyph)),
            cells: [scene.edge_title(edge), kind, rate, failed, p95, unusual.join(" · ")],
            words: edge_in_words(scene, edge),
        });
    }
    rows.sort_by(|a, b| b.tone.cmp(&a.tone).then_with(|| a.cells[0].cmp(&b.cells[0])));
    rows
}

/// Draws the rows in view; what was chosen.
pub(crate) fn table_ui(ui: &mut egui::Ui, rows: &[TableRow], selected: Option<Selection>, scroll_to: bool, tokens: &DesignTokens) -> Option<Selection> {
    let mut chosen = None;
    let (head, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT_PT), Sense::hover());
    for (column, (title, ..)) in COLUMNS.iter().enumerate() {
        let (rect, right) = column_rect(head, column);
        let (at, align) = if right { (rect.right_center(), Align2::RIGHT_CENTER) } else { (rect.left_center(), Align2::LEFT_CENTER) };
        ui.painter().text(at, align, title, fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
    }
    ui.painter().hline(head.x_range(), head.bottom(), Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut area = egui::ScrollArea::vertical().auto_shrink([false, false]);
    if scroll_to && let Some(place) = rows.iter().position(|row| Some(row.selects) == selected) {
        area = area.vertical_scroll_offset((place as f32 * ROW_HEIGHT_PT - ui.available_height() / 2.0).max(0.0));
    }
    area.show_rows(ui, ROW_HEIGHT_PT, rows.len(), |ui, range| {
        for row in &rows[range] {
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_HEIGHT_PT), Sense::click());
            let is_selected = selected == Some(row.selects);
            row_ui(ui, rect, row, is_selected, response.hovered() || response.has_focus(), tokens);
            response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, is_selected, &row.words));
            if response.clicked() {
                chosen = Some(row.selects);
            }
        }
    });
    chosen
}

fn row_ui(ui: &egui::Ui, rect: Rect, row: &TableRow, selected: bool, lit: bool, tokens: &DesignTokens) {
    let painter = ui.painter();
    if selected || lit {
        painter.rect_filled(rect, 0.0, tokens.ink(Ink::Raised));
    }
    if selected {
        painter.vline(rect.left() + 1.0, rect.y_range(), Stroke::new(2.0, tokens.ink(Ink::Accent)));
    }
    let tone = tokens.ink(tone_inks(row.tone).0);
    for (column, text) in row.cells.iter().enumerate() {
        let (mut cell, right) = column_rect(rect, column);
        if column == 5
            && let Some(sign) = row.glyph
        {
            glyph::paint(painter, sign, pos2(cell.left() + 5.0, cell.center().y), 4.5, tone);
            cell.min.x += 16.0;
        }
        let font = if matches!(column, 0 | 1) { fonts::words(13.0) } else { fonts::data(12.0) };
        let color = match column {
            1 => tokens.ink(Ink::Dim),
            3 => tokens.ink(tone_inks(row.failed_tone).0),
            5 => tokens.ink(tone_inks(row.tone).0),
            _ => tokens.ink(Ink::Text),
        };
        let galley = fitted(painter, text, &font, cell.width());
        let x = if right { cell.right() - galley.size().x } else { cell.left() };
        painter.galley(pos2(x, cell.center().y - galley.size().y / 2.0), galley, color);
    }
}

/// The room of a column in a row, and whether its text stands right.
fn column_rect(row: Rect, column: usize) -> (Rect, bool) {
    let inner = row.shrink2(vec2(18.0, 0.0));
    let before: f32 = COLUMNS[..column].iter().map(|(_, share, _)| share).sum();
    let (_, share, right) = COLUMNS[column];
    let padding = 12.0;
    // What follows figures stands apart from them.
    let left = inner.left() + inner.width() * before + if column == 5 { padding } else { 0.0 };
    (Rect::from_min_max(pos2(left, inner.top()), pos2(inner.left() + inner.width() * (before + share) - padding, inner.bottom())), right)
}
