//! What the window remembers from one start to the next: looks only, nothing that was observed.

use serde::{Deserialize, Serialize};

use crate::{
    ThemeChoice,
    shell::panes::Panes,
    view::TimeRange,
    views::map::{MapSettings, PANEL_WIDTH_PT},
    widgets::table::ColumnWidths,
};

/// Not `window`: under that name eframe keeps the place of the window on the desktop.
const KEY: &str = "looks";
/// The panes stand apart: should a later version not understand them, the rest is still remembered.
const PANES_KEY: &str = "panes";
/// And so does the map.
const MAP_KEY: &str = "map";
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
    /// How much time is looked at.
    pub range: TimeRange,
    /// How wide the user made columns of tables.
    pub columns: ColumnWidths,
    /// Which views are shown, and where.
    #[serde(skip)]
    pub panes: Panes,
    /// Rules, modes and places of the map.
    #[serde(skip)]
    pub map: MapSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: VERSION,
            theme: ThemeChoice::System,
            panel_width_pt: PANEL_WIDTH_PT,
            zoom: 1.0,
            range: TimeRange::default(),
            columns: ColumnWidths::default(),
            panes: Panes::default(),
            map: MapSettings::default(),
        }
    }
}

impl Settings {
    /// What was remembered, each value within its bounds. `is_still` is what the desktop asks for.
    pub(crate) fn load(storage: Option<&dyn eframe::Storage>, is_still: bool) -> Self {
        let loaded: Self = storage.and_then(|storage| eframe::get_value(storage, KEY)).unwrap_or_default();
        let panes: Panes = storage.and_then(|storage| eframe::get_value(storage, PANES_KEY)).unwrap_or_default();
        let map: Option<MapSettings> = storage.and_then(|storage| eframe::get_value(storage, MAP_KEY));
        // Until the user says otherwise it is as the desktop says.
        let map = map.unwrap_or_else(|| MapSettings { is_still, ..MapSettings::default() });
        Self { panes: panes.mended(), map: map.within_bounds(), ..loaded.within_bounds() }
    }

    /// Remembers.
    pub(crate) fn save(&self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, KEY, self);
        eframe::set_value(storage, PANES_KEY, &self.panes);
        eframe::set_value(storage, MAP_KEY, &self.map);
    }

    fn within_bounds(self) -> Self {
        let default = Self::default();
        let finite = |value: f32, default: f32| if value.is_finite() { value } else { default };
        Self {
            version: VERSION,
            panel_width_pt: finite(self.panel_width_pt, default.panel_width_pt).clamp(260.0, 640.0),
            zoom: finite(self.zoom, default.zoom).clamp(0.5, 3.0),
            columns: self.columns.within_bounds(),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::panes::FixedLayout;

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
        assert_eq!(Settings::load(Some(&storage), false), Settings::default());
        Settings { theme: ThemeChoice::Light, zoom: 9.0, panel_width_pt: f32::NAN, ..Settings::default() }.save(&mut storage);
        assert_eq!(Settings::load(Some(&storage), false), Settings { theme: ThemeChoice::Light, zoom: 3.0, ..Settings::default() });
    }

    #[test]
    fn widths_of_columns_are_remembered_and_wild_ones_are_not() {
        let mut storage = InMemory::default();
        eframe::Storage::set_string(&mut storage, KEY, "(columns:({\"topics\":{\"topic\":-3.0}}))".to_owned());
        assert!(Settings::load(Some(&storage), false).columns.is_empty());
        eframe::Storage::set_string(&mut storage, KEY, "(columns:({\"groups\":{\"group\":120.0},\"topics\":{\"topic\":-3.0}}))".to_owned());
        let loaded = Settings::load(Some(&storage), false);
        assert!(!loaded.columns.is_empty());
        loaded.save(&mut storage);
        assert_eq!(Settings::load(Some(&storage), false), loaded);
    }

    #[test]
    fn the_layout_is_remembered_and_rubbish_is_not() {
        let mut storage = InMemory::default();
        let panes = Panes::of(FixedLayout::MapTraces);
        Settings { panes: panes.clone(), range: TimeRange::M15, ..Settings::default() }.save(&mut storage);
        let loaded = Settings::load(Some(&storage), false);
        assert_eq!((loaded.panes.shown(), loaded.range), (panes.shown(), TimeRange::M15));
        eframe::Storage::set_string(&mut storage, PANES_KEY, "(tree:(root:7))".to_owned());
        let loaded = Settings::load(Some(&storage), false);
        assert_eq!((loaded.panes.shown(), loaded.range), (Panes::default().shown(), TimeRange::M15));
    }

    #[test]
    fn the_map_keeps_still_where_the_desktop_asks_for_it_until_the_user_says_otherwise() {
        let mut storage = InMemory::default();
        assert!(Settings::load(Some(&storage), true).map.is_still);
        Settings::default().save(&mut storage);
        assert!(!Settings::load(Some(&storage), true).map.is_still);
    }

    #[test]
    fn an_older_form_is_read_with_defaults() {
        let mut storage = InMemory::default();
        eframe::Storage::set_string(&mut storage, KEY, "(theme:dark)".to_owned());
        assert_eq!(Settings::load(Some(&storage), false), Settings { theme: ThemeChoice::Dark, ..Settings::default() });
    }
}
