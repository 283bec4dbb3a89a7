//! The OpenTelemetry SDK's own exporters, in every protocol and encoding.

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{SpanKind as SdkKind, Status, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Compression, LogExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use switchboard_model::{InstanceSource, ItemKind, SpanKind, SpanStatus, Value, WellKnown};

use crate::loopback::Loopback;

const WAYS: [(Option<Protocol>, Option<Compression>); 9] = [
    (None, None),
    (None, Some(Compression::Gzip)),
    (None, Some(Compression::Zstd)),
    (Some(Protocol::HttpBinary), None),
    (Some(Protocol::HttpBinary), Some(Compression::Gzip)),
    (Some(Protocol::HttpBinary), Some(Compression::Zstd)),
    (Some(Protocol::HttpJson), None),
    (Some(Protocol::HttpJson), Some(Compression::Gzip)),
    (Some(Protocol::HttpJson), Some(Compression::Zstd)),
];

/// An exporter of either signal, by the way it goes.
macro_rules! exporter {
    ($exporter:ty, $path:literal, $loopback:expr, $protocol:expr, $compression:expr) => {
        match $protocol {
            None => {
                let builder = <$exporter>::builder().with_tonic().with_endpoint(format!("http://localhost:{}", $loopback.grpc().port()));
                match $compression {
                    Some(compression) => builder.with_compression(compression),
                    None => builder,
                }
                .build()
            }
            Some(protocol) => {
                let endpoint = format!("http://localhost:{}{}", $loopback.http().port(), $path);
                let builder = <$exporter>::builder().with_http().with_protocol(protocol).with_endpoint(endpoint);
                match $compression {
                    Some(compression) => builder.with_compression(compression),
                    None => builder,
                }
                .build()
            }
        }
        .expect("an exporter")
    };
}

fn resource() -> Resource {
    let attributes = [
        KeyValue::new("service.namespace", "shop"),
        KeyValue::new("host.name", "box"),
        KeyValue::new("process.pid", 4711),
        KeyValue::new("service.version", "1.2"),
    ];
    Resource::builder_empty().with_service_name("orders").with_attributes(attributes).build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_arrive_by_every_way() {
    // The SDK's HTTP client wants a TLS provider even where it speaks plain HTTP.
    rustls::crypto::ring::default_provider().install_default().ok();
    for (protocol, compression) in WAYS {
        let way = format!("{protocol:?} {compression:?}");
        let mut loopback = Loopback::start().await;
        let exporter = exporter!(SpanExporter, "/v1/traces", loopback, protocol, compression);
        let provider = SdkTracerProvider::builder().with_simple_exporter(exporter).with_resource(resource()).build();
        let tracer = provider.tracer("shop.orders");
        let parent = tracer.span_builder("GET /orders/{id}").with_kind(SdkKind::Server).start(&tracer);
        let context = Context::current_with_span(parent);
        let attributes = [
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.response.status_code", 503_i64),
            KeyValue::new("retry", true),
            KeyValue::new("ratio", 0.25),
            KeyValue::new("authorization", "Bearer abcdefgh12345678"),
            KeyValue::new("tags", opentelemetry::Value::Array(vec![1_i64, 2].into())),
        ];
        let mut child = tracer.span_builder("charge").with_kind(SdkKind::Client).with_attributes(attributes).start_with_context(&tracer, &context);
        {
            use opentelemetry::trace::Span;
            child.add_event("exception", vec![KeyValue::new("exception.type", "TimeoutError")]);
            child.add_link(context.span().span_context().clone(), vec![KeyValue::new("messaging.kafka.offset", 7)]);
            child.set_status(Status::error("timed out"));
            child.end();
        }
        context.span().end();
        let shut_down = tokio::task::spawn_blocking(move || provider.shutdown()).await.expect("no panic");
        shut_down.unwrap_or_else(|error| panic!("{way}: {error}"));
        loopback.wait_for(&format!("both spans by {way}"), |loopback| loopback.num_spans() == 2).await;
        assert_eq!(loopback.figures(ItemKind::Span), (2, 0, 0, 0), "{way}");
        // Each is sent when it ends, the child first.
        let (batch, parents) = (&loopback.spans[0], &loopback.spans[1]);
        let text = |at| batch.text.get(at);
        let (child, parent) = (batch.spans[0], parents.spans[0]);
        assert_eq!((text(child.name), parents.text.get(parent.name)), ("charge", "GET /orders/{id}"), "{way}");
        assert_eq!((child.parent_span_id, child.trace_id), (parent.span_id, parent.trace_id), "{way}");
        assert_eq!((parent.kind, child.kind, child.status), (SpanKind::Server, SpanKind::Client, SpanStatus::Error), "{way}");
        assert_eq!((text(child.status_message), text(child.scope)), ("timed out", "shop.orders"), "{way}");
        assert!(child.end_ns >= child.start_ns && child.start_ns > 1_700_000_000_000_000_000, "{way}");
        let attrs = &batch.attrs[child.attrs.range()];
        let value = |key: &str| attrs.iter().find(|row| text(row.key) == key).map(|row| row.value).expect("the attribute");
        assert_eq!(value("http.response.status_code"), Value::I64(503), "{way}");
        assert_eq!(value("retry"), Value::Bool(true), "{way}");
        assert_eq!(value("ratio"), Value::F64(0.25), "{way}");
        assert_eq!(value("http.request.method").to_text(&batch.text), "GET", "{way}");
        assert!(value("authorization").to_text(&batch.text).starts_with("redacted:"), "{way}");
        assert_eq!(value("tags").to_text(&batch.text), "[1,2]", "{way}");
        assert_eq!(attrs.iter().find(|row| row.known == WellKnown::HttpStatus).map(|row| row.value), Some(Value::I64(503)), "{way}");
        let event = batch.events[child.events.range()][0];
        assert_eq!((text(event.name), batch.attrs[event.attrs.range()][0].known), ("exception", WellKnown::ExceptionType), "{way}");
        let link = batch.links[child.links.range()][0];
        assert_eq!((link.span_id, batch.attrs[link.attrs.range()][0].value), (parent.span_id, Value::I64(7)), "{way}");
        let resource = batch.resources[child.resource as usize];
        assert_eq!((text(resource.service_name), text(resource.namespace), text(resource.version)), ("orders", "shop", "1.2"), "{way}");
        assert_eq!((text(resource.instance), resource.instance_source), ("box:4711", InstanceSource::HostAndPid), "{way}");
        loopback.receiver.take().expect("running").stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_records_arrive_by_every_way() {
    rustls::crypto::ring::default_provider().install_default().ok();
    for (protocol, compression) in WAYS {
        let way = format!("{protocol:?} {compression:?}");
        let mut loopback = Loopback::start().await;
        let exporter = exporter!(LogExporter, "/v1/logs", loopback, protocol, compression);
        let provider = SdkLoggerProvider::builder().with_simple_exporter(exporter).with_resource(resource()).build();
        let logger = provider.logger("shop.log");
        let mut record = logger.create_log_record();
        record.set_severity_number(Severity::Error);
        record.set_severity_text("ERROR");
        record.set_body(AnyValue::from("order 4711 failed"));
        record.add_attribute("order.id", 4711_i64);
        logger.emit(record);
        let shut_down = tokio::task::spawn_blocking(move || provider.shutdown()).await.expect("no panic");
        shut_down.unwrap_or_else(|error| panic!("{way}: {error}"));
        loopback.wait_for(&format!("the record by {way}"), |loopback| !loopback.logs.is_empty()).await;
        assert_eq!(loopback.figures(ItemKind::Log), (1, 0, 0, 0), "{way}");
        let batch = &loopback.logs[0];
        let log = batch.logs[0];
        assert_eq!((log.severity, batch.text.get(log.severity_text)), (17, "ERROR"), "{way}");
        assert_eq!(log.body.to_text(&batch.text), "order 4711 failed", "{way}");
        assert_eq!(batch.attrs[log.attrs.range()][0].value, Value::I64(4711), "{way}");
        assert_eq!(batch.text.get(batch.resources[0].service_name), "orders", "{way}");
        assert!(log.time_ns > 1_700_000_000_000_000_000, "{way}");
        loopback.receiver.take().expect("running").stop().await;
    }
}
