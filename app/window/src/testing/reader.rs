//! Reads a window from end to end: what is painted, what a screen reader is told, and every form in which an object is copied.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use switchboard_engine::view::{Answer, ChannelKey, NodeKind};
use switchboard_model::{CorrelationId, TraceId};

use super::shape_texts;
use crate::{
    SnapshotSource, WindowOptions,
    shell::{Window, settings::Settings},
    view::{Target, UiCommand, ViewKind},
};

/// The engine answers within this time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Parts of an answer that are taken in.
const PARTS_MAX: usize = 256;
/// Frames until what was asked for is on screen.
const NUM_SETTLING: usize = 4;
const COPIES: [UiCommand; 3] = [UiCommand::CopyText, UiCommand::CopyJson, UiCommand::CopyMarkdown];

/// All that a window says of a session: each text once, with the place where it was read first.
pub fn read_window(source: &mut dyn SnapshotSource, options: &WindowOptions, traces: &[TraceId], sought: &[&str]) -> BTreeMap<String, String> {
    let ctx = egui::Context::default();
    ctx.enable_accesskit();
    let window = Window::new_in_place(&ctx, Settings::default(), options.clone());
    let mut reader = Reader { ctx, window, source, time: 0.0, said: BTreeMap::new() };
    for view in ViewKind::ALL {
        match view {
            ViewKind::Map => reader.read_map(),
            ViewKind::Traces => reader.read_traces(traces),
            ViewKind::Messages => reader.read_records(),
            ViewKind::DeadLetters => reader.read_letters(),
            ViewKind::Sources => reader.read_sources(),
            ViewKind::Groups | ViewKind::Breakers | ViewKind::Send | ViewKind::Ledger | ViewKind::Log => reader.read_rows(view),
        }
    }
    for text in sought {
        reader.goto(&Target::Find((*text).to_owned()));
        reader.read("found");
    }
    reader.read_settings();
    reader.said
}

struct Reader<'a> {
    ctx: egui::Context,
    window: Window,
    source: &'a mut dyn SnapshotSource,
    time: f64,
    said: BTreeMap<String, String>,
}

impl Reader<'_> {
    fn read_map(&mut self) {
        self.read("map");
        let topology = self.source.snapshot().topology;
        let nodes = topology.nodes.iter().map(|node| Target::Node(node.node_id));
        for target in nodes.chain(topology.edges.iter().map(|edge| Target::Edge(edge.edge_id))) {
            self.goto(&target);
            self.read("map, panel");
        }
        self.run(UiCommand::MapAll);
        self.read("map, all");
        self.run(UiCommand::ToggleTable);
        self.walk("map, as a table", 24);
        self.run(UiCommand::ToggleTable);
    }

    fn read_traces(&mut self, traces: &[TraceId]) {
        self.show(ViewKind::Traces);
        self.run(UiCommand::RangeAll);
        self.walk("traces", 8);
        for trace_id in traces {
            self.goto(&Target::Trace { trace_id: *trace_id, span_id: None });
            self.walk("waterfall", 16);
            self.goto(&Target::Conversation(CorrelationId::Wide(trace_id.0)));
            self.walk("story", 16);
        }
    }

    fn read_records(&mut self) {
        let topology = self.source.snapshot().topology;
        for channel in topology.nodes.iter().filter(|node| node.kind == NodeKind::Channel) {
            self.goto(&Target::Channel(ChannelKey { cluster: None, name: channel.name.clone() }));
            self.walk(&format!("records of {}", channel.name), 16);
        }
    }

    fn read_letters(&mut self) {
        self.show(ViewKind::DeadLetters);
        self.walk("dead letters", 8);
        self.run(UiCommand::Open);
        self.walk("letters", 16);
    }

    fn read_rows(&mut self, view: ViewKind) {
        self.show(view);
        self.walk(view.text(), 24);
    }

    fn read_sources(&mut self) {
        self.read_rows(ViewKind::Sources);
        self.show(ViewKind::Sources);
        for _ in 0..8 {
            self.run(UiCommand::WalkDown);
            self.run(UiCommand::EditSource);
            self.read("the form of a source");
            self.run(UiCommand::ClearSelection);
        }
    }

    fn read_settings(&mut self) {
        struct Told(String);
        impl eframe::Storage for Told {
            fn get_string(&self, _key: &str) -> Option<String> {
                None
            }
            fn set_string(&mut self, key: &str, value: String) {
                self.0.push_str(&format!("{key} {value}\n"));
            }
            fn remove_string(&mut self, _key: &str) {}
            fn flush(&mut self) {}
        }
        let mut told = Told(String::new());
        self.window.settings().save(&mut told);
        self.add("settings", told.0);
    }

    fn show(&mut self, view: ViewKind) {
        self.run(UiCommand::Show(view));
    }

    fn run(&mut self, command: UiCommand) {
        let _asked = self.window.run(&self.ctx, command);
        self.settle();
    }

    fn goto(&mut self, target: &Target) {
        self.window.goto(&self.ctx, target);
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..NUM_SETTLING {
            self.frame(None).drop_without_applying_deltas();
        }
    }

    /// Reads what is there, then row after row with what each opens.
    fn walk(&mut self, place: &str, num_rows: usize) {
        self.run(UiCommand::WalkFirst);
        self.read(place);
        for _ in 0..num_rows {
            self.run(UiCommand::WalkDown);
            self.read(place);
        }
    }

    fn read(&mut self, place: &str) {
        let output = self.frame(None);
        for text in shape_texts(&output) {
            self.add(place, text);
        }
        for (_, node) in output.platform_output.accesskit_update.iter().flat_map(|update| &update.nodes) {
            for text in [node.label(), node.value(), node.description(), node.tooltip(), node.placeholder()].into_iter().flatten() {
                self.add(place, text.to_owned());
            }
        }
        output.drop_without_applying_deltas();
        for copy in COPIES {
            let output = self.frame(Some(copy));
            for command in &output.platform_output.commands {
                match command {
                    egui::OutputCommand::CopyText(text) => self.add(&format!("{place}, copied"), text.clone()),
                    egui::OutputCommand::OpenUrl(open) => self.add(&format!("{place}, opened"), open.url.clone()),
                    _ => {}
                }
            }
            output.drop_without_applying_deltas();
        }
    }

    fn add(&mut self, place: &str, text: String) {
        self.said.entry(text).or_insert_with(|| place.to_owned());
    }

    fn frame(&mut self, command: Option<UiCommand>) -> egui::FullOutput {
        self.time += 1.1;
        let input = egui::RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(2_560.0, 1_440.0))),
            time: Some(self.time),
            ..egui::RawInput::default()
        };
        let Self { ctx, window, source, .. } = self;
        ctx.clone().run_ui(input, |ui| {
            let now_ns = source.now_ns();
            window.take_replay(source.replay());
            window.take_send(source.send());
            window.take_ledger(source.ledger(window.ledger_look().as_ref()));
            window.take_sources(source.sources());
            window.take(ui.ctx(), source.snapshot(), source.engine_failure(), now_ns);
            window.ui(ui);
            if let Some(command) = command {
                let _asked = window.run(ui.ctx(), command);
            }
            window.ask(ui.ctx(), |query| answered(&source.query(query)));
        })
    }
}

/// An answer that is there, part by part; the last one hangs up.
fn answered(asked: &Receiver<Answer>) -> Receiver<Answer> {
    let (sender, receiver) = sync_channel(PARTS_MAX);
    while let Ok(answer) = asked.recv_timeout(ANSWERED_WITHIN) {
        if sender.try_send(answer).is_err() {
            break;
        }
    }
    receiver
}
