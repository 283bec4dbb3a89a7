//! `.proto` files, compiled.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use prost_reflect::prost_types::FileDescriptorProto;
use protox::file::{File, FileResolver, GoogleFileResolver, IncludeFileResolver};

use super::{SCHEMA_BYTES_MAX, SCHEMA_FILES_MAX, SchemaError, one_line};

/// The stack of the thread that compiles: files are followed as deep as they import each other.
const STACK_BYTES: usize = 64 << 20;
/// How deep brackets may lie in each other: the compiler follows them.
const BRACKETS_MAX: usize = 200;

/// Compiles files and what they import.
pub(super) fn compile(files: &[PathBuf], roots: &[PathBuf]) -> Result<Vec<FileDescriptorProto>, SchemaError> {
    if files.is_empty() {
        return Err(SchemaError::Proto("no .proto file is named".to_owned()));
    }
    let beside = || files.iter().filter_map(|file| file.parent()).map(Path::to_owned).collect::<Vec<_>>();
    let roots = if roots.is_empty() { beside() } else { roots.to_vec() };
    let files = files.to_vec();
    let compiler = std::thread::Builder::new().name("protos".to_owned()).stack_size(STACK_BYTES).spawn(move || run(&files, &roots));
    let thread = compiler.map_err(|error| SchemaError::Proto(format!("no thread to compile .proto files: {error}")))?;
    thread.join().unwrap_or_else(|_| Err(SchemaError::Proto("the compiler of .proto files failed. Name a set of descriptors made by protoc".to_owned())))
}

fn run(files: &[PathBuf], roots: &[PathBuf]) -> Result<Vec<FileDescriptorProto>, SchemaError> {
    let mut compiler = protox::Compiler::with_file_resolver(Roots {
        roots: roots.iter().cloned().map(IncludeFileResolver::new).collect(),
        folders: roots.to_vec(),
        num_bytes: AtomicU64::new(0),
        num_files: AtomicUsize::new(0),
    });
    compiler.include_imports(true).include_source_info(false);
    for file in files {
        compiler.open_file(file).map_err(|error| told(&error, file, roots))?;
    }
    Ok(compiler.file_descriptor_set().file)
}

/// An error with its place: its words in long begin with file, line and column.
fn told(error: &protox::Error, file: &Path, roots: &[PathBuf]) -> SchemaError {
    let words = format!("{error:?}");
    let place = match error.file() {
        Some(name) if !words.starts_with(name) => format!("{name}: "),
        Some(_) => String::new(),
        None => format!("{}: ", file.display()),
    };
    let next_step = match error {
        error if error.is_file_not_found() && !words.contains("import") => {
            let roots: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
            format!(". Name the folder that it lies in; named are {}", roots.join(", "))
        }
        error if error.is_file_not_found() => ". Name the folder that holds it as well".to_owned(),
        _ => String::new(),
    };
    SchemaError::Proto(format!("{place}{}{}", one_line(&words), next_step))
}

/// Folders in which files are looked for, as long as all that were opened are within the bounds.
struct Roots {
    roots: Vec<IncludeFileResolver>,
    folders: Vec<PathBuf>,
    num_bytes: AtomicU64,
    num_files: AtomicUsize,
}

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl FileResolver for Roots {
    fn resolve_path(&self, path: &Path) -> Option<String> {
        self.roots.iter().find_map(|root| root.resolve_path(path))
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let refused = |reason: String| protox::Error::new(Refused(format!("{name}: {reason}")));
        if Path::new(name).components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(refused("imports begin in one of the folders named, without . or ..".to_owned()));
        }
        for folder in &self.folders {
            let path = folder.join(name);
            let Ok(about) = std::fs::metadata(&path) else { continue };
            let num_bytes = about.len() + self.num_bytes.fetch_add(about.len(), Ordering::Relaxed);
            let num_files = 1 + self.num_files.fetch_add(1, Ordering::Relaxed);
            if num_bytes > SCHEMA_BYTES_MAX as u64 || num_files > SCHEMA_FILES_MAX {
                return Err(refused(format!("with it there are more than {SCHEMA_BYTES_MAX} bytes or {SCHEMA_FILES_MAX} files. Name fewer")));
            }
            if !about.is_file() {
                return Err(refused("it is no file".to_owned()));
            }
            let mut source = String::new();
            let read = std::fs::File::open(&path).and_then(|file| file.take(about.len()).read_to_string(&mut source));
            read.map_err(|error| refused(format!("it cannot be read ({error})")))?;
            if brackets_deepest(&source) > BRACKETS_MAX {
                return Err(refused(format!("brackets lie in each other more than {BRACKETS_MAX} deep")));
            }
            return File::from_source(name, &source);
        }
        GoogleFileResolver::new().open_file(name)
    }
}

/// How deep brackets lie in each other, without those in comments and texts.
fn brackets_deepest(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = source.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = match first {
            b'/' if behind.first() == Some(&b'/') => &behind[length_until(behind, b"\n")..],
            b'/' if behind.first() == Some(&b'*') => &behind[1 + length_until(&behind[1..], b"*/")..],
            b'"' | b'\'' => {
                let mut is_escaped = false;
                let end = behind.iter().position(|byte| {
                    let is_end = (byte == first && !is_escaped) || *byte == b'\n';
                    is_escaped = *byte == b'\\' && !is_escaped;
                    is_end
                });
                &behind[end.map_or(behind.len(), |end| end + 1)..]
            }
            _ => behind,
        };
        match first {
            b'{' | b'[' | b'(' | b'<' => depth += 1,
            b'}' | b']' | b')' | b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Where one text ends within another, or how long that is.
fn length_until(text: &[u8], end: &[u8]) -> usize {
    text.windows(end.len()).position(|window| window == end).map_or(text.len(), |at| at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_counted_where_they_are_no_text() {
        for (source, deepest) in [
            ("message A { message B { map<int32, string> c = 1; } }", 3),
            ("// {{{{\n/* {{{ */ option a = \"{{{\\\"{\"; option b = '[['; message A {}", 1),
            ("/* {{", 0),
            ("\"{{", 0),
            ("}}}{", 1),
        ] {
            assert_eq!(brackets_deepest(source), deepest, "{source}");
        }
    }
}
