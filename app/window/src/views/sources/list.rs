//! The sources of the profile and of the session, as one list. Pure.

use switchboard_engine::view::{CountsReport, RefusalView, Snapshot, SourceView};
use switchboard_model::{ItemKind, SourceKind, SourcePhase};

use crate::{
    figures,
    ink::signs::phase_word,
    widgets::{detail::Row, table::SortKey},
};
use switchboard_desk::sources::{Family, SourceProfile};
use switchboard_desk::sources_desk::SourcesBoard;

/// A source in the list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SourceRow {
    /// Its name.
    pub name: String,
    /// Its family.
    pub kind: SourceKind,
    /// As the session sees it; `None` = it has not been heard of yet.
    pub live: Option<SourceView>,
    /// Its settings; `None` = the profile does not have it.
    pub profile: Option<SourceProfile>,
}

/// All sources, those of the profile first and in its order. A removed one is gone.
pub(crate) fn rows(snapshot: &Snapshot, board: &SourcesBoard) -> Vec<SourceRow> {
    // Of several of one name the last is the one that runs.
    let live = |name: &str| snapshot.sources.iter().rev().find(|source| source.name == name).cloned();
    let of_profile = board.profile.active_sources();
    let mut rows: Vec<SourceRow> = of_profile
        .map(|source| SourceRow { name: source.name().to_owned(), kind: source.kind(), live: live(source.name()), profile: Some(source.clone()) })
        .filter(|row| row.live.is_some() || board.path.is_some() || !snapshot.sources.is_empty())
        .collect();
    for source in snapshot.sources.iter().filter(|source| source.phase != SourcePhase::Stopped) {
        if !rows.iter().any(|row| row.name == source.name) {
            rows.push(SourceRow { name: source.name.clone(), kind: source.kind, live: live(&source.name), profile: None });
        }
    }
    rows
}

/// What a family is called.
pub(crate) fn kind_word(kind: SourceKind) -> &'static str {
    Family::of(kind).word
}

/// Where it connects to.
pub(crate) fn address(row: &SourceRow) -> String {
    row.profile.as_ref().map(SourceProfile::address).unwrap_or_default()
}

/// What it says of itself, and whether it refuses somebody.
pub(crate) fn says(row: &SourceRow, refused: &[RefusalView]) -> (String, bool) {
    let mut says = row.live.as_ref().map(|live| live.detail.clone()).filter(|detail| !detail.is_empty()).unwrap_or_else(|| address(row));
    if let Some(left_out) = row.live.as_ref().and_then(SourceView::left_out_words) {
        says = if says.is_empty() { left_out } else { format!("{says}; {left_out}") };
    }
    let num_refused: u64 = refused.iter().filter(|refusal| refusal.source == row.name).map(|refusal| refusal.count).sum();
    if num_refused > 0 {
        says = format!("{} refused · {says}", figures::things(num_refused, "connection", "connections"));
    }
    (says, num_refused > 0)
}

/// What a source is sorted by in a column.
pub(crate) fn sort_key(row: &SourceRow, title: &'static str, refused: &[RefusalView]) -> SortKey {
    let live = row.live.as_ref();
    match title {
        "source" => SortKey::text(&row.name),
        "kind" => SortKey::text(kind_word(row.kind)),
        "state" => live.map_or(SortKey::Unknown, |live| SortKey::text(phase_word(live.phase).0)),
        // An age: what began first is the oldest.
        "since" => SortKey::number(live.map(|live| -(live.at_ns as f64))),
        "received" => SortKey::number(live.map(|live| live.counts.received as f64)),
        _ => SortKey::text(&says(row, refused).0),
    }
}

/// Each count that says something, with its name: `received = stored + evicted + folded + duplicate + refused + queued`.
pub(crate) fn counts(counts: &CountsReport) -> Vec<(&'static str, String)> {
    let all = [
        ("received", counts.received),
        ("stored", counts.stored),
        ("evicted for room", counts.evicted),
        ("folded as noise", counts.folded),
        ("duplicate", counts.duplicate),
        ("refused", counts.refused),
        ("queued", counts.queued),
        ("cut at a limit", counts.truncated),
    ];
    all.into_iter().filter(|(name, n)| *n > 0 || matches!(*name, "received" | "stored")).map(|(name, n)| (name, figures::count(n))).collect()
}

/// The same of each kind of item: what came, and what became of it.
pub(crate) fn by_kind(live: &SourceView) -> Vec<Row> {
    let row = |(kind, of_kind): &(ItemKind, CountsReport)| {
        let rest: Vec<String> = counts(of_kind).into_iter().skip(1).map(|(name, n)| format!("{n} {name}")).collect();
        Row::link(items_word(*kind), &figures::count(of_kind.received), None).explained(&rest.join(" · "))
    };
    live.by_kind.iter().map(row).collect()
}

fn items_word(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Span => "spans",
        ItemKind::Record => "records",
        ItemKind::Log => "logs",
        ItemKind::MetricPoint => "metric points",
        ItemKind::Fact => "facts: offsets, states and the like",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use std::sync::Arc;
    use switchboard_desk::profile::Profile;

    #[test]
    fn sources_of_profile_and_session_are_one_list() {
        let mut snapshot = testing::order_business();
        let profile = "name = \"x\"\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"h:1\"\n[[http]]\nname = \"new\"\nurl = \"http://h:2\"";
        let board = SourcesBoard { profile: Profile::parse(profile, "x").expect("valid"), ..SourcesBoard::default() };
        let names = |snapshot: &Snapshot| -> Vec<String> { rows(snapshot, &board).into_iter().map(|row| row.name).collect() };
        assert_eq!(names(&snapshot), ["OTLP", "lab-kafka", "new", "otlp", "orders-1 actuator"]);
        Arc::make_mut(&mut snapshot.sources)[2].phase = SourcePhase::Stopped;
        assert_eq!(names(&snapshot), ["OTLP", "lab-kafka", "new", "otlp"], "what was removed is gone");
        let rows = rows(&snapshot, &board);
        assert!(rows[1].live.is_some() && rows[2].live.is_none());
        assert_eq!((address(&rows[0]), address(&rows[1])), ("listens on 4317 (gRPC) and 4318 (HTTP)".to_owned(), "h:1".to_owned()));
    }
}
