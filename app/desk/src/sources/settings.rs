//! What every family of sources answers, each in its own file.

use switchboard_model::{Leave, SourceKind};

use super::form::Field;
use super::replaying::ReplayProfile;
use crate::profile_error::ProfileError;
use crate::send::draft::RequestKind;

/// What is the same of all sources of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Which one.
    pub kind: SourceKind,
    /// What it is called, such as `actuator`.
    pub word: &'static str,
    /// One of it in a sentence, such as `an actuator`.
    pub one: &'static str,
    /// Its table in a profile's file.
    pub table: &'static str,
    /// The name of the only one that a profile has; `None` = a profile has any number, each with a name of its own.
    pub only: Option<&'static str>,
    /// What can be sent to the server of one; `None` = it only receives.
    pub takes: Option<RequestKind>,
}

/// The settings of a source, as its family's file has them.
pub(super) trait Settings: Clone + 'static {
    /// What family they are of.
    const FAMILY: Family;
    /// What can be typed, in the order of the form.
    const FIELDS: &'static [Field<Self>];

    /// What a new one begins with.
    fn blank() -> Self;

    /// What it is called.
    fn name(&self) -> &str;

    /// The same to be changed; `None` = it cannot be.
    fn name_mut(&mut self) -> Option<&mut String>;

    /// Where it connects to, or where it listens.
    fn address(&self) -> String;

    /// The service behind it, where that is said.
    fn service(&self) -> Option<&str> {
        None
    }

    /// Whether it asks with credentials that a request to the same server does not have by itself.
    fn keeps_credentials(&self) -> bool {
        false
    }

    /// Whether the values make sense.
    fn check(&self) -> Result<(), ProfileError>;

    /// Ports of this machine that it listens on.
    fn ports(&self) -> Vec<u16> {
        Vec::new()
    }

    /// Whether there is anything to start.
    fn is_on(&self) -> bool {
        true
    }

    /// Turns off what every profile has; false = it is left out of the profile instead.
    fn turn_off(&mut self) -> bool {
        false
    }

    /// What the profile says of sending to it.
    fn leave(&self) -> Leave {
        Leave::Unsaid
    }

    /// What the profile says of replaying to it.
    fn replay(&self) -> ReplayProfile {
        ReplayProfile::default()
    }

    /// Channels that hold dead letters, besides those found by name.
    fn dead_letter_channels(&self) -> &[String] {
        &[]
    }
}
