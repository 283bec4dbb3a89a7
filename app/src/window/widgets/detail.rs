//! What is known of the selected object: heading, sentences, and sections of rows. Pure first, so that the same can be copied as
//! text and as Markdown; then drawn.

use egui::{Align, Layout, Rect, RichText, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};

use crate::window::{
    command::UiCommand,
    fonts,
    map::{
        glyph,
        paint::{fitted, tone_inks},
        scene::{Glyph, Tone},
    },
    sanitise::visible,
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_BODY_PT, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::ViewAction,
};

/// Room left and right, points.
const MARGIN_PT: i8 = 18;
/// Height of a row, points.
const ROW_PT: f32 = 21.0;

/// What is known of an object. All text in it is safe to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Detail {
    /// Its name.
    pub title: String,
    /// What it is.
    pub kind: String,
    /// What to think of it, in sentences.
    pub verdict: Vec<(String, Tone)>,
    /// The rest.
    pub sections: Vec<Section>,
}

/// A section.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    /// Its heading.
    pub title: String,
    /// Right of the heading, faint.
    pub note: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A name and what it is.
    Pair {
        /// The name.
        key: String,
        /// What it is.
        value: String,
        /// How it was read, faint; empty where that is plain.
        how: String,
        /// How urgent.
        tone: Tone,
        /// What a click does.
        action: Option<ViewAction>,
    },
    /// A sentence.
    Text {
        /// The sentence.
        text: String,
        /// How urgent.
        tone: Tone,
    },
    /// One of a list.
    Link {
        /// Its sign.
        glyph: Option<Glyph>,
        /// Its name.
        label: String,
        /// Its figure.
        value: String,
        /// More about it, below.
        detail: String,
        /// How urgent.
        tone: Tone,
        /// What a click does.
        action: Option<ViewAction>,
    },
}

impl Row {
    /// A name and what it is.
    pub(crate) fn pair(key: &str, value: &str) -> Self {
        Self::Pair { key: visible(key).into_owned(), value: visible(value).into_owned(), how: String::new(), tone: Tone::Quiet, action: None }
    }

    /// A sentence.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text { text: visible(text).into_owned(), tone: Tone::Quiet }
    }

    /// One of a list.
    pub(crate) fn link(label: &str, value: &str, action: Option<ViewAction>) -> Self {
        let (label, value) = (visible(label).into_owned(), visible(value).into_owned());
        Self::Link { glyph: None, label, value, detail: String::new(), tone: Tone::Quiet, action }
    }

    /// The same, with how its value was read.
    pub(crate) fn read(self, by: &str) -> Self {
        match self {
            Self::Pair { key, value, tone, action, .. } => Self::Pair { key, value, how: by.to_owned(), tone, action },
            other => other,
        }
    }

    /// The same, of this urgency.
    pub(crate) fn toned(self, to: Tone) -> Self {
        match self {
            Self::Pair { key, value, how, action, .. } => Self::Pair { key, value, how, tone: to, action },
            Self::Text { text, .. } => Self::Text { text, tone: to },
            Self::Link { glyph, label, value, detail, action, .. } => Self::Link { glyph, label, value, detail, tone: to, action },
        }
    }

    /// The same, with a sign.
    pub(crate) fn signed(self, sign: Glyph) -> Self {
        match self {
            Self::Link { label, value, detail, tone, action, .. } => Self::Link { glyph: Some(sign), label, value, detail, tone, action },
            other => other,
        }
    }

    /// The same, with a second line.
    pub(crate) fn explained(self, by: &str) -> Self {
        match self {
            Self::Link { glyph, label, value, tone, action, .. } => Self::Link { glyph, label, value, detail: visible(by).into_owned(), tone, action },
            other => other,
        }
    }

    /// The same, and a click does this.
    pub(crate) fn doing(self, what: Option<ViewAction>) -> Self {
        match self {
            Self::Pair { key, value, how, tone, .. } => Self::Pair { key, value, how, tone, action: what },
            Self::Link { glyph, label, value, detail, tone, .. } => Self::Link { glyph, label, value, detail, tone, action: what },
            text @ Self::Text { .. } => text,
        }
    }
}

impl Section {
    /// A section of these rows.
    pub(crate) fn new(title: &str, rows: Vec<Row>) -> Self {
        Self { title: title.to_owned(), note: String::new(), rows }
    }

    /// The same, with a note.
    pub(crate) fn noted(self, note: &str) -> Self {
        Self { note: visible(note).into_owned(), ..self }
    }
}

impl Detail {
    /// All of it as lines.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.title, self.kind);
        for (sentence, _) in &self.verdict {
            text.push_str(&format!("{sentence}\n"));
        }
        for section in &self.sections {
            text.push_str(&format!("\n{}\n", section.heading()));
            for row in &section.rows {
                text.push_str(&match row {
                    Row::Pair { key, value, how, .. } if how.is_empty() => format!("  {key}  {value}\n"),
                    Row::Pair { key, value, how, .. } => format!("  {key}  {value}  ({how})\n"),
                    Row::Text { text, .. } => format!("  {text}\n"),
                    Row::Link { label, value, detail, .. } => format!("  {}\n", joined(&[label, value, detail], "  ")),
                });
            }
        }
        text
    }

    /// All of it as Markdown.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n", escaped(&self.title), escaped(&self.kind));
        for (sentence, _) in &self.verdict {
            text.push_str(&format!("\n{}\n", escaped(sentence)));
        }
        for section in &self.sections {
            text.push_str(&format!("\n**{}**\n\n", escaped(&section.heading())));
            for row in &section.rows {
                text.push_str(&match row {
                    Row::Pair { key, value, how, .. } if how.is_empty() => format!("- {}: {}\n", escaped(key), code(value)),
                    Row::Pair { key, value, how, .. } => format!("- {}: {} ({how})\n", escaped(key), code(value)),
                    Row::Text { text, .. } => format!("- {}\n", escaped(text)),
                    Row::Link { label, value, detail, .. } => format!("- {}\n", escaped(&joined(&[label, value, detail], " · "))),
                });
            }
        }
        text
    }
}

impl Section {
    fn heading(&self) -> String {
        joined(&[&self.title, &self.note], " · ")
    }
}

fn joined(parts: &[&String], by: &str) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(|part| part.as_str()).collect::<Vec<_>>().join(by)
}

/// Text in which Markdown sees no markup.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!') {
            shown.push('\\');
        }
        shown.push(c);
    }
    shown
}

/// Text as code, whatever backticks are in it.
fn code(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    if longest == 0 { format!("{fence}{text}{fence}") } else { format!("{fence} {text} {fence}") }
}

/// Draws heading, kind and sentences; whether it is to be copied.
pub(crate) fn head_ui(ui: &mut egui::Ui, detail: &Detail, tokens: &DesignTokens) -> Option<ViewAction> {
    let mut asked = None;
    egui::Frame::new().inner_margin(egui::Margin { left: MARGIN_PT, right: MARGIN_PT, top: 14, bottom: 12 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 5.0);
        ui.horizontal(|ui| {
            let room = (ui.available_width() - 60.0).max(60.0);
            let galley = fitted(ui.painter(), &detail.title, &fonts::strong(TEXT_HEADING_PT), room);
            let (rect, response) = ui.allocate_exact_size(vec2(room, 24.0), Sense::hover());
            ui.painter().galley(pos2(rect.left(), rect.center().y - galley.size().y / 2.0), galley, tokens.ink(Ink::Text));
            response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &detail.title));
            response.on_hover_text(&detail.title);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let copy = egui::Button::new(RichText::new("Copy").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).min_size(vec2(46.0, 24.0));
                if ui.add(copy).on_hover_text("As text; JSON and Markdown are in the menu").clicked() {
                    asked = Some(ViewAction::Run(UiCommand::CopyText));
                }
            });
        });
        ui.add(egui::Label::new(RichText::new(&detail.kind).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim))).wrap());
        for (text, tone) in &detail.verdict {
            let ink = if *tone == Tone::Quiet { Ink::Text } else { tone_inks(*tone).0 };
            ui.add(egui::Label::new(RichText::new(text).color(tokens.ink(ink))).wrap());
        }
    });
    asked
}

/// Draws a section with a line above it; what was clicked.
pub(crate) fn section_ui(ui: &mut egui::Ui, section: &Section, tokens: &DesignTokens) -> Option<ViewAction> {
    let mut asked = None;
    framed_ui(ui, &section.title, &section.note, tokens, |ui| {
        let key_width = key_width(ui, &section.rows);
        for row in &section.rows {
            asked = row_ui(ui, row, key_width, tokens).or(asked.take());
        }
    });
    asked
}

/// Draws a section of something else than rows.
pub(crate) fn framed_ui(ui: &mut egui::Ui, title: &str, note: &str, tokens: &DesignTokens, content: impl FnOnce(&mut egui::Ui)) {
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(line.x_range(), line.center().y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    egui::Frame::new().inner_margin(egui::Margin::symmetric(MARGIN_PT, 10)).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 3.0);
        if !title.is_empty() {
            ui.horizontal(|ui| {
                ui.label(RichText::new(title).font(fonts::strong(TEXT_BODY_PT)).color(tokens.ink(Ink::Text)));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add(egui::Label::new(RichText::new(note).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).truncate());
                });
            });
            ui.add_space(1.0);
        }
        content(ui);
    });
}

/// Room for the names of a section's pairs: enough for the longest, but at most half of all.
fn key_width(ui: &egui::Ui, rows: &[Row]) -> f32 {
    let width = ui.available_width();
    let key = |row: &Row| match row {
        Row::Pair { key, .. } => Some(key.chars().count()),
        Row::Text { .. } | Row::Link { .. } => None,
    };
    // The face is mono: all characters are as wide as this one.
    let char_width = ui.ctx().fonts_mut(|fonts| fonts.glyph_width(&fonts::data(TEXT_SMALL_PT), '0'));
    let longest = rows.iter().filter_map(key).max().unwrap_or(0) as f32 * char_width + 12.0;
    longest.min(width * 0.5).max((width * 0.4).clamp(60.0, 220.0))
}

fn row_ui(ui: &mut egui::Ui, row: &Row, key_width: f32, tokens: &DesignTokens) -> Option<ViewAction> {
    match row {
        Row::Text { text, tone } => {
            ui.add(egui::Label::new(RichText::new(text).size(12.0).color(tokens.ink(tone_inks(*tone).0))).wrap());
            None
        }
        Row::Pair { key, value, how, tone, action } => {
            let ink = match (tone, action) {
                (Tone::Quiet, Some(_)) => Ink::Accent,
                (Tone::Quiet, None) => Ink::Text,
                (tone, _) => tone_inks(*tone).0,
            };
            pair_ui(ui, [key, value, how], key_width, ink, action.is_some(), tokens).then(|| action.clone()).flatten()
        }
        Row::Link { glyph, label, value, detail, tone, action } => {
            let texts = [label.as_str(), value, detail];
            link_ui(ui, *glyph, texts, *tone, action.is_some(), tokens).then(|| action.clone()).flatten()
        }
    }
}

/// A name left, what it is beside it, how it was read at the end; whether it was clicked.
fn pair_ui(ui: &mut egui::Ui, [key, value, how]: [&str; 3], key_width: f32, ink: Ink, is_link: bool, tokens: &DesignTokens) -> bool {
    let width = ui.available_width();
    let painter = ui.painter().clone();
    let wrapped = |text: &str, size_pt: f32, ink: Ink, room: f32, rows_max: usize, anywhere: bool| {
        let mut job = egui::text::LayoutJob::simple(text.to_owned(), fonts::data(size_pt), tokens.ink(ink), room);
        job.wrap.break_anywhere = anywhere;
        job.wrap.max_rows = rows_max;
        painter.layout_job(job)
    };
    let key_galley = wrapped(key, TEXT_SMALL_PT, Ink::Dim, key_width - 10.0, 3, false);
    let how_galley = (!how.is_empty()).then(|| fitted(&painter, how, &fonts::words(TEXT_SMALL_PT), width * 0.3));
    let room = (width - key_width - how_galley.as_ref().map_or(0.0, |galley| galley.size().x + 8.0)).max(20.0);
    let value_galley = wrapped(value, 12.0, ink, room, 6, true);
    let height = ROW_PT.max(value_galley.size().y.max(key_galley.size().y) + 5.0);
    let sense = if is_link { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), sense);
    if is_link && (response.hovered() || response.has_focus()) {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let top = rect.top() + 2.5;
    painter.galley(pos2(rect.left(), top), key_galley, tokens.ink(Ink::Dim));
    painter.galley(pos2(rect.left() + key_width, top), value_galley, tokens.ink(ink));
    if let Some(galley) = how_galley {
        painter.galley(pos2(rect.right() - galley.size().x, top), galley, tokens.ink(Ink::Faint));
    }
    let role = if is_link { Role::Button } else { Role::Label };
    response.widget_info(|| WidgetInfo::labeled(role, true, if how.is_empty() { format!("{key} {value}") } else { format!("{key} {value}, {how}") }));
    let clicked = response.clicked();
    response.on_hover_text(key);
    clicked
}

/// A sign, a name, a figure at the end, and more below; whether it was clicked.
fn link_ui(ui: &mut egui::Ui, sign: Option<Glyph>, [label, value, detail]: [&str; 3], tone: Tone, is_link: bool, tokens: &DesignTokens) -> bool {
    let inset = if sign.is_some() { 20.0 } else { 0.0 };
    let width = ui.available_width();
    let quiet = if is_link { Ink::Accent } else { Ink::Text };
    let color = tokens.ink(if tone == Tone::Quiet { quiet } else { tone_inks(tone).0 });
    let painter = ui.painter().clone();
    let value_galley = fitted(&painter, value, &fonts::data(12.0), width * 0.5);
    let label_galley = fitted(&painter, label, &fonts::words(12.5), (width - inset - value_galley.size().x - 10.0).max(20.0));
    let detail_galley =
        (!detail.is_empty()).then(|| painter.layout(detail.to_owned(), fonts::words(TEXT_SMALL_PT), tokens.ink(Ink::Dim), (width - inset).max(20.0)));
    let height = 22.0 + detail_galley.as_ref().map_or(0.0, |galley| galley.size().y + 2.0);
    let sense = if is_link { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), sense);
    if is_link && (response.hovered() || response.has_focus()) {
        painter.rect_filled(rect.expand2(vec2(8.0, 0.0)), RADIUS_PT, tokens.ink(Ink::Raised));
    }
    let first = Rect::from_min_size(rect.min, vec2(width, 22.0));
    if let Some(sign) = sign {
        glyph::paint(&painter, sign, pos2(first.left() + 6.0, first.center().y), 5.0, color);
    }
    let middle = |galley: &egui::Galley| first.center().y - galley.size().y / 2.0;
    painter.galley(pos2(first.right() - value_galley.size().x, middle(&value_galley)), value_galley, tokens.ink(if is_link { Ink::Dim } else { Ink::Text }));
    painter.galley(pos2(first.left() + inset, middle(&label_galley)), label_galley, color);
    if let Some(galley) = detail_galley {
        painter.galley(pos2(first.left() + inset, first.bottom() - 1.0), galley, tokens.ink(Ink::Dim));
    }
    let role = if is_link { Role::Button } else { Role::Label };
    response.widget_info(|| {
        let parts: Vec<&str> = [label, value, detail].into_iter().filter(|part| !part.is_empty()).collect();
        WidgetInfo::labeled(role, true, parts.join(", "))
    });
    response.clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail() -> Detail {
        Detail {
            title: "POST /pay".to_owned(),
            kind: "client · orders-1".to_owned(),
            verdict: vec![("Timed out".to_owned(), Tone::Bad)],
            sections: vec![
                Section::new("Attributes", vec![Row::pair("url.full", "http://payments/`pay`"), Row::pair("offset", "18204").read("8 bytes, big-endian")]),
                Section::new("Links", vec![Row::link("shipping", "71 ms", None).explained("batch of 40")]).noted("1"),
            ],
        }
    }

    #[test]
    fn an_object_is_copied_as_lines_and_as_markdown() {
        insta::assert_snapshot!(detail().to_text(), @r"
        POST /pay
        client · orders-1
        Timed out

        Attributes
          url.full  http://payments/`pay`
          offset  18204  (8 bytes, big-endian)

        Links · 1
          shipping  71 ms  batch of 40
        ");
        insta::assert_snapshot!(detail().to_markdown(), @r"
        ### POST /pay

        client · orders-1

        Timed out

        **Attributes**

        - url.full: `` http://payments/`pay` ``
        - offset: `18204` (8 bytes, big-endian)

        **Links · 1**

        - shipping · 71 ms · batch of 40
        ");
    }

    #[test]
    fn text_from_elsewhere_makes_no_markup() {
        let evil = Detail { title: "<b>*x*</b> [a](http://b)".to_owned(), ..Detail::default() };
        assert_eq!(evil.to_markdown().lines().next(), Some("### \\<b\\>\\*x\\*\\</b\\> \\[a\\](http://b)"));
    }
}
