//! The sources of a profile as they are added, changed, tried out and removed while a session runs.
//!
//! `desk` carries commands out and keeps the [`SourcesBoard`] that the window reads; `saved` writes the profile's file,
//! its comments kept; `trial` makes one bounded attempt to connect.

mod desk;
mod saved;
#[cfg(test)]
mod tests;
mod trial;

use switchboard_model::SourcePhase;

pub use desk::SourcesDesk;

use crate::profile::Profile;
use crate::sources::SourceProfile;

/// What the window asks to be done with sources.
#[derive(Clone, Debug, PartialEq)]
pub enum SourcesCommand {
    /// A new source, or other settings for one.
    Put {
        /// The name it has now; `None` = it is new.
        before: Option<String>,
        /// Its settings.
        source: SourceProfile,
    },
    /// Ends a source and takes it out of the profile.
    Remove(String),
    /// Tries to connect, for a few seconds, and changes nothing.
    Test(SourceProfile),
    /// Ends the attempt.
    CancelTest,
}

/// What can be seen of it.
#[derive(Clone, Debug, Default)]
pub struct SourcesBoard {
    /// The profile as it is now.
    pub profile: Profile,
    /// Where it is kept; `None` = changes last as long as the session.
    pub path: Option<std::path::PathBuf>,
    /// The last attempt to connect.
    pub trial: Option<Trial>,
    /// What became of the last change, and whether that is bad.
    pub said: Option<(String, bool)>,
}

/// An attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The source.
    pub name: String,
    /// When it began, ns since the Unix epoch.
    pub begun_ns: i64,
    /// How far it is.
    pub phase: SourcePhase,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do next.
    pub next_step: String,
    /// When it ended, ns since the Unix epoch; `None` = it goes on.
    pub ended_ns: Option<i64>,
}
