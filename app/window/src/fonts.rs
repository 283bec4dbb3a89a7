//! The bundled faces: Inter for words, `JetBrains Mono` for data (its figures are all equally wide).

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily, FontId};

const REGULAR: &str = "Inter Regular";
const SEMIBOLD: &str = "Inter SemiBold";
const MONO: &str = "JetBrains Mono Regular";

/// Width of every character of the mono face, as a part of its size.
pub(crate) const MONO_ADVANCE: f32 = 0.6;

/// The family of headings and names.
pub(crate) fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// A semibold font.
pub(crate) fn strong(size_pt: f32) -> FontId {
    FontId::new(size_pt, semibold())
}

/// The font of words.
pub(crate) fn words(size_pt: f32) -> FontId {
    FontId::new(size_pt, FontFamily::Proportional)
}

/// The font of data.
pub(crate) fn data(size_pt: f32) -> FontId {
    FontId::new(size_pt, FontFamily::Monospace)
}

/// Gives the context exactly these faces, so that it looks the same everywhere.
pub(crate) fn install(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [
        (REGULAR, include_bytes!("../../../assets/fonts/Inter-Regular.otf").as_slice()),
        (SEMIBOLD, include_bytes!("../../../assets/fonts/Inter-SemiBold.otf").as_slice()),
        (MONO, include_bytes!("../../../assets/fonts/JetBrainsMono-Regular.ttf").as_slice()),
    ] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    let names = |names: [&str; 3]| names.map(str::to_owned).to_vec();
    fonts.families.insert(FontFamily::Proportional, names([REGULAR, MONO, SEMIBOLD]));
    fonts.families.insert(semibold(), names([SEMIBOLD, REGULAR, MONO]));
    fonts.families.insert(FontFamily::Monospace, names([MONO, REGULAR, SEMIBOLD]));
    ctx.set_fonts(fonts);
}
