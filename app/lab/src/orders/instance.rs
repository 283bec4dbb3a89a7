use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, sleep},
};
use tonic::transport::{Server, server::TcpIncoming};

use crate::{
    actuator::Actuator,
    books::Clerk,
    broker::{INVENTORY_RESERVED, Publisher},
    http_call::HttpCaller,
    orders::{
        SERVICE_NAME,
        descriptor::descriptor_set,
        payment::{PAYMENT_TIMEOUT, PaymentClient},
        protocol::OrdersServer,
        relay::relay,
        replies::read_replies,
        service::OrdersService,
    },
    shop::{Shop, bind, serve},
    telemetry::{Identity, Telemetry, Wire},
    zoned::Zone,
};

/// How one instance differs from the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrdersPlan {
    pub(crate) instance: &'static str,
    pub(crate) wire: Wire,
    pub(crate) delay: Duration,
    pub(crate) zone: Zone,
}

/// A running orders instance. Its tasks live on a runtime of their own, so that it can die at any moment without ending anything.
pub(crate) struct OrdersInstance {
    runtime: Option<Runtime>,
    parts: Parts,
}

struct Parts {
    telemetry: Telemetry,
    clerk: Clerk,
    grpc: SocketAddr,
    management: SocketAddr,
}

impl OrdersInstance {
    /// Starts an instance on these ports (gRPC, management; 0 = a free one).
    pub(crate) async fn start(shop: &Arc<Shop>, plan: OrdersPlan, payments: SocketAddr, ports: (u16, u16)) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name(plan.instance).enable_all().build()?;
        let shop = shop.clone();
        // Held outside the task, so that a failed start leaves through the instance's own end.
        let started = runtime.spawn(async move { Parts::start(&shop, plan, payments, ports).await }).await;
        match started.context("the instance's runtime ended while it started").flatten() {
            Ok(parts) => Ok(Self { runtime: Some(runtime), parts }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.parts.telemetry
    }

    /// Where it serves gRPC.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.parts.grpc
    }

    /// Where its actuator answers.
    pub(crate) fn management(&self) -> SocketAddr {
        self.parts.management
    }

    /// Aborts the instance as soon as it has work in progress: sockets close, spans in progress are never ended, what waits for
    /// export is lost. An instance that finds nothing to do within half a second dies idle.
    pub(crate) async fn kill(mut self, shop: &Shop) {
        let deadline = Instant::now() + Duration::from_millis(500);
        while self.parts.clerk.num_open() == 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
        self.parts.telemetry.cut();
        self.parts.clerk.abort();
        if let Some(runtime) = self.runtime.take() {
            // Waited for: a task that still runs could take a row after what the instance held is given back, and nobody would publish it.
            let _ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(1))).await;
        }
        shop.table.release(self.parts.clerk.instance());
        // The SDK's own end waits for its threads.
        drop(tokio::task::spawn_blocking(move || drop(self)));
    }
}

impl Drop for OrdersInstance {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Parts {
    async fn start(shop: &Arc<Shop>, plan: OrdersPlan, payments: SocketAddr, ports: (u16, u16)) -> anyhow::Result<Self> {
        let instance = plan.instance;
        let (grpc_listener, grpc) = bind(ports.0).await?;
        let (management_listener, management) = bind(ports.1).await?;
        let identity = Identity { version: "5.3.1", wire: plan.wire, delay: plan.delay, twice_every: None };
        let (clerk, telemetry) = shop.hire("orders", instance, identity)?;
        let publisher = Publisher::new(&shop.brokers, &telemetry, &clerk, &shop.progress)?;
        let reader = shop.groups.reader("orders", INVENTORY_RESERVED, instance)?;
        let caller = HttpCaller::new(&telemetry, &clerk, "payments", payments, PAYMENT_TIMEOUT)?;
        let payments = PaymentClient::new(caller, &telemetry, &clerk);
        let actuator = Actuator { breakers: vec![payments.breaker()], zone: plan.zone, telemetry: telemetry.clone(), address: management };
        serve(management_listener, Arc::new(actuator).router());
        let service = OrdersService { shop: shop.clone(), instance, telemetry: telemetry.clone(), payments, address: grpc };
        let (health, health_server) = tonic_health::server::health_reporter();
        health.set_service_status(SERVICE_NAME, tonic_health::ServingStatus::Serving).await;
        let reflection = tonic_reflection::server::Builder::configure().register_file_descriptor_set(descriptor_set()).build_v1()?;
        let server = Server::builder().add_service(health_server).add_service(reflection).add_service(OrdersServer(Arc::new(service)));
        tokio::spawn(async move {
            // The accept loop does not end by itself; what a single connection suffers is its caller's to see.
            let _ = server.serve_with_incoming(TcpIncoming::from(grpc_listener)).await;
        });
        tokio::spawn(relay(shop.clone(), instance, publisher));
        tokio::spawn(read_replies(shop.clone(), reader, telemetry.clone(), clerk.clone()));
        Ok(Self { telemetry, clerk, grpc, management })
    }
}
