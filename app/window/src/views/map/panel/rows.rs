//! Rows and sections that all panels are made of.

use switchboard_engine::view::Figure;

use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    views::map::scene::failure_badge,
    widgets::detail::{Row, Section},
};

/// Longer lists end in `n more`.
const ROWS_MAX: usize = 12;

pub(super) fn section(title: &str, note: &str, rows: Vec<Row>) -> Section {
    Section { title: title.to_owned(), note: note.to_owned(), rows }
}

pub(super) fn capped(mut rows: Vec<Row>) -> Vec<Row> {
    let num_more = rows.len().saturating_sub(ROWS_MAX);
    if num_more > 0 {
        rows.truncate(ROWS_MAX);
        rows.push(Row::text(&format!("{} more", figures::count(num_more as u64))));
    }
    rows
}

pub(super) fn session_note(figure: &Figure) -> String {
    format!("{} in all", figures::count(figure.total_calls))
}

/// Rate, errors and latencies; the other end's beside them.
pub(super) fn figure_rows(figure: &Figure, other: Option<&Figure>) -> Vec<Row> {
    let errors = |figure: &Figure| match figure.recent_calls {
        0 => "–".to_owned(),
        calls => figures::percent(figure.recent_errors as f64 / calls as f64),
    };
    let duration = |ns: Option<i64>| ns.map_or_else(|| "–".to_owned(), figures::duration);
    let row = |label: &str, read: &dyn Fn(&Figure) -> String, tone: Tone| Row::Figure {
        label: label.to_owned(),
        value: read(figure),
        other: other.map(read).unwrap_or_default(),
        tone,
    };
    vec![
        row("rate", &|figure| format!("{} /s", figures::rate(figure.rate_per_s)), Tone::Quiet),
        row("errors", &errors, failure_badge(figure).map_or(Tone::Quiet, |badge| badge.tone)),
        row("p50", &|figure| duration(figure.p50_ns), Tone::Quiet),
        row("p95", &|figure| duration(figure.p95_ns), Tone::Quiet),
    ]
}

pub(super) fn rule_rows<'a>(rules: impl Iterator<Item = (&'a str, u64)>) -> Vec<Row> {
    rules.map(|(rule, n)| Row::figure(&format!("by {}", visible(rule)), figures::count(n))).collect()
}
