//! Draws what is changed in a record, place by place.

use egui::{Color32, FontId, RichText, TextFormat, WidgetInfo, accesskit::Role, text::LayoutJob};
use switchboard_desk::send::{
    edit::{Difference, OtherPlace, Part},
    replay::RecordPart,
};

use super::changed::{ChangedRecord, Told};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    widgets::detail::framed_ui,
};

/// Size of what is another, points.
const DATA_PT: f32 = 12.0;

/// Draws what changes change in records.
pub(super) fn changed_records_ui(ui: &mut egui::Ui, records: &[ChangedRecord<'_>], tokens: &DesignTokens) {
    framed_ui(ui, "What is changed", "", tokens, |ui| {
        for (nth, record) in records.iter().enumerate() {
            if nth > 0 {
                ui.add_space(6.0);
            }
            words_ui(ui, &record.place, Ink::Text, tokens);
            match &record.told {
                Told::Changes(parts, headers) => {
                    for (part, difference) in parts {
                        let name = match part {
                            RecordPart::Key => "key",
                            RecordPart::Value => "value",
                        };
                        difference_ui(ui, name, difference, tokens);
                    }
                    for header in headers {
                        words_ui(ui, header, Ink::Dim, tokens);
                    }
                }
                Told::Reading => words_ui(ui, "Reading it again from the broker…", Ink::Dim, tokens),
                Told::Unread => words_ui(ui, "It was not read again yet: select it", Ink::Dim, tokens),
                Told::Failed(why) => words_ui(ui, &format!("It cannot be looked at: {}", visible(why)), Ink::Warn, tokens),
            }
        }
    });
}

/// Draws how a key or a value differs.
pub(super) fn difference_ui(ui: &mut egui::Ui, name: &str, difference: &Difference, tokens: &DesignTokens) {
    let is_of_several_lines = difference.places.iter().any(|place| place.at > 1);
    if difference.was_null {
        words_ui(ui, &format!("{name} was null"), Ink::Dim, tokens);
    }
    if difference.is_null {
        words_ui(ui, &format!("{name} becomes null"), Ink::Dim, tokens);
    }
    for place in &difference.places {
        let at = if is_of_several_lines { format!("{name} · {}", figures::count(place.at as u64)) } else { name.to_owned() };
        words_ui(ui, &at, Ink::Dim, tokens);
        // What only goes, or only comes, is one line.
        if !place.was.text.is_empty() {
            line_ui(ui, "−", "was", (place, &place.was), Ink::Bad, tokens);
        }
        if !place.now.text.is_empty() {
            line_ui(ui, "+", "now", (place, &place.now), Ink::Good, tokens);
        }
    }
    if difference.num_more > 0 {
        words_ui(ui, &format!("and {} in the {name}", figures::things(difference.num_more as u64, "more place", "more places")), Ink::Dim, tokens);
    }
    if difference.is_cut {
        words_ui(ui, &format!("The {name} is long: what lies further behind the first change was not compared"), Ink::Dim, tokens);
    }
}

fn words_ui(ui: &mut egui::Ui, words: &str, ink: Ink, tokens: &DesignTokens) {
    ui.add(egui::Label::new(RichText::new(words).size(TEXT_SMALL_PT).color(tokens.ink(ink))).wrap());
}

fn line_ui(ui: &mut egui::Ui, sign: &str, word: &str, (place, part): (&OtherPlace, &Part), ink: Ink, tokens: &DesignTokens) {
    let font = fonts::data(DATA_PT);
    let of = |font: &FontId, color: Color32| TextFormat { font_id: font.clone(), color, ..TextFormat::default() };
    let (dim, other) = (of(&font, tokens.ink(Ink::Dim)), of(&font, tokens.ink(ink)));
    let more = if part.num_more > 0 { format!("… {} more", figures::count(part.num_more as u64)) } else { String::new() };
    let mut job = LayoutJob::default();
    job.append(&format!("{sign} "), 0.0, other.clone());
    job.append(&visible(&place.before), 0.0, dim.clone());
    job.append(&visible(&part.text), 0.0, other);
    job.append(&more, 0.0, dim.clone());
    job.append(&visible(&place.behind), 0.0, dim);
    let text = format!("{word}: {}{}{more}{}", visible(&place.before), visible(&part.text), visible(&place.behind));
    let response = ui.add(egui::Label::new(job).wrap());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
}
