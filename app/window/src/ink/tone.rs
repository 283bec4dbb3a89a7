//! How unusual something is, and the inks of that.

use crate::theme::Ink;

/// How unusual something is; the order is that of urgency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tone {
    /// As usual.
    #[default]
    Quiet,
    /// Not known, or known too long ago.
    Unknown,
    /// Going wrong.
    Warn,
    /// Wrong.
    Bad,
}

/// Text and border of a tone, and what is behind it.
pub(crate) fn tone_inks(tone: Tone) -> (Ink, Ink) {
    match tone {
        Tone::Quiet => (Ink::Dim, Ink::Panel),
        Tone::Unknown => (Ink::Dim, Ink::Card),
        Tone::Warn => (Ink::Warn, Ink::WarnFill),
        Tone::Bad => (Ink::Bad, Ink::BadFill),
    }
}
