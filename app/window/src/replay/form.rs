//! What can be chosen of a replay: to where, how, and what is changed before. Pure.

use std::sync::Arc;

use switchboard_desk::send::{
    edit::{Change, Changes, JsonPath, NewBytes},
    replay::{AskedLetters, ReplayAsk, ReplayOptions, ReplayTarget},
};

use super::range_form::RangeForm;
use crate::widgets::text_field::TextField;

/// What is chosen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ReplayForm {
    /// What was asked for, or would be.
    pub of: ReplayAsk,
    /// Which records.
    pub range: RangeForm,
    /// The channel to send to, where all go to one.
    pub target: String,
    /// Whether each goes to its own.
    pub is_own: bool,
    /// The channels that they belong to, and where those go instead, as it is typed; empty = to the same.
    pub others: Vec<(String, String)>,
    /// The cluster to send to, by the name of its source; `None` = the one on which the records lie.
    pub to: Option<String>,
    /// Whether each goes by its key.
    pub by_key: bool,
    /// Whether each keeps its time.
    pub keeps_time: bool,
    /// Whether what was sent before is sent once more.
    pub again: bool,
    /// What is changed.
    pub changes: Changes,
    /// Which kind of change is being written.
    pub kind: ChangeKind,
    /// Which part it changes, as it is typed.
    pub what: String,
    /// Into what, as it is typed.
    pub value: String,
    /// Why what was typed is no change.
    pub wrong: Option<String>,
}

/// A kind of change that is written in two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChangeKind {
    Set,
    Remove,
    Rename,
    Replace,
    SetHeader,
    RemoveHeader,
    RenameHeader,
}

impl ChangeKind {
    /// All, as they are called.
    pub(super) const ALL: [(Self, &str); 7] = [
        (Self::Set, "set"),
        (Self::Remove, "remove"),
        (Self::Rename, "rename"),
        (Self::Replace, "replace text"),
        (Self::SetHeader, "set header"),
        (Self::RemoveHeader, "remove header"),
        (Self::RenameHeader, "rename header"),
    ];

    /// What is typed in the first line, and an example.
    pub(super) fn what(self) -> [&'static str; 2] {
        match self {
            Self::Set | Self::Remove | Self::Rename => [TextField::ReplayLine.name(), "customer.address[0].zip"],
            Self::Replace => ["Text to be replaced", "wherever it stands in the value"],
            Self::SetHeader | Self::RemoveHeader | Self::RenameHeader => ["Header", "content-type"],
        }
    }

    /// What is typed in the second line, and an example; `None` = there is none.
    pub(super) fn value(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Set => Some(["Becomes, JSON", "1, \"a text\", null, {…}"]),
            Self::Rename | Self::RenameHeader => Some(["New name", ""]),
            Self::Replace => Some(["By", "empty: it is taken out"]),
            Self::SetHeader => Some(["Becomes", "a text"]),
            Self::Remove | Self::RemoveHeader => None,
        }
    }
}

impl ReplayForm {
    /// As something was asked for.
    pub(super) fn of(ask: &ReplayAsk) -> Self {
        let ReplayOptions { to, changes, by_key, keeps_time, again, pace: _ } = ask.options.clone();
        let own = ask.own_channels();
        let (target, named) = match &ask.target {
            ReplayTarget::One(channel) => (channel.clone(), None),
            // Where all are to go to one after all, it is to be named.
            ReplayTarget::Own(named) => (String::new(), Some(named)),
        };
        let other = |channel: &str| named.and_then(|named| named.get(channel)).cloned().unwrap_or_default();
        Self {
            of: ask.clone(),
            range: RangeForm::of(ask),
            target,
            is_own: named.is_some(),
            others: own.into_iter().map(|channel| (channel.to_owned(), other(channel))).collect(),
            to,
            by_key,
            keeps_time,
            again,
            changes: Changes::clone(&changes),
            kind: ChangeKind::Set,
            what: String::new(),
            value: String::new(),
            wrong: None,
        }
    }

    /// What is chosen, asked for; of a range that is none yet, the records that were asked for.
    pub(super) fn ask(&self) -> ReplayAsk {
        let of = &self.of;
        let letters = self.range.letters(&of.letters).unwrap_or_else(|_| of.letters.clone());
        ReplayAsk {
            target: self.goes_to(),
            num_stored: if matches!(letters, AskedLetters::Ranges(_)) { 0 } else { of.num_stored },
            letters,
            options: ReplayOptions {
                to: self.to.clone().filter(|to| *to != of.cluster),
                changes: Arc::new(self.changes.clone()),
                by_key: self.by_key,
                keeps_time: self.keeps_time,
                again: self.again,
                // It is chosen beside the preview.
                pace: of.options.pace,
            },
            // It is another plan than the one that was written down.
            plan_key: None,
            ..of.clone()
        }
    }

    fn goes_to(&self) -> ReplayTarget {
        if !self.is_own {
            return ReplayTarget::One(self.target.trim().to_owned());
        }
        let others = self.others.iter().map(|(own, other)| (own, other.trim()));
        ReplayTarget::Own(others.filter(|(own, other)| !other.is_empty() && other != own).map(|(own, other)| (own.clone(), other.to_owned())).collect())
    }

    /// Whether it can be chosen that each goes to its own: there are several, or it was asked for.
    pub(super) fn offers_own(&self) -> bool {
        self.is_own || self.others.len() > 1
    }

    /// Whether all that was typed can be asked for; the change that was typed is added.
    pub(super) fn is_whole(&mut self) -> bool {
        if !self.take_typed() {
            return false;
        }
        self.wrong = self.range.letters(&self.of.letters).err();
        self.wrong.is_none()
    }

    /// Takes along what was typed and not added yet, for it is meant as well; `false` = it is no change, and the form says so.
    fn take_typed(&mut self) -> bool {
        let is_taken = self.add();
        if let Some(wrong) = &mut self.wrong {
            *wrong = format!("The change in the field is not added yet: {wrong}");
        }
        is_taken
    }

    /// Adds the change that was typed, where it is one; whether all that was typed is taken.
    pub(super) fn add(&mut self) -> bool {
        if self.what.is_empty() && self.value.is_empty() {
            self.wrong = None;
            return true;
        }
        match self.typed() {
            Ok(change) => {
                self.changes.to_all.push(change);
                self.what.clear();
                self.value.clear();
                self.wrong = None;
                true
            }
            Err(wrong) => {
                self.wrong = Some(wrong);
                false
            }
        }
    }

    fn typed(&self) -> Result<Change, String> {
        let path = || self.what.parse::<JsonPath>().map_err(|error| error.to_string());
        let (name, value) = (|| self.what.trim().to_owned(), || self.value.clone());
        let change = match self.kind {
            ChangeKind::Set => Change::Set { path: path()?, json: self.value.trim().to_owned() },
            ChangeKind::Remove => Change::Remove { path: path()? },
            ChangeKind::Rename => Change::Rename { path: path()?, to: value() },
            ChangeKind::Replace => Change::Replace { find: self.what.clone(), with: value() },
            ChangeKind::SetHeader => Change::SetHeader { name: name(), value: NewBytes::Text(value()) },
            ChangeKind::RemoveHeader => Change::RemoveHeader { name: name() },
            ChangeKind::RenameHeader => Change::RenameHeader { name: name(), to: self.value.trim().to_owned() },
        };
        change.mistake().map_or(Ok(change), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> ReplayAsk {
        ReplayAsk {
            cluster: "lab".into(),
            target: "orders".into(),
            letters: AskedLetters::These(Vec::new()),
            num_stored: 0,
            plan_key: Some("k".into()),
            options: ReplayOptions { by_key: true, ..ReplayOptions::default() },
        }
    }

    #[test]
    fn what_is_not_touched_asks_for_the_same() {
        let same = ReplayForm::of(&ask()).ask();
        assert_eq!(same, ReplayAsk { plan_key: None, ..ask() });
        let here = ReplayForm { to: Some("lab".into()), ..ReplayForm::of(&ask()) };
        assert_eq!(here.ask().options.to, None, "the cluster on which they lie is no other");
    }

    #[test]
    fn each_goes_to_its_own_topic_or_to_the_one_that_is_typed_for_it() {
        use switchboard_desk::send::replay::AskedLetter;
        use switchboard_model::{MessageRef, Place};

        let at = |channel: &str| AskedLetter::at(MessageRef { cluster: "lab".into(), channel: channel.into(), place: Place::at(0, 1) });
        let letters = AskedLetters::These(vec![at("payments"), at("orders"), at("payments")]);
        let own = |others: &[(&str, &str)]| ReplayTarget::Own(others.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect());
        let asked = ReplayAsk { target: own(&[]), letters, plan_key: None, ..ask() };
        let mut form = ReplayForm::of(&asked);
        assert!(form.offers_own() && form.ask() == asked);
        assert_eq!(form.others.iter().map(|(own, _)| own.as_str()).collect::<Vec<_>>(), ["orders", "payments"]);
        (form.others[0].1, form.others[1].1) = (" orders ".into(), " payments-copy ".into());
        let named = form.ask();
        assert_eq!(named.target, own(&[("payments", "payments-copy")]), "to the same is to its own");
        assert_eq!(ReplayForm::of(&named).others[1], ("payments".to_owned(), "payments-copy".to_owned()), "chosen again it is the same");
        (form.is_own, form.target) = (false, "all".into());
        assert!(form.offers_own() && form.ask().target == "all".into());
        assert!(!ReplayForm::of(&ask()).offers_own(), "there is nothing to choose");
    }

    #[test]
    fn a_range_is_typed_instead_of_what_is_marked() {
        use super::super::range_form::Which;
        use switchboard_desk::send::replay::{AskedRange, RangeOf};

        // Nothing is marked, so a range is to be typed.
        let mut form = ReplayForm::of(&ask());
        assert_eq!((form.range.which, form.range.channel.as_str()), (Which::Offsets, "orders"));
        assert!(!form.is_whole());
        assert!(form.wrong.as_ref().is_some_and(|wrong| wrong.contains("is no offset")), "{:?}", form.wrong);
        form.range.which = Which::AsAsked;
        assert!(!form.is_whole() && form.wrong.as_ref().is_some_and(|wrong| wrong.contains("nothing is marked")), "{:?}", form.wrong);
        form.range.which = Which::Offsets;
        (form.range.from, form.range.to) = ("100".into(), "109".into());
        let asked = |form: &ReplayForm| form.ask().letters;
        let range = AskedRange { channel: "orders".into(), of: RangeOf::Offsets { partition: 0, from: 100, to: 109 } };
        assert!(form.is_whole() && asked(&form) == AskedLetters::Ranges(vec![range]));
        assert_eq!(ReplayForm::of(&form.ask()).range, form.range, "asked for and chosen again it is the same");
        form.range.which = Which::Times;
        (form.range.from_time, form.range.to_time) = ("2026-11-21T10:00:00Z".into(), "2026-11-21T10:00:00Z".into());
        assert!(!form.is_whole() && form.wrong.as_ref().is_some_and(|wrong| wrong.contains("ends before it begins")), "{:?}", form.wrong);
        form.range.to_time = "2026-11-21T10:01:00Z".into();
        assert!(form.is_whole() && matches!(asked(&form), AskedLetters::Ranges(ranges) if matches!(ranges[0].of, RangeOf::Times { .. })));
        // What is previewed is not forgotten with its form.
        let again = ReplayForm::of(&form.ask());
        assert_eq!((again.range.which, again.ask().letters), (Which::AsAsked, form.ask().letters));
        assert_eq!([Which::all(&again.of.letters)[0].1, Which::all(&form.of.letters)[0].1], ["as asked for", "as marked"]);
    }

    #[test]
    fn what_is_typed_becomes_a_change_or_says_why_not() {
        let mut form = ReplayForm::of(&ask());
        for (kind, what, value, said) in [
            (ChangeKind::Set, "parcels", "1", "set parcels to 1"),
            (ChangeKind::Remove, "a.b", "", "remove a.b"),
            (ChangeKind::Rename, "a", "b", "rename a to b"),
            (ChangeKind::Replace, "x", "", "replace \"x\" by \"\""),
            (ChangeKind::SetHeader, "h", "v", "header h becomes \"v\""),
            (ChangeKind::RemoveHeader, "h", "", "header h goes"),
            (ChangeKind::RenameHeader, "h", "i", "header h is called i"),
        ] {
            (form.kind, form.what, form.value) = (kind, what.to_owned(), value.to_owned());
            assert!(form.add() && form.what.is_empty() && form.wrong.is_none(), "{said}");
            assert_eq!(form.changes.to_all.last().map(ToString::to_string).as_deref(), Some(said));
        }
        for (kind, what, value, why) in [
            (ChangeKind::Set, "a", "x", "is no JSON value"),
            (ChangeKind::Set, "a[", "1", "bracket"),
            (ChangeKind::SetHeader, "x-switchboard-source", "", "by hand"),
        ] {
            (form.kind, form.what, form.value) = (kind, what.to_owned(), value.to_owned());
            assert!(!form.add() && form.wrong.as_ref().is_some_and(|wrong| wrong.contains(why)), "{:?}", form.wrong);
        }
        assert_eq!(form.changes.to_all.len(), 7);
    }
}
