//! Paints a row of the waterfall, and says it in words.

use egui::{Color32, Rect, Shape, Stroke, StrokeKind, pos2, vec2};
use switchboard_engine::view::SpanView;

use super::{
    open_trace::OpenTrace,
    span_detail::kind_word,
    tree::NodeOf,
    waterfall::{self, RowOf, TimeView, bar, extent_ns, ticks},
};
use crate::{
    figures, fonts,
    ink::{Glyph, StrokeMesh, fitted, glyph},
    sanitise::visible,
    theme::{Ink, TEXT_MIN_PT, TEXT_SMALL_PT},
    widgets::table::Row,
    words::traces::took,
};

/// The column of names.
const NAME: usize = 0;
/// The column of bars.
pub(super) const TIME: usize = 1;
/// The column of durations.
const DURATION: usize = 2;

/// Width of a depth, points.
const INDENT_PT: f32 = 14.0;
/// Deeper rows stand no further right.
const DEPTH_SHOWN_MAX: u32 = 14;
/// Height of a bar, points.
const BAR_PT: f32 = 12.0;
/// Room right of a row's indent for its triangle, points.
pub(super) const TRIANGLE_PT: f32 = 15.0;

/// A row being painted.
pub(super) struct RowPaint<'a> {
    /// The trace.
    pub open: &'a OpenTrace,
    /// Where it is painted.
    pub row: &'a Row<'a>,
    /// The time on screen.
    pub time_view: &'a TimeView,
    /// Marks of the axis.
    pub marks: &'a [(f32, i64)],
}

impl RowPaint<'_> {
    /// Where a row's triangle or text begins.
    pub(super) fn left(&self, index: usize) -> f32 {
        let depth = self.open.rows.get(index).map_or(0, |row| self.open.tree.nodes[row.node as usize].depth);
        self.row.cell(NAME).left() + depth.min(DEPTH_SHOWN_MAX) as f32 * INDENT_PT
    }

    /// Paints it; what it says.
    pub(super) fn paint(&self, index: usize) -> String {
        let Some(shown) = self.open.rows.get(index).copied() else { return String::new() };
        let cell = self.row.cell(TIME);
        for (x, _) in self.marks {
            self.row.painter().vline(cell.left() + x, cell.y_range(), Stroke::new(1.0, self.ink(Ink::Hairline)));
        }
        let left = self.left(index);
        match shown.of {
            RowOf::Node { is_collapsed } => match self.open.tree.span(shown.node, &self.open.view) {
                Some(span) => self.span(shown, span, left, is_collapsed),
                None => self.missing(shown, left, is_collapsed),
            },
            RowOf::Folded { end, num, num_errors, is_alike } => self.fold(shown, left, (end, num, num_errors, is_alike)),
            RowOf::Waiting => self.waiting(shown, left),
        }
    }

    fn ink(&self, ink: Ink) -> Color32 {
        self.row.tokens.ink(ink)
    }

    fn span(&self, shown: waterfall::Row, span: &SpanView, left: f32, is_collapsed: bool) -> String {
        let node = &self.open.tree.nodes[shown.node as usize];
        let (service, name) = (visible(&span.service), visible(&span.name));
        self.triangle(shown, left, is_collapsed);
        let name_ink = if node.is_error { Ink::Bad } else { Ink::Dim };
        self.names(left, &service, &name, name_ink);
        let shown_ns = if is_collapsed { (node.first_ns.min(node.start_ns), node.end_ns) } else { (node.start_ns, node.end_ns) };
        if let Some(rect) = self.bar_rect(shown_ns.0, shown_ns.1) {
            self.span_bar(rect, node.is_origin_of_error(), node.is_error);
            self.critical(shown.node, rect);
            self.ticks(span, rect);
            self.marks_beside(rect, span, node.before_parent_ns);
        }
        let duration = took(span);
        self.duration(&duration, if node.is_error { Ink::Bad } else { Ink::Text });
        if node.is_error {
            self.cross();
        }
        self.words(shown, span, is_collapsed, &duration)
    }

    fn words(&self, shown: waterfall::Row, span: &SpanView, is_collapsed: bool, duration: &str) -> String {
        let node = &self.open.tree.nodes[shown.node as usize];
        let mut words = format!("{} {}, {duration}, {}", visible(&span.service), visible(&span.name), kind_word(span.kind));
        if node.is_error {
            words.push_str(if node.num_errors_below == 0 { ", failed" } else { ", failed because of what is below" });
        } else if node.num_errors_below > 0 {
            words.push_str(&format!(", {} failed below", node.num_errors_below));
        }
        if node.before_parent_ns.is_some() {
            words.push_str(", starts before its parent");
        }
        if node.is_loop {
            words.push_str(", its parents lead back to itself");
        }
        if !span.links.is_empty() {
            words.push_str(&format!(", {} out", figures::things(span.links.len() as u64, "link", "links")));
        }
        if !span.linked_by.is_empty() {
            words.push_str(&format!(", {} in", figures::things(span.linked_by.len() as u64, "link", "links")));
        }
        if node.num_below > 0 {
            words.push_str(&format!(", {} below, {}", node.num_below, if is_collapsed { "collapsed" } else { "expanded" }));
        }
        words
    }

    fn missing(&self, shown: waterfall::Row, left: f32, is_collapsed: bool) -> String {
        let node = &self.open.tree.nodes[shown.node as usize];
        let NodeOf::Missing(span_id) = node.of else { return String::new() };
        self.triangle(shown, left, is_collapsed);
        let text = format!("parent {span_id} was not received");
        self.text(left + TRIANGLE_PT, &text, Ink::Dim);
        if let Some(rect) = self.bar_rect(node.start_ns, node.end_ns) {
            let mut mesh = StrokeMesh::new(self.row.painter().pixels_per_point());
            let outline = [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom(), rect.left_top()];
            mesh.dashes(&outline, 1.0, self.ink(Ink::Faint), [4.0, 3.0]);
            self.row.painter().add(Shape::mesh(mesh.into_mesh()));
        }
        self.duration("unknown", Ink::Faint);
        format!("{text}, {} below, {}", node.num_below, if is_collapsed { "collapsed" } else { "expanded" })
    }

    fn fold(&self, shown: waterfall::Row, left: f32, (end, num, num_errors, is_alike): (u32, u32, u32, bool)) -> String {
        let num_spans = end - shown.node;
        let what = match waterfall::name_of(&self.open.tree, shown.node, &self.open.view) {
            Some((service, name)) if is_alike => format!("{} × {} {}", figures::count(u64::from(num)), visible(service), visible(name)),
            _ => format!("{} close together", figures::things(u64::from(num_spans), "span", "spans")),
        };
        let mut text = what;
        if num_errors > 0 {
            text.push_str(&format!(", {} failed", figures::count(u64::from(num_errors))));
        }
        let ink = if num_errors > 0 { Ink::Bad } else { Ink::Dim };
        self.plus(left);
        self.text(left + TRIANGLE_PT, &text, ink);
        let (from_ns, to_ns) = extent_ns(&self.open.tree, shown);
        if let Some(rect) = self.bar_rect(from_ns, to_ns) {
            let third = (rect.height() - 2.0) / 3.0;
            // Three thin bars: several, not one.
            for line in 0..3 {
                let top = rect.top() + line as f32 * (third + 1.0);
                let thin = Rect::from_min_max(pos2(rect.left(), top), pos2(rect.right(), top + third));
                self.row.painter().rect_filled(thin, 0.0, self.ink(if num_errors > 0 && line == 1 { Ink::Bad } else { Ink::Edge }));
            }
        }
        self.duration("folded", if num_errors > 0 { Ink::Bad } else { Ink::Faint });
        format!("{text}, {} folded", figures::things(u64::from(num_spans), "span", "spans"))
    }

    fn waiting(&self, shown: waterfall::Row, left: f32) -> String {
        let (from_ns, to_ns) = extent_ns(&self.open.tree, shown);
        let duration = figures::duration(to_ns.saturating_sub(from_ns));
        self.text(left + TRIANGLE_PT, "wait after the callee answered", Ink::Faint);
        if let Some(rect) = self.bar_rect(from_ns, to_ns) {
            self.hatch(rect);
        }
        self.duration(&duration, Ink::Dim);
        format!("The caller waits {duration} after the callee answered")
    }

    fn bar_rect(&self, from_ns: i64, to_ns: i64) -> Option<Rect> {
        let cell = self.row.cell(TIME);
        let bar = bar(self.time_view, from_ns, to_ns)?;
        let top = cell.center().y - BAR_PT / 2.0;
        Some(Rect::from_min_max(pos2(cell.left() + bar.left, top), pos2(cell.left() + bar.right, top + BAR_PT)))
    }

    /// Where a failure began the bar is full; where it only passed through it is an outline.
    fn span_bar(&self, rect: Rect, is_origin: bool, is_error: bool) {
        let painter = self.row.painter();
        let radius = if rect.width() > 6.0 { 2.5 } else { 0.0 };
        match (is_origin, is_error) {
            (true, _) => drop(painter.rect_filled(rect, radius, self.ink(Ink::Bad))),
            (false, true) => drop(painter.rect(rect, radius, self.ink(Ink::BadFill), Stroke::new(1.2, self.ink(Ink::Bad)), StrokeKind::Inside)),
            (false, false) => drop(painter.rect_filled(rect, radius, self.ink(Ink::Edge))),
        }
    }

    fn critical(&self, place: u32, rect: Rect) {
        if !self.open.shows_critical {
            return;
        }
        for piece in self.open.critical_of(place) {
            if let Some(part) = self.bar_rect(piece.from_ns, piece.to_ns) {
                let line = Rect::from_min_max(pos2(part.left(), rect.bottom() + 1.5), pos2(part.right(), rect.bottom() + 4.0));
                self.row.painter().rect_filled(line, 0.0, self.ink(Ink::Accent));
            }
        }
    }

    /// Events as ticks over the bar, logs as dots below it.
    fn ticks(&self, span: &SpanView, rect: Rect) {
        let painter = self.row.painter();
        let cell = self.row.cell(TIME);
        for tick in ticks(self.time_view, span, self.open.logs_of(span.span_id)) {
            let x = cell.left() + tick.x;
            let ink = if tick.is_bad { Ink::Bad } else { Ink::Text };
            if tick.is_log {
                painter.circle_filled(pos2(x, rect.bottom() + 4.0), 1.8, self.ink(ink));
            } else {
                painter.vline(x, rect.top() - 3.5..=rect.top() + 3.0, Stroke::new(1.4, self.ink(ink)));
            }
        }
    }

    /// Links and clocks, beside the bar where there is room.
    fn marks_beside(&self, rect: Rect, span: &SpanView, before_parent_ns: Option<i64>) {
        let mut text = String::new();
        if !span.links.is_empty() {
            text.push_str(&format!("→{} ", span.links.len()));
        }
        if !span.linked_by.is_empty() {
            text.push_str(&format!("←{} ", span.linked_by.len()));
        }
        let mut ink = Ink::Dim;
        if let Some(before_ns) = before_parent_ns {
            text.push_str(&format!("clock −{}", figures::duration(before_ns)));
            ink = Ink::Warn;
        }
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        let cell = self.row.cell(TIME);
        let galley = self.row.painter().layout_no_wrap(text.to_owned(), fonts::data(TEXT_MIN_PT), self.ink(ink));
        let right = rect.right() + 6.0;
        let x = if right + galley.size().x <= cell.right() { right } else { (rect.left() - 6.0 - galley.size().x).max(cell.left()) };
        let at = pos2(x, rect.center().y - galley.size().y / 2.0);
        self.row.painter().rect_filled(
            Rect::from_min_size(at, galley.size()).expand2(vec2(2.0, 0.0)),
            2.0,
            self.ink(if self.row.is_selected { Ink::Raised } else { Ink::Background }),
        );
        self.row.painter().galley(at, galley, self.ink(ink));
    }

    fn hatch(&self, rect: Rect) {
        let mut mesh = StrokeMesh::new(self.row.painter().pixels_per_point());
        let mut start = rect.left() - rect.height();
        // A wait over the whole width of a large screen has some hundred lines.
        while start < rect.right() {
            let from = (rect.left() - start).max(0.0);
            let to = (rect.right() - start).min(rect.height());
            if to > from {
                mesh.line(&[pos2(start + from, rect.bottom() - from), pos2(start + to, rect.bottom() - to)], 1.0, self.ink(Ink::Edge));
            }
            start += 6.0;
        }
        self.row.painter().add(Shape::mesh(mesh.into_mesh()));
    }

    fn triangle(&self, shown: waterfall::Row, left: f32, is_collapsed: bool) {
        if self.open.tree.nodes[shown.node as usize].num_below == 0 {
            return;
        }
        let center = pos2(left + 4.0, self.row.cell(NAME).center().y);
        let points = if is_collapsed {
            vec![center + vec2(-2.0, -4.0), center + vec2(3.5, 0.0), center + vec2(-2.0, 4.0)]
        } else {
            vec![center + vec2(-4.0, -2.0), center + vec2(4.0, -2.0), center + vec2(0.0, 3.5)]
        };
        self.row.painter().add(Shape::convex_polygon(points, self.ink(Ink::Faint), Stroke::NONE));
    }

    /// A fold that can be opened.
    fn plus(&self, left: f32) {
        let center = pos2(left + 4.0, self.row.cell(NAME).center().y);
        let stroke = Stroke::new(1.3, self.ink(Ink::Faint));
        self.row.painter().line_segment([center - vec2(3.5, 0.0), center + vec2(3.5, 0.0)], stroke);
        self.row.painter().line_segment([center - vec2(0.0, 3.5), center + vec2(0.0, 3.5)], stroke);
    }

    fn names(&self, left: f32, service: &str, name: &str, name_ink: Ink) {
        let cell = self.row.cell(NAME);
        let left = (left + TRIANGLE_PT).min(cell.right() - 30.0);
        let room = cell.right() - left;
        let galley = fitted(self.row.painter(), service, &fonts::strong(12.5), room * 0.6);
        let after = left + galley.size().x + 8.0;
        self.row.painter().galley(pos2(left, cell.center().y - galley.size().y / 2.0), galley, self.ink(Ink::Text));
        let rest = Rect::from_min_max(pos2(after, cell.top()), cell.max);
        if rest.width() > 8.0 {
            self.row.text_in(NAME, rest, name, fonts::words(12.5), self.ink(name_ink));
        }
    }

    fn text(&self, left: f32, text: &str, ink: Ink) {
        let cell = self.row.cell(NAME);
        let rest = Rect::from_min_max(pos2(left.min(cell.right() - 30.0), cell.top()), cell.max);
        self.row.text_in(NAME, rest, text, fonts::words(TEXT_SMALL_PT + 0.5), self.ink(ink));
    }

    /// Durations stand below one another, whether a sign follows them or not.
    fn duration(&self, text: &str, ink: Ink) {
        let cell = self.row.cell(DURATION);
        let room = Rect::from_min_max(cell.min, pos2(cell.right() - 15.0, cell.bottom()));
        self.row.text_in(DURATION, room, text, fonts::data(12.0), self.ink(ink));
    }

    fn cross(&self) {
        let cell = self.row.cell(DURATION);
        glyph::paint(self.row.painter(), Glyph::Cross, pos2(cell.right() - 4.5, cell.center().y), 4.5, self.ink(Ink::Bad));
    }
}
