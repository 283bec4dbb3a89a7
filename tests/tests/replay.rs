//! `switchboard replay`: an order that could not be shipped is mended by a plan, sent without a window, and consumed; a second time nothing of it is sent.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use switchboard_desk::ledger::KindHash;
use switchboard_desk::profile::Profile;
use switchboard_desk::send::edit::{Change, Changes};
use switchboard_desk::send::replay::{AskedLetter, AskedLetters, ChosenPace, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions};
use switchboard_desk::session::Session;
use switchboard_engine::view::{Answer, ChannelKey, LetterOrder, LetterView, Query, ScanQuery};
use switchboard_tests::lab::quiet_lab;
use switchboard_tests::program::{Program, until};

const WITHIN: Duration = Duration::from_mins(1);
const MEMORY_BYTES: usize = 128 << 20;

/// Runs the program: its exit code, and what it said.
fn run(args: &[&str]) -> (i32, String) {
    let mut program = Program::start(args).expect("starts");
    let code = program.wait(WITHIN).expect("ends");
    (code, program.output())
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// The dead letter of an order, once it is known.
fn letter(session: &Session, order: &str) -> Option<LetterView> {
    let dead = session.snapshot().dead_letters.iter().find(|view| view.count > 0).cloned()?;
    let query = Query::Scan(ScanQuery::DeadLetters {
        channel: ChannelKey { cluster: Some(dead.cluster.clone()), name: dead.channel.clone() },
        origin: dead.origin.clone(),
        fingerprint: dead.fingerprint,
        order: LetterOrder::OldestFirst,
        skip: 0,
        limit: 100,
    });
    let Ok(Answer::DeadLetters(page)) = session.query(query).recv_timeout(Duration::from_secs(5)) else { return None };
    page.letters.into_iter().find(|letter| letter.key.as_deref() == Some(order.as_bytes()))
}

#[test]
fn an_order_that_could_not_be_shipped_is_mended_by_a_plan_and_consumed() {
    let (_lab, profile) = quiet_lab(WITHIN);
    let mut profile: toml::Table = profile.parse().expect("its profile");
    let folder = tempfile::tempdir().expect("a folder");
    let requests = profile["requests"].as_str().expect("a folder").to_owned();
    profile.insert("ledger".to_owned(), folder.path().join("ledger.sqlite").display().to_string().into());
    let path = folder.path().join("lab.toml");
    std::fs::write(&path, toml::to_string(&profile).expect("text")).expect("written");
    let path = path.display().to_string();

    let poison = std::fs::read_to_string(format!("{requests}/orders/an order that cannot be shipped.toml")).expect("its file");
    let poison_path = format!("{requests}/orders/poison.toml");
    let poison = poison.replace("text = \"customer-3\"", "text = \"customer-by-hand\"").replace("\"XX\"", "\"FR\"").replace("\"parcels\": 1", "\"parcels\": 0");
    std::fs::write(&poison_path, poison).expect("written");
    let (code, said) = run(&["send", &poison_path, "--profile", &path, "--environment", "demo"]);
    assert_eq!(code, 0, "{said}");

    let plan = plan(&path);
    let of_plan = ["replay", "--plan", &plan, "--profile", &path];
    let (code, said) = run(&[&of_plan[..], &["--dry-run"]].concat());
    let told = json(&said);
    assert_eq!((code, &told["num_records"], &told["num_edited"], told["outcomes"].is_null()), (0, &1.into(), &1.into(), true), "{said}");
    assert_eq!((&told["first"], &told["per_second"]), (&2.into(), &3.into()), "{said}");
    assert!(told["readers"].as_array().is_some_and(|readers| readers.iter().any(|reader| reader["has_failed"] == true)), "{said}");

    let (code, said) = run(&of_plan);
    let told = json(&said);
    assert_eq!((code, &told["ended"], &told["outcomes"]["persisted"], &told["consumed"]), (0, &"finished".into(), &1.into(), &1.into()), "{said}");
    let (code, said) = run(&of_plan);
    let told = json(&said);
    assert_eq!((code, &told["num_records"]), (1, &0.into()), "{said}");
    assert!(told["skipped"][0]["reason"].as_str().is_some_and(|reason| reason.starts_with("sent")), "{said}");
    let (code, said) = run(&["replay", "--plan", &path, "--profile", &path]);
    assert!(code == 1 && said.contains("is no plan"), "{code} {said}");
}

/// Writes a plan that mends what died, as the window does; its file.
fn plan(profile: &str) -> String {
    let mut profile = Profile::read(profile.as_ref()).expect("a profile");
    profile.listen_nowhere();
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let session = Session::start(&profile, None, MEMORY_BYTES, runtime.handle(), Box::new(|| {})).expect("a session");
    let letter = until("dead letter", WITHIN, || letter(&session, "customer-by-hand"));
    let changes = Changes { to_all: vec![Change::Set { path: "parcels".parse().expect("a path"), json: "1".into() }], ..Changes::default() };
    let ask = ReplayAsk {
        cluster: letter.at.cluster.clone(),
        target: letter.origin.clone().expect("it tells where it came from").into(),
        letters: AskedLetters::These(vec![AskedLetter::of(&letter, KindHash(1))]),
        num_stored: 1,
        plan_key: None,
        options: ReplayOptions { changes: Arc::new(changes), pace: ChosenPace { num_first: Some(2), rate_per_s: Some(3) }, ..ReplayOptions::default() },
    };
    session.replay(ReplayCommand::Preview(ask));
    let told = |look: fn(&ReplayBoard) -> Option<String>| until("answer", WITHIN, || look(&session.replay_board()));
    let replay_id = told(|board| board.preview.as_ref().map(|preview| preview.replay_id.clone()));
    session.replay(ReplayCommand::WritePlan { replay_id });
    let plan = told(|board| board.plan_file.as_ref().map(|(_, path)| path.display().to_string()));
    runtime.block_on(session.stop());
    plan
}
