use std::{net::SocketAddr, sync::Arc};

use opentelemetry::trace::{SpanKind, TraceContextExt as _};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tonic::{Code, Request, Status};

use crate::{
    broker::Headers,
    business::{BLOCKED_CUSTOMER, OrderPlaced, Payment},
    dice::Uuid,
    orders::{PLACE_ORDER, PlaceOrderReply, PlaceOrderRequest, code_name, payment::PaymentClient},
    outbox::{OutboxRow, Placed, book_row},
    shop::Shop,
    telemetry::{Telemetry, attribute, context_from, end, fail, traceparent},
};

/// What an orders instance does when an order is placed.
pub(crate) struct OrdersService {
    pub(crate) shop: Arc<Shop>,
    pub(crate) instance: &'static str,
    pub(crate) telemetry: Telemetry,
    pub(crate) payments: PaymentClient,
    pub(crate) address: SocketAddr,
}

impl OrdersService {
    /// Takes payment if that can be had, and writes the order and its event down. `FailedPrecondition` refuses the customer,
    /// `ResourceExhausted` says that the outbox is full.
    pub(crate) async fn place_order(&self, request: &Request<PlaceOrderRequest>) -> Result<PlaceOrderReply, Status> {
        let text = |name: &str| request.metadata().get(name).and_then(|value| value.to_str().ok());
        let parent = context_from(text("traceparent"));
        let correlation_id = text("x-correlation-id").and_then(Uuid::parse).unwrap_or_else(|| self.shop.dice.uuid());
        let attributes = vec![
            attribute("rpc.system.name", "grpc"),
            attribute("rpc.method", PLACE_ORDER),
            attribute("server.address", self.address.ip().to_string()),
            attribute("server.port", i64::from(self.address.port())),
            attribute("order.id", request.get_ref().order_id.clone()),
            attribute("correlation.id", correlation_id.to_string()),
        ];
        let cx = self.telemetry.start(PLACE_ORDER, SpanKind::Server, &parent, attributes);
        let result = self.place(request.get_ref(), correlation_id, &cx).await;
        let code = result.as_ref().err().map_or(Code::Ok, Status::code);
        cx.span().set_attribute(attribute("rpc.status_code", code_name(code)));
        // A customer that may not order is no failure of the server.
        if let Err(status) = &result
            && code != Code::FailedPrecondition
        {
            fail(&cx, code_name(code), status.message().to_owned());
        }
        end(&cx);
        result
    }

    async fn place(&self, order: &PlaceOrderRequest, correlation_id: Uuid, cx: &opentelemetry::Context) -> Result<PlaceOrderReply, Status> {
        if order.customer == BLOCKED_CUSTOMER {
            return Err(Status::failed_precondition("the customer is blocked"));
        }
        let payment = Payment { order_id: order.order_id.clone(), amount_cents: order.amount_cents };
        let payment = if self.payments.pay(&payment, cx).await { "paid" } else { "payment_later" };
        let rows = self.rows(order, payment, correlation_id, traceparent(cx).as_deref()).map_err(|error| Status::internal(error.to_string()))?;
        match self.shop.table.place(self.instance, &order.order_id, correlation_id, rows) {
            Placed::New => book_row(&self.shop.books, order.is_withdrawn),
            Placed::Known => {}
            Placed::Refused => return Err(Status::resource_exhausted("the outbox is full")),
        }
        Ok(PlaceOrderReply { payment: payment.to_owned() })
    }

    /// The events of an order: that it was placed, and that it was taken back where the shopper did.
    fn rows(&self, order: &PlaceOrderRequest, payment: &str, correlation_id: Uuid, traceparent: Option<&str>) -> serde_json::Result<Vec<OutboxRow>> {
        let dice = &self.shop.dice;
        let placed = OrderPlaced {
            order_id: order.order_id.clone(),
            customer: order.customer.clone(),
            country: order.country.clone(),
            parcels: order.parcels,
            amount_cents: order.amount_cents,
            sku: order.sku.clone(),
            payment: payment.to_owned(),
        };
        let row = |event_type: &str, payload: Option<Vec<u8>>| {
            let event_id = dice.uuid();
            let mut headers = Headers::default()
                .text("ce_specversion", "1.0")
                .text("ce_id", event_id.to_string())
                .text("ce_type", event_type)
                .text("ce_source", "/orders")
                .text("ce_time", OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default())
                .text("content-type", "application/json")
                .text("__TypeId__", "com.shop.orders.OrderPlaced")
                .text("x-correlation-id", correlation_id.to_string());
            if dice.chance(0.1) {
                headers = headers.null("x-tenant");
            }
            if dice.chance(0.03) {
                // Nobody should write this, and everybody has: what reads the channel had better not show it.
                headers = headers.text("authorization", format!("Bearer {}.{}", dice.uuid(), dice.uuid()));
            }
            OutboxRow { row_id: 0, event_id, order_id: order.order_id.clone(), correlation_id, traceparent: traceparent.map(str::to_owned), payload, headers }
        };
        let mut rows = vec![row("shop.order.placed.v1", Some(serde_json::to_vec(&placed)?))];
        if order.is_withdrawn {
            rows.push(row("shop.order.withdrawn.v1", None));
        }
        Ok(rows)
    }
}
