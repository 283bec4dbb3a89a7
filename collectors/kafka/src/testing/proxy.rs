//! A TCP proxy before one broker: it puts its own port in the place of the broker's in what is told about brokers, and can
//! swallow the answers to Produce requests while the requests go on.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

const PRODUCE: i16 = 0;

/// A TCP proxy before one broker. Its threads end with their connections.
pub struct Proxy {
    /// Where clients connect to it, `host:port`.
    pub address: String,
    shared: Arc<Shared>,
}

struct Shared {
    broker: String,
    port: u16,
    swallows: AtomicBool,
    num_produce: AtomicUsize,
    num_swallowed: AtomicUsize,
}

impl Proxy {
    /// Stands before a broker, `127.0.0.1:port`, which advertises itself as just that.
    pub fn before(broker: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            broker: broker.to_owned(),
            port,
            swallows: AtomicBool::new(false),
            num_produce: AtomicUsize::new(0),
            num_swallowed: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.carry(&client));
            }
        });
        Self { address: format!("127.0.0.1:{port}"), shared }
    }

    /// From now on answers to Produce requests are swallowed, or not any more.
    pub fn swallow(&self, swallows: bool) {
        self.shared.swallows.store(swallows, Ordering::SeqCst);
    }

    /// Produce requests that went on, and answers that were swallowed.
    pub fn counts(&self) -> (usize, usize) {
        (self.shared.num_produce.load(Ordering::SeqCst), self.shared.num_swallowed.load(Ordering::SeqCst))
    }
}

impl Shared {
    fn carry(&self, client: &TcpStream) {
        let Ok(broker) = TcpStream::connect(&self.broker) else { return };
        let produce_ids = Mutex::new(HashSet::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _ = self.requests(client, &broker, &produce_ids);
                close(client, &broker);
            });
            let _ = self.answers(&broker, client, &produce_ids);
            close(client, &broker);
        });
    }

    fn requests(&self, mut from: &TcpStream, mut to: &TcpStream, produce_ids: &Mutex<HashSet<[u8; 4]>>) -> std::io::Result<()> {
        loop {
            let frame = frame(&mut from)?;
            if i16::from_be_bytes([frame[4], frame[5]]) == PRODUCE {
                produce_ids.lock().insert([frame[8], frame[9], frame[10], frame[11]]);
                self.num_produce.fetch_add(1, Ordering::SeqCst);
            }
            to.write_all(&frame)?;
        }
    }

    fn answers(&self, mut from: &TcpStream, mut to: &TcpStream, produce_ids: &Mutex<HashSet<[u8; 4]>>) -> std::io::Result<()> {
        let (host, port) = self.broker.split_once(':').expect("host and port");
        let advertised = [host.as_bytes(), &port.parse::<i32>().expect("a port").to_be_bytes()].concat();
        let own = [host.as_bytes(), &i32::from(self.port).to_be_bytes()].concat();
        loop {
            let mut frame = frame(&mut from)?;
            let is_produce = produce_ids.lock().remove(&[frame[4], frame[5], frame[6], frame[7]]);
            if is_produce && self.swallows.load(Ordering::SeqCst) {
                self.num_swallowed.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            while let Some(at) = frame.windows(advertised.len()).position(|window| window == advertised) {
                frame[at..at + own.len()].copy_from_slice(&own);
            }
            to.write_all(&frame)?;
        }
    }
}

fn close(client: &TcpStream, broker: &TcpStream) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = broker.shutdown(Shutdown::Both);
}

/// A request or an answer, with its length before it.
fn frame(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut frame = length.to_vec();
    frame.resize(4 + u32::from_be_bytes(length) as usize, 0);
    from.read_exact(&mut frame[4..])?;
    // Shorter than a correlation id: not the protocol.
    if frame.len() < 12 { Err(std::io::ErrorKind::InvalidData.into()) } else { Ok(frame) }
}
