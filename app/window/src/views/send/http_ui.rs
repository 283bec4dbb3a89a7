//! Draws an HTTP request to be composed.

use egui::{WidgetInfo, accesskit::Role};
use switchboard_desk::send::draft::{Body, HttpDraft};

use super::{
    fields::{Form, tabs_ui},
    options_ui::{auth_ui, auth_word, correlation_ui, tls_ui},
    pairs_ui::{pairs_ui, parts_ui},
    repeat_ui::{repeat_ui, repeat_word},
};
use crate::{sanitise::visible, theme::Ink};

/// Methods that are offered; any other word can be typed.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Parameters of an address that are listed.
const PARAMETERS_MAX: usize = 20;

/// A part of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HttpTab {
    /// What is sent.
    #[default]
    Body,
    /// Its headers.
    Headers,
    /// What is added to its address.
    Query,
    /// Who asks.
    Auth,
    /// Time, TLS, correlation.
    Options,
    /// How often it is sent.
    Repeat,
}

impl HttpTab {
    /// All of them, in their order.
    pub(super) const ALL: [Self; 6] = [Self::Body, Self::Headers, Self::Query, Self::Auth, Self::Options, Self::Repeat];

    /// Where a field is that something is wrong with; `None` = above the tabs.
    pub(super) fn of_field(field: &str) -> Option<Self> {
        match field {
            "body" | "variables" | "operation" => Some(Self::Body),
            "headers" => Some(Self::Headers),
            "query" => Some(Self::Query),
            "auth" => Some(Self::Auth),
            "timeout" | "tls" => Some(Self::Options),
            "repeat" | "rows" => Some(Self::Repeat),
            _ => None,
        }
    }
}

/// Which kind of body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    None,
    Json,
    Text,
    Form,
    Multipart,
    Hex,
    File,
    Graphql,
}

impl BodyKind {
    const ALL: [(Self, &str); 8] = [
        (Self::None, "none"),
        (Self::Json, "JSON"),
        (Self::Text, "text"),
        (Self::Form, "form"),
        (Self::Multipart, "multipart"),
        (Self::Hex, "hex"),
        (Self::File, "file"),
        (Self::Graphql, "GraphQL"),
    ];

    fn of(body: &Body) -> Self {
        match body {
            Body::None => Self::None,
            Body::Json(_) => Self::Json,
            Body::Text(_) => Self::Text,
            Body::Form(_) => Self::Form,
            Body::Multipart(_) => Self::Multipart,
            Body::Hex(_) => Self::Hex,
            Body::File(_) => Self::File,
            Body::Graphql { .. } => Self::Graphql,
        }
    }

    /// A body of this kind, with the text of the one before where both are texts.
    fn with(self, body: &Body) -> Body {
        let text = match body {
            Body::Json(text) | Body::Text(text) | Body::Hex(text) | Body::Graphql { query: text, .. } => text.clone(),
            Body::None | Body::Form(_) | Body::Multipart(_) | Body::File(_) => String::new(),
        };
        match self {
            Self::None => Body::None,
            Self::Json => Body::Json(text),
            Self::Text => Body::Text(text),
            Self::Form => Body::Form(Vec::new()),
            Self::Multipart => Body::Multipart(Vec::new()),
            Self::Hex => Body::Hex(text),
            Self::File => Body::File(String::new()),
            Self::Graphql => Body::Graphql { query: text, variables: String::new(), operation: String::new() },
        }
    }
}

/// The method: one of the usual ones, or a word of one's own.
pub(super) fn method_ui(ui: &mut egui::Ui, form: &mut Form<'_>, method: &mut String) {
    let shown = visible(method).chars().take(10).collect::<String>();
    let combo = egui::ComboBox::from_id_salt("method of the request").width(86.0).selected_text(&shown);
    let combo = combo.close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show_ui(ui, |ui| {
        for known in METHODS {
            if ui.selectable_label(*method == known, known).clicked() {
                known.clone_into(method);
                ui.close();
            }
        }
        form.line(ui, ["Another method", "another"], method, 100.0);
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Method: {shown}")));
}

/// Draws its tabs, and what the chosen one shows; whether it is to be sent as a probe.
pub(super) fn http_ui(ui: &mut egui::Ui, form: &mut Form<'_>, http: &mut HttpDraft, tab: &mut HttpTab, why_not: Option<&str>) -> bool {
    let num_sent = |pairs: &[switchboard_desk::send::draft::Pair]| pairs.iter().filter(|pair| !pair.off).count();
    let tabs = [
        (HttpTab::Body, "Body".to_owned(), form.is_wrong(&["body", "variables", "operation"])),
        (HttpTab::Headers, format!("Headers {}", num_sent(&http.headers)), form.is_wrong(&["headers"])),
        (HttpTab::Query, format!("Query {}", num_sent(&http.query) + in_url(&http.url).count()), form.is_wrong(&["query"])),
        (HttpTab::Auth, format!("Auth {}", auth_word(&http.auth)), form.is_wrong(&["auth"])),
        (HttpTab::Options, "Options".to_owned(), form.is_wrong(&["timeout", "tls"])),
        (HttpTab::Repeat, repeat_word(&http.repeat, true), form.is_wrong(&["repeat", "rows"])),
    ];
    tabs_ui(ui, "request", &tabs, tab, form.tokens);
    ui.add_space(4.0);
    match tab {
        HttpTab::Repeat => return repeat_ui(ui, form, &mut http.repeat, true, why_not),
        HttpTab::Body => body_ui(ui, form, &mut http.body),
        HttpTab::Headers => {
            pairs_ui(ui, form, ["header", "another header"], &mut http.headers);
            form.mistake_ui(ui, &["headers"]);
        }
        HttpTab::Query => {
            for parameter in in_url(&http.url).take(PARAMETERS_MAX) {
                form.told_ui(ui, &format!("in the URL: {parameter}"), Ink::Dim);
            }
            pairs_ui(ui, form, ["parameter", "another parameter"], &mut http.query);
            form.mistake_ui(ui, &["query"]);
        }
        HttpTab::Auth => auth_ui(ui, form, &mut http.auth),
        HttpTab::Options => {
            form.label_ui(ui, "How long it may take, s");
            form.seconds(ui, "How long it may take, s", &mut http.timeout_s);
            form.mistake_ui(ui, &["timeout"]);
            correlation_ui(ui, form, &mut http.carries);
            tls_ui(ui, form, &mut http.tls);
        }
    }
    false
}

/// Parameters that stand in an address, as they are written there.
fn in_url(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split('#').next().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
    query.split('&').filter(|parameter| !parameter.is_empty())
}

fn body_ui(ui: &mut egui::Ui, form: &mut Form<'_>, body: &mut Body) {
    let mut kind = BodyKind::of(body);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        if form.choice(ui, "body as", &BodyKind::ALL, &mut kind) {
            *body = kind.with(body);
        }
    });
    // Room between, so that a click above the field hits no choice.
    ui.add_space(8.0);
    match body {
        Body::None => form.told_ui(ui, "It has no body", Ink::Dim),
        Body::Json(text) => form.json(ui, ["Body", "{ }"], text, form.lines_in_view()),
        Body::Text(text) => form.text(ui, ["Body", "Sent as it is written; its type is a header's to say"], text, form.lines_in_view()),
        Body::Form(pairs) => pairs_ui(ui, form, ["field", "another field"], pairs),
        Body::Multipart(parts) => parts_ui(ui, form, parts),
        Body::Hex(text) => form.text(ui, ["Body", "7b 22 61 22 3a 31 7d"], text, form.lines_in_view()),
        Body::File(name) => drop(form.line(ui, ["Body", "A file in the folder of requests"], name, f32::INFINITY)),
        Body::Graphql { query, variables, operation } => {
            form.text(ui, ["Body", "query Order($id: ID!) { order(id: $id) { state } }"], query, 6);
            form.label_ui(ui, "Variables");
            form.json(ui, ["Variables", "{ \"id\": \"4711\" }"], variables, 3);
            form.named_line(ui, ["Operation", "Empty: the only one"], operation);
        }
    }
    form.mistake_ui(ui, &["body", "variables", "operation"]);
}
