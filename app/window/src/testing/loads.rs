//! The largest states that each view is held to, and what a user does in them: for benches.

use std::sync::Arc;

use egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, TouchPhase, pos2, vec2};
use switchboard_engine::view::{
    Answer, BreakerView, ChannelKey, DeadLetterView, FindHit, FindPage, GroupView, LagVerdict, LetterPage, LetterView, NodeBasis, NodeKind, PointQuery, Query,
    RecordLine, RecordPage, RecordView, RowId, ScanQuery, Snapshot, SpanView, StateSource, TraceList, TraceRow, TraceView,
};
use switchboard_model::{BreakerState, MessageRef, Place, SpanId, SpanKind, SpanStatus, ToldPlace, TraceId};

use super::{Business, FixedSource, Frames, NOW_NS, figure, generated, methods::told_by, order_business};
use crate::{
    WindowOptions,
    shell::settings::Settings,
    view::{Target, UiCommand, ViewKind},
    views::map::{MapSettings, mode::Mode},
    widgets::text_field::TextField,
};
use switchboard_desk::own_log::{LogLevel, LogLine, OwnLog};
use switchboard_desk::send::draft::{Body, Draft, GrpcDraft, HttpDraft, Request};

/// The screen, points.
const SIZE: egui::Vec2 = vec2(2560.0, 1440.0);
const MS_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;
const NUM_SPANS: u64 = 100_000;
const NUM_RECORDS: u64 = 1_000_000;
const NUM_GROUPS: usize = 100;
const NUM_TOPICS: usize = 200;
const NUM_METHODS: usize = 10_000;

/// A view with much in it, and what is done to it in each frame.
pub struct Load {
    /// What it is.
    pub name: &'static str,
    /// Rows and cells in a row that are in view, for a reference; `None` = a map.
    pub cells: Option<(usize, usize)>,
    frames: Frames,
    act: fn(&mut Frames, usize) -> Vec<Event>,
    number: usize,
}

impl Load {
    /// Draws the next frame; the number of vertices.
    pub fn frame(&mut self) -> usize {
        let events = (self.act)(&mut self.frames, self.number);
        self.number += 1;
        self.frames.frame(events)
    }
}

/// All of them, each made when it is called.
pub fn loads() -> Vec<fn() -> Load> {
    vec![
        || map("map, problems", Mode::Problems, &[], |_, _| Vec::new()),
        || map("map, all, whole", Mode::All, &[], |_, _| Vec::new()),
        || map("map, all, pointer moving", Mode::All, &[], |_, number| vec![pointer(number)]),
        || map("map, all, panel open", Mode::All, &[UiCommand::NextProblem], |_, _| Vec::new()),
        || map("map, all, zooming", Mode::All, &[], |_, number| vec![pointer(0), wheel(if number / 60 % 2 == 0 { 12.0 } else { -12.0 }, Modifiers::NONE)]),
        || map("map, neighbourhood", Mode::All, &[UiCommand::NextProblem, UiCommand::MapNeighbourhood], |_, _| Vec::new()),
        || map("map, as a table", Mode::All, &[UiCommand::ToggleTable], walk_down),
        || traces("traces, list", None, walk_down),
        || traces("waterfall, whole", Some(&[]), |_, _| Vec::new()),
        || {
            traces("waterfall, unfolded and scrolled", Some(&[UiCommand::WalkFirst, UiCommand::WalkDown, UiCommand::WalkRight]), |_, _| {
                vec![Event::PointerMoved(pos2(700.0, 800.0)), wheel(-90.0, Modifiers::NONE)]
            })
        },
        || {
            traces("waterfall, zooming", Some(&[]), |_, number| {
                vec![Event::PointerMoved(pos2(1_700.0, 800.0)), wheel(if number / 60 % 2 == 0 { 12.0 } else { -12.0 }, Modifiers::COMMAND)]
            })
        },
        || traces("waterfall, to the next failure", Some(&[]), |frames, _| run(frames, UiCommand::NextError)),
        || messages("messages, the end followed", |_, _| Vec::new()),
        || messages("messages, scrolled", |frames, _| run(frames, UiCommand::WalkPageUp)),
        || groups("groups, whole", |_, _| Vec::new()),
        || groups("groups, walked with the detail", walk_down),
        || dead_letters("dead letters, whole", |_, _| Vec::new()),
        || dead_letters("dead letters, walked", walk_down),
        || breakers("breakers, walked", walk_down),
        || log("log, walked", walk_down),
        || find("find", |_, _| Vec::new()),
        || editor("editor, 1 MiB of JSON", body(), |_, _| Vec::new()),
        || editor("editor, 1 MiB of JSON, scrolled", body(), |_, _| vec![Event::PointerMoved(EDITOR), wheel(-90.0, Modifiers::NONE)]),
        || editor("editor, 1 MiB of JSON, typed into", body(), digit),
        || editor("editor, 1 MiB in one line", body_in_one_line(), |_, _| Vec::new()),
        || editor("editor, 1 MiB in one line, scrolled", body_in_one_line(), |_, _| vec![Event::PointerMoved(EDITOR), wheel(-90.0, Modifiers::NONE)]),
        || editor("editor, 1 MiB in one line, typed into", body_in_one_line(), digit),
        || methods("methods of a server, 10,000", |_, _| Vec::new()),
        || methods("methods of a server, 10,000, walked", |_, _| vec![key(Key::ArrowDown)]),
        || {
            methods("methods of a server, 10,000, filtered anew", |_, number| {
                vec![if number % 2 == 0 { Event::Text("7".to_owned()) } else { key(Key::Backspace) }]
            })
        },
    ]
}

fn run(frames: &mut Frames, command: UiCommand) -> Vec<Event> {
    frames.run(command);
    Vec::new()
}

fn walk_down(frames: &mut Frames, _number: usize) -> Vec<Event> {
    run(frames, UiCommand::WalkDown)
}

fn key(key: Key) -> Event {
    Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::NONE }
}

fn pointer(number: usize) -> Event {
    let along = (number * 3 % 1_200) as f32;
    Event::PointerMoved(pos2(300.0 + along, 300.0 + along * 0.5))
}

fn wheel(delta_pt: f32, modifiers: Modifiers) -> Event {
    Event::MouseWheel { unit: MouseWheelUnit::Point, delta: vec2(0.0, delta_pt), phase: TouchPhase::Move, source: MouseWheelSource::Wheel, modifiers }
}

fn open(source: &FixedSource, settings: Settings, options: WindowOptions) -> Frames {
    let mut frames = Frames::open(source, settings, options, SIZE);
    frames.settle();
    frames
}

/// Somewhere in the body of a request.
const EDITOR: egui::Pos2 = pos2(1_000.0, 700.0);
/// How long the body is, bytes.
const EDITED_BYTES: usize = 1 << 20;

/// JSON, a member a line.
fn body() -> String {
    let mut body = "[\n".to_owned();
    for number in 0.. {
        if body.len() >= EDITED_BYTES {
            break;
        }
        body += &format!("  {{\n    \"order\": {number},\n    \"customer\": \"customer-{}\",\n    \"note\": \"größer ☂\"\n  }},\n", number % 7);
    }
    body += "  null\n]\n";
    body
}

/// JSON without any white space: a row ends where no more fits.
fn body_in_one_line() -> String {
    let order = |number: usize| format!("{{\"order\":{number},\"customer\":\"customer-{}\",\"note\":\"größer☂\"}}", number % 7);
    let mut body = "[".to_owned();
    for number in 0.. {
        if body.len() >= EDITED_BYTES {
            break;
        }
        body += &order(number);
        body.push(',');
    }
    body += "null]";
    body
}

fn digit(_frames: &mut Frames, number: usize) -> Vec<Event> {
    vec![Event::Text((number % 10).to_string())]
}

/// A request with a long body, in which keys are typed.
fn editor(name: &'static str, body: String, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let http = HttpDraft { method: "POST".to_owned(), url: "http://localhost:8080/orders".to_owned(), body: Body::Json(body), ..HttpDraft::default() };
    let mut frames = open(&FixedSource::new(order_business()), Settings::default(), WindowOptions::default());
    frames.goto(&Target::Draft(Box::new(Draft { name: String::new(), request: Request::Http(http) })));
    frames.settle();
    frames.type_into(TextField::SendText);
    Load { name, cells: Some((40, 2)), frames, act, number: 0 }
}

fn map(name: &'static str, mode: Mode, commands: &[UiCommand], act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let map = MapSettings { mode, ..MapSettings::default() };
    let mut frames = open(&FixedSource::new(generated(1_000, 5_000)), Settings { map, ..Settings::default() }, WindowOptions::default());
    for command in commands {
        frames.run(*command);
        frames.settle();
    }
    let cells = commands.contains(&UiCommand::ToggleTable).then_some((55, 6));
    Load { name, cells, frames, act, number: 0 }
}

/// Other views, over what an engine would answer.
fn view(
    name: &'static str,
    cells: (usize, usize),
    (snapshot, own_log): (Snapshot, OwnLog),
    answer: fn(&Query) -> Option<Answer>,
    target: Option<&Target>,
    commands: &[UiCommand],
    act: fn(&mut Frames, usize) -> Vec<Event>,
) -> Load {
    let source = FixedSource::new(snapshot);
    source.answer_with(answer);
    let mut frames = open(&source, Settings::default(), WindowOptions { own_log, ..WindowOptions::default() });
    if let Some(target) = target {
        frames.goto(target);
        frames.settle();
    }
    for command in commands {
        frames.run(*command);
        frames.settle();
    }
    Load { name, cells: Some(cells), frames, act, number: 0 }
}

fn traces(name: &'static str, of_trace: Option<&[UiCommand]>, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let mut spans: Option<Arc<TraceView>> = None;
    let source = FixedSource::new(order_business());
    source.answer_with(move |query| match query {
        Query::Point(PointQuery::Trace { .. }) => Some(Answer::Trace(Arc::clone(spans.get_or_insert_with(|| Arc::new(trace()))))),
        Query::Scan(ScanQuery::Traces { limit, .. }) => Some(Answer::Traces(trace_list(*limit))),
        _ => None,
    });
    let mut frames = open(&source, Settings::default(), WindowOptions::default());
    frames.run(UiCommand::Show(ViewKind::Traces));
    if of_trace.is_some() {
        frames.goto(&Target::Trace { trace_id: TraceId(7), span_id: None });
    }
    frames.settle();
    for command in of_trace.unwrap_or_default() {
        frames.run(*command);
        frames.settle();
    }
    Load { name, cells: Some((50, if of_trace.is_some() { 3 } else { 6 })), frames, act, number: 0 }
}

/// An import in batches of fifty, each batch a span with a call for each item.
fn trace() -> TraceView {
    let span = |id: u64| {
        let batch = 2 + id.saturating_sub(2) / 50 * 50;
        let (parent, service, name) = match id {
            1 => (0, "importer", "import catalogue"),
            id if id == batch => (1, "importer", "import batch"),
            _ => (batch, "catalog", "INSERT items"),
        };
        let duration_ms = match parent {
            0 => NUM_SPANS as i64,
            1 => 50,
            _ => 1,
        };
        SpanView {
            trace_id: TraceId(7),
            span_id: SpanId(id),
            parent_span_id: SpanId(parent),
            service: service.to_owned(),
            instance: Some(format!("{service}-1")),
            name: name.to_owned(),
            kind: if parent > 1 { SpanKind::Client } else { SpanKind::Internal },
            status: if id.is_multiple_of(4_999) { SpanStatus::Error } else { SpanStatus::Unset },
            failure: id.is_multiple_of(4_999).then(|| "failed".to_owned()),
            attributes: vec![("db.system".to_owned(), "postgresql".to_owned()), ("item".to_owned(), id.to_string())],
            start_ns: NOW_NS - 200 * SECOND_NS + id as i64 * MS_NS,
            duration_ns: duration_ms * MS_NS,
            ..SpanView::default()
        }
    };
    TraceView { spans: (1..=NUM_SPANS).map(span).collect(), ..TraceView::default() }
}

fn trace_list(num_rows: usize) -> TraceList {
    let row = |number: usize| TraceRow {
        trace_id: TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_0000 + number as u128),
        root_service: ["web-bff", "mobile-bff", "importer"][number % 3].to_owned(),
        root_name: format!("POST /orders/{number}"),
        has_root: !number.is_multiple_of(9),
        start_ns: NOW_NS - number as i64 * 37 * MS_NS,
        duration_ns: Some((number as i64 * 7 % 900 + 3) * MS_NS),
        num_spans: 24,
        num_errors: u32::from(number.is_multiple_of(7)),
        services: ["web-bff", "orders", "payments", "inventory"].map(str::to_owned).to_vec(),
        num_services: 4,
        part: None,
    };
    TraceList { rows: (0..num_rows).map(row).collect(), matching: 184_202, looked_at_spans: 1_000_000, ..TraceList::default() }
}

fn messages(name: &'static str, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let target = Target::Channel(ChannelKey { cluster: None, name: "orders.placed".to_owned() });
    view(name, (50, 6), (order_business(), OwnLog::default()), records, Some(&target), &[], act)
}

fn records(query: &Query) -> Option<Answer> {
    match query {
        Query::Point(PointQuery::Records { after, limit, .. }) => {
            let from = after.map_or(0, |row| row.0 + 1);
            let to = NUM_RECORDS.min(from + *limit as u64);
            let line = |row: u64| RecordLine {
                row: RowId(row),
                place: Place::at((row % 4) as i32, row as i64),
                timestamp_ns: Some(NOW_NS - (NUM_RECORDS - row) as i64 * MS_NS),
                size_bytes: 92,
            };
            Some(Answer::Records(RecordPage { rows: (from..to).map(line).collect(), total_stored: NUM_RECORDS, evicted: 0, has_more: to < NUM_RECORDS }))
        }
        Query::Point(PointQuery::RecordDetails { rows }) => Some(Answer::RecordDetails(rows.iter().map(|row| Some(record(*row))).collect())),
        _ => None,
    }
}

fn record(row: RowId) -> RecordView {
    let value = format!("{{\"orderId\":{},\"customer\":\"c-1182\",\"lines\":[{{\"sku\":\"AX-19\",\"quantity\":2}}],\"shipTo\":null}}", row.0);
    RecordView {
        row,
        at: MessageRef { cluster: String::new(), channel: "orders.placed".to_owned(), place: Place::at((row.0 % 4) as i32, row.0 as i64) },
        key: Some(row.0.to_string().into_bytes()),
        value_size_bytes: value.len() as u32,
        value: Some(value.into_bytes()),
        headers: vec![("ce_type".to_owned(), Some(b"OrderPlaced".to_vec()))],
        headers_readable: true,
        ..RecordView::default()
    }
}

fn groups(name: &'static str, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let view_of = |number: usize| {
        let (group, topic) = (number / NUM_TOPICS, number % NUM_TOPICS);
        let falls_behind = number.is_multiple_of(97);
        GroupView {
            node_id: None,
            group: format!("group-{group:03}"),
            topic: format!("topic.{topic:03}"),
            cluster: Some("lab-kafka".to_owned()),
            state: Some("Stable".into()),
            members: None,
            members_reason: None,
            lag: Some(if falls_behind { number as u64 } else { 0 }),
            lag_s: Some(if falls_behind { 38.0 } else { 0.0 }),
            verdict: if falls_behind { LagVerdict::Growing } else { LagVerdict::Ok },
            reason: if falls_behind { "12 messages a second come in, 3 are handled" } else { "commits follow the end" }.into(),
            read_ns: Some(NOW_NS - SECOND_NS),
            committed_since_start: Some(12),
            ..GroupView::default()
        }
    };
    let snapshot = Snapshot { groups: Arc::new((0..NUM_GROUPS * NUM_TOPICS).map(view_of).collect()), ..order_business() };
    view(name, (50, 7), (snapshot, OwnLog::default()), |_| None, None, &[UiCommand::Show(ViewKind::Groups)], act)
}

fn dead_letters(name: &'static str, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let cause = |number: usize| DeadLetterView {
        channel: format!("orders.placed-{}-dlt", number % 20),
        channel_node: None,
        origin: Some("orders.placed".to_owned()),
        origin_node: None,
        fingerprint: format!("NullPointerException at OrderMapper:{number}"),
        count: 5_000,
        num_open: 5_000,
        first_ns: NOW_NS - 900 * SECOND_NS,
        last_ns: NOW_NS - 4 * SECOND_NS,
        dialect: Some("spring".to_owned()),
        cluster: "lab-kafka".to_owned(),
        is_among_others: false,
    };
    let snapshot = Snapshot { dead_letters: Arc::new((0..200).map(cause).collect()), ..order_business() };
    view(name, (45, 7), (snapshot, OwnLog::default()), letters, None, &[UiCommand::Show(ViewKind::DeadLetters), UiCommand::WalkDown], act)
}

fn letters(query: &Query) -> Option<Answer> {
    match query {
        Query::Scan(ScanQuery::DeadLetters { channel, limit, .. }) => {
            let letter = |number: usize| LetterView {
                row: RowId(number as u64 + 1),
                at: MessageRef { cluster: "lab-kafka".to_owned(), channel: channel.name.clone(), place: Place::at(0, number as i64) },
                timestamp_ns: Some(NOW_NS - number as i64 * SECOND_NS),
                key: Some(number.to_string().into_bytes()),
                value_size_bytes: 412,
                origin: Some("orders.placed".to_owned()),
                origin_place: ToldPlace::of(Some(number as i32 % 4), Some(number as i64)),
                exception: Some("java.lang.NullPointerException".to_owned()),
                attempts: Some(10),
                ..LetterView::default()
            };
            let num = *limit as u64 * 2;
            Some(Answer::DeadLetters(LetterPage {
                letters: (0..*limit).map(letter).collect(),
                total: num,
                num_stored: num,
                last_received_ns: Some(NOW_NS),
                ..LetterPage::default()
            }))
        }
        Query::Point(PointQuery::RecordDetails { rows }) => Some(Answer::RecordDetails(rows.iter().map(|row| Some(record(*row))).collect())),
        _ => None,
    }
}

fn breakers(name: &'static str, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let breaker = |number: usize| {
        let state = if number.is_multiple_of(29) { BreakerState::Open } else { BreakerState::Closed };
        let change = |step: i64| (NOW_NS - 880 * SECOND_NS + step * 40 * SECOND_NS, if step % 2 == 0 { BreakerState::Closed } else { BreakerState::Open });
        BreakerView {
            caller: Some(format!("service-{:03}", number / 5)),
            caller_node: None,
            instance: Some(format!("service-{:03}-{}", number / 5, number % 5)),
            name: "payment-client".to_owned(),
            callee: Some("payments".to_owned()),
            callee_node: None,
            state: Some(state),
            since_ns: Some(NOW_NS - 58 * SECOND_NS),
            since_at_least: false,
            source: StateSource::Event,
            confirmed_ns: NOW_NS - SECOND_NS,
            stale: false,
            disagreement: None,
            not_permitted: None,
            transitions: (0..20).map(change).collect(),
        }
    };
    let snapshot = Snapshot { breakers: Arc::new((0..1_000).map(breaker).collect()), ..order_business() };
    view(name, (50, 8), (snapshot, OwnLog::default()), |_| None, None, &[UiCommand::Show(ViewKind::Breakers)], act)
}

fn log(name: &'static str, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    let own_log = OwnLog::default();
    for number in 0..5_000 {
        own_log.push(LogLine {
            at_ns: NOW_NS + number * MS_NS,
            level: LogLevel::Info,
            target: "switchboard::session".to_owned(),
            message: "A source took longer than 500 ms to end and was left behind.".to_owned(),
            fields: vec![("source".to_owned(), format!("lab-kafka-{number}"))],
        });
    }
    view(name, (50, 4), (order_business(), own_log), |_| None, None, &[UiCommand::Show(ViewKind::Log), UiCommand::WalkFirst], act)
}

fn find(name: &'static str, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    view(name, (20, 4), (large_map(), OwnLog::default()), hits, Some(&Target::Find("4711".to_owned())), &[], act)
}

/// The map lies below what is found.
fn large_map() -> Snapshot {
    let mut business = Business::default();
    let first = business.service("storefront", 1, figure(60, 0, 1, 2));
    for number in 0..20 {
        let next = business.node(NodeKind::Service, &format!("service-{number}"), NodeBasis::Traced, 1, figure(60, 0, 1, 2));
        business.call(first, next, "http", figure(60, 0, 1, 2), None);
    }
    business.snapshot()
}

fn hits(query: &Query) -> Option<Answer> {
    let Query::Scan(ScanQuery::Find { .. }) = query else { return None };
    let hit = |number: u64| FindHit::Span {
        trace_id: TraceId(u128::from(number)),
        span_id: SpanId(number),
        service: "orders".to_owned(),
        name: "Orders/Place".to_owned(),
        at_ns: NOW_NS - number as i64 * SECOND_NS,
        field: "order.id".to_owned(),
        excerpt: "4711".to_owned(),
    };
    Some(Answer::Found(FindPage { hits: (0..1_000).map(hit).collect(), looked_at: 2_100_000, total: 2_100_000, is_done: true, ..FindPage::default() }))
}

/// A call of a server that has told its methods; the list of them is open, with the keys in its filter.
fn methods(name: &'static str, act: fn(&mut Frames, usize) -> Vec<Event>) -> Load {
    const URL: &str = "http://localhost:9090";
    let source = FixedSource::new(order_business());
    source.show_send(told_by(URL, NUM_METHODS));
    let mut frames = open(&source, Settings::default(), WindowOptions::default());
    let grpc = GrpcDraft { url: URL.to_owned(), ..GrpcDraft::default() };
    frames.goto(&Target::Draft(Box::new(Draft { name: String::new(), request: Request::Grpc(grpc) })));
    frames.settle();
    frames.click("Choose…");
    Load { name, cells: Some((12, 2)), frames, act, number: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that are on screen.
    fn shown(name: &str) -> &'static str {
        match name.split(',').next() {
            Some("map") if name == "map, as a table" => "service-0",
            Some("map") => "Problems",
            Some("traces") => "POST /orders/",
            Some("waterfall") if name == "waterfall, unfolded and scrolled" => "INSERT items",
            Some("waterfall") => "100,000 spans",
            Some("messages") => "AX-19",
            Some("groups") => "topic.0",
            Some("dead letters") => "NullPointerException at OrderMapper:",
            Some("breakers") => "payment-client",
            Some("log") => "lab-kafka-",
            Some("editor") => "customer-6",
            Some("methods of a server") if name.ends_with("filtered anew") => "4,663 of 10,000 methods",
            Some("methods of a server") => "CountWhatIsOnShelf",
            _ => "Orders/Place",
        }
    }

    /// A bench of an empty view would please everybody.
    #[test]
    fn every_load_draws_what_it_is_said_to() {
        for make in loads() {
            let mut load = make();
            let num_vertices = load.frame();
            let texts = load.frames.texts();
            let shown = shown(load.name);
            assert!(texts.iter().any(|text| text.contains(shown)), "{}: no `{shown}` among {texts:?}", load.name);
            assert!(num_vertices > 1_500, "{}: {num_vertices} vertices", load.name);
        }
    }
}
