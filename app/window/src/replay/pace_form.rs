//! How many of a preview go first, and how fast the rest goes, as it is typed beside it. Pure.

use switchboard_desk::send::replay::{ChosenPace, Preview};

/// What is typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PaceForm {
    /// How many go first; empty = that is not chosen.
    pub first: String,
    /// How many the rest goes at, a second; empty = that is not chosen.
    pub rate: String,
    /// Of which preview it is, and the pace of that when it was looked at last.
    of: Option<(String, ChosenPace)>,
    /// What was asked for, and is not shown by the preview yet.
    asked: Option<ChosenPace>,
}

impl PaceForm {
    /// As a preview has it, where that is another than what was typed beside it.
    pub(super) fn take(&mut self, preview: Option<&Preview>) {
        let Some(preview) = preview else { return *self = Self::default() };
        let (replay_id, pace) = (&preview.replay_id, preview.options().pace);
        let of = self.of.as_ref().filter(|(of, _)| of == replay_id).map(|(_, pace)| *pace);
        match (of, self.asked) {
            (Some(_), Some(asked)) if asked == pace => self.asked = None,
            // What is typed on meanwhile stays.
            (Some(_), Some(_)) => {}
            (Some(before), None) if before == pace => {}
            _ => *self = Self { first: words(pace.num_first), rate: words(pace.rate_per_s), ..Self::default() },
        }
        self.of = Some((replay_id.clone(), pace));
    }

    /// What is chosen of a preview; the reason where that cannot be.
    pub(super) fn chosen(&self, preview: &Preview) -> Result<ChosenPace, String> {
        let chosen = ChosenPace::typed(&self.first, &self.rate)?;
        preview.bounds.choose(chosen).map(|_| chosen)
    }

    /// What is to be asked for, where a preview has another pace; `None` = it has it, or it cannot be.
    pub(super) fn ask(&mut self, preview: &Preview) -> Option<ChosenPace> {
        let chosen = self.chosen(preview).ok()?;
        self.asked = Some(chosen).filter(|chosen| *chosen != preview.options().pace || self.asked.is_some());
        self.asked
    }
}

fn words(number: Option<u32>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_desk::send::replay::{ReplayAsk, ReplayOptions, Writing};

    use super::*;
    use crate::views::dead_letters::sample;

    fn preview(replay_id: &str, pace: ChosenPace) -> Preview {
        let mut preview = Preview::clone(sample::previewed(Writing::Allowed).preview.as_ref().expect("a preview"));
        let options = ReplayOptions { pace, ..preview.options().clone() };
        (preview.replay_id, preview.ask) = (replay_id.to_owned(), Arc::new(ReplayAsk { options, ..ReplayAsk::clone(&preview.ask) }));
        preview
    }

    fn chosen(num_first: Option<u32>, rate_per_s: Option<u32>) -> ChosenPace {
        ChosenPace { num_first, rate_per_s }
    }

    #[test]
    fn what_is_typed_is_asked_for_and_stays_until_another_chooses_or_another_preview_stands() {
        let mut form = PaceForm::default();
        let before = preview("r-1", chosen(None, Some(40)));
        form.take(Some(&before));
        assert_eq!((form.ask(&before), form.first.as_str(), form.rate.as_str()), (None, "", "40"));
        form.first = "2".into();
        assert_eq!(form.ask(&before), Some(chosen(Some(2), Some(40))));
        // It is typed on before the first letter of it is shown, and back to what is shown.
        form.first = "20".into();
        assert_eq!(form.ask(&before), Some(chosen(Some(20), Some(40))));
        form.take(Some(&preview("r-1", chosen(Some(2), Some(40)))));
        assert_eq!(form.first, "20");
        let shown = preview("r-1", chosen(Some(20), Some(40)));
        form.take(Some(&shown));
        assert_eq!((form.ask(&shown), form.first.as_str()), (None, "20"));
        form.rate = "no".into();
        assert_eq!((form.ask(&shown), form.chosen(&shown).is_err()), (None, true));
        form.take(Some(&shown));
        assert_eq!(form.rate, "no", "what is wrong stays to be mended");
        // Another window of the same preview chose.
        form.take(Some(&preview("r-1", chosen(None, Some(7)))));
        assert_eq!((form.first.as_str(), form.rate.as_str()), ("", "7"));
        form.rate = "no".into();
        form.take(Some(&preview("r-2", chosen(Some(1), None))));
        assert_eq!((form.first.as_str(), form.rate.as_str()), ("1", ""));
        form.take(None);
        assert_eq!(form, PaceForm::default());
    }

    #[test]
    fn what_goes_back_to_what_is_still_shown_is_asked_for_too() {
        let mut form = PaceForm::default();
        let shown = preview("r-1", ChosenPace::default());
        form.take(Some(&shown));
        form.first = "2".into();
        assert_eq!(form.ask(&shown), Some(chosen(Some(2), None)));
        // The preview still shows none, and would show two in a moment.
        form.first.clear();
        assert_eq!(form.ask(&shown), Some(ChosenPace::default()));
    }
}
