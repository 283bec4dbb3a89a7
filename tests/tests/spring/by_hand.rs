//! What somebody sends by hand to the business, and what it causes: an order over HTTP; a question over gRPC, of which the server itself tells what it
//! takes; records to each topic that is read; and one as a record that cannot be shipped, which dies, is mended by a plan, sent again and consumed. The
//! program sends, another one watches, and the business has its books.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use switchboard_desk::ledger::KindHash;
use switchboard_desk::send::edit::{Change, Changes};
use switchboard_desk::send::replay::{AskedLetter, AskedLetters, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions};
use switchboard_engine::view::{Answer, LetterView, PointQuery, Query, SpanView, TraceView};
use switchboard_model::TraceId;
use switchboard_tests::program::Program;
use switchboard_tests::spring::Spring;

use super::{AGREES_WITHIN, CLUSTER, Watched, until_none, until_some};

const SCENARIO: &str = "sent by hand";
/// A program starts, sends and sees what became of it within this time, also on a busy machine.
const RUNS_WITHIN: Duration = Duration::from_mins(2);
/// Orders that nobody else places, by their numbers.
const ORDER: &str = "900001";
const POISONED: &str = "900002";
const JUDGED: &str = "900003";
const PUBLISHED: &str = "900004";

/// Sends all by hand, and mends the one that dies. Requests lie in the folder, beside the profile's file.
pub(super) async fn sent_by_hand(watched: &mut Watched, spring: &mut Spring, folder: &Path) {
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let profile = folder.join("profile.toml").display().to_string();

    let url = format!("http://127.0.0.1:{}/orders", spring.orders.port("http_port"));
    let order = write(
        "order.toml",
        &format!(
            "[http]\nmethod = \"POST\"\nurl = \"{url}\"\nquery = [{{ name = \"order\", value = \"{ORDER}\" }}, {{ name = \"kind\", value = \"good\" }}]\n"
        ),
    );
    let told = watched.runs(0, &["send", &order, "--profile", &profile]);
    if told["answer"]["status"] != 200 || !told["body"].as_str().is_some_and(|body| body.starts_with("paid")) {
        watched.note(SCENARIO, format!("the order is answered with {told}"));
    }
    let arrives = |trace: &TraceView| {
        let services: BTreeSet<&str> = trace.spans.iter().map(|span| span.service.as_str()).collect();
        let channels: BTreeSet<&str> = trace.records.iter().map(|record| record.at.channel.as_str()).collect();
        let has_failed = trace.spans.iter().any(|span| span.failure.is_some());
        services == BTreeSet::from(["orders", "payments", "shipping"])
            && channels.is_superset(&BTreeSet::from(["orders.placed", "orders.invoice"]))
            && !has_failed
    };
    watched.causes(&told, "the services and topics that an order goes through", arrives).await;
    is_booked(watched, spring, "shipping", ORDER, &[false]).await;

    judged(watched, spring, folder, &profile).await;
    for (topic, group) in [("orders.invoice", "invoicing"), ("orders.ledger", "ledger")] {
        let value = format!("{{\"order\": \"{PUBLISHED}\", \"kind\": \"good\"}}");
        let record =
            write(&format!("{group}.toml"), &format!("[record]\ntopic = \"{topic}\"\nkey = {{ text = \"{PUBLISHED}\" }}\nvalue = {{ json = '{value}' }}\n"));
        let told = watched.runs(0, &["send", &record, "--profile", &profile]);
        if told["outcome"] != "persisted" {
            watched.note(SCENARIO, format!("the record for {topic} is not known to be persisted: {told}"));
        }
        watched.replayed.push((topic, 1));
        let is_read = |trace: &TraceView| {
            let is_there = trace.records.iter().any(|record| record.at.channel == topic);
            is_there && !trace.spans.is_empty() && trace.spans.iter().all(|span| span.service == "shipping" && span.failure.is_none())
        };
        watched.causes(&told, &format!("a record of {topic} that shipping reads"), is_read).await;
        is_booked(watched, spring, group, PUBLISHED, &[false]).await;
    }

    let value = format!("{{\"order\": \"{POISONED}\",  \"kind\": \"poison\"}}");
    let record = write("record.toml", &format!("[record]\ntopic = \"orders.placed\"\nkey = {{ text = \"{POISONED}\" }}\nvalue = {{ json = '{value}' }}\n"));
    let told = watched.runs(0, &["send", &record, "--profile", &profile]);
    if told["outcome"] != "persisted" {
        watched.note(SCENARIO, format!("the record is not known to be persisted: {told}"));
    }
    watched.replayed.push(("orders.placed", 1));
    let dies = |trace: &TraceView| {
        let num_failed = trace.spans.iter().filter(|span| span.service == "shipping" && span.failure.is_some()).count();
        num_failed >= 3 && trace.records.iter().any(|record| record.at.channel == "orders.placed")
    };
    watched.causes(&told, "three attempts of shipping that fail", dies).await;
    is_booked(watched, spring, "shipping", POISONED, &[true; 3]).await;

    let Some(plan) = watched.mended(POISONED).await else { return };
    let of_plan = ["replay", "--plan", &plan, "--profile", &profile];
    let told = watched.runs(0, &of_plan);
    let is_consumed = told["ended"] == "finished" && told["outcomes"]["persisted"] == 1 && told["consumed"] == 1 && told["num_edited"] == 1;
    if !is_consumed {
        watched.note(SCENARIO, format!("what was mended is not consumed: {told}"));
    }
    watched.replayed.push(("orders.placed", 1));
    is_booked(watched, spring, "shipping", POISONED, &[true, true, true, false]).await;
    // It stands in the ledger, whoever asks.
    let told = watched.runs(1, &of_plan);
    if told["num_records"] != 0 {
        watched.note(SCENARIO, format!("what was consumed would be sent again: {told}"));
    }
    watched.agrees(SCENARIO, spring).await;
}

/// Asks payments for the risk of an order over gRPC, which tells by reflection what it takes: once it judges, and once it fails.
async fn judged(watched: &mut Watched, spring: &mut Spring, folder: &Path, profile: &str) {
    let url = format!("http://127.0.0.1:{}", spring.payments.port("grpc_port"));
    let call = folder.join("judge.toml").display().to_string();
    let text = format!("[grpc]\nurl = \"{url}\"\nmethod = \"payments.Risk/Check\"\nmessages = ['{{\"order\": \"{JUDGED}\"}}']\n");
    std::fs::write(&call, text).expect("written");
    for (fails, code, status) in [("fail", 0, 0), ("fail risk", 4, 14)] {
        spring.payments.tell(fails).expect("told");
        let told = watched.runs(code, &["send", &call, "--profile", profile]);
        watched.called.push(code != 0);
        let answer = told["messages"].as_array().and_then(|messages| messages.iter().find(|message| message["ours"] == false));
        let is_low = answer.and_then(|answer| answer["message"].as_str()).is_some_and(|message| message.contains("\"risk\": \"low\""));
        if told["answer"]["code"] != status || is_low != (code == 0) {
            watched.note(SCENARIO, format!("payments, told to {fails:?}, answers with {told}"));
        }
        // One span and no more: that it was asked what it takes is nothing that anybody called.
        let is_one = |trace: &TraceView| {
            let is_call = |span: &SpanView| span.service == "payments" && span.failure.is_some() == (code != 0);
            matches!(&trace.spans[..], [span] if is_call(span)) && trace.records.is_empty()
        };
        watched.causes(&told, "one call of payments and nothing else", is_one).await;
    }
    spring.payments.tell("fail").expect("told");
}

/// The business comes to have such deliveries of an order to a group in its books; of each, whether it failed.
async fn is_booked(watched: &mut Watched, spring: &Spring, group: &str, order: &str, failed: &[bool]) {
    let differs = until_none(AGREES_WITHIN, async || {
        let booked = spring.books().expect("books").deliveries(group, order);
        if booked == failed { vec![] } else { vec![format!("deliveries of order {order} to {group} fail as {booked:?} by the books, and not as {failed:?}")] }
    });
    for what in differs.await {
        watched.note(SCENARIO, what);
    }
}

impl Watched {
    /// Runs the program beside the session until it ends as it should; what it told.
    fn runs(&mut self, code: i32, args: &[&str]) -> Value {
        let (ended, said) = tokio::task::block_in_place(|| {
            let mut program = Program::start(args).expect("starts");
            (program.wait(RUNS_WITHIN), program.output())
        });
        let told = serde_json::from_str(&said).unwrap_or(Value::Null);
        if ended.as_ref().ok() != Some(&code) || told == Value::Null {
            self.note(SCENARIO, format!("{args:?} ended with {ended:?} instead of {code}, and said {said}"));
        }
        told
    }

    /// What was sent comes to have caused this, as far as its trace shows.
    async fn causes(&mut self, told: &Value, what: &str, is_seen: impl Fn(&TraceView) -> bool) {
        let Some(trace_id) = told["trace_id"].as_str().and_then(|digits| u128::from_str_radix(digits, 16).ok()).map(TraceId) else {
            return self.note(SCENARIO, format!("no trace is told of: {told}"));
        };
        let looked =
            until_none(AGREES_WITHIN, async || match self.session.query(Query::Point(PointQuery::Trace { trace_id })).recv_timeout(Duration::from_secs(5)) {
                Ok(Answer::Trace(trace)) if is_seen(&trace) => vec![],
                Ok(Answer::Trace(trace)) => {
                    let spans: Vec<String> = trace.spans.iter().map(|span| format!("{} {} {:?}", span.service, span.name, span.failure)).collect();
                    let records: Vec<String> = trace.records.iter().map(|record| record.at.to_string()).collect();
                    vec![format!("its trace does not show {what}, but {spans:?} and {records:?}")]
                }
                other => vec![format!("no trace: {other:?}")],
            });
        for what in looked.await {
            self.note(SCENARIO, what);
        }
    }

    /// The dead letter of an order, once it is known.
    async fn letter(&mut self, order: &str) -> Option<LetterView> {
        let found = until_some(AGREES_WITHIN, || {
            let dead = self.session.snapshot().dead_letters.clone();
            dead.iter()
                .filter(|view| view.channel == "orders.placed-dlt")
                .find_map(|view| self.letters(view).into_iter().find(|letter| letter.key.as_deref() == Some(order.as_bytes())))
        });
        let found = found.await;
        if found.is_none() {
            self.note(SCENARIO, format!("no dead letter of order {order} is known"));
        }
        found
    }

    /// Makes a plan, as the window does, that mends the letter of an order; its file.
    async fn mended(&mut self, order: &str) -> Option<String> {
        let letter = self.letter(order).await?;
        let changes = Changes { to_all: vec![Change::Set { path: "kind".parse().expect("a path"), json: "\"good\"".into() }], ..Changes::default() };
        let ask = ReplayAsk {
            cluster: CLUSTER.into(),
            target: letter.origin.clone().unwrap_or_default().into(),
            letters: AskedLetters::These(vec![AskedLetter::of(&letter, KindHash(1))]),
            num_stored: 1,
            plan_key: None,
            options: ReplayOptions { changes: Arc::new(changes), ..ReplayOptions::default() },
        };
        let board = self.previewed(ask).await?;
        let replay_id = board.preview.as_ref()?.replay_id.clone();
        self.session.replay(ReplayCommand::WritePlan { replay_id: replay_id.clone() });
        let path = |board: &ReplayBoard| board.plan_file.as_ref().filter(|(of, _)| *of == replay_id).map(|(_, path)| path.display().to_string());
        let written = until_some(AGREES_WITHIN, || path(&self.session.replay_board())).await;
        if written.is_none() {
            self.note(SCENARIO, format!("no plan is written: {:?}", self.session.replay_board().refusal));
        }
        self.session.replay(ReplayCommand::Dismiss);
        written
    }
}
