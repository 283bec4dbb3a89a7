//! What a view is: its kind, what it gets to draw with, what it asks for in return, and what one can jump to.

mod asker;
mod beside;
mod command;
mod freshness;
pub(crate) mod news;

pub(crate) use asker::{Asker, Slot};
pub(crate) use beside::Beside;
pub(crate) use command::{Menu, Scope, UiCommand};
pub(crate) use freshness::{Freshness, newest_ns};
pub(crate) use news::News;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use switchboard_engine::view::{ChannelKey, EdgeId, NodeId, Range, RowId, Snapshot, TraceFilter};
use switchboard_model::{CorrelationId, SpanId, TraceId};

use crate::{SessionCommand, WindowOptions, theme::DesignTokens};
use switchboard_desk::replay::ReplayBoard;
use switchboard_desk::sources_desk::SourcesBoard;

/// A pane's kind. Find is no pane: it lies over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewKind {
    /// Who talks to whom.
    Map,
    /// Traces, and one of them span by span.
    Traces,
    /// Topics and their records.
    Messages,
    /// Consumer groups and their lag.
    Groups,
    /// What died, and sending it again.
    DeadLetters,
    /// Circuit breakers.
    Breakers,
    /// Where the data come from.
    Sources,
    /// The program's own log.
    Log,
}

impl ViewKind {
    /// All, in the order of the bar.
    pub const ALL: [Self; 8] = [Self::Map, Self::Traces, Self::Messages, Self::Groups, Self::DeadLetters, Self::Breakers, Self::Sources, Self::Log];

    /// What it is called.
    pub fn text(self) -> &'static str {
        match self {
            Self::Map => "Map",
            Self::Traces => "Traces",
            Self::Messages => "Messages",
            Self::Groups => "Groups",
            Self::DeadLetters => "Dead letters",
            Self::Breakers => "Breakers",
            Self::Sources => "Sources",
            Self::Log => "Log",
        }
    }
}

/// The engine's figures are kept in buckets of this length, ns.
const BUCKET_NS: i64 = 10_000_000_000;

/// How much time is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeRange {
    /// A minute.
    #[default]
    M1,
    /// Five minutes.
    M5,
    /// A quarter of an hour.
    M15,
    /// The whole session.
    All,
}

impl TimeRange {
    /// As the bar says it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::M1 => "1 min",
            Self::M5 => "5 min",
            Self::M15 => "15 min",
            Self::All => "all",
        }
    }

    /// How long, ns; `None` = all.
    pub(crate) fn duration_ns(self) -> Option<i64> {
        const MINUTE_NS: i64 = 60_000_000_000;
        match self {
            Self::M1 => Some(MINUTE_NS),
            Self::M5 => Some(5 * MINUTE_NS),
            Self::M15 => Some(15 * MINUTE_NS),
            Self::All => None,
        }
    }

    /// The instant that questions are of, where the newest that was observed is of `newest_ns`: once the range holds nothing
    /// any more it moves on no further, so that nothing is asked anew.
    pub(crate) fn asked_at_ns(self, as_of_ns: i64, newest_ns: Option<i64>) -> i64 {
        // Of all time, courses are drawn of the last quarter of an hour.
        let length_ns = self.duration_ns().or(Self::M15.duration_ns()).unwrap_or_default();
        newest_ns.map_or(as_of_ns, |newest_ns| as_of_ns.min(newest_ns.saturating_add(length_ns + BUCKET_NS)))
    }

    /// The range that ends at this instant, rounded outwards to the engine's buckets; `None` = all.
    pub(crate) fn range(self, as_of_ns: i64) -> Option<Range> {
        let duration_ns = self.duration_ns()?;
        let to_ns = (as_of_ns.div_euclid(BUCKET_NS) + 1).saturating_mul(BUCKET_NS);
        Some(Range { from_ns: to_ns.saturating_sub(duration_ns), to_ns })
    }
}

/// What a view draws with.
pub(crate) struct ViewContext<'a> {
    /// What was observed, of now or of the moment of the pause.
    pub snapshot: &'a Snapshot,
    /// What can be seen of replaying, as of now also while paused.
    pub replay: &'a ReplayBoard,
    /// The sources as the profile has them.
    pub sources: &'a SourcesBoard,
    /// The time on the wall, ns since the Unix epoch: for ages.
    pub now_ns: i64,
    /// The instant that is looked at: now, or when it was paused.
    pub as_of_ns: i64,
    /// The instant that questions are of: as that, until nothing is left in the range.
    pub asked_at_ns: i64,
    /// What is new since views were looked at.
    pub news: &'a News,
    /// Whether the window is paused.
    pub is_paused: bool,
    /// How much time before that instant.
    pub range: TimeRange,
    /// Colours.
    pub tokens: &'a DesignTokens,
    /// Answers questions.
    pub asker: &'a mut Asker,
    /// What the window knows of its session from the start.
    pub options: &'a WindowOptions,
    /// For pictures and tests: no waiting, no motion, nothing beside the frame.
    pub in_place: bool,
}

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

/// An object that one can jump to from anywhere.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// A box of the map.
    Node(NodeId),
    /// An edge of the map.
    Edge(EdgeId),
    /// A trace, or a span in it.
    Trace {
        /// The trace.
        trace_id: TraceId,
        /// The span; `None` = the trace as a whole.
        span_id: Option<SpanId>,
    },
    /// All that shares a correlation id.
    Conversation(CorrelationId),
    /// A topic, queue or exchange.
    Channel(ChannelKey),
    /// A stored record.
    Record {
        /// Its channel.
        channel: ChannelKey,
        /// Which.
        row: RowId,
    },
    /// A consumer group on a topic.
    Group {
        /// Name of the source that reads its cluster; `None` = any.
        cluster: Option<String>,
        /// `group.id`.
        group: String,
        /// The topic.
        topic: String,
    },
    /// A circuit breaker.
    Breaker {
        /// The service that holds it.
        caller: Option<String>,
        /// The instance that holds it; `None` = any.
        instance: Option<String>,
        /// Its own name.
        name: String,
    },
    /// Dead letters of a channel.
    DeadLetters {
        /// The dead-letter channel, or their origin.
        channel: ChannelKey,
        /// Those that died of this; `None` = all.
        fingerprint: Option<String>,
    },
    /// A source, by its name.
    Source(String),
    /// The traces that pass a filter.
    Traces(TraceFilter),
    /// A search.
    Find(String),
}

impl Target {
    /// The view that shows it; `None` = the search that lies over all.
    pub(crate) fn view(&self) -> Option<ViewKind> {
        match self {
            Self::Node(_) | Self::Edge(_) => Some(ViewKind::Map),
            Self::Trace { .. } | Self::Conversation(_) | Self::Traces(_) => Some(ViewKind::Traces),
            Self::Channel(_) | Self::Record { .. } => Some(ViewKind::Messages),
            Self::Group { .. } => Some(ViewKind::Groups),
            Self::Breaker { .. } => Some(ViewKind::Breakers),
            Self::DeadLetters { .. } => Some(ViewKind::DeadLetters),
            Self::Source(_) => Some(ViewKind::Sources),
            Self::Find(_) => None,
        }
    }
}

/// How an object is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyForm {
    /// Lines.
    Text,
    /// One JSON value.
    Json,
    /// For an issue or a chat.
    Markdown,
}

/// A view. It keeps only what belongs to the screen.
pub(crate) trait View {
    /// Draws it into all the room there is.
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction>;

    /// Shows and selects something; told only what [`Target::view`] sends here.
    fn goto(&mut self, target: &Target);

    /// What is selected, for the way back, for copying and for other programs; `None` = nothing.
    fn target(&self) -> Option<Target> {
        None
    }

    /// Another session is looked at, which gives its ids anew: those of the former are forgotten.
    fn begin_anew(&mut self) {}

    /// Obeys a command; false if it is none of its own. What follows from it is returned by the next `ui`.
    fn run(&mut self, command: UiCommand) -> bool;

    /// Why a command of this view's can not be used now, in a few words; `None` = it can.
    fn unavailable(&self, _command: UiCommand) -> Option<Cow<'static, str>> {
        None
    }

    /// The selected object, with ids and times; `None` if nothing is selected.
    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String>;

    /// Commands whose keys stand at the foot, with a word for each.
    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_covers_the_time_before_its_instant_in_whole_buckets() {
        let range = TimeRange::M5.range(1_003_000_000_000).expect("not all");
        assert_eq!((range.from_ns, range.to_ns), (710_000_000_000, 1_010_000_000_000));
        assert_eq!(TimeRange::All.range(1), None);
        let asked_at = |as_of_s: i64| TimeRange::M1.asked_at_ns(as_of_s * 1_000_000_000, Some(1_000_000_000_000)) / 1_000_000_000;
        assert_eq!([asked_at(1_030), asked_at(1_069), asked_at(1_500)], [1_030, 1_069, 1_070], "a drained range stands still");
        assert!(TimeRange::M15.range(i64::MAX).is_some_and(|range| range.from_ns < range.to_ns), "no overflow");
    }

    #[test]
    fn every_target_but_a_search_has_its_view() {
        let channel = ChannelKey { cluster: None, name: "orders".to_owned() };
        for (target, view) in [
            (Target::Node(NodeId(1)), Some(ViewKind::Map)),
            (Target::Traces(TraceFilter::default()), Some(ViewKind::Traces)),
            (Target::Channel(channel.clone()), Some(ViewKind::Messages)),
            (Target::DeadLetters { channel, fingerprint: None }, Some(ViewKind::DeadLetters)),
            (Target::Source("kafka".to_owned()), Some(ViewKind::Sources)),
            (Target::Find("4711".to_owned()), None),
        ] {
            assert_eq!(target.view(), view, "{target:?}");
        }
    }
}
