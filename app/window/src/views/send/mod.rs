//! Requests, calls and records that are composed here: sent once, with what was answered and what that caused.
//!
//! `editing` is the request that is composed, `library` what is kept and was sent, `answer` what was
//! answered in words, `caused` what came of it, `reasons` why nothing may have, `copied` what is copied of it, `compare` how it differs from the one before (all pure); `exchanging` takes and gives requests of other programs. `view` keeps what is looked at, `act` carries out
//! commands, `lay_out` puts all in its place; the `*_ui` draw, `fields_list` the fields of a message to choose from, and `fields` has the pieces that requests of all kinds are made of.

mod act;
mod answer;
mod answer_ui;
mod asking_ui;
mod caused;
mod caused_ui;
mod compare;
mod compare_ui;
mod copied;
mod editing;
mod exchanging;
mod fields;
mod fields_list;
mod grpc_ui;
mod http_ui;
mod importing_ui;
mod lay_out;
mod library;
mod library_ui;
mod many_ui;
mod messages_ui;
mod methods_ui;
mod options_ui;
mod pairs_ui;
mod reasons;
mod record_ui;
mod repeat_ui;
mod request_ui;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod view;
mod way_ui;

pub(crate) use view::SendView;
