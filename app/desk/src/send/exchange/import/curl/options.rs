//! The options of curl (8.x) by their names.

use super::data::Kind;

/// What an option means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It changes nothing of what is sent.
    Ignored,
    /// It has no counterpart, which is told.
    Told,
    Url,
    Method,
    Header,
    Data(Kind),
    Form,
    FormString,
    User,
    Bearer,
    Cookie,
    Agent,
    Referer,
    Insecure,
    Redirects,
    Get,
    Head,
    Query,
    BracesAsTheyAre,
    Timeout,
    RootCertificates,
    Identity,
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// With its dashes, or without them where it is one of many.
    pub name: &'static str,
    pub has_value: bool,
    pub meaning: Meaning,
}

impl Known {
    /// As it is written.
    pub fn told(&self) -> String {
        format!("{}{}", if self.name.starts_with('-') { "" } else { "--" }, self.name)
    }
}

const fn flag(name: &'static str, meaning: Meaning) -> Known {
    Known { name, has_value: false, meaning }
}

const fn value(name: &'static str, meaning: Meaning) -> Known {
    Known { name, has_value: true, meaning }
}

/// Options that mean something, with their letter; a space = none.
const OPTIONS: [(char, Known); 31] = [
    (' ', value("--url", Meaning::Url)),
    ('X', value("--request", Meaning::Method)),
    ('H', value("--header", Meaning::Header)),
    ('d', value("--data", Meaning::Data(Kind::Text))),
    (' ', value("--data-ascii", Meaning::Data(Kind::Text))),
    (' ', value("--data-raw", Meaning::Data(Kind::Raw))),
    (' ', value("--data-binary", Meaning::Data(Kind::Binary))),
    (' ', value("--data-urlencode", Meaning::Data(Kind::Encoded))),
    (' ', value("--json", Meaning::Data(Kind::Json))),
    ('F', value("--form", Meaning::Form)),
    (' ', value("--form-string", Meaning::FormString)),
    ('u', value("--user", Meaning::User)),
    (' ', value("--oauth2-bearer", Meaning::Bearer)),
    ('b', value("--cookie", Meaning::Cookie)),
    ('A', value("--user-agent", Meaning::Agent)),
    ('e', value("--referer", Meaning::Referer)),
    ('k', flag("--insecure", Meaning::Insecure)),
    ('L', flag("--location", Meaning::Redirects)),
    (' ', flag("--location-trusted", Meaning::Redirects)),
    ('G', flag("--get", Meaning::Get)),
    ('I', flag("--head", Meaning::Head)),
    (' ', value("--url-query", Meaning::Query)),
    ('g', flag("--globoff", Meaning::BracesAsTheyAre)),
    ('m', value("--max-time", Meaning::Timeout)),
    (' ', value("--cacert", Meaning::RootCertificates)),
    ('E', value("--cert", Meaning::Identity)),
    ('o', value("--output", Meaning::Ignored)),
    ('w', value("--write-out", Meaning::Ignored)),
    ('T', value("--upload-file", Meaning::Told)),
    ('x', value("--proxy", Meaning::Told)),
    ('U', value("--proxy-user", Meaning::Told)),
];

/// Letters of options that show something else or speak of the connection, and change nothing of what is sent.
const IGNORED_LETTERS: &str = "sSvifOJRN#0123460nqMVZjBap";
/// Letters of options that have a value.
const TOLD_LETTERS: &str = "cCDhKPQrtyYz";

/// Flags that change nothing of what is sent.
const IGNORED: &str = "compressed silent show-error verbose include fail fail-with-body fail-early no-progress-meter progress-bar http1.0 http1.1 http2 \
    http2-prior-knowledge http3 http3-only no-buffer path-as-is ipv4 ipv6 tlsv1 tlsv1.0 tlsv1.1 tlsv1.2 tlsv1.3 no-keepalive tcp-nodelay parallel \
    remote-name remote-name-all remote-header-name create-dirs disable no-sessionid styled-output no-styled-output trace-time no-clobber \
    no-alpn no-npn no-compressed basic suppress-connect-headers";

/// Options with a value that change nothing of what is sent.
const IGNORED_WITH_VALUE: &str = "output-dir stderr trace trace-ascii dump-header cookie-jar retry retry-delay retry-max-time retry-connrefused max-redirs \
    limit-rate speed-limit speed-time expect100-timeout keepalive-time keepalive-cnt happy-eyeballs-timeout-ms parallel-max rate etag-save libcurl \
    create-file-mode connect-timeout";

/// Options with a value that have no counterpart.
const TOLD_WITH_VALUE: &str = "key key-type cert-type pass ciphers tls13-ciphers curves tls-max capath crlfile pinnedpubkey engine resolve connect-to interface \
    local-port unix-socket abstract-unix-socket dns-servers dns-interface doh-url proxy-header proxy-cacert proxy-cert proxy-key preproxy socks4 socks4a \
    socks5 socks5-hostname noproxy config range time-cond etag-compare continue-at request-target aws-sigv4 proto proto-redir proto-default max-filesize \
    netrc-file service-name delegation haproxy-clientip variable ech sasl-authzid login-options ftp-port quote upload-flags ip-tos vlan-priority \
    telnet-option hostpubmd5 hostpubsha256 krb mail-from mail-rcpt mail-auth alt-svc hsts form-escape";

/// Flags that have no counterpart.
const TOLD: &str = "digest ntlm negotiate anyauth netrc netrc-optional post301 post302 post303 proxy-insecure proxytunnel haproxy-protocol http0.9 ssl-reqd \
    raw tr-encoding ignore-content-length crlf use-ascii append form-escape next cert-status ssl-no-revoke ssl-auto-client-cert junk-session-cookies";

/// An option by its long name, without dashes.
pub(super) fn long(name: &str) -> Option<Known> {
    if let Some((_, known)) = OPTIONS.iter().find(|(_, known)| known.name[2..] == *name) {
        return Some(*known);
    }
    let among = |list: &'static str| list.split_ascii_whitespace().find(|known| *known == name);
    among(IGNORED)
        .map(|name| flag(name, Meaning::Ignored))
        .or_else(|| among(IGNORED_WITH_VALUE).map(|name| value(name, Meaning::Ignored)))
        .or_else(|| among(TOLD_WITH_VALUE).map(|name| value(name, Meaning::Told)))
        .or_else(|| among(TOLD).map(|name| flag(name, Meaning::Told)))
}

/// An option by its letter.
pub(super) fn short(letter: char) -> Option<Known> {
    if let Some((_, known)) = OPTIONS.iter().find(|(known, _)| *known == letter && letter != ' ') {
        return Some(*known);
    }
    if IGNORED_LETTERS.contains(letter) {
        return Some(flag("-", Meaning::Ignored));
    }
    let at = TOLD_LETTERS.find(letter)?;
    Some(value(["-c", "-C", "-D", "-h", "-K", "-P", "-Q", "-r", "-t", "-y", "-Y", "-z"][at], Meaning::Told))
}
