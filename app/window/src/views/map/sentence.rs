//! The one sentence on top: how all is, each part of it a way to what it speaks of.

use std::collections::BTreeSet;

use egui::{RichText, Stroke};
use switchboard_engine::view::{GroupView, Health, LagVerdict, NodeBasis, NodeKind, Snapshot, breaker_word};
use switchboard_model::BreakerState;

use crate::{
    figures, fonts,
    ink::{Glyph, Tone},
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_BODY_PT, margin},
    views::map::{
        problems::{Problem, problems},
        scene::Scene,
        topic::{Ask, Topic},
    },
};

/// More groups than this are summed up.
const GROUPS_NAMED_MAX: usize = 2;
/// Height of the sentence, points.
const HEIGHT_PT: f32 = 42.0;
/// Room on both sides of the dot between two parts, points.
const PART_GAP_PT: f32 = 7.0;

/// A part of the sentence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// Words.
    pub text: String,
    /// How urgent.
    pub tone: Tone,
    /// Whether it is second to the others.
    pub dim: bool,
    /// What a click asks for.
    pub asks: Ask,
}

/// How fresh the data are, as the last part of the sentence. It ages while nothing else changes.
pub(crate) fn freshness_part(words: &str, is_live: bool) -> Part {
    Part { text: words.to_owned(), tone: Tone::Quiet, dim: is_live, asks: Ask::List(Topic::Sources) }
}

/// The sentence.
pub(crate) fn sentence(scene: &Scene, snapshot: &Snapshot, now_ns: i64) -> Vec<Part> {
    let found = problems(scene, snapshot, now_ns);
    let mut parts = services(scene, snapshot);

    let breakers = of(&found, &[Glyph::BreakerOpen, Glyph::BreakerForced]);
    parts.extend(summed(&breakers, Topic::Breakers, |n| format!("{} {}", figures::things(n, "breaker", "breakers"), breaker_word(Some(BreakerState::Open)))));
    let half_open = of(&found, &[Glyph::BreakerHalfOpen]);
    parts.extend(summed(&half_open, Topic::Breakers, |n| format!("{n} {}", breaker_word(Some(BreakerState::HalfOpen)))));
    let unknown = of(&found, &[Glyph::BreakerUnknown]);
    parts.extend(summed(&unknown, Topic::Breakers, |n| format!("{} {}", figures::things(n, "breaker", "breakers"), breaker_word(None))));

    parts.extend(behind(&found, snapshot));
    let failing: Vec<&Problem> = of(&found, &[Glyph::Cross]).into_iter().filter(|problem| problem.selects.is_some()).collect();
    let (bad, warn): (Vec<_>, Vec<_>) = failing.into_iter().partition(|problem| problem.tone == Tone::Bad);
    parts.extend(summed(&bad, Topic::Failing, |n| format!("{n} failing")));
    parts.extend(summed(&warn, Topic::Failing, |n| format!("{n} failing in part")));
    parts.extend(summed(&of(&found, &[Glyph::Probe]), Topic::Problems, |n| format!("{} failing", figures::things(n, "probe", "probes"))));
    let dead: u64 = snapshot.dead_letters.iter().map(|letters| letters.num_open).sum();
    if dead > 0 {
        parts.extend(summed(&of(&found, &[Glyph::Envelope]), Topic::Dead, |_| format!("{} dead", figures::count(dead))));
    }
    for problem in found.iter().filter(|problem| problem.glyph == Glyph::Cross && problem.selects.is_none()).take(2) {
        parts.push(Part { text: problem.title.clone(), tone: problem.tone, dim: false, asks: Ask::List(Topic::Sources) });
    }
    let recovered = scene.nodes.iter().filter(|node| node.recovered.is_some()).count() + scene.edges.iter().filter(|edge| edge.recovered.is_some()).count();
    if recovered > 0 {
        parts.push(plain(format!("{recovered} recovered"), true, Topic::Recovered));
    }
    let num_left_out = snapshot.totals.limits.capped;
    if num_left_out > 0 {
        parts.push(plain(format!("{} left out", figures::count(num_left_out)), false, Topic::Sources));
    }
    let share = snapshot.interactions.iter().filter_map(|interaction| interaction.sampled_share).reduce(f64::min);
    if let Some(share) = share.filter(|share| *share < 0.995) {
        parts.push(plain(format!("{} sampled", figures::percent(share)), true, Topic::Sampling));
    }
    if !scene.hidden.is_empty() {
        parts.push(plain(format!("{} hidden", figures::count(scene.hidden.len() as u64)), true, Topic::Hidden));
    }
    parts
}

fn plain(text: String, dim: bool, topic: Topic) -> Part {
    Part { text, tone: Tone::Quiet, dim, asks: Ask::List(topic) }
}

/// `12 services`, `9 traced`, `2 known from the broker only`, `1 silent`.
fn services(scene: &Scene, snapshot: &Snapshot) -> Vec<Part> {
    let shown = |kind: NodeKind| scene.nodes.iter().filter(move |node| node.kind == kind);
    let is_shown = |node: &&switchboard_engine::view::Node| node.kind == NodeKind::Service && !scene.hidden.contains_key(&node.node_id);
    let services: Vec<_> = snapshot.topology.nodes.iter().filter(is_shown).collect();
    let silent = shown(NodeKind::Service).filter(|node| node.silent_ns.is_some()).count() as u64;
    let known = |basis: NodeBasis| services.iter().filter(|node| node.basis == basis).count() as u64;
    let traced = known(NodeBasis::Traced).saturating_sub(silent);
    let total = services.len() as u64;
    let mut parts = vec![plain(figures::things(total, "service", "services"), false, Topic::Services)];
    if traced == total && total > 0 {
        parts.push(plain("all traced".to_owned(), true, Topic::Traced));
    } else {
        let counts = [
            (traced, "traced", Topic::Traced),
            (known(NodeBasis::Broker), "known from the broker only", Topic::BrokerOnly),
            (known(NodeBasis::Inferred), "without spans", Topic::Untraced),
            (silent, Health::Silent(0).word(), Topic::Silent),
        ];
        parts.extend(counts.into_iter().filter(|(n, ..)| *n > 0).map(|(n, word, topic)| plain(format!("{n} {word}"), true, topic)));
    }
    let channels = shown(NodeKind::Channel).count() as u64;
    if channels > 0 {
        parts.push(plain(figures::things(channels, "channel", "channels"), true, Topic::Channels));
    }
    parts
}

/// Groups that do not get their work done: of all others there is no problem.
fn behind_now(snapshot: &Snapshot) -> impl Iterator<Item = &GroupView> {
    snapshot.groups.iter().filter(|group| group.is_behind())
}

/// What a problem of a group is called.
fn group_title(group: &GroupView) -> String {
    format!("{} on {}", visible(&group.group), visible(&group.topic))
}

/// Groups by name if they are few: `inventory 38 s behind`, `inventory stuck, 38 s behind`.
fn behind(found: &[Problem], snapshot: &Snapshot) -> Vec<Part> {
    let names: BTreeSet<String> = behind_now(snapshot).map(group_title).collect();
    let groups: Vec<&Problem> = found.iter().filter(|problem| names.contains(&problem.title)).collect();
    if groups.len() > GROUPS_NAMED_MAX {
        return summed(&groups, Topic::Behind, |n| format!("{n} groups behind")).into_iter().collect();
    }
    let part = |problem: &&Problem| {
        let group = behind_now(snapshot).find(|group| problem.title == group_title(group))?;
        let much = match (group.lag_s, group.lag) {
            (Some(lag_s), _) if lag_s >= 1.0 => Some(figures::age_s(lag_s)),
            (_, lag) => lag.map(figures::count),
        };
        let (name, word) = (visible(&group.group), group.verdict.word());
        let text = match (group.verdict, much) {
            (LagVerdict::NoMembers, _) => format!("{word} for {name}"),
            // How far it is behind says that it falls behind.
            (LagVerdict::Growing, Some(much)) => format!("{name} {much} behind"),
            (LagVerdict::Stuck, Some(much)) => format!("{name} {word}, {much} behind"),
            _ => format!("{name} {word}"),
        };
        Some(Part { text, tone: problem.tone, dim: false, asks: problem.selects.map_or(Ask::List(Topic::Behind), Ask::Select) })
    };
    groups.iter().filter_map(part).collect()
}

fn of<'a>(found: &'a [Problem], glyphs: &[Glyph]) -> Vec<&'a Problem> {
    found.iter().filter(|problem| glyphs.contains(&problem.glyph)).collect()
}

/// One part for all of these; where they are in one place it leads there, else to their list.
fn summed(found: &[&Problem], topic: Topic, text: impl Fn(u64) -> String) -> Option<Part> {
    let first = found.first()?;
    let one_place = first.selects.filter(|_| found.iter().all(|problem| problem.selects == first.selects));
    Some(Part { text: text(found.len() as u64), tone: first.tone, dim: false, asks: one_place.map_or(Ask::List(topic), Ask::Select) })
}

/// Draws the sentence; what was clicked in it.
pub(crate) fn sentence_ui<'a>(ui: &mut egui::Ui, parts: impl Iterator<Item = &'a Part>, tokens: &DesignTokens) -> Option<Ask> {
    let parts: Vec<&Part> = parts.collect();
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Background)).inner_margin(margin(18, 0));
    let panel = egui::Panel::top("status").exact_size(HEIGHT_PT).frame(frame).show_separator_line(false);
    let shown = panel.show(ui, |ui| {
        let mut chosen = None;
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = PART_GAP_PT;
            ui.spacing_mut().button_padding.x = 0.0;
            for (index, part) in fitting(ui, &parts).into_iter().enumerate() {
                if index > 0 {
                    ui.label(RichText::new("·").color(tokens.ink(Ink::Faint)));
                }
                if part_ui(ui, part, tokens) {
                    chosen = Some(part.asks);
                }
            }
        });
        let line = ui.max_rect();
        ui.painter().hline(line.x_range().expand(18.0), line.bottom() - 0.5, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        chosen
    });
    shown.inner
}

/// The parts that find room side by side: what is second goes first, from the end.
fn fitting<'a>(ui: &egui::Ui, parts: &[&'a Part]) -> Vec<&'a Part> {
    let gap = PART_GAP_PT * 2.0 + 5.0;
    let width = |part: &Part| {
        let font = if part.tone >= Tone::Warn { fonts::strong(TEXT_BODY_PT) } else { fonts::words(TEXT_BODY_PT) };
        ui.painter().layout_no_wrap(part.text.clone(), font, egui::Color32::PLACEHOLDER).size().x + gap
    };
    let mut total: f32 = parts.iter().copied().map(width).sum();
    let mut shown = parts.to_vec();
    while total > ui.available_width() {
        let Some(place) = shown.iter().rposition(|part| part.dim) else { break };
        total -= width(shown.remove(place));
    }
    shown
}

/// A part; whether it was clicked. What can be clicked is underlined when looked at, so that the sentence stays a sentence.
fn part_ui(ui: &mut egui::Ui, part: &Part, tokens: &DesignTokens) -> bool {
    let ink = match part.tone {
        Tone::Bad => Ink::Bad,
        Tone::Warn => Ink::Warn,
        Tone::Unknown => Ink::Dim,
        Tone::Quiet if part.dim => Ink::Dim,
        Tone::Quiet => Ink::Text,
    };
    let font = if part.tone >= Tone::Warn { fonts::strong(TEXT_BODY_PT) } else { fonts::words(TEXT_BODY_PT) };
    let text = RichText::new(&part.text).font(font).color(tokens.ink(ink));
    let response = ui.add(egui::Button::new(text).frame(false)).on_hover_cursor(egui::CursorIcon::PointingHand);
    if response.hovered() || response.has_focus() {
        let y = response.rect.center().y + 9.0;
        ui.painter().hline(response.rect.x_range(), y, Stroke::new(1.0, tokens.ink(ink)));
    }
    response.clicked()
}
