//! The one desk for all that goes out: records, requests and calls. A draft becomes a plan, which is pure; with leave, and a line in the ledger
//! before, it is sent once; what becomes of it stands in the ledger after.
//!
//! `draft` is what is composed and `variables` what fills it in, `rows` values for one after another, `plan` what that comes to, `saved` where drafts are
//! kept. `exchange` reads them from what is pasted, and writes them as lines for others' programs. `figures` is what many came to, `desk` where sending is
//! asked for, `command` what, `board` what can be seen of it (`charset` reads a body that is no UTF-8), `redirect` where an answer leads. `replay` sends again what lies on a broker, and `edit` is what can be changed of it before.
//! `record_file` is records in a file, written from brokers and replayed from there. `access` is what all of it needs of the session, `testing` what is made up of that.

pub mod access;
mod board;
mod charset;
mod command;
mod desk;
pub mod draft;
pub mod edit;
pub mod exchange;
mod figures;
#[doc(hidden)]
pub mod fuzzing;
mod plan;
mod record_file;
mod redirect;
pub mod replay;
mod rows;
mod saved;
#[doc(hidden)]
pub mod testing;
mod variables;

pub use board::{Answer, Asking, ByHand, Message, Question, Reply, SHOWN_BYTES, SchemaBoard, SchemaKey, SendBoard, Sent, SentId, Status};
pub use command::{SendAsk, SendCommand};
pub use desk::{SendDesk, SendDeskConfig};
pub use figures::{Ended, One, RepeatFigures};
pub use plan::{Mistake, Plan, Planned, plan, server_address};
pub use record_file::{EXPORT_NOTE, FileMistake, RecordExport, RecordExportState, RecordFile, RecordsExported};
pub use redirect::{Redirect, redirect};
pub use rows::Rows;
pub use saved::SavedBoard;
pub use variables::{MADE, VariableError, Variables};
