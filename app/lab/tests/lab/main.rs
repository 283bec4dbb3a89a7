//! The lab as a child process, seen through its traffic only: spans, records, actuator, health, standard output, books.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod child;
mod sink;
mod tally;

use std::{collections::BTreeSet, time::Duration};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    message::{Headers as _, OwnedMessage},
};
use serde_json::Value;

use crate::{
    child::Lab,
    sink::{Seen, Sink, text},
    tally::Tally,
};

/// A lab that ends takes about a second; one that hangs does not end at all.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// What a fault leads to is there within this time.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(30);

/// Waits until `is_so`, at most `within`.
async fn wait_until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    wait_until_told(what, within, async || is_so()).await;
}

/// The same, where it has to be asked for.
async fn wait_until_told(what: &str, within: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + within;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn sum(books: &Value, list: &str, key: &str, value: &str, count: &str) -> u64 {
    books[list].as_array().unwrap().iter().filter(|line| line[key] == value).map(|line| line[count].as_u64().unwrap()).sum()
}

/// All records of a channel, read without a group.
fn read_all(brokers: &str, channel: &str) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "test-reader").create().unwrap();
    let mut assignment = TopicPartitionList::new();
    let mut num_expected = 0;
    for partition in 0..4 {
        let (low, high) = consumer.fetch_watermarks(channel, partition, Duration::from_secs(5)).unwrap();
        num_expected += high - low;
        assignment.add_partition_offset(channel, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let mut records = Vec::new();
    while (records.len() as i64) < num_expected {
        records.push(consumer.poll(Duration::from_secs(5)).expect("all records within 5 s of one another").unwrap().detach());
    }
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn books_and_spans_agree_exactly_through_faults_without_deaths() {
    let sink = Sink::start().await;
    let mut lab = Lab::start(&sink.ports(), &["--no-script", "--hold"]).await;
    lab.tell("rate 25");
    lab.tell("go");
    wait_until("every group works", Duration::from_secs(20), || Tally::of(&sink.spans()).deliveries.len() == 5).await;
    lab.tell("poison on");
    lab.tell("slow-consumer on");
    wait_until("an order that cannot be shipped is dead", FOLLOWS_WITHIN, || Tally::of(&sink.spans()).records.contains_key("orders.placed-dlt")).await;
    wait_until("inventory is slow", FOLLOWS_WITHIN, || sink.spans().iter().any(is_slow_reservation)).await;
    lab.tell("duplicate-delivery");
    lab.tell("payments down");
    let url = lab.profile["http"][0]["url"].as_str().unwrap().to_owned();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| client.get(format!("{url}{path}")).send().await.unwrap().json::<Value>().await.unwrap();
    let is_open = async || get("/circuitbreakers").await["circuitBreakers"]["payment-client"]["state"] == "OPEN";
    wait_until_told("the breaker is open", FOLLOWS_WITHIN, is_open).await;
    let events = get("/circuitbreakerevents").await;
    let transition = events["circuitBreakerEvents"].as_array().unwrap().iter().find(|e| e["stateTransition"] == "CLOSED_TO_OPEN").unwrap().clone();
    assert!(transition["creationTime"].as_str().unwrap().ends_with("Z[Etc/UTC]"), "{transition}");
    let refuses_again = async || {
        let events = get("/circuitbreakerevents").await;
        let mut since_tried = events["circuitBreakerEvents"].as_array().unwrap().iter().skip_while(|event| event["stateTransition"] != "OPEN_TO_HALF_OPEN");
        since_tried.any(|event| event["type"] == "NOT_PERMITTED")
    };
    wait_until_told("the breaker is tried again, and refuses once more", FOLLOWS_WITHIN, refuses_again).await;
    let said = lab.stop().await;
    assert!(!said.iter().any(|line| line.contains("not drained")), "{said:?}");

    let books = lab.books();
    let spans = sink.spans();
    assert!(sink.num_duplicates() > 0, "inventory sends some batches twice");
    assert!(books["telemetry"].as_array().unwrap().iter().all(|line| line["failed_spans"] == 0), "{}", books["telemetry"]);
    let seen = Tally::of(&spans);
    let booked = Tally::read(&books);
    assert_eq!(seen.calls, booked.calls);
    assert_eq!(seen.records, booked.records);
    // Billing sends no spans.
    let mut booked_deliveries = booked.deliveries.clone();
    let billing = booked_deliveries.remove(&("billing".to_owned(), "orders.placed".to_owned())).unwrap();
    assert_eq!(seen.deliveries, booked_deliveries);
    assert_eq!(billing, booked.records["orders.placed"]);

    // All that the run was to contain is in it.
    let pay = booked.calls[&(Some("orders".to_owned()), "payments".to_owned(), "http".to_owned())];
    assert!(pay.errors > 5 && pay.retries > 5 && pay.timeouts > 2, "{pay:?}");
    assert!(booked.deliveries[&("inventory".to_owned(), "orders.placed".to_owned())] > booked.records["orders.placed"], "duplicates");
    let entered: Vec<&str> = books["breakers"].as_array().unwrap().iter().filter(|b| b["instance"] == "orders-1").filter_map(|b| b["state"].as_str()).collect();
    assert!(entered.starts_with(&["closed", "open", "half_open"]), "{entered:?}");
    assert!(seen.has_refusal, "a span with the refused call's exception");

    // Dead letters are what the books say, in Spring's dialect.
    let brokers = lab.profile["kafka"][0]["brokers"].as_str().unwrap().to_owned();
    let dead = tokio::task::spawn_blocking({
        let brokers = brokers.clone();
        move || read_all(&brokers, "orders.placed-dlt")
    });
    let dead = dead.await.unwrap();
    assert!(!dead.is_empty());
    assert_eq!(dead.len() as u64, sum(&books, "dead_letters", "channel", "orders.placed-dlt", "count"));
    for record in &dead {
        let header = |name: &str| record.headers().unwrap().iter().filter(|h| h.key == name).last().and_then(|h| h.value).unwrap().to_vec();
        assert_eq!(header("kafka_dlt-original-topic"), b"orders.placed");
        assert_eq!(header("kafka_dlt-original-partition"), record.partition().to_be_bytes());
        assert_eq!(header("kafka_dlt-original-offset").len(), 8);
        assert_eq!(header("kafka_dlt-original-consumer-group"), b"shipping");
        assert_eq!(header("x-correlation-id").len(), 36);
        assert_eq!(header("traceparent").len(), 55);
    }
    let replies = tokio::task::spawn_blocking(move || read_all(&brokers, "inventory.reserved")).await.unwrap();
    assert_eq!(replies.len() as u64, booked.records["inventory.reserved"]);
    let raw = replies[0].headers().unwrap().iter().find(|h| h.key == "kafka_correlationId").and_then(|h| h.value).unwrap().to_vec();
    assert_eq!(raw.len(), 16);

    // Health is served beside the orders.
    let orders = lab.profile["grpc"][0]["url"].as_str().unwrap().to_owned();
    let channel = tonic::transport::Endpoint::from_shared(orders).unwrap().connect().await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    for service in ["", "shop.v1.Orders"] {
        let answer = health.check(tonic_health::pb::HealthCheckRequest { service: service.to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().status, tonic_health::ServingStatus::Serving as i32, "{service}");
    }
    lab.tell("quit");
    assert!(lab.ends_within(ENDS_WITHIN).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_death_loses_stays_within_what_the_books_allow() {
    let sink = Sink::start().await;
    let mut lab = Lab::start(&sink.ports(), &["--no-script"]).await;
    let lives_since_ns = now_ns();
    lab.tell("rate 40");
    wait_until("every group works", Duration::from_secs(20), || Tally::of(&sink.spans()).deliveries.len() == 5).await;
    // Payments that never answer, so that some work is surely in progress when the instance dies: once one call was waited for in
    // vain, those that began after it still wait.
    let num_timeouts = || Tally::of(&sink.spans()).calls.values().map(|calls| calls.timeouts).sum::<u64>();
    let before = num_timeouts();
    lab.tell("payments down");
    wait_until("a call to payments times out", Duration::from_secs(10), || num_timeouts() > before).await;
    let lived_ns = (now_ns() - lives_since_ns) as i64;
    lab.tell("kill orders-2");
    lab.tell("payments up");
    lab.wait_for_books("the storefront turns to orders-1", FOLLOWS_WITHIN, |books| asked_again(books) > 0).await;
    lab.tell("restart orders-2");
    wait_until("orders-2 lives", FOLLOWS_WITHIN, || lab.has_said("# fault: restart orders-2")).await;
    wait_until_both_read("both read again", &sink, &both_instances()).await;
    let said = lab.stop().await;
    assert!(!said.iter().any(|line| line.contains("not drained")), "{said:?}");
    let books = lab.books();
    assert!(books["telemetry"].as_array().unwrap().iter().all(|line| line["failed_spans"] == 0), "{}", books["telemetry"]);
    let lost = books["lost_spans_possible"].as_array().unwrap();
    assert_eq!(lost.len(), 1);
    let window_ns = lost[0]["to_ns"].as_i64().unwrap() - lost[0]["from_ns"].as_i64().unwrap();
    assert!(window_ns < (lived_ns / 2).max(2_000_000_000), "spans leave every 200 ms, but {window_ns} ns of {lived_ns} may be lost");
    let (counted, unfinished) = (Tally::read(&lost[0]["counted"]), Tally::read(&lost[0]["unfinished"]));
    let num_unfinished =
        unfinished.calls.values().map(|c| c.attempts).chain(unfinished.records.values().copied()).chain(unfinished.deliveries.values().copied()).sum::<u64>();
    assert!(num_unfinished > 0, "it died in the middle of its work: {lost:?}");
    let booked = Tally::read(&books);
    let seen = Tally::of(&sink.spans());
    for (way, calls) in &booked.calls {
        let seen = seen.calls.get(way).copied().unwrap_or_default().attempts;
        let lost = counted.calls.get(way).copied().unwrap_or_default().attempts;
        let more = unfinished.calls.get(way).copied().unwrap_or_default().attempts;
        assert!(
            (calls.attempts - lost..=calls.attempts + more).contains(&seen),
            "{way:?}: {seen} seen, {calls:?} booked, {lost} may be lost, {more} unfinished"
        );
    }
    for (channel, &records) in &booked.records {
        let seen = seen.records.get(channel).copied().unwrap_or_default();
        let lost = counted.records.get(channel).copied().unwrap_or_default();
        assert!((records - lost..=records).contains(&seen), "{channel}: {seen} seen, {records} booked, {lost} may be lost");
    }
    for (way, &count) in booked.deliveries.iter().filter(|((group, _), _)| group != "billing") {
        let seen = seen.deliveries.get(way).copied().unwrap_or_default();
        let lost = counted.deliveries.get(way).copied().unwrap_or_default();
        assert!((count - lost..=count).contains(&seen), "{way:?}: {seen} seen, {count} booked, {lost} may be lost");
    }
    let storefront = (Some("storefront".to_owned()), "orders".to_owned(), "grpc".to_owned());
    assert_eq!(seen.calls[&storefront].attempts, booked.calls[&storefront].attempts, "its own instance lives");
    assert_eq!(seen.calls[&storefront].errors, booked.calls[&storefront].errors);
    assert!(booked.calls[&storefront].retries > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_receiver_deaths_and_outages_leave_consistent_books() {
    // Port 9 takes nothing; exporters fail quietly.
    let mut lab = Lab::start(&sink::Ports { grpc: 9, http: 9 }, &["--no-script"]).await;
    let of_orders = |books: &Value, name: &str| books["orders"][name].as_u64().unwrap();
    let num_placed = |books: &Value| Tally::read(books).records.get("orders.placed").copied().unwrap_or_default();
    lab.wait_for_books("every group works", FOLLOWS_WITHIN, |books| of_orders(books, "sent") > 60 && Tally::read(books).deliveries.len() == 6).await;
    for line in ["poison on", "nonsense \u{1b}[31m", "kill orders-2"] {
        lab.tell(line);
    }
    let books = lab.wait_for_books("the storefront turns to orders-1", FOLLOWS_WITHIN, |books| asked_again(books) > 0).await;
    lab.tell("restart orders-2");
    let num_sent = of_orders(&books, "sent");
    let books = lab.wait_for_books("orders go on", FOLLOWS_WITHIN, |books| of_orders(books, "sent") > num_sent + 20).await;
    lab.tell("broker down");
    let num_rows = of_orders(&books, "rows");
    let books = lab.wait_for_books("orders wait for the broker", FOLLOWS_WITHIN, |books| of_orders(books, "rows") > num_rows + 40).await;
    lab.tell("broker up");
    let before = num_placed(&books);
    lab.wait_for_books("what waited is published", FOLLOWS_WITHIN, |books| num_placed(books) > before + 10).await;
    let said = lab.stop().await;
    assert!(said.iter().any(|line| line == "# unknown command: nonsense \\u{1b}[31m"), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("not drained")), "{said:?}");
    for fault in ["kill orders-2", "restart orders-2", "broker down", "broker up"] {
        assert!(said.contains(&format!("# fault: {fault}")), "{fault}: {said:?}");
    }

    let books = lab.books();
    let booked = Tally::read(&books);
    let orders = |name: &str| books["orders"][name].as_u64().unwrap();
    let outcomes = orders("paid") + orders("payment_later") + orders("rejected") + orders("failed");
    assert_eq!(orders("sent"), outcomes);
    assert!(orders("sent") > 60, "{}", books["orders"]);
    assert_eq!(orders("sent"), booked.calls[&(None, "storefront".to_owned(), "http".to_owned())].attempts);
    assert!(orders("rows") >= orders("paid") + orders("payment_later"), "{}", books["orders"]);
    assert!(booked.records["orders.placed"] >= orders("rows") + orders("cancelled"), "{books}");
    for ((group, channel), count) in &booked.deliveries {
        assert!(*count >= booked.records[channel], "{group} on {channel}: {count} of {}", booked.records[channel]);
    }
    assert_eq!(booked.deliveries.len(), 6);
    assert_eq!(orders("reserved"), orders("rows"), "every order is answered");
    let grpc = booked.calls[&(Some("storefront".to_owned()), "orders".to_owned(), "grpc".to_owned())];
    assert!(grpc.retries > 0, "while orders-2 was dead: {grpc:?}");
    let lost = books["lost_spans_possible"].as_array().unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0]["instance"], "orders-2");
    assert!(!lost[0]["counted"]["calls"].as_array().unwrap().is_empty(), "nothing was ever exported");
    assert_eq!(books["broker_outages"].as_array().unwrap().len(), 1);
    let brokers = lab.profile["kafka"][0]["brokers"].as_str().unwrap().to_owned();
    let stored = tokio::task::spawn_blocking(move || read_all(&brokers, "orders.placed")).await.unwrap();
    assert!(stored.len() as u64 >= booked.records["orders.placed"], "{} stored", stored.len());
    lab.close_stdin();
    assert!(lab.ends_within(ENDS_WITHIN).await, "the end of standard input ends the lab");
}

/// Which client of a group read which partition, by spans that began from this time on.
fn readers(sink: &Sink, group: &str, since_ns: u64) -> BTreeSet<(String, String)> {
    let spans = sink.spans();
    let of_group = spans.iter().filter(|seen| seen.span.start_time_unix_nano >= since_ns).map(|seen| &seen.span.attributes);
    let of_group = of_group.filter(|attributes| text(attributes, "messaging.consumer.group.name").as_deref() == Some(group));
    of_group.filter_map(|attributes| Some((text(attributes, "messaging.client.id")?, text(attributes, "messaging.destination.partition.id")?))).collect()
}

/// Waits until each partition is read by the one it is meant for, and by no other any more.
async fn wait_until_both_read(what: &str, sink: &Sink, both: &BTreeSet<(String, String)>) {
    let mut since_ns = now_ns();
    wait_until(what, Duration::from_secs(30), || {
        let seen = readers(sink, "orders", since_ns);
        if !seen.is_subset(both) {
            // What the other had not let go of yet.
            since_ns = now_ns();
        }
        seen == *both
    })
    .await;
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    pairs.iter().map(|(client, partition)| ((*client).to_owned(), (*partition).to_owned())).collect()
}

/// Who reads which partition while both instances of orders live.
fn both_instances() -> BTreeSet<(String, String)> {
    pairs(&[("orders-1", "0"), ("orders-1", "2"), ("orders-2", "1"), ("orders-2", "3")])
}

/// How often the storefront called orders a second time, as it does only while an instance is dead.
fn asked_again(books: &Value) -> u64 {
    let way = (Some("storefront".to_owned()), "orders".to_owned(), "grpc".to_owned());
    Tally::read(books).calls.get(&way).map_or(0, |calls| calls.retries)
}

/// Whether a span is of inventory's work on an order while it is slow: it takes 90 ms then, else 2.
fn is_slow_reservation(seen: &Seen) -> bool {
    let took_ns = seen.span.end_time_unix_nano - seen.span.start_time_unix_nano;
    seen.service == "inventory" && seen.span.kind == SpanKind::Consumer as i32 && took_ns >= 90_000_000
}

fn now_ns() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// Whether the brokers take commits for a group from one who is no member of it, as they do only where nobody ever joined.
fn nobody_joined(brokers: &str, group: &str, channel: &str) -> bool {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", group).create().unwrap();
    let mut all = TopicPartitionList::new();
    all.add_partition_range(channel, 0, 3);
    let committed = consumer.committed_offsets(all, Duration::from_secs(10)).unwrap();
    assert!(committed.elements().iter().all(|element| matches!(element.offset(), Offset::Offset(_))), "{group}: {committed:?}");
    consumer.commit(&committed, CommitMode::Sync).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instance_reads_on_where_one_was_killed_and_nobody_joins_a_group() {
    let sink = Sink::start().await;
    let mut lab = Lab::start(&sink.ports(), &["--no-script"]).await;
    let both = both_instances();
    wait_until_both_read("both read", &sink, &both).await;
    lab.tell("kill orders-2");
    wait_until("orders-2 is dead", Duration::from_secs(30), || lab.has_said("# fault: kill orders-2")).await;
    let since_ns = now_ns();
    let alone = pairs(&[("orders-1", "0"), ("orders-1", "1"), ("orders-1", "2"), ("orders-1", "3")]);
    wait_until("orders-1 reads all", Duration::from_secs(30), || readers(&sink, "orders", since_ns) == alone).await;
    lab.tell("restart orders-2");
    wait_until("orders-2 lives", Duration::from_secs(30), || lab.has_said("# fault: restart orders-2")).await;
    wait_until_both_read("both read again", &sink, &both).await;
    let said = lab.stop().await;
    assert!(!said.iter().any(|line| line.contains("not drained")), "{said:?}");
    let books = lab.books();
    assert_eq!(books["orders"]["reserved"], books["orders"]["rows"], "every order is answered");
    let brokers = lab.profile["kafka"][0]["brokers"].as_str().unwrap().to_owned();
    let groups = ["inventory", "shipping", "notifications", "fraud", "billing"].map(|group| (group, "orders.placed"));
    let joined = tokio::task::spawn_blocking(move || {
        let groups = groups.into_iter().chain([("orders", "inventory.reserved")]);
        groups.filter(|(group, channel)| !nobody_joined(&brokers, group, channel)).map(|(group, _)| group).collect::<Vec<_>>()
    });
    assert_eq!(joined.await.unwrap(), Vec::<&str>::new(), "groups that a client of the lab joined");
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_it_cleanly() {
    for signal in ["-TERM", "-INT"] {
        let mut lab = Lab::start(&sink::Ports { grpc: 0, http: 0 }, &["--hold"]).await;
        let killed = std::process::Command::new("kill").args([signal, &lab.pid().to_string()]).status().unwrap();
        assert!(killed.success());
        assert!(lab.ends_within(ENDS_WITHIN).await, "{signal}");
        assert_eq!(lab.books()["orders"]["sent"], 0, "held");
    }
}
