//! Records, to librdkafka's mock cluster.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;
use rdkafka::{ClientConfig, Message as _, Offset, TopicPartitionList};
use switchboard_desk::ledger::{Settled, SettledAs, TargetKind};
use switchboard_desk::send::draft::{HeaderDraft, Payload};
use switchboard_desk::send::{Question, Reply, SendCommand, Status};
use switchboard_kafka::testing::MockKafka;
use switchboard_model::{OperationEnd, Outcome};

use crate::sending::{Sending, Told, record};

const TOPIC: &str = "orders.placed";

/// A record as it lies on the broker: key, value, headers, time.
type Lying = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>, Option<i64>);

fn read(brokers: &str, partition: i32, num: usize) -> Vec<Lying> {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "test").create().expect("a consumer");
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(TOPIC, partition, Offset::Beginning).expect("a place");
    consumer.assign(&from).expect("assigned");
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut found = Vec::new();
    while found.len() < num {
        assert!(Instant::now() < deadline, "{} of {num} came", found.len());
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let headers = message.headers().map(|headers| headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect());
        let time = message.timestamp().to_millis();
        found.push((message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec), headers.unwrap_or_default(), time));
    }
    found
}

fn cluster(num_partitions: i32) -> MockKafka {
    let kafka = MockKafka::new(1).expect("a cluster");
    kafka.cluster().create_topic(TOPIC, num_partitions, 1).expect("a topic");
    kafka
}

fn profile(cluster: &MockKafka) -> String {
    format!("[otlp]\ngrpc_port = 0\nhttp_port = 0\n[[kafka]]\nname = \"shop\"\nbrokers = \"{}\"\nwrite = true\npoll_s = 0.2\n", cluster.brokers())
}

/// Waits until the cluster has told what it is.
async fn is_known(sending: &Sending) {
    let is_known = || sending.session.snapshot().sources.iter().any(|source| source.cluster_id.is_some());
    sending.until("cluster", |_| is_known().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_lies_on_the_broker_as_it_was_composed() {
    let cluster = cluster(3);
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    let header = |name: &str, value: Payload| HeaderDraft { name: name.to_owned(), value, off: false };
    let composed = record(|record| {
        record.topic = TOPIC.to_owned();
        record.partition = Some(1);
        record.key = Payload::Hex("00ff".to_owned());
        record.value = Payload::Null;
        record.timestamp_ms = Some(1_700_000_000_123);
        record.headers = vec![
            header("a", Payload::Null),
            header("a", Payload::Text(String::new())),
            header("b", Payload::Hex("ff00".to_owned())),
            header("a", Payload::Text("é".to_owned())),
        ];
        (record.carries.traceparent, record.carries.correlation_header) = (false, String::new());
    });
    let Told::Sent(_) = sending.send(composed).await else { panic!("it was not sent") };
    let sent = sending.settled().await;
    assert!(matches!(&sent.answer.status, Some(Status::Persisted { at: Some(place) }) if place.to_string() == "1@0"), "{:?}", sent.answer);
    let headers: Vec<(String, Option<Vec<u8>>)> =
        vec![("a".into(), None), ("a".into(), Some(vec![])), ("b".into(), Some(vec![0xff, 0])), ("a".into(), Some("é".as_bytes().to_vec()))];
    assert_eq!(read(&cluster.brokers(), 1, 1), [(Some(vec![0, 0xff]), None, headers, Some(1_700_000_000_123))]);
    let lines = sending.lines().await;
    let line = &lines[0];
    assert_eq!((lines.len(), line.target_kind, line.target.as_str(), line.settled.counts_as()), (1, TargetKind::Channel, TOPIC, SettledAs::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_are_confirmed_with_their_number_and_each_is_filled_in_anew() {
    let cluster = cluster(1);
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    let composed = record(|record| {
        record.topic = TOPIC.to_owned();
        record.value = Payload::Json("{\"n\": {{counter}}}".to_owned());
        (record.copies, record.rate_per_s) = (1_200, 100_000);
    });
    let Told::Asks(Question::Confirm { what, .. }) = sending.send(composed).await else { panic!("nothing was asked") };
    assert_eq!(what, format!("1200 records to {TOPIC} of shop"));
    let Told::Sent(_) = sending.confirm(None).await else { panic!("it was not sent") };
    let sent = sending.settled().await;
    assert_eq!((sent.answer.num_persisted, sent.settled.as_ref().map(Settled::counts_as)), (1_200, Some(SettledAs::Done)));
    let lying = read(&cluster.brokers(), 0, 1_200);
    let values: Vec<String> = lying.iter().map(|(_, value, ..)| String::from_utf8(value.clone().expect("one")).expect("text")).collect();
    let first_wrong = (1..=1_200).zip(&values).find(|(number, value)| **value != format!("{{\"n\": {number}}}"));
    assert_eq!(first_wrong, None, "in the order in which they were composed");
    let traces: std::collections::BTreeSet<&Option<Vec<u8>>> =
        lying.iter().flat_map(|(_, _, headers, _)| headers).filter(|(name, _)| name == "traceparent").map(|(_, value)| value).collect();
    assert_eq!(traces.len(), 1_200, "each begins a trace of its own");
    let lines = sending.lines().await;
    assert!(lines.len() == 1_200 && lines.iter().all(|line| line.settled.counts_as() == SettledAs::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_the_profile_says_nothing_of_can_be_allowed_for_this_session() {
    let cluster = cluster(1);
    let sending = Sending::start(&profile(&cluster).replace("write = true", "write = false"));
    is_known(&sending).await;
    let composed = || record(|record| record.topic = TOPIC.to_owned());
    let Told::Asks(Question::Allow { type_name: None, .. }) = sending.send(composed()).await else { panic!("nothing was asked") };
    assert_eq!(sending.lines().await.iter().map(|line| line.settled.counts_as()).collect::<Vec<_>>(), [SettledAs::Refused]);
    let Told::Sent(_) = sending.confirm(None).await else { panic!("it was not sent") };
    assert_eq!(sending.settled().await.settled.as_ref().map(Settled::counts_as), Some(SettledAs::Done));
    let Told::Sent(_) = sending.send(composed()).await else { panic!("it was asked twice in a session") };
    sending.settled().await;
    assert_eq!(read(&cluster.brokers(), 0, 2).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_or_partition_that_is_not_there_is_not_made() {
    let cluster = cluster(1);
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    let Told::Sent(_) = sending.send(record(|record| (record.topic, record.partition) = (TOPIC.to_owned(), Some(1)))).await else { panic!("it was not sent") };
    assert_eq!(sending.settled().await.settled.as_ref().map(Settled::counts_as), Some(SettledAs::NotDone));
    let sent = sending.settled().await;
    assert!(sent.settled.as_ref().is_some_and(|settled| settled.reason().contains("0 to 0, and no 1")), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_record_was_not_sent_is_told_once() {
    let cluster = cluster(1);
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    let Told::Sent(_) = sending.send(record(|record| (record.topic, record.partition) = (TOPIC.to_owned(), Some(7)))).await else { panic!("it was not sent") };
    let sent = sending.settled().await;
    let why = format!("{TOPIC} has the partitions 0 to 0, and no 7");
    assert_eq!(sent.settled, Some(Settled::Tried(Outcome::NotDone(why.clone()))));
    // What the operation says comes last.
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(ended) = sending.session.operations().board().ended.first().and_then(|view| view.end.clone()) {
            assert!(matches!(&ended.how, OperationEnd::Failed(failure) if failure.reason == why), "{ended:?}");
            break;
        }
        assert!(Instant::now() < deadline, "it does not end");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(sending.session.send_board().refusal, None, "it stands in the answer");
}

const REPLIES: &str = "orders.replies";

/// Answers the first record on [`TOPIC`] as Spring's clients do: with its id, after a record with another.
fn answer(brokers: &str, partition: i32) {
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    let lying = read(brokers, partition, 1);
    let header =
        |name: &str| lying[0].2.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.clone()).unwrap_or_else(|| panic!("no {name}: {lying:?}"));
    assert_eq!(header("kafka_replyTopic"), REPLIES.as_bytes());
    let id = header("kafka_correlationId");
    assert_eq!(id.len(), 16, "as bytes");
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    for (id, value) in [(vec![7; 16], "of another"), (id, "{\"state\":\"placed\"}")] {
        let headers = OwnedHeaders::new().insert(Header { key: "kafka_correlationId", value: Some(&id) });
        producer.send(BaseRecord::to(REPLIES).key("4711").payload(value).headers(headers)).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(Duration::from_secs(10)).expect("written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_shown_beside_the_record_that_awaits_it() {
    let cluster = cluster(1);
    cluster.cluster().create_topic(REPLIES, 1, 1).expect("a topic");
    let sending = Sending::start(&format!("{}tail = [{{ channel = \"{REPLIES}\" }}]\n", profile(&cluster)));
    is_known(&sending).await;
    let is_read = || sending.session.snapshot().figures.channels.iter().any(|channel| channel.not_tailed.is_none());
    sending.until("topic that is read", |_| is_read().then_some(())).await;
    let asked = || record(|record| (record.topic, record.reply_topic, record.reply.within_s) = (TOPIC.to_owned(), REPLIES.to_owned(), 20.0));
    let Told::Sent(_) = sending.send(asked()).await else { panic!("it was not sent") };
    let brokers = cluster.brokers();
    tokio::task::spawn_blocking(move || answer(&brokers, 0)).await.expect("answered");
    let sent = sending.settled().await;
    let Some(Reply::Came { record: reply, took_ns }) = &sent.reply else { panic!("no reply came: {sent:?}") };
    assert_eq!(
        (reply.value.as_deref(), reply.at.channel.as_str(), reply.at.place.to_string()),
        (Some(&b"{\"state\":\"placed\"}"[..]), REPLIES, "0@1".to_owned())
    );
    assert!(*took_ns > 0 && sent.settled.as_ref().map(Settled::counts_as) == Some(SettledAs::Done));

    // Nobody answers the next one, and it is not waited for to the end.
    let Told::Sent(sent) = sending.send(asked()).await else { panic!("it was not sent") };
    sending.until("its record", |board| board.sent[0].settled.clone()).await;
    let begun = Instant::now();
    sending.session.send(SendCommand::Cancel(sent.sent_id));
    let sent = sending.settled().await;
    assert!(matches!(&sent.reply, Some(Reply::Missing(why)) if why.contains("not waited for")), "{sent:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(2) && sent.settled.as_ref().map(Settled::counts_as) == Some(SettledAs::Done),
        "the record itself was written"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_reply_comes_it_says_why_that_may_be() {
    let cluster = cluster(1);
    cluster.cluster().create_topic(REPLIES, 1, 1).expect("a topic");
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    for (topic, told) in [(REPLIES, "are not read here"), ("nobody.made.this", "nobody.made.this may not be there")] {
        let asked = record(|record| (record.topic, record.reply_topic, record.reply.within_s) = (TOPIC.to_owned(), topic.to_owned(), 0.5));
        let Told::Sent(_) = sending.send(asked).await else { panic!("it was not sent") };
        let sent = sending.settled().await;
        assert!(matches!(&sent.reply, Some(Reply::Missing(why)) if why.contains(told)), "{topic}: {:?}", sent.reply);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_a_file_is_a_record() {
    let cluster = cluster(1);
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
    write("orders.csv", "sku,parcels\nlamp,1\n\"a, chair\",2\n");
    write("wrong.csv", "sku\nlamp\nchair,2\n");
    let of = |rows: &str, copies: u32| {
        record(|record| {
            record.topic = TOPIC.to_owned();
            record.key = Payload::Text("{{row.sku}}".to_owned());
            record.value = Payload::Json("{\"n\":{{counter}},\"parcels\":{{parcels}}}".to_owned());
            (record.rows, record.copies, record.rate_per_s) = (rows.to_owned(), copies, 1_000);
        })
    };
    for (rows, field, told) in
        [("wrong.csv", "rows", "wrong.csv: line 3: it has 2 values"), ("../orders.csv", "file", "leads out"), ("", "key", "no value called `sku`")]
    {
        let refused = sending.send(of(rows, 0)).await;
        assert!(matches!(&refused, Told::Mistake(at, reason) if *at == field && reason.contains(told)), "{rows}: {refused:?}");
    }
    let Told::Asks(Question::Confirm { what, .. }) = sending.send(of("orders.csv", 0)).await else { panic!("nothing was asked") };
    assert_eq!(what, format!("2 records to {TOPIC} of shop"));
    let Told::Sent(sent) = sending.confirm(None).await else { panic!("it was not sent") };
    assert_eq!(sent.num, 2);
    sending.settled().await;
    let Told::Asks(_) = sending.send(of("orders.csv", 3)).await else { panic!("nothing was asked") };
    let Told::Sent(_) = sending.confirm(None).await else { panic!("it was not sent") };
    sending.until("all of them", |board| (board.sent.len() == 2 && !board.sent[0].is_going()).then_some(())).await;
    let lying: Vec<String> = read(&cluster.brokers(), 0, 5).into_iter().map(|(key, value, ..)| format!("{} {}", text(key), text(value))).collect();
    let expected = [
        "lamp {\"n\":1,\"parcels\":1}",
        "a, chair {\"n\":2,\"parcels\":2}",
        "lamp {\"n\":1,\"parcels\":1}",
        "a, chair {\"n\":2,\"parcels\":2}",
        "lamp {\"n\":3,\"parcels\":1}",
    ];
    assert_eq!(lying, expected, "beyond the last row it begins again");
}

fn num_lying(brokers: &str) -> usize {
    let consumer: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a consumer");
    consumer.fetch_watermarks(TOPIC, 0, Duration::from_secs(10)).expect("told").1 as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_in_the_midst_has_a_line_for_each_that_went_and_an_outcome_in_each_line() {
    let cluster = cluster(1);
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    let composed = record(|record| (record.topic, record.copies, record.rate_per_s) = (TOPIC.to_owned(), 9_000, 3_000));
    let Told::Asks(_) = sending.send(composed).await else { panic!("nothing was asked") };
    let Told::Sent(sent) = sending.confirm(None).await else { panic!("it was not sent") };
    sending.until("some of them", |board| (board.sent[0].answer.num_persisted >= 500).then_some(())).await;
    sending.session.send(SendCommand::Cancel(sent.sent_id));
    sending.settled().await;
    // The operation has let go, and the ledger is closed once all of it is written.
    let deadline = Instant::now() + Duration::from_secs(30);
    let lines = loop {
        let lines = sending.lines().await;
        if lines.iter().all(|line| !line.settled.reason().contains("no outcome was written")) {
            break lines;
        }
        assert!(Instant::now() < deadline, "lines without an outcome");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let num = |wanted: SettledAs| lines.iter().filter(|line| line.settled.counts_as() == wanted).count();
    let (done, possibly, not_done) = (num(SettledAs::Done), num(SettledAs::Possibly), num(SettledAs::NotDone));
    let lying = num_lying(&cluster.brokers());
    assert!((done..=done + possibly).contains(&lying) && done >= 500 && not_done > 0, "{lying} lie there; {done} done, {possibly} in doubt, {not_done} not");
    assert!(lines.len() < 9_000 && lines.len() == done + possibly + not_done, "{} lines", lines.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_in_the_midst_ends_it_and_all_that_was_written_down_before_goes() {
    const NUM_ROWS: usize = 5_000;
    let cluster = cluster(1);
    let sending = Sending::start(&profile(&cluster));
    is_known(&sending).await;
    let folder = sending.folder.path().join("requests");
    std::fs::create_dir_all(&folder).expect("a folder");
    let rows: String = (1..=NUM_ROWS).map(|number| if number == 3_001 { "{\"other\":1}\n".to_owned() } else { format!("{{\"sku\":{number}}}\n") }).collect();
    std::fs::write(folder.join("orders.jsonl"), rows).expect("written");
    let composed = record(|record| {
        (record.topic, record.rows) = (TOPIC.to_owned(), "orders.jsonl".to_owned());
        record.key = Payload::Text("{{row.sku}}".to_owned());
        (record.copies, record.rate_per_s) = (0, 100_000);
    });
    let Told::Asks(_) = sending.send(composed).await else { panic!("nothing was asked") };
    let Told::Sent(_) = sending.confirm(None).await else { panic!("it was not sent") };
    let mistake = sending.until("mistake", |board| board.mistake.clone()).await;
    assert!(mistake.field == "key" && mistake.reason.contains("no value called `sku`"), "{mistake}");
    let sent = sending.settled().await;
    let lines = sending.lines().await;
    assert!(!lines.is_empty() && lines.len() <= 3_000, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.settled.counts_as() == SettledAs::Done));
    assert_eq!((sent.answer.num_persisted as usize, num_lying(&cluster.brokers())), (lines.len(), lines.len()));
    assert_eq!(sent.settled.as_ref().map(Settled::counts_as), Some(SettledAs::NotDone), "the rest did not go");
}

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8(bytes.expect("some")).expect("text")
}
