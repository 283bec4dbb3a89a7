//! Long texts, typed into by keys in both places that have them: the body of a request and the value of a record that is edited.

mod pointer;

use egui::{Event, ImeEvent, Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_desk::send::{
    draft::{Body, Draft, HttpDraft, Request},
    replay::{ReplayCommand, Writing},
};

use crate::{
    SessionCommand, TextField, ThemeChoice, WindowApp,
    testing::{self, FixedSource},
    tests::harness::{self, Step, goto, harness, settle},
    view::{Target, UiCommand, ViewKind},
    views::{dead_letters::sample, send},
};

const MIB: usize = 1 << 20;
const PLACES: [TextField; 2] = [TextField::SendText, TextField::ReplayText];

/// JSON of that many bytes at least, a member a line.
fn lines(num_bytes: usize) -> String {
    let mut text = "[\n".to_owned();
    for number in 0..num_bytes {
        if text.len() >= num_bytes {
            break;
        }
        text += &format!("  {{\"order\": {number}, \"note\": \"größer ☂ 漢字 e\u{301}\"}},\r\n");
    }
    text + "\tnull\n]\n"
}

/// The same without an end of a line.
fn one_line(num_bytes: usize) -> String {
    format!("[{}]", "{\"order\":4711,\"customer\":\"c-1182\"},".repeat(num_bytes / 35))
}

fn draft(body: Body) -> Target {
    let http = HttpDraft { method: "POST".to_owned(), url: "http://localhost:8080/orders".to_owned(), body, ..HttpDraft::default() };
    Target::Draft(Box::new(Draft { name: String::new(), request: Request::Http(http) }))
}

/// The window with the keys in a field that holds a text.
fn opened(field: TextField, text: &str) -> Harness<'static, WindowApp> {
    let mut harness = if field == TextField::SendText {
        let source = FixedSource::new(testing::order_business());
        source.show_send(send::sample::board());
        let mut harness = harness(&source, UiCommand::Show(ViewKind::Send));
        goto(&mut harness, &draft(Body::Json(text.to_owned())));
        harness
    } else {
        let source = FixedSource::new(sample::snapshot());
        source.answer_with(sample::answer);
        source.show_replay(sample::board(Writing::AsksForName));
        let mut harness = harness(&source, UiCommand::Show(ViewKind::DeadLetters));
        harness::run(&mut harness, UiCommand::EditRecord);
        let edit = |command: SessionCommand| match command {
            SessionCommand::Replay(command) => match *command {
                ReplayCommand::Edit(asked) => Some(asked),
                _ => None,
            },
            _ => None,
        };
        let asked = source.commands().into_iter().find_map(edit).expect("a letter is read again");
        source.show_replay(sample::editing(&asked, text.as_bytes(), false));
        settle(&mut harness);
        harness
    };
    field.seek(&harness.ctx.clone());
    settle(&mut harness);
    assert!(node(&harness, field).is_focused, "{field:?}");
    harness
}

struct Seen {
    text: String,
    is_focused: bool,
    num_runs: usize,
}

fn node(harness: &Harness<'_, WindowApp>, field: TextField) -> Seen {
    let node = harness.get_by_role_and_label(Role::MultilineTextInput, field.name());
    let seen = node.accesskit_node();
    let num_runs = seen.children().filter(|child| child.role() == Role::TextRun).count();
    Seen { text: seen.value().unwrap_or_default(), is_focused: seen.is_focused(), num_runs }
}

fn is_same(harness: &Harness<'_, WindowApp>, field: TextField, expected: &str) {
    let text = node(harness, field).text;
    let differs = text.bytes().zip(expected.bytes()).position(|(one, other)| one != other);
    assert!(text == expected, "{field:?}: {} and {} bytes, another from {differs:?}", text.len(), expected.len());
}

fn key(harness: &mut Harness<'static, WindowApp>, key: Key, modifiers: Modifiers) {
    harness.key_press_modifiers(modifiers, key);
    harness.step();
}

fn typed(harness: &mut Harness<'static, WindowApp>, text: &str) {
    for letter in text.chars() {
        harness.event(Event::Text(letter.to_string()));
        harness.step();
    }
}

const CTRL: Modifiers = Modifiers { ctrl: true, command: true, ..Modifiers::NONE };

#[test]
fn a_long_text_is_typed_into_where_the_caret_is_and_keeps_the_keys() {
    for field in PLACES {
        let text = lines(MIB);
        let mut harness = opened(field, &text);
        is_same(&harness, field, &text);
        assert!(harness.ctx.text_edit_focused(), "{field:?}: keys are typed, and are no commands");
        key(&mut harness, Key::Home, CTRL);
        typed(&mut harness, " ü☂e\u{301}");
        key(&mut harness, Key::End, Modifiers::NONE);
        key(&mut harness, Key::Enter, Modifiers::NONE);
        typed(&mut harness, "x");
        key(&mut harness, Key::End, CTRL);
        typed(&mut harness, "end");
        let expected = format!(" ü☂e\u{301}[\nx\n{}end", &text[2..]);
        is_same(&harness, field, &expected);
        let seen = node(&harness, field);
        assert!(seen.is_focused);
        assert!((10..80).contains(&seen.num_runs), "{field:?}: {} rows are laid out", seen.num_runs);
        // A word is deleted, a line below, and all of it comes back.
        key(&mut harness, Key::Backspace, CTRL);
        key(&mut harness, Key::ArrowUp, Modifiers::NONE);
        key(&mut harness, Key::Delete, Modifiers::NONE);
        let without = expected.strip_suffix("]\nend").expect("its end").to_owned();
        is_same(&harness, field, &(without + "\n"));
        for _ in 0..8 {
            key(&mut harness, Key::Z, CTRL);
        }
        is_same(&harness, field, &text);
        for _ in 0..8 {
            key(&mut harness, Key::Z, CTRL | Modifiers::SHIFT);
        }
        key(&mut harness, Key::Z, CTRL);
        key(&mut harness, Key::Z, CTRL);
        is_same(&harness, field, &expected);
    }
}

#[test]
fn a_text_that_grows_long_or_short_keeps_caret_and_keys_and_what_can_be_undone() {
    for field in PLACES {
        let mut harness = opened(field, "[]");
        key(&mut harness, Key::Home, CTRL);
        typed(&mut harness, "a");
        let pasted = lines(MIB / 8);
        harness.event(Event::Paste(pasted.clone()));
        harness.step();
        typed(&mut harness, "b");
        is_same(&harness, field, &format!("a{pasted}b[]"));
        key(&mut harness, Key::Z, CTRL);
        is_same(&harness, field, &format!("a{pasted}[]"));
        key(&mut harness, Key::A, CTRL);
        harness.event(Event::Cut);
        harness.step();
        typed(&mut harness, "x");
        assert!(node(&harness, field).is_focused);
        is_same(&harness, field, "x");
        key(&mut harness, Key::Z, CTRL);
        key(&mut harness, Key::Z, CTRL);
        is_same(&harness, field, &format!("a{pasted}[]"));
        for _ in 0..4 {
            key(&mut harness, Key::Z, CTRL);
        }
        let text = node(&harness, field).text;
        assert!(text.len() < 4 && text.ends_with("[]"), "{} bytes are left", text.len());
    }
}

#[test]
fn what_is_one_line_of_a_mebibyte_is_typed_into_and_goes_by_pages() {
    for field in PLACES {
        let text = one_line(MIB);
        let mut harness = opened(field, &text);
        key(&mut harness, Key::Home, CTRL);
        for step in [Key::PageDown, Key::PageDown, Key::PageUp, Key::ArrowUp, Key::ArrowDown, Key::Home] {
            key(&mut harness, step, Modifiers::NONE);
        }
        typed(&mut harness, "☂");
        settle(&mut harness);
        let now = node(&harness, field).text;
        let at = now.find('☂').expect("it is there");
        assert!((500..20_000).contains(&at), "{field:?}: {at}");
        is_same(&harness, field, &format!("{}☂{}", &text[..at], &text[at..]));
        key(&mut harness, Key::End, CTRL);
        key(&mut harness, Key::Backspace, Modifiers::NONE);
        harness.event(Event::Ime(ImeEvent::Preedit { text: "ni".to_owned(), active_range_chars: None }));
        harness.step();
        harness.event(Event::Ime(ImeEvent::Commit("你".to_owned())));
        harness.step();
        let now = node(&harness, field).text;
        assert!(now.ends_with(",你") && now.len() == text.len() - 1 + 2 * "你".len(), "{}", &now[now.floor_char_boundary(now.len() - 20)..]);
    }
}

#[test]
fn nothing_of_the_request_before_comes_back_by_undoing() {
    for text in ["[]".to_owned(), lines(MIB / 8)] {
        let mut harness = opened(TextField::SendText, "[1]");
        key(&mut harness, Key::End, CTRL);
        typed(&mut harness, "x");
        goto(&mut harness, &draft(Body::Json(text.clone())));
        TextField::SendText.seek(&harness.ctx.clone());
        settle(&mut harness);
        assert!(node(&harness, TextField::SendText).is_focused);
        for _ in 0..3 {
            key(&mut harness, Key::Z, CTRL);
        }
        is_same(&harness, TextField::SendText, &text);
        // Nor of a long one.
        goto(&mut harness, &draft(Body::Json(lines(MIB / 4))));
        TextField::SendText.seek(&harness.ctx.clone());
        settle(&mut harness);
        for _ in 0..3 {
            key(&mut harness, Key::Z, CTRL);
        }
        is_same(&harness, TextField::SendText, &lines(MIB / 4));
    }
}

#[test]
fn an_emptied_long_text_says_what_stands_there() {
    for (field, hint) in [(TextField::SendText, "{ }"), (TextField::ReplayText, "empty")] {
        let mut harness = opened(field, &lines(MIB / 8));
        let hints = |harness: &Harness<'static, WindowApp>| {
            let shapes = harness.output().shapes.iter();
            shapes.filter(|shape| matches!(&shape.shape, egui::Shape::Text(text) if text.galley.text() == hint)).count()
        };
        let before = hints(&harness);
        key(&mut harness, Key::A, CTRL);
        key(&mut harness, Key::Delete, Modifiers::NONE);
        settle(&mut harness);
        is_same(&harness, field, "");
        assert_eq!(hints(&harness), before + 1, "{field:?}");
    }
}

#[test]
fn pictures_of_a_long_body_stay_as_they_are() {
    let source = FixedSource::new(testing::order_business());
    source.show_send(send::sample::board());
    let steps = [Step::Run(UiCommand::Show(ViewKind::Send)), Step::Goto(draft(Body::Text(lines(MIB))))];
    harness::picture("send-long-body-dark", ThemeChoice::Dark, (1280, 800), &source, &steps);
    harness::picture("send-long-body-light", ThemeChoice::Light, (1280, 800), &source, &steps);
}
