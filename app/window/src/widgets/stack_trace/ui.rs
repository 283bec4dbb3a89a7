//! Draws a stack trace: own frames at first look, runs of others on a line each that unfolds, all of it on request.

use std::collections::BTreeSet;

use egui::{Id, RichText, Sense, WidgetInfo, accesskit::Role, text::LayoutJob, vec2};

use super::{Line, StackTrace, What, Whose};
use crate::{
    figures, fonts,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_SMALL_PT},
    view::ViewAction,
};

/// Lines that are drawn at most; all of them are copied.
const DRAWN_MAX: usize = 600;
/// What a frame is indented by, points.
const INDENT_PT: f32 = 12.0;

/// What was unfolded by hand.
#[derive(Clone, Default)]
struct Unfolded {
    all: bool,
    blocks: BTreeSet<usize>,
}

/// Draws a stack trace below its name; what was asked for. `id` tells it from others.
pub(crate) fn stack_ui(ui: &mut egui::Ui, id: Id, name: &str, note: &str, stack: &StackTrace, tokens: &DesignTokens) -> Option<ViewAction> {
    let mut unfolded: Unfolded = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let mut asked = None;
    let has_folded = stack.blocks.iter().any(|block| block.folded.is_some());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let button = |text: &str| egui::Button::new(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).min_size(vec2(40.0, 20.0));
            let copy = ui.add(button("Copy")).on_hover_text("All of it, line by line");
            copy.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Copy the stack trace"));
            if copy.clicked() {
                asked = Some(ViewAction::Copy(stack.text.clone()));
            }
            if has_folded {
                let all = ui.add(button(if unfolded.all { "Own frames" } else { "All lines" }));
                if all.on_hover_text(format!("It has {}", figures::things(stack.num_lines() as u64, "line", "lines"))).clicked() {
                    unfolded = Unfolded { all: !unfolded.all, blocks: BTreeSet::new() };
                }
            }
            let text = if note.is_empty() { name.to_owned() } else { format!("{name} · {note}") };
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(text).font(fonts::data(TEXT_SMALL_PT)).color(tokens.ink(Ink::Dim))).truncate());
            });
        });
    });
    let frame = egui::Frame::new()
        .fill(tokens.ink(Ink::Card))
        .stroke(egui::Stroke::new(1.0, tokens.ink(Ink::Line)))
        .corner_radius(RADIUS_PT)
        .inner_margin(egui::Margin::symmetric(10, 7));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 2.0;
        if let Some(cause) = &stack.cause {
            let text = RichText::new(format!("It began with {cause}")).size(12.0).color(tokens.ink(Ink::Bad));
            ui.add(egui::Label::new(text).wrap());
            ui.add_space(3.0);
        }
        let mut num_drawn = 0;
        for (index, block) in stack.blocks.iter().enumerate() {
            let is_open = unfolded.all || block.folded.is_none() || unfolded.blocks.contains(&index);
            if let Some(folded) = block.folded.as_ref().filter(|_| !unfolded.all)
                && fold_ui(ui, folded, is_open, tokens)
                && !unfolded.blocks.remove(&index)
            {
                unfolded.blocks.insert(index);
            }
            for line in stack.lines[block.lines.clone()].iter().filter(|_| is_open) {
                if num_drawn < DRAWN_MAX {
                    line_ui(ui, line, tokens);
                }
                num_drawn += 1;
            }
        }
        let num_more = num_drawn.saturating_sub(DRAWN_MAX) + stack.num_left_out;
        if num_more > 0 {
            let text =
                format!("{} more {} not drawn; Copy has all of them", figures::count(num_more as u64), if num_more == 1 { "line is" } else { "lines are" });
            ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Warn)));
        }
    });
    ui.add_space(4.0);
    ui.data_mut(|data| data.insert_temp(id, unfolded));
    asked
}

/// The line of a folded run; whether it is to be turned.
fn fold_ui(ui: &mut egui::Ui, text: &str, is_open: bool, tokens: &DesignTokens) -> bool {
    let sign = if is_open { "▾" } else { "▸" };
    let label = RichText::new(format!("{sign} {text}")).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Accent));
    let response = ui.add(egui::Label::new(label).wrap().selectable(false).sense(Sense::click()));
    let said = if is_open { "unfolded" } else { "folded" };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{text}, {said}")));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_stroke(response.rect.expand(2.0), 3.0, egui::Stroke::new(1.0, tokens.ink(Ink::Line)), egui::StrokeKind::Outside);
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
}

fn line_ui(ui: &mut egui::Ui, line: &Line, tokens: &DesignTokens) {
    let (inset, ink) = match &line.what {
        What::Thrown => (0.0, Ink::Bad),
        What::Frame(Whose::Own) => (INDENT_PT, Ink::Text),
        What::OfFrame(Whose::Own) => (2.0 * INDENT_PT, Ink::Dim),
        What::Frame(Whose::Library(_)) | What::Note => (INDENT_PT, Ink::Faint),
        What::OfFrame(Whose::Library(_)) => (2.0 * INDENT_PT, Ink::Faint),
    };
    let mut job = LayoutJob::simple(line.text.clone(), fonts::data(TEXT_SMALL_PT), tokens.ink(ink), (ui.available_width() - inset).max(40.0));
    job.wrap.break_anywhere = true;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(inset);
        let galley = ui.painter().layout_job(job);
        ui.add(egui::Label::new(galley));
    });
}
