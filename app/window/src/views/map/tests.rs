//! Scene, layout, placing and drawing as a whole.

mod panel;
mod probes;
mod sight;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use egui::{Rect, pos2, vec2};
use proptest::prelude::*;
use switchboard_engine::view::{ClockSet, Figure, HopKind, LagVerdict, NodeBasis, NodeId, NodeKind, Snapshot};
use switchboard_model::BreakerState;

use super::{
    camera::Camera,
    draw::{self, Detail, Sight},
    edge_label::{EdgeLabel, EdgeLabels},
    geometry::Geometry,
    layout::{self, LayoutGraph, LayoutNode},
    place::{Placement, layout_graph, overlaps},
    problems::problems,
    scene::{Scene, Selection},
};
use crate::{
    ink::{Glyph, Tone},
    testing::{self, Business, NOW_NS, figure},
};

const KINDS: [NodeKind; 8] =
    [NodeKind::Service, NodeKind::Service, NodeKind::Service, NodeKind::Channel, NodeKind::Group, NodeKind::Database, NodeKind::External, NodeKind::User];

fn node(number: usize, kind: usize) -> LayoutNode {
    let name = format!("{}-{}", ["orders", "a", "inventory.reservation.replies"][number % 3], number / 2);
    LayoutNode { kind: KINDS[kind % KINDS.len()], name, namespace: None, is_group: false, node_id: NodeId(number as u32) }
}

prop_compose! {
    /// Some boxes and edges between them, cycles and loops included.
    fn graph(max_nodes: usize)(kinds in prop::collection::vec(0_usize..8, 1..max_nodes))
        (edges in prop::collection::vec((0..kinds.len(), 0..kinds.len()), 0..kinds.len() * 3), kinds in Just(kinds)) -> (Vec<LayoutNode>, Vec<(NodeId, NodeId)>) {
        let nodes = kinds.iter().enumerate().map(|(number, kind)| node(number, *kind)).collect();
        let edges = edges.into_iter().map(|(from, to)| (NodeId(from as u32), NodeId(to as u32))).collect();
        (nodes, edges)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn everything_is_placed_and_nothing_overlaps((nodes, edges) in graph(60)) {
        let graph = LayoutGraph::new(nodes.clone(), &edges);
        let placed = layout::layout(&graph);
        prop_assert_eq!(placed.rects.len(), nodes.len());
        prop_assert_eq!(overlaps(&placed.rects), vec![]);
        prop_assert!(placed.rects.values().all(Rect::is_finite));
    }

    #[test]
    fn the_order_of_arrival_does_not_matter((nodes, edges) in graph(40), seed in any::<u64>()) {
        let straight = layout::layout(&LayoutGraph::new(nodes.clone(), &edges));
        let (mut nodes, mut edges) = (nodes, edges);
        shuffle(&mut nodes, seed);
        shuffle(&mut edges, seed.rotate_left(17));
        prop_assert_eq!(straight, layout::layout(&LayoutGraph::new(nodes, &edges)));
    }

    #[test]
    fn once_settled_new_boxes_move_nothing((nodes, edges) in graph(40), num_known in 1_usize..40, num_steps in 1_usize..4) {
        let num_known = num_known.min(nodes.len());
        let mut placement = Placement::default();
        let of = |num: usize| {
            let known = |node_id: NodeId| (node_id.0 as usize) < num;
            let edges: Vec<_> = edges.iter().copied().filter(|(from, to)| known(*from) && known(*to)).collect();
            LayoutGraph::new(nodes[..num].to_vec(), &edges)
        };
        placement.update(&of(num_known), 0.0, None);
        let mut before = placement.placed().rects.clone();
        for step in 1..=num_steps {
            let num = num_known + (nodes.len() - num_known) * step / num_steps;
            placement.update(&of(num), 15.0 + step as f64 * 0.1, None);
            let after = placement.placed().rects.clone();
            for (node_id, rect) in &before {
                prop_assert_eq!(bits(rect), bits(&after[node_id]), "{:?} moved", node_id);
            }
            prop_assert_eq!(after.len(), num);
            prop_assert_eq!(overlaps(&after), vec![]);
            before = after;
        }
    }
}

fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for last in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (seed >> 33) as usize % (last + 1));
    }
}

fn bits(rect: &Rect) -> [u32; 4] {
    [rect.min.x, rect.min.y, rect.max.x, rect.max.y].map(f32::to_bits)
}

fn chain(num: usize) -> LayoutGraph {
    let nodes = (0..num).map(|number| node(number, 0)).collect();
    let edges: Vec<_> = (1..num).map(|number| (NodeId(number as u32 - 1), NodeId(number as u32))).collect();
    LayoutGraph::new(nodes, &edges)
}

#[test]
fn the_first_layout_is_redone_until_two_seconds_pass_without_a_new_box() {
    let mut placement = Placement::default();
    placement.update(&chain(2), 10.0, None);
    placement.update(&chain(3), 11.9, None);
    assert!(!placement.is_settled(), "a box came within two seconds");
    placement.update(&chain(4), 13.8, None);
    assert!(!placement.is_settled(), "and another one");
    placement.update(&chain(5), 15.8, None);
    assert!(placement.is_settled(), "two seconds without a new box");
}

#[test]
fn a_writer_heard_of_late_still_turns_its_channel_around() {
    // A broker tells at once who reads the replies; that somebody writes them comes with the first spans.
    let nodes: Vec<LayoutNode> =
        [(0, NodeKind::Service, "inventory"), (1, NodeKind::Service, "orders"), (2, NodeKind::Channel, "reserved"), (3, NodeKind::User, "user")]
            .map(|(number, kind, name)| LayoutNode { kind, name: name.to_owned(), namespace: None, is_group: false, node_id: NodeId(number) })
            .to_vec();
    let (reads, enters, writes) = ((NodeId(2), NodeId(1)), (NodeId(3), NodeId(1)), (NodeId(0), NodeId(2)));
    let mut placement = Placement::default();
    placement.update(&LayoutGraph::new(nodes.clone(), &[reads]), 0.0, None);
    placement.update(&LayoutGraph::new(nodes.clone(), &[reads, enters]), 1.5, None);
    placement.update(&LayoutGraph::new(nodes, &[reads, enters, (NodeId(1), NodeId(0)), writes]), 3.0, None);
    let rects = &placement.placed().rects;
    assert!(rects[&NodeId(2)].left() > rects[&NodeId(0)].right(), "the channel stands right of who writes to it");
    assert!(rects[&NodeId(1)].right() < rects[&NodeId(0)].left());
}

#[test]
fn what_a_broker_lists_before_the_first_span_settles_nothing() {
    let listed = |num: u32| {
        (0..num).map(|number| LayoutNode {
            kind: NodeKind::Channel,
            name: format!("topic-{number}"),
            namespace: None,
            is_group: false,
            node_id: NodeId(number),
        })
    };
    let mut placement = Placement::default();
    placement.update(&LayoutGraph::new(listed(2).collect(), &[]), 0.0, None);
    let mut nodes: Vec<LayoutNode> = listed(2).collect();
    nodes.push(LayoutNode { kind: NodeKind::Service, name: "orders".to_owned(), namespace: None, is_group: false, node_id: NodeId(2) });
    placement.update(&LayoutGraph::new(nodes.clone(), &[(NodeId(2), NodeId(0))]), 6.0, None);
    assert!(!placement.is_settled(), "the layout was redone when the first traffic was seen");
    placement.update(&LayoutGraph::new(nodes, &[(NodeId(2), NodeId(0)), (NodeId(2), NodeId(1))]), 9.5, None);
    assert!(!placement.is_settled(), "one topic had nobody yet: more was to come");
    placement.update(&LayoutGraph::new(listed(3).collect(), &[]), 15.0, None);
    assert!(placement.is_settled(), "even where nobody sends spans it settles");
}

#[test]
fn the_first_layout_settles_after_eight_seconds_in_any_case() {
    let mut placement = Placement::default();
    for second in 0..8 {
        placement.update(&chain(2 + second), second as f64, None);
        assert!(!placement.is_settled());
    }
    placement.update(&chain(12), 8.0, None);
    assert!(placement.is_settled());
}

#[test]
fn what_is_gone_leaves_and_its_slot_is_kept_for_it() {
    let mut placement = Placement::default();
    placement.update(&chain(3), 0.0, None);
    let place = placement.placed().rects[&NodeId(2)];
    placement.update(&chain(2), 9.0, None);
    assert!(!placement.placed().rects.contains_key(&NodeId(2)));
    placement.update(&chain(3), 10.0, None);
    assert_eq!(bits(&placement.placed().rects[&NodeId(2)])[1], bits(&place)[1]);
}

fn place_of(snapshot: &Snapshot) -> (Scene, BTreeMap<String, Rect>) {
    let scene = Scene::build(snapshot, NOW_NS);
    let placed = layout::layout(&layout_graph(&scene));
    let places = scene.nodes.iter().map(|node| (node.name.clone(), placed.rects[&node.node_id])).collect();
    (scene, places)
}

#[test]
fn callers_stand_left_of_callees_and_replies_lead_back() {
    let (_, places) = place_of(&testing::order_business());
    for (left, right) in [
        ("user", "storefront"),
        ("storefront", "orders"),
        ("orders", "payments"),
        ("orders", "orders.placed"),
        ("orders.placed", "inventory"),
        ("inventory", "inventory.reserved"),
        ("catalog", "postgres"),
        ("shipping", "ups-gateway"),
    ] {
        assert!(places[left].right() < places[right].left(), "{left} is not left of {right}");
    }
}

#[test]
fn edges_that_skip_columns_pass_between_the_boxes() {
    let (scene, places) = place_of(&testing::order_business());
    let geometry = Geometry::of(&scene, &layout::layout(&layout_graph(&scene)), &NONE);
    for (edge, path) in scene.edges.iter().zip(&geometry.paths) {
        let ends = [&scene.nodes[edge.from].name, &scene.nodes[edge.to].name];
        for (name, rect) in places.iter().filter(|(name, _)| !ends.contains(name)) {
            let crossed = path.fine.iter().any(|point| rect.shrink(2.0).contains(*point));
            assert!(!crossed, "{} runs through {name}", scene.edge_title(edge));
        }
    }
}

#[test]
fn a_group_with_one_worker_is_part_of_its_edge_and_with_two_a_box() {
    let mut business = Business::default();
    let channel = business.channel("placed", figure(60, 0, 0, 0));
    let (one, two) = (business.service("one", 1, figure(60, 0, 1, 2)), business.service("two", 1, figure(60, 0, 1, 2)));
    business.group("alone", channel, Some(one), figure(60, 0, 1, 2), (0, 0.0, LagVerdict::Ok));
    let shared = business.group("shared", channel, Some(one), figure(60, 0, 1, 2), (7, 3.0, LagVerdict::Stuck));
    business.edge(HopKind::Process, shared, two, None, figure(60, 0, 1, 2));
    let unknown = business.group("nobody", channel, None, figure(0, 0, 0, 0), (9, 2.0, LagVerdict::NoMembers));
    let scene = Scene::build(&business.snapshot(), NOW_NS);
    let names: Vec<&str> = scene.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["one", "two", "placed", "nobody", "shared"]);
    let titles: Vec<String> = scene.edges.iter().map(|edge| scene.edge_title(edge)).collect();
    assert_eq!(titles, ["placed → one", "placed → nobody", "placed → shared", "shared → one", "shared → two"]);
    assert_eq!(scene.edges[2].pill.as_ref().map(|pill| (pill.glyph, pill.text.as_str())), Some((Glyph::Stuck, "7 · 3 s")));
    assert_eq!(scene.edges[1].pill.as_ref().map(|pill| (pill.glyph, pill.text.as_str())), Some((Glyph::Nobody, "9 · nobody reads")));
    let dashed = |node_id: NodeId| scene.node_index(node_id).map(|index| scene.nodes[index].dashed);
    assert_eq!((dashed(unknown), dashed(shared)), (Some(true), Some(false)), "nobody is known to work for the first");
}

#[test]
fn dead_letter_channels_are_part_of_their_origin() {
    let snapshot = testing::order_business();
    let scene = Scene::build(&snapshot, NOW_NS);
    assert!(scene.nodes.iter().all(|node| node.name != "orders.placed-dlt"));
    let placed = scene.nodes.iter().find(|node| node.name == "orders.placed").expect("the origin");
    assert_eq!(placed.badges.iter().map(|badge| (badge.glyph, badge.text.as_str())).collect::<Vec<_>>(), [(Glyph::Envelope, "14")]);
    assert!(scene.edges.iter().all(|edge| scene.edge_title(edge) != "shipping → orders.placed"), "writing a dead letter is not publishing to the origin");
    let folded = snapshot.topology.nodes.iter().find(|node| node.name == "orders.placed-dlt").expect("the folded channel");
    assert_eq!(scene.node_index(folded.node_id), scene.node_index(placed.node_id));
}

#[test]
fn few_failures_are_told_in_full_and_rare_ones_not_at_all() {
    let badge = |calls, errors| super::scene::failure_badge(&figure(calls, errors, 1, 2)).map(|badge| (badge.text, badge.tone));
    assert_eq!(badge(1, 1), Some(("1 of 1 failed".to_owned(), Tone::Warn)));
    assert_eq!(badge(4, 2), Some(("2 of 4 failed".to_owned(), Tone::Warn)));
    assert_eq!(badge(100, 12), Some(("12 %".to_owned(), Tone::Bad)));
    assert_eq!(badge(1_000, 20), Some(("2 %".to_owned(), Tone::Warn)));
    assert_eq!((badge(1_000, 5), badge(100, 0), badge(0, 0)), (None, None, None));
}

#[test]
fn breakers_stand_on_their_edge_or_at_their_caller() {
    let mut business = Business::default();
    let caller = business.service("orders", 2, figure(60, 0, 1, 2));
    let callee = business.service("payments", 1, figure(60, 0, 1, 2));
    business.call(caller, callee, "http", figure(60, 0, 1, 2), None);
    business.breaker(caller, "orders-1", callee, BreakerState::Open, 3);
    business.breaker(caller, "orders-2", callee, BreakerState::HalfOpen, 3);
    let mut snapshot = business.snapshot();
    let scene = Scene::build(&snapshot, NOW_NS);
    let mark = scene.edges[0].breaker.as_ref().expect("a mark");
    assert_eq!((mark.glyph, mark.text(), mark.tone), (Glyph::BreakerOpen, "2/2".to_owned(), Tone::Bad));

    // Without evidence whom it guards, it stands at the caller; closed or stale it never looks open or healthy.
    let mut breakers = (*snapshot.breakers).clone();
    for breaker in &mut breakers {
        breaker.callee_node = None;
    }
    snapshot.breakers = std::sync::Arc::new(breakers.clone());
    let scene = Scene::build(&snapshot, NOW_NS);
    assert!(scene.edges[0].breaker.is_none());
    assert_eq!(scene.nodes[0].badges.iter().map(|badge| badge.glyph).collect::<Vec<_>>(), [Glyph::BreakerOpen]);
    for breaker in &mut breakers {
        breaker.stale = true;
    }
    snapshot.breakers = std::sync::Arc::new(breakers.clone());
    let scene = Scene::build(&snapshot, NOW_NS);
    assert_eq!(scene.nodes[0].badges.iter().map(|badge| (badge.glyph, badge.tone)).collect::<Vec<_>>(), [(Glyph::BreakerUnknown, Tone::Unknown)]);
    for breaker in &mut breakers {
        (breaker.stale, breaker.state) = (false, Some(BreakerState::Closed));
    }
    snapshot.breakers = std::sync::Arc::new(breakers);
    assert!(Scene::build(&snapshot, NOW_NS).nodes[0].badges.is_empty());
}

#[test]
fn what_was_traced_and_says_nothing_is_silent_and_what_never_spoke_is_dashed() {
    let scene = Scene::build(&testing::order_business(), NOW_NS);
    let node = |name: &str| scene.nodes.iter().find(|node| node.name == name).expect("a node of that name");
    assert_eq!((node("legacy-billing").detail.as_str(), node("legacy-billing").rate.as_str()), ("silent for 2 min", "–"));
    assert!(node("orders").silent_ns.is_none() && !node("orders").dashed);
    assert!(node("fraud").dashed && node("fraud").silent_ns.is_none());
    assert!(node("ups-gateway").dashed && !node("postgres").dashed);
}

#[test]
fn clocks_that_are_off_or_were_set_are_told_for_as_long_as_that_matters() {
    const MINUTE_NS: i64 = 60_000_000_000;
    let told = |set: Option<(i64, i64)>, ahead_ns: Option<i64>| {
        let mut snapshot = testing::order_business();
        snapshot.totals.clock_set = set.map(|(by_ns, ago_ns)| ClockSet { at_ns: NOW_NS - ago_ns, by_ns });
        let orders = snapshot.topology.nodes.iter().find(|node| node.name == "orders").expect("a service").node_id;
        let nodes = &mut std::sync::Arc::make_mut(&mut snapshot.figures).nodes;
        nodes.iter_mut().find(|row| row.node_id == orders).expect("its figures").clock_ahead_ns = ahead_ns;
        let found = problems(&Scene::build(&snapshot, NOW_NS), &snapshot, NOW_NS);
        let of_clocks = found.into_iter().filter(|problem| problem.glyph == Glyph::Dot);
        of_clocks.map(|problem| format!("{}: {}", problem.title, problem.detail)).collect::<Vec<_>>()
    };
    for (set, ahead_ns, sentence) in [
        (Some((60 * MINUTE_NS, 5 * MINUTE_NS)), None, "this machine's clock was set 1 h ahead: 5 min ago; figures go on by a clock that does not jump"),
        (Some((-60 * MINUTE_NS, 0)), None, "this machine's clock was set 1 h back: 0 s ago; figures go on by a clock that does not jump"),
        (None, Some(60 * MINUTE_NS), "orders's clock is off: it runs 1 h ahead of this machine's; its spans count when they arrive"),
        (None, Some(-5 * MINUTE_NS), "orders's spans come late: 5 min after they ended: its clock runs behind this machine's, or they are held back"),
    ] {
        assert_eq!(told(set, ahead_ns), [sentence]);
    }
    assert_eq!(told(None, None), [""; 0]);
    assert_eq!(told(Some((60 * MINUTE_NS, 16 * MINUTE_NS)), None), [""; 0], "it was told for long enough");
}

#[test]
fn a_ring_of_folded_channels_folds_nothing() {
    let mut business = Business::default();
    let (a, b) = (business.channel("a", figure(60, 0, 0, 0)), business.channel("b", figure(60, 0, 0, 0)));
    business.nodes_mut()[0].folded_into = Some(b);
    business.nodes_mut()[1].folded_into = Some(a);
    let own = business.node(NodeKind::Channel, "c", NodeBasis::Broker, 0, figure(1, 0, 0, 0));
    business.nodes_mut()[2].folded_into = Some(own);
    assert_eq!(Scene::build(&business.snapshot(), NOW_NS).nodes.len(), 3);
}

static NONE: BTreeSet<NodeId> = BTreeSet::new();

fn sight<'a>(scene: &'a Scene, geometry: &'a Geometry, camera: Camera) -> Sight<'a> {
    let viewport = Rect::from_min_size(pos2(0.0, 0.0), vec2(1280.0, 800.0));
    Sight {
        scene,
        geometry,
        camera,
        viewport,
        hovered: None,
        selected: None,
        width_steps: &[],
        labels: EdgeLabels::default(),
        newcomers: &NONE,
        pinned: &NONE,
        on_the_way: &NONE,
    }
}

#[test]
fn only_what_is_in_view_is_drawn_and_small_boxes_carry_no_text() {
    let scene = Scene::build(&testing::generated(1_000, 5_000), NOW_NS);
    let geometry = Geometry::of(&scene, &layout::layout(&layout_graph(&scene)), &NONE);
    let bounds = geometry.bounds.expect("something is placed");
    let far = Camera::fit(bounds, Rect::from_min_size(pos2(0.0, 0.0), vec2(1280.0, 800.0)));
    let list = draw::draw_list(&sight(&scene, &geometry, far));
    assert_eq!((list.nodes.len(), list.num_outside, list.detail), (1_000, 0, Detail::Spots));
    assert!(!list.fine_edges && list.pills.len() <= 1_160);
    let near = Camera { scale: 1.0, origin: pos2(0.0, 0.0) };
    let list = draw::draw_list(&sight(&scene, &geometry, near));
    assert_eq!(list.detail, Detail::Full);
    assert!(!list.nodes.is_empty() && list.nodes.len() < 120, "{} boxes in view", list.nodes.len());
    assert_eq!(list.nodes.len() + list.num_outside, 1_000);
}

#[test]
fn pills_stand_where_they_cover_nothing() {
    let scene = Scene::build(&testing::order_business(), NOW_NS);
    let geometry = Geometry::of(&scene, &layout::layout(&layout_graph(&scene)), &NONE);
    for scale in [0.76, 1.0, 1.35] {
        let camera = Camera { scale, origin: pos2(20.0, 60.0) };
        let mut sight = sight(&scene, &geometry, camera);
        sight.viewport = Rect::EVERYTHING;
        let list = draw::draw_list(&sight);
        let lag = list.pills.iter().find(|pill| pill.glyph == Some(Glyph::Rising)).expect("the lag");
        assert_eq!(lag.text, "1,204 · 38 s", "at scale {scale}");
        for (index, pill) in list.pills.iter().enumerate() {
            assert!(list.pills[..index].iter().all(|other| !other.covers().intersects(pill.covers())), "{} covers another pill at {scale}", pill.text);
        }
    }
}

#[test]
fn a_pill_is_hit_before_the_box_below_it_and_a_box_before_an_edge() {
    let scene = Scene::build(&testing::order_business(), NOW_NS);
    let geometry = Geometry::of(&scene, &layout::layout(&layout_graph(&scene)), &NONE);
    let sight = sight(&scene, &geometry, Camera { scale: 1.0, origin: pos2(20.0, 60.0) });
    let list = draw::draw_list(&sight);
    for pill in &list.pills {
        assert_eq!(draw::hit(&sight, &list, pill.rect.center()), Some(pill.selects));
    }
    let orders = scene.nodes.iter().position(|node| node.name == "orders").expect("orders");
    let rect = list.nodes.iter().find(|mark| mark.node == orders).expect("in view").rect;
    assert_eq!(draw::hit(&sight, &list, rect.center()), Some(Selection::Node(scene.nodes[orders].node_id)));
    assert_eq!(draw::hit(&sight, &list, pos2(5.0, 5.0)), None);
}

#[test]
fn a_service_that_only_calls_others_is_not_silent() {
    let mut business = Business::default();
    let caller = business.service("nightly-job", 1, Figure { last_ns: Some(NOW_NS - 200_000_000_000), ..Figure::default() });
    let callee = business.service("orders", 1, figure(60, 0, 1, 2));
    business.call(caller, callee, "http", figure(60, 0, 1, 2), None);
    let mut snapshot = business.snapshot();
    let silent = |snapshot: &Snapshot| Scene::build(snapshot, NOW_NS).nodes.iter().filter(|node| node.silent_ns.is_some()).count();
    assert_eq!(silent(&snapshot), 1);
    // Its own spans have come, of which none tells that it was called.
    for node in &mut Arc::make_mut(&mut snapshot.topology).nodes {
        node.last_seen_ns = Some(NOW_NS);
    }
    assert_eq!(silent(&snapshot), 0);
}

#[test]
fn no_frame_waits_for_a_layout_of_a_thousand_boxes_nor_for_arranging_them() {
    let graph = layout_graph(&Scene::build(&testing::generated(1_000, 5_000), NOW_NS));
    let ctx = egui::Context::default();
    let mut placement = Placement::default();
    let wait = |placement: &mut Placement| {
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while placement.is_pending() {
            assert!(std::time::Instant::now() < deadline, "no layout came");
            std::thread::yield_now();
            placement.update(&graph, 1.0, Some(&ctx));
        }
    };
    placement.update(&graph, 0.0, Some(&ctx));
    assert!(placement.is_pending() && placement.placed().rects.is_empty(), "it is computed elsewhere");
    wait(&mut placement);
    let first = placement.placed().rects.clone();
    assert_eq!(first.len(), 1_000);
    // A box that stands elsewhere is brought back, once the layout is there; until then nothing moves.
    let node_id = graph.nodes[0].node_id;
    placement.put(node_id, egui::pos2(-4_000.0, -4_000.0));
    placement.toggle_pin(node_id);
    let displaced = placement.placed().rects.clone();
    placement.arrange(&graph, Some(&ctx));
    assert!(placement.is_pending());
    assert_eq!(placement.placed().rects, displaced);
    wait(&mut placement);
    assert_eq!(placement.placed().rects, first);
}

#[test]
fn wherever_a_box_is_dragged_its_edges_run_around_the_others() {
    let scene = Scene::build(&testing::order_business(), NOW_NS);
    let laid_out = layout::layout(&layout_graph(&scene));
    let bounds = laid_out.rects.values().copied().reduce(Rect::union).expect("boxes").expand(100.0);
    let mut num_spots = 0;
    for dragged in ["fraud", "orders", "postgres"] {
        let dragged = scene.nodes.iter().find(|node| node.name == dragged).expect("a box").node_id;
        let (mut x, mut y) = (bounds.left(), bounds.top());
        while y < bounds.bottom() {
            let spot = Rect::from_center_size(pos2(x, y), laid_out.rects[&dragged].size());
            x += 170.0;
            if x > bounds.right() {
                (x, y) = (bounds.left(), y + 65.0);
            }
            if laid_out.rects.iter().any(|(node_id, rect)| *node_id != dragged && rect.intersects(spot.expand(20.0))) {
                continue;
            }
            num_spots += 1;
            let mut layout = laid_out.clone();
            layout.rects.insert(dragged, spot);
            layout.lanes.retain(|(from, to), _| *from != dragged && *to != dragged);
            let geometry = Geometry::of(&scene, &layout, &BTreeSet::from([dragged]));
            for (edge, path) in scene.edges.iter().zip(&geometry.paths) {
                for (index, rect) in geometry.rects.iter().enumerate().filter(|(index, _)| *index != edge.from && *index != edge.to) {
                    let Some(rect) = rect else { continue };
                    let crossed = path.fine.iter().any(|point| rect.shrink(2.0).contains(*point));
                    assert!(!crossed, "{} runs through {} with the box at {spot:?}", scene.edge_title(edge), scene.nodes[index].name);
                }
            }
        }
    }
    assert!(num_spots > 60, "{num_spots} places were tried");
}

#[test]
fn labels_of_edges_lie_on_no_box_and_on_no_other() {
    let scene = Scene::build(&testing::order_business(), NOW_NS);
    let geometry = Geometry::of(&scene, &layout::layout(&layout_graph(&scene)), &NONE);
    for label in [EdgeLabel::Rate, EdgeLabel::P95, EdgeLabel::Errors] {
        for scale in [0.5, 0.76, 1.0, 1.35, 1.7] {
            let mut sight = sight(&scene, &geometry, Camera { scale, origin: pos2(20.0, 60.0) });
            sight.viewport = Rect::EVERYTHING;
            sight.labels = EdgeLabels { label, of_range: None };
            let list = draw::draw_list(&sight);
            let labels: Vec<_> = list.pills.iter().filter(|pill| pill.is_label).collect();
            assert!(labels.len() > if scale < 0.7 { 2 } else { 7 }, "{} labels at {scale}", labels.len());
            for pill in labels {
                assert!(list.nodes.iter().all(|mark| !mark.rect.intersects(pill.rect)), "{} lies on a box at {scale}", pill.text);
                let others = list.pills.iter().filter(|other| *other != pill);
                assert!(others.into_iter().all(|other| !other.covers().intersects(pill.rect)), "{} lies on another at {scale}", pill.text);
            }
        }
    }
}

#[test]
fn the_nearer_a_map_is_looked_at_the_more_it_says() {
    let scene = Scene::build(&testing::order_business(), NOW_NS);
    let geometry = Geometry::of(&scene, &layout::layout(&layout_graph(&scene)), &NONE);
    let list = |scale: f32| {
        let mut sight = sight(&scene, &geometry, Camera { scale, origin: pos2(20.0, 60.0) });
        sight.viewport = Rect::EVERYTHING;
        draw::draw_list(&sight)
    };
    assert_eq!([0.3, 0.5, 1.0, 1.4].map(|scale| list(scale).detail), [Detail::Spots, Detail::Names, Detail::Full, Detail::More]);
    let num_labels = |scale: f32| list(scale).pills.iter().filter(|pill| pill.is_label).count();
    assert_eq!(num_labels(1.0), 0);
    assert!(num_labels(1.4) > 7, "each edge says its rate");
}
