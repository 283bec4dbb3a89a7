use std::{
    io::{BufRead as _, Write as _},
    sync::Arc,
    thread,
    time::Duration,
};

use anyhow::Context as _;
use futures::future::join_all;
use opentelemetry_otlp::Compression;
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    LabConfig,
    broker::Cluster,
    command::{Command, is_rate},
    generator::Generator,
    orders::{OrdersInstance, OrdersPlan, SERVICE_NAME},
    profile::{Endpoint, profile},
    requests::Requests,
    script::{DEFAULT, Script},
    services::{start_billing, start_carrier, start_fraud, start_inventory, start_notifications, start_payments, start_shipping, start_storefront},
    shop::Shop,
    telemetry::{Telemetry, Wire},
    zoned::{KOLKATA, UTC},
};

/// How long `stop` waits for the queues to drain: a member that died counts for 6 s, and after an outage the others join again.
const DRAIN_DEADLINE: Duration = Duration::from_secs(18);
/// How much longer what is being handled then may take to its end.
const FINISH_DEADLINE: Duration = Duration::from_secs(5);
/// How often nobody must be found at work, one look after the other: a span ends right after what it is about.
const CALM_LOOKS: u32 = 2;
/// How long exporters may take to send what they hold.
const FLUSH_DEADLINE: Duration = Duration::from_secs(3);
/// The same at the end, when the parent may be gone.
const LAST_FLUSH_DEADLINE: Duration = Duration::from_millis(700);

const ORDERS: [OrdersPlan; 2] = [
    OrdersPlan { instance: "orders-1", wire: Wire::Grpc(Some(Compression::Gzip)), delay: Duration::from_millis(500), zone: UTC },
    OrdersPlan { instance: "orders-2", wire: Wire::Grpc(Some(Compression::Zstd)), delay: Duration::from_millis(200), zone: KOLKATA },
];

/// Runs the lab until `quit`, the end of standard input, or a signal. Prints its profile (TOML) on standard output, then `# ready`;
/// every later line begins with `# `. Fails when the configuration is wrong, the brokers cannot be had or a service does not start.
pub async fn run(config: LabConfig) -> anyhow::Result<()> {
    anyhow::ensure!(is_rate(config.rate), "the rate is {} orders per second; give one from 0.1 to 1000", config.rate);
    // Whoever was first to choose the process's TLS provider chose one that serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Background(Some(Builder::new_multi_thread().worker_threads(2).thread_name("lab").enable_all().build()?));
    let Some(inner) = &runtime.0 else { return Ok(()) };
    inner.spawn(live(config)).await.context("the lab broke down")?
}

/// A runtime that is left behind instead of waited for: Kafka clients may take long to say goodbye.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Prints one line; a reader that is gone is noticed on standard input.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

struct Lab {
    config: LabConfig,
    shop: Arc<Shop>,
    cluster: Cluster,
    generator: Generator,
    /// Those of the services that live as long as the lab.
    telemetry: Vec<Telemetry>,
    /// `None` while it is dead.
    orders: [Option<OrdersInstance>; 2],
    /// The ports of both (gRPC, management), kept over a death.
    ports: [(u16, u16); 2],
    payments: std::net::SocketAddr,
    /// Requests to try out, as long as the lab lives.
    requests: Requests,
    rate: f64,
    /// Whether orders are being placed.
    is_going: bool,
    /// When the script began; `None` while it is held, over, or not wanted.
    script_start: Option<Instant>,
    /// Steps of the script that were taken.
    num_steps: usize,
}

async fn live(config: LabConfig) -> anyhow::Result<()> {
    let script = Script::parse(DEFAULT)?;
    // Commands count from now on, though they are obeyed once the lab is ready.
    let mut commands = read_commands();
    let mut lab = Lab::start(config).await?;
    say(lab.profile().trim_end());
    say("# ready");
    if !lab.config.hold {
        lab.go();
    }
    let mut signals = Signals::new()?;
    loop {
        let step = lab.script_start.and_then(|start| script.step(lab.num_steps).map(|(at, command)| (start + at, command)));
        let due = step.as_ref().map_or_else(|| Instant::now() + Duration::from_hours(1), |(at, _)| *at);
        let command = tokio::select! {
            line = commands.recv() => match line {
                None => Command::Quit,
                Some(line) if line.trim().is_empty() => continue,
                Some(line) => {
                    let Some(command) = Command::parse(&line) else {
                        say(&format!("# unknown command: {}", line.trim().escape_debug()));
                        continue;
                    };
                    command
                }
            },
            () = signals.recv() => Command::Quit,
            () = sleep_until(due) => match step {
                Some((_, command)) => {
                    lab.num_steps += 1;
                    command
                }
                None => continue,
            },
        };
        if command == Command::Quit {
            break;
        }
        lab.obey(command).await;
    }
    lab.end().await;
    Ok(())
}

impl Lab {
    async fn start(config: LabConfig) -> anyhow::Result<Self> {
        let cluster = match &config.kafka {
            Some(bootstrap) => Cluster::connect(bootstrap).await?,
            None => Cluster::start_mock()?,
        };
        let shop = Shop::new(&config, cluster.bootstrap());
        let mut telemetry = Vec::new();
        let carrier = start_carrier(&shop).await?;
        let (payments, payments_telemetry) = start_payments(&shop).await?;
        let first = OrdersInstance::start(&shop, ORDERS[0], payments, (0, 0)).await?;
        let second = OrdersInstance::start(&shop, ORDERS[1], payments, (0, 0)).await?;
        let ports = [&first, &second].map(|orders| (orders.grpc().port(), orders.management().port()));
        let (storefront, storefront_telemetry) = start_storefront(&shop, [first.grpc(), second.grpc()]).await?;
        telemetry.extend([payments_telemetry, storefront_telemetry]);
        telemetry.push(start_inventory(&shop)?);
        telemetry.push(start_shipping(&shop, carrier)?);
        telemetry.push(start_notifications(&shop)?);
        telemetry.push(start_fraud(&shop)?);
        start_billing(&shop)?;
        let generator = Generator::start(&shop, storefront)?;
        let rate = config.rate;
        Ok(Self {
            config,
            shop,
            cluster,
            generator,
            telemetry,
            orders: [Some(first), Some(second)],
            ports,
            payments,
            requests: Requests::write(storefront, ports[0].0)?,
            rate,
            is_going: false,
            script_start: None,
            num_steps: 0,
        })
    }

    fn profile(&self) -> String {
        let endpoint = |nth: usize| Endpoint { instance: ORDERS[nth].instance, grpc_port: self.ports[nth].0, management_port: self.ports[nth].1 };
        profile(&self.config, self.cluster.bootstrap(), SERVICE_NAME, &[endpoint(0), endpoint(1)], self.requests.folder())
    }

    fn go(&mut self) {
        self.is_going = true;
        self.shop.groups.set_open(true);
        self.shop.faults.set_hurry(false);
        self.generator.set_rate(Some(self.rate));
        if self.config.script {
            self.script_start = Some(Instant::now());
            self.num_steps = 0;
        }
    }

    /// Does what a command says and tells of it.
    async fn obey(&mut self, command: Command) {
        let faults = &self.shop.faults;
        match &command {
            Command::Poison(is_on) => faults.set_poison(*is_on),
            Command::SlowConsumer(is_on) => faults.set_slow_consumer(*is_on),
            Command::DuplicateDelivery => faults.duplicate_delivery.notify_one(),
            Command::PaymentsDown(is_down) => faults.set_payments_down(*is_down),
            Command::Kill => match self.orders[1].take() {
                Some(orders) => orders.kill(&self.shop).await,
                None => return say("# orders-2 is dead already"),
            },
            Command::Restart => {
                if self.orders[1].is_some() {
                    return say("# orders-2 lives already");
                }
                if let Err(error) = self.restart().await {
                    return say(&format!("# orders-2 does not start: {error:#}"));
                }
            }
            Command::BrokerDown(is_down) => match self.cluster.set_down(*is_down) {
                Ok(()) => self.shop.books.broker_outage(*is_down),
                Err(error) => return say(&format!("# {command}: {error:#}")),
            },
            Command::Rate(rate) => {
                self.rate = *rate;
                if self.is_going {
                    self.generator.set_rate(Some(*rate));
                }
                return say(&format!("# {command}"));
            }
            Command::Go => {
                self.go();
                return say("# going");
            }
            Command::Stop => return self.stop().await,
            Command::Books => return self.write_books(),
            Command::Quit => return,
        }
        say(&format!("# fault: {command}"));
    }

    /// Starts orders-2 again on its old ports; the sockets of its former life may take a moment to be gone.
    async fn restart(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match OrdersInstance::start(&self.shop, ORDERS[1], self.payments, self.ports[1]).await {
                Ok(orders) => {
                    self.orders[1] = Some(orders);
                    return Ok(());
                }
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Ends the orders, drains all queues as far as the faults allow, flushes the exporters and writes the books.
    async fn stop(&mut self) {
        self.script_start = None;
        self.is_going = false;
        self.generator.set_rate(None);
        self.shop.faults.set_hurry(true);
        let deadline = Instant::now() + DRAIN_DEADLINE;
        while !self.is_drained() && Instant::now() < deadline {
            sleep(Duration::from_millis(25)).await;
        }
        for (group, channel, lag) in self.shop.progress.behind() {
            say(&format!("# not drained: group {group} is {lag} records behind on {channel}"));
        }
        if self.shop.table.num_pending() > 0 {
            say(&format!("# not drained: {} events are in the outbox", self.shop.table.num_pending()));
        }
        // What would still be handled while the exporters send would be in the books and in no span.
        self.shop.groups.set_open(false);
        let mut num_calm = 0;
        while num_calm < CALM_LOOKS && Instant::now() < deadline + FINISH_DEADLINE {
            sleep(Duration::from_millis(25)).await;
            num_calm = if self.all_telemetry().any(Telemetry::is_busy) { 0 } else { num_calm + 1 };
        }
        self.flush(FLUSH_DEADLINE).await;
        self.write_books();
        say("# stopped");
    }

    fn is_drained(&self) -> bool {
        // In the order of the flow: nothing can come from a stage that was found empty before.
        self.generator.is_idle() && self.shop.num_busy() == 0 && self.shop.table.num_pending() == 0 && self.shop.progress.behind().is_empty()
    }

    fn all_telemetry(&self) -> impl Iterator<Item = &Telemetry> {
        self.telemetry.iter().chain(self.orders.iter().flatten().map(OrdersInstance::telemetry))
    }

    async fn flush(&self, deadline: Duration) {
        let flushes = self.all_telemetry().cloned().map(|telemetry| tokio::task::spawn_blocking(move || telemetry.flush()));
        // What was not sent by then is counted in the books.
        let _ = timeout(deadline, join_all(flushes)).await;
    }

    fn write_books(&self) {
        let Some(path) = &self.config.books else { return };
        let telemetry = self.all_telemetry().map(Telemetry::page).collect();
        match self.shop.books.write(path, telemetry) {
            Ok(()) => say(&format!("# books: {}", path.display())),
            Err(error) => say(&format!("# {error:#}")),
        }
    }

    async fn end(mut self) {
        self.generator.set_rate(None);
        self.flush(LAST_FLUSH_DEADLINE).await;
        self.write_books();
        self.orders = [None, None];
    }
}

/// Lines from standard input; the channel closes with it. A thread of its own, for a read that waits cannot be given up.
fn read_commands() -> mpsc::Receiver<String> {
    let (lines, commands) = mpsc::channel(64);
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    commands
}

/// Ctrl-C, and what a process is ended with elsewhere.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn recv(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
