//! Start, stop, and what is left behind: on the brokers nothing, in the process nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_kafka::testing::sending::{at, block_on, outgoing, redactor, send_as_it_is, sender};
use switchboard_kafka::testing::session::{Session, commit, config, numbers, producer, send};
use switchboard_kafka::testing::{MockKafka, wait_until_reaped};
use switchboard_kafka::{Cancel, ReadLimits, extents_of_times, read_originals};
use switchboard_model::{SeenRecord, SourceCommand, TailFrom};

/// API keys of requests that only ask.
const OBSERVING: &[(i16, &str)] =
    &[(1, "Fetch"), (2, "ListOffsets"), (3, "Metadata"), (9, "OffsetFetch"), (10, "FindCoordinator"), (18, "ApiVersions"), (23, "OffsetForLeaderEpoch")];

#[test]
fn nothing_but_an_observers_requests_reach_the_brokers() {
    let mock = MockKafka::new(2).expect("a cluster");
    mock.cluster().create_topic("orders", 2, 1).expect("a topic");
    mock.cluster().create_topic("timed", 1, 1).expect("a topic");
    send(&producer(&mock.brokers()), "orders", 0, numbers(0..100));
    commit(&mock.brokers(), "billing", &[("orders", 0, 4)]);
    mock.track_requests();
    let mut config = config(&mock.brokers());
    config.groups = vec!["billing".to_owned(), "unheard-of".to_owned()];
    config.tail = vec![("orders".to_owned(), TailFrom::Beginning), ("timed".to_owned(), TailFrom::Time(1)), ("no-such-topic".to_owned(), TailFrom::End)];
    let mut session = Session::start(config);
    session.command(SourceCommand::Seen { channels: vec!["never-made".to_owned()], groups: vec!["seen-only".to_owned()] });
    session.wait("records and lag", |state| state.records.len() == 100 && state.offsets("billing").first().is_some_and(|o| o.2 == Some(4)));
    session.command(SourceCommand::Refresh);
    mock.cluster().broker_down(-1).expect("down");
    session.wait("down", |state| state.phase() == Some(switchboard_model::SourcePhase::Failed));
    mock.cluster().broker_up(-1).expect("up");
    session.wait_until_live();
    session.stop();
    assert!(wait_until_reaped(Duration::from_secs(20)), "clients are still there");
    let requests = mock.requests();
    for key in [1, 2, 3, 9, 18] {
        assert!(requests.contains(&key), "no request {key} in {requests:?}");
    }
    let others: Vec<&i16> = requests.iter().filter(|key| !OBSERVING.iter().any(|(known, _)| known == *key)).collect();
    assert!(others.is_empty(), "{others:?}");
    let topics: Vec<String> = session.state().topics.keys().cloned().collect();
    assert_eq!(topics, ["orders", "timed"]);
}

fn num_threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn num_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Whether this process runs the named test alone. If not, it starts one that does, since other tests start threads beside it, and
/// the caller is done.
fn runs_alone(test: &str) -> bool {
    if std::env::var_os("SWITCHBOARD_TEST_ALONE").is_some() {
        return true;
    }
    let this = std::env::current_exe().expect("this test's program");
    let done = std::process::Command::new(this)
        .args(["--exact", &format!("lifecycle::{test}"), "--nocapture", "--test-threads", "1"])
        .env("SWITCHBOARD_TEST_ALONE", "1")
        .status()
        .expect("a process");
    assert!(done.success());
    false
}

#[test]
fn a_hundred_rounds_leave_threads_and_descriptors_as_before() {
    if !runs_alone("a_hundred_rounds_leave_threads_and_descriptors_as_before") {
        return;
    }
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 2, 1).expect("a topic");
    send(&producer(&mock.brokers()), "orders-dlt", 0, numbers(0..10));
    let mut took: Vec<Duration> = Vec::new();
    let mut round = |wait_for_records: bool| {
        let mut session = Session::start(config(&mock.brokers()));
        if wait_for_records {
            session.wait("records", |state| state.records.len() == 10);
        }
        took.push(session.stop());
    };
    // Once before, so that what the libraries set up once is there.
    round(true);
    assert!(wait_until_reaped(Duration::from_secs(30)));
    wait_until_quiet();
    let before = (num_threads(), num_descriptors());
    for number in 0..100 {
        round(number % 3 != 0);
    }
    assert!(wait_until_reaped(Duration::from_mins(1)), "clients are still there");
    wait_until_quiet();
    let after = (num_threads(), num_descriptors());
    took.sort_unstable();
    let slowest = &took[took.len() - 5..];
    println!("threads and descriptors before {before:?}, after {after:?}; slowest stops {slowest:?}");
    assert!(after.0 <= before.0, "threads: {before:?} before, {after:?} after");
    // The mock cluster closes its ends of connections in its own time.
    assert!(after.1 <= before.1 + 2, "descriptors: {before:?} before, {after:?} after");
    // Two may have been left without a processor for a moment; what waits for something does so in each third round.
    assert!(slowest[2] < Duration::from_millis(500) && slowest[4] < Duration::from_secs(2), "{slowest:?}");
}

#[test]
fn rounds_of_reading_again_and_sending_leave_threads_and_descriptors_as_before() {
    if !runs_alone("rounds_of_reading_again_and_sending_leave_threads_and_descriptors_as_before") {
        return;
    }
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders-dlt", 1, 1).expect("a topic");
    let letter = outgoing("orders-dlt", Some(0), "x");
    send_as_it_is(&mock.brokers(), std::slice::from_ref(&letter));
    let seen = SeenRecord { at: at("orders-dlt", 0, 0), raw_hash: redactor().hash(&letter.parts()) };
    let round = |number: usize| {
        block_on(async {
            let (config, wanted) = (config(&mock.brokers()), vec![seen.clone()]);
            let answers = read_originals(&config, Arc::new(redactor()), wanted, ReadLimits::default(), Cancel::default()).await;
            assert!(answers[0].is_ok(), "{answers:?}");
            let sender = sender(&mock).await;
            let delivery = sender.enqueue(letter.clone()).await;
            if number.is_multiple_of(3) {
                sender.cancel();
            }
            drop(sender);
            let _ = delivery.outcome().await;
        });
    };
    round(1);
    assert!(wait_until_reaped(Duration::from_secs(30)));
    wait_until_quiet();
    let before = (num_threads(), num_descriptors());
    for number in 0..30 {
        round(number);
    }
    wait_until_quiet();
    assert!(wait_until_reaped(Duration::from_mins(1)), "clients are still there");
    wait_until_quiet();
    let after = (num_threads(), num_descriptors());
    println!("threads and descriptors before {before:?}, after {after:?}");
    assert!(after.0 <= before.0, "threads: {before:?} before, {after:?} after");
    assert!(after.1 <= before.1 + 2, "descriptors: {before:?} before, {after:?} after");
}

/// Waits until the numbers of threads and descriptors stand still, at most 10 s.
fn wait_until_quiet() {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let mut last = (num_threads(), num_descriptors());
    let mut since = std::time::Instant::now();
    while since.elapsed() < Duration::from_secs(1) && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        let now = (num_threads(), num_descriptors());
        if now != last {
            (last, since) = (now, std::time::Instant::now());
        }
    }
}

#[test]
fn a_stop_while_nobody_answers_is_quick_and_nothing_comes_after_it() {
    // A moment without a processor is not the stop's; what waits for an answer takes seconds each time.
    let mut took: Vec<Duration> = Vec::new();
    while took.len() < 3 && took.last().is_none_or(|last| *last >= Duration::from_millis(500)) {
        took.push(stop_while_nobody_answers());
    }
    assert!(took.last().is_some_and(|last| *last < Duration::from_millis(500)), "{took:?}");
}

/// How long it took.
fn stop_while_nobody_answers() -> Duration {
    // A listener that accepts and never answers.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut session = Session::start(config(&listener.local_addr().expect("an address").to_string()));
    session.wait("connecting", |state| !state.statuses.is_empty());
    // A client has asked and waits for an answer.
    let (mut asking, _) = listener.accept().expect("a connection");
    std::io::Read::read_exact(&mut asking, &mut [0]).expect("a request");
    let took = session.stop();
    let num_statuses = session.state().statuses.len();
    // Whatever could still say something is gone after this.
    assert!(wait_until_reaped(Duration::from_secs(30)));
    assert_eq!(session.state().statuses.len(), num_statuses);
    took
}

#[test]
fn the_question_which_offsets_are_of_a_time_is_given_up_at_once() {
    if !runs_alone("the_question_which_offsets_are_of_a_time_is_given_up_at_once") {
        return;
    }
    let mock = MockKafka::new(1).expect("a cluster");
    mock.cluster().create_topic("orders", 1, 1).expect("a topic");
    mock.cluster().broker_round_trip_time(1, Duration::from_secs(8)).expect("it is slow");
    mock.track_requests();
    let is_asking = || threads().iter().any(|name| name == "kafka-question");
    block_on(async {
        let config = config(&mock.brokers());
        let begun = Instant::now();
        let asks = async {
            while !is_asking() || mock.requests().is_empty() {
                assert!(begun.elapsed() < Duration::from_secs(15), "nothing is asked");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Dropped in the midst of it.
        tokio::select! {
            told = extents_of_times(&config, "orders", 0..1) => panic!("it was answered: {told:?}"),
            () = asks => {}
        }
    });
    // What it waits for then is the last answer: it asks for nothing more.
    let begun = Instant::now();
    while is_asking() {
        assert!(begun.elapsed() < Duration::from_secs(15), "it goes on asking");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The names of this process's threads.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.filter_map(|task| Some(std::fs::read_to_string(task.path().join("comm")).ok()?.trim_end().to_owned())).collect()
}
