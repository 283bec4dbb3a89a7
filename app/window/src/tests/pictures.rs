//! Pictures that tests compare with what is drawn. They are kept with 256 colours, a quarter of the bytes: the theme's inks that are in
//! them as they are, and so many others, each the farthest from those before, that the rest (the edges of letters) has one near by.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use egui_kittest::SnapshotOptions;

use crate::{
    ScreenshotError,
    theme::{Hex, Ink, Themes},
};

/// Where they lie, from the package's folder.
const FOLDER: &str = "tests/snapshots";
/// What one byte a pixel can tell apart.
const MAX_COLOURS: usize = 256;
/// Squared distance of two colours (YIQ, weighted) that counts as the same. What is drawn is compared as it is, and what is kept differs
/// from it by up to 9.4: the most that was measured in 47 pictures. The rest is room for a level of grey that another driver rounds away.
const SAME_WITHIN: f32 = 12.0;
/// How many pixels may differ: another graphics driver rounds edges in another way. Fewer than the smallest mark has, a dot of 6 points.
const MAX_FAILED_PIXELS: usize = 20;

fn options(folder: &Path) -> SnapshotOptions {
    SnapshotOptions::new().threshold(SAME_WITHIN).max_failed_pixels(MAX_FAILED_PIXELS).output_path(folder)
}

/// Compares what was drawn with the picture of that name. Where nothing can draw it says so. `UPDATE_SNAPSHOTS=1` keeps what was drawn
/// instead, where it differs.
pub(crate) fn compare(name: &str, drawn: Result<image::RgbaImage, ScreenshotError>) {
    let image = match drawn {
        Ok(image) => image,
        Err(ScreenshotError::NoAdapter(reason)) => return println!("SKIPPED picture {name}: {reason}"),
        Err(error) => panic!("picture {name}: {error}"),
    };
    egui_kittest::image_snapshot_options(&image, name, &options(Path::new(FOLDER)));
    let path = Path::new(FOLDER).join(format!("{name}.png"));
    if is_updating() && !is_indexed(&path) {
        std::fs::write(&path, Indexed::of(&image).png()).expect("written");
    }
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE_SNAPSHOTS").is_some()
}

/// The colours of both themes, red, green, blue.
fn inks() -> BTreeSet<[u8; 3]> {
    let themes: BTreeMap<String, BTreeMap<String, Hex>> = toml::from_str(include_str!("../../../../assets/theme.toml")).expect("the theme");
    themes.values().flat_map(BTreeMap::values).map(|Hex(color)| [color.r(), color.g(), color.b()]).collect()
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
        let rgb = |pixel: &image::Rgba<u8>| [pixel.0[0], pixel.0[1], pixel.0[2]];
        // Each colour's distance from the nearest that is kept, and the place of that one.
        let mut nearest: BTreeMap<[u8; 3], (u32, u8)> = image.pixels().map(|pixel| (rgb(pixel), (u32::MAX, 0))).collect();
        let mut inks = inks().into_iter().filter(|ink| nearest.contains_key(ink)).collect::<Vec<_>>().into_iter();
        let mut colours = Vec::new();
        while colours.len() < MAX_COLOURS {
            let farthest = || nearest.iter().max_by_key(|(_, (apart, _))| *apart).filter(|(_, (apart, _))| *apart > 0).map(|(colour, _)| *colour);
            let Some(next) = inks.next().or_else(farthest) else { break };
            let place = colours.len() as u8;
            colours.push(next);
            for (colour, (apart, at)) in &mut nearest {
                let now_apart = distance(*colour, next);
                if now_apart < *apart {
                    (*apart, *at) = (now_apart, place);
                }
            }
        }
        let pixels = image.pixels().map(|pixel| nearest[&rgb(pixel)].1).collect();
        Self { size_px: image.dimensions(), colours, pixels }
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
fn a_picture_keeps_its_inks_and_brings_the_rest_near() {
    // 300 colours near one another, and one pixel of an ink.
    let [red, green, blue] = *inks().last().expect("inks");
    let colour = |at: u32| image::Rgba([(at % 256) as u8, (at / 256 * 3) as u8, 0, 255]);
    let mut image = image::RgbaImage::from_fn(300, 4, |x, y| colour(if y == 0 { x } else { x % 256 }));
    image.put_pixel(7, 2, image::Rgba([red, green, blue, 255]));
    let kept = Indexed::of(&image);
    assert_eq!(kept.colours.len(), 256);
    let again = image::load_from_memory(&kept.png()).expect("a PNG").to_rgba8();
    assert_eq!(again, kept.image());
    assert_eq!(again.get_pixel(7, 2), image.get_pixel(7, 2), "an ink stays as it is");
    for (drawn, kept) in image.pixels().zip(again.pixels()) {
        let [drawn, kept] = [drawn.0, kept.0].map(|[red, green, blue, _]| [red, green, blue]);
        assert!(distance(drawn, kept) <= 4, "{drawn:?} became {kept:?}");
    }
    assert_eq!(Indexed::of(&again).image(), again, "what is kept stays as it is");
}

#[test]
fn a_small_mark_of_another_ink_is_another_picture() {
    if is_updating() {
        return println!("SKIPPED: what differs is kept anew");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let themes = Themes::load();
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        // More shades than can be kept, a badge of 8 × 8 pixels and a live dot of 6 × 6.
        let picture = |badge: Ink, dot: Ink| {
            let rgba = |ink: Ink| image::Rgba(themes.tokens(theme).ink(ink).to_array());
            image::RgbaImage::from_fn(400, 100, |x, y| match (x, y) {
                (10..18, 10..18) => rgba(badge),
                (30..36, 10..16) => rgba(dot),
                (_, 50..) => image::Rgba([(x / 2) as u8, 100 + (y / 10) as u8, 90, 255]),
                _ => rgba(Ink::Panel),
            })
        };
        let drawn = picture(Ink::Bad, Ink::Good);
        std::fs::write(folder.path().join("marks.png"), Indexed::of(&drawn).png()).expect("written");
        let compared = |drawn: &image::RgbaImage| egui_kittest::try_image_snapshot_options(drawn, "marks", &options(folder.path()));
        compared(&drawn).expect("the same picture");
        for (badge, dot) in [(Ink::Dim, Ink::Good), (Ink::Bad, Ink::Faint)] {
            assert!(compared(&picture(badge, dot)).is_err(), "{theme:?}: {badge:?} and {dot:?} are taken for the same");
        }
    }
}
