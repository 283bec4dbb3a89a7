//! How a server is connected to.

use std::time::Duration;

/// How a server is connected to, and how much of its answers is taken.
#[derive(Clone)]
pub struct CallConfig {
    /// How long a connection may take to be made, TLS and the first word of HTTP/2 included.
    pub connect_timeout: Duration,
    /// How TLS is spoken, where the address begins with `https`.
    pub tls: Tls,
    /// The most bytes of a message that is received, decompressed.
    pub message_bytes_max: usize,
    /// What the server is asked for as (`:authority`, and the name that its certificate has to have) where that is not its address, as `host` or
    /// `host:port`; `None` = its address.
    pub authority: Option<String>,
}

/// How TLS is spoken.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates (PEM) to trust besides those of the system.
    pub root_certificates_pem: Option<Vec<u8>>,
    /// What of the server's certificate is checked.
    pub check: TlsCheck,
    /// Our certificate with those of its issuers, and its key (PEM), for servers that ask for one.
    pub identity_pem: Option<Vec<u8>>,
}

/// What of a server's certificate is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsCheck {
    /// That it is trusted and of the server's name.
    #[default]
    Full,
    /// Nothing: whoever stands between reads and changes what is sent.
    Off,
}

impl Default for CallConfig {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), tls: Tls::default(), message_bytes_max: 64 << 20, authority: None }
    }
}
