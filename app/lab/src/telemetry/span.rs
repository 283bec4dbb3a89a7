use std::{borrow::Cow, collections::HashMap};

use axum::http::{HeaderMap, StatusCode};
use opentelemetry::{
    Context, KeyValue, Value,
    propagation::TextMapPropagator as _,
    trace::{Link, Status, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// One attribute.
pub(crate) fn attribute(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

/// The W3C `traceparent` of the span in `cx`; `None` where there is none.
pub(crate) fn traceparent(cx: &Context) -> Option<String> {
    let mut carrier: HashMap<String, String> = HashMap::new();
    TraceContextPropagator::new().inject_context(cx, &mut carrier);
    carrier.remove("traceparent")
}

/// The context a `traceparent` names; an empty one where it is missing or wrong.
pub(crate) fn context_from(traceparent: Option<&str>) -> Context {
    let carrier: HashMap<String, String> = traceparent.map(|value| ("traceparent".to_owned(), value.to_owned())).into_iter().collect();
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}

/// A link to the span that a context names; `None` where it names none.
pub(crate) fn link_to(cx: &Context, attributes: Vec<KeyValue>) -> Option<Link> {
    let span = cx.span().span_context().clone();
    span.is_valid().then(|| Link::new(span, attributes, 0))
}

/// A header's text; `None` where it is missing or not text.
pub(crate) fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Ends the span of `cx`.
pub(crate) fn end(cx: &Context) {
    cx.span().end();
}

/// Marks the span of `cx` as failed.
pub(crate) fn fail(cx: &Context, error_type: impl Into<Cow<'static, str>>, description: impl Into<Cow<'static, str>>) {
    cx.span().set_attribute(attribute("error.type", error_type.into()));
    cx.span().set_status(Status::error(description));
}

/// Adds an exception event, as instrumentation records a thrown one.
pub(crate) fn exception(cx: &Context, class: &'static str, message: &str, stacktrace: Option<String>) {
    let mut attributes = vec![attribute("exception.type", class), attribute("exception.message", message.to_owned())];
    attributes.extend(stacktrace.map(|trace| attribute("exception.stacktrace", trace)));
    cx.span().add_event("exception", attributes);
}

/// Sets an HTTP server span's status code under the name given; from 500 on the span has failed.
pub(crate) fn server_status(cx: &Context, key: &'static str, status: StatusCode) {
    cx.span().set_attribute(attribute(key, i64::from(status.as_u16())));
    if status.is_server_error() {
        fail(cx, status.as_u16().to_string(), "");
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

    use super::*;

    #[test]
    fn a_traceparent_survives_the_way_there_and_back() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let cx = context_from(Some(text));
        assert!(cx.span().span_context().is_remote());
        assert_eq!(traceparent(&cx).as_deref(), Some(text));
        assert!(link_to(&cx, Vec::new()).is_some());
        let made = SpanContext::new(TraceId::from(1), SpanId::from(2), TraceFlags::SAMPLED, false, TraceState::default());
        assert_eq!(traceparent(&Context::new().with_remote_span_context(made)).as_deref(), Some("00-00000000000000000000000000000001-0000000000000002-01"));
    }

    #[test]
    fn nothing_and_nonsense_give_an_empty_context() {
        for text in [None, Some(""), Some("00-xyz"), Some("00-00000000000000000000000000000000-0000000000000000-01")] {
            let cx = context_from(text);
            assert!(!cx.span().span_context().is_valid(), "{text:?}");
            assert!(link_to(&cx, Vec::new()).is_none());
        }
    }
}
