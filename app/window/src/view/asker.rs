//! Questions of views to the engine: each place that asks keeps its last answer, asks anew when its question changes or
//! news came, and never waits.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use switchboard_engine::view::{Answer, EdgeId, FindPage, Query};

/// A standing question is asked anew at most this often, s.
const ANEW_EVERY_S: f64 = 1.0;
/// An answer that the last frame did not look at, and none before for so long, is dropped, s.
const KEPT_FOR_S: f64 = 30.0;
/// Between two looks for an answer: at first, and at last.
const LOOK_AFTER_S: [f64; 2] = [0.004, 0.1];

/// A place that asks. One variant for each, so that no two share an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Slot {
    /// The selected box over time.
    NodeHistory,
    /// The selected edge over time.
    EdgeHistory,
    /// What stands on an edge of the map.
    EdgeLabel(EdgeId),
    /// The selected call over time, as its callee saw it.
    CalleeHistory,
    /// What the selected call ended with.
    EdgeStatuses,
    /// Traces through the selected box or edge.
    PanelTraces,
    /// The slowest traces through the selected box or edge.
    PanelSlowest,
    /// Logs of the selected service.
    ServiceLogs,
    /// The consumer group of the selected edge.
    PanelGroup,
    /// The list of traces.
    TraceList,
    /// The open trace.
    TraceOpen,
    /// The open conversation.
    ConversationOpen,
    /// Records of the open channel.
    RecordLines,
    /// Contents of the records in view.
    RecordDetails,
    /// The open record.
    RecordOpen,
    /// Records that are looked through for a text.
    RecordFilter,
    /// The open consumer group.
    GroupOpen,
    /// What a consumer group in view was before the window looked: one for each of so many rows.
    GroupCourse(u8),
    /// What was refused.
    Refused,
    /// Dead letters of the open group of letters.
    Letters,
    /// The record behind the open letter.
    LetterOpen,
    /// What became of the open letter after it was sent.
    LetterStory,
    /// The request that is asked most of what something is to be sent to.
    MostUsed,
    /// The trace of what was sent.
    SentTrace,
    /// The way of what was sent, on the map.
    SentWay,
    /// The trace of a probe that fails, on the map.
    ProbeTrace,
    /// What has the correlation id of what was sent.
    SentConversation,
    /// The letter of the open send of the ledger.
    LedgerLetter,
    /// The record that the open send of the ledger wrote.
    LedgerWritten,
    /// The search.
    Find,
    /// Whether what is searched is the id of a conversation.
    FindConversation,
}

/// What is known of a question.
pub(crate) struct Standing<'a> {
    /// The latest answer; of the former question while the new one is unanswered.
    pub answer: Option<&'a Answer>,
    /// Whether a newer answer is on its way.
    pub is_waiting: bool,
    /// Whether the answer is to this very question.
    pub is_of_this_question: bool,
    /// Rises with each answer and is no other's: what is derived from one can be kept until then.
    pub revision: u64,
}

/// Keeps the questions.
#[derive(Default)]
pub(crate) struct Asker {
    asked: BTreeMap<Slot, Asked>,
    generation: u64,
    started_ns: i64,
    now_s: f64,
    /// No answered question is asked anew.
    is_held: bool,
    /// All that ever came, of all sessions.
    num_answers: u64,
    /// An answer came after its frame was drawn.
    is_undrawn: bool,
}

#[derive(Default)]
struct Asked {
    query: Option<Query>,
    /// How often it is asked anew when something new was observed; `None` = not while it is answered.
    anew_every_s: Option<f64>,
    is_due: bool,
    /// Of which state of the engine it was asked last, and when.
    asked: Option<(u64, f64)>,
    receiver: Option<Receiver<Answer>>,
    answer: Option<Answer>,
    answers_this: bool,
    revision: u64,
    looked_at_s: f64,
}

impl Asker {
    /// A question that is asked anew when it changes, or at most once a second when something new was observed.
    pub(crate) fn standing(&mut self, slot: Slot, query: &Query) -> Standing<'_> {
        self.standing_each(slot, query, ANEW_EVERY_S)
    }

    /// The same, at another pace: an answer that is long to make and to take in is asked for less often.
    pub(crate) fn standing_each(&mut self, slot: Slot, query: &Query, anew_every_s: f64) -> Standing<'_> {
        self.look(slot, query, Some(anew_every_s).filter(|_| !self.is_held))
    }

    /// A question that is asked once, until it changes.
    pub(crate) fn once(&mut self, slot: Slot, query: &Query) -> Standing<'_> {
        self.look(slot, query, None)
    }

    fn look(&mut self, slot: Slot, query: &Query, anew_every_s: Option<f64>) -> Standing<'_> {
        let (generation, now_s) = (self.generation, self.now_s);
        let asked = self.asked.entry(slot).or_default();
        asked.looked_at_s = now_s;
        asked.anew_every_s = anew_every_s;
        if asked.query.as_ref() != Some(query) {
            // An answer that is still on its way is nobody's any more.
            *asked =
                Asked { query: Some(query.clone()), anew_every_s, is_due: true, receiver: None, asked: None, answers_this: false, ..std::mem::take(asked) };
        } else if asked.due_in_s(generation, now_s).is_some_and(|due_s| due_s <= 0.0) {
            asked.is_due = true;
        }
        Standing {
            answer: asked.answer.as_ref(),
            is_waiting: asked.is_due || asked.receiver.is_some(),
            is_of_this_question: asked.answers_this,
            revision: asked.revision,
        }
    }

    /// Told before each frame: what state the engine is in, and the time on a clock that never goes back.
    pub(crate) fn take(&mut self, generation: u64, started_ns: i64, now_s: f64) {
        if self.started_ns != started_ns {
            // Another session gives its ids anew.
            self.asked.clear();
            self.started_ns = started_ns;
        }
        self.generation = generation;
        // An idle window has a minute between two frames.
        let last_frame_s = std::mem::replace(&mut self.now_s, now_s);
        self.asked.retain(|_, asked| asked.looked_at_s >= last_frame_s || now_s - asked.looked_at_s <= KEPT_FOR_S);
        self.receive();
        self.is_undrawn = false;
    }

    /// Whether answers stay as they are, for a window that is paused: a question is asked once then, whatever was observed since its answer.
    pub(crate) fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// Asks what is due. To be called after each frame.
    pub(crate) fn send(&mut self, mut ask: impl FnMut(Query) -> Receiver<Answer>) {
        for asked in self.asked.values_mut().filter(|asked| asked.is_due) {
            let Some(query) = asked.query.clone() else { continue };
            asked.receiver = Some(ask(query));
            asked.is_due = false;
            asked.asked = Some((self.generation, self.now_s));
        }
        self.receive();
    }

    fn receive(&mut self) {
        for asked in self.asked.values_mut() {
            while let Some(receiver) = &asked.receiver {
                match receiver.try_recv() {
                    Ok(answer) => {
                        self.num_answers += 1;
                        asked.take(answer, self.num_answers);
                        self.is_undrawn = true;
                    }
                    Err(TryRecvError::Empty) => break,
                    // All was said, or nothing will be: too many questions, or the engine has ended.
                    Err(TryRecvError::Disconnected) => asked.receiver = None,
                }
            }
        }
    }

    /// When to look again, from now: for an answer, or to ask anew. `None` if nothing is open.
    pub(crate) fn due_in(&self) -> Option<Duration> {
        if self.is_undrawn {
            return Some(Duration::from_secs_f64(LOOK_AFTER_S[0]));
        }
        let of = |asked: &Asked| match (asked.is_due, &asked.receiver, asked.asked) {
            (true, ..) => Some(0.0),
            (false, Some(_), Some((_, asked_s))) => Some((self.now_s - asked_s).clamp(LOOK_AFTER_S[0], LOOK_AFTER_S[1])),
            _ => asked.due_in_s(self.generation, self.now_s).filter(|_| asked.looked_at_s >= self.now_s),
        };
        self.asked.values().filter_map(of).reduce(f64::min).map(|due_s| Duration::from_secs_f64(due_s.max(0.0)))
    }
}

impl Asked {
    fn take(&mut self, answer: Answer, revision: u64) {
        match (&mut self.answer, answer) {
            // A search is answered in parts: each brings what was found since the one before.
            (Some(Answer::Found(all)), Answer::Found(mut part)) if self.answers_this && !all.is_done => {
                all.hits.append(&mut part.hits);
                *all = FindPage { hits: std::mem::take(&mut all.hits), ..part };
            }
            (_, answer) => self.answer = Some(answer),
        }
        self.answers_this = true;
        self.revision = revision;
    }

    /// When to ask the same again; `None` = not for now. A question that nobody answered is asked again with the next news.
    fn due_in_s(&self, generation: u64, now_s: f64) -> Option<f64> {
        let (asked_generation, asked_s) = self.asked?;
        let again = self.receiver.is_none() && !self.is_due && generation != asked_generation && (self.anew_every_s.is_some() || !self.answers_this);
        again.then_some(self.anew_every_s.filter(|_| self.answers_this).unwrap_or(ANEW_EVERY_S) - (now_s - asked_s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use switchboard_engine::view::{FindHit, PointQuery, RowId};
    use switchboard_model::TraceId;

    fn query(n: u128) -> Query {
        Query::Point(PointQuery::Trace { trace_id: TraceId(n) })
    }

    fn answer() -> Answer {
        Answer::Logs(Vec::new())
    }

    /// Answers at once and counts.
    fn answering(asker: &mut Asker) -> usize {
        let mut num_asked = 0;
        asker.send(|_| {
            num_asked += 1;
            let (sender, receiver) = sync_channel(1);
            sender.send(answer()).expect("room");
            receiver
        });
        num_asked
    }

    #[test]
    fn a_question_is_asked_when_it_changes_and_with_news_at_most_once_a_second() {
        let mut asker = Asker::default();
        asker.take(1, 7, 0.0);
        assert!(asker.standing(Slot::TraceList, &query(1)).is_waiting);
        assert_eq!(answering(&mut asker), 1);
        let standing = asker.standing(Slot::TraceList, &query(1));
        assert!(standing.is_of_this_question && !standing.is_waiting && standing.answer.is_some());
        assert!(asker.due_in().is_some(), "an answer that came after the frame is drawn by another");
        asker.take(1, 7, 0.1);
        let _standing = asker.standing(Slot::TraceList, &query(1));
        assert_eq!(answering(&mut asker), 0, "nothing is new");
        assert_eq!(asker.due_in(), None, "an idle window draws no frame");
        asker.take(2, 7, 0.4);
        let _standing = asker.standing(Slot::TraceList, &query(1));
        assert_eq!(answering(&mut asker), 0, "not within a second");
        assert_eq!(asker.due_in(), Some(Duration::from_secs_f64(0.6)));
        asker.take(2, 7, 1.1);
        let _standing = asker.standing(Slot::TraceList, &query(1));
        assert_eq!(answering(&mut asker), 1);
        let standing = asker.standing(Slot::TraceList, &query(2));
        assert!(standing.answer.is_some() && !standing.is_of_this_question, "the former answer is kept meanwhile");
        assert_eq!(answering(&mut asker), 1, "another question is asked at once");
    }

    #[test]
    fn a_question_has_its_own_pace() {
        let mut asker = Asker::default();
        asker.take(1, 7, 0.0);
        let _standing = asker.standing_each(Slot::TraceOpen, &query(1), 20.0);
        assert_eq!(answering(&mut asker), 1);
        let mut num_asked = 0;
        for now_s in 1..=60 {
            asker.take(1 + now_s, 7, now_s as f64);
            let _standing = asker.standing_each(Slot::TraceOpen, &query(1), 20.0);
            num_asked += answering(&mut asker);
        }
        assert_eq!(num_asked, 3, "each 20 s, with news each second");
    }

    #[test]
    fn what_is_asked_once_is_not_asked_again_unless_nobody_answered() {
        let mut asker = Asker::default();
        asker.take(1, 7, 0.0);
        let _standing = asker.once(Slot::TraceOpen, &query(1));
        // The sender is dropped: nobody answers.
        asker.send(|_| sync_channel(1).1);
        let standing = asker.once(Slot::TraceOpen, &query(1));
        assert!(standing.answer.is_none() && !standing.is_waiting);
        asker.take(2, 7, 2.0);
        let _standing = asker.once(Slot::TraceOpen, &query(1));
        assert_eq!(answering(&mut asker), 1);
        asker.take(3, 7, 4.0);
        let _standing = asker.once(Slot::TraceOpen, &query(1));
        assert_eq!(answering(&mut asker), 0);
    }

    #[test]
    fn answers_of_another_session_and_of_long_ago_are_dropped() {
        let mut asker = Asker::default();
        asker.take(1, 7, 0.0);
        let _standing = asker.once(Slot::TraceOpen, &query(1));
        let _num_asked = answering(&mut asker);
        let revision = asker.once(Slot::TraceOpen, &query(1)).revision;
        asker.take(1, 8, 0.1);
        assert!(asker.once(Slot::TraceOpen, &query(1)).answer.is_none());
        let _num_asked = answering(&mut asker);
        assert!(asker.once(Slot::TraceOpen, &query(1)).revision > revision, "what is derived from the former session's answer is of no use");
        asker.take(1, 8, 70.0);
        assert!(asker.once(Slot::TraceOpen, &query(1)).answer.is_some(), "the last frame drew it, a minute ago");
        asker.take(1, 8, 71.0);
        asker.take(1, 8, 141.0);
        assert!(asker.once(Slot::TraceOpen, &query(1)).answer.is_none());
    }

    #[test]
    fn an_answer_in_parts_is_put_together() {
        let hit = |n: u64| FindHit::Log { row: RowId(n), service: "orders".to_owned(), at_ns: 0, excerpt: "4711".to_owned(), trace_id: TraceId(0) };
        let part = |n: u64, is_done: bool| Answer::Found(FindPage { hits: vec![hit(n)], looked_at: n, is_done, ..FindPage::default() });
        let mut asker = Asker::default();
        asker.take(1, 7, 0.0);
        let _standing = asker.once(Slot::Find, &query(1));
        let (sender, receiver) = sync_channel(4);
        let mut receiver = Some(receiver);
        asker.send(|_| receiver.take().expect("asked once"));
        sender.send(part(1, false)).expect("room");
        asker.take(1, 7, 0.1);
        let standing = asker.once(Slot::Find, &query(1));
        assert!(standing.is_waiting && standing.revision == 1, "more may come");
        sender.send(part(2, true)).expect("room");
        drop(sender);
        asker.take(1, 7, 0.2);
        let standing = asker.once(Slot::Find, &query(1));
        assert!(!standing.is_waiting && standing.revision == 2);
        let Some(Answer::Found(page)) = standing.answer else { panic!("{:?}", standing.answer) };
        assert_eq!((&page.hits, page.looked_at, page.is_done), (&vec![hit(1), hit(2)], 2, true));
    }
}
