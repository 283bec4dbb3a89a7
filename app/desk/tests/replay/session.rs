//! A whole session that is told to replay, and what can be seen of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::{KindHash, Ledger, LedgerLine, SettledAs};
use switchboard_desk::profile::Profile;
use switchboard_desk::send::replay::{AskedLetter, AskedLetters, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions, RunPhase};
use switchboard_desk::session::Session;
use switchboard_desk::sources::{KafkaProfile, OtlpProfile, SourceProfile};
use switchboard_engine::view::{Answer, ChannelKey, LetterOrder, LetterView, Query, ScanQuery};

use crate::cluster::Place;

pub const SOURCE: &str = "local";
const WITHIN: Duration = Duration::from_mins(2);

/// A session over one cluster, with a ledger of its own in a folder.
pub struct Replaying {
    pub session: Session,
    place: Place,
}

fn profile(place: &Place, folder: &Path, write: bool, more: &str) -> Profile {
    let (brokers, groups) = (&place.brokers, [place.group.clone(), place.retry_group(), place.other_group()]);
    let text = format!("name = \"{SOURCE}\"\nbrokers = \"{brokers}\"\ngroups = {groups:?}\npoll_s = 0.2\nwrite = {write}\n{more}");
    let kafka: KafkaProfile = toml::from_str(&text).expect("valid");
    Profile {
        name: "replay test".into(),
        ledger: Some(folder.join("ledger.sqlite")),
        sources: vec![SourceProfile::Otlp(OtlpProfile::off()), SourceProfile::Kafka(kafka)],
        ..Profile::default()
    }
}

pub async fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    until_or(what, look, String::new).await
}

/// The same, and what there is instead if it does not come.
pub async fn until_or<T>(what: &str, mut look: impl FnMut() -> Option<T>, instead: impl Fn() -> String) -> T {
    let deadline = Instant::now() + WITHIN;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} {}", instead());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Replaying {
    pub fn start(place: &Place, folder: &Path, write: bool) -> Self {
        Self::of(place, &profile(place, folder, write, ""))
    }

    /// One that reads all records of a channel, too, and replays them without taking its time. Files that requests name lie in the folder.
    pub fn start_reading(place: &Place, folder: &Path, channel: &str) -> Self {
        let more = format!("tail = [{{ channel = \"{channel}\", from = \"beginning\" }}]\nreplay = {{ first = 100, per_second = 10000 }}\n");
        Self::of(place, &Profile { requests: Some(folder.to_owned()), ..profile(place, folder, true, &more) })
    }

    fn of(place: &Place, profile: &Profile) -> Self {
        let session = Session::start(profile, None, 64 << 20, &tokio::runtime::Handle::current(), Box::new(|| ())).expect("a session");
        Self { session, place: place.clone() }
    }

    /// The letters of the one cause there is, once so many were read.
    pub async fn letters(&self, num: usize) -> Vec<AskedLetter> {
        let page = until("letters", || {
            let snapshot = self.session.snapshot();
            let view = snapshot.dead_letters.iter().find(|view| view.channel == self.place.dead && view.count >= num as u64)?;
            let channel = ChannelKey { cluster: Some(view.cluster.clone()), name: view.channel.clone() };
            let query = Query::Scan(ScanQuery::DeadLetters {
                channel,
                origin: view.origin.clone(),
                fingerprint: view.fingerprint.clone(),
                order: LetterOrder::OldestFirst,
                skip: 0,
                limit: 10_000,
            });
            match self.session.query(query).recv_timeout(Duration::from_secs(5)) {
                Ok(Answer::DeadLetters(page)) if page.letters.len() >= num => Some(page),
                _ => None,
            }
        });
        page.await.letters.iter().map(|view| self.asked(view)).collect()
    }

    fn asked(&self, view: &LetterView) -> AskedLetter {
        let (origin, group) = (view.origin.as_deref(), view.origin_group.as_deref());
        assert_eq!((origin, group), (Some(self.place.target.as_str()), Some(self.place.group.as_str())));
        AskedLetter::of(view, KindHash(1))
    }

    pub fn ask(&self, letters: Vec<AskedLetter>) -> ReplayAsk {
        ReplayAsk {
            cluster: SOURCE.into(),
            target: self.place.target.clone().into(),
            num_stored: letters.len() as u64,
            plan_key: None,
            options: ReplayOptions::default(),
            letters: AskedLetters::These(letters),
        }
    }

    pub async fn preview(&self, letters: Vec<AskedLetter>) -> Arc<ReplayBoard> {
        self.preview_of(self.ask(letters)).await
    }

    pub async fn preview_of(&self, ask: ReplayAsk) -> Arc<ReplayBoard> {
        // The cluster has said what it calls itself.
        until("cluster id", || self.session.snapshot().sources.iter().any(|source| source.cluster_id.is_some()).then_some(())).await;
        self.session.replay(ReplayCommand::Preview(ask));
        until("preview", || Some(self.session.replay_board()).filter(|board| board.preview.is_some() || board.refusal.is_some())).await
    }

    /// Forgets preview and run.
    pub async fn dismiss(&self) {
        self.session.replay(ReplayCommand::Dismiss);
        until("nothing", || {
            let board = self.session.replay_board();
            (board.run.is_none() && board.preview.is_none()).then_some(())
        })
        .await;
    }

    /// Sends the first few of a preview; the run's id.
    pub fn begin(&self, board: &ReplayBoard) -> String {
        let replay_id = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal)).replay_id.clone();
        self.session.replay(ReplayCommand::Start { replay_id: replay_id.clone(), typed_name: None });
        replay_id
    }

    /// Sends the first few of all letters, and once they were consumed lets the rest go.
    pub async fn begin_all(&self, num: usize) {
        let asked = self.letters(num).await;
        let board = self.preview(asked).await;
        self.begin(&board);
        self.until_phase(|phase| *phase == RunPhase::Passed).await;
        self.session.replay(ReplayCommand::Continue);
    }

    pub async fn until_phase(&self, phase: impl Fn(&RunPhase) -> bool) -> Arc<ReplayBoard> {
        let is_there = |board: &Arc<ReplayBoard>| board.run.as_ref().is_some_and(|run| phase(&run.phase) || run.phase.is_ended());
        let board = until("phase", || Some(self.session.replay_board()).filter(is_there)).await;
        let run = board.run.as_ref().expect("a run");
        assert!(phase(&run.phase), "{:?} {:?}", run.phase, run.counts);
        board
    }

    pub async fn until_counts(&self, what: &str, is_so: impl Fn(&switchboard_desk::send::replay::SentCounts) -> bool) {
        until(what, || {
            let board = self.session.replay_board();
            let run = board.run.as_ref()?;
            let is_there = is_so(&run.counts);
            assert!(is_there || !run.phase.is_ended(), "no {what}: {:?} {:?}", run.phase, run.counts);
            is_there.then_some(())
        })
        .await;
    }
}

/// What the ledger in a folder says of each letter, by partition and offset.
pub fn outcomes(folder: &Path) -> BTreeMap<(i32, i64), SettledAs> {
    let ledger = Ledger::open(&folder.join("ledger.sqlite")).expect("a ledger");
    let lines = pollster::block_on(ledger.lines(100_000)).expect("lines");
    let told = |line: LedgerLine| {
        let place = line.letter?.at.place;
        Some(((place.partition()?, place.offset()?), line.settled.counts_as()))
    };
    lines.into_iter().filter_map(told).collect()
}
