//! Rust source as the checks read it: words and signs, without comments and without what is compiled for tests alone.

use std::path::{Path, PathBuf};

/// A source file.
#[derive(Debug)]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// Its words and signs.
    pub code: Vec<String>,
    /// Modules that stand in files of their own.
    pub modules: Vec<Module>,
}

/// A module that stands in a file of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// Its file.
    pub path: PathBuf,
    /// Whether it is compiled for tests alone.
    pub is_for_tests: bool,
}

impl Source {
    /// Reads a file's text: all of it but the modules that are compiled for tests alone, wherever they stand.
    pub fn new(path: &Path, text: &str) -> Self {
        let mut source = Self { path: path.to_owned(), code: Vec::new(), modules: Vec::new() };
        let tokens = tokens(text);
        // Modules around the place that is read, with the braces open before each.
        let mut around: Vec<(&str, usize)> = Vec::new();
        let (mut at, mut num_open) = (0, 0);
        while at < tokens.len() {
            let (attributes, item) = attributes(&tokens, at);
            let module = behind_visibility(&tokens, item);
            match tokens[module..] {
                ["mod", name, ";", ..] => {
                    let is_for_tests = attributes.iter().any(|attribute| is_for_tests(attribute));
                    source.modules.push(Module { path: file_of(path, &around, name, &attributes), is_for_tests });
                    at = module + 3;
                }
                ["mod", _, "{", ..] if attributes.iter().any(|attribute| is_for_tests(attribute)) => at = closing(&tokens, module + 2) + 1,
                ["mod", name, "{", ..] => {
                    around.push((name, num_open));
                    num_open += 1;
                    at = module + 3;
                }
                _ => {
                    let end = item.max(at + 1);
                    for token in &tokens[at..end] {
                        num_open = num_open + usize::from(*token == "{") - usize::from(*token == "}");
                        around.retain(|(_, opened)| *opened < num_open);
                        source.code.push((*token).to_owned());
                    }
                    at = end;
                }
            }
        }
        source
    }

    /// Whether the code has a word.
    pub fn has_word(&self, word: &str) -> bool {
        self.code.iter().any(|token| token == word)
    }

    /// Whether the code has signs and words one after the other.
    pub fn has_sequence(&self, sequence: &[&str]) -> bool {
        self.code.windows(sequence.len()).any(|window| window.iter().zip(sequence).all(|(one, other)| one == other))
    }

    /// Whether the code calls a method of this name.
    pub fn calls(&self, method: &str) -> bool {
        self.has_sequence(&[".", method, "("])
    }

    /// Whether the code names this path or something in it, under whatever name it uses it, or all that stands beside it by `*`.
    pub fn names(&self, path: &str) -> bool {
        let is_within = |named: &str, path: &str| named.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        self.paths().iter().any(|named| is_within(named, path) || named.strip_suffix("::*").is_some_and(|all_of| is_within(path, all_of)))
    }

    /// All paths that the code names, in full as far as its `use` says: `use std::{fs, io as i}` and `i::stdin()` give `std::fs`, `std::io` and
    /// `std::io::stdin`.
    pub fn paths(&self) -> Vec<String> {
        let code: Vec<&str> = self.code.iter().map(String::as_str).collect();
        let mut used: Vec<Used<'_>> = Vec::new();
        let mut others: Vec<Vec<&str>> = Vec::new();
        let mut at = 0;
        while at < code.len() {
            let is_use = code[at] == "use" && code.get(at + 1).is_some_and(|next| *next != "<");
            if is_use {
                at = use_tree(&code, at + 1, &[], &mut used);
            } else if is_name(code[at]) {
                let mut path = vec![code[at]];
                while code.get(at + 1) == Some(&"::") && code.get(at + 2).is_some_and(|next| is_name(next)) {
                    path.push(code[at + 2]);
                    at += 2;
                }
                others.push(path);
                at += 1;
            } else {
                at += 1;
            }
        }
        let mut found: Vec<String> = used.iter().map(|used| used.path.join("::")).collect();
        for path in &others {
            found.push(path.join("::"));
            // Modules of one file may each use the name for something else.
            let meant = used.iter().filter(|used| used.name == path[0]);
            found.extend(meant.map(|used| [&used.path[..], &path[1..]].concat().join("::")));
        }
        found
    }
}

/// A path that is used, and the name that it has from then on.
struct Used<'a> {
    path: Vec<&'a str>,
    name: &'a str,
}

/// Reads what follows `use`, or a part of its list; gives the place behind it.
fn use_tree<'a>(code: &[&'a str], mut at: usize, before: &[&'a str], used: &mut Vec<Used<'a>>) -> usize {
    let mut path = before.to_vec();
    loop {
        match code.get(at) {
            Some(&"::") => at += 1,
            Some(&"{") => {
                at += 1;
                while code.get(at).is_some_and(|token| *token != "}") {
                    at = use_tree(code, at, &path, used);
                    at += usize::from(code.get(at) == Some(&","));
                }
                return at + 1;
            }
            Some(&token) => {
                // In a list it is what stands before the list.
                if token != "self" || path.is_empty() {
                    path.push(token);
                }
                at += 1;
                if code.get(at) != Some(&"::") {
                    break;
                }
            }
            None => return at,
        }
    }
    let mut name = path.last().copied().unwrap_or_default();
    if code.get(at) == Some(&"as") {
        name = code.get(at + 1).copied().unwrap_or_default();
        at += 2;
    }
    used.push(Used { path, name });
    at
}

/// Words and signs of Rust source in their order: names, `::`, texts with their quotes, any other sign alone. Comments and characters are left out.
pub fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let quoted = quoted(rest);
        let (length, is_kept) = match first {
            _ if first.is_whitespace() => (first.len_utf8(), false),
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (comment(rest), false),
            _ if quoted.is_some() => (quoted.unwrap_or_default(), true),
            '\'' => (character(rest), false),
            ':' if rest.starts_with("::") => (2, true),
            _ if is_of_name(first) => (rest.find(|c| !is_of_name(c)).unwrap_or(rest.len()), true),
            _ => (first.len_utf8(), true),
        };
        if is_kept {
            found.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    found
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_name(token: &str) -> bool {
    token.starts_with(is_of_name)
}

/// Length of the text in quotes that stands here, raw ones and those of bytes too; `None` if none does.
fn quoted(rest: &str) -> Option<usize> {
    let prefix = rest.len() - rest.trim_start_matches(['b', 'c', 'r']).len();
    let (prefix, behind) = rest.split_at(prefix);
    match prefix {
        "r" | "br" | "cr" => {
            let num_hashes = behind.len() - behind.trim_start_matches('#').len();
            let within = behind[num_hashes..].strip_prefix('"')?;
            let end = format!("\"{}", "#".repeat(num_hashes));
            let length = within.find(&end).map_or(within.len(), |at| at + end.len());
            Some(prefix.len() + num_hashes + 1 + length)
        }
        "" | "b" | "c" => {
            let within = behind.strip_prefix('"')?;
            let mut is_escaped = false;
            let end = within.find(|c| {
                let is_end = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                is_end
            });
            Some(prefix.len() + 1 + end.map_or(within.len(), |at| at + 1))
        }
        _ => None,
    }
}

/// Length of the comment that stands here, with those in it.
fn comment(rest: &str) -> usize {
    let (mut num_open, mut at) = (0, 0);
    while let Some(next) = rest[at..].find(['/', '*']).map(|next| at + next) {
        if rest[next..].starts_with("/*") {
            (num_open, at) = (num_open + 1, next + 2);
        } else if rest[next..].starts_with("*/") {
            (num_open, at) = (num_open - 1, next + 2);
        } else {
            at = next + 1;
        }
        if num_open == 0 {
            return at;
        }
    }
    rest.len()
}

/// Length of the character that stands here, or of a lifetime's sign alone.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    let Some((_, first)) = chars.next() else { return rest.len() };
    if first == '\\' {
        chars.next();
        return chars.find(|(_, c)| *c == '\'').map_or(rest.len(), |(at, _)| at + 1);
    }
    chars.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
}

/// Where the bracket at this place is closed.
fn closing(tokens: &[&str], open: usize) -> usize {
    let mut num_open = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match *token {
            "{" | "[" | "(" => num_open += 1,
            "}" | "]" | ")" => num_open -= 1,
            _ => {}
        }
        if num_open == 0 {
            return at;
        }
    }
    tokens.len().saturating_sub(1)
}

/// What stands in the attributes at this place, and the place behind them.
fn attributes<'t, 'a>(tokens: &'t [&'a str], mut at: usize) -> (Vec<&'t [&'a str]>, usize) {
    let mut found = Vec::new();
    while tokens[at..].starts_with(&["#", "["]) {
        let end = closing(tokens, at + 1);
        found.push(&tokens[at + 2..end]);
        at = end + 1;
    }
    (found, at)
}

/// The place behind `pub` or `pub(…)`, where one stands here.
fn behind_visibility(tokens: &[&str], at: usize) -> usize {
    match tokens[at..] {
        ["pub", "(", ..] => closing(tokens, at + 1) + 1,
        ["pub", ..] => at + 1,
        _ => at,
    }
}

/// Whether an attribute compiles its item for tests alone: `cfg(test)`, or `cfg(all(…))` with `test` among all.
fn is_for_tests(attribute: &[&str]) -> bool {
    match attribute {
        ["cfg", "(", "test", ")"] => true,
        ["cfg", "(", "all", "(", all @ ..] => {
            let mut num_open = 0;
            all.iter().any(|token| {
                num_open += i32::from(*token == "(") - i32::from(*token == ")");
                num_open == 0 && *token == "test"
            })
        }
        _ => false,
    }
}

/// The file of a module, by its `path` or by where it is declared.
fn file_of(path: &Path, around: &[(&str, usize)], name: &str, attributes: &[&[&str]]) -> PathBuf {
    let folder = path.parent().unwrap_or(path);
    for attribute in attributes {
        if let ["path", "=", file] = attribute {
            return folder.join(file.trim_matches('"'));
        }
    }
    let stem = path.file_stem().unwrap_or_default();
    let mut folder = if ["lib", "main", "mod"].iter().any(|root| stem == *root) { folder.to_owned() } else { folder.join(stem) };
    folder.extend(around.iter().map(|(module, _)| module));
    let file = folder.join(format!("{name}.rs"));
    if file.is_file() { file } else { folder.join(name).join("mod.rs") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new(Path::new("src/lib.rs"), text)
    }

    #[test]
    fn comments_texts_and_characters_hide_nothing_and_are_no_code() {
        let text = r##"
            // unsafe one
            /* unsafe /* two */ three */
            let address = "http://here"; let four = r#"a " unsafe"#; five('"', '\'', b'"', '{'); let six: &'static str = b"\" unsafe"; seven();
        "##;
        let found = tokens(text);
        for word in ["four", "five", "six", "static", "seven"] {
            assert!(found.contains(&word), "{word}: {found:?}");
        }
        for hidden in ["unsafe", "one", "two", "three", "{"] {
            assert!(!found.contains(&hidden), "{hidden}: {found:?}");
        }
    }

    #[test]
    fn modules_for_tests_alone_are_taken_out_wherever_they_stand() {
        let text = "#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod a_tests;\nfn one() {}\n#[cfg(test)]\nmod first { fn two() { \"}\"; } }\n\
            fn three() {}\n#[cfg(all(test, unix))]\npub(crate) mod second { fn four() {} }\npub mod kept { #[cfg(test)] mod inner; fn five() {} }\n\
            #[cfg(any(test, feature = \"testing\"))]\npub mod testing { fn six() {} }\n#[cfg(not(test))]\nmod seven { fn eight() {} }";
        let source = source(text);
        for (word, is_there) in [("one", true), ("two", false), ("three", true), ("four", false), ("five", true), ("six", true), ("eight", true)] {
            assert_eq!(source.has_word(word), is_there, "{word}");
        }
        let files = [("src/a_tests.rs", true), ("src/kept/inner/mod.rs", true)].map(|(path, is_for_tests)| Module { path: path.into(), is_for_tests });
        assert_eq!(source.modules, files);
    }

    #[test]
    fn a_path_is_known_under_every_name() {
        for text in [
            "fn a() { std::fs::read(path) }",
            "use std::fs;",
            "use std::{fs as files, io};",
            "use std::{io, fs::{File, self}};",
            "use ::std::fs::read as get;",
            "use std as s;\nfn a() { s::fs::read(path) }",
            "use std::*;",
            "mod inner { pub use std::fs::*; }",
        ] {
            assert!(source(text).names("std::fs"), "{text}");
        }
        for text in ["// std::fs", "\"std::fs\"", "fn a() { offs::fs() }", "use std::io;", "use std::fs_more;", "fn fs<'a>() -> impl Sized + use<'a> {}"] {
            assert!(!source(text).names("std::fs"), "{text}");
        }
        assert!(source("path\n    .exists()").calls("exists") && !source("exists(path)").calls("exists"));
    }
}
