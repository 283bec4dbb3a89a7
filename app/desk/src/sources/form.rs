//! Settings as texts that are typed, and back: a family lists its fields, a window draws and reads them without knowing the family.

use super::settings::Settings;
use crate::secret::Secret;

/// A field of a family's form.
pub(super) struct Field<T> {
    label: &'static str,
    help: &'static str,
    input: Input<T>,
}

/// Which setting a field is, and how it is written and read.
pub(super) enum Input<T> {
    /// A text, without spaces around it.
    Text(fn(&mut T) -> &mut String),
    /// A text that may be left out.
    Optional(fn(&mut T) -> &mut Option<String>),
    /// Texts with commas between them.
    List(fn(&mut T) -> &mut Vec<String>),
    /// A port, 0 = none.
    Port(fn(&mut T) -> &mut u16),
    /// Seconds between two looks.
    Seconds(fn(&mut T) -> &mut f64),
    /// Yes or no.
    Switch(fn(&mut T) -> &mut bool),
    /// Where a secret comes from.
    Secret(fn(&mut T) -> &mut Option<Secret>),
    /// A line with rules of its own. What is read meets the settings as they were before.
    Line { show: fn(&T) -> String, read: fn(&mut T, &str) -> Result<(), String> },
    /// The same of several lines.
    Lines { show: fn(&T) -> String, read: fn(&mut T, &str) -> Result<(), String> },
}

/// A field that can be typed into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    /// What it is called.
    pub label: &'static str,
    /// What to write, in a few words; empty where the label says it.
    pub help: &'static str,
    /// What is typed.
    pub typed: Typed,
}

/// What is typed, by what it is typed into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// Several lines.
    Lines(String),
    /// Yes or no.
    Switch(bool),
    /// Where a secret comes from. The secret itself is never typed.
    Secret {
        /// From which of the two, if it has one.
        from: SecretFrom,
        /// The variable's name, or the command.
        text: String,
    },
}

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretFrom {
    /// There is none.
    #[default]
    None,
    /// An environment variable.
    Env,
    /// What a command prints.
    Command,
}

/// The form of settings.
pub(super) fn show<T: Settings>(settings: &T) -> Vec<FormField> {
    let mut settings = settings.clone();
    T::FIELDS.iter().map(|field| FormField { label: field.label, help: field.help, typed: field.show(&mut settings) }).collect()
}

/// Puts what is typed into settings; what has no field stays. The first thing that is wrong is told with its field and what to do.
pub(super) fn read<T: Settings>(settings: &mut T, form: &[FormField]) -> Result<(), String> {
    for (field, shown) in T::FIELDS.iter().zip(form) {
        field.read(settings, &shown.typed).map_err(|reason| format!("{}: {reason}", field.label))?;
    }
    Ok(())
}

impl<T> Field<T> {
    /// A field with its label, and what to write.
    pub(super) const fn new(label: &'static str, help: &'static str, input: Input<T>) -> Self {
        Self { label, help, input }
    }

    fn show(&self, settings: &mut T) -> Typed {
        match &self.input {
            Input::Text(of) => Typed::Line(of(settings).clone()),
            Input::Optional(of) => Typed::Line(of(settings).clone().unwrap_or_default()),
            Input::List(of) => Typed::Line(of(settings).join(", ")),
            Input::Port(of) => Typed::Line(of(settings).to_string()),
            Input::Seconds(of) => Typed::Line(of(settings).to_string()),
            Input::Switch(of) => Typed::Switch(*of(settings)),
            Input::Secret(of) => match of(settings).clone() {
                None => Typed::Secret { from: SecretFrom::None, text: String::new() },
                Some(Secret::Env(name)) => Typed::Secret { from: SecretFrom::Env, text: name },
                Some(Secret::Command(command)) => Typed::Secret { from: SecretFrom::Command, text: command },
            },
            Input::Line { show, .. } => Typed::Line(show(settings)),
            Input::Lines { show, .. } => Typed::Lines(show(settings)),
        }
    }

    fn read(&self, settings: &mut T, typed: &Typed) -> Result<(), String> {
        let text = typed.text();
        match &self.input {
            Input::Text(of) => text.clone_into(of(settings)),
            Input::Optional(of) => *of(settings) = Some(text.to_owned()).filter(|text| !text.is_empty()),
            Input::List(of) => *of(settings) = list(text),
            Input::Port(of) if text.is_empty() => *of(settings) = 0,
            Input::Port(of) => *of(settings) = text.parse().map_err(|_| "write a number up to 65535, or 0 for none")?,
            Input::Seconds(of) => *of(settings) = text.parse().map_err(|_| "write a number from 0.1 to 3600")?,
            Input::Switch(of) => *of(settings) = *typed == Typed::Switch(true),
            Input::Secret(of) => *of(settings) = secret(typed)?,
            Input::Line { read, .. } | Input::Lines { read, .. } => read(settings, text)?,
        }
        Ok(())
    }
}

impl Typed {
    /// The text, without spaces around it.
    fn text(&self) -> &str {
        match self {
            Self::Line(text) | Self::Lines(text) | Self::Secret { text, .. } => text.trim(),
            Self::Switch(_) => "",
        }
    }
}

fn secret(typed: &Typed) -> Result<Option<Secret>, String> {
    let Typed::Secret { from, .. } = typed else { return Ok(None) };
    let text = typed.text();
    match from {
        SecretFrom::None => Ok(None),
        SecretFrom::Env => {
            let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && text.bytes().next().is_some_and(|b| !b.is_ascii_digit());
            if is_name { Ok(Some(Secret::Env(text.to_owned()))) } else { Err("write the name of an environment variable, such as KAFKA_PASSWORD".to_owned()) }
        }
        SecretFrom::Command if text.is_empty() => Err("write the command that prints it".to_owned()),
        SecretFrom::Command => Ok(Some(Secret::Command(text.to_owned()))),
    }
}

/// Texts with commas between them.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}
