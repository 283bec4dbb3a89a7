//! gRPC calls.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use switchboard_desk::send::Question;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::sending::{Sending, Told, grpc};

const NO_SOURCES: &str = "[otlp]\ngrpc_port = 0\nhttp_port = 0\n";
/// Settings without a setting, with which a server of HTTP/2 begins (RFC 9113, 6.5).
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// A server that takes connections, says this and then nothing.
async fn silent(says: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whoever has gone again is not told.
            let _ = stream.write_all(says).await;
            held.push(stream);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_of_a_call_bounds_what_comes_before_it_too() {
    for says in [&b""[..], SETTINGS] {
        let address = silent(says).await;
        let sending = Sending::start(NO_SOURCES);
        let call = grpc(|grpc| {
            (grpc.url, grpc.method) = (format!("http://{address}"), "shop.v1.Orders/PlaceOrder".to_owned());
            grpc.deadline_s = 0.4;
        });
        let Told::Asks(Question::Confirm { .. }) = sending.send(call).await else { panic!("nothing was asked") };
        let begun = Instant::now();
        let told = sending.confirm(None).await;
        let took = begun.elapsed();
        let Told::Refused(reason) = told else { panic!("{told:?}") };
        assert!(reason.contains("the deadline (400ms) was over before the server had told what its methods take"), "{reason}");
        // Without a deadline of its own a connection has 10 s, and a reflection 30.
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(sending.lines().await.is_empty(), "nothing left, so nothing was written down");
    }
}
