//! Colours and sizes by meaning, for dark and light, and how egui is styled with them. The only place that makes colours.

use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, TextStyle, Vec2, Visuals};
use serde::{Deserialize, Deserializer, Serialize};

use crate::fonts;

/// Smallest text on screen, points.
pub(crate) const TEXT_MIN_PT: f32 = 11.0;
/// Second to the body text, points.
pub(crate) const TEXT_SMALL_PT: f32 = 11.5;
/// Body text, points.
pub(crate) const TEXT_BODY_PT: f32 = 13.0;
/// Headings, points.
pub(crate) const TEXT_HEADING_PT: f32 = 16.0;
/// Roundness of boxes, points.
pub(crate) const RADIUS_PT: f32 = 6.0;
/// How far below the window's top the boxes above the panes begin, points.
pub(crate) const OVERLAY_TOP_PT: f32 = 64.0;
/// Height of a row in a table, points.
pub(crate) const ROW_HEIGHT_PT: f32 = 30.0;

/// Which colours the window has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// As the desktop does.
    #[default]
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

impl From<ThemeChoice> for egui::ThemePreference {
    fn from(choice: ThemeChoice) -> Self {
        match choice {
            ThemeChoice::System => Self::System,
            ThemeChoice::Dark => Self::Dark,
            ThemeChoice::Light => Self::Light,
        }
    }
}

/// A colour, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ink {
    /// Behind everything.
    Background,
    /// Bars and side panel.
    Panel,
    /// Boxes.
    Card,
    /// Under the pointer.
    Raised,
    /// Borders.
    Line,
    /// Between sections.
    Hairline,
    /// Healthy edges.
    Edge,
    /// Text.
    Text,
    /// Second to the text.
    Dim,
    /// Third.
    Faint,
    /// Selection and links.
    Accent,
    /// Wrong.
    Bad,
    /// Going wrong.
    Warn,
    /// New or back to normal.
    Good,
    /// Behind a badge that says what is wrong.
    BadFill,
    /// Behind a badge that says what is going wrong.
    WarnFill,
    /// Hatching of what is silent.
    Hatch,
}

/// The colours of one theme, as `assets/theme.toml` lists them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DesignTokens {
    /// Behind the map.
    pub background: Hex,
    /// Bars and side panel.
    pub panel: Hex,
    /// Boxes and inputs.
    pub card: Hex,
    /// What is under the pointer.
    pub raised: Hex,
    /// Borders.
    pub line: Hex,
    /// Between sections.
    pub hairline: Hex,
    /// Healthy edges.
    pub edge: Hex,
    /// Text.
    pub text: Hex,
    /// Second to the text.
    pub dim: Hex,
    /// Third: hints and units.
    pub faint: Hex,
    /// Selection, focus, links.
    pub accent: Hex,
    /// Behind text of the accent's colour.
    pub accent_fill: Hex,
    /// Wrong.
    pub bad: Hex,
    /// Behind it.
    pub bad_fill: Hex,
    /// Going wrong.
    pub warn: Hex,
    /// Behind it.
    pub warn_fill: Hex,
    /// New, or back to normal.
    pub good: Hex,
    /// Hatching of what is silent.
    pub hatch: Hex,
    /// Over the window while a dialog is open.
    pub shade: Hex,
}

/// A colour written as `#rrggbb` or `#rrggbbaa`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hex(pub Color32);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Color32::from_hex(&text).map(Self).map_err(|_| serde::de::Error::custom(format!("`{text}` is no colour; write #rrggbb")))
    }
}

/// Both themes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Themes {
    dark: DesignTokens,
    light: DesignTokens,
}

impl Themes {
    /// Reads the tokens that are built into the program.
    pub(crate) fn load() -> Self {
        toml::from_str(include_str!("../../../assets/theme.toml")).expect("the theme is part of the program and tested")
    }

    /// The tokens of a theme.
    pub(crate) fn tokens(&self, theme: egui::Theme) -> &DesignTokens {
        match theme {
            egui::Theme::Dark => &self.dark,
            egui::Theme::Light => &self.light,
        }
    }

    /// Installs fonts and styles; to be called once for each context.
    pub(crate) fn install(&self, ctx: &egui::Context) {
        fonts::install(ctx);
        for theme in [egui::Theme::Dark, egui::Theme::Light] {
            let tokens = self.tokens(theme);
            ctx.style_mut_of(theme, |style| tokens.style(style, theme));
        }
        // Zoom keys are commands of ours, so that the palette lists them.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
    }
}

impl DesignTokens {
    /// The colour for a meaning.
    pub(crate) fn ink(&self, ink: Ink) -> Color32 {
        let Hex(color) = match ink {
            Ink::Background => self.background,
            Ink::Panel => self.panel,
            Ink::Card => self.card,
            Ink::Raised => self.raised,
            Ink::Line => self.line,
            Ink::Hairline => self.hairline,
            Ink::Edge => self.edge,
            Ink::Text => self.text,
            Ink::Dim => self.dim,
            Ink::Faint => self.faint,
            Ink::Accent => self.accent,
            Ink::Bad => self.bad,
            Ink::Warn => self.warn,
            Ink::Good => self.good,
            Ink::BadFill => self.bad_fill,
            Ink::WarnFill => self.warn_fill,
            Ink::Hatch => self.hatch,
        };
        color
    }

    /// The line around what has the keyboard's focus.
    pub(crate) fn focus_stroke(&self) -> Stroke {
        Stroke::new(2.0, self.accent.0)
    }

    fn style(&self, style: &mut egui::Style, theme: egui::Theme) {
        style.text_styles = [
            (TextStyle::Small, FontId::new(TEXT_SMALL_PT, FontFamily::Proportional)),
            (TextStyle::Body, FontId::new(TEXT_BODY_PT, FontFamily::Proportional)),
            (TextStyle::Button, FontId::new(12.5, FontFamily::Proportional)),
            (TextStyle::Heading, FontId::new(TEXT_HEADING_PT, fonts::semibold())),
            (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
        ]
        .into();
        style.spacing.item_spacing = Vec2::new(8.0, 6.0);
        style.spacing.button_padding = Vec2::new(10.0, 5.0);
        style.spacing.interact_size.y = 24.0;
        style.spacing.scroll = egui::style::ScrollStyle::floating();
        style.interaction.selectable_labels = true;
        style.interaction.tooltip_delay = 0.35;
        style.animation_time = 0.0;
        style.visuals = self.visuals(theme);
    }

    fn visuals(&self, theme: egui::Theme) -> Visuals {
        let mut visuals = match theme {
            egui::Theme::Dark => Visuals::dark(),
            egui::Theme::Light => Visuals::light(),
        };
        let radius = CornerRadius::same(RADIUS_PT as u8);
        visuals.override_text_color = None;
        visuals.weak_text_color = Some(self.dim.0);
        visuals.panel_fill = self.panel.0;
        visuals.window_fill = self.panel.0;
        visuals.window_stroke = Stroke::new(1.0, self.line.0);
        visuals.window_corner_radius = CornerRadius::same(8);
        visuals.menu_corner_radius = radius;
        visuals.window_shadow = Shadow::NONE;
        visuals.popup_shadow = Shadow::NONE;
        visuals.extreme_bg_color = self.card.0;
        visuals.faint_bg_color = self.card.0;
        visuals.code_bg_color = self.card.0;
        visuals.hyperlink_color = self.accent.0;
        visuals.error_fg_color = self.bad.0;
        visuals.warn_fg_color = self.warn.0;
        visuals.selection.bg_fill = self.accent_fill.0;
        visuals.selection.stroke = Stroke::new(1.0, self.accent.0);
        visuals.text_cursor.stroke = Stroke::new(1.5, self.accent.0);
        // A blinking cursor would draw frames for nothing.
        visuals.text_cursor.blink = false;
        let widgets = &mut visuals.widgets;
        for (state, fill, line, text) in [
            (&mut widgets.noninteractive, self.panel, self.hairline, self.text),
            (&mut widgets.inactive, self.card, self.line, self.text),
            (&mut widgets.hovered, self.raised, self.line, self.text),
            (&mut widgets.active, self.raised, self.accent, self.text),
            (&mut widgets.open, self.raised, self.line, self.text),
        ] {
            state.bg_fill = fill.0;
            state.weak_bg_fill = fill.0;
            state.bg_stroke = Stroke::new(1.0, line.0);
            state.fg_stroke = Stroke::new(1.0, text.0);
            state.corner_radius = radius;
            state.expansion = 0.0;
        }
        visuals
    }
}

/// Room inside the side panel and the bars.
pub(crate) fn margin(x: i8, y: i8) -> Margin {
    Margin::symmetric(x, y)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2 relative luminance.
    fn luminance(color: Color32) -> f32 {
        let linear = |channel: u8| {
            let c = f32::from(channel) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    fn contrast(one: Color32, other: Color32) -> f32 {
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2.2, 1.4.3: text against what is behind it.
    const TEXT_MIN: f32 = 4.5;
    /// 1.4.11: what tells something without words.
    const SIGN_MIN: f32 = 3.0;

    #[test]
    fn what_has_the_focus_is_seen_on_every_surface() {
        let themes = Themes::load();
        for theme in [egui::Theme::Dark, egui::Theme::Light] {
            let tokens = themes.tokens(theme);
            for surface in [Ink::Background, Ink::Panel, Ink::Card, Ink::Raised, Ink::BadFill, Ink::WarnFill] {
                let found = contrast(tokens.focus_stroke().color, tokens.ink(surface));
                assert!(found >= 3.0, "{theme:?}: the ring on {surface:?} has a contrast of {found:.2}");
            }
        }
    }

    #[test]
    fn text_of_every_meaning_can_be_read_on_every_surface_and_signs_be_told_from_it() {
        let texts = [Ink::Text, Ink::Dim, Ink::Faint, Ink::Accent, Ink::Bad, Ink::Warn, Ink::Good];
        let surfaces = [Ink::Background, Ink::Panel, Ink::Card, Ink::Raised];
        let on_surfaces = surfaces.into_iter().flat_map(|surface| texts.map(|ink| (ink, surface, TEXT_MIN)));
        // What is said on a badge, and on the line of a failure.
        let on_badges = [(Ink::Bad, Ink::BadFill), (Ink::Warn, Ink::WarnFill), (Ink::Text, Ink::BadFill), (Ink::Text, Ink::WarnFill), (Ink::Dim, Ink::BadFill)];
        let on_badges = on_badges.into_iter().map(|(ink, fill)| (ink, fill, TEXT_MIN));
        // Lines of the map, bars and curves; borders, hairlines and hatching tell nothing by themselves.
        let signs = [Ink::Background, Ink::Panel, Ink::Card].into_iter().map(|surface| (Ink::Edge, surface, SIGN_MIN));
        let pairs: Vec<(Ink, Ink, f32)> = on_surfaces.chain(on_badges).chain(signs).collect();
        let themes = Themes::load();
        for theme in [egui::Theme::Dark, egui::Theme::Light] {
            let tokens = themes.tokens(theme);
            for (ink, surface, least) in &pairs {
                let found = contrast(tokens.ink(*ink), tokens.ink(*surface));
                assert!(found >= *least, "{theme:?}: {ink:?} on {surface:?} has a contrast of {found:.2}, less than {least}");
            }
            let chosen = [tokens.text.0, tokens.dim.0, tokens.accent.0].map(|text| contrast(text, tokens.accent_fill.0));
            assert!(chosen.iter().all(|found| *found >= TEXT_MIN), "{theme:?}: on what is chosen {chosen:?}");
        }
    }
}
