//! The connection to a server, and what its port speaks where none comes about.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls_platform_verifier::Verifier;
use switchboard_model::OWN_USER_AGENT;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Uri};

use crate::Config;
use crate::failure::{Failure, Speaks};

/// How long a probe of what the port speaks may take.
const PROBE_WITHIN: Duration = Duration::from_secs(1);

/// A server's address.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// In words, without credentials.
    pub address: String,
    host: String,
    port: u16,
}

/// Reads the address and makes a channel that connects when it is used, and again whenever it is lost.
pub(crate) fn connect(config: &Config) -> Result<(Server, Channel), Failure> {
    let uri: Uri = config.url.trim().parse().map_err(|error| Failure::unusable(&format!("{error}")))?;
    let is_tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(Failure::unusable("it begins neither with http:// nor with https://")),
    };
    let authority = uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    if authority.contains('@') {
        return Err(Failure::unusable("it holds credentials, which a health service is not asked with"));
    }
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| Failure::unusable("it names no host"))?.to_owned();
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    let server = Server { address: format!("{}://{authority}", if is_tls { "https" } else { "http" }), host, port };
    let unusable = |error: &(dyn Error + 'static)| Failure::unusable(&innermost(error).to_string());
    let mut endpoint = Endpoint::from_shared(server.address.clone())
        .and_then(|endpoint| endpoint.user_agent(format!("{OWN_USER_AGENT}/{}", env!("CARGO_PKG_VERSION"))))
        .map_err(|error| unusable(&error))?
        .connect_timeout(config.connect_timeout);
    if is_tls {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(config.root_certificate_pem.as_deref().unwrap_or_default())
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::unusable(&format!("its root certificate is no PEM: {error}")))?;
        let verifier = if roots.is_empty() { Verifier::new(provider) } else { Verifier::new_with_extra_roots(roots, provider) };
        let verifier = Arc::new(verifier.map_err(|error| unusable(&error))?);
        endpoint = endpoint.tls_config_with_verifier(ClientTlsConfig::new(), verifier).map_err(|error| unusable(&error))?;
    }
    Ok((server, endpoint.connect_lazy()))
}

impl Server {
    /// What a broken connection is told as, with a look at what the port speaks where something listens there.
    pub async fn transport_failure(&self, cause: &Cause, deadline: Duration) -> Failure {
        match cause {
            Cause::Late => Failure::deadline(&self.address, deadline),
            Cause::Refused => Failure::refused(&self.address),
            Cause::Other(cause) => Failure::transport(&self.address, cause, self.probe().await),
        }
    }

    async fn probe(&self) -> Speaks {
        if let Some([0x15 | 0x16, 3, ..]) = self.first_bytes(&client_hello()).await {
            return Speaks::Tls;
        }
        // The connection preface with an empty SETTINGS frame (RFC 9113, 3.4); a server answers with a SETTINGS frame.
        match self.first_bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await {
            Some([_, _, _, 4, _]) => Speaks::PlainHttp2,
            Some(bytes) if bytes == *b"HTTP/" => Speaks::Http1,
            _ => Speaks::Unknown,
        }
    }

    /// Sends some bytes on a connection of its own and gives the first that come back.
    async fn first_bytes(&self, hello: &[u8]) -> Option<[u8; 5]> {
        let exchange = async {
            let host = self.host.trim_start_matches('[').trim_end_matches(']');
            let mut stream = TcpStream::connect((host, self.port)).await.ok()?;
            stream.write_all(hello).await.ok()?;
            let mut first = [0; 5];
            stream.read_exact(&mut first).await.ok()?;
            Some(first)
        };
        tokio::time::timeout(PROBE_WITHIN, exchange).await.ok().flatten()
    }
}

/// The first bytes that a TLS client sends.
fn client_hello() -> Vec<u8> {
    let mut hello = Vec::new();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider())).with_safe_default_protocol_versions();
    let Ok(config) = config else { return hello };
    let config = Arc::new(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    if let Some(mut connection) = ServerName::try_from("localhost").ok().and_then(|name| ClientConnection::new(config, name).ok()) {
        // Writing into memory does not fail.
        let _ = connection.write_tls(&mut hello);
    }
    hello
}

/// Why a connection brought no answer.
pub(crate) enum Cause {
    /// The deadline was over.
    Late,
    /// Nothing listens there.
    Refused,
    /// What the system or the protocol says.
    Other(String),
}

impl Cause {
    /// What lies below a status that was made on this side of the connection.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let cause = innermost(error);
        if cause.is::<tonic::TimeoutExpired>() {
            return Self::Late;
        }
        match cause.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => Self::Refused,
            _ => Self::Other(cause.to_string()),
        }
    }
}

/// The deepest cause of an error, which is what actually happened.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}
