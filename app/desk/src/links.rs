//! Addresses of the same object in other programs, by templates of the profile: Jaeger, Grafana, kafka-ui.

use serde::{Deserialize, Serialize};

/// Templates, such as `http://localhost:16686/trace/{trace_id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    /// For a trace: `{trace_id}`, `{span_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// For a topic: `{topic}`, `{cluster}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// For a consumer group: `{group}`, `{topic}`, `{cluster}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// For a service: `{service}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// What a template is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A trace.
    Trace,
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// A service.
    Service,
}

impl LinkKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Trace, Self::Topic, Self::Group, Self::Service];

    /// Its field in the profile.
    pub fn field(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Topic => "topic",
            Self::Group => "group",
            Self::Service => "service",
        }
    }

    /// What its template may name.
    fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Trace => &["trace_id", "span_id"],
            Self::Topic => &["topic", "cluster"],
            Self::Group => &["group", "topic", "cluster"],
            Self::Service => &["service"],
        }
    }
}

impl Links {
    /// The template of a kind.
    pub fn template(&self, kind: LinkKind) -> Option<&str> {
        match kind {
            LinkKind::Trace => self.trace.as_deref(),
            LinkKind::Topic => self.topic.as_deref(),
            LinkKind::Group => self.group.as_deref(),
            LinkKind::Service => self.service.as_deref(),
        }
    }

    /// What is wrong with the templates: the kind and why.
    pub fn check(&self) -> Result<(), (LinkKind, String)> {
        for kind in LinkKind::ALL {
            let Some(template) = self.template(kind) else { continue };
            let Some(rest) = ["http://", "https://"].iter().find_map(|scheme| template.strip_prefix(scheme)) else {
                return Err((kind, "write an address that begins with http:// or https://".to_owned()));
            };
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.is_empty() || authority.contains(['{', '@']) || template.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return Err((kind, "write host and port as they are; placeholders stand after them".to_owned()));
            }
            if let Some(unknown) = pieces(template).find_map(|(_, name)| name.filter(|name| !kind.placeholders().contains(name))) {
                let known: Vec<String> = kind.placeholders().iter().map(|name| format!("{{{name}}}")).collect();
                return Err((kind, format!("{{{unknown}}} is no placeholder here; there are {}", known.join(", "))));
            }
        }
        Ok(())
    }

    /// The address of an object, its values percent-encoded; what is not known of it stays empty. `None` without a template.
    pub fn address(&self, kind: LinkKind, values: &[(&str, &str)]) -> Option<String> {
        let template = self.template(kind)?;
        let mut address = String::with_capacity(template.len() + 32);
        for (text, name) in pieces(template) {
            address.push_str(text);
            if let Some((_, value)) = name.and_then(|name| values.iter().find(|(known, _)| *known == name)) {
                percent_encode(value, &mut address);
            }
        }
        Some(address)
    }
}

/// Text, and the name of the placeholder after it. A brace without its partner is text.
fn pieces(template: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(template);
    std::iter::from_fn(move || {
        let text = rest?;
        let found = text.find('{').and_then(|open| text[open..].find('}').map(|length| (open, open + length)));
        if let Some((open, close)) = found {
            rest = Some(&text[close + 1..]);
            Some((&text[..open], Some(&text[open + 1..close])))
        } else {
            rest = None;
            Some((text, None))
        }
    })
}

/// All but RFC 3986's unreserved characters are encoded, so that a value can not leave its place.
fn percent_encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(trace: &str) -> Links {
        Links { trace: Some(trace.to_owned()), ..Links::default() }
    }

    #[test]
    fn values_are_encoded_and_can_not_leave_their_place() {
        let links = Links { group: Some("http://localhost:8080/ui/{cluster}/groups/{group}?topic={topic}".to_owned()), ..Links::default() };
        assert_eq!(links.check(), Ok(()));
        let address = links.address(LinkKind::Group, &[("group", "../a b&c#d/ü"), ("cluster", "lab")]);
        assert_eq!(address.as_deref(), Some("http://localhost:8080/ui/lab/groups/..%2Fa%20b%26c%23d%2F%C3%BC?topic="));
        assert_eq!(links.address(LinkKind::Trace, &[]), None);
    }

    #[test]
    fn a_template_that_leads_astray_is_refused() {
        for (template, told) in [
            ("javascript:alert(1)", "http://"),
            ("file:///etc/{trace_id}", "http://"),
            ("http://{trace_id}/x", "placeholders stand after"),
            ("http://joe:pw@host/{trace_id}", "placeholders stand after"),
            ("http:///x", "host and port"),
            ("http://h/a b", "host and port"),
            ("http://h/{group}", "{trace_id}, {span_id}"),
        ] {
            let (kind, why) = links(template).check().expect_err(template);
            assert!(kind == LinkKind::Trace && why.contains(told), "{template}: {why}");
        }
        assert_eq!(links("https://h/{trace_id}/{").check(), Ok(()), "a brace alone is text");
    }
}
