//! What the rows say: runs and refusals, and the sends of one of them. Pure, but for painting a row.

use switchboard_desk::ledger::{Became, Ending, Fate, LineKind, RunLine, SendLine, Settled, SettledAs, TargetKind, fate_word};

use super::filter::BECAME;
use crate::{
    figures, fonts,
    ink::{Tone, tone_inks},
    sanitise::visible,
    theme::Ink,
    widgets::table::{Column, Row, Width},
    words::statuses::status_word,
};

/// From this width on all columns are there, points.
const WIDE_FROM_PT: f32 = 1_080.0;
/// From this width on there is how many were planned, points.
const MIDDLE_FROM_PT: f32 = 620.0;

const TIME: Column = Column::left("time, UTC", Width::Points(92.0)).whole();
const WHAT: Column = Column::left("what", Width::Points(54.0)).whole();

const WIDE: [Column; 8] = [
    TIME,
    WHAT,
    Column::left("target", Width::Share(0.3)),
    Column::right("planned", Width::Points(52.0)),
    Column::left("what became of it", Width::Share(0.44)),
    Column::left("cluster", Width::Share(0.11)),
    Column::left("profile", Width::Share(0.1)),
    Column::left("operator", Width::Share(0.08)),
];
const MIDDLE: [Column; 5] = [
    TIME,
    WHAT,
    Column::left("target", Width::Share(0.42)),
    Column::right("planned", Width::Points(52.0)),
    Column::left("what became of it", Width::Share(0.58)),
];
const NARROW: [Column; 4] = [TIME, WHAT, Column::left("target", Width::Share(0.45)), Column::left("what became of it", Width::Share(0.55))];

/// The columns of runs and refusals for a table of this width.
pub(super) fn run_columns(width_pt: f32) -> &'static [Column] {
    match width_pt {
        wide if wide >= WIDE_FROM_PT => &WIDE,
        middle if middle >= MIDDLE_FROM_PT => &MIDDLE,
        _ => &NARROW,
    }
}

/// From this width on sends have all columns, points.
const SENDS_WIDE_FROM_PT: f32 = 700.0;
const SENDS_WIDE: [Column; 6] = [
    TIME,
    Column::left("from", Width::Share(0.3)),
    Column::left("route", Width::Points(72.0)),
    Column::left("written to", Width::Share(0.12)),
    Column::right("size", Width::Points(56.0)),
    Column::left("what became of it", Width::Share(0.44)),
];
const SENDS_NARROW: [Column; 3] =
    [Column::left("from", Width::Share(0.46)), Column::right("size", Width::Points(56.0)), Column::left("what became of it", Width::Share(0.54))];

/// The columns of sends for a table of this width.
pub(super) fn send_columns(width_pt: f32) -> &'static [Column] {
    if width_pt >= SENDS_WIDE_FROM_PT { &SENDS_WIDE } else { &SENDS_NARROW }
}

/// What became of something, in words: the first of them is never cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// The words with which the text begins.
    pub word: String,
    /// All of it.
    pub text: String,
    /// How urgent.
    pub tone: Tone,
}

impl Standing {
    fn of(parts: &[String], reason: &str, tone: Tone) -> Self {
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", visible(reason)) };
        Self { word: parts.first().cloned().unwrap_or_default(), text: format!("{}{reason}", parts.join(" · ")), tone }
    }

    /// As a sentence of its own.
    pub(super) fn sentence(&self) -> String {
        let mut letters = self.text.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }

    fn ink(&self) -> Ink {
        if self.tone == Tone::Quiet { Ink::Dim } else { tone_inks(self.tone).0 }
    }
}

/// How urgent it is what became of a send.
fn tone_of(became: Became) -> Tone {
    match became {
        Became::Consumed => Tone::Quiet,
        Became::DeadAgain => Tone::Bad,
        settled => settled.settled_as().map_or(Tone::Quiet, |settled| settled.severity().into()),
    }
}

/// What became of a run, or why it was refused.
pub(super) fn standing_of_run(line: &RunLine) -> Standing {
    if line.is_refusal() {
        return Standing::of(&[SettledAs::Refused.word().to_owned()], &line.reason, SettledAs::Refused.severity().into());
    }
    let Some(counts) = line.counts else { return Standing::of(&["…".to_owned()], "", Tone::Quiet) };
    let is_on_its_way = line.ended_ns.is_none();
    let (mut parts, mut tone) = (Vec::new(), Tone::Quiet);
    let num_of = line.became();
    // The most urgent first: it is what is still read where there is little room.
    for (became, num) in BECAME.iter().flatten().filter_map(|became| num_of.iter().find(|(of, _)| of == became)).copied() {
        // As long as a run goes on what has no outcome may only be on its way.
        let num = if became == Became::Possibly && is_on_its_way { counts.possibly } else { num };
        if num == 0 {
            continue;
        }
        let status = line.status.zip(line.target_kind).filter(|_| became == Became::Done);
        let word = status.map_or_else(|| line.word(became).to_owned(), |(status, kind)| format!("{} {}", line.word(became), status_word(kind, status)));
        parts.push(if counts.total == 1 { word } else { format!("{} {word}", figures::count(num)) });
        tone = tone.max(tone_of(became));
    }
    if is_on_its_way && counts.unsettled > 0 {
        parts.push(format!("{} without an outcome", figures::count(counts.unsettled)));
        tone = tone.max(Tone::Unknown);
    }
    if counts.total == 0 {
        parts.push("nothing was sent".to_owned());
        tone = tone.max(Tone::Warn);
    }
    match line.ending {
        Some(Ending::Finished) => {}
        Some(Ending::Stopped) => parts.push("stopped".to_owned()),
        Some(Ending::Halted) => {
            parts.push("halted".to_owned());
            tone = tone.max(Tone::Warn);
        }
        None => parts.push("not ended".to_owned()),
    }
    Standing::of(&parts, &line.reason, tone)
}

/// What became of a send: its fate where one is known, else its outcome.
pub(super) fn standing_of_send(send: &SendLine) -> Standing {
    let status = send.status().map(|status| format!(" {}", status_word(send.target_kind, status))).unwrap_or_default();
    let outcome = format!("{}{status}", send.word());
    let (mut parts, reason, tone) = match send.fate {
        Some(Fate::DeadAgain) => (vec![fate_word(Fate::DeadAgain).to_owned()], send.evidence.as_str(), Tone::Bad),
        Some(Fate::Consumed) => (vec![fate_word(Fate::Consumed).to_owned()], send.evidence.as_str(), Tone::Quiet),
        None => (vec![outcome], send.settled.reason(), tone_of_settled(&send.settled)),
    };
    if send.is_edited {
        parts.push("edited".to_owned());
    }
    Standing::of(&parts, reason, tone)
}

pub(super) fn tone_of_settled(settled: &Settled) -> Tone {
    settled.counts_as().severity().into()
}

/// What was sent to, in a line: the call first, for that is what tells lines apart.
pub(super) fn target_words(line: &RunLine) -> String {
    let target = visible(line.target.split_once("://").map_or(line.target.as_str(), |(_, host)| host));
    if line.call.is_empty() || line.call == line.target { target.into_owned() } else { format!("{} · {target}", visible(&line.call)) }
}

/// Where a send came from: where its letter lay, or what it called; of a composed record where it went, for that is what tells it from others.
pub(super) fn origin_words(send: &SendLine) -> String {
    match &send.letter {
        Some(letter) => visible(&letter.to_string()).into_owned(),
        None if send.call.is_empty() => send.settled.place().map_or_else(|| "composed".to_owned(), |place| format!("composed → {place}")),
        None => visible(&send.call).into_owned(),
    }
}

/// The word for a line's kind.
pub(super) fn kind_word(kind: LineKind, target_kind: Option<TargetKind>) -> &'static str {
    match (kind, target_kind) {
        (LineKind::Send, Some(TargetKind::Channel)) => LineKind::Record.word(),
        (kind, _) => kind.word(),
    }
}

/// Paints a run or a refusal; what it says.
pub(super) fn paint_run(row: &Row<'_>, line: &RunLine, columns: &[Column], now_ns: i64) -> String {
    let (time, what, target) = (figures::when(line.at_ns, now_ns).in_12(), kind_word(line.kind, line.target_kind), target_words(line));
    let planned = figures::count(line.num_planned);
    let standing = standing_of_run(line);
    for (index, column) in columns.iter().enumerate() {
        match column.title {
            "time, UTC" => row.data(index, &time, Ink::Dim),
            "what" => row.words(index, what, Ink::Dim),
            "target" => row.name_in(index, row.cell(index), &target, &fonts::strong(12.5), row.tokens.ink(Ink::Text)),
            "planned" => row.data(index, &planned, Ink::Dim),
            "what became of it" => paint_standing(row, index, &standing),
            "cluster" => row.words(index, if line.cluster == line.target { "" } else { &line.cluster }, Ink::Dim),
            "profile" => row.words(index, &visible(line.profile.as_deref().unwrap_or("unknown")), Ink::Dim),
            "operator" => row.words(index, &visible(&line.operator), Ink::Dim),
            _ => {}
        }
    }
    format!("{what} to {target}, at {time}, {planned} planned, by {}: {}", visible(&line.operator), standing.text)
}

/// Paints a send; what it says.
pub(super) fn paint_send(row: &Row<'_>, send: &SendLine, columns: &[Column], now_ns: i64) -> String {
    let (time, from, size) = (figures::when(send.at_ns, now_ns).in_12(), origin_words(send), figures::bytes(send.size_bytes));
    let standing = standing_of_send(send);
    for (index, column) in columns.iter().enumerate() {
        match column.title {
            "time, UTC" => row.data(index, &time, Ink::Dim),
            "from" => row.name_in(index, row.cell(index), &from, &fonts::data(12.0), row.tokens.ink(Ink::Text)),
            "route" => row.words(index, &visible(&send.route), Ink::Dim),
            "written to" => row.data(index, &send.settled.place().map(ToString::to_string).unwrap_or_default(), Ink::Dim),
            "size" => row.data(index, &size, Ink::Dim),
            "what became of it" => paint_standing(row, index, &standing),
            _ => {}
        }
    }
    format!("send of {from}, {size}: {}", standing.text)
}

fn paint_standing(row: &Row<'_>, index: usize, standing: &Standing) {
    row.standing_in(index, row.cell(index), [&standing.word, &standing.text], &fonts::words(12.5), row.tokens.ink(standing.ink()));
}
