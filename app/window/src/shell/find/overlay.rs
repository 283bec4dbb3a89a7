//! Draws the field and what was found, and answers the keys.

use egui::{Align2, Id, Key, Modifiers, Rect, RichText, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_engine::view::{Answer, PointQuery, Query, ScanQuery, Snapshot};
use switchboard_model::CorrelationId;

use super::hits::{Hit, Line, ending, lines, records, replay_words};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, OVERLAY_TOP_PT, TEXT_MIN_PT, TEXT_SMALL_PT},
    view::{Asker, Slot, Standing, Target, ViewAction},
    widgets::{
        object_menu,
        row_ground::row_ground,
        text_field::{TextEntry, TextField},
    },
};

const WIDTH_PT: f32 = 760.0;
const ROW_PT: f32 = 28.0;
const ROWS_MAX: usize = 15;
/// Room for the time of a hit, points.
const TIME_PT: f32 = 96.0;
/// Found of each kind at most.
const HITS_MAX: usize = 100;
/// What replays the records that were found.
const REPLAY_KEYS: &str = if cfg!(target_os = "macos") { "Cmd+Enter" } else { "Ctrl+Enter" };
/// A shorter text finds everything.
const CHARS_MIN: usize = 2;

/// The search, open or not. What was looked for last is kept.
#[derive(Default)]
pub(crate) struct FindOverlay {
    is_open: bool,
    text: String,
    selected: usize,
    /// Whether what was found is to be replayed.
    replays: bool,
    /// Of which text and answer the lines are.
    lines_of: Option<(String, (u64, bool, bool), u64)>,
    lines: Vec<Line>,
}

impl FindOverlay {
    /// Opens it, or closes it if it is open.
    pub(crate) fn toggle(&mut self) {
        self.is_open = !self.is_open;
        self.selected = 0;
    }

    /// Opens it with a text.
    pub(crate) fn look_for(&mut self, text: &str) {
        text.clone_into(&mut self.text);
        self.is_open = true;
        self.selected = 0;
    }

    /// Closes it.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }

    /// Takes its keys with Ctrl, which are a view's where it is not open.
    pub(crate) fn take_keys(&mut self, ctx: &egui::Context) {
        self.replays = self.is_open && ctx.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
    }

    /// Whether it is open.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Draws it, if open; what was chosen.
    pub(crate) fn ui(
        &mut self,
        ctx: &egui::Context,
        snapshot: &Snapshot,
        asker: &mut Asker,
        (now_ns, replay_stands): (i64, bool),
        tokens: &DesignTokens,
    ) -> Option<Target> {
        if !self.is_open {
            return None;
        }
        let area = egui::Modal::default_area(Id::unique("find")).anchor(Align2::CENTER_TOP, vec2(0.0, OVERLAY_TOP_PT));
        let width = WIDTH_PT.min(ctx.content_rect().width() - 60.0);
        let modal = egui::Modal::new(Id::unique("find")).area(area).backdrop_color(tokens.shade.0).show(ctx, |ui| {
            ui.set_width(width);
            self.inner_ui(ui, snapshot, asker, (now_ns, replay_stands), tokens)
        });
        if modal.inner.is_some() || modal.should_close() {
            self.is_open = false;
        }
        modal.inner
    }

    fn inner_ui(
        &mut self,
        ui: &mut egui::Ui,
        snapshot: &Snapshot,
        asker: &mut Asker,
        (now_ns, replay_stands): (i64, bool),
        tokens: &DesignTokens,
    ) -> Option<Target> {
        let replays = std::mem::take(&mut self.replays);
        let (up, down, enter) = ui.input_mut(|input| {
            (
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp),
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown),
                input.consume_key(Modifiers::NONE, Key::Enter),
            )
        });
        let response = TextEntry::new(TextField::Find, &mut self.text).ui(ui, tokens).response;
        response.request_focus();
        if response.changed() {
            self.selected = 0;
        }
        let text = self.text.trim().to_owned();
        if text.chars().count() < CHARS_MIN {
            invitation_ui(ui, tokens);
            return None;
        }
        // What was looked for before it came in is found as soon as it does.
        let known = self.lines_of.as_ref().filter(|(of, ..)| *of == text).map(|(_, (_, is_answered, is_conversation), _)| (*is_answered, *is_conversation));
        let (is_answered, is_conversation) = known.unwrap_or_default();
        let found_nothing = is_answered && self.lines.is_empty();
        // Offered where something carries the id, and not where a longer one only begins so.
        let conversation = CorrelationId::parse(text.as_bytes()).filter(|id| {
            let standing = ask(asker, !is_conversation, Slot::FindConversation, &Query::Point(PointQuery::Conversation { id: id.clone(), limit: 1 }));
            standing.is_of_this_question && matches!(standing.answer, Some(Answer::Conversation(items)) if !items.is_empty())
        });
        let query = Query::Scan(ScanQuery::Find { text: text.clone(), limit: HITS_MAX });
        let standing = ask(asker, found_nothing, Slot::Find, &query);
        let page = match standing.answer {
            Some(Answer::Found(page)) if standing.is_of_this_question => Some(page),
            _ => None,
        };
        // What is done with the records, or why nothing is; with nothing found there is nothing to say.
        let replay = page.filter(|page| !page.hits.is_empty()).map(|page| (replay_words(page, HITS_MAX, replay_stands), records(page)));
        let state = (standing.revision, page.is_some(), conversation.is_some());
        let of = (text.clone(), state, snapshot.topology.version);
        if self.lines_of.as_ref() != Some(&of) {
            self.lines = lines(&text, snapshot, page, conversation);
            self.lines_of = Some(of);
        }
        let foot = match (page, standing.is_waiting) {
            (Some(page), _) => ending(page, now_ns),
            (None, true) => "looking".to_owned(),
            (None, false) => "The engine did not answer; change the text to ask again".to_owned(),
        };
        self.select(up, down);
        let mut chosen = enter.then(|| self.hit_at(self.selected).and_then(|hit| hit.target.clone())).flatten();
        chosen = self.lines_ui(ui, now_ns, tokens).or(chosen);
        if let Some((words, records)) = replay
            && (replay_ui(ui, words.as_deref(), tokens) || (replays && words.is_ok()))
        {
            chosen = Some(Target::Replay(records));
        }
        ui.add_space(8.0);
        let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
        ui.painter().hline(line.x_range(), line.center().y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        egui::Frame::new().inner_margin(egui::Margin::symmetric(10, 6)).show(ui, |ui| {
            ui.add(egui::Label::new(RichText::new(visible(&foot)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).wrap());
        });
        chosen
    }

    fn hit_at(&self, place: usize) -> Option<&Hit> {
        self.lines.iter().filter_map(|line| if let Line::Hit(hit) = line { Some(&**hit) } else { None }).nth(place)
    }

    fn select(&mut self, up: usize, down: usize) {
        let num_hits = self.lines.iter().filter(|line| matches!(line, Line::Hit(_))).count();
        self.selected = (self.selected + down).saturating_sub(up).min(num_hits.saturating_sub(1));
    }

    /// The lines around the selected one; what was clicked.
    fn lines_ui(&mut self, ui: &mut egui::Ui, now_ns: i64, tokens: &DesignTokens) -> Option<Target> {
        ui.spacing_mut().item_spacing.y = 0.0;
        let (mut clicked, mut pointed_at) = (None, None);
        let mut num_hits = 0;
        let numbered: Vec<(usize, &Line)> = self
            .lines
            .iter()
            .map(|line| {
                let number = num_hits;
                num_hits += usize::from(matches!(line, Line::Hit(_)));
                (number, line)
            })
            .collect();
        let place = numbered.iter().position(|(number, line)| *number == self.selected && matches!(line, Line::Hit(_))).unwrap_or(0);
        let first = place.saturating_sub(ROWS_MAX - 1);
        ui.add_space(6.0);
        for (number, line) in numbered.into_iter().skip(first).take(ROWS_MAX) {
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
            match line {
                Line::Heading(text) => {
                    ui.painter().text(rect.left_center() + vec2(10.0, 2.0), Align2::LEFT_CENTER, text, fonts::strong(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
                    response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, text));
                }
                Line::Hit(hit) => {
                    let is_selected = number == self.selected;
                    ui.painter().add(row_ground(rect, is_selected, response.hovered(), tokens));
                    hit_ui(ui, rect, hit, now_ns, tokens);
                    response.widget_info(|| {
                        WidgetInfo::selected(Role::ListBoxOption, true, is_selected, format!("{}, {}", visible(&hit.place), visible(&hit.excerpt)))
                    });
                    if response.clicked() {
                        clicked.clone_from(&hit.target);
                    }
                    if response.secondary_clicked() {
                        pointed_at = Some(number);
                        object_menu::offer(ui.ctx(), Some(&hit.excerpt), hit.target.clone().map(ViewAction::Goto).as_ref());
                    }
                }
            }
        }
        self.selected = pointed_at.unwrap_or(self.selected);
        clicked
    }
}

/// Draws what can be done with the records that were found, or why nothing can; whether it was clicked.
fn replay_ui(ui: &mut egui::Ui, words: Result<&str, &&'static str>, tokens: &DesignTokens) -> bool {
    ui.add_space(6.0);
    let inner = egui::Frame::new().inner_margin(egui::Margin::symmetric(10, 0)).show(ui, |ui| match words {
        Ok(words) => {
            let text = RichText::new(format!("{words} ({REPLAY_KEYS})")).size(12.5).color(tokens.ink(Ink::Accent));
            let button = egui::Button::new(text).wrap();
            ui.add(button).on_hover_text("Marks them in Messages, where it is asked to where they go; sends nothing").clicked()
        }
        Err(why) => {
            ui.add(egui::Label::new(RichText::new(*why).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).wrap());
            false
        }
    });
    inner.inner
}

/// Asks once, or as long as the answer may change.
fn ask<'a>(asker: &'a mut Asker, is_anew: bool, slot: Slot, query: &Query) -> Standing<'a> {
    if is_anew { asker.standing(slot, query) } else { asker.once(slot, query) }
}

/// What can be searched.
fn invitation_ui(ui: &mut egui::Ui, tokens: &DesignTokens) {
    ui.add_space(8.0);
    for (what, how) in [
        ("any text", "in names, attributes, headers, keys, payloads and logs, upper or lower case"),
        ("a number", "an order, an amount, an offset: found as a whole"),
        ("an id", "a trace id, a traceparent, a UUID in any spelling"),
    ] {
        ui.horizontal(|ui| {
            ui.label(RichText::new(what).color(tokens.ink(Ink::Text)));
            ui.label(RichText::new(how).color(tokens.ink(Ink::Dim)));
        });
    }
    ui.add_space(4.0);
    let text = "Spans, logs and records that are stored are looked at, the newest first; the last line says what was not";
    ui.add(egui::Label::new(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).wrap());
}

fn hit_ui(ui: &egui::Ui, rect: Rect, hit: &Hit, now_ns: i64, tokens: &DesignTokens) {
    let painter = ui.painter();
    let inner = rect.shrink2(vec2(10.0, 0.0));
    // The time has its column also where there is none, so that excerpts stand below one another.
    let right = inner.right() - TIME_PT;
    if let Some(at_ns) = hit.at_ns {
        painter.text(inner.right_center(), Align2::RIGHT_CENTER, figures::when(at_ns, now_ns).in_12(), fonts::data(TEXT_MIN_PT), tokens.ink(Ink::Faint));
    }
    let cut = |text: &str, font: egui::FontId, ink: Ink, width: f32| {
        let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, tokens.ink(ink));
        job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(0.0));
        painter.layout_job(job)
    };
    let place = cut(&visible(&hit.place), fonts::words(12.5), Ink::Text, (right - inner.left()) * 0.42);
    let left = inner.left() + (right - inner.left()) * 0.42 + 14.0;
    let excerpt = cut(&visible(&hit.excerpt), fonts::data(12.0), Ink::Dim, right - left);
    let middle = |galley: &egui::Galley| inner.center().y - galley.size().y / 2.0;
    painter.galley(pos2(inner.left(), middle(&place)), place, tokens.ink(Ink::Text));
    painter.galley(pos2(left, middle(&excerpt)), excerpt, tokens.ink(Ink::Dim));
}
