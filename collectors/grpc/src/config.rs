//! What to ask, and how.

use std::time::Duration;

/// One gRPC server to ask.
#[derive(Clone, Debug)]
pub struct Config {
    /// The source's name in the profile.
    pub name: String,
    /// The server's address, such as `http://localhost:50051`; `https` where it speaks TLS.
    pub url: String,
    /// The service on the map that the server belongs to; `None` = unknown.
    pub service: Option<String>,
    /// The health services asked for, by name; `""` is the whole server. At most 64.
    pub asked: Vec<String>,
    /// The longest time between two checks while the server is watched; each is told, changed or not.
    pub recheck_interval: Duration,
    /// Time between two checks where the server does not offer `Watch`.
    pub check_interval: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// Deadline of a check, and of a watch's first answer.
    pub request_timeout: Duration,
    /// A root certificate (PEM) to trust besides those of the system.
    pub root_certificate_pem: Option<Vec<u8>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            url: String::new(),
            service: None,
            asked: vec![String::new()],
            recheck_interval: Duration::from_secs(9),
            check_interval: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
            root_certificate_pem: None,
        }
    }
}
