//! A TCP proxy that counts, and the peers behind it: what goes to them is kept, connection by connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Stands before a peer.
pub struct Counting {
    pub address: SocketAddr,
    /// What clients said, by connection.
    said: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Connections that do not count.
    num_passed_by: AtomicUsize,
}

impl Counting {
    /// Stands before a peer at an address of this machine.
    pub async fn before(peer: SocketAddr, at: IpAddr) -> Self {
        let listener = TcpListener::bind((at, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let said = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let kept = Arc::clone(&said);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = {
                    let mut kept = kept.lock();
                    kept.push(Vec::new());
                    kept.len() - 1
                };
                tokio::spawn(carry(client, peer, Arc::clone(&kept), number));
            }
        });
        Self { address, said, num_passed_by: AtomicUsize::new(0) }
    }

    pub fn num_connections(&self) -> usize {
        self.said.lock().len() - self.num_passed_by.load(Ordering::SeqCst)
    }

    /// All that clients said, whatever it is.
    pub fn said(&self) -> String {
        self.said.lock().iter().map(|said| said.escape_ascii().to_string()).collect::<Vec<_>>().join("\n")
    }

    /// A first connection that said nothing does not count.
    pub async fn forget_the_first(&self) {
        while self.num_connections() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        // Its number stays its own.
        self.num_passed_by.store(1, Ordering::SeqCst);
    }

    /// Request lines of HTTP/1.1, where no request has a body: one would show as a line of its own.
    pub fn request_lines(&self) -> Vec<String> {
        let first_line = |request: &str| request.lines().next().unwrap_or_default().to_owned();
        let of_connection = |said: &Vec<u8>| {
            let text = String::from_utf8_lossy(said).into_owned();
            text.split("\r\n\r\n").filter(|request| !request.is_empty()).map(first_line).collect::<Vec<_>>()
        };
        self.said.lock().iter().flat_map(of_connection).collect()
    }
}

async fn carry(mut client: TcpStream, peer: SocketAddr, said: Arc<Mutex<Vec<Vec<u8>>>>, number: usize) {
    let Ok(mut peer) = TcpStream::connect(peer).await else { return };
    let ((mut from_client, mut to_client), (mut from_peer, mut to_peer)) = (client.split(), peer.split());
    let asks = async {
        let mut part = [0; 4096];
        while let Ok(len) = from_client.read(&mut part).await {
            said.lock()[number].extend_from_slice(&part[..len]);
            if len == 0 || to_peer.write_all(&part[..len]).await.is_err() {
                break;
            }
        }
    };
    // Whoever ends, both do.
    tokio::select! {
        () = asks => {}
        _ = tokio::io::copy(&mut from_peer, &mut to_client) => {}
    }
}

/// An actuator without breakers.
pub async fn actuator() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut text, mut part) = (String::new(), [0; 4096]);
                while let Ok(len @ 1..) = stream.read(&mut part).await {
                    text.push_str(&String::from_utf8_lossy(&part[..len]));
                    while let Some(end) = text.find("\r\n\r\n") {
                        let (status, body) = match text.split(' ').nth(1) {
                            Some("/actuator/circuitbreakers") => ("200 OK", "{\"circuitBreakers\":{}}"),
                            Some("/actuator/circuitbreakerevents") => ("200 OK", "{\"circuitBreakerEvents\":[]}"),
                            _ => ("404 Not Found", "{}"),
                        };
                        let length = body.len();
                        let answer = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
                        let _gone = stream.write_all(answer.as_bytes()).await;
                        text.drain(..end + 4);
                    }
                }
            });
        }
    });
    address
}

/// A server of gRPC that says that it is well, whatever it is asked, three times where a list is asked for; and the methods that it was asked for.
pub async fn health() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    serving(|uri| uri.path().to_owned()).await
}

/// The same, and as what it was asked for.
pub async fn named() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    serving(|uri| uri.authority().map(ToString::to_string).unwrap_or_default()).await
}

async fn serving(noted: fn(&http::Uri) -> String) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            tokio::spawn(async move {
                let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                let mut watched = Vec::new();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    kept.lock().push(noted(request.uri()));
                    let head = http::Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
                    let Ok(mut body) = respond.send_response(head, false) else { continue };
                    let num = if request.uri().path().ends_with("/List") { 3 } else { 1 };
                    for _ in 0..num {
                        let _gone = body.send_data(Bytes::from_static(SERVING), false);
                    }
                    if request.uri().path().ends_with("/Watch") {
                        watched.push(body);
                    } else {
                        let trailers = http::HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static("0"))]);
                        let _gone = body.send_trailers(trailers);
                    }
                }
            });
        }
    });
    (address, asked)
}
