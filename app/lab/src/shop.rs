use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;

use crate::{
    LabConfig,
    books::{Books, Clerk},
    broker::Progress,
    dice::Dice,
    faults::Faults,
    outbox::OrderTable,
    telemetry::{Identity, Ports, Telemetry},
};

/// What all services of one lab share.
pub(crate) struct Shop {
    pub(crate) books: Arc<Books>,
    pub(crate) faults: Faults,
    pub(crate) dice: Dice,
    pub(crate) brokers: String,
    pub(crate) ports: Ports,
    pub(crate) table: OrderTable,
    pub(crate) progress: Arc<Progress>,
    num_busy: AtomicUsize,
}

impl Shop {
    pub(crate) fn new(config: &LabConfig, brokers: &str) -> Arc<Self> {
        Arc::new(Self {
            books: Books::new(),
            faults: Faults::default(),
            dice: Dice::new(config.seed),
            brokers: brokers.to_owned(),
            ports: Ports { grpc: config.otlp_grpc_port, http: config.otlp_http_port },
            table: OrderTable::new(),
            progress: Arc::default(),
            num_busy: AtomicUsize::new(0),
        })
    }

    /// A clerk and telemetry for one instance, on the current runtime.
    pub(crate) fn hire(&self, service: &'static str, instance: &'static str, identity: Identity) -> anyhow::Result<(Clerk, Telemetry)> {
        let clerk = Clerk::new(&self.books, service, instance);
        let telemetry = Telemetry::new(identity, self.ports, &clerk).with_context(|| format!("the telemetry of {instance} does not start"))?;
        Ok((clerk, telemetry))
    }

    /// How many requests are being worked on by servers.
    pub(crate) fn num_busy(&self) -> usize {
        self.num_busy.load(Ordering::Acquire)
    }

    /// Works on a request to its end, even if the caller goes away meanwhile; `None` only when the runtime is gone.
    pub(crate) async fn work<T: Send + 'static>(self: &Arc<Self>, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let busy = Busy::new(self);
        let task = tokio::spawn(async move {
            let result = work.await;
            drop(busy);
            result
        });
        task.await.ok()
    }
}

struct Busy(Arc<Shop>);

impl Busy {
    fn new(shop: &Arc<Shop>) -> Self {
        shop.num_busy.fetch_add(1, Ordering::AcqRel);
        Self(shop.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.num_busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Binds a port on loopback; 0 takes a free one.
pub(crate) async fn bind(port: u16) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("port {port} on 127.0.0.1 cannot be bound"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves HTTP until the runtime ends.
pub(crate) fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(async move {
        // axum's accept loop does not end by itself; what a single connection suffers is its caller's to see.
        let _ = axum::serve(listener, router).await;
    });
}
