//! The bars above and below the views: what this is, how it is, and which keys there are.

use std::borrow::Cow;
use std::sync::Arc;

use egui::{
    Align, Galley, Layout, RichText, Sense, Stroke, WidgetInfo,
    accesskit::Role,
    text::{LayoutJob, TextFormat},
    vec2,
};

use crate::{
    fonts,
    shell::object_menu::command_ui,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_BODY_PT, TEXT_MIN_PT, TEXT_SMALL_PT, margin},
    view::{Menu, TimeRange, UiCommand, ViewKind},
};

/// What the top bar tells.
pub(crate) struct TopBar<'a> {
    /// Name of the profile.
    pub profile_name: &'a str,
    /// Those that can be seen.
    pub shown: &'a [ViewKind],
    /// The one that has the keys.
    pub focus: ViewKind,
    /// How much time is looked at.
    pub range: TimeRange,
    /// How fresh the data are, or how long ago the window was paused.
    pub freshness: &'a str,
    /// Whether another place tells how old they are.
    pub is_age_told: bool,
    /// Whether that is as it should be.
    pub is_live: bool,
    /// Whether the window is paused.
    pub is_paused: bool,
    /// What runs now, or ended lately, in a word or two; `None` = nothing is to be said.
    pub operations: Option<(String, Ink)>,
    /// Whether a view has something new, and how much of its mark's fading is left, from 1 to 0.
    pub news: &'a dyn Fn(ViewKind) -> Option<f32>,
    /// Why a command can not be used now.
    pub unavailable: &'a dyn Fn(UiCommand) -> Option<Cow<'static, str>>,
}

/// Height of the top bar, points.
const TOP_PT: f32 = 42.0;
/// Height of the key hints, points.
const FOOT_PT: f32 = 32.0;
/// A narrower window does without the profile's name in the bar, which the title has, and calls views by their short names.
const NAMED_FROM_PT: f32 = 1_320.0;
/// A narrower one does without the program's own name, and its tabs stand closer together.
const ROOMY_FROM_PT: f32 = 960.0;
/// Room beside the name of a tab, both sides together, points: where there is much, and where there is little.
const TAB_PT: (f32, f32) = (14.0, 8.0);
/// Room between two key hints, points.
const HINT_GAP_PT: f32 = 16.0;
/// Width of the search's field, points; with less room than the second there is none.
const FIND_PT: f32 = 280.0;
const FIND_FROM_PT: f32 = 120.0;
/// Room that is kept for what runs, points.
const OPERATIONS_PT: f32 = 96.0;
/// Least room for how fresh the data are, points, so that what stands beside does not move with each second.
const FRESHNESS_PT: f32 = 112.0;

/// Name, profile, views, range, freshness and menu; what was asked for.
pub(crate) fn top_ui(ui: &mut egui::Ui, bar: &TopBar<'_>, tokens: &DesignTokens) -> Vec<UiCommand> {
    let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel)).inner_margin(margin(18, 0));
    let panel = egui::Panel::top("top").exact_size(TOP_PT).frame(frame).show_separator_line(false);
    let mut asked = Vec::new();
    panel.show(ui, |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let width = ui.available_width();
            let is_roomy = width >= ROOMY_FROM_PT;
            if is_roomy {
                ui.label(RichText::new("Switchboard").font(fonts::strong(15.0)).color(tokens.ink(Ink::Text)));
            }
            if width >= NAMED_FROM_PT {
                ui.label(RichText::new(bar.profile_name).color(tokens.ink(Ink::Dim)));
            }
            ui.add_space(if is_roomy { 10.0 } else { 0.0 });
            for view in ViewKind::ALL {
                let text = if width >= NAMED_FROM_PT { view.text() } else { view.short_text() };
                let room_pt = if is_roomy { TAB_PT.0 } else { TAB_PT.1 };
                if tab_ui(ui, view, (text, room_pt), bar, tokens) {
                    asked.push(UiCommand::Show(view));
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| right_ui(ui, bar, tokens, &mut asked));
        });
    });
    asked
}

/// A view's name, underlined where it has the keys; whether it was clicked.
fn tab_ui(ui: &mut egui::Ui, view: ViewKind, (text, room_pt): (&str, f32), bar: &TopBar<'_>, tokens: &DesignTokens) -> bool {
    let shown = bar.shown.contains(&view);
    let font = if view == bar.focus { fonts::strong(TEXT_BODY_PT) } else { fonts::words(TEXT_BODY_PT) };
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, tokens.ink(Ink::Text));
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + room_pt, TOP_PT), Sense::click());
    let ink = if shown || response.hovered() || response.has_focus() { Ink::Text } else { Ink::Dim };
    ui.painter().galley_with_override_text_color(rect.center() - galley.size() / 2.0, galley, tokens.ink(ink));
    if view == bar.focus {
        ui.painter().hline(rect.shrink2(vec2(room_pt / 2.0 - 2.0, 0.0)).x_range(), rect.bottom() - 1.5, Stroke::new(2.5, tokens.ink(Ink::Accent)));
    }
    let news = (bar.news)(view);
    if let Some(fade) = news {
        // It flares up once; then a dot stays until the view is looked at.
        ui.painter().rect_filled(rect.shrink2(vec2(2.0, 7.0)), RADIUS_PT, tokens.ink(Ink::Accent).gamma_multiply(0.35 * fade));
        ui.painter().circle_filled(rect.right_center() + vec2(-3.5, -8.0), 3.0, tokens.ink(Ink::Accent));
    }
    let words = format!("view {}{}", view.text(), if news.is_some() { ", something is new" } else { "" });
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, shown, &words));
    response.on_hover_text(format!("{}; with Ctrl beside what is shown", UiCommand::Show(view).tooltip())).clicked()
}

/// From the right: menu, range, freshness, which has its room whatever it says.
fn right_ui(ui: &mut egui::Ui, bar: &TopBar<'_>, tokens: &DesignTokens, asked: &mut Vec<UiCommand>) {
    let menu = egui::containers::menu::MenuButton::from_button(egui::Button::new(RichText::new("Menu").size(12.5).color(tokens.ink(Ink::Dim))).frame(false));
    let (response, _) = menu.ui(ui, |ui| menu_ui(ui, bar, tokens, asked));
    response.on_hover_text(format!("All commands; by name with {}", UiCommand::OpenPalette.keys()));
    ui.add_space(8.0);
    let range = RichText::new(bar.range.text()).size(12.5).color(tokens.ink(Ink::Text));
    let (response, _) = egui::containers::menu::MenuButton::from_button(egui::Button::new(range).frame(false)).ui(ui, |ui| {
        for (range, command) in RANGES {
            if ui.radio(range == bar.range, range.text()).on_hover_text(command.tooltip()).clicked() {
                asked.push(command);
                ui.close();
            }
        }
    });
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("range {}", bar.range.text())));
    response.on_hover_text("How much time figures and lists are of");
    ui.add_space(8.0);
    let (ink, words) = match (bar.is_paused, bar.is_live) {
        (true, _) => (Ink::Warn, format!("go on: {}", bar.freshness)),
        (false, true) => (Ink::Dim, format!("pause: {}", bar.freshness)),
        (false, false) => (Ink::Text, format!("pause: {}", bar.freshness)),
    };
    let shown = match (bar.is_age_told, bar.is_live) {
        (false, _) => bar.freshness,
        (true, true) => "live",
        (true, false) => "not live",
    };
    ui.allocate_ui_with_layout(vec2(FRESHNESS_PT, ui.available_height()), Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_width(FRESHNESS_PT);
        let pause = ui.add(egui::Button::new(RichText::new(shown).size(12.5).color(tokens.ink(ink))).frame(false));
        pause.widget_info(|| WidgetInfo::labeled(Role::Button, true, &words));
        if pause.on_hover_text(format!("{} ({})", UiCommand::Pause.tooltip(), UiCommand::Pause.keys())).clicked() {
            asked.push(UiCommand::Pause);
        }
        if bar.is_paused {
            paused_ui(ui, tokens.ink(Ink::Warn));
        } else {
            dot_ui(ui, tokens.ink(if bar.is_live { Ink::Good } else { Ink::Faint }), bar.is_live);
        }
    });
    ui.add_space(8.0);
    let room_pt = ui.available_width() - OPERATIONS_PT;
    if room_pt >= FIND_FROM_PT && find_ui(ui, room_pt, tokens) {
        asked.push(UiCommand::Find);
    }
    // Left of all the others, none of which moves when it comes and goes.
    if let Some((words, ink)) = &bar.operations {
        ui.add_space(8.0);
        let button = ui.add(egui::Button::new(RichText::new(words).size(12.5).color(tokens.ink(*ink))).frame(false));
        button.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("operations: {words}")));
        if button.on_hover_text(format!("{} ({})", UiCommand::ShowOperations.tooltip(), UiCommand::ShowOperations.keys())).clicked() {
            asked.push(UiCommand::ShowOperations);
        }
    }
}

/// What looks like the search's field and opens it.
fn find_ui(ui: &mut egui::Ui, room_pt: f32, tokens: &DesignTokens) -> bool {
    let width = room_pt.min(FIND_PT);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 26.0), Sense::click());
    let fill = if response.hovered() || response.has_focus() { Ink::Raised } else { Ink::Card };
    ui.painter().rect(rect, RADIUS_PT, tokens.ink(fill), Stroke::new(1.0, tokens.ink(Ink::Line)), egui::StrokeKind::Inside);
    let inner = rect.shrink2(vec2(10.0, 0.0));
    ui.painter().text(inner.left_center(), egui::Align2::LEFT_CENTER, "Find anything", fonts::words(12.5), tokens.ink(Ink::Dim));
    let keys = UiCommand::Find.keys();
    if width > 170.0 {
        ui.painter().text(inner.right_center(), egui::Align2::RIGHT_CENTER, &keys, fonts::data(TEXT_MIN_PT), tokens.ink(Ink::Faint));
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, UiCommand::Find.text()));
    response.on_hover_text(format!("{} ({keys})", UiCommand::Find.tooltip())).clicked()
}

/// The ranges, and the commands that choose them.
pub(crate) const RANGES: [(TimeRange, UiCommand); 4] =
    [(TimeRange::M1, UiCommand::RangeM1), (TimeRange::M5, UiCommand::RangeM5), (TimeRange::M15, UiCommand::RangeM15), (TimeRange::All, UiCommand::RangeAll)];

/// All commands by their menus, with keys; what can not be used now says why.
fn menu_ui(ui: &mut egui::Ui, bar: &TopBar<'_>, tokens: &DesignTokens, asked: &mut Vec<UiCommand>) {
    for menu in Menu::ALL {
        ui.menu_button(menu.text(), |ui| {
            for command in UiCommand::all().filter(|command| command.menu() == menu) {
                if command_ui(ui, command, (bar.unavailable)(command).as_deref(), tokens).clicked() {
                    asked.push(command);
                    ui.close();
                }
            }
        });
    }
}

/// Two bars: what is shown stands still.
fn paused_ui(ui: &mut egui::Ui, color: egui::Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 9.0), Sense::hover());
    for x in [rect.left() + 1.0, rect.right() - 3.0] {
        ui.painter().rect_filled(egui::Rect::from_min_max(egui::pos2(x, rect.top()), egui::pos2(x + 2.2, rect.bottom())), 0.0, color);
    }
}

/// A dot: full where data flow, a ring where they do not.
fn dot_ui(ui: &mut egui::Ui, color: egui::Color32, full: bool) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, 8.0), Sense::hover());
    if full {
        ui.painter().circle_filled(rect.center(), 3.5, color);
    } else {
        ui.painter().circle_stroke(rect.center(), 3.0, Stroke::new(1.3, color));
    }
}

/// The line at the foot of the window, whatever stands in it.
pub(crate) fn foot_panel(ui: &mut egui::Ui, ground: Ink, tokens: &DesignTokens, content: impl FnOnce(&mut egui::Ui)) {
    let frame = egui::Frame::new().fill(tokens.ink(ground)).inner_margin(margin(18, 0));
    egui::Panel::bottom("foot").exact_size(FOOT_PT).frame(frame).show_separator_line(false).show(ui, |ui| ui.horizontal_centered(content));
}

/// The keys of the view that has them, or what became of the last command.
pub(crate) fn foot_ui(ui: &mut egui::Ui, hints: &[(UiCommand, &'static str)], told: Option<&str>, tokens: &DesignTokens) {
    foot_panel(ui, Ink::Background, tokens, |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if let Some(told) = told {
            ui.add(egui::Label::new(RichText::new(told).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Text))).truncate());
            return;
        }
        let always = [(UiCommand::Find, "find"), (UiCommand::OpenPalette, "commands")];
        let mut left_pt = ui.available_width();
        let always = always.map(|(command, what)| hint(ui, command, what, &mut left_pt, tokens));
        let own: Vec<_> = hints.iter().map(|(command, what)| hint(ui, *command, what, &mut left_pt, tokens)).collect();
        // Those that have no room left are in the palette.
        for hint in own.into_iter().flatten().chain(always.into_iter().flatten()) {
            ui.label(hint);
            ui.add_space(HINT_GAP_PT - 6.0);
        }
    });
}

/// A key and what it does, if there is room for it; takes that room.
fn hint(ui: &egui::Ui, command: UiCommand, what: &str, left_pt: &mut f32, tokens: &DesignTokens) -> Option<Arc<Galley>> {
    // One key stands for all four that walk.
    let walks = matches!(command, UiCommand::WalkUp | UiCommand::WalkDown | UiCommand::WalkLeft | UiCommand::WalkRight);
    let keys = if walks { "Arrows".to_owned() } else { command.keys() };
    let galley = ui.painter().layout_job(hint_text(keys, what, tokens));
    *left_pt -= galley.size().x + HINT_GAP_PT;
    (*left_pt >= -HINT_GAP_PT).then_some(galley)
}

/// A key and what it does, as text.
pub(crate) fn hint_text(keys: String, what: &str, tokens: &DesignTokens) -> LayoutJob {
    let mut job = LayoutJob::simple_singleline(keys, fonts::data(TEXT_SMALL_PT), tokens.ink(Ink::Dim));
    let words = TextFormat { font_id: fonts::words(TEXT_SMALL_PT), color: tokens.ink(Ink::Faint), ..TextFormat::default() };
    job.append(&format!(" {what}"), 2.0, words);
    job
}
