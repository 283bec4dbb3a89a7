//! Draws the waterfall: the whole trace in a strip, the axis, the rows in view, and what is to be said of the trace.

use egui::{Align2, Rect, Sense, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{
    open_trace::OpenTrace,
    overview::NUM_LANES,
    row_paint::{RowPaint, TIME, TRIANGLE_PT},
    waterfall::{RowOf, TimeView, axis},
};
use crate::{
    figures, fonts,
    ink::{StrokeMesh, fitted},
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_MIN_PT, TEXT_SMALL_PT},
    widgets::table::{Column, Order, Table, TableResponse, Width},
};

/// Height of the strip, points.
const STRIP_PT: f32 = 54.0;
/// Room left and right, points.
const MARGIN_PT: f32 = 18.0;
/// Height of the line of what is to be said, points.
const FOOT_PT: f32 = 28.0;
/// Height of the table's line of headings, in which the axis stands, points.
const AXIS_PT: f32 = 28.0;

const COLUMNS: [Column; 3] =
    [Column::left("service and operation", Width::Share(0.38)), Column::left("", Width::Share(0.62)), Column::right("duration", Width::Points(78.0))];

const ORDER: Order = Order::Asked { by: None, can: &[], why: "Each span stands below its caller" };

/// Draws it into all the room there is.
pub(crate) fn waterfall_ui(ui: &mut egui::Ui, open: &mut OpenTrace, tokens: &DesignTokens) {
    ui.spacing_mut().item_spacing.y = 0.0;
    strip_ui(ui, open, tokens);
    let room = ui.available_rect_before_wrap();
    let foot = Rect::from_min_max(pos2(room.left(), room.bottom() - FOOT_PT), room.max);
    let body = Rect::from_min_max(room.min, pos2(room.right(), foot.top()));
    zoom_by_wheel(ui, open, body);
    let time_view = open.time_view();
    let marks = axis(&time_view, open.tree.start_ns);
    let mut table_state = std::mem::take(&mut open.table);
    let selected = open.selected_row();
    let table = Table { name: "spans", columns: &COLUMNS, num_rows: open.rows.len(), selected, order: ORDER };
    let mut time_column = None;
    let mut triangles: Vec<(usize, f32)> = Vec::new();
    let response = ui
        .scope_builder(egui::UiBuilder::new().max_rect(body), |ui| {
            table.ui(ui, &mut table_state, tokens, |row, index| {
                time_column = Some(row.cell(TIME));
                let painted = RowPaint { open, row, time_view: &time_view, marks: &marks };
                triangles.push((index, painted.left(index)));
                painted.paint(index)
            })
        })
        .inner;
    open.table = table_state;
    if let Some(column) = time_column {
        open.left_pt = column.left() - body.left();
        axis_ui(ui, Rect::from_min_size(pos2(column.left(), body.top()), vec2(column.width(), AXIS_PT)), &marks, tokens);
        if (column.width() - open.width_pt).abs() > 0.5 {
            open.width_pt = column.width();
            ui.ctx().request_discard("the bars' column has another width");
        }
    }
    clicks(ui, open, &response, &triangles);
    foot_ui(ui, open, foot, tokens);
}

fn clicks(ui: &egui::Ui, open: &mut OpenTrace, response: &TableResponse, triangles: &[(usize, f32)]) {
    if let Some(index) = response.clicked
        && let Some(row) = open.rows.get(index).copied()
    {
        let pointer_x = ui.input(|input| input.pointer.interact_pos()).map(|at| at.x);
        let left = triangles.iter().find(|(of, _)| *of == index).map(|(_, left)| *left);
        let on_triangle = pointer_x.zip(left).is_some_and(|(x, left)| (left - 4.0..left + TRIANGLE_PT).contains(&x));
        let is_fold = matches!(row.of, RowOf::Folded { .. });
        open.choose(Some(row.node));
        if on_triangle && !response.is_for_menu && (is_fold || open.tree.nodes[row.node as usize].num_below > 0) {
            open.toggle(row);
        }
    }
    if let Some(row) = response.opened.and_then(|index| open.rows.get(index).copied()) {
        open.toggle(row);
    }
}

/// Ctrl and the wheel zoom to the pointer, Shift and the wheel move.
fn zoom_by_wheel(ui: &egui::Ui, open: &mut OpenTrace, body: Rect) {
    let Some(pointer) = ui.input(|input| input.pointer.hover_pos()).filter(|at| body.contains(*at) && ui.rect_contains_pointer(body)) else { return };
    let (zoom, sideways) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta().x));
    let view = open.time_view();
    if (zoom - 1.0).abs() > 1e-4 {
        let around_ns = view.at_ns((pointer.x - body.left() - open.left_pt).clamp(0.0, view.width_pt));
        open.show(view.zoomed(f64::from(1.0 / zoom), around_ns, &open.tree));
    } else if sideways.abs() > 0.1 {
        open.show(view.moved(-sideways, &open.tree));
    }
}

/// The whole trace, and a frame around what is looked at; dragging chooses a part.
fn strip_ui(ui: &mut egui::Ui, open: &mut OpenTrace, tokens: &DesignTokens) {
    let (room, _) = ui.allocate_exact_size(vec2(ui.available_width(), STRIP_PT + 10.0), Sense::hover());
    let rect = Rect::from_min_size(room.min + vec2(MARGIN_PT, 4.0), vec2((room.width() - 2.0 * MARGIN_PT).max(10.0), STRIP_PT));
    open.draw_stripes(rect.width());
    let response = ui.interact(rect, ui.scope_id().with("whole trace"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, "The whole trace; drag to look at a part"));
    let painter = ui.painter().with_clip_rect(rect.expand(1.0));
    painter.rect(rect, 4.0, tokens.ink(Ink::Panel), Stroke::new(1.0, tokens.ink(Ink::Hairline)), StrokeKind::Inside);
    let lane_pt = (rect.height() - 8.0) / NUM_LANES as f32;
    let mut mesh = StrokeMesh::new(ui.pixels_per_point());
    for stripe in &open.stripes {
        let top = rect.top() + 4.0 + stripe.lane as f32 * lane_pt;
        let ink = if stripe.is_error { Ink::Bad } else { Ink::Edge };
        let bar =
            Rect::from_min_max(pos2(rect.left() + stripe.left, top), pos2(rect.left() + stripe.right.max(stripe.left + 1.5), top + (lane_pt - 1.0).max(1.5)));
        mesh.rect(bar, tokens.ink(ink));
    }
    painter.add(egui::Shape::mesh(mesh.into_mesh()));
    let whole = TimeView::whole(&open.tree, rect.width());
    if let Some((from_ns, to_ns)) = open.part {
        let part = Rect::from_x_y_ranges(rect.left() + whole.x(from_ns)..=rect.left() + whole.x(to_ns).max(whole.x(from_ns) + 2.0), rect.y_range());
        painter.rect(part, 4.0, tokens.ink(Ink::Accent).gamma_multiply(0.12), Stroke::new(1.2, tokens.ink(Ink::Accent)), StrokeKind::Inside);
    }
    if response.dragged()
        && let Some((from, to)) = ui.input(|input| input.pointer.press_origin()).zip(response.interact_pointer_pos())
        && (from.x - to.x).abs() > 3.0
    {
        let at = |x: f32| whole.at_ns((x - rect.left()).clamp(0.0, rect.width()));
        let (from_ns, to_ns) = (at(from.x.min(to.x)), at(from.x.max(to.x)));
        let width_pt = open.width_pt;
        open.show(TimeView { from_ns, to_ns: to_ns.max(from_ns.saturating_add(1)), width_pt });
    }
    if response.double_clicked() {
        open.part = None;
    }
}

fn axis_ui(ui: &egui::Ui, room: Rect, marks: &[(f32, i64)], tokens: &DesignTokens) {
    let painter = ui.painter().with_clip_rect(room.expand2(vec2(30.0, 0.0)));
    for (x, offset_ns) in marks {
        let text = if *offset_ns == 0 { "0".to_owned() } else { figures::duration(*offset_ns) };
        let at = pos2(room.left() + x, room.center().y);
        let align = if *x < 8.0 { Align2::LEFT_CENTER } else { Align2::CENTER_CENTER };
        painter.text(at, align, text, fonts::data(TEXT_MIN_PT), tokens.ink(Ink::Faint));
    }
}

/// What is to be said of the trace as a whole.
fn foot_ui(ui: &mut egui::Ui, open: &OpenTrace, rect: Rect, tokens: &DesignTokens) {
    ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    let words = foot_words(open);
    let response = ui.allocate_rect(rect, Sense::hover());
    let galley = fitted(ui.painter(), &words, &fonts::words(TEXT_SMALL_PT), rect.width() - 2.0 * MARGIN_PT);
    ui.painter().galley(pos2(rect.left() + MARGIN_PT, rect.center().y - galley.size().y / 2.0), galley, tokens.ink(Ink::Faint));
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
    response.on_hover_text(&words);
}

/// Clocks, missing parents, the critical path: `clock: payments −3.0 ms ± 1.0 ms (12 pairs), shown, not applied`.
pub(crate) fn foot_words(open: &OpenTrace) -> String {
    let tree = &open.tree;
    let mut parts: Vec<String> = tree
        .clocks
        .iter()
        .take(3)
        .map(|clock| {
            let pairs = figures::things(u64::from(clock.num_pairs), "pair", "pairs");
            let (offset, exact) = (figures::duration(clock.offset_ns), figures::duration(clock.plus_minus_ns));
            format!("clock of {} {offset} ± {exact} against {} ({pairs}), shown, not applied", visible(&clock.service), visible(&clock.caller))
        })
        .collect();
    if tree.clocks.len() > 3 {
        parts.push(format!("{} more clocks differ", tree.clocks.len() - 3));
    }
    parts.push(match tree.num_missing {
        0 => "no parent is missing".to_owned(),
        num => format!("{} missing", figures::things(u64::from(num), "parent is", "parents are")),
    });
    if tree.num_loops > 0 {
        parts.push(format!("{} of parents cut", figures::things(u64::from(tree.num_loops), "loop", "loops")));
    }
    if open.shows_critical {
        parts.push("underlined: what the end waited for".to_owned());
    }
    parts.join(" · ")
}
