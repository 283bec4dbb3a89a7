//! The sending view through labels and keys, and as pictures: the view as a whole here, its parts beside.

mod answer;
mod asking;
mod calls;
mod caused;
mod compose;
mod from_seen;
mod keyboard;
mod library;

use std::sync::Arc;

use egui::{Event, Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_desk::send::{
    Mistake, Question, SchemaBoard, SchemaKey, SendAsk, SendBoard, SendCommand, Sent, SentId, Status,
    draft::{Auth, Body, Draft, HttpDraft, Pair, Payload, ReplyId, Request, RequestKind},
};

use super::sample;
use crate::{
    SessionCommand, ThemeChoice, WindowApp,
    testing::{self, FixedSource},
    tests::harness::{Step, copied, goto, harness, picture, press, run, settle},
    view::{Target, UiCommand, ViewKind},
    views::traces::sample as traces,
};

type Window = Harness<'static, WindowApp>;

fn source(board: SendBoard) -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(sample::answer);
    source.show_send(board);
    source
}

fn open(board: SendBoard) -> (FixedSource, Window) {
    let source = source(board);
    let harness = harness(&source, UiCommand::Show(ViewKind::Send));
    (source, harness)
}

fn click(harness: &mut Window, role: Role, label: &str) {
    harness.get_by_role_and_label(role, label).click();
    settle(harness);
}

fn write(harness: &mut Window, role: Role, label: &str, text: &str) {
    harness.get_by_role_and_label(role, label).focus();
    settle(harness);
    harness.event(Event::Text(text.to_owned()));
    settle(harness);
}

fn line(harness: &mut Window, label: &str, text: &str) {
    write(harness, Role::TextInput, label, text);
}

fn ctrl(harness: &mut Window, key: Key) {
    harness.key_press_modifiers(Modifiers::COMMAND, key);
    settle(harness);
}

/// What was asked of sending, but for reading the folder of requests.
fn asked(source: &FixedSource) -> Vec<SendCommand> {
    let of_sending = |command: SessionCommand| if let SessionCommand::Send(command) = command { Some(*command) } else { None };
    source.commands().into_iter().filter_map(of_sending).filter(|command| *command != SendCommand::Reload).collect()
}

/// How often the folder of requests was to be read.
fn num_reloads(source: &FixedSource) -> usize {
    let is_reload = |command: &SessionCommand| matches!(command, SessionCommand::Send(command) if **command == SendCommand::Reload);
    source.commands().iter().filter(|command| is_reload(command)).count()
}

fn sent(source: &FixedSource) -> SendAsk {
    match asked(source).pop() {
        Some(SendCommand::Send(ask)) => ask,
        other => panic!("something is sent, not {other:?}"),
    }
}

fn http(ask: &SendAsk) -> HttpDraft {
    match &ask.draft.request {
        Request::Http(http) => http.clone(),
        other => panic!("a request of HTTP, not {other:?}"),
    }
}

fn value(harness: &Window, role: Role, label: &str) -> String {
    harness.get_by_role_and_label(role, label).accesskit_node().value().unwrap_or_default()
}

#[test]
fn the_last_draft_of_elsewhere_is_composed_and_sent_to() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    run(&mut harness, UiCommand::Show(ViewKind::Map));
    press(&mut harness, &[Key::ArrowRight, Key::ArrowRight, Key::ArrowRight]);
    run(&mut harness, UiCommand::SendToThis);
    assert_eq!(harness.state().window.focus(), ViewKind::Send);
    harness.event(Event::Text("http://localhost:8080/".to_owned()));
    settle(&mut harness);
    ctrl(&mut harness, Key::Enter);
    assert_eq!(http(&sent(&source)).url, "http://localhost:8080/");
    goto(&mut harness, &Target::Draft(Box::new(sample::placed())));
    assert_eq!(value(&harness, Role::TextInput, "Topic"), "orders.placed");
}

#[test]
fn in_a_narrow_pane_what_is_kept_is_behind_a_button_and_the_rest_stands_below() {
    let (_, mut harness) = open(sample::board());
    run(&mut harness, UiCommand::LayoutTraces);
    run(&mut harness, UiCommand::Show(ViewKind::Send));
    assert!(harness.query_by_role_and_label(Role::Heading, "Saved").is_none());
    click(&mut harness, Role::Button, "Saved and sent…");
    click(&mut harness, Role::ListItem, "saved POST place an order");
    assert_eq!(value(&harness, Role::TextInput, "URL"), "{{base}}/checkout");
    let (answer, caused) =
        (harness.get_by_role_and_label(Role::Heading, "Answer").rect(), harness.get_by_role_and_label(Role::Heading, "What it caused").rect());
    assert!(caused.top() > answer.bottom() && (caused.left() - answer.left()).abs() < 8.0);
}

#[test]
fn the_way_back_stops_nothing_that_goes_on() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    run(&mut harness, UiCommand::Show(ViewKind::Map));
    source.show_send(SendBoard { sent: vec![Arc::new(sample::going())], ..sample::board() });
    run(&mut harness, UiCommand::Back);
    assert_eq!((harness.state().window.focus(), asked(&source)), (ViewKind::Send, Vec::new()));
    run(&mut harness, UiCommand::ClearSelection);
    assert_eq!(asked(&source), []);
}

#[test]
fn without_anything_it_says_what_to_do() {
    let (_, harness) = open(SendBoard::default());
    harness.get_by_label_contains("Nothing was sent yet");
    harness.get_by_label_contains("no request can be saved beside it");
    harness.get_by_label("What is sent is listed here, with what was answered");
    assert!(harness.state().window.unavailable(UiCommand::SendRequest).is_some_and(|why| why == "there is no URL yet"));
    assert!(harness.state().window.unavailable(UiCommand::CopyText).is_some());
}

#[test]
fn the_key_of_the_view_shows_it() {
    let mut harness = harness(&source(sample::board()), UiCommand::Show(ViewKind::Map));
    ctrl(&mut harness, Key::Num5);
    assert_eq!(harness.state().window.focus(), ViewKind::Send);
    run(&mut harness, UiCommand::NewRequest);
    assert_eq!(Draft::blank(RequestKind::Http).title(), "GET /");
}

#[test]
fn pictures_of_sending_stay_as_they_are() {
    let composed = |draft: Draft| [Step::Run(UiCommand::Show(ViewKind::Send)), Step::Goto(Target::Draft(Box::new(draft)))];
    let (small, large) = ((1280, 800), (1600, 1000));
    let saved = [Step::Goto(Target::Saved("orders/place an order".to_owned()))];
    let answered = source(sample::board());
    picture("send-dark", ThemeChoice::Dark, large, &answered, &saved);
    picture("send-light", ThemeChoice::Light, small, &answered, &saved);
    picture("send-wide-dark", ThemeChoice::Dark, (2560, 1440), &answered, &saved);
    let confirm = source(sample::asking(sample::type_name()));
    picture("send-asking-light", ThemeChoice::Light, large, &confirm, &saved);
    picture("send-asking-dark", ThemeChoice::Dark, small, &confirm, &saved);
    let stream = source(SendBoard { sent: std::iter::once(Arc::new(sample::open_stream())).chain(sample::board().sent).collect(), ..sample::board() });
    picture("send-stream-dark", ThemeChoice::Dark, small, &stream, &composed(sample::place_order()));
    let called = source(SendBoard { sent: vec![Arc::new(sample::called_with_lines(17))], ..sample::board() });
    picture("send-call-dark", ThemeChoice::Dark, small, &called, &composed(sample::place_order()));
    picture("send-call-light", ThemeChoice::Light, large, &called, &composed(sample::place_order()));
    let fields: Vec<Step> = composed(sample::place_order()).into_iter().chain([Step::Run(UiCommand::MessageFields)]).collect();
    picture("send-fields-dark", ThemeChoice::Dark, small, &answered, &fields);
    picture("send-fields-light", ThemeChoice::Light, large, &answered, &fields);
    picture("send-stream-light", ThemeChoice::Light, large, &stream, &composed(sample::place_order()));
    let pasted = [Step::Run(UiCommand::Show(ViewKind::Send)), Step::Type(vec![Event::Paste(library::DOCUMENT.to_owned())])];
    picture("send-import-dark", ThemeChoice::Dark, small, &answered, &pasted);
    picture("send-import-light", ThemeChoice::Light, large, &answered, &pasted);
    let mistake = Mistake { field: "topic", reason: "write the name of a topic: letters, digits, dots, dashes, underscores, at most 249".to_owned() };
    let wrong = source(SendBoard { mistake: Some(mistake), ..sample::board() });
    let third = [Step::Run(UiCommand::WalkDown), Step::Run(UiCommand::WalkLast), Step::Run(UiCommand::WalkUp)];
    let record: Vec<Step> = [Step::Run(UiCommand::ThemeLight)].into_iter().chain(composed(sample::placed())).chain(third.clone()).collect();
    picture("send-record-light", ThemeChoice::Light, small, &wrong, &record);
    let record: Vec<Step> = composed(sample::placed()).into_iter().chain(third).collect();
    picture("send-record-dark", ThemeChoice::Dark, large, &wrong, &record);
    let with = |sent: Sent| source(SendBoard { sent: std::iter::once(Arc::new(sent)).chain(sample::board().sent).collect(), ..sample::board() });
    picture("send-reply-dark", ThemeChoice::Dark, small, &with(sample::replied()), &composed(sample::placed()));
    let show = [Step::Run(UiCommand::Show(ViewKind::Send))];
    picture("send-many-dark", ThemeChoice::Dark, small, &with(sample::many()), &show);
    picture("send-many-light", ThemeChoice::Light, large, &with(sample::many()), &show);
    picture("send-probe-dark", ThemeChoice::Dark, large, &with(sample::probe()), &show);
    picture("send-probe-light", ThemeChoice::Light, small, &with(sample::probe()), &show);
    picture("send-reply-light", ThemeChoice::Light, large, &with(sample::replied()), &show);
    let compared = [Step::Run(UiCommand::Show(ViewKind::Send)), Step::Run(UiCommand::CompareSent)];
    picture("send-compared-dark", ThemeChoice::Dark, small, &source(sample::compared()), &compared);
    picture("send-compared-light", ThemeChoice::Light, small, &source(sample::compared()), &compared);
    let narrow = [Step::Run(UiCommand::LayoutTraces), Step::Goto(Target::Saved("orders/place an order".to_owned()))];
    picture("send-narrow-light", ThemeChoice::Light, small, &answered, &narrow);
    picture("send-narrow-dark", ThemeChoice::Dark, small, &answered, &narrow);
    picture("send-empty-dark", ThemeChoice::Dark, small, &source(SendBoard::default()), &show);
    picture("send-empty-light", ThemeChoice::Light, small, &source(SendBoard::default()), &show);
}
