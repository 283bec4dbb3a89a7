//! Connections that do not come about, and TLS.

use std::time::Duration;

use switchboard_grpc::{CallConfig, Caller, Tls, TlsCheck};
use switchboard_model::{Outcome, Phase, Receipt};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::server::{Authority, Server, origin, permit, shop};
use crate::told::{call, caller, caller_of, not_done, sent, to};

const H2: &[&[u8]] = &[b"h2"];

fn trusting(authority: &Authority) -> Tls {
    Tls { root_certificates_pem: Some(authority.pem()), ..Tls::default() }
}

fn config(tls: Tls) -> CallConfig {
    CallConfig { tls, connect_timeout: Duration::from_secs(2), ..CallConfig::default() }
}

/// What is told of a call that cannot be made, to a server under some name.
async fn refused(server: &Server, address: &str, config: CallConfig) -> String {
    let address = origin(address);
    let (outcome, told) = call(&caller_of(&address, server, config), to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert!(!told.has_left, "{outcome:?}");
    not_done(&outcome).to_owned()
}

#[tokio::test]
async fn a_server_of_a_private_authority_is_called_over_tls() {
    let authority = Authority::new("shop");
    let server = Server::tls(shop(), authority.server(&["shop.test"], H2, None, |_| {})).await;
    let address = origin("https://shop.test:50051");
    let caller = caller_of(&address, &server, config(trusting(&authority)));
    let (outcome, told) = call(&caller, to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert_eq!((outcome, told.phases.as_slice()), (Outcome::Done(Receipt::Called(0)), &[Phase::Connect, Phase::Tls, Phase::FirstByte, Phase::Rest][..]));
    // A server that agrees to nothing by ALPN and speaks HTTP/2 all the same.
    let silent = Server::tls(shop(), authority.server(&["shop.test"], &[], None, |_| {})).await;
    let (outcome, _) = call(&caller_of(&address, &silent, config(trusting(&authority))), to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert_eq!(outcome, Outcome::Done(Receipt::Called(0)));
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_told() {
    let (authority, other) = (Authority::new("shop"), Authority::new("other"));
    let server = Server::tls(shop(), authority.server(&["shop.test"], H2, None, |_| {})).await;
    for (address, tls, parts) in [
        ("https://shop.test", Tls::default(), ["certificate is not trusted", "Name the certificate of its issuer"]),
        ("https://shop.test", trusting(&other), ["certificate is not trusted", "Name the certificate of its issuer"]),
        ("https://other.test", trusting(&authority), ["certificate is of another name", "shop.test"]),
    ] {
        let told = refused(&server, address, config(tls)).await;
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
    let expired = authority.server(&["shop.test"], H2, None, |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let server = Server::tls(shop(), expired).await;
    let told = refused(&server, "https://shop.test", config(trusting(&authority))).await;
    assert!(told.contains("has expired"), "{told}");
    // Unchecked, or under the name that it has.
    let address = origin("https://other.test");
    let unchecked = config(Tls { check: TlsCheck::Off, ..Tls::default() });
    let (outcome, _) = call(&caller_of(&address, &server, unchecked), to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert_eq!(outcome, Outcome::Done(Receipt::Called(0)));
    let server = Server::tls(shop(), authority.server(&["shop.test"], H2, None, |_| {})).await;
    let named = CallConfig { authority: Some("shop.test:1".to_owned()), ..config(trusting(&authority)) };
    let (outcome, _) = call(&caller_of(&address, &server, named), to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert_eq!(outcome, Outcome::Done(Receipt::Called(0)));
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_one() {
    let (authority, clients, other) = (Authority::new("shop"), Authority::new("clients"), Authority::new("other"));
    let server = Server::tls(shop(), authority.server(&["shop.test"], H2, Some(&clients), |_| {})).await;
    let identity = |authority: &Authority| {
        let (certificate, key) = authority.certificate(&["me"], |_| {});
        Some((certificate + &key).into_bytes())
    };
    let address = origin("https://shop.test");
    let mutual = config(Tls { identity_pem: identity(&clients), ..trusting(&authority) });
    let (outcome, _) = call(&caller_of(&address, &server, mutual), to(&address, "/shop.Shop/Get"), sent(&[b"a"])).await;
    assert_eq!(outcome, Outcome::Done(Receipt::Called(0)));
    for identity_pem in [None, identity(&other)] {
        let told = refused(&server, "https://shop.test", config(Tls { identity_pem, ..trusting(&authority) })).await;
        assert!(told.contains("asks for a certificate of ours") && told.contains("Name a certificate"), "{told}");
    }
}

#[tokio::test]
async fn plain_text_and_tls_that_do_not_match_are_told_both_ways() {
    let authority = Authority::new("shop");
    let tls = Server::tls(shop(), authority.server(&["shop.test"], H2, None, |_| {})).await;
    let told = refused(&tls, &format!("http://{}", tls.address), config(Tls::default())).await;
    assert!(told.contains("speaks TLS where plain text was asked for. Write https:// instead of http://"), "{told}");
    let plain = Server::start(shop()).await;
    let told = refused(&plain, &format!("https://{}", plain.address), config(trusting(&authority))).await;
    assert!(told.contains("the server answered in plain text where TLS was spoken. Write http://, or correct the port"), "{told}");
}

#[tokio::test]
async fn a_server_that_speaks_http1_only_is_told_as_such() {
    let authority = Authority::new("shop");
    // One that agrees to HTTP/1 by ALPN.
    let one = Server::tls(shop(), authority.server(&["shop.test"], &[b"http/1.1"], None, |_| {})).await;
    let told = refused(&one, "https://shop.test", config(trusting(&authority))).await;
    assert!(told.contains("speaks HTTP/1 only"), "{told}");
    // Two in plain text: one that answers, and one that answers and closes.
    for is_closing in [false, true] {
        let address = port(move |mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
            if !is_closing {
                tokio::spawn(async move { (futures::future::pending::<()>().await, stream) });
            }
        })
        .await;
        for (scheme, part) in [("http", "speaks HTTP/1, which carries no gRPC. Correct the port"), ("https", "but HTTP/1 in plain text, which carries no gRPC")]
        {
            let origin = origin(&format!("{scheme}://{address}"));
            let caller = Caller::new(permit(&origin, &[address]), config(Tls::default())).expect("a caller");
            let (outcome, told) = call(&caller, to(&origin, "/shop.Shop/Get"), sent(&[b"a"])).await;
            assert!(not_done(&outcome).contains(part) && !told.has_left, "{outcome:?}");
        }
    }
}

/// A port that treats each connection in some way.
async fn port<A: Future<Output = ()> + Send>(treat: impl Fn(tokio::net::TcpStream) -> A + Send + 'static) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            treat(stream).await;
        }
    });
    address
}

#[tokio::test]
async fn a_port_that_speaks_something_else_or_nothing_is_told_as_such() {
    let closing = port(|stream| async move { drop(stream) }).await;
    let silent = port(|stream| async move { drop(tokio::spawn(async move { (futures::future::pending::<()>().await, stream) })) }).await;
    let other = port(|mut stream| async move {
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
        tokio::spawn(async move { (futures::future::pending::<()>().await, stream) });
    })
    .await;
    for (address, scheme, part) in [
        (closing, "http", "closed the connection without a word of HTTP/2. The server may speak TLS. Write https://"),
        (
            closing,
            "https",
            "it ended the connection when TLS was spoken. Write http:// instead of https:// if the port speaks plain text, else correct the port",
        ),
        (silent, "http", "said nothing within 500ms. The server may speak TLS"),
        (silent, "https", "no TLS within 500ms"),
        (other, "http", "speaks something else than HTTP/2"),
        (other, "https", "no TLS"),
    ] {
        let origin = origin(&format!("{scheme}://{address}"));
        let config = CallConfig { connect_timeout: Duration::from_millis(500), ..CallConfig::default() };
        let caller = Caller::new(permit(&origin, &[address]), config).expect("a caller");
        let (outcome, told) = call(&caller, to(&origin, "/shop.Shop/Get"), sent(&[b"a"])).await;
        assert!(not_done(&outcome).contains(part), "{part}: {outcome:?}");
        assert!(!told.has_left);
    }
}

#[tokio::test]
async fn calls_at_once_share_a_caller() {
    let server = Server::start(shop()).await;
    let caller = caller(&server);
    let calls = (0..50).map(|_| call(&caller, to(&server.origin(), "/shop.Shop/Get"), sent(&[b"a"])));
    for (outcome, told) in futures::future::join_all(calls).await {
        assert_eq!((outcome, told.messages.len()), (Outcome::Done(Receipt::Called(0)), 1));
    }
}
