//! Everything a user can tell the window, in one closed list: palette, shortcuts and hints are made from it.

use egui::{Key, KeyboardShortcut, Modifiers};

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum UiCommand {
    /// Opens the list of commands.
    OpenPalette,
    /// Shows the whole map.
    FitMap,
    /// The map becomes larger.
    ZoomMapIn,
    /// The map becomes smaller.
    ZoomMapOut,
    /// From the selection to what it is called by.
    WalkLeft,
    /// From the selection to what it calls.
    WalkRight,
    /// To the one above.
    WalkUp,
    /// To the one below.
    WalkDown,
    /// Selects the next unusual thing.
    NextProblem,
    /// Nothing is selected.
    ClearSelection,
    /// Map or table.
    ToggleTable,
    /// The side panel as text into the clipboard.
    CopyPanel,
    /// What an SDK has to be told, into the clipboard.
    CopyEndpoint,
    /// Dark colours.
    ThemeDark,
    /// Light colours.
    ThemeLight,
    /// The desktop's colours.
    ThemeSystem,
    /// Everything larger.
    ZoomIn,
    /// Everything smaller.
    ZoomOut,
    /// Everything as the desktop says.
    ZoomReset,
    /// All sources read again.
    RefreshSources,
    /// The engine begins anew after a failure.
    RestartEngine,
    /// Ends the program.
    Quit,
}

impl UiCommand {
    /// Every command, in the order of the palette.
    pub(crate) const ALL: [Self; 22] = [
        Self::FitMap,
        Self::NextProblem,
        Self::ToggleTable,
        Self::ClearSelection,
        Self::CopyPanel,
        Self::CopyEndpoint,
        Self::RefreshSources,
        Self::ThemeDark,
        Self::ThemeLight,
        Self::ThemeSystem,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::ZoomMapIn,
        Self::ZoomMapOut,
        Self::WalkLeft,
        Self::WalkRight,
        Self::WalkUp,
        Self::WalkDown,
        Self::RestartEngine,
        Self::OpenPalette,
        Self::Quit,
    ];

    /// What it is called.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::OpenPalette => "Find a command…",
            Self::FitMap => "Fit the map",
            Self::ZoomMapIn => "Zoom into the map",
            Self::ZoomMapOut => "Zoom out of the map",
            Self::WalkLeft => "Walk to the caller",
            Self::WalkRight => "Walk to the callee",
            Self::WalkUp => "Walk up",
            Self::WalkDown => "Walk down",
            Self::NextProblem => "Next problem",
            Self::ClearSelection => "Clear the selection",
            Self::ToggleTable => "Map or table",
            Self::CopyPanel => "Copy the side panel as text",
            Self::CopyEndpoint => "Copy the OTLP endpoint",
            Self::ThemeDark => "Theme: dark",
            Self::ThemeLight => "Theme: light",
            Self::ThemeSystem => "Theme: as the desktop",
            Self::ZoomIn => "Larger text",
            Self::ZoomOut => "Smaller text",
            Self::ZoomReset => "Text as the desktop says",
            Self::RefreshSources => "Read all sources again now",
            Self::RestartEngine => "Restart the engine",
            Self::Quit => "Quit",
        }
    }

    /// What it does, in a sentence.
    pub(crate) fn tooltip(self) -> &'static str {
        match self {
            Self::OpenPalette => "All commands, by name",
            Self::FitMap => "Shows all services and channels at once",
            Self::ZoomMapIn | Self::ZoomMapOut => "Around the middle; the wheel zooms to the pointer",
            Self::WalkLeft | Self::WalkRight => "Along an edge of the map",
            Self::WalkUp | Self::WalkDown => "To the next box or edge beside the selected one",
            Self::NextProblem => "Open breakers, growing groups, failures and dead letters in turn",
            Self::ClearSelection => "The side panel lists problems again",
            Self::ToggleTable => "The same as rows, for keyboard and screen reader",
            Self::CopyPanel => "With names, figures and evidence",
            Self::CopyEndpoint => "For OTEL_EXPORTER_OTLP_ENDPOINT",
            Self::ThemeDark | Self::ThemeLight | Self::ThemeSystem => "Remembered for the next start",
            Self::ZoomIn | Self::ZoomOut | Self::ZoomReset => "The whole window; remembered for the next start",
            Self::RefreshSources => "Without waiting for the next poll",
            Self::RestartEngine => "After it has failed; what was observed is lost",
            Self::Quit => "Ends the session",
        }
    }

    /// Its keys; those without a modifier count only while no text is being typed.
    pub(crate) fn shortcut(self) -> Option<KeyboardShortcut> {
        let (modifiers, key) = match self {
            Self::OpenPalette => (Modifiers::COMMAND, Key::P),
            Self::FitMap => (Modifiers::NONE, Key::F),
            Self::ZoomMapIn => (Modifiers::NONE, Key::Plus),
            Self::ZoomMapOut => (Modifiers::NONE, Key::Minus),
            Self::WalkLeft => (Modifiers::NONE, Key::ArrowLeft),
            Self::WalkRight => (Modifiers::NONE, Key::ArrowRight),
            Self::WalkUp => (Modifiers::NONE, Key::ArrowUp),
            Self::WalkDown => (Modifiers::NONE, Key::ArrowDown),
            Self::NextProblem => (Modifiers::NONE, Key::N),
            Self::ClearSelection => (Modifiers::NONE, Key::Escape),
            Self::ToggleTable => (Modifiers::NONE, Key::T),
            Self::CopyPanel => (Modifiers::NONE, Key::C),
            Self::ZoomIn => (Modifiers::COMMAND, Key::Plus),
            Self::ZoomOut => (Modifiers::COMMAND, Key::Minus),
            Self::ZoomReset => (Modifiers::COMMAND, Key::Num0),
            Self::RefreshSources => (Modifiers::COMMAND, Key::R),
            Self::Quit => (Modifiers::COMMAND, Key::Q),
            Self::CopyEndpoint | Self::ThemeDark | Self::ThemeLight | Self::ThemeSystem | Self::RestartEngine => return None,
        };
        Some(KeyboardShortcut::new(modifiers, key))
    }

    /// Its keys as text; empty without.
    pub(crate) fn keys(self) -> String {
        let Some(shortcut) = self.shortcut() else { return String::new() };
        let key = match shortcut.logical_key {
            Key::ArrowLeft => "Left",
            Key::ArrowRight => "Right",
            Key::ArrowUp => "Up",
            Key::ArrowDown => "Down",
            Key::Escape => "Esc",
            Key::Plus => "+",
            Key::Minus => "−",
            Key::Num0 => "0",
            key => key.name(),
        };
        let modifier = if cfg!(target_os = "macos") { "Cmd" } else { "Ctrl" };
        if shortcut.modifiers.command { format!("{modifier}+{key}") } else { key.to_owned() }
    }

    /// Takes the commands whose keys were pressed. While text is typed only those with a modifier count.
    pub(crate) fn pressed(ctx: &egui::Context, typing: bool) -> Vec<Self> {
        let mut commands = Vec::new();
        ctx.input_mut(|input| {
            if input.events.is_empty() {
                return;
            }
            for command in Self::ALL {
                let Some(shortcut) = command.shortcut().filter(|shortcut| !typing || !shortcut.modifiers.is_none()) else { continue };
                let mut hit = input.consume_shortcut(&shortcut);
                // On many keyboards plus is Shift and the key of the equals sign.
                if shortcut.logical_key == Key::Plus {
                    hit |= input.consume_key(shortcut.modifiers, Key::Equals);
                }
                // The desktop's own key for copying comes as an event of its own.
                if command == Self::CopyPanel && !typing {
                    hit |= input.events.iter().any(|event| matches!(event, egui::Event::Copy));
                }
                if hit {
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
    fn every_command_is_listed_once_with_words_and_keys_of_its_own() {
        let listed: HashSet<_> = UiCommand::ALL.into_iter().collect();
        assert_eq!(listed.len(), UiCommand::ALL.len());
        let texts: HashSet<_> = UiCommand::ALL.into_iter().map(UiCommand::text).collect();
        assert_eq!(texts.len(), UiCommand::ALL.len());
        let shortcuts: Vec<_> = UiCommand::ALL.into_iter().filter_map(UiCommand::shortcut).collect();
        for (index, shortcut) in shortcuts.iter().enumerate() {
            assert!(!shortcuts[..index].contains(shortcut), "{shortcut:?} is given twice");
        }
        for command in UiCommand::ALL {
            assert!(!command.text().ends_with('.') && !command.tooltip().is_empty());
            // An exhaustive match: a new command does not compile until somebody has thought of the list.
            match command {
                UiCommand::OpenPalette
                | UiCommand::FitMap
                | UiCommand::ZoomMapIn
                | UiCommand::ZoomMapOut
                | UiCommand::WalkLeft
                | UiCommand::WalkRight
                | UiCommand::WalkUp
                | UiCommand::WalkDown
                | UiCommand::NextProblem
                | UiCommand::ClearSelection
                | UiCommand::ToggleTable
                | UiCommand::CopyPanel
                | UiCommand::CopyEndpoint
                | UiCommand::ThemeDark
                | UiCommand::ThemeLight
                | UiCommand::ThemeSystem
                | UiCommand::ZoomIn
                | UiCommand::ZoomOut
                | UiCommand::ZoomReset
                | UiCommand::RefreshSources
                | UiCommand::RestartEngine
                | UiCommand::Quit => {}
            }
        }
    }

    #[test]
    fn keys_are_spelled_out() {
        assert_eq!(UiCommand::FitMap.keys(), "F");
        assert_eq!(UiCommand::ThemeDark.keys(), "");
        assert!(UiCommand::OpenPalette.keys().ends_with("+P"));
    }
}
