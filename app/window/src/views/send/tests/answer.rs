//! What was answered: its parts, many of them, probes, replies.

use super::*;

#[test]
fn an_answer_is_shown_with_its_parts_and_is_copied() {
    let (_, mut harness) = open(sample::board());
    harness.get_by_label_contains("200 OK · 8.8 ms · 68 B · application/json");
    harness.get_by_label_contains("\"state\": \"placed\"");
    harness.get_by_label("resolve 200 µs, connect 300 µs, first byte 8.1 ms, rest 200 µs");
    click(&mut harness, Role::Tab, "answer Headers 3");
    harness.get_by_label("server storefront");
    click(&mut harness, Role::Button, "Copy the body");
    harness.get_by_label_contains("sent orders.placed × 23 at").click();
    settle(&mut harness);
    harness.get_by_label_contains("orders.placed 3@18190 · 2.30 s · 23 persisted");
    harness.get_by_role_and_label(Role::Button, "orders.placed 3@18190, the last one").click();
    settle(&mut harness);
    assert!(matches!(harness.state().window.target(), Some(Target::Channel(channel)) if channel.name == "orders.placed"));
    let (_, mut harness) = open(sample::board());
    harness.event(Event::Copy);
    harness.step();
    assert!(copied(&harness).is_some_and(|text| text.starts_with("POST /checkout\n") && text.contains("trace: 19ab4c11")));
}

#[test]
fn the_body_of_an_answer_is_written_into_a_file() {
    let (source, mut harness) = open(sample::board());
    click(&mut harness, Role::Button, "Body to a file…");
    line(&mut harness, "File for the body", "/tmp/answer.json");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::SaveBody(SentId(5), "/tmp/answer.json".to_owned())]);
    source.show_send(SendBoard { written: Some((SentId(5), "/tmp/answer.json".to_owned())), ..sample::board() });
    settle(&mut harness);
    harness.get_by_label("The body lies in /tmp/answer.json, readable by you alone");
    click(&mut harness, Role::Button, "Body to a file…");
    press(&mut harness, &[Key::Escape, Key::Escape]);
    assert!(harness.query_by_role_and_label(Role::TextInput, "File for the body").is_none());
}

#[test]
fn from_a_certificate_that_is_not_trusted_it_leads_to_where_its_issuers_is_named() {
    let reason = "https://h:1: its certificate is not trusted. Name the certificate of its issuer under Root certificates";
    let settled = switchboard_desk::ledger::Settled::Tried(switchboard_model::Outcome::NotDone(reason.to_owned()));
    let (_, mut harness) = open(SendBoard { sent: vec![Arc::new(Sent { settled: Some(settled), ..sample::answered() })], ..sample::board() });
    click(&mut harness, Role::Button, "To Root certificates");
    harness.get_by_role_and_label(Role::TextInput, "Root certificates");
}

#[test]
fn an_answer_is_compared_with_the_one_before() {
    let (_, mut harness) = open(sample::compared());
    click(&mut harness, Role::Button, "Compare with the one before");
    for words in ["gone: 200 OK", "new: 503 Service Unavailable", "gone:   \"state\": \"placed\"", "new:   \"state\": \"refused\","] {
        harness.get_by_label(words);
    }
    harness.get_by_label_contains("against the one at ");
    click(&mut harness, Role::Button, "Show the answer");
    harness.get_by_label_contains("\"reason\": \"no carrier\"");
    let (_, harness) = open(SendBoard { sent: vec![Arc::new(sample::answered())], ..sample::board() });
    assert!(harness.query_by_role_and_label(Role::Button, "Compare with the one before").is_none(), "there is none before");
}

#[test]
fn a_request_is_sent_many_times_or_as_a_probe() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    click(&mut harness, Role::ListItem, "saved POST place an order");
    click(&mut harness, Role::Tab, "request Repeat");
    line(&mut harness, "Times", "100");
    line(&mut harness, "File with rows", "orders.csv");
    harness.get_by_role_and_label(Role::Tab, "request Repeat × 100");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    let repeat = http(&ask).repeat;
    assert_eq!((repeat.times, repeat.rate_per_s, repeat.rows.as_str(), ask.is_probe), (100, 10, "orders.csv", false));
    click(&mut harness, Role::Button, "Start the probe");
    let ask = sent(&source);
    assert!(ask.is_probe && (http(&ask).repeat.every_s - 30.0).abs() < 1e-9);
}

#[test]
fn figures_of_many_are_told_above_the_first_answer() {
    let (_, harness) = open(SendBoard { sent: vec![Arc::new(sample::many())], ..sample::board() });
    harness.get_by_label_contains("100 asked for · 100 sent · 100 answered · 9.8/s · 3 failed (3 %) · 200 × 97 · 503 × 3");
    for words in ["p50 7.9 ms", "p95 18 ms", "p99 61 ms", "longest 82 ms"] {
        harness.get_by_label(words);
    }
    harness.get_by_role_and_label(Role::Image, "100 of them took from 4.2 ms to 82 ms");
    harness.get_by_label_contains("sent POST /checkout × 100 at");
    harness.get_by_label_contains("\"state\": \"placed\"");
}

#[test]
fn a_probe_goes_on_beside_and_shows_what_failed() {
    let probed = SendBoard { sent: std::iter::once(Arc::new(sample::probe())).chain(sample::board().sent).collect(), ..sample::board() };
    let (source, mut harness) = open(probed);
    harness.get_by_role_and_label(Role::Heading, "Probes");
    harness.get_by_label_contains("probe GET /health at");
    harness.get_by_role_and_label(Role::Image, "the last 40: 3 failed");
    harness.get_by_label_contains("not sent, 2.8 ms, nobody listens on localhost:8080");
    assert!(harness.query_by_role_and_label(Role::Button, "Cancel").is_none(), "another can be sent meanwhile");
    click(&mut harness, Role::Button, "Stop the probe");
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(10))]);
    harness.get_by_label_contains("sent PlaceOrder at").click();
    settle(&mut harness);
    assert!(harness.query_by_role_and_label(Role::Image, "the last 40: 3 failed").is_none());
}

#[test]
fn the_reply_to_a_record_is_awaited_shown_or_said_to_be_missing() {
    let with = |sent: Sent| SendBoard { sent: vec![Arc::new(sent)], ..sample::board() };
    let (source, mut harness) = open(with(sample::awaiting()));
    harness.get_by_label("Awaited for 10 s; none came yet");
    click(&mut harness, Role::Button, "Cancel");
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(8))]);
    source.show_send(with(sample::replied()));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Reply");
    harness.get_by_label("key 4711");
    harness.get_by_label_contains("kafka_correlationId 8a0f4c98-9ab0-42e1-9540-5fb08035e729");
    harness.get_by_label_contains("\"shelf\": 87");
    harness.get_by_role_and_label(Role::Button, "inventory.reserved 2@311, after 41 ms").click();
    settle(&mut harness);
    assert!(matches!(harness.state().window.target(), Some(Target::Record { channel, .. }) if channel.name == "inventory.reserved"));
    let why = "No reply within 10 s. The records of inventory.reserved are not read here (it matches no pattern of the source)";
    let (_, harness) = open(with(Sent { reply: Some(switchboard_desk::send::Reply::Missing(why.to_owned())), ..sample::awaiting() }));
    harness.get_by_label(why);
    assert!(harness.query_by_role_and_label(Role::Button, "Cancel").is_none(), "nothing goes on");
}

#[test]
fn whatever_was_answered_the_panes_stay_as_wide_as_they_are() {
    let board = sample::board();
    for sent in &board.sent {
        let (_source, mut harness) = open(SendBoard { sent: vec![Arc::clone(sent)], ..board.clone() });
        for tab in ["", "Headers 3"] {
            if harness.query_by_role_and_label(Role::Tab, tab).is_some() {
                click(&mut harness, Role::Tab, tab);
            }
            let left = |harness: &Window| harness.get_by_role_and_label(Role::Heading, "What it caused").rect().left();
            let before = left(&harness);
            for _ in 0..12 {
                harness.step();
            }
            assert!((left(&harness) - before).abs() < 1.0, "{} {tab}: {before} {}", sent.call, left(&harness));
        }
    }
}

#[test]
fn a_redirect_is_a_request_of_its_own_that_somebody_sends_or_does_not() {
    let redirected = |location: &str| {
        let mut sent = sample::answered();
        sent.answer.status = Some(Status::Http { status: 303, version: "HTTP/1.1" });
        sent.answer.headers = vec![("location".to_owned(), location.to_owned())];
        SendBoard { sent: vec![Arc::new(sent)], ..sample::board() }
    };
    let (source, mut harness) = open(redirected("/orders/8a0f4c98"));
    press(&mut harness, &[Key::L]);
    assert_eq!(value(&harness, Role::TextInput, "URL"), "http://localhost:8080/orders/8a0f4c98");
    assert!(asked(&source).is_empty(), "nothing goes by itself");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    assert_eq!((http(&ask).method.as_str(), http(&ask).body), ("GET", Body::None));
    let (source, mut harness) = open(redirected("http://shop.example/orders"));
    click(&mut harness, Role::Button, "Send to http://shop.example/orders, without credentials…");
    assert_eq!((value(&harness, Role::TextInput, "URL").as_str(), asked(&source).len()), ("http://shop.example/orders", 0));
    let (_, harness) = open(redirected("file:///etc/passwd"));
    harness.get_by_label_contains("its Location is not gone to");
    let (_, harness) = open(sample::board());
    assert!(harness.query_by_label_contains("Send to http").is_none(), "it leads nowhere else");
}
