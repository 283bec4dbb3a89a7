//! Lists of logs.

use super::*;

fn logs(received_ms: i64, of: &[(i64, u8, &'static str, &str)]) -> Batch {
    let mut text = TextArena::default();
    let mut batch = LogBatch { header: header(received_ms), ..LogBatch::default() };
    let (thread_key, instances) = (text.push(b"thread.name"), [text.push(b"pod-1"), text.push(b"pod-2")]);
    for (time_s, severity, service, body) in of {
        let name = text.push(service.as_bytes());
        let instance = instances[usize::from(*body == "e")];
        batch.resources.push(ResourceRow { service_name: name, instance, ..ResourceRow::default() });
        batch.attrs.push(AttrRow::new(thread_key, (WellKnown::Other, 0), Value::I64(4)));
        let end = batch.attrs.len() as u32;
        batch.logs.push(LogRow {
            time_ns: START_NS + time_s * SECOND,
            severity: *severity,
            severity_text: Str::EMPTY,
            body: Value::Str(text.push(body.as_bytes())),
            trace_id: TraceId(3),
            span_id: SpanId(4),
            scope: Str::EMPTY,
            resource: batch.resources.len() as u32 - 1,
            attrs: Attrs { start: end - 1, end },
            truncated: false,
        });
    }
    batch.text = text;
    Batch::Logs(batch)
}

#[test]
fn logs_come_newest_first_of_a_service_or_an_instance_and_from_a_severity_on() {
    let mut engine = engine();
    let first = logs(1_000, &[(5, 9, "shop", "a"), (9, 17, "shop", "b"), (7, 13, "orders", "c")]);
    apply(&mut engine, &[first, logs(2_000, &[(6, 17, "orders", "d"), (9, 13, "shop", "e")])]);
    let mut ask = |[service, instance]: [Option<&str>; 2], min_severity: u8, limit: usize| -> Vec<LogView> {
        ask!(engine, Query::Scan(ScanQuery::Logs { service: service.map(str::to_owned), instance: instance.map(str::to_owned), min_severity, limit }), Logs)
    };
    let bodies = |logs: &[LogView]| logs.iter().map(|log| log.body.as_str()).collect::<String>();
    assert_eq!(bodies(&ask([None; 2], 0, 10)), "ebcda");
    assert_eq!(bodies(&ask([None; 2], 0, 3)), "ebc");
    assert_eq!(bodies(&ask([None; 2], 13, 10)), "ebcd");
    assert_eq!(bodies(&ask([Some("shop"), None], 13, 10)), "eb");
    assert_eq!(bodies(&ask([Some("nobody"), None], 0, 10)), "");
    assert_eq!(bodies(&ask([Some("shop"), Some("pod-2")], 0, 10)), "e");
    assert_eq!(bodies(&ask([Some("shop"), Some("pod-1")], 0, 10)), "ba");
    assert_eq!(bodies(&ask([None, Some("pod-1")], 17, 10)), "bd");
    assert_eq!(bodies(&ask([Some("orders"), Some("pod-2")], 0, 10)), "");
    let log = ask([Some("orders"), None], 17, 10).remove(0);
    assert_eq!((log.instance.as_deref(), log.attributes.as_slice()), (Some("pod-1"), [("thread.name".to_owned(), "4".to_owned())].as_slice()));
    assert_eq!((log.time_ns, log.severity, log.trace_id, log.span_id), (START_NS + 6 * SECOND, 17, TraceId(3), SpanId(4)));
}

#[test]
fn a_log_whose_time_is_not_believable_stands_where_it_arrived() {
    let mut engine = engine();
    let (of_1970, in_fifty_years) = (-START_NS / SECOND, 50 * 365 * 86_400);
    let first = logs(4_000, &[(3, 17, "shop", "a"), (of_1970, 17, "shop", "b")]);
    apply(&mut engine, &[first, logs(6_000, &[(in_fifty_years, 17, "shop", "d"), (5, 17, "shop", "c")])]);
    let told = |logs: &[LogView]| logs.iter().map(|log| (log.body.clone(), (log.at_ns() - START_NS) / SECOND)).collect::<Vec<_>>();
    let expected = ["a", "b", "c", "d"].map(str::to_owned).into_iter().zip(3..).collect::<Vec<(String, i64)>>();
    let mut newest_first = told(&ask!(engine, Query::Scan(ScanQuery::Logs { service: None, instance: None, min_severity: 0, limit: 10 }), Logs));
    newest_first.reverse();
    assert_eq!(newest_first, expected);
    assert_eq!(told(&ask!(engine, Query::Scan(ScanQuery::Logs { service: None, instance: None, min_severity: 0, limit: 1 }), Logs)), expected[3..]);
    assert_eq!(told(&ask!(engine, Query::Point(PointQuery::Trace { trace_id: TraceId(3) }), Trace).logs), expected);
}
