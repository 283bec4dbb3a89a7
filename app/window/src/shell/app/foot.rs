//! The foot of the window: what has stopped, which connections are lost, what changed while nobody looked, what became of the last command, or else
//! the keys. It has its line at all times, so that nothing moves when one of them comes or goes.

use switchboard_desk::lab::LabState;

use super::Window;
use crate::{
    figures,
    sanitise::visible,
    shell::{
        bars,
        notice::{self, Leads, Notice, NoticePart},
        notice_ui::{NoticeAction, notice_ui},
    },
    theme::DesignTokens,
    view::{Target, UiCommand},
};

impl Window {
    /// Draws it: one thing at a time, the most urgent first.
    pub(super) fn foot_ui(&mut self, ui: &mut egui::Ui, commands: &mut Vec<UiCommand>, tokens: &DesignTokens) {
        let notices = self.notices();
        if notices.len() > self.num_notices {
            // What is new is said at once.
            (self.notice_at, self.told) = (0, None);
        }
        self.num_notices = notices.len();
        self.notice_at = self.notice_at.min(notices.len().saturating_sub(1));
        let Some(notice) = notices.get(self.notice_at).filter(|_| self.told.is_none()) else {
            let hints = self.views.of(self.panes.focus()).hints();
            bars::foot_ui(ui, &hints, self.told.as_deref(), tokens);
            return;
        };
        match notice_ui(ui, notice, (self.notice_at, notices.len()), tokens) {
            Some(NoticeAction::Follow(leads)) => self.follow(&ui.ctx().clone(), &leads),
            Some(NoticeAction::Run(command)) => commands.push(command),
            Some(NoticeAction::Next) => self.notice_at = (self.notice_at + 1) % notices.len(),
            Some(NoticeAction::Close) => self.close(notice),
            None => {}
        }
    }

    /// What has to be said, the most urgent first.
    fn notices(&self) -> Vec<Notice> {
        let stopped = self.engine_failure.as_ref().map(|failure| {
            let plain = [failure.as_str(), "What is shown is of before, and nothing is taken in until it runs again"];
            Notice::stopped("The engine has stopped", &plain, Some((UiCommand::RestartEngine, "Restart engine")))
        });
        let lab = match &self.lab {
            LabState::Well => None,
            LabState::Ended(how) => {
                let words = format!("The demo's lab has ended by itself ({}), and what is shown is of before", visible(how));
                Some(Notice::stopped(&words, &[], Some((UiCommand::RestartLab, "Start it again"))))
            }
            LabState::Starting => Some(Notice::stopped("The demo's lab is being started again…", &[], None)),
        };
        let lost = self.lost().into_iter().map(|part| {
            let name = match &part.leads {
                Some(Leads::Object(Target::Source(name))) => name.clone(),
                _ => LOST.to_owned(),
            };
            Notice { name: Some(name), lead: String::new(), parts: vec![part], is_bad: true, button: None }
        });
        let away = self.away.as_ref().map(|(for_ns, parts)| Notice {
            name: Some(AWAY.to_owned()),
            lead: format!("While you were away ({})", figures::age(*for_ns)),
            parts: parts.clone(),
            is_bad: false,
            button: None,
        });
        stopped.into_iter().chain(lab).chain(lost).chain(away).collect()
    }

    /// Connections that are lost, as far as nobody closed the line.
    pub(super) fn lost(&self) -> Vec<NoticePart> {
        notice::lost(&self.snapshot, &self.lost_closed, self.now_ns)
    }

    /// A notice was read.
    fn close(&mut self, notice: &Notice) {
        match notice.name.as_deref() {
            Some(AWAY) => self.away = None,
            Some(LOST) => self.lost_closed = notice::all_failed(&self.snapshot),
            Some(name) => self.lost_closed.extend(notice::all_failed(&self.snapshot).into_iter().filter(|(failed, _)| failed == name)),
            None => {}
        }
    }
}

/// What a notice is called that is about no one source.
const AWAY: &str = "while you were away";
const LOST: &str = "lost connections";
