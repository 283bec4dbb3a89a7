//! What is known of a run and of a send, in sections. Pure.

use switchboard_desk::ledger::{Ending, RunLine, SendLine, SendsPage, TargetKind};
use switchboard_engine::view::ChannelKey;
use switchboard_model::CorrelationId;

use super::{
    rows::{kind_word, origin_words, standing_of_run, standing_of_send, tone_of_settled},
    sought::Stored,
};
use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::{Target, ViewAction},
    widgets::detail::{Detail, Row, Section},
    words::statuses::status_word,
};

/// Records behind a send, as far as they are stored here.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Behind {
    /// The letter.
    pub letter: Stored,
    /// The record that was written.
    pub written: Stored,
}

/// What is known of a run, or of a refusal.
pub(super) fn run_detail(line: &RunLine, now_ns: i64) -> Detail {
    let standing = standing_of_run(line);
    let what = kind_word(line.kind, line.target_kind);
    let kind = if line.is_refusal() { format!("{what} that was not allowed") } else { what.to_owned() };
    let title = if line.call.is_empty() { &line.target } else { &line.call };
    let when = |ns: i64| figures::when(ns, now_ns).to_ms();
    let cluster = line.cluster_id.as_ref().filter(|id| **id != line.cluster && **id != line.target);
    let mut rows = vec![Row::pair("target", &line.target)];
    if line.cluster != line.target {
        rows.push(Row::pair("cluster", &line.cluster).read(cluster.map(|id| visible(id)).unwrap_or_default().as_ref()));
    }
    rows.push(Row::pair("operator", &line.operator));
    rows.push(Row::pair("profile", line.profile.as_deref().unwrap_or("unknown")));
    rows.push(Row::pair("planned", &figures::things(line.num_planned, "send", "sends")));
    rows.push(Row::pair(if line.is_refusal() { "asked for" } else { "began" }, &when(line.at_ns)));
    if !line.is_refusal() {
        let ended = match (line.ended_ns, line.ending) {
            (Some(ended_ns), ending) => format!("{}, {}", when(ended_ns), ending.map_or("no word how", Ending::word)),
            (None, _) => "no end was written: it goes on, or the program ended in between".to_owned(),
        };
        rows.push(Row::pair("ended", &ended));
        rows.push(Row::pair("id", &line.replay_id));
    }
    Detail {
        title: visible(title).into_owned(),
        kind: format!("{kind} · {}", when(line.at_ns)),
        verdict: vec![(standing.sentence(), standing.tone)],
        sections: vec![Section::new(if line.is_refusal() { "Refusal" } else { "Run" }, rows)],
    }
}

/// How many sends are listed, and of how many.
pub(super) fn sends_words(page: &SendsPage) -> String {
    let all = figures::things(page.num_all as u64, "send", "sends");
    if page.total == page.num_all { all } else { format!("{} of {all}", figures::count(page.total as u64)) }
}

/// What is known of a send. Where it is alone its run says what both share.
pub(super) fn send_detail(send: &SendLine, behind: &Behind, is_alone: bool, now_ns: i64) -> Detail {
    let when = |ns: i64| figures::when(ns, now_ns).to_ms();
    let standing = standing_of_send(send);
    let mut verdict = vec![(standing.sentence(), standing.tone)];
    if let Some(again) = &send.again {
        verdict.push((format!("Sent although another line says that it was: {}", visible(again)), Tone::Warn));
    }
    let kind = if send.letter.is_some() { "dead letter" } else { of_kind(send.target_kind) };
    Detail {
        title: origin_words(send),
        kind: format!("{kind} · {} · {}", figures::bytes(send.size_bytes), when(send.at_ns)),
        verdict,
        sections: send_sections(send, behind, is_alone, now_ns),
    }
}

fn of_kind(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Channel => "record",
        TargetKind::Http => "request",
        TargetKind::Grpc => "call",
    }
}

fn send_sections(send: &SendLine, behind: &Behind, is_alone: bool, now_ns: i64) -> Vec<Section> {
    let when = |ns: i64| figures::when(ns, now_ns).to_ms();
    let outcome = match send.status() {
        Some(status) => format!("{} {}", send.word(), status_word(send.target_kind, status)),
        None => send.word().to_owned(),
    };
    let mut rows = vec![Row::pair("outcome", &outcome).toned(tone_of_settled(&send.settled)).read(&send.settled_ns.map(when).unwrap_or_default())];
    if !send.settled.reason().is_empty() {
        rows.push(Row::pair("reason", send.settled.reason()));
    }
    if let Some(fate) = send.fate {
        rows.push(
            Row::pair("then", switchboard_desk::ledger::fate_word(fate)).toned(standing_of_send(send).tone).read(&send.fate_ns.map(when).unwrap_or_default()),
        );
        rows.extend((!send.evidence.is_empty()).then(|| Row::pair("known by", &send.evidence)));
    }
    if send.is_edited {
        rows.push(Row::pair("edited", "changed before it was sent"));
    }
    let written = send.settled.place().map(|place| place.on(&send.target).to_string());
    let letter = send.letter.as_ref().map(ToString::to_string);
    let replayed = (send.replay_count > 0).then(|| figures::things(u64::from(send.replay_count), "time", "times"));
    let pairs = [
        ("letter", letter.as_deref()),
        ("died in the group", send.failed_group.as_deref()),
        ("call", some(&send.call)),
        ("target", Some(send.target.as_str()).filter(|_| !is_alone)),
        ("route", some(&send.route)),
        ("written to", written.as_deref()),
        ("replayed", replayed.as_deref()),
        ("id", Some(send.replay_id.as_str()).filter(|_| !is_alone || send.letter.is_some())),
    ];
    rows.extend(pairs.into_iter().filter_map(|(name, value)| Some(Row::pair(name, value?))));
    rows.push(Row::pair("size", &figures::bytes(send.size_bytes)));
    if !send.hash.is_empty() {
        rows.push(Row::pair("hash", &send.hash).read(&send.key_id.as_ref().map_or("its key is gone".to_owned(), |key| format!("key {}", visible(key)))));
    }
    let links = links(send, behind);
    let leads = (!links.is_empty()).then(|| Section::new("Leads to", links));
    [Section::new("Send", rows)].into_iter().chain(leads).collect()
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn links(send: &SendLine, behind: &Behind) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut record = |name: &str, stored: &Stored| match stored {
        Stored::Here(..) => rows.push(Row::link(name, "", record_action(stored))),
        Stored::Nowhere => rows.push(Row::text(&format!("The {name} is not stored here, or no more"))),
        Stored::Looking => rows.push(Row::text(&format!("The {name} is looked for…"))),
        Stored::NoPlace => {}
    };
    record("record that was written", &behind.written);
    record("record of the letter", &behind.letter);
    if let Some(letter) = &send.letter {
        rows.push(Row::link(&format!("dead letters of {}", visible(&letter.at.channel)), "", letters_action(send)));
    }
    rows.extend(story_action(send).map(|action| Row::link(&format!("conversation {}", visible(&send.replay_id)), "", Some(action))));
    rows
}

/// To a record that is stored here.
pub(super) fn record_action(stored: &Stored) -> Option<ViewAction> {
    let Stored::Here(channel, row) = stored else { return None };
    Some(ViewAction::Goto(Target::Record { channel: channel.clone(), row: *row }))
}

/// To the dead letters among which the letter lay.
pub(super) fn letters_action(send: &SendLine) -> Option<ViewAction> {
    let letter = send.letter.as_ref()?;
    let channel = ChannelKey { cluster: Some(letter.at.cluster.clone()), name: letter.at.channel.clone() };
    Some(ViewAction::Goto(Target::DeadLetters { channel, fingerprint: None }))
}

/// To all that carries the id: only a letter that is sent again does.
pub(super) fn story_action(send: &SendLine) -> Option<ViewAction> {
    send.letter.as_ref()?;
    Some(ViewAction::Goto(Target::Conversation(CorrelationId::parse(send.replay_id.as_bytes())?)))
}
