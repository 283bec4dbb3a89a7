//! Find through labels and keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use egui::{Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};
use switchboard_engine::view::{Answer, ConversationItem, FindHit, FindPage, PointQuery, Query, RecordView, RowId, ScanQuery};
use switchboard_model::{CorrelationId, TraceId};

use crate::{
    WindowApp, WindowOptions,
    testing::{self, FixedSource, NOW_NS},
    view::Target,
};

fn harness(source: &FixedSource) -> Harness<'static, WindowApp> {
    let source = source.clone();
    let mut harness =
        Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(source), WindowOptions::default(), false));
    harness.run();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    harness.run();
    harness
}

fn type_text(harness: &mut Harness<'_, WindowApp>, text: &str) {
    harness.get_by_role_and_label(Role::SearchInput, "Find anything").type_text(text);
    harness.run();
    harness.run();
}

#[test]
fn an_empty_search_says_what_can_be_searched_and_escape_closes_it() {
    let mut harness = harness(&FixedSource::new(testing::order_business()));
    harness.get_by_label("a number");
    harness.get_by_label_contains("a trace id, a traceparent, a UUID");
    harness.key_press(Key::Escape);
    harness.run();
    assert!(harness.query_by_label("a number").is_none());
    harness.key_press(Key::Slash);
    harness.run();
    harness.get_by_label("a number");
}

#[test]
fn a_box_of_the_map_is_found_by_name_and_opened_with_enter() {
    let business = testing::order_business();
    let mut harness = harness(&FixedSource::new(business.clone()));
    type_text(&mut harness, "catal");
    harness.get_by_label("catalog, service");
    harness.key_press(Key::Enter);
    harness.run();
    let catalog = business.topology.nodes.iter().find(|node| node.name == "catalog").expect("a node").node_id;
    assert_eq!(harness.state().window.target(), Some(Target::Node(catalog)));
    assert!(harness.query_by_label("catalog, service").is_none(), "closed");
}

#[test]
fn what_the_engine_found_is_listed_with_where_it_looked() {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(|query| {
        let Query::Scan(ScanQuery::Find { text, .. }) = query else { return None };
        let hit =
            |n: u64| FindHit::Log { row: RowId(n), service: "orders".to_owned(), at_ns: NOW_NS, excerpt: format!("{text} line {n}"), trace_id: TraceId(0) };
        Some(Answer::Found(FindPage {
            hits: (0..30).map(hit).collect(),
            looked_at: 99,
            total: 99,
            is_done: true,
            last_seen_ns: Some(NOW_NS),
            looked: vec!["99 logs".to_owned()],
            not_looked: vec!["12 evicted spans".to_owned()],
        }))
    });
    let mut harness = harness(&source);
    type_text(&mut harness, "zebra");
    harness.get_by_label("Logs · 30");
    harness.get_by_label("last seen at 11:00:00.000 · looked at 99 logs · not looked at 12 evicted spans");
    harness.get_by_label("orders, zebra line 0");
    for _ in 0..40 {
        harness.key_press(Key::ArrowDown);
    }
    harness.run();
    harness.get_by_label("orders, zebra line 29");
    assert!(harness.query_by_label("orders, zebra line 0").is_none(), "scrolled on");
    harness.key_press(Key::Enter);
    harness.run();
    assert!(matches!(harness.state().window.target(), Some(Target::Node(_))), "a log without a trace leads to its service");
}

#[test]
fn what_comes_in_after_it_was_looked_for_is_found_and_then_stays_as_it_is() {
    let source = FixedSource::new(testing::order_business());
    let num_hits = Arc::new(AtomicU64::new(0));
    let num = num_hits.clone();
    source.answer_with(move |query| {
        let hit = |n| FindHit::Log { row: RowId(n), service: "orders".to_owned(), at_ns: NOW_NS, excerpt: format!("zebra {n}"), trace_id: TraceId(0) };
        matches!(query, Query::Scan(ScanQuery::Find { .. })).then(|| {
            let hits = (0..num.load(Ordering::Relaxed)).map(hit).collect();
            Answer::Found(FindPage { hits, is_done: true, looked: vec!["99 logs".to_owned()], ..FindPage::default() })
        })
    });
    let mut harness = harness(&source);
    type_text(&mut harness, "zebra");
    assert!(harness.query_by_label_contains("looked at 99 logs").is_some() && harness.query_by_label("orders, zebra 0").is_none());
    let news = |harness: &mut Harness<'static, WindowApp>| {
        for _ in 0..60 {
            source.publish(testing::order_business());
            harness.run_steps(3);
        }
    };
    num_hits.store(1, Ordering::Relaxed);
    news(&mut harness);
    harness.get_by_label("orders, zebra 0");
    num_hits.store(2, Ordering::Relaxed);
    news(&mut harness);
    assert!(harness.query_by_label("orders, zebra 1").is_none(), "nothing moves under the pointer once something is found");
}

#[test]
fn an_engine_that_does_not_answer_is_told() {
    let mut harness = harness(&FixedSource::new(testing::order_business()));
    type_text(&mut harness, "zebra");
    harness.get_by_label_contains("The engine did not answer");
}

#[test]
fn a_conversation_is_offered_where_something_carries_the_id() {
    let source = FixedSource::new(testing::order_business());
    let items = |query: &Query| match query {
        Query::Point(PointQuery::Conversation { id, .. }) if *id == CorrelationId::Number(4_711) => Some(vec![ConversationItem::Record(RecordView::default())]),
        Query::Point(PointQuery::Conversation { .. }) => Some(Vec::new()),
        _ => None,
    };
    source.answer_with(move |query| items(query).map(Answer::Conversation));
    let mut harness = harness(&source);
    type_text(&mut harness, "471");
    assert!(harness.query_by_label("Conversation · 1").is_none(), "only the beginning of an id");
    type_text(&mut harness, "1");
    harness.get_by_label("Conversation · 1");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().window.target(), Some(Target::Conversation(CorrelationId::Number(4_711))));
}
