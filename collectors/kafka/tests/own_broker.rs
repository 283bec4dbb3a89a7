//! The collector against brokers of Apache Kafka that it has for itself: fresh, killed, frozen, secured. Each test starts its own by
//! `tests/peers/kafka.sh`, where `CI_PEERS` is set.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use switchboard_kafka::testing::Broker;
use switchboard_kafka::testing::sending::{block_on, cluster_id_of, outgoing, permit, read_all};
use switchboard_kafka::testing::session::{Session, config, numbers, producer, send};
use switchboard_kafka::{Config, Delivery, Sender, SenderOptions, TokenSource};
use switchboard_model::{FailureKind, Outcome, OutgoingRecord, Place, SourcePhase, TailFrom};

fn has_peers(test: &str) -> bool {
    let has_peers = std::env::var_os("CI_PEERS").is_some();
    if !has_peers {
        eprintln!("skipped: {test} needs Apache Kafka; set CI_PEERS=1 (it is fetched from Maven Central)");
    }
    has_peers
}

fn admin(settings: &ClientConfig) -> AdminClient<DefaultClientContext> {
    settings.create().expect("an admin client")
}

fn plain(broker: &Broker) -> ClientConfig {
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", &broker.address);
    settings
}

fn create_topic(settings: &ClientConfig, name: &str, num_partitions: i32) {
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(20))).operation_timeout(Some(Duration::from_secs(20)));
    let topic = NewTopic::new(name, num_partitions, TopicReplication::Fixed(1));
    let made = block_on(admin(settings).create_topics([&topic], &options)).expect("answered");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

fn delete_topic(settings: &ClientConfig, name: &str) {
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(20))).operation_timeout(Some(Duration::from_secs(20)));
    let gone = block_on(admin(settings).delete_topics(&[name], &options)).expect("answered");
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
}

fn topics(settings: &ClientConfig) -> Vec<String> {
    let probe: BaseConsumer = settings.create().expect("a consumer");
    let metadata = probe.fetch_metadata(None, Duration::from_secs(20)).expect("metadata");
    metadata.topics().iter().map(|topic| topic.name().to_owned()).collect()
}

#[test]
fn watching_a_fresh_cluster_leaves_no_trace() {
    if !has_peers("watching_a_fresh_cluster_leaves_no_trace") {
        return;
    }
    let broker = Broker::start();
    create_topic(&plain(&broker), "orders-dlt", 2);
    let mut config = config(&broker.address);
    config.groups = vec!["billing".to_owned()];
    config.tail = vec![("orders-dlt".to_owned(), TailFrom::Beginning)];
    let mut session = Session::start(config);
    session.wait_until_live();
    let producer = producer(&broker.address);
    send(&producer, "orders-dlt", 0, numbers(0..3));
    session.wait("records", |state| state.values("orders-dlt") == ["0", "1", "2"]);
    for end in 4..20 {
        send(&producer, "orders-dlt", 0, ["more".to_owned()]);
        session.wait("a later poll", |state| state.topics["orders-dlt"].partitions[0].high == Some(end));
    }
    session.stop();
    assert_eq!(topics(&plain(&broker)), ["orders-dlt"], "no `__consumer_offsets` was made");
}

/// The broker goes and comes back, then a tailed topic is deleted and made again: its records are read within 10 s, and it is told.
fn read_on_after(test: &str, goes_and_comes_back: impl Fn(&Broker, &Session)) {
    if !has_peers(test) {
        return;
    }
    let broker = Broker::start();
    let settings = plain(&broker);
    create_topic(&settings, "orders", 2);
    send(&producer(&broker.address), "orders", 0, numbers(0..4));
    let mut config = config(&broker.address);
    config.tail = vec![("orders".to_owned(), TailFrom::Beginning)];
    let session = Session::start(config);
    session.wait("the first ones", |state| state.values("orders").len() == 4);
    session.wait("its id", |state| state.topics["orders"].topic_id.is_some());
    let first_id = session.state().topics["orders"].topic_id.clone();
    goes_and_comes_back(&broker, &session);
    session.wait_within("live again", Duration::from_secs(10), |state| state.phase() == Some(SourcePhase::Live));
    send(&producer(&broker.address), "orders", 1, numbers(4..6));
    session.wait_within("read on", Duration::from_secs(10), |state| state.values("orders").len() == 6);
    assert_eq!(session.state().topics["orders"].made_again_ns, None, "it is the same topic");
    for round in 1..=2 {
        delete_topic(&settings, "orders");
        // The brokers delete in their own time.
        let deadline = Instant::now() + Duration::from_secs(30);
        while topics(&settings).contains(&"orders".to_owned()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        create_topic(&settings, "orders", 2);
        // Fewer than there were, so that old positions lie beyond the end.
        send(&producer(&broker.address), "orders", 0, ["new".to_owned()]);
        session.wait_within("the new one", Duration::from_secs(10), |state| state.values("orders").len() == 6 + round);
        session.wait_within("told", Duration::from_secs(15), |state| {
            state.topics.get("orders").is_some_and(|topic| topic.made_again_ns.is_some() && topic.topic_id.is_some() && topic.topic_id != first_id)
        });
    }
    session.wait("live", |state| state.phase() == Some(SourcePhase::Live));
}

#[test]
fn a_topic_made_again_after_its_broker_was_killed_is_read() {
    read_on_after("a_topic_made_again_after_its_broker_was_killed_is_read", |broker, session| {
        broker.kill();
        session.wait("its end is told", |state| state.phase() != Some(SourcePhase::Live));
        // It is away for several attempts to reach it, which come further and further apart.
        std::thread::sleep(Duration::from_secs(5));
        broker.start_again();
    });
}

#[test]
fn a_topic_made_again_after_its_broker_froze_is_read() {
    read_on_after("a_topic_made_again_after_its_broker_froze_is_read", |broker, session| {
        broker.signal("STOP");
        session.wait("its silence is told", |state| state.phase() != Some(SourcePhase::Live));
        // It is silent for longer than any request is waited for.
        std::thread::sleep(Duration::from_secs(40));
        broker.signal("CONT");
    });
}

/// A record that holds its number; the partitions take turns.
fn numbered(number: usize) -> OutgoingRecord {
    outgoing("orders", Some(i32::from(number % 2 == 1)), &number.to_string())
}

/// Sends records at a steady pace, numbered from this one on, while more are wanted than were sent.
async fn send_paced(sender: &Sender, first: usize, is_wanted: impl Fn(usize) -> bool) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    while is_wanted(deliveries.len()) {
        deliveries.push(sender.enqueue(numbered(first + deliveries.len())).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    deliveries
}

#[test]
fn what_is_sent_through_a_crash_of_its_broker_lies_there_as_it_is_told() {
    const NUM_BEFORE: usize = 40;
    const NUM_AFTER: usize = 60;
    if !has_peers("what_is_sent_through_a_crash_of_its_broker_lies_there_as_it_is_told") {
        return;
    }
    let broker = Broker::start();
    create_topic(&plain(&broker), "orders", 2);
    let permit = permit(&cluster_id_of(&broker.address));
    let options = SenderOptions { delivery_timeout: Duration::from_secs(5), ..SenderOptions::default() };
    let sender = block_on(Sender::connect(&config(&broker.address), permit, options)).expect("connected");
    let mut told: Vec<Outcome> = Vec::new();
    let tell = |told: &mut Vec<Outcome>, deliveries: Vec<Delivery>| {
        block_on(async {
            for delivery in deliveries {
                told.push(delivery.outcome().await);
            }
        });
    };
    let is_persisted = |outcome: &Outcome| matches!(outcome, Outcome::Done(_));
    tell(&mut told, block_on(send_paced(&sender, 0, |num_sent| num_sent < NUM_BEFORE)));
    assert!(told.iter().all(is_persisted), "{told:?}");
    let during = std::thread::scope(|scope| {
        let crash = scope.spawn(|| {
            broker.kill();
            // Longer than a record may be on its way.
            std::thread::sleep(options.delivery_timeout + Duration::from_secs(1));
            broker.start_again();
        });
        block_on(send_paced(&sender, NUM_BEFORE, |_| !crash.is_finished()))
    });
    tell(&mut told, during);
    // The client finds the broker again, and the broker its partitions.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !told[told.len() - 2..].iter().all(is_persisted) {
        assert!(Instant::now() < deadline, "the broker is back, and nothing arrives: {:?}", told.last());
        told.push(block_on(sender.send(numbered(told.len()))));
    }
    let num_before_last = told.len();
    tell(&mut told, block_on(send_paced(&sender, num_before_last, |num_sent| num_sent < NUM_AFTER)));
    assert!(told[num_before_last..].iter().all(is_persisted), "{told:?}");
    assert!(told.len() >= 200, "{} were sent", told.len());
    let mut places: BTreeMap<usize, Vec<Option<Place>>> = BTreeMap::new();
    for record in read_all(&broker.address, "orders", 0) {
        let number: usize = String::from_utf8(record.value.expect("a value")).expect("text").parse().expect("a number");
        places.entry(number).or_default().push(Some(record.seen.at.place));
    }
    assert!(places.keys().all(|number| *number < told.len()), "{places:?}");
    let mut num_in_doubt = 0;
    for (number, outcome) in told.iter().enumerate() {
        let places = places.get(&number).map_or(&[][..], Vec::as_slice);
        match outcome {
            Outcome::Done(_) => assert_eq!(places, [outcome.place().cloned()], "{number}"),
            Outcome::NotDone(why) => assert!(places.is_empty(), "{number} is not there ({why}), and lies at {places:?}"),
            Outcome::Possibly(why) => {
                num_in_doubt += 1;
                assert!(places.len() <= 1, "{number} was sent once ({why}), and lies at {places:?}");
            }
        }
    }
    assert!(num_in_doubt > 0, "the broker was away for longer than a record may be on its way: {told:?}");
}

/// A profile's settings for the secured listener.
fn secured(broker: &Broker, mechanism: &str) -> Config {
    let mut config = config(&broker.address);
    (config.username, config.password) = (Some("observer".to_owned()), Some("observer-secret".to_owned()));
    for (property, value) in [
        ("security.protocol", "SASL_SSL".to_owned()),
        ("sasl.mechanism", mechanism.to_owned()),
        ("ssl.ca.location", broker.file("ca.pem").display().to_string()),
    ] {
        config.properties.insert(property.to_owned(), value);
    }
    config
}

/// A token that a broker without a key takes: RFC 7519, section 6.
fn unsigned_token() -> String {
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let part = |json: String| openssl::base64::encode_block(json.as_bytes()).trim_end_matches('=').replace('+', "-").replace('/', "_");
    let claims = format!("{{\"sub\":\"observer\",\"iat\":{now_s},\"exp\":{}}}", now_s + 3600);
    format!("{}.{}.", part("{\"alg\":\"none\"}".to_owned()), part(claims))
}

#[test]
fn lag_is_read_on_a_secured_cluster() {
    if !has_peers("lag_is_read_on_a_secured_cluster") {
        return;
    }
    let broker = Broker::secured();
    let mut settings = plain(&broker);
    settings
        .set("security.protocol", "SASL_SSL")
        .set("sasl.mechanism", "SCRAM-SHA-512")
        .set("sasl.username", "observer")
        .set("sasl.password", "observer-secret")
        .set("ssl.ca.location", broker.file("ca.pem").display().to_string());
    create_topic(&settings, "orders", 1);
    let producer: BaseProducer = settings.create().expect("a producer");
    for number in 0..7 {
        let value = number.to_string();
        producer.send(BaseRecord::<str, str>::to("orders").partition(0).payload(&value)).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(Duration::from_secs(20)).expect("sent");
    let committer: BaseConsumer = settings.clone().set("group.id", "billing").set("enable.auto.commit", "false").create().expect("a consumer");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("orders", 0, Offset::Offset(3)).expect("an offset");
    committer.commit(&offsets, CommitMode::Sync).expect("committed");
    let is_read = |config: Config, what: &str| {
        let mut config = config;
        config.tail = vec![("orders".to_owned(), TailFrom::Beginning)];
        let session = Session::start(config);
        session.wait(what, |state| state.offsets("billing") == [("orders".to_owned(), 0, Some(3), Some(7))] && state.values("orders").len() == 7);
        session.wait_until_live();
    };
    is_read(secured(&broker, "SCRAM-SHA-512"), "lag by SCRAM");
    is_read(secured(&broker, "PLAIN"), "lag by PLAIN");
    // A listener that lets nobody in without a certificate, and asks for nothing else.
    let by_certificate = |properties: &[(&str, &str)]| {
        let mut config = config(std::fs::read_to_string(broker.file("mutual")).expect("its address").trim());
        config.properties.insert("security.protocol".to_owned(), "SSL".to_owned());
        config.properties.insert("ssl.ca.location".to_owned(), broker.file("ca.pem").display().to_string());
        for (property, file) in properties {
            config.properties.insert((*property).to_owned(), broker.file(file).display().to_string());
        }
        config
    };
    let mut with_store = by_certificate(&[("ssl.keystore.location", "client.p12")]);
    with_store.key_password = Some("store-secret".to_owned());
    is_read(with_store, "lag with a PKCS#12 store");
    let with_pem = by_certificate(&[("ssl.certificate.location", "client.pem"), ("ssl.key.location", "client.pem")]);
    is_read(with_pem, "lag with a certificate as PEM");
    let mut unverified = secured(&broker, "SCRAM-SHA-512");
    unverified.properties.remove("ssl.ca.location");
    unverified.properties.insert("enable.ssl.certificate.verification".to_owned(), "false".to_owned());
    is_read(unverified, "lag without verification");
    let mut by_token = secured(&broker, "OAUTHBEARER");
    (by_token.username, by_token.password, by_token.token) = (None, None, Some(TokenSource::new(|| Ok(unsigned_token()))));
    is_read(by_token.clone(), "lag by a token");
    let cluster_id = committer.client().fetch_cluster_id(Duration::from_secs(20)).expect("an id");
    let permit = permit(&cluster_id);
    let sender = block_on(Sender::connect(&by_token, permit, SenderOptions::default())).expect("connected with a token");
    assert_eq!(block_on(sender.num_partitions("orders")), Ok(1));
    drop(sender);
    // What must fail, and how it is told.
    let fails = |config: Config, kind: FailureKind, word: &str| {
        let session = Session::start(config);
        session.wait(word, |state| {
            state.statuses.iter().any(|status| status.failure == Some(kind) && format!("{} {}", status.detail, status.next_step).contains(word))
        });
        assert!(session.state().groups.is_empty());
        assert!(!format!("{:?}", session.state().statuses).contains("secret"));
    };
    let mut wrong = secured(&broker, "SCRAM-SHA-512");
    wrong.password = Some("wrong-secret".to_owned());
    fails(wrong, FailureKind::Authenticate, "did not accept the credentials");
    fails(by_certificate(&[]), FailureKind::Authenticate, "Give a certificate that the broker trusts");
    let mut unknown_authority = secured(&broker, "SCRAM-SHA-512");
    unknown_authority.properties.remove("ssl.ca.location");
    fails(unknown_authority, FailureKind::Connect, "ssl.ca.location");
    let mut by_token = secured(&broker, "OAUTHBEARER");
    (by_token.username, by_token.password, by_token.token) = (None, None, Some(TokenSource::new(|| Err("the vault is closed".to_owned()))));
    fails(by_token, FailureKind::Authenticate, "the vault is closed");
}
