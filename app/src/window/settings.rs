//! What the window remembers from one start to the next: looks only, nothing that was observed.

use serde::{Deserialize, Serialize};

use crate::window::ThemeChoice;

/// Not `window`: under that name eframe keeps the place of the window on the desktop.
const KEY: &str = "looks";
const VERSION: u32 = 1;

/// The remembered looks. A field that an older version did not write has its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// Version of this form.
    pub version: u32,
    /// Colours.
    pub theme: ThemeChoice,
    /// Width of the side panel, points.
    pub panel_width_pt: f32,
    /// Zoom of the whole window; 1 = as the desktop says.
    pub zoom: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { version: VERSION, theme: ThemeChoice::System, panel_width_pt: 344.0, zoom: 1.0 }
    }
}

impl Settings {
    /// What was remembered, each value within its bounds.
    pub(crate) fn load(storage: Option<&dyn eframe::Storage>) -> Self {
        let loaded: Self = storage.and_then(|storage| eframe::get_value(storage, KEY)).unwrap_or_default();
        loaded.within_bounds()
    }

    /// Remembers.
    pub(crate) fn save(&self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, KEY, self);
    }

    fn within_bounds(self) -> Self {
        let default = Self::default();
        let finite = |value: f32, default: f32| if value.is_finite() { value } else { default };
        Self {
            version: VERSION,
            theme: self.theme,
            panel_width_pt: finite(self.panel_width_pt, default.panel_width_pt).clamp(260.0, 640.0),
            zoom: finite(self.zoom, default.zoom).clamp(0.5, 3.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct InMemory(std::collections::BTreeMap<String, String>);

    impl eframe::Storage for InMemory {
        fn get_string(&self, key: &str) -> Option<String> {
            self.0.get(key).cloned()
        }
        fn set_string(&mut self, key: &str, value: String) {
            self.0.insert(key.to_owned(), value);
        }
        fn remove_string(&mut self, key: &str) {
            self.0.remove(key);
        }
        fn flush(&mut self) {}
    }

    #[test]
    fn looks_are_remembered_and_wild_values_brought_back() {
        let mut storage = InMemory::default();
        assert_eq!(Settings::load(Some(&storage)), Settings::default());
        Settings { theme: ThemeChoice::Light, zoom: 9.0, panel_width_pt: f32::NAN, ..Settings::default() }.save(&mut storage);
        assert_eq!(Settings::load(Some(&storage)), Settings { theme: ThemeChoice::Light, zoom: 3.0, ..Settings::default() });
    }

    #[test]
    fn an_older_form_is_read_with_defaults() {
        let mut storage = InMemory::default();
        eframe::Storage::set_string(&mut storage, KEY, "(theme:dark)".to_owned());
        assert_eq!(Settings::load(Some(&storage)), Settings { theme: ThemeChoice::Dark, ..Settings::default() });
    }
}
