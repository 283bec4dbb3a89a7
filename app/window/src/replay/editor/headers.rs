//! The headers of a record that is edited: those that would go out as they are, and new ones. Pure.

use std::collections::BTreeMap;

use switchboard_desk::send::edit::{Change, HeaderEdit, Masked, NewBytes, NewHeader};
use switchboard_model::{RawHeader, headers_kept};

use super::{Field, Form};

/// Headers that are edited one by one; of more the others go out as they are.
const EDITED_MAX: usize = 200;
/// Whose headers say what was done here.
const OWN_PREFIX: &str = "x-switchboard-";

/// The headers of a record.
#[derive(Clone, Debug)]
pub(in crate::replay) struct HeaderFields {
    /// Those that can be edited, in their order, and new ones behind them.
    pub fields: Vec<HeaderField>,
    /// Others, which are planned by themselves: of a failure, or ours.
    pub num_planned: usize,
    /// Others that go out as they are, for there are too many.
    pub num_more: usize,
}

/// A header.
#[derive(Clone, Debug)]
pub(in crate::replay) struct HeaderField {
    /// Its name before, and which of that name it was; `None` = it is new.
    was: Option<(String, usize)>,
    /// Its name as it is typed.
    pub name: String,
    /// Its value.
    pub value: Field,
    /// Whether it is taken away.
    pub is_gone: bool,
}

impl HeaderField {
    /// Whether it was not there before.
    pub(in crate::replay) fn is_new(&self) -> bool {
        self.was.is_none()
    }
}

impl HeaderFields {
    /// Those of a record; `masked`: with their secrets masked, in the same order.
    pub(super) fn of(headers: &[RawHeader], masked: &[Option<Masked>]) -> Self {
        let mut num_of: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut fields, mut num_planned, mut num_more) = (Vec::new(), 0, 0);
        for (place, (header, is_kept)) in headers.iter().zip(headers_kept(headers)).enumerate() {
            let num = num_of.entry(&header.name).or_default();
            let nth = *num;
            *num += 1;
            if !is_kept || header.name.starts_with(OWN_PREFIX) {
                num_planned += 1;
            } else if fields.len() == EDITED_MAX {
                num_more += 1;
            } else {
                let value = Field::masked(header.value.as_deref(), masked.get(place).and_then(Option::as_ref));
                fields.push(HeaderField { was: Some((header.name.clone(), nth)), name: header.name.clone(), value, is_gone: false });
            }
        }
        Self { fields, num_planned, num_more }
    }

    /// One more, empty as yet.
    pub(in crate::replay) fn add(&mut self) {
        self.fields.push(HeaderField { was: None, name: String::new(), value: Field::of(Some(b"")), is_gone: false });
    }

    /// What was changed of them; an error says what is wrong with what was typed.
    pub(super) fn change(&self) -> Result<Option<Change>, String> {
        let mut edits = Vec::new();
        for field in &self.fields {
            let meant = || field.value.meant().map_err(|wrong| format!("the header {}: {wrong}", field.name));
            let new = |value: NewBytes| NewHeader { name: field.name.clone(), value };
            match &field.was {
                Some((name, nth)) if field.is_gone => edits.push(HeaderEdit::At { name: name.clone(), nth: *nth, to: None }),
                Some((name, nth)) => {
                    let value = meant()?;
                    let bytes = value.bytes().map_err(|wrong| format!("the header {name}: {wrong}"))?;
                    if *name != field.name || Ok(bytes) != field.value.was.bytes() {
                        edits.push(HeaderEdit::At { name: name.clone(), nth: *nth, to: Some(new(value)) });
                    }
                }
                // A row in which nothing was written is none.
                None if field.is_gone || field.name.is_empty() && field.value.form == Form::Text && field.value.text.is_empty() => {}
                None => edits.push(HeaderEdit::Add(new(meant()?))),
            }
        }
        if edits.is_empty() {
            return Ok(None);
        }
        let change = Change::Headers(edits);
        change.mistake().map_or(Ok(Some(change)), |wrong| Err(format!("the headers: {wrong}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, value: Option<&[u8]>) -> RawHeader {
        RawHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) }
    }

    fn fields() -> HeaderFields {
        let headers = [
            header("trace", Some(b"1")),
            header("kafka_dlt-exception-fqcn", Some(b"java.lang.X")),
            header("trace", Some(b"\xff\x00")),
            header("x-switchboard-source", Some(b"orders/1/2")),
            header("x-switchboard-edited", Some(b"1")),
            header("kind", None),
        ];
        HeaderFields::of(&headers, &[])
    }

    #[test]
    fn what_is_planned_by_itself_is_not_edited_and_untouched_headers_are_no_change() {
        let mut fields = fields();
        let names: Vec<&str> = fields.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!((names, fields.num_planned, fields.num_more), (vec!["trace", "trace", "kind"], 3, 0));
        assert_eq!(fields.change(), Ok(None));
        fields.fields[1].value.write_as(Form::Hex);
        fields.add();
        assert_eq!(fields.change(), Ok(None), "written otherwise it is the same, and an empty row is none");
    }

    #[test]
    fn headers_are_set_renamed_taken_away_and_added_one_by_one() {
        let mut fields = fields();
        fields.fields[0].is_gone = true;
        fields.fields[1].value.text = "00ff".to_owned();
        fields.fields[2].name = "sort".to_owned();
        fields.add();
        let new = fields.fields.last_mut().expect("it was added");
        assert!(new.is_new());
        (new.name, new.value.text) = ("note".to_owned(), "mended".to_owned());
        let at = |name: &str, nth: usize, to: Option<NewHeader>| HeaderEdit::At { name: name.to_owned(), nth, to };
        let new = |name: &str, value: NewBytes| NewHeader { name: name.to_owned(), value };
        let edits = vec![
            at("trace", 0, None),
            at("trace", 1, Some(new("trace", NewBytes::Hex("00ff".to_owned())))),
            at("kind", 0, Some(new("sort", NewBytes::Null))),
            HeaderEdit::Add(new("note", NewBytes::Text("mended".to_owned()))),
        ];
        assert_eq!(fields.change(), Ok(Some(Change::Headers(edits))));
    }

    #[test]
    fn what_cannot_be_a_header_says_why() {
        let mut fields = fields();
        fields.fields[1].value.text = "0".to_owned();
        assert!(fields.change().is_err_and(|wrong| wrong.starts_with("the header trace: ")));
        let mut fields = self::fields();
        fields.add();
        fields.fields[3].name = "x-switchboard-replay-id".to_owned();
        assert!(fields.change().is_err_and(|wrong| wrong.contains("not changed by hand")));
        fields.fields[3].name.clear();
        fields.fields[3].value.text = "x".to_owned();
        assert!(fields.change().is_err_and(|wrong| wrong.contains("needs a name")));
        fields.fields[3].is_gone = true;
        assert_eq!(fields.change(), Ok(None));
    }

    #[test]
    fn of_very_many_the_first_are_edited() {
        let many: Vec<RawHeader> = (0..EDITED_MAX + 3).map(|n| header(&format!("h{n}"), None)).collect();
        let fields = HeaderFields::of(&many, &[]);
        assert_eq!((fields.fields.len(), fields.num_more), (EDITED_MAX, 3));
    }
}
