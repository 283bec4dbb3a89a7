//! What is wrong with a text as JSON, told while it is typed. A long text is looked at beside the window: the last one only, one at a time.

use std::sync::Arc;

use egui::{Id, mutex::Mutex};

use crate::view::Beside;

/// A text that is no longer is looked at in its frame, bytes.
const IN_PLACE_BYTES_MAX: usize = 32 << 10;
/// Looking that takes longer than this is told, s.
const TOLD_AFTER_S: f64 = 0.3;

/// What is told while a text is looked at of which nothing was known before.
const CHECKING: &str = "Checking whether it is JSON";

/// What is known of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Look {
    /// It is right.
    Right,
    /// What is wrong with it, in words.
    Wrong(String),
    /// It is looked at: what was wrong with the one before it.
    WasWrong(String),
    /// It is looked at, and nothing was wrong before; whether it takes so long that this is told.
    Unknown { is_told: bool },
}

impl Look {
    /// What is to be said, in words; `None` = nothing.
    pub(crate) fn words(&self) -> Option<&str> {
        match self {
            Self::Wrong(words) | Self::WasWrong(words) => Some(words),
            Self::Unknown { is_told: true } => Some(CHECKING),
            Self::Right | Self::Unknown { is_told: false } => None,
        }
    }

    /// Whether it is of the text as it is now.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self, Self::Right | Self::Wrong(_))
    }

    /// Whether it is wrong, or was when it was looked at last.
    pub(crate) fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong(_) | Self::WasWrong(_))
    }
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

    fn now(&self, ctx: &egui::Context) -> Look {
        match (&self.known, &self.before) {
            (Some(Found::Right), _) => Look::Right,
            (Some(Found::Wrong(words)), _) => Look::Wrong(words.clone()),
            (None, Some(Found::Wrong(words))) => Look::WasWrong(words.clone()),
            (None, Some(Found::Right)) => {
                let for_s = ctx.input(|input| input.time) - self.since_s;
                if for_s < TOLD_AFTER_S {
                    ctx.request_repaint_after_secs((TOLD_AFTER_S - for_s) as f32);
                }
                Look::Unknown { is_told: for_s >= TOLD_AFTER_S }
            }
            (None, None) => Look::Unknown { is_told: true },
        }
    }
}

/// What is known of the text of a field, as `mistake` finds what is wrong with it. While it is looked at, what was known of the one before is told.
pub(crate) fn look(ctx: &egui::Context, field: Id, text: &str, mistake: fn(&str) -> Option<String>) -> Look {
    let look = ctx.data_mut(|data| Arc::clone(data.get_temp_mut_or_default::<Arc<Mutex<JsonLook>>>(field)));
    let mut look = look.lock();
    look.look(ctx, text, mistake);
    look.now(ctx)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::widgets::json_text;

    fn looked(ctx: &egui::Context, text: &str) -> Look {
        look(ctx, Id::unique("field"), text, json_text::mistake)
    }

    fn settled(ctx: &egui::Context, text: &str) -> Look {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let look = looked(ctx, text);
            if look.is_known() {
                return look;
            }
            assert!(Instant::now() < deadline, "{look:?}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_short_text_is_known_at_once() {
        let ctx = egui::Context::default();
        let wrong = "No JSON at line 1, column 1: EOF while parsing a list";
        for (text, expected) in [("{}", Look::Right), ("[", Look::Wrong(wrong.to_owned())), ("", Look::Right)] {
            let look = looked(&ctx, text);
            assert_eq!((look.words(), look.is_wrong()), if text == "[" { (Some(wrong), true) } else { (None, false) }, "{text}");
            assert_eq!(look, expected, "{text}");
        }
    }

    #[test]
    fn of_a_long_text_what_was_known_stays_until_the_last_one_is_looked_at() {
        let ctx = egui::Context::default();
        let text = |last: &str| format!("[{}{last}", "1,\n".repeat(IN_PLACE_BYTES_MAX));
        let first = looked(&ctx, &text("?"));
        assert_eq!((first.words(), first.is_known(), first.is_wrong()), (Some(CHECKING), false, false));
        let Look::Wrong(words) = settled(&ctx, &text("?")) else { panic!("a mistake") };
        assert!(words.starts_with(&format!("No JSON at line {}, column 1: ", IN_PLACE_BYTES_MAX + 1)), "{words}");
        // While one is looked at, others come: only the last is told.
        for next in ["1", "1]]", "1"] {
            assert_eq!(looked(&ctx, &text(next)), Look::WasWrong(words.clone()), "{next}");
        }
        assert_eq!(settled(&ctx, &text("1]")), Look::Right);
        // That it was right is not said of the next one, nor is anything until that takes long.
        assert_eq!(looked(&ctx, &text("x")), Look::Unknown { is_told: false });
        assert!(matches!(settled(&ctx, &text("x")), Look::Wrong(_)));
    }
}
