//! What would be sent, and what would not.

use std::collections::BTreeMap;

use switchboard_desk::{
    ledger::SettledAs,
    replay::{PartitionRule, Preview, Writing},
};

use super::{
    NAMED_MAX, ReplayPanel, button, figure, outcome_row,
    readers::{breakers_section, readers_section},
};
use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::UiCommand,
    widgets::detail::{Row, Section},
};

/// Reasons for skipping that are listed.
const REASONS_MAX: usize = 6;

pub(super) fn of_preview(preview: &Preview, typed_name: &str) -> ReplayPanel {
    let target = visible(&preview.target).into_owned();
    let num = preview.planned.len();
    let num_others = preview.num_stored.saturating_sub((num + preview.skipped.len()) as u64);
    let mut what = vec![
        figure("will be sent", &format!("{} of {}", figures::count(num as u64), figures::count(preview.num_stored))),
        outcome_row(SettledAs::Skipped, preview.skipped.len()),
        figure("size, unchanged since first read", &figures::bytes(preview.size_bytes() as u64)),
        partition_row(preview.partitions),
        figure("order", "as they died"),
        figure("timestamp", "of sending"),
    ];
    if num_others > 0 {
        what.insert(2, figure("not asked for", &figures::count(num_others)));
    }
    let mut sections = vec![Section::new("What", what).noted("read again from the broker")];
    if !preview.skipped.is_empty() {
        sections.push(Section::new("Skipped", skipped_rows(preview)));
    }
    sections.push(readers_section(&preview.readers, "Who will read them again"));
    sections.extend(breakers_section(&preview.readers));
    let mut asks_name = None;
    // What is not allowed can still be asked for: the session refuses it and writes that down.
    let is_allowed = match &preview.writing {
        Writing::ReadOnly(reason) => {
            sections.insert(0, Section::new("Read-only", vec![Row::text(reason).toned(Tone::Warn)]));
            false
        }
        Writing::AsksForName => {
            asks_name = Some(preview.cluster.clone());
            typed_name == preview.cluster
        }
        Writing::Allowed => true,
    };
    let unavailable = if num == 0 { "nothing is left to send" } else { "" };
    let first = num.min(5);
    let text = if num > first { format!("Send the first {first}") } else { format!("Send {}", figures::things(num as u64, "letter", "letters")) };
    let cluster_id = preview.cluster_id.as_deref().map(|id| format!(" ({})", visible(id))).unwrap_or_default();
    ReplayPanel {
        title: format!("Replay {} to {target}", figures::count(num as u64)),
        phase: "dry run · nothing has been sent".to_owned(),
        sections,
        asks_name,
        buttons: vec![button(&text, UiCommand::SendReplay, is_allowed, unavailable), button("Dismiss", UiCommand::StopReplay, false, "")],
        foot: format!("{} · cluster {}{cluster_id}", preview.replay_id, visible(&preview.cluster)),
        ..ReplayPanel::default()
    }
}

fn partition_row(rule: PartitionRule) -> Row {
    match rule {
        PartitionRule::AsOriginal { num_partitions } => figure("partition", &format!("as original of {num_partitions}")),
        PartitionRule::ByKey { num_unknown, num_partitions: Some(num) } => figure("partition", &format!("as original of {num}"))
            .explained(&format!("{} by key: where they lay is unknown or not there", figures::count(num_unknown as u64))),
        PartitionRule::ByKey { .. } => figure("partition", "by key").explained("how many the target has is unknown"),
    }
}

fn skipped_rows(preview: &Preview) -> Vec<Row> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for skipped in &preview.skipped {
        by_reason.entry(&skipped.reason).or_default().push(skipped.letter.at.place.to_string());
    }
    let mut reasons: Vec<_> = by_reason.into_iter().collect();
    reasons.sort_by_key(|(_, letters)| std::cmp::Reverse(letters.len()));
    let num_more = reasons.len().saturating_sub(REASONS_MAX);
    let row = |(reason, letters): (&str, Vec<String>)| {
        let more = if letters.len() > NAMED_MAX { " …" } else { "" };
        let named = format!("{}{more}", letters[..letters.len().min(NAMED_MAX)].join(", "));
        Row::link(&named, &figures::count(letters.len() as u64), None).explained(reason).toned(SettledAs::Skipped.severity().into())
    };
    let mut rows: Vec<Row> = reasons.into_iter().take(REASONS_MAX).map(row).collect();
    if num_more > 0 {
        rows.push(Row::text(&format!("{num_more} further reasons")));
    }
    rows
}
