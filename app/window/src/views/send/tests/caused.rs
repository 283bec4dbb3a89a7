//! What it caused, beside the answer.

use super::*;

#[test]
fn what_it_caused_stands_beside_and_leads_there() {
    let (_, mut harness) = open(sample::board());
    harness.get_by_role_and_label(Role::Heading, "What it caused");
    harness.get_by_label_contains("24 spans, 7 services, 1 record");
    harness.get_by_label_contains("inventory process OrderPlaced, 11 ms, failed: shipTo is null");
    harness.get_by_role_and_label(Role::Button, "orders.placed 0@18204, key 4704 · 88 B");
    harness.get_by_label_contains("payment call timed out after 2000 ms");
    press(&mut harness, &[Key::T]);
    assert_eq!(harness.state().window.target(), Some(Target::Trace { trace_id: traces::TRACE, span_id: None }));
    run(&mut harness, UiCommand::Show(ViewKind::Send));
    press(&mut harness, &[Key::S]);
    assert!(matches!(harness.state().window.target(), Some(Target::Conversation(_))));
}

#[test]
fn where_nothing_came_it_says_so_and_after_ten_seconds_why() {
    let fresh = Sent {
        trace_id: Some(switchboard_model::TraceId(7)),
        correlation_id: None,
        at_ns: testing::NOW_NS - 1_000_000_000,
        ended_ns: Some(testing::NOW_NS - 900_000_000),
        ..sample::answered()
    };
    let (source, mut harness) = open(SendBoard { sent: vec![Arc::new(fresh)], ..sample::board() });
    harness.get_by_label("Nothing came of it yet");
    source.advance_s(12);
    settle(&mut harness);
    harness.get_by_label("Nothing came of it within 10 s");
    harness.get_by_label_contains("which of them answers at http://localhost:8080 is not known here");
    let by_id = Sent { trace_id: Some(switchboard_model::TraceId(7)), at_ns: testing::NOW_NS - 60_000_000_000, ..sample::answered() };
    source.show_send(SendBoard { sent: vec![Arc::new(by_id)], ..sample::board() });
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Button, "orders.placed 0@18204, key 4704 · 88 B");
    harness.get_by_label_contains("No span of it has come: what stands below has its correlation id");
}

#[test]
fn who_answered_a_server_before_is_named_where_nothing_comes_of_the_next() {
    let (source, mut harness) = open(sample::board());
    harness.get_by_label_contains("24 spans, 7 services, 1 record");
    let silent = Sent {
        sent_id: SentId(6),
        trace_id: Some(switchboard_model::TraceId(7)),
        correlation_id: None,
        at_ns: testing::NOW_NS - 30_000_000_000,
        ended_ns: Some(testing::NOW_NS - 29_000_000_000),
        ..sample::answered()
    };
    source.show_send(SendBoard { sent: vec![Arc::new(silent)], ..sample::board() });
    settle(&mut harness);
    harness.get_by_label("Nothing came of it within 10 s");
    harness.get_by_label("At http://localhost:8080 is web-bff, which answered there before");
    harness.get_by_label_contains("None of this trace came: it does not go on with a traceparent from outside");
}

#[test]
fn a_record_of_which_no_span_came_tells_who_reads_its_topic() {
    let record = Sent { trace_id: Some(switchboard_model::TraceId(7)), ..(*sample::board().sent[2]).clone() };
    let (_, harness) = open(SendBoard { sent: vec![Arc::new(record)], ..sample::board() });
    harness.get_by_label("Groups read orders.placed, and no span of this trace came");
    harness.get_by_label("inventory (lag 1,204): may not have come to it yet, and inventory sends spans, the last 1 s ago");
}

#[test]
fn pictures_of_why_nothing_came_stay_as_they_are() {
    let record = Sent { trace_id: Some(switchboard_model::TraceId(7)), ..(*sample::board().sent[2]).clone() };
    let silent = Sent { trace_id: Some(switchboard_model::TraceId(7)), correlation_id: None, ..sample::answered() };
    let shown = |sent: Sent| source(SendBoard { sent: vec![Arc::new(sent)], ..sample::board() });
    let show = [Step::Run(UiCommand::Show(ViewKind::Send))];
    picture("send-nothing-dark", ThemeChoice::Dark, (1280, 800), &shown(record), &show);
    picture("send-nothing-light", ThemeChoice::Light, (1280, 800), &shown(silent), &show);
}
