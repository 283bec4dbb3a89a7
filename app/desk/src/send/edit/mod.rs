//! Changes to a record that was read again, before it is sent once more: a list of them, never a text out of the store, which holds stand-ins
//! for secrets. What no change names stays byte for byte.

mod around;
mod change;
mod difference;
mod headers;
mod json;
mod masked;
mod member;
mod path;

pub use around::Piece;
pub(in crate::send) use around::Secrets;
pub use change::{Change, ChangeError, Changes, NewBytes};
pub(in crate::send) use change::{Edited, Extent, change_headers};
pub use difference::{Difference, Part, Place as OtherPlace};
pub use headers::{HeaderEdit, NewHeader};
pub use masked::{Masked, MaskedRecord};
pub use member::{Holds, Member, put_member};
pub use path::{JsonPath, PathError};
