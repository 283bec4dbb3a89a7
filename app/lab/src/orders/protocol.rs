use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::uri::PathAndQuery;
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    codegen::Service,
    metadata::{Ascii, MetadataMap, MetadataValue},
    server::{NamedService, UnaryService},
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use crate::{dice::Uuid, orders::service::OrdersService};

/// The gRPC service as its health is asked for.
pub(crate) const SERVICE_NAME: &str = "shop.v1.Orders";
/// Its one method, fully qualified.
pub(crate) const PLACE_ORDER: &str = "shop.v1.Orders/PlaceOrder";
const PLACE_ORDER_PATH: &str = "/shop.v1.Orders/PlaceOrder";

/// `message PlaceOrderRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PlaceOrderRequest {
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    #[prost(string, tag = "2")]
    pub(crate) customer: String,
    #[prost(string, tag = "3")]
    pub(crate) country: String,
    #[prost(uint32, tag = "4")]
    pub(crate) parcels: u32,
    #[prost(uint64, tag = "5")]
    pub(crate) amount_cents: u64,
    #[prost(string, tag = "6")]
    pub(crate) sku: String,
    #[prost(bool, tag = "7")]
    pub(crate) is_withdrawn: bool,
}

/// `message PlaceOrderReply`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PlaceOrderReply {
    /// `paid` or `payment_later`.
    #[prost(string, tag = "1")]
    pub(crate) payment: String,
}

/// A status code as the semantic conventions write it.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// A client of one orders instance.
#[derive(Clone)]
pub(crate) struct OrdersClient {
    grpc: tonic::client::Grpc<Channel>,
    timeout: Duration,
}

impl OrdersClient {
    /// Connects with the first call, and again whenever the connection was lost. `timeout` ends a call.
    pub(crate) fn connect_lazy(to: SocketAddr, timeout: Duration) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(format!("http://{to}"))?.connect_timeout(Duration::from_secs(1));
        Ok(Self { grpc: tonic::client::Grpc::new(endpoint.connect_lazy()), timeout })
    }

    /// Calls `PlaceOrder`; the caller's own time-out gives `DeadlineExceeded`.
    pub(crate) async fn place_order(&self, request: PlaceOrderRequest, traceparent: Option<&str>, correlation_id: Uuid) -> Result<PlaceOrderReply, Status> {
        let mut request = Request::new(request);
        let metadata = request.metadata_mut();
        insert(metadata, "x-correlation-id", &correlation_id.to_string());
        if let Some(traceparent) = traceparent {
            insert(metadata, "traceparent", traceparent);
        }
        let mut grpc = self.grpc.clone();
        let call = async move {
            grpc.ready().await.map_err(|error| Status::unavailable(format!("orders cannot be reached: {error}")))?;
            let codec: ProstCodec<PlaceOrderRequest, PlaceOrderReply> = ProstCodec::default();
            grpc.unary(request, PathAndQuery::from_static(PLACE_ORDER_PATH), codec).await
        };
        match tokio::time::timeout(self.timeout, call).await {
            Ok(result) => result.map(Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded(format!("no answer within {} ms", self.timeout.as_millis()))),
        }
    }
}

fn insert(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = MetadataValue::<Ascii>::try_from(value) {
        metadata.insert(key, value);
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The gRPC face of an orders instance.
#[derive(Clone)]
pub(crate) struct OrdersServer(pub(crate) Arc<OrdersService>);

impl NamedService for OrdersServer {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for OrdersServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Boxed<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != PLACE_ORDER_PATH {
            return Box::pin(async { Ok(Status::unimplemented("orders knows PlaceOrder only").into_http()) });
        }
        let method = PlaceOrder(self.0.clone());
        Box::pin(async move {
            let codec: ProstCodec<PlaceOrderReply, PlaceOrderRequest> = ProstCodec::default();
            Ok(tonic::server::Grpc::new(codec).unary(method, request).await)
        })
    }
}

struct PlaceOrder(Arc<OrdersService>);

impl UnaryService<PlaceOrderRequest> for PlaceOrder {
    type Response = PlaceOrderReply;
    type Future = Boxed<Result<Response<PlaceOrderReply>, Status>>;

    fn call(&mut self, request: Request<PlaceOrderRequest>) -> Self::Future {
        let service = self.0.clone();
        Box::pin(async move {
            let shop = service.shop.clone();
            // A caller that no longer waits does not end the work.
            let reply = shop.work(async move { service.place_order(&request).await }).await;
            reply.unwrap_or_else(|| Err(Status::unavailable("orders is going down"))).map(Response::new)
        })
    }
}
