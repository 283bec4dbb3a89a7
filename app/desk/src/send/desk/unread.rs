//! What an answer holds in a `google.protobuf.Any` of a type that is not known yet: the server is asked for the type by reflection while the call goes on,
//! and what came is read again. Whoever answers wrote the names, so they are few, asked of nobody else, and in bounded time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::live::Live;
use crate::operations::Teller;
use crate::send::access::{AsRead, MethodSchema, Waiting};

/// What waits to be read again, at most.
const WAITING_MAX: usize = 64;
/// The longest message that is read again, bytes.
const BYTES_MAX: usize = 1 << 20;
/// Types that are asked for because of one answer.
const TYPES_MAX: usize = 32;
/// How often the server is asked: a type may hold others.
const ROUNDS_MAX: usize = 6;
/// So long what the server was asked has to be written down where it is given up: less than an operation has to end by itself.
const WRITTEN_WITHIN: Duration = Duration::from_millis(100);

/// Takes what is to be read again.
pub(super) type ReadLater = mpsc::Sender<Unread>;

/// What is to be read again.
pub(super) struct Unread {
    what: What,
    bytes: Bytes,
    /// Types that were not known when it was read last.
    types: Vec<String>,
}

enum What {
    /// A message, by its place among those that are kept.
    Message(usize),
    /// Details of the status.
    Details,
}

/// What a server tells once it is asked; an error says why it does not.
pub(super) type Asked = Waiting<Result<Arc<dyn MethodSchema>, String>>;

/// How a server is asked for its schema once more.
pub(super) struct Asking {
    /// Types that were asked for before, and are still wanted.
    pub types: Vec<String>,
    /// Asks for types.
    pub ask: Box<dyn Fn(Vec<String>) -> Asked + Send>,
}

/// Reads again what is not known yet.
pub(super) struct Rereading {
    pub live: Live,
    /// Of what the messages are.
    pub method: String,
    pub schema: Arc<dyn MethodSchema>,
    /// `None` = the schema is from files, and nobody is asked.
    pub asking: Option<Asking>,
    /// Takes a schema that knows more.
    pub learnt: Box<dyn Fn(Arc<dyn MethodSchema>) + Send>,
}

/// Waits until it is given up, and what the server was asked had its time to be written down.
pub(super) async fn given_up(teller: &Teller<()>) {
    teller.cancelled().await;
    tokio::time::sleep(WRITTEN_WITHIN).await;
}

/// A queue of what is to be read again.
pub(super) fn queue() -> (ReadLater, mpsc::Receiver<Unread>) {
    mpsc::channel(WAITING_MAX)
}

/// Shows a message that came, and has it read again where it holds what is not known; without a queue that is told.
pub(super) fn show_message(live: &Live, later: Option<&ReadLater>, read: AsRead<String>, bytes: Bytes, at_ns: i64) {
    let AsRead { says, unknown_types: types } = read;
    let size_bytes = bytes.len();
    if types.is_empty() {
        live.message(false, says, size_bytes, at_ns);
        return;
    }
    let Some(place) = live.message(false, says.clone(), size_bytes, at_ns) else { return };
    let unread = Unread { what: What::Message(place), bytes, types: types.clone() };
    if let Err(why) = read_later(later, unread) {
        live.reword(place, with_reasons(says, &types, |_| why));
    }
}

/// Has details of a status read again, where they hold what is not known.
pub(super) fn details_later(later: Option<&ReadLater>, read: &AsRead<Vec<(String, String)>>, bytes: &Bytes) {
    if !read.unknown_types.is_empty() {
        // Those that cannot be stay digits, which says that they are not known.
        let _ = read_later(later, Unread { what: What::Details, bytes: bytes.clone(), types: read.unknown_types.clone() });
    }
}

fn read_later(later: Option<&ReadLater>, unread: Unread) -> Result<(), &'static str> {
    let later = later.ok_or("what is known of the server's types does not have it. Send it once, and the server is asked for it")?;
    if unread.bytes.len() > BYTES_MAX {
        return Err("the message is too long to be read again, so the server is not asked for it");
    }
    later.try_send(unread).map_err(|_| "too many messages hold what is not known, so the server is not asked for it")
}

/// A text, and behind it why types in it are not known.
fn with_reasons<'a>(mut says: String, types: &[String], why: impl Fn(&str) -> &'a str) -> String {
    for name in types {
        says.push_str("\n// ");
        says.push_str(name);
        says.push_str(": ");
        says.push_str(why(name));
    }
    says
}

impl Rereading {
    /// Reads again what comes, until nothing more does.
    pub(super) async fn run(mut self, mut unread: mpsc::Receiver<Unread>) {
        let (mut why, mut asked): (BTreeMap<String, String>, BTreeSet<String>) = (BTreeMap::new(), BTreeSet::new());
        let (mut rounds_left, mut over) = (ROUNDS_MAX, None::<String>);
        while let Some(first) = unread.recv().await {
            let mut all = vec![first];
            while let Ok(more) = unread.try_recv() {
                all.push(more);
            }
            loop {
                // Of what was told before, or not, it is known by now.
                for one in all.iter_mut().filter(|one| !one.types.is_empty()) {
                    self.read(one, &why);
                    // A long answer is read in pieces, between which the call can be given up.
                    tokio::task::yield_now().await;
                }
                let is_new = |name: &&String| !asked.contains(*name) && !why.contains_key(*name) && !self.schema.knows(name);
                let new: BTreeSet<&String> = all.iter().flat_map(|one| &one.types).filter(is_new).collect();
                let new: Vec<String> = new.into_iter().cloned().collect();
                if new.is_empty() {
                    break;
                }
                let told = match &over {
                    Some(reason) => Err(reason.clone()),
                    None if rounds_left == 0 => Err(format!("the server is asked {ROUNDS_MAX} times at most because of one answer")),
                    None => self.ask(&new, &mut asked).await,
                };
                rounds_left = rounds_left.saturating_sub(1);
                // Who did not tell is not asked again.
                over = over.or_else(|| told.as_ref().err().cloned());
                for name in new.into_iter().filter(|name| !self.schema.knows(name)) {
                    let reason = match &told {
                        Ok(()) if asked.contains(&name) => self.not_told(&name),
                        Ok(()) => format!("{TYPES_MAX} types of one answer are asked for at most"),
                        Err(reason) => reason.clone(),
                    };
                    why.insert(name, reason);
                }
            }
        }
    }

    /// Asks for some types, as many as are let.
    async fn ask(&mut self, new: &[String], asked: &mut BTreeSet<String>) -> Result<(), String> {
        let Some(asking) = &self.asking else { return Err("the files that tell what methods take do not have it".to_owned()) };
        let room = TYPES_MAX.saturating_sub(asked.len());
        asked.extend(new.iter().take(room).cloned());
        if room == 0 {
            return Ok(());
        }
        let types = asking.types.iter().chain(asked.iter()).cloned().collect();
        let schema = (asking.ask)(types).await?;
        (self.learnt)(Arc::clone(&schema));
        self.schema = schema;
        Ok(())
    }

    /// Why a type is not known that the server was asked for.
    fn not_told(&self, name: &str) -> String {
        let begin = format!("the type {name} ");
        let note = self.schema.notes().iter().find(|note| note.starts_with(&begin)).and_then(|note| note.split_once(": "));
        note.map_or_else(|| "the server does not tell it".to_owned(), |(_, reason)| format!("the server does not tell it: {reason}"))
    }

    /// Reads one with what is known now, and shows it.
    fn read(&self, one: &mut Unread, why: &BTreeMap<String, String>) {
        let reason = |name: &str| why.get(name).map_or("not known; the server is asked for it while the call goes on", String::as_str);
        match one.what {
            What::Message(place) => {
                let Ok(AsRead { says, unknown_types }) = self.schema.decode(&self.method, false, &one.bytes) else {
                    // With what is known by now it cannot be shown: it stays as it was, and nothing of it is asked for any longer.
                    one.types.clear();
                    return;
                };
                self.live.reword(place, with_reasons(says, &unknown_types, reason));
                one.types = unknown_types;
            }
            What::Details => {
                let AsRead { says, unknown_types } = self.schema.details(&one.bytes);
                let told = |(name, says): (String, String)| {
                    let own: Vec<String> = unknown_types.iter().filter(|unknown| **unknown == name || says.contains(unknown.as_str())).cloned().collect();
                    (name, with_reasons(says, &own, reason))
                };
                self.live.details(says.into_iter().map(told).collect());
                one.types = unknown_types;
            }
        }
    }
}

#[cfg(test)]
mod tests;
