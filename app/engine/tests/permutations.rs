//! Any permutation of batches, each keeping its time of arrival, ends in the same report.

mod batches;

use batches::{MS, Record, START_NS, Span, apply, assert_conserved, engine, facts, group, intake, records, spans, tick, topic};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use switchboard_engine::view::Report;
use switchboard_model::{Batch, BreakerEventFact, BreakerEventKind, BreakerFact, BreakerState, Fact, Refusal, SpanKind};

/// An order's way through the business: every kind of joining occurs, parts are lost, sides are uninstrumented.
struct Business {
    rng: StdRng,
    next_id: u64,
    spans: Vec<Span>,
    records: Vec<Record>,
    published: [i64; 4],
    num_dead: i64,
}

impl Business {
    fn new(seed: u64) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), next_id: 1, spans: Vec::new(), records: Vec::new(), published: [0; 4], num_dead: 0 }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn time(&mut self, at_ms: i64) -> (i64, i64) {
        let jitter: i64 = self.rng.random_range(0..50_000);
        let duration_us: i64 = self.rng.random_range(1..300_000);
        (at_ms * MS + jitter * 1_000, duration_us * 1_000)
    }

    /// Adds a span, unless it is lost; sometimes twice, sometimes once more with other content.
    fn push(&mut self, at_ms: i64, mut span: Span) {
        (span.start_ns, span.duration_ns) = self.time(at_ms);
        if self.chance(4) {
            return;
        }
        if self.chance(5) {
            span = span.failed("refused");
        }
        if self.chance(5) {
            self.spans.push(span.clone());
        }
        if self.chance(3) {
            let duration_ns = span.duration_ns / 2;
            self.spans.push(Span { duration_ns, ..span.clone() });
        }
        if self.chance(2) {
            let parent = span.parent + 1_000_000;
            self.spans.push(Span { duration_ns: span.duration_ns + 5, parent, ..span.clone() });
        }
        self.spans.push(span);
    }

    fn call(&mut self, at_ms: i64, trace: u128, (from, to): (&'static str, &'static str), parent: u64) -> u64 {
        let (client, server) = (self.id(), self.id());
        let port = if to == "payments" { "8081" } else { "8080" };
        let mut calling = Span::client(from, trace, client, parent).with(&[("server.address", to), ("server.port", port)]);
        if self.chance(10) {
            calling = calling.with(&[("http.request.resend_count", "1")]);
        }
        match client % 7 {
            0 => calling = calling.with(&[("rpc.system", "grpc"), ("rpc.grpc.status_code", "4")]),
            1 => calling = calling.with(&[("error.type", "java.net.ConnectException")]),
            2 => calling = calling.with(&[("error.type", "timeout")]),
            kind => calling = calling.with(&[("http.response.status_code", ["200", "404", "503", "200"][kind as usize - 3])]),
        }
        match self.rng.random_range(0..13) {
            // An older sender whose halves share an id.
            0 => {
                self.push(at_ms, calling);
                self.push(at_ms + 5, Span::server(to, trace, client, parent));
                return client;
            }
            // A caller without a span of its own for the call.
            1 => self.push(at_ms + 5, Span::server(to, trace, server, parent)),
            // A callee that knows half of the trace id.
            2 => {
                self.push(at_ms, calling);
                self.push(at_ms + 5, Span::server(to, u128::from(trace as u64), server, client));
            }
            // A wrapped call.
            3 => {
                let outer = self.id();
                let around = Span::client(from, trace, outer, parent).with(&[("server.address", to)]);
                self.push(at_ms, around);
                self.push(at_ms, Span { parent: outer, ..calling });
                self.push(at_ms + 5, Span::server(to, trace, server, client));
            }
            // The same again until it goes well.
            5 => {
                for attempt in 0..3 {
                    let id = self.id();
                    let code = if attempt < 2 { "503" } else { "200" };
                    let again =
                        Span::client(from, trace, id, parent).with(&[("server.address", to), ("url.path", "/again"), ("http.response.status_code", code)]);
                    self.push(at_ms + attempt * 400, again);
                }
                return self.id();
            }
            // Sidecars on both sides.
            6 => {
                let (outer, inner) = (self.id(), self.id());
                self.push(at_ms, Span::client(from, trace, outer, parent).with(&[("server.address", to), ("url.path", "/cars")]));
                self.push(at_ms + 1, Span { parent: outer, ..calling.with(&[("server.address", "10.0.0.9"), ("url.path", "/cars")]) });
                self.push(at_ms + 2, Span::server(to, trace, server, client));
                self.push(at_ms + 3, Span::server(to, trace, inner, server));
            }
            // A time limiter that does not wait to the end, and tries again.
            7 => {
                for _ in 0..2 {
                    let (guard, id) = (self.id(), self.id());
                    let gave_up = Span::new(from, SpanKind::Internal, trace, guard, parent);
                    let gave_up = gave_up.exception("java.util.concurrent.TimeoutException", "TimeLimiter 'x' recorded a timeout exception.");
                    self.push(at_ms, gave_up.failed("too late"));
                    self.push(at_ms + 1, Span::client(from, trace, id, guard).with(&[("server.address", to)]));
                }
                return self.id();
            }
            // Two servers under one call.
            4 if to != "payments" => {
                let second = self.id();
                self.push(at_ms, calling);
                self.push(at_ms + 5, Span::server(to, trace, server, client));
                self.push(at_ms + 5, Span::server("mirror", trace, second, client));
            }
            _ => {
                self.push(at_ms, calling);
                self.push(at_ms + 5, Span::server(to, trace, server, client));
            }
        }
        server
    }

    fn publish(&mut self, at_ms: i64, trace: u128, service: &'static str, channel: usize, parent: u64, conversation: &str) -> (u64, i64) {
        let id = self.id();
        let offset = self.published[channel];
        self.published[channel] += 1;
        let topic = TOPICS[channel];
        let mut span = Span::producer(service, topic, trace, id, parent).with(&[("messaging.message.conversation_id", conversation)]);
        if self.chance(40) {
            span = span.with(&[("messaging.destination.partition.id", "0"), ("messaging.kafka.offset", &offset.to_string())]);
        }
        if self.chance(30) {
            span = span.with(&[("messaging.message.id", &format!("m-{topic}-{offset}"))]);
        }
        self.push(at_ms, span);
        if self.chance(70) {
            let trace = Some((trace, id));
            self.records.push(Record { topic, partition: 0, offset, trace, correlation: None, headers: Vec::new() });
        }
        (id, offset)
    }

    fn consume(&mut self, at_ms: i64, trace: u128, (service, channel): (&'static str, usize), (producer, offset): (u64, i64)) -> u64 {
        let id = self.id();
        let topic = TOPICS[channel];
        let place = offset.to_string();
        let mut span = Span::process(service, topic, service, trace, id, 0);
        match self.rng.random_range(0..5) {
            0 => span.parent = producer,
            1 => span = span.linked(trace, producer, &[]),
            2 => {
                span = span.with(&[("messaging.destination.partition.id", "0"), ("messaging.kafka.offset", &place)]);
                // It fails, waits, and comes again.
                for again in 0..self.rng.random_range(0..4) {
                    let id = self.id();
                    let wrapped = "x\nCaused by: org.springframework.kafka.listener.KafkaBackoffException: not due yet";
                    let failed = Span { id, ..span.clone() }.failed("listener failed");
                    let cause = if again == 1 { wrapped } else { "x\nCaused by: shop.NoStock: none" };
                    let class = "org.springframework.kafka.listener.ListenerExecutionFailedException";
                    let mut failed = failed.exception(class, "listener failed");
                    failed.events[0].1.push(("exception.stacktrace", cause.to_owned()));
                    self.push(at_ms + 300 * again, failed);
                }
            }
            3 => span = span.with(&[("messaging.message.id", &format!("m-{topic}-{offset}"))]),
            _ => {
                // A fetch around it, and both ways at once.
                let poll = self.id();
                let fetch = Span::new(service, SpanKind::Client, trace, poll, 0)
                    .with(&[("messaging.operation.type", "receive"), ("messaging.destination.name", topic), ("messaging.system", "kafka")])
                    .linked(trace, producer, &[]);
                self.push(at_ms, fetch);
                span.parent = poll;
                span = span.linked(trace, producer, &[("messaging.kafka.offset", &place), ("messaging.destination.partition.id", "0")]);
            }
        }
        self.push(at_ms, span);
        id
    }

    fn order(&mut self, number: u64) {
        let at_ms = number as i64 * 700;
        let trace = u128::from(number + 1) << 64 | u128::from(self.rng.random_range(1..u64::MAX / 2));
        let conversation = format!("order-{number}");
        let root = self.id();
        let mut rooted = Span::server("storefront", trace, root, 0);
        if self.chance(10) {
            rooted = rooted.with(&[("peer.service", "legacy-cron")]);
        }
        self.push(at_ms, rooted);
        let placed = self.call(at_ms + 10, trace, ("storefront", "orders"), root);
        let guard = self.id();
        let mut charge = Span::new("orders", SpanKind::Internal, trace, guard, placed).named("charge");
        if self.chance(20) {
            let refusal = "CircuitBreaker 'card' is OPEN and does not permit further calls";
            charge = charge.exception("io.github.resilience4j.circuitbreaker.CallNotPermittedException", refusal);
        } else {
            self.call(at_ms + 30, trace, ("orders", "payments"), guard);
        }
        self.push(at_ms + 20, charge);
        let database = self.id();
        let query = Span::new("orders", SpanKind::Client, trace, database, placed).with(&[("db.system.name", "postgresql"), ("server.address", "db")]);
        self.push(at_ms + 15, query);
        if self.chance(30) {
            let (search, post) = (self.id(), self.id());
            self.push(at_ms + 16, Span::new("orders", SpanKind::Client, trace, search, placed).with(&[("db.system.name", "elasticsearch")]));
            self.push(at_ms + 17, Span::client("orders", trace, post, search).with(&[("server.address", "es.local"), ("server.port", "9200")]));
        }
        let sent = self.publish(at_ms + 40, trace, "orders", 0, placed, &conversation);
        let stock = self.consume(at_ms + 80, trace, ("stock", 0), sent);
        let answer = self.publish(at_ms + 90, trace, "stock", 1, stock, &conversation);
        self.consume(at_ms + 120, trace, ("orders", 1), answer);
        self.consume(at_ms + 100, trace, ("shipping", 0), sent);
        if self.chance(30) {
            self.publish(at_ms + 130, trace, "shipping", 2, 0, &conversation);
        }
        if self.chance(20) {
            self.bury(sent.1);
        }
    }

    /// Puts a record among the dead ones; some come twice, some without headers that tell why.
    fn bury(&mut self, of_offset: i64) {
        let headers = match self.rng.random_range(0..3) {
            0 => Vec::new(),
            kind => vec![
                ("kafka_dlt-original-topic", TOPICS[0].to_owned()),
                ("kafka_dlt-exception-fqcn", if kind == 1 { "shop.NoSuchItem" } else { "shop.NoStock" }.to_owned()),
                ("kafka_dlt-exception-message", format!("order {of_offset} cannot be filled")),
            ],
        };
        let record = Record { topic: "orders.placed-dlt", partition: 0, offset: self.num_dead, trace: None, correlation: None, headers };
        self.num_dead += 1;
        if self.chance(30) {
            self.records.push(record.clone());
        }
        self.records.push(record);
    }

    /// What an actuator tells of a breaker, and a door of those it turned away.
    fn told(&mut self, at_ms: i64) -> Vec<Fact> {
        let (caller, instance) = (Some("orders".to_owned()), Some("orders-1".to_owned()));
        let state = if self.chance(50) { BreakerState::Open } else { BreakerState::Closed };
        let of_state = BreakerFact {
            caller: caller.clone(),
            instance: instance.clone(),
            name: "card".to_owned(),
            state: Some(state),
            failure_rate_percent: None,
            not_permitted_calls: Some(self.rng.random_range(0..3)),
            buffered_calls: None,
            failed_calls: None,
            origin: "actuator".to_owned(),
        };
        let kind = BreakerEventKind::Transition { from: BreakerState::Closed, to: BreakerState::Open };
        let event = BreakerEventFact { caller, instance, name: "card".to_owned(), at_ns: START_NS + at_ms * MS, kind };
        let host = ["evil.example", "host.docker.internal"][usize::from(self.chance(50))];
        let refused = Refusal {
            peer: format!("127.0.0.1:{}", self.rng.random_range(40_000..50_000)),
            host: Some(host.to_owned()),
            origin: None,
            rule: "host".to_owned(),
            next_step: format!("allow it, or not ({})", self.rng.random_range(0..3)),
            count: self.rng.random_range(1..5),
        };
        let all = [Fact::Breaker(of_state), Fact::BreakerEvent(event), Fact::Refused(refused)];
        all.into_iter().filter(|_| self.chance(60)).collect()
    }

    /// Mail is sent in batches.
    fn mail(&mut self, sent: &[(u128, u64)]) {
        let id = self.id();
        let mut batch = Span::process("mail", TOPICS[3], "mail", 77, id, 0);
        for (trace, producer) in sent {
            batch = batch.linked(*trace, *producer, &[]);
        }
        self.push(4_000, batch);
    }

    /// All that arrived, each batch at its own time.
    fn arrivals(mut self) -> Vec<Batch> {
        let mut all = Vec::new();
        self.spans.shuffle(&mut self.rng);
        let mut rest = self.spans.as_slice();
        while !rest.is_empty() {
            let len = self.rng.random_range(1..30).min(rest.len());
            let (now, later) = rest.split_at(len);
            let received_ms = self.rng.random_range(5_000..90_000);
            all.push(spans(received_ms, now));
            rest = later;
        }
        for part in self.records.chunks(7) {
            let received_ms = self.rng.random_range(1_000..90_000);
            all.push(records(received_ms, part));
        }
        for at_ms in [1_000, 20_000, 60_000] {
            let share = |all: i64| all * at_ms / 60_000;
            let topics = TOPICS.iter().zip(self.published).map(|(name, published)| topic(name, share(published)));
            let groups = [("silent", 2), ("stock", 0), ("shipping", 0)];
            let groups = groups.iter().map(|(name, at)| group(name, TOPICS[*at], share(self.published[*at]), self.published[*at], at_ms));
            all.push(facts(at_ms, topics.chain(groups).collect()));
        }
        for _ in 0..self.rng.random_range(0..6) {
            let at_ms = self.rng.random_range(1_000..90_000);
            all.push(facts(at_ms, self.told(at_ms)));
        }
        all.push(tick(95_000));
        all.push(all[0].clone());
        all
    }
}

const TOPICS: [&str; 4] = ["orders.placed", "stock.replies", "shipped", "mail.wanted"];

fn business(seed: u64, num_orders: u64) -> Vec<Batch> {
    let mut business = Business::new(seed);
    for number in 0..num_orders {
        business.order(number);
    }
    let mut sent = Vec::new();
    for number in 0..num_orders / 2 {
        let trace = 5_000 + u128::from(number);
        let (id, _) = business.publish(3_000, trace, "orders", 3, 0, "-");
        sent.push((trace, id));
    }
    for part in sent.chunks(5) {
        business.mail(part);
    }
    business.arrivals()
}

fn report(batches: &[Batch]) -> Report {
    let mut engine = engine();
    apply(&mut engine, batches);
    assert_conserved(&mut engine, batches);
    let mut report = engine.report(&intake(batches));
    // What is counted of a source is not its truth alone: of two that are equal either may be the first.
    report.sources.clear();
    report
}

/// The rows in which two reports differ.
fn differences(one: &Report, other: &Report) -> Vec<String> {
    let lines = |report: &Report| -> Vec<String> {
        let text = |row: &dyn std::fmt::Debug| format!("{row:?}");
        let mut lines: Vec<String> = report.services.iter().map(|row| text(row)).collect();
        lines.extend(report.interactions.iter().map(|row| text(row)));
        lines.extend(report.hops.iter().map(|row| text(row)));
        lines.extend(report.groups.iter().map(|row| text(row)));
        lines.extend(report.breakers.iter().map(|row| text(row)));
        lines.extend(report.channels.iter().map(|row| text(row)));
        lines.extend(report.dead_letters.iter().map(|row| text(row)));
        lines.extend(report.refused.iter().map(|row| text(row)));
        lines.push(text(&report.limits));
        lines
    };
    let (one, other) = (lines(one), lines(other));
    let missing =
        |from: &[String], to: &[String], sign: &str| from.iter().filter(|line| !to.contains(line)).map(|line| format!("{sign} {line}")).collect::<Vec<_>>();
    [missing(&one, &other, "-"), missing(&other, &one, "+")].concat()
}

/// Whether these arrivals end in the same report whatever their order; else what differs.
fn same_in_any_order(seed: u64, num_orders: u64) -> Result<(), String> {
    let arrived = business(seed, num_orders);
    let first = report(&arrived);
    if first.interactions.is_empty() {
        return Err("nothing was told".to_owned());
    }
    let mut rng = StdRng::seed_from_u64(seed ^ 1);
    for _ in 0..3 {
        let mut shuffled = arrived.clone();
        shuffled.shuffle(&mut rng);
        let again = report(&shuffled);
        let differences = differences(&first, &again);
        if !differences.is_empty() || first != again {
            return Err(differences.join("\n"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_arrival_ends_in_the_same_report(seed in any::<u64>(), num_orders in 1..40_u64) {
        let same = same_in_any_order(seed, num_orders);
        prop_assert!(same.is_ok(), "{}", same.unwrap_err());
    }
}

#[test]
fn an_order_of_arrival_that_once_made_a_service_silent_makes_no_difference() {
    let same = same_in_any_order(17_161_005_388_731_488_573, 3);
    assert!(same.is_ok(), "{}", same.unwrap_err());
}

#[test]
fn replaying_what_was_written_down_gives_the_same_answers() {
    let arrived = business(4711, 50);
    let answers = |batches: &[Batch]| {
        let mut engine = engine();
        apply(&mut engine, batches);
        let snapshot = engine.snapshot(&intake(batches));
        (engine.report(&intake(batches)), snapshot.topology, snapshot.figures, snapshot.interactions, snapshot.groups, snapshot.breakers)
    };
    assert_eq!(answers(&arrived), answers(&arrived));
}

#[test]
fn every_rule_occurs_in_the_business() {
    let told = report(&business(1, 200));
    let rules: std::collections::BTreeSet<String> = told.interactions.iter().flat_map(|row| row.evidence.rules.keys().cloned()).collect();
    let expected = ["group offsets", "link", "message id", "missing parent", "parent", "peer", "record", "root"];
    assert!(expected.iter().all(|rule| rules.contains(*rule)), "{rules:?}");
    let statuses: std::collections::BTreeSet<&str> = told.hops.iter().flat_map(|hop| hop.statuses.keys().map(String::as_str)).collect();
    let expected = ["200", "404", "503", "DEADLINE_EXCEEDED", "failed", "java.net.ConnectException", "shop.NoStock", "timeout", "waiting"];
    assert!(expected.iter().all(|status| statuses.contains(status)), "{statuses:?}");
    assert!(told.interactions.iter().any(|row| row.to.as_deref() == Some("es.local:9200") && row.via == "database"), "{:?}", told.interactions);
    assert!(told.interactions.iter().any(|row| row.from.as_deref() == Some("legacy-cron")), "{:?}", told.interactions);
    let retries = |via: &str| told.interactions.iter().filter(|row| row.via == via).map(|row| row.retries).sum::<u64>();
    assert!(retries("http") > 20 && retries(TOPICS[0]) > 0, "{:?}", told.interactions);
    assert!(told.breakers.iter().any(|breaker| breaker.callee.as_deref() == Some("payments")), "{:?}", told.breakers);
    assert!(told.dead_letters.len() >= 3 && told.dead_letters.iter().any(|letters| letters.origin.as_deref() == Some(TOPICS[0])), "{:?}", told.dead_letters);
    assert!(!told.refused.is_empty() && told.refused.iter().all(|refused| refused.count > 0), "{:?}", told.refused);
}
