//! What keys, input methods and the clipboard do to a long text. What a short field does with them, this does too.

use egui::{Event, ImeEvent, Key, Modifiers, os::OperatingSystem};

use super::{
    rows::Measure,
    text::{LongText, Step},
};

/// A text that takes events.
pub(super) struct Typing<'a> {
    /// The text.
    pub text: &'a mut LongText,
    /// How wide its characters are.
    pub measure: Measure<'a>,
    /// Characters that it has room for.
    pub chars_max: usize,
    /// Rows that are in view.
    pub num_rows: usize,
    /// Whether what an input method writes is for it.
    pub owns_ime: bool,
    /// What keys mean depends on it.
    pub os: OperatingSystem,
}

impl Typing<'_> {
    /// Takes an event. What is to be copied is given back.
    pub(super) fn take(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Copy | Event::Cut => {
                let copied = self.text.selected().to_owned();
                if *event == Event::Cut && !copied.is_empty() {
                    self.write("", false);
                }
                return (!copied.is_empty()).then_some(copied);
            }
            Event::Paste(pasted) if !pasted.is_empty() => self.write(pasted, false),
            // An end of a line comes as a key.
            Event::Text(typed) if !typed.is_empty() && typed != "\n" && typed != "\r" => self.write(typed, true),
            Event::Key { key, pressed: true, modifiers, .. } => self.take_key(*key, *modifiers),
            Event::Ime(event) if self.owns_ime => self.take_ime(event),
            _ => {}
        }
        None
    }

    /// Writes something in the place of what is selected.
    pub(super) fn write(&mut self, with: &str, is_typed: bool) {
        self.text.write(with, is_typed, self.chars_max, &mut self.measure);
    }

    fn take_ime(&mut self, event: &ImeEvent) {
        match event {
            ImeEvent::Preedit { text, .. } | ImeEvent::Commit(text) if text == "\n" || text == "\r" => {}
            ImeEvent::Preedit { text, .. } => self.text.compose(text, &mut self.measure),
            ImeEvent::Commit(text) => self.text.commit(text, self.chars_max, &mut self.measure),
            ImeEvent::DeleteSurrounding { before_chars, after_chars } => self.text.delete_around(*before_chars, *after_chars, &mut self.measure),
            _ => {}
        }
    }

    fn take_key(&mut self, key: Key, modifiers: Modifiers) {
        let is_mac_control = self.os == OperatingSystem::Mac && modifiers.ctrl && !modifiers.shift;
        let step = match key {
            Key::Z if modifiers.matches_logically(Modifiers::SHIFT | Modifiers::COMMAND) => return self.redo(),
            Key::Y if modifiers.matches_logically(Modifiers::COMMAND) => return self.redo(),
            Key::Z if modifiers.matches_logically(Modifiers::COMMAND) => {
                self.text.undo(&mut self.measure);
                return;
            }
            Key::Enter if modifiers.matches_logically(Modifiers::NONE) => return self.write("\n", false),
            Key::Backspace | Key::Delete | Key::H | Key::K | Key::U | Key::W => return self.delete(key, modifiers),
            Key::A if is_mac_control => Step::RowStart,
            Key::A if modifiers.command => return self.text.select_all(),
            Key::E if is_mac_control => Step::RowEnd,
            Key::P if is_mac_control => Step::Up(1),
            Key::N if is_mac_control => Step::Down(1),
            Key::B if is_mac_control => Step::Left,
            Key::F if is_mac_control => Step::Right,
            Key::ArrowLeft if modifiers.mac_cmd => Step::RowStart,
            Key::ArrowRight if modifiers.mac_cmd => Step::RowEnd,
            Key::ArrowLeft if modifiers.alt || modifiers.ctrl => Step::WordLeft,
            Key::ArrowRight if modifiers.alt || modifiers.ctrl => Step::WordRight,
            Key::ArrowLeft => Step::Left,
            Key::ArrowRight => Step::Right,
            Key::ArrowUp if modifiers.command => Step::Start,
            Key::ArrowDown if modifiers.command => Step::End,
            Key::ArrowUp => Step::Up(1),
            Key::ArrowDown => Step::Down(1),
            Key::PageUp if !modifiers.command => Step::Up(self.num_rows),
            Key::PageDown if !modifiers.command => Step::Down(self.num_rows),
            Key::Home if modifiers.ctrl => Step::Start,
            Key::End if modifiers.ctrl => Step::End,
            Key::Home => Step::RowStart,
            Key::End => Step::RowEnd,
            _ => return,
        };
        self.text.go(step, modifiers.shift, &mut self.measure);
    }

    fn redo(&mut self) {
        self.text.redo(&mut self.measure);
    }

    fn delete(&mut self, key: Key, modifiers: Modifiers) {
        let is_word = modifiers.alt || modifiers.ctrl;
        let step = match key {
            Key::Backspace if modifiers.mac_cmd => Step::LineStart,
            Key::Backspace if is_word => Step::WordLeft,
            Key::Backspace => Step::Left,
            // There, with Shift, it cuts.
            Key::Delete if modifiers.shift && self.os == OperatingSystem::Windows => return,
            Key::Delete if modifiers.mac_cmd => Step::LineEnd,
            Key::Delete if is_word => Step::WordRight,
            Key::Delete => Step::Right,
            Key::H if modifiers.ctrl => Step::Left,
            Key::K if modifiers.ctrl => Step::LineEnd,
            Key::U if modifiers.ctrl => Step::LineStart,
            Key::W if modifiers.ctrl => Step::WordLeft,
            _ => return,
        };
        self.text.delete(step, &mut self.measure);
    }
}
