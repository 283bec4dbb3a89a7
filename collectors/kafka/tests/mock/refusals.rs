//! What is wrong is told by kind, in a sentence, with a next step.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
#[cfg(target_os = "linux")]
use std::sync::Arc;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(target_os = "linux")]
use parking_lot::Mutex;
use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::session::{Session, config};
use switchboard_model::{FailureKind, SourcePhase, SourceStatus};

/// Waits until it says so. A status may come before its reason: names are looked up and connections tried beside the call that fails.
fn failed(session: &Session, failure: FailureKind, detail: &str) -> SourceStatus {
    let is_it = |status: &&SourceStatus| (status.phase, status.failure) == (SourcePhase::Failed, Some(failure)) && status.detail.contains(detail);
    session.wait(&format!("failed: {failure:?} {detail}"), |state| state.statuses.iter().any(|status| is_it(&status)));
    let state = session.state();
    state.statuses.iter().rfind(is_it).cloned().expect("a status")
}

/// A broker of few words: it offers Metadata version 1 only, and advertises an address of its choice.
struct FewWords {
    address: String,
}

impl FewWords {
    fn advertising(host: &'static str, port: i32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer(stream, host, port));
            }
        });
        Self { address }
    }
}

fn answer(mut stream: TcpStream, host: &str, port: i32) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        if stream.read_exact(&mut request).is_err() {
            return;
        }
        let key = i16::from_be_bytes([request[0], request[1]]);
        let version = i16::from_be_bytes([request[2], request[3]]);
        let mut body = request[4..8].to_vec();
        match key {
            18 => {
                // UNSUPPORTED_VERSION tells the client to ask again with version 0.
                body.extend((if version == 0 { 0_i16 } else { 35 }).to_be_bytes());
                body.extend(3_i32.to_be_bytes());
                for (key, most) in [(3_i16, 1_i16), (18, 0), (10, 0)] {
                    body.extend(key.to_be_bytes());
                    body.extend(0_i16.to_be_bytes());
                    body.extend(most.to_be_bytes());
                }
            }
            3 => {
                body.extend(1_i32.to_be_bytes());
                body.extend(1_i32.to_be_bytes());
                body.extend((host.len() as i16).to_be_bytes());
                body.extend(host.as_bytes());
                body.extend(port.to_be_bytes());
                body.extend((-1_i16).to_be_bytes());
                body.extend(1_i32.to_be_bytes());
                // One topic with one partition led by that broker.
                body.extend(1_i32.to_be_bytes());
                body.extend(0_i16.to_be_bytes());
                body.extend(6_i16.to_be_bytes());
                body.extend(b"orders");
                body.push(0);
                body.extend(1_i32.to_be_bytes());
                body.extend(0_i16.to_be_bytes());
                body.extend(0_i32.to_be_bytes());
                body.extend(1_i32.to_be_bytes());
                for _ in 0..2 {
                    body.extend(1_i32.to_be_bytes());
                    body.extend(1_i32.to_be_bytes());
                }
            }
            _ => return,
        }
        if stream.write_all(&(body.len() as u32).to_be_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

#[test]
fn an_advertised_address_that_does_not_resolve_is_told_as_exactly_that() {
    let broker = FewWords::advertising("kafka.invalid", 9092);
    let session = Session::start(config(&broker.address));
    let status = failed(&session, FailureKind::Connect, "Bootstrap answered, but the advertised `kafka.invalid:9092` does not resolve from here");
    assert!(status.next_step.contains("advertised.listeners"), "{}", status.next_step);
}

#[test]
fn a_host_that_the_profile_does_not_name_gets_no_credentials_and_is_told() {
    let broker = FewWords::advertising("kafka.invalid", 9092);
    let mut config = config(&broker.address);
    (config.username, config.password) = (Some("joe".to_owned()), Some("hunter2".to_owned()));
    // Without SASL, so that this broker of few words can name the other one.
    config.properties.insert("security.protocol".to_owned(), "PLAINTEXT".to_owned());
    let session = Session::start(config.clone());
    session.wait("told", |state| {
        state.statuses.iter().any(|status| {
            status.failure == Some(FailureKind::Authenticate)
                && status.detail.contains("`kafka.invalid`")
                && status.next_step.contains("trusted_hosts = [\"kafka.invalid\"]")
        })
    });
    drop(session);
    config.trusted_hosts = vec!["kafka.invalid".to_owned()];
    let session = Session::start(config);
    session.wait("tried", |state| state.statuses.iter().any(|status| status.detail.contains("advertised `kafka.invalid:9092` does not resolve")));
}

/// Linux answers for all of 127.0.0.0/8, so this is another host than the bootstrap's and yet on this machine.
#[cfg(target_os = "linux")]
const FOREIGN: &str = "127.0.0.2";

/// A listener on that host, which notes what is sent to it and answers nothing.
#[cfg(target_os = "linux")]
struct Foreign {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    num_connections: Arc<AtomicUsize>,
}

#[cfg(target_os = "linux")]
impl Foreign {
    fn listen() -> Self {
        let listener = TcpListener::bind((FOREIGN, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (heard, num_connections) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicUsize>::default());
        let (hears, counts) = (Arc::clone(&heard), Arc::clone(&num_connections));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                counts.fetch_add(1, Ordering::SeqCst);
                let hears = Arc::clone(&hears);
                std::thread::spawn(move || {
                    let mut bytes = [0; 4096];
                    // One request is enough to know who is there; then the next one may come.
                    let len = stream.read(&mut bytes).unwrap_or(0);
                    hears.lock().extend_from_slice(&bytes[..len]);
                });
            }
        });
        Self { port, heard, num_connections }
    }

    /// Whether a client of this name has said something.
    fn has_heard(&self, client_id: &str) -> bool {
        self.heard.lock().windows(client_id.len()).any(|bytes| bytes == client_id.as_bytes())
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_host_that_resolves_is_connected_to_by_no_client_unless_the_profile_names_it() {
    let (refused, trusted) = (Foreign::listen(), Foreign::listen());
    let start = |foreign: &Foreign, trusted_hosts: Vec<String>| {
        let broker = FewWords::advertising(FOREIGN, i32::from(foreign.port));
        let mut config = config(&broker.address);
        (config.username, config.password) = (Some("joe".to_owned()), Some("hunter2".to_owned()));
        config.properties.insert("security.protocol".to_owned(), "PLAINTEXT".to_owned());
        config.trusted_hosts = trusted_hosts;
        Session::start(config)
    };
    let refusing = start(&refused, Vec::new());
    let trusting = start(&trusted, vec![FOREIGN.to_owned()]);
    // Both ways out lead there where they may: the library's and the asker's.
    trusting.wait("heard of both", |_| ["switchboard-observer", "switchboard-asker"].iter().all(|client_id| trusted.has_heard(client_id)));
    refusing.wait("told", |state| {
        state.statuses.iter().any(|status| status.detail.contains("`127.0.0.2`") && status.next_step.contains("trusted_hosts = [\"127.0.0.2\"]"))
    });
    assert_eq!(refused.num_connections.load(Ordering::SeqCst), 0, "{:?}", String::from_utf8_lossy(&refused.heard.lock()));
}

#[test]
fn an_advertised_port_that_refuses_is_told() {
    let broker = FewWords::advertising("127.0.0.1", 1);
    let session = Session::start(config(&broker.address));
    session.wait("told", |state| state.statuses.iter().any(|status| status.detail.contains("advertised `127.0.0.1:1` refused")));
}

#[test]
fn a_port_that_nobody_listens_on_is_connect() {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let session = Session::start(config(&format!("127.0.0.1:{port}")));
    let status = failed(&session, FailureKind::Connect, "refused the connection");
    assert!(status.next_step.contains("runs and listens"), "{}", status.next_step);
}

#[test]
fn a_bootstrap_name_that_does_not_resolve_is_connect() {
    let session = Session::start(config("no-such-host.invalid:9092"));
    failed(&session, FailureKind::Connect, "`no-such-host.invalid:9092` does not resolve");
}

#[test]
fn tls_towards_a_plain_listener_is_protocol() {
    let mock = MockKafka::new(1).expect("a cluster");
    let mut config = config(&mock.brokers());
    config.properties.insert("security.protocol".to_owned(), "SSL".to_owned());
    let session = Session::start(config);
    let status = failed(&session, FailureKind::Protocol, "No TLS with");
    assert!(status.next_step.contains("security.protocol"), "{}", status.next_step);
}

#[test]
fn sasl_towards_a_listener_without_it_is_told() {
    let mock = MockKafka::new(1).expect("a cluster");
    let mut config = config(&mock.brokers());
    (config.username, config.password) = (Some("joe".to_owned()), Some("hunter2".to_owned()));
    config.properties.insert("security.protocol".to_owned(), "SASL_PLAINTEXT".to_owned());
    let session = Session::start(config);
    let status = failed(&session, FailureKind::Authenticate, "");
    assert!(!format!("{status:?}").contains("hunter2"));
}

#[test]
fn a_property_that_loads_code_is_refused_by_name() {
    let mut config = config("127.0.0.1:1");
    config.properties.insert("plugin.library.paths".to_owned(), "/tmp/evil.so".to_owned());
    let session = Session::start(config);
    let status = failed(&session, FailureKind::Protocol, "`plugin.library.paths`");
    assert!(!status.next_step.is_empty());
}
