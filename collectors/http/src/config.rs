//! What to poll, and how.

use std::time::Duration;

/// One actuator to poll.
#[derive(Clone, Debug)]
pub struct Config {
    /// The source's name in the profile.
    pub name: String,
    /// The actuator's base address, such as `http://localhost:8081/actuator`; where the application has a management port, with
    /// that port.
    pub url: String,
    /// The service behind the address; `None` = unknown.
    pub service: Option<String>,
    /// The instance behind the address, by the name its spans carry; `None` = what the answers tell, else unknown.
    pub instance: Option<String>,
    /// Who asks.
    pub auth: Auth,
    /// Time from one poll to the next, give or take 10 %; at least 100 ms.
    pub poll_interval: Duration,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a request may take from its beginning to the last byte of its answer.
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
            instance: None,
            auth: Auth::None,
            poll_interval: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(5),
            root_certificate_pem: None,
        }
    }
}

/// Credentials of the requests.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// User name and password (RFC 7617).
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: String,
    },
    /// A bearer token (RFC 6750).
    Bearer(String),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}
