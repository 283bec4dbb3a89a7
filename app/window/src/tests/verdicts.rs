//! Every state is called the same, and is as urgent, in every view and in the report.

use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use switchboard_desk::{profile::Profile, sources_desk::SourcesBoard};
use switchboard_engine::view::{
    BreakerReport, BreakerView, Figure, GroupReport, GroupView, Health, LagVerdict, Node, NodeBasis, NodeKind, Severity, Snapshot, breaker_word, channel_word,
    source_severity, source_word,
};
use switchboard_model::{BreakerState, SourcePhase};

use crate::{
    ink::{Glyph, Tone, signs::phase_word},
    testing::{self, FixedSource, NOW_NS},
    tests::harness::{goto, harness},
    view::{Target, UiCommand, ViewKind},
    views::{
        breakers, groups,
        map::{
            problems::problems,
            scene::{Scene, Selection, lag_badge},
            sentence, table,
        },
    },
};

const S: i64 = 1_000_000_000;

/// The order business, in which one group is judged so, for one partition if it is told.
fn with_group(verdict: LagVerdict, lag: Option<u64>, lasted_s: i64, partition: Option<i32>) -> (Snapshot, GroupView) {
    let mut snapshot = testing::order_business();
    let group = &mut Arc::make_mut(&mut snapshot.groups)[0];
    (group.verdict, group.lag, group.lag_s, group.pace) = (verdict, lag, None, None);
    group.partition = partition;
    group.read_ns = Some(NOW_NS - S);
    group.since_ns = Some(NOW_NS - S - lasted_s * S);
    group.reason = "for a reason".into();
    let group = group.clone();
    (snapshot, group)
}

#[test]
fn every_state_of_a_group_is_the_same_on_map_table_groups_replay_and_report() {
    for verdict in LagVerdict::ALL {
        let cases = [
            (Some(0), 1, None),
            (Some(7), 1, None),
            (None, 1, None),
            (Some(7), 29, None),
            (Some(7), 31, None),
            (Some(7), 3_600, None),
            (Some(0), 1, Some(2)),
            (None, 1, Some(2)),
        ];
        for (lag, lasted_s, partition) in cases {
            let (snapshot, group) = with_group(verdict, lag, lasted_s, partition);
            let (word, severity) = (verdict.word(), group.severity());
            let tone = Tone::from(severity);
            let case = format!("{verdict:?} {lag:?} {lasted_s} {partition:?}");

            let told = groups::verdict(&group);
            assert_eq!((told.text.as_str(), told.tone), (format!("{word}: for a reason").as_str(), tone), "groups, {case}");
            assert_eq!(told.glyph.is_none(), severity == Severity::Quiet, "{case}");
            let detail = groups::detail(&group, None, &snapshot, NOW_NS);
            assert_eq!(detail.verdict, [(told.text.clone(), tone)], "the group's panel, {case}");

            let scene = Scene::build(&snapshot, NOW_NS);
            let edge = scene.edges.iter().find(|edge| edge.group_row == Some(0)).expect("the edge to the group");
            let is_loud = severity >= Severity::Warning;
            assert_eq!(edge.tone >= Tone::Warn, is_loud, "map, {case}");
            if let Some(badge) = lag_badge(&group) {
                assert_eq!(badge.tone, tone, "map, {case}");
            }
            assert_eq!(lag_badge(&group).is_some(), is_loud || verdict == LagVerdict::NoMembers, "map, {case}");
            let row = table::rows(&scene).into_iter().find(|row| row.selects == crate::views::map::scene::Selection::Edge(edge.edge_id)).expect("its row");
            assert_eq!(
                (row.tone >= Tone::Warn, row.words.contains(word)),
                (is_loud, is_loud || verdict == LagVerdict::NoMembers),
                "table, {case}: {}",
                row.words
            );

            let title = format!("{} on {}", group.group, group.topic);
            let problem = problems(&scene, &snapshot, NOW_NS).into_iter().find(|problem| problem.title == title);
            assert_eq!(problem.is_some(), is_loud, "problems, {case}");
            if let Some(problem) = problem {
                assert!(problem.detail.starts_with(word) && problem.tone == tone, "problems, {case}: {}", problem.detail);
            }

            let sentence = sentence::sentence(&scene, &snapshot, NOW_NS);
            let part = sentence.iter().find(|part| part.text.contains(&group.group));
            assert_eq!(part.map(|part| part.tone), is_loud.then_some(tone), "sentence on top, {case}");
            if let Some(part) = part {
                // Of one that falls behind it is told how far.
                let told = if verdict == LagVerdict::Growing { "behind" } else { word };
                assert!(part.text.contains(told), "sentence on top, {case}: {}", part.text);
            }

            let reader = switchboard_desk::send::replay::readers(&snapshot, "lab-kafka", &group.topic, &[group.group.clone()].into()).groups.remove(0);
            assert_eq!((reader.sentence, reader.verdict, reader.severity), (group.sentence(), verdict, severity), "replay, {case}");

            let report = GroupReport::of(group.clone(), NOW_NS);
            assert_eq!((report.word.as_str(), report.severity, report.verdict), (word, severity, verdict), "report, {case}");
            let json = groups::to_json(&group, None);
            assert_eq!((json["word"].as_str(), &json["severity"]), (Some(word), &serde_json::json!(severity)), "JSON, {case}");
        }
    }
}

#[test]
fn every_state_of_a_breaker_is_the_same_on_map_breakers_and_report() {
    let states = [
        None,
        Some(BreakerState::Closed),
        Some(BreakerState::Open),
        Some(BreakerState::HalfOpen),
        Some(BreakerState::ForcedOpen),
        Some(BreakerState::Disabled),
        Some(BreakerState::MetricsOnly),
    ];
    for (state, stale) in states.into_iter().flat_map(|state| [(state, false), (state, true)]) {
        let mut snapshot = testing::order_business();
        let breakers = Arc::make_mut(&mut snapshot.breakers);
        breakers.truncate(1);
        (breakers[0].state, breakers[0].stale) = (state, stale);
        let breaker: BreakerView = breakers[0].clone();
        let (word, severity) = (breaker.word(), breaker.severity());
        let tone = Tone::from(severity);
        let case = format!("{state:?} {stale}");

        let told = breakers::state_words(&breaker);
        assert_eq!((told.text.as_str(), told.tone), (word.as_str(), tone), "breakers, {case}");
        assert_eq!(told.glyph.is_none(), severity <= Severity::Notice, "{case}");
        let scene = Scene::build(&snapshot, NOW_NS);
        let mark = scene.edges.iter().find_map(|edge| edge.breaker.as_ref()).expect("its mark");
        assert_eq!(mark.tone, tone, "map, {case}");
        let problem = problems(&scene, &snapshot, NOW_NS).into_iter().find(|problem| problem.detail.starts_with("breaker "));
        assert_eq!(problem.is_some(), tone > Tone::Quiet, "problems, {case}");
        if let Some(problem) = problem {
            assert!(problem.detail.contains(&format!(" {word} in 1 of 1")) && problem.tone == tone, "problems, {case}: {}", problem.detail);
        }
        let report = BreakerReport::of(&breaker, NOW_NS);
        assert_eq!((report.word, report.severity), (word, severity), "report, {case}");
    }
}

#[test]
fn every_state_of_a_source_is_the_same_on_map_and_sources() {
    for phase in [SourcePhase::Connecting, SourcePhase::Live, SourcePhase::Degraded, SourcePhase::Failed, SourcePhase::Stopped] {
        let mut snapshot = testing::order_business();
        let source = Arc::make_mut(&mut snapshot.sources).iter_mut().find(|source| source.name == "lab-kafka").expect("it is there");
        source.phase = phase;
        let name = source.name.clone();
        assert_eq!(phase_word(phase).0, source_word(phase), "{phase:?}");
        let scene = Scene::build(&snapshot, NOW_NS);
        let problem = problems(&scene, &snapshot, NOW_NS).into_iter().find(|problem| problem.title.starts_with(&format!("source {name} ")));
        let severity = source_severity(phase);
        assert_eq!(problem.is_some(), severity >= Severity::Warning, "{phase:?}");
        if let Some(problem) = problem {
            assert!(problem.title.ends_with(source_word(phase)) && problem.tone == Tone::from(severity), "{phase:?}: {}", problem.title);
        }
        // One that has stopped is there as long as the profile has it.
        let profile = Profile::parse("name = \"x\"\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"h:1\"", "x").expect("valid");
        let board = SourcesBoard { profile, ..SourcesBoard::default() };
        let shown = |snapshot: Snapshot| {
            let source = FixedSource::new(snapshot);
            source.show_sources(board.clone());
            harness(&source, UiCommand::Show(ViewKind::Map))
        };
        let beside_the_map = shown(snapshot.clone());
        beside_the_map.get_by_label_contains(&format!("{name}, {}, ", source_word(phase)));
        let nothing_yet = Snapshot { sources: snapshot.sources, ..Snapshot::default() };
        let invitation = shown(nothing_yet);
        assert!(invitation.query_all_by_label(source_word(phase)).next().is_some(), "{phase:?}");
    }
}

#[test]
fn what_the_heights_of_a_breaker_mean_is_told_in_its_words() {
    let source = FixedSource::new(testing::order_business());
    let breaker = testing::order_business().breakers[0].clone();
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Breakers));
    goto(&mut harness, &Target::Breaker { caller: breaker.caller, instance: breaker.instance, name: breaker.name });
    let [open, half_open, closed] = [BreakerState::Open, BreakerState::HalfOpen, BreakerState::Closed].map(|state| breaker_word(Some(state)));
    harness.get_by_label(&format!("High is {open}, half as high {half_open}, low {closed}; a gap: {}", breaker_word(None)));
}

/// The order business, in which one traced service is like this and was heard of so long ago.
fn with_service(figure: impl Fn(&Figure) -> Figure, heard_ago_ns: i64) -> (Snapshot, Node, Figure) {
    let mut snapshot = testing::order_business();
    let node = snapshot.topology.nodes.iter().find(|node| node.kind == NodeKind::Service && node.basis == NodeBasis::Traced).expect("one").clone();
    let heard_ns = NOW_NS - heard_ago_ns;
    for known in Arc::make_mut(&mut snapshot.topology).nodes.iter_mut().filter(|known| known.node_id == node.node_id) {
        known.instances.iter_mut().for_each(|instance| instance.last_seen_ns = heard_ns);
        known.last_seen_ns = Some(heard_ns);
    }
    let figures = Arc::make_mut(&mut snapshot.figures);
    let of_node = figures.nodes.iter_mut().find(|known| known.node_id == node.node_id).expect("its figure");
    of_node.figure = Figure { last_ns: Some(heard_ns), ..figure(&of_node.figure) };
    let figure = of_node.figure;
    (snapshot, node, figure)
}

#[test]
fn every_state_of_a_service_is_the_same_on_map_table_panel_and_problems() {
    let of = |calls: u64, errors: u64| move |figure: &Figure| Figure { recent_calls: calls, recent_errors: errors, ..*figure };
    let cases: [(u64, u64, i64); 7] = [(0, 0, S), (100, 0, S), (1_000, 1, S), (100, 2, S), (100, 50, S), (3, 1, S), (0, 0, 400 * S)];
    let mut seen = std::collections::BTreeSet::new();
    for (calls, errors, heard_ago_ns) in cases {
        let (snapshot, node, figure) = with_service(of(calls, errors), heard_ago_ns);
        let health = Health::of(&figure, figure.last_ns, NOW_NS);
        let (word, tone) = (health.word(), Tone::from(health.severity()));
        seen.insert(word);
        let case = format!("{errors} of {calls}, {heard_ago_ns} ns ago");
        let scene = Scene::build(&snapshot, NOW_NS);
        let shown = scene.nodes.iter().find(|shown| shown.node_id == node.node_id).expect("on the map");
        let badge = shown.badges.iter().find(|badge| badge.glyph == Glyph::Cross);
        assert_eq!((badge.is_some(), shown.silent_ns.is_some()), (word == "fails", word == "silent"), "map, {case}");
        assert!(badge.is_none_or(|badge| badge.tone == tone) && shown.tone >= tone, "map, {case}");
        let row = table::rows(&scene).into_iter().find(|row| row.selects == Selection::Node(node.node_id)).expect("its row");
        assert_eq!(row.failed_tone, if word == "fails" { tone } else { Tone::Quiet }, "table, {case}");
        assert_eq!(row.words.contains("silent"), word == "silent", "table, {case}: {}", row.words);
        let found = problems(&scene, &snapshot, NOW_NS);
        let silent = found.iter().find(|problem| problem.title == format!("{} is silent", node.name));
        assert_eq!(silent.map(|problem| problem.tone), (word == "silent").then_some(tone), "problems, {case}");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["as usual", "fails", "silent"]);
}

#[test]
fn every_state_of_a_channel_is_the_same_on_map_table_and_problems() {
    for num_dead in [0_u64, 1, 4_711] {
        let mut snapshot = testing::order_business();
        let letters = Arc::make_mut(&mut snapshot.dead_letters);
        letters.truncate(1);
        (letters[0].count, letters[0].num_open) = (num_dead, num_dead);
        let (letters, channel) = (letters[0].clone(), letters[0].origin_node.expect("on the map"));
        let (word, severity) = channel_word(num_dead);
        let tone = Tone::from(severity);
        assert_eq!((word == "has dead letters", letters.severity()), (num_dead > 0, severity), "{num_dead}");
        let scene = Scene::build(&snapshot, NOW_NS);
        let shown = scene.nodes.iter().find(|shown| shown.node_id == channel).expect("on the map");
        let badge = shown.badges.iter().find(|badge| badge.glyph == Glyph::Envelope);
        assert_eq!(badge.map(|badge| badge.tone), (num_dead > 0).then_some(tone), "map, {num_dead}");
        let row = table::rows(&scene).into_iter().find(|row| row.selects == Selection::Node(channel)).expect("its row");
        assert_eq!(row.tone >= Tone::Warn, num_dead > 0, "table, {num_dead}");
        let problem = problems(&scene, &snapshot, NOW_NS).into_iter().find(|problem| problem.glyph == Glyph::Envelope);
        assert_eq!(problem.map(|problem| problem.tone), (num_dead > 0).then_some(tone), "problems, {num_dead}");
    }
}
