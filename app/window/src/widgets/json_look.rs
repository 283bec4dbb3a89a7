//! What is wrong with a text as JSON, told while it is typed. A long text is looked at beside the window: the last one only, one at a time.

use std::sync::Arc;

use egui::{Id, mutex::Mutex};

use crate::view::Beside;

/// A text that is no longer is looked at in its frame, bytes.
const IN_PLACE_BYTES_MAX: usize = 32 << 10;
/// Looking that takes longer than this is told, s.
const TOLD_AFTER_S: f64 = 0.3;

/// What is said of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// In words.
    pub words: String,
    /// Whether it is of the text as it is now, and not of the one before it.
    pub is_of_now: bool,
}

/// What was found.
enum Found {
    Right,
    Wrong(String),
}

impl Found {
    fn of(mistake: Option<String>) -> Self {
        mistake.map_or(Self::Right, Self::Wrong)
    }
}

/// What is known of a text, and of the one before it.
#[derive(Default)]
struct JsonLook {
    text: String,
    known: Option<Found>,
    before: Option<Found>,
    /// The text that is looked at beside the window.
    beside: Beside<Found>,
    /// Whether that is still the text.
    is_beside_of_now: bool,
    since_s: f64,
}

impl JsonLook {
    fn look(&mut self, ctx: &egui::Context, text: &str, mistake: fn(&str) -> Option<String>) {
        let done = self.beside.take();
        if self.text == text {
            if self.is_beside_of_now && self.known.is_none() {
                self.known = done;
            }
        } else {
            self.text.clear();
            self.text.push_str(text);
            self.is_beside_of_now = false;
            if let Some(known) = self.known.take() {
                (self.before, self.since_s) = (Some(known), ctx.input(|input| input.time));
            }
        }
        if self.known.is_some() {
            return;
        }
        if self.text.len() <= IN_PLACE_BYTES_MAX {
            self.known = Some(Found::of(mistake(&self.text)));
        } else if !self.beside.is_busy() {
            let text = self.text.clone();
            self.is_beside_of_now = self.beside.begin("JSON looked at", ctx, move || Found::of(mistake(&text)));
            if !self.is_beside_of_now {
                self.known = Some(Found::of(mistake(&self.text)));
            }
        }
    }

    fn told(&self, ctx: &egui::Context) -> Option<Told> {
        let told = |found: &Found, is_of_now| match found {
            Found::Right => None,
            Found::Wrong(words) => Some(Told { words: words.clone(), is_of_now }),
        };
        if let Some(known) = &self.known {
            return told(known, true);
        }
        if let Some(before) = self.before.as_ref().and_then(|before| told(before, false)) {
            return Some(before);
        }
        let for_s = ctx.input(|input| input.time) - self.since_s;
        if self.before.is_some() && for_s < TOLD_AFTER_S {
            ctx.request_repaint_after_secs((TOLD_AFTER_S - for_s) as f32);
            return None;
        }
        Some(Told { words: "Checking whether it is JSON".to_owned(), is_of_now: false })
    }
}

/// What is wrong with the text of a field, as `mistake` finds it; `None` = nothing. While it is looked at, what was wrong with the one before is told.
pub(crate) fn told(ctx: &egui::Context, field: Id, text: &str, mistake: fn(&str) -> Option<String>) -> Option<Told> {
    let look = ctx.data_mut(|data| Arc::clone(data.get_temp_mut_or_default::<Arc<Mutex<JsonLook>>>(field)));
    let mut look = look.lock();
    look.look(ctx, text, mistake);
    look.told(ctx)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::widgets::json_text;

    fn settled(ctx: &egui::Context, text: &str) -> Option<Told> {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let told = told(ctx, Id::unique("field"), text, json_text::mistake);
            if told.as_ref().is_none_or(|told| told.is_of_now) {
                return told;
            }
            assert!(Instant::now() < deadline, "{told:?}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_short_text_is_told_at_once() {
        let ctx = egui::Context::default();
        for (text, words) in [("{}", None), ("[", Some("No JSON at line 1, column 1: EOF while parsing a list")), ("", None)] {
            let told = told(&ctx, Id::unique("field"), text, json_text::mistake);
            assert_eq!(told, words.map(|words| Told { words: words.to_owned(), is_of_now: true }), "{text}");
        }
    }

    #[test]
    fn of_a_long_text_what_was_known_stays_until_the_last_one_is_looked_at() {
        let ctx = egui::Context::default();
        let text = |last: &str| format!("[{}{last}", "1,\n".repeat(IN_PLACE_BYTES_MAX));
        let first = told(&ctx, Id::unique("field"), &text("?"), json_text::mistake);
        assert_eq!(first, Some(Told { words: "Checking whether it is JSON".to_owned(), is_of_now: false }));
        let wrong = settled(&ctx, &text("?")).expect("a mistake");
        assert!(wrong.words.starts_with(&format!("No JSON at line {}, column 1: ", IN_PLACE_BYTES_MAX + 1)), "{wrong:?}");
        // While one is looked at, others come: only the last is told.
        for next in ["1", "1]]", "1"] {
            let told = told(&ctx, Id::unique("field"), &text(next), json_text::mistake);
            assert_eq!(told, Some(Told { is_of_now: false, ..wrong.clone() }), "{next}");
        }
        assert_eq!(settled(&ctx, &text("1]")), None);
        assert_eq!(settled(&ctx, &text("x")).map(|told| told.is_of_now), Some(true));
    }
}
