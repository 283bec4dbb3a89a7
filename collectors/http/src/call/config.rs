//! How a server is called.

use std::fmt;
use std::time::Duration;

/// How a server is called.
#[derive(Clone, Debug)]
pub struct CallConfig {
    /// How long it may take until a connection is there, TLS included.
    pub connect_timeout: Duration,
    /// How long the whole call may take, its answer's body included; `None` = as long as the server likes, as for a stream of events.
    pub timeout: Option<Duration>,
    /// How TLS is spoken. Nothing of it is read where the server is spoken to in plain text.
    pub tls: Tls,
    /// The most bytes that are told of a body, after decompression.
    pub body_bytes_max: u64,
}

impl Default for CallConfig {
    /// 10 s for a connection, 30 s for the call, 64 MiB of a body.
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(10), timeout: Some(Duration::from_secs(30)), tls: Tls::default(), body_bytes_max: 64 << 20 }
    }
}

/// How TLS is spoken.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates, as PEM, of authorities that are trusted besides those of the system.
    pub root_certificates_pem: Option<Vec<u8>>,
    /// What is checked of the server's certificate.
    pub check: TlsCheck,
    /// The client's own certificate, those that lead to its authority, and its key, as PEM, for servers that ask for one.
    pub identity_pem: Option<Vec<u8>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is a secret, and certificates say nothing as bytes.
        f.debug_struct("Tls")
            .field("has_root_certificates", &self.root_certificates_pem.is_some())
            .field("check", &self.check)
            .field("has_identity", &self.identity_pem.is_some())
            .finish()
    }
}

/// What is checked of a server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsCheck {
    /// Who issued it, how long it is good, and that it names the host.
    #[default]
    Full,
    /// Nothing: whoever is between here and the server can read and change all of it.
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_in_what_is_printed() {
        let tls = Tls { identity_pem: Some(b"hunter2Zq7".to_vec()), ..Tls::default() };
        let printed = format!("{:?}", CallConfig { tls, ..CallConfig::default() });
        assert!(printed.contains("has_identity: true") && !printed.contains("104, 117"), "{printed}");
    }
}
