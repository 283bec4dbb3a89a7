//! The small business of Spring services under `tests/peers/spring`, and the books that its own code keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::agreement::differences;

/// A JVM under the agent starts within this time, also on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_mins(4);
const ANSWERS_WITHIN: Duration = Duration::from_mins(1);
/// Lines that wait to be read; the services say little.
const LINES_MAX: usize = 4096;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/spring.sh")
}

/// Compiles the services where that is needed, within the limits of the script.
pub fn build() -> anyhow::Result<()> {
    let output = Command::new(script()).arg("build").stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("spring.sh build ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// One service as a process. It ends when its standard input does, and is killed when dropped.
pub struct Service {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    name: String,
    ports: Value,
}

impl Service {
    /// Starts a service; its books are a file of their own in the folder.
    pub fn start(role: &str, instance: &str, folder: &Path, otlp: &str, settings: &[String]) -> anyhow::Result<Self> {
        let log = std::fs::File::create(folder.join(format!("{instance}.log")))?;
        let mut child = Command::new(script())
            .args(["run", role, instance])
            .arg(folder.join(format!("{instance}.books")))
            .arg(otlp)
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take().context("no pipe")?;
        let (sender, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if (line.starts_with("ready ") || line.starts_with("answer ")) && sender.try_send(line).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, lines, name: instance.to_owned(), ports: Value::Null })
    }

    fn line(&mut self, begins: &str, within: Duration) -> anyhow::Result<String> {
        match self.lines.recv_timeout(within) {
            Ok(line) => line.strip_prefix(begins).map(str::to_owned).with_context(|| format!("{} said {line:?}", self.name)),
            Err(RecvTimeoutError::Timeout) => bail!("{} did not say {begins:?} within {within:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => bail!("{} ended with {:?}", self.name, self.child.wait()),
        }
    }

    /// Waits until it serves.
    pub fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        self.ports = serde_json::from_str(&self.line("ready ", STARTS_WITHIN)?)?;
        Ok(())
    }

    /// A port that it listens on: `http_port`, `grpc_port`.
    pub fn port(&self, name: &str) -> u64 {
        self.ports[name].as_u64().unwrap_or_default()
    }

    /// Tells it to do something, and waits until it has.
    pub fn tell(&mut self, command: &str) -> anyhow::Result<()> {
        let stdin = self.stdin.as_mut().context("it was told to end")?;
        stdin.write_all(format!("{command}\n").as_bytes())?;
        let answer = self.line("answer ", ANSWERS_WITHIN)?;
        if answer != "ok" {
            bail!("{} answered {answer:?} to {command:?}", self.name);
        }
        Ok(())
    }

    /// Ends it in order: what it has not exported yet is exported.
    pub fn end(&mut self) -> anyhow::Result<()> {
        if let Some(mut stdin) = self.stdin.take() {
            stdin.write_all(b"end\n")?;
        }
        let deadline = Instant::now() + ANSWERS_WITHIN;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("{} did not end within {ANSWERS_WITHIN:?}", self.name);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        // One that has ended already cannot be killed, which is what we want.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The business: payments, orders, and so many instances of shipping.
pub struct Spring {
    folder: PathBuf,
    otlp: String,
    kafka: String,
    /// Charges and judges; `fail [charge] [risk]`.
    pub payments: Service,
    /// Takes orders; `open KEY`, `close commit`, `close abort`.
    pub orders: Service,
    /// Read Kafka; `heal on`, `heal off`, `release`, `stop LISTENER`, `start LISTENER`.
    pub shipping: Vec<Service>,
    num_orders: u64,
}

impl Spring {
    /// Starts all of it and waits until it serves; spans go to the port of OTLP over HTTP.
    pub fn start(folder: &Path, kafka: &str, otlp_http_port: u16, orders_port: u16, num_shipping: usize) -> anyhow::Result<Self> {
        build()?;
        // Another test of this process may have been first.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let (otlp, broker) = (format!("http://127.0.0.1:{otlp_http_port}"), format!("--business.kafka={kafka}"));
        let mut payments = Service::start("payments", "payments-1", folder, &otlp, &[])?;
        let start = |number: usize| Service::start("shipping", &format!("shipping-{number}"), folder, &otlp, std::slice::from_ref(&broker));
        let mut shipping = vec![start(1)?];
        payments.wait_until_ready()?;
        // The topics of retries are made by the first instance.
        shipping[0].wait_until_ready()?;
        let settings = [
            broker.clone(),
            format!("--server.port={orders_port}"),
            format!("--business.payments=http://127.0.0.1:{}", payments.port("http_port")),
            format!("--business.risk=127.0.0.1:{}", payments.port("grpc_port")),
        ];
        let mut orders = Service::start("orders", "orders-1", folder, &otlp, &settings)?;
        for number in 2..=num_shipping {
            shipping.push(start(number)?);
        }
        orders.wait_until_ready()?;
        for service in shipping.iter_mut().skip(1) {
            service.wait_until_ready()?;
        }
        Ok(Self { folder: folder.to_owned(), otlp, kafka: kafka.to_owned(), payments, orders, shipping, num_orders: 0 })
    }

    /// One more instance of shipping.
    pub fn start_shipping(&mut self, number: usize) -> anyhow::Result<()> {
        let settings = [format!("--business.kafka={}", self.kafka)];
        let mut service = Service::start("shipping", &format!("shipping-{number}"), &self.folder, &self.otlp, &settings)?;
        service.wait_until_ready()?;
        self.shipping.push(service);
        Ok(())
    }

    /// Tells all instances of shipping that still run.
    pub fn tell_shipping(&mut self, command: &str) -> anyhow::Result<()> {
        self.shipping.iter_mut().try_for_each(|service| service.tell(command))
    }

    /// Places so many orders of a kind: `good`, `poison`, `unbillable`, `hang`, `abort`.
    pub async fn place(&mut self, kind: &str, num: usize) -> anyhow::Result<()> {
        // What a user is: a client without a trace.
        let client = reqwest::Client::builder().timeout(ANSWERS_WITHIN).build()?;
        for _ in 0..num {
            self.num_orders += 1;
            let url = format!("http://127.0.0.1:{}/orders?order={}&kind={kind}", self.orders.port("http_port"), self.num_orders);
            let answer = client.post(url).send().await?;
            if !answer.status().is_success() {
                bail!("order {} of kind {kind} was answered with {}: {}", self.num_orders, answer.status(), answer.text().await?);
            }
        }
        Ok(())
    }

    /// What its books say now.
    pub fn books(&self) -> anyhow::Result<Books> {
        let mut books = Books::default();
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            files.push(entry?.path());
        }
        files.retain(|path: &PathBuf| path.extension().is_some_and(|extension| extension == "books"));
        files.sort();
        for path in files {
            let text = std::fs::read_to_string(&path)?;
            // The last line may be being written.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for line in whole.lines() {
                books.lines.push(serde_json::from_str(line).with_context(|| format!("{}: {line}", path.display()))?);
            }
        }
        Ok(books)
    }
}

/// The books of all services, line by line as the business wrote them.
#[derive(Clone, Debug, Default)]
pub struct Books {
    lines: Vec<Value>,
}

/// The groups of shipping, and the topic that each reads.
const READERS: [(&str, &str); 5] = [
    ("shipping", "orders.placed"),
    ("invoicing", "orders.invoice"),
    ("invoicing-retry", "orders.invoice-retry"),
    ("invoicing-dlt", "orders.invoice-dlt"),
    ("ledger", "orders.ledger"),
];

impl Books {
    fn of<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line["what"] == what)
    }

    /// How many lines there are of something whose fields have these values.
    pub fn count(&self, what: &str, fields: &[(&str, &str)]) -> usize {
        self.of(what).filter(|line| fields.iter().all(|(field, value)| line[*field] == *value)).count()
    }

    /// What the breaker became last.
    pub fn breaker_state(&self) -> Option<String> {
        self.of("breaker").last()?["state"].as_str().map(str::to_owned)
    }

    /// The partition whose listener hangs last.
    pub fn hanging_partition(&self) -> Option<i64> {
        self.of("hanging").last()?["partition"].as_i64()
    }

    /// Notes records that somebody else wrote, and that the business reads.
    pub fn add_records(&mut self, channel: &str, num: usize) {
        self.lines.extend(std::iter::repeat_n(json!({"what": "record", "channel": channel}), num));
    }

    /// Notes a call that somebody made who keeps no books.
    pub fn add_call(&mut self, to: &str, via: &str, failed: bool) {
        self.lines.push(json!({"what": "call", "from": null, "to": to, "via": via, "failed": failed, "retry": false}));
    }

    /// Deliveries of an order to a group, in the order of time: whether each failed.
    pub fn deliveries(&self, group: &str, order: &str) -> Vec<bool> {
        self.of("delivery").filter(|line| line["group"] == group && line["key"] == order).map(|line| line["failed"] == true).collect()
    }

    /// Deliveries of a group by place, in the order of time: whether each failed.
    fn attempts(&self, group: &str) -> BTreeMap<(i64, i64), Vec<bool>> {
        let mut attempts: BTreeMap<(i64, i64), Vec<bool>> = BTreeMap::new();
        for line in self.of("delivery").filter(|line| line["group"] == group) {
            let place = (line["partition"].as_i64().unwrap_or(-1), line["offset"].as_i64().unwrap_or(-1));
            attempts.entry(place).or_default().push(line["failed"] == true);
        }
        attempts
    }

    /// What is not done yet of all that was begun, but for what hangs; none = the business has come to rest.
    pub fn unfinished(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (group, channel) in READERS {
            let aborted = self.of("marker").filter(|line| line["channel"] == channel && line["aborted"] == true).count();
            let written = self.count("record", &[("channel", channel)]) - aborted;
            let read = self.attempts(group).len();
            if read < written {
                found.push(format!("{group} has read {read} of {written} records of {channel}"));
            }
        }
        let given_up = self.attempts("shipping").values().filter(|attempts| attempts.len() >= 3 && attempts.iter().all(|failed| *failed)).count();
        let dead = self.count("dead letter", &[("channel", "orders.placed-dlt")]);
        if dead < given_up {
            found.push(format!("{dead} of {given_up} letters were written to orders.placed-dlt"));
        }
        let tried_again = self.attempts("shipping").values().filter(|attempts| attempts.last() == Some(&true) && attempts.len() < 3).count();
        if tried_again > 0 {
            found.push(format!("{tried_again} records will be tried again by shipping"));
        }
        found
    }

    /// In the form of the demo's books, which [`differences`] compares with a report.
    pub fn as_demo(&self) -> Value {
        let mut calls: BTreeMap<(Name, Name, Name), [u64; 3]> = BTreeMap::new();
        for line in self.of("call") {
            let key = (Name::of(&line["from"]), Name::of(&line["to"]), Name::of(&line["via"]));
            let figures = calls.entry(key).or_default();
            figures[0] += 1;
            figures[1] += u64::from(line["failed"] == true);
            figures[2] += u64::from(line["retry"] == true);
        }
        let calls: Vec<Value> = calls
            .into_iter()
            .map(|((from, to, via), [calls, errors, retries])| {
                json!({"from": from.0, "to": to.0, "via": via.0, "calls": calls, "errors": errors, "retries": retries, "timeouts": 0})
            })
            .collect();
        let mut records: BTreeMap<&str, u64> = BTreeMap::new();
        // A marker takes an offset too.
        for line in self.of("record").chain(self.of("marker")) {
            *records.entry(line["channel"].as_str().unwrap_or_default()).or_default() += 1;
        }
        let mut dead: BTreeMap<&str, u64> = BTreeMap::new();
        for line in self.of("dead letter") {
            *dead.entry(line["channel"].as_str().unwrap_or_default()).or_default() += 1;
        }
        let deliveries =
            READERS.iter().map(|(group, channel)| json!({"group": group, "channel": channel, "count": self.count("delivery", &[("group", group)])}));
        // The first is what it began with; who compares knows.
        let breakers = self.of("breaker").map(|line| json!({"caller": line["caller"], "instance": "orders-1", "name": line["name"], "state": line["state"]}));
        json!({
            "calls": calls,
            "records": records.iter().map(|(channel, records)| json!({"channel": channel, "records": records})).collect::<Vec<_>>(),
            "deliveries": deliveries.collect::<Vec<_>>(),
            "dead_letters": dead.iter().map(|(channel, count)| json!({"channel": channel, "count": count})).collect::<Vec<_>>(),
            "breakers": breakers.collect::<Vec<_>>(),
        })
    }

    /// Every difference between the report and these books, in words.
    pub fn differences(&self, report: &Value) -> Vec<String> {
        let mut books = self.as_demo();
        // A record that is not due yet goes back before the business sees it: it may be handed over more often than the books say. Once early
        // and once when it is due, as its partition rests until then; and once more where its reader changes meanwhile.
        for row in books["deliveries"].as_array_mut().into_iter().flatten().filter(|row| row["group"] == "invoicing-retry") {
            let told = rows(report, "hops").find(|hop| hop["kind"] == "deliver" && hop["to"] == "invoicing-retry").and_then(|hop| hop["calls"].as_u64());
            let booked = row["count"].as_u64().unwrap_or_default();
            row["count"] = json!(told.unwrap_or_default().clamp(booked, 3 * booked));
        }
        let mut found = differences(report, &books);
        self.handling(report, &mut found);
        self.causes(report, &mut found);
        self.moments(report, &mut found);
        found
    }

    /// Changes of the breaker that the report lacks, or has beyond the books: at rest, and once it was read since, there are none.
    pub fn untold_changes(&self, report: &Value) -> Vec<String> {
        // The first is what it began with.
        let booked = self.of("breaker").skip(1).count();
        let mut found = Vec::new();
        for row in rows(report, "breakers") {
            let changes = row["transitions"].as_array().into_iter().flatten().enumerate();
            let told = changes.filter(|(number, change)| *number > 0 || change[1] != "closed").count();
            if told != booked {
                found.push(format!("the breaker changed {booked} times by the books, and {told} times by the report: {row}"));
            }
        }
        found
    }

    /// What failed, and what was tried again, of the records that groups were handed.
    fn handling(&self, report: &Value, found: &mut Vec<String>) {
        for (group, channel) in READERS {
            let failed = self.of("delivery").filter(|line| line["group"] == group && line["failed"] == true).count() as u64;
            let retries: usize = self.attempts(group).values().map(|attempts| attempts.len() - 1).sum();
            let hops: Vec<&Value> = rows(report, "hops").filter(|hop| hop["kind"] == "process" && hop["from"] == group && hop["via"] == channel).collect();
            let errors: u64 = hops.iter().filter_map(|hop| hop["errors"].as_u64()).sum();
            for wrapper in ["TimestampedException", "ListenerExecutionFailedException"] {
                if let Some(hop) = hops.iter().find(|hop| hop["statuses"].to_string().contains(wrapper)) {
                    found.push(format!("{group} on {channel} is said to fail by what only wraps the cause: {}", hop["statuses"]));
                }
            }
            if errors != failed {
                found.push(format!("failures of {group} on {channel}: books {failed}, report {errors}"));
            }
            let interactions = rows(report, "interactions").filter(|row| row["to"] == "shipping" && row["via"] == channel);
            let told: u64 = interactions.filter_map(|row| row["retries"].as_u64()).sum();
            if told != retries as u64 {
                found.push(format!("redeliveries to {group} on {channel}: books {retries}, report {told}"));
            }
        }
    }

    /// What letters died of, and where.
    fn causes(&self, report: &Value, found: &mut Vec<String>) {
        for letter in rows(report, "dead_letters") {
            let is_booked = self.of("dead letter").any(|line| {
                let cause = line["cause"].as_str().unwrap_or_default();
                let short = cause.rsplit('.').next().unwrap_or(cause);
                line["channel"] == letter["channel"]
                    && line["origin"] == letter["origin"]
                    && letter["fingerprint"].as_str().is_some_and(|text| text.contains(short))
            });
            if !is_booked {
                found.push(format!("no letter of the books died as the report says: {letter}"));
            }
        }
    }

    /// When breakers changed, to the millisecond.
    fn moments(&self, report: &Value, found: &mut Vec<String>) {
        let rows: Vec<&Value> = rows(report, "breakers").collect();
        if rows.len() != 1 {
            found.push(format!("there is one breaker, and the report has {}: {rows:?}", rows.len()));
        }
        let booked: Vec<(i64, &str)> = self.of("breaker").filter_map(|line| Some((line["at_ms"].as_i64()?, line["state"].as_str()?))).skip(1).collect();
        for row in rows {
            let moments = row["transitions"].as_array().into_iter().flatten();
            let moments = moments.map(|transition| (transition[0].as_str().unwrap_or_default(), transition[1].as_str().unwrap_or_default()));
            // That it was closed when it was seen first is no change of its own.
            for (at, state) in moments.enumerate().filter(|(number, (_, state))| *number > 0 || *state != "closed").map(|(_, moment)| moment) {
                if !booked.iter().any(|(booked_ms, booked_state)| *booked_state == state && at_ms(at) == Some(*booked_ms)) {
                    found.push(format!("the breaker became {state} at {at}, which is none of the books' moments {booked:?}"));
                }
            }
        }
    }
}

/// A name that may be unknown, in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name(Option<String>);

impl Name {
    fn of(value: &Value) -> Self {
        Self(value.as_str().map(str::to_owned))
    }
}

fn rows<'a>(report: &'a Value, array: &str) -> impl Iterator<Item = &'a Value> {
    report[array].as_array().into_iter().flatten()
}

/// An RFC 3339 time in milliseconds since the Unix epoch.
fn at_ms(text: &str) -> Option<i64> {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some((time.unix_timestamp_nanos() / 1_000_000) as i64)
}

/// Services that the report should name, and no others.
pub fn strangers(report: &Value) -> BTreeSet<String> {
    let known = ["orders", "payments", "shipping"];
    rows(report, "services").filter_map(|row| row["name"].as_str()).filter(|name| !known.contains(name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_millisecond() {
        assert_eq!(at_ms("2026-11-28T06:12:31.802Z"), Some(1_795_846_351_802));
        assert_eq!(at_ms("soon"), None);
    }

    #[test]
    fn what_is_not_finished_and_what_differs_is_found() {
        let delivery = |offset: i64, failed: bool| json!({"what": "delivery", "group": "shipping", "channel": "orders.placed", "partition": 0, "offset": offset, "failed": failed});
        let mut books = Books { lines: vec![json!({"what": "record", "channel": "orders.placed"}), json!({"what": "record", "channel": "orders.placed"})] };
        assert_eq!(books.unfinished(), ["shipping has read 0 of 2 records of orders.placed"]);
        books.lines.extend([delivery(0, false), delivery(1, true), delivery(1, true), delivery(1, true)]);
        assert_eq!(books.unfinished(), ["0 of 1 letters were written to orders.placed-dlt"]);
        books.lines.push(json!({"what": "dead letter", "channel": "orders.placed-dlt", "origin": "orders.placed", "cause": "java.lang.IllegalStateException"}));
        assert_eq!(books.unfinished(), Vec::<String>::new());
        let mut report = json!({
            "interactions": [{"from": "orders", "to": "shipping", "via": "orders.placed", "calls": 4, "errors": 3, "retries": 2, "timeouts": 0}],
            "channels": [{"name": "orders.placed", "records": 2}],
            "hops": [{"kind": "deliver", "from": "orders.placed", "to": "shipping", "calls": 4, "errors": 0},
                {"kind": "process", "from": "shipping", "to": "shipping", "via": "orders.placed", "calls": 4, "errors": 3}],
            "dead_letters": [{"channel": "orders.placed-dlt", "origin": "orders.placed", "fingerprint": "IllegalStateException: …", "count": 1}],
            "breakers": [{"caller": "orders", "instance": "orders-1", "name": "payments", "transitions": []}],
        });
        assert_eq!(books.differences(&report), Vec::<String>::new());
        report["interactions"][0]["retries"] = json!(0);
        report["hops"][1]["errors"] = json!(4);
        report["dead_letters"][0]["fingerprint"] = json!("ListenerExecutionFailedException");
        assert_eq!(books.differences(&report).len(), 3, "{:?}", books.differences(&report));
    }

    #[test]
    fn changes_that_are_missing_and_records_that_come_too_often_are_found() {
        let breaker = |at_ms: i64, state: &str| json!({"what": "breaker", "caller": "orders", "name": "payments", "at_ms": at_ms, "state": state});
        let delivery = json!({"what": "delivery", "group": "invoicing-retry", "channel": "orders.invoice-retry", "partition": 0, "offset": 0, "failed": false});
        let mut books = Books { lines: vec![delivery, breaker(0, "closed"), breaker(1_795_846_351_802, "open")] };
        let mut report = json!({
            "hops": [{"kind": "deliver", "from": "orders.invoice-retry", "to": "invoicing-retry", "calls": 3, "errors": 0}],
            "breakers": [{"caller": "orders", "instance": "orders-1", "name": "payments", "transitions": [["2026-11-28T06:12:31.802Z", "open"]]}],
        });
        assert_eq!(books.differences(&report), Vec::<String>::new());
        assert_eq!(books.untold_changes(&report), Vec::<String>::new());
        report["hops"][0]["calls"] = json!(4);
        assert_eq!(books.differences(&report).len(), 1, "{:?}", books.differences(&report));
        books.lines.push(breaker(1_795_846_355_802, "half_open"));
        assert_eq!(books.untold_changes(&report).len(), 1);
    }
}
