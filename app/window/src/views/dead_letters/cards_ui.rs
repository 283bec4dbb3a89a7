//! The inbox as cards: how many are open, of what they died, where, and where the others stand.

use egui::{Rect, Sense, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};

use crate::{
    figures, fonts,
    ink::{fitted, tone_inks},
    sanitise::visible,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
    widgets::object_menu,
    words::letters::LettersOf,
};
use switchboard_desk::send::replay::LetterCause;

/// Height of a card, points.
const CARD_PT: f32 = 58.0;
/// Room between two cards, points.
const GAP_PT: f32 = 8.0;
/// Room left of the words, for the number, points.
const NUMBER_PT: f32 = 74.0;
/// Room left and right, points.
const MARGIN_PT: f32 = 18.0;

/// How high so many cards are.
pub(crate) fn height_pt(num_rows: usize) -> f32 {
    num_rows as f32 * (CARD_PT + GAP_PT) + GAP_PT
}

/// Draws the cards; which was clicked. `reveal`: the chosen one is brought into view.
pub(crate) fn cards_ui(
    ui: &mut egui::Ui,
    rows: &[LettersOf],
    chosen: Option<&LetterCause>,
    has_keys: bool,
    reveal: bool,
    now_ns: i64,
    tokens: &DesignTokens,
) -> Option<usize> {
    let mut clicked = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut area = egui::ScrollArea::vertical().id_salt("causes").auto_shrink([false, false]);
    if reveal && let Some(place) = rows.iter().position(|row| chosen == Some(&row.cause)) {
        area = area.vertical_scroll_offset((place as f32 * (CARD_PT + GAP_PT) - ui.available_height() / 2.0).max(0.0));
    }
    area.show_rows(ui, CARD_PT + GAP_PT, rows.len(), |ui, range| {
        for index in range {
            let row = &rows[index];
            let is_chosen = chosen == Some(&row.cause);
            let (place, response) = ui.allocate_exact_size(vec2(ui.available_width(), CARD_PT + GAP_PT), Sense::click());
            let card = Rect::from_min_max(place.min + vec2(MARGIN_PT, GAP_PT), pos2(place.right() - MARGIN_PT, place.bottom()));
            let place_words = row.place_words(now_ns);
            card_ui(ui, card, (row, &place_words), is_chosen, is_chosen && has_keys, response.hovered() || response.has_focus(), tokens);
            response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, is_chosen, row.words(now_ns)));
            if is_chosen {
                object_menu::note_selected(ui.ctx(), place);
            }
            if response.clicked() || response.secondary_clicked() {
                clicked = Some(index);
            }
        }
    });
    clicked
}

fn card_ui(ui: &egui::Ui, card: Rect, (row, place_words): (&LettersOf, &str), is_chosen: bool, has_keys: bool, is_lit: bool, tokens: &DesignTokens) {
    let painter = ui.painter();
    let fill = if is_chosen || is_lit { Ink::Raised } else { Ink::Card };
    let (line, width) = match (is_chosen, has_keys) {
        (true, true) => (Ink::Accent, 1.5),
        (true, false) => (Ink::Dim, 1.0),
        (false, _) => (Ink::Line, 1.0),
    };
    painter.rect(card, RADIUS_PT, tokens.ink(fill), Stroke::new(width, tokens.ink(line)), StrokeKind::Inside);
    let open = row.standing.open();
    let number_ink = if open > 0 { Ink::Text } else { Ink::Faint };
    let number =
        painter.text(pos2(card.left() + 16.0, card.center().y), egui::Align2::LEFT_CENTER, figures::count(open), fonts::data(19.0), tokens.ink(number_ink));

    let (word, severity) = row.state_word();
    let state_ink = tone_inks(severity.into()).0;
    // Figures and words of state are whole; the names of cause and channel give way.
    let state = painter.layout_no_wrap(word.to_owned(), fonts::strong(TEXT_SMALL_PT), tokens.ink(state_ink));
    let (first, second) = (card.top() + 20.0, card.bottom() - 18.0);
    painter.galley(pos2(card.right() - 14.0 - state.size().x, first - state.size().y / 2.0), state.clone(), tokens.ink(state_ink));
    let done = painter.layout_no_wrap(row.standing.dealt_with_words(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
    painter.galley(pos2(card.right() - 14.0 - done.size().x, second - done.size().y / 2.0), done.clone(), tokens.ink(Ink::Dim));

    let left = (card.left() + NUMBER_PT).max(number.right() + 12.0);
    let room = |taken: f32| (card.right() - 14.0 - taken - 12.0 - left).max(20.0);
    let title = fitted(painter, &visible(&row.cause.fingerprint), &fonts::strong(12.5), room(state.size().x));
    painter.galley(pos2(left, first - title.size().y / 2.0), title, tokens.ink(if open > 0 { Ink::Text } else { Ink::Dim }));
    let place = fitted(painter, place_words, &fonts::words(TEXT_SMALL_PT), room(done.size().x));
    painter.galley(pos2(left, second - place.size().y / 2.0), place, tokens.ink(Ink::Dim));
}
