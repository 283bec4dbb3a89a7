//! What stands where the map will be, before there is anything: what would fill it, and how to get that.

use egui::{RichText, Stroke, vec2};
use switchboard_engine::view::Snapshot;

use crate::{
    WindowOptions, fonts,
    ink::signs::phase_word,
    sanitise::visible,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
};

const WIDTH_PT: f32 = 540.0;

/// Draws the invitation; true if the endpoint is to be copied.
pub(crate) fn empty_ui(ui: &mut egui::Ui, snapshot: &Snapshot, options: &WindowOptions, tokens: &DesignTokens) -> bool {
    let mut copy = false;
    let room = ui.available_rect_before_wrap();
    let width = WIDTH_PT.min(room.width() - 40.0);
    let place =
        egui::Rect::from_min_size(egui::pos2(room.center().x - width / 2.0, room.top() + (room.height() * 0.16).max(12.0)), vec2(width, room.height() * 0.8));
    ui.scope_builder(egui::UiBuilder::new().max_rect(place), |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
        let dim = |text: String| RichText::new(text).color(tokens.ink(Ink::Dim));
        ui.label(RichText::new("Nothing has come in yet").font(fonts::strong(17.0)).color(tokens.ink(Ink::Text)));
        ui.add(egui::Label::new(dim(listening(options))).wrap());
        if let Some(setting) = options.otlp_setting() {
            ui.add_space(10.0);
            ui.label(dim("Set this where a service runs that has an OpenTelemetry SDK".to_owned()));
            let frame = egui::Frame::new()
                .fill(tokens.ink(Ink::Card))
                .stroke(Stroke::new(1.0, tokens.ink(Ink::Line)))
                .corner_radius(RADIUS_PT)
                .inner_margin(egui::Margin::symmetric(14, 9));
            frame.show(ui, |ui| {
                ui.horizontal(|ui| {
                    let line = RichText::new(setting).font(fonts::data(13.0)).color(tokens.ink(Ink::Text));
                    ui.add(egui::Label::new(line).selectable(true));
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        copy = ui.button("Copy").on_hover_text("Into the clipboard").clicked();
                    });
                });
            });
            if options.otlp_grpc_port.is_none() {
                ui.label(dim("and OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf".to_owned()));
            }
        }
        ui.add_space(14.0);
        for source in snapshot.sources.iter() {
            source_ui(ui, source, tokens);
        }
    });
    copy
}

fn listening(options: &WindowOptions) -> String {
    let ports: Vec<String> = [(options.otlp_grpc_port, "gRPC"), (options.otlp_http_port, "HTTP")]
        .into_iter()
        .filter_map(|(port, how)| port.map(|port| format!("{port} ({how})")))
        .collect();
    if ports.is_empty() {
        return "The profile has no OTLP receiver; the map fills from its other sources".to_owned();
    }
    format!("Switchboard takes OpenTelemetry data on localhost, port {}. Services appear here with the first spans they send.", ports.join(" and "))
}

fn source_ui(ui: &mut egui::Ui, source: &switchboard_engine::view::SourceView, tokens: &DesignTokens) {
    let (word, ink) = phase_word(source.phase);
    ui.horizontal(|ui| {
        ui.label(RichText::new(visible(&source.name)).color(tokens.ink(Ink::Text)));
        ui.label(RichText::new(word).color(tokens.ink(ink)));
    });
    for text in [&source.detail, &source.next_step].into_iter().filter(|text| !text.is_empty()) {
        ui.add(egui::Label::new(RichText::new(visible(text)).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).wrap());
    }
}
