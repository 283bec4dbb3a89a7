//! The map as rows: the same boxes and edges for keyboard and screen reader, in any order that is asked for.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use egui::pos2;
use switchboard_engine::view::Figure;

use super::scene::{Scene, Selection, edge_in_words, edge_word, failure_badge, kind_word, node_in_words};
use crate::{
    figures, fonts,
    ink::{Glyph, Tone, glyph, tone_inks},
    theme::{DesignTokens, Ink},
    view::UiCommand,
    widgets::table::{Column, Table, TableState, Width},
};

const COLUMNS: [Column; 6] = [
    Column::left("name", Width::Share(0.31)).sorting(),
    Column::left("kind", Width::Share(0.16)).sorting(),
    Column::right("rate", Width::Points(76.0)).sorting(),
    Column::right("failed", Width::Points(92.0)).sorting(),
    Column::right("p95", Width::Points(76.0)).sorting(),
    Column::left("unusual", Width::Share(0.3)).sorting().whole(),
];

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
    /// What rate, failures and p95 are sorted by; what is not known stands last.
    pub figures: [Option<f64>; 3],
    /// All of it in words.
    pub words: String,
}

/// The map as a table, from frame to frame.
#[derive(Default)]
pub(crate) struct MapTable {
    rows: Vec<TableRow>,
    /// Built from this scene.
    of: Option<u64>,
    /// Column and whether upwards; `None` = the unusual first.
    sorted: Option<(usize, bool)>,
    state: TableState,
}

impl MapTable {
    /// Brings the rows up to a scene. While the pointer is over them no row changes its place.
    fn update(&mut self, scene: &Scene, revision: u64) {
        if self.of == Some(revision) {
            return;
        }
        self.of = Some(revision);
        let mut rows = rows(scene);
        sort(&mut rows, self.sorted);
        if self.state.is_pointer_inside() {
            let before: BTreeMap<Selection, usize> = self.rows.iter().enumerate().map(|(place, row)| (row.selects, place)).collect();
            rows.sort_by_key(|row| before.get(&row.selects).copied().unwrap_or(usize::MAX));
        }
        self.rows = rows;
    }

    /// The selection after a command; `None` if it is none of a table.
    pub(crate) fn run(&mut self, command: UiCommand, selected: Option<Selection>) -> Option<Selection> {
        let place = self.place(selected);
        let row = self.state.run(command, place, self.rows.len())?;
        self.rows.get(row).map(|row| row.selects)
    }

    /// Brings the selected row into view.
    pub(crate) fn reveal(&mut self, selected: Option<Selection>) {
        if let Some(row) = self.place(selected) {
            self.state.reveal(row);
        }
    }

    fn place(&self, selected: Option<Selection>) -> Option<usize> {
        self.rows.iter().position(|row| Some(row.selects) == selected)
    }

    /// Draws the rows in view; what was chosen.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, scene: &Scene, revision: u64, selected: Option<Selection>, tokens: &DesignTokens) -> Option<Selection> {
        self.update(scene, revision);
        let Self { rows, sorted, state, .. } = self;
        let place = rows.iter().position(|row| Some(row.selects) == selected);
        let table = Table { name: "map as a table", columns: &COLUMNS, num_rows: rows.len(), selected: place, sorted: *sorted };
        let response = table.ui(ui, state, tokens, |line, index| {
            let row = &rows[index];
            line.words(0, &row.cells[0], Ink::Text);
            line.words(1, &row.cells[1], Ink::Dim);
            line.data(2, &row.cells[2], Ink::Text);
            line.data(3, &row.cells[3], tone_inks(row.failed_tone).0);
            line.data(4, &row.cells[4], Ink::Text);
            let mut cell = line.cell(5);
            let ink = tone_inks(row.tone).0;
            if let Some(sign) = row.glyph {
                glyph::paint(line.painter(), sign, pos2(cell.left() + 5.0, cell.center().y), 4.5, tokens.ink(ink));
                cell.min.x += 16.0;
            }
            line.text_in(5, cell, &row.cells[5], fonts::data(12.0), tokens.ink(ink));
            row.words.clone()
        });
        if let Some(column) = response.sort_by {
            // Figures begin with the largest, names with the first; a third click is the order of urgency again.
            let first = !matches!(column, 2..=4);
            self.sorted = match self.sorted {
                Some((by, upwards)) if by == column && upwards == first => Some((column, !first)),
                Some((by, _)) if by == column => None,
                _ => Some((column, first)),
            };
            sort(&mut self.rows, self.sorted);
            self.reveal(selected);
        }
        response.clicked.or(response.opened).and_then(|row| self.rows.get(row)).map(|row| row.selects)
    }
}

/// Sorts by a column, upwards or not; without one the unusual come first, then by name. What is alike keeps that order.
pub(crate) fn sort(rows: &mut [TableRow], by: Option<(usize, bool)>) {
    rows.sort_by(|a, b| b.tone.cmp(&a.tone).then_with(|| a.cells[0].cmp(&b.cells[0])).then_with(|| a.selects.cmp(&b.selects)));
    let Some((column, upwards)) = by else { return };
    let turned = |order: Ordering| if upwards { order } else { order.reverse() };
    rows.sort_by(|a, b| match column {
        2..=4 => match (a.figures[column - 2], b.figures[column - 2]) {
            (Some(a), Some(b)) => turned(a.total_cmp(&b)),
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (None, None) => Ordering::Equal,
        },
        5 => turned(b.tone.cmp(&a.tone)),
        column => turned(a.cells[column].cmp(&b.cells[column])),
    });
}

/// Rows of all boxes and edges, in no order.
pub(crate) fn rows(scene: &Scene) -> Vec<TableRow> {
    let cells = |figure: &Figure| {
        let rate = if figure.recent_calls == 0 { "–".to_owned() } else { format!("{}/s", figures::rate(figure.rate_per_s)) };
        let failed = match (figure.recent_calls, failure_badge(figure)) {
            (0, _) => "–".to_owned(),
            (_, Some(badge)) => badge.text,
            (calls, None) => figures::percent(figure.recent_errors as f64 / calls as f64),
        };
        (rate, failed, figure.p95_ns.map_or_else(|| "–".to_owned(), figures::duration))
    };
    let keys = |figure: &Figure| {
        let known = figure.recent_calls > 0;
        [known.then_some(figure.rate_per_s), known.then(|| figure.recent_errors as f64 / figure.recent_calls as f64), figure.p95_ns.map(|p95_ns| p95_ns as f64)]
    };
    let mut rows = Vec::with_capacity(scene.nodes.len() + scene.edges.len());
    for node in &scene.nodes {
        let (rate, failed, p95) = cells(&node.figure);
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
            cells: [node.full_name.clone(), kind_word(node.kind).to_owned(), rate, failed, p95, unusual],
            figures: keys(&node.figure),
            words: node_in_words(node),
        });
    }
    for edge in &scene.edges {
        let (rate, failed, p95) = cells(&edge.figure);
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
            figures: keys(&edge.figure),
            words: edge_in_words(scene, edge),
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_NS};

    fn sorted(by: Option<(usize, bool)>) -> Vec<TableRow> {
        let mut rows = rows(&Scene::build(&testing::order_business(), NOW_NS));
        sort(&mut rows, by);
        rows
    }

    #[test]
    fn rows_are_sorted_by_any_column_and_the_unknown_stands_last() {
        assert_eq!(sorted(None)[0].cells[0], "orders → payments");
        let by_rate = sorted(Some((2, false)));
        assert_eq!(by_rate[0].cells[..3], ["postgres", "database", "120/s"].map(str::to_owned));
        for (column, upwards) in [(2, true), (3, false), (4, true)] {
            let rows = sorted(Some((column, upwards)));
            let known: Vec<f64> = rows.iter().filter_map(|row| row.figures[column - 2]).collect();
            assert!(known.is_sorted_by(|a, b| if upwards { a <= b } else { a >= b }), "{known:?}");
            assert!(rows[known.len()..].iter().all(|row| row.figures[column - 2].is_none()), "what is not known is not zero");
        }
        let by_name = sorted(Some((0, true)));
        assert!(by_name.is_sorted_by(|a, b| a.cells[0] <= b.cells[0]));
    }
}
