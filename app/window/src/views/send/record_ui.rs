//! Draws a record to be composed.

use egui::{WidgetInfo, accesskit::Role};
use switchboard_desk::send::draft::{RecordDraft, ReplyDraft, ReplyId};

use super::{
    fields::{Form, tabs_ui},
    options_ui::{correlation_ui, rows_ui},
    pairs_ui::headers_ui,
};
use crate::{sanitise::visible, theme::Ink};

/// A part of the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RecordTab {
    /// Key and value.
    #[default]
    Content,
    /// Its headers.
    Headers,
    /// Partition, time, copies, reply.
    Options,
}

impl RecordTab {
    /// All of them, in their order.
    pub(super) const ALL: [Self; 3] = [Self::Content, Self::Headers, Self::Options];

    /// Where a field is that something is wrong with; `None` = above the tabs.
    pub(super) fn of_field(field: &str) -> Option<Self> {
        match field {
            "key" | "value" => Some(Self::Content),
            "headers" => Some(Self::Headers),
            "partition" | "timestamp" | "copies" | "rate" | "rows" | "reply topic" => Some(Self::Options),
            _ => None,
        }
    }
}

/// Which cluster it goes to.
pub(super) fn cluster_ui(ui: &mut egui::Ui, clusters: &[String], cluster: &mut String) {
    let shown = match (cluster.is_empty(), clusters) {
        (true, [only]) => visible(only).into_owned(),
        (true, []) => "no cluster".to_owned(),
        (true, _) => "choose a cluster".to_owned(),
        (false, _) => visible(cluster).into_owned(),
    };
    let combo = egui::ComboBox::from_id_salt("cluster of the record").width(120.0).selected_text(&shown).show_ui(ui, |ui| {
        for known in clusters {
            ui.selectable_value(cluster, known.clone(), visible(known));
        }
        if clusters.is_empty() {
            ui.label("The profile names no cluster: add one among the sources");
        }
    });
    combo.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Cluster: {shown}")));
}

/// Draws its tabs, and what the chosen one shows.
pub(super) fn record_ui(ui: &mut egui::Ui, form: &mut Form<'_>, record: &mut RecordDraft, tab: &mut RecordTab) {
    let num_sent = record.headers.iter().filter(|header| !header.off).count();
    let options = ["partition", "timestamp", "copies", "rate", "rows", "reply topic"];
    let copies = match (record.copies, record.rows.is_empty()) {
        (0, false) => "Options × rows".to_owned(),
        (0 | 1, _) => "Options".to_owned(),
        (copies, _) => format!("Options × {copies}"),
    };
    let tabs = [
        (RecordTab::Content, "Key and value".to_owned(), form.is_wrong(&["key", "value"])),
        (RecordTab::Headers, format!("Headers {num_sent}"), form.is_wrong(&["headers"])),
        (RecordTab::Options, copies, form.is_wrong(&options)),
    ];
    tabs_ui(ui, "request", &tabs, tab, form.tokens);
    ui.add_space(4.0);
    match tab {
        RecordTab::Content => {
            form.payload(ui, "Key", &mut record.key, 1);
            form.mistake_ui(ui, &["key"]);
            ui.add_space(4.0);
            form.payload(ui, "Value", &mut record.value, form.lines_in_view().saturating_sub(4).max(4));
            form.mistake_ui(ui, &["value"]);
        }
        RecordTab::Headers => {
            headers_ui(ui, form, &mut record.headers);
            form.mistake_ui(ui, &["headers"]);
        }
        RecordTab::Options => options_ui(ui, form, record),
    }
}

fn options_ui(ui: &mut egui::Ui, form: &mut Form<'_>, record: &mut RecordDraft) {
    const NUMBER_PT: f32 = 120.0;
    let optional = |text: &str| text.is_empty();
    form.label_ui(ui, "Partition; empty: by its key");
    let show = |partition: &Option<i32>| partition.map(|partition| partition.to_string()).unwrap_or_default();
    let read = move |text: &str| if optional(text) { Some(None) } else { text.parse().ok().map(Some) };
    form.number(ui, ["Partition", "by its key"], &mut record.partition, NUMBER_PT, (show, read));
    form.mistake_ui(ui, &["partition"]);
    form.label_ui(ui, "Time that it carries, ms since 1970; empty: when it is sent");
    let show = |at_ms: &Option<i64>| at_ms.map(|at_ms| at_ms.to_string()).unwrap_or_default();
    let read = move |text: &str| if optional(text) { Some(None) } else { text.parse().ok().map(Some) };
    form.number(ui, ["Time that it carries", "when it is sent"], &mut record.timestamp_ms, NUMBER_PT, (show, read));
    form.mistake_ui(ui, &["timestamp"]);
    form.label_ui(ui, "Copies, and how many a second");
    ui.horizontal(|ui| {
        let show = |num: &u32| num.to_string();
        let read = |text: &str| text.parse::<u32>().ok().filter(|num| *num > 0);
        let show_given = |num: &u32| if *num == 0 { String::new() } else { num.to_string() };
        let read_given = move |text: &str| if optional(text) { Some(0) } else { read(text) };
        let hint = if record.rows.is_empty() { "1" } else { "one for each row" };
        form.number(ui, ["Copies", hint], &mut record.copies, NUMBER_PT, (show_given, read_given));
        form.number(ui, ["Copies a second", "10"], &mut record.rate_per_s, NUMBER_PT, (show, read));
    });
    form.mistake_ui(ui, &["copies", "rate"]);
    rows_ui(ui, form, &mut record.rows);
    if record.copies > 1 || !record.rows.is_empty() {
        form.told_ui(ui, "{{counter}}, {{uuid}} and {{random}} are new in each copy", Ink::Faint);
    }
    form.named_line(ui, ["Reply topic", "Where a reply is awaited; empty: nowhere"], &mut record.reply_topic);
    if !record.reply_topic.trim().is_empty() {
        reply_ui(ui, form, &mut record.reply);
    }
    form.mistake_ui(ui, &["reply topic"]);
    correlation_ui(ui, form, &mut record.carries);
}

/// By what a reply is known, and how long it is waited for.
fn reply_ui(ui: &mut egui::Ui, form: &mut Form<'_>, reply: &mut ReplyDraft) {
    form.named_line(ui, ["Header that names the reply topic", "Empty: none says it"], &mut reply.topic_header);
    form.named_line(ui, ["Header with the id of the reply", "Needed: a reply is known by it"], &mut reply.id_header);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        form.label_ui(ui, "A UUID is written as");
        ui.add_space(6.0);
        form.choice(ui, "id of the reply as", &[(ReplyId::Bytes, "16 bytes"), (ReplyId::Text, "text")], &mut reply.id_as);
    });
    form.label_ui(ui, "How long the reply is waited for, s");
    form.seconds(ui, "How long the reply is waited for, s", &mut reply.within_s);
}
