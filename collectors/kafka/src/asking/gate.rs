//! A door for krafka's connections, which offers no say in where they lead: a SOCKS server on loopback, in this process and for it
//! alone, that lets through what the profile trusts with its credentials. Where a broker garbles its answer to a newer handshake, as
//! librdkafka's mock cluster does, which the demo runs on, the door gives that answer in its place. Where certificates do not name
//! their hosts, it speaks TLS in krafka's place.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use krafka::ProxyConfig;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::failure::{BrokerErrors, Code};
use crate::trust::Trust;

const VERSION: u8 = 5;
const BY_PASSWORD: u8 = 2;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
/// Replies: done, not allowed, not reachable.
const DONE: u8 = 0;
const NOT_ALLOWED: u8 = 2;
const NOT_REACHABLE: u8 = 4;
/// What calls itself by this name, with a password that only this process knows.
const USER: &str = "asker";
/// How long somebody may take to say where it wants to go, and a broker to be connected to.
const BEGUN_WITHIN: Duration = Duration::from_secs(5);

/// How a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handshake {
    /// Between client and broker alone.
    Theirs,
    /// In versions that every broker since 0.10 can speak. Only without TLS.
    Old,
}

/// Opens the door on the runtime at hand; it is closed with the runtime. With `tls` it speaks that with the brokers. Returns the way to it.
pub(super) async fn open(trust: Trust, errors: Arc<BrokerErrors>, handshake: Handshake, tls: Option<Arc<ClientConfig>>) -> io::Result<ProxyConfig> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let random = || RandomState::new().build_hasher().finish();
    let password = format!("{:016x}{:016x}", random(), random());
    let proxy = ProxyConfig::with_credentials(address.to_string(), USER, &password);
    let door = Arc::new(Door { trust, errors, handshake, tls: tls.map(TlsConnector::from), password });
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let door = Arc::clone(&door);
            tokio::spawn(async move {
                if let Err(error) = door.pass(stream).await {
                    tracing::debug!("a connection through the door ended: {error}");
                }
            });
        }
    });
    Ok(proxy)
}

struct Door {
    trust: Trust,
    errors: Arc<BrokerErrors>,
    handshake: Handshake,
    tls: Option<TlsConnector>,
    password: String,
}

impl Door {
    async fn pass(&self, mut inside: TcpStream) -> io::Result<()> {
        let (host, port) = tokio::time::timeout(BEGUN_WITHIN, self.greet(&mut inside)).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if !self.trust.covers(&host) {
            self.errors.note_refused(&host);
            return reply(&mut inside, NOT_ALLOWED).await;
        }
        let connected = tokio::time::timeout(BEGUN_WITHIN, TcpStream::connect((host.as_str(), port))).await;
        let Ok(Ok(mut outside)) = connected else { return reply(&mut inside, NOT_REACHABLE).await };
        outside.set_nodelay(true)?;
        inside.set_nodelay(true)?;
        if let Some(tls) = &self.tls {
            let Some(mut outside) = self.secured(tls, &host, port, outside).await else { return reply(&mut inside, NOT_REACHABLE).await };
            reply(&mut inside, DONE).await?;
            return pass_on(&mut inside, &mut outside).await;
        }
        reply(&mut inside, DONE).await?;
        if self.handshake == Handshake::Old {
            begin_old(&mut inside, &mut outside).await?;
        }
        pass_on(&mut inside, &mut outside).await
    }

    /// A connection with TLS; `None` where it does not come about, which is told where its reason is known.
    async fn secured(&self, tls: &TlsConnector, host: &str, port: u16, outside: TcpStream) -> Option<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).ok()?;
        match tokio::time::timeout(BEGUN_WITHIN, tls.connect(name, outside)).await.ok()? {
            Ok(secured) => Some(secured),
            Err(error) => {
                self.errors.note(Code::SSL, &format!("ssl://{host}:{port}/0: SSL handshake failed: {error}"));
                None
            }
        }
    }

    /// Hears who is there and where it wants to go (RFC 1928, RFC 1929).
    async fn greet(&self, inside: &mut TcpStream) -> io::Result<(String, u16)> {
        let [version, num_methods] = take(inside).await?;
        let methods = take_some(inside, num_methods).await?;
        if version != VERSION || !methods.contains(&BY_PASSWORD) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        inside.write_all(&[VERSION, BY_PASSWORD]).await?;
        let [_, user_len] = take(inside).await?;
        let user = take_some(inside, user_len).await?;
        let [password_len] = take(inside).await?;
        let password = take_some(inside, password_len).await?;
        let is_ours = user == USER.as_bytes() && password == self.password.as_bytes();
        inside.write_all(&[1, u8::from(!is_ours)]).await?;
        if !is_ours {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let [version, command, _, kind] = take(inside).await?;
        if version != VERSION || command != CONNECT {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let host = match kind {
            IPV4 => std::net::Ipv4Addr::from(take::<4>(inside).await?).to_string(),
            IPV6 => std::net::Ipv6Addr::from(take::<16>(inside).await?).to_string(),
            NAME => {
                let [len] = take(inside).await?;
                String::from_utf8(take_some(inside, len).await?).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        Ok((host, u16::from_be_bytes(take(inside).await?)))
    }
}

/// Passes on what either side sends, until one of them ends: a broker that is silent by then would keep the other half for ever.
async fn pass_on(inside: &mut TcpStream, outside: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let (mut from_inside, mut to_inside) = tokio::io::split(inside);
    let (mut from_outside, mut to_outside) = tokio::io::split(outside);
    let num_bytes = tokio::select! {
        sent = tokio::io::copy(&mut from_inside, &mut to_outside) => sent,
        answered = tokio::io::copy(&mut from_outside, &mut to_inside) => answered,
    };
    num_bytes.map(drop)
}

const API_VERSIONS: i16 = 18;
/// The newest version of `ApiVersions` that the mock cluster speaks.
const OLD_VERSION: i16 = 2;
const UNSUPPORTED_VERSION: i16 = 35;
/// A handshake is short.
const MOST_HANDSHAKE_BYTES: usize = 4096;

/// Answers a handshake in a newer version as a broker should that does not know it (KIP-511): with the versions that it does.
async fn begin_old(inside: &mut TcpStream, outside: &mut TcpStream) -> io::Result<()> {
    let length = take::<4>(inside).await?;
    let num_bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(8..=MOST_HANDSHAKE_BYTES).contains(&num_bytes) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut request = vec![0; num_bytes];
    inside.read_exact(&mut request).await?;
    let short = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
    if short(0) != API_VERSIONS || short(2) <= OLD_VERSION {
        outside.write_all(&length).await?;
        return outside.write_all(&request).await;
    }
    let mut answer = request[4..8].to_vec();
    answer.extend(UNSUPPORTED_VERSION.to_be_bytes());
    answer.extend(1_i32.to_be_bytes());
    answer.extend([API_VERSIONS, 0, OLD_VERSION].map(i16::to_be_bytes).concat());
    let length = u32::try_from(answer.len()).unwrap_or(0).to_be_bytes();
    inside.write_all(&length).await?;
    inside.write_all(&answer).await
}

async fn take<const LEN: usize>(stream: &mut TcpStream) -> io::Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn take_some(stream: &mut TcpStream, len: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(len)];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn reply(stream: &mut TcpStream, reply: u8) -> io::Result<()> {
    stream.write_all(&[VERSION, reply, 0, IPV4, 0, 0, 0, 0, 0, 0]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::nameless;
    use crate::config::Config;

    const PASSWORD: &str = "only here";

    fn door(tls: Option<Arc<ClientConfig>>) -> Door {
        let trust = Trust::of(&Config::new("k", "localhost:9092"));
        Door { trust, errors: Arc::default(), handshake: Handshake::Theirs, tls: tls.map(TlsConnector::from), password: PASSWORD.to_owned() }
    }

    /// Both ends of a connection on this machine.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().expect("bound")), listener.accept());
        (near.expect("connected"), far.expect("accepted").0)
    }

    /// Asks the door for a port of 127.0.0.1, and gives back its last reply.
    async fn ask(stream: &mut TcpStream, port: u16) -> u8 {
        ask_for(stream, &[IPV4, 127, 0, 0, 1], port).await
    }

    /// The same for a port of a host, by its kind and bytes.
    async fn ask_for(stream: &mut TcpStream, host: &[u8], port: u16) -> u8 {
        let mut hello = vec![VERSION, 1, BY_PASSWORD, 1];
        for text in [USER, PASSWORD] {
            hello.push(u8::try_from(text.len()).expect("short"));
            hello.extend(text.as_bytes());
        }
        hello.extend([VERSION, CONNECT, 0]);
        hello.extend(host);
        hello.extend(port.to_be_bytes());
        stream.write_all(&hello).await.expect("sent");
        assert_eq!(take::<4>(stream).await.expect("an answer"), [VERSION, BY_PASSWORD, 1, 0]);
        take::<10>(stream).await.expect("an answer")[1]
    }

    #[tokio::test]
    async fn it_speaks_tls_in_place_of_whom_it_lets_through() {
        let (address, pem) = nameless::tests::echo();
        let (mut near, far) = pair().await;
        let door = Arc::new(door(Some(nameless::config(&pem, None).expect("usable"))));
        let passing = tokio::spawn({
            let door = Arc::clone(&door);
            async move { door.pass(far).await }
        });
        assert_eq!(ask(&mut near, address.port()).await, DONE);
        for word in [b"ping", b"pong"] {
            near.write_all(word).await.expect("sent");
            assert_eq!(&take::<4>(&mut near).await.expect("echoed"), word);
        }
        drop(near);
        tokio::time::timeout(Duration::from_secs(30), passing).await.expect("it ends").expect("no panic").ok();
        assert!(door.errors.explain("k", None).is_none());
    }

    #[tokio::test]
    async fn it_refuses_whom_nobody_signed_and_says_why() {
        let (address, _) = nameless::tests::echo();
        let (mut near, far) = pair().await;
        let door = Arc::new(door(Some(nameless::config(&nameless::tests::authority_pem(), None).expect("usable"))));
        let passing = tokio::spawn({
            let door = Arc::clone(&door);
            async move { door.pass(far).await }
        });
        assert_eq!(ask(&mut near, address.port()).await, NOT_REACHABLE);
        passing.await.expect("no panic").expect("replied");
        let failure = door.errors.explain("k", None).expect("told");
        assert!(failure.detail.contains(&address.to_string()) && failure.next_step.contains("ssl.ca.location"), "{failure:?}");
    }

    #[tokio::test]
    async fn with_credentials_it_lets_nobody_through_to_a_host_that_the_profile_does_not_name() {
        let foreign = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = foreign.local_addr().expect("bound");
        let hosts: [(&str, &[u8]); 2] = [("127.0.0.1", &[IPV4, 127, 0, 0, 1]), ("localhost", b"\x03\x09localhost")];
        for (name, host) in hosts {
            let mut config = Config::new("k", "kafka.shop.example:9092");
            (config.username, config.password) = (Some("joe".to_owned()), Some("hunter2".to_owned()));
            let (mut near, far) = pair().await;
            let door = Arc::new(Door { trust: Trust::of(&config), ..self::door(None) });
            let passing = tokio::spawn({
                let door = Arc::clone(&door);
                async move { door.pass(far).await }
            });
            assert_eq!(ask_for(&mut near, host, address.port()).await, NOT_ALLOWED, "{name}");
            passing.await.expect("no panic").expect("replied");
            let failure = door.errors.refused_hosts().expect("told");
            assert!(failure.next_step.contains(&format!("trusted_hosts = [\"{name}\"]")), "{failure:?}");
            // Who knocked first would be accepted first.
            let knocking = TcpStream::connect(address).await.expect("connected");
            let (_, first) = foreign.accept().await.expect("accepted");
            assert_eq!(Some(first), knocking.local_addr().ok(), "somebody was let through to {name}");
            config.trusted_hosts = vec![name.to_owned()];
            let (mut near, far) = pair().await;
            let door = Door { trust: Trust::of(&config), ..self::door(None) };
            let passing = tokio::spawn(async move { door.pass(far).await });
            assert_eq!(ask_for(&mut near, host, address.port()).await, DONE, "{name}");
            let (held, _) = foreign.accept().await.expect("accepted");
            drop((near, held));
            tokio::time::timeout(Duration::from_secs(30), passing).await.expect("it ends").expect("no panic").expect("passed on");
        }
    }

    #[tokio::test]
    async fn a_broker_that_is_silent_is_let_go_with_whom_it_kept_waiting() {
        let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let (mut near, far) = pair().await;
        let door = door(None);
        let passing = tokio::spawn(async move { door.pass(far).await });
        assert_eq!(ask(&mut near, silent.local_addr().expect("bound").port()).await, DONE);
        let (held, _) = silent.accept().await.expect("connected");
        drop(near);
        tokio::time::timeout(Duration::from_secs(30), passing).await.expect("it ends though the broker does not").expect("no panic").expect("passed on");
        drop(held);
    }
}
