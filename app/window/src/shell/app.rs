//! The window: bars, panes and palette. `desktop` is the same as eframe has it on a desktop, `foot` its last line, `act` what it does.

mod act;
pub(crate) mod desktop;
mod foot;

use std::sync::{Arc, mpsc::Receiver};
use std::time::Duration;

use switchboard_engine::view::{Answer, Query, Snapshot};

use crate::{
    SessionCommand, WindowOptions, figures,
    sanitise::visible,
    shell::{
        attendance::Attendance,
        bars::{self, TopBar},
        find::FindOverlay,
        history::History,
        keys_in_turn::KeysInTurn,
        notice::{self, NoticePart},
        object_menu::ObjectMenu,
        operations_ui::OperationsList,
        palette_ui::Palette,
        panes::Panes,
        pointer,
        settings::Settings,
    },
    theme::{DesignTokens, Ink, Themes},
    view::{Asker, CurrentSources, Freshness, Keys, News, UiCommand, ViewAction, ViewContext, ViewKind, newest_ns, news},
    views::Views,
    widgets::{detail, focus_ring::FocusRing, object_menu, selectable, table::ColumnWidths},
    words::letters::OpenLetters,
};
use switchboard_desk::lab::LabState;
use switchboard_desk::ledger::{LedgerBoard, LedgerLook};
use switchboard_desk::operations::OperationsBoard;
use switchboard_desk::own_log::OwnLogPage;
use switchboard_desk::send::{SendBoard, replay::ReplayBoard};
use switchboard_desk::sources_desk::SourcesBoard;

pub use desktop::{WindowApp, run_window};

/// Between two pictures of a mark that fades.
const FADE_EVERY: Duration = Duration::from_millis(50);

/// The window apart from where it is shown: on a desktop, in a picture, in a test.
pub(crate) struct Window {
    themes: Themes,
    settings: Settings,
    options: WindowOptions,
    snapshot: Snapshot,
    /// When the session began that is looked at; `None` until one is.
    session_ns: Option<i64>,
    replay: Arc<ReplayBoard>,
    send: Arc<SendBoard>,
    ledger: Arc<LedgerBoard>,
    letters: OpenLetters,
    sources: Arc<SourcesBoard>,
    /// Those of the snapshot that were not removed.
    current_sources: CurrentSources,
    operations: Arc<OperationsBoard>,
    now_ns: i64,
    paused: Option<Paused>,
    engine_failure: Option<String>,
    lab: LabState,
    panes: Panes,
    views: Views,
    asker: Asker,
    history: History,
    palette: Palette,
    find: FindOverlay,
    operations_list: OperationsList,
    object_menu: ObjectMenu,
    /// Where the object stands that is selected in the view with the keys, or that view.
    selected_at: egui::Rect,
    attendance: Attendance,
    /// What changed while the window was hidden for so long, ns.
    away: Option<(i64, Vec<NoticePart>)>,
    /// Which of the notices stands at the foot, and of how many.
    notice_at: usize,
    num_notices: usize,
    /// Failures that the user has read.
    lost_closed: notice::Closed,
    /// How fresh the data were a moment ago: its words move at most once a second.
    freshness: Freshness,
    /// What is new in views that are not shown.
    news: News,
    /// What became of the last command, where it is not to be seen: at the foot until the next.
    told: Option<String>,
    /// What had the focus when keys were last the views', and whether they are not now.
    focused_before: Option<egui::Id>,
    is_focus_lent: bool,
    focus_ring: FocusRing,
    /// The keys are to go to the first link of what is told in the view that has them.
    seeks_details: bool,
    /// Pictures and tests: everything is done before the next frame instead of beside it.
    in_place: bool,
    /// All that were carried out, for tests.
    #[cfg(test)]
    pub(crate) ran: Vec<UiCommand>,
}

/// What the window keeps showing.
struct Paused {
    snapshot: Snapshot,
    own_log: OwnLogPage,
    at_ns: i64,
}

impl Window {
    /// A window in this context.
    pub(crate) fn new(ctx: &egui::Context, settings: Settings, options: WindowOptions) -> Self {
        let themes = Themes::load();
        themes.install(ctx);
        ctx.add_plugin(KeysInTurn::default());
        // For users egui does not look for two things of one name; tests see them in their pictures.
        if cfg!(test) {
            ctx.options_mut(|options| options.warn_on_id_clash = true);
        }
        ctx.set_theme(egui::ThemePreference::from(settings.theme));
        ctx.set_zoom_factor(settings.zoom);
        settings.columns.clone().hold(ctx);
        let mut views = Views::default();
        views.map.panel_width_pt = settings.panel_width_pt;
        views.map.remember(settings.map.clone(), &options.profile_name);
        let panes = settings.panes.clone();
        Self {
            themes,
            settings,
            options,
            snapshot: Snapshot::default(),
            session_ns: None,
            replay: Arc::default(),
            send: Arc::default(),
            ledger: Arc::default(),
            letters: OpenLetters::default(),
            sources: Arc::default(),
            current_sources: CurrentSources::default(),
            operations: Arc::default(),
            now_ns: 0,
            paused: None,
            engine_failure: None,
            lab: LabState::Well,
            panes,
            views,
            asker: Asker::default(),
            history: History::default(),
            palette: Palette::default(),
            find: FindOverlay::default(),
            operations_list: OperationsList::default(),
            object_menu: ObjectMenu::default(),
            selected_at: egui::Rect::ZERO,
            attendance: Attendance::default(),
            away: None,
            notice_at: 0,
            num_notices: 0,
            lost_closed: notice::Closed::default(),
            freshness: Freshness::default(),
            news: News::default(),
            told: None,
            focused_before: None,
            is_focus_lent: false,
            focus_ring: FocusRing::default(),
            seeks_details: false,
            in_place: false,
            #[cfg(test)]
            ran: Vec::new(),
        }
    }

    /// The same, for pictures: every frame shows the whole truth, nothing is computed beside it.
    pub(crate) fn new_in_place(ctx: &egui::Context, settings: Settings, options: WindowOptions) -> Self {
        Self { in_place: true, ..Self::new(ctx, settings, options) }
    }

    /// Takes in the newest snapshot.
    pub(crate) fn take(&mut self, ctx: &egui::Context, snapshot: Snapshot, engine_failure: Option<String>, now_ns: i64) {
        if self.paused.as_ref().is_some_and(|paused| paused.snapshot.started_ns != snapshot.started_ns) {
            // What was paused belongs to a session that is gone.
            self.paused = None;
        }
        if self.session_ns.replace(snapshot.started_ns).is_some_and(|before_ns| before_ns != snapshot.started_ns) {
            self.begin_anew();
        }
        let sources = self.current_sources.of(&snapshot.sources, &self.sources);
        let dead_letters = self.letters.of(&snapshot.dead_letters, &self.replay);
        self.snapshot = Snapshot { sources, dead_letters, ..snapshot };
        self.engine_failure = engine_failure;
        self.now_ns = now_ns;
        self.freshness.take(&self.snapshot, now_ns);
        self.views.groups.take(&self.snapshot);
        let visible = ctx.input(|input| input.viewport().visible()).unwrap_or(true);
        let shown = if visible { self.panes.shown() } else { Vec::new() };
        // Of what came while the window is paused nothing is shown, so that it is new once one goes on.
        let looked_at = self.paused.as_ref().map_or(&self.snapshot, |paused| &paused.snapshot);
        self.news.take(looked_at, &shown, ctx.input(|input| input.time));
        if let Some((before, left_ns)) = self.attendance.take(visible, &self.snapshot, now_ns) {
            let changes = notice::changes(&before, &self.snapshot);
            self.away = (!changes.is_empty()).then_some((now_ns - left_ns, changes));
        }
        let (generation, started_ns) = (self.shown().generation, self.shown().started_ns);
        self.asker.take(generation, started_ns, ctx.input(|input| input.time));
        self.asker.hold(self.paused.is_some());
    }

    /// Forgets what another session gives anew: ids of rows, and places that have them.
    fn begin_anew(&mut self) {
        self.history = History::default();
        self.away = None;
        for kind in ViewKind::ALL {
            self.views.of_mut(kind).begin_anew();
        }
    }

    /// Takes in the sources as the profile has them.
    pub(crate) fn take_sources(&mut self, sources: Arc<SourcesBoard>) {
        self.sources = sources;
    }

    /// Takes in what touches the world because somebody asked for it.
    pub(crate) fn take_operations(&mut self, operations: Arc<OperationsBoard>) {
        self.operations = operations;
    }

    /// Takes in how the demo's lab is.
    pub(crate) fn take_lab(&mut self, lab: LabState) {
        self.lab = lab;
    }

    /// Takes in what can be seen of replaying.
    pub(crate) fn take_replay(&mut self, replay: Arc<ReplayBoard>) {
        self.replay = replay;
    }

    /// Takes in what can be seen of sending.
    pub(crate) fn take_send(&mut self, send: Arc<SendBoard>) {
        self.send = send;
    }

    /// What is looked at in the ledger; `None` = its view is not shown.
    pub(crate) fn ledger_look(&self) -> Option<LedgerLook> {
        self.panes.shown().contains(&ViewKind::Ledger).then(|| self.views.ledger.look())
    }

    /// Takes in what was read of the ledger.
    pub(crate) fn take_ledger(&mut self, ledger: Arc<LedgerBoard>) {
        self.ledger = ledger;
    }

    /// Asks what views want to know, and looks again when an answer may be there.
    pub(crate) fn ask(&mut self, ctx: &egui::Context, ask: impl FnMut(Query) -> Receiver<Answer>) {
        self.asker.send(ask);
        if let Some(due) = self.asker.due_in().filter(|_| !self.in_place) {
            ctx.request_repaint_after(due);
        }
    }

    /// What is to be remembered.
    pub(crate) fn settings(&self) -> Settings {
        Settings { panel_width_pt: self.views.map.panel_width_pt, map: self.views.map.to_remember(), panes: self.panes.clone(), ..self.settings.clone() }
    }

    /// Shows a view in place of the one that has the keys.
    pub(crate) fn look_at(&mut self, ctx: &egui::Context, view: ViewKind) {
        self.panes.open(view);
        ctx.request_repaint();
    }

    /// The view that has the keys, for tests.
    #[cfg(test)]
    pub(crate) fn focus(&self) -> ViewKind {
        self.panes.focus()
    }

    /// The map, for tests.
    #[cfg(test)]
    pub(crate) fn map(&self) -> &crate::views::map::MapView {
        self.views.map.map()
    }

    /// Whether something is computed beside the window, for tests and benches.
    pub(crate) fn is_computing(&self) -> bool {
        self.views.map.is_computing() || self.views.traces.is_computing()
    }

    /// Whether a form is open in the view with the keys, for tests.
    #[cfg(test)]
    pub(crate) fn has_form(&self) -> bool {
        self.views.of(self.panes.focus()).has_form()
    }

    /// What is selected in the view with the keys, for tests.
    #[cfg(test)]
    pub(crate) fn target(&self) -> Option<crate::view::Target> {
        self.views.of(self.panes.focus()).target()
    }

    /// The panes, for tests.
    #[cfg(test)]
    pub(crate) fn panes(&self) -> &Panes {
        &self.panes
    }

    /// What views show: of now, or of the moment of the pause.
    fn shown(&self) -> &Snapshot {
        self.paused.as_ref().map_or(&self.snapshot, |paused| &paused.snapshot)
    }

    /// Draws everything; what the session has to do.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui) -> Vec<SessionCommand> {
        let ctx = ui.ctx().clone();
        if ctx.input(|input| input.pointer.any_pressed()) {
            self.told = None;
        }
        let was_above = self.is_above();
        let keys = self.keys(&ctx);
        self.give_focus_back(&ctx, keys);
        self.focus_ring.watch(&ctx);
        self.find.take_keys(&ctx);
        let mut commands = UiCommand::pressed(&ctx, self.panes.focus(), keys);
        let tokens = self.themes.tokens(ctx.theme()).clone();
        let beside = ctx.input(|input| input.modifiers.command);
        for command in self.top_ui(ui, &tokens) {
            match command {
                UiCommand::Show(view) if beside => self.show_beside(view),
                _ => commands.push(command),
            }
        }
        self.foot_ui(ui, &mut commands, &tokens);
        let before = self.place();
        let mut actions = self.panes_ui(ui, &tokens);
        self.remember_step(before);
        let mut palette = std::mem::take(&mut self.palette);
        commands.extend(palette.ui(&ctx, &tokens, &|command| self.unavailable(command)));
        self.palette = palette;
        let shown = self.shown().clone();
        let found = self.find.ui(&ctx, &shown, &mut self.asker, (self.now_ns, self.replay.stands()), &tokens);
        actions.extend(found.map(ViewAction::Goto));
        self.menu_of_what_lies_over(&ctx);
        actions.extend(self.operations_list.ui(&ctx, &self.operations, self.now_ns, &tokens));
        let mut menu = std::mem::take(&mut self.object_menu);
        actions.extend(menu.ui(&ctx, &tokens, &|command| self.unavailable(command)));
        self.object_menu = menu;
        self.focus_ring.ui(&ctx, &tokens);
        actions.splice(0..0, commands.into_iter().map(ViewAction::Run));
        let asked = actions.into_iter().filter_map(|action| self.act(&ctx, action)).collect();
        let columns = ColumnWidths::of(&ctx);
        if self.settings.columns != *columns {
            self.settings.columns.clone_from(&columns);
        }
        selectable::end_with_click(&ctx);
        pointer::show(&ctx);
        if was_above && !self.is_above() {
            // Else its field would have the keys for a frame more.
            ctx.memory_mut(egui::Memory::stop_text_input);
            ctx.request_repaint();
        }
        self.schedule(&ctx);
        asked
    }

    /// Whether something lies over the views.
    fn is_above(&self) -> bool {
        self.palette.is_open() || self.find.is_open() || self.operations_list.is_open()
    }

    /// Whose the keys are.
    fn keys(&self, ctx: &egui::Context) -> Keys {
        let is_above = self.is_above();
        let has_form = !is_above && self.views.of(self.panes.focus()).has_form();
        match (is_above || ctx.text_edit_focused(), has_form) {
            (false, false) => Keys::Commands,
            (false, true) => Keys::Form,
            (true, true) => Keys::FieldOfForm,
            (true, false) => Keys::Taken,
        }
    }

    /// What had the focus before a form or a box above the views took it gets it back, unless something else has it by then.
    fn give_focus_back(&mut self, ctx: &egui::Context, keys: Keys) {
        let focused = ctx.memory(egui::Memory::focused);
        if keys == Keys::Commands {
            if self.is_focus_lent && ctx.memory(|memory| memory.top_modal_layer().is_some()) {
                // A box that has just closed still keeps the focus from what lies below it, for this frame.
                ctx.request_repaint();
                return;
            }
            if let Some(before) = std::mem::take(&mut self.focused_before).filter(|_| self.is_focus_lent && focused.is_none()) {
                ctx.memory_mut(|memory| memory.request_focus(before));
            }
            self.focused_before = focused;
        }
        self.is_focus_lent = keys != Keys::Commands;
    }

    fn top_ui(&self, ui: &mut egui::Ui, tokens: &DesignTokens) -> Vec<UiCommand> {
        let (freshness, is_live) = match &self.paused {
            Some(paused) => (format!("paused {} ago", figures::running_age(self.now_ns - paused.at_ns)), false),
            None => (self.freshness.words.clone(), self.freshness.is_live),
        };
        let ctx = ui.ctx().clone();
        let bar = TopBar {
            profile_name: &visible(&self.options.profile_name),
            shown: &self.panes.shown(),
            focus: self.panes.focus(),
            range: self.settings.range,
            freshness: &freshness,
            // Above the map the sentence tells how old the data are.
            is_age_told: self.paused.is_none() && self.panes.shown().contains(&ViewKind::Map) && !self.views.map.is_empty(),
            is_live,
            is_paused: self.paused.is_some(),
            operations: self.operations_list.in_the_bar(&self.operations, self.now_ns),
            news: &|view| self.news.marked_s(view).map(|marked_s| self.fade_of(&ctx, marked_s)),
            unavailable: &|command| self.unavailable(command),
        };
        bars::top_ui(ui, &bar, tokens)
    }

    /// How much of a mark's fading is left, from 1 to 0.
    fn fade_of(&self, ctx: &egui::Context, marked_s: f64) -> f32 {
        let age_s = ctx.input(|input| input.time) - marked_s;
        if self.in_place || !self.views.map.moves() { 0.0 } else { (1.0 - age_s / news::FADES_FOR_S).clamp(0.0, 1.0) as f32 }
    }

    fn panes_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) -> Vec<ViewAction> {
        let (mut actions, mut told) = (Vec::new(), Vec::new());
        let (focus, seeks_details) = (self.panes.focus(), std::mem::take(&mut self.seeks_details));
        let mut leads_nowhere = false;
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Background));
        egui::CentralPanel::no_frame().frame(frame).show(ui, |ui| {
            self.with_views(tokens, |panes, views, context| {
                panes.ui(ui, tokens, &mut |ui, kind| {
                    let _of_another = object_menu::take(ui.ctx());
                    let room = ui.max_rect();
                    detail::seek_link(ui.ctx(), seeks_details && kind == focus);
                    actions.extend(views.of_mut(kind).ui(ui, context));
                    leads_nowhere |= detail::seek_link(ui.ctx(), false);
                    told.push((kind, room, object_menu::take(ui.ctx())));
                });
            });
        });
        let ctx = ui.ctx().clone();
        if leads_nowhere {
            self.told = Some("Nothing that is told here leads anywhere".to_owned());
        }
        for (kind, room, told) in told {
            if kind == self.panes.focus() {
                self.selected_at = told.selected.map_or(room, |selected| selected.intersect(room));
            }
            let pointed_at = ctx.input(|input| input.pointer.interact_pos().filter(|at| input.pointer.secondary_clicked() && room.contains(*at)));
            if let Some(at) = pointed_at.filter(|at| ctx.layer_id_at(*at) == Some(ui.layer_id())) {
                self.object_menu.open(&ctx, at, Some(kind), told, false);
            }
        }
        actions
    }

    /// What was clicked in what lies over the panes has a menu of its own.
    fn menu_of_what_lies_over(&mut self, ctx: &egui::Context) {
        let told = object_menu::take(ctx);
        if told.is_offered
            && let Some(at) = ctx.input(|input| input.pointer.interact_pos())
        {
            self.object_menu.open(ctx, at, None, told, false);
        }
    }

    /// Panes and views, with what views draw with.
    fn with_views<R>(&mut self, tokens: &DesignTokens, f: impl FnOnce(&mut Panes, &mut Views, &mut ViewContext<'_>) -> R) -> R {
        let Self { panes, views, asker, news, paused, snapshot, replay, send, ledger, sources, options, settings, now_ns, in_place, .. } = self;
        let (snapshot, as_of_ns) = paused.as_ref().map_or((&*snapshot, *now_ns), |paused| (&paused.snapshot, paused.at_ns));
        let range = settings.range;
        let mut context = ViewContext {
            snapshot,
            replay,
            send,
            ledger,
            sources,
            now_ns: as_of_ns,
            clock_ns: *now_ns,
            asked_at_ns: range.asked_at_ns(as_of_ns, newest_ns(snapshot)),
            news,
            is_paused: paused.is_some(),
            paused_log: paused.as_ref().map(|paused| &paused.own_log),
            range,
            tokens,
            asker,
            options,
            in_place: *in_place,
        };
        f(panes, views, &mut context)
    }

    /// The only frames that nobody asked for: ages that are seen to grow.
    fn schedule(&self, ctx: &egui::Context) {
        if self.in_place {
            return;
        }
        if self.views.map.moves() && self.news.is_fading(ctx.input(|input| input.time)) {
            ctx.request_repaint_after(FADE_EVERY);
        }
        if let Some(due) = self.operations_list.due_in(&self.operations, self.now_ns) {
            ctx.request_repaint_after(due);
        }
        let since_ns = self.paused.as_ref().map(|paused| paused.at_ns).or_else(|| newest_ns(&self.snapshot));
        if let Some(since_ns) = since_ns {
            let age_s = (self.now_ns - since_ns).max(0) / 1_000_000_000;
            let next_s = if age_s < 60 { 1 } else { 60 };
            ctx.request_repaint_after(Duration::from_secs(next_s));
        }
    }
}
