//! Values row by row, from a file: one request for each row, which `{{row.NAME}}` fills in.

use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

/// Rows of a file at most.
const ROWS_MAX: usize = 1_000_000;
/// Names of values at most.
const NAMES_MAX: usize = 1_000;

/// The rows of a file, in the room of their text.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    names: Vec<String>,
    /// All values, one after another.
    text: String,
    /// By value: which name it has, and where its text ends.
    cells: Vec<(u16, u32)>,
    /// By row: where its values end.
    row_ends: Vec<u32>,
}

impl Rows {
    /// Reads them: JSON lines, an object each, where the name ends with `.jsonl`, `.ndjson` or `.json`; else CSV, whose first row has the names.
    /// An error names the line.
    pub fn parse(file_name: &str, bytes: &[u8]) -> Result<Self, String> {
        let ending = file_name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let mut rows = Self::default();
        if matches!(ending.as_str(), "jsonl" | "ndjson" | "json") {
            rows.read_json_lines(bytes)?;
        } else {
            rows.read_csv(bytes)?;
        }
        if rows.row_ends.is_empty() {
            return Err("it has no row besides its names".to_owned());
        }
        Ok(rows)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.row_ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.row_ends.is_empty()
    }

    /// The values of a row by their names; beyond the last one it begins again with the first.
    pub fn row(&self, index: u64) -> BTreeMap<String, String> {
        if self.is_empty() {
            return BTreeMap::new();
        }
        let index = (index % self.len() as u64) as usize;
        let first = index.checked_sub(1).map_or(0, |before| self.row_ends[before]) as usize;
        let text_from = |cell: usize| cell.checked_sub(1).map_or(0, |before| self.cells[before].1) as usize;
        let value = |cell: usize| self.text[text_from(cell)..self.cells[cell].1 as usize].to_owned();
        (first..self.row_ends[index] as usize).map(|cell| (self.names[usize::from(self.cells[cell].0)].clone(), value(cell))).collect()
    }

    fn name(&mut self, name: &str) -> Result<u16, String> {
        if name.is_empty() {
            return Err("a name is empty".to_owned());
        }
        if self.names.len() >= NAMES_MAX {
            return Err(format!("there are more than {NAMES_MAX} names"));
        }
        self.names.push(name.to_owned());
        Ok((self.names.len() - 1) as u16)
    }

    /// A value of the row that is being read; files are short enough that its end can be counted.
    fn put(&mut self, name: u16, value: &str) {
        self.text.push_str(value);
        self.cells.push((name, self.text.len() as u32));
    }

    fn end_row(&mut self) -> Result<(), String> {
        if self.row_ends.len() >= ROWS_MAX {
            return Err(format!("it has more than {ROWS_MAX} rows; split the file"));
        }
        self.row_ends.push(self.cells.len() as u32);
        Ok(())
    }

    fn read_csv(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
        let header = reader.headers().map_err(|error| told(&error))?.clone();
        for (index, name) in header.iter().enumerate() {
            let name = name.trim();
            if self.names.iter().any(|known| known == name) {
                return Err(format!("line 1: two columns are called `{}`", name.escape_debug()));
            }
            self.name(name).map_err(|reason| format!("line 1, column {}: {reason}", index + 1))?;
        }
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| told(&error))? {
            for (index, value) in record.iter().enumerate() {
                self.put(index as u16, value);
            }
            let line = record.position().map_or(0, csv::Position::line);
            self.end_row().map_err(|reason| format!("line {line}: {reason}"))?;
        }
        Ok(())
    }

    fn read_json_lines(&mut self, bytes: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).matches('\n').count() + 1;
            format!("line {line}: it is no UTF-8")
        })?;
        let mut by_name: HashMap<String, u16> = HashMap::new();
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let at = |reason: String| format!("line {}: {reason}", index + 1);
            let object: BTreeMap<String, &RawValue> = serde_json::from_str(line).map_err(|error| at(format!("it is no JSON object: {error}")))?;
            for (name, value) in object {
                let place = if let Some(place) = by_name.get(&name) {
                    *place
                } else {
                    let place = self.name(&name).map_err(at)?;
                    by_name.insert(name, place);
                    place
                };
                // Numbers stay as they are written, to the last digit.
                match serde_json::from_str::<String>(value.get()) {
                    Ok(text) => self.put(place, &text),
                    Err(_) => self.put(place, value.get()),
                }
            }
            self.end_row().map_err(at)?;
        }
        Ok(())
    }
}

fn told(error: &csv::Error) -> String {
    let line = error.position().map_or(String::new(), |at| format!("line {}: ", at.line()));
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{line}it has {len} values, and {expected_len} names stand above"),
        csv::ErrorKind::Utf8 { .. } => format!("{line}it is no UTF-8"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(rows: &Rows) -> Vec<Vec<(String, String)>> {
        (0..rows.len() as u64).map(|index| rows.row(index).into_iter().collect()).collect()
    }

    fn pairs(of: &[&[(&str, &str)]]) -> Vec<Vec<(String, String)>> {
        of.iter().map(|row| row.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()).collect()
    }

    #[test]
    fn rows_of_both_kinds_are_read_and_begin_again_after_the_last() {
        let csv = Rows::parse("orders.csv", "\u{feff}sku, id\nlamp,1\n\"a \"\"b\"\"\nc\",\n".as_bytes()).expect("rows");
        assert_eq!(all(&csv), pairs(&[&[("id", "1"), ("sku", "lamp")], &[("id", ""), ("sku", "a \"b\"\nc")]]));
        assert_eq!(csv.row(2), csv.row(0));
        let lines = "{\"id\": 1.0000000000000000000001, \"sku\": \"l\\u00e4mp\"}\n\n{\"of\": {\"a\": [1]}, \"id\": null}";
        let lines = Rows::parse("x/orders.jsonl", lines.as_bytes()).expect("rows");
        assert_eq!(all(&lines), pairs(&[&[("id", "1.0000000000000000000001"), ("sku", "lämp")], &[("id", "null"), ("of", "{\"a\": [1]}")]]));
        assert!(Rows::default().row(3).is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (name, text, reason) in [
            ("a.csv", &b"a,b\n1,2\n1,2,3\n"[..], "line 3: it has 3 values, and 2 names stand above"),
            ("a.csv", b"a,b\n1,\xff\n", "line 2: it is no UTF-8"),
            ("a.csv", b"a,a\n1,2\n", "two columns are called `a`"),
            ("a.csv", b"a,\n1,2\n", "column 2: a name is empty"),
            ("a.csv", b"a,b\n", "no row besides"),
            ("a.csv", b"", "no row besides"),
            ("a.jsonl", b"{\"a\":1}\n[1]\n", "line 2: it is no JSON object"),
            ("a.jsonl", b"{\"a\":1}\n{\"a\":\n", "line 2: it is no JSON object"),
            ("a.ndjson", b"{\"a\":1}\n\n\xff", "line 3: it is no UTF-8"),
        ] {
            let told = Rows::parse(name, text).expect_err(reason);
            assert!(told.contains(reason), "{told}");
        }
        let many = "a\n".to_owned() + &"1\n".repeat(ROWS_MAX + 1);
        assert!(Rows::parse("a.csv", many.as_bytes()).expect_err("too many").contains("split the file"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), is_csv in any::<bool>()) {
            let _ = Rows::parse(if is_csv { "a.csv" } else { "a.jsonl" }, &bytes);
        }
    }
}
