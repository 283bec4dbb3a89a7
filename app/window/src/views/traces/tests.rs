//! The traces view through labels and keys, and as pictures.

mod waterfall;

use std::sync::Arc;

use egui::{Key, accesskit::Role};
use egui_kittest::kittest::Queryable as _;
use switchboard_desk::send::replay::Writing;
use switchboard_engine::view::{Answer, ConversationItem, PointQuery, Query, ScanQuery, Snapshot, TraceFilter, TraceList, TraceOrder, TraceView};
use switchboard_model::{CorrelationId, SpanId, TraceId};

use super::sample;
use crate::{
    ThemeChoice, WindowApp,
    testing::{self, FixedSource},
    tests::harness::{Step, copied, goto, harness, picture, press, run, settle, stays_while_answers_are_late},
    view::{Target, UiCommand, ViewKind},
    views::dead_letters::sample as dead_letters,
};

type Harness = egui_kittest::Harness<'static, WindowApp>;

fn answer(query: &Query) -> Option<Answer> {
    match query {
        Query::Scan(ScanQuery::Traces { filter, .. }) if filter.service.as_deref() == Some("nobody") => {
            Some(Answer::Traces(TraceList { looked_at_spans: 12, ..TraceList::default() }))
        }
        Query::Scan(ScanQuery::Traces { .. }) => Some(Answer::Traces(sample::list())),
        Query::Point(PointQuery::Trace { trace_id }) if *trace_id == sample::TRACE => Some(Answer::Trace(Arc::new(sample::checkout()))),
        Query::Point(PointQuery::Trace { trace_id: TraceId(7) }) => Some(Answer::Trace(Arc::new(sample::large(100_000)))),
        Query::Point(PointQuery::Trace { .. }) => Some(Answer::Trace(Arc::new(TraceView { records: vec![sample::record()], ..TraceView::default() }))),
        Query::Point(PointQuery::Conversation { id, .. }) if *id == CorrelationId::Number(4_704) => {
            let view = sample::checkout();
            let spans = view.spans.into_iter().filter(|span| span.span_id.0 < 15).map(ConversationItem::Span);
            let logs = view.logs.into_iter().map(ConversationItem::Log);
            Some(Answer::Conversation(spans.chain(logs).chain([ConversationItem::Record(sample::record())]).collect()))
        }
        Query::Point(PointQuery::Conversation { .. }) => Some(Answer::Conversation(Vec::new())),
        _ => None,
    }
}

fn source() -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(answer);
    source
}

fn traces() -> Harness {
    harness(&source(), UiCommand::Show(ViewKind::Traces))
}

fn checkout() -> Target {
    Target::Trace { trace_id: sample::TRACE, span_id: None }
}

#[test]
fn what_is_seen_of_traces_stays_while_it_is_asked_anew() {
    for target in [None, Some(checkout()), Some(Target::Conversation(CorrelationId::Number(4_704)))] {
        let source = source();
        let mut harness = harness(&source, UiCommand::Show(ViewKind::Traces));
        if let Some(target) = target {
            goto(&mut harness, &target);
        }
        stays_while_answers_are_late(&mut harness, &source);
    }
}

#[test]
fn a_trace_is_chosen_and_opened_by_keyboard_and_left_again() {
    let mut harness = traces();
    harness.get_by_label_contains("web-bff POST /checkout, 2.21 s, 24 spans, 12 spans failed");
    harness.get_by_label_contains("process OrderPlaced (its root was not received)");
    harness.get_by_label_contains("1,482 traces match · the first 6 are shown · 184,202 spans looked at");
    press(&mut harness, &[Key::ArrowDown, Key::Enter]);
    harness.get_by_label_contains("19ab4…20c47 · web-bff · 2.27 s · 24 spans");
    press(&mut harness, &[Key::Backspace]);
    harness.get_by_label_contains("1,482 traces match");
    press(&mut harness, &[Key::Enter, Key::Escape]);
    harness.get_by_label_contains("1,482 traces match");
}

#[test]
fn rows_of_a_waterfall_are_walked_collapsed_and_expanded() {
    let mut harness = traces();
    goto(&mut harness, &checkout());
    press(&mut harness, &[Key::ArrowDown, Key::ArrowDown]);
    harness.get_by_role_and_label(Role::Heading, "orders.Orders/Place");
    harness.get_by_label_contains("orders INSERT orders, 38 ms, client");
    press(&mut harness, &[Key::ArrowLeft]);
    harness.get_by_label_contains("web-bff orders.Orders/Place, 2.14 s, client, 12 failed below, 21 below, collapsed");
    assert!(harness.query_by_label_contains("orders INSERT orders").is_none(), "what is below is hidden");
    press(&mut harness, &[Key::ArrowRight, Key::ArrowRight]);
    harness.get_by_label_contains("orders INSERT orders, 38 ms, client");
    press(&mut harness, &[Key::ArrowLeft, Key::ArrowLeft, Key::ArrowLeft]);
    harness.get_by_label_contains("collapsed");
    press(&mut harness, &[Key::End, Key::Home]);
    harness.get_by_role_and_label(Role::Heading, "POST /checkout");
}

#[test]
fn the_next_failure_is_one_key_away_and_opens_what_hides_it() {
    let mut harness = traces();
    goto(&mut harness, &checkout());
    harness.get_by_label_contains("10 spans close together, 10 failed");
    press(&mut harness, &[Key::N]);
    harness.get_by_role_and_label(Role::Heading, "POST /pay");
    harness.get_by_label("Failed: timed out after 2000 ms");
    harness.get_by_label_contains("though payments had answered in 40 ms");
    harness.get_by_label("The caller waits 1.94 s after the callee answered");
    press(&mut harness, &[Key::N]);
    harness.get_by_role_and_label(Role::Heading, "map order");
    assert!(harness.query_by_label_contains("close together").is_none(), "the fold is open");
}

#[test]
fn the_detail_tells_all_and_leads_on() {
    let mut harness = traces();
    goto(&mut harness, &Target::Trace { trace_id: sample::TRACE, span_id: Some(SpanId(9)) });
    harness.get_by_role_and_label(Role::Heading, "publish orders.placed");
    harness.get_by_label("messaging.kafka.offset 18204");
    harness.get_by_label("orders.placed 0@18204, 88 B");
    harness.get_by_label("linked by  shipping process orders.placed, 71 ms").click();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "process orders.placed");
    harness.get_by_label_contains("links to  another trace");
    // And back by the way one came.
    run(&mut harness, UiCommand::Back);
    harness.get_by_role_and_label(Role::Heading, "publish orders.placed");
    press(&mut harness, &[Key::Enter]);
    assert!(harness.query_by_role_and_label(Role::Heading, "publish orders.placed").is_none(), "Enter hides the detail");
    press(&mut harness, &[Key::Enter]);
    harness.get_by_role_and_label(Role::Heading, "publish orders.placed");
}

#[test]
fn what_is_odd_about_a_trace_is_said() {
    let mut harness = traces();
    goto(&mut harness, &checkout());
    harness.get_by_label_contains("clock of payments");
    harness.get_by_label_contains("1 parent is missing");
    harness.get_by_label_contains("parent 000000000000dead was not received");
    harness.get_by_label_contains("payments POST /pay, 44 ms, server, starts before its parent");
    press(&mut harness, &[Key::P]);
    harness.get_by_label_contains("underlined: what the end waited for");
    press(&mut harness, &[Key::Plus, Key::Plus, Key::Minus, Key::F]);
}

#[test]
fn an_id_that_is_pasted_opens_what_it_names() {
    let mut harness = traces();
    harness.get_by_label("Operation, or any id").focus();
    harness.run();
    harness.event(egui::Event::Paste("00-19ab4c110b774d208c0177aa11c20c47-0000000000000004-01".to_owned()));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "POST /pay");
    run(&mut harness, UiCommand::Back);
    harness.get_by_label("Operation, or any id").focus();
    harness.run();
    harness.get_by_label("Operation, or any id").type_text("4704");
    harness.run();
    harness.key_press(Key::Enter);
    settle(&mut harness);
    harness.get_by_label("Story of 4704");
    harness.get_by_label_contains("POST /pay · 2.00 s · timed out after 2000 ms, failed");
    press(&mut harness, &[Key::ArrowDown, Key::Enter]);
    harness.get_by_role_and_label(Role::Heading, "POST /checkout");
}

#[test]
fn the_filter_asks_the_engine() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Traces));
    let last = |source: &FixedSource| source.queries().into_iter().rev().find(|query| matches!(query, Query::Scan(ScanQuery::Traces { .. })));
    press(&mut harness, &[Key::Num2]);
    harness.get_by_label("Failed only").click();
    settle(&mut harness);
    harness.get_by_label("Shortest duration").focus();
    harness.run();
    harness.get_by_label("Shortest duration").type_text("1.5 s");
    settle(&mut harness);
    let Some(Query::Scan(ScanQuery::Traces { filter, order, .. })) = last(&source) else { panic!("a question") };
    assert_eq!((order, filter.failed_only, filter.min_duration_ns), (TraceOrder::Slowest, true, Some(1_500_000_000)));
    assert!(filter.range.is_some(), "within the window's range");
    harness.get_by_label("Shortest duration").type_text("x");
    settle(&mut harness);
    harness.get_by_label("a number and ns, µs, ms, s or min");
    harness.get_by_label("Clear").click();
    settle(&mut harness);
    let through = TraceFilter {
        service: Some("nobody".to_owned()),
        instance: Some("nobody-1".to_owned()),
        through: Some(("orders".to_owned(), "payments".to_owned())),
        ..TraceFilter::default()
    };
    goto(&mut harness, &Target::Traces(through.clone()));
    harness.get_by_label("No trace passes this filter");
    harness.get_by_label("through orders → payments  ×").click();
    settle(&mut harness);
    let Some(Query::Scan(ScanQuery::Traces { filter, .. })) = last(&source) else { panic!("a question") };
    assert_eq!((filter.through, filter.instance.as_deref()), (None, Some("nobody-1")));
    harness.get_by_label("of nobody-1  ×").click();
    settle(&mut harness);
    let Some(Query::Scan(ScanQuery::Traces { filter, .. })) = last(&source) else { panic!("a question") };
    assert_eq!(filter.instance, None);
}

#[test]
fn what_is_not_there_says_why_and_what_to_do() {
    let empty = FixedSource::new(Snapshot::default());
    empty.answer_with(|query| matches!(query, Query::Scan(ScanQuery::Traces { .. })).then(|| Answer::Traces(TraceList::default())));
    let mut nothing = harness(&empty, UiCommand::Show(ViewKind::Traces));
    nothing.get_by_label("No traces yet");
    nothing.get_by_label("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317");
    nothing.get_by_label("Copy the OTLP endpoint").click();
    nothing.step();
    assert_eq!(copied(&nothing).as_deref(), Some("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317"));
    let mut harness = traces();
    goto(&mut harness, &Target::Trace { trace_id: TraceId(99), span_id: None });
    harness.get_by_label("No span of trace 00000000000000000000000000000063 is stored");
    harness.get_by_label("1 record names it, and 0 logs name it");
    harness.get_by_label("Follow it as a correlation id").click();
    settle(&mut harness);
    harness.get_by_label("Nothing is known of 00000000-0000-0000-0000-000000000063");
}

#[test]
fn a_span_is_copied_in_three_forms() {
    let mut harness = traces();
    goto(&mut harness, &Target::Trace { trace_id: sample::TRACE, span_id: Some(SpanId(4)) });
    let mut copy = |command: UiCommand| {
        let ctx = harness.ctx.clone();
        harness.state_mut().window.run(&ctx, command);
        harness.step();
        copied(&harness).expect("something was copied")
    };
    let text = copy(UiCommand::CopyText);
    assert!(text.starts_with("POST /pay\norders · client · orders-1") && text.contains("19ab4c110b774d208c0177aa11c20c47"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&copy(UiCommand::CopyJson)).expect("JSON");
    assert_eq!((json["span_id"].as_str(), json["failed"].as_bool()), (Some("0000000000000004"), Some(true)));
    assert!(copy(UiCommand::CopyMarkdown).starts_with("### POST /pay"));
}

#[test]
fn a_hundred_thousand_spans_are_drawn_row_by_row() {
    let mut harness = traces();
    let ctx = harness.ctx.clone();
    harness.state_mut().window.goto(&ctx, &Target::Trace { trace_id: TraceId(7), span_id: None });
    // Its tree is built beside the window: no frame waits for it, and the one in which that begins says so, whenever it ends.
    for _ in 0..3 {
        harness.step();
        if harness.state().window.is_computing() {
            break;
        }
    }
    harness.get_by_label("100,000 spans are put in order");
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    while harness.state().window.is_computing() {
        assert!(std::time::Instant::now() < deadline, "no tree came");
        std::thread::yield_now();
        harness.step();
    }
    settle(&mut harness);
    harness.get_by_label_contains("importer import catalogue");
    let num_rows = harness.get_all_by_role(Role::ListItem).count();
    assert!(num_rows < 30, "{num_rows} rows are drawn");
    press(&mut harness, &[Key::ArrowDown, Key::End, Key::N]);
    harness.get_by_label("Failed: duplicate key");
}

#[test]
fn every_command_of_the_view_runs_in_every_state() {
    let mut harness = traces();
    let story = Target::Conversation(CorrelationId::Number(4_704));
    for target in [Target::Traces(TraceFilter::default()), checkout(), story] {
        for command in UiCommand::all().filter(|command| !matches!(command, UiCommand::Show(_)) && *command != UiCommand::Quit) {
            goto(&mut harness, &target);
            let ctx = harness.ctx.clone();
            harness.state_mut().window.run(&ctx, command);
            harness.run_steps(2);
        }
        run(&mut harness, UiCommand::LayoutMap);
        run(&mut harness, UiCommand::Show(ViewKind::Traces));
        assert_eq!(harness.state().window.panes().focus(), ViewKind::Traces);
    }
}

#[test]
fn pictures_of_traces_stay_as_they_are() {
    let source = source();
    let pay = Target::Trace { trace_id: sample::TRACE, span_id: Some(SpanId(4)) };
    let waterfall = [Step::Goto(pay), Step::Run(UiCommand::ToggleCriticalPath)];
    picture("waterfall-dark", ThemeChoice::Dark, (1280, 800), &source, &waterfall);
    picture("traces-light", ThemeChoice::Light, (1280, 800), &source, &[Step::Run(UiCommand::Show(ViewKind::Traces)), Step::Run(UiCommand::WalkDown)]);
    picture("story-light", ThemeChoice::Light, (1280, 800), &source, &[Step::Goto(Target::Conversation(CorrelationId::Number(4_704)))]);
}

#[test]
fn the_records_of_a_conversation_or_a_trace_are_replayed_in_messages() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Traces));
    let why = |harness: &Harness| harness.state().window.unavailable(UiCommand::ReplayRecords).map(std::borrow::Cow::into_owned);
    assert_eq!(why(&harness).as_deref(), Some("no trace or conversation is open"));
    let record = sample::record();
    goto(&mut harness, &Target::Conversation(CorrelationId::Number(7)));
    assert_eq!(why(&harness).as_deref(), Some("no stored record belongs to it"));
    // Where a replay stands, it can not be asked where others go.
    source.show_replay(dead_letters::previewed(Writing::Allowed));
    goto(&mut harness, &checkout());
    assert_eq!(why(&harness).as_deref(), Some("a replay stands already: close it first"));
    source.show_replay(dead_letters::board(Writing::Allowed));
    settle(&mut harness);
    for target in [Target::Conversation(CorrelationId::Number(4_704)), checkout()] {
        let is_story = matches!(target, Target::Conversation(_));
        goto(&mut harness, &target);
        assert_eq!(why(&harness), None, "{target:?}");
        if is_story {
            harness.get_by_label_contains("Replay 1 record…").click();
            settle(&mut harness);
        } else {
            press(&mut harness, &[Key::E]);
        }
        let shown = harness.state().window.target();
        assert!(matches!(&shown, Some(Target::Record { channel, row }) if channel.name == record.at.channel && *row == record.row), "{shown:?}");
    }
}
