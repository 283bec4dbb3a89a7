//! Where records go: all to one channel, or each to its own. Pure, but for the question how much the channels take.

use std::collections::{BTreeMap, BTreeSet};

use tokio::task::JoinSet;

use crate::ledger::several_channels;
use crate::send::replay::{AskedLetter, AskedLetters, ClusterAccess, PartitionRule, Planned, ReplayAsk, SkippedLetter};

/// Channels that one ask sends to at most.
pub(in crate::send) const TARGETS_MAX: usize = 64;
/// Channels of which it is asked at once how much they take.
const ASKED_AT_ONCE: usize = 8;

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayTarget {
    /// All to this channel.
    One(String),
    /// Each to its own: where it lies, or where a dead letter came from. What belongs to a channel that is named here goes to the other one instead.
    Own(BTreeMap<String, String>),
}

impl ReplayTarget {
    /// Where a record goes that belongs to this channel.
    pub fn of<'a>(&'a self, own: &'a str) -> &'a str {
        match self {
            Self::One(channel) => channel,
            Self::Own(others) => others.get(own).map_or(own, String::as_str),
        }
    }
}

impl From<String> for ReplayTarget {
    fn from(channel: String) -> Self {
        Self::One(channel)
    }
}

impl From<&str> for ReplayTarget {
    fn from(channel: &str) -> Self {
        Self::One(channel.to_owned())
    }
}

/// A channel that is sent to, and what goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPlan {
    /// Its name.
    pub channel: String,
    /// Records that would be sent there.
    pub num: usize,
    /// Their bytes: keys, values and headers.
    pub size_bytes: usize,
    /// Into which partitions.
    pub partitions: PartitionRule,
    /// How many bytes a record may take there; an error says why nobody knows.
    pub size_limit: Result<u64, String>,
}

/// Channels in a word or two: the one, or how many.
pub fn target_words<'a>(mut channels: impl ExactSizeIterator<Item = &'a str>) -> String {
    match channels.len() {
        1 => channels.next().unwrap_or_default().to_owned(),
        num => several_channels(num),
    }
}

impl AskedLetter {
    /// The channel that it belongs to: where it lies, or where a dead letter came from, as far as it tells.
    pub fn own_channel(&self) -> &str {
        self.origin.as_deref().filter(|_| self.is_dead).unwrap_or(&self.letter.at.channel)
    }
}

impl ReplayAsk {
    /// The channels that what is asked for belongs to.
    pub fn own_channels(&self) -> BTreeSet<&str> {
        match &self.letters {
            AskedLetters::These(letters) => letters.iter().map(AskedLetter::own_channel).collect(),
            AskedLetters::AllOpen { cause, .. } => BTreeSet::from([cause.origin.as_deref().unwrap_or(&cause.channel)]),
            AskedLetters::Ranges(ranges) => ranges.iter().map(|range| range.channel.as_str()).collect(),
            AskedLetters::File(file) => file.channels.iter().map(String::as_str).collect(),
        }
    }

    /// The channels that are sent to.
    pub fn targets(&self) -> BTreeSet<&str> {
        match &self.target {
            ReplayTarget::One(channel) => BTreeSet::from([channel.as_str()]),
            own @ ReplayTarget::Own(_) => self.own_channels().into_iter().map(|channel| own.of(channel)).collect(),
        }
    }
}

/// What is asked to go where, before anything is read.
pub(super) struct Goal<'a> {
    pub ask: &'a ReplayAsk,
    /// Whether a channel of the cluster that is sent to holds dead letters.
    pub is_for_the_dead: &'a (dyn Fn(&str) -> bool + Sync),
}

impl Goal<'_> {
    /// Why it makes no sense to send these letters, or those of its ranges where it asks for such; `None` = some of them may be sent.
    pub(super) fn wrong(&self, letters: &[AskedLetter]) -> Option<String> {
        let is_of_letters = !matches!(self.ask.letters, AskedLetters::Ranges(_));
        if is_of_letters && letters.is_empty() {
            return Some("no open letter is meant".to_owned());
        }
        let wrong = match &self.ask.target {
            ReplayTarget::One(channel) => self.wrong_channel(channel).or_else(|| letters.iter().find_map(|asked| self.goes_back(asked, channel))),
            ReplayTarget::Own(others) => self.wrong_of_several(others, letters),
        };
        if wrong.is_some() {
            return wrong;
        }
        let is_of_file = matches!(self.ask.letters, AskedLetters::File(_));
        if !is_of_file && letters.iter().any(|asked| asked.letter.at.cluster != self.ask.cluster) {
            return Some("they lie on several clusters; send those of one at a time".to_owned());
        }
        None
    }

    fn wrong_of_several(&self, others: &BTreeMap<String, String>, letters: &[AskedLetter]) -> Option<String> {
        if let Some((own, _)) = others.iter().find(|(_, channel)| channel.is_empty()) {
            return Some(format!("it is not said where those of {own} go. Name the channel, or leave {own} out: then they go to {own}"));
        }
        let num = match &self.ask.letters {
            AskedLetters::Ranges(_) => self.ask.targets().len(),
            _ => letters.iter().map(|asked| self.ask.target.of(asked.own_channel())).collect::<BTreeSet<_>>().len(),
        };
        if num > TARGETS_MAX {
            return Some(format!("they would go to {num} channels, and one replay sends to {TARGETS_MAX} at most. Mark fewer, or name one channel for all"));
        }
        if matches!(self.ask.letters, AskedLetters::Ranges(_)) {
            return self.ask.targets().into_iter().find_map(|channel| self.wrong_channel(channel));
        }
        // Where some can go, the others are skipped, with the reason.
        let mut wrong = letters.iter().map(|asked| self.wrong_letter(asked));
        let first = wrong.next().flatten()?;
        wrong.all(|wrong| wrong.is_some()).then_some(first)
    }

    /// Why a letter does not go, each to its own; `None` = it may.
    pub(super) fn wrong_letter(&self, asked: &AskedLetter) -> Option<String> {
        let own = asked.own_channel();
        let channel = self.ask.target.of(own);
        if asked.is_dead && asked.origin.is_none() && channel == own {
            return Some(format!("it does not tell which channel it came from. Name one for those of {own}, or one for all"));
        }
        self.wrong_channel(channel).or_else(|| self.goes_back(asked, channel))
    }

    /// Those that have a channel to go to; the others join those that are skipped, with the reason.
    pub(super) fn direct(&self, letters: Vec<AskedLetter>, mut skipped: Vec<SkippedLetter>) -> (Vec<AskedLetter>, Vec<SkippedLetter>) {
        if matches!(self.ask.target, ReplayTarget::One(_)) {
            return (letters, skipped);
        }
        let mut directed = Vec::with_capacity(letters.len());
        for asked in letters {
            match self.wrong_letter(&asked) {
                Some(reason) => skipped.push(SkippedLetter { letter: asked.letter, reason }),
                None => directed.push(asked),
            }
        }
        (directed, skipped)
    }

    fn wrong_channel(&self, channel: &str) -> Option<String> {
        if channel.is_empty() {
            return Some("they do not tell which channel they came from. Name the channel to send them to".to_owned());
        }
        (self.is_for_the_dead)(channel).then(|| {
            format!(
                "{channel} is a dead-letter channel: what is sent there counts as given up before anybody has read it. Name the channel that they came from, or \
                 another one that is read"
            )
        })
    }

    fn goes_back(&self, asked: &AskedLetter, channel: &str) -> Option<String> {
        let goes_back = asked.letter.at.cluster == self.ask.to() && asked.is_dead && asked.letter.at.channel == channel;
        goes_back.then(|| format!("they would go back to {channel}, where they lie dead"))
    }
}

/// How many bytes a record may take on each of these channels; an error says why nobody knows.
pub(in crate::send) async fn size_limits(access: &dyn ClusterAccess, channels: &BTreeSet<String>) -> BTreeMap<String, Result<u64, String>> {
    let nobody = || Err("the question ended early".to_owned());
    let mut limits: BTreeMap<String, Result<u64, String>> = channels.iter().map(|channel| (channel.clone(), nobody())).collect();
    let (mut waiting, mut asked) = (channels.iter(), JoinSet::new());
    loop {
        while asked.len() < ASKED_AT_ONCE
            && let Some(channel) = waiting.next()
        {
            let (channel, limit) = (channel.clone(), access.size_limit(channel));
            asked.spawn(async move { (channel, limit.await) });
        }
        match asked.join_next().await {
            Some(Ok((channel, limit))) => drop(limits.insert(channel, limit)),
            Some(Err(_)) => {}
            None => return limits,
        }
    }
}

/// Puts those in front that go first, of as many channels as can be; of each channel the order stays.
pub(super) fn first_of_each(planned: Vec<Planned>, num_first: usize) -> Vec<Planned> {
    let mut of_channel: BTreeMap<&str, usize> = BTreeMap::new();
    // The first of each channel, then the second of each, each time in the order of all.
    let mut turns: Vec<(usize, usize)> = Vec::with_capacity(planned.len());
    for (place, one) in planned.iter().enumerate() {
        let turn = of_channel.entry(&one.target).or_default();
        turns.push((*turn, place));
        *turn += 1;
    }
    if of_channel.len() < 2 {
        return planned;
    }
    turns.sort_unstable();
    let first: BTreeSet<usize> = turns.into_iter().take(num_first).map(|(_, place)| place).collect();
    let (front, rest): (Vec<_>, Vec<_>) = planned.into_iter().enumerate().partition(|(place, _)| first.contains(place));
    front.into_iter().chain(rest).map(|(_, planned)| planned).collect()
}

#[cfg(test)]
mod tests {
    use switchboard_model::{MessageRef, Place, RawHash};

    use super::*;
    use crate::send::replay::{AskedRange, RangeOf, ReplayOptions};

    fn at(channel: &str, offset: i64) -> AskedLetter {
        AskedLetter::at(MessageRef { cluster: "a".into(), channel: channel.into(), place: Place::at(0, offset) })
    }

    fn dead(channel: &str, origin: Option<&str>) -> AskedLetter {
        AskedLetter { is_dead: true, origin: origin.map(str::to_owned), ..at(channel, 0) }
    }

    fn own(others: &[(&str, &str)]) -> ReplayTarget {
        ReplayTarget::Own(others.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect())
    }

    fn ask(target: ReplayTarget, letters: AskedLetters) -> ReplayAsk {
        ReplayAsk { cluster: "a".into(), target, letters, num_stored: 0, plan_key: None, options: ReplayOptions::default() }
    }

    fn is_for_the_dead(channel: &str) -> bool {
        channel.ends_with("-dlt")
    }

    #[test]
    fn each_goes_to_its_own_channel_or_to_the_one_that_is_named_for_it() {
        let letters = vec![at("orders", 0), dead("orders-dlt", Some("orders")), at("payments", 1), dead("odd-dlt", None)];
        let ask = ask(own(&[("payments", "payments-copy"), ("odd-dlt", "odd")]), AskedLetters::These(letters.clone()));
        let goes: Vec<&str> = letters.iter().map(|asked| ask.target.of(asked.own_channel())).collect();
        assert_eq!(goes, ["orders", "orders", "payments-copy", "odd"]);
        assert_eq!(ask.own_channels().into_iter().collect::<Vec<_>>(), ["odd-dlt", "orders", "payments"]);
        assert_eq!(ask.targets().into_iter().collect::<Vec<_>>(), ["odd", "orders", "payments-copy"]);
        let to_one = ReplayAsk { target: "all".into(), ..ask };
        assert_eq!(to_one.targets().into_iter().collect::<Vec<_>>(), ["all"]);
        assert_eq!([target_words(["orders"].into_iter()), target_words(["orders", "payments"].into_iter())], ["orders", "2 topics"]);
    }

    #[test]
    fn what_may_not_go_is_skipped_with_the_reason_and_refused_where_nothing_may() {
        let goes_back = dead("orders-dlt", Some("orders"));
        for (name, target, letters, wrong, skipped) in [
            ("all may", own(&[]), vec![at("orders", 0), dead("orders-dlt", Some("orders"))], None, vec![None, None]),
            ("one lies among the dead", own(&[]), vec![at("orders", 0), at("orders-dlt", 1)], None, vec![None, Some("orders-dlt is a dead-letter channel")]),
            ("another one is named for it", own(&[("orders-dlt", "orders")]), vec![at("orders-dlt", 1)], None, vec![None]),
            (
                "one does not tell",
                own(&[]),
                vec![at("orders", 0), dead("odd-dlt", None)],
                None,
                vec![None, Some("it does not tell which channel it came from")],
            ),
            ("none may", own(&[]), vec![at("odd-dlt", 0), at("orders-dlt", 1)], Some("odd-dlt is a dead-letter channel"), vec![]),
            ("none tells", own(&[]), vec![dead("odd-dlt", None)], Some("Name one for those of odd-dlt, or one for all"), vec![]),
            ("all are sent to the dead", own(&[("orders", "orders-dlt")]), vec![at("orders", 0)], Some("orders-dlt is a dead-letter channel"), vec![]),
            (
                "it goes back",
                own(&[("orders", "failed")]),
                vec![AskedLetter { letter: at("failed", 0).letter, ..goes_back }],
                Some("would go back to failed"),
                vec![],
            ),
            ("no name", own(&[("orders", "")]), vec![at("orders", 0)], Some("it is not said where those of orders go. Name the channel"), vec![]),
            ("nothing", own(&[]), vec![], Some("no open letter is meant"), vec![]),
        ] {
            let ask = ask(target, AskedLetters::These(letters.clone()));
            let goal = Goal { ask: &ask, is_for_the_dead: &is_for_the_dead };
            let told = goal.wrong(&letters);
            assert!(told.as_deref().zip(wrong).map_or(told.is_none() && wrong.is_none(), |(told, wrong)| told.contains(wrong)), "{name}: {told:?}");
            for (asked, skipped) in letters.iter().zip(skipped) {
                let told = goal.wrong_letter(asked);
                assert_eq!(told.is_some(), skipped.is_some(), "{name}: {told:?}");
                assert!(told.unwrap_or_default().starts_with(skipped.unwrap_or_default()), "{name}");
            }
        }
    }

    #[test]
    fn ranges_go_to_their_own_channels_and_no_ask_has_more_targets_than_can_be_looked_through() {
        let range = |channel: &str| AskedRange { channel: channel.into(), of: RangeOf::Offsets { partition: 0, from: 0, to: 1 } };
        let wrong = |others: &[(&str, &str)], ranges: Vec<AskedRange>| {
            Goal { ask: &ask(own(others), AskedLetters::Ranges(ranges)), is_for_the_dead: &is_for_the_dead }.wrong(&[])
        };
        assert_eq!(wrong(&[], vec![range("orders"), range("payments")]), None);
        assert!(wrong(&[], vec![range("orders"), range("x-dlt")]).is_some_and(|told| told.starts_with("x-dlt is a dead-letter channel")));
        assert_eq!(wrong(&[("x-dlt", "x")], vec![range("orders"), range("x-dlt")]), None);
        let many: Vec<AskedLetter> = (0..65).map(|number| at(&format!("t-{number}"), 0)).collect();
        let asked = ask(own(&[]), AskedLetters::These(many.clone()));
        let told = Goal { ask: &asked, is_for_the_dead: &is_for_the_dead }.wrong(&many);
        assert_eq!(told.as_deref(), Some("they would go to 65 channels, and one replay sends to 64 at most. Mark fewer, or name one channel for all"));
        assert_eq!(Goal { ask: &asked, is_for_the_dead: &is_for_the_dead }.wrong(&many[1..]), None);
    }

    #[test]
    fn the_first_few_are_of_as_many_channels_as_can_be_and_of_each_the_order_stays() {
        let planned = |(offset, target): (usize, &&str)| Planned {
            asked: at(target, offset as i64),
            target: (*target).to_owned(),
            replay_id: format!("r-1.{}", offset + 1),
            hash: RawHash::UNKNOWN,
            source_hash: RawHash::UNKNOWN,
            edited: false,
            size_bytes: 1,
            partition: None,
            replay_count: 1,
            shown: None,
        };
        let ordered = |targets: &[&str], num_first: usize| -> Vec<i64> {
            let all: Vec<Planned> = targets.iter().enumerate().map(planned).collect();
            let planned = first_of_each(all.clone(), num_first);
            // Where another number was chosen before, the same go first.
            for other in 0..=targets.len() {
                let again = first_of_each(first_of_each(all.clone(), other), num_first);
                let first = |planned: &[Planned]| planned.iter().take(num_first).map(|planned| planned.replay_id.clone()).collect::<BTreeSet<_>>();
                assert_eq!(first(&again), first(&planned), "{other}, then {num_first}");
                for target in targets {
                    let of_it = again.iter().filter(|planned| planned.target == *target).map(|planned| planned.asked.letter.at.place.offset());
                    assert!(of_it.is_sorted(), "{other}, then {num_first}: {target}");
                }
            }
            planned.iter().filter_map(|planned| planned.asked.letter.at.place.offset()).collect()
        };
        assert_eq!(ordered(&["a", "a", "a", "b", "c", "b"], 4), [0, 1, 3, 4, 2, 5]);
        assert_eq!(ordered(&["a", "a", "b", "c"], 2), [0, 2, 1, 3]);
        assert_eq!(ordered(&["a", "a", "a"], 2), [0, 1, 2]);
        assert_eq!(ordered(&["a", "b"], 5), [0, 1]);
    }
}
