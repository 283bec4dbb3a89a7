//! Every command by keyboard alone: by its keys or from the palette it does something that can be seen, or it is listed with
//! the reason why it can not be used now.

use std::fmt::Write as _;
use std::sync::Arc;

use egui::{Event, Key, KeyboardShortcut, Modifiers, vec2};
use egui_kittest::{
    Harness,
    kittest::{By, NodeT as _, Queryable as _},
};
use switchboard_model::SourcePhase;

use crate::{
    WindowApp, WindowOptions,
    testing::{self, FixedSource},
    view::{Scope, UiCommand, ViewKind},
    views::{ledger, send},
};
use switchboard_desk::links::Links;
use switchboard_desk::profile::Profile;
use switchboard_desk::sources_desk::SourcesBoard;

/// What has to be done before, by keyboard too, so that a command has something to do.
fn before(command: UiCommand) -> &'static [UiCommand] {
    use UiCommand as C;
    match command {
        C::Show(ViewKind::Map) | C::Back | C::LayoutMap => &[C::Show(ViewKind::Log)],
        C::Forward => &[C::Show(ViewKind::Log), C::Back],
        C::NextPane | C::ClosePane => &[C::LayoutTraces],
        C::ResetLayout => &[C::LayoutTraces, C::ClosePane],
        C::FitMap | C::ArrangeMap => &[C::ZoomMapIn],
        C::MapProblems => &[C::MapAll],
        C::MapNeighbourhood | C::ClearSelection => &[C::WalkRight],
        // The first step is to whoever calls from outside, the third to a service.
        C::OpenElsewhere | C::WalkLeft | C::PinBox | C::SendToThis => &[C::WalkRight, C::WalkRight, C::WalkRight],
        C::LedgerTarget | C::ExportLedger => &[C::Show(ViewKind::Ledger), C::WalkFirst],
        C::LedgerAll => &[C::Show(ViewKind::Ledger), C::LedgerKind],
        C::LedgerLetters | C::LedgerStory => &[C::Show(ViewKind::Ledger), C::WalkFirst, C::WalkRight],
        C::SendRequest => &[C::Show(ViewKind::Send), C::EditSent],
        C::AskMethods | C::AddMessage | C::KeepStreamOpen => &[C::Show(ViewKind::Send), C::NewGrpcCall],
        C::StopSending => &[C::Show(ViewKind::Send), C::EditRequest],
        C::RemoveRequest => &[C::Show(ViewKind::Send), C::WalkFirst],
        C::HopsMore => &[C::WalkRight, C::MapNeighbourhood],
        C::HopsLess => &[C::WalkRight, C::MapNeighbourhood, C::HopsMore],
        C::RangeM1 => &[C::RangeM5],
        C::ThemeDark | C::ThemeSystem => &[C::ThemeLight],
        C::ThemeLight => &[C::ThemeDark],
        C::ZoomReset => &[C::ZoomIn],
        C::WalkUp | C::WalkPageUp | C::WalkFirst => &[C::Show(ViewKind::Sources), C::WalkLast],
        C::Open | C::EditSource | C::TestSource | C::RemoveSource | C::WalkDown | C::WalkPageDown | C::WalkLast => &[C::Show(ViewKind::Sources), C::WalkFirst],
        _ => &[],
    }
}

fn source() -> FixedSource {
    let mut business = testing::order_business();
    // A lost connection, so that there is a notice to close.
    Arc::make_mut(&mut business.sources)[2].phase = SourcePhase::Failed;
    let source = FixedSource::new(business);
    source.show_send(send::sample::board());
    source.show_ledger(|look| ledger::sample::answer(look, &ledger::sample::lines()));
    let profile = "name = \"x\"\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"h:1\"\n[[http]]\nname = \"a\"\nurl = \"http://h:1\"";
    source.show_sources(SourcesBoard { profile: Profile::parse(profile, "x").expect("valid"), ..SourcesBoard::default() });
    source
}

struct Walk {
    harness: Harness<'static, WindowApp>,
    source: FixedSource,
    /// What went out of the window: texts copied, addresses opened, commands to the desktop.
    outputs: String,
}

impl Walk {
    fn new() -> Self {
        let links = Links { service: Some("http://grafana/{service}".to_owned()), ..Links::default() };
        let options = WindowOptions { profile_name: "x".to_owned(), otlp_grpc_port: Some(4317), links, ..WindowOptions::default() };
        let source = source();
        let shown = source.clone();
        let harness = Harness::builder().with_size(vec2(1280.0, 800.0)).build_eframe(|creation| WindowApp::new(creation, Box::new(shown), options, false));
        let mut walk = Self { harness, source, outputs: String::new() };
        walk.settle();
        walk
    }

    fn settle(&mut self) {
        for _ in 0..6 {
            self.harness.step();
            let output = self.harness.output();
            for command in &output.platform_output.commands {
                let _infallible = write!(self.outputs, "{command:?}");
            }
            for viewport in output.viewport_output.values() {
                for command in &viewport.commands {
                    // The theme follows the window; that is no effect of its own.
                    let _infallible = write!(self.outputs, "{command:?}");
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        self.harness.event(event);
        self.settle();
    }

    fn key(&mut self, shortcut: KeyboardShortcut) {
        let key = |pressed| Event::Key { key: shortcut.logical_key, physical_key: None, pressed, repeat: false, modifiers: shortcut.modifiers };
        self.event(key(true));
        self.event(key(false));
    }

    /// Writes a command's name into the palette and chooses it.
    fn choose(&mut self, command: UiCommand) {
        self.key(KeyboardShortcut::new(Modifiers::COMMAND, Key::P));
        self.event(Event::Text(command.text().to_owned()));
        self.key(KeyboardShortcut::new(Modifiers::NONE, Key::Enter));
    }

    /// By its keys where it has some, else from the palette.
    fn run(&mut self, command: UiCommand) {
        if let Scope::Views(views) = command.scope()
            && !views.iter().any(|view| self.harness.state().window.panes().focus() == *view)
        {
            self.choose(UiCommand::Show(views[0]));
        }
        match command.shortcuts().next() {
            Some(shortcut) => self.key(shortcut),
            None => self.choose(command),
        }
    }

    /// All that can be seen of the window, and what it asked for.
    fn seen(&self) -> String {
        let window = &self.harness.state().window;
        let mut seen = format!("{:?}\n{:?}\n{:?}\n{:?}\n", window.settings(), window.target(), self.harness.ctx.theme(), self.source.commands());
        for node in self.harness.query_all(By::new()) {
            let is = node.accesskit_node();
            let (role, label, value) = (is.role(), is.label(), is.value());
            let _infallible =
                writeln!(seen, "{role:?} {label:?} {value:?} {:?} {:?} {:?} {:?}", is.is_selected(), is.toggled(), is.is_focused(), is.raw_bounds());
        }
        seen + &self.outputs
    }
}

#[test]
fn every_command_is_reached_by_keyboard_alone_and_does_something_or_says_why_not() {
    let mut without_effect = Vec::new();
    let mut unavailable = Vec::new();
    for command in UiCommand::all() {
        let mut walk = Walk::new();
        for earlier in before(command) {
            walk.run(*earlier);
        }
        let reason = walk.harness.state().window.unavailable(command);
        if let Some(reason) = reason {
            walk.key(KeyboardShortcut::new(Modifiers::COMMAND, Key::P));
            walk.event(Event::Text(command.text().to_owned()));
            let listed = format!("{}, not now: {reason}", command.text());
            assert!(walk.harness.query_by_label(&listed).is_some(), "the palette does not list `{listed}`");
            unavailable.push(command);
            continue;
        }
        let seen = walk.seen();
        walk.run(command);
        if walk.seen() == seen {
            without_effect.push(command);
        }
    }
    assert!(without_effect.is_empty(), "neither an effect nor a reason: {without_effect:?}; unavailable are {unavailable:?}");
    println!("{} commands, of which {} were unavailable with a reason: {unavailable:?}", UiCommand::all().count(), unavailable.len());
}
