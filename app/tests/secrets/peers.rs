//! The systems around a session: a cluster, an actuator that tells back what it was sent, and a sender of OTLP.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use crate::canaries::Record;

const WITHIN: Duration = Duration::from_secs(30);

/// Writes records into partition 0 of a topic.
pub fn produce(brokers: &str, topic: &str, records: &[Record]) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
    for (key, value, headers) in records {
        let owned = headers.iter().fold(OwnedHeaders::new(), |owned, (name, value)| owned.insert(Header { key: name, value: Some(value.as_slice()) }));
        producer.send(BaseRecord::to(topic).partition(0).key(key).payload(value).headers(owned)).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(WITHIN).expect("sent");
}

/// Sends OTLP in JSON, with credentials in the request's own headers; the answer's status line.
pub fn post_otlp(port: u16, path: &str, body: &str, credential: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\nauthorization: Bearer {credential}\r\nx-api-key: {credential}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("sent");
    let mut answer = String::new();
    let _length = stream.read_to_string(&mut answer).expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}

/// How an actuator answers.
#[derive(Clone, Copy)]
pub enum Manner {
    /// With a breaker.
    Well,
    /// With an error whose text, reason and address repeat the credentials.
    TellsBack,
}

/// An actuator, and the credentials that it was sent.
pub struct Actuator {
    pub url: String,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Actuator {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}/actuator", listener.local_addr().expect("an address"));
        let sent = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&sent);
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, manner, &noted);
            }
        });
        Self { url, sent }
    }

    /// The credentials that came so far.
    pub fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(mut stream: TcpStream, manner: Manner, noted: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16 << 10 {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let credential =
        head.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value.to_owned()));
    let credential = credential.unwrap_or_default();
    noted.lock().unwrap_or_else(PoisonError::into_inner).push(credential.clone());
    let breakers = r#"{"circuitBreakers":{"payment-plainword031":{"state":"OPEN","failureRate":"50.0%"}}}"#;
    let (status, body) = match manner {
        Manner::Well if head.contains("/circuitbreakers ") => ("200 OK".to_owned(), breakers.to_owned()),
        Manner::Well if head.contains("/circuitbreakerevents") => ("200 OK".to_owned(), r#"{"circuitBreakerEvents":[]}"#.to_owned()),
        Manner::Well => ("404 Not Found".to_owned(), "{}".to_owned()),
        Manner::TellsBack => (format!("401 Refused {credential}"), format!("{{\"error\":\"{credential} is not known\",\"password\":\"{credential}\"}}")),
    };
    let told = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nwww-authenticate: {credential}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // Whoever asked may have hung up.
    let _sent = stream.write_all(told.as_bytes());
}
