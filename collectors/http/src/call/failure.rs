//! What can go wrong with a call, in words, with what to do about it. No value of a header is in them, and what a server says only in part.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderMap;
use http::header::UPGRADE;
use rustls::{AlertDescription, CertificateError};
use switchboard_model::{Origin, Scheme};

use super::connection::{HEAD_BYTES_MAX, HEAD_LINES_MAX};
use super::deadline::in_words;
use super::decode::Corrupt;

/// The most characters of what somebody else says.
const QUOTE_CHARS_MAX: usize = 200;

const WRITE_HTTP: &str = "Write http:// instead of https:// if the port speaks plain text, else correct the port";
const WRITE_HTTPS: &str = "Write https:// instead of http:// if the port speaks TLS, else correct the port";
const LOOK_FOR_HEADERS: &str = "Look for a header or cookie that grows with each answer";
const LOOK_INTO_LOG: &str = "Look into the server's log";

/// The permit is for another server.
pub(super) fn other_origin(permitted: &Origin, asked: &Origin) -> String {
    format!("leave to send is for {permitted}, not for {asked}. Ask for leave to send there")
}

/// No connection was made to an address.
pub(super) fn connect(origin: &Origin, address: SocketAddr, error: &io::Error) -> String {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match error.kind() {
        ConnectionRefused => format!("{origin}: connection refused, nothing listens at {address}. Start the server, or correct the port"),
        HostUnreachable | NetworkUnreachable => {
            format!("{origin}: {address} cannot be reached from here. Look whether this machine is in the right network, and a VPN is up")
        }
        _ => format!("{origin}: no connection to {address} ({}). Look whether the host and port are right and reachable from here", quoted(&error.to_string())),
    }
}

/// No connection was there in time.
pub(super) fn connect_late(origin: &Origin, within: Duration) -> String {
    format!("{origin}: no connection within {}. Look whether the host is up and reachable from here", in_words(within))
}

/// A connection was there, but TLS was not agreed on in time.
pub(super) fn tls_late(origin: &Origin, within: Duration) -> String {
    format!("{origin}: it takes connections, but does not answer TLS within {}. {WRITE_HTTP}", in_words(within))
}

/// TLS was not agreed on.
pub(super) fn tls(origin: &Origin, error: &io::Error) -> String {
    match rustls_error(error) {
        Some(error) => tls_error(origin, error),
        None if error.kind() == io::ErrorKind::UnexpectedEof || error.kind() == io::ErrorKind::ConnectionReset => {
            format!("{origin}: it ended the connection when TLS was spoken. {WRITE_HTTP}")
        }
        None => format!("{origin}: the connection broke off while TLS was agreed on ({}). {LOOK_INTO_LOG}", quoted(&error.to_string())),
    }
}

fn tls_error(origin: &Origin, error: &rustls::Error) -> String {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, PeerIncompatible};
    match error {
        InvalidMessage(_) => format!("{origin}: the server answered in plain text where TLS was spoken. Write http://, or correct the port"),
        InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("{origin}: nobody who is trusted here issued its certificate. Name the certificate of its authority under Root certificates")
        }
        InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) => {
            let names = match error {
                // Each comes as `DnsName("…")`.
                InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) if !presented.is_empty() => {
                    presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect::<Vec<_>>().join(", ")
                }
                _ => "no host".to_owned(),
            };
            let host = origin.host();
            format!("{origin}: its certificate is not for {host} (it names {}). Write the address with a host that it names", quoted(&names))
        }
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            format!("{origin}: its certificate has expired. Renew it, or look whether this machine's clock is right")
        }
        InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            format!("{origin}: its certificate is not valid yet. Look whether this machine's clock is right")
        }
        InvalidCertificate(CertificateError::BadSignature) => {
            let why = "its authority has the name of one that is trusted here, but another key";
            format!("{origin}: its certificate is not trusted: {why}. Name the one that the authority has now under Root certificates")
        }
        InvalidCertificate(CertificateError::Revoked) => format!("{origin}: its certificate was revoked. Ask who runs the server"),
        InvalidCertificate(other) => {
            let reason = quoted(&format!("{other:?}"));
            format!(
                "{origin}: its certificate is not trusted ({reason}). Name the certificate of its authority under Root certificates, or have another one issued"
            )
        }
        AlertReceived(AlertDescription::CertificateRequired) => {
            format!("{origin}: it asks for a certificate of the client. Name the file with certificate and key under Own identity")
        }
        AlertReceived(AlertDescription::BadCertificate | AlertDescription::UnknownCA | AlertDescription::CertificateUnknown) => {
            format!("{origin}: it does not trust the client's certificate. Name another one under Own identity, or have the server trust its authority")
        }
        AlertReceived(AlertDescription::CertificateExpired) => {
            format!("{origin}: the client's certificate has expired. Name one that is valid under Own identity")
        }
        AlertReceived(alert) => format!("{origin}: it refused TLS ({}). {LOOK_INTO_LOG}", quoted(&format!("{alert:?}"))),
        PeerIncompatible(reason) => {
            format!("{origin}: it speaks no TLS that is spoken here, which is 1.2 and 1.3 ({}). Renew its TLS", quoted(&format!("{reason:?}")))
        }
        other => format!("{origin}: TLS was not agreed on ({}). {LOOK_INTO_LOG}", quoted(&other.to_string())),
    }
}

/// The connection ended before the request left. `first` are the first bytes that came over it.
pub(super) fn not_begun(origin: &Origin, error: &hyper::Error, first: &[u8]) -> String {
    let system = found_in(error);
    if let Some(error) = system.and_then(rustls_error) {
        tls_error(origin, error)
    } else if !first.is_empty() && origin.scheme() == Scheme::Http {
        unasked(origin, first)
    } else if system.is_some() || error.is_closed() || error.is_canceled() || error.is_incomplete_message() {
        format!("{origin}: it took the connection and ended it before the request left. Look whether something listens behind it, as in a container")
    } else {
        format!("{origin}: the connection ended before the request left ({}). {LOOK_INTO_LOG}", quoted(&innermost(error).to_string()))
    }
}

/// The server spoke before the request left. `first` are the first bytes that came over the connection.
pub(super) fn unasked(origin: &Origin, first: &[u8]) -> String {
    let untold = || format!("{origin}: it spoke before it was asked anything, which no HTTP server does. Correct the port");
    spoken_instead(origin, first).unwrap_or_else(untold)
}

/// What a server speaks that is none of HTTP/1, by the first bytes of it; the same whether they came before the request left or after it. `None` = they do
/// not tell. They are taken as far as they have come, four of them at least.
fn spoken_instead(origin: &Origin, first: &[u8]) -> Option<String> {
    let told = match first {
        // A frame with HTTP/2's settings (RFC 9113, 6.5), with which a server begins.
        [0, _, _, 4, ..] if origin.scheme() == Scheme::Http => {
            "the server speaks only HTTP/2 there, as for gRPC, which is not spoken in plain text here. Correct the port, or call it by gRPC"
        }
        // RFC 4253, 4.2.
        [b'S', b'S', b'H', b'-', ..] => "the server speaks SSH there, and not HTTP. Correct the port",
        // RFC 5321, 3.1, and RFC 959, 5.4.
        [b'2', b'2', b'0', b' ' | b'-', ..] => "the server greets as one for mail (SMTP) or files (FTP) does, and not in HTTP. Correct the port",
        _ => return None,
    };
    Some(format!("{origin}: {told}"))
}

/// The request left, and no answer came in time.
pub(super) fn answer_late(origin: &Origin, within: Duration) -> String {
    format!("{origin}: no answer within {}. Look whether the server hangs or is paused in a debugger, or allow it more time", in_words(within))
}

/// The request left, and what came back, if anything, is no answer. `first` are the first bytes of it.
pub(super) fn no_answer(origin: &Origin, error: &hyper::Error, first: &[u8]) -> String {
    let system = found_in(error);
    if let Some(error) = system.and_then(rustls_error) {
        return tls_error(origin, error);
    }
    // A record of TLS (RFC 8446, 5.1), most likely an alert.
    let is_tls = matches!(first, [0x15 | 0x16, 3, ..]);
    // What ends a connection that waits for TLS looks the same as what ends any.
    let hint = if origin.scheme() == Scheme::Http { format!("{LOOK_INTO_LOG}. {WRITE_HTTPS}") } else { LOOK_INTO_LOG.to_owned() };
    if is_tls && origin.scheme() == Scheme::Http {
        format!("{origin}: the server answered in TLS where plain text was spoken. Write https:// instead of http://")
    } else if let Some(told) = spoken_instead(origin, first) {
        told
    } else if error.is_parse_too_large() {
        let size = in_mib(HEAD_BYTES_MAX as u64);
        format!("{origin}: the head of the answer is longer than {size} or {HEAD_LINES_MAX} lines. {LOOK_FOR_HEADERS}")
    } else if is_too_large_for_http2(&innermost(error).to_string()) {
        format!("{origin}: the head of the answer is longer than {}, or not as HTTP/2 wants it. {LOOK_FOR_HEADERS}", in_mib(HEAD_BYTES_MAX as u64))
    } else if error.is_parse() {
        let what = quoted(&innermost(error).to_string());
        format!("{origin}: it answered what is no HTTP ({what}). {}", if origin.scheme() == Scheme::Http { WRITE_HTTPS } else { "Correct the port" })
    } else if error.is_incomplete_message() && !first.is_empty() {
        format!("{origin}: it ended the connection within the head of its answer. {LOOK_INTO_LOG}")
    } else if error.is_incomplete_message() {
        format!("{origin}: it ended the connection without an answer. {hint}")
    } else if system.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
        format!("{origin}: it reset the connection before it answered. {hint}")
    } else {
        format!("{origin}: the connection broke off before an answer came ({}). {LOOK_INTO_LOG}", quoted(&innermost(error).to_string()))
    }
}

/// Whether h2 may mean a head that is too large. It tells that only in words, by how far the head came, and in part as it tells other mistakes.
fn is_too_large_for_http2(said: &str) -> bool {
    let begins = ["stream error detected: refused stream", "stream error detected: unspecific protocol error"];
    said.contains("too_many_continuations") || begins.iter().any(|begin| said.starts_with(begin))
}

/// The server speaks something else from now on. Nothing that is sent here asks for that (RFC 9110, 15.2.2).
pub(super) fn switched(headers: &HeaderMap) -> String {
    let to = headers.get(UPGRADE).map_or_else(|| "which it does not name".to_owned(), |to| quoted(&String::from_utf8_lossy(to.as_bytes())));
    format!(
        "it switched to another protocol ({to}) that nobody asked for, and what follows is no answer. Correct the path, or look what stands before the server"
    )
}

/// The body was not over in time.
pub(super) fn body_late(within: Duration) -> String {
    format!("cut off after {}, while it still came; allow it more time to see all of it", in_words(within))
}

/// The body is longer than is read.
pub(super) fn body_too_long(body_bytes_max: u64) -> String {
    format!("the body is longer than {}; the rest was not read. Ask for less at once", in_mib(body_bytes_max))
}

/// The body cannot be decompressed further.
pub(super) fn body_corrupt(corrupt: Corrupt, encoding: &str, body_bytes_max: u64) -> String {
    match corrupt {
        Corrupt::CutOff => format!("the compressed body ({encoding}) ends before it is whole. {LOOK_INTO_LOG}"),
        Corrupt::Broken => {
            format!("the compressed body cannot be read on: it is not what {encoding} makes. Ask without compression (accept-encoding: identity)")
        }
        Corrupt::TooLong => body_too_long(body_bytes_max),
    }
}

/// The connection ended, or what came over it is no HTTP, before the body was whole.
pub(super) fn body_broken(error: &hyper::Error, wire_bytes: u64) -> String {
    let system = found_in(error);
    let what = innermost(error).to_string();
    if error.is_incomplete_message() || system.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
        format!("the connection ended after {wire_bytes} bytes of the body, before it was whole. {LOOK_INTO_LOG}")
    } else if system.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset) {
        format!("the connection was reset after {wire_bytes} bytes of the body. {LOOK_INTO_LOG}")
    } else {
        format!("the body could not be read on after {wire_bytes} bytes ({}). {LOOK_INTO_LOG}", quoted(&what))
    }
}

/// What somebody else says: on one line, and not all of it.
fn quoted(text: &str) -> String {
    let mut chars = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut quoted: String = chars.by_ref().take(QUOTE_CHARS_MAX).collect();
    if chars.next().is_some() {
        quoted.push('…');
    }
    quoted
}

fn in_mib(num_bytes: u64) -> String {
    match num_bytes {
        0 => "0 bytes".to_owned(),
        _ if num_bytes.is_multiple_of(1 << 20) => format!("{} MiB", num_bytes >> 20),
        _ if num_bytes.is_multiple_of(1 << 10) => format!("{} KiB", num_bytes >> 10),
        _ => format!("{num_bytes} bytes"),
    }
}

/// The deepest cause of an error, which is what actually happened.
fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// What the system, or TLS by its way, says.
fn found_in<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::parse("https://shop.example").expect("an address").0
    }

    #[test]
    fn what_a_server_says_is_cut_and_stays_on_its_line() {
        let long = quoted(&"a\nb\u{1b}[31m".repeat(100));
        assert!(long.chars().count() == QUOTE_CHARS_MAX + 1 && long.ends_with('…') && !long.contains(char::is_control), "{long}");
        assert_eq!(quoted("short"), "short");
    }

    #[test]
    fn certificates_name_what_to_do() {
        let certificate = rustls::Error::InvalidCertificate;
        for (error, expected) in [
            (certificate(CertificateError::Expired), "has expired. Renew it"),
            (certificate(CertificateError::NotValidYet), "this machine's clock"),
            (certificate(CertificateError::Revoked), "was revoked"),
            (certificate(CertificateError::NotValidForName), "is not for shop.example (it names no host)"),
            (certificate(CertificateError::BadSignature), "but another key. Name the one that the authority has now under Root certificates"),
            (certificate(CertificateError::BadEncoding), "not trusted (BadEncoding). Name the certificate of its authority under Root certificates"),
            (rustls::Error::AlertReceived(AlertDescription::UnknownCA), "does not trust the client's certificate. Name another one under Own identity"),
            (rustls::Error::AlertReceived(AlertDescription::CertificateExpired), "client's certificate has expired"),
            (rustls::Error::AlertReceived(AlertDescription::HandshakeFailure), "refused TLS (HandshakeFailure)"),
        ] {
            let said = tls(&origin(), &io::Error::new(io::ErrorKind::InvalidData, error));
            assert!(said.starts_with("https://shop.example: ") && said.contains(expected), "{said}");
        }
    }

    #[test]
    fn what_a_server_says_unasked_tells_what_it_speaks() {
        let [plain, secured] = ["http", "https"].map(|scheme| Origin::parse(&format!("{scheme}://shop.example")).expect("an address").0);
        for (origin, first, expected) in [
            (&plain, &[0, 0, 6, 4, 0][..], "speaks only HTTP/2 there"),
            (&plain, &[0, 0, 6, 4], "speaks only HTTP/2 there"),
            (&plain, &[0, 0, 6], "spoke before it was asked anything"),
            (&plain, b"SSH-2", "speaks SSH there, and not HTTP"),
            (&plain, b"220-f", "as one for mail (SMTP) or files (FTP)"),
            (&plain, b"HTTP/", "spoke before it was asked anything"),
            (&plain, b"22", "spoke before it was asked anything"),
            (&plain, b"", "spoke before it was asked anything"),
            // There HTTP/2 was agreed on, or not.
            (&secured, &[0, 0, 6, 4, 0], "spoke before it was asked anything"),
        ] {
            let said = unasked(origin, first);
            assert!(said.starts_with(&format!("{origin}: ")) && said.contains(expected), "{said}");
        }
    }

    #[test]
    fn sizes_are_said_as_somebody_set_them() {
        for (num_bytes, words) in [(64 << 20, "64 MiB"), (1 << 10, "1 KiB"), (1_000, "1000 bytes"), (0, "0 bytes")] {
            assert_eq!(in_mib(num_bytes), words);
        }
    }
}
