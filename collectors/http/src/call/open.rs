//! Opens a connection: to the addresses that the permit names, in their order, and to nothing else.

use std::net::SocketAddr;
use std::time::Instant;

use switchboard_model::{AnswerNews, Origin, Phase};
use tokio::net::TcpStream;

use super::connection::{Connection, Protocol};
use super::deadline::{Deadline, Late};
use super::failure;
use super::tls::{ALPN_HTTP2, Speaker};
use super::watch::Stream;

/// Opens one within the deadline, or says in words why not.
pub(super) async fn open(
    origin: &Origin,
    addresses: &[SocketAddr],
    speaker: Option<&Speaker>,
    deadline: Deadline,
    told: &mut (dyn FnMut(AnswerNews) + Send),
) -> Result<Connection, String> {
    let began = Instant::now();
    let stream = connect(origin, addresses, deadline).await?;
    told(AnswerNews::Took(Phase::Connect, began.elapsed()));
    let (stream, protocol) = match speaker {
        None => (Stream::Plain(stream), Protocol::Http1),
        Some(speaker) => {
            let began = Instant::now();
            let agreed = deadline.run(speaker.connector.connect(speaker.name.clone(), stream)).await;
            let stream = agreed.map_err(|Late(within)| failure::tls_late(origin, within))?.map_err(|error| failure::tls(origin, &error))?;
            told(AnswerNews::Took(Phase::Tls, began.elapsed()));
            let protocol = if stream.get_ref().1.alpn_protocol() == Some(ALPN_HTTP2) { Protocol::Http2 } else { Protocol::Http1 };
            (Stream::Tls(Box::new(stream)), protocol)
        }
    };
    let opened = deadline.run(Connection::new(stream, protocol)).await;
    opened.map_err(|Late(within)| failure::connect_late(origin, within))?.map_err(|error| failure::not_begun(origin, &error, &[]))
}

async fn connect(origin: &Origin, addresses: &[SocketAddr], deadline: Deadline) -> Result<TcpStream, String> {
    let mut reason = String::new();
    for (number, address) in addresses.iter().enumerate() {
        match deadline.part(addresses.len() - number).run(TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Nothing is gained by waiting for more to be written; where that cannot be set, it works all the same.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => reason = failure::connect(origin, *address, &error),
            Err(Late(within)) => reason = failure::connect_late(origin, within),
        }
    }
    if addresses.len() > 1 { Err(format!("{reason} ({} addresses were tried)", addresses.len())) } else { Err(reason) }
}
