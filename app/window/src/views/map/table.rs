//! The map as rows: the same boxes and edges for keyboard and screen reader, in any order that is asked for.

use std::sync::Arc;

use egui::pos2;
use switchboard_engine::view::Figure;

use super::scene::{Scene, Selection, edge_in_words, edge_word, failure_badge, kind_word, node_in_words};
use crate::{
    figures, fonts,
    ink::{Glyph, Tone, glyph, tone_inks},
    theme::{DesignTokens, Ink},
    view::UiCommand,
    widgets::{
        kept_order::KeptOrder,
        table::{Column, Order, SortKey, Table, TableState, Way, Width},
    },
};

const COLUMNS: [Column; 6] = [
    Column::left("name", Width::Share(0.31)),
    Column::left("kind", Width::Share(0.16)),
    Column::right("rate", Width::Points(76.0)),
    Column::right("failed", Width::Points(92.0)),
    Column::right("p95", Width::Points(76.0)),
    Column::left("unusual", Width::Share(0.3)).whole(),
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
    rows: Arc<Vec<TableRow>>,
    order: KeptOrder<Selection, TableRow>,
    /// Built from this scene.
    of: Option<u64>,
    state: TableState,
}

impl MapTable {
    /// Brings the rows up to a scene. While the pointer is over them no row changes its place.
    fn update(&mut self, scene: &Scene, revision: u64) {
        if self.of != Some(revision) {
            self.of = Some(revision);
            self.rows = Arc::new(rows(scene));
        }
        self.order.take(&self.rows, &self.state, |row| row.selects, natural, sort_key);
    }

    /// The selection after a command; `None` if it is none of a table.
    pub(crate) fn run(&mut self, command: UiCommand, selected: Option<Selection>) -> Option<Selection> {
        let place = self.place(selected);
        let row = self.state.run(command, place, self.order.len())?;
        self.order.key(row).copied()
    }

    /// Brings the selected row into view.
    pub(crate) fn reveal(&mut self, selected: Option<Selection>) {
        if let Some(row) = self.place(selected) {
            self.state.reveal(row);
        }
    }

    fn place(&self, selected: Option<Selection>) -> Option<usize> {
        self.order.row_of(&selected?)
    }

    /// Draws the rows in view; what was chosen.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, scene: &Scene, revision: u64, selected: Option<Selection>, tokens: &DesignTokens) -> Option<Selection> {
        self.update(scene, revision);
        let place = self.place(selected);
        let Self { order, state, .. } = self;
        let unusual_first = Order::Rows { natural: Some(("unusual", Way::Down)) };
        let table = Table { name: "map as a table", columns: &COLUMNS, num_rows: order.len(), selected: place, order: unusual_first };
        let response = table.ui(ui, state, tokens, |line, index| {
            let Some(row) = order.item(index) else { return String::new() };
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
        response.clicked.or(response.opened).and_then(|row| order.key(row).copied())
    }
}

/// Places of rows, the unusual first, then by name.
pub(crate) fn natural(rows: &[TableRow]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by(|one, other| {
        let (one, other) = (&rows[*one], &rows[*other]);
        other.tone.cmp(&one.tone).then_with(|| one.cells[0].cmp(&other.cells[0])).then_with(|| one.selects.cmp(&other.selects))
    });
    places
}

/// What a row is sorted by in a column.
pub(crate) fn sort_key(row: &TableRow, title: &'static str) -> SortKey {
    match title {
        "name" => SortKey::text(&row.cells[0]),
        "kind" => SortKey::text(&row.cells[1]),
        "rate" => SortKey::number(row.figures[0]),
        "failed" => SortKey::number(row.figures[1]),
        "p95" => SortKey::number(row.figures[2]),
        _ => SortKey::Number(f64::from(row.tone as u8)),
    }
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
    use crate::{
        testing::{self, NOW_NS},
        widgets::table::Sorting,
    };

    fn sorted(by: Option<(&'static str, Way)>) -> Vec<TableRow> {
        let rows = rows(&Scene::build(&testing::order_business(), NOW_NS));
        let mut places = natural(&rows);
        by.map_or_else(Sorting::default, |(title, way)| Sorting::by(title, way)).arrange(&mut places, &rows, sort_key);
        places.into_iter().map(|place| rows[place].clone()).collect()
    }

    #[test]
    fn rows_are_sorted_by_any_column_and_the_unknown_stands_last() {
        assert_eq!(sorted(None)[0].cells[0], "orders → payments");
        let by_rate = sorted(Some(("rate", Way::Down)));
        assert_eq!(by_rate[0].cells[..3], ["postgres", "database", "120/s"].map(str::to_owned));
        for (column, (title, way)) in [("rate", Way::Up), ("failed", Way::Down), ("p95", Way::Up)].into_iter().enumerate() {
            let rows = sorted(Some((title, way)));
            let known: Vec<f64> = rows.iter().filter_map(|row| row.figures[column]).collect();
            assert!(known.is_sorted_by(|a, b| if way == Way::Up { a <= b } else { a >= b }), "{known:?}");
            assert!(rows[known.len()..].iter().all(|row| row.figures[column].is_none()), "what is not known is not zero");
        }
        let by_name = sorted(Some(("name", Way::Up)));
        assert!(by_name.is_sorted_by(|a, b| a.cells[0].to_lowercase() <= b.cells[0].to_lowercase()));
    }
}
