//! What benches and tests of other packages need: requests of "the span" of the budgets, and the decoder by itself.

use std::ops::ControlFlow;

use switchboard_model::{Batch, BatchHeader, Redactor};

use crate::decode::{self, Context, Encoding, Signal};
use crate::protobuf::Message;

/// An OTLP trace request, protobuf, of so many spans as the budgets mean them: 390 bytes each on the wire, with 10
/// attributes, 8 of few values and 2 unique. Spans come in traces of ten: a server span and what hangs below it.
pub fn trace_request(first: u64, num_spans: u64) -> Vec<u8> {
    trace_request_at(1_790_000_000_000_000_000, first, num_spans)
}

/// The same, with the first span of all at a time of its own, ns since the Unix epoch: figures are only kept of spans that
/// arrive about when they were made.
pub fn trace_request_at(epoch_ns: u64, first: u64, num_spans: u64) -> Vec<u8> {
    let mut resource = Message::default();
    for (key, value) in [("service.name", "orders"), ("service.namespace", "shop"), ("service.instance.id", "orders-1"), ("service.version", "1.4.2")] {
        resource.message(1, &text_attr(key, value));
    }
    let mut scope = Message::default();
    scope.bytes(1, b"shop.orders").bytes(2, b"1.4.2");
    let mut scope_spans = Message::default();
    scope_spans.message(1, &scope);
    for number in first..first + num_spans {
        scope_spans.bytes(2, &span(epoch_ns, number));
    }
    let mut resource_spans = Message::default();
    resource_spans.message(1, &resource).message(2, &scope_spans);
    let mut request = Message::default();
    request.message(1, &resource_spans);
    request.into_bytes()
}

/// One such span, by its number; each starts 1 µs after the one before, the first of all at the epoch given, ns.
pub fn span(epoch_ns: u64, number: u64) -> Vec<u8> {
    // A trace id's low half is as random as a sender makes it; the high half keeps it unique.
    let trace = (number / 10 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let trace_id = (u128::from(number / 10 + 1) << 64 | u128::from(trace)).to_be_bytes();
    let span_id = |number: u64| (number + 1).wrapping_mul(0xd6e8_feb8_6659_fd93).to_be_bytes();
    let start_ns = epoch_ns + number * 1_000;
    let few = (trace >> 40) as usize;
    let pick = |from: &[&'static str]| from[few % from.len()];
    let mut span = Message::default();
    span.bytes(1, &trace_id).bytes(2, &span_id(number));
    if !number.is_multiple_of(10) {
        span.bytes(4, &span_id(number - 1));
    }
    span.bytes(5, pick(&["POST /orders", "GET /orders/{id}", "POST /payments"]).as_bytes());
    span.varint(6, 2 + number % 2).fixed64(7, start_ns).fixed64(8, start_ns + 1_250_000);
    for attr in [
        text_attr("http.request.method", pick(&["GET", "POST", "PUT"])),
        text_attr("http.route", pick(&["/orders", "/orders/{id}", "/payments"])),
        int_attr("http.response.status_code", [200, 201, 404, 503][few % 4]),
        text_attr("server.address", pick(&["orders.local", "payments.local"])),
        int_attr("server.port", 8080),
        text_attr("url.scheme", "http"),
        text_attr("thread.name", pick(&["worker-1", "worker-2", "worker-3", "worker-4"])),
        text_attr("service.peer.name", pick(&["payments", "inventory", "shipping"])),
        text_attr("order.id", &format!("ord-{number:08}")),
        text_attr("correlation.id", &uuid(trace ^ number)),
    ] {
        span.message(9, &attr);
    }
    span.into_bytes()
}

fn uuid(seed: u64) -> String {
    let digits = format!("{:032x}", u128::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c89_1d02_8d4b));
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

fn text_attr(key: &str, value: &str) -> Message {
    let mut any = Message::default();
    any.bytes(1, value.as_bytes());
    key_value(key, &any)
}

fn int_attr(key: &str, value: u64) -> Message {
    let mut any = Message::default();
    any.varint(3, value);
    key_value(key, &any)
}

fn key_value(key: &str, any: &Message) -> Message {
    let mut pair = Message::default();
    pair.bytes(1, key.as_bytes()).message(2, any);
    pair
}

/// Decodes a protobuf trace request as the receiver does, and gives each batch away. `None` if it is broken, else how
/// many spans were left out.
pub fn decode_trace_request(request: &[u8], header: BatchHeader, redactor: &Redactor, take: impl FnMut(Batch)) -> Option<u64> {
    decode_with(Signal::Traces, Encoding::Protobuf, request, header, redactor, take)
}

/// The same for JSON.
pub fn decode_json_trace_request(request: &[u8], header: BatchHeader, redactor: &Redactor, take: impl FnMut(Batch)) -> Option<u64> {
    decode_with(Signal::Traces, Encoding::Json, request, header, redactor, take)
}

/// The same for logs in protobuf.
pub fn decode_log_request(request: &[u8], header: BatchHeader, redactor: &Redactor, take: impl FnMut(Batch)) -> Option<u64> {
    decode_with(Signal::Logs, Encoding::Protobuf, request, header, redactor, take)
}

/// The same for logs in JSON.
pub fn decode_json_log_request(request: &[u8], header: BatchHeader, redactor: &Redactor, take: impl FnMut(Batch)) -> Option<u64> {
    decode_with(Signal::Logs, Encoding::Json, request, header, redactor, take)
}

/// Counts the points of a metric request in protobuf, which give no batch. As for [`decode_trace_request`].
pub fn decode_metric_request(request: &[u8], header: BatchHeader, redactor: &Redactor) -> Option<u64> {
    decode_with(Signal::Metrics, Encoding::Protobuf, request, header, redactor, drop)
}

/// The same for metrics in JSON.
pub fn decode_json_metric_request(request: &[u8], header: BatchHeader, redactor: &Redactor) -> Option<u64> {
    decode_with(Signal::Metrics, Encoding::Json, request, header, redactor, drop)
}

fn decode_with(signal: Signal, encoding: Encoding, request: &[u8], header: BatchHeader, redactor: &Redactor, mut take: impl FnMut(Batch)) -> Option<u64> {
    let context = Context { header, redactor, environment: "" };
    let mut emit = |batch| {
        take(batch);
        ControlFlow::Continue(())
    };
    decode::decode(signal, encoding, request.into(), context, &mut |_| true, &mut emit).ok().map(|tally| tally.num_rejected())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_span_weighs_what_the_budgets_say() {
        let request = super::trace_request(0, 1_000);
        let bytes_per_span = request.len() / 1_000;
        assert!((380..=400).contains(&bytes_per_span), "{bytes_per_span}");
    }
}
