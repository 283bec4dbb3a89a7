//! TLS: HTTP/2, authorities of one's own, certificates of clients, and what is said where the two sides do not fit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::any;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use switchboard_http::{CallConfig, CallRefused, Caller, Tls, TlsCheck};
use switchboard_model::{AnswerNews, Outcome, Phase, Receipt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::answers::echo;
use crate::server::{Server, Told, call, caller_with, end, get, permit, read_head, request, run};

/// An authority, and what it issues.
struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Issued {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        Self::called("an authority")
    }

    fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority"))
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, |_| {})
    }

    fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        Issued { certificate: params.signed_by(&key, &self.0).expect("issued"), key }
    }
}

impl Issued {
    fn pem(&self) -> Vec<u8> {
        format!("{}{}", self.certificate.pem(), self.key.serialize_pem()).into_bytes()
    }
}

/// A listener whose connections speak TLS; those with which it cannot be agreed on are passed by.
struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.listener.accept().await.expect("a connection");
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A server that echoes over TLS; `clients` = the authority that clients need a certificate of.
async fn serve(issued: &Issued, alpn: &[&str], clients: Option<&Authority>) -> SocketAddr {
    let acceptor = acceptor(issued, alpn, clients);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let router = Router::new().route("/huge/{num}", any(huge)).route("/breaks", any(breaks)).route("/endless", any(endless)).fallback(echo);
    tokio::spawn(async move { axum::serve(TlsListener { listener, acceptor }, router).await });
    address
}

fn acceptor(issued: &Issued, alpn: &[&str], clients: Option<&Authority>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.0.der().clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::Pkcs8(issued.key.serialize_der().into());
    let mut config = builder.with_single_cert(vec![issued.certificate.der().clone()], key).expect("a key");
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// So many headers of a thousand bytes.
async fn huge(Path(num_headers): Path<usize>) -> impl IntoResponse {
    let headers: HeaderMap = (0..num_headers)
        .map(|number| (HeaderName::try_from(format!("x-{number}")).expect("a name"), HeaderValue::try_from("x".repeat(1_000)).expect("a value")))
        .collect();
    (headers, "a body")
}

/// Whether the begin of a body that breaks off has come.
static HAS_BEGUN: Notify = Notify::const_new();

/// A body that breaks off.
async fn breaks() -> Body {
    let parts = futures::stream::iter([Ok("abc"), Err(std::io::Error::other("it breaks off"))]);
    Body::from_stream(parts.then(|part| async {
        if part.is_err() {
            HAS_BEGUN.notified().await;
        }
        part
    }))
}

/// A body without end.
async fn endless() -> Body {
    Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 16 << 10])))
}

fn trusting(authority: &Authority) -> CallConfig {
    CallConfig { tls: Tls { root_certificates_pem: Some(authority.pem()), ..Tls::default() }, ..CallConfig::default() }
}

const URL: &str = "https://shop.invalid:8443/orders";

async fn get_with(address: SocketAddr, config: CallConfig) -> Told {
    call(&caller_with(URL, address, config), get(URL)).await
}

#[test]
fn both_versions_are_spoken_as_the_server_likes() {
    run(async {
        let authority = Authority::new();
        let issued = authority.issue("shop.invalid");
        for (alpn, version) in [(&["h2", "http/1.1"][..], "HTTP/2"), (&["http/1.1"], "HTTP/1.1"), (&[], "HTTP/1.1")] {
            let address = serve(&issued, alpn, None).await;
            let caller = caller_with(URL, address, trusting(&authority));
            for is_first in [true, false] {
                let mut sent = request(Method::PUT, URL, vec![7; 200_000]);
                sent.headers.insert("x-value", HeaderValue::from_bytes(b"a\xffb").expect("a value"));
                let told = call(&caller, sent).await;
                let opening: &[Phase] = if is_first { &[Phase::Connect, Phase::Tls] } else { &[] };
                assert_eq!(told.phases(), [opening, &[Phase::FirstByte, Phase::Rest]].concat());
                let (status, spoken, headers) = told.head();
                assert_eq!((status, spoken), (200, version));
                assert_eq!(
                    (&headers["x-method"], &headers["x-path"], &headers["x-host"]),
                    (&HeaderValue::from_static("PUT"), &HeaderValue::from_static("/orders"), &HeaderValue::from_static("shop.invalid:8443"))
                );
                assert_eq!(headers["x-sent-x-value"].as_bytes(), b"a\xffb");
                assert_eq!(headers["x-sent-content-length"], "200000");
                assert!(told.body() == vec![7; 200_000] && told.end().cut.is_none());
            }
        }
    });
}

#[test]
fn what_goes_wrong_over_http2_is_told_too() {
    run(async {
        let authority = Authority::new();
        let address = serve(&authority.issue("shop.invalid"), &["h2"], None).await;
        let caller = caller_with(URL, address, CallConfig { body_bytes_max: 1 << 20, ..trusting(&authority) });
        for num_headers in [260, 300, 500] {
            let told = call(&caller, get(&URL.replace("orders", &format!("huge/{num_headers}")))).await;
            told.assert_possibly("the head of the answer is longer than 256 KiB");
        }
        assert_eq!(call(&caller, get(&URL.replace("orders", "huge/200"))).await.head().0, 200);
        let mut cut = None;
        let mut told = |news| match news {
            AnswerNews::Body(_) => HAS_BEGUN.notify_one(),
            AnswerNews::Ended(end) => cut = end.cut,
            _ => {}
        };
        assert_eq!(caller.call(get(&URL.replace("orders", "breaks")), &mut told).await, Outcome::Done(Receipt::Answered(200)));
        let cut = cut.expect("it broke off");
        assert!(cut.starts_with("the body could not be read on after 3 bytes (stream error received"), "{cut}");
        let told = call(&caller, get(&URL.replace("orders", "endless"))).await;
        assert_eq!((told.body().len(), told.cut().starts_with("the body is longer than 1 MiB")), (1 << 20, true));
        assert_eq!(call(&caller, get(URL)).await.outcome, Outcome::Done(Receipt::Answered(200)));
    });
}

#[test]
fn who_cancels_closes_a_connection_of_http2_at_once() {
    run(async {
        let authority = Authority::new();
        let acceptor = acceptor(&authority.issue("shop.invalid"), &["h2"], None);
        let (dropped, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let given = (Arc::clone(&dropped), Arc::clone(&closed));
        let server = Server::start(move |stream| {
            let (acceptor, (dropped, closed)) = (acceptor.clone(), given.clone());
            async move {
                let mut stream = acceptor.accept(stream).await.expect("it speaks TLS");
                dropped.notified().await;
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                closed.notify_one();
            }
        })
        .await;
        let caller = caller_with(URL, server.address, trusting(&authority));
        let has_left = Notify::new();
        let mut told = |news| {
            if matches!(news, AnswerNews::Leaves) {
                has_left.notify_one();
            }
        };
        tokio::select! {
            outcome = caller.call(request(Method::POST, URL, vec![7; 64 << 20]), &mut told) => panic!("{outcome:?}"),
            () = has_left.notified() => {}
        }
        dropped.notify_one();
        tokio::time::timeout(Duration::from_secs(1), closed.notified()).await.expect("closed at once");
    });
}

#[test]
fn a_host_of_the_request_is_told_instead() {
    run(async {
        let authority = Authority::new();
        let address = serve(&authority.issue("shop.invalid"), &["h2"], None).await;
        let caller = caller_with(URL, address, trusting(&authority));
        let mut sent = get(URL);
        sent.headers.insert("host", HeaderValue::from_static("other.example"));
        assert_eq!(call(&caller, sent.clone()).await.head().2["x-host"], "other.example");
        sent.headers.insert("host", HeaderValue::from_static("no host"));
        call(&caller, sent).await.assert_not_done("the header Host is no host and port, which HTTP/2 needs");
    });
}

#[test]
fn certificates_are_checked_and_what_is_wrong_is_named() {
    run(async {
        let authority = Authority::new();
        let good = serve(&authority.issue("shop.invalid"), &["h2"], None).await;
        let other_name = serve(&authority.issue("other.example"), &["h2"], None).await;
        let expired = authority.issue_with("shop.invalid", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
        let expired = serve(&expired, &["h2"], None).await;
        let early = authority.issue_with("shop.invalid", |params| params.not_before = rcgen::date_time_ymd(2999, 1, 1));
        let early = serve(&early, &["h2"], None).await;
        for (address, config, expected) in [
            (
                good,
                trusting(&Authority::called("another")),
                "nobody who is trusted here issued its certificate. Name the certificate of its authority under Root certificates",
            ),
            (good, trusting(&Authority::new()), "but another key. Name the one that the authority has now under Root certificates"),
            (other_name, trusting(&authority), "its certificate is not for shop.invalid (it names other.example). Write the address with a host that it names"),
            (expired, trusting(&authority), "its certificate has expired. Renew it, or look whether this machine's clock is right"),
            (early, trusting(&authority), "its certificate is not valid yet. Look whether this machine's clock is right"),
        ] {
            let told = get_with(address, config).await;
            told.assert_not_done(expected);
            assert_eq!(told.phases(), [Phase::Connect]);
        }
        for address in [good, other_name, expired, early] {
            let config = CallConfig { tls: Tls { check: TlsCheck::Off, ..Tls::default() }, ..CallConfig::default() };
            assert_eq!(get_with(address, config).await.outcome, Outcome::Done(Receipt::Answered(200)));
        }
    });
}

#[test]
fn clients_show_their_certificate_where_one_is_asked_for() {
    run(async {
        let authority = Authority::new();
        let address = serve(&authority.issue("shop.invalid"), &["http/1.1"], Some(&authority)).await;
        let with = |identity_pem| CallConfig { tls: Tls { identity_pem, ..trusting(&authority).tls }, ..CallConfig::default() };
        let told = get_with(address, with(Some(authority.issue("client").pem()))).await;
        assert_eq!(told.outcome, Outcome::Done(Receipt::Answered(200)));
        let stranger = Authority::called("another").issue("client").pem();
        for (identity, expected) in [
            (None, "it asks for a certificate of the client. Name the file with certificate and key under Own identity"),
            (Some(stranger), "it does not trust the client's certificate. Name another one"),
        ] {
            let told = get_with(address, with(identity)).await;
            // With TLS 1.3 a server refuses when the request may be under way already.
            if told.has_left() { told.assert_possibly(expected) } else { told.assert_not_done(expected) }
        }
    });
}

#[test]
fn tls_and_plain_text_are_told_apart_both_ways() {
    run(async {
        let authority = Authority::new();
        let address = serve(&authority.issue("shop.invalid"), &[], None).await;
        let url = URL.replace("https", "http");
        let told = call(&caller_with(&url, address, CallConfig::default()), get(&url)).await;
        told.assert_possibly("the server answered in TLS where plain text was spoken. Write https:// instead of http://");

        let plain = Server::start(|mut stream| async move {
            read_head(&mut stream).await;
        })
        .await;
        let answers = Server::start(|mut stream| async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let _ = stream.read_u8().await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            end(stream).await;
        })
        .await;
        let closes = Server::start(|mut stream| async move {
            use tokio::io::AsyncReadExt as _;
            let _ = stream.read_u8().await;
            end(stream).await;
        })
        .await;
        let config = || trusting(&authority);
        get_with(answers.address, config()).await.assert_not_done("the server answered in plain text where TLS was spoken. Write http://, or correct the port");
        get_with(closes.address, config()).await.assert_not_done("it ended the connection when TLS was spoken. Write http:// instead of https://");
        let config = CallConfig { connect_timeout: Duration::from_millis(300), ..config() };
        get_with(plain.address, config).await.assert_not_done("it takes connections, but does not answer TLS within 300 ms. Write http:// instead of https://");
    });
}

#[test]
fn pems_that_cannot_be_used_are_refused_in_words() {
    let authority = Authority::new();
    let (issued, other) = (authority.issue("client"), authority.issue("client"));
    let refused = |tls| {
        let address = "127.0.0.1:1".parse().expect("an address");
        Caller::new(permit(URL, &[address]), CallConfig { tls, ..CallConfig::default() }).expect_err("refused")
    };
    let roots = |pem: &[u8]| refused(Tls { root_certificates_pem: Some(pem.to_vec()), ..Tls::default() });
    let identity = |pem: Vec<u8>| refused(Tls { identity_pem: Some(pem), ..trusting(&authority).tls });
    assert_eq!(roots(b""), CallRefused::RootCertificates("it holds no certificate".to_owned()));
    assert_eq!(roots(issued.key.serialize_pem().as_bytes()), CallRefused::RootCertificates("it holds no certificate".to_owned()));
    assert_eq!(roots(b"-----BEGIN CERTIFICATE-----\n\xff"), CallRefused::RootCertificates("it is no PEM".to_owned()));
    assert!(matches!(roots(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), CallRefused::RootCertificates(_)));
    assert_eq!(identity(issued.key.serialize_pem().into_bytes()), CallRefused::Identity("it holds no certificate".to_owned()));
    assert_eq!(identity(issued.certificate.pem().into_bytes()), CallRefused::Identity("it holds no private key that can be read".to_owned()));
    let mixed = identity(format!("{}{}", issued.certificate.pem(), other.key.serialize_pem()).into_bytes());
    assert!(matches!(&mixed, CallRefused::Identity(reason) if reason.contains("its key does not fit it")), "{mixed}");
}
