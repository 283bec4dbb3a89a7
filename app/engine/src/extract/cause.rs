//! What exceptions of a span say: which is the cause beneath its wrappers, whether it left the span, whether it only says
//! "not yet".

use memchr::memmem;
use switchboard_model::{Attrs, SpanBatch, SpanRow, Value, WellKnown};

use crate::extract::rows;

/// Exceptions that only carry another, by their names without package: containers, futures and reflection wrap what listeners
/// and callers throw.
const WRAPPERS: [&str; 20] = [
    "AggregateException",
    "CamelExecutionException",
    "CompletionException",
    "EJBException",
    "ExecutionException",
    "InvocationTargetException",
    "KafkaException",
    "ListenerExecutionFailedException",
    "MessageDeliveryException",
    "MessageHandlingException",
    "MessagingException",
    "NestedServletException",
    "ReactiveException",
    "RuntimeCamelException",
    "ServletException",
    "TargetInvocationException",
    "TimestampedException",
    "UncheckedExecutionException",
    "UncheckedIOException",
    "UndeclaredThrowableException",
];
/// Causes of one stack that are looked at, the innermost first.
const MAX_CAUSES: usize = 16;
/// How a stack says what was beneath: Java, .NET.
const CAUSED_BY: [&[u8]; 2] = [b"Caused by: ", b"---> "];
/// How a stack that begins with its root says what was above it (Logback's root cause first).
const WRAPPED_BY: &[u8] = b"Wrapped by: ";
/// How Spring's messages say what was beneath.
const NESTED: &str = "nested exception is ";

/// What Spring Kafka throws while a record of a retry topic is not due yet, and what it says then.
const BACK_OFF: [&str; 2] = ["KafkaBackoffException", "is not ready for consumption, backing off"];
/// Then follow milliseconds.
const FOR_APPROX: &str = "is not ready for consumption, backing off for approx. ";
/// How long it waits where that is not told, and at most, ms.
const UNTOLD_BACK_OFF_MS: u32 = 60_000;
const MAX_BACK_OFF_MS: u32 = 86_400_000;

/// Whether an exception only carries another.
fn is_wrapper(class: &str) -> bool {
    let name = class.rsplit(['.', '$']).next().unwrap_or(class);
    WRAPPERS.binary_search(&name).is_ok()
}

/// The name of a class at the beginning of a line, if it looks like one.
fn class_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '$' | '_' | '/'))).unwrap_or(text.len());
    let class = text[..end].trim_end_matches('.');
    // Java writes a module before its class.
    let class = class.rsplit('/').next().unwrap_or(class);
    (class.len() > 1 && !class.starts_with(|c: char| c.is_ascii_digit())).then_some(class)
}

/// The innermost class that a stack names as cause and that is no wrapper itself.
fn innermost(stack: &str) -> Option<&str> {
    if memmem::find(stack.as_bytes(), WRAPPED_BY).is_some() {
        return class_at(stack.trim_start()).filter(|class| !is_wrapper(class));
    }
    CAUSED_BY.iter().find_map(|words| {
        let places = memmem::rfind_iter(stack.as_bytes(), *words).take(MAX_CAUSES);
        places.filter_map(|at| class_at(&stack[at + words.len()..])).find(|class| !is_wrapper(class))
    })
}

fn nested(message: &str) -> Option<&str> {
    let at = message.rfind(NESTED)?;
    class_at(&message[at + NESTED.len()..])
}

/// An exception that a span recorded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recorded<'a> {
    class: &'a str,
    message: &'a str,
    stack: &'a str,
    /// Whether it is said to have left the span.
    pub(super) escaped: bool,
}

impl<'a> Recorded<'a> {
    fn read(batch: &'a SpanBatch, attrs: Attrs) -> Option<Self> {
        let mut recorded = Self::default();
        for attr in rows(&batch.attrs, attrs) {
            let text = |value: Value| if let Value::Str(at) = value { batch.text.get(at) } else { "" };
            match attr.known {
                WellKnown::ExceptionType => recorded.class = text(attr.value),
                WellKnown::ExceptionMessage => recorded.message = text(attr.value),
                WellKnown::ExceptionStacktrace => recorded.stack = text(attr.value),
                WellKnown::ExceptionEscaped => recorded.escaped = attr.value == Value::Bool(true) || text(attr.value).eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        (!recorded.class.is_empty() || !recorded.message.is_empty() || !recorded.stack.is_empty()).then_some(recorded)
    }

    /// Its class; where that is not told, the one its stack begins with.
    pub(super) fn class(&self) -> Option<&'a str> {
        if self.class.is_empty() { class_at(self.stack) } else { Some(self.class) }
    }

    fn texts(&self) -> [&'a str; 3] {
        [self.class, self.message, self.stack]
    }

    /// Whether a time limiter of Resilience4j gave up.
    pub(super) fn is_time_limit(&self) -> bool {
        self.message.contains("TimeLimiter '") && self.message.contains("recorded a timeout exception")
    }
}

/// The exceptions of a span, in the order of its events.
pub(super) fn recorded<'a>(batch: &'a SpanBatch, span: &SpanRow) -> impl Iterator<Item = Recorded<'a>> + Clone {
    rows(&batch.events, span.events).iter().filter_map(|event| Recorded::read(batch, event.attrs))
}

/// What stands beneath an exception that only wraps; the exception itself where nothing tells.
pub(super) fn cause<'a>(class: &'a str, batch: &'a SpanBatch, span: &SpanRow) -> &'a str {
    if !is_wrapper(class) {
        return class;
    }
    let exceptions = recorded(batch, span);
    let by_stack = exceptions.clone().find_map(|recorded| innermost(recorded.stack));
    let by_event = || exceptions.clone().filter_map(|recorded| recorded.class()).find(|class| !is_wrapper(class));
    let by_message = || exceptions.clone().map(|recorded| recorded.message).chain([batch.text.get(span.status_message)]).find_map(nested);
    by_stack.or_else(by_event).or_else(by_message).unwrap_or(class)
}

/// How long a failed listener says that its record is not due yet, ms: that is waiting, no failure.
pub(super) fn back_off_ms(batch: &SpanBatch, span: &SpanRow, error_type: Option<&str>) -> Option<u32> {
    let exceptions = recorded(batch, span).flat_map(|recorded| recorded.texts());
    let texts = error_type.into_iter().chain([batch.text.get(span.status_message)]).chain(exceptions);
    let mut is_back_off = false;
    for text in texts {
        is_back_off |= BACK_OFF.iter().any(|words| memmem::find(text.as_bytes(), words.as_bytes()).is_some());
        if let Some(at) = memmem::find(text.as_bytes(), FOR_APPROX.as_bytes()) {
            let digits = text[at + FOR_APPROX.len()..].split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            if let Ok(wait_ms) = digits.parse::<u32>() {
                return Some(wait_ms.clamp(1, MAX_BACK_OFF_MS));
            }
        }
    }
    is_back_off.then_some(UNTOLD_BACK_OFF_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn twice_the_stack_takes_twice_the_time() {
        for part in [
            "Caused by: ",
            "Caused by: a.KafkaException\n",
            "Caused by: a",
            "Caused by: a.",
            "Caused by: a/",
            "---> ",
            "---> a.AggregateException",
            "Wrapped by: ",
            "nested exception is ",
            "nested exception is a.",
            "a",
            "a.",
            "a$",
            "a/",
            "é",
            " ",
            ".",
            "\n",
            "C",
            "--",
            "is not ready for consumption, backing off for approx. ",
            "1",
        ] {
            let text = |len: usize| part.repeat(len / part.len());
            assert_linear(&format!("a stack of {part:?}"), 1 << 18, text, |text| innermost(text).is_some());
            assert_linear(&format!("a class of {part:?}"), 1 << 18, text, |text| class_at(text).is_some_and(is_wrapper));
            assert_linear(&format!("a message of {part:?}"), 1 << 18, text, |text| nested(text).is_some());
        }
        // One that is named as often as is looked at, each reaching to the end of all.
        let long = |len: usize| "Caused by: a.KafkaException ".repeat(16) + "Caused by: " + &"a".repeat(len);
        assert_linear("long names of causes", 1 << 18, long, |text| innermost(text).is_some());
    }

    #[test]
    fn the_innermost_cause_that_is_no_wrapper_is_the_cause() {
        let table = [
            (
                "a.Outer: x\n\tat a.B.c(B.java:1)\nCaused by: shop.Declined: no\n\tat d\nCaused by: java.net.SocketTimeoutException: Read timed out\n\t... 3 more",
                Some("java.net.SocketTimeoutException"),
            ),
            ("x\nCaused by: shop.Declined\n\tat y\nCaused by: java.util.concurrent.ExecutionException: z", Some("shop.Declined")),
            ("System.AggregateException: One or more errors occurred.\n ---> System.TimeoutException: late\n   at X", Some("System.TimeoutException")),
            ("shop.Declined: no\n\tat a\nWrapped by: org.x.ListenerExecutionFailedException: y", Some("shop.Declined")),
            ("a.Outer: nothing beneath\n\tat a.B.c(B.java:1)", None),
            ("Caused by: ", None),
            ("Caused by: java.base/java.io.IOException: pipe", Some("java.io.IOException")),
            ("", None),
        ];
        for (stack, expected) in table {
            assert_eq!(innermost(stack), expected, "{stack}");
        }
        assert_eq!(nested("Listener failed; nested exception is java.net.ConnectException: refused"), Some("java.net.ConnectException"));
        assert!(WRAPPERS.is_sorted());
        assert!(is_wrapper("org.springframework.kafka.listener.ListenerExecutionFailedException") && is_wrapper("reactor.core.Exceptions$ReactiveException"));
        assert!(!is_wrapper("shop.PaymentDeclined") && !is_wrapper(""));
    }
}
