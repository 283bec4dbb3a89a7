//! What every view draws with: tones and signs, text that fits its room, lines as one mesh. It knows no view.

mod fitted;
pub(crate) mod glyph;
pub(crate) mod signs;
mod stroke_mesh;
mod tone;

pub(crate) use fitted::{cut_to, fitted, one_line};
pub(crate) use glyph::Glyph;
pub(crate) use stroke_mesh::StrokeMesh;
pub(crate) use tone::{Tone, tone_inks};
