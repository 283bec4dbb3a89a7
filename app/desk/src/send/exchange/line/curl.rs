//! A request as a line for curl.

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use switchboard_model::Redactor;

use super::shell::{ARGUMENT_BYTES_MAX, Line, Unspeakable, is_plain, told};
use crate::send::draft::{Auth, TlsDraft};
use crate::send::exchange::OF_THE_CONNECTION;
use crate::send::plan::{Plan, Planned, PlannedRequest};

/// What is sent, as a line for curl and a POSIX shell. A plan of another kind, or one that no such line can hold, is a comment that says so.
pub fn to_curl(plan: &Plan) -> String {
    let mut line = Line::new("curl");
    let Planned::Http(planned) = &plan.what else { return line.unspeakable("curl sends HTTP requests; this is none") };
    match write(&mut line, planned) {
        Ok(Input { body, headers }) => {
            let headers = (!headers.is_empty()).then_some(headers);
            // Where both are read, each has a descriptor of its own.
            if body && headers.is_some() {
                line.finish(Some(&planned.request.body), headers.as_deref())
            } else {
                line.finish(headers.as_deref().or(body.then_some(&planned.request.body[..])), None)
            }
        }
        Err(Unspeakable(field)) => line.unspeakable(&format!("the {field} of this request holds what no argument of a program can hold")),
    }
}

/// What curl reads besides its arguments.
struct Input {
    body: bool,
    headers: Vec<u8>,
}

fn write(line: &mut Line, planned: &PlannedRequest) -> Result<Input, Unspeakable> {
    let request = &planned.request;
    let has_body = !request.body.is_empty();
    if request.method == Method::HEAD && !has_body {
        line.word("--head");
    } else if request.method != Method::GET || has_body {
        line.word("-X");
        line.argument("method", request.method.as_str())?;
    }
    if request.method == Method::HEAD && has_body {
        line.comment("curl waits for a body after HEAD, which does not come");
    }
    url(line, planned)?;
    let mut headers = headers(line, &request.headers, &planned.auth)?;
    auth(line, &planned.auth)?;
    // Curl adds these by itself; a name without a value takes them away.
    if !request.headers.contains_key(ACCEPT) {
        line.option("-H", "headers", "Accept:")?;
    }
    if request.headers.contains_key(ACCEPT_ENCODING) {
        line.word("--compressed");
    }
    // Some servers refuse what has no length, even where it has no body.
    let says_empty = !has_body && [Method::POST, Method::PUT, Method::PATCH].contains(&request.method);
    if (has_body || says_empty) && !request.headers.contains_key(CONTENT_TYPE) {
        line.option("-H", "headers", "Content-Type:")?;
    }
    let as_text = std::str::from_utf8(&request.body).ok().filter(|text| is_plain(text) && text.len() <= ARGUMENT_BYTES_MAX);
    let reads_body = has_body && as_text.is_none();
    match as_text {
        Some(text) if has_body || says_empty => line.option("--data-raw", "body", text)?,
        None => line.option("--data-binary", "body", "@-")?,
        Some(_) => {}
    }
    if !headers.is_empty() {
        line.option("-H", "headers", if reads_body { "@/dev/fd/3" } else { "@-" })?;
        headers.shrink_to_fit();
    }
    line.option("--max-time", "timeout", &seconds(planned.timeout_s))?;
    tls(line, &planned.tls)?;
    Ok(Input { body: reads_body, headers })
}

fn url(line: &mut Line, planned: &PlannedRequest) -> Result<(), Unspeakable> {
    let (origin, path) = (planned.request.origin.to_string(), planned.request.path.as_str());
    if !path.starts_with('/') {
        line.option("--request-target", "address", path)?;
        return line.option("--url", "address", &origin);
    }
    // Braces and brackets would stand for several addresses, and dots for a folder above.
    if path.contains(['[', ']', '{', '}']) {
        line.word("--globoff");
    }
    if path.contains("/.") {
        line.word("--path-as-is");
    }
    line.option("--url", "address", &format!("{origin}{path}"))
}

/// Writes headers; gives back lines for those that no argument can hold.
fn headers(line: &mut Line, headers: &HeaderMap, auth: &Auth) -> Result<Vec<u8>, Unspeakable> {
    let redactor = Redactor::new([0; 16], &[]);
    let of_auth = match auth {
        Auth::None => "",
        Auth::Bearer { .. } | Auth::Basic { .. } => "authorization",
        Auth::ApiKey { header, .. } => header,
    };
    let mut read = Vec::new();
    for (name, value) in headers {
        let name = name.as_str();
        // The credential that is named takes the place of one that is written.
        if OF_THE_CONNECTION.contains(&name) || name.eq_ignore_ascii_case(of_auth) {
            continue;
        }
        if value.is_sensitive() || redactor.is_secret_name(name) {
            line.secret("-H", "headers", &format!("{name}: "), name)?;
            continue;
        }
        match text_of(value) {
            // Without a value the name ends with a semicolon: a colon would take the header away.
            Some("") => line.option("-H", "headers", &format!("{name};"))?,
            Some(text) if name.len() + text.len() + 2 <= ARGUMENT_BYTES_MAX => line.option("-H", "headers", &format!("{name}: {text}"))?,
            // Where lines are read, those that begin with a number sign are comments.
            _ if name.starts_with('#') => line.comment(&format!("curl cannot send the header {}, which is left out", told(name))),
            _ => {
                read.extend_from_slice(name.as_bytes());
                read.extend_from_slice(b": ");
                read.extend_from_slice(value.as_bytes());
                read.push(b'\n');
            }
        }
    }
    Ok(read)
}

fn text_of(value: &HeaderValue) -> Option<&str> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?.trim_matches([' ', '\t']);
    is_plain(text).then_some(text)
}

fn auth(line: &mut Line, auth: &Auth) -> Result<(), Unspeakable> {
    match auth {
        Auth::None => Ok(()),
        Auth::Bearer { secret } => line.secret("-H", "credential", "Authorization: Bearer ", secret),
        Auth::Basic { user, .. } if user.contains(':') => Err(Unspeakable("user")),
        Auth::Basic { user, secret } => line.secret("-u", "user", &format!("{user}:"), secret),
        Auth::ApiKey { header, secret } => match http::HeaderName::from_bytes(header.as_bytes()) {
            Ok(name) => line.secret("-H", "credential", &format!("{name}: "), secret),
            Err(_) => Err(Unspeakable("header of the API key")),
        },
    }
}

fn tls(line: &mut Line, tls: &TlsDraft) -> Result<(), Unspeakable> {
    if tls.unchecked {
        line.word("--insecure");
    }
    if !tls.root_certificates.is_empty() {
        line.option("--cacert", "file of certificates", &path(&tls.root_certificates))?;
    }
    if !tls.identity.is_empty() {
        // Behind a colon a password would begin.
        line.option("--cert", "file of the identity", &path(&tls.identity).replace('\\', "\\\\").replace(':', "\\:"))?;
    }
    if !tls.root_certificates.is_empty() || !tls.identity.is_empty() {
        line.comment("files are named from the folder of requests");
    }
    Ok(())
}

/// A file's name that is no option, no address and no `@`.
pub(super) fn path(name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("./{name}") }
}

/// Seconds as a program reads them; less than a millisecond would be no limit at all.
pub(super) fn seconds(seconds: f64) -> String {
    format!("{}", seconds.max(0.001))
}
