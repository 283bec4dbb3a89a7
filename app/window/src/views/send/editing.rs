//! The request that is composed, where it came from, and those before it. Pure.

use std::collections::{BTreeMap, VecDeque};

use switchboard_desk::send::{
    Sent, SentId,
    draft::{Body, Draft, Payload, Request, RequestKind},
    exchange::CREDENTIAL_LEFT_OUT,
};
use switchboard_engine::view::UsedOf;
use switchboard_model::Origin;

use crate::view::Begun;

/// Requests that were edited and given up, and are kept within reach.
const FORMER_MAX: usize = 8;

/// Where the request came from.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum CameFrom {
    /// It was begun here.
    #[default]
    New,
    /// From its file.
    Saved(String),
    /// It was sent before.
    Sent(SentId),
    /// From an object of another view.
    Elsewhere,
}

/// The request that is composed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Editing {
    /// As it is now.
    pub draft: Draft,
    /// Where it came from.
    pub from: CameFrom,
    /// What is to be said of it: what was left out when it was pasted, or why it could not be copied.
    pub notes: Vec<String>,
    /// Values of variables that it names, of a call that was seen; they come before those of the environment.
    pub given: BTreeMap<String, String>,
    /// What it is asked most is to take its place, once that is known and as long as it was not edited.
    pub most_used: Option<UsedOf>,
    /// Why its contents are not known.
    unknown: Option<String>,
    /// As it was loaded, or saved last.
    before: Draft,
    former: VecDeque<Composed>,
    /// How many were loaded.
    number: u64,
}

/// A request that is composed, with all that is its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Composed {
    /// As it is.
    pub draft: Draft,
    from: CameFrom,
    given: BTreeMap<String, String>,
    /// As it was loaded, or saved last.
    before: Draft,
}

/// What a request sends besides saying what is asked: its body, its messages, or key and value.
#[derive(PartialEq)]
enum Contents<'a> {
    Body(&'a Body),
    Messages(&'a [String]),
    Record(&'a Payload, &'a Payload),
}

impl<'a> Contents<'a> {
    fn of(draft: &'a Draft) -> Self {
        match &draft.request {
            Request::Http(http) => Self::Body(&http.body),
            Request::Grpc(grpc) => Self::Messages(&grpc.messages),
            Request::Record(record) => Self::Record(&record.key, &record.value),
        }
    }
}

impl Default for Editing {
    fn default() -> Self {
        let blank = Draft::blank(RequestKind::Http);
        Self {
            draft: blank.clone(),
            from: CameFrom::New,
            notes: Vec::new(),
            given: BTreeMap::new(),
            most_used: None,
            unknown: None,
            before: blank,
            former: VecDeque::new(),
            number: 0,
        }
    }
}

impl Editing {
    /// Whether something was changed since it was loaded or saved.
    pub(super) fn is_changed(&self) -> bool {
        self.draft != self.before
    }

    /// Which one it is: each that is loaded has another number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// All of it as it is now.
    pub(super) fn composed(&self) -> Composed {
        Composed { draft: self.draft.clone(), from: self.from.clone(), given: self.given.clone(), before: self.before.clone() }
    }

    /// It is that one again.
    pub(super) fn restore(&mut self, composed: Composed) {
        let Composed { draft, from, given, before } = composed;
        self.load(draft, from);
        (self.given, self.before) = (given, before);
    }

    /// Takes another one. What was edited stays within reach.
    pub(super) fn load(&mut self, draft: Draft, from: CameFrom) {
        if self.is_changed() {
            self.former.retain(|former| former.draft != self.draft);
            self.former.push_front(self.composed());
            self.former.truncate(FORMER_MAX);
        }
        (self.before, self.draft, self.from) = (draft.clone(), draft, from);
        self.notes.clear();
        self.given.clear();
        (self.most_used, self.unknown) = (None, None);
        self.number += 1;
    }

    /// Takes one out of an object of another view, with what is to be said of it.
    pub(super) fn begin_with(&mut self, begun: Begun) {
        self.load(begun.draft, CameFrom::Elsewhere);
        (self.notes, self.given) = (begun.notes, begun.given);
        (self.most_used, self.unknown) = (begun.most_used, begun.unknown);
    }

    /// Takes what was sent before, with the values that it was given.
    pub(super) fn load_sent(&mut self, sent: &Sent) {
        self.load((*sent.ask.draft).clone(), CameFrom::Sent(sent.sent_id));
        self.given.clone_from(&sent.ask.given);
    }

    /// What is to be said of it now: that its contents are not known is, until somebody writes them.
    pub(super) fn told(&mut self) -> Vec<String> {
        if self.unknown.is_some() && Contents::of(&self.draft) != Contents::of(&self.before) {
            self.unknown = None;
        }
        self.unknown.iter().chain(&self.notes).cloned().collect()
    }

    /// What is done is no longer said: that a credential was left out, once a secret of the profile is named for it.
    pub(super) fn end_notes(&mut self, secrets: &[(String, Origin)]) {
        let auth = match &self.draft.request {
            Request::Http(http) => &http.auth,
            Request::Grpc(grpc) => &grpc.auth,
            Request::Record(_) => return,
        };
        if auth.secret().is_some_and(|named| secrets.iter().any(|(name, _)| name == named)) {
            self.notes.retain(|note| !note.starts_with(CREDENTIAL_LEFT_OUT));
        }
    }

    /// Those that were edited and given up, the last one first.
    pub(super) fn former(&self) -> impl Iterator<Item = &Draft> {
        self.former.iter().map(|former| &former.draft)
    }

    /// Takes one of them again: it is still as unsaved as it was.
    pub(super) fn take_again(&mut self, index: usize) {
        if let Some(composed) = self.former.remove(index) {
            self.restore(composed);
        }
    }

    /// A blank one of a kind.
    pub(super) fn begin(&mut self, kind: RequestKind) {
        self.load(Draft::blank(kind), CameFrom::New);
    }

    /// It was asked to be kept under this path.
    pub(super) fn saved_as(&mut self, path: String) {
        self.before = self.draft.clone();
        self.from = CameFrom::Saved(path);
    }

    /// The path of its file; `None` = it has none.
    pub(super) fn path(&self) -> Option<&str> {
        match &self.from {
            CameFrom::Saved(path) => Some(path),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Draft {
        Draft { name: name.to_owned(), ..Draft::blank(RequestKind::Http) }
    }

    #[test]
    fn what_was_edited_stays_within_reach_and_what_was_only_looked_at_does_not() {
        let mut editing = Editing::default();
        editing.load(named("a"), CameFrom::Saved("a".to_owned()));
        editing.load(named("b"), CameFrom::Sent(SentId(1)));
        assert_eq!(editing.former().count(), 0);
        editing.draft.name = "edited".to_owned();
        assert!(editing.is_changed());
        editing.begin(RequestKind::Record);
        assert!(matches!(editing.draft.request, Request::Record(_)) && !editing.is_changed());
        assert_eq!(editing.former().map(|draft| draft.name.as_str()).collect::<Vec<_>>(), ["edited"]);
        editing.take_again(0);
        assert_eq!((editing.draft.name.as_str(), &editing.from, editing.is_changed()), ("edited", &CameFrom::Sent(SentId(1)), true));
        for number in 0..20 {
            editing.load(named("x"), CameFrom::New);
            editing.draft.name = number.to_string();
        }
        assert_eq!(editing.former().count(), FORMER_MAX);
    }

    #[test]
    fn what_is_restored_has_all_that_was_its_own() {
        let mut editing = Editing::default();
        editing.load(named("a"), CameFrom::Saved("orders/a".to_owned()));
        editing.given.insert("id".to_owned(), "7".to_owned());
        editing.draft.name = "edited".to_owned();
        let (composed, number) = (editing.composed(), editing.number());
        editing.load(named("pasted"), CameFrom::Elsewhere);
        assert!(editing.number() > number && editing.given.is_empty() && editing.path().is_none());
        editing.restore(composed);
        assert_eq!((editing.draft.name.as_str(), editing.path(), editing.given.len(), editing.is_changed()), ("edited", Some("orders/a"), 1, true));
        editing.draft.name = "a".to_owned();
        assert!(!editing.is_changed(), "as it lies in its file");
    }

    #[test]
    fn what_was_saved_is_unchanged_and_has_a_path() {
        let mut editing = Editing::default();
        editing.draft.name = "x".to_owned();
        assert_eq!((editing.is_changed(), editing.path()), (true, None));
        editing.saved_as("orders/x".to_owned());
        assert_eq!((editing.is_changed(), editing.path()), (false, Some("orders/x")));
    }

    #[test]
    fn that_contents_are_unknown_is_said_until_they_are_written_or_another_takes_its_place() {
        let begun = || Begun {
            notes: vec!["a credential was left out".to_owned()],
            unknown: Some("the body is unknown".to_owned()),
            given: BTreeMap::from([("id".to_owned(), "7".to_owned())]),
            ..Begun::from(named("begun"))
        };
        let mut editing = Editing::default();
        editing.begin_with(begun());
        assert_eq!(editing.told(), ["the body is unknown", "a credential was left out"]);
        editing.draft.name = "another".to_owned();
        assert_eq!(editing.told().len(), 2, "something else was edited");
        if let Request::Http(http) = &mut editing.draft.request {
            http.body = Body::Json("{}".to_owned());
        }
        assert_eq!(editing.told(), ["a credential was left out"]);
        if let Request::Http(http) = &mut editing.draft.request {
            http.body = Body::None;
        }
        assert_eq!(editing.told(), ["a credential was left out"], "who took the body away knows that there is none");
        editing.begin_with(begun());
        editing.begin(RequestKind::Http);
        assert_eq!((editing.told(), editing.given.len()), (Vec::new(), 0));
        editing.take_again(0);
        assert_eq!((editing.told(), editing.given.len()), (Vec::new(), 1), "values are its own");
    }

    #[test]
    fn what_is_told_of_one_is_not_told_of_the_next() {
        let nexts: [fn(&mut Editing); 3] =
            [|editing| editing.begin(RequestKind::Record), |editing| editing.take_again(0), |editing| editing.load(named("b"), CameFrom::Sent(SentId(1)))];
        for next in nexts {
            let mut editing = Editing::default();
            editing.draft.name = "edited".to_owned();
            editing.load(named("pasted"), CameFrom::Elsewhere);
            editing.notes = vec!["the credential was left out".to_owned()];
            next(&mut editing);
            assert_eq!(editing.notes, Vec::<String>::new());
        }
    }
}
