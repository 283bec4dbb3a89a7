//! A small business of Spring services (Boot, Resilience4j, spring-kafka, grpc-java, under the OpenTelemetry Java agent) on an Apache Kafka of
//! its own: what Switchboard reports is what the business wrote into its books. It needs a JDK and
//! Maven, and runs where `CI_PEERS` is set.

mod by_hand;
mod replays;

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use switchboard_desk::profile::Profile;
use switchboard_desk::session::Session;
use switchboard_desk::sources::{HttpProfile, KafkaProfile, OtlpProfile, SourceProfile};
use switchboard_kafka::testing::Broker;
use switchboard_tests::agreement::unaccounted;
use switchboard_tests::program::{Program, free_ports, read_json, signal};
use switchboard_tests::spring::{Books, Spring, strangers};

use by_hand::sent_by_hand;
use replays::replayed;

/// The name of the cluster in the profile.
const CLUSTER: &str = "local";
/// Within this time the business comes to rest, and the report to the truth, also on a busy machine.
const RESTS_WITHIN: Duration = Duration::from_secs(90);
const AGREES_WITHIN: Duration = Duration::from_secs(45);

fn is_asked_for() -> bool {
    let is_asked = std::env::var_os("CI_PEERS").is_some();
    if !is_asked {
        eprintln!("skipped: CI_PEERS is not set (this test builds Spring services with Maven and starts Apache Kafka)");
    }
    is_asked
}

fn profile(folder: &Path, kafka: &str, ports: (u16, u16), orders_port: u16) -> Profile {
    let kafka: KafkaProfile = toml::from_str(&format!("name = \"{CLUSTER}\"\nbrokers = \"{kafka}\"\npoll_s = 0.5\nwrite = true\n")).expect("valid");
    let http: HttpProfile = toml::from_str(&format!(
        "name = \"orders-1 actuator\"\nurl = \"http://127.0.0.1:{orders_port}/actuator\"\nservice = \"orders\"\ninstance = \"orders-1\"\npoll_s = 0.5\n"
    ))
    .expect("valid");
    Profile {
        name: "spring".into(),
        ledger: Some(folder.join("ledger.sqlite")),
        sources: vec![
            SourceProfile::Otlp(OtlpProfile { grpc_port: ports.0, http_port: ports.1, ..OtlpProfile::default() }),
            SourceProfile::Kafka(kafka),
            SourceProfile::Http(http),
        ],
        ..Profile::default()
    }
}

/// Waits until nothing is found any more; what is found at the end is the answer.
async fn until_none<F: AsyncFnMut() -> Vec<String>>(within: Duration, mut look: F) -> Vec<String> {
    let deadline = Instant::now() + within;
    loop {
        let found = look().await;
        if found.is_empty() || Instant::now() > deadline {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Places orders until the breaker has entered a state.
async fn place_until(spring: &mut Spring, state: &str) {
    let entered = |spring: &Spring| spring.books().expect("books").count("breaker", &[("state", state)]);
    let before = entered(spring);
    // An open one refuses at once: how many orders that takes says nothing.
    let deadline = Instant::now() + RESTS_WITHIN;
    while entered(spring) == before {
        assert!(Instant::now() < deadline, "the breaker did not become {state}");
        spring.place("good", 1).await.expect("answered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Payments fail until the breaker opens, five orders are refused by it, and it closes again.
async fn payments_fail_and_recover(spring: &mut Spring) {
    spring.payments.tell("fail charge").expect("told");
    place_until(spring, "open").await;
    spring.place("good", 5).await.expect("answered");
    spring.payments.tell("fail").expect("told");
    // It may be half open by now; without a call it stays so.
    let opens = async || match spring.books().expect("books").breaker_state().as_deref() {
        Some("half_open") => vec![],
        other => vec![format!("{other:?}")],
    };
    assert!(until_none(RESTS_WITHIN, opens).await.is_empty(), "the breaker stays open");
    place_until(spring, "closed").await;
}

async fn rests(spring: &Spring) {
    let unfinished = until_none(RESTS_WITHIN, async || spring.books().expect("books").unfinished()).await;
    assert!(unfinished.is_empty(), "the business does not come to rest: {unfinished:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_the_report_of_the_program_is_what_the_business_wrote_into_its_books() {
    if !is_asked_for() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start();
    let (ports, (orders_port, _)) = (free_ports().expect("free ports"), free_ports().expect("free ports"));
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("profile.toml"), toml::to_string(&profile(folder.path(), &broker.address, ports, orders_port)).expect("TOML")).expect("written");
    let mut program = Program::start(&["watch", "--headless", "--profile", &file("profile.toml"), "--report", &file("report.json")]).expect("starts");
    program.wait_for_line("OTLP · live", Duration::from_mins(1)).expect("listens");

    let mut spring = Spring::start(folder.path(), &broker.address, ports.1, orders_port, 1).expect("Spring");
    // Who was away for long is asked again at longer intervals.
    program.wait_for_line("orders-1 actuator · live", AGREES_WITHIN).expect("the actuator is read");
    spring.place("good", 12).await.expect("answered");
    spring.place("poison", 2).await.expect("answered");
    spring.place("unbillable", 1).await.expect("answered");
    spring.place("abort", 1).await.expect("answered");
    payments_fail_and_recover(&mut spring).await;
    rests(&spring).await;
    // What is not exported yet is exported by an orderly end; what orders did is older than its exporter's delay by then.
    for service in &mut spring.shipping {
        service.end().expect("ends");
    }
    let dead: u64 = spring.books().expect("books").as_demo()["dead_letters"].as_array().into_iter().flatten().filter_map(|row| row["count"].as_u64()).sum();
    // Letters are read from the broker in its own time. What never comes is told below, with all else that differs.
    if let Err(error) = program.wait_for_line(&format!("· {dead} dead ·"), AGREES_WITHIN) {
        eprintln!("{error}");
    }
    signal(program.pid(), "TERM").expect("told to end");
    assert_eq!(program.wait(Duration::from_mins(1)).expect("ends"), 0, "{}", program.output());
    let report = read_json(Path::new(&file("report.json"))).expect("a report");
    let mut found = spring.books().expect("books").differences(&report);
    found.extend(unaccounted(&report));
    found.extend(strangers(&report).into_iter().map(|name| format!("nobody of the business is called {name}")));
    assert!(found.is_empty(), "report and books differ ({}):\n{}\n{}", kept(&report, &spring), found.join("\n"), program.output());
}

/// Keeps report and books beside the tests, to look at.
fn kept(report: &Value, spring: &Spring) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, value) in [("spring-report.json", report), ("spring-books.json", &spring.books().expect("books").as_demo())] {
        std::fs::write(folder.join(name), format!("{value:#}")).expect("written");
    }
    format!("both are in {}", folder.display())
}

/// A whole session in this process, so that its report can be looked at at any time.
struct Watched {
    session: Session,
    /// What Switchboard itself wrote to the cluster.
    replayed: Vec<(&'static str, usize)>,
    /// Calls of payments over gRPC that Switchboard made: whether each failed.
    called: Vec<bool>,
    found: Vec<String>,
}

impl Watched {
    fn report(&self) -> Value {
        serde_json::to_value(self.session.report().expect("a report")).expect("JSON")
    }

    fn books(&self, spring: &Spring) -> Books {
        let mut books = spring.books().expect("books");
        for (channel, num) in &self.replayed {
            books.add_records(channel, *num);
        }
        for failed in &self.called {
            books.add_call("payments", "grpc", *failed);
        }
        books
    }

    fn note(&mut self, scenario: &str, what: impl Display) {
        eprintln!("{scenario}: {what}");
        self.found.push(format!("{scenario}: {what}"));
    }

    /// Once the business rests, the report agrees with the books.
    async fn agrees(&mut self, scenario: &str, spring: &Spring) {
        let unfinished = until_none(RESTS_WITHIN, async || self.books(spring).unfinished()).await;
        for what in unfinished {
            self.note(scenario, what);
        }
        let differences = until_none(AGREES_WITHIN, async || {
            let report = self.report();
            let books = self.books(spring);
            let mut found = books.differences(&report);
            found.extend(books.untold_changes(&report));
            found.extend(unaccounted(&report));
            found.extend(strangers(&report).into_iter().map(|name| format!("nobody of the business is called {name}")));
            found
        });
        for difference in differences.await {
            self.note(scenario, difference);
        }
        eprintln!("{scenario}: compared");
    }

    /// The report comes to hold a group with such fields.
    async fn group(&mut self, scenario: &str, group: &str, is_so: impl Fn(&Value) -> bool, what: &str) {
        let rows = |report: &Value| report["groups"].as_array().into_iter().flatten().filter(|row| row["group"] == group).cloned().collect::<Vec<_>>();
        let found = until_none(AGREES_WITHIN, async || {
            let rows = rows(&self.report());
            if rows.iter().any(&is_so) { vec![] } else { vec![format!("the group {group} is not told as {what}: {rows:?}")] }
        });
        for what in found.await {
            self.note(scenario, what);
        }
    }

    /// All groups have read all, and the report says so.
    async fn all_keep_up(&mut self, scenario: &str) {
        for group in ["shipping", "invoicing", "ledger"] {
            self.group(scenario, group, |row| row["lag"] == 0 && row["verdict"] == "ok", "keeping up, with nothing behind").await;
        }
    }
}

async fn normal_load(watched: &mut Watched, spring: &mut Spring) {
    spring.place("good", 30).await.expect("answered");
    spring.place("abort", 2).await.expect("answered");
    watched.agrees("normal load", spring).await;
    watched.all_keep_up("normal load").await;
}

async fn breaker(watched: &mut Watched, spring: &mut Spring) {
    spring.payments.tell("fail charge").expect("told");
    place_until(spring, "open").await;
    let open = until_none(AGREES_WITHIN, async || {
        let report = watched.report();
        let row = report["breakers"].as_array().into_iter().flatten().find(|row| row["state"] == "open" && row["callee"] == "payments");
        if row.is_some() { vec![] } else { vec![format!("no breaker before payments is told to be open: {}", report["breakers"])] }
    });
    for what in open.await {
        watched.note("breaker", what);
    }
    spring.payments.tell("fail").expect("told");
    payments_fail_and_recover(spring).await;
    spring.payments.tell("fail risk").expect("told");
    spring.place("good", 3).await.expect("answered");
    spring.payments.tell("fail").expect("told");
    watched.agrees("breaker", spring).await;
}

async fn poison(watched: &mut Watched, spring: &mut Spring) {
    spring.place("poison", 7).await.expect("answered");
    spring.place("unbillable", 7).await.expect("answered");
    // While retries wait for their time, nobody falls behind.
    let deadline = Instant::now() + Duration::from_secs(3);
    while Instant::now() < deadline {
        let report = watched.report();
        let wrong = report["groups"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|row| row["group"] == "invoicing-retry" && (row["verdict"] == "growing" || row["verdict"] == "stuck"));
        if let Some(row) = wrong {
            watched.note("poison", format!("a retry that waits for its time is called {}: {row}", row["verdict"]));
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    watched.agrees("poison", spring).await;
    watched.all_keep_up("poison").await;
    let report = watched.report();
    for channel in ["orders.placed-dlt", "orders.invoice-dlt"] {
        let letters = report["dead_letters"].as_array().into_iter().flatten().find(|row| row["channel"] == channel);
        if !letters.is_some_and(|row| row["dialect"].is_string()) {
            watched.note("poison", format!("no dialect proves the letters of {channel}: {letters:?}"));
        }
    }
}

async fn hanging(watched: &mut Watched, spring: &mut Spring) {
    spring.place("hang", 1).await.expect("answered");
    let partition = until_some(RESTS_WITHIN, || spring.books().expect("books").hanging_partition()).await.expect("a listener hangs");
    spring.place("good", 40).await.expect("answered");
    let is_told = move |row: &Value| row["verdict"] == "stuck" && row["partition"] == partition;
    watched.group("hanging", "shipping", is_told, &format!("stuck on partition {partition}")).await;
    spring.tell_shipping("release").expect("told");
    watched.agrees("hanging", spring).await;
    watched.all_keep_up("hanging").await;
}

async fn open_transaction(watched: &mut Watched, spring: &mut Spring) {
    for ending in ["commit", "abort"] {
        spring.orders.tell(&format!("open tx-{ending}")).expect("told");
        spring.place("good", 10).await.expect("answered");
        let is_told = |row: &Value| row["verdict"] == "open transaction" && row["reason"].as_str().is_some_and(|reason| reason.contains("orders-open"));
        watched.group("open transaction", "ledger", is_told, "waiting for the transaction orders-open").await;
        spring.orders.tell(&format!("close {ending}")).expect("told");
        watched.agrees("open transaction", spring).await;
        watched.all_keep_up("open transaction").await;
    }
}

async fn instance_killed(watched: &mut Watched, spring: &mut Spring) {
    watched.agrees("before the kill", spring).await;
    spring.shipping.pop().expect("two instances").kill();
    spring.place("good", 40).await.expect("answered");
    // Its partitions are nobody's until the coordinator gives it up.
    let waits = |row: &Value| row["verdict"] != "ok" && row["lag"].as_u64() > Some(0);
    watched.group("instance killed", "shipping", waits, "behind, as half of its partitions have no reader").await;
    watched.agrees("instance killed", spring).await;
    watched.group("instance killed", "shipping", |row| row["members"] == 2 && row["verdict"] == "ok", "read by the two threads that are left").await;
}

async fn rebalance(watched: &mut Watched, spring: &mut Spring) {
    spring.start_shipping(3).expect("starts");
    watched.group("rebalance", "shipping", |row| row["members"] == 4 && row["verdict"] == "ok", "read by four threads").await;
    spring.place("good", 30).await.expect("answered");
    watched.agrees("rebalance", spring).await;
    watched.all_keep_up("rebalance").await;
}

async fn broker_restart(watched: &mut Watched, spring: &mut Spring, broker: &Broker) {
    watched.agrees("before the restart", spring).await;
    broker.kill();
    let source = |report: &Value| report["sources"].as_array().into_iter().flatten().find(|row| row["name"] == CLUSTER).map(|row| row["state"].clone());
    let away = until_none(AGREES_WITHIN, async || {
        let state = source(&watched.report());
        if state == Some(Value::from("live")) { vec![format!("the broker is away, and its source is {state:?}")] } else { vec![] }
    });
    for what in away.await {
        watched.note("broker restart", what);
    }
    broker.start_again();
    let back = until_none(AGREES_WITHIN, async || {
        let state = source(&watched.report());
        if state == Some(Value::from("live")) { vec![] } else { vec![format!("the broker is back, and its source is {state:?}")] }
    });
    for what in back.await {
        watched.note("broker restart", what);
    }
    spring.place("good", 20).await.expect("answered");
    spring.place("poison", 1).await.expect("answered");
    watched.agrees("broker restart", spring).await;
    watched.all_keep_up("broker restart").await;
}

async fn until_some<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    loop {
        let found = look();
        if found.is_some() || Instant::now() > deadline {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_the_report_follows_the_books_through_everything_that_goes_wrong() {
    if !is_asked_for() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start();
    let (ports, (orders_port, _)) = (free_ports().expect("free ports"), free_ports().expect("free ports"));
    let profile = profile(folder.path(), &broker.address, ports, orders_port);
    std::fs::write(folder.path().join("profile.toml"), toml::to_string(&profile).expect("TOML")).expect("written");
    let session = Session::start(&profile, None, 256 << 20, &tokio::runtime::Handle::current(), Box::new(|| ())).expect("a session");
    assert!(until_some(AGREES_WITHIN, || session.is_listening().then_some(())).await.is_some(), "it does not listen");
    let mut spring = Spring::start(folder.path(), &broker.address, ports.1, orders_port, 2).expect("Spring");
    let mut watched = Watched { session, replayed: Vec::new(), called: Vec::new(), found: Vec::new() };

    normal_load(&mut watched, &mut spring).await;
    breaker(&mut watched, &mut spring).await;
    poison(&mut watched, &mut spring).await;
    hanging(&mut watched, &mut spring).await;
    open_transaction(&mut watched, &mut spring).await;
    instance_killed(&mut watched, &mut spring).await;
    rebalance(&mut watched, &mut spring).await;
    broker_restart(&mut watched, &mut spring, &broker).await;
    replayed(&mut watched, &mut spring, "orders.placed-dlt", "orders.placed", 7).await;
    replayed(&mut watched, &mut spring, "orders.invoice-dlt", "orders.invoice", 7).await;
    sent_by_hand(&mut watched, &mut spring, folder.path()).await;

    let kept = kept(&watched.report(), &spring);
    watched.session.stop().await;
    assert!(watched.found.is_empty(), "{} findings ({kept}):\n{}", watched.found.len(), watched.found.join("\n"));
}
