//! One port: bound on loopback (and Docker's bridge), tried again where it is taken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{Backoff, FailureKind};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::board::{Board, Missing, Port, PortState};
use crate::config::Bound;
use crate::connection;
use crate::peers::Peers;
use crate::service::Service;
use crate::stopping::Stopping;

/// How often another free port is taken where `::1` already uses the one that 127.0.0.1 got.
const MAX_FREE_PORTS_TRIED: usize = 16;

/// A port and all that it needs.
pub(crate) struct PortTask {
    pub(crate) port: Port,
    pub(crate) number: u16,
    pub(crate) docker_bridge: bool,
    pub(crate) service: Arc<Service>,
    pub(crate) board: Board,
    pub(crate) bound: watch::Sender<Option<Bound>>,
    /// Rung when the user wants it tried now.
    pub(crate) again: Arc<Notify>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) stopping: Stopping,
}

impl PortTask {
    /// Listens until the source is closed; then ends its connections.
    pub(crate) async fn run(self) {
        let mut stopping = self.stopping.clone();
        let mut connections = JoinSet::new();
        tokio::select! {
            () = self.listen(&mut connections) => {}
            () = stopping.told() => {}
        }
        while connections.join_next().await.is_some() {}
    }

    async fn listen(&self, accepting: &mut JoinSet<()>) {
        let mut pause = Backoff::default();
        let mut state = PortState { is_tried: true, ..PortState::default() };
        let first = loop {
            match self.bind_loopback().await {
                Ok(listener) => break listener,
                Err((address, error)) => {
                    state.missing = vec![missing(address, &error)];
                    self.tell(&state);
                    self.wait(&mut pause).await;
                }
            }
        };
        state.missing.clear();
        let Ok(number) = first.0.local_addr().map(|address| address.port()) else { return };
        self.accept(first.0, &mut state, accepting);
        let mut wanted: Vec<SocketAddr> = Vec::new();
        match first.1 {
            Some(listener) => self.accept(listener, &mut state, accepting),
            None => wanted.push(SocketAddr::from((Ipv6Addr::LOCALHOST, number))),
        }
        // Elsewhere Docker's own proxy comes in on loopback, and there is no such interface.
        let mut wants_bridge = self.docker_bridge && cfg!(target_os = "linux");
        pause = Backoff::default();
        loop {
            let bridge = wants_bridge.then(|| SocketAddr::from((docker_bridge_address(), number)));
            state.missing.clear();
            let mut still_wanted = Vec::new();
            for address in wanted.into_iter().chain(bridge) {
                match TcpListener::bind(address).await {
                    Ok(listener) => {
                        wants_bridge &= !address.is_ipv4();
                        self.accept(listener, &mut state, accepting);
                    }
                    // This machine has no IPv6: nothing is missing then.
                    Err(error) if address.is_ipv6() && error.kind() != io::ErrorKind::AddrInUse => {}
                    Err(error) => {
                        state.missing.push(missing(address, &error));
                        if address.is_ipv6() {
                            still_wanted.push(address);
                        }
                    }
                }
            }
            wanted = still_wanted;
            self.tell(&state);
            if state.missing.is_empty() {
                return std::future::pending().await;
            }
            self.wait(&mut pause).await;
        }
    }

    /// Binds 127.0.0.1, and `::1` with the same number where that is free. Where any port is wanted, one is looked for
    /// that is free on both.
    async fn bind_loopback(&self) -> Result<(TcpListener, Option<TcpListener>), (SocketAddr, io::Error)> {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, self.number));
        let mut num_tried = 0;
        loop {
            let listener = TcpListener::bind(v4).await.map_err(|error| (v4, error))?;
            let number = listener.local_addr().map_err(|error| (v4, error))?.port();
            num_tried += 1;
            match TcpListener::bind((Ipv6Addr::LOCALHOST, number)).await {
                Ok(v6) => return Ok((listener, Some(v6))),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && self.number == 0 && num_tried < MAX_FREE_PORTS_TRIED => {}
                Err(_) => return Ok((listener, None)),
            }
        }
    }

    fn tell(&self, state: &PortState) {
        self.board.port(self.port, state.clone());
        let bound = self.board.bound();
        self.bound.send_if_modified(|present| {
            let is_news = *present != bound;
            *present = bound;
            is_news
        });
    }

    async fn wait(&self, pause: &mut Backoff) {
        tokio::select! {
            () = tokio::time::sleep(pause.next_delay()) => {}
            () = self.again.notified() => {}
        }
    }

    fn accept(&self, listener: TcpListener, state: &mut PortState, accepting: &mut JoinSet<()>) {
        let Ok(address) = listener.local_addr() else { return };
        state.bound.push(address);
        let (service, peers, stopping) = (Arc::clone(&self.service), Arc::clone(&self.peers), self.stopping.clone());
        accepting.spawn(accept(listener, address.ip(), service, peers, stopping));
    }
}

async fn accept(listener: TcpListener, local: IpAddr, service: Arc<Service>, peers: Arc<Peers>, stopping: Stopping) {
    let mut connections = JoinSet::new();
    let mut closed = stopping.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let admitted = peers.admit(peer.ip());
                    let turned_away = admitted.as_ref().map_or(Some(peer.ip()), |(_, gave_way)| *gave_way);
                    if let Some(address) = turned_away {
                        let next_step = "Close senders that are not needed: each keeps its connection";
                        service.refusals.connection(address.to_string(), "connections", next_step);
                    }
                    let Some((place, _)) = admitted else { continue };
                    stream.set_nodelay(true).ok();
                    connections.spawn(connection::serve(stream, peer, local, Arc::clone(&service), place, stopping.clone()));
                }
                // The peer is gone again, or this process has no descriptor left: neither ends the listening.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
            () = closed.told() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn missing(address: SocketAddr, error: &io::Error) -> Missing {
    let (why, kind) = match error.kind() {
        io::ErrorKind::AddrInUse => ("another program listens there".to_owned(), FailureKind::Connect),
        io::ErrorKind::PermissionDenied => ("this user may not listen there".to_owned(), FailureKind::Authorise),
        io::ErrorKind::AddrNotAvailable => ("this machine has no such address now".to_owned(), FailureKind::Connect),
        _ => (error.to_string(), FailureKind::Connect),
    };
    Missing { address, why, kind }
}

/// The host's address on Docker's default bridge. Docker takes the first of the bridge's network, by default 172.17.0.1;
/// on Linux the table of routes tells which network that is.
fn docker_bridge_address() -> Ipv4Addr {
    let default = Ipv4Addr::new(172, 17, 0, 1);
    std::fs::read_to_string("/proc/net/route").ok().and_then(|routes| bridge_in(&routes)).unwrap_or(default)
}

fn bridge_in(routes: &str) -> Option<Ipv4Addr> {
    let mut fields = routes.lines().find(|line| line.split_whitespace().next() == Some("docker0"))?.split_whitespace();
    let network = u32::from_str_radix(fields.nth(1)?, 16).ok()?;
    // The kernel prints it as it lies in memory: on little-endian machines the bytes stand in reverse.
    let network = u32::from_be_bytes(network.to_ne_bytes());
    Some(Ipv4Addr::from(network.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn the_bridge_is_read_from_the_routes() {
        let routes = "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t010011AC\t0003\ndocker0\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n";
        assert_eq!(bridge_in(routes), Some(Ipv4Addr::new(172, 18, 0, 1)));
        assert_eq!(bridge_in("Iface\tDestination\n"), None);
    }
}
