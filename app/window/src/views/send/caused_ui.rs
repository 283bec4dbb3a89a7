//! Draws what came of something that was sent, and asks the engine for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use egui::{RichText, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::send::{Sent, SentId, draft::RequestKind};
use switchboard_engine::view::{Answer, PointQuery, Query, TraceView};
use switchboard_model::{CorrelationId, SpanKind};

use super::{
    caused::{Caused, Known, on_the_map},
    fields::button_ui,
    reasons::{Around, WAITED_NS, why_nothing},
    way_ui::way_ui,
};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{Ink, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::{Slot, Target, UiCommand, ViewAction, ViewContext},
    widgets::detail::{Row, Section, framed_ui, section_ui},
};

/// Items of a conversation that are asked for.
const ITEMS_MAX: usize = 2_000;
/// While something may still come, that it has not is told anew so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const MARGIN_PT: i8 = 18;
/// Servers of which it is remembered who answered there.
const SERVERS_MAX: usize = 64;
/// So far the clock of another machine may be behind ours.
const CLOCKS_NS: i64 = 1_000_000_000;

/// What was sent, the revisions of both answers, and the groups as they were told.
type Of = (SentId, [u64; 2], usize);

/// What came of it, as far as it was answered.
#[derive(Default)]
pub(super) struct CausedLook {
    /// What it is of: what was sent, and both answers.
    of: Option<Of>,
    /// Whether all questions about it were answered.
    is_known: bool,
    /// What came of it.
    pub caused: Caused,
    /// Which service answered at a server, by the server: so it is known of what is sent there and leaves no trace.
    answered_by: BTreeMap<String, String>,
}

impl CausedLook {
    /// Asks for its trace and its conversation, and takes in what was answered.
    pub(super) fn take(&mut self, sent: &Sent, context: &mut ViewContext<'_>) {
        let (mut trace, mut conversation) = (None, Vec::new());
        let mut revisions = [0; 2];
        let mut is_known = true;
        let groups = Arc::as_ptr(&context.snapshot.groups).addr();
        if let Some(trace_id) = sent.trace_id {
            let standing = context.asker.standing(Slot::SentTrace, &Query::Point(PointQuery::Trace { trace_id }));
            if standing.is_of_this_question
                && let Some(Answer::Trace(found)) = standing.answer
            {
                revisions[0] = standing.revision;
                trace = Some(Arc::clone(found));
            } else {
                is_known = false;
            }
        }
        let is_new = |of: Option<Of>, revisions: [u64; 2]| of != Some((sent.sent_id, revisions, groups));
        if let Some(id) = sent.correlation_id.as_ref().and_then(|id| CorrelationId::parse(id.as_bytes())) {
            let standing = context.asker.standing(Slot::SentConversation, &Query::Point(PointQuery::Conversation { id, limit: ITEMS_MAX }));
            if standing.is_of_this_question
                && let Some(Answer::Conversation(found)) = standing.answer
            {
                revisions[1] = standing.revision;
                // It is put together once for each answer.
                if is_new(self.of, revisions) {
                    conversation.clone_from(found);
                }
            } else {
                is_known = false;
            }
        }
        self.is_known = is_known;
        if is_new(self.of, revisions) {
            self.of = Some((sent.sent_id, revisions, groups));
            self.caused = Caused::of(&Known { trace: trace.as_deref(), conversation: &conversation }, context.snapshot);
            if let Some(trace) = &trace {
                self.note_who_answered(sent, trace);
            }
        }
    }

    fn note_who_answered(&mut self, sent: &Sent, trace: &TraceView) {
        let first = trace.spans.iter().filter(|span| span.kind == SpanKind::Server).min_by_key(|span| span.start_ns);
        let has_room = self.answered_by.len() < SERVERS_MAX || self.answered_by.contains_key(&sent.target);
        // A trace that was begun elsewhere has its first span elsewhere.
        let is_own = trace.spans.iter().all(|span| span.start_ns >= sent.at_ns - CLOCKS_NS);
        if let Some(span) = first.filter(|_| has_room && is_own && sent.ask.draft.kind() != RequestKind::Record) {
            self.answered_by.insert(sent.target.clone(), span.service.clone());
        }
    }

    /// Why nothing may have come of it.
    fn why_nothing(&self, sent: &Sent, context: &ViewContext<'_>) -> Vec<String> {
        let answered_before = self.answered_by.get(&sent.target).map(String::as_str);
        why_nothing(sent, &Around { snapshot: context.snapshot, sources: context.sources, answered_before, now_ns: context.now_ns })
    }

    /// Draws it.
    pub(super) fn ui(&self, ui: &mut egui::Ui, sent: &Sent, context: &ViewContext<'_>) -> Option<ViewAction> {
        let (tokens, caused) = (context.tokens, &self.caused);
        let mut asked = None;
        ui.spacing_mut().item_spacing = vec2(8.0, 0.0);
        egui::Frame::new().inner_margin(egui::Margin { left: MARGIN_PT, right: MARGIN_PT, top: 14, bottom: 10 }).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 5.0;
            title_ui(ui, context);
            if let Some(trace_id) = sent.trace_id {
                let short = trace_id.to_string();
                let words = if caused.is_nothing() { String::new() } else { format!(" · {}", caused.words(context.now_ns)) };
                ui.horizontal_wrapped(|ui| {
                    ui.spacing_mut().item_spacing.x = 0.0;
                    ui.label(RichText::new("trace ").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                    let id = egui::Button::new(
                        RichText::new(format!("{}…{}", &short[..6], &short[28..])).font(fonts::data(TEXT_SMALL_PT)).color(tokens.ink(Ink::Accent)),
                    );
                    let response = ui.add(id.frame(false));
                    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Copy the trace id {short}")));
                    if response.on_hover_text("A click copies it").clicked() {
                        asked = Some(ViewAction::Copy(short.clone()));
                    }
                    ui.label(RichText::new(words).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                });
            } else if !caused.is_nothing() {
                ui.label(RichText::new(caused.words(context.now_ns)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
            }
            if caused.is_nothing() && self.is_known {
                nothing_ui(ui, sent, context, || self.why_nothing(sent, context));
            } else if caused.num_spans == 0 && self.is_known {
                let first = "No span of it has come: what stands below has its correlation id".to_owned();
                reasons_ui(ui, std::iter::once(first).chain(self.why_nothing(sent, context)), context);
            }
        });
        if !caused.way.is_empty() {
            framed_ui(ui, "Way", "", tokens, |ui| {
                asked = way_ui(ui, &caused.way, tokens).or(asked.take());
                if caused.num_left_out > 0 {
                    let text = format!("and {} more", figures::things(caused.num_left_out as u64, "span", "spans"));
                    ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                }
            });
        }
        for section in self.sections() {
            asked = section_ui(ui, &section, tokens).or(asked.take());
        }
        self.buttons_ui(ui, sent, context).or(asked)
    }

    fn sections(&self) -> Vec<Section> {
        let caused = &self.caused;
        let mut sections = Vec::new();
        if !caused.records.is_empty() {
            let dead =
                if caused.num_dead > 0 { format!(", {}", figures::things(caused.num_dead as u64, "dead letter", "dead letters")) } else { String::new() };
            sections.push(Section::new("Records", caused.records.clone()).noted(&format!("written because of it{dead}")));
        }
        if !caused.readers.is_empty() {
            let (num_read, num) = caused.num_read;
            sections.push(
                Section::new("Who read them", caused.readers.clone()).noted(&format!("{num_read} of {}", figures::things(num as u64, "group", "groups"))),
            );
        }
        if caused.num_logs > 0 {
            let rows = if caused.logs.is_empty() { vec![Row::text("None is a warning or worse")] } else { caused.logs.clone() };
            sections.push(Section::new("Logs", rows).noted(&format!("from warnings up, of {}", figures::count(caused.num_logs as u64))));
        }
        sections
    }

    /// Ways to where more is told of it.
    fn buttons_ui(&self, ui: &mut egui::Ui, sent: &Sent, context: &ViewContext<'_>) -> Option<ViewAction> {
        let tokens = context.tokens;
        let ways = [
            ("Open the trace", UiCommand::SentTrace, trace_action(sent).filter(|_| self.caused.num_spans > 0)),
            ("Show on the map", UiCommand::SentOnMap, on_the_map(sent, &self.caused, context.snapshot)),
            ("Conversation", UiCommand::SentStory, story_action(sent).filter(|_| !self.caused.is_nothing())),
        ];
        if ways.iter().all(|(.., action)| action.is_none()) {
            return None;
        }
        let mut asked = None;
        framed_ui(ui, "", "", tokens, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
                for (text, command, action) in ways {
                    if action.is_some() && button_ui(ui, [text, &command.keys()], false, None, tokens) {
                        asked = action;
                    }
                }
            });
        });
        asked
    }
}

/// To its trace.
pub(super) fn trace_action(sent: &Sent) -> Option<ViewAction> {
    sent.trace_id.map(|trace_id| ViewAction::Goto(Target::Trace { trace_id, span_id: None }))
}

/// To all that has its correlation id.
pub(super) fn story_action(sent: &Sent) -> Option<ViewAction> {
    let id = CorrelationId::parse(sent.correlation_id.as_ref()?.as_bytes())?;
    Some(ViewAction::Goto(Target::Conversation(id)))
}

fn title_ui(ui: &mut egui::Ui, context: &ViewContext<'_>) {
    let title = "What it caused";
    let heading = ui.label(RichText::new(title).font(fonts::strong(TEXT_HEADING_PT)).color(context.tokens.ink(Ink::Text)));
    heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, title));
}

/// Nothing came of it: yet, or for long enough to say why that may be.
fn nothing_ui(ui: &mut egui::Ui, sent: &Sent, context: &ViewContext<'_>, why: impl FnOnce() -> Vec<String>) {
    let since_ns = sent.ended_ns.unwrap_or(sent.at_ns);
    let tokens = context.tokens;
    if sent
        .settled
        .as_ref()
        .is_some_and(|settled| matches!(settled.counts_as(), switchboard_desk::ledger::SettledAs::NotDone | switchboard_desk::ledger::SettledAs::Refused))
    {
        ui.add(egui::Label::new(RichText::new("It was not sent, so nothing can come of it").color(tokens.ink(Ink::Dim))).wrap());
        return;
    }
    if context.clock_ns.saturating_sub(since_ns) < WAITED_NS {
        ui.add(egui::Label::new(RichText::new("Nothing came of it yet").color(tokens.ink(Ink::Dim))).wrap());
        if !context.in_place {
            ui.ctx().request_repaint_after(LOOK_EVERY);
        }
        return;
    }
    ui.add(egui::Label::new(RichText::new("Nothing came of it within 10 s").color(tokens.ink(Ink::Text))).wrap());
    reasons_ui(ui, why().into_iter(), context);
}

/// Why nothing may have come, a paragraph each.
fn reasons_ui(ui: &mut egui::Ui, reasons: impl Iterator<Item = String>, context: &ViewContext<'_>) {
    for reason in reasons {
        ui.add(egui::Label::new(RichText::new(visible(&reason)).size(12.5).color(context.tokens.ink(Ink::Dim))).wrap());
    }
}

/// Where something will be once something was sent.
pub(super) fn empty_ui(ui: &mut egui::Ui, context: &ViewContext<'_>) {
    egui::Frame::new().inner_margin(egui::Margin { left: MARGIN_PT, right: MARGIN_PT, top: 14, bottom: 10 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 6.0;
        title_ui(ui, context);
        let lines = [
            "Nothing was sent yet. What a request causes appears here while it happens: who works on it and for how long, the records that are written, who reads them, and what is logged",
            "It is found by the traceparent and the correlation id that each request carries, so the services it goes through have to send their spans here",
        ];
        for line in lines {
            ui.add(egui::Label::new(RichText::new(line).size(12.5).color(context.tokens.ink(Ink::Dim))).wrap());
        }
    });
}
