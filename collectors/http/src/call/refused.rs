//! Why no caller is made.

/// Why a server cannot be called with this permit or these settings, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallRefused {
    /// The permit is for a cluster, or for calls of another protocol.
    #[error("leave to send to `{name}` is not for HTTP requests. Ask for leave to send to its address")]
    NoOrigin {
        /// What the permit's target is called.
        name: String,
    },
    /// The permit does not say where the server's name leads to.
    #[error("the name of `{name}` was not looked up, so there is nothing to connect to. Look it up, and ask for leave again")]
    NoAddresses {
        /// What the permit's target is called.
        name: String,
    },
    /// The host can be in no certificate.
    #[error("`{host}` is no name that a certificate can hold, so TLS cannot be spoken with it. Correct the host, or write http:// if it speaks plain text")]
    HostName {
        /// The host.
        host: String,
    },
    /// The root certificates cannot be read.
    #[error("the root certificates cannot be used: {0}. Name a PEM file with the certificate of the authority, which begins with -----BEGIN CERTIFICATE-----")]
    RootCertificates(String),
    /// The system's certificates cannot be read.
    #[error("this machine's trusted certificates cannot be read ({0}). Install them (ca-certificates), or name the root certificate of the server")]
    SystemCertificates(String),
    /// The client's certificate and key cannot be read, or do not belong together.
    #[error("the client's certificate cannot be used: {0}. Name a PEM file that holds the certificate and its key, which is not encrypted")]
    Identity(String),
}
