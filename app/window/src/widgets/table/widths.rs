//! Widths that the user gave to columns, of all tables. While the window runs egui's memory has them, from one start to the next the settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::columns::Column;

/// Of what was remembered, so many tables, columns of each, and so wide a column at most, points.
const TABLES_MAX: usize = 64;
const COLUMNS_MAX: usize = 32;
const WIDEST_PT: f32 = 4_000.0;

/// Widths by the names of tables and the headings of columns: points, or parts of what the others leave, as the column has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnWidths(BTreeMap<String, BTreeMap<String, f32>>);

impl ColumnWidths {
    /// Those that hold now.
    pub(crate) fn of(ctx: &egui::Context) -> Arc<Self> {
        ctx.data(|data| data.get_temp(place())).unwrap_or_default()
    }

    /// These hold from now on.
    pub(crate) fn hold(self, ctx: &egui::Context) {
        ctx.data_mut(|data| data.insert_temp(place(), Arc::new(self)));
    }

    /// Whether all columns are as wide as they came.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same without what nobody can have meant.
    pub(crate) fn within_bounds(mut self) -> Self {
        let is_meant = |width: &f32| width.is_finite() && *width > 0.0 && *width <= WIDEST_PT;
        for columns in self.0.values_mut() {
            *columns = std::mem::take(columns).into_iter().filter(|(_, width)| is_meant(width)).take(COLUMNS_MAX).collect();
        }
        Self(self.0.into_iter().filter(|(_, columns)| !columns.is_empty()).take(TABLES_MAX).collect())
    }

    /// The widths of these columns; `None` = as it came.
    pub(super) fn given(&self, table: &str, columns: &[Column]) -> Vec<Option<f32>> {
        let own = self.0.get(table);
        columns.iter().map(|column| own?.get(column.title).copied()).collect()
    }

    /// Gives columns of a table these widths.
    pub(super) fn give(ctx: &egui::Context, table: &str, columns: &[Column], widths: &[(usize, f32)]) {
        let mut all = Self::clone(&Self::of(ctx));
        let own = all.0.entry(table.to_owned()).or_default();
        own.extend(widths.iter().map(|(index, width)| (columns[*index].title.to_owned(), *width)));
        all.hold(ctx);
    }
}

fn place() -> egui::Id {
    egui::Id::unique("widths of columns")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wild_widths_are_forgotten_and_no_more_than_there_can_be_are_kept() {
        let of = |widths: &[f32]| widths.iter().enumerate().map(|(index, width)| (format!("column {index:03}"), *width)).collect::<BTreeMap<_, _>>();
        let wild = ColumnWidths([("groups".to_owned(), of(&[f32::NAN, 120.0, -4.0, 1e9])), ("none".to_owned(), of(&[0.0]))].into());
        assert_eq!(wild.within_bounds(), ColumnWidths([("groups".to_owned(), [("column 001".to_owned(), 120.0)].into())].into()));
        let many = ColumnWidths((0..500).map(|table| (format!("table {table:03}"), of(&[10.0; 100]))).collect()).within_bounds();
        assert_eq!((many.0.len(), many.0["table 000"].len()), (TABLES_MAX, COLUMNS_MAX));
    }
}
