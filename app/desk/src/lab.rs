//! How the demo's lab is, which runs in a process of its own.

/// What can be seen of the lab.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabState {
    /// There is none, or it runs.
    #[default]
    Well,
    /// It ended by itself, in these words.
    Ended(String),
    /// It is being started again.
    Starting,
}
