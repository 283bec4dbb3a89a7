use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::post,
};
use opentelemetry::{
    Context,
    logs::Severity,
    trace::{SpanKind, TraceContextExt as _},
};
use serde_json::json;
use tonic::Code;

use crate::{
    books::{Clerk, Outcome, Way},
    business::Checkout,
    dice::Uuid,
    orders::{OrdersClient, PLACE_ORDER, PlaceOrderRequest, code_name},
    shop::{Shop, bind, serve},
    telemetry::{Identity, Telemetry, Wire, attribute, context_from, end, fail, header_text, server_status, traceparent},
};

/// How long an order may take.
const ORDER_TIMEOUT: Duration = Duration::from_secs(3);

/// Where shoppers check out. It asks the orders instances in turn, and the other one when one cannot be reached.
pub(crate) async fn start_storefront(shop: &Arc<Shop>, orders: [SocketAddr; 2]) -> anyhow::Result<(SocketAddr, Telemetry)> {
    let identity = Identity { version: "3.7.0", wire: Wire::Grpc(None), delay: Duration::from_millis(500), twice_every: None };
    let (clerk, telemetry) = shop.hire("storefront", "storefront-1", identity)?;
    let (listener, address) = bind(0).await?;
    let connect = |to: SocketAddr| OrdersClient::connect_lazy(to, ORDER_TIMEOUT).map(|client| (to, client));
    let orders = [connect(orders[0])?, connect(orders[1])?];
    let storefront = Arc::new(Storefront { shop: shop.clone(), clerk, telemetry: telemetry.clone(), address, orders, turn: AtomicUsize::new(0) });
    serve(listener, Router::new().route("/checkout", post(checkout)).with_state(storefront));
    Ok((address, telemetry))
}

struct Storefront {
    shop: Arc<Shop>,
    clerk: Clerk,
    telemetry: Telemetry,
    address: SocketAddr,
    orders: [(SocketAddr, OrdersClient); 2],
    turn: AtomicUsize,
}

async fn checkout(State(storefront): State<Arc<Storefront>>, headers: HeaderMap, body: Bytes) -> Response {
    let shop = storefront.shop.clone();
    shop.work(async move { storefront.handle(&headers, &body).await }).await.unwrap_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

impl Storefront {
    async fn handle(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let correlation_id = self.shop.dice.uuid();
        let order_id = self.shop.next_order();
        let parent = context_from(header_text(headers, "traceparent"));
        let mut attributes = vec![
            attribute("http.request.method", "POST"),
            attribute("http.route", "/checkout"),
            attribute("url.path", "/checkout"),
            attribute("url.scheme", "http"),
            attribute("server.address", self.address.ip().to_string()),
            attribute("server.port", i64::from(self.address.port())),
            attribute("order.id", order_id.clone()),
            attribute("correlation.id", correlation_id.to_string()),
        ];
        if let Some(agent) = header_text(headers, "user-agent") {
            attributes.push(attribute("user_agent.original", agent.to_owned()));
        }
        let cx = self.telemetry.start("POST /checkout", SpanKind::Server, &parent, attributes);
        let (status, result) = match serde_json::from_slice::<Checkout>(body) {
            Ok(wish) => self.order(&wish, &order_id, correlation_id, &cx).await,
            Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
        };
        if status.is_server_error() {
            self.telemetry.log(Severity::Error, &cx, format!("checkout failed: {result}"), vec![("order.id", order_id.clone())]);
        }
        server_status(&cx, "http.response.status_code", status);
        end(&cx);
        (status, Json(json!({ "order_id": order_id, "result": result }))).into_response()
    }

    /// Places the order, at the other instance where the first is out of reach.
    async fn order(&self, wish: &Checkout, order_id: &str, correlation_id: Uuid, cx: &Context) -> (StatusCode, String) {
        let request = PlaceOrderRequest {
            order_id: order_id.to_owned(),
            customer: wish.customer.clone(),
            country: wish.country.clone(),
            parcels: wish.parcels,
            amount_cents: wish.amount_cents,
            sku: wish.sku.clone(),
            is_withdrawn: wish.is_withdrawn,
        };
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = String::new();
        for attempt in 0..self.orders.len() {
            let (address, client) = &self.orders[(first + attempt) % self.orders.len()];
            match self.place(*address, client, request.clone(), correlation_id, cx, attempt > 0).await {
                Ok(payment) => return (StatusCode::OK, payment),
                Err(status) if status.code() == Code::FailedPrecondition => return (StatusCode::OK, "rejected".to_owned()),
                Err(status) => last = status.to_string(),
            }
        }
        (StatusCode::SERVICE_UNAVAILABLE, last)
    }

    async fn place(
        &self,
        address: SocketAddr,
        client: &OrdersClient,
        request: PlaceOrderRequest,
        correlation_id: Uuid,
        parent: &Context,
        is_retry: bool,
    ) -> Result<String, tonic::Status> {
        let attributes = vec![
            attribute("rpc.system.name", "grpc"),
            attribute("rpc.method", PLACE_ORDER),
            attribute("server.address", address.ip().to_string()),
            attribute("server.port", i64::from(address.port())),
        ];
        let cx = self.telemetry.start(PLACE_ORDER, SpanKind::Client, parent, attributes);
        let way = Way { from: Some("storefront"), to: "orders", via: "grpc" };
        let open = self.clerk.call(way, is_retry);
        let result = client.place_order(request, traceparent(&cx).as_deref(), correlation_id).await;
        let code = result.as_ref().err().map_or(Code::Ok, tonic::Status::code);
        cx.span().set_attribute(attribute("rpc.status_code", code_name(code)));
        if let Err(status) = &result {
            fail(&cx, code_name(code), status.message().to_owned());
        }
        open.end(match code {
            Code::Ok => Outcome::Good,
            Code::DeadlineExceeded => Outcome::TimedOut,
            _ => Outcome::Failed,
        });
        end(&cx);
        result.map(|reply| reply.payment)
    }
}
