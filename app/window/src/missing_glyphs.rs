//! What is drawn for a character that no font here has: a box with its code point, so that two names that nobody can read are still
//! told apart.

use egui::{Color32, ColorImage, GlyphBitmap, GlyphRasterizer, GlyphRasterizerRequest, RasterizedGlyph, vec2};

/// Digits of 3 × 5 dots, a row of three bits each.
const DIGITS: [[u8; 5]; 16] = [
    [0b111, 0b101, 0b101, 0b101, 0b111],
    [0b010, 0b110, 0b010, 0b010, 0b111],
    [0b111, 0b001, 0b111, 0b100, 0b111],
    [0b111, 0b001, 0b111, 0b001, 0b111],
    [0b101, 0b101, 0b111, 0b001, 0b001],
    [0b111, 0b100, 0b111, 0b001, 0b111],
    [0b111, 0b100, 0b111, 0b101, 0b111],
    [0b111, 0b001, 0b010, 0b010, 0b010],
    [0b111, 0b101, 0b111, 0b101, 0b111],
    [0b111, 0b101, 0b111, 0b001, 0b111],
    [0b010, 0b101, 0b111, 0b101, 0b101],
    [0b110, 0b101, 0b110, 0b101, 0b110],
    [0b111, 0b100, 0b100, 0b100, 0b111],
    [0b110, 0b101, 0b101, 0b101, 0b110],
    [0b111, 0b100, 0b110, 0b100, 0b111],
    [0b111, 0b100, 0b110, 0b100, 0b100],
];
const DIGIT_DOTS: [usize; 2] = [3, 5];
/// Rows of digits.
const NUM_ROWS: usize = 2;
/// From the edge to the first digit: the frame and a gap.
const PADDING_DOTS: usize = 2;
const HEIGHT_DOTS: usize = NUM_ROWS * (DIGIT_DOTS[1] + 1) - 1 + 2 * PADDING_DOTS;
/// Of the box, so much stands below the baseline.
const BELOW_DOTS: usize = 3;
/// Between two boxes.
const GAP_DOTS: usize = 1;
/// At this size a dot is a pixel.
const PX_PER_DOT: f32 = 13.0;
/// Characters of a cluster that are told.
const CHARS_MAX: usize = 4;

/// Lets a context draw boxes with code points instead of empty ones.
pub(crate) fn install(ctx: &egui::Context) {
    ctx.set_glyph_rasterizers(vec![GlyphRasterizer::new("switchboard::missing_glyphs", |request| Some(drawn(request)))]);
}

fn drawn(request: &GlyphRasterizerRequest<'_>) -> RasterizedGlyph {
    let boxes: Vec<CodePointBox> = request.cluster.chars().take(CHARS_MAX).map(CodePointBox::of).collect();
    let width_dots = boxes.iter().map(|one| one.width_dots() + GAP_DOTS).sum::<usize>();
    let scale = (request.font_size_px / PX_PER_DOT).round().max(1.0) as usize;
    let mut image = ColorImage::filled([width_dots * scale, HEIGHT_DOTS * scale], Color32::TRANSPARENT);
    let mut left = 0;
    for one in &boxes {
        one.each_dot(|x, y| {
            for at in 0..scale * scale {
                image[((left + x) * scale + at % scale, y * scale + at / scale)] = Color32::WHITE;
            }
        });
        left += one.width_dots() + GAP_DOTS;
    }
    let offset_px = vec2(scale as f32, -(((HEIGHT_DOTS - BELOW_DOTS) * scale) as f32));
    let advance_px = ((width_dots + GAP_DOTS) * scale) as f32;
    RasterizedGlyph { bitmap: GlyphBitmap { image, offset_px, is_color: false }, advance_px }
}

/// A character's code point, four digits or six.
struct CodePointBox {
    digits: Vec<u8>,
}

impl CodePointBox {
    fn of(c: char) -> Self {
        let code = u32::from(c);
        let num_digits = if code > 0xffff { 6 } else { 4 };
        Self { digits: (0..num_digits).rev().map(|place| (code >> (4 * place) & 0xf) as u8).collect() }
    }

    fn num_columns(&self) -> usize {
        self.digits.len() / NUM_ROWS
    }

    fn width_dots(&self) -> usize {
        self.num_columns() * (DIGIT_DOTS[0] + 1) - 1 + 2 * PADDING_DOTS
    }

    /// Calls back with each dot of the frame and the digits.
    fn each_dot(&self, mut dot: impl FnMut(usize, usize)) {
        let (right, bottom) = (self.width_dots() - 1, HEIGHT_DOTS - 1);
        for x in 0..=right {
            dot(x, 0);
            dot(x, bottom);
        }
        for y in 1..bottom {
            dot(0, y);
            dot(right, y);
        }
        for (place, digit) in self.digits.iter().enumerate() {
            let left = PADDING_DOTS + place % self.num_columns() * (DIGIT_DOTS[0] + 1);
            let top = PADDING_DOTS + place / self.num_columns() * (DIGIT_DOTS[1] + 1);
            for (y, row) in DIGITS[usize::from(*digit)].iter().enumerate() {
                (0..DIGIT_DOTS[0]).filter(|x| row >> (DIGIT_DOTS[0] - 1 - x) & 1 == 1).for_each(|x| dot(left + x, top + y));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        WindowOptions, fonts,
        shell::{Window, app::desktop::created, screenshot, settings::Settings},
        testing::FixedSource,
    };
    use egui::FontFamily;
    use switchboard_engine::view::Snapshot;

    fn glyph(cluster: &str, font_size_px: f32) -> RasterizedGlyph {
        drawn(&GlyphRasterizerRequest { cluster, family: &FontFamily::Proportional, font_size_px, subpixel_offset_px: 0.0 })
    }

    fn dots(cluster: &str) -> Vec<String> {
        let image = glyph(cluster, 13.0).bitmap.image;
        let row = |y: usize| (0..image.width()).map(|x| if image[(x, y)] == Color32::WHITE { '#' } else { '.' }).collect();
        (0..image.height()).map(row).collect()
    }

    #[test]
    fn a_box_shows_the_code_point() {
        let hiragana_a = [
            "###########.",
            "#.........#.",
            "#.###.###.#.",
            "#...#.#.#.#.",
            "#.###.#.#.#.",
            "#...#.#.#.#.",
            "#.###.###.#.",
            "#.........#.",
            "#.#.#.###.#.",
            "#.#.#...#.#.",
            "#.###.###.#.",
            "#...#.#...#.",
            "#...#.###.#.",
            "#.........#.",
            "###########.",
        ];
        assert_eq!(dots("\u{3042}"), hiragana_a);
    }

    /// The rows of a part of a picture.
    fn rows(image: &ColorImage, min: [usize; 2], max: [usize; 2]) -> Vec<String> {
        let row = |y: usize| (min[0]..max[0]).map(|x| if image[(x, y)].a() > 0 { '#' } else { '.' }).collect();
        (min[1]..max[1]).map(row).collect()
    }

    /// Checks that each of some characters which no face of a context has is drawn as its box, other than the others.
    fn check_boxes(ctx: &egui::Context) {
        let mut all = Vec::new();
        let frame = ctx.run_ui(egui::RawInput::default(), |ui| {
            all.clear();
            let pixels_per_point = ui.ctx().pixels_per_point();
            for font in [fonts::words(13.0), fonts::strong(13.0), fonts::data(13.0)] {
                for lacking in ['日', '本', 'ع', 'ก', '🦀'] {
                    let (is_there, laid_out) = ui.ctx().fonts_mut(|view| {
                        let galley = view.layout_no_wrap(lacking.to_string(), font.clone(), Color32::WHITE);
                        let place = galley.rows[0].row.glyphs[0].uv_rect;
                        (view.has_glyph(&font, lacking), rows(&view.image(), place.min.map(usize::from), place.max.map(usize::from)))
                    });
                    let own = glyph(&lacking.to_string(), 13.0 * pixels_per_point).bitmap.image;
                    all.push((lacking, font.clone(), is_there, laid_out, rows(&own, [0, 0], own.size)));
                }
            }
        });
        frame.drop_without_applying_deltas();
        assert_eq!(all.len(), 15);
        for (lacking, font, is_there, laid_out, own) in &all {
            assert!(!is_there, "a face has {lacking} by now; take another character");
            assert_eq!(laid_out, own, "{lacking} in {font:?}");
            assert!(all.iter().all(|(other, .., other_laid_out, _)| other == lacking || other_laid_out != laid_out), "{lacking} looks like another");
        }
    }

    #[test]
    fn window_and_picture_draw_each_character_that_their_faces_lack_as_a_box_with_its_code_point() {
        // Without eframe's own fonts of the desktop, so whatever is installed there.
        let creation = eframe::CreationContext::_new_kittest(egui::Context::default());
        let _app = created(&creation, Box::new(FixedSource::new(Snapshot::default())), WindowOptions::default(), false);
        check_boxes(&creation.egui_ctx);
        let ctx = screenshot::context();
        let _window = Window::new(&ctx, Settings::default(), WindowOptions::default());
        check_boxes(&ctx);
    }

    #[test]
    fn no_two_characters_look_the_same() {
        let all: Vec<Vec<String>> = ["日", "本", "語", "ع", "ر", "🦀", "🐙", "🦀🐙", "ก"].into_iter().map(dots).collect();
        for (place, one) in all.iter().enumerate() {
            assert!(all[..place].iter().all(|other| other != one), "{one:#?}");
        }
        for one in 0..DIGITS.len() {
            assert!(DIGITS[..one].iter().all(|other| *other != DIGITS[one]), "{one:x}");
        }
    }

    #[test]
    fn boxes_grow_with_the_font_and_stand_apart() {
        let (small, large) = (glyph("語", 12.0), glyph("語", 26.0));
        assert_eq!([small.bitmap.image.width() * 2, small.bitmap.image.height() * 2], large.bitmap.image.size);
        assert!(small.advance_px > small.bitmap.image.width() as f32 && small.bitmap.offset_px.y < 0.0);
        let long: String = std::iter::repeat_n('語', 1_000).collect();
        assert!(glyph(&long, 12.0).bitmap.image.width() < 100, "a cluster of any length is drawn in bounds");
    }
}
