//! What would be sent, and what would not.

use std::collections::BTreeMap;

use switchboard_desk::{
    ledger::SettledAs,
    send::replay::{AskedLetters, ChosenPace, PartitionRule, Preview, RangesFound, ReplayTarget, TargetPlan, Writing},
};

use super::{
    Asking, NAMED_MAX, ReplayPanel, are_of_several, button, figure,
    order::order_row,
    outcome_row, place_words,
    readers::{behind_sections, readers_section},
};
use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::UiCommand,
    widgets::detail::{Row, Section},
};

/// A preview so old is offered to be made again, ns.
const OLD_AFTER_NS: i64 = 60_000_000_000;
/// Reasons for skipping that are listed.
const REASONS_MAX: usize = 6;

pub(super) fn of_preview(preview: &Preview, asking: &Asking<'_>, now_ns: i64) -> ReplayPanel {
    let target = visible(&preview.target_words()).into_owned();
    let num = preview.planned.len();
    let num_others = preview.num_stored.saturating_sub((num + preview.skipped.len()) as u64);
    let compared = if preview.file.is_some() {
        "as the file held them when it was read: what becomes of it later changes nothing"
    } else if preview.is_of_the_dead() {
        "each compared with what was seen before: not a byte has changed on the broker"
    } else {
        "as they lie on the broker now"
    };
    let mut what = vec![
        figure("will be sent", &format!("{} of {}", figures::count(num as u64), figures::count(preview.num_stored))),
        outcome_row(SettledAs::Skipped, preview.skipped.len()),
        figure("size", &figures::bytes(preview.size_bytes() as u64)).explained(compared),
    ];
    if let [only] = &preview.targets[..] {
        what.extend([size_limit_row(&only.size_limit), partition_row(only.partitions)]);
    }
    what.extend([
        figure("order", order_word(preview)),
        order_row(&preview.key_order, &preview.targets),
        pace_row(preview),
        figure("timestamp", if preview.options().keeps_time { "as it was" } else { "of sending" }),
    ]);
    let num_edited = preview.planned.iter().filter(|planned| planned.edited).count();
    if num_edited > 0 {
        what.insert(2, figure("edited", &figures::count(num_edited as u64)).toned(Tone::Warn).explained("each bears the header x-switchboard-edited"));
    }
    if preview.options().again {
        what.push(figure("sent before", "is sent once more").toned(Tone::Warn));
    }
    if let Some(file) = &preview.file {
        let name = file.path().file_name().unwrap_or(file.path().as_os_str()).to_string_lossy();
        what.push(figure("from a file", &visible(&name)).explained(&visible(&file.path().display().to_string())));
        if file.num_twice() > 0 {
            what.push(figure("twice in the file", &figures::count(file.num_twice() as u64)).explained("the same record in several lines goes once"));
        }
    }
    if preview.from != preview.cluster {
        what.push(figure("to another cluster", &visible(&preview.cluster)).explained(&format!("read from {}", visible(&preview.from))));
    }
    if num_others > 0 {
        what.insert(2, figure("not asked for", &figures::count(num_others)));
    }
    let noted = if preview.file.is_some() { "read from the file" } else { "read again from the broker" };
    let mut sections = vec![Section::new("What", what).noted(noted)];
    if preview.targets.len() > 1 {
        let to = Section::new("To", preview.targets.iter().map(target_row).collect());
        let is_own = matches!(&preview.ask.target, ReplayTarget::Own(others) if others.is_empty());
        sections.push(if is_own { to.noted("each to its own topic") } else { to });
    }
    sections.extend(preview.ranges.as_ref().map(ranges_section));
    if !preview.skipped.is_empty() {
        sections.push(Section::new("Skipped", skipped_rows(preview)));
    }
    sections.push(readers_section(&preview.readers, "Who will read them again"));
    sections.extend(behind_sections(&preview.readers));
    let (mut asks_name, mut allows) = (None, false);
    // What is not allowed can still be asked for: the session refuses it and writes that down.
    let is_allowed = match &preview.writing {
        Writing::ReadOnly(reason) => {
            sections.insert(0, Section::new("Read-only", vec![Row::text(reason).toned(Tone::Warn)]));
            false
        }
        Writing::Locked { reason, asks_for_name } => {
            let means = "Until the session ends, records can be written to its topics from this window. The profile is not changed";
            sections.insert(0, Section::new("Read-only", vec![Row::text(reason).toned(Tone::Warn), Row::text(means)]));
            allows = true;
            asks_name = asks_for_name.then(|| preview.cluster.clone());
            !asks_for_name || asking.typed_name == preview.cluster
        }
        Writing::AsksForName => {
            asks_name = Some(preview.cluster.clone());
            asking.typed_name == preview.cluster
        }
        Writing::Allowed => true,
    };
    let age_ns = now_ns.saturating_sub(preview.read_ns).max(0);
    let is_old = age_ns >= OLD_AFTER_NS || asking.num_changed > 0;
    if asking.num_changed > 0 {
        let [one, several] = words(preview);
        let dealt_with = figures::things(asking.num_changed as u64, &format!("{one} was dealt with"), &format!("{several} were dealt with"));
        let text = format!("{dealt_with} since it was made and will be skipped");
        sections.insert(0, Section::new("No longer as it was", vec![Row::text(&text).toned(Tone::Warn)]));
    }
    let saved = if asking.plan_file.is_some() { " · saved as a plan" } else { "" };
    let (phase, phase_tone) = match num {
        0 => {
            let age = figures::age(age_ns);
            (format!("nothing would be sent: every {} is skipped, for the reasons below · read {age} ago", words(preview)[0]), Tone::Warn)
        }
        _ => (format!("dry run · nothing has been sent{saved} · read {} ago", figures::age(age_ns)), Tone::Quiet),
    };
    let unavailable = if num == 0 { "nothing is left to send" } else { "" };
    let first = num.min(preview.num_first);
    let text = if allows {
        format!("Allow sending to {} for this session", visible(&preview.cluster))
    } else if num > first {
        format!("Send the first {first}")
    } else {
        format!("Send {}", things(preview, num))
    };
    let cluster_id = preview.cluster_id.as_deref().map(|id| format!(" ({})", visible(id))).unwrap_or_default();
    if let Some(path) = asking.plan_file {
        // What was just asked for stands where it is seen.
        let told = "switchboard replay --plan sends it without a window; --dry-run looks at it again";
        sections.insert(0, Section::new("Plan", vec![Row::text(path), Row::text(told)]));
    }
    let again = is_old.then(|| button("Make it again", UiCommand::PreviewReplay, false, ""));
    let more = [button("Change…", UiCommand::ChangeReplay, false, ""), button("Save plan", UiCommand::SaveReplayPlan, false, unavailable)];
    let buttons = std::iter::once(button(&text, UiCommand::SendReplay, is_allowed, unavailable)).chain(again).chain(more);
    ReplayPanel {
        title: format!("Replay {} to {target}", figures::count(num as u64)),
        phase,
        phase_tone,
        sections,
        asks_name,
        buttons: buttons.chain([button("Dismiss", UiCommand::StopReplay, false, "")]).collect(),
        foot: format!("{} · cluster {}{cluster_id}", preview.replay_id, visible(&preview.cluster)),
        ..ReplayPanel::default()
    }
}

/// What one of them is called, and several.
fn words(preview: &Preview) -> [&'static str; 2] {
    if preview.is_of_the_dead() { ["letter", "letters"] } else { ["record", "records"] }
}

fn things(preview: &Preview, num: usize) -> String {
    let [one, several] = words(preview);
    figures::things(num as u64, one, several)
}

fn order_word(preview: &Preview) -> &'static str {
    match &preview.ask.letters {
        AskedLetters::Ranges(_) => "as they lie, partition by partition",
        AskedLetters::File(_) => "as they stand in the file",
        _ if preview.targets.len() > 1 => "as they were chosen, topic by topic",
        _ if preview.is_of_the_dead() => "as they died",
        _ => "as they were chosen",
    }
}

fn ranges_section(found: &RangesFound) -> Section {
    let mut rows = vec![figure("places", &figures::count(found.num_places as u64))];
    if found.num_empty > 0 {
        rows.push(figure("without a record", &figures::count(found.num_empty as u64)).explained("compacted away, or a marker of a transaction"));
    }
    if found.num_outside > 0 {
        rows.push(figure("of another time", &figures::count(found.num_outside as u64)).explained("they lie among those that are meant"));
    }
    if found.num_partitions_left_out > 0 {
        let num = figures::count(found.num_partitions_left_out as u64);
        rows.push(figure("partitions left out", &num).explained("nothing of them was looked at").toned(Tone::Warn));
    }
    rows.extend(found.notes.iter().map(|note| Row::text(&visible(note)).toned(Tone::Warn)));
    Section::new("Range", rows)
}

fn pace_row(preview: &Preview) -> Row {
    let words = |num_first: usize, rate_per_s: u32| {
        let (first, rate) = (figures::count(num_first as u64), figures::count(u64::from(rate_per_s)));
        format!("{first} first, then {rate} /s")
    };
    let waits = if preview.is_of_the_dead() { "the rest waits until the first were consumed" } else { "the rest waits until the first were read" };
    let takes = preview.rest_takes().map(|takes| figures::age(i64::try_from(takes.as_nanos()).unwrap_or(i64::MAX)));
    let takes = takes.map(|takes| format!(" and takes about {takes}")).unwrap_or_default();
    let bounds = preview.bounds;
    let is_chosen = preview.options().pace != ChosenPace::default();
    let chosen = if is_chosen { format!(" · chosen for this run, else {}", words(bounds.num_first, bounds.rate_per_s)) } else { String::new() };
    figure("pace", &words(preview.num_first, preview.rate_per_s)).explained(&format!("{waits}; it begins slowly{takes}{chosen}"))
}

/// What goes to one of several channels.
fn target_row(target: &TargetPlan) -> Row {
    let value = format!("{} · {}", figures::count(target.num as u64), figures::bytes(target.size_bytes as u64));
    let (limit, tone) = match &target.size_limit {
        Ok(limit) => (format!("takes {} at most", figures::bytes(*limit)), Tone::Quiet),
        Err(why) => (format!("how much it takes is unknown: {}", visible(why)), Tone::Unknown),
    };
    let partition = match target.partitions {
        PartitionRule::AsOriginal { num_partitions } => format!("partition as original of {num_partitions}"),
        PartitionRule::ByKeyAsAsked { .. } => "partition by key".to_owned(),
        PartitionRule::ByKey { num_unknown, num_partitions: Some(num) } => format!("partition as original of {num}, {num_unknown} by key"),
        PartitionRule::ByKey { .. } => "partition by key: how many it has is unknown".to_owned(),
    };
    figure(&visible(&target.channel), &value).explained(&format!("{partition} · {limit}")).toned(tone)
}

fn size_limit_row(limit: &Result<u64, String>) -> Row {
    match limit {
        Ok(limit) => figure("largest there", &figures::bytes(*limit)).explained("of a record with what a batch adds; what is larger is skipped"),
        Err(why) => {
            let why = format!("what is too large the brokers refuse when it is sent: {}", visible(why));
            figure("largest there", "unknown").explained(&why).toned(Tone::Unknown)
        }
    }
}

fn partition_row(rule: PartitionRule) -> Row {
    match rule {
        PartitionRule::AsOriginal { num_partitions } => figure("partition", &format!("as original of {num_partitions}")),
        PartitionRule::ByKeyAsAsked { .. } => figure("partition", "each by its key"),
        PartitionRule::ByKey { num_unknown, num_partitions: Some(num) } => figure("partition", &format!("as original of {num}"))
            .explained(&format!("{} by key: where they lay is unknown or not there", figures::count(num_unknown as u64))),
        PartitionRule::ByKey { .. } => figure("partition", "by key").explained("how many the target has is unknown"),
    }
}

fn skipped_rows(preview: &Preview) -> Vec<Row> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let are_of_several = are_of_several(preview.skipped.iter().map(|skipped| &skipped.letter.at));
    for skipped in &preview.skipped {
        // Of a file it is its line that is looked up.
        let line = preview.file.as_ref().and_then(|file| file.line(&skipped.letter.at)).map(|line| format!("line {line}"));
        by_reason.entry(&skipped.reason).or_default().push(line.unwrap_or_else(|| place_words(&skipped.letter.at, are_of_several)));
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
