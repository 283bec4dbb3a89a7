//! What the window asks of sending.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::send::board::SentId;
use crate::send::draft::{Draft, GrpcDraft};

/// A request that is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SendAsk {
    /// What.
    pub draft: Arc<Draft>,
    /// The environment whose variables fill it in; `None` = none.
    pub environment: Option<String>,
    /// Variables besides, which come before those of the environment.
    pub given: BTreeMap<String, String>,
    /// Whether a stream of a gRPC client stays open for messages written by hand.
    pub by_hand: bool,
    /// Whether it is sent again and again, once in as many seconds as the draft says, until it is stopped or the session ends.
    pub is_probe: bool,
}

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub enum SendCommand {
    /// Send this, where there is leave to and nothing has to be confirmed; what has to be stands on the board then.
    Send(SendAsk),
    /// Do what was asked for: allow it for this session, or send it; with the name as it was typed where production asks for it.
    Confirm {
        /// What was typed.
        typed_name: Option<String>,
    },
    /// Do not.
    Withdraw,
    /// Stop waiting for an answer.
    Cancel(SentId),
    /// Write the whole body of an answer into a file that is not there yet: an absolute path, or one below the folder of requests.
    SaveBody(SentId, String),
    /// Another message, JSON, for a stream that is open.
    Message(SentId, String),
    /// No more messages come.
    HalfClose(SentId),
    /// Forget what was sent in this session; the ledger keeps its lines.
    Forget,
    /// Find out what the methods of this call's server take: where it is asked, that is a call, which needs leave and has a line in the ledger.
    Describe(Box<GrpcDraft>, Option<String>),
    /// Write a request into its file, made where it is not there: a path below the folder, without its ending.
    Save {
        /// Folder and name, with `/`.
        path: String,
        /// What.
        draft: Arc<Draft>,
    },
    /// Write requests that were imported into files that are not there yet, under another name where one is, and the variables that they name into an
    /// environment that is not there yet, or has them; what is there stays.
    SaveImported {
        /// Each with folder and name, with `/`.
        requests: Vec<(String, Arc<Draft>)>,
        /// The environment.
        environment: String,
        /// Names and values.
        variables: BTreeMap<String, String>,
    },
    /// Write a `.proto` that requests name into its file, a path below the folder; one that is there with other contents stays.
    SaveProto {
        /// Folder and name, with `/`.
        path: String,
        /// What stands in it.
        text: Arc<str>,
    },
    /// Take a request's file away.
    Remove(String),
    /// Read the folder again.
    Reload,
}
