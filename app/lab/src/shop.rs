use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;

use crate::{
    LabConfig,
    books::{Books, Clerk},
    broker::{Groups, Progress},
    dice::Dice,
    faults::Faults,
    outbox::OrderTable,
    telemetry::{Identity, Ports, Telemetry},
};

/// Orders that the business had before the lab began. At 20 a second order 4711 is placed after 20 s.
pub(crate) const ORDERS_BEFORE: u64 = 4_310;

/// What all services of one lab share.
pub(crate) struct Shop {
    pub(crate) books: Arc<Books>,
    pub(crate) faults: Faults,
    pub(crate) dice: Dice,
    pub(crate) brokers: String,
    pub(crate) ports: Ports,
    pub(crate) table: OrderTable,
    pub(crate) progress: Arc<Progress>,
    pub(crate) groups: Groups,
    num_busy: AtomicUsize,
    last_order: AtomicU64,
}

/// On a Kafka that outlives the lab, numbers begin by the clock, so that no two labs have an order in common (up to 1,000 a second).
fn orders_by_clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() % 100_000_000 * 1_000
}

impl Shop {
    pub(crate) fn new(config: &LabConfig, brokers: &str) -> Arc<Self> {
        let progress: Arc<Progress> = Arc::default();
        Arc::new(Self {
            books: Books::new(),
            faults: Faults::default(),
            dice: Dice::new(config.seed),
            brokers: brokers.to_owned(),
            ports: Ports { grpc: config.otlp_grpc_port, http: config.otlp_http_port },
            table: OrderTable::new(),
            groups: Groups::new(brokers, config.kafka.is_none(), &progress),
            progress,
            num_busy: AtomicUsize::new(0),
            last_order: AtomicU64::new(if config.kafka.is_some() { orders_by_clock() } else { ORDERS_BEFORE }),
        })
    }

    /// The number of a new order.
    pub(crate) fn next_order(&self) -> String {
        (self.last_order.fetch_add(1, Ordering::Relaxed) + 1).to_string()
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
