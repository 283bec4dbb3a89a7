use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use opentelemetry::{logs::Severity, trace::SpanKind};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    business::Payment,
    shop::{Shop, bind, serve},
    telemetry::{Identity, Telemetry, Wire, attribute, context_from, end, header_text, server_status},
};

/// Payments is an old service: its spans carry the names that HTTP attributes had before they were stable.
pub(crate) async fn start_payments(shop: &Arc<Shop>) -> anyhow::Result<(SocketAddr, Telemetry)> {
    let identity = Identity { version: "0.4.17", wire: Wire::HttpJson, delay: Duration::from_millis(500), twice_every: None };
    let (_, telemetry) = shop.hire("payments", "payments-1", identity)?;
    let (listener, address) = bind(0).await?;
    let payments = Arc::new(Payments { shop: shop.clone(), telemetry: telemetry.clone(), address });
    serve(listener, Router::new().route("/pay", post(pay)).with_state(payments));
    Ok((address, telemetry))
}

struct Payments {
    shop: Arc<Shop>,
    telemetry: Telemetry,
    address: SocketAddr,
}

async fn pay(State(payments): State<Arc<Payments>>, headers: HeaderMap, Json(payment): Json<Payment>) -> Response {
    let shop = payments.shop.clone();
    // A caller that no longer waits does not end the work: the span is ended in any case.
    shop.work(async move { payments.handle(&headers, &payment).await }).await.unwrap_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

impl Payments {
    async fn handle(&self, headers: &HeaderMap, payment: &Payment) -> Response {
        let parent = context_from(header_text(headers, "traceparent"));
        let mut attributes = vec![
            attribute("http.method", "POST"),
            attribute("http.scheme", "http"),
            attribute("http.flavor", "1.1"),
            attribute("http.target", "/pay"),
            attribute("http.route", "/pay"),
            attribute("net.host.name", self.address.ip().to_string()),
            attribute("net.host.port", i64::from(self.address.port())),
            attribute("net.peer.name", "127.0.0.1"),
        ];
        if let Some(agent) = header_text(headers, "user-agent") {
            attributes.push(attribute("http.user_agent", agent.to_owned()));
        }
        let cx = self.telemetry.start("/pay", SpanKind::Server, &parent, attributes);
        let dice = &self.shop.dice;
        let status = if self.shop.faults.payments_down() {
            // Part of the calls are refused at once, the others are kept waiting for longer than any caller does.
            let wait_ms = if dice.chance(0.4) { 600 } else { 3 };
            sleep(Duration::from_millis(wait_ms)).await;
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            sleep(Duration::from_millis(4 + dice.below(12))).await;
            if dice.chance(0.02) {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                if dice.chance(0.005) {
                    sleep(Duration::from_millis(400)).await;
                }
                StatusCode::OK
            }
        };
        server_status(&cx, "http.status_code", status);
        if status.is_server_error() {
            let attributes = vec![("order.id", payment.order_id.clone())];
            self.telemetry.log(Severity::Error, &cx, "the card network does not answer".to_owned(), attributes);
        }
        end(&cx);
        (status, Json(json!({ "order_id": payment.order_id, "paid": status.is_success() }))).into_response()
    }
}
