//! What the business did, written by the business.
//!
//! # What a checker may expect
//! - `calls[]`: one for every attempt that was sent and whose end the caller saw; `errors` those that ended with HTTP ≥ 400, a gRPC status
//!   other than OK, a broken connection or the caller's time-out; `retries` those that were a second try; `timeouts` those that the
//!   caller's time-out ended (they are errors too). A call that a breaker refused was never sent and is not counted. Over gRPC there
//!   are second tries only while an instance is dead; no attribute on their spans tells so.
//! - `records[]`: acknowledged by the broker. `deliveries[]`: one for each time a group's consumer was handed a record, including
//!   those handed over again; attempts inside one delivery do not count. `dead_letters[]`: acknowledged on that channel.
//! - `breakers[]`: every state a breaker entered, beginning with `closed` whenever its instance starts.
//!
//! Spans agree exactly with all that (billing and the carrier send none, and neither do Kafka groups for what they never got), but for:
//! - `lost_spans_possible[]`, one line for each time an instance was aborted. `counted` is what that instance did after its last
//!   export that surely arrived: it is part of the totals, its spans may be missing. `unfinished` is what it had begun and never
//!   saw the end of: it is not part of the totals, but the other side may have seen it. So for every figure
//!   `books − counted ≤ spans ≤ books + unfinished`, and the callees' spans of those calls may have no parent that was ever sent.
//! - `broker_outages[]`: a broker that goes away between storing a record and answering lets the producer send it again. Apache Kafka
//!   recognises that, the mock cluster stores it twice; so after an outage a mock channel may hold some records more than the
//!   books, and its groups are handed them.
//! - `telemetry[].failed_spans`: spans an exporter gave up on. Where that is not 0, nothing can be compared.

mod clerk;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Context as _;
use parking_lot::Mutex;
use serde::Serialize;

use crate::telemetry::now_ns;

pub(crate) use clerk::Clerk;

/// One kind of call: from whom (`None`: from outside), to whom, over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) from: Option<&'static str>,
    pub(crate) to: &'static str,
    pub(crate) via: &'static str,
}

/// How an attempt ended as its caller saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    Failed,
    TimedOut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct CallFigures {
    calls: u64,
    errors: u64,
    retries: u64,
    timeouts: u64,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Call { way: Way, is_retry: bool, outcome: Outcome },
    Record { channel: &'static str },
    Delivery { group: &'static str, channel: &'static str },
}

#[derive(Clone, Debug, Default)]
struct Tally {
    calls: BTreeMap<Way, CallFigures>,
    records: BTreeMap<&'static str, u64>,
    deliveries: BTreeMap<(&'static str, &'static str), u64>,
}

impl Tally {
    fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Call { way, is_retry, outcome } => {
                let figures = self.calls.entry(way).or_default();
                figures.calls += 1;
                figures.errors += u64::from(outcome != Outcome::Good);
                figures.retries += u64::from(is_retry);
                figures.timeouts += u64::from(outcome == Outcome::TimedOut);
            }
            Fact::Record { channel } => *self.records.entry(channel).or_default() += 1,
            Fact::Delivery { group, channel } => *self.deliveries.entry((group, channel)).or_default() += 1,
        }
    }

    fn page(&self) -> TallyPage {
        TallyPage {
            calls: self
                .calls
                .iter()
                .map(|(way, f)| CallPage {
                    from: way.from,
                    to: way.to,
                    via: way.via,
                    calls: f.calls,
                    errors: f.errors,
                    retries: f.retries,
                    timeouts: f.timeouts,
                })
                .collect(),
            records: self.records.iter().map(|(&channel, &records)| RecordPage { channel, records }).collect(),
            deliveries: self.deliveries.iter().map(|(&(group, channel), &count)| DeliveryPage { group, channel, count }).collect(),
        }
    }
}

/// What became of the orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct OrderFigures {
    /// Sent by the generator and answered, in whatever way.
    pub(crate) sent: u64,
    /// Accepted and paid.
    pub(crate) paid: u64,
    /// Accepted without payment, because payments failed or the breaker refused.
    pub(crate) payment_later: u64,
    /// Refused by a rule of the business.
    pub(crate) rejected: u64,
    /// Not answered, or answered with an error.
    pub(crate) failed: u64,
    /// Rows in the table of orders.
    pub(crate) rows: u64,
    /// Rows for which inventory answered.
    pub(crate) reserved: u64,
    /// Orders taken back, each by a record without payload.
    pub(crate) cancelled: u64,
}

#[derive(Default)]
struct Pages {
    total: Tally,
    dead_letters: BTreeMap<&'static str, u64>,
    breakers: Vec<BreakerPage>,
    orders: OrderFigures,
    lost: Vec<Lost>,
    outages: Vec<OutagePage>,
}

struct Lost {
    service: &'static str,
    instance: &'static str,
    from_ns: i64,
    to_ns: i64,
    counted: Tally,
    unfinished: Tally,
}

/// The books of one lab.
pub(crate) struct Books {
    started_ns: i64,
    pages: Mutex<Pages>,
}

impl Books {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { started_ns: now_ns(), pages: Mutex::default() })
    }

    /// Lets `change` write down what became of an order.
    pub(crate) fn order(&self, change: impl FnOnce(&mut OrderFigures)) {
        change(&mut self.pages.lock().orders);
    }

    pub(crate) fn dead_letter(&self, channel: &'static str) {
        *self.pages.lock().dead_letters.entry(channel).or_default() += 1;
    }

    pub(crate) fn broker_outage(&self, is_down: bool) {
        let outages = &mut self.pages.lock().outages;
        match outages.last_mut().filter(|last| last.to_ns.is_none()) {
            Some(last) if !is_down => last.to_ns = Some(now_ns()),
            None if is_down => outages.push(OutagePage { from_ns: now_ns(), to_ns: None }),
            _ => {}
        }
    }

    /// The books as JSON; `telemetry` is what the exporters say of themselves.
    pub(crate) fn json(&self, telemetry: Vec<TelemetryPage>) -> serde_json::Result<String> {
        let pages = self.pages.lock();
        serde_json::to_string_pretty(&BooksPage {
            schema: 1,
            started_ns: self.started_ns,
            written_ns: now_ns(),
            total: pages.total.page(),
            dead_letters: pages.dead_letters.iter().map(|(&channel, &count)| DeadLetterPage { channel, count }).collect(),
            breakers: &pages.breakers,
            orders: pages.orders,
            lost_spans_possible: pages
                .lost
                .iter()
                .map(|lost| LostPage {
                    service: lost.service,
                    instance: lost.instance,
                    from_ns: lost.from_ns,
                    to_ns: lost.to_ns,
                    counted: lost.counted.page(),
                    unfinished: lost.unfinished.page(),
                })
                .collect(),
            broker_outages: &pages.outages,
            telemetry,
        })
    }

    /// Writes them to a file, whole or not at all.
    pub(crate) fn write(&self, path: &Path, telemetry: Vec<TelemetryPage>) -> anyhow::Result<()> {
        let json = self.json(telemetry).context("the books cannot be put into words")?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        std::fs::write(&beside, json)
            .and_then(|()| std::fs::rename(&beside, path))
            .with_context(|| format!("the books cannot be written to {}; choose a file in a folder that exists", path.display()))
    }
}

#[derive(Serialize)]
struct BooksPage<'a> {
    schema: u32,
    started_ns: i64,
    written_ns: i64,
    #[serde(flatten)]
    total: TallyPage,
    dead_letters: Vec<DeadLetterPage>,
    breakers: &'a [BreakerPage],
    orders: OrderFigures,
    lost_spans_possible: Vec<LostPage>,
    broker_outages: &'a [OutagePage],
    telemetry: Vec<TelemetryPage>,
}

#[derive(Serialize)]
struct TallyPage {
    calls: Vec<CallPage>,
    records: Vec<RecordPage>,
    deliveries: Vec<DeliveryPage>,
}

#[derive(Serialize)]
struct CallPage {
    from: Option<&'static str>,
    to: &'static str,
    via: &'static str,
    calls: u64,
    errors: u64,
    retries: u64,
    timeouts: u64,
}

#[derive(Serialize)]
struct RecordPage {
    channel: &'static str,
    records: u64,
}

#[derive(Serialize)]
struct DeliveryPage {
    group: &'static str,
    channel: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct DeadLetterPage {
    channel: &'static str,
    count: u64,
}

#[derive(Serialize)]
struct BreakerPage {
    caller: &'static str,
    instance: &'static str,
    name: &'static str,
    state: &'static str,
    at_ns: i64,
}

#[derive(Serialize)]
struct LostPage {
    service: &'static str,
    instance: &'static str,
    from_ns: i64,
    to_ns: i64,
    counted: TallyPage,
    unfinished: TallyPage,
}

#[derive(Serialize)]
struct OutagePage {
    from_ns: i64,
    to_ns: Option<i64>,
}

/// What one exporter says of itself.
#[derive(Serialize)]
pub(crate) struct TelemetryPage {
    pub(crate) service: &'static str,
    pub(crate) instance: &'static str,
    /// Spans the receiver took, counted once.
    pub(crate) exported_spans: u64,
    /// Spans the exporter gave up on.
    pub(crate) failed_spans: u64,
    /// Batches sent a second time on purpose.
    pub(crate) duplicate_batches: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PAY: Way = Way { from: Some("orders"), to: "payments", via: "http" };

    fn read(books: &Books) -> Value {
        serde_json::from_str(&books.json(Vec::new()).unwrap()).unwrap()
    }

    #[test]
    fn attempts_errors_retries_and_timeouts_add_up() {
        let books = Books::new();
        let clerk = Clerk::new(&books, "orders", "orders-1");
        clerk.call(PAY, false).end(Outcome::Good);
        clerk.call(PAY, false).end(Outcome::TimedOut);
        clerk.call(PAY, true).end(Outcome::Failed);
        clerk.call(Way { from: None, to: "storefront", via: "http" }, false).end(Outcome::Good);
        let read = read(&books);
        assert_eq!(read["schema"], 1);
        assert_eq!(
            read["calls"],
            json!([
                { "from": null, "to": "storefront", "via": "http", "calls": 1, "errors": 0, "retries": 0, "timeouts": 0 },
                { "from": "orders", "to": "payments", "via": "http", "calls": 3, "errors": 2, "retries": 1, "timeouts": 1 },
            ])
        );
    }

    #[test]
    fn what_never_ends_is_not_counted() {
        let books = Books::new();
        let clerk = Clerk::new(&books, "inventory", "inventory-1");
        clerk.delivery("inventory", "orders.placed").done();
        clerk.record("inventory.reserved").done();
        clerk.record("inventory.reserved").void();
        drop(clerk.delivery("inventory", "orders.placed"));
        let read = read(&books);
        assert_eq!(read["deliveries"], json!([{ "group": "inventory", "channel": "orders.placed", "count": 1 }]));
        assert_eq!(read["records"], json!([{ "channel": "inventory.reserved", "records": 1 }]));
        assert_eq!(read["lost_spans_possible"], json!([]));
    }

    #[test]
    fn an_abort_sets_down_what_spans_may_not_tell() {
        let books = Books::new();
        let clerk = Clerk::new(&books, "orders", "orders-2");
        clerk.call(PAY, false).end(Outcome::Good);
        clerk.exported(now_ns() + 1);
        clerk.call(PAY, false).end(Outcome::Good);
        let open_call = clerk.call(PAY, true);
        let open_record = clerk.record("orders.placed");
        assert_eq!(clerk.num_open(), 2);
        clerk.abort();
        clerk.delivery("orders", "inventory.reserved").done();
        drop(open_call);
        drop(open_record);
        let read = read(&books);
        let lost = &read["lost_spans_possible"][0];
        assert_eq!((&lost["service"], &lost["instance"]), (&json!("orders"), &json!("orders-2")));
        assert_eq!(lost["counted"]["calls"][0]["calls"], 1);
        assert_eq!(lost["counted"]["deliveries"][0]["count"], 1, "what ends after the abort");
        assert_eq!(lost["unfinished"]["calls"][0]["retries"], 1);
        assert_eq!(lost["unfinished"]["records"], json!([{ "channel": "orders.placed", "records": 1 }]));
        assert_eq!(read["calls"][0]["calls"], 2);
        assert_eq!(read["records"], json!([]));
    }

    #[test]
    fn outages_open_and_close_once() {
        let books = Books::new();
        for is_down in [false, true, true, false, false] {
            books.broker_outage(is_down);
        }
        let outages = read(&books)["broker_outages"].clone();
        assert_eq!(outages.as_array().map(Vec::len), Some(1));
        assert!(outages[0]["to_ns"].is_i64());
    }
}
