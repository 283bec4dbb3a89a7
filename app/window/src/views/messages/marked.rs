//! Records that are marked: those of the open topic, and of topics that were open before. Pure.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_desk::send::replay::{AskedLetter, AskedLetters, ReplayAsk, ReplayBoard, ReplayOptions, ReplayTarget};
use switchboard_engine::view::{ChannelKey, RowId};
use switchboard_model::{MessageRef, Place};

use super::records::{REPLAYED_MAX, Records};
use crate::figures;

/// Marked records, and where each lies.
pub(super) type Marks = BTreeMap<RowId, Place>;

/// What is marked on topics that are not open.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Elsewhere(BTreeMap<ChannelKey, Marks>);

impl Elsewhere {
    /// What is marked on a topic that is left.
    pub(super) fn put(&mut self, channel: ChannelKey, marks: Marks) {
        if !marks.is_empty() {
            self.0.entry(channel).or_default().extend(marks);
        }
    }

    /// What is marked on a topic that is opened. `shares_name`: whether another topic bears its name, so that the name alone does not tell which is meant.
    pub(super) fn take(&mut self, channel: &ChannelKey, shares_name: bool) -> Marks {
        let is_any = |other: &ChannelKey| !shares_name && (other.cluster.is_none() || channel.cluster.is_none());
        let is_same = |other: &&ChannelKey| other.name == channel.name && (other.cluster == channel.cluster || is_any(other));
        let key = self.0.keys().find(is_same).cloned();
        key.and_then(|key| self.0.remove(&key)).unwrap_or_default()
    }

    /// Nothing is marked any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many are marked.
    pub(super) fn num(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// How many are marked, with those of the open topic, and on how many topics; `None` = on no other one.
    pub(super) fn words(&self, records: &Records) -> Option<String> {
        let num_topics = self.0.len() + usize::from(!records.marks.is_empty());
        let num = figures::count((self.num() + records.marks.len()) as u64);
        (!self.0.is_empty()).then(|| format!("{num} marked on {}", figures::things(num_topics as u64, "topic", "topics")))
    }
}

/// What a command is for: what is marked, or where nothing is, the selected record.
#[derive(Clone, Copy)]
pub(super) struct Meant<'a> {
    pub(super) records: &'a Records,
    pub(super) elsewhere: &'a Elsewhere,
}

impl<'a> Meant<'a> {
    /// How many records.
    pub(super) fn num(self) -> usize {
        match self.elsewhere.num() {
            0 => self.records.num_meant(),
            num => num + self.records.marks.len(),
        }
    }

    /// By topic, the open one first.
    fn by_topic(self) -> Vec<(&'a ChannelKey, Vec<Place>)> {
        let is_elsewhere = self.elsewhere.num() > 0 && self.records.marks.is_empty();
        let here = if is_elsewhere { Vec::new() } else { self.records.meant() };
        let elsewhere = self.elsewhere.0.iter().map(|(channel, marks)| (channel, marks.values().cloned().collect()));
        std::iter::once((&self.records.channel, here)).chain(elsewhere).filter(|(_, places)| !places.is_empty()).collect()
    }

    /// How many are marked, on all topics.
    pub(super) fn num_marked(self) -> usize {
        self.elsewhere.num() + self.records.marks.len()
    }

    /// What is marked, by topic, the open one first.
    pub(super) fn marked_by_topic(self) -> Vec<(&'a ChannelKey, Vec<Place>)> {
        if self.records.marks.is_empty() && self.elsewhere.num() == 0 { Vec::new() } else { self.by_topic() }
    }

    /// The topics of which records are meant, the open one first.
    pub(super) fn channels(self) -> impl Iterator<Item = &'a ChannelKey> {
        let is_elsewhere = self.elsewhere.num() > 0 && self.records.marks.is_empty();
        let here = (!is_elsewhere && self.records.means_any()).then_some(&self.records.channel);
        here.into_iter().chain(self.elsewhere.0.keys())
    }

    /// Whether no record is meant of which it is known where it lies.
    pub(super) fn is_empty(self) -> bool {
        self.channels().next().is_none()
    }

    /// Whether records of the open topic are meant, or nothing yet, of which a range of it can be typed.
    pub(super) fn is_of_the_open_topic(self) -> bool {
        self.channels().next().is_none_or(|first| *first == self.records.channel)
    }

    /// The cluster on which all lie that is meant; the reason where nothing of it can be asked for. Costs little, however many are marked.
    pub(super) fn cluster(self, board: &'a ReplayBoard) -> Result<&'a str, String> {
        match self.num() {
            0 => return Err("mark records first: Space, or A for all that are listed".to_owned()),
            _ if self.is_empty() => return Err("the selected record is not loaded, or no longer stored; mark others".to_owned()),
            num if num > REPLAYED_MAX => return Err(format!("mark {} records at most", figures::count(REPLAYED_MAX as u64))),
            _ => {}
        }
        let mut clusters = BTreeSet::new();
        for channel in self.channels() {
            clusters.insert(cluster_of(channel, board).ok_or("it is not known on which cluster this topic lies")?);
        }
        let mut clusters = clusters.into_iter();
        match (clusters.next(), clusters.next()) {
            (Some(cluster), None) => Ok(cluster),
            _ => Err("the marked records lie on several clusters; mark those of one".to_owned()),
        }
    }

    /// Whether something can be changed before it is asked for.
    pub(super) fn can_change(self, board: &'a ReplayBoard) -> bool {
        self.cluster(board).is_ok() || (self.is_empty() && cluster_of(&self.records.channel, board).is_some())
    }

    /// What would be asked for: all that lie on one topic to the one that is proposed for it (`to`), of several each to its own, or to the one that is
    /// proposed for it; the reason where nothing can be.
    pub(super) fn ask(self, to: &dyn Fn(&ChannelKey) -> String, board: &'a ReplayBoard) -> Result<ReplayAsk, String> {
        let cluster = self.cluster(board)?;
        let by_topic = self.by_topic();
        let target = match &by_topic[..] {
            [(only, _)] => ReplayTarget::One(to(only)),
            several => {
                let proposed = several.iter().map(|(channel, _)| (channel.name.clone(), to(channel)));
                ReplayTarget::Own(proposed.filter(|(own, other)| !other.is_empty() && other != own).collect())
            }
        };
        let at = |channel: &ChannelKey, place: Place| MessageRef { cluster: cluster.to_owned(), channel: channel.name.clone(), place };
        let letters = by_topic.iter().flat_map(|(channel, places)| places.iter().map(|place| AskedLetter::at(at(channel, place.clone()))));
        Ok(asking(cluster, target, letters.collect()))
    }

    /// The selected record, where it is one of those that would be sent, or, where nothing is previewed, of those that are meant; the reason where it is not.
    pub(super) fn selected(self, board: &'a ReplayBoard) -> Result<AskedLetter, String> {
        let channel = &self.records.channel;
        let (Some(row), Some(line)) = (self.records.selected, self.records.selected_line()) else {
            return only_of_file(board).ok_or_else(|| "select a record first".to_owned());
        };
        if let Some(preview) = &board.preview {
            // A record is known by its place: of its time the ledger has what the broker says.
            let is_it =
                |at: &MessageRef| at.channel == channel.name && at.place == line.place && channel.cluster.as_ref().is_none_or(|cluster| *cluster == at.cluster);
            let planned = preview.planned.iter().map(|planned| &planned.asked).find(|asked| is_it(&asked.letter.at));
            let planned = planned.cloned().or_else(|| only_of_file(board));
            return planned.ok_or_else(|| "select one of the records that would be sent".to_owned());
        }
        let is_meant = if self.records.marks.is_empty() { self.elsewhere.num() == 0 } else { self.records.marks.contains_key(&row) };
        if !is_meant {
            return Err("select one of the marked records".to_owned());
        }
        let cluster = self.cluster(board)?;
        Ok(AskedLetter::at(MessageRef { cluster: cluster.to_owned(), channel: channel.name.clone(), place: line.place.clone() }))
    }

    /// What can be changed before it is asked for: what is marked, or where nothing is, nothing yet of the open topic, of which a range can be typed.
    pub(super) fn ask_to_change(self, to: &dyn Fn(&ChannelKey) -> String, board: &'a ReplayBoard) -> Option<ReplayAsk> {
        let nothing_yet = || {
            let channel = &self.records.channel;
            let cluster = cluster_of(channel, board).filter(|_| self.is_empty())?;
            Some(asking(cluster, ReplayTarget::One(to(channel)), Vec::new()))
        };
        self.ask(to, board).ok().or_else(nothing_yet)
    }
}

/// The only record of a file that would be sent: it need not be selected anywhere.
pub(super) fn only_of_file(board: &ReplayBoard) -> Option<AskedLetter> {
    let preview = board.preview.as_ref().filter(|preview| preview.file.is_some())?;
    if let [only] = &preview.planned[..] { Some(only.asked.clone()) } else { None }
}

/// The cluster on which a topic lies, by the name of its source; `None` = unknown.
pub(super) fn cluster_of<'a>(channel: &'a ChannelKey, board: &'a ReplayBoard) -> Option<&'a str> {
    match (&channel.cluster, board.clusters.as_slice()) {
        (Some(cluster), _) => Some(cluster),
        (None, [only]) => Some(&only.name),
        (None, _) => None,
    }
}

fn asking(cluster: &str, target: ReplayTarget, letters: Vec<AskedLetter>) -> ReplayAsk {
    ReplayAsk {
        cluster: cluster.to_owned(),
        target,
        num_stored: letters.len() as u64,
        letters: AskedLetters::These(letters),
        plan_key: None,
        options: ReplayOptions::default(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_desk::send::replay::{ClusterBoard, Writing};
    use switchboard_engine::view::{RecordLine, RecordPage};

    use super::*;

    fn key(cluster: Option<&str>, name: &str) -> ChannelKey {
        ChannelKey { cluster: cluster.map(str::to_owned), name: name.to_owned() }
    }

    fn itself(channel: &ChannelKey) -> String {
        channel.name.clone()
    }

    fn marks(rows: &[u64]) -> Marks {
        rows.iter().map(|row| (RowId(*row), Place::at(0, *row as i64))).collect()
    }

    fn open(name: &str, rows: &[u64]) -> Records {
        let mut records = Records::new(key(None, name));
        records.marks = marks(rows);
        records
    }

    fn board(clusters: &[&str]) -> ReplayBoard {
        let clusters = clusters.iter().map(|name| ClusterBoard { name: (*name).to_owned(), writing: Writing::Allowed }).collect();
        ReplayBoard { clusters: Arc::new(clusters), ..ReplayBoard::default() }
    }

    #[test]
    fn what_is_marked_stays_marked_while_other_topics_are_open_and_goes_each_to_its_own() {
        let (mut elsewhere, records, board) = (Elsewhere::default(), open("orders", &[7, 3]), board(&["lab"]));
        let ask = |elsewhere: &Elsewhere, records: &Records| {
            let ask = Meant { records, elsewhere }.ask(&itself, &board)?;
            let AskedLetters::These(letters) = ask.letters else { return Err("no records".to_owned()) };
            Ok((ask.target, letters.iter().map(|asked| asked.letter.at.to_string()).collect::<Vec<_>>()))
        };
        assert_eq!(ask(&elsewhere, &records), Ok(("orders".into(), vec!["orders 0@3".to_owned(), "orders 0@7".to_owned()])));
        assert_eq!(elsewhere.words(&records), None);
        elsewhere.put(key(Some("lab"), "payments"), marks(&[9]));
        elsewhere.put(key(None, "shipments"), Marks::new());
        let own = || ReplayTarget::Own(BTreeMap::new());
        assert_eq!(ask(&elsewhere, &records), Ok((own(), ["orders 0@3", "orders 0@7", "payments 0@9"].map(str::to_owned).to_vec())));
        assert_eq!((elsewhere.words(&records).as_deref(), Meant { records: &records, elsewhere: &elsewhere }.num()), (Some("3 marked on 2 topics"), 3));
        // What is marked is meant, and not what is selected beside.
        let mut selected = open("shipments", &[]);
        selected.selected = Some(RowId(1));
        assert_eq!(ask(&elsewhere, &selected), Ok(("payments".into(), vec!["payments 0@9".to_owned()])));
        // It comes back with its topic, however that is called.
        assert_eq!(elsewhere.take(&key(Some("other"), "payments"), false), Marks::new());
        assert_eq!((elsewhere.take(&key(None, "payments"), false), elsewhere.num()), (marks(&[9]), 0));
        // Where two bear the name, what was marked on one of them is not taken for the other's.
        elsewhere.put(key(None, "payments"), marks(&[9]));
        assert_eq!(elsewhere.take(&key(Some("west"), "payments"), true), Marks::new());
        assert_eq!(elsewhere.take(&key(None, "payments"), true), marks(&[9]));
    }

    #[test]
    fn the_selected_record_is_edited_and_only_among_those_that_are_meant() {
        let lab = board(&["lab"]);
        let mut records = open("orders", &[3, 7]);
        records.take(
            &RecordPage {
                rows: [3, 5, 7].map(|row| RecordLine { row: RowId(row), place: Place::at(0, row as i64), timestamp_ns: None, size_bytes: 1 }).to_vec(),
                total_stored: 3,
                ..RecordPage::default()
            },
            1,
        );
        let selected = |records: &Records, elsewhere: &Elsewhere| {
            Meant { records, elsewhere }
                .selected(&lab)
                .map(|asked| asked.letter.at.to_string())
                .map_err(|why| why.split(' ').take(2).collect::<Vec<_>>().join(" "))
        };
        let nothing = Elsewhere::default();
        assert_eq!(selected(&records, &nothing), Err("select a".to_owned()));
        records.selected = Some(RowId(7));
        assert_eq!(selected(&records, &nothing), Ok("orders 0@7".to_owned()), "and not the first that is marked");
        records.selected = Some(RowId(5));
        assert_eq!(selected(&records, &nothing), Err("select one".to_owned()));
        records.marks.clear();
        assert_eq!(selected(&records, &nothing), Ok("orders 0@5".to_owned()));
        let mut elsewhere = Elsewhere::default();
        elsewhere.put(key(Some("lab"), "payments"), marks(&[9]));
        assert_eq!(selected(&records, &elsewhere), Err("select one".to_owned()), "what is marked lies on another topic");
    }

    #[test]
    fn records_of_several_clusters_or_of_none_that_is_known_are_not_asked_for_together() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.put(key(Some("staging"), "payments"), marks(&[9]));
        let records = open("orders", &[3]);
        let meant = Meant { records: &records, elsewhere: &elsewhere };
        assert!(meant.ask(&itself, &board(&["lab"])).is_err_and(|why| why.contains("several clusters")));
        assert!(meant.ask(&itself, &board(&["lab", "staging"])).is_err_and(|why| why.contains("not known on which cluster")));
        assert!(meant.ask_to_change(&itself, &board(&["lab"])).is_none(), "nothing is not what was marked");
        assert!(!meant.can_change(&board(&["lab"])));
        // What is selected and not loaded is not on several clusters, and a range can be typed all the same.
        let (mut selected, lab) = (open("orders", &[]), board(&["lab"]));
        selected.selected = Some(RowId(3));
        let gone = Meant { records: &selected, elsewhere: &Elsewhere::default() };
        assert!(gone.ask(&itself, &lab).is_err_and(|why| why.contains("no longer stored")));
        assert!(gone.can_change(&lab) && gone.ask_to_change(&itself, &lab).is_some_and(|ask| ask.num_stored == 0));
        let nothing = Meant { records: &open("orders", &[]), elsewhere: &Elsewhere::default() };
        assert!(nothing.ask(&itself, &board(&["lab"])).is_err_and(|why| why.contains("mark records first")));
        assert!(nothing.ask_to_change(&itself, &board(&["lab"])).is_some_and(|ask| ask.target == "orders".into()));
    }
}
