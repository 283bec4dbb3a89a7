//! Pictures of the frame's own views, in both themes.

use std::sync::Arc;

use switchboard_engine::view::{Answer, ConversationItem, FindHit, FindPage, PointQuery, Query, RecordView, RefusalView, RowId, ScanQuery};
use switchboard_model::{MessageRef, Place, SourcePhase, SpanId, TraceId};

use crate::{
    ScreenshotOptions, SnapshotSource as _, Strokes, ThemeChoice, ViewKind, WindowOptions,
    shell::{Window, screenshot, settings::Settings},
    testing::{self, FixedSource, NOW_NS},
    view::{Target, UiCommand},
};
use switchboard_desk::own_log::{LogLevel, LogLine, OwnLog};
use switchboard_desk::profile::Profile;
use switchboard_desk::sources_desk::SourcesBoard;

fn source() -> FixedSource {
    let mut business = testing::order_business();
    let kafka = &mut Arc::make_mut(&mut business.sources)[1];
    kafka.phase = SourcePhase::Degraded;
    kafka.detail = "1 of 3 brokers answers".to_owned();
    kafka.next_step = "Start the other two, or name one that runs".to_owned();
    for counts in [&mut kafka.counts, &mut kafka.by_kind[0].1] {
        (counts.stored, counts.evicted) = (counts.stored - 1_204, 1_204);
    }
    kafka.at_ns = NOW_NS - 38_000_000_000;
    let source = FixedSource::new(business);
    let profile = include_str!("../../../../assets/profiles/sample.toml").replace("orders-cluster", "lab-kafka");
    let profile = Profile::parse(&profile, "sample").expect("valid");
    source.show_sources(SourcesBoard { profile, path: Some("compose-local.toml".into()), ..SourcesBoard::default() });
    source.answer_with(|query| match query {
        Query::Point(PointQuery::Refused { .. }) => Some(Answer::Refused(vec![RefusalView {
            at_ns: NOW_NS - 5_000_000_000,
            source: "lab-kafka".to_owned(),
            peer: "172.17.0.2".to_owned(),
            host: Some("host.docker.internal:4317".to_owned()),
            origin: None,
            rule: "Host is not loopback".to_owned(),
            next_step: "Set docker_bridge = true under [otlp], so that containers can send".to_owned(),
            count: 37,
        }])),
        Query::Scan(ScanQuery::Find { .. }) => Some(Answer::Found(found())),
        Query::Point(PointQuery::Conversation { .. }) => Some(Answer::Conversation(vec![ConversationItem::Record(RecordView::default())])),
        _ => None,
    });
    source
}

fn found() -> FindPage {
    let span = |n: u64, service: &str, name: &str| FindHit::Span {
        trace_id: TraceId(u128::from(n)),
        span_id: SpanId(n),
        service: service.to_owned(),
        name: name.to_owned(),
        at_ns: NOW_NS - n as i64 * 1_000_000_000,
        field: "order.id".to_owned(),
        excerpt: "4711".to_owned(),
    };
    let record = FindHit::Record {
        row: RowId(3),
        at: MessageRef { cluster: "lab-kafka".to_owned(), channel: "orders.placed".to_owned(), place: Place::at(2, 18_204) },
        at_ns: Some(NOW_NS - 9_000_000_000),
        field: "value".to_owned(),
        excerpt: "{\"orderId\": 4711, \"customer\": \"c-1182\", \"lines\": [{\"sku\": \"AX-19\"}]}".to_owned(),
        trace_id: None,
    };
    let log = FindHit::Log {
        row: RowId(1),
        service: "inventory".to_owned(),
        at_ns: NOW_NS,
        excerpt: "order 4711: unknown sku AX-19".to_owned(),
        trace_id: TraceId(1),
    };
    FindPage {
        hits: vec![span(1, "storefront", "POST /orders"), span(2, "orders", "Orders/Place"), span(3, "payments", "POST /pay"), record, log],
        looked_at: 2_100_000,
        total: 2_100_000,
        is_done: true,
        last_seen_ns: Some(NOW_NS),
        looked: vec!["2.1 M spans".to_owned(), "26,110 records".to_owned(), "8,020 logs".to_owned()],
        not_looked: vec!["12,003 evicted spans".to_owned(), "orders.audit: not tailed".to_owned()],
    }
}

fn own_log() -> OwnLog {
    let log = OwnLog::default();
    for (n, (level, message)) in [
        (LogLevel::Info, "The session has begun."),
        (LogLevel::Debug, "Three channels were seen in spans."),
        (LogLevel::Warn, "A source took longer than 500 ms to end and was left behind."),
        (LogLevel::Error, "The profile could not be saved."),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = vec![("source".to_owned(), "lab-kafka".to_owned())];
        log.push(LogLine { at_ns: NOW_NS + n as i64 * 412_000_000, level, target: "switchboard::session".to_owned(), message: message.to_owned(), fields });
    }
    log
}

/// Draws the window after some steps and compares it with the picture of that name.
fn picture(name: &str, theme: ThemeChoice, mut steps: impl FnMut(&mut Window, &egui::Context, usize)) {
    let screenshot_options = ScreenshotOptions { size_px: (1280, 800), theme, view: ViewKind::Map, keys: Strokes::default() };
    let mut source = source();
    let snapshot = source.snapshot();
    let options = WindowOptions { profile_name: "compose-local".to_owned(), otlp_grpc_port: Some(4317), own_log: own_log(), ..WindowOptions::default() };
    let mut frame = 0;
    let drawn = screenshot::draw(&screenshot_options, |ctx| {
        let mut window = Window::new_in_place(ctx, Settings { theme, ..Settings::default() }, options);
        move |ui: &mut egui::Ui| {
            window.take(ui.ctx(), snapshot.clone(), None, NOW_NS);
            window.take_sources(source.sources());
            window.ui(ui);
            window.ask(ui.ctx(), |query| source.query(query));
            steps(&mut window, ui.ctx(), frame);
            frame += 1;
        }
    });
    crate::tests::pictures::compare(name, drawn);
}

#[test]
fn pictures_of_sources_log_and_find_stay_as_they_are() {
    picture("sources-light", ThemeChoice::Light, |window, ctx, frame| {
        if frame == 0 {
            window.goto(ctx, &Target::Source("lab-kafka".to_owned()));
        }
    });
    picture("source-form-dark", ThemeChoice::Dark, |window, ctx, frame| match frame {
        0 => window.goto(ctx, &Target::Source("lab-kafka".to_owned())),
        1 => drop(window.run(ctx, UiCommand::EditSource)),
        _ => {}
    });
    picture("log-light", ThemeChoice::Light, |window, ctx, frame| match frame {
        0 => drop(window.run(ctx, UiCommand::Show(ViewKind::Log))),
        1 => drop(window.run(ctx, UiCommand::WalkLast)),
        _ => {}
    });
    picture("find-light", ThemeChoice::Light, |window, ctx, frame| {
        if frame == 0 {
            window.goto(ctx, &Target::Find("4711".to_owned()));
        }
    });
    picture("palette-dark", ThemeChoice::Dark, |window, ctx, frame| {
        if frame == 0 {
            drop(window.run(ctx, UiCommand::OpenPalette));
        }
    });
    picture("two-panes-light", ThemeChoice::Light, |window, ctx, frame| {
        if frame == 0 {
            drop(window.run(ctx, UiCommand::LayoutTraces));
        }
    });
}
