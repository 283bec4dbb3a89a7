//! Who talks to whom, by every rule, whatever comes first.

mod batches;

use batches::{MS, Pairs, Record, Span, apply, assert_conserved, engine, facts, group, intake, records, spans, tick, topic};
use switchboard_engine::Engine;
use switchboard_engine::view::{HopKind, InteractionReport, NodeBasis, NodeKind, Report, Style};
use switchboard_model::{Batch, SpanKind};

/// The report after these batches, the same forwards and backwards.
fn report(batches: &[Batch]) -> Report {
    let told = |batches: &[Batch]| {
        let mut engine = engine();
        apply(&mut engine, batches);
        assert_conserved(&mut engine, batches);
        engine.report(&intake(batches))
    };
    let forwards = told(batches);
    let backwards: Vec<Batch> = batches.iter().rev().cloned().collect();
    assert_eq!(forwards, told(&backwards), "another order, another report");
    forwards
}

/// From, to, via, calls, errors, and the rules with their tallies.
fn row(row: &InteractionReport) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
    let rules: Vec<String> = row.evidence.rules.iter().map(|(rule, num)| format!("{rule} {num}")).collect();
    format!("{} > {} {} x{} e{} ({})", name(&row.from), name(&row.to), row.via, row.calls, row.errors, rules.join(", "))
}

fn rows(report: &Report) -> Vec<String> {
    report.interactions.iter().map(row).collect()
}

fn hops(report: &Report, kind: HopKind) -> Vec<String> {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "?".to_owned());
    report.hops.iter().filter(|hop| hop.kind == kind).map(|hop| format!("{} > {} x{}", name(&hop.from), name(&hop.to), hop.calls)).collect()
}

fn calls(report: &Report, service: &str) -> u64 {
    report.services.iter().find(|known| known.name == service).map_or(0, |known| known.calls)
}

fn one_by_one(of: &[Span]) -> Vec<Batch> {
    of.iter().enumerate().map(|(at, span)| spans(2_000 + at as i64, std::slice::from_ref(span))).collect()
}

#[test]
fn a_call_counts_once_with_both_sides_latencies() {
    let client = Span::client("shop", 1, 10, 0).at(1_000, 40).with(&[("server.address", "10.0.0.5"), ("server.port", "8080")]);
    let server = Span::server("orders", 1, 11, 10).at(1_010, 20);
    let report = report(&one_by_one(&[client, server]));
    assert_eq!(rows(&report), ["shop > orders http x1 e0 (parent 1)"]);
    let call = &report.interactions[0];
    assert_eq!(call.style, Some(Style::RequestResponse));
    assert!((call.p50_ms.unwrap() - 40.0).abs() < 2.0);
    assert_eq!((calls(&report, "orders"), calls(&report, "shop")), (1, 0));
    assert!((report.services[0].p50_ms.unwrap() - 20.0).abs() < 1.0);
    assert_eq!((call.basis.n, call.basis.sampled_share), (1, Some(1.0)));
    assert_eq!(call.evidence.exemplars[0].span_id, "000000000000000a");
}

#[test]
fn a_peer_is_merged_once_its_address_is_proved() {
    let address = [("server.address", "10.0.0.5"), ("server.port", "8080")];
    let proved = [Span::client("shop", 1, 10, 0).with(&address), Span::server("orders", 1, 11, 10)];
    let refused = Span::client("shop", 2, 20, 0).with(&address).with(&[("error.type", "timeout"), ("http.request.resend_count", "1")]);
    let elsewhere = Span::client("fraud", 3, 30, 0).with(&address);
    let mut all = proved.to_vec();
    all.extend([refused, elsewhere]);
    let report = report(&one_by_one(&all));
    assert_eq!(rows(&report), ["fraud > orders http x1 e0 (peer 1)", "shop > orders http x2 e1 (parent 1, peer 1)"]);
    assert_eq!((report.interactions[1].retries, report.interactions[1].timeouts), (1, 1));
}

#[test]
fn an_address_of_two_services_proves_nothing() {
    let address = [("server.address", "gateway"), ("server.port", "80")];
    let all = [
        Span::client("shop", 1, 10, 0).with(&address),
        Span::server("orders", 1, 11, 10),
        Span::client("shop", 2, 20, 0).with(&address),
        Span::server("stock", 2, 21, 20),
        Span::client("shop", 3, 30, 0).with(&address),
    ];
    let report = report(&one_by_one(&all));
    assert_eq!(rows(&report), ["shop > gateway:80 http x1 e0 (peer 1)", "shop > orders http x1 e0 (parent 1)", "shop > stock http x1 e0 (parent 1)"]);
}

#[test]
fn who_sends_no_spans_is_told_by_its_callers() {
    let all = [
        Span::client("shop", 1, 10, 0).with(&[("peer.service", "tax")]),
        Span::client("shop", 2, 20, 0).with(&[("service.peer.name", "shop")]),
        Span::client("shop", 3, 30, 0).with(&[("net.peer.name", "db"), ("net.peer.port", "5432"), ("db.system", "postgresql")]).without("http.request.method"),
        Span::client("shop", 4, 40, 0),
        Span::client("shop", 5, 50, 0).with(&[("url.full", "https://user@api.example:8443/v1?x=1")]),
        Span::client("shop", 6, 60, 0).with(&[("db.system.name", "sqlite"), ("db.namespace", "cart")]).without("http.request.method"),
    ];
    let batches = one_by_one(&all);
    let report = report(&batches);
    assert_eq!(
        rows(&report),
        [
            "shop > ? http x1 e0 (peer 1)",
            "shop > api.example:8443 http x1 e0 (peer 1)",
            "shop > cart database x1 e0 (peer 1)",
            "shop > db:5432 database x1 e0 (peer 1)",
            "shop > shop http x1 e0 (peer 1)",
            "shop > tax http x1 e0 (peer 1)",
        ]
    );
    let tax = report.services.iter().find(|service| service.name == "tax").unwrap();
    assert_eq!((tax.instances, tax.calls), (None, 1));
    let mut engine = engine();
    apply(&mut engine, &batches);
    apply(&mut engine, &[tick(30_000)]);
    let snapshot = engine.snapshot(&[]);
    let kinds: Vec<(String, NodeKind, NodeBasis)> = snapshot.topology.nodes.iter().map(|node| (node.name.clone(), node.kind, node.basis)).collect();
    assert!(kinds.contains(&("tax".to_owned(), NodeKind::Service, NodeBasis::Inferred)), "{kinds:?}");
    assert!(kinds.contains(&("db:5432".to_owned(), NodeKind::Database, NodeBasis::Inferred)), "{kinds:?}");
    assert!(kinds.contains(&("api.example:8443".to_owned(), NodeKind::External, NodeBasis::Inferred)), "{kinds:?}");
}

#[test]
fn roots_missing_parents_and_inner_spans() {
    let all = [
        Span::server("shop", 1, 10, 0),
        Span::server("shop", 2, 20, 99),
        // An inner server span is no step, and was received with the outer one.
        Span::server("shop", 3, 30, 0),
        Span::server("shop", 3, 31, 30),
        // A caller that sends no client span.
        Span::new("orders", SpanKind::Internal, 4, 40, 0),
        Span::server("stock", 4, 41, 40),
    ];
    let report = report(&one_by_one(&all));
    assert_eq!(rows(&report), ["? > shop http x3 e0 (missing parent 1, root 2)", "orders > stock http x1 e0 (parent 1)"]);
    assert_eq!(calls(&report, "shop"), 3);
}

#[test]
fn a_shared_id_is_both_sides_of_one_call() {
    let client = Span::client("shop", 1, 10, 9);
    let server = Span { parent: 9, ..Span::server("orders", 1, 10, 9) };
    let inner = Span::server("orders", 1, 12, 10);
    let report = report(&one_by_one(&[client, server, inner]));
    assert_eq!(rows(&report), ["shop > orders http x1 e0 (parent 1)"]);
}

#[test]
fn a_narrow_trace_id_pairs_with_a_wide_one() {
    let client = Span::client("shop", 7 << 64 | 5, 10, 0);
    let server = Span::server("orders", 5, 11, 10);
    assert_eq!(rows(&report(&one_by_one(&[client, server]))), ["shop > orders http x1 e0 (parent 1)"]);
}

#[test]
fn of_two_servers_under_one_call_the_first_is_its_callee() {
    let all = [Span::client("shop", 1, 10, 0), Span::server("orders", 1, 11, 10).at(1_004, 3), Span::server("stock", 1, 12, 10).at(1_002, 3)];
    let report = report(&one_by_one(&all));
    assert_eq!(rows(&report), ["shop > orders http x1 e0 (parent 1)", "shop > stock http x1 e0 (parent 1)"]);
}

#[test]
fn a_call_that_wraps_another_counts_as_the_inner_one_over_what_the_outer_says() {
    let outer = Span::new("shop", SpanKind::Client, 1, 10, 0).with(&[("rpc.system", "aws-api"), ("server.address", "orders")]);
    let inner = Span::client("shop", 1, 11, 10).with(&[("server.address", "orders"), ("server.port", "443")]);
    let server = Span::server("orders", 1, 12, 11);
    assert_eq!(rows(&report(&one_by_one(&[outer, inner, server]))), ["shop > orders rpc x1 e0 (parent 1)"]);
}

#[test]
fn errors_by_each_protocol_s_rule() {
    let with = |attrs: &[(&'static str, &str)]| attrs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Pairs>();
    let table: &[(SpanKind, Pairs, bool)] = &[
        (SpanKind::Server, with(&[("http.response.status_code", "404")]), false),
        (SpanKind::Server, with(&[("http.status_code", "500")]), true),
        (SpanKind::Client, with(&[("http.response.status_code", "404")]), true),
        (SpanKind::Client, with(&[("http.response.status_code", "302")]), false),
        (SpanKind::Server, with(&[("rpc.system", "grpc"), ("rpc.grpc.status_code", "5")]), false),
        (SpanKind::Server, with(&[("rpc.system.name", "grpc"), ("rpc.status_code", "INTERNAL")]), true),
        (SpanKind::Client, with(&[("rpc.system.name", "grpc"), ("rpc.response.status_code", "NOT_FOUND")]), true),
        (SpanKind::Client, with(&[("rpc.system", "grpc"), ("rpc.grpc.status_code", "0")]), false),
        (SpanKind::Client, with(&[("error.type", "java.io.IOException")]), true),
        (SpanKind::Client, with(&[("error", "true")]), true),
        (SpanKind::Client, with(&[("error", "false")]), false),
    ];
    for (kind, attrs, is_error) in table {
        let mut span = Span::new("shop", *kind, 1, 10, 0);
        span.attrs.clone_from(attrs);
        let report = report(&one_by_one(&[span]));
        assert_eq!(report.interactions[0].errors, u64::from(*is_error), "{kind:?} {attrs:?}");
    }
}

#[test]
fn timeouts_and_retries_are_told_apart() {
    let table: &[(Span, u64, u64)] = &[
        (Span::client("a", 1, 1, 0).with(&[("rpc.system", "grpc"), ("rpc.grpc.status_code", "4")]), 1, 0),
        (Span::client("a", 1, 1, 0).with(&[("rpc.system", "grpc"), ("rpc.status_code", "DEADLINE_EXCEEDED")]), 1, 0),
        (Span::client("a", 1, 1, 0).failed("request timed out after 200 ms"), 1, 0),
        (Span::client("a", 1, 1, 0).failed("").exception("java.net.SocketTimeoutException", "Read timed out"), 1, 0),
        (Span::client("a", 1, 1, 0).with(&[("http.response.status_code", "504")]), 0, 0),
        (Span::client("a", 1, 1, 0).with(&[("http.request.resend_count", "2")]), 0, 1),
        (Span::client("a", 1, 1, 0).with(&[("rpc.grpc.request.metadata.grpc-previous-rpc-attempts", "1")]), 0, 1),
        (Span::client("a", 1, 1, 0).with(&[("http.request.resend_count", "0")]), 0, 0),
    ];
    for (span, timeouts, retries) in table {
        let report = report(&one_by_one(std::slice::from_ref(span)));
        let row = &report.interactions[0];
        assert_eq!((row.timeouts, row.retries), (*timeouts, *retries), "{span:?}");
    }
}

#[test]
fn messages_pair_by_parent_or_link_and_reach_many() {
    let all = [
        Span::producer("orders", "orders.placed", 1, 10, 0).at(1_000, 2),
        Span::process("stock", "orders.placed", "stock", 1, 11, 10).at(1_030, 5),
        Span::process("shipping", "orders.placed", "shipping", 2, 20, 0).linked(1, 10, &[]).at(1_050, 5),
    ];
    let report = report(&one_by_one(&all));
    assert_eq!(rows(&report), ["orders > shipping orders.placed x1 e0 (link 1)", "orders > stock orders.placed x1 e0 (parent 1)"]);
    assert!((report.interactions[1].p50_ms.unwrap() - 28.0).abs() < 1.0);
    assert!(report.interactions.iter().all(|row| row.style == Some(Style::PublishSubscribe)));
    assert_eq!(hops(&report, HopKind::Publish), ["orders > orders.placed x1"]);
    assert_eq!(hops(&report, HopKind::Deliver), ["orders.placed > shipping x1", "orders.placed > stock x1"]);
    assert_eq!(hops(&report, HopKind::Process), ["shipping > shipping x1", "stock > stock x1"]);
    assert_eq!((calls(&report, "stock"), calls(&report, "orders")), (1, 0));
}

#[test]
fn a_clock_difference_is_counted_and_never_clamped() {
    let all = [Span::producer("orders", "t", 1, 10, 0).at(1_000, 2), Span::process("stock", "t", "g", 1, 11, 10).at(900, 5)];
    let report = report(&one_by_one(&all));
    let row = &report.interactions[0];
    assert_eq!((row.calls, row.clock_differences, row.p50_ms), (1, 1, None));
}

#[test]
fn a_batch_with_links_is_as_many_messages() {
    let mut all: Vec<Span> = (0..5).map(|at| Span::producer("orders", "t", 1, 10 + at, 0)).collect();
    let mut batch = Span::process("mail", "t", "mail", 9, 90, 0).with(&[("messaging.batch.message_count", "7")]);
    for at in 0..6 {
        batch = batch.linked(1, 10 + at, &[("messaging.kafka.offset", "3")]);
    }
    all.push(batch);
    let report = report(&one_by_one(&all));
    // Five of seven producers are known; one link leads to a span never seen, one message has no link.
    assert_eq!(rows(&report), ["? > mail t x2 e0 (missing parent 2)", "orders > mail t x5 e0 (link 5)"]);
    assert_eq!(hops(&report, HopKind::Process), ["mail > mail x7"]);
    assert_eq!(calls(&report, "mail"), 1);
}

#[test]
fn links_lead_either_way() {
    let all = [Span::producer("orders", "t", 1, 10, 0).linked(2, 20, &[]), Span::process("stock", "t", "g", 2, 20, 0)];
    assert_eq!(rows(&report(&one_by_one(&all))), ["orders > stock t x1 e0 (link 1)"]);
}

#[test]
fn what_sends_created_messages_is_not_counted_again() {
    let create = |id| Span::new("orders", SpanKind::Producer, 1, id, 0).with(&[("messaging.operation.type", "create"), ("messaging.destination.name", "t")]);
    let send = Span::new("orders", SpanKind::Client, 1, 30, 0)
        .with(&[("messaging.operation.type", "send"), ("messaging.destination.name", "t"), ("messaging.batch.message_count", "2")])
        .linked(1, 10, &[])
        .linked(1, 11, &[]);
    let lone_send = Span::new("orders", SpanKind::Client, 2, 40, 0).with(&[("messaging.operation", "publish"), ("messaging.destination", "t")]);
    let report = report(&one_by_one(&[create(10), create(11), send, lone_send]));
    assert_eq!(hops(&report, HopKind::Publish), ["orders > t x3"]);
    assert_eq!(rows(&report), [""; 0]);
}

#[test]
fn a_poll_is_no_call_and_receive_counts_only_without_process() {
    let poll = |service, id| {
        Span::new(service, SpanKind::Client, 2, id, 0)
            .with(&[
                ("messaging.system", "kafka"),
                ("messaging.operation.type", "receive"),
                ("messaging.destination.name", "t"),
                ("messaging.consumer.group.name", service),
            ])
            .linked(1, 10, &[])
    };
    let all = [Span::producer("orders", "t", 1, 10, 0), poll("stock", 20), poll("mail", 21), Span::process("stock", "t", "stock", 1, 12, 10)];
    let report = report(&one_by_one(&all));
    assert_eq!(rows(&report), ["orders > mail t x1 e0 (link 1)", "orders > stock t x1 e0 (parent 1)"]);
    assert_eq!(hops(&report, HopKind::Deliver), ["t > mail x1", "t > stock x1"]);
    assert_eq!((calls(&report, "stock"), calls(&report, "mail")), (1, 1));
}

#[test]
fn the_same_record_joins_producer_and_consumer() {
    let place = [("messaging.destination.partition.id", "2"), ("messaging.kafka.offset", "77")];
    let old_place = [("messaging.kafka.partition", "2"), ("messaging.kafka.message.offset", "77")];
    let by_attributes =
        [Span::producer("orders", "t", 1, 10, 0).with(&place), Span::process("stock", "t", "g", 2, 20, 0).without("messaging.operation.type").with(&old_place)];
    assert_eq!(rows(&report(&one_by_one(&by_attributes))), ["orders > stock t x1 e0 (record 1)"]);

    let mut by_header = one_by_one(&[Span::producer("orders", "t", 1, 10, 0), Span::process("stock", "t", "g", 2, 20, 0).with(&place)]);
    let record = Record { topic: "t", partition: 2, offset: 77, trace: Some((1, 10)), correlation: None, headers: Vec::new() };
    by_header.push(records(2_500, &[record]));
    assert_eq!(rows(&report(&by_header)), ["orders > stock t x1 e0 (record 1)"]);
}

#[test]
fn a_message_id_joins_only_what_nothing_better_does() {
    let id = [("messaging.message.id", "m-1")];
    let sent = Span::producer("orders", "t", 1, 10, 0).with(&id);
    let other = Span::producer("shop", "t", 3, 30, 0).with(&id).at(100, 5);
    let had = Span::process("stock", "t", "g", 2, 20, 0).with(&id);
    assert_eq!(rows(&report(&one_by_one(&[sent.clone(), other.clone(), had.clone()]))), ["orders > stock t x1 e0 (message id 1)"]);
    let better = Span { parent: 30, trace: 3, ..had.clone() };
    assert_eq!(rows(&report(&one_by_one(&[sent.clone(), other, better]))), ["shop > stock t x1 e0 (parent 1)"]);
    let late = [spans(2_000, &[sent]), spans(3_000 + 61_000, &[had.at(62_000, 5)])];
    assert_eq!(rows(&report(&late)), ["? > stock t x1 e0 (root 1)"]);
}

#[test]
fn another_topic_s_message_is_not_the_one_consumed() {
    let all = [Span::producer("orders", "orders.placed", 1, 10, 0), Span::process("repair", "orders.placed.DLT", "repair", 1, 11, 10)];
    assert_eq!(rows(&report(&one_by_one(&all))), ["? > repair orders.placed.DLT x1 e0 (root 1)"]);
}

#[test]
fn answers_with_the_same_correlation_id_tell_the_style() {
    let id = [("messaging.message.conversation_id", "order-4711")];
    let all = [
        Span::producer("orders", "orders.placed", 1, 10, 0).with(&id).at(1_000, 1),
        Span::process("stock", "orders.placed", "stock", 1, 11, 10).at(1_010, 30),
        Span::producer("stock", "stock.replies", 1, 12, 11).with(&id).at(1_020, 1),
        Span::process("orders", "stock.replies", "orders", 1, 13, 12).at(1_050, 3),
        Span::producer("orders", "audit", 1, 14, 0).at(1_000, 1),
        Span::process("ledger", "audit", "ledger", 1, 15, 14).at(1_050, 3),
    ];
    let styles = |report: &Report| report.interactions.iter().map(|row| (row.via.clone(), row.style)).collect::<Vec<_>>();
    let told = report(&one_by_one(&all));
    assert_eq!(
        styles(&told),
        [
            ("audit".to_owned(), Some(Style::OneWayNotification)),
            ("orders.placed".to_owned(), Some(Style::AsyncRequestResponse)),
            ("stock.replies".to_owned(), Some(Style::AsyncRequestResponse)),
        ]
    );
    let mut with_second = all.to_vec();
    with_second.push(Span::process("mail", "orders.placed", "mail", 1, 16, 10));
    let told = report(&one_by_one(&with_second));
    let placed: Vec<_> = styles(&told).into_iter().filter(|(via, _)| via == "orders.placed").map(|(_, style)| style).collect();
    assert_eq!(placed, [Some(Style::PublishAsyncResponses); 2]);
}

#[test]
fn correlation_ids_in_headers_tell_the_style_too() {
    let id = Some("0123456789abcdef0011223344556677");
    let mut batches = one_by_one(&[
        Span::producer("orders", "orders.placed", 1, 10, 0).at(1_000, 1),
        Span::process("stock", "orders.placed", "stock", 1, 11, 10).at(1_010, 30),
        Span::producer("stock", "stock.replies", 1, 12, 11).at(1_020, 1),
        Span::process("orders", "stock.replies", "orders", 1, 13, 12).at(1_050, 3),
    ]);
    batches.push(records(
        3_000,
        &[
            Record { topic: "orders.placed", partition: 0, offset: 0, trace: Some((1, 10)), correlation: id, headers: Vec::new() },
            Record { topic: "stock.replies", partition: 0, offset: 0, trace: Some((1, 12)), correlation: id, headers: Vec::new() },
        ],
    ));
    let told = report(&batches);
    assert!(told.interactions.iter().all(|row| row.style == Some(Style::AsyncRequestResponse)), "{:?}", told.interactions);
}

#[test]
fn a_group_without_spans_shows_by_its_offsets() {
    let published: Vec<Span> = (0..4).map(|at| Span::producer("orders", "t", 1, 10 + at, 0)).collect();
    let mut batches = one_by_one(&published);
    batches.push(spans(2_100, &[Span::process("stock", "t", "stock", 1, 50, 10)]));
    batches.push(facts(2_200, vec![topic("t", 0), group("silent", "t", 0, 0, 2_200), group("stock", "t", 0, 0, 2_200)]));
    batches.push(facts(4_200, vec![topic("t", 4), group("silent", "t", 4, 4, 4_200), group("stock", "t", 1, 4, 4_200)]));
    let report = report(&batches);
    assert_eq!(rows(&report), ["orders > ? t x4 e0 (group offsets 4)", "orders > stock t x1 e0 (parent 1)"]);
    assert_eq!(hops(&report, HopKind::Deliver), ["t > silent x4", "t > stock x1"]);
    assert_eq!(report.interactions[0].style, Some(Style::PublishSubscribe));
    assert_eq!(report.channels[0].records, Some(4));
}

#[test]
fn duplicates_count_once_and_of_a_collision_one() {
    let client = Span::client("shop", 1, 10, 0);
    let server = Span::server("orders", 1, 11, 10);
    let cut_short = Span { duration_ns: 3 * MS, ..server.clone() };
    let all = [client.clone(), server.clone(), client, cut_short.clone(), server, cut_short];
    let batches = one_by_one(&all);
    let report = report(&batches);
    assert_eq!(rows(&report), ["shop > orders http x1 e0 (parent 1)"]);
    assert_eq!(calls(&report, "orders"), 1);
    assert!((report.services[0].p50_ms.unwrap() - 10.0).abs() < 0.5);
    let counts = report.sources[0].counts;
    assert_eq!((counts.received, counts.stored, counts.duplicate), (6, 3, 3));
}

#[test]
fn own_traffic_is_folded_and_seen_nowhere() {
    let own_trace = u128::from(switchboard_model::OWN_TRACE_PREFIX) << 64 | 7;
    let all = [
        Span::server("orders", own_trace, 10, 1),
        Span::server("orders", 5, 11, 0).with(&[("user_agent.original", "switchboard/0.1.0")]),
        Span::server("orders", 6, 12, 0).with(&[("http.user_agent", "switchboardish/1")]),
    ];
    let report = report(&one_by_one(&all));
    assert_eq!(rows(&report), ["? > orders http x1 e0 (root 1)"]);
    assert_eq!((report.sources[0].counts.folded, report.sources[0].counts.stored), (2, 1));
}

#[test]
fn what_somebody_sends_by_hand_is_no_own_traffic() {
    let agent = format!("{}/0.1.0", switchboard_model::SENT_USER_AGENT);
    let sent = Span::server("orders", 5, 11, 99).with(&[("user_agent.original", &agent)]);
    let report = report(&one_by_one(&[sent]));
    assert_eq!((report.sources[0].counts.folded, report.sources[0].counts.stored), (0, 1));
}

#[test]
fn a_snapshot_is_made_anew_only_where_something_changed() {
    let mut engine = engine();
    let all = one_by_one(&[Span::client("shop", 1, 10, 0), Span::server("orders", 1, 11, 10)]);
    apply(&mut engine, &all);
    let first = engine.snapshot(&[]);
    assert_eq!((first.topology.nodes.len(), first.topology.edges.len(), first.interactions.len()), (2, 1, 1));
    assert!(!engine.is_dirty());
    assert_eq!(engine.snapshot(&[]).generation, first.generation);
    apply(&mut engine, &[spans(2_500, &[Span::client("shop", 2, 20, 0), Span::server("orders", 2, 21, 20)])]);
    let second = engine.snapshot(&[]);
    assert!(second.generation > first.generation && std::sync::Arc::ptr_eq(&first.topology, &second.topology));
    assert_eq!(second.interactions[0].figure.total_calls, 2);
    // Once all windows have drained nothing is new any more.
    apply(&mut engine, &[tick(200_000)]);
    let drained = engine.snapshot(&[]);
    apply(&mut engine, &[tick(201_000)]);
    let still = engine.snapshot(&[]);
    assert_eq!(drained.generation, still.generation);
    assert_eq!((still.interactions[0].figure.recent_calls, still.interactions[0].figure.total_calls), (0, 2));
}

#[test]
fn a_range_has_the_figures_of_that_range() {
    use switchboard_engine::view::{Answer, PointQuery, Query, Range};
    let mut engine = engine();
    for at in 0..30 {
        apply(&mut engine, &[spans(at * 10_000 + 2_000, &[Span::server("shop", 1, 10 + at as u64, 0).at(at * 10_000 + 1_000, 5)])]);
    }
    let mut calls = |from_s: i64, to_s: i64, as_of_s: i64| {
        let at = |at_s: i64| batches::START_NS + at_s * batches::SECOND;
        let query = Query::Point(PointQuery::Figures { range: Range { from_ns: at(from_s), to_ns: at(to_s) }, as_of_ns: at(as_of_s) });
        let Answer::Figures(report) = Engine::query(&mut engine, &query) else { panic!("another answer") };
        report.interactions.first().map_or(0, |row| row.calls)
    };
    assert_eq!((calls(0, 300, 300), calls(100, 200, 300), calls(100, 200, 150), calls(400, 500, 500)), (30, 10, 5, 0));
}
