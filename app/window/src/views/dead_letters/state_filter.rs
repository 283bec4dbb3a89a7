//! Which letters of a cause are listed, by where they stand: a choice above the list, in the ledger's own words. Pure, but for its row.

use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_desk::{
    ledger::LetterKey,
    send::replay::{HandledAs, LetterCause, ReplayBoard},
};
use switchboard_engine::view::{DealtWith, LetterOrder, LettersOnly};
use switchboard_model::{MessageRef, Place};

use super::letter_list::ORDERED_EVERY_S;
use crate::{
    figures,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    view::UiCommand,
    words::letters::{LettersOf, Standing},
};

/// Which letters are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StateFilter {
    /// All.
    #[default]
    All,
    /// Those that nobody dealt with.
    Open,
    /// Those that came to this.
    Handled(HandledAs),
}

impl StateFilter {
    /// The word for it.
    fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Open => "open",
            Self::Handled(as_what) => as_what.word(),
        }
    }

    /// What can be chosen of a cause, with how many it has: what it has none of is not offered, unless it is chosen.
    fn choices(self, of: &LettersOf) -> Vec<(Self, u64)> {
        let Standing { untouched, .. } = of.standing;
        let handled = of.standing.dealt_with().into_iter().map(|(num, as_what)| (Self::Handled(as_what), num));
        let all = [(Self::All, of.total), (Self::Open, untouched)].into_iter().chain(handled);
        all.filter(|(filter, num)| *num > 0 || *filter == self || matches!(filter, Self::All | Self::Open)).collect()
    }

    /// The next one that can be chosen.
    pub(crate) fn next(self, of: &LettersOf) -> Self {
        let choices = self.choices(of);
        let at = choices.iter().position(|(filter, _)| *filter == self).unwrap_or(0);
        choices[(at + 1) % choices.len()].0
    }

    /// What it is called where it lists nothing.
    pub(crate) fn nothing_words(self) -> String {
        match self {
            Self::All => "No letter of this cause is stored any more".to_owned(),
            filter => format!("No stored letter of this cause is {}", filter.word()),
        }
    }
}

/// Draws the choices in a row; which was chosen.
pub(crate) fn choices_ui(ui: &mut egui::Ui, chosen: StateFilter, of: &LettersOf, tokens: &DesignTokens) -> Option<StateFilter> {
    let mut clicked = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(4.0, 2.0);
        for (filter, num) in chosen.choices(of) {
            let is_chosen = filter == chosen;
            let ink = if is_chosen { Ink::Text } else { Ink::Dim };
            let text = RichText::new(format!("{} {}", filter.word(), figures::count(num))).size(TEXT_SMALL_PT).color(tokens.ink(ink));
            let response = ui.add(egui::Button::new(text).selected(is_chosen).frame_when_inactive(false));
            response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("letters: {}, {num}", filter.word())));
            if response.on_hover_text(UiCommand::NextLetterState.tooltip()).clicked() {
                clicked = Some(filter);
            }
        }
    });
    clicked
}

/// The order that is asked for: made anew where the ledger's letters or the choice changed, and not more often than rows may move.
#[derive(Default)]
pub(crate) struct AskedOrder {
    made_of: Option<(LetterCause, StateFilter, u64)>,
    made_s: f64,
    order: LetterOrder,
}

impl AskedOrder {
    /// As of now; `at_once` where nothing is waited for.
    pub(crate) fn of(&mut self, cause: &LetterCause, filter: StateFilter, board: &ReplayBoard, (now_s, at_once): (f64, bool)) -> &LetterOrder {
        let is_same = |made: &(LetterCause, StateFilter, u64)| made.0 == *cause && made.1 == filter;
        let is_due = match &self.made_of {
            Some(made) if is_same(made) => made.2 != board.letters_version && (at_once || !(0.0..ORDERED_EVERY_S).contains(&(now_s - self.made_s))),
            _ => true,
        };
        if is_due {
            self.made_of = Some((cause.clone(), filter, board.letters_version));
            self.made_s = now_s;
            self.order = order(cause, filter, board);
        }
        &self.order
    }
}

fn order(cause: &LetterCause, filter: StateFilter, board: &ReplayBoard) -> LetterOrder {
    // The ledger's letters lie in the order of their places.
    let first = LetterKey {
        at: MessageRef { cluster: cause.cluster.clone(), channel: cause.channel.clone(), place: Place::at(i32::MIN, i64::MIN) },
        timestamp_ns: None,
    };
    let on_channel = || board.letters.range(first.clone()..).take_while(|(letter, _)| letter.at.channel == cause.channel && letter.at.cluster == cause.cluster);
    let those = |is_meant: &dyn Fn(HandledAs) -> bool| -> DealtWith {
        let meant = on_channel().filter(|(_, record)| HandledAs::of(&record.state).is_some_and(is_meant));
        Arc::new(meant.map(|(letter, _)| (letter.at.clone(), letter.timestamp_ns)).collect::<BTreeSet<_>>())
    };
    let only = match filter {
        StateFilter::All => LettersOnly::All,
        StateFilter::Open => LettersOnly::Open,
        StateFilter::Handled(wanted) => LettersOnly::These(those(&|as_what| as_what == wanted)),
    };
    LetterOrder::OpenFirst { dealt_with: those(&|_| true), only }
}
