//! The draft that a line comes to.

use super::super::auth::without_user;
use super::super::body::body;
use super::super::literal;
use super::super::notes::Notes;
use super::CurlLine;
use super::data::Piece;
use crate::send::draft::{Body, DEFAULT_TIMEOUT_S, Draft, HttpDraft, Pair, Request};

impl CurlLine<'_> {
    /// A draft for each address, and no more than so many.
    pub fn drafts(mut self, most: usize, notes: &mut Notes) -> Vec<Draft> {
        let mut urls = std::mem::take(&mut self.urls);
        if urls.len() > most {
            urls.truncate(most);
            notes.add(format!("The line names more than {most} addresses; the rest was left out."));
        }
        let mut added = std::mem::take(&mut self.query);
        if self.in_query {
            self.has_data = false;
            for piece in self.data.drain(..) {
                match piece {
                    Piece::Bytes(bytes) => added.push(bytes),
                    Piece::File(_) => notes.add("A file cannot become part of an address; it was left out."),
                }
            }
        }
        let urls: Vec<String> = urls.iter().map(|url| self.address(url, &added, notes)).collect();
        if urls.is_empty() {
            return Vec::new();
        }
        let method = match &self.method {
            Some(method) => literal(method),
            None if self.is_head => "HEAD".to_owned(),
            None if self.has_data || self.is_form => "POST".to_owned(),
            None => "GET".to_owned(),
        };
        let body = self.body(notes);
        let Self { headers, credentials, tls, timeout_s, .. } = self;
        let auth = credentials.finish(notes);
        let timeout_s = timeout_s.unwrap_or(DEFAULT_TIMEOUT_S);
        let http = HttpDraft { method, headers, auth, body, timeout_s, tls, ..HttpDraft::default() };
        urls.into_iter().map(|url| Draft { name: String::new(), request: Request::Http(HttpDraft { url, ..http.clone() }) }).collect()
    }

    /// An address as a draft has it: with its scheme, without a user.
    fn address(&mut self, url: &str, added: &[Vec<u8>], notes: &mut Notes) -> String {
        let mut url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        if let Some((without, auth)) = without_user(&url) {
            url = without;
            self.credentials.take(auth, notes);
        }
        let path = url.find("://").and_then(|at| url[at + 3..].find('/').map(|path| at + 3 + path));
        if !self.takes_braces && path.is_some_and(|at| url[at..].contains(['[', ']', '{', '}'])) {
            notes.add("Braces and brackets in an address stand for themselves; curl would make several addresses of them.");
        }
        if !added.is_empty() {
            let fragment = url.find('#').map(|at| url.split_off(at));
            let mut has_query = url.contains('?');
            for piece in added {
                url.push(if std::mem::replace(&mut has_query, true) { '&' } else { '?' });
                url.push_str(&String::from_utf8_lossy(piece));
            }
            url.extend(fragment);
        }
        literal(&url)
    }

    /// The body, and the header that says of which type it is.
    fn body(&mut self, notes: &mut Notes) -> Body {
        if self.is_form {
            if !self.data.is_empty() {
                notes.add("The line has a form and data besides; the data was left out.");
            }
            // The header would name a boundary that is another one each time.
            self.headers.retain(|pair| !pair.name.eq_ignore_ascii_case("content-type"));
            return Body::Multipart(std::mem::take(&mut self.parts));
        }
        if self.data.is_empty() {
            return Body::None;
        }
        let named = self.headers.iter().position(|pair| pair.name.eq_ignore_ascii_case("content-type"));
        let implied = if self.is_json { "application/json" } else { "application/x-www-form-urlencoded" };
        let content_type = named.map_or(implied.to_owned(), |at| self.headers[at].value.replace("\\{{", "{{"));
        if self.is_json && !self.headers.iter().any(|pair| pair.name.eq_ignore_ascii_case("accept")) {
            self.headers.push(Pair::new("Accept", "application/json"));
        }
        let (body, goes_without_saying) = if let [Piece::File(_)] = &self.data[..] {
            let Some(Piece::File(name)) = self.data.pop() else { return Body::None };
            (Body::File(name), content_type == "application/octet-stream")
        } else {
            body(&self.joined(notes), &content_type)
        };
        match named {
            Some(at) if goes_without_saying => drop(self.headers.remove(at)),
            None if !goes_without_saying && body != Body::None => self.headers.push(Pair::new("Content-Type", implied)),
            _ => {}
        }
        body
    }

    fn joined(&self, notes: &mut Notes) -> Vec<u8> {
        let mut joined = Vec::new();
        for (at, piece) in self.data.iter().enumerate() {
            match piece {
                Piece::Bytes(bytes) => {
                    if at > 0 && !self.is_json {
                        joined.push(b'&');
                    }
                    joined.extend_from_slice(bytes);
                }
                Piece::File(_) => notes.add("A body is one file or what is written; a file beside other data was left out."),
            }
        }
        joined
    }
}
