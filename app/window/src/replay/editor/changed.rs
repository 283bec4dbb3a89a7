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
    fn take(&mut self, field: &Field, within: Duration) {
        if self.of.as_ref().is_some_and(|(form, is_masked, text)| (*form, *is_masked) == (field.form, field.is_masked()) && *text == field.text) {
            return;
        }
        match difference(field, within) {
            Ok(told) => self.told = told,
            Err(NotTold::Unread) => {}
            Err(NotTold::TooLong) => self.told = None,
        }
        self.of = Some((field.form, field.is_masked(), field.text.clone()));
    }
}

/// Why it is not told how a field differs.
enum NotTold {
    /// It is no whole number of bytes yet: it differs as the last that was.
    Unread,
    /// It is too long to be compared in this form.
    TooLong,
}

/// How a field differs from what was.
fn difference(field: &Field, within: Duration) -> Result<Option<Difference>, NotTold> {
    if let Some(mask) = &field.mask {
        // Secrets are compared as they are shown.
        return Ok(Difference::of(Some(mask.text().as_bytes()), Some(field.text.as_bytes()), within));
    }
    if let (NewBytes::Text(was), Form::Text) = (&field.was, field.form) {
        return Ok(Difference::of(Some(was.as_bytes()), Some(field.text.as_bytes()), within));
    }
    let was_size = match &field.was {
        NewBytes::Text(text) | NewBytes::Hex(text) => text.len(),
        NewBytes::Null => 0,
    };
    if was_size.max(field.text.len()) > OTHER_FORM_MAX {
        return Err(NotTold::TooLong);
    }
    let (Ok(was), Ok(now)) = (field.was.bytes(), field.now().bytes()) else { return Err(NotTold::Unread) };
    Ok(Difference::of(was.as_deref(), now.as_deref(), within))
}

impl Editor {
    /// How key and value differ from what lies on the broker; of what is the same nothing is told.
    pub(in crate::replay) fn differences(&mut self) -> impl Iterator<Item = (&'static str, &Difference)> {
        self.differences_within(WITHIN)
    }

    fn differences_within(&mut self, within: Duration) -> impl Iterator<Item = (&'static str, &Difference)> {
        self.kept[0].take(&self.key, within);
        self.kept[1].take(&self.value, within);
        ["key", "value"].into_iter().zip(&self.kept).filter_map(|(name, kept)| Some((name, kept.told.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::editor::tests::board;

    /// So long nothing takes here.
    const UNHURRIED: Duration = Duration::from_mins(10);

    fn told(editor: &mut Editor) -> Vec<(&'static str, Vec<[String; 2]>)> {
        let places = |difference: &Difference| difference.places.iter().map(|place| [place.was.text.clone(), place.now.text.clone()]).collect();
        editor.differences_within(UNHURRIED).map(|(name, difference)| (name, places(difference))).collect()
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
        assert_eq!(editor.differences_within(UNHURRIED).map(|(name, difference)| (name, difference.is_null)).collect::<Vec<_>>(), [("key", true)]);
    }

    #[test]
    fn of_a_long_value_no_more_is_compared_than_there_is_time_for() {
        let text = (0..60_000).map(|at| format!("{{\"number\":{at}}},\n")).collect::<Vec<_>>().concat();
        let mut editor = Editor::of(&board(None, text.as_bytes(), false)).expect("it was read");
        // What is the same at both ends is not compared, so a letter is told without any time.
        editor.value.text.insert(text.len() / 2, 'x');
        let of = |editor: &mut Editor| editor.differences_within(Duration::ZERO).map(|(name, told)| (name, told.is_cut, told.places.len())).collect::<Vec<_>>();
        assert_eq!(of(&mut editor), [("value", false, 1)]);
        editor.value.text = format!("x{}y", text.replace('1', "2"));
        let told = of(&mut editor);
        assert!(matches!(told[..], [("value", true, num)] if num > 0), "{told:?}");
    }

    #[test]
    fn what_is_too_long_in_its_form_is_not_told_as_it_was_before() {
        let mut editor = Editor::of(&board(None, &vec![b'a'; OTHER_FORM_MAX / 2], false)).expect("it was read");
        editor.value.text.push('b');
        assert_eq!(told(&mut editor).len(), 1);
        editor.value.write_as(Form::Hex);
        editor.value.text.push_str("00");
        assert_eq!(told(&mut editor), []);
    }
}
