//! A paused window: every view stands still, whatever comes, but for what the user set going.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use egui::{Key, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};
use switchboard_desk::{
    own_log::{LogLevel, LogLine, OwnLog},
    profile::Profile,
    send::replay::{RunPhase, Writing},
    sources_desk::SourcesBoard,
};
use switchboard_engine::view::{Answer, LetterPage, PointQuery, Query, RecordLine, RecordPage, RefusalView, RowId, ScanQuery, Snapshot, TraceList};
use switchboard_model::{Place, SourcePhase};

use crate::{
    WindowApp, WindowOptions,
    testing::{self, FixedSource, NOW_NS},
    tests::harness::{press, run, settle},
    view::{UiCommand, ViewKind},
    views::{dead_letters, traces},
};

/// What the engine answers, before anything new came and after.
fn answer(query: &Query, is_after: bool) -> Option<Answer> {
    let num: u64 = if is_after { 7 } else { 3 };
    Some(match query {
        Query::Scan(ScanQuery::Traces { .. }) if is_after => Answer::Traces(TraceList::default()),
        Query::Scan(ScanQuery::Traces { .. }) => Answer::Traces(traces::sample::list()),
        Query::Scan(ScanQuery::DeadLetters { .. }) if is_after => Answer::DeadLetters(LetterPage::default()),
        Query::Scan(ScanQuery::Logs { .. }) => Answer::Logs(Vec::new()),
        Query::Point(PointQuery::Records { after: None, .. }) => {
            let row = |row: u64| RecordLine { row: RowId(row), place: Place::at(0, row as i64), timestamp_ns: Some(NOW_NS), size_bytes: 92 };
            Answer::Records(RecordPage { rows: (1..=num).map(row).collect(), total_stored: num, evicted: 0, has_more: false })
        }
        Query::Point(PointQuery::Records { .. }) => Answer::Records(RecordPage { total_stored: num, ..RecordPage::default() }),
        Query::Point(PointQuery::Refused { .. }) => {
            let refusal = RefusalView {
                at_ns: NOW_NS,
                source: "otlp".to_owned(),
                peer: "172.17.0.2".to_owned(),
                host: None,
                origin: None,
                rule: "Host is not loopback".to_owned(),
                next_step: "Set docker_bridge = true under [otlp]".to_owned(),
                count: num,
            };
            Answer::Refused(vec![refusal])
        }
        other => return dead_letters::sample::answer(other),
    })
}

fn before() -> Snapshot {
    let mut before = testing::order_business();
    before.dead_letters = dead_letters::sample::snapshot().dead_letters;
    before
}

/// All is another, but the session.
fn after() -> Snapshot {
    let mut after = testing::large_business(40, 3);
    after.started_ns = before().started_ns;
    let mut sources = before().sources.to_vec();
    for source in &mut sources {
        (source.phase, source.counts.received) = (SourcePhase::Failed, source.counts.received + 1_000);
    }
    after.sources = sources.into();
    after
}

fn say(log: &OwnLog, message: &str) {
    log.push(LogLine { at_ns: NOW_NS, level: LogLevel::Info, target: "x".to_owned(), message: message.to_owned(), fields: Vec::new() });
}

/// What is painted between the top bar and the foot, without the pause's own age.
fn shown(harness: &mut Harness<'static, WindowApp>) -> Vec<String> {
    harness.step();
    testing::painted_lines(harness.output()).into_iter().filter(|text| !text.starts_with("paused ")).collect()
}

#[test]
fn while_paused_no_view_changes_whatever_comes_and_all_of_it_is_there_once_one_goes_on() {
    for view in ViewKind::ALL {
        let (source, log, is_after) = (FixedSource::new(before()), OwnLog::default(), Arc::new(AtomicBool::new(false)));
        say(&log, "said before");
        let asked = Arc::clone(&is_after);
        source.answer_with(move |query| answer(query, asked.load(Ordering::Relaxed)));
        source.show_replay(dead_letters::sample::board(Writing::Allowed));
        let profile = "name = \"x\"\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"h:1\"";
        source.show_sources(SourcesBoard { profile: Profile::parse(profile, "x").expect("valid"), ..SourcesBoard::default() });
        let (shown_by, options) = (source.clone(), WindowOptions { own_log: log.clone(), ..WindowOptions::default() });
        let mut harness =
            Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(shown_by), options, false));
        run(&mut harness, UiCommand::Show(view));
        press(&mut harness, &[Key::ArrowDown]);
        settle(&mut harness);
        run(&mut harness, UiCommand::Pause);
        let at_first = shown(&mut harness);
        is_after.store(true, Ordering::Relaxed);
        source.publish(after());
        say(&log, "said after");
        settle(&mut harness);
        // Failed sources are told at the foot, also while paused; here they were read.
        run(&mut harness, UiCommand::CloseNotices);
        for seconds in [1, 30, 3_600] {
            source.advance_s(seconds);
            // A question is asked anew with the news, a second after its last answer.
            harness.run_steps(70);
            assert_eq!(shown(&mut harness), at_first, "{view:?} after {seconds} s");
        }
        // Other views are of the same moment, also those that were never looked at.
        if view != ViewKind::Log {
            run(&mut harness, UiCommand::Show(ViewKind::Log));
            harness.get_by_label_contains("said before");
            assert!(harness.query_by_label_contains("said after").is_none(), "{view:?}");
            run(&mut harness, UiCommand::Show(view));
        }
        run(&mut harness, UiCommand::Pause);
        harness.run_steps(70);
        assert_ne!(shown(&mut harness), at_first, "{view:?} shows what came once one goes on");
    }
}

#[test]
fn a_replay_that_runs_is_told_as_it_goes_also_while_paused_and_says_so() {
    let source = FixedSource::new(before());
    source.answer_with(|query| answer(query, false));
    source.show_replay(dead_letters::sample::running(&RunPhase::Rest, 40));
    let mut harness = crate::tests::harness::harness(&source, UiCommand::Show(ViewKind::DeadLetters));
    assert!(harness.query_by_label_contains("told as of now").is_none());
    run(&mut harness, UiCommand::Pause);
    harness.get_by_label_contains("told as of now, though the window is paused");
    let told = |harness: &Harness<'static, WindowApp>| testing::painted_lines(harness.output());
    let at_40 = told(&harness);
    source.show_replay(dead_letters::sample::running(&RunPhase::Rest, 60));
    settle(&mut harness);
    assert_ne!(told(&harness), at_40);
}
