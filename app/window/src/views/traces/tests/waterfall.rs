//! Trees and rows of well-formed and of hostile traces.

use switchboard_engine::view::{SpanView, TraceView};
use switchboard_model::{SpanId, SpanKind};

use crate::views::traces::{
    critical::critical_path,
    overview::{NUM_LANES, stripes},
    sample::{self, MS, START_NS, failed, of, of_kind, span},
    tree::{NodeOf, Tree},
    waterfall::{Openness, Row, RowOf, TimeView, axis, bar, extent_ns, next_error, reveal, row_of, rows, ticks},
};

/// The tree as indented lines.
fn drawn(view: &TraceView) -> String {
    let tree = Tree::build(view);
    let line = |(place, node): (usize, &crate::views::traces::tree::TreeNode)| {
        let name = match tree.span(place as u32, view) {
            Some(span) => format!("{} {}", span.service, span.span_id.0),
            None => format!("missing {}", node.key.span_id.0),
        };
        format!("{}{name}{}", "  ".repeat(node.depth as usize), if node.is_loop { " (loop)" } else { "" })
    };
    tree.nodes.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// What holds of every tree: each span stands in it once, and each node is followed by what is below it.
fn assert_whole(view: &TraceView) -> Tree {
    let tree = Tree::build(view);
    let mut seen: Vec<u32> = tree.nodes.iter().filter_map(|node| if let NodeOf::Span(index) = node.of { Some(index) } else { None }).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..view.spans.len() as u32).collect::<Vec<_>>(), "each span once");
    for (place, node) in tree.nodes.iter().enumerate() {
        if let Some(parent) = node.parent {
            let parent_node = &tree.nodes[parent as usize];
            assert!((parent as usize) < place && place <= (parent + parent_node.num_below) as usize, "{place} is below {parent}");
            assert_eq!(node.depth, parent_node.depth + 1);
        }
        assert!(node.first_ns <= node.last_ns && node.start_ns <= node.end_ns, "{node:?}");
    }
    tree
}

fn all_rows(view: &TraceView, width_pt: f32) -> (Tree, Vec<Row>) {
    let tree = assert_whole(view);
    let ns_per_pt = TimeView::whole(&tree, width_pt).ns_per_pt();
    let rows = rows(&tree, &Openness::default(), ns_per_pt);
    (tree, rows)
}

#[test]
fn children_stand_below_their_parents_by_start() {
    let view = of(vec![span(3, 1, "c", "", 20, 5), span(1, 0, "a", "", 0, 50), span(2, 1, "b", "", 10, 30), span(4, 2, "d", "", 12, 1)]);
    assert_eq!(drawn(&view), "a 1\n  b 2\n    d 4\n  c 3");
    let tree = assert_whole(&view);
    assert_eq!((tree.nodes[0].num_below, tree.start_ns, tree.end_ns), (3, START_NS, START_NS + 50 * MS));
    assert_eq!(tree.services, ["a", "b", "d", "c"]);
}

#[test]
fn a_parent_that_was_not_received_stands_for_all_that_name_it() {
    let view = of(vec![span(2, 9, "b", "", 10, 5), span(3, 9, "c", "", 20, 7), span(1, 0, "a", "", 0, 50)]);
    assert_eq!(drawn(&view), "a 1\nmissing 9\n  b 2\n  c 3");
    let tree = assert_whole(&view);
    assert_eq!((tree.num_missing, tree.nodes[1].start_ns, tree.nodes[1].end_ns), (1, START_NS + 10 * MS, START_NS + 27 * MS));
}

#[test]
fn parents_that_lead_back_are_cut_where_they_come_back_to() {
    let loop_of_two = of(vec![span(3, 2, "c", "", 1, 1), span(1, 2, "a", "", 5, 1), span(2, 1, "b", "", 6, 1)]);
    assert_eq!(drawn(&loop_of_two), "b 2 (loop)\n  c 3\n  a 1");
    assert_whole(&loop_of_two);
    assert_eq!(drawn(&of(vec![span(1, 1, "a", "", 0, 1), span(2, 1, "b", "", 1, 1)])), "a 1 (loop)\n  b 2");
}

#[test]
fn spans_of_one_id_are_all_kept() {
    let half = |kind: SpanKind, service: &str, at_ms: i64| of_kind(kind, span(5, 1, service, "", at_ms, 9));
    let zipkin = of(vec![span(1, 0, "a", "", 0, 50), half(SpanKind::Client, "a", 10), half(SpanKind::Server, "b", 12), span(6, 5, "b", "", 13, 2)]);
    assert_eq!(drawn(&zipkin), "a 1\n  a 5\n    b 5\n      b 6", "the answering half is below the calling one, and holds its own service's spans");
    let collisions = of((0..1_000).map(|at| span(5, 5, "a", "", at, 1)).collect());
    let tree = assert_whole(&collisions);
    let mut keys: Vec<_> = tree.nodes.iter().map(|node| node.key.nth).collect();
    keys.sort_unstable();
    assert_eq!(keys, (0..1_000).collect::<Vec<_>>(), "each has a key of its own");
}

#[test]
fn what_ends_before_it_begins_is_marked_and_harmless() {
    let odd = |start_ns: i64, duration_ns: i64| SpanView { start_ns, duration_ns, ..span(2, 1, "b", "", 0, 0) };
    for (start_ns, duration_ns) in [(START_NS, -5 * MS), (i64::MAX, i64::MAX), (i64::MIN, i64::MIN), (i64::MIN, i64::MAX), (0, 0)] {
        let view = of(vec![span(1, 0, "a", "", 0, 50), odd(start_ns, duration_ns)]);
        let tree = assert_whole(&view);
        let node = tree.find_span(SpanId(2)).map(|place| &tree.nodes[place as usize]).expect("it is there");
        assert!(node.odd_time.is_some(), "{start_ns} {duration_ns}");
        let whole = TimeView::whole(&tree, 700.0);
        for row in rows(&tree, &Openness::default(), whole.ns_per_pt()) {
            let (from_ns, to_ns) = extent_ns(&tree, row);
            let bar = bar(&whole, from_ns, to_ns).expect("within the whole");
            assert!(bar.left >= 0.0 && bar.right <= 702.0 && bar.right - bar.left >= 2.0, "{bar:?}");
        }
        assert!(axis(&whole, tree.start_ns).len() < 20);
        assert!(stripes(&tree, 700.0).iter().all(|stripe| stripe.right <= 700.1));
        critical_path(&tree);
        let zoomed = whole.zoomed(0.1, i64::MAX, &tree).zoomed(0.0, i64::MIN, &tree).moved(1e9, &tree);
        assert!(zoomed.from_ns < zoomed.to_ns);
    }
}

#[test]
fn clocks_that_differ_by_more_than_the_calls_allow_are_told() {
    let call = |id: u64, at_ms: i64, server_at_ms: i64| {
        [of_kind(SpanKind::Client, span(id, 1, "a", "", at_ms, 10)), of_kind(SpanKind::Server, span(id + 100, id, "b", "", server_at_ms, 6))]
    };
    let view = of([vec![span(1, 0, "a", "", 0, 100)], call(2, 10, 8).to_vec(), call(3, 40, 37).to_vec()].concat());
    let tree = assert_whole(&view);
    let [difference] = tree.clocks.as_slice() else { panic!("{:?}", tree.clocks) };
    assert_eq!((difference.service.as_str(), difference.caller.as_str(), difference.num_pairs), ("b", "a", 2));
    // The first pair allows −6 to −2 ms, the second −7 to −3.
    assert_eq!((difference.offset_ns, difference.plus_minus_ns), (-4_500_000, 1_500_000));
    let before: Vec<i64> = tree.nodes.iter().filter_map(|node| node.before_parent_ns).collect();
    assert_eq!(before, [2 * MS, 3 * MS]);
    assert!(assert_whole(&of([vec![span(1, 0, "a", "", 0, 100)], call(2, 10, 12).to_vec()].concat())).clocks.is_empty());
}

#[test]
fn a_failure_is_told_where_it_began() {
    let view = of(vec![
        failed("", span(1, 0, "a", "", 0, 50)),
        failed("", span(2, 1, "b", "", 1, 9)),
        failed("", span(3, 2, "c", "", 2, 3)),
        span(4, 1, "d", "", 20, 3),
    ]);
    let tree = assert_whole(&view);
    assert_eq!((tree.num_errors, tree.nodes[0].num_errors_below), (3, 2));
    assert_eq!(tree.nodes.iter().filter(|node| node.is_origin_of_error()).count(), 1);
    assert_eq!((next_error(&tree, None), next_error(&tree, Some(2))), (Some(2), Some(2)), "and round again");
    assert_eq!(next_error(&assert_whole(&of(vec![span(1, 0, "a", "", 0, 1)])), None), None);
}

#[test]
fn a_caller_that_waits_on_after_its_callee_answered_has_a_row_for_it() {
    let view = sample::checkout();
    let (tree, rows) = all_rows(&view, 660.0);
    let waiting: Vec<_> = rows.iter().enumerate().filter(|(_, row)| row.of == RowOf::Waiting).collect();
    let [(place, row)] = waiting.as_slice() else { panic!("{waiting:?}") };
    assert_eq!(tree.span(row.node, &view).map(|span| span.service.as_str()), Some("payments"));
    assert_eq!(rows[place - 1].node, row.node, "right below the callee");
    let (from_ns, to_ns) = extent_ns(&tree, **row);
    assert_eq!((to_ns - from_ns) / MS, 1_943);
}

#[test]
fn what_is_too_narrow_to_tell_apart_is_folded_until_it_is_opened_or_zoomed() {
    let view = sample::checkout();
    let (tree, drawn_rows) = all_rows(&view, 660.0);
    let folds: Vec<_> = drawn_rows.iter().filter(|row| matches!(row.of, RowOf::Folded { .. })).collect();
    let [fold] = folds.as_slice() else { panic!("{folds:?}") };
    let RowOf::Folded { end, num, num_errors, is_alike } = fold.of else { panic!("a fold") };
    assert_eq!((num, num_errors, is_alike, end - fold.node), (10, 10, false, 10), "nine attempts and the dead letter");
    // The same, nearer.
    let near = TimeView::whole(&tree, 660.0).zoomed(0.002, START_NS + 2_197 * MS, &tree);
    assert!(rows(&tree, &Openness::default(), near.ns_per_pt()).iter().all(|row| !matches!(row.of, RowOf::Folded { .. })));
    // The same, opened.
    let mut openness = Openness::default();
    reveal(&tree, &mut openness, fold.node + 3);
    let ns_per_pt = TimeView::whole(&tree, 660.0).ns_per_pt();
    let opened = rows(&tree, &openness, ns_per_pt);
    assert_eq!(opened.len(), drawn_rows.len() + 9);
    assert_eq!(row_of(&tree, &drawn_rows, fold.node + 3), drawn_rows.iter().position(|row| row == *fold), "folded, the fold shows it");
    assert_eq!(row_of(&tree, &opened, fold.node + 3).map(|row| opened[row].node), Some(fold.node + 3));
}

#[test]
fn what_is_collapsed_hides_all_below_it() {
    let view = sample::checkout();
    let (tree, open_rows) = all_rows(&view, 660.0);
    let orders = tree.find_span(SpanId(2)).expect("it is there");
    let openness = Openness { collapsed: [tree.nodes[orders as usize].key].into(), ..Openness::default() };
    let rows = rows(&tree, &openness, 1.0);
    let num_shown = rows.len();
    assert_eq!(num_shown, 5, "the top two, the collapsed one, the missing parent and its child: {rows:?}");
    assert!(open_rows.len() > num_shown);
    let payments = tree.find_span(SpanId(5)).expect("it is there");
    assert_eq!(row_of(&tree, &rows, payments).map(|row| rows[row].node), Some(orders));
}

#[test]
fn a_hundred_thousand_spans_make_few_rows_and_the_deepest_trace_does_not_overflow() {
    let view = sample::large(100_000);
    let (tree, rows) = all_rows(&view, 700.0);
    assert!(rows.len() < 4_500, "{} rows", rows.len());
    let shown: u32 = rows
        .iter()
        .map(|row| match row.of {
            RowOf::Node { .. } => 1,
            RowOf::Folded { end, .. } => end - row.node,
            RowOf::Waiting => 0,
        })
        .sum();
    assert_eq!(shown as usize, tree.nodes.len(), "nothing is lost");
    assert!(stripes(&tree, 700.0).len() <= NUM_LANES * 700);
    let deep = of((1..=100_000).map(|id| span(id, id - 1, "a", "", 0, 1)).collect());
    assert_eq!(assert_whole(&deep).nodes.last().map(|node| node.depth), Some(99_999));
    critical_path(&Tree::build(&deep));
}

#[test]
fn the_critical_path_is_what_the_end_waited_for() {
    let view = of(vec![
        span(1, 0, "a", "", 0, 100),
        span(2, 1, "b", "", 10, 30),
        span(3, 1, "c", "", 20, 60),
        span(4, 3, "d", "", 30, 200),
        span(5, 1, "e", "", 90, 5),
    ]);
    let tree = assert_whole(&view);
    let path: Vec<(u64, i64, i64)> = critical_path(&tree)
        .into_iter()
        .map(|piece| (tree.nodes[piece.node as usize].key.span_id.0, (piece.from_ns - START_NS) / MS, (piece.to_ns - START_NS) / MS))
        .collect();
    // d goes on after its parent c has ended: it is cut.
    assert_eq!(path, [(1, 0, 10), (2, 10, 20), (3, 20, 30), (4, 30, 80), (1, 80, 90), (5, 90, 95), (1, 95, 100)]);
}

#[test]
fn the_axis_has_round_marks_and_zoom_keeps_the_instant() {
    let view = of(vec![span(1, 0, "a", "", 0, 2_214)]);
    let tree = assert_whole(&view);
    let whole = TimeView::whole(&tree, 660.0);
    assert_eq!(axis(&whole, tree.start_ns).iter().map(|(_, offset_ns)| offset_ns / MS).collect::<Vec<_>>(), [0, 500, 1_000, 1_500, 2_000]);
    let around = START_NS + 500 * MS;
    let zoomed = whole.zoomed(0.25, around, &tree);
    assert!((zoomed.x(around) - whole.x(around)).abs() < 0.1);
    assert_eq!(zoomed.zoomed(1e9, around, &tree), whole);
    assert_eq!(whole.moved(100.0, &tree), whole, "never beyond the trace");
}

#[test]
fn events_and_logs_are_marks_that_do_not_crowd() {
    let view = sample::checkout();
    let (tree, _) = all_rows(&view, 660.0);
    let whole = TimeView::whole(&tree, 660.0);
    let pay = view.spans.iter().find(|span| span.span_id == SpanId(4)).expect("it is there");
    let logs = view.logs.iter().filter(|log| log.span_id == pay.span_id).map(|log| (log.time_ns, log.severity));
    let ticks = ticks(&whole, pay, logs);
    assert_eq!(ticks.iter().map(|tick| (tick.is_log, tick.is_bad)).collect::<Vec<_>>(), [(false, true), (true, false), (true, true)]);
}

mod hostile {
    use super::*;
    use proptest::prelude::*;

    fn spans() -> impl Strategy<Value = Vec<SpanView>> {
        let kind = prop_oneof![Just(SpanKind::Internal), Just(SpanKind::Client), Just(SpanKind::Server), Just(SpanKind::Producer), Just(SpanKind::Consumer)];
        let one = (0..12_u64, 0..14_u64, kind, prop_oneof![0..100_i64, any::<i64>()], prop_oneof![-5..100_i64, any::<i64>()], 0..3_u8);
        proptest::collection::vec(one, 0..40).prop_map(|rows| {
            let build = |(id, parent, kind, start_ns, duration_ns, service): (u64, u64, SpanKind, i64, i64, u8)| {
                let own = of_kind(kind, span(id, parent, ["a", "b", "c"][usize::from(service)], "", 0, 0));
                SpanView { start_ns, duration_ns, ..own }
            };
            rows.into_iter().map(build).collect()
        })
    }

    proptest! {
        #[test]
        fn any_spans_make_a_whole_tree_with_rows_for_all(spans in spans(), width_pt in 1.0..2_000.0_f32, collapsed in 0..40_usize) {
            let view = of(spans);
            let tree = assert_whole(&view);
            let mut openness = Openness::default();
            openness.collapsed.extend(tree.nodes.get(collapsed).map(|node| node.key));
            let whole = TimeView::whole(&tree, width_pt);
            let rows = rows(&tree, &openness, whole.ns_per_pt());
            for row in &rows {
                let (from_ns, to_ns) = extent_ns(&tree, *row);
                prop_assert!(from_ns <= to_ns);
                if let Some(bar) = bar(&whole, from_ns, to_ns) {
                    prop_assert!(bar.left.is_finite() && bar.right.is_finite());
                }
            }
            for place in 0..tree.nodes.len() as u32 {
                prop_assert!(row_of(&tree, &rows, place).is_some(), "{place} is shown or hidden in a row");
                reveal(&tree, &mut openness, place);
            }
            for piece in critical_path(&tree) {
                prop_assert!(piece.from_ns < piece.to_ns);
            }
        }
    }
}
