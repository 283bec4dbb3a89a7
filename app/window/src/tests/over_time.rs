//! The whole window over time: what stands still, and how many frames it asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_engine::view::{Answer, Edge, EdgeId, Evidence, History, HopKind, NodeId, PointQuery, Query, ScanQuery, Snapshot, TraceList};

use crate::{
    testing::{self, FixedSource},
    tests::desktop::Desktop,
    view::{Target, UiCommand, ViewKind},
    views::map::scene::Selection,
};

/// Frames a second that news may draw.
const FRAMES_A_SECOND_MAX: usize = 30;

/// Services that come late, and when, s.
const LATE: [(&str, i64); 2] = [("shipping-cache", 120), ("pricing-cache", 300)];

/// 200 services at a second of their life: figures, lag, errors and breakers change each second, and late there are two more
/// services and a call between two that were there.
fn business_at(at_s: i64) -> Snapshot {
    let mut snapshot = testing::large_business(202, at_s);
    let topology = Arc::make_mut(&mut snapshot.topology);
    for (name, from_s) in LATE {
        if at_s >= from_s {
            topology.version += 1;
        } else {
            let late = topology.nodes.iter().find(|node| node.name == name).expect("it comes later").node_id;
            topology.nodes.retain(|node| node.node_id != late);
            topology.edges.retain(|edge| edge.from != late && edge.to != late);
            Arc::make_mut(&mut snapshot.figures).nodes.retain(|row| row.node_id != late);
            Arc::make_mut(&mut snapshot.interactions).retain(|row| row.from != Some(late) && row.to != Some(late));
        }
    }
    if at_s >= 420 {
        topology.version += 1;
        let edge_id = EdgeId(topology.edges.iter().map(|edge| edge.edge_id.0 + 1).max().unwrap_or(0));
        let (from, to) = (topology.nodes[20].node_id, topology.nodes[90].node_id);
        topology.edges.push(Edge { edge_id, from, to, kind: HopKind::Call, via: Some("http".to_owned()), inferred: false });
        Arc::make_mut(&mut snapshot.figures).edges.push((edge_id, testing::figure(600, 0, 4, 12), Evidence::default()));
    }
    let moved_ns = at_s * 1_000_000_000;
    let figures = Arc::make_mut(&mut snapshot.figures);
    for figure in figures.nodes.iter_mut().map(|row| &mut row.figure).chain(figures.edges.iter_mut().map(|row| &mut row.1)) {
        figure.last_ns = figure.last_ns.map(|last_ns| last_ns + moved_ns);
    }
    for group in Arc::make_mut(&mut snapshot.groups) {
        group.read_ns = group.read_ns.map(|read_ns| read_ns + moved_ns);
    }
    snapshot.as_of_ns += moved_ns;
    snapshot
}

fn run(desktop: &mut Desktop, command: UiCommand) {
    let ctx = desktop.ctx();
    let _asked = desktop.app().window.run(&ctx, command);
}

fn goto(desktop: &mut Desktop, target: &Target) {
    let ctx = desktop.ctx();
    desktop.app().window.goto(&ctx, target);
}

/// Frames in the fullest second.
fn frames_in_fullest_second(desktop: &Desktop, from_s: f64) -> usize {
    let drawn_s: Vec<f64> = desktop.drawn_s().iter().copied().filter(|at_s| *at_s >= from_s).collect();
    let within = |first: &f64| drawn_s.iter().filter(|at_s| (*first..*first + 1.0).contains(*at_s)).count();
    drawn_s.iter().map(within).max().unwrap_or(0)
}

/// Answers as an engine would that knows of no trace.
fn answer(query: &Query) -> Option<Answer> {
    Some(match query {
        Query::Scan(ScanQuery::Traces { .. }) => Answer::Traces(TraceList::default()),
        Query::Point(PointQuery::History { .. }) => Answer::History(History::default()),
        Query::Scan(ScanQuery::Logs { .. }) => Answer::Logs(Vec::new()),
        Query::Point(PointQuery::Group { .. }) => Answer::Group(None),
        _ => return None,
    })
}

#[test]
fn over_ten_minutes_of_two_hundred_services_no_box_moves_and_frames_stay_few() {
    let source = FixedSource::new(business_at(0));
    source.answer_with(answer);
    let mut desktop = Desktop::open(&source);
    run(&mut desktop, UiCommand::MapAll);
    let mut stands: BTreeMap<NodeId, [u32; 4]> = BTreeMap::new();
    let mut num_at_first = 0;
    for at_s in 0..600 {
        source.publish(business_at(at_s));
        desktop.run_until((at_s + 1) as f64);
        let placement = desktop.app().window.map().placement_for_tests();
        let is_settled = placement.is_settled();
        assert!(is_settled || at_s < 16, "the first layout has not settled after {at_s} s");
        if !is_settled {
            continue;
        }
        let places = &placement.placed().rects;
        for (node_id, rect) in places {
            let bits = [rect.min.x, rect.min.y, rect.max.x, rect.max.y].map(f32::to_bits);
            let before = *stands.entry(*node_id).or_insert(bits);
            assert_eq!(bits, before, "{node_id:?} moved at {at_s} s");
        }
        assert!(crate::views::map::place::overlaps(places).is_empty(), "boxes overlap at {at_s} s");
        assert_eq!(places.len(), desktop.app().window.map().shown_scene().nodes.len(), "every box has a place");
        if num_at_first == 0 {
            num_at_first = stands.len();
        }
    }
    assert_eq!(stands.len(), num_at_first + 2, "two services came late");
    let num_frames = desktop.num_drawn_since(20.0);
    assert!((580..=3 * 580).contains(&num_frames), "{num_frames} frames for a publication a second");

    // Two hundred publications a second, with something selected so that questions are asked and answered too.
    let selected = source_node(&source, "orders-api");
    goto(&mut desktop, &Target::Node(selected));
    let burst_from_s = 602.0;
    desktop.run_until(burst_from_s);
    for number in 0..5 * 200 {
        let at_s = 600 + i64::from(number) / 200;
        if number % 200 == 0 {
            source.publish(business_at(at_s));
        } else {
            source.publish(source_snapshot(&source));
        }
        desktop.run_until(burst_from_s + f64::from(number + 1) / 200.0);
    }
    let num_in_second = frames_in_fullest_second(&desktop, burst_from_s);
    assert!((15..=FRAMES_A_SECOND_MAX).contains(&num_in_second), "{num_in_second} frames in a second");
    assert_eq!(desktop.app().window.map().selected(), Some(Selection::Node(selected)));
}

fn source_snapshot(source: &FixedSource) -> Snapshot {
    use crate::SnapshotSource as _;
    source.clone().snapshot()
}

fn source_node(source: &FixedSource, name: &str) -> NodeId {
    source_snapshot(source).topology.nodes.iter().find(|node| node.name == name).expect("a node of that name").node_id
}

#[test]
fn an_idle_window_draws_only_ages_in_every_view() {
    // Nothing on screen grows older.
    let mut empty = Desktop::open(&FixedSource::new(Snapshot::default()));
    empty.run_until(5.0);
    empty.run_until(3_600.0);
    assert_eq!(empty.num_drawn_since(5.0), 0, "nothing is there that could change");
    for view in ViewKind::ALL {
        let source = FixedSource::new(business_at(0));
        source.answer_with(answer);
        let mut desktop = Desktop::open(&source);
        run(&mut desktop, UiCommand::Show(view));
        desktop.run_until(5.0);
        desktop.run_until(50.0);
        let num_young = desktop.num_drawn_since(5.0);
        // While the range is not drained it moves on each 10 s, and what it holds is asked anew.
        assert!((1..=46 + 5).contains(&num_young), "{view:?}: {num_young} frames in 45 s while ages are told in seconds");
        let from_s = 140.0;
        desktop.run_until(from_s);
        desktop.run_until(from_s + 600.0);
        let num_old = desktop.num_drawn_since(from_s);
        assert!((1..=11).contains(&num_old), "{view:?}: {num_old} frames in 10 min while ages are told in minutes");
    }
    // Also while it is paused.
    let mut desktop = Desktop::open(&FixedSource::new(business_at(0)));
    desktop.run_until(2.0);
    run(&mut desktop, UiCommand::Pause);
    desktop.run_until(70.0);
    desktop.run_until(670.0);
    let num_paused = desktop.num_drawn_since(70.0);
    assert!((1..=11).contains(&num_paused), "{num_paused} frames in 10 min of pause");
}

#[test]
fn a_hidden_window_draws_nothing_and_knows_everything_when_it_is_seen_again() {
    for (minimized, occluded) in [(true, false), (false, true)] {
        let source = FixedSource::new(business_at(0));
        let mut desktop = Desktop::open(&source);
        desktop.run_until(20.0);
        desktop.show(minimized, occluded);
        for at_s in 20..80 {
            source.publish(business_at(at_s));
            desktop.run_until((at_s + 1) as f64);
        }
        assert_eq!(desktop.num_drawn_since(20.0), 0, "minimized {minimized}, occluded {occluded}");
        let num_woken = desktop.num_logic_only();
        assert!((1..=60).contains(&num_woken), "its logic ran {num_woken} times");
        let newest = source_snapshot(&source).generation;
        desktop.show(false, false);
        desktop.run_until(80.5);
        let shown = desktop.app().window.map().shown().map(|(snapshot, _)| snapshot.generation);
        assert_eq!(shown, Some(newest), "what came meanwhile is shown at once");
    }
}
