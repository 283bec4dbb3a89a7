//! Made-up snapshots and a window without a desktop, for tests and benches: `business` and `generated` make snapshots,
//! `fixed_source` publishes them, `frames` draws, `loads` are the largest states of each view, `methods` a server of many, `reader` reads all that is said.

mod business;
mod fixed_source;
mod frames;
mod generated;
mod loads;
mod methods;
mod reader;

pub use business::{Business, figure, order_business};
pub use fixed_source::FixedSource;
pub use frames::Frames;
pub use generated::{edges_of, generated, large_business, lay_out};
pub use loads::{Load, loads};
pub use reader::read_window;

/// The time at which made-up snapshots are taken, ns since the Unix epoch.
pub const NOW_NS: i64 = 1_795_258_800_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// The texts that a frame paints, whole.
fn shape_texts(output: &egui::FullOutput) -> Vec<String> {
    galleys(output).into_iter().map(|galley| galley.text().to_owned()).collect()
}

/// The texts that a frame paints as they stand there: what is cut is cut.
#[cfg(test)]
pub(crate) fn painted_lines(output: &egui::FullOutput) -> Vec<String> {
    galleys(output).into_iter().map(|galley| galley.rows.iter().map(|placed| placed.row.text()).collect()).collect()
}

/// The texts that a frame paints, laid out.
pub(crate) fn galleys(output: &egui::FullOutput) -> Vec<&egui::Galley> {
    text_shapes(output).into_iter().map(|text| &*text.galley).collect()
}

/// The texts that a frame paints, each with its place.
fn text_shapes(output: &egui::FullOutput) -> Vec<&egui::epaint::TextShape> {
    fn add<'a>(shape: &'a egui::Shape, texts: &mut Vec<&'a egui::epaint::TextShape>) {
        match shape {
            egui::Shape::Text(text) => texts.push(text),
            egui::Shape::Vec(shapes) => shapes.iter().for_each(|shape| add(shape, texts)),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    output.shapes.iter().for_each(|clipped| add(&clipped.shape, &mut texts));
    texts
}
