//! What stands above the records of a topic: its name and figures, who reads it, the filter, and how much is loaded.

use egui::{RichText, WidgetInfo, accesskit::Role};
use switchboard_engine::view::{GroupView, Snapshot};

use super::{marked::Elsewhere, records::Records, topics::Topic};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    view::{Target, UiCommand, ViewAction},
    widgets::text_field::{TextEntry, TextField},
};

/// Groups named beside a topic.
const GROUPS_NAMED_MAX: usize = 6;

/// Name and figures of the topic, and who reads it.
pub(super) fn head_ui(ui: &mut egui::Ui, records: &Records, topic: Option<&Topic>, snapshot: &Snapshot, tokens: &DesignTokens) -> Option<ViewAction> {
    let mut asked = None;
    let cluster = records.channel.cluster.as_ref();
    let reads = |group: &GroupView| group.topic == records.channel.name && (cluster.is_none() || group.cluster.is_none() || group.cluster.as_ref() == cluster);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 7.0;
        ui.label(RichText::new(visible(&records.channel.name)).font(fonts::strong(15.0)).color(tokens.ink(Ink::Text)));
        let dim = |text: String| RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim));
        if let Some(cluster) = topic.and_then(Topic::told_cluster) {
            ui.label(dim(format!("on {cluster} ·")));
        }
        let mut parts = Vec::new();
        if let Some(topic) = topic {
            let partitions = topic.partitions.map_or_else(|| "partitions unknown".to_owned(), |num| figures::things(num, "partition", "partitions"));
            let in_broker = topic.records.map_or_else(|| "count unknown".to_owned(), |num| format!("{} in the broker", figures::count(num)));
            parts.extend([partitions, in_broker]);
        }
        parts.push(format!("{} stored here", figures::count(records.total_stored)));
        if records.evicted > 0 {
            parts.push(format!("{} evicted", figures::count(records.evicted)));
        }
        ui.label(dim(parts.join(" · ")));
        for group in snapshot.groups.iter().filter(|group| reads(group)).take(GROUPS_NAMED_MAX) {
            let target = Target::Group { cluster: group.cluster.clone(), group: group.group.clone(), topic: group.topic.clone() };
            let text = RichText::new(visible(&group.group)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Accent));
            let response = ui.add(link(text)).on_hover_text("The group that reads it");
            response.widget_info(|| WidgetInfo::labeled(Role::Link, true, format!("group {}", visible(&group.group))));
            if response.clicked() {
                asked = Some(ViewAction::Goto(target));
            }
        }
        let num_groups = snapshot.groups.iter().filter(|group| reads(group)).count();
        if num_groups > GROUPS_NAMED_MAX {
            ui.label(dim(format!("and {} more groups", figures::count((num_groups - GROUPS_NAMED_MAX) as u64))));
        }
        if topic.is_some_and(|topic| topic.has_dead_letters) {
            let text = RichText::new("dead letters").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Bad));
            let response = ui.add(link(text)).on_hover_text("What died here, and of what");
            response.widget_info(|| WidgetInfo::labeled(Role::Link, true, "dead letters"));
            if response.clicked() {
                asked = Some(ViewAction::Goto(Target::DeadLetters { channel: records.channel.clone(), fingerprint: None }));
            }
        }
    });
    asked
}

/// Words among others that lead elsewhere.
fn link(text: RichText) -> egui::Label {
    egui::Label::new(text).selectable(false).sense(egui::Sense::click())
}

/// Looking for a text, following the end, records into a file and out of one, and what is marked on other topics, too.
pub(super) fn bar_ui(
    ui: &mut egui::Ui,
    records: &mut Records,
    elsewhere: &mut Elsewhere,
    filter_text: &mut String,
    tokens: &DesignTokens,
) -> Option<ViewAction> {
    let mut asked = None;
    ui.horizontal_wrapped(|ui| {
        let _typed = TextEntry::new(TextField::RecordFilter, filter_text).width(220.0).ui(ui, tokens);
        let follows = records.table.follows_end();
        let command = UiCommand::FollowRecords;
        let (text, hover) = if follows { ("Hold still", "New records wait below") } else { ("Follow the end", "The newest stay in view") };
        if ui.button(text).on_hover_text(format!("{hover} ({})", command.keys())).clicked() {
            records.follow(!follows);
        }
        for (text, command) in [("Export…", UiCommand::ExportRecords), ("Replay a file…", UiCommand::ReplayFile)] {
            if ui.button(text).on_hover_text(format!("{} ({})", command.tooltip(), command.keys())).clicked() {
                asked = Some(ViewAction::Run(command));
            }
        }
        let num_new = records.num_new();
        if num_new > 0 {
            let text = RichText::new(format!("{} new ↓", figures::count(num_new as u64))).color(tokens.ink(Ink::Accent));
            if ui.button(text).on_hover_text("To the end").clicked() {
                records.follow(true);
            }
        }
        if let Some(words) = elsewhere.words(records) {
            let text = RichText::new(format!("{words} ✕")).color(tokens.ink(Ink::Accent));
            let hover = format!("{} previews them. A click takes all marks away", UiCommand::PreviewReplay.keys());
            let response = ui.button(text).on_hover_text(hover);
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{words}: take all marks away")));
            if response.clicked() {
                records.marks.clear();
                elsewhere.clear();
            }
        }
        ui.add(egui::Label::new(RichText::new(state_words(records)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).wrap());
    });
    asked
}

/// How much is loaded, and how far it was looked.
fn state_words(records: &Records) -> String {
    let loaded = figures::count(records.lines.len() as u64);
    let mut parts = match records.filter.matches() {
        Some(_) => records.filter.words(records.total_stored, records.evicted),
        None if records.is_loading() => vec![format!("{loaded} loaded so far")],
        None => vec![format!("{loaded} loaded")],
    };
    if records.filter.matches().is_some() {
        return parts.join(" · ");
    }
    if records.dropped > 0 {
        parts.push(format!("{} older ones left out", figures::count(records.dropped)));
    }
    if !records.has_room() {
        parts.push("no more are loaded until the end is followed".to_owned());
    }
    parts.join(" · ")
}
