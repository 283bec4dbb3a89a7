//! Makes connections: to the addresses that are allowed, one after the other, with TLS where it is asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use switchboard_model::{CallNews, Origin, Phase, Scheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::caller::CallRefused;
use super::tap::Tap;
use super::trouble::Trouble;
use super::{CallConfig, tls};

/// What is connected to, and how.
pub(super) struct Place {
    /// In words.
    pub address: String,
    /// Scheme and authority, as calls name them.
    pub uri: Uri,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    addresses: Vec<SocketAddr>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// A connection, in plain text or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Place {
    /// Checks what is known of a server before anything is connected to.
    pub fn new(origin: &Origin, addresses: &[SocketAddr], config: &CallConfig) -> Result<Self, CallRefused> {
        if addresses.is_empty() {
            return Err(CallRefused::NoAddress { address: origin.to_string() });
        }
        let authority = config.authority.clone().unwrap_or_else(|| origin.authority());
        let unusable = |reason: &str| CallRefused::Authority { authority: authority.clone(), reason: reason.to_owned() };
        let read: Authority = authority.parse().map_err(|error: http::uri::InvalidUri| unusable(&error.to_string()))?;
        if read.as_str().contains('@') {
            return Err(unusable("it holds credentials"));
        }
        let tls = match origin.scheme() {
            Scheme::Http => None,
            Scheme::Https => {
                let host = if config.authority.is_some() { read.host().trim_start_matches('[').trim_end_matches(']') } else { origin.host() };
                let name = ServerName::try_from(host.to_owned()).map_err(|_| unusable("it is no name that a certificate has"))?;
                Some((tls::client_config(&config.tls).map_err(CallRefused::Tls)?, name))
            }
        };
        let uri = Uri::builder().scheme(origin.scheme().word()).authority(read).path_and_query("/").build().map_err(|error| unusable(&error.to_string()))?;
        Ok(Self { address: origin.to_string(), uri, connect_timeout: config.connect_timeout, addresses: addresses.to_vec(), tls })
    }

    /// Whether TLS is asked for.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Connects, and agrees upon TLS; tells how long each took.
    pub async fn dial(&self, by: Instant, told: &mut (dyn FnMut(CallNews) + Send)) -> Result<Box<dyn Io>, Trouble> {
        let began = Instant::now();
        let stream = self.connect(by).await?;
        told(CallNews::Took(Phase::Connect, began.elapsed()));
        // A call is small pieces that somebody waits for. Where it cannot be set, it is slower.
        let _ = stream.set_nodelay(true);
        let Some((config, name)) = &self.tls else { return Ok(Box::new(stream)) };
        let began = Instant::now();
        let (stream, first) = Tap::new(stream);
        let agreed = timeout_at(by, TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream)).await;
        let agreed = agreed.map_err(|_| Trouble::late(&self.address, "TLS", self.connect_timeout))?;
        let stream = agreed.map_err(|error| Trouble::tls(&self.address, &error, &first.borrow()))?;
        if stream.get_ref().1.alpn_protocol().is_some_and(|protocol| protocol != b"h2") {
            return Err(Trouble::http1_only(&self.address));
        }
        told(CallNews::Took(Phase::Tls, began.elapsed()));
        Ok(Box::new(stream))
    }

    /// Tries one address after the other; each has its share of the time that is left.
    async fn connect(&self, by: Instant) -> Result<TcpStream, Trouble> {
        let mut tried = Vec::new();
        for (at, address) in self.addresses.iter().enumerate() {
            let now = Instant::now();
            let share = by.saturating_duration_since(now) / (self.addresses.len() - at) as u32;
            match timeout_at(now + share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => tried.push((*address, error)),
                Err(_) => tried.push((*address, std::io::ErrorKind::TimedOut.into())),
            }
        }
        Err(Trouble::unreachable(&self.address, &tried))
    }
}
