//! Servers to call: one that speaks gRPC by raw messages, and one that answers HTTP/2 in any way.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{Request as HttpRequest, Response as HttpResponse};
use bytes::{Buf as _, BufMut as _, Bytes};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt as _};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use switchboard_model::{Leave, Origin, SendPermit, SendRules, Target};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder, Streaming};
use tonic::codegen::Service;
use tonic::{Request, Response, Status};

/// How long anything may take that is waited for.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Answers one HTTP request.
pub type Handler = Arc<dyn Fn(HttpRequest<Incoming>) -> BoxFuture<'static, HttpResponse<Body>> + Send + Sync>;
/// Messages that go out.
pub type Answers = BoxStream<'static, Result<Bytes, Status>>;

/// A server on loopback.
pub struct Server {
    pub address: SocketAddr,
    pub num_connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start(handler: Handler) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), handler).await
    }

    pub async fn start_at(address: SocketAddr, handler: Handler) -> Self {
        Self::listen(address, handler, None).await
    }

    pub async fn tls(handler: Handler, config: rustls::ServerConfig) -> Self {
        Self::listen("127.0.0.1:0".parse().expect("an address"), handler, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(address: SocketAddr, handler: Handler, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let num_connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&num_connections);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (handler, tls) = (Arc::clone(&handler), tls.clone());
                connections.spawn(async move {
                    let service = hyper::service::service_fn(move |request| {
                        let answer = handler(request);
                        async move { Ok::<_, std::convert::Infallible>(answer.await) }
                    });
                    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = match tls {
                        None => server.serve_connection(TokioIo::new(stream), service).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
                            Err(_) => return,
                        },
                    };
                });
            }
        });
        Self { address, num_connections, task }
    }

    pub fn num_connections(&self) -> usize {
        self.num_connections.load(Ordering::SeqCst)
    }

    /// Ends it with all its connections, in the midst of whatever they do.
    pub async fn kill(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub fn origin(&self) -> Origin {
        origin(&format!("http://{}", self.address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub fn origin(address: &str) -> Origin {
    Origin::parse(address).expect("an address").0
}

pub fn permit(origin: &Origin, addresses: &[SocketAddr]) -> SendPermit {
    let target = Some(Target::Authority(origin.clone()));
    let rules = SendRules { name: "shop", target, addresses, leave: Leave::Given, is_unlocked: false, is_production: false, typed_name: None };
    SendPermit::from_rules(&rules).expect("allowed")
}

/// Passes messages on as bytes.
#[derive(Clone, Copy)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// A method of gRPC, by its path and what comes in.
#[derive(Clone)]
struct Method<F>(String, F);

impl<F, A> Service<Request<Streaming<Bytes>>> for Method<F>
where
    F: Fn(String, Request<Streaming<Bytes>>) -> A,
    A: Future<Output = Result<Response<Answers>, Status>> + Send + 'static,
{
    type Response = Response<Answers>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answers>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Status>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        Box::pin(self.1(self.0.clone(), request))
    }
}

/// Answers by gRPC, with messages compressed as the caller takes them.
pub fn grpc<F, A>(answer: F) -> Handler
where
    F: Fn(String, Request<Streaming<Bytes>>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response<Answers>, Status>> + Send + 'static,
{
    Arc::new(move |request| {
        let method = Method(request.uri().path().to_owned(), answer.clone());
        Box::pin(async move {
            let mut server = tonic::server::Grpc::new(Raw)
                .max_decoding_message_size(usize::MAX)
                .accept_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Zstd)
                .send_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Zstd);
            server.streaming(method, request).await
        })
    })
}

/// Messages that go out, one after the other.
pub fn messages(messages: Vec<Result<Bytes, Status>>) -> Response<Answers> {
    Response::new(futures::stream::iter(messages).boxed())
}

/// A small service: `Get` echoes one, `List` gives 3 of what it got, `Put` counts, `Chat` echoes each as it comes, `Fail` fails.
pub fn shop() -> Handler {
    grpc(|path, request| async move {
        let metadata = request.metadata().clone();
        let mut incoming = request.into_inner();
        let mut response = match path.as_str() {
            "/shop.Shop/Get" => {
                let message = incoming.message().await?.ok_or_else(|| Status::invalid_argument("nothing came"))?;
                messages(vec![Ok(message)])
            }
            "/shop.Shop/List" => {
                let message = incoming.message().await?.unwrap_or_default();
                messages(vec![Ok(message); 3])
            }
            "/shop.Shop/Put" => {
                let mut count = 0_u8;
                while incoming.message().await?.is_some() {
                    count += 1;
                }
                messages(vec![Ok(Bytes::from(vec![count]))])
            }
            "/shop.Shop/Chat" => Response::new(incoming.boxed()),
            "/shop.Shop/Never" => Response::new(futures::stream::pending().boxed()),
            "/shop.Shop/Silent" => futures::future::pending().await,
            _ => return Err(Status::unimplemented("no such method")),
        };
        // What came is given back, so that it can be compared.
        for name in ["x-one", "grpc-encoding", "grpc-timeout", "user-agent"] {
            if let Some(value) = metadata.get(name) {
                response.metadata_mut().insert(name.replace("grpc-", "x-").parse::<tonic::metadata::MetadataKey<_>>().expect("a name"), value.clone());
            }
        }
        if let Some(value) = metadata.get_bin("x-two-bin") {
            response.metadata_mut().insert_bin("x-two-bin", value.clone());
        }
        Ok(response)
    })
}

/// An answer of HTTP/2, as it is given.
pub fn answer(headers: &[(&str, &[u8])], frames: Vec<Frame<Bytes>>) -> HttpResponse<Body> {
    let mut response = HttpResponse::builder();
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let frames = futures::stream::iter(frames.into_iter().map(Ok::<_, Status>));
    response.body(Body::new(StreamBody::new(frames))).expect("a response")
}

/// A server that answers everything alike.
pub fn always(answer: impl Fn() -> HttpResponse<Body> + Send + Sync + 'static) -> Handler {
    Arc::new(move |_| {
        let answer = answer();
        Box::pin(async move { answer })
    })
}

/// A frame with headers that come after the body.
pub fn trailers(headers: &[(&str, &[u8])]) -> Frame<Bytes> {
    let map = headers.iter().map(|(name, value)| {
        let value = axum::http::HeaderValue::from_bytes(value).expect("a value");
        (name.parse::<axum::http::HeaderName>().expect("a name"), value)
    });
    Frame::trailers(map.collect())
}

/// A message as it is on the wire.
pub fn framed(message: &[u8]) -> Frame<Bytes> {
    Frame::data([&[0][..], &(message.len() as u32).to_be_bytes(), message].concat().into())
}

/// A certificate authority, and certificates by it.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate") }
    }

    pub fn pem(&self) -> Vec<u8> {
        self.issuer.as_ref().pem().into_bytes()
    }

    /// A certificate and its key, in PEM, for names and at times.
    pub fn certificate(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("parameters");
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// What a server speaks TLS by; with an authority whose clients it takes.
    pub fn server(&self, names: &[&str], protocols: &[&[u8]], clients: Option<&Self>, change: impl FnOnce(&mut CertificateParams)) -> rustls::ServerConfig {
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};
        let (certificate, key) = self.certificate(names, change);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(clients) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(clients.issuer.as_ref().der().clone()).expect("a root");
                builder
                    .with_client_cert_verifier(rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().expect("a verifier"))
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let mut config = builder.with_single_cert(chain, key).expect("a certificate");
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config
    }
}
