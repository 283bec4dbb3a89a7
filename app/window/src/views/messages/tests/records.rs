//! Topics, their records, and what one of them holds.

use super::*;

#[test]
fn topics_say_how_much_is_in_them_and_open_by_keyboard() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    harness.get_by_label("topic orders.placed, 15,960 records, 38/s, read");
    harness.get_by_label("topic orders.placed-dlt, 98 records, 0.2/s, read, dead letters");
    harness.get_by_label("No topic is open");
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_label("No record came in since the session began");
}

/// The rows in view: the beginning of each, and its key where it shows one.
fn rows_in_view(harness: &Harness) -> BTreeMap<String, Option<String>> {
    let rows = harness.query_all_by_role(Role::ListItem).filter_map(|node| node.accesskit_node().label());
    let row = |label: String| {
        let place = label.strip_prefix("record ")?.split(',').next()?.to_owned();
        Some((place, label.split(", key ").nth(1).map(str::to_owned)))
    };
    rows.filter_map(row).collect()
}

#[test]
fn while_records_come_in_no_row_turns_blank_and_new_ones_get_their_contents() {
    let num = Arc::new(AtomicU64::new(2_000));
    let source = FixedSource::new(testing::order_business());
    let stored = Arc::clone(&num);
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Records { after, .. }) => {
            let (from, to) = (after.map_or(FIRST_KEPT, |row| row.0 + 1), stored.load(Ordering::Relaxed));
            Some(Answer::Records(RecordPage { rows: (from..to).map(line).collect(), total_stored: to, evicted: 0, has_more: false }))
        }
        other => answer(other),
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Channel(channel()));
    settle(&mut harness);
    let mut shown = rows_in_view(&harness);
    assert!(shown.len() > 10 && shown.values().all(Option::is_some), "{shown:?}");
    let first: Vec<String> = shown.keys().cloned().collect();
    // Contents take three frames, and with each frame other rows are in view.
    source.answer_late(3, |query| matches!(query, Query::Point(PointQuery::RecordDetails { .. })));
    let mut blank_for: BTreeMap<String, usize> = BTreeMap::new();
    for frame in 0..120 {
        num.fetch_add(2, Ordering::Relaxed);
        source.publish(testing::order_business());
        source.advance_s(1);
        harness.run_steps(1);
        let now = rows_in_view(&harness);
        for (place, key) in &now {
            assert!(key.is_some() || shown.get(place).is_none_or(Option::is_none), "{place} turned blank in frame {frame}: {now:?}");
            let blank = blank_for.entry(place.clone()).or_default();
            *blank = if key.is_some() { 0 } else { *blank + 1 };
            assert!(*blank <= 12, "{place} stays blank in frame {frame}: {now:?}");
        }
        shown = now;
    }
    assert!(first.iter().any(|place| !shown.contains_key(place)), "others are in view: {shown:?}");
}

#[test]
fn what_is_seen_of_records_stays_while_it_is_asked_anew() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(4) });
    stays_while_answers_are_late(&mut harness, &source);
}

#[test]
fn a_million_records_are_walked_row_by_row() {
    let mut harness = loaded("orders.placed-dlt", "1,000,000");
    harness.get_by_label_contains(" · 999,997 stored here · 3 evicted");
    let rows = harness.get_all_by_role(Role::ListItem).count();
    assert!(rows < 40, "{rows} rows are drawn");
    // The end is followed: the newest is in view.
    harness.get_by_label_contains("record 3@999999");
    press(&mut harness, &[Key::End]);
    harness.get_by_role_and_label(Role::Heading, "3@999999");
    press(&mut harness, &[Key::Home]);
    harness.get_by_label("This record is no longer stored");
    harness.get_by_label_contains("record 0@0, 10:59:20.000, 92 B, evicted from the store");
    press(&mut harness, &[Key::PageDown, Key::ArrowDown]);
    assert!(harness.query_by_label("This record is no longer stored").is_none());
}

#[test]
fn a_record_shows_key_headers_value_and_where_it_leads() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(70_001) });
    harness.get_by_role_and_label(Role::Heading, "1@70001");
    harness.get_by_label("Secrets in it were replaced when it came in; equal ones still look equal");
    harness.get_by_label("key k-70001");
    harness.get_by_label_contains("\"orderId\": 4704,");
    harness.get_by_label("Payload as Hex").click();
    settle(&mut harness);
    harness.get_by_label_contains("000000  7b 22 6f 72");
    harness.get_by_label("Payload as Text").click();
    settle(&mut harness);
    harness.get_by_label_contains("\"shipTo\":null}");
    harness.get_by_label("kafka_replyPartition 2, 4 bytes, big-endian").scroll_to_me();
    harness.get_by_label("authorization redacted:ab12cd, redacted");
    harness.get_by_label("its trace, 19ab4c110b774d208c0177aa11c20c47").scroll_to_me();
    settle(&mut harness);
    harness.get_by_label("its trace, 19ab4c110b774d208c0177aa11c20c47").click();
    settle(&mut harness);
    assert_eq!(harness.state().window.panes().focus(), crate::view::ViewKind::Traces);
    run(&mut harness, UiCommand::Back);
    harness.get_by_role_and_label(Role::Heading, "1@70001");
}

#[test]
fn a_framed_value_is_named_with_its_schema_id_and_a_tombstone_is_no_empty_value() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(12) });
    harness.get_by_label("framing schema id 57 (Confluent framing)");
    harness.get_by_label_contains("Avro or Protobuf by its framing");
    harness.get_by_label("kafka_dlt-original-offset 18204, 8 bytes, big-endian");
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(13) });
    harness.get_by_label("value null, a tombstone");
}

#[test]
fn a_text_is_looked_for_in_all_that_is_stored() {
    let mut harness = loaded("orders.placed", "120,000");
    harness.get_by_label("Key, text, number or 2@100").focus();
    harness.run();
    harness.get_by_label("Key, text, number or 2@100").type_text("K-1234");
    // k-1234, and k-12340 to k-12349.
    for _ in 0..200 {
        harness.run_steps(1);
        if harness.query_by_label_contains("looked at, all that are stored").is_some() {
            break;
        }
    }
    harness.get_by_label_contains("11 match · 119,997 looked at, all that are stored · 3 were evicted · 85,704 hold redacted values");
    settle(&mut harness);
    harness.get_by_label_contains("record 2@1234,");
    harness.get_by_label_contains("record 1@12349,");
}

#[test]
fn following_the_end_is_held_and_taken_up_again() {
    let mut harness = loaded("orders.placed", "120,000");
    press(&mut harness, &[Key::L]);
    harness.get_by_label("Follow the end").click();
    settle(&mut harness);
    harness.get_by_label("Hold still");
}

#[test]
fn another_session_is_read_from_its_first_record() {
    let source = FixedSource::new(testing::order_business());
    let num_stored = Arc::new(AtomicU64::new(10));
    let stored = Arc::clone(&num_stored);
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Records { after, .. }) => {
            let (from, to) = (after.map_or(0, |row| row.0 + 1), stored.load(Ordering::Relaxed));
            Some(Answer::Records(RecordPage { rows: (from..to).map(line).collect(), total_stored: to, ..RecordPage::default() }))
        }
        other => answer(other),
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(8) });
    harness.get_by_role_and_label(Role::Heading, "0@8");
    harness.get_by_label("10 loaded");
    assert!(harness.state().window.unavailable(UiCommand::Back).is_none());
    num_stored.store(6, Ordering::Relaxed);
    source.publish(Snapshot { started_ns: testing::NOW_NS, ..testing::order_business() });
    settle(&mut harness);
    harness.get_by_label("6 loaded");
    harness.get_by_label_contains("record 1@5,");
    assert!(harness.query_by_role_and_label(Role::Heading, "0@8").is_none(), "that row is another record's now");
    assert!(harness.state().window.unavailable(UiCommand::Back).is_some(), "no way leads back to rows of the former session");
}

#[test]
fn what_is_not_read_says_why_and_what_to_do() {
    let mut business = testing::order_business();
    let mut figures = (*business.figures).clone();
    for broker in &mut figures.channels {
        broker.not_tailed = Some("it matches no pattern of the source".to_owned());
    }
    business.figures = figures.into();
    let source = FixedSource::new(business);
    source.answer_with(|query| matches!(query, Query::Point(PointQuery::Records { .. })).then(|| Answer::Records(RecordPage::default())));
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    harness.get_by_label("topic orders.placed, 15,960 records, 38/s, not read: it matches no pattern of the source");
    goto(&mut harness, &Target::Channel(channel()));
    harness.get_by_label("Its records are not read");
    harness.get_by_label("it matches no pattern of the source");
    let mut empty = crate::tests::harness::harness(&FixedSource::new(Snapshot::default()), UiCommand::Show(ViewKind::Messages));
    empty.get_by_label("No topics yet");
    press(&mut empty, &[Key::ArrowDown, Key::Enter, Key::L, Key::Escape]);
}

#[test]
fn a_record_is_copied_in_three_forms() {
    let mut harness = harness(&source(), UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(8) });
    let mut copy = |command: UiCommand| {
        let ctx = harness.ctx.clone();
        harness.state_mut().window.run(&ctx, command);
        harness.step();
        copied(&harness).expect("something was copied")
    };
    let json: serde_json::Value = serde_json::from_str(&copy(UiCommand::CopyJson)).expect("JSON");
    assert_eq!((json["offset"].as_i64(), json["redacted"].as_bool()), (Some(8), Some(true)));
    let text = copy(UiCommand::CopyText);
    assert!(text.starts_with("0@8\norders.placed · lab-kafka") && text.contains("\n{\n  \"orderId\": 4704,"), "{text}");
    assert!(copy(UiCommand::CopyMarkdown).starts_with("### 0@8\n"));
}

#[test]
fn pictures_of_messages_stay_as_they_are() {
    let source = source();
    let steps = [Step::Goto(Target::Record { channel: channel(), row: RowId(40) })];
    picture("messages-light", ThemeChoice::Light, (1280, 800), &source, &steps);
    let side_by_side = [Step::Run(UiCommand::LayoutMessages), Step::Goto(Target::Channel(channel()))];
    picture("messages-groups-dark", ThemeChoice::Dark, (1280, 800), &source, &side_by_side);
}
