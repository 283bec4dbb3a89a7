//! What is asked before something is sent, and what stands in its way.

use super::*;

#[test]
fn what_may_change_something_is_confirmed_by_enter_or_withdrawn_by_escape() {
    let (source, mut harness) = open(sample::board());
    press(&mut harness, &[Key::E]);
    source.show_send(sample::asking(sample::confirm()));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Send it?");
    harness.get_by_label("POST /checkout to http://localhost:8080, once");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::Confirm { typed_name: None }]);
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).last(), Some(&SendCommand::Withdraw));
    click(&mut harness, Role::Button, "Send it");
    click(&mut harness, Role::Button, "Don't");
    assert_eq!(asked(&source).len(), 4);
}

#[test]
fn production_is_allowed_only_once_its_name_was_typed() {
    let (source, mut harness) = open(sample::asking(sample::type_name()));
    harness.get_by_role_and_label(Role::Heading, "Nothing allows sending to http://localhost:8080 yet");
    harness.event(Event::Text("shop.exampl".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), []);
    line(&mut harness, "Name of the target", "e");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::Confirm { typed_name: Some("shop.example".to_owned()) }]);
    let allow = Question::Allow { type_name: None, means: "Requests may change what is stored there".to_owned() };
    source.show_send(sample::asking(allow));
    settle(&mut harness);
    click(&mut harness, Role::Button, "Allow for this session");
    assert_eq!(asked(&source).last(), Some(&SendCommand::Confirm { typed_name: None }));
}

#[test]
fn what_goes_on_is_cancelled_and_what_was_refused_says_why() {
    let going = SendBoard { sent: vec![Arc::new(sample::going())], ..sample::board() };
    let (source, mut harness) = open(going);
    click(&mut harness, Role::Button, "Cancel");
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(6)), SendCommand::Cancel(SentId(6))]);
    source.show_send(SendBoard { refusal: Some("`write = \"never\"` stands in the profile".to_owned()), ..sample::board() });
    settle(&mut harness);
    harness.get_by_label("`write = \"never\"` stands in the profile");
    assert!(harness.query_by_role_and_label(Role::Button, "Cancel").is_none());
}

#[test]
fn a_mistake_stands_at_its_field_until_the_request_is_changed() {
    let (source, mut harness) = open(sample::board());
    click(&mut harness, Role::ListItem, "saved POST place an order");
    ctrl(&mut harness, Key::Enter);
    let mistake = Mistake { field: "headers", reason: "`x tenant` is no name of a header".to_owned() };
    source.show_send(SendBoard { mistake: Some(mistake), ..sample::board() });
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Tab, "request Headers 2, something is wrong here");
    harness.get_by_label("`x tenant` is no name of a header");
    assert_eq!(value(&harness, Role::TextInput, "Name of header 1"), "x-tenant", "its part is shown");
    // With other values it may be none.
    click(&mut harness, Role::ComboBox, "Environment: local");
    harness.get_by_label("staging").click();
    settle(&mut harness);
    assert!(harness.query_by_label("`x tenant` is no name of a header").is_none());
    ctrl(&mut harness, Key::Enter);
    harness.get_by_label("`x tenant` is no name of a header");
    line(&mut harness, "Name of header 4", "y");
    assert!(harness.query_by_label("`x tenant` is no name of a header").is_none());
}
