//! How a call ended: by the server's own word, or by what happened to the connection.

use std::error::Error;
use std::io;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use switchboard_model::CallEnd;
use tonic::Code;

use crate::schema::one_line;

/// Padding is left out by some and written by others.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The header of a status: whoever sent it ended the call.
pub(super) const STATUS: &str = "grpc-status";

/// What a server said at the end. It is read here and not by tonic, which panics where the details are no base64, and knows no code beyond 16.
pub(super) fn told_end(trailers: HeaderMap) -> Option<CallEnd> {
    let code = trailers.get(STATUS)?;
    let code = code.to_str().ok().and_then(|code| code.trim().parse().ok());
    let message = trailers.get("grpc-message").map(|message| percent_decoded(message.as_bytes())).unwrap_or_default();
    let details = trailers.get("grpc-status-details-bin").map(|details| {
        // What is no base64 is given as it came, so that it can be looked at.
        BASE64.decode(details.as_bytes()).map_or_else(|_| Bytes::copy_from_slice(details.as_bytes()), Bytes::from)
    });
    Some(CallEnd { code: code.unwrap_or(Code::Unknown as i32), message, details: details.unwrap_or_default(), trailers })
}

/// Undoes percent-encoding; what is no UTF-8 then is replaced, what is no encoding stays.
fn percent_decoded(text: &[u8]) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let hex = |at: usize| behind.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        let encoded = hex(0).zip(hex(1)).filter(|_| *first == b'%').map(|(high, low)| (high * 16 + low) as u8);
        decoded.push(encoded.unwrap_or(*first));
        rest = if encoded.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Why a call has no status of its server.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    /// The code that gRPC has for it.
    pub code: Code,
    /// What happened.
    pub reason: String,
    /// Whether the server surely did nothing of the call.
    pub is_untouched: bool,
}

impl Broken {
    /// Something that leaves open what the server did.
    pub fn new(code: Code, reason: String) -> Self {
        Self { code, reason, is_untouched: false }
    }

    /// The call never got into the connection, which was lost just before.
    pub fn unsent(error: &dyn Error) -> Self {
        let reason = format!("the connection was lost before the call was written ({})", one_line(&innermost_words(error)));
        Self { code: Code::Unavailable, reason, is_untouched: true }
    }

    /// What became of a stream of HTTP/2, or of its connection. Codes as gRPC maps them (PROTOCOL-HTTP2.md, Errors).
    pub fn lost(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(one) = cause {
            if let Some(error) = one.downcast_ref::<h2::Error>() {
                return Self::http2(error);
            }
            if let Some(error) = one.downcast_ref::<io::Error>() {
                return Self::new(Code::Unavailable, format!("the connection broke off ({})", one_line(&error.to_string())));
            }
            cause = one.source();
        }
        Self::new(Code::Unavailable, format!("the connection broke off ({})", one_line(&innermost_words(error))))
    }

    fn http2(error: &h2::Error) -> Self {
        let Some(reason) = error.reason() else {
            let words = error.get_io().map_or_else(|| error.to_string(), ToString::to_string);
            return Self::new(Code::Unavailable, format!("the connection broke off ({})", one_line(&words)));
        };
        let code = match reason {
            h2::Reason::CANCEL => Code::Cancelled,
            h2::Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
            h2::Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
            _ if error.is_go_away() || reason == h2::Reason::REFUSED_STREAM => Code::Unavailable,
            _ => Code::Internal,
        };
        // "Processed" nothing (RFC 9113, 8.7): the one case in which a request that has left may be sent again.
        if error.is_reset() && error.is_remote() && reason == h2::Reason::REFUSED_STREAM {
            let reason = "the server refused the call before it looked at it (REFUSED_STREAM). It may be at its limit of calls, or about to stop".to_owned();
            return Self { code, reason, is_untouched: true };
        }
        let whose = if error.is_remote() { "the server" } else { "this side" };
        let what = if error.is_go_away() { "closed the connection" } else { "broke off the call" };
        Self::new(code, format!("{whose} {what} ({reason:?})"))
    }

    /// An answer of HTTP that is none of gRPC. Codes as gRPC maps them (http-grpc-status-mapping.md).
    pub fn no_grpc(status: StatusCode, headers: &HeaderMap) -> Self {
        let code = match status.as_u16() {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        };
        let kind = headers.get(http::header::CONTENT_TYPE).map_or("no content type".into(), |kind| String::from_utf8_lossy(kind.as_bytes()));
        Self::new(
            code,
            format!("the answer is none of gRPC (HTTP {}, {}). Something else may listen there, or stand between", status.as_u16(), one_line(&kind)),
        )
    }
}

fn innermost_words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        words = one.to_string();
        cause = one.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_decoded_as_far_as_it_is_encoded() {
        for (encoded, decoded) in [
            ("", ""),
            ("plain", "plain"),
            ("50%25 of %C3%BC", "50% of ü"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%ff", "\u{fffd}"),
            ("a%0Ab", "a\nb"),
        ] {
            assert_eq!(percent_decoded(encoded.as_bytes()), decoded, "{encoded}");
        }
    }

    #[test]
    fn what_a_server_says_at_the_end_is_read_whatever_it_is() {
        let end = |headers: &[(&'static str, &str)]| {
            let map = headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect();
            told_end(map)
        };
        assert!(end(&[("grpc-message", "no code")]).is_none());
        for (code, read) in [("0", 0), ("5", 5), ("16", 16), ("17", 17), ("-1", -1), ("x", 2), ("", 2), ("99999999999", 2)] {
            assert_eq!(end(&[(STATUS, code)]).map(|end| end.code), Some(read), "{code}");
        }
        for (details, read) in [("AQI=", &b"\x01\x02"[..]), ("AQI", b"\x01\x02"), ("!!", b"!!"), ("", b"")] {
            let end = end(&[(STATUS, "3"), ("grpc-status-details-bin", details), ("other", "1")]).expect("an end");
            assert_eq!((&end.details[..], end.trailers.len()), (read, 3), "{details}");
        }
    }
}
