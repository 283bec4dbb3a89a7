//! Everything a user can tell the window, in one closed list: menus, palette, shortcuts and hints are made from it.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::{view::ViewKind, widgets::selectable};

/// Where a command belongs, and so where its keys count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The window carries it out.
    Window,
    /// The view in focus carries it out, whichever it is.
    Focus,
    /// These views carry it out; chosen elsewhere, the first of them is shown first.
    Views(&'static [ViewKind]),
}

/// The menu under which a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Menu {
    /// Where to look.
    Go,
    /// What and how much of it.
    Show,
    /// The selected object.
    Object,
    /// Walking by keyboard.
    Walk,
    /// How the window looks.
    Looks,
    /// The session.
    Session,
}

impl Menu {
    /// All, in order.
    pub(crate) const ALL: [Self; 6] = [Self::Go, Self::Show, Self::Object, Self::Walk, Self::Looks, Self::Session];

    /// What it is called.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Go => "Go",
            Self::Show => "Show",
            Self::Object => "Object",
            Self::Walk => "Walk",
            Self::Looks => "Looks",
            Self::Session => "Session",
        }
    }
}

struct Entry {
    scope: Scope,
    menu: Menu,
    text: &'static str,
    tooltip: &'static str,
    keys: &'static [(Modifiers, Key)],
}

/// One line a command: name, where it belongs, its menu, its words, what it does, its keys (the first is the one that is shown).
macro_rules! commands {
    ($($name:ident: $scope:expr, $menu:ident, $text:literal, $tooltip:literal, [$($modifiers:ident $key:ident),*];)*) => {
        /// A command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum UiCommand {
            /// Shows a view.
            Show(ViewKind),
            $(#[doc = $tooltip] $name,)*
        }

        impl UiCommand {
            /// All but those that show views.
            const OWN: &'static [Self] = &[$(Self::$name,)*];

            fn entry(self) -> Entry {
                match self {
                    Self::Show(kind) => Entry { scope: WINDOW, menu: Menu::Go, text: kind.show_text(), tooltip: kind.words(), keys: view_keys(kind) },
                    $(Self::$name => Entry {
                        scope: $scope,
                        menu: Menu::$menu,
                        text: $text,
                        tooltip: $tooltip,
                        keys: &[$((Modifiers::$modifiers, Key::$key)),*],
                    },)*
                }
            }
        }
    };
}

/// The keys that show a view: layouts have the digits before.
fn view_keys(kind: ViewKind) -> &'static [(Modifiers, Key)] {
    match kind {
        ViewKind::Send => &[(Modifiers::COMMAND, Key::Num5)],
        ViewKind::Ledger => &[(Modifiers::COMMAND, Key::Num6)],
        _ => &[],
    }
}

const WINDOW: Scope = Scope::Window;
const FOCUS: Scope = Scope::Focus;
const MAP: Scope = Scope::Views(&[ViewKind::Map]);
const FILTERED: Scope = Scope::Views(&[ViewKind::Map, ViewKind::Traces, ViewKind::Messages, ViewKind::Ledger, ViewKind::Log]);
const SOURCES: Scope = Scope::Views(&[ViewKind::Sources]);
const TRACES: Scope = Scope::Views(&[ViewKind::Traces]);
const MESSAGES: Scope = Scope::Views(&[ViewKind::Messages]);
const DEAD: Scope = Scope::Views(&[ViewKind::DeadLetters]);
const REPLAY: Scope = Scope::Views(&[ViewKind::DeadLetters, ViewKind::Messages]);
const SEND: Scope = Scope::Views(&[ViewKind::Send]);
const LEDGER: Scope = Scope::Views(&[ViewKind::Ledger]);

commands! {
    OpenPalette: WINDOW, Go, "Find a command…", "All commands, by name", [COMMAND P];
    Find: WINDOW, Go, "Find anything…", "Any text, number or id in spans, records and logs", [COMMAND K, NONE Slash];
    Back: WINDOW, Go, "Back", "To what was looked at before", [ALT ArrowLeft, NONE Backspace];
    Forward: WINDOW, Go, "Forward", "To what was looked at before going back", [ALT ArrowRight];
    ObjectMenu: WINDOW, Go, "Menu of the object", "What can be done with what is selected; a right click opens it too", [SHIFT F10, NONE Menu];
    FilterView: FILTERED, Go, "Filter what is shown…", "Keys go into its filter; on the map into the rules for what is hidden", [COMMAND F];
    Details: WINDOW, Go, "Into the details", "Keys go to the first link of what is told of the object; Tab walks on, Enter follows it", [NONE D];
    NextPane: WINDOW, Go, "Next pane", "Keys go to the pane beside", [NONE F6];

    NextProblem: MAP, Show, "Next problem", "Open breakers, growing groups, failures and dead letters in turn", [NONE N];
    FitMap: MAP, Show, "Fit the map", "Shows all services and channels at once", [NONE F];
    ToggleTable: MAP, Show, "Map or table", "The same as rows, for keyboard and screen reader", [NONE T];
    MapProblems: MAP, Show, "Map: problems", "What is unusual and the ways to it; the rest in groups, where there is much of it", [NONE Num1];
    MapNeighbourhood: MAP, Show, "Map: neighbourhood", "What is a few steps from the selected box", [NONE Num2];
    MapAll: MAP, Show, "Map: all", "Every box by itself", [NONE Num3];
    HopsMore: MAP, Show, "Neighbourhood: one step more", "Farther around the box", [NONE CloseBracket];
    HopsLess: MAP, Show, "Neighbourhood: one step less", "Nearer around the box", [NONE OpenBracket];
    NextEdgeLabel: MAP, Show, "Edge labels: none, rate, p95 or errors", "The next of these stands on every edge of the map, of the range that is chosen", [NONE L];
    ArrangeMap: MAP, Show, "Arrange the map", "Every box is placed anew, but those that are pinned", [SHIFT A];
    PinBox: MAP, Object, "Pin the box, or let it go", "It stays where it stands, and outside of its group", [NONE P];
    ToggleMotion: MAP, Looks, "Reduce motion, or not", "Whether dots run along the selected edge and new marks fade in; as the desktop says until it is chosen here, then remembered", [];
    TracesNewest: TRACES, Show, "Traces: newest first", "By the arrival of their last span", [NONE Num1];
    TracesSlowest: TRACES, Show, "Traces: slowest first", "By how long they took", [NONE Num2];
    TracesFailed: TRACES, Show, "Traces: failed first", "Those with a failed span", [NONE Num3];
    NextError: TRACES, Show, "Next failure", "To the next span of the open trace at which a failure began", [NONE N];
    ToggleCriticalPath: TRACES, Show, "Critical path", "What the end of the open trace waited for", [NONE P];
    FitTrace: TRACES, Show, "Fit the trace", "Shows the open trace from its beginning to its end", [NONE F];
    FollowRecords: MESSAGES, Show, "Follow records or hold still", "Whether the newest records stay in view", [NONE L];
    Pause: WINDOW, Show, "Pause or go on", "The window keeps what it shows; collecting goes on", [NONE Space];
    RangeM1: WINDOW, Show, "Range: 1 min", "Figures and lists of the last minute", [];
    RangeM5: WINDOW, Show, "Range: 5 min", "Figures and lists of the last five minutes", [];
    RangeM15: WINDOW, Show, "Range: 15 min", "Figures and lists of the last quarter of an hour", [];
    RangeAll: WINDOW, Show, "Range: all", "Figures and lists of the whole session", [];

    Open: FOCUS, Object, "Open", "Opens what is selected", [NONE Enter];
    ClearSelection: FOCUS, Object, "Clear the selection", "Or closes what was opened last", [NONE Escape];
    AddSource: SOURCES, Object, "Add a source…", "What else is to be observed, kept in the profile", [NONE A];
    EditSource: SOURCES, Object, "Edit the source…", "Its settings, kept in the profile", [NONE E];
    TestSource: SOURCES, Object, "Test the source", "Tries to connect for at most 10 s and changes nothing", [NONE T];
    SaveSource: SOURCES, Object, "Save the source", "What was typed in its form", [COMMAND Enter];
    RemoveSource: SOURCES, Object, "Remove the source…", "Asks once; a second time does it", [NONE Delete];
    CopyText: FOCUS, Object, "Copy as text", "The selected object with its ids and times", [NONE C];
    CopyJson: FOCUS, Object, "Copy as JSON", "The selected object with its ids and times", [];
    CopyMarkdown: FOCUS, Object, "Copy as Markdown", "For an issue or a chat", [];
    OpenElsewhere: WINDOW, Object, "Open in another program", "By the profile's [links]: Jaeger, Grafana, kafka-ui", [NONE O];

    MarkLetter: REPLAY, Object, "Mark the letter or record", "Or takes its mark away; commands are for the marked ones", [NONE Space];
    MarkAllLetters: REPLAY, Object, "Mark all", "All open letters of this cause, or all records that are listed; a second time none", [NONE A];
    NextLetterState: DEAD, Show, "Letters of the next state", "All, open ones, then each state that there are letters in", [NONE F];
    PreviewReplay: REPLAY, Object, "Preview a replay…", "Reads the records again and says what would be sent; sends nothing", [NONE R];
    ChangeReplay: REPLAY, Object, "Change what is replayed…", "Which records go, to where and how, and what is changed in them before", [NONE E];
    PaceReplay: REPLAY, Object, "How many go first, and how fast…", "Keys go to the two numbers of the preview; they hold for this run", [COMMAND G];
    EditRecord: REPLAY, Object, "Edit the record before it is replayed…", "Its key, headers and value, read again from the broker", [COMMAND E];
    SaveReplayPlan: REPLAY, Object, "Save the plan of the replay", "Into a file, from which switchboard replay sends it without a window", [];
    SendReplay: REPLAY, Object, "Send the first, then the rest", "First a few; the rest once those were read", [COMMAND Enter];
    StopReplay: REPLAY, Object, "Stop or close the replay", "Nothing more is sent; what is on its way is waited for", [NONE Escape];
    ParkLetters: DEAD, Object, "Park with a note…", "Puts letters aside; they are not sent until they are taken out", [NONE P];
    UnparkLetters: DEAD, Object, "Take letters out of parking", "They are open again", [NONE U];
    LetterTrace: DEAD, Object, "To the letter's trace", "The trace of its failure", [NONE T];
    LetterRecord: DEAD, Object, "To the letter's record", "Among the messages of its channel", [NONE M];
    ReplayFile: WINDOW, Object, "Replay a file…", "Records, one a line, as Messages exports them; it is previewed, and sends nothing", [NONE I];
    ExportRecords: MESSAGES, Object, "Export records…", "Those that are marked, or all that are listed, as they lie on the broker, into a file", [NONE X];
    ReplayRecords: TRACES, Object, "Replay its records…", "Marks those of the open trace or conversation in Messages, where it is asked to where they go", [NONE E];

    SendToThis: WINDOW, Object, "Send to this…", "Composes a request to the selected service, call, span or source, or a record to the selected topic or cluster, or like the selected record or dead letter; sends nothing", [];
    SendRequest: SEND, Object, "Send the request", "As it is composed; where it may change something it is asked about first", [COMMAND Enter];
    StopSending: SEND, Object, "Stop sending, or leave the request", "Answers no, stops waiting for the answer, or takes the keys out of the request", [NONE Escape];
    EditRequest: SEND, Object, "Edit the request", "Keys go to where it is sent", [NONE E];
    NewRequest: SEND, Object, "New request", "An empty one of the same kind; the one before stays within reach", [COMMAND N];
    NewHttpRequest: SEND, Object, "New HTTP request", "An empty one; the one before stays within reach", [];
    NewGrpcCall: SEND, Object, "New gRPC call", "An empty one; the one before stays within reach", [];
    NewRecord: SEND, Object, "New record", "An empty one; the one before stays within reach", [];
    EditContents: SEND, Object, "Edit the body, message or value", "Keys go to what is sent", [COMMAND B];
    NextRequestPart: SEND, Object, "Next part of the request", "Headers, who asks, options, how often, in turn", [ALT PageDown];
    FormerRequestPart: SEND, Object, "Former part of the request", "The other way around", [ALT PageUp];
    AskMethods: SEND, Object, "Ask the server for its methods", "What methods there are and what they take, from the server or from files; a read, which changes nothing", [COMMAND D];
    ChooseMethod: SEND, Object, "Choose a method…", "Of those that are known, by words of its path", [COMMAND M];
    MessageTemplate: SEND, Object, "Begin the message by a template", "By what the method takes", [COMMAND T];
    MessageFields: SEND, Object, "Fields of the message…", "What can be set in it and what it can be, each put in when it is chosen; a second time folds them", [COMMAND L];
    AddMessage: SEND, Object, "Add a message", "Another one of a client's stream", [];
    KeepStreamOpen: SEND, Object, "Keep the stream open, or not", "More messages can be written by hand below the answer, until it is half-closed", [];
    SendMessage: SEND, Object, "Send the next message", "Of the open stream; where none is written yet, keys go to where it is", [ALT Enter];
    HalfClose: SEND, Object, "Half-close the stream", "No more messages of ours come; the server's still do", [ALT End];
    PasteRequest: SEND, Object, "Paste a request", "A line of curl or grpcurl, a HAR, an `OpenAPI` document or a .proto in the clipboard becomes what it asks for", [];
    CopyRequestLine: SEND, Object, "Copy the request as a line", "For curl, grpcurl or kcat; a credential is a variable of the shell", [];
    FormatRequest: SEND, Object, "Format the JSON of the request", "A member a line; no value is changed", [];
    SaveRequest: SEND, Object, "Save the request…", "Into a file of the profile's folder, for version control", [COMMAND S];
    RemoveRequest: SEND, Object, "Remove the saved request…", "Asks once; a second time does it", [NONE Delete];
    EditSent: SEND, Object, "Edit a copy of what was sent", "The request as it was composed then", [];
    SentTrace: SEND, Object, "To the trace of what was sent", "What it caused, span by span", [NONE T];
    SentStory: SEND, Object, "To the conversation of what was sent", "All that carries its correlation id", [NONE S];
    SentOnMap: SEND, Object, "To where it was sent on the map", "The service that answered, or the topic", [NONE M];
    CompareSent: SEND, Object, "Compare with the one before", "What is new in this answer, and what is gone; a second time shows the answer", [NONE C];
    WriteBody: SEND, Object, "Write the body into a file…", "All of it, readable by you alone", [];
    GoToLocation: SEND, Object, "Send to the Location of the answer…", "Composes the request that a redirect asks for; sends nothing", [NONE L];
    StartProbe: SEND, Object, "Start a probe", "Sends the request by itself, once in as many seconds as stand under Repeat", [];
    StopProbe: SEND, Object, "Stop the probe", "The one that is looked at", [];
    ForgetSent: SEND, Session, "Forget what was sent", "The list of this session; the ledger keeps its lines", [];
    LedgerOutcome: LEDGER, Show, "Ledger: by the next outcome", "Any, in doubt, dead again, not sent, refused, skipped, sent, consumed in turn", [NONE F];
    LedgerKind: LEDGER, Show, "Ledger: by the next kind of target", "All, topics, HTTP, gRPC in turn", [NONE K];
    LedgerTarget: LEDGER, Show, "Ledger: only this target, or all", "What was sent to the same as the selected line; a second time to whatever", [NONE T];
    LedgerAll: LEDGER, Show, "Ledger: all lines", "Without what is looked for and chosen", [NONE A];
    ExportLedger: LEDGER, Object, "Export what is listed…", "All lines that are listed, with what they sent, as JSON, into a file", [NONE E];
    LedgerRecord: LEDGER, Object, "To the record that was sent", "As it was written, or else as the letter lay, among the messages of its channel", [NONE M];
    LedgerLetters: LEDGER, Object, "To the dead letters of the send", "Those of the channel that the letter lay on", [NONE L];
    LedgerStory: LEDGER, Object, "To the conversation of the send", "All that carries its replay id", [NONE S];
    ReloadRequests: SEND, Session, "Read saved requests again", "After files were changed elsewhere", [];

    WalkUp: FOCUS, Walk, "Up", "To the row or box above", [NONE ArrowUp];
    WalkDown: FOCUS, Walk, "Down", "To the row or box below", [NONE ArrowDown];
    WalkLeft: FOCUS, Walk, "Left", "To the caller; folds a row", [NONE ArrowLeft];
    WalkRight: FOCUS, Walk, "Right", "To the callee; unfolds a row", [NONE ArrowRight];
    WalkPageUp: FOCUS, Walk, "Page up", "A screen of rows up", [NONE PageUp];
    WalkPageDown: FOCUS, Walk, "Page down", "A screen of rows down", [NONE PageDown];
    WalkFirst: FOCUS, Walk, "To the first", "To the first row", [NONE Home];
    WalkLast: FOCUS, Walk, "To the last", "To the last row", [NONE End];

    LayoutMap: WINDOW, Looks, "Layout: map", "The map alone", [COMMAND Num1];
    LayoutTraces: WINDOW, Looks, "Layout: map and traces", "Side by side", [COMMAND Num2];
    LayoutMessages: WINDOW, Looks, "Layout: messages and groups", "Side by side", [COMMAND Num3];
    LayoutDeadLetters: WINDOW, Looks, "Layout: dead letters", "Dead letters alone", [COMMAND Num4];
    ResetLayout: WINDOW, Looks, "Reset the layout", "The layout chosen last, as it was made", [];
    ResetColumns: WINDOW, Looks, "Columns as they were", "In all tables as wide as what they show and the window leave them", [];
    ClosePane: WINDOW, Looks, "Close the pane", "The one that has the keys", [COMMAND W];
    ThemeDark: WINDOW, Looks, "Theme: dark", "Remembered for the next start", [];
    ThemeLight: WINDOW, Looks, "Theme: light", "Remembered for the next start", [];
    ThemeSystem: WINDOW, Looks, "Theme: as the desktop", "Remembered for the next start", [];
    ZoomIn: WINDOW, Looks, "Larger text", "The whole window; remembered for the next start", [COMMAND Plus, COMMAND Equals];
    ZoomOut: WINDOW, Looks, "Smaller text", "The whole window; remembered for the next start", [COMMAND Minus];
    ZoomReset: WINDOW, Looks, "Text as the desktop says", "The whole window; remembered for the next start", [COMMAND Num0];
    // On many keyboards plus is Shift and the key of the equals sign.
    ZoomTraceIn: TRACES, Looks, "Zoom into the trace", "Around the selected span; Ctrl and the wheel zoom to the pointer", [NONE Plus, NONE Equals];
    ZoomTraceOut: TRACES, Looks, "Zoom out of the trace", "Around the selected span; Ctrl and the wheel zoom to the pointer", [NONE Minus];
    ZoomMapIn: MAP, Looks, "Zoom into the map", "Around the middle; the wheel zooms to the pointer", [NONE Plus, NONE Equals];
    ZoomMapOut: MAP, Looks, "Zoom out of the map", "Around the middle; the wheel zooms to the pointer", [NONE Minus];

    ShowOperations: WINDOW, Session, "Operations…", "What is sent, tested, previewed and exported: how far each is, with stop, and what ended lately", [COMMAND J];
    CopyEndpoint: WINDOW, Session, "Copy the OTLP endpoint", "What an SDK has to be told", [];
    CloseNotices: WINDOW, Session, "Close the notices", "What changed meanwhile, and which connections are lost", [];
    RefreshSources: WINDOW, Session, "Read all sources again now", "Without waiting for the next poll", [COMMAND R];
    RestartEngine: WINDOW, Session, "Restart the engine", "After it has failed; what was observed is lost", [];
    RestartLab: WINDOW, Session, "Start the demo's lab again", "After it has ended; what was observed of the former one goes", [];
    Quit: WINDOW, Session, "Quit", "Ends the session", [COMMAND Q];
}

/// Whose the keys are that are pressed without Ctrl or Alt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// All are commands'.
    Commands,
    /// A form is open in the view that has the keys, though none of its fields has them: what would be typed or changed is no command, whatever
    /// was clicked last. One still walks, and leaves the form.
    Form,
    /// A field of that form has them: one leaves the form.
    FieldOfForm,
    /// They are typed elsewhere, or mean what lies over the views.
    Taken,
}

impl Keys {
    /// Whether such a key is a command's.
    fn are_commands(self, key: Key) -> bool {
        let walks = matches!(key, Key::ArrowUp | Key::ArrowDown | Key::ArrowLeft | Key::ArrowRight | Key::PageUp | Key::PageDown | Key::Home | Key::End);
        match self {
            Self::Commands => true,
            Self::Form => walks || matches!(key, Key::Escape | Key::Enter | Key::F6),
            Self::FieldOfForm => key == Key::Escape,
            Self::Taken => false,
        }
    }
}

/// These stand before those that show views.
const NUM_BEFORE_VIEWS: usize = 2;

impl UiCommand {
    /// Every command, in the order of the palette.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let (before, after) = Self::OWN.split_at(NUM_BEFORE_VIEWS);
        before.iter().copied().chain(ViewKind::ALL.into_iter().map(Self::Show)).chain(after.iter().copied())
    }

    /// What it is called.
    pub(crate) fn text(self) -> &'static str {
        self.entry().text
    }

    /// What it does, in a sentence.
    pub(crate) fn tooltip(self) -> &'static str {
        self.entry().tooltip
    }

    /// Where it belongs.
    pub(crate) fn scope(self) -> Scope {
        self.entry().scope
    }

    /// Under which menu it stands.
    pub(crate) fn menu(self) -> Menu {
        self.entry().menu
    }

    /// Whether it copies the selected object.
    pub(crate) fn copies(self) -> bool {
        matches!(self, Self::CopyText | Self::CopyJson | Self::CopyMarkdown)
    }

    /// Its keys, the one that is shown first; those without Ctrl or Alt count only while no text is being typed.
    pub(crate) fn shortcuts(self) -> impl Iterator<Item = KeyboardShortcut> {
        self.entry().keys.iter().map(|(modifiers, key)| KeyboardShortcut::new(*modifiers, *key))
    }

    /// Its keys as text; empty without.
    pub(crate) fn keys(self) -> String {
        let Some(shortcut) = self.shortcuts().next() else { return String::new() };
        let key = match shortcut.logical_key {
            Key::ArrowLeft => "Left",
            Key::ArrowRight => "Right",
            Key::ArrowUp => "Up",
            Key::ArrowDown => "Down",
            Key::Escape => "Esc",
            Key::PageUp => "Page up",
            Key::PageDown => "Page down",
            Key::Plus => "+",
            Key::Minus => "−",
            key => key.symbol_or_name(),
        };
        let (command, alt) = if cfg!(target_os = "macos") { ("Cmd+", "Option+") } else { ("Ctrl+", "Alt+") };
        let modifiers = [(shortcut.modifiers.command, command), (shortcut.modifiers.shift, "Shift+"), (shortcut.modifiers.alt, alt)];
        let mut text: String = modifiers.into_iter().filter(|(held, _)| *held).map(|(_, name)| name).collect();
        text.push_str(key);
        text
    }

    /// Takes the commands whose keys were pressed while this view has the keys. Those with Ctrl or Alt always count; a key of the view goes before
    /// the same key of the window.
    pub(crate) fn pressed(ctx: &egui::Context, focus: ViewKind, keys: Keys) -> Vec<Self> {
        // An open menu or list of choices has all keys: arrows walk it, Esc closes it.
        if egui::Popup::is_any_open(ctx) {
            return Vec::new();
        }
        let mut commands = Vec::new();
        // A widget that was reached by Tab takes Space and Enter for itself.
        let on_widget = ctx.memory(egui::Memory::focused).is_some();
        let is_text_selected = selectable::is_any_selected(ctx);
        ctx.input_mut(|input| {
            if input.events.is_empty() {
                return;
            }
            let of_view = |command: &Self| matches!(command.scope(), Scope::Views(views) if views.contains(&focus));
            let of_all = |command: &Self| !matches!(command.scope(), Scope::Views(_));
            let ordered: Vec<Self> = Self::all().filter(of_view).chain(Self::all().filter(of_all)).collect();
            // Keys with modifiers first: egui lets Alt and Left count as Left.
            for (command, with_modifier) in [true, false].into_iter().flat_map(|with| ordered.iter().map(move |command| (*command, with))) {
                for shortcut in command.shortcuts().filter(|shortcut| shortcut.modifiers.is_none() != with_modifier) {
                    let on_this = on_widget && !with_modifier && matches!(shortcut.logical_key, Key::Space | Key::Enter);
                    // With Shift alone a key is typed like any other.
                    let is_plain = !shortcut.modifiers.command && !shortcut.modifiers.alt;
                    if on_this || (is_plain && !keys.are_commands(shortcut.logical_key)) {
                        continue;
                    }
                    for _ in 0..input.count_and_consume_key(shortcut.modifiers, shortcut.logical_key) {
                        commands.push(command);
                    }
                }
                // The desktop's own key for copying comes as an event of its own; a text that is selected is copied by itself.
                if command == Self::CopyText
                    && with_modifier
                    && keys == Keys::Commands
                    && !is_text_selected
                    && input.events.iter().any(|event| matches!(event, egui::Event::Copy))
                {
                    commands.push(command);
                }
            }
        });
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_command_has_words_of_its_own() {
        let texts: HashSet<_> = UiCommand::all().map(UiCommand::text).collect();
        assert_eq!(texts.len(), UiCommand::all().count());
        for command in UiCommand::all() {
            assert!(!command.text().ends_with('.') && !command.tooltip().is_empty(), "{command:?}");
        }
    }

    #[test]
    fn no_two_commands_of_one_view_share_a_key() {
        for kind in ViewKind::ALL {
            let here = |command: &UiCommand| match command.scope() {
                Scope::Views(views) => views.contains(&kind),
                Scope::Window | Scope::Focus => true,
            };
            let mut taken: Vec<(KeyboardShortcut, UiCommand)> = Vec::new();
            for command in UiCommand::all().filter(here) {
                for shortcut in command.shortcuts() {
                    if let Some((_, other)) = taken.iter().find(|(taken, _)| *taken == shortcut) {
                        let of_view = |command: &UiCommand| matches!(command.scope(), Scope::Views(_));
                        assert_ne!(of_view(&command), of_view(other), "{command:?} and {other:?} share {shortcut:?} in {kind:?}");
                    }
                    taken.push((shortcut, command));
                }
            }
        }
    }

    #[test]
    fn every_command_is_listed_once_and_views_stand_after_what_finds() {
        let all: Vec<_> = UiCommand::all().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all[1..3], [UiCommand::Find, UiCommand::Show(ViewKind::Map)]);
        assert!(ViewKind::ALL.into_iter().all(|kind| all.contains(&UiCommand::Show(kind))));
    }

    #[test]
    fn keys_are_spelled_out() {
        assert_eq!(UiCommand::FitMap.keys(), "F");
        assert_eq!(UiCommand::ThemeDark.keys(), "");
        assert!(UiCommand::LayoutMap.keys().ends_with("+1"));
        assert!(UiCommand::OpenPalette.keys().ends_with("+P"));
        assert!(UiCommand::Back.keys().ends_with("+Left"));
    }
}
