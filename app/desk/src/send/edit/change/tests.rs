use proptest::prelude::*;
use switchboard_model::{HeaderDiff, MessageRef, Place, RawHash, Route, SeenRecord};

use super::*;
use crate::send::edit::{NewHeader, Piece};
use crate::send::testing::original;

fn record(key: Option<&[u8]>, value: Option<&[u8]>) -> OriginalRecord {
    let at = MessageRef { cluster: "lab".to_owned(), channel: "orders-dlt".to_owned(), place: Place::at(0, 7) };
    let [key, value] = [key, value].map(|bytes| bytes.map(<[u8]>::to_vec));
    OriginalRecord { seen: SeenRecord { at, raw_hash: RawHash(1) }, key, value, timestamp_ms: Some(1), ..original(b"", &[]) }
}

fn letter() -> LetterKey {
    LetterKey { at: record(None, None).seen.at, timestamp_ns: Some(1) }
}

fn edited(value: &[u8], changes: &[Change]) -> Result<Option<Vec<u8>>, ChangeError> {
    Edited::of(record(Some(b"k"), Some(value)), changes.iter()).map(|edited| edited.original.value)
}

fn set(path: &str, json: &str) -> Change {
    Change::Set { path: path.parse().expect("a path"), json: json.to_owned() }
}

fn header(name: &str, value: Option<&[u8]>) -> RawHeader {
    RawHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) }
}

fn built(headers: Vec<RawHeader>) -> Built {
    let shown = |header: &RawHeader| ShownValue { bytes: header.value.clone(), redacted: false };
    let kept =
        |header: &RawHeader| HeaderChange { name: header.name.clone(), kind: HeaderChangeKind::Kept, before: Some(shown(header)), after: Some(shown(header)) };
    Built {
        diff: HeaderDiff { changes: headers.iter().map(kept).collect() },
        outgoing: OutgoingRecord { channel: "t".to_owned(), route: Route::Key, key: None, value: None, headers, timestamp_ms: None },
        replay_count: 1,
        hash: RawHash::UNKNOWN,
        source_hash: RawHash::UNKNOWN,
        edited: false,
        was: None,
    }
}

fn redactor() -> Redactor {
    Redactor::new([1; 16], &[])
}

#[test]
fn what_a_change_names_changes_and_the_rest_stays() {
    let text = |value: &str, changes: &[Change]| edited(value.as_bytes(), changes).map(|value| String::from_utf8(value.expect("a value")).expect("text"));
    assert_eq!(text("{\"order\": 4704, \"parcels\": 0}", &[set("parcels", "1")]).as_deref(), Ok("{\"order\": 4704, \"parcels\": 1}"));
    let several =
        [set("a", "2"), Change::Remove { path: "b".parse().expect("a path") }, Change::Rename { path: "c".parse().expect("a path"), to: "d".to_owned() }];
    assert_eq!(text("{\"a\":1,\"b\":1,\"c\":1}", &several).as_deref(), Ok("{\"a\":2,\"d\":1}"));
    assert_eq!(text("a-b-a", &[Change::Replace { find: "a".to_owned(), with: "xy".to_owned() }]).as_deref(), Ok("xy-b-xy"));
    assert_eq!(edited(b"\xff", &[Change::Value(NewBytes::Hex("00 ff".to_owned()))]), Ok(Some(vec![0, 255])));
    assert_eq!(edited(b"x", &[Change::Value(NewBytes::Null)]), Ok(None));
    let key = Edited::of(record(Some(b"k"), None), [Change::Key(NewBytes::Null)].iter()).expect("changed");
    assert!(key.original.key.is_none() && key.is_changed);
}

#[test]
fn what_cannot_be_changed_is_not_sent_and_says_why() {
    assert_eq!(edited(b"\xff{}", &[set("a", "1")]), Err(ChangeError::NoText));
    assert!(matches!(edited(b"hello", &[set("a", "1")]), Err(ChangeError::NoJson(_))));
    assert_eq!(Edited::of(record(None, None), [set("a", "1")].iter()).err(), Some(ChangeError::NoValue));
    assert!(edited(b"{\"a\":1,\"a\":2}", &[set("a", "1")]).is_err_and(|error| error.to_string() == "not changed: set a: a stands there more than once"));
    for (change, why) in [
        (set("a", "tru"), "is no JSON value"),
        (Change::Replace { find: String::new(), with: "x".to_owned() }, "which text"),
        (Change::SetHeader { name: "x-switchboard-source".to_owned(), value: NewBytes::Null }, "not changed by hand"),
        (Change::RenameHeader { name: "a".to_owned(), to: String::new() }, "needs a name"),
        (Change::Key(NewBytes::Hex("0".to_owned())), "left over"),
    ] {
        let changes = Changes { to_all: vec![change.clone()], ..Changes::default() };
        assert!(changes.mistake().is_some_and(|told| told.contains(why)), "{change}");
    }
    assert_eq!(Changes { to_all: vec![set("a", "1")], ..Changes::default() }.mistake(), None);
}

#[test]
fn why_a_record_cannot_be_changed_is_said_without_what_the_change_writes() {
    let secret = || NewBytes::Text("hunter2".to_owned());
    let new = |name: &str| NewHeader { name: name.to_owned(), value: secret() };
    let at = |name: &str, to: &str| HeaderEdit::At { name: name.to_owned(), nth: 0, to: Some(new(to)) };
    let edits = vec![at("authorization", "authorization"), at("a", "b"), HeaderEdit::Add(new("c")), HeaderEdit::At { name: "d".to_owned(), nth: 0, to: None }];
    let by_hand = Change::Headers(edits);
    let words = "headers by hand: authorization becomes another; a is called b and becomes another; c is added; d goes";
    let gone = change_headers(false, &mut built(Vec::new()), &[], [by_hand.clone()].iter(), &redactor()).expect_err("it is not there").to_string();
    assert!(gone.starts_with(&format!("not changed: {words}: the header ")) && gone.ends_with("is not there any longer once other changes are made"), "{gone}");
    let of_value = edited(b"{\"a\":1,\"a\":2}", &[set("a", "\"hunter2\"")]).expect_err("twice").to_string();
    assert!(of_value.starts_with("not changed: set a: "), "{of_value}");
    for change in [
        by_hand,
        set("a", "\"hunter2\""),
        Change::Replace { find: "hunter2".to_owned(), with: "hunter2".to_owned() },
        Change::SetHeader { name: "authorization".to_owned(), value: secret() },
        Change::Key(secret()),
        Change::Value(secret()),
        Change::KeyAround(vec![Piece::Text("hunter2".to_owned())]),
        Change::ValueAround(vec![Piece::Text("hunter2".to_owned())]),
    ] {
        let words = change.without_values();
        assert!(!words.contains("hunter2") && !words.is_empty(), "{words}");
    }
    assert!(!gone.contains("hunter2") && !of_value.contains("hunter2"));
}

#[test]
fn a_record_has_so_many_changes_and_pieces_and_no_more_in_all_of_its_parts_together() {
    let kept = || vec![Piece::Kept { from: 0, size: 20 << 20 }];
    let around = |name: &str| HeaderEdit::Around { name: name.to_owned(), nth: 0, to: name.to_owned(), pieces: kept() };
    let changes = |of_headers: &[&str]| {
        let of_headers = Change::Headers(of_headers.iter().map(|name| around(name)).collect());
        Changes { to_all: vec![Change::KeyAround(kept())], to_one: BTreeMap::from([(letter(), vec![Change::ValueAround(kept()), of_headers])]) }
    };
    let many = |num: usize| Changes { to_all: vec![set("a", "1"); 999], to_one: BTreeMap::from([(letter(), vec![set("a", "1"); num])]) };
    assert_eq!((changes(&["a"]).mistake(), many(1).mistake()), (None, None));
    for (changes, why) in [(changes(&["a", "b"]), "its pieces come to more than 64 MiB"), (many(2), "there are 1001 changes to it; make 1000 at most")] {
        assert!(changes.mistake().is_some_and(|told| told.ends_with(why)), "{why}");
        let refused = Edited::of(record(None, Some(b"{\"a\":0}")), changes.to(&letter())).err();
        assert_eq!(refused, Some(ChangeError::TooMuch(why.to_owned())));
    }
}

#[test]
fn what_stands_for_a_secret_here_is_never_sent_in_its_place() {
    let shown = redactor().redact_text("{\"password\":\"hunter2\",\"parcels\":0}").expect("redacted");
    let pasted = Change::Value(NewBytes::Text(shown.replace("\"parcels\":0", "\"parcels\":1")));
    assert_eq!(edited(b"{\"password\":\"hunter2\",\"parcels\":0}", &[pasted]), Err(ChangeError::StandIn("the value")));
    // What lies there already is not ours.
    assert!(edited(b"{\"a\":\"redacted:12ab34\",\"b\":0}", &[set("b", "1")]).is_ok());
    let mut with_header = built(Vec::new());
    let header = Change::SetHeader { name: "auth".to_owned(), value: NewBytes::Text("redacted:00ff00".to_owned()) };
    assert_eq!(change_headers(false, &mut with_header, &[], [header].iter(), &redactor()), Err(ChangeError::StandIn("a header")));
}

#[test]
fn headers_are_set_removed_and_renamed_and_the_mark_says_so() {
    let mut record = built(vec![header("a", Some(b"1")), header("b", None), header("a", Some(b"2")), header("c", Some(b"3"))]);
    let text = |text: &str| NewBytes::Text(text.to_owned());
    let changes = [
        Change::SetHeader { name: "a".to_owned(), value: text("9") },
        Change::RemoveHeader { name: "b".to_owned() },
        Change::RenameHeader { name: "c".to_owned(), to: "d".to_owned() },
        Change::SetHeader { name: "e".to_owned(), value: NewBytes::Null },
    ];
    assert_eq!(change_headers(false, &mut record, &[], changes.iter(), &redactor()), Ok(true));
    let expected = [header("a", Some(b"9")), header("d", Some(b"3")), header("e", None), header(EDITED_HEADER, Some(b"1"))];
    assert_eq!(record.outgoing.headers, expected);
    let told: Vec<(&str, String)> = record.diff.changes.iter().map(|change| (change.name.as_str(), format!("{:?}", change.kind))).collect();
    let removed = "Removed { dialect: \"your change\" }".to_owned();
    assert_eq!(
        told,
        [
            ("a", "Changed".to_owned()),
            ("b", removed.clone()),
            ("a", removed.clone()),
            ("c", removed),
            ("d", "Added".to_owned()),
            ("e", "Added".to_owned()),
            (EDITED_HEADER, "Added".to_owned()),
        ]
    );
}

#[test]
fn headers_that_are_edited_by_hand_are_told_one_by_one_and_a_stand_in_among_them_is_refused() {
    let mut record = built(vec![header("a", Some(b"1")), header("a", Some(b"\xff")), header("b", Some(b"2"))]);
    let to = |name: &str, value: &str| NewHeader { name: name.to_owned(), value: NewBytes::Text(value.to_owned()) };
    let edits = vec![
        HeaderEdit::At { name: "b".to_owned(), nth: 0, to: Some(to("c", "2")) },
        HeaderEdit::At { name: "a".to_owned(), nth: 0, to: Some(to("a", "9")) },
        HeaderEdit::Add(to("d", "4")),
    ];
    let change = Change::Headers(edits);
    assert_eq!(change.to_string(), "headers by hand: b is called c and is \"2\"; a becomes \"9\"; d is added, \"4\"");
    assert_eq!(change_headers(false, &mut record, &[], [change.clone()].iter(), &redactor()), Ok(true));
    let expected = [header("a", Some(b"9")), header("a", Some(b"\xff")), header("c", Some(b"2")), header("d", Some(b"4")), header(EDITED_HEADER, Some(b"1"))];
    assert_eq!(record.outgoing.headers, expected);
    let told: Vec<String> = record.diff.changes.iter().map(|change| format!("{} {:?}", change.name, change.kind)).collect();
    assert_eq!(told, ["a Changed", "a Kept", "b Removed { dialect: \"your change\" }", "c Added", "d Added", "x-switchboard-edited Added"]);
    // Written down and read again it is the same.
    let text = serde_json::to_string(&change).expect("JSON");
    assert_eq!(serde_json::from_str::<Change>(&text).expect(&text), change);
    let stand_in = Change::Headers(vec![HeaderEdit::Add(to("auth", "redacted:00ff00"))]);
    assert_eq!(change_headers(false, &mut built(Vec::new()), &[], [stand_in].iter(), &redactor()), Err(ChangeError::StandIn("a header")));
    let gone = Change::Headers(vec![HeaderEdit::At { name: "z".to_owned(), nth: 0, to: Some(to("z", "")) }]);
    assert!(matches!(change_headers(false, &mut built(Vec::new()), &[], [gone].iter(), &redactor()), Err(ChangeError::Wrong { .. })));
}

#[test]
fn what_is_kept_is_of_the_record_as_it_lies_there_whatever_other_changes_make_of_it() {
    let kept = || vec![Piece::Text("<".to_owned()), Piece::Kept { from: 1, size: 2 }, Piece::Text(">".to_owned())];
    let changes = [Change::Value(NewBytes::Text("another".to_owned())), Change::Key(NewBytes::Null), Change::ValueAround(kept()), Change::KeyAround(kept())];
    let edited = Edited::of(record(Some(b"key"), Some(b"value")), changes.iter()).expect("changed");
    assert_eq!((edited.original.key.as_deref(), edited.original.value.as_deref(), edited.is_changed), (Some(&b"<ey>"[..]), Some(&b"<al>"[..]), true));
    let set = Change::SetHeader { name: "a".to_owned(), value: NewBytes::Text("another".to_owned()) };
    let around = HeaderEdit::Around { name: "a".to_owned(), nth: 1, to: "b".to_owned(), pieces: kept() };
    let original = [header("a", Some(b"first")), header("a", Some(b"second"))];
    let mut with_headers = built(original.to_vec());
    let changes = [Change::Headers(vec![around.clone()])];
    assert_eq!(change_headers(false, &mut with_headers, &original, changes.iter(), &redactor()), Ok(true));
    assert_eq!(with_headers.outgoing.headers, [header("a", Some(b"first")), header("b", Some(b"<ec>")), header(EDITED_HEADER, Some(b"1"))]);
    // The one that is meant went by a change to all.
    let changes = [set, Change::Headers(vec![around])];
    let gone = change_headers(false, &mut built(original.to_vec()), &original, changes.iter(), &redactor());
    assert!(gone.is_err_and(|error| error.to_string().contains("is not there any longer")));
}

#[test]
fn a_record_that_no_change_applies_to_is_not_sent_as_it_was() {
    let mut record = built(vec![header("a", Some(b"1"))]);
    let changes = [Change::RemoveHeader { name: "b".to_owned() }];
    assert_eq!(change_headers(false, &mut record, &[], changes.iter(), &redactor()), Err(ChangeError::Unchanged));
    let mut record = built(vec![header("a", Some(b"1"))]);
    assert_eq!(change_headers(false, &mut record, &[], [].iter(), &redactor()), Ok(false));
    assert_eq!(record.outgoing.headers.len(), 1, "what is not changed bears no mark");
}

#[test]
fn changes_are_written_down_and_read_again() {
    let changes = vec![
        set("a[\"b.c\"][0]", "{\"x\":1}"),
        Change::SetHeader { name: "n".to_owned(), value: NewBytes::Hex("00ff".to_owned()) },
        Change::Key(NewBytes::Null),
        Change::Replace { find: "a".to_owned(), with: String::new() },
    ];
    let text = serde_json::to_string(&changes).expect("JSON");
    assert_eq!(serde_json::from_str::<Vec<Change>>(&text).expect(&text), changes);
}

proptest! {
    /// Whatever the bytes: without a change not one is another, and a change to the key leaves the value alone.
    #[test]
    fn what_no_change_names_stays_byte_for_byte(key in proptest::option::of(any::<Vec<u8>>()), value in proptest::option::of(any::<Vec<u8>>()), new in any::<Vec<u8>>()) {
        let as_it_was = record(key.as_deref(), value.as_deref());
        let same = Edited::of(as_it_was.clone(), [].iter()).expect("nothing to change");
        prop_assert!(same.original == as_it_was && !same.is_changed);
        let change = Change::Key(NewBytes::of(Some(&new)));
        if let Ok(other) = Edited::of(as_it_was.clone(), [change].iter()) {
            prop_assert_eq!(other.original.key.as_deref(), Some(new.as_slice()));
            prop_assert_eq!(&other.original.value, &value);
        }
    }

    #[test]
    fn bytes_come_back_from_what_is_shown_of_them(bytes in proptest::option::of(any::<Vec<u8>>())) {
        prop_assert_eq!(NewBytes::of(bytes.as_deref()).bytes(), Ok(bytes));
    }
}
