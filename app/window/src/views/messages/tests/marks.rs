//! Records that are marked: on several topics, and from elsewhere.

use super::*;

#[test]
fn records_marked_on_several_topics_go_each_to_its_own() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let dead = || ChannelKey { cluster: None, name: "orders.placed-dlt".into() };
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Record { channel: dead(), row: RowId(30) });
    harness.get_by_role_and_label(Role::Button, "1 marked on 1 topic: take all marks away");
    press(&mut harness, &[Key::Space, Key::R]);
    let ask = previewed(&source).expect("it is asked for");
    assert_eq!(
        (places(&ask), ask.target.clone()),
        (vec!["orders.placed-dlt 2@30".to_owned(), "orders.placed 0@20".to_owned()], own(&[("orders.placed-dlt", "orders.placed")]))
    );
    // Where they come back to their topic their marks are there.
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    harness.get_by_label_contains("record 0@20, marked");
    press(&mut harness, &[Key::E]);
    harness.get_by_role_and_label(Role::RadioButton, "goes each to its own topic");
    // What lies among the dead is proposed to go where it came from.
    let proposed = harness.get_by_role_and_label(Role::TextInput, "orders.placed-dlt goes to").accesskit_node().value();
    assert_eq!(proposed.as_deref(), Some("orders.placed"));
    harness.get_by_role_and_label(Role::TextInput, "orders.placed goes to").focus();
    settle(&mut harness);
    harness.event(egui::Event::Text("orders.again".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    assert_eq!(previewed(&source).map(|ask| ask.target), Some(own(&[("orders.placed", "orders.again"), ("orders.placed-dlt", "orders.placed")])));
    // All to one after all.
    harness.get_by_role_and_label(Role::RadioButton, "goes all to one topic").click();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to").focus();
    settle(&mut harness);
    harness.event(egui::Event::Text("everything".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    assert_eq!(previewed(&source).map(|ask| ask.target), Some("everything".into()));
    press(&mut harness, &[Key::Escape]);
    harness.get_by_role_and_label(Role::Button, "2 marked on 2 topics: take all marks away").click();
    settle(&mut harness);
    assert!(harness.query_by_label_contains(", marked").is_none() && harness.query_by_label_contains("marked on").is_none());
}

#[test]
fn records_from_elsewhere_are_marked_and_it_is_asked_where_they_go() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(50) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 20), stored("inventory.reserved", 21), stored("orders.placed", 22)]));
    harness.get_by_role_and_label(Role::TextInput, "inventory.reserved goes to");
    harness.get_by_label_contains("3 marked on 2 topics");
    press(&mut harness, &[Key::Escape, Key::R]);
    let ask = previewed(&source).expect("it is asked for");
    let told = ["orders.placed 0@20", "orders.placed 2@22", "inventory.reserved 1@21"].map(str::to_owned);
    assert_eq!((places(&ask), ask.target.clone(), ask.cluster.as_str()), (told.to_vec(), own(&[]), "lab-kafka"));
    // A replay that stands here is not changed by it.
    let mut board = dead_letters::previewed(Writing::Allowed);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    preview.ask = Arc::new(ask);
    source.show_replay(board);
    press(&mut harness, &[Key::Escape]);
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 23)]));
    assert!(harness.query_by_role_and_label(Role::TextInput, "Channel to send to").is_none());
    harness.get_by_label_contains("record 3@23, marked");
}

#[test]
fn a_form_that_is_open_is_of_the_records_from_elsewhere_once_they_are_marked() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(50) });
    press(&mut harness, &[Key::Space, Key::E]);
    harness.get_by_role_and_label(Role::Button, "Preview 1 record…");
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 20), stored("orders.placed", 22)]));
    harness.get_by_role_and_label(Role::TextInput, "Channel to send to");
    run(&mut harness, UiCommand::PreviewReplay);
    assert_eq!(previewed(&source).map(|ask| places(&ask)), Some(vec!["orders.placed 0@20".to_owned(), "orders.placed 2@22".to_owned()]));
}

#[test]
fn of_records_from_elsewhere_that_lie_on_two_clusters_it_is_told_why_nothing_is_asked() {
    let source = source();
    can_send(&source);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    let mut other = stored("inventory.reserved", 21);
    other.channel.cluster = Some("staging".into());
    goto(&mut harness, &Target::Replay(vec![stored("orders.placed", 20), other]));
    harness.get_by_label_contains("Change what is replayed…: the marked records lie on several clusters");
    assert!(harness.query_by_role_and_label(Role::TextInput, "Channel to send to").is_none());
}

#[test]
fn all_of_one_topic_are_marked_and_unmarked_and_what_is_marked_elsewhere_stays() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: ChannelKey { cluster: None, name: "orders.placed-dlt".into() }, row: RowId(30) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Channel(channel()));
    press(&mut harness, &[Key::A]);
    harness.get_by_label_contains("marked on 2 topics");
    press(&mut harness, &[Key::A]);
    harness.get_by_role_and_label(Role::Button, "1 marked on 1 topic: take all marks away");
}

#[test]
fn what_is_marked_on_a_topic_is_not_taken_for_another_clusters() {
    let source = source();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Messages));
    goto(&mut harness, &Target::Record { channel: channel(), row: RowId(20) });
    press(&mut harness, &[Key::Space]);
    goto(&mut harness, &Target::Channel(ChannelKey { cluster: None, name: "inventory.reserved".into() }));
    let on = |cluster: &str| ChannelKey { cluster: Some(cluster.into()), ..channel() };
    goto(&mut harness, &Target::Record { channel: on("staging"), row: RowId(20) });
    assert!(harness.query_by_label_contains(", marked").is_none());
    harness.get_by_role_and_label(Role::Button, "1 marked on 1 topic: take all marks away");
    goto(&mut harness, &Target::Record { channel: on("lab-kafka"), row: RowId(20) });
    harness.get_by_label_contains("record 0@20, marked");
}
