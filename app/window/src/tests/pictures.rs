//! Pictures that tests compare with what is drawn. They are kept with 256 colours, a quarter of the bytes: the commonest as they are, the
//! rest (the edges of letters) as the nearest of these; what is drawn is brought to as few before it is compared.

use std::collections::HashMap;
use std::path::Path;

use egui_kittest::SnapshotOptions;

use crate::ScreenshotError;

/// Where they lie, from the package's folder.
const FOLDER: &str = "tests/snapshots";
/// What one byte a pixel can tell apart.
const MAX_COLOURS: usize = 256;
/// Squared distance of two colours (YIQ, weighted) that counts as the same: some 5 of 255 levels of grey.
const SAME_WITHIN: f32 = 16.0;
/// How many pixels may differ: another graphics driver rounds edges in another way.
const MAX_FAILED_PIXELS: usize = 200;

/// Compares what was drawn with the picture of that name. Where nothing can draw it says so. `UPDATE_SNAPSHOTS=1` keeps what was drawn
/// instead, where it differs.
pub(crate) fn compare(name: &str, drawn: Result<image::RgbaImage, ScreenshotError>) {
    let image = match drawn {
        Ok(image) => image,
        Err(ScreenshotError::NoAdapter(reason)) => return println!("SKIPPED picture {name}: {reason}"),
        Err(error) => panic!("picture {name}: {error}"),
    };
    let picture = Indexed::of(&image);
    let options = SnapshotOptions::new().threshold(SAME_WITHIN).max_failed_pixels(MAX_FAILED_PIXELS).output_path(FOLDER);
    egui_kittest::image_snapshot_options(&picture.image(), name, &options);
    let path = Path::new(FOLDER).join(format!("{name}.png"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() && !is_indexed(&path) {
        std::fs::write(&path, picture.png()).expect("written");
    }
}

/// A picture as it is kept.
struct Indexed {
    size_px: (u32, u32),
    /// Red, green, blue.
    colours: Vec<[u8; 3]>,
    /// Places in `colours`, row by row.
    pixels: Vec<u8>,
}

impl Indexed {
    fn of(image: &image::RgbaImage) -> Self {
        let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
        for [red, green, blue, _] in image.pixels().map(|pixel| pixel.0) {
            *counts.entry([red, green, blue]).or_default() += 1;
        }
        let mut colours: Vec<[u8; 3]> = counts.keys().copied().collect();
        colours.sort_unstable_by_key(|colour| (std::cmp::Reverse(counts[colour]), *colour));
        let kept = &colours[..colours.len().min(MAX_COLOURS)];
        let nearest = |colour: &[u8; 3]| (0..=u8::MAX).zip(kept).min_by_key(|(_, other)| distance(*colour, **other)).map_or(0, |(at, _)| at);
        let places: HashMap<[u8; 3], u8> = counts.keys().map(|colour| (*colour, nearest(colour))).collect();
        let pixels = image.pixels().map(|pixel| places[&[pixel.0[0], pixel.0[1], pixel.0[2]]]).collect();
        Self { size_px: image.dimensions(), colours: kept.to_vec(), pixels }
    }

    fn image(&self) -> image::RgbaImage {
        let (width, height) = self.size_px;
        let rgba = |place: &u8| {
            let [red, green, blue] = self.colours[usize::from(*place)];
            [red, green, blue, u8::MAX]
        };
        image::RgbaImage::from_raw(width, height, self.pixels.iter().flat_map(rgba).collect()).expect("a pixel for each place")
    }

    fn png(&self) -> Vec<u8> {
        let (width, height) = self.size_px;
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(self.colours.concat());
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.pixels)).expect("into memory");
        bytes
    }
}

fn distance(one: [u8; 3], other: [u8; 3]) -> u32 {
    one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(other)).pow(2)).sum()
}

/// Whether a PNG file has a byte a pixel: its 26th says how colours are told.
fn is_indexed(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.get(25) == Some(&3))
}

#[test]
fn a_picture_keeps_its_commonest_colours_and_brings_the_rest_near() {
    // 300 colours, of which the last 44 are seldom, and near others.
    let colour = |at: u32| image::Rgba([(at % 256) as u8, (at / 256 * 3) as u8, 0, 255]);
    let image = image::RgbaImage::from_fn(300, 4, |x, y| colour(if y == 0 { x } else { x % 256 }));
    let kept = Indexed::of(&image);
    assert_eq!((kept.colours.len(), kept.colours[0]), (256, [0, 0, 0]));
    let again = image::load_from_memory(&kept.png()).expect("a PNG").to_rgba8();
    assert_eq!(again, kept.image());
    for (drawn, kept) in image.pixels().zip(again.pixels()) {
        let [drawn, kept] = [drawn.0, kept.0].map(|[red, green, blue, _]| [red, green, blue]);
        assert!(distance(drawn, kept) <= 9, "{drawn:?} became {kept:?}");
    }
    assert_eq!(Indexed::of(&again).image(), again, "what is kept stays as it is");
}
