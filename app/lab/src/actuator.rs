use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};
use opentelemetry::trace::SpanKind;
use serde_json::{Value, json};

use crate::{
    breaker::{CircuitBreaker, EventKind, Figures, State},
    telemetry::{Telemetry, attribute, context_from, end, header_text, server_status},
    zoned::{Zone, zoned_date_time},
};

/// The management port of one orders instance: Spring Boot's actuator with Resilience4j's endpoints, as far as breakers go.
pub(crate) struct Actuator {
    /// The breakers it shows.
    pub(crate) breakers: Vec<Arc<CircuitBreaker>>,
    /// The zone its time stamps are written in.
    pub(crate) zone: Zone,
    /// Management calls are traced like all others.
    pub(crate) telemetry: Telemetry,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Actuator {
    /// Its routes.
    pub(crate) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/actuator", get(index))
            .route("/actuator/circuitbreakers", get(circuit_breakers))
            .route("/actuator/circuitbreakerevents", get(all_events))
            .route("/actuator/circuitbreakerevents/{name}", get(events_of))
            .route("/actuator/health", get(health))
            .with_state(self)
    }

    fn answer(&self, route: &'static str, path: &str, headers: &HeaderMap, body: Option<Value>) -> Response {
        let parent = context_from(header_text(headers, "traceparent"));
        let mut attributes = vec![
            attribute("http.request.method", "GET"),
            attribute("http.route", route),
            attribute("url.path", path.to_owned()),
            attribute("url.scheme", "http"),
            attribute("server.address", self.address.ip().to_string()),
            attribute("server.port", i64::from(self.address.port())),
        ];
        if let Some(agent) = header_text(headers, "user-agent") {
            attributes.push(attribute("user_agent.original", agent.to_owned()));
        }
        let cx = self.telemetry.start(format!("GET {route}"), SpanKind::Server, &parent, attributes);
        let response = body.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |body| Json(body).into_response());
        server_status(&cx, "http.response.status_code", response.status());
        end(&cx);
        response
    }
}

async fn index(Shared(actuator): Shared<Arc<Actuator>>, headers: HeaderMap) -> Response {
    let link = |path: &str| json!({ "href": format!("http://{}/actuator{path}", actuator.address), "templated": false });
    let links = json!({ "_links": {
        "self": link(""), "health": link("/health"), "circuitbreakers": link("/circuitbreakers"), "circuitbreakerevents": link("/circuitbreakerevents"),
    }});
    actuator.answer("/actuator", "/actuator", &headers, Some(links))
}

async fn circuit_breakers(Shared(actuator): Shared<Arc<Actuator>>, headers: HeaderMap) -> Response {
    let route = "/actuator/circuitbreakers";
    actuator.answer(route, route, &headers, Some(circuit_breakers_json(&actuator.breakers)))
}

async fn all_events(Shared(actuator): Shared<Arc<Actuator>>, headers: HeaderMap) -> Response {
    let route = "/actuator/circuitbreakerevents";
    actuator.answer(route, route, &headers, Some(events_json(&actuator.breakers, actuator.zone)))
}

async fn events_of(Shared(actuator): Shared<Arc<Actuator>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let named: Vec<Arc<CircuitBreaker>> = actuator.breakers.iter().filter(|b| b.name() == name).cloned().collect();
    let body = (!named.is_empty()).then(|| events_json(&named, actuator.zone));
    actuator.answer("/actuator/circuitbreakerevents/{name}", &format!("/actuator/circuitbreakerevents/{name}"), &headers, body)
}

async fn health(Shared(actuator): Shared<Arc<Actuator>>, headers: HeaderMap) -> Response {
    actuator.answer("/actuator/health", "/actuator/health", &headers, Some(health_json(&actuator.breakers)))
}

/// A rate as Java prints a float, with its percent sign.
fn percent(rate: f32) -> String {
    format!("{rate:?}%")
}

fn figures_json(figures: Figures) -> Value {
    let is_judged = figures.failure_rate >= 0.0;
    json!({
        "failureRate": percent(figures.failure_rate),
        "slowCallRate": percent(if is_judged { 0.0 } else { -1.0 }),
        "failureRateThreshold": "50.0%",
        "slowCallRateThreshold": "100.0%",
        "bufferedCalls": figures.buffered_calls,
        "failedCalls": figures.failed_calls,
        "slowCalls": 0,
        "slowFailedCalls": 0,
        "notPermittedCalls": figures.refused_calls,
        "state": figures.state.java_name(),
    })
}

fn circuit_breakers_json(breakers: &[Arc<CircuitBreaker>]) -> Value {
    let map: serde_json::Map<String, Value> = breakers.iter().map(|b| (b.name().to_owned(), figures_json(b.figures()))).collect();
    json!({ "circuitBreakers": map })
}

fn health_json(breakers: &[Arc<CircuitBreaker>]) -> Value {
    let details: serde_json::Map<String, Value> = breakers
        .iter()
        .map(|breaker| {
            let figures = breaker.figures();
            let status = match figures.state {
                State::Closed => "UP",
                State::Open => "CIRCUIT_OPEN",
                State::HalfOpen => "CIRCUIT_HALF_OPEN",
            };
            (breaker.name().to_owned(), json!({ "status": status, "details": figures_json(figures) }))
        })
        .collect();
    json!({ "status": "UP", "components": { "circuitBreakers": { "status": "UP", "details": details }, "ping": { "status": "UP" } } })
}

fn events_json(breakers: &[Arc<CircuitBreaker>], zone: Zone) -> Value {
    let events: Vec<Value> = breakers
        .iter()
        .flat_map(|breaker| {
            breaker.events().into_iter().map(|event| {
                let mut message = None;
                let mut took_ms = None;
                let mut transition = None;
                let kind = match event.kind {
                    EventKind::Success { took } => {
                        took_ms = Some(took.as_millis() as u64);
                        "SUCCESS"
                    }
                    EventKind::Error { took, message: text } => {
                        took_ms = Some(took.as_millis() as u64);
                        message = Some(text);
                        "ERROR"
                    }
                    EventKind::NotPermitted => "NOT_PERMITTED",
                    EventKind::FailureRateExceeded => "FAILURE_RATE_EXCEEDED",
                    EventKind::Transition { from, to } => {
                        transition = Some(format!("{}_TO_{}", from.java_name(), to.java_name()));
                        "STATE_TRANSITION"
                    }
                };
                json!({
                    "circuitBreakerName": breaker.name(),
                    "type": kind,
                    "creationTime": zoned_date_time(event.at_ns, zone),
                    "errorMessage": message,
                    "durationInMs": took_ms,
                    "stateTransition": transition,
                })
            })
        })
        .collect();
    json!({ "circuitBreakerEvents": events })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::{
        breaker::{Moment, Settings},
        zoned::KOLKATA,
    };

    fn broken() -> Vec<Arc<CircuitBreaker>> {
        let settings =
            Settings { name: "payment-client", window: 4, minimum_calls: 3, failure_rate_threshold: 50.0, open_wait: Duration::from_secs(5), trial_calls: 2 };
        let now = Moment { instant: Instant::now(), wall_ns: 1_795_262_400_120_000_000 };
        let breaker = CircuitBreaker::new(settings, now);
        for is_good in [true, false, false] {
            let permit = breaker.try_acquire(now).0.unwrap();
            let result = if is_good { Ok(()) } else { Err("503".to_owned()) };
            breaker.on_result(&permit, now, Duration::from_millis(12), result);
        }
        assert!(breaker.try_acquire(now).0.is_err());
        vec![Arc::new(breaker)]
    }

    #[test]
    fn breakers_are_a_map_with_rates_as_text() {
        let breakers = broken();
        let shown = circuit_breakers_json(&breakers);
        assert_eq!(
            shown["circuitBreakers"]["payment-client"],
            json!({
                "failureRate": "66.666664%", "slowCallRate": "0.0%", "failureRateThreshold": "50.0%", "slowCallRateThreshold": "100.0%",
                "bufferedCalls": 3, "failedCalls": 2, "slowCalls": 0, "slowFailedCalls": 0, "notPermittedCalls": 1, "state": "OPEN",
            })
        );
        assert_eq!(health_json(&breakers)["components"]["circuitBreakers"]["details"]["payment-client"]["status"], "CIRCUIT_OPEN");
        assert_eq!(percent(-1.0), "-1.0%");
    }

    #[test]
    fn events_carry_java_times_and_transitions() {
        let shown = events_json(&broken(), KOLKATA);
        let events = shown["circuitBreakerEvents"].as_array().unwrap();
        let kinds: Vec<&str> = events.iter().filter_map(|e| e["type"].as_str()).collect();
        assert_eq!(kinds, ["SUCCESS", "ERROR", "ERROR", "FAILURE_RATE_EXCEEDED", "STATE_TRANSITION", "NOT_PERMITTED"]);
        assert_eq!(events[4]["stateTransition"], "CLOSED_TO_OPEN");
        assert_eq!(events[4]["creationTime"], "2026-11-21T17:30:00.120+05:30[Asia/Kolkata]");
        assert_eq!((&events[1]["errorMessage"], &events[1]["durationInMs"]), (&json!("503"), &json!(12)));
        assert!(events[5]["durationInMs"].is_null());
    }
}
