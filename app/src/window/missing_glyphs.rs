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
    use egui::FontFamily;

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
