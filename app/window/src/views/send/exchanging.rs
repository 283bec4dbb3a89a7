//! Requests of other programs: pasted here, and copied as a line for them.

use std::collections::BTreeMap;

use egui::{Event, Key, Modifiers, RichText};
use switchboard_desk::send::{
    Planned, SendBoard, SendCommand, Variables,
    draft::{Carries, Draft, Request},
    exchange::{Imported, PastedProto, from_text, to_curl, to_grpcurl, to_kcat},
    plan,
};
use switchboard_desk::sources::SourceProfile;

use super::{
    act::send,
    asking_ui::framed_ui,
    editing::CameFrom,
    importing_ui::{ImportedAll, Importing},
    view::SendView,
};
use crate::{
    figures,
    sanitise::visible,
    theme::{DesignTokens, Ink},
    view::{ViewAction, ViewContext},
};

/// A longer text is read by no window: a frame waits for it.
const PASTED_BYTES_MAX: usize = 4 << 20;
/// Notes that are shown.
const NOTES_MAX: usize = 6;

/// Characters of a text that was pasted which an address takes back.
const ADDRESS_CHARS_MAX: usize = 8_192;
/// The keys that undo.
const UNDO: &str = if cfg!(target_os = "macos") { "Cmd+Z" } else { "Ctrl+Z" };

impl SendView {
    /// Takes what is pasted while no text is typed, and what is pasted into an empty address and reads as a request.
    pub(super) fn take_pasted(&mut self, ctx: &egui::Context, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        self.take_back(ctx);
        if self.is_in_address && self.saving.is_none() && address_of(&mut self.editing.draft).is_empty() {
            return self.take_pasted_into_address(ctx, context, actions);
        }
        if self.is_editing || self.saving.is_some() || ctx.text_edit_focused() {
            return;
        }
        let pasted = ctx.input(|input| input.events.iter().find_map(|event| if let Event::Paste(text) = event { Some(text.clone()) } else { None }));
        let Some(text) = pasted.filter(|text| !text.trim().is_empty()) else { return };
        if text.len() > PASTED_BYTES_MAX {
            self.editing.notes = vec![format!("What is in the clipboard is longer than {} MiB", PASTED_BYTES_MAX >> 20)];
            return;
        }
        match from_text(&text) {
            Ok(imported) => self.take_imported(imported, context, actions),
            Err(error) => self.editing.notes = vec![error.to_string()],
        }
    }

    /// What reads as a request becomes one; anything else is the field's.
    fn take_pasted_into_address(&mut self, ctx: &egui::Context, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let read = ctx.input(|input| {
            input.events.iter().find_map(|event| match event {
                Event::Paste(text) if text.len() <= PASTED_BYTES_MAX => Some((from_text(text).ok()?, text.clone())),
                _ => None,
            })
        });
        let Some((imported, text)) = read.filter(|(imported, _)| !imported.drafts.is_empty()) else { return };
        ctx.input_mut(|input| input.events.retain(|event| !matches!(event, Event::Paste(_))));
        let mut before = self.editing.composed();
        *address_of(&mut before.draft) = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(ADDRESS_CHARS_MAX).collect();
        self.take_imported(imported, context, actions);
        self.editing.notes.insert(0, format!("What was pasted was taken as a request; {UNDO} brings the text back"));
        self.pasted = Some((self.editing.draft.clone(), before));
    }

    /// Right after a text that was pasted became a request: it is that text again. In other fields the keys undo what was typed there.
    fn take_back(&mut self, ctx: &egui::Context) {
        if self.pasted.as_ref().is_none_or(|(taken, _)| *taken != self.editing.draft) {
            self.pasted = None;
        } else if (self.is_in_address || !ctx.text_edit_focused())
            && ctx.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Z))
            && let Some((_, before)) = self.pasted.take()
        {
            self.editing.restore(before);
            self.importing = None;
        }
    }

    /// The first is composed; whether all are to be saved is asked, where there is a folder.
    fn take_imported(&mut self, imported: Imported, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let Imported { drafts, variables, mut notes, proto } = imported;
        let Some(first) = drafts.first().cloned() else {
            self.editing.notes = notes;
            return;
        };
        let is_asked = (drafts.len() > 1 || !variables.is_empty()) && context.send.saved.folder.is_some();
        if let Some(given_up) = self.importing.take_if(|_| is_asked) {
            notes.push(format!("{} that were pasted before were not saved", figures::things(given_up.len() as u64, "request", "requests")));
        }
        if !is_asked && !variables.is_empty() {
            let values = variables.iter().map(|(name, value)| format!("{name} = {value:?}")).collect::<Vec<_>>().join(", ");
            notes.insert(0, format!("Its variables, for environments.toml: {values}"));
        }
        if !is_asked && drafts.len() > 1 {
            notes.insert(0, format!("The first of {} was taken: others can be saved only beside a profile that is kept in a file", drafts.len()));
        }
        self.editing.load(first, CameFrom::Elsewhere);
        self.editing.given = variables.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.clone(), value.clone())).collect();
        if is_asked {
            self.importing = Some(Importing::new(drafts, variables, &context.send.saved, self.editing.number()));
        }
        self.cursor = None;
        match proto {
            Some(_) if context.send.saved.folder.is_none() => {
                notes.insert(0, "What methods take is read from files beside a profile that is kept in a file, which this one is not".to_owned());
            }
            Some(PastedProto { path, text }) => {
                notes.insert(0, format!("It is kept as {path} in the folder of requests"));
                actions.push(send(SendCommand::SaveProto { path, text }));
                // One after the other: it is read once it is there.
                self.describe(actions);
            }
            None => {}
        }
        self.editing.notes = notes;
    }

    /// Has what was pasted and is asked about saved.
    pub(super) fn save_imported(&mut self, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let composed = (&self.editing.draft, self.editing.number());
        let command = self.importing.as_mut().map(|importing| importing.save(composed, context.send, self.environment.as_deref()));
        actions.extend(command.map(send));
    }

    /// What was pasted is not to be saved: the request that is composed is given what the environment does not have.
    pub(super) fn give_up_import(&mut self, board: &SendBoard) -> bool {
        let Some(importing) = self.importing.take() else { return false };
        if importing.given(self.editing.number()).is_some() {
            let kept = board.saved.variables(self.environment.as_deref());
            self.editing.given.retain(|name, _| !kept.contains_key(name));
        }
        true
    }

    /// Once what was pasted is saved, its environment is the one that is chosen, and the first is its file.
    pub(super) fn take_imported_all(&mut self, board: &SendBoard) {
        let Some(ImportedAll { environment, path }) = self.importing.as_mut().and_then(|importing| importing.take(board)) else { return };
        let is_composed = self.importing.take().is_some_and(|importing| importing.given(self.editing.number()).is_some());
        if environment.is_some() {
            (self.environment, self.is_environment_chosen) = (environment, true);
        }
        if is_composed {
            self.editing.given.clear();
            self.is_saved_under = Some(path);
        }
    }

    /// The request as a line for another program; a note where it cannot be one.
    pub(super) fn copy_line(&mut self, context: &ViewContext<'_>) -> Option<ViewAction> {
        let mut named = context.send.saved.variables(self.environment.as_deref());
        named.extend(self.editing.given.clone());
        match line(&self.ask().draft, &named, context) {
            Ok(line) => Some(ViewAction::Copy(line)),
            Err(reason) => {
                self.editing.notes = vec![reason];
                None
            }
        }
    }
}

/// Where a request goes, as it is written.
fn address_of(draft: &mut Draft) -> &mut String {
    match &mut draft.request {
        Request::Http(http) => &mut http.url,
        Request::Grpc(grpc) => &mut grpc.url,
        Request::Record(record) => &mut record.topic,
    }
}

/// The same with nothing that this program adds: who runs a line sends no trace of ours.
fn bare(draft: &Draft) -> Draft {
    let nothing = Carries { traceparent: false, correlation_header: String::new(), correlation_id: String::new() };
    let mut draft = draft.clone();
    match &mut draft.request {
        Request::Http(http) => http.carries = nothing,
        Request::Grpc(grpc) => grpc.carries = nothing,
        Request::Record(record) => record.carries = nothing,
    }
    draft
}

fn line(draft: &Draft, named: &BTreeMap<String, String>, context: &ViewContext<'_>) -> Result<String, String> {
    let (row, bits) = (BTreeMap::new(), std::cell::Cell::new(u128::from(context.clock_ns.unsigned_abs())));
    // What is random in a line is so once, whoever runs it how often.
    let random = || {
        bits.set(bits.get().wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1));
        bits.get()
    };
    let variables = Variables { named, row: &row, counter: 1, now_ns: context.clock_ns, random: &random };
    let plan = plan(&bare(draft), &variables, &BTreeMap::new()).map_err(|mistake| mistake.to_string())?;
    Ok(match &plan.what {
        Planned::Http(_) => to_curl(&plan),
        Planned::Grpc(_) => to_grpcurl(&plan),
        Planned::Record(planned) => {
            let profile = &context.sources.profile;
            let sources = || profile.active_sources().filter(|source| source.kind().has_channels());
            let source = sources().find(|source| planned.cluster.is_empty() || source.name() == planned.cluster);
            to_kcat(&plan, &source.map(SourceProfile::address).unwrap_or_default())
        }
    })
}

/// Draws what is to be said of a request that was pasted.
pub(super) fn notes_ui(ui: &mut egui::Ui, notes: &[String], tokens: &DesignTokens) {
    if notes.is_empty() {
        return;
    }
    ui.add_space(6.0);
    framed_ui(ui, Ink::Accent, Ink::Panel, tokens, |ui| {
        for note in notes.iter().take(NOTES_MAX) {
            ui.add(egui::Label::new(RichText::new(visible(note)).size(12.0).color(tokens.ink(Ink::Text))).wrap());
        }
        if notes.len() > NOTES_MAX {
            ui.label(RichText::new(format!("and {} more", notes.len() - NOTES_MAX)).size(12.0).color(tokens.ink(Ink::Dim)));
        }
    });
}
