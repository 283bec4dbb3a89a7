//! What requests of several kinds have besides: who asks, how the server proves who it is, and what is carried.

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_desk::send::draft::{Auth, Carries, TlsDraft};

use super::fields::Form;
use crate::{
    sanitise::visible,
    theme::{Ink, TEXT_SMALL_PT},
};

/// The header that a correlation id has where it was switched off and is switched on again.
const CORRELATION_HEADER: &str = "x-correlation-id";

/// What the field is called that names certificates which a server is trusted by; errors call it so, too.
pub(super) const ROOT_CERTIFICATES: &str = "Root certificates";

/// Which way of saying who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AuthKind {
    None,
    Bearer,
    Basic,
    ApiKey,
}

impl AuthKind {
    const ALL: [(Self, &str); 4] = [(Self::None, "none"), (Self::Bearer, "bearer"), (Self::Basic, "basic"), (Self::ApiKey, "API key")];

    fn of(auth: &Auth) -> Self {
        match auth {
            Auth::None => Self::None,
            Auth::Bearer { .. } => Self::Bearer,
            Auth::Basic { .. } => Self::Basic,
            Auth::ApiKey { .. } => Self::ApiKey,
        }
    }

    fn with(self, secret: String) -> Auth {
        match self {
            Self::None => Auth::None,
            Self::Bearer => Auth::Bearer { secret },
            Self::Basic => Auth::Basic { user: String::new(), secret },
            Self::ApiKey => Auth::ApiKey { header: "x-api-key".to_owned(), secret },
        }
    }
}

/// What it is called on its tab.
pub(super) fn auth_word(auth: &Auth) -> &'static str {
    let kind = AuthKind::of(auth);
    AuthKind::ALL.iter().find(|(of, _)| *of == kind).map_or("", |(_, word)| word)
}

/// Who asks: a secret is named, and never typed.
pub(super) fn auth_ui(ui: &mut egui::Ui, form: &mut Form<'_>, auth: &mut Auth) {
    let mut kind = AuthKind::of(auth);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        if form.choice(ui, "who asks:", &AuthKind::ALL, &mut kind) {
            let first = form.secrets.first().map(|(name, _)| name.clone());
            let secret = auth.secret().map(str::to_owned).filter(|secret| !secret.is_empty()).or(first).unwrap_or_default();
            *auth = kind.with(secret);
        }
    });
    match auth {
        Auth::None => form.told_ui(ui, "Nothing says who asks", Ink::Dim),
        Auth::Bearer { secret } => secret_ui(ui, form, "token", secret),
        Auth::Basic { user, secret } => {
            form.named_line(ui, ["User", "alice"], user);
            secret_ui(ui, form, "password", secret);
        }
        Auth::ApiKey { header, secret } => {
            form.named_line(ui, ["Header of the key", "x-api-key"], header);
            secret_ui(ui, form, "key", secret);
        }
    }
    form.mistake_ui(ui, &["auth"]);
}

fn secret_ui(ui: &mut egui::Ui, form: &Form<'_>, what: &str, secret: &mut String) {
    form.label_ui(ui, &format!("Where the {what} comes from"));
    if form.secrets.is_empty() {
        let text = "The profile names no secret yet. Write a [[secrets]] table into it: a name, the one server that it may go to, and from = { env = \"…\" } \
                    or { command = \"what prints it\" }. The secret itself is written nowhere";
        form.told_ui(ui, text, Ink::Warn);
        return;
    }
    let named = |name: &str| {
        let server = form.secrets.iter().find(|(known, _)| known == name).map(|(_, server)| server.to_string());
        server.map_or_else(|| format!("{} — not in the profile", visible(name)), |server| format!("{} — {server}", visible(name)))
    };
    let shown = if secret.is_empty() { "choose a secret of the profile".to_owned() } else { named(secret) };
    let combo = egui::ComboBox::from_id_salt("secret of the request").width(260.0).selected_text(&shown).show_ui(ui, |ui| {
        for (name, _) in form.secrets {
            ui.selectable_value(secret, name.clone(), named(name));
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("secret {shown}")));
    form.told_ui(ui, "It is fetched when the request is sent, and goes to this server only", Ink::Faint);
}

/// How the server proves who it is.
pub(super) fn tls_ui(ui: &mut egui::Ui, form: &mut Form<'_>, tls: &mut TlsDraft) {
    form.named_line(ui, [ROOT_CERTIFICATES, "A file (PEM) in the folder of requests, besides the system's"], &mut tls.root_certificates);
    form.named_line(ui, ["Own identity", "A file with certificate and key (PEM), where the server asks who we are"], &mut tls.identity);
    ui.add_space(2.0);
    ui.checkbox(&mut tls.unchecked, "Do not look at the server's certificate");
    if tls.unchecked {
        form.told_ui(ui, "Whoever stands between can read and change what is sent. For servers of your own with a made-up certificate only", Ink::Warn);
    }
    form.mistake_ui(ui, &["tls"]);
}

/// What it carries so that what it causes can be seen, each a switch.
pub(super) fn carries_ui(ui: &mut egui::Ui, form: &Form<'_>, carries: &mut Carries) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new("carries").size(TEXT_SMALL_PT).color(form.tokens.ink(Ink::Dim)));
        let switch = |ui: &mut egui::Ui, is_on: bool, name: &str, hint: &str| {
            let ink = if is_on { Ink::Accent } else { Ink::Faint };
            let text = RichText::new(if is_on { visible(name).into_owned() } else { format!("no {}", visible(name)) });
            let response = ui.add(egui::Button::new(text.font(crate::fonts::data(TEXT_SMALL_PT)).color(form.tokens.ink(ink))).frame(false));
            response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, is_on, format!("carries {name}")));
            response.on_hover_text(format!("{hint}. A click switches it {}", if is_on { "off" } else { "on" })).clicked()
        };
        if switch(ui, carries.traceparent, "traceparent", "It begins a trace of its own, sampled (W3C)") {
            carries.traceparent = !carries.traceparent;
        }
        ui.label(RichText::new("and").size(TEXT_SMALL_PT).color(form.tokens.ink(Ink::Dim)));
        let is_on = !carries.correlation_header.is_empty();
        let name = if is_on { carries.correlation_header.clone() } else { CORRELATION_HEADER.to_owned() };
        let id = if carries.correlation_id.is_empty() { "a new id for each".to_owned() } else { format!("the id {}", visible(&carries.correlation_id)) };
        if switch(ui, is_on, &name, &format!("Its correlation id: {id}; header and id are among the options")) {
            carries.correlation_header = if is_on { String::new() } else { CORRELATION_HEADER.to_owned() };
        }
    });
    form.mistake_ui(ui, &["carries"]);
}

/// The file with values, a row for each request or record.
pub(super) fn rows_ui(ui: &mut egui::Ui, form: &mut Form<'_>, rows: &mut String) {
    form.named_line(ui, ["File with rows", "orders.csv or orders.jsonl in the folder of requests; empty: none"], rows);
    if !rows.is_empty() {
        form.told_ui(ui, "{{row.NAME}} is the value of that column, or of that member of a line's JSON", Ink::Faint);
    }
    form.mistake_ui(ui, &["rows"]);
}

/// Header and id of the correlation.
pub(super) fn correlation_ui(ui: &mut egui::Ui, form: &mut Form<'_>, carries: &mut Carries) {
    form.named_line(ui, ["Header of the correlation id", "None: it carries no correlation id"], &mut carries.correlation_header);
    form.named_line(ui, ["Correlation id", "Empty: a new one for each"], &mut carries.correlation_id);
}
