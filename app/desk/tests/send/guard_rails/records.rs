//! Brokers, where there is no leave: records that are composed, and records that are sent again, in every way.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_desk::ledger::KindHash;
use switchboard_desk::send::edit::{Change, Changes};
use switchboard_desk::send::replay::{
    AskedFile, AskedLetter, AskedLetters, AskedRange, ChosenPace, RangeOf, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions, ReplayTarget, read_plan,
};
use switchboard_desk::send::{RecordExport, SendCommand};
use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::sending::{outgoing, send_as_it_is};
use switchboard_model::{MessageRef, Place};

use super::{NAME, Rail, are_lines, asked, is_refused, say_all, until};
use crate::sending::{Sending, Told, record};

const TOPIC: &str = "orders";
const REPLIES: &str = "orders.replies";
/// Another cluster of the profile, to which what lies on the first may be sent.
const OTHER: &str = "other";
/// Of brokers, by the protocol's numbers: fetch, list offsets, metadata, offset fetch, find coordinator, describe groups, list groups, handshake, versions,
/// describe configs, describe cluster, describe producers, describe and list transactions, describe consumer, share and streams groups.
const READS: [i16; 17] = [1, 2, 3, 9, 10, 15, 16, 17, 18, 32, 60, 61, 65, 66, 69, 77, 89];

/// A cluster with a record, which counts itself what it is asked, by whomever.
fn cluster() -> MockKafka {
    let cluster = MockKafka::new(1).expect("a cluster");
    for topic in [TOPIC, REPLIES] {
        cluster.cluster().create_topic(topic, 1, 1).expect("a topic");
    }
    send_as_it_is(&cluster.brokers(), &[outgoing(TOPIC, Some(0), "{\"parcels\":0}")]);
    cluster.track_requests();
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_brokers_are_only_read_from() {
    for rail in Rail::ALL {
        let clusters = [cluster(), cluster()];
        let source =
            |name: &str, cluster: &MockKafka| format!("[[kafka]]\nname = \"{name}\"\nbrokers = \"{}\"\nwrite = WRITE\npoll_s = 0.2\n", cluster.brokers());
        let sending = Sending::start(&rail.profile(&format!("{}{}", source(NAME, &clusters[0]), source(OTHER, &clusters[1]))));
        let is_read = rail != Rail::Locked;
        if is_read {
            until("clusters", || sending.session.snapshot().sources.iter().filter(|source| source.cluster_id.is_some()).count() == 2).await;
        }
        let composed = |cluster: &str, copies: u32, replies: &str| {
            let draft = record(|record| {
                (record.cluster, record.topic) = (cluster.to_owned(), TOPIC.to_owned());
                (record.copies, record.reply_topic) = (copies, replies.to_owned());
            });
            asked(draft)
        };
        let ways = [composed(NAME, 0, ""), composed(NAME, 300, ""), composed(OTHER, 0, REPLIES)];
        let mut num_lines = 0;
        for ask in &ways {
            if is_read {
                is_refused(&sending, rail, SendCommand::Send(ask.clone())).await;
                num_lines += 1;
            } else {
                // Nothing names a cluster that could be written to.
                let told = sending.say(SendCommand::Send(ask.clone())).await;
                assert!(matches!(told, Told::Mistake("cluster", _)), "{told:?}");
            }
        }
        if is_read {
            num_lines += say_all(&sending, rail, &ways[0]).await;
        }
        num_lines += replays(&sending, rail).await;
        are_lines(&sending, num_lines, &format!("{rail:?}")).await;
        if is_read {
            let num_before = clusters[0].requests().len();
            until("poll after all that", || clusters[0].requests().len() > num_before + 1).await;
        }
        sending.session.stop().await;
        for cluster in &clusters {
            let heard = cluster.requests();
            assert_eq!(heard.iter().filter(|key| !READS.contains(key)).collect::<Vec<_>>(), Vec::<&i16>::new(), "{rail:?}");
            assert!(is_read || heard.is_empty(), "{rail:?}: {heard:?}");
        }
    }
}

/// The command that is tried behind this one, of all that replaying has, and whether this one is a way to send. One that comes to be has to be judged here.
fn after(rail: Rail, command: &ReplayCommand, replay_id: &str, letter: &AskedLetter) -> (bool, Option<ReplayCommand>) {
    let these = || AskedLetters::These(vec![letter.clone()]);
    let (replay_id, typed_name) = (replay_id.to_owned(), Some("sohp".to_owned()));
    // What nobody said anything of can be allowed: of that another is allowed, which there is not.
    let allowed = if rail == Rail::ReadOnly { format!("not {replay_id}") } else { replay_id.clone() };
    match command {
        ReplayCommand::Preview(_) => (false, Some(ReplayCommand::Pace { replay_id, pace: ChosenPace { num_first: Some(1), rate_per_s: Some(1) } })),
        ReplayCommand::Pace { .. } => (false, Some(ReplayCommand::Start { replay_id, typed_name: None })),
        ReplayCommand::Start { typed_name: None, .. } => (true, Some(ReplayCommand::Start { replay_id, typed_name })),
        ReplayCommand::Start { .. } => (true, Some(ReplayCommand::WritePlan { replay_id })),
        ReplayCommand::WritePlan { .. } => (false, Some(ReplayCommand::Look { replay_id, letter: letter.letter.clone() })),
        ReplayCommand::Look { .. } => (false, Some(ReplayCommand::Edit(letter.clone()))),
        ReplayCommand::Edit(_) => (false, Some(ReplayCommand::EndEdit)),
        ReplayCommand::EndEdit => (false, Some(ReplayCommand::Continue)),
        ReplayCommand::Continue => (false, Some(ReplayCommand::Stop)),
        ReplayCommand::Stop => (false, Some(ReplayCommand::Park { letters: these(), note: "later".to_owned() })),
        ReplayCommand::Park { .. } => (false, Some(ReplayCommand::Unpark { letters: vec![(letter.letter.clone(), KindHash::default())] })),
        ReplayCommand::Unpark { .. } => (false, Some(ReplayCommand::Allow { replay_id: allowed, typed_name })),
        ReplayCommand::Allow { .. } => {
            let export = RecordExport { records: vec![letter.letter.at.clone()], file: String::new() };
            (false, Some(ReplayCommand::Export(export)))
        }
        ReplayCommand::Export(_) => (false, Some(ReplayCommand::CloseExport)),
        ReplayCommand::CloseExport => (false, Some(ReplayCommand::Dismiss)),
        ReplayCommand::Dismiss => (false, None),
    }
}

/// Tries to send the one record again, in every way there is; how many lines that makes.
async fn replays(sending: &Sending, rail: Rail) -> usize {
    let letter = AskedLetter::at(MessageRef { cluster: NAME.to_owned(), channel: TOPIC.to_owned(), place: Place::at(0, 0) });
    let plain = ReplayAsk {
        cluster: NAME.to_owned(),
        target: TOPIC.into(),
        letters: AskedLetters::These(vec![letter.clone()]),
        num_stored: 1,
        plan_key: None,
        options: ReplayOptions::default(),
    };
    let change = Change::Set { path: "parcels".parse().expect("a path"), json: "1".to_owned() };
    let edited = ReplayOptions { changes: Arc::new(Changes { to_all: vec![change], to_one: BTreeMap::new() }), ..ReplayOptions::default() };
    let range = AskedRange { channel: TOPIC.to_owned(), of: RangeOf::Offsets { partition: 0, from: 0, to: 0 } };
    let file = sending.folder.path().join("orders.jsonl");
    std::fs::write(&file, format!("{{\"topic\":\"{TOPIC}\",\"value\":{{\"text\":\"x\"}}}}\n")).expect("written");
    let mut ways = vec![
        plain.clone(),
        ReplayAsk { letters: AskedLetters::File(AskedFile::at(file)), ..plain.clone() },
        ReplayAsk { options: edited, ..plain.clone() },
        ReplayAsk { letters: AskedLetters::Ranges(vec![range]), ..plain.clone() },
        ReplayAsk { options: ReplayOptions { to: Some(OTHER.to_owned()), ..ReplayOptions::default() }, ..plain.clone() },
        ReplayAsk { target: ReplayTarget::Own(BTreeMap::from([(TOPIC.to_owned(), REPLIES.to_owned())])), ..plain },
    ];
    let (mut num_lines, mut at) = (0, 0);
    while let Some(ask) = ways.get(at).cloned() {
        at += 1;
        if rail == Rail::Locked {
            sending.session.replay(ReplayCommand::Preview(ask));
            let look = |board: &ReplayBoard| board.refusal.clone();
            let reason = told(sending, "refusal", look).await;
            assert!(reason.contains(NAME) || reason.contains(OTHER), "{reason}");
            sending.session.replay(ReplayCommand::Dismiss);
            told(sending, "word of it", |board| board.refusal.is_none().then_some(())).await;
            continue;
        }
        sending.session.replay(ReplayCommand::Preview(ask.clone()));
        let replay_id = told(sending, "preview", |board| board.preview.as_ref().map(|preview| preview.replay_id.clone())).await;
        let mut next = Some(ReplayCommand::Preview(ask.clone()));
        while let Some(command) = next {
            let (is_send, following) = after(rail, &command, &replay_id, &letter);
            if !matches!(command, ReplayCommand::Preview(_)) {
                sending.session.replay(command.clone());
            }
            if is_send {
                num_lines += 1;
                are_lines_by_now(sending, num_lines).await;
            }
            if let ReplayCommand::WritePlan { .. } = command {
                let path = told(sending, "plan", |board| board.plan_file.as_ref().filter(|(of, _)| *of == replay_id).map(|(_, path)| path.clone())).await;
                // What was written is a way of its own, once.
                if at == 1 {
                    ways.push(read_plan(&path).expect("a plan"));
                }
            }
            next = following;
        }
        told(sending, "end of it", |board| board.preview.is_none().then_some(())).await;
        assert!(sending.session.replay_board().run.is_none(), "{ask:?}");
    }
    num_lines
}

/// Waits until the board shows this.
async fn told<T>(sending: &Sending, what: &str, look: impl Fn(&ReplayBoard) -> Option<T>) -> T {
    until(what, || look(&sending.session.replay_board()).is_some()).await;
    look(&sending.session.replay_board()).unwrap_or_else(|| panic!("the {what} is gone again"))
}

/// Waits until so many lines are of replays.
async fn are_lines_by_now(sending: &Sending, num: usize) {
    let deadline = std::time::Instant::now() + super::WITHIN;
    loop {
        let lines = sending.lines().await;
        if lines.iter().filter(|line| line.settled.reason().starts_with("replay of")).count() >= num {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "no line: {:?}", sending.session.replay_board().refusal);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
