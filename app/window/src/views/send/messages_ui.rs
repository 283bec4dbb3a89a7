//! Draws what went and came of a gRPC call: of a call of one message what came first; of a stream its messages as they come, and the next one by hand.

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_desk::{
    ledger::Settled,
    send::{Message, SchemaBoard, SchemaKey, SendBoard, SendCommand, Sent, SentId, draft::Request},
};
use switchboard_model::Outcome;

use super::{
    answer_ui::{AnswerAsk, AnswerLook, AnswerTab, headers_ui},
    fields::{Form, button_ui, tabs_ui},
    grpc_ui::method_of,
};
use crate::{
    figures, fonts,
    sanitise::lines,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    view::UiCommand,
    widgets::payload::{Payload, payload_ui},
};

/// Messages that are laid out; of more the last ones.
const MESSAGES_MAX: usize = 200;
/// Characters of a message that are laid out.
const CHARS_MAX: usize = 8_000;
/// Least height of what came, points: of a response, and of the messages of a stream.
const LEAST_PT: f32 = 120.0;
const LEAST_LIST_PT: f32 = 72.0;
/// What stands below: of a response its tabs above and its switch, of messages what can be done, of an ended stream the bar of its phases, too; points.
const AROUND_RESPONSE_PT: f32 = 58.0;
const BELOW_LIST_PT: f32 = 44.0;
const PHASES_PT: f32 = 46.0;

/// A message that was given to the desk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct GivenMessage {
    sent_id: SentId,
    text: String,
    /// Number of the last message of which it was known then what became of it.
    number: u64,
    /// Commands that had not come to the desk until then.
    num_lost: u64,
}

/// Whether a call is a stream: as its method is known, else by its messages until now.
pub(super) fn is_stream(sent: &Sent, board: &SendBoard) -> bool {
    let Request::Grpc(grpc) = &sent.ask.draft.request else { return false };
    let known: Option<&SchemaBoard> = board.schemas.get(&SchemaKey::of(grpc));
    let (ours, theirs): (Vec<&Message>, Vec<&Message>) = sent.answer.messages.iter().partition(|message| message.is_ours);
    let has_several = ours.len() > 1 || theirs.len() > 1 || sent.answer.messages_left_out > 0;
    sent.is_open || has_several || method_of(grpc, known).is_some_and(|method| method.client_streaming || method.server_streaming)
}

impl AnswerLook {
    /// The next message of an open stream. It stays where it is written until the stream took it, and the keys stay there, or go back to it.
    pub(super) fn next_of(&mut self, sent: &Sent, board: &SendBoard) -> Option<SendCommand> {
        if !sent.is_open || self.given.is_some() || self.next_message.trim().is_empty() {
            return None;
        }
        let number = board.by_hand.as_ref().map_or(0, |by_hand| by_hand.number);
        self.given = Some(GivenMessage { sent_id: sent.sent_id, text: self.next_message.clone(), number, num_lost: board.num_lost });
        self.seeks_message = true;
        Some(SendCommand::Message(sent.sent_id, self.next_message.clone()))
    }

    /// Takes in what became of the message that was given last.
    pub(super) fn take_message(&mut self, board: &SendBoard) {
        let Some(given) = &self.given else { return };
        let known = board.by_hand.as_ref().filter(|by_hand| by_hand.sent_id == given.sent_id && by_hand.number > given.number);
        if known.is_some_and(|by_hand| by_hand.refused.is_none()) && self.next_message == given.text {
            self.next_message.clear();
        }
        let is_open = board.sent.iter().any(|sent| sent.sent_id == given.sent_id && sent.is_open);
        // With too many commands waiting it never came to the desk.
        if known.is_some() || !is_open || board.num_lost > given.num_lost {
            self.given = None;
        }
    }

    /// Draws all that went and came.
    pub(super) fn call_ui(
        &mut self,
        ui: &mut egui::Ui,
        form: &mut Form<'_>,
        (sent, board): (&Sent, &SendBoard),
        height_pt: f32,
        now_ns: i64,
    ) -> Option<AnswerAsk> {
        let answer = &sent.answer;
        let asked = if sent.is_open { self.next_ui(ui, form, sent, board) } else { None };
        let is_stream = is_stream(sent, board);
        let words = if is_stream { format!("Messages {}", answer.messages.len() as u64 + answer.messages_left_out) } else { "Response".to_owned() };
        let mut tabs = vec![(AnswerTab::Body, words, false), (AnswerTab::Headers, format!("Headers {}", answer.headers.len()), false)];
        if !answer.trailers.is_empty() {
            tabs.push((AnswerTab::Trailers, format!("Trailers {}", answer.trailers.len()), false));
        }
        if !tabs.iter().any(|(tab, ..)| *tab == self.tab) {
            self.tab = AnswerTab::Body;
        }
        tabs_ui(ui, "answer", &tabs, &mut self.tab, form.tokens);
        match self.tab {
            AnswerTab::Headers => headers_ui(ui, &answer.headers, form.tokens),
            AnswerTab::Trailers => headers_ui(ui, &answer.trailers, form.tokens),
            _ if is_stream => messages_ui(ui, sent, now_ns, form.tokens),
            _ => self.one_ui(ui, sent, height_pt, now_ns, form.tokens),
        }
        asked
    }

    /// The next message of an open stream, and what ends the stream.
    fn next_ui(&mut self, ui: &mut egui::Ui, form: &mut Form<'_>, sent: &Sent, board: &SendBoard) -> Option<AnswerAsk> {
        let mut asked = None;
        form.label_ui(ui, "Next message");
        let field = form.json_ui(ui, ["Next message", "{ }"], &mut self.next_message, 2);
        if std::mem::take(&mut self.seeks_message) {
            field.request_focus();
            ui.ctx().request_repaint();
        }
        self.is_writing_message = field.has_focus();
        ui.horizontal(|ui| {
            let is_empty = self.next_message.trim().is_empty();
            let why_not = if self.given.is_some() { Some("the one before is on its way") } else { is_empty.then_some("write a message first") };
            let keys = if self.is_writing_message { UiCommand::SendRequest.keys() } else { UiCommand::SendMessage.keys() };
            if button_ui(ui, ["Send message", &keys], true, why_not, form.tokens) {
                asked = Some(AnswerAsk::Message);
            }
            if button_ui(ui, ["Half-close", &UiCommand::HalfClose.keys()], false, None, form.tokens) {
                asked = Some(AnswerAsk::HalfClose);
            }
            if button_ui(ui, ["Cancel the call", ""], false, None, form.tokens) {
                asked = Some(AnswerAsk::Stop);
            }
        });
        let refused = board.by_hand.as_ref().filter(|by_hand| by_hand.sent_id == sent.sent_id && self.given.is_none());
        if let Some(reason) = refused.and_then(|by_hand| by_hand.refused.as_ref()) {
            form.told_ui(ui, &format!("Not sent: {reason}"), Ink::Bad);
        }
        asked
    }

    /// What came of a call of one message, and what was sent behind a switch.
    fn one_ui(&mut self, ui: &mut egui::Ui, sent: &Sent, height_pt: f32, now_ns: i64, tokens: &DesignTokens) {
        let messages = &sent.answer.messages;
        let told = |ui: &mut egui::Ui, text: &str| ui.label(RichText::new(text).size(12.0).color(tokens.ink(Ink::Dim)));
        match messages.iter().find(|message| !message.is_ours) {
            Some(message) => {
                let of = (sent.sent_id, message.text.len(), false);
                if self.read.as_ref().is_none_or(|(read_of, _)| *read_of != of) {
                    self.read = Some((of, Payload::read(Some(message.text.as_bytes()), message.text.len() as u64, false)));
                }
                if let Some((_, payload)) = &mut self.read {
                    payload_ui(ui, &mut self.form, payload, (height_pt - AROUND_RESPONSE_PT).max(LEAST_PT), tokens);
                }
            }
            None if sent.is_going() => drop(told(ui, "No message yet")),
            None => drop(told(ui, "No message came")),
        }
        if let Some(ours) = messages.iter().find(|message| message.is_ours) {
            let was = if is_not_sent(sent) { "was to be sent" } else { "was sent" };
            let text = format!("{} what {was}", if self.shows_ours { "Hide" } else { "Show" });
            let switch = ui.add(egui::Button::new(RichText::new(&text).size(12.0).color(tokens.ink(Ink::Dim))).frame(false));
            switch.widget_info(|| WidgetInfo::selected(Role::Button, true, self.shows_ours, &text));
            self.shows_ours ^= switch.clicked();
            if self.shows_ours {
                message_ui(ui, ours, is_not_sent(sent), now_ns, tokens);
            }
        }
    }
}

/// Messages of a stream as they went and came. The newest is in view until somebody scrolls away from it.
fn messages_ui(ui: &mut egui::Ui, sent: &Sent, now_ns: i64, tokens: &DesignTokens) {
    let answer = &sent.answer;
    let first = answer.messages.len().saturating_sub(MESSAGES_MAX);
    let num_left_out = answer.messages_left_out + first as u64;
    let told = |ui: &mut egui::Ui, text: &str| ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
    if num_left_out > 0 {
        told(ui, &format!("{} are not shown", figures::things(num_left_out, "message", "messages")));
    }
    if answer.messages.is_empty() {
        told(ui, if sent.is_going() { "No message yet" } else { "No message came" });
    }
    let below_pt = if answer.took.is_empty() { BELOW_LIST_PT } else { BELOW_LIST_PT + PHASES_PT };
    let height_pt = (ui.available_height() - below_pt).max(LEAST_LIST_PT);
    let area = egui::ScrollArea::vertical().id_salt(("messages of the call", sent.sent_id.0)).max_height(height_pt).auto_shrink([false, true]);
    area.stick_to_bottom(true).show(ui, |ui| {
        for message in &answer.messages[first..] {
            message_ui(ui, message, is_not_sent(sent), now_ns, tokens);
        }
    });
}

/// Whether nothing of it left: what it was to say waited here.
fn is_not_sent(sent: &Sent) -> bool {
    matches!(&sent.settled, Some(Settled::Tried(Outcome::NotDone(_)) | Settled::Skipped(_) | Settled::Refused(_)))
}

/// A message: whose it is, when, and what it says; of ours also that it was not sent.
fn message_ui(ui: &mut egui::Ui, message: &Message, is_not_sent: bool, now_ns: i64, tokens: &DesignTokens) {
    ui.horizontal_top(|ui| {
        let (sign, whose, ink) = match (message.is_ours, is_not_sent) {
            (true, true) => ("✕", "ours, not sent", Ink::Warn),
            (true, false) => ("→", "ours", Ink::Dim),
            (false, _) => ("←", "theirs", Ink::Accent),
        };
        let when = if message.is_ours && is_not_sent { "not sent".to_owned() } else { figures::when(message.at_ns, now_ns).to_ms() };
        ui.add(egui::Label::new(RichText::new(when).font(fonts::data(TEXT_SMALL_PT)).color(tokens.ink(Ink::Dim))));
        let response = ui.label(RichText::new(sign).color(tokens.ink(ink)));
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, whose));
        let text = lines(&message.text, CHARS_MAX);
        ui.add(egui::Label::new(RichText::new(text).font(fonts::data(12.0)).color(tokens.ink(Ink::Text))).wrap());
    });
}
