//! What is marked, selected or lies in a range, replayed from beside the records.

use super::*;

#[test]
fn marked_records_are_replayed_and_the_panel_stands_beside_them() {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(answer);
    source
        .show_replay(ReplayBoard { clusters: Arc::new(vec![ClusterBoard { name: "lab-kafka".into(), writing: Writing::Allowed }]), ..ReplayBoard::default() });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let channel = ChannelKey { cluster: None, name: "orders.placed".into() };
    goto(&mut harness, &Target::Record { channel, row: RowId(20) });
    press(&mut harness, &[Key::Space, Key::ArrowDown, Key::Space]);
    harness.get_by_label_contains("record 0@20, marked");
    // What can be chosen is asked about the marked records before anything is previewed.
    press(&mut harness, &[Key::E]);
    harness.get_by_role_and_label(Role::Button, "Preview 2 records…");
    assert!(harness.query_by_role_and_label(Role::Button, "Park…").is_none(), "records are not put aside");
    press(&mut harness, &[Key::Escape, Key::R]);
    let replay = |source: &FixedSource| {
        source
            .commands()
            .into_iter()
            .filter_map(|command| if let SessionCommand::Replay(command) = command { Some(*command) } else { None })
            .collect::<Vec<_>>()
    };
    let Some(ReplayCommand::Preview(ask)) = replay(&source).pop() else { panic!("{:?}", replay(&source)) };
    let AskedLetters::These(letters) = &ask.letters else { panic!("{ask:?}") };
    let places: Vec<String> = letters.iter().map(|asked| asked.letter.at.to_string()).collect();
    assert_eq!((ask.cluster.as_str(), &ask.target), ("lab-kafka", &"orders.placed".into()));
    assert_eq!(places, ["orders.placed 0@20", "orders.placed 1@21"]);
    assert!(letters.iter().all(|asked| !asked.is_dead && asked.raw_hash == RawHash::UNKNOWN), "whatever lies there is meant");
    // The letters' preview stands beside the letters, this one here.
    let board = dead_letters::previewed(Writing::Allowed);
    source.show_replay(board.clone());
    settle(&mut harness);
    assert!(harness.query_by_label("Dismiss").is_none());
    let mut board = board;
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    preview.ask = Arc::new(ask);
    source.show_replay(board);
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Replay 296 to orders.placed");
    press(&mut harness, &[Key::E]);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    press(&mut harness, &[Key::Escape, Key::Escape]);
    assert_eq!(replay(&source).pop(), Some(ReplayCommand::Dismiss));
    source.show_replay(ReplayBoard::default());
    settle(&mut harness);
    press(&mut harness, &[Key::End, Key::A, Key::A]);
    assert!(harness.query_all_by_label_contains(", marked").count() > 5, "all that are listed");
}

#[test]
fn a_range_of_the_open_topic_is_replayed_where_nothing_is_marked() {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(answer);
    source
        .show_replay(ReplayBoard { clusters: Arc::new(vec![ClusterBoard { name: "lab-kafka".into(), writing: Writing::Allowed }]), ..ReplayBoard::default() });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Channel(ChannelKey { cluster: None, name: "orders.placed".into() }));
    press(&mut harness, &[Key::E]);
    let previewed = |source: &FixedSource| {
        source.commands().into_iter().rev().find_map(|command| match command {
            SessionCommand::Replay(command) => match *command {
                ReplayCommand::Preview(ask) => Some(ask),
                _ => None,
            },
            _ => None,
        })
    };
    write(&mut harness, "First offset", "100");
    press(&mut harness, &[Key::Enter]);
    harness.get_by_label_contains("is no offset; write a number");
    assert!(previewed(&source).is_none(), "half a range asks for nothing");
    write(&mut harness, "Last offset", "109");
    // The button above the form previews it as well, though nothing is marked.
    harness.get_by_role_and_label(Role::Button, "Preview…").click();
    settle(&mut harness);
    let ask = previewed(&source).expect("it is asked for");
    let of = RangeOf::Offsets { partition: 0, from: 100, to: 109 };
    assert_eq!(ask.letters, AskedLetters::Ranges(vec![AskedRange { channel: "orders.placed".into(), of }]));
    assert_eq!((ask.cluster.as_str(), &ask.target), ("lab-kafka", &"orders.placed".into()));
}

/// Types into a field.
fn write(harness: &mut Harness, label: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, label).focus();
    settle(harness);
    harness.event(egui::Event::Text(text.to_owned()));
    settle(harness);
}

#[test]
fn a_range_of_a_dead_letter_topic_is_of_that_topic_and_goes_where_its_letters_came_from() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let ctx = harness.ctx.clone();
    harness.state_mut().window.goto(&ctx, &Target::Channel(ChannelKey { cluster: None, name: "orders.placed-dlt".into() }));
    // It is long: it comes in many frames.
    harness.run_steps(40);
    settle(&mut harness);
    press(&mut harness, &[Key::E]);
    write(&mut harness, "First offset", "100");
    write(&mut harness, "Last offset", "109");
    press(&mut harness, &[Key::Enter]);
    let ask = previewed(&source).expect("it is asked for");
    let of = RangeOf::Offsets { partition: 0, from: 100, to: 109 };
    assert_eq!(ask.letters, AskedLetters::Ranges(vec![AskedRange { channel: "orders.placed-dlt".into(), of }]));
    assert_eq!(ask.target, "orders.placed".into());
}

#[test]
fn while_a_replay_of_dead_letters_stands_nothing_here_acts_on_it() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space, Key::E]);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    source.show_replay(dead_letters::previewed(Writing::Allowed));
    settle(&mut harness);
    assert!(harness.query_by_role_and_label(Role::TextInput, "Channel to send to").is_none());
    for command in crate::views::messages::replaying::OF_REPLAY {
        let why = harness.state().window.unavailable(command).map(std::borrow::Cow::into_owned);
        assert!(why.as_ref().is_some_and(|why| why.contains("a replay of dead letters stands in Dead letters")), "{command:?}: {why:?}");
        run(&mut harness, command);
    }
    let asked: Vec<SessionCommand> = source.commands().into_iter().filter(|command| matches!(command, SessionCommand::Replay(_))).collect();
    assert!(asked.is_empty(), "{asked:?}");
    // Once it is closed, what was filled in here is of the records that were marked here.
    can_send(&source);
    settle(&mut harness);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    run(&mut harness, UiCommand::PreviewReplay);
    assert_eq!(previewed(&source).map(|ask| places(&ask)), Some(vec!["orders.placed 0@20".to_owned()]));
}

#[test]
fn the_selected_record_is_edited_and_not_the_first_that_is_marked() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space, Key::ArrowDown, Key::Space, Key::ArrowDown]);
    let why = harness.state().window.unavailable(UiCommand::EditRecord).map(std::borrow::Cow::into_owned);
    assert_eq!(why.as_deref(), Some("select one of the marked records"));
    press(&mut harness, &[Key::ArrowUp]);
    run(&mut harness, UiCommand::EditRecord);
    let edited = source.commands().into_iter().rev().find_map(|command| match command {
        SessionCommand::Replay(command) => match *command {
            ReplayCommand::Edit(asked) => Some(asked.letter.at.to_string()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(edited.as_deref(), Some("orders.placed 1@21"));
}

#[test]
fn pictures_of_a_replay_to_several_topics_stay_as_they_are() {
    let source = source();
    let board = can_send(&source);
    let marked =
        || Target::Replay(vec![stored("orders.placed", 40), stored("orders.placed", 41), stored("inventory.reserved", 42), stored("shipments.sent", 43)]);
    picture("replay-own-light", ThemeChoice::Light, (1280, 800), &source, &[Step::Goto(marked())]);
    let of_letters = dead_letters::previewed(Writing::Allowed);
    let mut preview = of_letters.preview.expect("a preview");
    let of = Arc::make_mut(&mut preview);
    of.ask = Arc::new(ReplayAsk { target: own(&[("orders.placed", "orders.again")]), letters: AskedLetters::Ranges(Vec::new()), ..ReplayAsk::clone(&of.ask) });
    let plan = |channel: &str, num: usize, partitions: PartitionRule, size_limit: Result<u64, String>| TargetPlan {
        channel: channel.into(),
        num,
        size_bytes: 613 * num,
        partitions,
        size_limit,
    };
    of.targets = vec![
        plan("inventory.reserved", 96, PartitionRule::AsOriginal { num_partitions: 4 }, Ok(1_048_588)),
        plan(
            "orders.again",
            180,
            PartitionRule::ByKey { num_unknown: 180, num_partitions: None },
            Err("these brokers do not tell the settings of topics".into()),
        ),
        plan("shipments.sent", 20, PartitionRule::ByKey { num_unknown: 3, num_partitions: Some(2) }, Ok(8_388_608)),
    ];
    for (place, reader) in of.readers.groups.iter_mut().enumerate() {
        reader.has_failed = false;
        reader.topic = of.targets[place % 3].channel.clone();
    }
    source.show_replay(ReplayBoard { preview: Some(preview), ..board });
    picture("replay-own-preview-dark", ThemeChoice::Dark, (1280, 800), &source, &[Step::Goto(marked())]);
}

#[test]
fn what_lies_among_the_dead_is_proposed_to_go_where_it_came_from_or_the_field_is_empty_and_says_why() {
    let replayed = |origin: Option<&str>, name: &str| {
        let mut business = testing::order_business();
        let dead = business.dead_letters.iter().map(|view| DeadLetterView { origin: origin.map(str::to_owned), ..view.clone() }).collect();
        business.dead_letters = Arc::new(dead);
        let source = FixedSource::new(business);
        source.answer_with(answer);
        let clusters = Arc::new(vec![ClusterBoard { name: "lab-kafka".into(), writing: Writing::Allowed }]);
        source.show_replay(ReplayBoard { clusters, ..ReplayBoard::default() });
        let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
        let channel = ChannelKey { cluster: Some("lab-kafka".into()), name: name.to_owned() };
        goto(&mut harness, &Target::Record { channel, row: RowId(20) });
        press(&mut harness, &[Key::E]);
        (harness, source)
    };
    let field = |harness: &Harness| harness.get_by_role_and_label(Role::TextInput, "Channel to send to").accesskit_node().value().unwrap_or_default();
    let (mut harness, source) = replayed(Some("orders.v2"), "orders.placed-dlt");
    assert_eq!(field(&harness), "orders.v2");
    press(&mut harness, &[Key::Escape, Key::R]);
    let asked = source.commands().into_iter().rev().find_map(|command| match command {
        SessionCommand::Replay(command) => match *command {
            ReplayCommand::Preview(ask) => Some(ask),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(asked.map(|ask| ask.target), Some("orders.v2".into()));
    let (harness, _) = replayed(None, "orders.placed-dlt");
    assert_eq!(field(&harness), "orders.placed", "by the name of the topic");
    let (harness, _) = replayed(None, "unheard-of-dlt");
    assert_eq!(field(&harness), "");
    harness.get_by_label_contains("neither the headers of what lies here nor the name of the topic tell which channel it came from");
}

#[test]
fn in_half_a_window_the_replay_stands_below_and_leaves_the_records_their_width() {
    let source = source();
    let mut board = dead_letters::previewed(Writing::Allowed);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    let at = |offset: i64| MessageRef { cluster: "lab-kafka".into(), channel: "orders.placed".into(), place: Place::at(0, offset) };
    let letters = AskedLetters::These((20..60).map(|offset| AskedLetter::at(at(offset))).collect());
    preview.ask = Arc::new(ReplayAsk { letters, ..ReplayAsk::clone(&preview.ask) });
    source.show_replay(board);
    let target = Target::Record { channel: channel(), row: RowId(40) };
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    run(&mut harness, UiCommand::LayoutMessages);
    goto(&mut harness, &target);
    let title = harness.get_by_role_and_label(Role::Heading, "Replay 296 to orders.placed").rect();
    let is_row = |label: Option<String>| label.is_some_and(|label| label.starts_with("record "));
    let rows = harness.query_all_by_role(Role::ListItem).filter(|node| is_row(node.accesskit_node().label()));
    let rows: Vec<egui::Rect> = rows.map(|node| node.rect()).collect();
    let widest = rows.iter().map(egui::Rect::width).fold(0.0, f32::max);
    assert!(rows.len() > 3 && widest > 300.0, "{widest} points wide, {} rows", rows.len());
    assert!(rows.iter().all(|row| row.top() < title.top()), "the panel stands below");
    let steps = [Step::Run(UiCommand::LayoutMessages), Step::Goto(target)];
    picture("messages-replay-narrow-light", ThemeChoice::Light, (1280, 800), &source, &steps);
}
