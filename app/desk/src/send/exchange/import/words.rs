//! Words as a POSIX shell divides a line (XCU, 2.2 and 2.3), and the `$'…'` of bash in which browsers copy. Nothing is expanded and nothing run: where a
//! shell would, the text stays as it is written and its word is marked.

/// A word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says.
    pub bytes: Vec<u8>,
    /// Whether a shell would put something else in the place of a part of it.
    pub is_live: bool,
}

impl Word {
    /// As text, where it is that.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

/// A command with its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    words: Vec<Word>,
    /// Whether it reads from or writes to somewhere.
    pub is_redirected: bool,
    /// Whether what it prints is read by the next one.
    pub feeds_next: bool,
}

impl Command {
    /// The program, by its last name, and its arguments. Before it may stand a prompt, a brace, or values for its environment.
    pub fn split(&self) -> (&str, &[Word]) {
        let is_before = |word: &&Word| match word.text() {
            Some("$" | "%" | "{" | "sudo" | "time" | "command" | "exec") => true,
            Some(text) => {
                text.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
            }
            None => false,
        };
        let at = self.words.iter().take_while(is_before).count();
        match self.words.get(at) {
            Some(program) => {
                let name = program.text().unwrap_or("?");
                let name = if name.starts_with(['/', '.']) { name.rsplit('/').next().unwrap_or(name) } else { name };
                (name, &self.words[at + 1..])
            }
            None => ("", &[]),
        }
    }
}

/// Why a text is no line of a POSIX shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordsError {
    /// A quote has no end.
    Unclosed,
    /// It is for the command line of Windows.
    Windows,
}

/// All commands of a text, in their order, however they are joined.
pub(super) fn commands(text: &str) -> Result<Vec<Command>, WordsError> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, word: None, commands: vec![Command::default()], is_target: false };
    reader.read()?;
    reader.commands.retain(|command| !command.words.is_empty());
    Ok(reader.commands)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    word: Option<Word>,
    commands: Vec<Command>,
    /// Whether the next word is where something is read from or written to.
    is_target: bool,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    fn push(&mut self, byte: u8) {
        self.word().bytes.push(byte);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if std::mem::take(&mut self.is_target) {
            return;
        }
        if let Some(command) = self.commands.last_mut() {
            command.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.is_target = false;
        if self.commands.last().is_some_and(|command| !command.words.is_empty() || command.is_redirected) {
            self.commands.push(Command::default());
        }
    }

    fn read(&mut self) -> Result<(), WordsError> {
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b' ' | b'\t' | b'\r' => self.end_word(),
                b'|' if self.peek(0) != Some(b'|') => {
                    self.end_word();
                    if let Some(command) = self.commands.last_mut() {
                        command.feeds_next = true;
                    }
                    self.end_command();
                }
                b'|' => {
                    self.at += 1;
                    self.end_command();
                }
                b'\n' | b';' | b'&' => self.end_command(),
                b'<' | b'>' => self.redirect(),
                b'#' if self.word.is_none() => self.at += self.bytes[self.at..].iter().position(|byte| *byte == b'\n').unwrap_or(self.bytes.len() - self.at),
                b'\'' => self.single()?,
                b'"' => self.double()?,
                b'\\' => match (self.peek(0), self.peek(1)) {
                    (Some(b'\n'), _) => self.at += 1,
                    (Some(b'\r'), Some(b'\n')) => self.at += 2,
                    (Some(byte), _) => {
                        self.at += 1;
                        self.push(byte);
                    }
                    (None, _) => {}
                },
                b'^' if matches!(self.peek(0), None | Some(b'\r' | b'\n' | b'"' | b'\\' | b'%')) => return Err(WordsError::Windows),
                b'$' if self.peek(0) == Some(b'\'') => {
                    self.at += 1;
                    self.ansi()?;
                }
                b'$' if self.peek(0) == Some(b'"') => {
                    self.at += 1;
                    self.double()?;
                }
                b'$' => self.dollar(),
                b'`' => {
                    self.push(byte);
                    self.word().is_live = true;
                }
                _ => self.push(byte),
            }
        }
        self.end_word();
        Ok(())
    }

    /// `> file`, `2>&1`, `3<&0`: a number before is no word.
    fn redirect(&mut self) {
        if self.word.as_ref().is_some_and(|word| word.bytes.iter().all(u8::is_ascii_digit)) {
            self.word = None;
        }
        self.end_word();
        while matches!(self.peek(0), Some(b'<' | b'>' | b'&' | b'|')) {
            self.at += 1;
        }
        self.is_target = true;
        if let Some(command) = self.commands.last_mut() {
            command.is_redirected = true;
        }
    }

    fn dollar(&mut self) {
        let is_live = matches!(self.peek(0), Some(b'{' | b'(' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'$' | b'!'));
        self.push(b'$');
        self.word().is_live |= is_live;
    }

    fn single(&mut self) -> Result<(), WordsError> {
        let len = self.bytes[self.at..].iter().position(|byte| *byte == b'\'').ok_or(WordsError::Unclosed)?;
        let quoted = self.at..self.at + len;
        self.at += len + 1;
        let word = self.word.get_or_insert_default();
        word.bytes.extend_from_slice(&self.bytes[quoted]);
        Ok(())
    }

    fn double(&mut self) -> Result<(), WordsError> {
        self.word();
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'"' => return Ok(()),
                b'\\' => match self.peek(0) {
                    Some(b'\n') => self.at += 1,
                    Some(byte @ (b'"' | b'\\' | b'$' | b'`')) => {
                        self.at += 1;
                        self.push(byte);
                    }
                    _ => self.push(b'\\'),
                },
                b'$' => self.dollar(),
                b'`' => {
                    self.push(byte);
                    self.word().is_live = true;
                }
                _ => self.push(byte),
            }
        }
        Err(WordsError::Unclosed)
    }

    /// `$'…'` (XCU, 2.2.4).
    fn ansi(&mut self) -> Result<(), WordsError> {
        self.word();
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\'' => return Ok(()),
                b'\\' => self.escape(),
                _ => self.push(byte),
            }
        }
        Err(WordsError::Unclosed)
    }

    fn escape(&mut self) {
        let Some(byte) = self.peek(0) else { return };
        self.at += 1;
        match byte {
            b'a' => self.push(7),
            b'b' => self.push(8),
            b'e' | b'E' => self.push(0x1b),
            b'f' => self.push(0x0c),
            b'n' => self.push(b'\n'),
            b'r' => self.push(b'\r'),
            b't' => self.push(b'\t'),
            b'v' => self.push(0x0b),
            b'c' => {
                let control = self.peek(0).unwrap_or_default() & 0x1f;
                self.at = (self.at + 1).min(self.bytes.len());
                self.push(control);
            }
            b'0'..=b'7' => {
                self.at -= 1;
                let number = self.number(8, 3);
                self.push(number as u8);
            }
            b'x' => {
                let number = self.number(16, 2);
                self.push(number as u8);
            }
            b'u' => {
                let first = self.number(16, 4);
                // Browsers write characters beyond the first plane as two halves.
                let second = (0xd800..0xdc00).contains(&first) && self.peek(0) == Some(b'\\') && self.peek(1) == Some(b'u');
                if second {
                    self.at += 2;
                    let second = self.number(16, 4);
                    self.character(0x1_0000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff));
                } else {
                    self.character(first);
                }
            }
            b'U' => {
                let number = self.number(16, 8);
                self.character(number);
            }
            b'\\' | b'\'' | b'"' | b'?' => self.push(byte),
            _ => {
                self.push(b'\\');
                self.push(byte);
            }
        }
    }

    fn character(&mut self, number: u32) {
        let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.word().bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// The number that at most so many digits write.
    fn number(&mut self, radix: u32, num_digits: usize) -> u32 {
        let mut number = 0;
        for _ in 0..num_digits {
            let Some(digit) = self.peek(0).and_then(|byte| char::from(byte).to_digit(radix)) else { break };
            number = number << radix.trailing_zeros() | digit;
            self.at += 1;
        }
        number
    }
}

/// What `printf` prints, as this program writes it: `'%s' text`, or a format of bytes and octal numbers.
pub(super) fn printed(words: &[Word]) -> Vec<u8> {
    match words {
        [format, text] if format.bytes == b"%s" => text.bytes.clone(),
        [format, ..] => {
            let mut reader = Reader { bytes: &format.bytes, at: 0, word: None, commands: Vec::new(), is_target: false };
            while let Some(byte) = reader.peek(0) {
                reader.at += 1;
                match byte {
                    b'\\' => reader.escape(),
                    b'%' if reader.peek(0) == Some(b'%') => {
                        reader.at += 1;
                        reader.push(b'%');
                    }
                    _ => reader.push(byte),
                }
            }
            reader.word.unwrap_or_default().bytes
        }
        [] => Vec::new(),
    }
}
