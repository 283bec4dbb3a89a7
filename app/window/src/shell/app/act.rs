//! What commands do, and where jumps lead.

use std::borrow::Cow;

use egui::ViewportCommand;

use super::{Paused, Window};
use crate::{
    SessionCommand, ThemeChoice, figures,
    sanitise::visible,
    shell::{
        elsewhere,
        history::Place,
        notice::{self, Leads},
        panes::{FixedLayout, Panes},
    },
    view::{Begun, CopyForm, Scope, Target, TimeRange, UiCommand, ViewAction, ViewKind},
    widgets::{object_menu::Told, table::ColumnWidths, text_field::TextField},
    words::drafts::{NOTHING, begun_of},
};
use switchboard_desk::lab::LabState;

/// The menu of the selected object stands so far right of where that begins, points.
const MENU_INSET_PT: f32 = 36.0;

impl Window {
    /// Does what a view or a key asked for; what of it is the session's.
    pub(super) fn act(&mut self, ctx: &egui::Context, action: ViewAction) -> Option<SessionCommand> {
        match action {
            ViewAction::Run(command) => return self.run(ctx, command),
            ViewAction::Goto(target) => self.goto(ctx, &target),
            ViewAction::Copy(text) => self.copy_text(ctx, text),
            ViewAction::Send(command) => return Some(command),
        }
        None
    }

    /// Carries out a command; what of it is the session's.
    pub(crate) fn run(&mut self, ctx: &egui::Context, command: UiCommand) -> Option<SessionCommand> {
        // Whatever it is, it shows.
        ctx.request_repaint();
        self.told = None;
        #[cfg(test)]
        self.ran.push(command);
        if let Some(reason) = self.unavailable(command) {
            self.told = Some(format!("{}: {reason}", command.text()));
            return None;
        }
        match command {
            UiCommand::Show(view) => self.show(view),
            UiCommand::OpenPalette | UiCommand::Find | UiCommand::ShowOperations => self.toggle_above(command),
            UiCommand::Back => self.step(true),
            UiCommand::Forward => self.step(false),
            UiCommand::ObjectMenu => {
                let at = self.selected_at.left_bottom() + egui::vec2(self.selected_at.width().min(MENU_INSET_PT), 0.0);
                self.object_menu.open(ctx, at, Some(self.panes.focus()), Told::default(), true);
            }
            UiCommand::ResetColumns => ColumnWidths::default().hold(ctx),
            UiCommand::FilterView => {
                self.run_in_view(command);
                if let Some(field) = TextField::filter_of(self.panes.focus()) {
                    field.seek(ctx);
                }
            }
            UiCommand::Details => self.seeks_details = true,
            UiCommand::NextPane => self.panes.focus_next(),
            UiCommand::Pause => self.toggle_pause(),
            UiCommand::RangeM1 => self.settings.range = TimeRange::M1,
            UiCommand::RangeM5 => self.settings.range = TimeRange::M5,
            UiCommand::RangeM15 => self.settings.range = TimeRange::M15,
            UiCommand::RangeAll => self.settings.range = TimeRange::All,
            UiCommand::CopyText => self.copy(ctx, CopyForm::Text),
            UiCommand::CopyJson => self.copy(ctx, CopyForm::Json),
            UiCommand::CopyMarkdown => self.copy(ctx, CopyForm::Markdown),
            UiCommand::OpenElsewhere => {
                if let Ok(address) = self.elsewhere() {
                    // Whether the desktop has a browser is not known here: the address is said, so that it can be typed.
                    self.told = Some(format!("The desktop is asked to open {}", visible(&address)));
                    ctx.open_url(egui::OpenUrl::new_tab(address));
                }
            }
            UiCommand::SendToThis => {
                if let Ok(begun) = self.begun_of_this() {
                    self.goto(ctx, &Target::Begun(Box::new(begun)));
                }
            }
            UiCommand::ReplayFile => self.goto(ctx, &Target::ReplayFile),
            UiCommand::CloseNotices => {
                self.away = None;
                self.lost_closed = notice::all_failed(&self.snapshot);
            }
            UiCommand::CopyEndpoint => {
                if let Some(setting) = self.options.otlp_setting() {
                    ctx.copy_text(setting);
                }
            }
            UiCommand::LayoutMap => self.lay_out(FixedLayout::Map),
            UiCommand::LayoutTraces => self.lay_out(FixedLayout::MapTraces),
            UiCommand::LayoutMessages => self.lay_out(FixedLayout::MessagesGroups),
            UiCommand::LayoutDeadLetters => self.lay_out(FixedLayout::DeadLetters),
            UiCommand::ResetLayout => self.lay_out(self.panes.layout()),
            UiCommand::ClosePane => self.panes.close_focused(),
            UiCommand::ThemeDark => self.set_theme(ctx, ThemeChoice::Dark),
            UiCommand::ThemeLight => self.set_theme(ctx, ThemeChoice::Light),
            UiCommand::ThemeSystem => self.set_theme(ctx, ThemeChoice::System),
            UiCommand::ZoomIn => self.zoom(ctx, self.settings.zoom + 0.1),
            UiCommand::ZoomOut => self.zoom(ctx, self.settings.zoom - 0.1),
            UiCommand::ZoomReset => self.zoom(ctx, 1.0),
            UiCommand::RefreshSources => return Some(SessionCommand::RefreshSources),
            UiCommand::RestartEngine => return Some(SessionCommand::RestartEngine),
            UiCommand::RestartLab => return Some(SessionCommand::RestartLab),
            UiCommand::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
            of_a_view => self.run_in_view(of_a_view),
        }
        None
    }

    /// Opens or closes what stands above the panes: one at a time, so that keys mean the one that is seen.
    fn toggle_above(&mut self, command: UiCommand) {
        let (was_palette, was_find, was_operations) = (self.palette.is_open(), self.find.is_open(), self.operations_list.is_open());
        if was_palette || command == UiCommand::OpenPalette {
            self.palette.toggle();
        }
        if was_find || command == UiCommand::Find {
            self.find.toggle();
        }
        if was_operations || command == UiCommand::ShowOperations {
            self.operations_list.toggle();
        }
    }

    /// Why a command can not be used now, in a few words; `None` = it can.
    pub(crate) fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        let told = |reason: &'static str| Some(Cow::Borrowed(reason));
        match command {
            UiCommand::Back if !self.history.can_go_back() => told("nothing was looked at before"),
            UiCommand::Forward if !self.history.can_go_forward() => told("nothing was gone back from"),
            UiCommand::NextPane | UiCommand::ClosePane if !self.panes.are_several() => told("there is one pane only"),
            UiCommand::ResetColumns if self.settings.columns.is_empty() => told("no column was made wider or narrower"),
            UiCommand::CopyEndpoint if self.options.otlp_endpoint().is_none() => told("the profile has no OTLP receiver"),
            UiCommand::SendToThis => self.begun_of_this().err().map(Cow::Borrowed),
            UiCommand::OpenElsewhere => self.elsewhere().err().map(Cow::Borrowed),
            UiCommand::CloseNotices if self.away.is_none() && self.lost().is_empty() => told("there is none"),
            UiCommand::RestartEngine if self.engine_failure.is_none() => told("the engine runs"),
            UiCommand::RestartLab => match self.lab {
                LabState::Ended(_) => None,
                LabState::Starting => told("it is being started"),
                LabState::Well => told("no lab has ended"),
            },
            _ => match command.scope() {
                Scope::Window => None,
                Scope::Focus => self.views.of(self.panes.focus()).unavailable(command),
                Scope::Views(_) => self.views.of(self.view_for(command)?).unavailable(command),
            },
        }
    }

    /// Where another program shows what is selected, or why none does.
    fn elsewhere(&self) -> Result<String, &'static str> {
        let target = self.place().target.ok_or("nothing is selected")?;
        elsewhere::address(&target, self.shown(), &self.options.links)
    }

    /// A request to what is selected, or why there is none.
    fn begun_of_this(&self) -> Result<Begun, &'static str> {
        let view = self.views.of(self.panes.focus());
        begun_of(&view.target().ok_or(NOTHING)?, self.shown(), view.seen())
    }

    /// A part of a notice was clicked.
    pub(super) fn follow(&mut self, ctx: &egui::Context, leads: &Leads) {
        match leads {
            Leads::View(view) => drop(self.run(ctx, UiCommand::Show(*view))),
            Leads::Object(target) => self.goto(ctx, target),
        }
    }

    /// The view that carries out a command of views: the one with the keys, one that is shown, or the first.
    fn view_for(&self, command: UiCommand) -> Option<ViewKind> {
        match command.scope() {
            Scope::Window => None,
            Scope::Focus => Some(self.panes.focus()),
            Scope::Views(kinds) => {
                let shown = self.panes.shown();
                let best = kinds.iter().find(|kind| **kind == self.panes.focus()).or_else(|| kinds.iter().find(|kind| shown.contains(kind)));
                best.or(kinds.first()).copied()
            }
        }
    }

    fn run_in_view(&mut self, command: UiCommand) {
        let Some(kind) = self.view_for(command) else { return };
        if kind != self.panes.focus() {
            self.show(kind);
        }
        let before = self.place();
        let _obeyed = self.views.of_mut(kind).run(command);
        self.remember_step(before);
    }

    /// On the map every step, click and opening has a way back.
    pub(super) fn remember_step(&mut self, before: Place) {
        if before.view == ViewKind::Map && self.panes.focus() == ViewKind::Map && self.place() != before {
            self.history.leave(before);
        }
    }

    pub(super) fn place(&self) -> Place {
        let view = self.panes.focus();
        let map_mode = (view == ViewKind::Map).then(|| self.views.map.mode());
        Place { view, target: self.views.of(view).target(), map_mode }
    }

    /// Shows a view and gives it the keys.
    fn show(&mut self, view: ViewKind) {
        if view != self.panes.focus() {
            self.history.leave(self.place());
            self.panes.open(view);
        }
    }

    /// Shows a view beside the others and gives it the keys.
    pub(super) fn show_beside(&mut self, view: ViewKind) {
        self.history.leave(self.place());
        self.panes.open_beside(view);
    }

    /// Shows an object in the view that can show it.
    pub(crate) fn goto(&mut self, ctx: &egui::Context, target: &Target) {
        ctx.request_repaint();
        match target {
            Target::Find(text) => self.find.look_for(text),
            // What is shown is seen.
            _ => self.find.close(),
        }
        let Some(kind) = target.view() else { return };
        self.history.leave(self.place());
        self.panes.open(kind);
        self.views.of_mut(kind).goto(target);
    }

    /// A step back or forward on the way one came.
    fn step(&mut self, back: bool) {
        let present = self.place();
        let place = if back { self.history.back(present) } else { self.history.forward(present) };
        let Some(place) = place else { return };
        self.panes.open(place.view);
        if let Some(mode) = place.map_mode {
            self.views.map.show(mode);
        }
        let view = self.views.of_mut(place.view);
        match &place.target {
            Some(target) => view.goto(target),
            None => {
                let _obeyed = view.run(UiCommand::ClearSelection);
            }
        }
    }

    fn lay_out(&mut self, layout: FixedLayout) {
        self.history.leave(self.place());
        self.panes = Panes::of(layout);
    }

    fn toggle_pause(&mut self) {
        self.paused = match self.paused.take() {
            Some(_) => None,
            None => Some(Paused { snapshot: self.snapshot.clone(), own_log: self.options.own_log.page(), at_ns: self.now_ns }),
        };
    }

    fn copy(&mut self, ctx: &egui::Context, form: CopyForm) {
        let tokens = self.themes.tokens(ctx.theme()).clone();
        let copied = self.with_views(&tokens, |panes, views, context| views.of(panes.focus()).copy(context, form));
        match copied {
            Some(text) => self.copy_text(ctx, text),
            None => self.told = Some("Nothing was copied: nothing is selected".to_owned()),
        }
    }

    fn copy_text(&mut self, ctx: &egui::Context, text: String) {
        let num_lines = text.trim_end().lines().count() as u64;
        self.told = Some(format!("Copied {}", figures::things(num_lines, "line", "lines")));
        ctx.copy_text(text);
    }

    fn set_theme(&mut self, ctx: &egui::Context, theme: ThemeChoice) {
        self.settings.theme = theme;
        ctx.set_theme(egui::ThemePreference::from(theme));
    }

    fn zoom(&mut self, ctx: &egui::Context, zoom: f32) {
        self.settings.zoom = ((zoom * 10.0).round() / 10.0).clamp(0.5, 3.0);
        ctx.set_zoom_factor(self.settings.zoom);
    }
}
