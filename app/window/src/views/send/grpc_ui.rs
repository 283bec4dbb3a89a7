//! Draws a gRPC call to be composed.

use std::sync::Arc;

use egui::{RichText, WidgetInfo, accesskit::Role, vec2};
use switchboard_desk::send::{
    SchemaBoard,
    access::{Method, MethodSchema},
    draft::{GrpcDraft, SchemaFrom},
};

use super::{
    fields::{Form, LINES, tabs_ui},
    fields_list::FieldList,
    methods_ui::MethodList,
    options_ui::{auth_ui, auth_word, correlation_ui, rows_ui, tls_ui},
    pairs_ui::pairs_ui,
    repeat_ui::{repeat_ui, repeat_word},
};
use crate::{
    figures,
    theme::{Ink, TEXT_SMALL_PT},
    view::UiCommand,
};

/// A part of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum GrpcTab {
    /// What is sent.
    #[default]
    Messages,
    /// Its metadata.
    Metadata,
    /// Where it is known from what the method takes.
    Schema,
    /// Who calls.
    Auth,
    /// Time, compression, TLS, correlation.
    Options,
    /// How often it is sent.
    Repeat,
}

impl GrpcTab {
    /// All of them, in their order.
    pub(super) const ALL: [Self; 6] = [Self::Messages, Self::Metadata, Self::Schema, Self::Auth, Self::Options, Self::Repeat];

    /// Where a field is that something is wrong with; `None` = above the tabs. `row_messages`: whether rows of a file are its messages, and no calls.
    pub(super) fn of_field(field: &str, row_messages: bool) -> Option<Self> {
        match field {
            "rows" if row_messages => Some(Self::Messages),
            "messages" => Some(Self::Messages),
            "metadata" => Some(Self::Metadata),
            "schema" => Some(Self::Schema),
            "auth" => Some(Self::Auth),
            "deadline" | "compression" | "authority" | "tls" => Some(Self::Options),
            "repeat" | "rows" => Some(Self::Repeat),
            _ => None,
        }
    }
}

/// What is looked at of a call.
#[derive(Default)]
pub(super) struct GrpcLook {
    /// The part.
    pub tab: GrpcTab,
    /// The list of methods.
    pub methods: MethodList,
    /// The fields of what the method takes.
    pub fields: FieldList,
    /// Which of the messages was written last: fields are put into it.
    pub message: usize,
    /// Whether the stream stays open for messages written by hand.
    pub by_hand: bool,
    /// Why there was no message to begin with.
    pub told: Option<String>,
}

/// What is known of its methods.
fn known(schema: Option<&SchemaBoard>) -> Option<&Arc<dyn MethodSchema>> {
    match schema? {
        SchemaBoard::Known(schema) => Some(schema),
        SchemaBoard::Asking | SchemaBoard::Failed(_) => None,
    }
}

/// The method, as far as it is known.
pub(super) fn method_of<'a>(grpc: &GrpcDraft, schema: Option<&'a SchemaBoard>) -> Option<&'a Method> {
    known(schema)?
        .methods()
        .iter()
        .find(|method| method.service.len() < grpc.method.len() && grpc.method.starts_with(&method.service) && method.path() == grpc.method)
}

impl GrpcLook {
    /// Begins the last message by what the method takes, as far as that is known.
    pub(super) fn begin_message(&mut self, grpc: &mut GrpcDraft, schema: Option<&SchemaBoard>) {
        let Some(schema) = known(schema) else { return };
        match schema.template(&grpc.method) {
            Ok(message) => {
                grpc.messages.pop();
                grpc.messages.push(message);
                self.told = None;
            }
            Err(reason) => self.told = Some(reason),
        }
    }
}

/// Why no method can be chosen; `None` = one can.
pub(super) fn why_no_methods(schema: Option<&SchemaBoard>) -> Option<&'static str> {
    known(schema).is_none().then_some("what methods there are is not known yet")
}

/// Why no fields of a message can be told; `None` = they can.
pub(super) fn why_no_fields(grpc: &GrpcDraft, schema: Option<&SchemaBoard>) -> Option<&'static str> {
    method_of(grpc, schema).is_none().then_some("what the method takes is not known yet")
}

/// Why a call takes no further message; `None` = it does, or may.
pub(super) fn why_one_message(grpc: &GrpcDraft, schema: Option<&SchemaBoard>) -> Option<&'static str> {
    let takes_one = !grpc.messages.is_empty() && method_of(grpc, schema).is_some_and(|method| !method.client_streaming);
    takes_one.then_some("the method takes one message")
}

/// Draws which method it is; whether the server is to be asked what there is.
pub(super) fn method_ui(ui: &mut egui::Ui, form: &mut Form<'_>, grpc: &mut GrpcDraft, look: &mut GrpcLook, schema: Option<&SchemaBoard>) -> bool {
    let mut asks = false;
    ui.horizontal(|ui| {
        let room_pt = (ui.available_width() - 206.0).max(120.0);
        form.line(ui, ["Method", "package.Service/Method"], &mut grpc.method, room_pt);
        if let Some(method) = look.methods.ui(ui, form, known(schema), &grpc.method) {
            grpc.method = method;
            look.told = None;
        }
        let is_asking = matches!(schema, Some(SchemaBoard::Asking));
        let text = match (is_asking, grpc.schema == SchemaFrom::Reflection) {
            (true, _) => "Asking…",
            (false, true) => "Ask the server",
            (false, false) => "Read the files",
        };
        let ask = ui.add_enabled(!is_asking, egui::Button::new(text).min_size(vec2(0.0, 28.0)));
        let hover =
            format!("What methods there are and what they take; a call that changes nothing, with a line in the ledger ({})", UiCommand::AskMethods.keys());
        asks = ask.on_hover_text(hover).clicked();
    });
    form.mistake_ui(ui, &["method"]);
    match schema {
        Some(SchemaBoard::Failed(reason)) => form.told_ui(ui, reason, Ink::Warn),
        Some(SchemaBoard::Known(known)) => {
            let num_known = figures::things(known.methods().len() as u64, "method is known", "methods are known");
            let text = match method_of(grpc, schema) {
                Some(method) => format!("{} · takes {}, gives {}", method.kind(), method.input, method.output),
                None if grpc.method.is_empty() => format!("{num_known}; choose one"),
                None => format!("{num_known}; this is none of them"),
            };
            ui.add(egui::Label::new(RichText::new(crate::sanitise::visible(&text)).size(TEXT_SMALL_PT).color(form.tokens.ink(Ink::Dim))).truncate());
        }
        Some(SchemaBoard::Asking) | None => {}
    }
    asks
}

/// Draws its tabs, and what the chosen one shows.
pub(super) fn grpc_ui(
    ui: &mut egui::Ui,
    form: &mut Form<'_>,
    grpc: &mut GrpcDraft,
    look: &mut GrpcLook,
    schema: Option<&SchemaBoard>,
    why_not: Option<&str>,
) -> bool {
    let num_sent = grpc.metadata.iter().filter(|pair| !pair.off).count();
    let (messages, repeat): (&[&str], &[&str]) = if grpc.row_messages { (&["messages", "rows"], &["repeat"]) } else { (&["messages"], &["repeat", "rows"]) };
    let tabs = [
        (GrpcTab::Messages, messages_word(grpc), form.is_wrong(messages)),
        (GrpcTab::Metadata, format!("Metadata {num_sent}"), form.is_wrong(&["metadata"])),
        (GrpcTab::Schema, "Schema".to_owned(), form.is_wrong(&["schema"])),
        (GrpcTab::Auth, format!("Auth {}", auth_word(&grpc.auth)), form.is_wrong(&["auth"])),
        (GrpcTab::Options, "Options".to_owned(), form.is_wrong(&["deadline", "compression", "authority", "tls"])),
        (GrpcTab::Repeat, repeat_word(&grpc.repeat, !grpc.row_messages), form.is_wrong(repeat)),
    ];
    tabs_ui(ui, "request", &tabs, &mut look.tab, form.tokens);
    ui.add_space(4.0);
    match look.tab {
        GrpcTab::Repeat => return repeat_ui(ui, form, &mut grpc.repeat, !grpc.row_messages, why_not),
        GrpcTab::Messages => messages_ui(ui, form, grpc, look, schema),
        GrpcTab::Metadata => {
            pairs_ui(ui, form, ["metadata", "another name"], &mut grpc.metadata);
            form.told_ui(ui, "Values under names that end with -bin are base64", Ink::Faint);
            form.mistake_ui(ui, &["metadata"]);
        }
        GrpcTab::Schema => schema_ui(ui, form, &mut grpc.schema, known(schema)),
        GrpcTab::Auth => auth_ui(ui, form, &mut grpc.auth),
        GrpcTab::Options => {
            form.label_ui(ui, "Deadline, s; the server is told");
            form.seconds(ui, "Deadline, s", &mut grpc.deadline_s);
            form.mistake_ui(ui, &["deadline"]);
            form.label_ui(ui, "Messages are compressed");
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                for (word, text) in [("", "not"), ("gzip", "gzip"), ("zstd", "zstd")] {
                    let mut is_chosen = grpc.compression == word;
                    if form.choice(ui, "compressed:", &[(true, text)], &mut is_chosen) {
                        word.clone_into(&mut grpc.compression);
                    }
                }
            });
            form.mistake_ui(ui, &["compression"]);
            form.named_line(ui, ["Authority", "Empty: the server's address; what it is asked for as, and its certificate names"], &mut grpc.authority);
            form.mistake_ui(ui, &["authority"]);
            correlation_ui(ui, form, &mut grpc.carries);
            tls_ui(ui, form, &mut grpc.tls);
        }
    }
    false
}

/// What the tab of messages is called.
fn messages_word(grpc: &GrpcDraft) -> String {
    match grpc.messages.len() {
        _ if grpc.row_messages && !grpc.repeat.rows.is_empty() => "Messages × rows".to_owned(),
        1 => "Message".to_owned(),
        num => format!("Messages {num}"),
    }
}

fn messages_ui(ui: &mut egui::Ui, form: &mut Form<'_>, grpc: &mut GrpcDraft, look: &mut GrpcLook, schema: Option<&SchemaBoard>) {
    let method = method_of(grpc, schema);
    let is_stream = method.is_none_or(|method| method.client_streaming);
    let lines = match grpc.messages.len() {
        0 | 1 if look.fields.is_open() => LINES,
        0 | 1 => form.lines_in_view().saturating_sub(4),
        _ => 4,
    };
    let num = grpc.messages.len();
    let sought = form.seeks.take();
    let mut taken_away = None;
    for (index, message) in grpc.messages.iter_mut().enumerate() {
        let name = if num == 1 { "Message".to_owned() } else { format!("Message {}", index + 1) };
        if num > 1 {
            ui.horizontal(|ui| {
                form.label_ui(ui, &name);
                let cross = ui.add(egui::Button::new(RichText::new("×").color(form.tokens.ink(Ink::Dim))).frame(false));
                cross.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("Take {name} away")));
                if cross.clicked() {
                    taken_away = Some(index);
                }
            });
        }
        form.seeks = sought.filter(|_| index + 1 == num);
        if form.json_ui(ui, [&name, "{ }"], message, lines).has_focus() {
            look.message = index;
        }
    }
    form.seeks = None;
    if let Some(index) = taken_away {
        grpc.messages.remove(index);
    }
    form.mistake_ui(ui, &["messages"]);
    ui.horizontal_wrapped(|ui| {
        let template = ui.add_enabled(known(schema).is_some() && !grpc.method.is_empty(), egui::Button::new("Template"));
        if template
            .on_hover_text(format!("A message to begin with, by what the method takes ({})", UiCommand::MessageTemplate.keys()))
            .on_disabled_hover_text("What the method takes is not known yet")
            .clicked()
        {
            look.begin_message(grpc, schema);
        }
        if is_stream || num == 0 {
            if ui.button("Add a message").clicked() {
                grpc.messages.push("{}".to_owned());
            }
            ui.checkbox(&mut look.by_hand, "Keep the stream open").on_hover_text(
                "More messages can be written by hand below the answer, until it is half-closed; for an hour, unless another deadline is written",
            );
        }
        if is_stream || grpc.row_messages {
            ui.checkbox(&mut grpc.row_messages, "Once for each row of a file")
                .on_hover_text("Rows of a CSV or of JSON lines are messages of one call, one after the other, and not calls of their own");
        }
    });
    if grpc.row_messages {
        rows_ui(ui, form, &mut grpc.repeat.rows);
    }
    if let Some(told) = &look.told {
        form.told_ui(ui, told, Ink::Warn);
    }
    let into = look.message.min(grpc.messages.len().saturating_sub(1));
    if let (Some(schema), Some(method), Some(message)) = (known(schema), method, grpc.messages.get_mut(into)) {
        look.fields.ui(ui, form, schema, &method.input, message);
    }
}

/// Which kind of source of what methods take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FromKind {
    Reflection,
    Protos,
    DescriptorSet,
}

fn schema_ui(ui: &mut egui::Ui, form: &mut Form<'_>, from: &mut SchemaFrom, known: Option<&Arc<dyn MethodSchema>>) {
    let mut kind = match from {
        SchemaFrom::Reflection => FromKind::Reflection,
        SchemaFrom::Protos { .. } => FromKind::Protos,
        SchemaFrom::DescriptorSet(_) => FromKind::DescriptorSet,
    };
    let kinds = [(FromKind::Reflection, "the server tells"), (FromKind::Protos, ".proto files"), (FromKind::DescriptorSet, "descriptor set")];
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        if form.choice(ui, "schema from", &kinds, &mut kind) {
            *from = match kind {
                FromKind::Reflection => SchemaFrom::Reflection,
                FromKind::Protos => SchemaFrom::Protos { files: vec![String::new()], roots: Vec::new() },
                FromKind::DescriptorSet => SchemaFrom::DescriptorSet(String::new()),
            };
        }
    });
    ui.add_space(4.0);
    match from {
        SchemaFrom::Reflection => form.told_ui(ui, "The server is asked by grpc.reflection, which it has to have switched on", Ink::Dim),
        SchemaFrom::Protos { files, roots } => {
            lines_ui(ui, form, "Files, one a line", "orders/v1/orders.proto", files);
            lines_ui(ui, form, "Folders for imports, one a line", "protos", roots);
            form.told_ui(ui, "In the folder of requests; a file may be named from a folder for imports on, as other files import it", Ink::Faint);
        }
        SchemaFrom::DescriptorSet(file) => {
            form.named_line(ui, ["File of descriptors", "shop.binpb, made by protoc --descriptor_set_out or buf build"], file);
        }
    }
    form.mistake_ui(ui, &["schema"]);
    for note in known.map(|known| known.notes()).unwrap_or_default().iter().take(8) {
        form.told_ui(ui, note, Ink::Warn);
    }
}

/// Several names, one a line; empty ones are left out when it is sent.
fn lines_ui(ui: &mut egui::Ui, form: &mut Form<'_>, name: &str, hint: &str, lines: &mut Vec<String>) {
    let mut text = lines.join("\n");
    let before = text.clone();
    form.label_ui(ui, name);
    form.text(ui, [name, hint], &mut text, 2);
    if text != before {
        *lines = text.split('\n').map(str::to_owned).collect();
    }
}
