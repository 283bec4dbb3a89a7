//! Records in a file, one a line as JSON: `export` writes them as they lie on a broker, `file` holds them to be sent from there, `line` is what one looks like,
//! both ways.

mod export;
mod file;
mod line;
#[cfg(test)]
mod tests;

pub use export::{EXPORT_NOTE, RecordExport, RecordExportState, RecordsExported};
pub(in crate::send) use export::{Exporting, export_place};
pub use file::RecordFile;
pub use file::{FileMistake, FileRecord, records_of};
pub(in crate::send) use line::write as record_line;
