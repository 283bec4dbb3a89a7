//! How what is typed differs from what lies on the broker: told anew where it is another, and kept.

use std::time::Duration;

use switchboard_desk::send::edit::{Difference, NewBytes};

use super::{Editor, Field, Form};

/// So long it may take to compare what was just typed; what takes longer is told less finely.
const WITHIN: Duration = Duration::from_millis(2);
/// Bytes in another form than a text that are compared while they are typed, as they are written.
const OTHER_FORM_MAX: usize = 256 << 10;

/// A difference that was told, and of what.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    of: Option<(Form, bool, String)>,
    told: Option<Difference>,
}

impl Kept {
    fn take(&mut self, field: &Field) {
        if self.of.as_ref().is_some_and(|(form, is_masked, text)| (*form, *is_masked) == (field.form, field.is_masked()) && *text == field.text) {
            return;
        }
        // What is no whole number of bytes yet differs as the last that was.
        if let Ok(told) = difference(field) {
            self.told = told;
        }
        self.of = Some((field.form, field.is_masked(), field.text.clone()));
    }
}

/// How a field differs from what was; an error says why that is not told.
fn difference(field: &Field) -> Result<Option<Difference>, String> {
    if let Some(mask) = &field.mask {
        // Secrets are compared as they are shown.
        return Ok(Difference::of(Some(mask.text().as_bytes()), Some(field.text.as_bytes()), WITHIN));
    }
    if let (NewBytes::Text(was), Form::Text) = (&field.was, field.form) {
        return Ok(Difference::of(Some(was.as_bytes()), Some(field.text.as_bytes()), WITHIN));
    }
    let was_size = match &field.was {
        NewBytes::Text(text) | NewBytes::Hex(text) => text.len(),
        NewBytes::Null => 0,
    };
    if was_size.max(field.text.len()) > OTHER_FORM_MAX {
        return Err("it is too long to be compared in this form".to_owned());
    }
    let (was, now) = (field.was.bytes()?, field.now().bytes()?);
    Ok(Difference::of(was.as_deref(), now.as_deref(), WITHIN))
}

impl Editor {
    /// How key and value differ from what lies on the broker; of what is the same nothing is told.
    pub(in crate::replay) fn differences(&mut self) -> impl Iterator<Item = (&'static str, &Difference)> {
        self.kept[0].take(&self.key);
        self.kept[1].take(&self.value);
        ["key", "value"].into_iter().zip(&self.kept).filter_map(|(name, kept)| Some((name, kept.told.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::editor::tests::board;

    fn told(editor: &mut Editor) -> Vec<(&'static str, Vec<[String; 2]>)> {
        let places = |difference: &Difference| difference.places.iter().map(|place| [place.was.text.clone(), place.now.text.clone()]).collect();
        editor.differences().map(|(name, difference)| (name, places(difference))).collect()
    }

    #[test]
    fn what_is_typed_is_told_beside_what_was_and_typed_back_nothing_is() {
        let mut editor = Editor::of(&board(Some(b"k-1"), b"{\"a\":1,\"note\":\"a longer text\",\"b\":2}", false)).expect("it was read");
        assert!(told(&mut editor).is_empty());
        editor.value.text = "{\"a\":10,\"note\":\"a longer text\",\"b\":20}".to_owned();
        let both = vec![["1".to_owned(), "10".to_owned()], ["2".to_owned(), "20".to_owned()]];
        assert_eq!(told(&mut editor), [("value", both.clone())]);
        assert_eq!(told(&mut editor), [("value", both.clone())], "without comparing again");
        // In another form it is the same, and half a byte changes nothing.
        editor.value.write_as(Form::Hex);
        assert_eq!(told(&mut editor), [("value", both.clone())]);
        editor.value.text.push('0');
        assert_eq!(told(&mut editor), [("value", both)]);
        editor.value = Field::of(Some(b"{\"a\":1,\"note\":\"a longer text\",\"b\":2}"));
        editor.key.write_as(Form::Null);
        assert_eq!(told(&mut editor), [("key", vec![["k-1".to_owned(), String::new()]])]);
        assert!(editor.differences().all(|(_, difference)| difference.is_null));
    }

    #[test]
    fn of_a_long_value_the_difference_is_told_in_a_moment() {
        let text = (0..60_000).map(|at| format!("{{\"number\":{at}}},\n")).collect::<Vec<_>>().concat();
        let mut editor = Editor::of(&board(None, text.as_bytes(), false)).expect("it was read");
        editor.value.text.insert(text.len() / 2, 'x');
        let begun = std::time::Instant::now();
        assert_eq!(told(&mut editor).len(), 1);
        // Unoptimized it takes its time; what matters is that it does not take that of comparing all of it.
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
        editor.value.text = format!("x{}y", text.replace('1', "2"));
        assert!(editor.differences().all(|(_, difference)| difference.is_cut));
    }
}
