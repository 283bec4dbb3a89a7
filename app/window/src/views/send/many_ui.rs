//! Draws what many requests came to: how they ended and how long they took; of a probe how the last ones went.

use egui::{Align2, Rect, RichText, Sense, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::send::{One, RepeatFigures, Sent};

use super::{
    answer::{end_word, ends, one_words},
    answer_ui::{AnswerAsk, from_edge_to_edge_ui},
    fields::{button_ui, heading_ui},
};
use crate::{
    figures, fonts,
    ink::Tone,
    theme::{DesignTokens, Ink, TEXT_MIN_PT, TEXT_SMALL_PT},
    view::{Target, ViewAction},
    widgets::detail::{Row, Section},
};

/// Height of a histogram, and of the strip of a probe, points.
const HISTOGRAM_PT: f32 = 64.0;
const STRIP_PT: f32 = 36.0;
/// Failures that are listed.
const FAILURES_MAX: usize = 6;

/// Draws the figures of many, or of a probe.
pub(super) fn many_ui(ui: &mut egui::Ui, sent: &Sent, now_ns: i64, tokens: &DesignTokens) -> Option<AnswerAsk> {
    let told = sent.figures.as_ref()?;
    let mut asked = None;
    // Above all else, so that it is in reach however little room there is.
    if sent.is_probe() && sent.is_going() && button_ui(ui, ["Stop the probe", ""], false, None, tokens) {
        asked = Some(AnswerAsk::Stop);
    }
    if sent.is_probe() {
        strip_ui(ui, told, tokens);
        let failures: Vec<&One> = told.last.iter().rev().filter(|one| one.ended.is_failure()).collect();
        let rows = failures.iter().take(FAILURES_MAX).map(|one| failure_row(one, now_ns)).chain(Row::more(failures.len(), FAILURES_MAX));
        let rows: Vec<Row> = rows.collect();
        if !rows.is_empty() {
            asked = from_edge_to_edge_ui(ui, &Section::new("", rows), tokens).map(AnswerAsk::Do).or(asked);
        }
    }
    ui.add(egui::Label::new(RichText::new(ends(sent, told)).size(12.5).color(tokens.ink(Ink::Text))).wrap());
    if let Some([p50, p95, p99, longest]) = told.percentiles {
        let took = |took: std::time::Duration| figures::duration(took.as_nanos().min(i64::MAX as u128) as i64);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 22.0;
            for (name, value) in [("p50", p50), ("p95", p95), ("p99", p99), ("longest", longest)] {
                let response = ui
                    .vertical(|ui| {
                        ui.spacing_mut().item_spacing.y = 0.0;
                        ui.add(egui::Label::new(RichText::new(name).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).selectable(false));
                        ui.add(egui::Label::new(RichText::new(took(value)).font(fonts::data(15.0)).color(tokens.ink(Ink::Text))).selectable(false));
                    })
                    .response;
                response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name} {}", took(value))));
            }
        });
    }
    if told.histogram.len() > 1 {
        histogram_ui(ui, told, tokens);
    }
    ui.add_space(6.0);
    let of = if sent.is_probe() { "of the last one" } else { "of the first one" };
    heading_ui(ui, "What was answered", of, tokens);
    asked
}

fn failure_row(one: &One, now_ns: i64) -> Row {
    let at = figures::when(one.at_ns, now_ns).to_s();
    let target = one.trace_id.map(|trace_id| ViewAction::Goto(Target::Trace { trace_id, span_id: None }));
    Row::link(&format!("{at} {}", end_word(one.ended)), &figures::duration(one.took.as_nanos().min(i64::MAX as u128) as i64), target)
        .explained(&one.why)
        .toned(Tone::Bad)
}

/// How long they took: columns over a logarithmic scale, with its ends and where most of them lie below.
fn histogram_ui(ui: &mut egui::Ui, told: &RepeatFigures, tokens: &DesignTokens) {
    let took = |took: std::time::Duration| figures::duration(took.as_nanos().min(i64::MAX as u128) as i64);
    let most = told.histogram.iter().map(|(_, num)| *num).max().unwrap_or(1).max(1);
    let longest = told.histogram.last().map_or(told.shortest, |(up_to, _)| *up_to);
    ui.add_space(6.0);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HISTOGRAM_PT + 16.0), Sense::hover());
    let words = format!("{} of them took from {} to {}", figures::count(told.num), took(told.shortest), took(longest));
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    let painter = ui.painter();
    let ground = rect.top() + HISTOGRAM_PT;
    let width = rect.width() / told.histogram.len() as f32;
    for (column, (_, num)) in told.histogram.iter().enumerate() {
        if *num == 0 {
            continue;
        }
        let left = rect.left() + width * column as f32;
        // What is there is seen, however few they are.
        let height = ((*num as f32 / most as f32) * (HISTOGRAM_PT - 4.0)).max(2.0);
        painter.rect_filled(Rect::from_min_max(pos2(left, ground - height), pos2(left + width - 1.5, ground)), 1.0, tokens.ink(Ink::Accent));
    }
    painter.hline(rect.x_range(), ground + 0.5, egui::Stroke::new(1.0, tokens.ink(Ink::Line)));
    let font = fonts::data(TEXT_MIN_PT);
    painter.text(pos2(rect.left(), rect.bottom()), Align2::LEFT_BOTTOM, took(told.shortest), font.clone(), tokens.ink(Ink::Dim));
    painter.text(pos2(rect.right(), rect.bottom()), Align2::RIGHT_BOTTOM, took(longest), font, tokens.ink(Ink::Dim));
    response.on_hover_text(words);
}

/// The last ones side by side, as high as they took long; a failure is whole, and crossed.
fn strip_ui(ui: &mut egui::Ui, told: &RepeatFigures, tokens: &DesignTokens) {
    let longest = told.last.iter().filter(|one| !one.ended.is_failure()).map(|one| one.took).max().unwrap_or_default().as_secs_f32().max(1e-6);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), STRIP_PT), Sense::hover());
    let num_failed = told.last.iter().filter(|one| one.ended.is_failure()).count();
    let words = format!("the last {}: {num_failed} failed", told.last.len());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    let painter = ui.painter();
    let width = (rect.width() / 60.0).clamp(3.0, 12.0);
    for (place, one) in told.last.iter().enumerate() {
        let left = rect.left() + width * place as f32;
        if left + width > rect.right() {
            break;
        }
        let is_bad = one.ended.is_failure();
        let height = if is_bad { STRIP_PT } else { (one.took.as_secs_f32() / longest * (STRIP_PT - 6.0)).max(2.0) };
        let bar = Rect::from_min_max(pos2(left, rect.bottom() - height), pos2(left + width - 1.5, rect.bottom()));
        painter.rect_filled(bar, 1.0, tokens.ink(if is_bad { Ink::Bad } else { Ink::Edge }));
        if is_bad {
            let cross = pos2(bar.center().x, bar.top() + 5.0);
            crate::ink::glyph::paint(painter, crate::ink::Glyph::Cross, cross, (width / 2.0 - 1.5).clamp(1.5, 3.0), tokens.ink(Ink::BadFill));
        }
    }
    let pointed = response.hover_pos().and_then(|at| told.last.get(((at.x - rect.left()) / width) as usize));
    response.on_hover_text(pointed.map_or(words, one_words));
}
