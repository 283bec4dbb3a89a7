//! A trace that is open: what is looked at, selected, collapsed and derived from the answer.

use std::sync::Arc;

use switchboard_engine::view::{SpanView, TraceView};
use switchboard_model::{SpanId, TraceId};

use super::{
    critical::{Piece, critical_path},
    overview::{Stripe, stripes},
    span_detail,
    tree::{NodeKey, Tree},
    waterfall::{Openness, Row, RowOf, TimeView, next_error, reveal, row_of, rows},
};
use crate::{
    view::{Beside, UiCommand},
    widgets::{detail::Detail, table::TableState},
};

/// Width of the bars' column until it was drawn, points.
const WIDTH_FIRST_PT: f32 = 600.0;

/// The tree of a longer answer is built beside the window.
const IN_PLACE_SPANS_MAX: usize = 2_000;

/// What is derived from an answer, whatever is looked at in it.
struct Derived {
    view: Arc<TraceView>,
    tree: Tree,
    critical: Vec<Piece>,
    logs_by_span: Vec<u32>,
}

impl Derived {
    fn of(view: Arc<TraceView>) -> Self {
        let tree = Tree::build(&view);
        let mut critical = critical_path(&tree);
        critical.sort_by_key(|piece| (piece.node, piece.from_ns));
        let mut logs_by_span: Vec<u32> = (0..view.logs.len() as u32).collect();
        logs_by_span.sort_by_key(|log| view.logs[*log as usize].span_id);
        Self { view, tree, critical, logs_by_span }
    }
}

/// A trace that is open.
pub(crate) struct OpenTrace {
    /// Which.
    pub trace_id: TraceId,
    /// The answer that is drawn: the one before, while the tree of a newer one is built.
    pub view: Arc<TraceView>,
    /// The span to be selected once it is there.
    pub wanted: Option<SpanId>,
    /// What it looks like as a tree.
    pub tree: Tree,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Its critical path, by node.
    pub critical: Vec<Piece>,
    /// Whether the critical path is drawn into the bars.
    pub shows_critical: bool,
    /// The whole trace in a strip.
    pub stripes: Vec<Stripe>,
    /// The part that is looked at; `None` = all.
    pub part: Option<(i64, i64)>,
    /// Width of the bars' column, points.
    pub width_pt: f32,
    /// Where that column begins, from the left of the rows, points.
    pub left_pt: f32,
    /// What is selected.
    pub selected: Option<u32>,
    /// The selected span, for copying.
    pub span: Option<Box<SpanView>>,
    /// What is known of the selected node.
    pub detail: Option<Detail>,
    /// Where the rows stand.
    pub table: TableState,
    /// Places of logs, by span.
    logs_by_span: Vec<u32>,
    openness: Openness,
    /// Of which answer the tree is, or will be.
    revision: Option<u64>,
    derived: Beside<Derived>,
    rows_are_of: Option<f64>,
    stripes_width_pt: f32,
    wants_reveal: bool,
    now_ns: i64,
}

impl OpenTrace {
    /// A trace of which nothing is known yet.
    pub(crate) fn new(trace_id: TraceId, wanted: Option<SpanId>) -> Self {
        Self {
            trace_id,
            view: Arc::default(),
            wanted,
            tree: Tree::default(),
            rows: Vec::new(),
            critical: Vec::new(),
            shows_critical: false,
            stripes: Vec::new(),
            part: None,
            width_pt: WIDTH_FIRST_PT,
            left_pt: 0.0,
            selected: None,
            span: None,
            detail: None,
            table: TableState::default(),
            logs_by_span: Vec::new(),
            openness: Openness::default(),
            revision: None,
            derived: Beside::default(),
            rows_are_of: None,
            stripes_width_pt: 0.0,
            wants_reveal: false,
            now_ns: 0,
        }
    }

    /// Takes in an answer. With a context, the tree of a long one is built on a thread of its own, and what was shown stays until
    /// it is there; without one it is there on return.
    pub(crate) fn take(&mut self, view: &Arc<TraceView>, revision: u64, now_ns: i64, ctx: Option<&egui::Context>) {
        self.now_ns = now_ns;
        if let Some(derived) = self.derived.take() {
            self.take_derived(derived);
        }
        if self.revision != Some(revision) && !self.derived.is_busy() {
            self.revision = Some(revision);
            let derive = {
                let view = Arc::clone(view);
                move || Derived::of(view)
            };
            let is_begun = ctx.filter(|_| view.spans.len() > IN_PLACE_SPANS_MAX).is_some_and(|ctx| self.derived.begin("trace tree", ctx, derive.clone()));
            if !is_begun {
                self.take_derived(derive());
            }
        }
        self.derive_shown();
    }

    fn take_derived(&mut self, derived: Derived) {
        let selected = self.selected.map(|place| self.tree.nodes[place as usize].key);
        let before = Derived {
            view: std::mem::replace(&mut self.view, derived.view),
            tree: std::mem::replace(&mut self.tree, derived.tree),
            critical: std::mem::replace(&mut self.critical, derived.critical),
            logs_by_span: std::mem::replace(&mut self.logs_by_span, derived.logs_by_span),
        };
        if before.view.spans.len() > IN_PLACE_SPANS_MAX {
            // To free so many texts takes longer than a frame. Without a thread it is done here.
            let _spawned = std::thread::Builder::new().name("trace dropped".to_owned()).spawn(move || drop(before));
        }
        self.selected = selected.and_then(|key| self.tree.find(key));
        self.rows_are_of = None;
        self.stripes_width_pt = 0.0;
        self.detail = None;
    }

    /// Whether a tree is being built.
    pub(crate) fn is_pending(&self) -> bool {
        self.derived.is_busy()
    }

    /// What is drawn from the answer and from the width.
    fn derive_shown(&mut self) {
        if let Some(place) = self.wanted.and_then(|span_id| self.tree.find_span(span_id)) {
            self.wanted = None;
            self.select(Some(place));
        }
        let ns_per_pt = self.time_view().ns_per_pt();
        if self.rows_are_of != Some(ns_per_pt) {
            self.rows_are_of = Some(ns_per_pt);
            self.rows = rows(&self.tree, &self.openness, ns_per_pt);
        }
        if std::mem::take(&mut self.wants_reveal)
            && let Some(row) = self.selected_row()
        {
            self.table.reveal(row);
        }
        if self.detail.is_none()
            && let Some(place) = self.selected
        {
            self.detail = Some(span_detail::detail(&self.tree, &self.view, place, self.now_ns));
            self.span = self.tree.span(place, &self.view).map(|span| Box::new(span.clone()));
        }
    }

    /// The strip of the whole trace, for this width.
    pub(crate) fn draw_stripes(&mut self, width_pt: f32) {
        if (self.stripes_width_pt - width_pt).abs() > 0.5 {
            self.stripes_width_pt = width_pt;
            self.stripes = stripes(&self.tree, width_pt);
        }
    }

    /// The time on screen.
    pub(crate) fn time_view(&self) -> TimeView {
        let whole = TimeView::whole(&self.tree, self.width_pt);
        match self.part {
            Some((from_ns, to_ns)) if from_ns < to_ns => TimeView { from_ns, to_ns, ..whole },
            _ => whole,
        }
    }

    /// Shows this part of the time; all of it is no part.
    pub(crate) fn show(&mut self, view: TimeView) {
        let whole = TimeView::whole(&self.tree, self.width_pt);
        self.part = ((view.from_ns, view.to_ns) != (whole.from_ns, whole.to_ns)).then_some((view.from_ns, view.to_ns));
    }

    /// Shows more (below 1) or less of the time, around the selected node or the middle.
    pub(crate) fn zoom(&mut self, factor: f64) {
        let view = self.time_view();
        let middle_ns = view.at_ns(view.width_pt / 2.0);
        let around_ns = self.selected.map_or(middle_ns, |place| self.tree.nodes[place as usize].start_ns).clamp(view.from_ns, view.to_ns);
        self.show(view.zoomed(factor, around_ns, &self.tree));
    }

    /// The row of the selected node.
    pub(crate) fn selected_row(&self) -> Option<usize> {
        row_of(&self.tree, &self.rows, self.selected?)
    }

    /// Selects a node and opens what hides it.
    pub(crate) fn select(&mut self, place: Option<u32>) {
        if let Some(place) = place {
            reveal(&self.tree, &mut self.openness, place);
            self.rows_are_of = None;
            self.wants_reveal = true;
        }
        self.choose(place);
    }

    /// Selects a node as it is shown: a fold stays folded.
    pub(crate) fn choose(&mut self, place: Option<u32>) {
        self.selected = place;
        self.detail = None;
        self.span = None;
    }

    /// The key of a node by which it is known in the next answer.
    pub(crate) fn key(&self, place: u32) -> NodeKey {
        self.tree.nodes[place as usize].key
    }

    /// Hides or shows what is below a row, or opens a fold.
    pub(crate) fn toggle(&mut self, row: Row) {
        match row.of {
            RowOf::Folded { .. } => self.unfold(row.node),
            RowOf::Node { is_collapsed } => self.collapse(row.node, !is_collapsed),
            RowOf::Waiting => {}
        }
    }

    fn unfold(&mut self, place: u32) {
        let parent = self.tree.nodes[place as usize].parent.map(|parent| self.key(parent));
        self.openness.unfolded.insert(parent);
        self.rows_are_of = None;
    }

    fn collapse(&mut self, place: u32, is_collapsed: bool) {
        let key = self.key(place);
        if is_collapsed {
            self.openness.collapsed.insert(key);
            // Once closed, it opens folded again.
            self.openness.unfolded.remove(&Some(key));
        } else {
            self.openness.collapsed.remove(&key);
        }
        self.rows_are_of = None;
    }

    /// Obeys a command of rows, zoom and errors; false if it is none of these.
    pub(crate) fn run(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::WalkLeft => self.walk_left(),
            UiCommand::WalkRight => self.walk_right(),
            UiCommand::NextError => {
                if let Some(place) = next_error(&self.tree, self.selected) {
                    self.select(Some(place));
                }
            }
            UiCommand::ToggleCriticalPath => self.shows_critical = !self.shows_critical,
            UiCommand::ZoomTraceIn => self.zoom(0.5),
            UiCommand::ZoomTraceOut => self.zoom(2.0),
            UiCommand::FitTrace => self.part = None,
            _ => return self.walk(command),
        }
        true
    }

    fn walk(&mut self, command: UiCommand) -> bool {
        let selected = self.selected_row();
        let Some(mut row) = self.table.run(command, selected, self.rows.len()) else { return false };
        // What a caller waits is no node of its own.
        let is_waiting = |row: usize| self.rows[row].of == RowOf::Waiting;
        let is_up = selected.is_some_and(|selected| row < selected) || command == UiCommand::WalkLast;
        while is_waiting(row) && if is_up { row > 0 } else { row + 1 < self.rows.len() } {
            row = if is_up { row - 1 } else { row + 1 };
        }
        if is_waiting(row) {
            row = selected.unwrap_or(0);
        }
        self.table.reveal(row);
        self.choose(Some(self.rows[row].node));
        true
    }

    fn walk_right(&mut self) {
        let Some(row) = self.selected_row().map(|row| self.rows[row]) else { return };
        let is_open = matches!(row.of, RowOf::Node { is_collapsed: false });
        if !is_open {
            self.toggle(row);
        } else if self.tree.nodes[row.node as usize].num_below > 0 {
            self.walk(UiCommand::WalkDown);
        }
    }

    fn walk_left(&mut self) {
        let Some(row) = self.selected_row().map(|row| self.rows[row]) else { return };
        let node = &self.tree.nodes[row.node as usize];
        match (row.of, node.parent) {
            (RowOf::Node { is_collapsed: false }, _) if node.num_below > 0 => self.collapse(row.node, true),
            (_, Some(parent)) => {
                self.choose(Some(parent));
                self.wants_reveal = true;
            }
            _ => {}
        }
    }

    /// Pieces of the critical path of a node.
    pub(crate) fn critical_of(&self, place: u32) -> &[Piece] {
        let from = self.critical.partition_point(|piece| piece.node < place);
        let to = self.critical.partition_point(|piece| piece.node <= place);
        &self.critical[from..to]
    }

    /// Times and severities of a span's logs.
    pub(crate) fn logs_of(&self, span_id: SpanId) -> impl Iterator<Item = (i64, u8)> {
        let log = |place: &u32| &self.view.logs[*place as usize];
        let from = self.logs_by_span.partition_point(|place| log(place).span_id < span_id);
        self.logs_by_span[from..].iter().map(log).take_while(move |log| log.span_id == span_id).map(|log| (log.at_ns(), log.severity))
    }
}
