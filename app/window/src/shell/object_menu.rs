//! What can be done with an object: its commands as a menu, for a right click anywhere in a pane and for the keyboard.

use std::borrow::Cow;

use egui::{Id, LayerId, Popup, PopupAnchor, PopupKind, Pos2, RichText, WidgetInfo, accesskit::Role};

use crate::{
    fonts,
    sanitise::elide_middle,
    theme::{DesignTokens, Ink, TEXT_MIN_PT},
    view::{Menu, Scope, UiCommand, ViewAction, ViewKind},
    widgets::object_menu::Told,
};

/// Characters that are shown of a text that is offered for copying.
const TEXT_CHARS: usize = 36;

/// The menu, open or not.
#[derive(Default)]
pub(crate) struct ObjectMenu {
    opened: Option<Opened>,
    /// Each opening has a place of its own in egui's memory: the click that opens one closes the one before.
    num: u64,
}

struct Opened {
    at: Pos2,
    /// The view whose object it is of; `None` = of what was clicked alone.
    of: Option<ViewKind>,
    told: Told,
    /// It was opened by keyboard, which goes on in it.
    takes_focus: bool,
}

impl ObjectMenu {
    /// Opens it for what was clicked, and for the selected object of a view.
    pub(crate) fn open(&mut self, ctx: &egui::Context, at: Pos2, of: Option<ViewKind>, told: Told, takes_focus: bool) {
        self.num += 1;
        self.opened = Some(Opened { at, of, told, takes_focus });
        Popup::open_id(ctx, self.id());
    }

    fn id(&self) -> Id {
        Id::unique(("object menu", self.num))
    }

    /// Draws it, if open; what was chosen.
    pub(crate) fn ui(
        &mut self,
        ctx: &egui::Context,
        tokens: &DesignTokens,
        unavailable: &dyn Fn(UiCommand) -> Option<Cow<'static, str>>,
    ) -> Option<ViewAction> {
        let id = self.id();
        let opened = self.opened.as_mut()?;
        let popup = Popup::new(id, ctx.clone(), PopupAnchor::Position(opened.at), LayerId::background())
            .kind(PopupKind::Menu)
            .layout(egui::Layout::top_down_justified(egui::Align::Min))
            .style(egui::containers::menu::menu_style)
            .accessible_name("Menu of the object")
            .open_memory(None);
        let shown = popup.show(|ui| opened.ui(ui, tokens, unavailable));
        if !Popup::is_id_open(ctx, id) {
            self.opened = None;
        }
        shown?.inner
    }
}

impl Opened {
    fn ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens, unavailable: &dyn Fn(UiCommand) -> Option<Cow<'static, str>>) -> Option<ViewAction> {
        let mut chosen = None;
        if let Some(action) = &self.told.action
            && item_ui(ui, action_text(action))
        {
            chosen = Some(action.clone());
        }
        if let Some(text) = &self.told.text
            && item_ui(ui, &format!("Copy “{}”", elide_middle(text, TEXT_CHARS)))
        {
            chosen = Some(ViewAction::Copy(text.clone()));
        }
        let Some(kind) = self.of else { return chosen };
        if self.told.action.is_some() || self.told.text.is_some() {
            ui.separator();
        }
        for command in of_object(kind) {
            let reason = unavailable(command);
            let button = command_ui(ui, command, reason.as_deref(), tokens);
            if reason.is_none() && std::mem::take(&mut self.takes_focus) {
                button.request_focus();
            }
            if button.clicked() {
                chosen = Some(ViewAction::Run(command));
            }
        }
        chosen
    }
}

/// The commands of the selected object of a view.
pub(crate) fn of_object(kind: ViewKind) -> impl Iterator<Item = UiCommand> {
    UiCommand::all().filter(move |command| {
        command.menu() == Menu::Object
            && match command.scope() {
                Scope::Window | Scope::Focus => true,
                Scope::Views(kinds) => kinds.contains(&kind),
            }
    })
}

/// A line of a menu: the command with its keys; where it can not be used now it says why.
pub(crate) fn command_ui(ui: &mut egui::Ui, command: UiCommand, reason: Option<&str>, tokens: &DesignTokens) -> egui::Response {
    let keys = RichText::new(command.keys()).font(fonts::data(TEXT_MIN_PT)).color(tokens.ink(Ink::Dim));
    let button = ui.add_enabled(reason.is_none(), egui::Button::new(command.text()).right_text(keys));
    button.widget_info(|| WidgetInfo::labeled(Role::MenuItem, reason.is_none(), command.text()));
    match reason {
        Some(reason) => button.on_disabled_hover_text(reason),
        None => button.on_hover_text(command.tooltip()),
    }
}

fn item_ui(ui: &mut egui::Ui, text: &str) -> bool {
    let button = ui.button(text);
    button.widget_info(|| WidgetInfo::labeled(Role::MenuItem, true, text));
    button.clicked()
}

/// What a click does where the menu was opened.
fn action_text(action: &ViewAction) -> &'static str {
    match action {
        ViewAction::Run(command) => command.text(),
        ViewAction::Goto(_) => "Go there",
        ViewAction::Copy(_) => "Copy the line",
        ViewAction::Send(_) => "Do it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_menu_of_an_object_has_its_own_commands_and_no_others() {
        for kind in ViewKind::ALL {
            let commands: Vec<UiCommand> = of_object(kind).collect();
            assert!([UiCommand::Open, UiCommand::CopyText, UiCommand::OpenElsewhere].iter().all(|command| commands.contains(command)), "{kind:?}");
            assert_eq!(commands.contains(&UiCommand::PinBox), kind == ViewKind::Map);
            assert_eq!(commands.contains(&UiCommand::ParkLetters), kind == ViewKind::DeadLetters);
            assert!(!commands.contains(&UiCommand::CopyEndpoint), "it is of no object");
        }
    }
}
