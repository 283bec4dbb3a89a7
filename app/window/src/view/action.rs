//! What a view asks the window for.

use super::{Target, UiCommand};
use crate::SessionCommand;

/// What a view asks the window for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ViewAction {
    /// A command, as if it was chosen from the palette.
    Run(UiCommand),
    /// To another object, in whichever view shows it.
    Goto(Target),
    /// Text into the clipboard.
    Copy(String),
    /// Something the session has to do.
    Send(SessionCommand),
}
