//! Keys that are pressed before a picture is taken, as one writes them: `Ctrl+K "4711" Enter`.

use egui::{Event, Key, Modifiers};

/// More than this nobody means to press.
const STROKES_MAX: usize = 256;

/// One press, or one text that is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// A key, with what is held down.
    Press(Modifiers, Key),
    /// A text.
    Type(String),
}

impl Stroke {
    /// What an interface gets of it: all that happens in one frame.
    pub(crate) fn events(&self) -> Vec<Event> {
        let key = |pressed, modifiers, key| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        match self {
            Self::Type(text) => vec![Event::Text(text.clone())],
            Self::Press(modifiers, pressed) => vec![key(true, *modifiers, *pressed), key(false, *modifiers, *pressed)],
        }
    }
}

/// Keys in the order in which they are pressed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strokes(pub Vec<Stroke>);

impl std::str::FromStr for Strokes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut strokes = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (stroke, after) = if let Some(quoted) = rest.strip_prefix('"') {
                let (typed, after) = quoted.split_once('"').ok_or_else(|| format!("`{rest}` has no closing quotation mark"))?;
                (Stroke::Type(typed.to_owned()), after)
            } else {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (press(&rest[..end])?, &rest[end..])
            };
            strokes.push(stroke);
            if strokes.len() > STROKES_MAX {
                return Err(format!("more than {STROKES_MAX} keys"));
            }
            rest = after.trim_start();
        }
        Ok(Self(strokes))
    }
}

/// `Ctrl+Shift+P`, `Down`, `+`.
fn press(word: &str) -> Result<Stroke, String> {
    let (held, name) = word.rfind('+').filter(|at| *at > 0).map_or(("", word), |at| (&word[..at], &word[at + 1..]));
    let mut modifiers = Modifiers::NONE;
    for held in held.split('+').filter(|held| !held.is_empty()) {
        modifiers |= match held.to_ascii_lowercase().as_str() {
            "ctrl" | "cmd" | "command" => Modifiers::COMMAND | Modifiers::CTRL,
            "shift" => Modifiers::SHIFT,
            "alt" => Modifiers::ALT,
            _ => return Err(format!("`{held}` in `{word}` is no key that is held down; write Ctrl, Shift or Alt")),
        };
    }
    let key = Key::from_name(name).ok_or_else(|| format!("`{name}` is no key; write Ctrl+K, Down, Enter, T … and what is typed in quotation marks"))?;
    Ok(Stroke::Press(modifiers, key))
}

#[cfg(test)]
mod tests {
    use super::{Key, Modifiers, Stroke, Strokes};

    #[test]
    fn keys_are_read_as_one_writes_them() {
        let press = |modifiers, key| Stroke::Press(modifiers, key);
        let ctrl = Modifiers::COMMAND | Modifiers::CTRL;
        let table: [(&str, Vec<Stroke>); 5] = [
            ("", vec![]),
            (" Down  Enter ", vec![press(Modifiers::NONE, Key::ArrowDown), press(Modifiers::NONE, Key::Enter)]),
            ("Ctrl+K \"order 4711\" Enter", vec![press(ctrl, Key::K), Stroke::Type("order 4711".to_owned()), press(Modifiers::NONE, Key::Enter)]),
            ("ctrl+shift+P", vec![press(ctrl | Modifiers::SHIFT, Key::P)]),
            ("+", vec![press(Modifiers::NONE, Key::Plus)]),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Strokes>(), Ok(Strokes(expected)), "{text}");
        }
        for wrong in ["Hyper+K", "Ctrl+Nothing", "\"open", "Ctrl+"] {
            assert!(wrong.parse::<Strokes>().is_err(), "{wrong}");
        }
        assert!("A ".repeat(300).parse::<Strokes>().is_err());
    }
}
