//! Keys one after the other, however many come before a frame is drawn: what a key does (open a form, lead into a field) is seen by the next one.
//! Without this a slow frame reads them all at once, and letters that belong into a field that is about to open are commands, or lost.

use std::collections::VecDeque;

use egui::{Context, Event, Key, Modifiers, Plugin, RawInput};

/// More events do not wait: the window no longer follows, and to lose keys would be worse than to mistake them.
const WAITING_MAX: usize = 1_024;

/// Holds events back from egui's input until it is their turn.
#[derive(Default)]
pub(crate) struct KeysInTurn {
    waiting: VecDeque<Event>,
    /// The last frame had a key or a click that may have changed whose the keys are: what it opened has them after one more frame.
    is_settling: bool,
}

impl Plugin for KeysInTurn {
    fn debug_name(&self) -> &'static str {
        "keys in turn"
    }

    fn input_hook(&mut self, ctx: &Context, input: &mut RawInput) {
        let came = std::mem::take(&mut input.events);
        input.events = self.turn(came, ctx.text_edit_focused());
        if !self.waiting.is_empty() {
            ctx.request_repaint();
        }
    }
}

impl KeysInTurn {
    /// The events of this frame; the rest waits. `is_typing`: a field has the keys.
    fn turn(&mut self, came: Vec<Event>, is_typing: bool) -> Vec<Event> {
        self.waiting.extend(came);
        if self.waiting.len() > WAITING_MAX {
            self.is_settling = false;
            return self.waiting.drain(..).collect();
        }
        let mut events = Vec::new();
        let mut waits_for_more = std::mem::take(&mut self.is_settling);
        // The press that may have changed whose the keys are; its own text belongs to it.
        let mut pressed: Option<(Modifiers, Key)> = None;
        while let Some(event) = self.waiting.pop_front() {
            let is_own_text = matches!(event, Event::Text(_)) && matches!(events.last(), Some(Event::Key { pressed: true, .. }));
            if waits_for_more && is_key(&event) && !is_own_text && !is_walked_again(&event, pressed) {
                self.waiting.push_front(event);
                break;
            }
            match &event {
                Event::Key { pressed: true, key, modifiers, .. } if !is_typing || leaves_a_field(*key, *modifiers) => {
                    pressed = Some((*modifiers, *key));
                    (waits_for_more, self.is_settling) = (true, true);
                }
                Event::PointerButton { pressed: false, .. } => (waits_for_more, self.is_settling) = (true, true),
                _ => {}
            }
            events.push(event);
        }
        events
    }
}

/// Whether it goes to whatever has the keys.
fn is_key(event: &Event) -> bool {
    matches!(event, Event::Key { pressed: true, .. } | Event::Text(_) | Event::Ime(_) | Event::Paste(_) | Event::Copy | Event::Cut)
}

/// A key that is held down walks as far as it was held, in few frames or many.
fn is_walked_again(event: &Event, before: Option<(Modifiers, Key)>) -> bool {
    let walks = [Key::ArrowUp, Key::ArrowDown, Key::ArrowLeft, Key::ArrowRight, Key::PageUp, Key::PageDown];
    matches!(event, Event::Key { pressed: true, key, modifiers, .. } if walks.contains(key) && before == Some((*modifiers, *key)))
}

/// Whether a field may lose the keys by it; others are typed, or edit.
fn leaves_a_field(key: Key, modifiers: Modifiers) -> bool {
    modifiers.command || modifiers.alt || matches!(key, Key::Tab | Key::Enter | Key::Escape | Key::F6)
}

#[cfg(test)]
mod tests {
    use egui::{PointerButton, Pos2};

    use super::*;

    fn key(key: Key, modifiers: Modifiers, pressed: bool) -> Event {
        Event::Key { key, physical_key: None, pressed, repeat: false, modifiers }
    }

    fn press(pressed: Key) -> Event {
        key(pressed, Modifiers::NONE, true)
    }

    /// A letter as a desktop sends it.
    fn letter(letter: &str) -> [Event; 3] {
        let of = Key::from_name(&letter.to_uppercase()).expect("a key");
        [press(of), Event::Text(letter.to_owned()), key(of, Modifiers::NONE, false)]
    }

    /// Frames until nothing waits; a field has the keys from that frame on.
    fn frames(events: Vec<Event>, typing_from: usize) -> Vec<Vec<Event>> {
        let mut keys = KeysInTurn::default();
        let mut frames = vec![keys.turn(events, typing_from == 0)];
        while !keys.waiting.is_empty() {
            let is_typing = frames.len() >= typing_from;
            frames.push(keys.turn(Vec::new(), is_typing));
            assert!(frames.len() < 100, "it ends");
        }
        frames
    }

    #[test]
    fn what_a_key_opened_is_drawn_once_before_the_next_key_comes() {
        let events = [letter("a"), letter("b"), letter("c")].concat();
        let expected = vec![letter("a").to_vec(), vec![], [letter("b"), letter("c")].concat()];
        assert_eq!(frames(events, 1), expected, "a opens a field, b and c are typed into it");
    }

    #[test]
    fn each_command_has_a_frame_of_its_own() {
        let find = key(Key::F, Modifiers::COMMAND, true);
        assert_eq!(frames(vec![find.clone(), press(Key::Tab), press(Key::Tab)], 9), [vec![find], vec![], vec![press(Key::Tab)], vec![], vec![press(Key::Tab)]]);
    }

    #[test]
    fn a_text_is_typed_at_once_and_a_key_that_leaves_its_field_ends_it() {
        let text = [letter("a"), letter("b")].concat();
        assert_eq!(frames(text.clone(), 0), [text]);
        let events = vec![press(Key::B), press(Key::Escape), press(Key::P)];
        assert_eq!(frames(events, 0), [vec![press(Key::B), press(Key::Escape)], vec![], vec![press(Key::P)]]);
    }

    #[test]
    fn a_key_held_down_does_not_lag_behind_and_the_pointer_is_held_only_behind_keys() {
        let walks = vec![press(Key::ArrowDown), press(Key::ArrowDown), press(Key::ArrowDown)];
        assert_eq!(frames(walks.clone(), 9), [walks]);
        let button = |pressed| Event::PointerButton { pos: Pos2::ZERO, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
        let twice = vec![button(true), button(false), button(true), button(false)];
        assert_eq!(frames(twice.clone(), 9), [twice], "a double click");
        let events = vec![button(true), button(false), press(Key::A), button(true)];
        assert_eq!(frames(events, 9), [vec![button(true), button(false)], vec![], vec![press(Key::A), button(true)]]);
    }

    #[test]
    fn nothing_is_lost_when_more_comes_than_can_wait() {
        let flood: Vec<Event> = std::iter::repeat_with(|| press(Key::Tab)).take(WAITING_MAX + 1).collect();
        assert_eq!(frames(flood.clone(), 9), [flood]);
    }
}
