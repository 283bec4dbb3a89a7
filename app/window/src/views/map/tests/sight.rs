//! How the map looks to eyes that do not tell red from green.

use egui::Color32;
use switchboard_engine::view::Snapshot;

use crate::{
    ScreenshotOptions, Strokes, ThemeChoice, WindowOptions,
    shell::{Window, screenshot, settings::Settings},
    testing::{self, NOW_NS},
    theme::{Ink, Themes},
};

/// Deuteranopia of the strongest kind on linear light: Machado, Oliveira and Fernandes 2009.
const DEUTERANOPIA: [[f32; 3]; 3] = [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];

fn to_linear(channel: u8) -> f32 {
    let c = f32::from(channel) / 255.0;
    if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

fn to_srgb(c: f32) -> u8 {
    let c = c.clamp(0.0, 1.0);
    let c = if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
    (c * 255.0).round() as u8
}

fn as_seen([red, green, blue]: [u8; 3]) -> [f32; 3] {
    let light = [to_linear(red), to_linear(green), to_linear(blue)];
    DEUTERANOPIA.map(|row| row.iter().zip(light).map(|(part, light)| part * light).sum::<f32>().clamp(0.0, 1.0))
}

/// CIE L*a*b* of linear light, white point D65.
fn lab([red, green, blue]: [f32; 3]) -> [f32; 3] {
    let xyz = [
        (0.412_456_4 * red + 0.357_576_1 * green + 0.180_437_5 * blue) / 0.950_47,
        0.212_672_9 * red + 0.715_152_2 * green + 0.072_175 * blue,
        (0.019_333_9 * red + 0.119_192 * green + 0.950_304_1 * blue) / 1.088_83,
    ];
    let [x, y, z] = xyz.map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn difference(one: Color32, other: Color32) -> f32 {
    let [a, b] = [one, other].map(|color| lab(as_seen([color.r(), color.g(), color.b()])));
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
}

#[test]
fn states_stay_apart_for_eyes_that_do_not_tell_red_from_green() {
    let themes = Themes::load();
    for theme in [egui::Theme::Dark, egui::Theme::Light] {
        let tokens = themes.tokens(theme);
        let states = [Ink::Bad, Ink::Warn, Ink::Good, Ink::Accent, Ink::Dim];
        for (index, one) in states.iter().enumerate() {
            for other in &states[..index] {
                let apart = difference(tokens.ink(*one), tokens.ink(*other));
                assert!(apart >= 10.0, "{theme:?}: {one:?} and {other:?} are only {apart:.1} apart");
            }
        }
    }
}

#[test]
fn the_map_as_seen_with_deuteranopia() {
    let small = testing::order_business;
    let large = || testing::large_business(200, 30);
    for (name, theme, business) in
        [("map-deuteranopia-light", ThemeChoice::Light, &small as &dyn Fn() -> Snapshot), ("map-200-deuteranopia-dark", ThemeChoice::Dark, &large)]
    {
        let options = ScreenshotOptions { size_px: (1280, 800), theme, view: crate::ViewKind::Map, keys: Strokes::default() };
        let drawn = screenshot::draw(&options, |ctx| {
            let mut window = Window::new_in_place(ctx, Settings { theme, ..Settings::default() }, WindowOptions::default());
            let snapshot = business();
            move |ui: &mut egui::Ui| {
                window.take(ui.ctx(), snapshot.clone(), None, NOW_NS);
                window.ui(ui);
            }
        });
        let seen = drawn.map(|mut image| {
            for pixel in image.pixels_mut() {
                let [red, green, blue] = as_seen([pixel[0], pixel[1], pixel[2]]).map(to_srgb);
                (pixel[0], pixel[1], pixel[2]) = (red, green, blue);
            }
            image
        });
        crate::tests::pictures::compare(name, seen);
    }
}
