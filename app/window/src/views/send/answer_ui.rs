//! Draws what was answered: what it says of itself, its body or messages, and where the time went.

use egui::{Align, Layout, RichText, Sense, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::send::{
    Redirect, Reply, SHOWN_BYTES, SendBoard, Sent, SentId,
    draft::{RecordDraft, Request},
    redirect,
};
use switchboard_engine::view::{ChannelKey, RowId};

use super::{
    answer::{PhasePart, phases, status_line, why, written_to},
    compare::before,
    compare_ui::Comparison,
    fields::{Form, button_ui, heading_ui, tabs_ui},
    many_ui::many_ui,
    messages_ui::GivenMessage,
    options_ui::ROOT_CERTIFICATES,
};
use crate::{
    figures, fonts,
    ink::{fitted, tone_inks},
    sanitise::{lines, visible},
    theme::{DesignTokens, Ink, TEXT_MIN_PT, TEXT_SMALL_PT},
    view::{Target, UiCommand, ViewAction},
    widgets::{
        detail::{Row, Section, section_ui},
        payload::{Payload, PayloadUi, bytes_in_line, header_value, payload_ui},
    },
};

/// Height of the bar of phases, points.
const BAR_PT: f32 = 8.0;
/// Headers of a reply that are listed.
const REPLY_HEADERS_MAX: usize = 12;
/// Characters of a detail of a status that are shown.
const DETAIL_CHARS_MAX: usize = 8_000;
/// Headers that are listed.
const HEADERS_MAX: usize = 200;

/// Of an address that an answer leads to so much is shown, characters.
const ADDRESS_CHARS_MAX: usize = 60;

/// A part of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum AnswerTab {
    #[default]
    Body,
    Headers,
    Trailers,
    Raw,
}

/// What is looked at of answers.
#[derive(Default)]
pub(super) struct AnswerLook {
    /// The part of it.
    pub tab: AnswerTab,
    /// How its body is looked at.
    pub form: PayloadUi,
    /// The body, or the one message that came, as it was read, and of what.
    pub read: Option<((SentId, usize, bool), Payload)>,
    /// The reply to a record as it was read, and of what.
    reply: Option<((SentId, RowId), Payload)>,
    /// How it differs from the one before.
    pub comparison: Comparison,
    /// The path to which the body is to be written, while that is typed.
    pub writing: Option<String>,
    /// The next message of an open stream, as it is typed: it stays until the stream took it.
    pub next_message: String,
    /// The keys are to go to it.
    pub seeks_message: bool,
    /// Whether they are in it.
    pub is_writing_message: bool,
    /// The message that was given to the desk and of which nothing is known yet.
    pub given: Option<GivenMessage>,
    /// Whether the message of a call of one is shown that was sent.
    pub shows_ours: bool,
    /// The stream beside which another one is sent once that is asked for again.
    pub beside: Option<SentId>,
}

/// What was asked for below an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum AnswerAsk {
    /// Of the window.
    Do(ViewAction),
    /// A command of the view.
    Run(UiCommand),
    /// The next message of an open stream.
    Message,
    /// No more messages come.
    HalfClose,
    /// To where certificates are named.
    Certificates,
    /// The call or the probe is to stop.
    Stop,
    /// The body is to be written into this file.
    Write(String),
}

impl AnswerLook {
    /// Draws it.
    pub(super) fn ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, sent: &Sent, board: &SendBoard, now_ns: i64) -> Option<AnswerAsk> {
        let tokens = form.tokens;
        let before = before(board, sent);
        (self.is_writing_message, self.seeks_message) = (false, self.seeks_message && sent.is_open);
        let mut asked = head_ui(ui, sent, now_ns, tokens);
        if let Some((why, tone)) = why(sent) {
            let names_certificates = why.contains(ROOT_CERTIFICATES);
            ui.add(egui::Label::new(RichText::new(why).size(12.5).color(tokens.ink(tone_inks(tone).0))).wrap());
            if names_certificates && button_ui(ui, ["To Root certificates", ""], false, None, tokens) {
                asked = Some(AnswerAsk::Certificates);
            }
        }
        for (kind, text) in sent.answer.details.iter().take(20) {
            let text = format!("{}: {}", visible(kind), lines(text, DETAIL_CHARS_MAX));
            ui.add(egui::Label::new(RichText::new(text).font(fonts::data(12.0)).color(tokens.ink(Ink::Dim))).wrap());
        }
        asked = many_ui(ui, sent, now_ns, tokens).or(asked);
        let height_pt = (ui.available_height() - 96.0).max(120.0);
        match (&sent.ask.draft.request, before) {
            (_, Some(before)) if self.comparison.is_shown => {
                self.comparison.ui(ui, (before, sent), now_ns, height_pt, tokens);
            }
            (Request::Http(_), _) => self.parts_ui(ui, sent, height_pt, tokens),
            (Request::Grpc(_), _) => asked = self.call_ui(ui, form, (sent, board), height_pt, now_ns).or(asked),
            (Request::Record(record), _) => {
                asked = record_ui(ui, sent, tokens).or(asked);
                asked = self.reply_ui(ui, sent, record, height_pt, tokens).or(asked);
            }
        }
        phases_ui(ui, &phases(&sent.answer.took), tokens);
        let leads = redirect(sent);
        if let Some(Err(reason)) = &leads {
            ui.add(egui::Label::new(RichText::new(visible(reason)).size(12.0).color(tokens.ink(Ink::Warn))).wrap());
        }
        ui.horizontal_wrapped(|ui| {
            if let Some(Ok(redirect)) = &leads
                && button_ui(ui, [redirect_words(redirect).as_str(), &UiCommand::GoToLocation.keys()], true, None, tokens)
            {
                asked = Some(AnswerAsk::Run(UiCommand::GoToLocation));
            }
            if button_ui(ui, ["Edit a copy", ""], false, None, tokens) {
                asked = Some(AnswerAsk::Run(UiCommand::EditSent));
            }
            if button_ui(ui, ["Copy", ""], false, None, tokens) {
                asked = Some(AnswerAsk::Run(UiCommand::CopyText));
            }
            let has_text = !sent.answer.body.is_empty() && sent.answer.is_text();
            if (has_text || sent.answer.has_received()) && button_ui(ui, ["Copy the body", ""], false, None, tokens) {
                let text = sent.answer.text().filter(|_| has_text).map(|(text, _)| text.into_owned());
                let text = text.or_else(|| sent.answer.received()).unwrap_or_default();
                asked = Some(AnswerAsk::Do(ViewAction::Copy(text)));
            }
            if has_body(sent) && button_ui(ui, ["Body to a file…", ""], false, None, tokens) {
                self.writing.get_or_insert_default();
            }
            let is_compared = self.comparison.is_shown;
            if before.is_some() {
                let text = if is_compared { "Show the answer" } else { "Compare with the one before" };
                self.comparison.is_shown ^= button_ui(ui, [text, &UiCommand::CompareSent.keys()], false, None, tokens);
            }
        });
        asked = self.write_ui(ui, form, sent).or(asked);
        if let Some((_, path)) = board.written.as_ref().filter(|(of, _)| *of == sent.sent_id) {
            let text = format!("The body lies in {}, readable by you alone", visible(path));
            ui.add(egui::Label::new(RichText::new(text).size(12.0).color(tokens.ink(Ink::Dim))).wrap());
        }
        asked
    }

    /// Asks for the file that the body is written into.
    fn write_ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, sent: &Sent) -> Option<AnswerAsk> {
        let path = self.writing.as_mut()?;
        let mut ending = None;
        ui.horizontal(|ui| {
            let room_pt = (ui.available_width() - 170.0).max(60.0);
            let typed = form.line(ui, ["File for the body", "/tmp/answer.json, or a name in the folder of requests"], path, room_pt);
            let why_not = path.trim().is_empty().then_some("write the path of a file first");
            let whole = if sent.answer.has_received() {
                "Writes each message that was received as a line of JSON; no file is replaced".to_owned()
            } else {
                format!("Writes all {} of it; no file is replaced", figures::bytes(sent.answer.body_bytes))
            };
            if button_ui(ui, ["Write", ""], true, why_not, form.tokens) || typed.is_done && why_not.is_none() {
                ending = Some(Some(AnswerAsk::Write(path.trim().to_owned())));
            }
            if button_ui(ui, ["Close", ""], false, None, form.tokens) {
                ending = Some(None);
            }
            typed.response.on_hover_text(whole);
        });
        let ending = ending?;
        self.writing = None;
        ending
    }

    fn parts_ui(&mut self, ui: &mut egui::Ui, sent: &Sent, height_pt: f32, tokens: &DesignTokens) {
        let answer = &sent.answer;
        let mut tabs = vec![(AnswerTab::Body, "Body".to_owned(), false), (AnswerTab::Headers, format!("Headers {}", answer.headers.len()), false)];
        if !answer.trailers.is_empty() {
            tabs.push((AnswerTab::Trailers, format!("Trailers {}", answer.trailers.len()), false));
        }
        tabs.push((AnswerTab::Raw, "Raw".to_owned(), false));
        if !tabs.iter().any(|(tab, ..)| *tab == self.tab) {
            self.tab = AnswerTab::Body;
        }
        tabs_ui(ui, "answer", &tabs, &mut self.tab, tokens);
        match self.tab {
            AnswerTab::Body => self.body_ui(ui, sent, height_pt, tokens),
            AnswerTab::Headers => headers_ui(ui, &answer.headers, tokens),
            AnswerTab::Trailers => headers_ui(ui, &answer.trailers, tokens),
            AnswerTab::Raw => raw_ui(ui, sent, tokens),
        }
    }

    fn body_ui(&mut self, ui: &mut egui::Ui, sent: &Sent, height_pt: f32, tokens: &DesignTokens) {
        let answer = &sent.answer;
        if answer.body.is_empty() {
            let text = if sent.is_going() { "Nothing of the body yet" } else { "It has no body" };
            ui.label(RichText::new(text).size(12.0).color(tokens.ink(Ink::Dim)));
            return;
        }
        let is_cut = answer.cut.is_some() || answer.body.len() as u64 != answer.body_bytes;
        let of = (sent.sent_id, answer.body.len(), is_cut);
        if self.read.as_ref().is_none_or(|(read_of, _)| *read_of != of) {
            let text = answer.text();
            let read_as = text.as_ref().and_then(|(text, encoding)| Some((&**text, (*encoding)?)));
            self.read = Some((of, Payload::of_answer(&answer.body, read_as, answer.body_bytes, answer.cut.is_some())));
        }
        if let Some(cut) = &answer.cut {
            ui.add(egui::Label::new(RichText::new(visible(cut)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn))).wrap());
        } else if answer.body.len() >= SHOWN_BYTES {
            let text = format!("The first {} are shown; the whole body can be written into a file", figures::bytes(SHOWN_BYTES as u64));
            ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
        }
        if let Some((_, payload)) = &mut self.read {
            payload_ui(ui, &mut self.form, payload, height_pt, tokens);
        }
    }

    /// The reply to a record, beside it: where it lies, how long it took, and what it says.
    fn reply_ui(&mut self, ui: &mut egui::Ui, sent: &Sent, record: &RecordDraft, height_pt: f32, tokens: &DesignTokens) -> Option<AnswerAsk> {
        let reply = sent.reply.as_ref()?;
        ui.add_space(6.0);
        heading_ui(ui, "Reply", &reply_note(sent, record), tokens);
        let told = |ui: &mut egui::Ui, text: &str, ink: Ink| {
            ui.add(egui::Label::new(RichText::new(visible(text)).size(12.5).color(tokens.ink(ink))).wrap());
        };
        match reply {
            Reply::Awaited => {
                told(ui, &format!("Awaited for {} s; none came yet", record.reply.within_s), Ink::Dim);
                None
            }
            Reply::Missing(why) => {
                told(ui, why, Ink::Warn);
                None
            }
            Reply::Came { record, took_ns } => {
                let place = format!("{} {}", record.at.channel, figures::place(&record.at.place));
                let target = Target::Record { channel: ChannelKey::of(&record.at), row: record.row };
                let mut rows = vec![Row::link(&place, &format!("after {}", figures::duration(*took_ns)), Some(ViewAction::Goto(target)))];
                if record.key.is_some() {
                    rows.push(Row::pair("key", &bytes_in_line(record.key.as_deref()).text));
                }
                rows.extend(record.headers.iter().take(REPLY_HEADERS_MAX).map(|(name, value)| Row::pair(name, &header_value(name, value.as_deref()).text)));
                rows.extend(Row::more(record.headers.len(), REPLY_HEADERS_MAX));
                let asked = from_edge_to_edge_ui(ui, &Section::new("", rows), tokens).map(AnswerAsk::Do);
                let of = (sent.sent_id, record.row);
                if self.reply.as_ref().is_none_or(|(read_of, _)| *read_of != of) {
                    self.reply = Some((of, Payload::read(record.value.as_deref(), record.value_size_bytes.into(), record.truncated)));
                }
                if let Some((_, payload)) = &mut self.reply {
                    payload_ui(ui, &mut self.form, payload, height_pt, tokens);
                }
                asked
            }
        }
    }
}

/// Whether there is a body, or messages that came, to be written into a file.
pub(super) fn has_body(sent: &Sent) -> bool {
    !sent.answer.body.is_empty() || sent.answer.has_received()
}

/// What a redirect offers; nothing is sent by that.
fn redirect_words(redirect: &Redirect) -> String {
    let address = visible(redirect.address());
    let shown: String = address.chars().take(ADDRESS_CHARS_MAX).collect();
    format!("Send to {shown}{}…", if redirect.is_same_server { "" } else { ", without credentials" })
}

/// Heading, and the line of what it says of itself.
fn head_ui(ui: &mut egui::Ui, sent: &Sent, now_ns: i64, tokens: &DesignTokens) -> Option<AnswerAsk> {
    let (lead, rest) = status_line(sent, now_ns);
    ui.horizontal(|ui| {
        let heading = ui.label(RichText::new("Answer").font(fonts::strong(13.0)).color(tokens.ink(Ink::Text)));
        heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, "Answer"));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let rest = format!(" · {}", rest.join(" · "));
            let words = format!("{}{rest}", lead.word);
            let rest_galley = ui.painter().layout_no_wrap(rest, fonts::words(12.0), tokens.ink(Ink::Dim));
            let room_pt = (ui.available_width() - rest_galley.size().x - 4.0).max(30.0);
            let lead_galley = fitted(ui.painter(), &lead.word, &fonts::strong(12.0), room_pt);
            let (rect, response) = ui.allocate_exact_size(vec2(lead_galley.size().x + rest_galley.size().x, 20.0), Sense::hover());
            let middle = |height: f32| rect.center().y - height / 2.0;
            let rest_left = rect.left() + lead_galley.size().x;
            ui.painter().galley(pos2(rect.left(), middle(lead_galley.size().y)), lead_galley, tokens.ink(lead.ink));
            ui.painter().galley(pos2(rest_left, middle(rest_galley.size().y)), rest_galley, tokens.ink(Ink::Dim));
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
        });
    });
    None
}

pub(super) fn headers_ui(ui: &mut egui::Ui, headers: &[(String, String)], tokens: &DesignTokens) {
    let mut rows: Vec<Row> = headers.iter().take(HEADERS_MAX).map(|(name, value)| Row::pair(name, value)).collect();
    rows.extend(Row::more(headers.len(), HEADERS_MAX));
    if rows.is_empty() {
        ui.label(RichText::new("There are none").size(12.0).color(tokens.ink(Ink::Dim)));
        return;
    }
    from_edge_to_edge_ui(ui, &Section::new("", rows), tokens);
}

/// Draws a section whose rows begin where the answer does, for it has a margin of its own. It takes no more of the answer's width than there is:
/// what asks for more makes the pane wider with every frame.
pub(super) fn from_edge_to_edge_ui(ui: &mut egui::Ui, section: &Section, tokens: &DesignTokens) -> Option<ViewAction> {
    let room = ui.available_rect_before_wrap();
    let mut child = ui.new_child(egui::UiBuilder::new().max_rect(room.expand2(vec2(18.0, 0.0))));
    let asked = section_ui(&mut child, section, tokens);
    ui.allocate_rect(room.with_max_y(child.min_rect().bottom()), Sense::hover());
    asked
}

/// Status, headers and body as text, as they came.
fn raw_ui(ui: &mut egui::Ui, sent: &Sent, tokens: &DesignTokens) {
    let answer = &sent.answer;
    let mut text = String::new();
    for (name, value) in &answer.headers {
        text.push_str(&format!("{}: {}\n", visible(name), visible(value)));
    }
    text.push('\n');
    text.push_str(&lines(&String::from_utf8_lossy(&answer.body), 20_000));
    egui::ScrollArea::both().id_salt("raw answer").auto_shrink([false, true]).max_height(400.0).show(ui, |ui| {
        ui.add(egui::Label::new(RichText::new(text).font(fonts::data(12.0)).color(tokens.ink(Ink::Text))).extend());
    });
}

/// Where the record lies, and the ways there.
fn record_ui(ui: &mut egui::Ui, sent: &Sent, tokens: &DesignTokens) -> Option<AnswerAsk> {
    let Request::Record(record) = &sent.ask.draft.request else { return None };
    let channel = ChannelKey { cluster: Some(sent.target.clone()), name: if sent.call.is_empty() { record.topic.clone() } else { sent.call.clone() } };
    let mut rows = Vec::new();
    if let Some(place) = written_to(sent) {
        let text = format!("{} {place}", channel.name);
        rows.push(Row::link(&text, "the last one", Some(ViewAction::Goto(Target::Channel(channel.clone())))));
    }
    if sent.num > 1 {
        let text = format!("{} of {} persisted", figures::count(sent.answer.num_persisted), figures::count(sent.num));
        rows.push(Row::text(&text));
    }
    let mut asked = None;
    if !rows.is_empty() {
        asked = from_edge_to_edge_ui(ui, &Section::new("", rows), tokens).map(AnswerAsk::Do);
    }
    asked
}

/// What stands beside the heading of a reply: where it is awaited, and to which record.
fn reply_note(sent: &Sent, record: &RecordDraft) -> String {
    let of_first = if sent.answer.num_persisted > 1 { " · of the first one" } else { "" };
    format!("{}{of_first}", visible(&record.reply_topic))
}

/// The bar of phases, with words above it that do not overlap.
fn phases_ui(ui: &mut egui::Ui, parts: &[PhasePart], tokens: &DesignTokens) {
    if parts.is_empty() {
        return;
    }
    ui.add_space(6.0);
    let words: Vec<&str> = parts.iter().map(|part| part.words.as_str()).collect();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words.join(", ")));
    let painter = ui.painter();
    let galleys: Vec<_> = parts.iter().map(|part| painter.layout_no_wrap(part.words.clone(), fonts::words(TEXT_MIN_PT), tokens.ink(Ink::Dim))).collect();
    let widths: Vec<f32> = galleys.iter().map(|galley| galley.size().x).collect();
    let lefts: Vec<f32> = parts.iter().map(|part| part.from * rect.width()).collect();
    for (galley, left) in galleys.into_iter().zip(apart(&lefts, &widths, rect.width())) {
        painter.galley(pos2(rect.left() + left, rect.top()), galley, tokens.ink(Ink::Dim));
    }
    for part in parts {
        let at = |share: f32| rect.left() + share * rect.width();
        let bar = egui::Rect::from_min_max(pos2(at(part.from), rect.bottom() - BAR_PT), pos2((at(part.to) - 1.0).max(at(part.from) + 1.0), rect.bottom()));
        let ink = if part.is_longest { Ink::Accent } else { Ink::Edge };
        painter.rect_filled(bar, 2.0, tokens.ink(ink));
    }
    ui.add_space(6.0);
}

/// Where words stand that want to stand at these places: in their order, none over another, all within the width as far as they fit.
fn apart(lefts: &[f32], widths: &[f32], room: f32) -> Vec<f32> {
    const GAP: f32 = 14.0;
    let mut placed = Vec::with_capacity(lefts.len());
    let mut from = 0.0_f32;
    for (left, width) in lefts.iter().zip(widths) {
        let at = left.max(from);
        placed.push(at);
        from = at + width + GAP;
    }
    let mut to = room;
    for (at, width) in placed.iter_mut().zip(widths).rev() {
        *at = at.min(to - width).max(0.0);
        to = *at - GAP;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_above_the_bar_stand_apart_and_within_it() {
        let placed = apart(&[0.0, 4.0, 8.0, 290.0], &[60.0, 70.0, 80.0, 50.0], 300.0);
        assert_eq!(placed, [0.0, 72.0, 156.0, 250.0]);
        assert!(placed.windows(2).zip([60.0, 70.0, 80.0]).all(|(pair, width)| pair[1] >= pair[0] + width));
        assert_eq!(apart(&[], &[], 10.0), Vec::<f32>::new());
    }
}
